"""Faults seen in use, what is not there (S2, N7): it says so, and what to use instead."""

import importlib
import inspect
import pkgutil

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, losses, metrics, optimizers
from refusals import assert_refused, outcome

X = np.zeros((4, 2), "float32")
Y = np.zeros((4, 1), "float32")

# Public-looking modules whose names nobody would look for: they run, are parts of others, or are
# old names.
PARTS = {"fanin.cli", "fanin.foreign", "fanin.initializers.keras", "fanin.keras", "fanin.show"}
PACKAGES = ("fanin", "fanin.optimizers", "fanin.datasets")
MODULES = [
    "fanin",
    *(
        f"{package}.{found.name}"
        for package in PACKAGES
        for found in pkgutil.iter_modules(importlib.import_module(package).__path__)
        if not found.name.startswith("_") and f"{package}.{found.name}" not in PARTS
    ),
]
# Asked for every batch or layer, so that Python's own words have to do.
UNGUARDED = {
    "at",
    "backward",
    "forward",
    "get",
    "is_trained",
    "known_shape",
    "learning_rates",
    "overrides",
    "plan_for",
    "ready",
    "resolve",
    "rows",
    "settings",
    "slot_names",
    "step",
    "take",
}


def module(name):
    return importlib.import_module(name)


def compiled():
    model = fanin.Sequential([layers.Dense(1, input_dim=2)], rng=0)
    model.compile("sgd", "mse")
    return model


def table(name):
    """Return a table of what is absent, by names; None where there are no tables."""
    try:
        return getattr(
            module(f"fanin._absences.{'members' if name == 'MEMBERS' else 'names'}"), name
        )
    except ImportError:
        return None


def spread(rows):
    return {name: reason for reason, names in rows for name in names.split()}


def run(source):
    exec(source, {})


def names_of(path):
    return getattr(module(path), "__all__", None) or [
        name for name in vars(module(path)) if not name.startswith("_")
    ]


# Names of modules.

IMPORTED = [
    "fanin.Functional",
    "fanin.layers.Conv2D",
    "fanin.layers.ReversibleEmbedding",
    "fanin.layers.LSTM",
    "fanin.layers.SpectralNormalization",
    "fanin.layers.MaxPooling2D",
    "fanin.losses.CTC",
    "fanin.metrics.MeanIoU",
    "fanin.optimizers.LossScaleOptimizer",
    "fanin.optimizers.schedules.OneCycleLR",
    "fanin.callbacks.BackupAndRestore",
    "fanin.activations.glu",
    "fanin.initializers.STFT",
    "fanin.utils.model_to_dot",
    "fanin.models.Functional",
    "fanin.models.model_from_yaml",
    "fanin.backend.batch_get_value",
    "fanin.backend.update",
    "fanin.random.categorical",
]


@pytest.mark.parametrize("path", IMPORTED)
def test_field_S2_what_scripts_only_import_fails_when_it_is_used(path):
    parent, _, name = path.rpartition(".")
    assert outcome(lambda: run(f"from {parent} import {name}")) is None, "it imports"
    absent = getattr(module(parent), name, None)
    assert f"there is no {path}: " in repr(absent)
    assert_refused(lambda: absent(1, units=2), NotImplementedError, f"there is no {path}: ")
    assert_refused(lambda: type(name, (), {})() and absent(), NotImplementedError, path)
    assert_refused(
        lambda: exec("class Mine(Theirs): pass", {"Theirs": absent}), NotImplementedError, path
    )
    assert_refused(lambda: absent.from_config, AttributeError, f"there is no {path}: ")


def test_field_S2_every_name_of_the_tables_says_so():
    found, there = table("NAMES"), table("MODULES")
    assert found is not None, "there is a table of what is not there"
    walked = 0
    for parent, rows in [*found.items(), *there.items()]:
        path = f"fanin.{parent}".rstrip(".")
        if outcome(lambda path=path: module(path)) is not None:
            continue  # what it has is not there with it
        for name, reason in spread(rows).items():
            walked += 1
            text = f"there is no {path}.{name}: {reason}"
            absent = getattr(module(path), name)
            assert repr(absent) == f"<{text}>"
            assert_refused(absent, NotImplementedError, text)
            assert name not in dir(module(path)), "nothing suggests it"
            assert name not in names_of(path)
    assert walked > 700


def test_field_S2_star_imports_bring_nothing_that_is_absent():
    assert outcome(lambda: layers.Conv2D) is None
    space = {}
    exec("from fanin.layers import *", space)
    assert "Dense" in space
    assert "Conv2D" not in space


