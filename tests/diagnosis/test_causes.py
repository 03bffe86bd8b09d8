"""Causes before effects: what is wrong is named where it is, with what follows from it."""

import json

import fanin
import numpy as np
import pytest
from fanin.diagnosis.findings import Finding, _causes
from fanin.initializers import Constant, RandomNormal, VarianceScaling
from fanin.layers import Activation, BatchNormalization, Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 50)).astype("float32")
Y = RNG.integers(0, 10, 128)
SUITABLE = {"relu": "he_normal", "leaky_relu": "he_normal", "tanh": "glorot_normal",
            "selu": "lecun_normal", "gelu": "he_normal"}  # fmt: skip


def network(activation="relu", depth=8, width=64, seed=0):
    layers = [
        Dense(width, activation, kernel_initializer=SUITABLE[activation], name=f"h{i + 1}")
        for i in range(depth)
    ]
    model = fanin.Sequential([*layers, Dense(10, "softmax", name="out")], rng=seed)
    model.build((None, 50))
    return model


def normalized(depth=4, activation="relu", seed=0):
    layers = []
    for i in range(1, depth + 1):
        layers += [
            Dense(64, use_bias=False, kernel_initializer="he_normal", name=f"fc{i}"),
            BatchNormalization(name=f"norm{i}"),
            Activation(activation, name=f"act{i}"),
        ]
    model = fanin.Sequential([*layers, Dense(10, "softmax", name="out")], rng=seed)
    model.build((None, 50))
    return model


def diagnose(model, x=X, y=Y):
    return fanin.diagnose(model, x, y)


def causes(report):
    """Return kind and layers of what is more than a note, and not explained."""
    return [(f.kind, f.layers) for f in report.findings if f.severity != "note" and not f.because]


def mended(model, finding, **names):
    exec(finding.fix, {"model": model, "fanin": fanin, **names})
    return diagnose(model)


# One layer that changes the scale.


@pytest.mark.parametrize("activation", SUITABLE)
@pytest.mark.parametrize(("factor", "place"), [(30.0, 0), (30.0, 3), (1e-3, 7), (1 / 30, 3)])
def test_a_layer_of_another_size_is_named_alone_and_the_fix_mends(activation, factor, place):
    model = network(activation)
    assert diagnose(model).healthy
    model.layers[place].kernel[...] *= factor
    report = diagnose(model)
    assert causes(report) == [("scale", (f"h{place + 1}",))]
    assert report.findings[0].kind == "scale"
    assert (report.findings[0].value > 1) == (factor > 1)
    assert mended(model, report.findings[0]).healthy


@pytest.mark.parametrize("depth", [1, 2, 20])
def test_the_depth_does_not_matter(depth):
    model = network("relu", depth)
    model.layers[0].kernel[...] *= 30
    assert causes(diagnose(model)) == [("scale", ("h1",))]


def test_a_spike_that_a_later_layer_undoes_is_named():
    model = network()
    model.layers[2].kernel[...] *= 50
    model.layers[5].kernel[...] /= 50
    report = diagnose(model)
    assert causes(report) == [("scale", ("h3",)), ("scale", ("h6",))]
    assert diagnose(network()).findings == []


def test_the_last_layer_may_begin_small_but_not_large():
    model = network()
    model.layers[-1].kernel[...] /= 1000
    assert diagnose(model).healthy
    model.layers[-1].kernel[...] *= 30000
    report = diagnose(model)
    assert causes(report) == [("scale", ("out",))]
    assert [f.because for f in report.findings if f.kind == "output_scale"] == ["scale in out"]


def test_what_a_normalization_scales_again_may_have_any_size():
    model = normalized()
    for factor in (1e-3, 1e3):
        model.layers[3].kernel[...] *= factor
        assert diagnose(model).healthy


def test_weights_that_bring_inputs_to_their_size_are_sound():
    model = network(depth=3)
    model.layers[0].kernel[...] *= 1000
    report = diagnose(model, X / 1000)
    assert causes(report) == [("unscaled_input", ())]


def test_small_weights_of_glorot_in_front_of_a_wide_layer_are_sound():
    layers = [Dense(1024, "tanh"), Dense(16, "tanh"), Dense(10, "softmax")]
    assert diagnose(fanin.Sequential(layers, rng=0), X[:, :2]).healthy


