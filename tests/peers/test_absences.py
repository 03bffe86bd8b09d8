"""What Keras, torch and scikit-learn have is in fanin, or says that it is not."""

import ast
import importlib
import inspect
import os
import warnings
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import fanin
import pytest
from fanin._absences import _reasons
from fanin._members import _signatures
from fanin._members._member import Member
from refusals import outcome

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

MODULES = [
    "",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "optimizers.schedules",
    "callbacks",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "utils",
    "models",
    "backend",
    "ops",
    "datasets",
    "random",
    "config",
    "saving",
    "tree",
    "distribution",
    "dtype_policies",
    "mixed_precision",
    "preprocessing",
    "applications",
    "wrappers",
    "legacy",
    "quantizers",
    "visualization",
    "export",
]


def public(module):
    return {name for name in dir(module) if not name.startswith("_")}


def of_tensorflow(module):
    """Return the names of `tf.keras`, which keeps old ones; importing it needs TensorFlow."""
    path = Path(keras.__file__).parent / "_tf_keras/keras" / module.replace(".", "/")
    if not (path / "__init__.py").exists():
        return set()
    tree = ast.parse((path / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def silent(path, names):
    """Return those of `names` that `fanin.path` neither has nor knows to be absent."""
    owner = fanin
    for part in filter(None, path.split(".")):
        owner = getattr(owner, part)
    return sorted(name for name in names if not name.startswith("_") and not hasattr(owner, name))


@pytest.mark.filterwarnings("ignore:.* is an old name:FutureWarning")
@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_keras_is_there_or_says_so(module):
    theirs = importlib.import_module(f"keras.{module}".rstrip("."))
    assert not silent(module, public(theirs) | of_tensorflow(module))


def test_every_function_of_torchs_init_is_there():
    functions = dict(inspect.getmembers(torch.nn.init, inspect.isfunction))
    theirs = {name for name, f in functions.items() if f.__module__ == "torch.nn.init"}
    assert len(theirs) > 20
    assert {n for n in theirs if not n.startswith("_")} <= set(fanin.init.__all__)


def test_every_optimizer_and_schedule_of_torch_is_there_or_says_so():
    classes = [n for n, _ in inspect.getmembers(torch.optim, inspect.isclass)]
    assert not silent("optimizers", classes)
    schedules = [
        name
        for name, value in inspect.getmembers(torch.optim.lr_scheduler, inspect.isclass)
        if issubclass(value, torch.optim.lr_scheduler.LRScheduler) and not name.startswith("_")
    ]
    assert len(schedules) > 10
    assert not silent("optimizers.schedules", schedules)


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("activations", "activation"),
        ("losses", "loss"),
        ("metrics", "metric"),
        ("optimizers", "optimizer"),
    ],
)
def test_every_name_that_a_registry_of_keras_has_is_there_or_says_so(module, kind):
    registry = importlib.import_module(f"keras.src.{module}").ALL_OBJECTS_DICT
    get = importlib.import_module(f"fanin.{module}").get
    assert len(registry) > 10
    for name in registry:
        if name.lower() in (kind, "accuracy", "lossfunctionwrapper"):
            continue  # base classes; "accuracy" has a meaning in compile
        error = outcome(lambda name=name: get(name))
        told = str(error).startswith(f"there is no {kind} {name!r}: ")
        # Some need an argument, as in Keras.
        assert error is None or told or "required positional argument" in str(error), name


def built(library):
    """Return one object of each kind, made by Keras or by fanin."""
    model = library.Sequential([library.layers.Input((2,)), library.layers.Dense(1)])
    model.compile("adam", "mse")
    normalization = library.layers.BatchNormalization()
    normalization.build((None, 2))
    schedule = library.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    return {
        "model": model,
        "layer": model.layers[0],
        "normalization": normalization,
        "optimizer": model.optimizer,
        "loss": library.losses.MeanSquaredError(),
        "metric": library.metrics.BinaryAccuracy(),
        "callback": library.callbacks.EarlyStopping(),
        "initializer": library.initializers.HeNormal(),
        "schedule": schedule,
    }


