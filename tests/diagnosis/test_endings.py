"""Faults of outputs, losses, targets and samples are named; their sound neighbours are not."""

import math

import fanin
import numpy as np
import pytest
from fanin import layers, losses
from fanin.diagnosis._ending import looks_like
from fanin.frameworks._ending import Takes, probed
from fanin.layers import Activation, Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 12)).astype("float32")
Y = RNG.integers(0, 4, 128)
YES = (Y > 1).astype("float32")
T = (X[:, :1] + 0.3 * RNG.normal(size=(128, 1))).astype("float32")

SPARSE, BINARY = losses.SparseCategoricalCrossentropy, losses.BinaryCrossentropy

# What the network is told to be is looked at in warnings of `compile` too.
pytestmark = pytest.mark.filterwarnings("ignore:the network ends in:UserWarning")


def network(*end, loss, hidden=1, rng=0):
    stack = [
        Dense(32, "relu", kernel_initializer="he_normal", name=f"fc{i + 1}") for i in range(hidden)
    ]
    model = fanin.Sequential([*stack, *end], rng=rng)
    model.build((None, 12))
    model.compile("adam", loss)
    return model


def grave(report):
    return [(f.kind, f.layers) for f in report.findings if f.severity != "note"]


def top(report):
    assert not report.healthy
    return report.findings[0]


def run(code, **names):
    """Run a line that a finding advises, and return what it leaves."""
    scope = {**vars(layers), "fanin": fanin, "np": np, **names}
    exec(code, scope)
    return scope


def out(*arguments, **options):
    return Dense(*arguments, **options, name="out")


# Outputs and losses.

