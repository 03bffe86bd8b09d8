"""Optimizers by themselves: options, slots, schedules, refusals. (Formulas: test_parity.)"""

import numpy as np
import pytest
from fanin import optimizers
from fanin.errors import ShapeError
from fanin.optimizers import schedules

MEMBERS = [
    (optimizers.SGD(0.1, momentum=0.9, nesterov=True), ["momentum"]),
    (optimizers.RMSprop(0.1, momentum=0.5, centered=True), None),
    (optimizers.Adam(0.1, amsgrad=True), None),
    (optimizers.Adagrad(0.1, initial_accumulator_value=0.3), None),
    (optimizers.AdamW(0.1), None),
    (optimizers.Nadam(0.1), None),
    (optimizers.Adamax(0.1), None),
    (optimizers.Lamb(0.1), None),
    (optimizers.Lion(0.05), None),
    (optimizers.Adadelta(20.0), None),
    (optimizers.Ftrl(1.0), None),
    (optimizers.Adafactor(0.1), None),
    (optimizers.Muon(0.1), None),
    (optimizers.LBFGS(0.5, history_size=5), None),
]


def test_every_optimizer_has_a_row():
    assert {type(o) for o, _ in MEMBERS} == set(optimizers._registry().members)


@pytest.mark.parametrize(("optimizer", "names"), MEMBERS)
def test_steps_go_down_a_parabola(optimizer, names):
    w = np.array([[3.0, -2.0], [1.0, 0.5]])
    slots = optimizer.init(w)
    assert slots.shape == (len(optimizer.slot_names()), w.size)
    assert slots.dtype == w.dtype
    start = np.abs(w).max()
    for t in range(200):
        optimizer.step(w, w.copy(), slots, t)
    assert np.abs(w).max() < start / 2


def test_first_steps_by_hand():
    w = np.array([1.0])
    optimizers.SGD(0.5).step(w, [2.0], optimizers.SGD(0.5).init(w))
    assert w == 0.0
    adagrad = optimizers.Adagrad(0.5, initial_accumulator_value=0.25, epsilon=1e-12)
    slots = adagrad.init(w)
    assert slots == 0.25
    adagrad.step(w, [1.0], slots)
    np.testing.assert_allclose(w, -0.5 / np.sqrt(1.25), rtol=1e-10)
    adam, w = optimizers.Adam(0.01), np.array([0.0])
    adam.step(w, [3.0], adam.init(w))
    np.testing.assert_allclose(w, -0.01, rtol=1e-4)


def test_weight_decay_and_clipping():
    w = np.array([2.0, 0.0])
    optimizers.SGD(0.5, weight_decay=0.1).step(w, [0.0, 0.0], np.empty((0, 2)))
    np.testing.assert_allclose(w, [1.9, 0.0])
    w = np.zeros(2)
    optimizers.SGD(1.0, clipvalue=0.5).step(w, [3.0, -4.0], np.empty((0, 2)))
    np.testing.assert_allclose(w, [-0.5, 0.5])
    w = np.zeros(2)
    optimizers.SGD(1.0, global_clipnorm=1.0).step(w, [3.0, -4.0], np.empty((0, 2)))
    np.testing.assert_allclose(w, [-0.6, 0.8], rtol=1e-7)


@pytest.mark.parametrize(("optimizer", "_"), MEMBERS)
def test_round_trip(optimizer, _):
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.settings() == optimizer.settings()
    assert again.learning_rate == optimizer.learning_rate


def test_keras_defaults():
    rates = {o: optimizers.get(o).learning_rate for o in ("sgd", "rmsprop", "adam", "adagrad")}
    assert rates == {"sgd": 0.01, "rmsprop": 0.001, "adam": 0.001, "adagrad": 0.001}
    assert optimizers.Adam().epsilon == 1e-7
    for name in ("SGD", "Adam", "ADAM", "RMSprop", "Adagrad", optimizers.Adam):
        assert isinstance(optimizers.get(name), optimizers.Optimizer)


def test_schedules_by_hand():
    decay = schedules.ExponentialDecay(0.1, 10, 0.5)
    assert decay(10) == pytest.approx(0.05)
    assert schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True)(19) == pytest.approx(0.05)
    cosine = schedules.CosineDecay(0.0, 100, alpha=0.1, warmup_target=1.0, warmup_steps=10)
    assert [cosine(5), cosine(10), cosine(110), cosine(999)] == pytest.approx([0.5, 1, 0.1, 0.1])
    steps = schedules.PiecewiseConstantDecay([5, 8], [1.0, 0.5, 0.1])
    assert [steps(s) for s in (0, 5, 6, 8, 9)] == [1.0, 1.0, 0.5, 0.5, 0.1]


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True),
        schedules.CosineDecay(0.1, 10, alpha=0.2, warmup_target=0.3, warmup_steps=4),
        schedules.PiecewiseConstantDecay([5], [1.0, 0.5]),
        schedules.PolynomialDecay(0.1, 10, 0.01, 2.0, cycle=True),
        schedules.InverseTimeDecay(0.1, 3, 0.5, staircase=True),
        schedules.CosineDecayRestarts(0.1, 3, 1.5, 0.9, 0.1),
    ],
)
def test_schedule_in_an_optimizer(schedule):
    optimizer = optimizers.SGD(schedule)
    assert optimizer.learning_rates(3, 4).tolist() == [schedule(i) for i in range(3, 7)]
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.learning_rates(0, 20).tolist() == optimizer.learning_rates(0, 20).tolist()
    with pytest.raises(TypeError, match="schedule"):
        optimizer.learning_rate = 0.1


