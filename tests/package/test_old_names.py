"""Lines of Keras 1 and 2 and of TensorFlow run with fanin in their import lines."""

import importlib
import subprocess
import sys
import warnings

import fanin
import numpy as np
import pytest
from fanin import backend, layers, optimizers
from fanin._absences import _absent, _calls, old_names
from fanin.callbacks import History
from fanin.errors import ShapeError
from refusals import assert_refused

X = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3)
Y = (X.sum(1, keepdims=True) > 0).astype("float32")


def run(source):
    space = {}
    exec(source, space)
    return space


def run_alone(source):
    """Run lines in a new process, where no other module was imported before."""
    subprocess.run([sys.executable, "-W", "error", "-c", source], check=True)


# One line for each style that public scripts import Keras in: docs/scope.toml.
STYLES = [
    "import fanin as tf; Dense = tf.keras.layers.Dense",
    "import fanin as keras; Dense = keras.layers.Dense",
    "from fanin import keras; Dense = keras.layers.Dense",
    "import fanin.keras as keras; Dense = keras.layers.Dense",
    "import fanin.keras; Dense = fanin.keras.layers.Dense",
    "from fanin.layers import Dense",
    "from fanin.keras.layers import Dense",
    "from fanin.keras import layers; Dense = layers.Dense",
    "import fanin.keras.layers as kl; Dense = kl.Dense",
    "import fanin.keras.layers; Dense = fanin.keras.layers.Dense",
    "from fanin.keras import *; Dense = layers.Dense",
    "from fanin.keras.layers import *",
]


@pytest.mark.parametrize("line", STYLES)
def test_every_style_of_import_gives_the_one_class(line):
    assert run(line)["Dense"] is layers.Dense


@pytest.mark.parametrize("line", STYLES)
def test_a_style_of_import_needs_no_other_before(line):
    run_alone(f"{line}\nimport fanin\nassert Dense is fanin.layers.Dense")


@pytest.mark.parametrize(
    "path",
    [
        "optimizers.schedules",
        "datasets.fashion_mnist",
        "backend",
        "utils",
        "callbacks",
        "models",
        "ops",
    ],
)
def test_there_is_one_module_of_each_kind(path):
    # Python would load a second copy of what is in the folder of a module with two names.
    run_alone(
        f"import fanin.keras.{path} as first\nimport fanin.{path} as second\n"
        "assert first is second\nimport sys\n"
        "assert not [n for n, m in sys.modules.items() if n.startswith('fanin.keras.')"
        " and m.__name__.startswith('fanin.keras')]"
    )


def test_what_is_not_below_keras_says_so():
    assert_refused(lambda: run("import fanin.keras.zzz"), ModuleNotFoundError, "fanin.zzz")
    assert_refused(lambda: run("import fanin.keras.src"), ModuleNotFoundError, "fanin.src")
    assert_refused(lambda: fanin.keras.optimisers, AttributeError, "did you mean 'optimizers'?")
    assert isinstance(fanin.keras.layers.Conv2D, _absent.Absent)
    assert fanin.keras.__version__ == fanin.__version__
    assert "layers" in dir(fanin.keras)
    assert not hasattr(fanin.keras, "__wrapped__")


@pytest.mark.parametrize("old", old_names.MODULES)
def test_an_old_module_is_the_new_one_and_warns(old):
    new = importlib.import_module(f"fanin.{old_names.MODULES[old]}")
    parent, _, name = f"fanin.{old}".rpartition(".")
    for line in (f"import fanin.{old} as found", f"from {parent} import {name} as found"):
        sys.modules.pop(f"fanin.{old}", None)
        vars(importlib.import_module(parent)).pop(name, None)
        with pytest.warns(FutureWarning, match=rf"fanin\.{old} is an old name.* {new.__name__}$"):
            found = run(line)["found"]
        assert found is new
    assert name not in dir(importlib.import_module(parent))


def test_the_warning_is_that_of_the_line():
    sys.modules.pop("fanin.layers.core", None)
    vars(layers).pop("core", None)
    with pytest.warns(FutureWarning) as caught:
        import fanin.layers.core  # noqa: F401
    assert caught[0].filename == __file__


