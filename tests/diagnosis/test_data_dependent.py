"""Initialization from data: exact in one pass, and nothing is lost where it cannot be done."""

import fanin
import numpy as np
import pytest
from fanin.data_dependent import data_dependent, lsuv, weight_norm
from fanin.errors import ShapeError
from fanin.layers import Activation, BatchNormalization, Dense, Dropout

X = np.random.default_rng(0).normal(0.5, 2.0, size=(256, 30)).astype("float32")


def network(depth=10, activation="relu", **options):
    layers = [Dense(40, activation, name=f"d{i}", **options) for i in range(depth)]
    return fanin.Sequential([*layers, Dense(5, "softmax", name="out")], rng=0)


def outputs(model):
    """What each Dense computes before its activation, measured by the diagnosis."""
    return [layer.signal for layer in fanin.diagnose(model, X).layers if layer.kind == "dense"]


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu"])
@pytest.mark.parametrize("initializer", ["orthogonal", "he_normal", None])
def test_lsuv_reaches_one_in_a_single_pass_over_fifty_layers(activation, initializer):
    model = network(50, activation)
    scales = lsuv(model, X, initializer=initializer, rng=1)
    for layer, signal in zip(scales.layers, outputs(model), strict=True):
        assert signal.std == pytest.approx(1.0, abs=1e-3)
        assert layer.after == pytest.approx(signal.std, abs=1e-3)


def test_lsuv_scales_the_orthogonal_matrices_of_its_seed():
    model, plain = network(), network()
    scales = lsuv(model, X, rng=3)
    plain.build((None, 30))
    fanin.initialize(plain, "orthogonal", rng=3)
    for layer, q, scale in zip(model.layers, plain.layers, scales.layers, strict=True):
        np.testing.assert_allclose(layer.kernel, q.kernel * scale.factor, rtol=1e-6)
        assert not layer.bias.any()


def test_lsuv_to_another_scale_and_centred():
    model = network()
    lsuv(model, X, std=0.3, centre=True, rng=0)
    for signal in outputs(model):
        assert signal.std == pytest.approx(0.3, rel=1e-3)
        assert signal.mean == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("initialize", [data_dependent, weight_norm])
def test_every_unit_gets_mean_0_and_variance_1(initialize):
    model = network(20, "tanh")
    initialize(model, X)
    for signal in outputs(model):
        np.testing.assert_allclose(signal.unit_mean, 0, atol=1e-4)
        np.testing.assert_allclose(signal.unit_std, 1, atol=1e-3)


def test_data_dependent_to_a_given_mean():
    model = network(5)
    data_dependent(model, X, mean=-0.5, std=2.0)
    for signal in outputs(model):
        np.testing.assert_allclose(signal.unit_mean, -0.5, atol=1e-3)
        np.testing.assert_allclose(signal.unit_std, 2, rtol=1e-3)


def test_layers_between_are_passed():
    layers = [Dense(20), BatchNormalization(), Activation("relu"), Dropout(0.1, seed=0), Dense(5)]
    model = fanin.Sequential(layers, rng=0)
    model.build((None, 30))
    state = model.state.copy()
    lsuv(model, X, rng=0)
    np.testing.assert_array_equal(model.state, state)
    found = fanin.diagnose(model, X)
    assert found.layers[0].signal.std == pytest.approx(1.0, abs=1e-3)
    assert found.layers[-1].signal.std == pytest.approx(1.0, abs=1e-3)


def test_a_deep_network_becomes_trainable():
    y = (X[:, 0] > 0.5).astype(int)
    accuracy = []
    for prepared in (False, True):
        model = network(12, "tanh", kernel_initializer=fanin.initializers.RandomNormal(stddev=0.02))
        model.compile(
            fanin.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        if prepared:
            lsuv(model, X, rng=0)
        history = model.fit(X, y, epochs=20, verbose=0, rng=0)
        accuracy.append(history.history["accuracy"][-1])
    assert accuracy[1] > 0.9 > accuracy[0]


@pytest.mark.parametrize("initialize", [lsuv, data_dependent, weight_norm])
def test_what_cannot_be_scaled_is_named_and_nothing_changes(initialize):
    model = network()
    model.build((None, 30))
    before = [array.copy() for array in model.weights]
    x = X.copy()
    # The spread of LSUV is over the units too, so that only zeros have none.
    for bad in [np.zeros_like(x)] if initialize is lsuv else [np.ones_like(x), x[:1]]:
        with pytest.raises(ValueError, match="d0 do not vary"):
            initialize(model, bad)
    x[3, 4] = np.nan
    with pytest.raises(ValueError, match="x"):
        initialize(model, x)
    for was, now in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(was, now)


def test_refusals():
    with pytest.raises(TypeError, match="model: expected"):
        lsuv(object(), X)
    with pytest.raises(ValueError, match="std"):
        lsuv(network(), X, std=0.0)
    with pytest.raises(ShapeError, match="x"):
        lsuv(network(), X[0])
    with pytest.raises(TypeError, match="d0 has no bias"):
        data_dependent(network(use_bias=False), X)
    with pytest.raises(ValueError, match=r"expected (one with parameters|at least one layer)"):
        lsuv(fanin.Sequential([Activation("relu")]), X)


def test_the_table_names_each_layer():
    text = str(lsuv(network(3), X, rng=0))
    assert "std before" in text
    assert "d2" in text
    assert max(map(len, text.splitlines())) <= 80
