"""BatchNormalization after training: precise statistics, folding, and the report."""

import copy

import fanin
import numpy as np
import pytest
from fanin.errors import ShapeError
from fanin.layers import Activation, BatchNormalization, Dense, Dropout, Flatten
from fanin.normalization import batch_norm_report, fold_batch_norm, recalibrate

RNG = np.random.default_rng(0)
X = RNG.normal(3.0, 5.0, size=(300, 8))
Y = RNG.integers(0, 3, 300)


def trained(dtype="float64", epochs=3):
    layers = [
        BatchNormalization(dtype=dtype), Dense(16, use_bias=False), BatchNormalization(scale=False),
        Activation("relu"), Dropout(0.2, seed=0), Dense(12, "tanh"),
        BatchNormalization(center=False), Dense(3, "softmax"),
    ]  # fmt: skip
    model = fanin.Sequential(layers, rng=0)
    model.compile(fanin.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=epochs, verbose=0, rng=0)
    return model


# Precise statistics.


def test_running_averages_become_those_of_the_data():
    model = trained()
    recalibrate(model, X)
    # Afterwards one batch of all of the data in training normalizes as inference does.
    layers = [layer for layer in copy.deepcopy(model.layers) if not isinstance(layer, Dropout)]
    quiet = fanin.Sequential(layers, rng=0)
    quiet.build((None, 8))
    state = quiet.state.copy()
    np.testing.assert_allclose(quiet(X, training=True), quiet(X), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(state[:8], X.mean(axis=0), rtol=1e-12)
    assert batch_norm_report(quiet, X).lagging == []


def test_parameters_stay_and_a_failure_leaves_all_as_it_was():
    model = trained()
    params, state = model.params.copy(), model.state.copy()
    model.recalibrate(X)
    np.testing.assert_array_equal(model.params, params)
    assert (model.state != state).any()
    state = model.state.copy()
    model.layers[1].kernel[0, 0] = np.inf
    with pytest.raises(ValueError, match="stay finite"):
        model.recalibrate(X)
    np.testing.assert_array_equal(model.state, state)
    with pytest.raises(ShapeError, match="x"):
        model.recalibrate(X[:, :3])


def test_statistics_are_exact_for_large_means():
    model = fanin.Sequential([BatchNormalization(dtype="float64")], rng=0)
    x = RNG.normal(1e6, 1.0, size=(1000, 4))
    model.recalibrate(x)
    np.testing.assert_allclose(model.layers[0].moving_variance, x.var(axis=0), rtol=1e-6)


# Folding.


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_folded_networks_predict_the_same(dtype, tolerance):
    model = trained(dtype)
    folded = fold_batch_norm(model)
    assert [type(layer).__name__ for layer in folded.layers] == [
        "Dense", "Activation", "Dropout", "Dense", "Dense"
    ]  # fmt: skip
    np.testing.assert_allclose(
        folded.predict(X, verbose=0), model.predict(X, verbose=0), atol=tolerance
    )
    assert folded.count_params() < model.count_params()


def test_the_model_stays_and_shares_nothing():
    model = trained()
    before = [array.copy() for array in model.weights]
    folded = fold_batch_norm(model)
    for array in folded.weights:
        array[...] = 0
    for was, now in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(was, now)


def test_what_cannot_be_folded_stays():
    layers = [Dense(6, "relu"), BatchNormalization(), Activation("tanh"), Flatten(), Dense(2)]
    model = fanin.Sequential(layers, rng=0)
    model.build((None, 8))
    model.recalibrate(X)
    folded = fold_batch_norm(model)
    assert any(isinstance(layer, BatchNormalization) for layer in folded.layers)
    np.testing.assert_allclose(folded(X), model(X), atol=1e-6)


def test_a_network_that_is_not_built_cannot_be_folded():
    with pytest.raises(ValueError, match="not built"):
        fold_batch_norm(fanin.Sequential([Dense(3), BatchNormalization()]))


# The report.


def test_the_report_measures_what_lags():
    model = trained()
    assert batch_norm_report(model, 10 * X + 100).lagging[0] == model.layers[0].name
    first = batch_norm_report(model, X).layers[0]
    x_std = X.std(axis=0)
    shift = (model.layers[0].moving_mean - X.mean(axis=0)) / x_std
    assert first.shift == pytest.approx(np.sqrt((shift**2).mean()), rel=1e-9)
    ratio = np.log(model.layers[0].moving_variance / x_std**2).mean()
    assert first.spread == pytest.approx(np.exp(ratio), rel=1e-9)
    assert np.isnan(first.weight_norm)


def test_effective_rates_are_those_of_the_kernel_before():
    model = trained()
    second = batch_norm_report(model, X).layers[1]
    norm = np.linalg.norm(model.layers[1].kernel)
    assert second.weight_norm == pytest.approx(norm)
    assert second.effective_rate == pytest.approx(0.05 / norm**2)


def test_a_kernel_before_a_normalization_has_no_scale():
    # The law behind the effective rate: outputs stay, gradients shrink by the factor.
    model = fanin.Sequential([Dense(5), BatchNormalization(epsilon=1e-12), Dense(3)], rng=0)
    small = fanin.diagnose(model, X.astype("float32"), Y)
    model.layers[0].kernel[...] *= 10
    model.layers[0].bias[...] *= 10
    large = fanin.diagnose(model, X.astype("float32"), Y)
    assert large.loss_value == pytest.approx(small.loss_value, rel=1e-5)
    gradients = [r.layers[0].weights["kernel"].gradient_second_moment for r in (small, large)]
    assert gradients[0] / gradients[1] == pytest.approx(100, rel=1e-3)


def test_units_that_say_nothing_are_counted():
    model = trained()
    model.layers[0].gamma[:2] = 1e-6
    assert batch_norm_report(model, X).layers[0].unused == pytest.approx(2 / 8)


def test_text_and_refusals():
    model = trained(epochs=1)
    text = str(batch_norm_report(model, 5 * X))
    assert "recalibrate" in text
    assert max(map(len, text.splitlines())) <= 88
    assert "<table>" in batch_norm_report(model, X)._repr_html_()
    with pytest.raises(ValueError, match="expected a BatchNormalization"):
        batch_norm_report(fanin.Sequential([Dense(3)]), X)