def test_all_layers_are_not_one_layer():
    for std, kind in ((3.0, "exploding"), (0.003, "vanishing")):
        layers = [Dense(64, "relu", kernel_initializer=RandomNormal(stddev=std)) for _ in range(8)]
        report = diagnose(fanin.Sequential([*layers, Dense(10, "softmax")], rng=0))
        (cause,) = causes(report)
        assert cause[0] == kind
        assert len(cause[1]) == 8
        assert {f.kind for f in report.findings[0].effects} >= {"scale"}


# Normalizations.


@pytest.mark.parametrize(("factor", "place"), [(0.0, 4), (0.0, 1), (1e-3, 1), (50.0, 4)])
def test_gamma_is_named_where_it_is(factor, place):
    model = normalized()
    assert diagnose(model).healthy
    model.get_layer(f"norm{place}").gamma[...] *= factor
    report = diagnose(model)
    assert causes(report) == [("normalization", (f"norm{place}",))]
    assert mended(model, report.findings[0]).healthy


def test_gamma_of_zero_in_many_units():
    model = normalized()
    model.get_layer("norm2").gamma[:40] = 0
    assert causes(diagnose(model)) == [("normalization", ("norm2",))]


def test_gamma_near_one_is_sound():
    model = normalized()
    for layer in model.layers[1:-1:3]:
        layer.gamma[...] *= RNG.uniform(0.3, 3.0, 64)
    assert "normalization" not in [kind for kind, _ in causes(diagnose(model))]


def test_stale_averages_are_told_from_fresh_ones():
    model = normalized()
    model.get_layer("norm2").moving_mean[...] += 5
    found = {f.severity: f.layers for f in diagnose(model, 3 * X).findings}
    assert found["warning"] == ("norm2",)
    assert "norm2" not in found.get("note", ())


# Units.


@pytest.mark.parametrize("place", [0, 3, 6])
def test_dead_units_are_named_where_they_begin(place):
    model = network()
    model.layers[place].bias[...] -= 100
    report = diagnose(model)
    assert causes(report) == [("dead", (f"h{place + 1}",))]
    assert "outweigh" in report.verdict
    assert {f.because for f in report.findings[1:]} == {f"dead in h{place + 1}"}
    assert mended(model, report.findings[0]).healthy


@pytest.mark.parametrize(("activation", "shift"), [("leaky_relu", -100), ("gelu", 30)])
def test_biases_that_drown_what_differs(activation, shift):
    model = network(activation)
    model.layers[2].bias[...] += shift
    report = diagnose(model)
    assert causes(report) == [("bias", ("h3",))]
    assert mended(model, report.findings[0]).healthy


def test_biases_of_usual_size_are_sound():
    model = network()
    for layer in model.layers:
        layer.bias[...] = RNG.normal(0, 0.3, layer.bias.shape)
    assert diagnose(model).healthy


def test_biases_that_saturate_are_the_reason_and_the_fix():
    model = network("tanh")
    model.layers[3].bias[...] += 10 * (-1.0) ** np.arange(64)
    report = diagnose(model)
    assert causes(report) == [("saturated", ("h4",))]
    assert mended(model, report.findings[0]).healthy


def test_a_kernel_of_zeros_whose_units_part():
    model = network("tanh", 4)
    model.layers[1].kernel[...] = 0
    report = diagnose(model)
    assert causes(report) == [("zero", ("h2",))]
    assert diagnose(network("tanh", 4)).healthy


# Sound depth.


@pytest.mark.parametrize("seed", range(2))
def test_sixteen_layers_of_batch_normalization_are_sound(seed):
    # Gradients grow by the root of pi / (pi - 1) a layer: Yang et al. 2019, arXiv:1902.08129.
    assert diagnose(normalized(16, seed=seed)).healthy


@pytest.mark.parametrize("seed", range(2))
def test_sixty_layers_of_selu_are_sound(seed):
    assert diagnose(network("selu", 60, seed=seed)).healthy


def test_widths_that_change_are_sound():
    widths = [512, 128, 32, 8, 32, 128, 512]
    layers = [Dense(n, "relu", kernel_initializer="he_normal") for n in widths]
    assert diagnose(fanin.Sequential([*layers, Dense(10, "softmax")], rng=0)).healthy