def test_field_S2_nothing_is_an_instance_of_what_is_absent():
    absent = getattr(layers, "Conv2D", None)
    assert outcome(lambda: isinstance(layers.Dense(1), absent)) is None
    assert not isinstance(layers.Dense(1), absent)
    assert isinstance(layers.Dense(1), (absent, layers.Dense))
    assert not issubclass(layers.Dense, absent)
    assert outcome(lambda: absent | None) is None, "annotations mention it"


STATEMENTS = {
    "import fanin.applications": ("fanin.applications", "dense networks"),
    "from fanin.preprocessing.image import ImageDataGenerator": ("fanin.preprocessing", "NumPy"),
    "import fanin.linalg": ("fanin.linalg", "NumPy"),
    "import fanin.mixed_precision": ("fanin.mixed_precision", "dtype"),
    "import fanin.distribution": ("fanin.distribution", "set_num_threads"),
    "from fanin.wrappers.scikit_learn import KerasClassifier": ("fanin.wrappers", "predict"),
    "import fanin.legacy": ("fanin.legacy", "old versions"),
    "import fanin.src.layers": ("fanin.src", "fanin.layers"),
    "import fanin.tree": ("fanin.tree", "lists and dicts"),
    "from fanin.layers.recurrent import LSTM": ("fanin.layers.recurrent", "no recurrent layers"),
    "from fanin.keras.layers.convolutional import Conv2D": ("layers.convolutional", "no conv"),
    "import fanin.keras.applications.vgg16": ("fanin.applications", "dense networks"),
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_field_S2_importing_an_absent_module_says_so(statement):
    assert_refused(lambda: run(statement), ModuleNotFoundError, *STATEMENTS[statement])


@pytest.mark.parametrize(
    ("parent", "name", "used", "word"),
    [
        ("fanin", "applications", "VGG16", "dense networks"),
        ("fanin", "linalg", "norm", "NumPy"),
        ("fanin.layers", "pooling", "MaxPooling2D", "no pooling"),
    ],
)
def test_field_S2_an_absent_module_is_imported_by_name_and_fails_when_used(
    parent, name, used, word
):
    assert outcome(lambda: run(f"from {parent} import {name}")) is None
    absent = getattr(module(parent), name)
    assert_refused(lambda: getattr(absent, used)(0.1), NotImplementedError, used, word)


TYPOS = {
    "fanin.Sequentail": "Sequential",
    "fanin.optimisers": "optimizers",
    "fanin.layers.Dens": "Dense",
    "fanin.metrics.BinaryAcuracy": "BinaryAccuracy",
    "fanin.optimizers.schedules.ExponentalDecay": "ExponentialDecay",
    "fanin.init.kaiming_normal__": "kaiming_normal_",
}


@pytest.mark.parametrize("path", TYPOS)
def test_field_S2_a_mistyped_name_is_told_which_was_meant(path):
    parent, _, name = path.rpartition(".")
    hint = f"did you mean {TYPOS[path]!r}?"
    assert_refused(lambda: getattr(module(parent), name), AttributeError, parent, name, hint)
    assert not hasattr(module(parent), name)
    assert_refused(lambda: run(f"from {parent} import {name}"), ImportError, name, hint)
    assert_refused(lambda: run(f"import {path}"), ModuleNotFoundError, name, hint)


@pytest.mark.parametrize("path", MODULES)
def test_field_S2_every_public_module_answers(path):
    meant = max(names_of(path), key=len)
    assert_refused(
        lambda: getattr(module(path), f"{meant}x"), AttributeError, f"did you mean {meant!r}?"
    )


# Names in registries.

REGISTRIES = {
    "loss": ("losses", losses.get),
    "metric": ("metrics", metrics.get),
    "optimizer": ("optimizers", optimizers.get),
    "layer": ("layers", lambda name: layers.deserialize({"class_name": name, "config": {}})),
    "activation": ("activations", fanin.activations.get),
    "initializer": ("initializers", fanin.initializers.get),
}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_field_S2_names_that_no_registry_holds_say_so(kind):
    found = table("NAMES")
    assert found is not None
    where, get = REGISTRIES[kind]
    for name in spread(found[where]):
        if outcome(lambda name=name: get(name)) is None:
            continue  # 'mean_squared_error' is a function of losses and the name of a metric
        for spelling in (name, name.upper()):
            assert_refused(
                lambda s=spelling: get(s), ValueError, f"there is no {kind} {spelling!r}"
            )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: losses.get("nll"), ["loss 'nll'", "categorical_crossentropy"]),
        (lambda: compiled().compile("sgd", "dice"), ["loss 'dice'", "dense networks"]),
        (lambda: compiled().compile("radam", "mse"), ["optimizer 'radam'", "AdamW"]),
        (lambda: compiled().compile("sgd", "mse", metrics=["MeanIoU"]), ["'MeanIoU'", "predict"]),
        (lambda: layers.Dense(1, "glu"), ["activation 'glu'", "halves"]),
        (lambda: losses.get("cce"), ["loss 'cce'", "categorical_crossentropy"]),
    ],
)
def test_field_S2_a_name_that_keras_has_says_what_to_use(call, words):
    assert_refused(call, ValueError, "there is no ", *words)


