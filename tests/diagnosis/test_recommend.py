"""What is recommended, and that it holds when it is measured."""

import fanin
import numpy as np
import pytest
from fanin.layers import BatchNormalization, Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 20)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def deep(activation, initializer, depth=20):
    layers = [Dense(128, activation, kernel_initializer=initializer) for _ in range(depth)]
    return fanin.Sequential([*layers, Dense(2, "softmax")], rng=0)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "selu", "elu", "gelu"])
def test_recommendations_are_healthy_when_measured(activation):
    advice = fanin.recommend([128] * 20, activation)
    report = fanin.diagnose(deep(activation, advice.initializer), X, Y)
    severe = [finding.kind for finding in report.findings if finding.severity == "severe"]
    assert severe == []
    growth = report.hidden[-1].signal.varying / report.hidden[0].signal.varying
    assert 0.05 < growth < 20


def test_the_known_pairs():
    assert fanin.recommend([256] * 20, "relu").code == '"he_normal"'
    assert fanin.recommend([256] * 20, "selu").code == '"lecun_normal"'
    advice = fanin.recommend([256] * 20, "relu")
    lecun = next(c for c in advice.ranked if c.code == '"lecun_normal"')
    assert lecun.signal == pytest.approx(2 ** (-19 / 2), rel=0.01)  # half the variance a layer
    assert advice.bias == "zeros"
    assert advice.depth == 20


def test_what_no_initializer_makes_trainable_is_said():
    advice = fanin.recommend([128] * 20, "sigmoid")
    assert "BatchNormalization" in advice.reason
    assert "BatchNormalization" not in fanin.recommend([128] * 3, "sigmoid").reason


def test_the_code_makes_the_initializer():
    for activation in ("gelu", "elu", "tanh"):
        for candidate in fanin.recommend([64] * 4, activation).ranked:
            made = eval(candidate.code, vars(fanin.initializers))
            assert fanin.initializers.get(made) == candidate.initializer


def test_of_a_network_with_its_own_layers_and_scale():
    layers = [Dense(64, "relu"), BatchNormalization(), Dense(64, "relu"), Dense(2, "softmax")]
    model = fanin.Sequential(layers, rng=0)
    advice = fanin.recommend(model, x=X)
    assert advice.activation == "relu"
    assert advice.depth == 2
    assert not model.built  # it is only read


def test_a_trial_is_paired_and_reported():
    advice = fanin.recommend([32] * 4, "relu", X, Y, seeds=3, epochs=2)
    counts = [len(candidate.losses) for candidate in advice.ranked]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == counts[1] > counts[-1] >= 1
    assert sum(counts) <= 3 * len(counts)
    assert advice.ranked[0].loss <= advice.ranked[1].loss
    again = fanin.recommend([32] * 4, "relu", X, Y, seeds=3, epochs=2)
    assert [c.losses for c in again.ranked] == [c.losses for c in advice.ranked]
    assert "loss of the trial" in str(advice)


def test_the_loss_of_a_trial_is_that_of_samples_that_were_held_back():
    # Targets without any rule: who learns them by heart does worse on others.
    noise = np.random.default_rng(1).integers(0, 2, len(X))
    long = fanin.recommend([64] * 2, "relu", X, noise, seeds=1, epochs=60)
    assert long.ranked[0].loss > 1  # guessing costs ln 2
    few = fanin.recommend([64] * 2, "relu", X[:40], noise[:40], seeds=1, epochs=60)
    assert few.ranked[0].loss < 0.1
    assert "loss of training" in few.reason
    assert "held back" in long.reason


def test_two_names_for_the_same_numbers_are_one_candidate():
    square = [c.code for c in fanin.recommend([64] * 4, "tanh", X[:, :1].repeat(64, 1)).ranked]
    assert '"glorot_normal"' in square
    assert '"lecun_normal"' not in square
    narrowing = [c.code for c in fanin.recommend([64, 32, 16], "tanh").ranked]
    assert {'"glorot_normal"', '"lecun_normal"'} <= set(narrowing)
    gains = [
        c.initializer.gain
        for c in fanin.recommend([64, 32], "relu").ranked
        if "rthogonal" in c.code
    ]
    assert sorted(gains) == pytest.approx([1, 2**0.5], rel=1e-3)


def test_what_nothing_trains_is_said():
    model = deep("relu", "he_normal", depth=2)
    model.compile(fanin.optimizers.SGD(1e30), "mse")
    advice = fanin.recommend(model, x=X, y=np.eye(2)[Y], seeds=1, epochs=3)
    assert "nothing here trains this network" in advice.reason


def test_a_trial_uses_what_the_model_is_compiled_with():
    model = deep("relu", "he_normal", depth=2)
    model.compile(fanin.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    a = fanin.recommend(model, x=X, y=Y, seeds=1, epochs=10)
    model.compile(fanin.optimizers.SGD(1e-9), "sparse_categorical_crossentropy")
    b = fanin.recommend(model, x=X, y=Y, seeds=1, epochs=10)
    losses = [next(c.losses[0] for c in r.ranked if c.code == '"he_normal"') for r in (a, b)]
    assert losses[0] < losses[1]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([64] * 3,), ValueError, "activation"),
        (([], "relu"), ValueError, "hidden Dense"),
        (([64, 0], "relu"), ValueError, "model"),
        (("relu",), TypeError, "model"),
        (([64] * 3, "relu", None, [1, 2]), ValueError, "y"),
        (([64] * 3, "reluu"), ValueError, "relu"),
    ],
)
def test_refusals(arguments, error, message):
    with pytest.raises(error, match=message):
        fanin.recommend(*arguments)


def test_a_learning_rate_that_the_loss_does_not_bear():
    model = deep("relu", "he_normal", depth=2)
    diverged = {}
    for rate in (0.02, 10.0):
        model.compile(fanin.optimizers.SGD(rate), "sparse_categorical_crossentropy")
        report = fanin.diagnose(model, X, Y)
        diverged[rate] = [f for f in report.findings if f.kind == "learning_rate"]
        assert report.curvature.limit == pytest.approx(2 / report.curvature.sharpness)
    assert not diverged[0.02]
    finding = diverged[10.0][0]
    assert finding.severity == "severe"
    exec(finding.fix, {"model": model, "fanin": fanin})
    assert model.optimizer.learning_rate < report.curvature.limit
    model.compile("adam", "sparse_categorical_crossentropy")
    assert fanin.diagnose(model, X, Y).curvature is None


def test_curvature_of_a_quadratic_is_its_largest_eigenvalue():
    x = RNG.normal(size=(100, 5)) * [3.0, 1.0, 1.0, 0.5, 0.1]
    model = fanin.Sequential([Dense(1, use_bias=False, dtype="float64")], rng=0)
    model.compile(fanin.optimizers.SGD(0.1, momentum=0.5), "mse")
    found = fanin.diagnose(model, x, x[:, :1]).curvature
    expected = 2 * np.linalg.eigvalsh(x.T @ x / len(x)).max()
    assert found.sharpness == pytest.approx(expected, rel=1e-3)
    assert found.limit == pytest.approx(3 / expected, rel=1e-3)