ARGUMENTS = {
    "lr": (lambda: optimizers.Adam(lr=0.5), lambda: optimizers.Adam(0.5)),
    "output_dim": (lambda: layers.Dense(output_dim=6), lambda: layers.Dense(6)),
    "init": (
        lambda: layers.Dense(6, init="uniform"),
        lambda: layers.Dense(6, kernel_initializer="uniform"),
    ),
    "p": (lambda: layers.Dropout(p=0.25), lambda: layers.Dropout(0.25)),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_old_argument_means_the_new_one(name):
    old, new = ARGUMENTS[name]
    with pytest.warns(FutureWarning, match=f"{name} is the old name of "):
        found = old().get_config()
    expected = new().get_config()
    found.pop("name"), expected.pop("name")
    assert found == expected


def test_old_arguments_of_functions_and_methods():
    model = fanin.Sequential([layers.Dense(1, input_dim=3)])
    model.compile("sgd", "mse")
    with pytest.warns(FutureWarning, match=r"Sequential\.fit: nb_epoch is the old name of epochs"):
        history = model.fit(X, Y, nb_epoch=3, verbose=0)
    assert len(history.epoch) == 3
    with pytest.warns(FutureWarning, match="to_categorical: nb_classes"):
        assert fanin.utils.to_categorical([1], nb_classes=3).shape == (1, 3)
    value = fanin.Input((3,))
    with pytest.warns(FutureWarning, match="Model: (in|out)put is the old name"):
        model = fanin.Model(input=value, output=layers.Dense(2)(value))
    assert model.output_shape == (None, 2)


def test_an_old_argument_beside_the_new_one_is_refused():
    assert_refused(lambda: optimizers.SGD(0.1, lr=0.2), (TypeError, ValueError), "lr")
    assert_refused(lambda: layers.Dropout(rate=0.1, p=0.2), TypeError, "'p'")
    model = fanin.Sequential([layers.Dense(1, input_dim=3)])
    model.compile("sgd", "mse")
    assert_refused(lambda: model.fit(X, Y, epochs=1, nb_epoch=2), TypeError, "'nb_epoch'")
    # What is wrong beside it is what is told, and nothing ran.
    assert_refused(lambda: model.fit(X, Y, nb_epoch=2, epochz=1), TypeError, "epoch")
    assert not model.history


def test_a_class_of_ones_own_may_have_the_old_argument():
    class Mine(layers.Dense):
        def __init__(self, output_dim, **kwargs):
            super().__init__(output_dim, **kwargs)
            self.output_dim = output_dim

    with warnings.catch_warnings(action="error"):
        assert Mine(output_dim=3).units == 3


def test_new_names_are_never_old_ones():
    new = {name for words in _calls.OLD.values() for name in words.split()}
    assert not new & _calls.OLD.keys()
    assert not set(old_names.MODULES.values()) & old_names.MODULES.keys()


# What is recorded, and Keras's backend.


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("acc", "accuracy"),
        ("accuracy", "acc"),
        ("val_acc", "val_accuracy"),
        ("lr", "learning_rate"),
    ],
)
def test_an_old_key_of_the_history_is_the_new_one(asked, there):
    history = History()
    history.on_epoch_end(0, {"loss": 0.5, there: 0.25})
    with pytest.warns(FutureWarning, match=f"'{asked}' is recorded as '{there}'"):
        assert history.history[asked] == [0.25]
    assert asked not in history.history
    assert_refused(lambda: history.history["los"], KeyError, "did you mean 'loss'?")


def test_values_are_read_and_written_by_the_backend():
    model = fanin.Sequential([layers.Dense(1, input_dim=2, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(0.5), "mse")
    kernel = model.layers[0].kernel
    backend.set_value(kernel, [[1], [2]])
    read = backend.get_value(kernel)
    assert read.tolist() == model.layers[0].kernel.tolist() == [[1], [2]]
    read[:] = 0
    assert kernel.tolist() == [[1], [2]], "it was a copy"
    assert float(backend.get_value(model.optimizer.learning_rate)) == 0.5
    assert_refused(lambda: backend.set_value(kernel, [1, 2]), ShapeError, "(2, 1)", "(2,)")
    assert_refused(lambda: backend.set_value(kernel, "a"), TypeError, "value")
    assert_refused(lambda: backend.set_value(0.5, 1), TypeError, "learning_rate = value")
    assert_refused(lambda: backend.get_value("a"), TypeError, "x: ")
    assert kernel.tolist() == [[1], [2]]


A = np.array([[3.0, -1.0, 2.0], [0.5, 4.0, -2.0]], "float32")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda k: k.argmax(A), A.argmax(-1)),
        (lambda k: k.argmin(A), A.argmin(-1)),
        (lambda k: k.argmax(A, axis=0), A.argmax(0)),
        (lambda k: k.clip(A, min_value=0, max_value=2), A.clip(0, 2)),
        (lambda k: k.concatenate([A, A]), np.concatenate([A, A], -1)),
        (lambda k: k.concatenate([A, A], axis=0), np.concatenate([A, A], 0)),
        (lambda k: k.dot(A, A.T), A @ A.T),
        (lambda k: k.expand_dims(A), A[..., None]),
        (lambda k: k.expand_dims(A, 0), A[None]),
        (lambda k: k.int_shape(A), (2, 3)),
        (lambda k: k.ndim(A), 2),
        (lambda k: k.permute_dimensions(A, (1, 0)), A.T),
        (lambda k: k.pow(A, 2), A**2),
        (lambda k: k.mean(k.square(A), axis=-1), (A**2).mean(-1)),
        (lambda k: k.sum(k.abs(A), axis=0, keepdims=True), abs(A).sum(0, keepdims=True)),
        (lambda k: k.max(A, axis=1), A.max(1)),
    ],
)
def test_functions_of_the_backend_have_keras_arguments(call, expected):
    np.testing.assert_allclose(call(backend), expected, rtol=1e-6)


def test_a_loss_over_the_backend_is_compiled():
    def loss(y_true, y_pred):
        return backend.mean(backend.square(y_pred - y_true), axis=-1)

    ends = []
    for function in (loss, "mse"):
        model = fanin.Sequential([layers.Dense(1, input_dim=3)], rng=0)
        model.compile("sgd", function)
        ends.append(model.fit(X, Y, epochs=3, verbose=0, shuffle=False).history["loss"])
    np.testing.assert_allclose(*ends, rtol=1e-6)
