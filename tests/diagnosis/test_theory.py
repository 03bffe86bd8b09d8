"""Mean-field maps agree with closed forms; predicted bands hold what networks really do."""

import math

import fanin
import numpy as np
import pytest
from fanin import initializers, theory
from fanin.errors import ShapeError
from fanin.layers import Activation, BatchNormalization, Dense, Dropout, ReLU
from fanin.theory.moments import _pairs_by_quadrature, moments, pair_moments
from fanin.theory.passes import softmax_squares
from hypothesis import example, given, settings
from hypothesis import strategies as st

NAMES = ("relu", "tanh", "gelu", "selu", "softsign", "sigmoid", "mish")


# Maps.


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("q", [1e-6, 0.3, 1.0, 50.0, 1e6])
def test_fast_moments_agree_with_adaptive_ones(name, q):
    # A gain is 1 / sqrt(E φ²) at q = 1; at another q it is that of x -> φ(√q x).
    phi = theory.resolve(name)
    found = moments(phi, math.log(q))
    scaled = fanin.gain(lambda x: phi.value(math.sqrt(q) * x))
    assert math.exp(found.log_square) == pytest.approx(scaled**-2, rel=1e-8)
    step = 1e-4
    above, below = (moments(phi, math.log(q) + s) for s in (step, -step))
    assert found.elasticity == pytest.approx(
        (above.log_square - below.log_square) / (2 * step), abs=1e-6
    )
    assert found.slope_elasticity == pytest.approx(
        (above.log_slope - below.log_slope) / (2 * step), abs=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(st.floats(-1, 1), st.sampled_from([1e-20, 1.0, 1e20]))
@example(-0.9996, 1.0)
def test_pairs_of_relu_are_the_arc_cosine_kernels(c, q):
    angle = math.acos(c)
    found = _pairs_by_quadrature(theory.resolve("relu"), q, c, 1.0)
    product = (math.sin(angle) + (math.pi - angle) * c) / math.pi
    assert found.product == pytest.approx(product, abs=1e-12)
    assert found.slope == pytest.approx((math.pi - angle) / math.pi, abs=2e-8)


@settings(max_examples=50, deadline=None)
@given(c=st.floats(-1, 1), slope=st.sampled_from([0.0, 0.01, 0.5, 1.0, 3.0]))
def test_formula_and_quadrature_of_two_slopes_agree(c, slope):
    phi = theory.resolve("leaky_relu", negative_slope=slope) if slope else theory.resolve("relu")
    found, expected = pair_moments(phi, 0.7, c), _pairs_by_quadrature(phi, 1.0, c, 1.0)
    for name in ("product", "square", "slope", "slope_square"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=5e-8)


@settings(max_examples=20, deadline=None)
@given(st.floats(-1, 1))
def test_pairs_of_the_sine_are_hyperbolic_sines(c):
    found = pair_moments(theory.resolve("sin"), 0.0, c)
    assert found.product == pytest.approx(math.sinh(c) / math.sinh(1), abs=1e-9)


def test_a_kink_off_zero_in_a_pair():
    phi = theory.resolve(lambda x: np.maximum(x - 0.3, 0))
    found = pair_moments(phi, 0.0, 0.4)
    z = np.random.default_rng(0).normal(size=(2, 1_000_000))
    y = np.maximum(np.array([z[0], 0.4 * z[0] + math.sqrt(0.84) * z[1]]) - 0.3, 0)
    assert found.product == pytest.approx((y[0] * y[1]).mean() / (y**2).mean(), rel=0.01)


def test_length_map():
    assert theory.length_map("relu", [1.0, 4.0, 1e100], 1.5, 0.25) == pytest.approx(
        [1.0, 3.25, 0.75e100]
    )
    assert theory.length_map("tanh", 1.0, 1.0) == pytest.approx(0.39429449039784)
    assert theory.length_map("sigmoid", 0.0, 1.0) == pytest.approx(0.25)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 1.9), st.floats(0.001, 1.0))
def test_fixed_point_of_relu(w, b):
    found = theory.mean_field("relu", w, b)
    assert found.q_star == pytest.approx(b / (1 - w / 2), rel=1e-6)
    assert found.chi == pytest.approx(w / 2, rel=1e-9)
    assert found.phase == "ordered"
    assert found.xi_c == pytest.approx(-1 / math.log(w / 2), rel=1e-3)


