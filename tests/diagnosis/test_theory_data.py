"""Theory of data as they are, against many networks drawn in NumPy."""

import math

import fanin
import numpy as np
import pytest
from fanin import initializers, theory
from fanin.theory import signals
from fanin.theory.bands import Band, quantile
from fanin.theory.expansion import pairs, sites
from fanin.theory.gradients import Gradient
from fanin.theory.moments import moments, pair_moments
from fanin.theory.prediction import predict_steps
from fanin.theory.steps import ActivationStep, DenseStep, DropoutStep, LayerSteps

# The expansion.


@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "tanh", "selu", "sigmoid"])
def test_many_samples_at_once_are_as_one_by_one(name):
    phi = theory.resolve(name)
    log_q = np.array([-4.87, -0.41, 1.13, 3.3])
    found = sites(phi, log_q)
    for place, t in enumerate(log_q):
        one = moments(phi, t)
        assert found.log_square[place] == pytest.approx(one.log_square, abs=5e-6)
        assert found.log_slope[place] == pytest.approx(one.log_slope, abs=5e-6)
        for field in ("elasticity", "excess", "together"):
            expected = getattr(one, field)
            assert getattr(found, field)[place] == pytest.approx(expected, rel=0.01, abs=2e-3)
    for c in (-0.5, 0.3, 0.9):
        both = pairs(phi, np.array([0.6, 0.6]), np.array([[1, c], [c, 1]]))
        exact = pair_moments(phi, 0.6, c)
        for field in ("product", "square", "slope", "slope_square"):
            expected = getattr(exact, field)
            assert getattr(both, field)[0, 1] == pytest.approx(expected, abs=0.01)


def test_pairs_of_unequal_samples():
    phi = theory.resolve("silu")
    q, c = np.array([0.2, 5.0]), 0.6
    u = np.random.default_rng(0).normal(size=(2, 400_000))
    y = phi.value(np.sqrt(q)[:, None] * np.array([u[0], c * u[0] + math.sqrt(1 - c * c) * u[1]]))
    expected = (y[0] * y[1]).mean() / math.sqrt((y[0] ** 2).mean() * (y[1] ** 2).mean())
    found = pairs(phi, np.log(q), np.array([[1, c], [c, 1]]))
    assert found.product[0, 1] == pytest.approx(expected, abs=0.01)


# Bands.


def test_all_layers_stay_within_the_quantile():
    links = [0.9, 0.5, 0.0, 0.8, 0.99, 0.7]
    k = quantile(links, 0.95)
    rng = np.random.default_rng(0)
    x = rng.normal(size=200_000)
    inside = abs(x) < k
    for link in links:
        x = link * x + math.sqrt(1 - link * link) * rng.normal(size=x.size)
        inside &= abs(x) < k
    # The one link over 0.95 counts as 1.
    assert inside.mean() == pytest.approx(0.95, abs=0.006)


def test_one_layer_and_many_independent_ones():
    assert quantile([], 0.95) == pytest.approx(1.959964, abs=1e-5)
    assert quantile([0.99, 0.99], 0.95) == pytest.approx(1.959964, abs=1e-5)
    # (1 - 2 (1 - Φ(k)))^5 = 0.95
    assert quantile([0.0] * 4, 0.95) == pytest.approx(2.568943, abs=2e-3)
    assert 5.0 in Band.of(math.log(5.0), 0.01, 2.0)


# The data.


def test_the_data_enter_by_their_own_moments():
    x = np.random.default_rng(0).normal(size=(20, 7)) ** 2
    x[3] = 0
    found, groups = signals.measure(x)
    assert (groups != groups[3]).sum() == 19
    assert found.log_squares[groups[3]] == -math.inf
    for i in (0, 8):
        assert found.log_squares[groups[i]] == pytest.approx(math.log((x[i] ** 2).mean()))
    cosine = x[0] @ x[8] / math.sqrt((x[0] @ x[0]) * (x[8] @ x[8]))
    assert found.cosines[groups[0], groups[8]] == pytest.approx(cosine)
    assert found.log_square == pytest.approx(math.log((x**2).mean()))


def test_few_stand_for_many():
    x = np.random.default_rng(0).gamma(0.3, size=(500, 40))
    found, groups = signals.measure(x)
    assert np.bincount(groups).min() >= 500 // signals.SAMPLES
    assert found.log_square == pytest.approx(math.log((x**2).mean()), abs=0.02)
    rows = x / np.linalg.norm(x, axis=1)[:, None]
    assert found.c == pytest.approx(((rows.sum(0) ** 2).sum() - 500) / 500 / 499, abs=0.01)


def heavy(batch, features):
    """Return samples of very unequal sizes, with blanks, constant columns and a common mean."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(batch, features)) * np.exp(0.8 * rng.normal(size=(batch, 1))) + 0.5
    x[:, ::7] = 0
    x[1] = 0
    return x


def steps(widths, features, name, kernel, rate=0.0):
    """Return a network without biases as theory sees it."""
    layers = []
    for place, units in enumerate(widths):
        law = theory.WeightLaw.of(kernel, (features, units))
        row = [DenseStep(features, units, law)]
        if place < len(widths) - 1:
            row.append(ActivationStep(theory.resolve(name)))
            row += [DropoutStep(rate)] if rate else []
        layers.append(LayerSteps(f"layer {place}", tuple(row)))
        features = units
    return layers


def drawn(x, y, layers, name, kernel, seed, rate=0.0):
    """Return pre-activations and each sample's gradients; of the squared error to y."""
    phi, rng = theory.resolve(name), np.random.default_rng([3, seed])
    weights, masks, z, h = [], [], [], x
    for layer in layers:
        dense = layer.steps[0]
        weights.append(kernel((dense.fan_in, dense.units), "float64", rng=rng))
        z.append(h @ weights[-1])
        masks.append((rng.random(z[-1].shape) >= rate) / (1 - rate))
        h = phi.value(z[-1]) * masks[-1]
    d = [z[-1] - y]
    for place in range(len(layers) - 2, -1, -1):
        back = (d[0] @ weights[place + 1].T) * masks[place]
        d.insert(0, back * phi.slope(z[place]))
    return z, d


