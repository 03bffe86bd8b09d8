"""Keras's losses, activations and frozen layers are seen as ours are."""

import fanin
import numpy as np
import pytest

keras = pytest.importorskip("keras")

# Of how Keras's own variables become arrays under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 12)).astype("float32")
Y = RNG.integers(0, 4, 128)
T = X[:, :1]


def network(*end, loss):
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(32, "relu", kernel_initializer="he_normal", name="fc1")
    model = keras.Sequential([keras.Input((12,)), hidden, *end])
    model.compile("adam", loss)
    return model


def grave(report):
    return [(f.kind, f.layers) for f in report.findings if f.severity != "note"]


def out(*arguments):
    return keras.layers.Dense(*arguments, name="out")


SPARSE = keras.losses.SparseCategoricalCrossentropy


@pytest.mark.parametrize(
    ("end", "loss", "y", "kind"),
    [
        ((4, "softmax"), SPARSE(from_logits=True), Y, "softmax_twice"),
        ((4,), SPARSE(), Y, "loss"),
        ((1, "relu"), "mse", T, "output_activation"),
        ((1,), "mse", 3000 * T + 20000, "target_scale"),
        ((4, "softmax"), SPARSE(), 0 * Y + 1, "labels"),
    ],
)
def test_faults_are_named_and_their_fixes_mend(end, loss, y, kind):
    model = network(out(*end), loss=loss)
    report = fanin.diagnose(model, X, y)
    layers = () if kind in ("target_scale", "labels") else ("out",)
    assert grave(report)[0] == (kind, layers)
    if kind == "labels":
        return
    names = {"model": model, "keras": keras, "y": y}
    exec(report.findings[0].fix, names)
    assert grave(fanin.diagnose(model, X, names["y"])) == []


@pytest.mark.parametrize(
    ("end", "loss", "y"),
    [
        ((4, "softmax"), SPARSE(), Y),
        ((4,), SPARSE(from_logits=True), Y),
        ((1, "sigmoid"), "binary_crossentropy", (Y > 1).astype("float32")),
        ((1,), "mse", T),
    ],
)
def test_sound_ends(end, loss, y):
    assert grave(fanin.diagnose(network(out(*end), loss=loss), X, y)) == []


def test_targets_that_are_missing_are_named():
    t = T.copy()
    t[5] = np.nan
    with pytest.raises(ValueError, match=r"^y: expected finite numbers, found nan at \[5, 0\]"):
        fanin.diagnose(network(out(1), loss="mse"), X, t)


def test_frozen_layers():
    model = network(out(4, "softmax"), loss=SPARSE())
    model.get_layer("fc1").trainable = False
    report = fanin.diagnose(model, X, Y)
    assert report.healthy
    assert ("frozen", ("fc1",)) in [(f.kind, f.layers) for f in report.findings]
    model.trainable = False
    report = fanin.diagnose(model, X, Y)
    assert grave(report) == [("frozen", ("fc1", "out"))]
    assert report.ending.trained == 0
    exec(report.findings[0].fix, {"model": model})
    assert fanin.diagnose(model, X, Y).healthy