@pytest.mark.parametrize("name", ["cce", "mce", "bcs"])
def test_field_S2_a_name_of_three_letters_is_no_other_one(name):
    assert "did you mean" not in str(outcome(lambda: losses.get(name)))


# Methods and attributes.

MEMBERS = {
    "model": (fanin.Sequential, "train_step to_yaml partial_fit predict_proba score"),
    "layer": (layers.Dense, "get_output_at lora_rank W"),
    "optimizer": (optimizers.Adam, "lr apply_gradients variables param_groups"),
    "loss": (losses.MeanSquaredError, "fn"),
    "metric": (metrics.MeanSquaredError, "reset_states variables"),
    "callback": (callbacks.EarlyStopping, "monitor_op"),
    "initializer": (fanin.initializers.HeNormal, "input_axes"),
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_field_S2_what_other_libraries_objects_have_is_told(kind):
    cls, names = MEMBERS[kind]
    absent = getattr(fanin, "_absent", None)
    rows = table("MEMBERS")
    assert rows is not None, "there is a table"
    for name in {*spread(rows[kind]), *names.split()}:
        assert not hasattr(cls, name), name
        error = absent.attribute(cls.__name__, name, dir(cls))
        assert isinstance(error, AttributeError)
        start = f"{cls.__name__} has no attribute {name!r}: "
        assert str(error).startswith(start)
        assert len(str(error)) > len(start) + 10


# Arguments.


@pytest.mark.parametrize(
    ("call", "owner", "words"),
    [
        # Keras 1 and 2.
        (lambda: layers.Dense(6, border_mode="same"), "Dense", "no convolutions"),
        (lambda: compiled().fit(X, Y, samples_per_epoch=3), "Sequential.fit", "steps_per_epoch"),
        # torch and scikit-learn.
        (lambda: layers.Dense(6, bias=False), "Dense", "it is called use_bias"),
        (lambda: layers.Dense(6, in_features=3), "Dense", "input_dim"),
        (lambda: layers.BatchNormalization(eps=1e-3), "BatchNormalization", "called epsilon"),
        (lambda: optimizers.Adam(betas=(0.9, 0.99)), "Adam", "beta_1 and beta_2"),
        (lambda: optimizers.Adam(eps=1e-8), "Adam", "it is called epsilon"),
        (lambda: optimizers.RMSprop(alpha=0.9), "RMSprop", "it is called rho"),
        (lambda: compiled().fit(X, Y, max_iter=3), "Sequential.fit", "it is called epochs"),
        (lambda: fanin.Sequential(random_state=0), "Sequential", "it is called rng"),
        (lambda: fanin.compare(hidden_layer_sizes=(3,)), "compare", "it is called hidden"),
        # Mistyped.
        (lambda: compiled().fit(X, Y, epoch=3), "Sequential.fit", "it is called epochs"),
        (lambda: compiled().evaluate(X, Y, batchsize=3), "Sequential.evaluate", "'batch_size'"),
        (lambda: compiled().predict(X, verbos=0), "Sequential.predict", "'verbose'"),
        (lambda: compiled().compile("sgd", los="mse"), "Sequential.compile", "'loss'"),
        (lambda: fanin.fit_many([compiled()], X, Y, epohcs=1), "fit_many", "'epochs'"),
        (lambda: fanin.compare(seed=1), "compare", "it is called seeds"),
        (lambda: fanin.diagnose(compiled(), X, trainig=True), "diagnose", "'training'"),
        (lambda: fanin.recommend(compiled(), activaton="relu"), "recommend", "'activation'"),
        (lambda: fanin.lsuv(compiled(), X, initialiser="he"), "lsuv", "'initializer'"),
        (lambda: fanin.initialize(compiled(), sed=1), "initialize", "'seed'"),
        (lambda: fanin.init.uniform_(X, low=0.0), "uniform_", "it is called a"),
        (lambda: fanin.theory.predict(compiled(), X, bath=3), "predict", "'batch'"),
        (lambda: fanin.datasets.fashion_mnist.load_data(sizes="small"), "load_data", "'size'"),
        (lambda: callbacks.EarlyStopping(patiens=3), "EarlyStopping", "'patience'"),
        (lambda: losses.MeanSquaredError(reducton="sum"), "MeanSquaredError", "'reduction'"),
    ],
)
def test_field_N7_an_argument_that_nothing_takes_is_named_with_what_to_use(call, owner, words):
    assert_refused(call, TypeError, f"{owner} got an unexpected keyword argument ", words)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fanin.he_init((2, 3), 0), ["he_init takes 1 positional argument (shape)", "rng"]),
        (lambda: compiled().summary(*range(9)), ["Sequential.summary takes ", "found 9"]),
        (lambda: fanin.utils.set_random_seed(1, 2), ["set_random_seed takes 1 ", "found 2"]),
        (lambda: fanin.Sequential([], "name", 0), ["Sequential", "layers, name"]),
    ],
)
def test_field_N7_too_many_arguments_are_counted(call, words):
    assert_refused(call, TypeError, *words)