SOUND = {
    "probabilities": ([out(4, "softmax")], SPARSE(), Y),
    "logits": ([out(4)], SPARSE(from_logits=True), Y),
    "logits that begin at zero": (
        [out(4, kernel_initializer="zeros")], SPARSE(from_logits=True), Y
    ),
    "one-hot": ([out(4, "softmax")], losses.CategoricalCrossentropy(), np.eye(4)[Y]),
    "yes and no": ([out(1, "sigmoid")], BINARY(), YES),
    "logits of yes and no": ([out(1)], BINARY(from_logits=True), YES),
    "values": ([out(1)], "mse", T),
    "values that begin at zero": ([out(1, kernel_initializer="zeros")], "mse", T),
    "absolute errors": ([out(1)], "mae", T),
    "positive values": ([out(1, "relu")], "mse", np.abs(T)),
    "values in the unit interval": ([out(1, "sigmoid")], "mse", 1 / (1 + np.exp(-T))),
    "several values": ([out(12)], "mse", X),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_outputs_that_fit_the_loss(name):
    end, loss, y = SOUND[name]
    report = fanin.diagnose(network(*end, loss=loss), X, y)
    assert grave(report) == []


MISFITS = {
    "a softmax before logits": ([out(4, "softmax")], SPARSE(from_logits=True), Y, "softmax_twice"),
    "a softmax behind a softmax": (
        [Dense(4, "softmax"), Activation("softmax", name="out")], SPARSE(), Y, "softmax_twice"
    ),
    "a sigmoid before logits": (
        [out(4, "sigmoid")], SPARSE(from_logits=True), Y, "output_activation"
    ),
    "a tanh before logits": ([out(4, "tanh")], SPARSE(from_logits=True), Y, "output_activation"),
    "a ReLU before logits": ([out(4, "relu")], SPARSE(from_logits=True), Y, "output_activation"),
    "a sigmoid before a logit": (
        [out(1, "sigmoid")], BINARY(from_logits=True), YES, "output_activation"
    ),
    "logits for probabilities": ([out(4)], SPARSE(), Y, "loss"),
    "a logit for a probability": ([out(1)], BINARY(), YES, "loss"),
    "zeros for probabilities": ([out(1, kernel_initializer="zeros")], BINARY(), YES, "loss"),
    "a ReLU before values": ([out(1, "relu")], "mse", T, "output_activation"),
    "a sigmoid before values": ([out(1, "sigmoid")], "mse", T, "output_activation"),
    "a softmax of one unit": ([out(1, "softmax")], "mse", T, "output_activation"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISFITS)
def test_outputs_that_do_not_fit_the_loss(name):
    end, loss, y, kind = MISFITS[name]
    model = network(*end, loss=loss)
    finding = top(fanin.diagnose(model, X, y))
    assert (finding.kind, finding.layers) == (kind, ("out",))
    # The line runs as printed, and what it leaves is sound.
    if finding.fix.startswith("loss = "):
        made = run(finding.fix)["loss"]
    else:
        made = loss
        model.pop()
        model.add(eval(finding.fix, vars(layers)))
        model.build((None, 12))
    model.compile("adam", made)
    again = fanin.diagnose(model, X, y)
    assert not {"softmax_twice", "output_activation", "loss"} & {f.kind for f in again.findings}


def test_the_floor_of_bounded_logits_is_reached():
    loss = SPARSE(from_logits=True)
    report = fanin.diagnose(network(out(4, "tanh"), loss=loss), X, Y)
    best = np.where(np.arange(4) == Y[:, None], 1.0, -1.0)
    assert report.ending.floor == pytest.approx(loss(Y, best) / math.log(4), rel=1e-5)
    report = fanin.diagnose(network(out(1, "tanh"), loss=BINARY(from_logits=True)), X, YES)
    best = 2.0 * YES[:, None] - 1
    expected = BINARY(from_logits=True)(YES[:, None], best) / math.log(2)
    assert report.ending.floor == pytest.approx(expected, rel=1e-5)


def test_the_share_that_a_rectifier_cannot_explain_is_that_of_its_best_outputs():
    report = fanin.diagnose(network(out(1, "relu"), loss="mse"), X, T)
    best = np.square(T - np.maximum(T, 0)).mean()
    assert report.ending.targets.unreached == pytest.approx(best / T.var(), rel=1e-5)
    assert report.ending.targets.outside == pytest.approx((T < 0).mean())


def test_numbers_that_are_probabilities():
    p = RNG.dirichlet(np.ones(5), 20)
    assert looks_like(p) == "probabilities"
    assert looks_like(np.log(p)) == "log_probabilities"
    assert looks_like(np.abs(RNG.normal(size=(20, 5)))) == ""
    assert looks_like(np.full((20, 1), 1.0)) == ""
    assert looks_like(np.full((20, 5), np.nan)) == ""


class OwnLoss(losses.Loss):
    """A cross-entropy of logits, with smoothed labels, as a user writes it."""

    def value_and_gradient(self, y_true, y_pred):
        n, classes = y_pred.shape
        wanted = 0.9 * np.eye(classes)[np.ravel(y_true).astype(int)] + 0.1 / classes
        shifted = y_pred - y_pred.max(axis=1, keepdims=True)
        logarithms = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        gradient = (np.exp(logarithms) - wanted) / n
        return -(wanted * logarithms).sum() / n, gradient.astype(y_pred.dtype)


def test_a_loss_of_a_user_is_known_by_what_it_does():
    finding = top(fanin.diagnose(network(out(4, "softmax"), loss=OwnLoss()), X, Y))
    assert finding.kind == "softmax_twice"
    assert "seems to take logits" in finding.text
    assert grave(fanin.diagnose(network(out(4), loss=OwnLoss()), X, Y)) == []


def _cross_entropy(z, y):
    z = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -z[np.arange(len(z)), y].mean()


LAWS = {
    "logits": (_cross_entropy, Y, 4, Takes("logits", "classes", False)),
    "logarithms": (
        lambda z, y: -z[np.arange(len(z)), y].mean(), Y, 4,
        Takes("log_probabilities", "classes", False),
    ),
    "probabilities": (
        lambda p, y: -np.log(p[np.arange(len(p)), y]).mean(), Y, 4,
        Takes("probabilities", "classes", False),
    ),
    "a logit": (
        lambda z, y: (np.logaddexp(0, z) - y * z).mean(), YES[:, None], 1,
        Takes("logits", "binary", False),
    ),
    "a probability": (
        lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(), YES[:, None], 1,
        Takes("probabilities", "binary", False),
    ),
    "a weighted logit": (
        lambda z, y: (3 * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)).mean(),
        0.1 + 0.8 * YES[:, None], 1, Takes("logits", "binary", False),
    ),
    "squares of whole numbers": (
        lambda z, y: ((z - y) ** 2).mean(), (Y[:, None] > 1).astype(int), 1, Takes()
    ),
    "squares": (lambda z, y: ((z - y) ** 2).mean(), T, 1, Takes("values", "values", False)),
    "large values": (
        lambda z, y: np.abs(z - y).mean(), 3000 * T + 20000, 1, Takes("values", "values", False)
    ),
    "a critic's": (lambda z, y: (z * y).mean(), T, 1, Takes()),
    "Poisson's": (lambda z, y: (np.exp(z) - y * z).mean(), np.abs(T), 1, Takes()),
    "one that refuses": (lambda z, y: z.nothing, T, 1, Takes()),
}  # fmt: skip


@pytest.mark.parametrize("name", LAWS)
def test_laws_of_losses(name):
    loss, targets, units, expected = LAWS[name]
    outputs = np.zeros((len(targets), units), "float32")
    assert probed(loss, targets, outputs) == expected


def test_outputs_for_classes_that_never_come_are_noted():
    report = fanin.diagnose(network(out(40, "softmax"), loss=SPARSE()), X, Y)
    assert report.healthy
    assert [f.kind for f in report.findings] == ["output_width"]
    # Of eight samples classes may be missing by chance.
    assert fanin.diagnose(network(out(5, "softmax"), loss=SPARSE()), X[:8], Y[:8]).healthy


# Outputs that do not vary, and gradients that do not come.


@pytest.mark.parametrize("training", [True, False])
def test_a_dead_layer_is_where_outputs_become_constant(training):
    model = network(out(4, "softmax"), loss=SPARSE(), hidden=4)
    model.get_layer("fc3").bias[...] -= 100
    report = fanin.diagnose(model, X, Y, training=training)
    assert ("constant_output", ("fc3",)) in grave(report)
    sound = network(out(4, "softmax"), loss=SPARSE(), hidden=4)
    assert fanin.diagnose(sound, X, Y, training=training).healthy


def test_a_single_dead_layer_is_not_healthy():
    model = network(out(4, "softmax"), loss=SPARSE())
    model.get_layer("fc1").bias[...] -= 100
    assert top(fanin.diagnose(model, X, Y)).layers == ("fc1",)
    assert top(fanin.diagnose(model, X)).layers == ("fc1",)  # without targets too


def test_outputs_that_vary_by_rounding_only_are_not_healthy():
    model = network(out(4, "softmax"), loss=SPARSE())
    model.get_layer("fc1").kernel[...] *= 1e-12
    assert "constant_output" in dict(grave(fanin.diagnose(model, X, Y)))


def test_layers_without_a_gradient_are_found():
    model = network(out(1, "sigmoid"), loss="mse")
    model.get_layer("out").bias[...] = -200  # the slope is less than numbers hold
    report = fanin.diagnose(model, X, YES)
    assert not report.healthy
    assert report.layers[0].weights["kernel"].gradient_second_moment == 0


def test_what_wakes_up_with_the_next_step_is_sound():
    model = network(out(4, kernel_initializer="zeros"), loss=SPARSE(from_logits=True), hidden=3)
    report = fanin.diagnose(model, X, Y)
    assert report.layers[0].weights["kernel"].gradient_second_moment == 0
    assert report.healthy
    model.fit(X, Y, epochs=1, verbose=0)
    assert fanin.diagnose(model, X, Y).layers[0].weights["kernel"].gradient_second_moment > 0


# Targets.


def test_targets_that_are_prices():
    model = network(out(1), loss="mse")
    finding = top(fanin.diagnose(model, X, 3000 * T + 20000))
    assert (finding.kind, finding.severity, finding.layers) == ("target_scale", "severe", ())
    y = run(finding.fix, y=3000 * T + 20000)["y"]
    assert grave(fanin.diagnose(model, X, y)) == []


def test_a_last_bias_at_the_mean_is_as_good_as_targets_that_are_centred():
    model = network(out(1), loss="mse")
    assert "target_scale" in dict(grave(fanin.diagnose(model, X, T + 200)))
    model.get_layer("out").bias[...] = 200
    assert grave(fanin.diagnose(model, X, T + 200)) == []


def test_targets_that_are_tiny():
    report = fanin.diagnose(network(out(1), loss="mse"), X, T / 1000)
    assert top(report).kind == "target_scale"
    assert fanin.diagnose(network(out(1), loss="mse"), X, T / 3).healthy


def test_outputs_far_larger_than_the_targets():
    model = network(out(1), loss="mse")
    assert "output_scale" not in dict(grave(fanin.diagnose(model, X, T)))
    model.get_layer("out").kernel[...] *= 30
    assert ("output_scale", ("out",)) in grave(fanin.diagnose(model, X, T))


def test_targets_that_are_all_the_same():
    assert top(fanin.diagnose(network(out(1), loss="mse"), X, 0 * T + 3)).kind == "targets"


def test_labels_of_one_class_and_of_hardly_another():
    model = network(out(4, "softmax"), loss=SPARSE())
    assert top(fanin.diagnose(model, X, 0 * Y + 1)).kind == "labels"
    hardly = np.where(np.arange(128) % 40 == 7, 2, 0)
    assert grave(fanin.diagnose(model, X, hardly)) == [("imbalance", ())]
    onehot = network(out(4, "softmax"), loss=losses.CategoricalCrossentropy())
    assert grave(fanin.diagnose(onehot, X, np.eye(4)[hardly])) == [("imbalance", ())]
    # Two to one is no imbalance, and of four samples one class may be chance.
    assert fanin.diagnose(model, X, np.where(np.arange(128) % 3 == 0, 2, 0)).healthy
    assert fanin.diagnose(model, X[:4], 0 * Y[:4]).healthy


def test_missing_targets_are_refused_by_name():
    y = T.copy()
    y[5] = np.nan
    with pytest.raises(ValueError, match=r"^y: expected .*finite"):
        fanin.diagnose(network(out(1), loss="mse"), X, y)


# Samples.


def test_samples_that_repeat():
    model, again = network(out(4, "softmax"), loss=SPARSE()), np.arange(128) % 8
    assert grave(fanin.diagnose(model, X[again], Y[again]))[0] == ("repeated_samples", ())
    # A truth table has no more samples than these.
    table = np.sign(X[np.arange(128) % 8])
    table[:, 3:] = 1
    bits = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)], "float32") * 2 - 1
    table[:, :3] = bits[np.arange(128) % 8]
    assert "repeated_samples" not in dict(grave(fanin.diagnose(model, table, Y)))


