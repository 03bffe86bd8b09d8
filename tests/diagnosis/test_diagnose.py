"""Diagnosis: measurements are right, theory's bands hold, findings name what is wrong."""

import json
import math
import re
import warnings
from concurrent.futures import ThreadPoolExecutor

import fanin
import numpy as np
import pytest
from fanin.diagnosis._signals import Signal
from fanin.errors import ShapeError
from fanin.frameworks import _open as frameworks
from fanin.initializers import (
    Constant,
    GlorotNormal,
    HeNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    VarianceScaling,
)
from fanin.layers import Activation, BatchNormalization, Dense, Dropout, Flatten

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 50)).astype("float32")
Y = RNG.integers(0, 10, 128)
DEPTH, WIDTH = 20, 128

INITIALIZERS = {
    "N(0, 1)": RandomNormal(stddev=1.0),
    "N(0, 0.01²)": RandomNormal(stddev=0.01),
    "Glorot": GlorotNormal(),
    "He": HeNormal(),
    "orthogonal": Orthogonal(),
}
VERDICTS = {
    ("relu", "N(0, 1)"): "exploding",
    ("relu", "N(0, 0.01²)"): "vanishing",
    ("relu", "Glorot"): "vanishing",  # half of the second moment is lost a layer
    ("relu", "He"): None,
    ("relu", "orthogonal"): "vanishing",
    ("tanh", "N(0, 1)"): "saturated",
    ("tanh", "N(0, 0.01²)"): "vanishing",
    ("tanh", "Glorot"): None,
    ("tanh", "He"): None,
    ("tanh", "orthogonal"): None,
}


def network(activation="relu", initializer="he_normal", *, depth=DEPTH, width=WIDTH, seed=0):
    layers = [
        Dense(width, activation, kernel_initializer=initializer, name=f"hidden{i + 1}")
        for i in range(depth)
    ]
    return fanin.Sequential([*layers, Dense(10, "softmax", name="output")], rng=seed)


def kinds(report):
    return [finding.kind for finding in report.findings if finding.severity != "note"]


@pytest.mark.parametrize(("activation", "name"), VERDICTS)
def test_verdicts_of_twenty_layers(activation, name):
    expected = VERDICTS[activation, name]
    for seed in range(3):
        report = fanin.diagnose(network(activation, INITIALIZERS[name], seed=seed), X, Y)
        if expected is None:
            assert report.healthy, report.verdict
            assert report.findings == []
            assert "keep their size" in report.verdict
        else:
            assert kinds(report)[0] == expected
            assert report.findings[0].severity == "severe"


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_second_moments_lie_in_the_predicted_bands(activation):
    inside = []
    for initializer in INITIALIZERS.values():
        for seed in range(5):
            report = fanin.diagnose(network(activation, initializer, seed=seed), X, Y)
            inside += [
                not left
                for layer in report.layers[:DEPTH]
                for name, left in report.outside(layer).items()
                if name != "gradient"
            ]
    assert len(inside) == 5 * 5 * DEPTH * 2
    assert np.mean(inside) >= 0.95


@pytest.mark.parametrize("place", [4, 11])
@pytest.mark.parametrize("factor", [3.0, 0.2])
def test_a_layer_that_is_not_as_it_was_drawn_is_named(place, factor):
    model = network()
    model.build((None, 50))
    model.layers[place].kernel[...] *= factor
    report = fanin.diagnose(model, X, Y)
    unexpected = [finding for finding in report.findings if finding.kind == "unexpected"]
    assert [finding.layers for finding in unexpected] == [(f"hidden{place + 1}",)]
    assert not any(report.outside(layer)["signal"] for layer in report.layers[:place])