def test_plain_function_as_schedule():
    assert optimizers.Adam(lambda step: 1 / (step + 1)).learning_rates(0, 2).tolist() == [1, 0.5]
    with pytest.raises(ValueError, match="learning rate of step 1"):
        optimizers.Adam(lambda step: [0.1, np.nan][step]).learning_rates(0, 2)


def test_learning_rate_can_be_set():
    adam = optimizers.Adam()
    adam.learning_rate = np.float32(0.5)
    assert adam.learning_rate == 0.5
    with pytest.raises(ValueError, match="learning_rate: expected a number at least 0"):
        adam.learning_rate = -1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optimizers.get("adm"), ValueError, "did you mean 'adam'"),
        (lambda: optimizers.get(3), TypeError, "optimizer: expected a name"),
        (lambda: optimizers.SGD(decay=1e-6), ValueError, "ExponentialDecay"),
        (lambda: optimizers.Adam(beta1=0.9), TypeError, "did you mean 'beta_1'"),
        (lambda: optimizers.Adam(use_ema="yes"), TypeError, "use_ema"),
        (lambda: optimizers.Adam(ema_momentum=2), ValueError, "ema_momentum"),
        (lambda: optimizers.Adam(ema_overwrite_frequency=-1), ValueError, "ema_overwrite"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=1), ValueError, "at least 2"),
        (lambda: optimizers.Adam(loss_scale_factor=2.0), ValueError, "no loss scaling"),
        (lambda: optimizers.Adam(convention="jax"), ValueError, "convention"),
        (lambda: optimizers.AdamW(weight_decay=None), TypeError, "weight_decay"),
        (lambda: optimizers.Lion(beta_1=0.0), ValueError, "beta_1"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), ValueError, "learning_rate_power"),
        (lambda: optimizers.Muon(exclude_layers="out"), TypeError, "exclude_layers"),
        (lambda: optimizers.Muon(exclude_layers=["("]), ValueError, "regular expressions"),
        (
            lambda: optimizers.Adam().exclude_from_weight_decay(var_names="bias"),
            TypeError,
            "var_names",
        ),
        (
            lambda: optimizers.Adam().exclude_from_weight_decay(var_list=[np.zeros(2)]),
            TypeError,
            "var_names",
        ),
        (lambda: schedules.PolynomialDecay(0.1, 0), ValueError, "decay_steps"),
        (lambda: schedules.CosineDecayRestarts(0.1, 10, t_mul=0.5), ValueError, "t_mul"),
        (lambda: optimizers.Adam(learning_rate=-1), ValueError, "learning_rate"),
        (lambda: optimizers.Adam(learning_rate=np.nan), ValueError, "finite"),
        (lambda: optimizers.Adam(learning_rate="fast"), TypeError, "learning_rate"),
        (lambda: optimizers.Adam(beta_1=1), ValueError, "beta_1"),
        (lambda: optimizers.SGD(momentum=2), ValueError, "momentum"),
        (
            lambda: optimizers.SGD(clipnorm=1, clipvalue=1),
            ValueError,
            "clipvalue: expected nothing beside clipnorm",
        ),
        (lambda: optimizers.SGD(clipnorm=-1), ValueError, "clipnorm"),
        (lambda: optimizers.Optimizer(0.1), TypeError, "base class"),
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), ValueError, "decay_steps"),
        (
            lambda: schedules.PiecewiseConstantDecay([1], [1.0]),
            ValueError,
            "one more than boundaries",
        ),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [1, 2, 3]), ValueError, "increase"),
        (
            lambda: optimizers.SGD().step(np.zeros(2), np.zeros(3), np.empty((0, 2))),
            ShapeError,
            "grads",
        ),
        (
            lambda: optimizers.SGD().step(np.zeros((2, 2)).T[:1], np.zeros((1, 2)), np.empty(0)),
            ValueError,
            "contiguous",
        ),
        (lambda: optimizers.SGD().init(np.zeros(2, int)), TypeError, "dtype of params"),
        (lambda: optimizers.SGD().init([1.0]), TypeError, "params: expected a NumPy array"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_settings_that_ask_for_nothing_are_accepted():
    optimizers.Adam(use_ema=False, ema_momentum=0.99, loss_scale_factor=None, weight_decay=None)
