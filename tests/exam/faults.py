"""Faults: each function puts one into a sound network, and says what a diagnosis should say.

Where several answers are right in good conscience, all of them are accepted: a layer of tanh with
weights that are 30 times too large is `saturated` and has the wrong `scale`. What is not accepted
is another layer: what a fault does to the layers behind it is not where it is.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from exam import data, where
from exam.fault import Answer, Array, Draft, Expectation, fault
from exam.network import Network, Part

# Weights of the wrong size.


@fault(where.plain)
def layer_too_large(draft: Draft) -> Expectation:
    """One layer's weights are 30 times too large."""
    part = draft.one(draft.network.kernels)
    draft.touch(part.name, "kernel", lambda w: 30 * w)
    bounded = draft.network.activation_at(part.place) in where.BOUNDED
    return draft.expect(
        {"exploding", "scale", "unexpected", *(["saturated"] if bounded else [])}, part
    )


@fault(where.plain, hurts=False)
def layer_too_small(draft: Draft) -> Expectation:
    """One layer's weights are 1000 times too small; Adam often makes up for it, SGD does not."""
    part = draft.one(draft.network.kernels)
    draft.touch(part.name, "kernel", lambda w: w / 1000)
    return draft.expect({"vanishing", "scale", "unexpected"}, part)


@fault(where.plain)
def output_too_large(draft: Draft) -> Expectation:
    """The last layer's weights are 30 times too large."""
    out = draft.network.named("dense")[-1]
    draft.touch(out.name, "kernel", lambda w: 30 * w)
    return draft.expect({"output_scale", "scale", "exploding", "unexpected"}, out)


@fault(where.deep(3, *where.RECTIFIERS, "tanh"))
def tiny_weights(draft: Draft) -> Expectation:
    """All weights are drawn from N(0, 0.01 ** 2), as books of old did."""
    return _all_drawn(draft, ("normal", 0.01), {"vanishing", "scale", "initializer"})


@fault(where.deep(2, *where.RECTIFIERS, "tanh"))
def huge_weights(draft: Draft) -> Expectation:
    """All weights are drawn from N(0, 1)."""
    kinds = {"exploding", "scale", "initializer", "saturated", "non_finite"}
    first = draft.network.kernels[0].options
    return _all_drawn(draft, ("normal", 1.0 if first.get("units", 9) > 16 else 3.0), kinds)


@fault(where.deep(8, "relu", "leaky_relu"))
def initializer_of_tanh(draft: Draft) -> Expectation:
    """A deep network of rectifiers is drawn as for linear layers, from half of the variance."""
    return _all_drawn(draft, "lecun_normal", {"vanishing", "initializer", "scale"})


@fault(where.deep(10, "selu", "tanh"))
def gain_too_large(draft: Draft) -> Expectation:
    """Each of many layers has weights that are 3 times too large."""
    for part in draft.network.kernels:
        draft.touch(part.name, "kernel", lambda w: 3 * w)
    return draft.expect({"exploding", "saturated", "scale", "initializer", "chaotic"})


@fault(where.deep(10, "tanh", "selu"))
def gain_too_small(draft: Draft) -> Expectation:
    """Each of many layers has weights that are half as large as they should be."""
    for part in draft.network.kernels:
        draft.touch(part.name, "kernel", lambda w: w / 2)
    return draft.expect({"vanishing", "scale", "initializer"})


@fault(where.deep(8, *where.RECTIFIERS, "tanh"))
def deep_sigmoid(draft: Draft) -> Expectation:
    """Many layers of sigmoids, and nothing that normalizes."""
    for part in list(draft.network.named("act")):
        if part.place != "out":
            draft.network = draft.network.with_part(part.name, kind="sigmoid")
    return _all_drawn(
        draft, "glorot_uniform", {"vanishing", "initializer", "activation", "saturated"}
    )


def _all_drawn(draft: Draft, init: Any, kinds: set[str]) -> Expectation:
    for part in draft.network.kernels:
        draft.network = draft.network.with_part(part.name, init=init)
    return draft.expect(kinds)


