"""Learning rates that do not suit a network, for any optimizer, and what a trial leaves alone."""

import math
import pickle

import fanin
import numpy as np
import pytest
from fanin.diagnosis._first_step import OVERWRITES, STANDS_STILL
from fanin.initializers import RandomNormal
from fanin.layers import BatchNormalization, Dense, Dropout

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 20)).astype("float32")
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)

USUAL = {
    "SGD": 0.05,
    "Adam": 1e-3,
    "RMSprop": 1e-3,
    "Adagrad": 1e-2,
}


def network(depth=3, width=32, activation="relu", *extra):
    layers = [Dense(width, activation, kernel_initializer="he_normal") for _ in range(depth)]
    return fanin.Sequential([*layers, *extra, Dense(3, "softmax")], rng=0)


def compiled(optimizer, model=None):
    model = network() if model is None else model
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def rates(report):
    return [f for f in report.findings if f.kind == "learning_rate" and f.severity != "note"]


@pytest.mark.parametrize("name", USUAL)
def test_a_rate_that_is_too_large_too_small_or_usual(name):
    made = getattr(fanin.optimizers, name)
    usual = USUAL[name]
    assert not rates(fanin.diagnose(compiled(made(usual)), X, Y))
    large = fanin.diagnose(compiled(made(1000 * usual)), X, Y)
    small = fanin.diagnose(compiled(made(usual / 1e5)), X, Y)
    for report, size in ((large, "large"), (small, "small")):
        [finding] = rates(report)
        assert report.findings[0] is finding
        assert f"too {size}" in finding.text
        assert report.verdict == finding.text