@pytest.mark.parametrize("kind", built(fanin))
def test_every_attribute_of_keras_objects_is_there_or_says_so(kind):
    theirs, ours = built(keras)[kind], built(fanin)[kind]
    for name in public(theirs) - public(ours):
        error = _reasons.attribute(type(ours).__name__, name, dir(ours))
        assert f"has no attribute {name!r}: " in str(error)


def test_what_a_fitted_network_of_scikit_learn_has_says_so():
    neural = pytest.importorskip("sklearn.neural_network")
    theirs = neural.MLPClassifier(max_iter=1)
    with warnings.catch_warnings(action="ignore"):
        theirs.fit([[0.0], [1.0]] * 20, [0, 1] * 20)
    told = {name for name in vars(theirs) if name.endswith("_") and name[0] != "_"} | {
        "partial_fit",
        "predict_proba",
        "predict_log_proba",
        "score",
        "get_params",
        "set_params",
    }
    model = fanin.Sequential([])
    for name in told:
        error = _reasons.attribute("Sequential", name, dir(model))
        assert f"has no attribute {name!r}: " in str(error)


def arguments(function):
    parameters = inspect.signature(function).parameters.values()
    return {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


CALLS = [
    *(f"layers.{name}" for name in fanin.layers.__all__ if name not in ("Layer",)),
    *(f"losses.{name}" for name in fanin.losses.__all__ if hasattr(keras.losses, name)),
    *(f"metrics.{name}" for name in fanin.metrics.__all__ if name != "resolve"),
    *(f"optimizers.{name}" for name in fanin.optimizers.__all__ if name != "schedules"),
    *(f"optimizers.schedules.{name}" for name in fanin.optimizers.schedules.__all__),
    *(f"callbacks.{name}" for name in fanin.callbacks.__all__ if "Signal" not in name),
    *(f"activations.{name}" for name in fanin.activations.__all__),
    *(f"models.{name}" for name in fanin.models.__all__),
    "utils.to_categorical",
    "utils.normalize",
    *(f"Sequential.{name}" for name in ("fit", "evaluate", "predict", "compile", "summary")),
    *(f"Sequential.{name}" for name in ("save", "save_weights", "load_weights")),
    *(f"Sequential.{name}" for name in ("add", "pop", "get_layer", "build")),
]


PASSED_ON = {  # by **kwargs
    "layers.Input": {"name", "batch_shape"},
    "layers.Dense": {"activity_regularizer"},
}


@pytest.mark.parametrize("path", CALLS)
def test_every_argument_of_keras_is_taken_or_says_why_not(path):
    theirs, ours = keras, fanin
    for part in path.split("."):
        theirs, ours = getattr(theirs, part), getattr(ours, part)
    known = arguments(ours) | PASSED_ON.get(path, set())
    if isinstance(ours, type) and issubclass(ours, Member):
        known |= {*_signatures.names(ours)}  # of a class with those that it passes on
    for name in arguments(theirs) - known - {"self"}:
        text = str(_reasons.argument(path, name, known))
        assert f"unexpected keyword argument {name!r}: " in text


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_every_argument_of_torchs_optimizers_says_what_it_is_here(name):
    ours = getattr(fanin.optimizers, name)
    for argument in arguments(getattr(torch.optim, name)) - arguments(ours):
        assert ": " in str(_reasons.argument(name, argument, arguments(ours)))


@pytest.mark.parametrize(
    ("theirs", "ours"), [("Linear", "Dense"), ("BatchNorm1d", "BatchNormalization")]
)
def test_every_argument_of_torchs_layers_says_what_it_is_here(theirs, ours):
    known = arguments(getattr(fanin.layers, ours)) | arguments(fanin.layers.Layer)
    for argument in arguments(getattr(torch.nn, theirs)) - known:
        assert ": " in str(_reasons.argument(ours, argument, known))