# The graph.


def test_raw_inputs_explain_what_they_saturate():
    pixels = RNG.integers(0, 256, X.shape).astype("float32")
    report = diagnose(network("tanh", 3), pixels)
    assert {kind for kind, _ in causes(report)} <= {"unscaled_input", "uncentred_input"}
    effects = {f.kind: f.because for f in report.findings if f.because}
    assert effects["saturated"] in ("unscaled_input", "uncentred_input")


def test_causes_are_as_severe_as_their_effects_and_come_first():
    model = network()
    model.layers[3].kernel[...] *= 30
    report = diagnose(model)
    cause, *rest = report.findings
    assert cause.effects == tuple(rest)
    assert all(effect.because == "scale in h4" for effect in rest)
    order = ("severe", "warning", "note")
    assert order.index(cause.severity) == min(order.index(f.severity) for f in rest)
    text = str(report)
    assert text.index("severe: scale") < text.index("explains") < text.index("output_scale")
    assert report._repr_html_().count("severe: output_scale") == 1
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))["findings"]
    assert found[0]["effects"] == [effect.title for effect in rest]
    assert found[1]["because"] == "scale in h4"


def test_every_pair_of_kinds_ends_in_a_cause():
    """Whatever is found, in whatever order, each finding is below one that nothing explains."""
    model = network("relu", 3)
    report = diagnose(model)
    kinds = {rule.cause for rule in _causes._RULES}
    kinds = sorted(kinds.union(*(rule.effects for rule in _causes._RULES)))
    for value in (100.0, 0.01):
        listed = [
            Finding(kind, severity, layers, value, 10.0, "", "")
            for kind in kinds
            for severity in ("warning", "note")
            for layers in (("h1",), ("h2", "h3"))
        ]
        for found in (listed, listed[::-1]):
            ordered = _causes.order(found, report)
            assert len(ordered) == len(found)
            roots = {f.title for f in ordered if not f.because}
            assert roots
            assert all(f.because in roots for f in ordered if f.because)


def _top(model, x, y):
    found = fanin.diagnose(model, x, y).findings
    return next((f for f in found if f.severity != "note"), None)


@pytest.mark.parametrize("depth", [20, 60, 100])
def test_tanh_fades_by_a_power_of_the_depth_and_not_by_a_factor(depth):
    x, y = RNG.normal(size=(128, 20)).astype("float32"), np.arange(128) % 5
    layers = [Dense(64, "tanh", kernel_initializer="orthogonal") for _ in range(depth)]
    assert _top(fanin.Sequential([*layers, Dense(5, "softmax")], rng=0), x, y) is None
    # Half of the usual size: a factor of two a layer.
    small = VarianceScaling(0.25)
    layers = [Dense(64, "tanh", kernel_initializer=small) for _ in range(depth)]
    found = _top(fanin.Sequential([*layers, Dense(5, "softmax")], rng=0), x, y)
    assert (found.kind, found.severity) == ("vanishing", "severe")


def test_growing_signals_explain_units_that_are_off_where_they_got():
    x, y = RNG.normal(size=(128, 20)).astype("float32"), np.arange(128) % 5
    layers = [Dense(64, "selu", kernel_initializer=VarianceScaling(9)) for _ in range(30)]
    report = fanin.diagnose(fanin.Sequential([*layers, Dense(5, "softmax")], rng=0), x, y)
    assert report.findings[0].kind == "exploding"
    assert all(f.because for f in report.findings if f.kind in ("dead", "constant_output"))
    assert {f.kind for f in report.findings} >= {"dead", "constant_output"}


def test_outputs_far_out_are_no_fault_of_the_targets():
    x = RNG.normal(size=(128, 12)).astype("float32")
    y = np.tanh(x[:, :1])
    layers = [
        Dense(32, "relu", kernel_initializer="he_normal", bias_initializer=Constant(bias))
        for bias in (0, 0, 30)
    ]
    model = fanin.Sequential([*layers, Dense(1)], rng=0)
    model.compile("adam", "mse")
    found = _top(model, x, y)
    assert (found.kind, found.layers) == ("bias", (model.layers[2].name,))
    assert _top(model, x, 3000 * y + 20000).kind == "target_scale"