def test_measurements_are_those_of_the_arrays():
    model = network("tanh", GlorotNormal(), depth=3)
    report = fanin.diagnose(model, X, Y)
    z = X.astype(float)
    for layer, found in zip(model.layers, report.layers, strict=True):
        z = z @ layer.kernel.astype(float) + layer.bias
        a = np.tanh(z)
        if found.name == "output":
            break
        for signal, array in ((found.pre_activation, z), (found.output, a)):
            assert signal.mean == pytest.approx(array.mean(), abs=1e-6)
            assert signal.std == pytest.approx(array.std(), rel=1e-5)
            assert signal.second_moment == pytest.approx((array**2).mean(), rel=1e-5)
            assert signal.counts.sum() == array.size
        assert found.saturated == pytest.approx((1 - a**2 < 0.1).mean(), abs=1e-6)
        z = a
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    assert report.loss_value == pytest.approx(-np.log(p[np.arange(128), Y]).mean(), rel=1e-5)
    delta = p - np.eye(10)[Y]
    assert report["output"].gradient.second_moment == pytest.approx((delta**2).mean(), rel=1e-4)


@pytest.mark.parametrize("first", [[], [Flatten()], [Activation("tanh")], [BatchNormalization()]])
def test_gradients_are_those_of_the_layers_one_by_one(first):
    shape = (9, 2, 3) if first and isinstance(first[0], Flatten) else (9, 6)
    x = np.random.default_rng(0).normal(size=shape).astype("f4")
    stack = [*first, Dense(5, "relu"), BatchNormalization(), Dense(4, "tanh")]
    model = fanin.Sequential(stack, rng=1)
    model.build((None, *shape[1:]))
    state = model.state.copy()
    trace = frameworks.trace(model, x, None, None, training=True)
    assert (model.state == state).all()
    h, caches = x, []
    for layer in model.layers:
        h, cache = layer.forward(h, training=True)
        caches.append(cache)
    dy = trace.layers[-1].output_gradient
    steps = list(zip(model.layers, caches, trace.layers, strict=True))
    for layer, cache, found in reversed(steps):
        if found is not trace.layers[0] or found.output_gradient is not None:
            np.testing.assert_allclose(found.output_gradient, dy.reshape(9, -1), rtol=1e-6)
        dy, gradients = layer.backward(dy, cache)
        for role, gradient in gradients.items():
            np.testing.assert_allclose(found.gradients[role], gradient / 9, rtol=1e-5, atol=1e-7)
    if first and isinstance(first[0], Activation):
        np.testing.assert_allclose(trace.layers[0].pre_activation_gradient, dy, rtol=1e-6)


@pytest.mark.parametrize("y", [None, np.random.default_rng(1).integers(0, 2, (7, 8)).astype("f4")])
def test_a_flatten_at_the_end_passes_gradients_on(y):
    layers = [Dense(5, "tanh"), Dense(2, "sigmoid"), Flatten()]
    x = np.random.default_rng(0).normal(size=(7, 4, 3)).astype("f4")
    trace = frameworks.trace(fanin.Sequential(layers, rng=0), x, y, None, training=True)
    last, flat = trace.layers[1:]
    assert (last.outputs.shape, flat.inputs.shape, flat.outputs.shape) == ((28, 2), (28, 2), (7, 8))
    np.testing.assert_array_equal(last.outputs.reshape(7, 8), flat.outputs)
    np.testing.assert_array_equal(last.output_gradient.reshape(7, 8), flat.output_gradient)
    slope = last.outputs * (1 - last.outputs)
    expected = last.output_gradient * slope
    np.testing.assert_allclose(last.pre_activation_gradient, expected, rtol=1e-5)


def test_gradients_of_weights_are_those_of_the_mean_loss():
    model = fanin.Sequential([Dense(8, "tanh"), Dense(1)], rng=0)
    y = X[:, :1]
    report = fanin.diagnose(model, X, y, loss="mse")
    outputs, cache = model.forward(X, training=True)
    _, gradient = model.backward(2 * (outputs - y) / len(X), cache)
    expected = {name.split("/")[-1]: array for name, array in gradient.items() if "dense" in name}
    assert expected
    kernel = report.layers[-1].weights["kernel"]
    hidden = np.tanh(X @ model.layers[0].kernel + model.layers[0].bias)
    by_hand = hidden.T @ (2 * (outputs - y)) / len(X)
    assert kernel.gradient_second_moment == pytest.approx((by_hand**2).mean(), rel=1e-4)
    ratio = math.sqrt((by_hand**2).mean() / (model.layers[-1].kernel ** 2).mean())
    assert kernel.ratio == pytest.approx(ratio, rel=1e-4)