def test_phases():
    critical = theory.mean_field("relu", 2.0)
    assert critical.every_point_fixed
    assert (critical.phase, critical.q_star, critical.xi_c) == ("critical", 1.0, math.inf)
    assert theory.mean_field("relu", 3.0).q_star == math.inf
    assert theory.mean_field("tanh", 1.0).phase == "critical"
    assert theory.mean_field("tanh", 0.5).q_star == 0
    chaotic = theory.mean_field("tanh", 4.0, 0.05)
    assert chaotic.phase == "chaotic"
    assert 0 < chaotic.c_star < 1
    c = theory.correlation_map("tanh", chaotic.c_star, 4.0, 0.05)
    assert c == pytest.approx(chaotic.c_star, abs=1e-6)


def test_several_fixed_points():
    # GELU with σw² a little over 2: what starts small dies out, what starts large grows.
    found = theory.mean_field("gelu", 2.2, q=0.1)
    assert [p.stable for p in found.fixed_points] == [True, False]
    assert found.q_star == 0
    assert theory.mean_field("gelu", 2.2, q=1e4).q_star == math.inf


def test_chi_is_the_slope_of_the_correlation_map_at_one():
    found = theory.mean_field("tanh", 1.5, 0.05)
    step = 1e-5
    c = theory.correlation_map("tanh", [1 - step, 1.0], 1.5, 0.05)
    assert (c[1] - c[0]) / step == pytest.approx(found.chi, rel=1e-4)


def test_edge_of_chaos():
    assert theory.critical_sigma_w2("relu") == pytest.approx(2)
    assert theory.critical_sigma_w2("tanh") == pytest.approx(1, abs=1e-3)
    # Schoenholz et al., figure 1: σw² = 1.76 at σb² = 0.05.
    assert theory.critical_sigma_w2("tanh", 0.05) == pytest.approx(1.76, abs=0.005)


# What initializers draw.


@pytest.mark.parametrize(
    "name",
    [
        "glorot_normal",
        "glorot_uniform",
        "he_normal",
        "he_uniform",
        "lecun_normal",
        "lecun_uniform",
        "orthogonal",
        "random_normal",
        "random_uniform",
        "truncated_normal",
        "variance_scaling",
        "zeros",
        "ones",
    ],
)
@pytest.mark.parametrize("shape", [(300, 200), (100, 400)])
def test_laws(name, shape):
    law = theory.WeightLaw.of(name, shape)
    drawn = initializers.get(name)(shape, "float64", rng=0)
    assert law.mean == pytest.approx(drawn.mean(), abs=5 * drawn.std() / math.sqrt(drawn.size))
    assert law.variance == pytest.approx(drawn.var(), rel=0.03, abs=1e-12)


def test_law_of_a_function():
    law = theory.WeightLaw.of(lambda shape: np.full(shape, 0.5), (3, 4))
    assert (law.mean, law.variance) == (0.5, 0.0)


# Predictions.


def stack(depth, units, activation, kernel, **options):
    return [
        Dense(units, activation=activation, kernel_initializer=kernel, **options)
        for _ in range(depth)
    ]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("he_normal", 2.0),
        ("glorot_normal", 0.5**9),
        ("lecun_normal", 0.5**9),
        (initializers.VarianceScaling(1 / 3, "fan_in", "uniform"), (1 / 3) * (1 / 6) ** 9),
    ],
)
def test_ten_relu_layers(kernel, expected):
    found = theory.predict(stack(10, 100, "relu", kernel, use_bias=False), features=100)
    assert found.layers[-1].pre_activation.value == pytest.approx(expected, rel=1e-9)


def second_moments(layers, x, seed):
    """Run a network; return the second moment of each layer's pre-activations and activations."""
    model = fanin.Sequential(layers, rng=seed)
    model.build((None, x.shape[1]))
    found = []
    for layer in model.layers:
        # In float64: what overflows float32 is not what this is about.
        z = x @ layer.kernel.astype(np.float64) + layer.bias
        x = theory.resolve(layer.activation).value(z)
        found.append((np.mean(z**2), np.mean(x**2)))
    return np.array(found)


INITIALIZERS = {
    "N(0, 1)": initializers.RandomNormal(stddev=1.0),
    "N(0, 0.01²)": initializers.RandomNormal(stddev=0.01),
    "glorot": "glorot_normal",
    "he": "he_normal",
    "lecun": "lecun_normal",
    "orthogonal": "orthogonal",
}


