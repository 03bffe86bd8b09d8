"""Kernels of rank one, bottlenecks, collapsed signals, and units that stay equal."""

import fanin
import numpy as np
import pytest
from fanin.diagnosis._rank import leading_share
from fanin.layers import Dense, Dropout

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 30)).astype("float32")
Y = RNG.integers(0, 5, 128)


def network(*widths, activation="tanh", outputs=5, end="softmax", inputs=30):
    layers = [
        Dense(width, activation, kernel_initializer="glorot_normal", name=f"fc{i + 1}")
        for i, width in enumerate(widths)
    ]
    model = fanin.Sequential([*layers, Dense(outputs, end, name="out")], rng=0)
    model.build((None, inputs))
    return model


def grave(report):
    return [(f.kind, f.layers) for f in report.findings if f.severity != "note"]


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_kernel_of_hardly_any_rank_is_named(rank, place):
    model = network(64, 48, 32)
    kernel = model.layers[place].kernel
    u, s, v = np.linalg.svd(kernel, full_matrices=False)
    s[rank:] = 0.01
    kernel[...] = (u * s) @ v
    kernel *= np.sqrt(2 / sum(kernel.shape) / np.mean(kernel**2))
    assert grave(fanin.diagnose(model, X, Y))[0] == ("rank", (f"fc{place + 1}",))


@pytest.mark.parametrize("shape", [(6, 6), (6, 200), (784, 10), (64, 64)])
def test_random_kernels_have_many_directions(shape):
    for seed in range(5):
        kernel = np.random.default_rng(seed).normal(size=shape)
        assert leading_share(kernel, 2) < 0.9


@pytest.mark.parametrize("count", [1, 2, 4])
def test_shares_are_those_of_the_singular_values(count):
    kernel = RNG.normal(size=(40, 30)) @ np.diag(0.6 ** np.arange(30))
    squares = np.linalg.svd(kernel, compute_uv=False) ** 2
    expected = squares[:count].sum() / squares.sum()
    assert leading_share(kernel, count) == pytest.approx(expected, rel=1e-2)
    assert leading_share(kernel, count) <= expected + 1e-9
    assert np.isnan(leading_share(np.zeros((4, 4)), count))


def test_a_bottleneck_of_one_unit_is_named_and_a_code_is_not():
    assert grave(fanin.diagnose(network(64, 1, 64), X, Y)) == [("bottleneck", ("fc2",))]
    sound = (
        (network(64, 1, 64, outputs=2), Y % 2),  # two classes lie on a line
        (network(64, 2, 64), Y),
        (network(64, 2, 64, outputs=30, end=None), X),
    )
    for model, y in sound:
        assert "bottleneck" not in [kind for kind, _ in grave(fanin.diagnose(model, X, y))]


def test_a_network_of_one_kernel_has_no_bottleneck():
    assert not grave(fanin.diagnose(network(), X, Y))


def test_a_signal_that_collapses_is_found_where_it_does():
    model = network(64, 48, 32, activation="linear")
    model.layers[1].kernel[:, 0] *= 300  # one unit outweighs all others, which stay as they were
    model.layers[1].kernel[:, 1:] += 1e-3
    report = fanin.diagnose(model, X, Y)
    found = [f.layers for f in report.findings if f.kind == "rank"]
    assert found == [("fc2",)]


def equal_units(*extra):
    model = fanin.Sequential(
        [Dense(8, "relu", kernel_initializer="he_normal", name="fc1"), *extra, Dense(5, "softmax")],
        rng=0,
    )
    model.build((None, 30))
    first, last = model.layers[0], model.layers[-1]
    first.kernel[:, 1:4] = first.kernel[:, :1]
    last.kernel[1:4] = last.kernel[:1]
    return model


def test_equal_units_stay_equal_unless_noise_parts_them():
    assert grave(fanin.diagnose(equal_units(), X, Y)) == [("symmetric", ("fc1",))]
    for training in (True, False):
        assert not grave(fanin.diagnose(equal_units(Dropout(0.5)), X, Y, training=training))


def test_units_that_differ_by_rounding_only_stay_equal():
    model = equal_units()
    gradient_noise = np.float32(1 + 1e-5)
    model.layers[-1].kernel[1] *= gradient_noise
    assert grave(fanin.diagnose(model, X, Y)) == [("symmetric", ("fc1",))]


def test_fixes_draw_one_layer_again():
    model = equal_units()
    [finding] = fanin.diagnose(model, X, Y).findings
    assert finding.fix == 'Dense(8, activation="relu", kernel_initializer="he_normal")'