# Weights that cannot tell samples or units apart.


@fault(where.plain)
def zero_layer(draft: Draft) -> Expectation:
    """One hidden layer's weights are zero."""
    part = draft.one(draft.network.kernels)
    draft.network = draft.network.with_part(part.name, init="zeros")
    return draft.expect({"symmetric", "zero", "constant_output", "vanishing", "rank", "dead"}, part)


@fault(where.deep(1, *where.RECTIFIERS, *where.BOUNDED), hurts=False)
def constant_weights(draft: Draft) -> Expectation:
    """All layers are drawn with one constant, the last one too."""
    draft.network = draft.network.with_part("out", init=("constant", 0.05))
    return _all_drawn(draft, ("constant", 0.05), {"symmetric"})


@fault(where.dense, hurts=False)
def equal_units(draft: Draft) -> Expectation:
    """Of every four units of one layer three are copies, and what reads them treats them alike."""
    part = draft.one(draft.network.kernels)
    layers = draft.network.named("dense", "conv", "conv1d")
    behind = layers[layers.index(part) + 1]
    for role in ("kernel", "bias"):
        draft.touch(part.name, role, lambda w: w[..., np.arange(w.shape[-1]) // 4 * 4])
    draft.touch(behind.name, "kernel", lambda w: w[..., np.arange(w.shape[-2]) // 4 * 4, :])
    return draft.expect({"symmetric", "rank"}, part)


@fault(where.dense, hurts=False)
def rank_one(draft: Draft) -> Expectation:
    """One layer's kernel is a product of two vectors, of the size that it had."""
    part = draft.one(draft.network.kernels)

    def flatten(w: Array) -> Array:
        u, s, v = np.linalg.svd(w, full_matrices=False)
        return np.linalg.norm(s) * u[:, :1] @ v[:1]

    draft.touch(part.name, "kernel", flatten)
    return draft.expect({"rank", "bottleneck"}, part)


@fault(lambda n: where.classes(n) and where.dense(n) and data.CLASSES[n.data] >= 4)
def bottleneck(draft: Draft) -> Expectation:
    """One layer has a single unit."""
    part = draft.one(draft.network.kernels)
    draft.network = draft.network.with_part(part.name, units=1)
    return draft.expect({"rank", "bottleneck", "dead"}, part)


# Activations that do not let gradients pass.


@fault(where.activated_by("relu"))
def dead_units(draft: Draft) -> Expectation:
    """The biases of one layer of ReLUs keep all units off."""
    part = draft.one([p for p in where.activated(draft.network, "relu") if p.options["bias"]])
    draft.touch(part.name, "bias", lambda b: b - 100)
    return draft.expect({"dead", "constant_output"}, part)


@fault(where.activated_by("relu"), hurts=False)
def mostly_dead(draft: Draft) -> Expectation:
    """The biases of one layer of ReLUs keep four units out of five off."""
    part = draft.one([p for p in where.activated(draft.network, "relu") if p.options["bias"]])
    draft.touch(part.name, "bias", lambda b: b - 100 * (np.arange(len(b)) % 5 > 0))
    return draft.expect({"dead"}, part)


@fault(where.activated_by(*where.BOUNDED))
def saturated_units(draft: Draft) -> Expectation:
    """The biases of one layer of tanh or sigmoid are where it is flat."""
    part = draft.one(where.activated(draft.network, *where.BOUNDED))
    draft.touch(part.name, "bias", lambda b: b + 6 * (-1.0) ** np.arange(len(b)))
    return draft.expect({"saturated", "bias"}, part)


@fault(lambda n: n.loss == "mse" and not n.named("dropout"))
def relu_behind_regression(draft: Draft) -> Expectation:
    """A ReLU behind the last layer: targets below zero cannot be reached."""
    return _relu_last(draft, {"output_activation", "dead", "loss"})


@fault(lambda n: n.loss != "mse" and n.ending == "logits" and where.plain(n))
def dead_outputs(draft: Draft) -> Expectation:
    """A ReLU behind the logits, which begin below zero: all outputs are zero."""
    draft.touch("out", "bias", lambda b: b - 20)
    return _relu_last(draft, {"output_activation", "dead", "constant_output", "loss"})


def _relu_last(draft: Draft, kinds: set[str]) -> Expectation:
    draft.network = replace(
        draft.network, parts=(*draft.network.parts, Part("act", "act_out", {"kind": "relu"}))
    )
    return draft.expect(kinds, draft.network.named("dense")[-1])


# Outputs and losses that do not fit.


@fault(lambda n: where.classes(n) and n.ending == "logits", hurts=False)
def softmax_twice(draft: Draft) -> Expectation:
    """A softmax before a loss that takes logits."""
    network = draft.network
    draft.network = replace(
        network, parts=(*network.parts, Part("act", "act_out", {"kind": "softmax"}))
    )
    return _misfit(draft, {"softmax_twice", "output_activation", "loss"})


@fault(lambda n: where.classes(n) and n.ending == "probabilities", hurts=False)
def probabilities_as_logits(draft: Draft) -> Expectation:
    """The loss is told that its probabilities are logits."""
    draft.network = replace(draft.network, ending="logits")
    return _misfit(draft, {"softmax_twice", "output_activation", "loss"})


@fault(lambda n: n.ending in ("probabilities", "log"), hurts=False)
def no_softmax(draft: Draft) -> Expectation:
    """A linear output under a loss of probabilities."""
    parts = tuple(part for part in draft.network.parts if part.name != "act_out")
    draft.network = replace(draft.network, parts=parts)
    return _misfit(draft, {"output_activation", "loss"})


def _misfit(draft: Draft, kinds: set[str]) -> Expectation:
    """Expect findings about the last layer, or about none."""
    out = draft.network.named("dense")[-1]
    return Expectation(
        (Answer(frozenset(kinds), draft.at(out)), Answer(frozenset(kinds), frozenset()))
    )


# Normalizations.


@fault(where.normalized)
def zero_gamma(draft: Draft) -> Expectation:
    """The last normalization that all signals pass is multiplied by zero."""
    norm = _norms(draft.network)[-1]
    draft.touch(norm.name, "gamma", np.zeros_like)
    return draft.expect(
        {"normalization", "zero", "constant_output", "vanishing", "scale", "dead"}, norm
    )


@fault(where.normalized)
def large_gamma(draft: Draft) -> Expectation:
    """A normalization multiplies by 50."""
    norm = draft.one(_norms(draft.network)[-1:])
    draft.touch(norm.name, "gamma", lambda g: 50 * g)
    return draft.expect({"normalization", "exploding", "scale", "unexpected", "saturated"}, norm)


@fault(where.normalized, hurts=False)
def small_gamma(draft: Draft) -> Expectation:
    """A normalization multiplies by 0.001."""
    norm = draft.one(_norms(draft.network))
    draft.touch(norm.name, "gamma", lambda g: 0.001 * g)
    return draft.expect({"normalization", "vanishing", "scale", "unexpected"}, norm)


@fault(lambda n: any(p.options["kind"] == "batch" for p in n.named("norm")), hurts=False)
def stale_averages(draft: Draft) -> Expectation:
    """The running averages of a BatchNormalization are those of other data."""
    norm = draft.one([p for p in draft.network.named("norm") if p.options["kind"] == "batch"])
    draft.touch(norm.name, "moving_mean", lambda m: m + 5)
    draft.touch(norm.name, "moving_variance", lambda v: 9 * v)
    return Expectation((Answer(frozenset({"batch_norm_lag"})),))


def _norms(network: Network) -> list[Part]:
    """Return the normalizations that all signals pass, or, if none, all of them."""
    passed = [part for part in network.parts if part.what == "norm"]
    return passed or network.named("norm")


# Parameters and data that are no numbers.


@fault(where.anywhere, hurts=False)
def nan_weight(draft: Draft) -> Expectation:
    """One weight is NaN."""
    part = draft.one([p for p in draft.network.named("dense", "conv", "conv1d")])

    def spoil(w: Array) -> Array:
        w[(0,) * w.ndim] = np.nan
        return w

    draft.touch(part.name, "kernel", spoil)
    return draft.expect({"non_finite"}, part)


@fault(where.numbers, hurts=False)
def nan_inputs(draft: Draft) -> Expectation:
    """A few of the inputs are missing, written as NaN."""
    draft.x = draft.x.copy()
    draft.x.reshape(len(draft.x), -1)[3::17, 0] = np.nan
    return draft.expect({"non_finite"}, error=r"\bx\b|input")


@fault(where.regression, hurts=False)
def nan_targets(draft: Draft) -> Expectation:
    """A few of the targets are missing, written as NaN."""
    draft.y = draft.y.copy()
    draft.y[5::29] = np.nan
    answers = (
        Answer(frozenset({"non_finite_targets", "targets"})),
        Answer(frozenset({"non_finite"}), frozenset()),  # of no layer, and the inputs are finite
    )
    return Expectation(answers, r"\by\b|target")


# Inputs.


@fault(where.numbers)
def raw_inputs(draft: Draft) -> Expectation:
    """Inputs come as bytes do, from 0 to 255."""
    low, high = draft.x.min(), draft.x.max()
    draft.x = (255 * (draft.x - low) / (high - low)).astype("float32")
    return draft.expect({"unscaled_input", "uncentred_input"})


@fault(where.vectors, hurts=False)
def one_large_feature(draft: Draft) -> Expectation:
    """One feature is in another unit, 3000 times as large."""
    spread = draft.x.std(axis=0)
    place = draft.rng.choice(np.flatnonzero(spread > 0.5))
    draft.x = draft.x.copy()
    draft.x[:, place] *= 3000
    return draft.expect({"unscaled_input", "feature_scale"})


@fault(where.vectors)
def shifted_inputs(draft: Draft) -> Expectation:
    """Features are far from zero, compared with their spread."""
    draft.x = draft.x + np.float32(30)
    return draft.expect({"uncentred_input", "unscaled_input"})


@fault(where.vectors, held=True)
def tiny_inputs(draft: Draft) -> Expectation:
    """Inputs are a thousandth of what they should be."""
    draft.x = draft.x / np.float32(1000)
    return draft.expect({"unscaled_input"})


@fault(where.numbers, hurts=False, mendable=False)
def constant_inputs(draft: Draft) -> Expectation:
    """All samples are the same."""
    draft.x = np.repeat(draft.x[:1], len(draft.x), axis=0)
    return draft.expect({"constant_input", "repeated_samples"})


@fault(where.numbers, hurts=False, mendable=False)
def repeated_samples(draft: Draft) -> Expectation:
    """Eight samples, again and again."""
    again = np.arange(len(draft.x)) % 8
    draft.x, draft.y = draft.x[again], draft.y[again]
    return draft.expect({"repeated_samples"})


# Targets.


@fault(where.regression)
def raw_targets(draft: Draft) -> Expectation:
    """Targets of regression are prices: thousands, and far from zero."""
    draft.y = (3000 * draft.y + 20000).astype("float32")
    return draft.expect({"target_scale", "output_scale", "targets"})


@fault(lambda n: where.regression(n) and n.framework == "torch", hurts=False)
def flat_targets(draft: Draft) -> Expectation:
    """Targets of shape (n,) meet outputs of shape (n, 1): the loss compares all with all."""
    draft.network = replace(draft.network, flat_targets=True)
    return Expectation((Answer(frozenset({"target_shape", "targets"})),), r"shape|\by\b|target")


@fault(lambda n: n.loss != "mse", hurts=False, mendable=False)
def one_class(draft: Draft) -> Expectation:
    """All labels are the same."""
    draft.y = np.ones_like(draft.y)
    return draft.expect({"labels", "imbalance"})


@fault(lambda n: n.loss != "mse" and n.data not in ("iris", "wine"), hurts=False, mendable=False)
def hardly_any_balance(draft: Draft) -> Expectation:
    """Of 40 labels one is of another class."""
    draft.y = np.where(np.arange(len(draft.y)) % 40 == 7, draft.y, np.zeros_like(draft.y))
    return draft.expect({"labels", "imbalance"})


# Training.


@fault(lambda n: n.optimizer in ("momentum", "sgd"))
def rate_too_large(draft: Draft) -> Expectation:
    """The learning rate of gradient descent is 300 times too large."""
    return _rate(draft, 300)


@fault(lambda n: n.optimizer in ("adam", "rmsprop"))
def adaptive_rate_too_large(draft: Draft) -> Expectation:
    """The learning rate of Adam or RMSprop is 300 times too large."""
    return _rate(draft, 300)


@fault(where.anywhere)
def rate_too_small(draft: Draft) -> Expectation:
    """The learning rate is 3000 times too small."""
    return _rate(draft, 1 / 3000)


def _rate(draft: Draft, factor: float) -> Expectation:
    draft.network = replace(draft.network, learning_rate=factor * draft.network.learning_rate)
    return draft.expect({"learning_rate"})


@fault(lambda n: bool(n.kernels) and n.plain)
def frozen_layers(draft: Draft) -> Expectation:
    """All layers are frozen as they were drawn, but for what normalizes."""
    names = [part.name for part in draft.network.named("dense", "conv", "conv1d")]
    draft.network = replace(draft.network, frozen=frozenset(names))
    return draft.expect({"frozen"})


# Only held apart.


@fault(lambda n: bool(n.named("embedding")), held=True)
def large_embedding(draft: Draft) -> Expectation:
    """Vectors of words are 50 times too large."""
    part = draft.network.named("embedding")[0]
    draft.touch(part.name, "embeddings", lambda w: 50 * w)
    # torch draws them with variance 1, Keras with one of 0.0008.
    return draft.expect({"scale", "exploding", "unexpected", "saturated"}, part)


@fault(lambda n: bool(n.named("attention")), held=True, hurts=False)
def sharp_attention(draft: Draft) -> Expectation:
    """Queries and keys are so large that each token attends to one other."""
    part = draft.one(draft.network.named("attention"))
    draft.touch(part.name, "kernel", lambda w: 15 * w)
    return draft.expect({"attention", "saturated", "scale"}, part)


@fault(lambda n: bool(n.named("gru", "lstm")), held=True)
def large_recurrence(draft: Draft) -> Expectation:
    """The recurrent kernel is 30 times too large."""
    part = draft.network.named("gru", "lstm")[0]
    draft.touch(part.name, "recurrent", lambda w: 30 * w)
    return draft.expect({"saturated", "exploding", "scale", "recurrence"}, part)


@fault(lambda n: len(where.activated(n, "relu", "elu", "gelu", "silu")) >= 2 and n.plain, held=True)
def large_biases(draft: Draft) -> Expectation:
    """The biases of one layer are about 30 in size: they drown what differs between samples."""
    part = draft.one(
        [
            p
            for p in where.activated(draft.network, "relu", "elu", "gelu", "silu")
            if p.options["bias"]
        ]
    )
    draft.touch(part.name, "bias", lambda b: b + 30)
    return draft.expect(
        {"bias", "scale", "exploding", "unexpected", "constant_output", "vanishing"}, part
    )


@fault(
    lambda n: where.classes(n) and n.framework != "fanin" and where.normalized(n),
    held=True,
    hurts=False,
)
def softmax_inside(draft: Draft) -> Expectation:
    """A softmax takes the place of a hidden activation."""
    act = draft.one([part for part in draft.network.named("act") if part.place != "out"])
    draft.network = draft.network.with_part(act.name, kind="softmax")
    return draft.expect(
        {"activation", "vanishing", "output_activation", "softmax_twice", "saturated"}, act
    )