def test_large_means_do_not_hide_the_spread():
    model = fanin.Sequential([Dense(50, kernel_initializer="identity"), Dense(3)], rng=0)
    x = RNG.normal(1e6, 1.0, size=(256, 50))
    model = fanin.Sequential([Flatten(dtype="float64")], rng=0)
    report = fanin.diagnose(model, x)
    assert report.inputs.varying == pytest.approx(x.std(axis=0).mean(), rel=1e-2)


def test_nothing_of_the_model_changes():
    layers = [Dense(20, "relu"), BatchNormalization(), Dropout(0.5, seed=1), Dense(10, "softmax")]
    model = fanin.Sequential(layers, rng=0)
    model.build((None, 50))
    before = [array.copy() for array in model.weights]
    fanin.diagnose(model, X, Y)
    for was, now in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(was, now)


# Findings, one by one.


def test_dead_units():
    model = network(depth=2)
    model.build((None, 50))
    model.layers[0].bias[: WIDTH // 2] = -100.0
    report = fanin.diagnose(model, X, Y)
    assert kinds(report) == ["dead"]
    assert report.findings[0].layers[0] == "hidden1"
    assert report["hidden1"].dead == pytest.approx(0.5)


@pytest.mark.parametrize("initializer", ["zeros", Constant(0.1)])
def test_symmetric_units(initializer):
    report = fanin.diagnose(network("tanh", initializer, depth=3), X, Y)
    assert report.findings[0].kind == "symmetric"
    assert report["hidden1"].distinct == 1


@pytest.mark.parametrize("initializer", ["zeros", Constant(0.1)])
def test_equal_units_that_gradients_part(initializer):
    model = fanin.Sequential(
        [Dense(32, "tanh", kernel_initializer=initializer), Dense(10, "softmax")], rng=0
    )
    report = fanin.diagnose(model, X, Y)
    finding = next(f for f in report.findings if f.kind == "symmetric")
    assert finding.severity == "note"
    assert (report.layers[0].distinct, report.layers[0].free) == (1, 32)
    # Training says the same.
    trained = fanin.symmetry(model, X, Y, steps=1)
    assert trained.after[0].distinct == 32


def test_what_follows_from_nan_is_not_reported():
    model = network(depth=3)
    model.build((None, 50))
    model.layers[1].kernel[3, 5] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = fanin.diagnose(model, X, Y)
    assert kinds(report) == ["non_finite"]
    assert "The kernel of hidden2 holds NaN" in report.verdict
    assert "[3, 5]" in report.verdict
    values = report.jacobian()
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()


def test_one_sample_and_batch_normalization():
    layers = [Dense(8), BatchNormalization(), Activation("relu"), Dense(10)]
    model = fanin.Sequential(layers, rng=0)
    report = fanin.diagnose(model, X[:1], Y[:1])
    assert kinds(report)[0] == "one_sample"
    assert not report.healthy
    assert "1 sample," in str(report)
    assert fanin.diagnose(model, X[:1], Y[:1], training=False).healthy


def test_pixels_that_are_not_scaled_come_before_the_outputs_they_spoil():
    pixels = np.random.default_rng(0).integers(0, 256, X.shape).astype(np.float32)
    report = fanin.diagnose(network(depth=3), pixels, Y)
    assert kinds(report)[0] == "unscaled_input"
    output = next(f for f in report.findings if f.kind == "output_scale")
    assert report.findings[0].severity == output.severity
    fixed = fanin.Sequential(rng=0)
    for layer in network(depth=3).layers[:-1]:
        fixed.add(layer)
    fixed.add(eval(output.fix, {"Dense": Dense, "fanin": fanin}))
    assert "output_scale" not in kinds(fanin.diagnose(fixed, pixels, Y))


def test_no_fix_leaves_no_features():
    report = fanin.diagnose(network(depth=2), np.ones_like(X))
    constant = next(f for f in report.findings if f.kind == "constant_input")
    assert constant.fix == ""
    assert "dead" not in kinds(report)


def test_columns_of_tiny_numbers_are_all_there():
    text = str(fanin.diagnose(network("relu", RandomNormal(stddev=0.01), depth=6), X, Y))
    heading = next(line for line in text.splitlines() if "layer" in line and "units" in line)
    assert heading.split()[-2:] == ["cosine", "rank"]
    assert max(map(len, text.splitlines())) <= 88


def test_why_there_is_no_theory_is_said():
    layers = [Dense(8), BatchNormalization(), Activation("relu"), Dense(10)]
    model = fanin.Sequential(layers, rng=0)
    model.build((None, 50))
    model.layers[1].gamma[...] = 2.0
    report = fanin.diagnose(model, X, Y)
    assert "BatchNormalization whose gamma is not 1" in str(report)
    assert "gamma" in report.to_dict()["layers"][1]["no_theory"]
    assert report.to_dict()["layers"][0]["theory"]["signal"]["low"] > 0


def test_outputs_that_are_too_sure():
    model = network("tanh", GlorotNormal(), depth=2)
    model.build((None, 50))
    model.layers[-1].kernel[...] *= 30
    report = fanin.diagnose(model, X, Y)
    assert "output_scale" in kinds(report)
    fine = fanin.diagnose(network("tanh", GlorotNormal(), depth=2), X, Y)
    assert "output_scale" not in kinds(fine)


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (X + 5, "uncentred_input"),
        (X * 300, "unscaled_input"),
        (X * 1e-3, "unscaled_input"),
        (np.ones_like(X), "constant_input"),
    ],
)
def test_inputs(x, kind):
    assert kind in kinds(fanin.diagnose(network(depth=2), x))
    assert kind not in kinds(fanin.diagnose(network(depth=2), X))