@pytest.mark.parametrize("factor", [1000.0, 1e-5])
def test_the_fix_runs_and_mends(factor):
    model = compiled(fanin.optimizers.Adam(factor * 1e-3))
    [finding] = rates(fanin.diagnose(model, X, Y))
    exec(finding.fix, {"model": model, "fanin": fanin})
    assert not rates(fanin.diagnose(model, X, Y))
    losses = model.fit(X, Y, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_the_step_is_that_of_the_optimizer():
    model = compiled(fanin.optimizers.Adam(0.01))
    step = fanin.diagnose(model, X, Y).first_step
    before = [layer.kernel.copy() for layer in model.layers]
    model.fit(X, Y, batch_size=len(X), epochs=1, shuffle=False, verbose=0)
    own = [
        np.sqrt(np.mean((layer.kernel - was) ** 2))
        / max(np.sqrt(np.mean(was**2)), len(was) ** -0.5)
        for layer, was in zip(model.layers, before, strict=True)
    ]
    assert step.change == pytest.approx(np.median(own), rel=1e-3)
    assert step.largest_change == pytest.approx(max(own), rel=1e-3)
    after = fanin.diagnose(model, X, Y)
    assert step.loss_after == pytest.approx(after.loss_value, rel=1e-4)


def test_the_step_goes_along_the_gradient_of_the_whole_batch():
    x = RNG.normal(size=(300, 20)).astype("float32")
    y = (x[:, 0] > 0).astype(int)
    for extra in ((), (BatchNormalization(),)):
        model = compiled(fanin.optimizers.SGD(0.1), network(2, 16, "relu", *extra))
        model.build((None, 20))
        step = fanin.diagnose(model, x, y).first_step
        few = fanin.diagnose(model, x[:128], y[:128])
        assert step.loss == pytest.approx(few.loss_value, rel=1e-6)
        model.fit(x, y, batch_size=len(x), epochs=1, shuffle=False, verbose=0)
        after = fanin.diagnose(model, x[:128], y[:128])
        assert step.loss_after == pytest.approx(after.loss_value, rel=1e-5)
        assert step.loss_after != few.first_step.loss_after  # which is of other steps


def test_steps_of_gradient_descent_scale_with_the_rate():
    one, two = (
        fanin.diagnose(network(), X, Y, learning_rate=rate).first_step for rate in (0.01, 0.02)
    )
    assert two.change == pytest.approx(2 * one.change, rel=1e-3)
    assert (one.optimizer, one.momentum) == ("SGD", 0.0)


def test_nothing_changes():
    model = compiled("adam", network(2, 16, "relu", BatchNormalization(), Dropout(0.5)))
    model.build((None, 20))
    before = [w.copy() for w in model.get_weights()]
    first = fanin.diagnose(model, X, Y)
    assert model.optimizer.iterations == 0
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
    assert fanin.diagnose(model, X, Y).first_step == first.first_step


def test_no_optimizer_no_trial():
    assert fanin.diagnose(network(), X, Y).first_step is None
    assert fanin.diagnose(compiled("adam"), X).first_step is None


@pytest.mark.parametrize("name", ["optimizer", "learning_rate"])
def test_without_targets_there_is_nothing_to_train(name):
    with pytest.raises(ValueError, match=f"{name}: expected None without y"):
        fanin.diagnose(network(), X, **{name: "adam" if name == "optimizer" else 0.1})
    with pytest.raises(ValueError, match="learning_rate: expected"):
        fanin.diagnose(network(), X, Y, learning_rate=-1.0)


def test_a_warmup_is_not_too_small():
    def warmup(step):
        return 1e-3 * min(1.0, (step + 1) / 500) * 1e-3 if step < 10 else 1e-3

    assert not rates(fanin.diagnose(compiled(fanin.optimizers.Adam(warmup)), X, Y))
    small = fanin.optimizers.Adam(lambda step: 1e-8)
    assert rates(fanin.diagnose(compiled(small), X, Y))


def test_large_inputs_are_the_cause_of_gradient_descent_that_diverges():
    report = fanin.diagnose(compiled(fanin.optimizers.SGD(0.05)), 1000 * X, Y)
    assert report.findings[0].kind != "learning_rate"
    assert all(rate.because for rate in rates(report))
    assert any(f.kind == "learning_rate" for f in report.findings)
    # A step of Adam does not know how large the gradient is.
    assert rates(fanin.diagnose(compiled(fanin.optimizers.Adam(1.0)), 1000 * X, Y))


def test_thresholds_are_where_the_page_says():
    for rate, expected in ((0.9, True), (1e-8, True), (1e-3, False)):
        report = fanin.diagnose(compiled(fanin.optimizers.Adam(rate)), X, Y)
        change = report.first_step.change
        assert bool(rates(report)) is expected
        assert (change >= OVERWRITES or change < STANDS_STILL) is expected


def test_a_power_iteration_that_does_not_converge_is_no_finding():
    initializer = RandomNormal(stddev=30.0)
    layers = [Dense(32, "tanh", kernel_initializer=initializer) for _ in range(4)]
    model = fanin.Sequential([*layers, Dense(3, "softmax")], rng=0)
    found = fanin.diagnose(compiled(fanin.optimizers.SGD(0.01), model), X, Y).curvature
    if found is not None and not found.converged:
        assert found.residual > 0.1
    quadratic = fanin.Sequential([Dense(1, use_bias=False, dtype="float64")], rng=0)
    quadratic.compile(fanin.optimizers.SGD(0.1), "mse")
    known = fanin.diagnose(quadratic, X * np.linspace(0.1, 3, 20), X[:, :1]).curvature
    assert known.converged
    eigenvalues = np.linalg.eigvalsh(
        (X * np.linspace(0.1, 3, 20)).T @ (X * np.linspace(0.1, 3, 20))
    )
    within = np.abs(2 * eigenvalues / len(X) - known.sharpness) <= (
        1.01 * known.residual * known.sharpness + 1e-3
    )
    assert within.any()  # what a residual of a symmetric matrix says


def test_reports_with_a_step_are_pickled():
    report = fanin.diagnose(compiled("adam"), X, Y)
    again = pickle.loads(pickle.dumps(report))
    assert again.first_step == report.first_step
    assert math.isfinite(again.first_step.growth)
    with pytest.raises(ValueError, match="report: expected one that diagnose made"):
        again.mend()
