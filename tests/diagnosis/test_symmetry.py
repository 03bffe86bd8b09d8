"""Equal units: found, and shown by training to stay equal."""

import fanin
import numpy as np
import pytest
from fanin.initializers import Constant, HeNormal
from fanin.layers import Activation, BatchNormalization, Dense, Dropout
from fanin.optimizers import SGD, Adam

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)).astype("float32")
Y = RNG.integers(0, 3, 60)

OPTIMIZERS = {
    "SGD": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.1, momentum=0.9),
    "Adam": lambda: Adam(0.01),
}


def network(initializer, *, activation="tanh", normalized=False, outputs="he_normal"):
    layers = []
    for _ in range(2):
        layers.append(Dense(16, kernel_initializer=initializer))
        layers.extend([BatchNormalization()] if normalized else [])
        layers.append(Activation(activation))
    return fanin.Sequential([*layers, Dense(3, "softmax", kernel_initializer=outputs)], rng=0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("initializer", ["zeros", Constant(0.3), Constant(-0.01)])
def test_equal_weights_stay_equal_to_the_last_bit(initializer, normalized, optimizer):
    model = network(initializer, normalized=normalized, outputs=initializer)
    report = fanin.symmetry(model, X, Y, steps=30, optimizer=OPTIMIZERS[optimizer](), tolerance=0.0)
    for moment in (report.start, report.after):
        assert [(layer.units, layer.distinct, layer.free) for layer in moment[:2]] == [
            (16, 1, 1),
            (16, 1, 1),
        ]
    assert report.symmetric
    assert "16 units that act as 1" in report.verdict


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_random_weights_are_free(optimizer):
    report = fanin.symmetry(network("he_normal"), X, Y, steps=5, optimizer=OPTIMIZERS[optimizer]())
    assert not report.symmetric
    assert all(layer.free == layer.distinct == layer.units for layer in report.after)


def test_equal_units_with_different_outgoing_weights_part_in_one_step():
    report = fanin.symmetry(network(Constant(0.3), outputs="he_normal"), X, Y, steps=1)
    first, second, _ = report.start
    assert (first.distinct, first.free) == (1, 1)
    assert (second.distinct, second.free) == (1, 16)
    assert report.after[1].distinct == 16
    # Equal units send equal signals on, so those of the first layer get equal gradients for ever.
    assert report.tied_layers == [first.name]
    assert report.after[0].distinct == 1


def test_a_copied_unit_is_found_and_named():
    model = network("he_normal")
    model.build((None, 5))
    hidden, after = model.layers[0], model.layers[2]
    hidden.kernel[:, 7] = hidden.kernel[:, 2]
    after.kernel[7] = after.kernel[2]
    report = fanin.symmetry(model, X, Y, steps=20, optimizer="adam")
    for moment in (report.start, report.after):
        layer = moment[0]
        assert layer.units - layer.free == 1
        assert layer.tied[7] == layer.groups[7] == 2
    # A copy with other outgoing weights is not tied.
    after.kernel[7] *= -1
    assert fanin.symmetry(model, X, Y).start[0].free == 16


def test_dropout_tells_equal_units_apart():
    layers = [Dense(16, "tanh", kernel_initializer="ones"), Dropout(0.5, seed=1)]
    model = fanin.Sequential([*layers, Dense(3, "softmax", kernel_initializer="ones")], rng=0)
    assert fanin.symmetry(model, X, Y).start[0].free > 1


def test_the_tolerance_is_relative_to_the_largest_weight():
    model = network("zeros")
    model.build((None, 5))
    model.layers[0].kernel[...] = 100.0
    model.layers[0].kernel[:, 3] += 1e-3
    assert fanin.symmetry(model, X, tolerance=0.0).start[0].distinct == 2
    assert fanin.symmetry(model, X, tolerance=1e-4).start[0].distinct == 1


def test_equal_kernels_of_two_layers_are_named():
    shared = HeNormal(seed=3)
    model = fanin.Sequential(
        [Dense(5, name="a", kernel_initializer=shared), Dense(5, name="b"), Dense(5, name="c")],
        rng=0,
    )
    model.build((None, 5))
    # Keras draws the same matrix for both from one seeded object; here each layer has its own.
    model.layers[1].kernel[...] = shared((5, 5), "float32")
    model.layers[2].kernel[...] = shared((5, 5), "float32")
    assert fanin.symmetry(model, X).shared == [("b", "c")]


def test_the_model_does_not_change():
    model = network("he_normal", normalized=True)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.build((None, 5))
    before = [array.copy() for array in model.weights]
    report = fanin.symmetry(model, X, Y, steps=3)
    assert report.optimizer == "Adam"
    assert model.optimizer is not None
    for was, now in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(was, now)
    assert model.compiled_with.iterations == 0


def test_steps_do_not_depend_on_threads():
    one, two = (
        fanin.symmetry(network("he_normal"), X, Y, steps=5, threads=n, tolerance=0.0).after
        for n in (1, 2)
    )
    assert [layer.groups.tolist() for layer in one] == [layer.groups.tolist() for layer in two]


def test_the_text_says_it_in_words():
    report = fanin.symmetry(network("ones", outputs="ones"), X, Y, steps=10)
    text = str(report)
    assert "after 10 of SGD" in text
    assert "Units are tied after 10 steps of SGD" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": -1}, "steps"),
        ({"steps": 1.5}, "steps"),
        ({"steps": 3}, "without y"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"y": Y[:5]}, "y"),
        ({"y": Y, "optimizer": "adamm", "steps": 1}, "adam"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fanin.symmetry(network("ones"), X, **arguments)