def test_pixels_from_0_to_255_get_the_line_that_scales_them():
    x = RNG.integers(0, 256, size=(128, 50)).astype("float32")
    report = fanin.diagnose(network(depth=2), x, Y)
    finding = next(f for f in report.findings if f.kind == "unscaled_input")
    scope = {"x": x}
    exec(finding.fix, scope)
    assert "unscaled_input" not in kinds(fanin.diagnose(network(depth=2), scope["x"], Y))


def test_running_averages_that_lag():
    model = fanin.Sequential(
        [Dense(20), BatchNormalization(name="bn"), Dense(10, "softmax")], rng=0
    )
    report = fanin.diagnose(model, 10 * X, Y)
    finding = next(f for f in report.findings if f.kind == "batch_norm_lag")
    assert (finding.severity, finding.layers) == ("note", ("bn",))  # fresh ones lag by nature
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=1, verbose=0)
    finding = next(
        f for f in fanin.diagnose(model, 10 * X, Y).findings if f.kind == "batch_norm_lag"
    )
    assert finding.severity == "warning"
    model.fit(X, Y, epochs=200, verbose=0)
    assert all(f.kind != "batch_norm_lag" for f in fanin.diagnose(model, X, Y).findings)


def test_the_first_place_that_is_no_number_is_named():
    x = X.copy()
    x[3, 7] = np.nan
    finding = fanin.diagnose(network(depth=3), x, Y).findings[0]
    assert (finding.kind, finding.layers) == ("non_finite", ())
    assert "row 3, column 7" in finding.text
    model = network(depth=3)
    model.build((None, 50))
    model.layers[1].kernel[0, 0] = np.inf
    finding = fanin.diagnose(model, X, Y).findings[0]
    assert (finding.kind, finding.layers) == ("non_finite", ("hidden2",))
    assert "kernel" in finding.text
    huge = network("relu", RandomNormal(stddev=1e19), depth=3)
    finding = fanin.diagnose(huge, X, Y).findings[0]
    assert (finding.kind, finding.layers) == ("non_finite", ("hidden2",))
    assert "Activations" in finding.text


