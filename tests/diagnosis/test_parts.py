"""Attention, recurrent kernels and a softmax inside: what is measured, and what is found."""

import math

import fanin
import numpy as np
import pytest
from fanin.diagnosis._attention import AttentionReport
from fanin.diagnosis._recurrence import measured
from fanin.diagnosis.findings._causes import order
from fanin.diagnosis.findings._finding import Finding
from fanin.frameworks._trace import AttentionTrace, InnerTrace, RecurrentTrace
from fanin.initializers import Orthogonal
from fanin.layers import Activation, BatchNormalization, Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 20)).astype("float32")
Y = RNG.integers(0, 4, 128)


def log_softmax(scores):
    shifted = scores - scores.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True))


def report(scores):
    return AttentionReport.of(AttentionTrace(("attn",), log_softmax(scores)))


def test_attention_to_all_keys_alike_has_all_the_entropy():
    found = report(np.zeros((2, 5, 7)))
    assert (found.entropy, found.sharp, found.keys) == (pytest.approx(1), 0, 7)
    assert found.spread == pytest.approx(0)


def test_entropy_of_gaussian_scores_is_that_of_the_random_energy_model():
    # Derrida 1981: 1 - s^2 / (2 ln n) up to the spread sqrt(2 ln n).
    n = 4096
    for spread in (0.5, 1.0, 2.0):
        found = report(spread * RNG.normal(size=(1, 64, n)))
        assert found.entropy == pytest.approx(1 - spread**2 / (2 * math.log(n)), abs=0.01)
        assert found.spread == pytest.approx(spread, rel=0.02)


def test_attention_to_one_key_has_none_and_is_sharp():
    found = report(100 * np.eye(6)[None])
    assert found.entropy == pytest.approx(0, abs=1e-9)
    assert found.sharp == 1
    # Of two keys a softmax is a sigmoid, which is flat from a difference of 2.06 on.
    for difference, sharp in ((2.0, 0), (2.1, 1)):
        assert report(np.array([[[difference, 0.0]] * 2])).sharp == sharp


def test_spreads_of_weights_that_are_no_numbers_are_at_least_so_large():
    found = report(np.stack([1e4 * np.eye(6), 1e4 * np.eye(6)[::-1]]))
    assert (found.entropy, found.sharp) == (0, 1)
    assert found.spread == pytest.approx(52)


def test_masks_leave_fewer_keys():
    scores = np.where(np.tri(6, dtype=bool), 0.0, -np.inf)[None]
    found = report(scores)
    assert found.entropy == pytest.approx(1)  # each of those that it may look at
    padded = np.zeros((2, 4, 6))
    padded[1, :, 3:] = -np.inf
    assert report(padded).entropy == pytest.approx(1)
    assert report(np.where(np.eye(4, dtype=bool), 0.0, -np.inf)[None]) is None


def recurrent(kernel, states=None, gates=1, **options):
    made = {"states": True, **options}
    return measured([RecurrentTrace("cells", "U", kernel, gates, given=states, **made)], [])[0]


def test_gain_of_recurrent_kernels():
    orthogonal = Orthogonal()((64, 64), rng=0)
    assert recurrent(orthogonal).gain == pytest.approx(1, abs=1e-6)
    four = np.concatenate([orthogonal / 2] * 3 + [3 * orthogonal], axis=1)
    assert recurrent(four, gates=4).gain == pytest.approx(3, abs=1e-6)  # one gate is off
    assert math.isnan(recurrent(orthogonal).flat)


def test_flat_is_what_a_kernel_alone_makes_flat():
    states = RNG.choice([-1.0, 1.0], size=(500, 64))
    kernel = RNG.normal(size=(64, 64)) / 8
    for gates, end in ((1, math.atanh(math.sqrt(0.9))), (4, 2.0634371)):
        found = recurrent(2 * kernel, states, gates)
        assert found.flat == pytest.approx(math.erfc(end / 2 / math.sqrt(2)), abs=0.02)
    assert math.isnan(recurrent(kernel, states, bounded=False).flat)


def test_flat_functions_are_seen_by_their_outputs():
    outputs = ("tanh", np.array([0.0, 0.99, -0.99, 0.5])), ("sigmoid", np.array([0.5, 0.999]))
    [found] = measured([], [InnerTrace("cell", outputs)])
    assert found.flat == pytest.approx(3 / 6)


def softened(*layers):
    return fanin.Sequential([*layers, Dense(4, "softmax")], rng=0)


def he(units, activation="relu"):
    return Dense(units, activation, kernel_initializer="he_normal")


@pytest.mark.parametrize("alone", [False, True])
def test_a_softmax_inside_is_found_and_mended(alone):
    middle = (
        [Dense(32), BatchNormalization(), Activation("softmax")] if alone else [he(32, "softmax")]
    )
    model = softened(he(32), *middle, he(32))
    model.build((None, 20))
    name = model.layers[len(middle)].name
    model.compile("adam", "sparse_categorical_crossentropy")
    found = fanin.diagnose(model, X, Y)
    top = next(f for f in found.findings if f.severity != "note")
    assert (top.kind, top.layers) == ("activation", (name,))
    assert top.value < 1 / 8  # 32 units share a sum of 1
    assert all(
        f.because == f"activation in {name}" for f in found.findings if f.kind == "vanishing"
    )
    names = {"Dense": Dense, "Activation": Activation, "fanin": fanin}
    mended = [eval(top.fix, names) if la.name == name else la for la in model.layers]
    fresh = [type(la).from_config(la.get_config()) for la in mended]
    again = fanin.diagnose(fanin.Sequential(fresh, rng=0), X, Y)
    assert not [f for f in again.findings if f.kind == "activation"]


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_a_softmax_at_the_end_is_sound(activation):
    kinds = {f.kind for f in fanin.diagnose(softened(he(32, activation)), X, Y).findings}
    assert "activation" not in kinds


def test_what_explains_is_not_explained_by_it_in_turn():
    layers = softened(he(16), he(16), he(16), he(16))
    whole = fanin.diagnose(layers, X, Y)
    names = tuple(layer.name for layer in whole.layers[:4])
    found = [
        Finding("exploding", "severe", names, 1e4, 10.0, "", ""),
        Finding("scale", "severe", names, 30.0, 10.0, "", ""),
        Finding("recurrence", "severe", names[:1], 0.9, 0.25, "", ""),
    ]
    ordered = order(found, whole)  # each of them explains the next, and the last the first
    assert {f.kind for f in ordered} == {f.kind for f in found}
    assert not ordered[0].because