@pytest.mark.parametrize("kernel", INITIALIZERS.values(), ids=INITIALIZERS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("units", [64, 160])
def test_bands_hold_twenty_layers(activation, kernel, units):
    # Of 8 draws one may be outside, even in all layers. scripts/theory_coverage.py does many more.
    x = np.random.default_rng(0).normal(size=(64, 50))
    bands = theory.predict(stack(20, units, activation, kernel), x).layers
    inside = {"pre_activation": [], "activation": []}
    for seed in range(8):
        measured = second_moments(stack(20, units, activation, kernel), x, seed)
        for band, (z, y) in zip(bands, measured, strict=True):
            inside["pre_activation"].append(z in band.pre_activation)
            inside["activation"].append(y in band.activation)
    assert min(np.mean(found) for found in inside.values()) >= 0.85


def test_bands_are_not_merely_wide():
    # Half of the weights' scale in one layer is seen in that layer.
    x = np.random.default_rng(0).normal(size=(64, 100))
    for activation, kernel in (("relu", "he_normal"), ("tanh", "glorot_normal")):
        layers = stack(8, 256, activation, kernel)
        bands = theory.predict(layers, x).layers
        layers[3].kernel_initializer = initializers.VarianceScaling(0.1, "fan_in")
        measured = second_moments(layers, x, 0)
        inside = [z in band.pre_activation for band, (z, _) in zip(bands, measured, strict=True)]
        assert inside[:4] == [True, True, True, False]


def test_gradients_and_correlations():
    x = np.random.default_rng(0).normal(size=(64, 50)).astype("float32")
    layers = [*stack(6, 128, "tanh", "glorot_normal"), Dense(10)]
    found = theory.predict(layers, x)
    assert found.relative_gradients
    inside = []
    for seed in range(6):
        model = fanin.Sequential(initialized(layers), rng=seed)
        model.build((None, 50))
        h, caches = x, []
        for layer in model.layers:
            h, cache = layer.forward(h)
            caches.append(cache)
        dy = np.random.default_rng(seed).normal(size=h.shape).astype("float32")
        for layer, cache, band in list(zip(model.layers, caches, found.layers, strict=True))[::-1]:
            dy, grads = layer.backward(dy, cache)
            inside.append(np.mean(dy.astype(float) ** 2) in band.input_gradient)
            inside.append(np.mean(grads["kernel"].astype(float) ** 2) in band.kernel_gradient)
    assert np.mean(inside) >= 0.95
    assert found.layers[2].chi == pytest.approx(
        found.layers[2].input_gradient.value / found.layers[3].input_gradient.value, rel=1e-9
    )


def initialized(layers):
    """Return equal layers without arrays, so that another seed draws them anew."""
    configs = [{**layer.get_config(), "name": None} for layer in layers]
    return [type(layer).from_config(c) for layer, c in zip(layers, configs, strict=True)]


def test_softmax_gradient():
    rng = np.random.default_rng(0)
    for q in (1e-4, 1.0, 100.0):
        for classes in (2, 10):
            logits = rng.normal(size=(20000, classes)) * math.sqrt(q)
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            squares = (p**2).sum(axis=1)
            error = squares.std() / math.sqrt(len(p))
            assert abs(softmax_squares(math.log(q), classes) - squares.mean()) < 4 * error + 1e-9
    found = theory.predict([Dense(10, activation="softmax")], features=30, batch=32)
    assert not found.relative_gradients
    # Without signal p = 1/10: (0.1 + 1 - 0.2) / 10 of a sum over 32 samples.
    silent = theory.predict(
        [Dense(10, activation="softmax", kernel_initializer="zeros")], features=30, batch=32
    )
    assert silent.layers[0].gradient.value == pytest.approx(0.09 / 32**2)


def test_zeros_are_exact():
    found = theory.predict(stack(3, 8, "relu", "zeros"), features=8)
    assert [layer.pre_activation.high for layer in found.layers] == [0, 0, 0]
    assert 0.0 in found.layers[-1].activation
    assert found.layers[0].gradient.value == 0


@pytest.mark.parametrize(
    ("kernel", "reason"),
    [
        ("ones", "all weights are equal"),
        (initializers.RandomUniform(0, 1), "whose mean is not 0"),
        ("identity", "a pattern"),
    ],
)
def test_no_prediction_says_why(kernel, reason):
    found = theory.predict([Dense(8, kernel_initializer=kernel), Dense(8)], features=8)
    for layer in found.layers:
        assert layer.pre_activation is None
        assert reason in layer.reason
    assert found.layers[1].input_gradient is None


def test_other_reasons():
    twice = theory.predict([Dense(8, activation="relu"), Activation("tanh")], features=8)
    assert "not Gaussian" in twice.layers[1].reason
    shifted = [Dense(8), BatchNormalization(beta_initializer="ones")]
    assert "beta is set" in theory.predict(shifted, features=8, batch=9).layers[1].reason


def test_explosion_is_finite_in_logarithms():
    found = theory.predict(stack(200, 512, "relu", INITIALIZERS["N(0, 1)"]), features=512)
    last = found.layers[-1].pre_activation
    assert last.value == math.inf
    assert last.log_value == pytest.approx(math.log(512) + 199 * math.log(256))
    flags = [layer.float32 for layer in found.layers]
    assert flags[0] is None
    assert flags[-1] == "overflow"
    fading = theory.predict(stack(40, 64, "relu", INITIALIZERS["N(0, 0.01²)"]), features=64)
    assert fading.layers[-1].float32 == "underflow"


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softsign"])
def test_saturated_units_have_no_noise(activation):
    # Their second moments vary by nothing, which rounding makes more or less than nothing.
    x = np.random.default_rng(0).normal(size=(64, 64))
    for size in 10.0 ** np.arange(0, 40, 3):
        layers = [Dense(64, activation), Dense(64, activation), Dense(3, "softmax")]
        prediction = theory.predict(layers, x * size)
        assert np.isfinite([layer.activation.high for layer in prediction.layers[:2]]).all()


def test_biases():
    # Constant and random biases: E z² = q + b², and all that follows is of shifted Gaussians.
    x = np.abs(np.random.default_rng(1).normal(size=(64, 80)))
    for bias in (initializers.Constant(0.3), initializers.RandomNormal(stddev=0.5)):
        layers = stack(5, 256, "relu", "he_normal", bias_initializer=bias)
        bands = theory.predict(layers, x).layers
        measured = second_moments(layers, x, 0)
        assert all(y in b.activation for b, (_, y) in zip(bands, measured, strict=True))


def test_batch_normalization_and_dropout():
    x = np.random.default_rng(0).normal(size=(256, 100)).astype("float32")
    block = [Dense(128, kernel_initializer="he_normal"), BatchNormalization(), ReLU(), Dropout(0.2)]
    layers = [*block, *initialized(block)]
    found = theory.predict(layers, x).layers
    assert found[1].activation.value == pytest.approx(1, rel=0.01)
    assert found[2].activation.value == pytest.approx(0.5, rel=0.01)
    assert found[3].activation.value == pytest.approx(0.5 / 0.8, rel=0.01)
    model = fanin.Sequential(layers, rng=0)
    model.build((None, 100))
    h = x
    for layer, band in zip(model.layers, found, strict=True):
        h, _ = layer.forward(h, training=True)
        assert np.mean(h.astype(float) ** 2) in band.activation
    still = theory.predict(layers, x, training=False).layers
    assert still[3].activation == still[2].activation


def test_batch_normalization_makes_relu_gradients_explode():
    # Yang et al. (arXiv:1902.08129): by π / (π − 1) a layer, for large batches.
    block = [Dense(4096, kernel_initializer="he_normal"), BatchNormalization(epsilon=1e-9), ReLU()]
    layers = [layer for _ in range(4) for layer in initialized(block)]
    found = theory.predict(layers, features=4096, batch=100_000).layers
    chi = found[6].chi * found[5].chi * found[4].chi
    assert chi == pytest.approx(math.pi / (math.pi - 1), rel=1e-3)


def test_refusals():
    with pytest.raises(ShapeError, match=r"x: expected shape \(batch, features\)"):
        theory.predict([Dense(3)], np.ones(3))
    with pytest.raises(ValueError, match="features: expected a number"):
        theory.predict([Dense(3)])
    with pytest.raises(ValueError, match="x: expected finite numbers"):
        theory.predict([Dense(3)], [[np.nan, 1.0]])
    with pytest.raises(ValueError, match="sigma_w2: expected a number at least 0"):
        theory.mean_field("relu", -1.0)
    with pytest.raises(ValueError, match="c: expected numbers from -1 to 1, found 2"):
        theory.correlation_map("relu", 2.0, 1.0)
    with pytest.raises(ValueError, match="mixes the units"):
        theory.mean_field("softmax", 1.0)
    with pytest.raises(ValueError, match="sigma_w2: expected two or more increasing"):
        fanin.phase_diagram("relu", [2.0, 1.0])
    with pytest.raises(ValueError, match=r"point: expected \(sigma_w2, sigma_b2\)"):
        fanin.phase_diagram("relu", [1.0, 2.0], [0, 1], point=(1, 2, 3))


def test_phase_diagram():
    figure = fanin.phase_diagram(
        "tanh", np.linspace(0.5, 3, 51), np.linspace(0.04, 0.2, 9), point={"He": (2.0, 0.0)}
    )
    axes = figure.axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["χ = 1: the edge of chaos", "He: χ = 1.11, chaotic"]
    # The line in the picture is the critical one.
    (line,) = [c for c in axes.collections if type(c).__name__ == "QuadContourSet"]
    places = line.get_paths()[0].vertices
    for w, b in places[:: max(len(places) // 4, 1)]:
        assert theory.critical_sigma_w2("tanh", b) == pytest.approx(w, abs=0.02)