def test_batch_normalization_makes_a_bad_initialization_trainable():
    layers = []
    for _ in range(10):
        bad = RandomNormal(stddev=0.01)
        layers += [Dense(WIDTH, kernel_initializer=bad), BatchNormalization(), Activation("relu")]
    report = fanin.diagnose(fanin.Sequential([*layers, Dense(10, "softmax")], rng=0), X, Y)
    assert "vanishing" not in kinds(report)
    assert kinds(fanin.diagnose(network("relu", bad, depth=10), X, Y))[0] == "vanishing"


@pytest.mark.parametrize(
    "activation", ["relu", "tanh", "gelu", "elu", "selu", "silu", "softplus", "sigmoid"]
)
def test_fixes_are_code_that_helps(activation):
    model = network(activation, RandomNormal(stddev=0.001))
    finding = fanin.diagnose(model, X, Y).findings[0]
    names = {name: getattr(fanin.layers, name) for name in fanin.layers.__all__}
    fixed = fanin.Sequential(rng=0)
    for _ in range(DEPTH):
        made = eval(finding.fix, {**names, "fanin": fanin})
        for layer in made if isinstance(made, list) else [made]:
            fixed.add(layer)
    fixed.add(Dense(10, "softmax"))
    after = [f.kind for f in fanin.diagnose(fixed, X, Y).findings if f.severity == "severe"]
    assert "vanishing" not in after


# Limits and refusals.


def test_one_sample_has_a_stated_limit():
    report = fanin.diagnose(network(depth=3), X[:1], Y[:1])
    assert "One sample" in str(report)
    assert math.isnan(report["hidden1"].cosine)


def test_what_theory_has_no_formula_for_is_said():
    model = fanin.Sequential([Dense(20, "relu", kernel_initializer="identity"), Dense(10)], rng=0)
    report = fanin.diagnose(model, X)
    assert report.prediction(report.layers[0]).pre_activation is None
    assert report.prediction(report.layers[0]).reason


def test_refusals():
    model = network(depth=2)
    model.build((None, 50))
    with pytest.raises(ShapeError, match="x: expected shape"):
        fanin.diagnose(model, X[:, :3])
    with pytest.raises(ValueError, match="y"):
        fanin.diagnose(model, X, Y[:5])
    with pytest.raises(TypeError, match="model: expected"):
        fanin.diagnose(object(), X)
    with pytest.raises(KeyError, match="hidden1"):
        fanin.diagnose(model, X)["hidden9"]


# What it looks like.


def test_text_fits_and_says_what_counts():
    report = fanin.diagnose(network("tanh", RandomNormal(stddev=1.0), depth=5), X, Y)
    text = str(report)
    assert max(map(len, text.splitlines())) <= 88
    assert text.startswith(report.verdict[:40])
    assert "severe: saturated" in text
    assert "he_normal" not in text
    assert 'kernel_initializer="glorot_normal"' in text


def test_the_page_is_whole_and_the_dict_is_json(tmp_path):
    report = fanin.diagnose(network("relu", "zeros", depth=3), X, Y)
    report.to_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert not re.search(r'(src|href)="https?:', page.replace("http://www.w3.org", ""))
    assert "severe: symmetric" in page
    assert "<svg" in report._repr_html_()
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert [layer["name"] for layer in found["layers"]] == [layer.name for layer in report.layers]
    assert found["findings"][0]["kind"] == "symmetric"


def test_the_picture_shows_each_layer():
    pytest.importorskip("matplotlib")
    report = fanin.diagnose(network("tanh", GlorotNormal(), depth=5), X, Y)
    signals, gradients, outputs, units = report.plot().axes
    for axis in (signals, gradients):
        line = next(line for line in axis.get_lines() if line.get_label() == "measured")
        assert len(line.get_xdata()) == len(report.layers)
        assert axis.get_yscale() == "log"
    assert len(outputs.get_yticks()) == len(units.get_yticks()) == len(report.layers)