def functions():
    """Walk the functions and methods that users call by name of an argument."""
    for path in MODULES:
        for name in names_of(path):
            value = getattr(module(path), name)
            if inspect.isfunction(value) and name not in UNGUARDED:
                yield f"{path}.{name}", value.__name__, value, ()
            elif inspect.isclass(value) and not inspect.isabstract(value):
                for method, member in inspect.getmembers(value, inspect.isfunction):
                    public = not method.startswith(("_", "on_")) and method not in UNGUARDED
                    if public and member.__module__.startswith("fanin."):
                        first = (object.__new__(value),)
                        yield f"{path}.{name}.{method}", f"{value.__name__}.{method}", member, first


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's old names warn first
def test_field_N7_every_public_function_tells_which_argument_was_meant():
    walked, silent = 0, []
    for path, owner, function, first in functions():
        parameters = list(inspect.signature(function).parameters.values())[len(first) :]
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            continue  # it looks at them itself
        meant = max([p.name for p in parameters if p.name], key=len, default="")
        if len(meant) < 3:
            continue
        walked += 1
        error = outcome(lambda f=function, m=meant, a=first: f(*a, **{f"{m}x": 1}))
        said = isinstance(error, TypeError) and f"did you mean {meant!r}?" in str(error)
        if not said or not str(error).startswith(owner):
            silent.append(f"{path}: {error}")
    assert not silent
    assert walked > 100


# The commonest lines of old scripts.


def test_field_N7_metrics_in_the_place_of_loss_weights_are_told_apart():
    model = fanin.Sequential([layers.Dense(1)])
    assert_refused(
        lambda: model.compile("adam", "mse", ["mae"]), ValueError, "loss_weights: ", "metrics=["
    )
    assert not model.compiled
    error = outcome(lambda: model.compile("adam", "mse", weighted_metrics="mae"))
    assert isinstance(error, TypeError)
    assert "loss_weights" not in str(error)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("mse", "it is called loss"),
        ("accuracyy", "did you mean 'accuracy'?"),
        ("f1", "there are accuracy, loss, val_"),
    ],
)
def test_field_N7_a_history_says_what_a_missing_value_is_called(key, words):
    model = compiled()
    loss = fanin.losses.BinaryCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    history = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert_refused(lambda: history[key], KeyError, repr(key)[1:-1], words)


def test_field_N7_a_history_without_validation_says_so():
    history = compiled().fit(X, Y, verbose=0).history
    assert_refused(lambda: history["val_loss"], KeyError, "no validation data")
    assert_refused(lambda: callbacks.History().history["loss"], KeyError, "no epoch was trained")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fanin.backend.batch_get_value([X]), "use the array itself"),
        (lambda: fanin.backend.batch_set_value([(X, Y)]), "array[...] = value"),
        (lambda: fanin.models.model_from_yaml("{}"), "from_config"),
        (lambda: fanin.wrappers.scikit_learn.KerasClassifier(), "predict"),
    ],
)
def test_field_N7_the_commonest_lines_of_old_scripts_say_what_to_write(call, words):
    assert_refused(call, NotImplementedError, words)