def errors(x, y, widths, name, kernel, draws, rate=0.0):
    """Return log ratios to what is predicted in the middle, in its deviations: (draws, layers)."""
    kernel = initializers.get(kernel)
    layers = steps(widths, x.shape[1], name, kernel, rate)
    start, groups = signals.measure(x)
    found = []
    for seed in range(draws):
        z, d = drawn(x, y, layers, name, kernel, seed, rate)
        given = Gradient.measured(d[-1], z[-1], groups)
        predicted = predict_steps(layers, start, given, training=True).layers
        row = []
        for values, bands in (
            (z, [p.pre_activation for p in predicted]),
            (d[:-1], [p.gradient for p in predicted[:-1]]),
        ):
            row += [
                (math.log(np.mean(v * v)) - b.log_value + b.log_std**2 / 2, b.log_std)
                for v, b in zip(values, bands, strict=True)
            ]
        found.append(row)
    away, std = np.array(found).transpose(2, 0, 1)
    return away, std


@pytest.mark.parametrize(
    ("name", "kernel"),
    [
        ("relu", "he_normal"),
        ("gelu", "he_normal"),
        ("silu", "he_normal"),
        ("tanh", "glorot_uniform"),
        ("selu", "lecun_normal"),
        ("tanh", "orthogonal"),
    ],
)
def test_signals_and_gradients_of_unequal_samples(name, kernel):
    # Random targets. Means and deviations over 40 draws, with twice the error of 40.
    x = heavy(40, 30)
    y = np.random.default_rng(6).normal(size=(40, 8)) * 3
    away, std = errors(x, y, [64] * 6 + [8], name, kernel, 40)
    assert abs(away.mean(axis=0) / std.mean(axis=0)).max() < 0.8
    # The first layer of an orthogonal kernel keeps the size exactly.
    exact = std.mean(axis=0) < 2e-3
    assert abs(away[:, exact]).max(initial=0) < 1e-6
    ratio = (away.std(axis=0) / std.mean(axis=0))[~exact]
    assert ratio.min() > 0.4
    assert ratio.max() < 1.6


@pytest.mark.parametrize("name", ["relu", "silu"])
def test_autoencoders(name):
    # The gradient is the output less the input: hardly independent of the output.
    x = np.abs(heavy(40, 30))
    away, std = errors(x, x, [64] * 5 + [30], name, "he_normal", 40)
    assert abs(away.mean(axis=0)).max() < 0.3
    assert (abs(away) < 3.0 * std).mean() > 0.95


def test_dropout():
    x = heavy(40, 30)
    y = np.random.default_rng(6).normal(size=(40, 8))
    away, std = errors(x, y, [64] * 4 + [8], "gelu", "he_normal", 40, rate=0.3)
    assert abs(away.mean(axis=0)).max() < 0.3
    assert (abs(away) < 3.0 * std).mean() > 0.95


def test_gradients_along_signals_grow():
    # One sample, one layer of n units behind: a gradient along z comes back larger than another, by
    # E φ²φ'² / (E φ² E φ'²), which is 2 for ReLU, and less of it the more units there are.
    n = 64
    layers = steps([n, n], n, "relu", "he_normal")
    start = signals.Signal.even(0.0, 1.0, 1)
    for alignment in (0.0, 1.0, float(n)):
        given = Gradient.start(np.zeros(1), 1, alignment=alignment)
        found = predict_steps(layers, start, given, training=True).layers[0].gradient
        assert found.value == pytest.approx(1 + 2 * (alignment - 1) / n, rel=1e-6)


def test_alignment_is_measured():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(30, 10))
    groups = np.arange(30)
    assert Gradient.measured(2 * z, z, groups).alignment == pytest.approx(10)
    free = Gradient.measured(
        rng.normal(size=(3000, 10)), rng.normal(size=(3000, 10)), np.zeros(3000, np.intp)
    )
    assert free.alignment[0] == pytest.approx(1, abs=0.15)
    assert free.c == pytest.approx(0, abs=0.01)
    assert free.c_variance == pytest.approx(0.1, abs=0.01)


def test_theory_begins_behind_an_embedding():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    row = [torch.nn.Embedding(30, 16), torch.nn.Flatten()]
    row += [torch.nn.Linear(96, 64), torch.nn.GELU(), torch.nn.Linear(64, 5)]
    x, y = torch.randint(30, (40, 6)), torch.randint(5, (40,))
    report = fanin.diagnose(torch.nn.Sequential(*row), x, y, torch.nn.CrossEntropyLoss())
    first, *_, last = report.layers
    assert not report.bands(first)
    assert "theory begins at what" in report.prediction(first).reason
    assert f"theory: none up to {report.layers[1].name}" in str(report)
    assert set(report.bands(last)) == {"signal", "output", "gradient"}
    assert not any(report.outside(last).values())