def test_jacobians_are_those_of_finite_differences():
    layers = [Dense(16, "tanh"), BatchNormalization(), Dense(12), Activation("elu")]
    model = fanin.Sequential([*layers, Dense(4, "softmax")], rng=0)
    x = X[:2, :10]
    report = fanin.diagnose(model, x, training=False)
    step, numeric = 1e-2, []
    for sample in x:
        ends = [
            model.predict(sample + sign * step * np.eye(10, dtype="float32"), verbose=0)
            for sign in (1, -1)
        ]
        numeric.append((ends[0].astype(float) - ends[1]).T / (2 * step))
    expected = np.sqrt(np.mean([np.linalg.svd(j, compute_uv=False) ** 2 for j in numeric], axis=0))
    np.testing.assert_allclose(report.jacobian(2)[-1][:3], expected[:3], rtol=1e-3)
    assert len(report.jacobian()) == 5


def test_bands_of_activations_are_of_what_they_get():
    layers = []
    for _ in range(8):
        layers += [Dense(WIDTH, kernel_initializer="glorot_normal"), Activation("tanh")]
    apart = fanin.diagnose(fanin.Sequential([*layers, Dense(10, "softmax")], rng=0), X, Y)
    layers = [Dense(WIDTH, "tanh", kernel_initializer="glorot_normal") for _ in range(8)]
    together = fanin.diagnose(fanin.Sequential([*layers, Dense(10, "softmax")], rng=0), X, Y)
    for activation, joined in zip(apart.layers[1:-1:2], together.layers[:-1], strict=True):
        ours, theirs = apart.bands(activation), together.bands(joined)
        for name in ("signal", "output", "gradient"):
            assert ours[name].log_value == pytest.approx(theirs[name].log_value, abs=1e-6)
        assert not any(apart.outside(activation).values())
        assert activation.gradient_rms == pytest.approx(joined.gradient_rms, rel=0.3)


def test_an_orthogonal_linear_network_is_an_isometry():
    layers = [Dense(50, kernel_initializer="orthogonal") for _ in range(10)]
    report = fanin.diagnose(fanin.Sequential(layers, rng=0), X)
    np.testing.assert_allclose(report.jacobian()[-1], 1.0, atol=1e-5)
    assert report.layers[0].condition == pytest.approx(1.0, abs=1e-5)


def test_variance_scaling_of_the_edge_of_chaos_is_healthy():
    gain = fanin.gain("tanh")
    model = network("tanh", VarianceScaling(gain**2, "fan_in", "untruncated_normal"))
    assert fanin.diagnose(model, X, Y).healthy
    assert fanin.diagnose(network("selu", LecunUniform()), X, Y).healthy


def test_histogram_of_finite_values_whose_variance_overflows():
    for x in ([[1e200, -1e200]], [[1e200], [-1e200]]):
        signal = Signal.of(np.array(x))
        assert signal.counts.sum() == 2
        assert (signal.minimum, signal.maximum) == (-1e200, 1e200)
        assert signal.first_non_finite is None


def test_diagnosis_beside_training():
    """A diagnosis on one thread does not disturb `fit` on another, nor `fit` the diagnosis."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(512, 8)).astype("float32"), rng.integers(0, 3, 512)
    model = fanin.Sequential([Dense(32, "relu"), Dense(3, "softmax")], rng=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(model.fit, x, y, epochs=200, verbose=0)
        count = 0
        while count < 3 or not fit.done():
            assert fanin.diagnose(model, x, y).layers
            count += 1
        fit.result()


def test_jacobians_end_where_rows_are_parts_of_samples():
    x = np.random.default_rng(0).normal(size=(8, 5, 4)).astype("float32")
    model = fanin.Sequential([Dense(6, "tanh"), Dense(3)], rng=0)
    assert fanin.diagnose(model, x).jacobian() == [None, None]