def test_a_feature_in_another_unit():
    x = X.copy()
    x[:, 3] *= 3000
    model = network(out(4, "softmax"), loss=SPARSE())
    finding = top(fanin.diagnose(model, x, Y))
    assert finding.kind == "feature_scale"
    assert "Feature 3 " in finding.text
    x = run(finding.fix, x=x)["x"]
    assert grave(fanin.diagnose(model, x, Y)) == []
    # Rare features beside common ones are no other unit.
    x = X * np.where(np.arange(12) < 6, 1.0, 0.1).astype("float32")
    assert "feature_scale" not in dict(grave(fanin.diagnose(model, x, Y)))


# Frozen parameters.


def test_nothing_trained_is_a_fault_and_a_new_end_is_none():
    model = network(out(4, "softmax"), loss=SPARSE(), hidden=3)
    for layer in model.layers[:-1]:
        layer.trainable = False
    report = fanin.diagnose(model, X, Y)
    assert report.healthy
    assert [(f.kind, f.layers) for f in report.findings] == [("frozen", ("fc1", "fc2", "fc3"))]
    model.layers[-1].trainable = False
    finding = top(fanin.diagnose(model, X, Y))
    assert (finding.kind, finding.severity) == ("frozen", "severe")
    run(finding.fix, model=model)
    assert fanin.diagnose(model, X, Y).findings == []


def test_a_twentieth_of_the_gradient_is_too_little():
    layers = [Dense(256, "relu", kernel_initializer="he_normal"), fanin.layers.BatchNormalization()]
    model = fanin.Sequential([*layers, Dense(4, "softmax")], rng=0)
    model.build((None, 12))
    model.compile("adam", SPARSE())
    model.layers[0].trainable = model.layers[2].trainable = False
    report = fanin.diagnose(model, X, Y)
    frozen = next(f for f in report.findings if f.kind == "frozen")
    squares = {
        (layer.name, role): weights.gradient_second_moment * weights.values.size
        for layer in report.layers
        for role, weights in layer.weights.items()
        if weights.gradient_second_moment is not None
    }
    name = model.layers[1].name
    own = sum(square for (layer, _), square in squares.items() if layer == name)
    assert frozen.value == pytest.approx(own / sum(squares.values()))
    assert frozen.severity == ("warning" if frozen.value < 0.05 else "note")
