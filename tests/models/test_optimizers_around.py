"""What is around an optimizer: averages, accumulated gradients, exclusions, conventions, rates."""

import copy
import json
import pickle

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, optimizers
from fanin.optimizers import schedules
from refusals import outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 3))
Y = X @ [1.0, -2.0, 0.5]
# L-BFGS refuses all of this: tests/models/test_lbfgs.py.
KINDS = sorted({kind.__name__ for kind in optimizers._registry().members} - {"LBFGS"})


def network(optimizer, seed=0):
    chain = [layers.Dense(4, "tanh", name="hidden"), layers.Dense(1, name="output")]
    model = fanin.Sequential([layers.Input((3,), dtype="float64"), *chain], rng=seed)
    model.compile(optimizer, "mse")
    return model


def train(model, epochs=1, **options):
    options = {"batch_size": 8, "shuffle": False, "verbose": 0, "rng": 0, **options}
    model.fit(X, Y, epochs=model.epoch + epochs, initial_epoch=model.epoch, **options)
    return model


def gradient(model, rows):
    outputs, cache = model.forward(X[rows], training=True)
    _, dy = model.loss.value_and_gradient(Y[rows][:, None], outputs)
    _, gradients = model.backward(dy, cache)
    return np.concatenate([array.reshape(-1) for array in gradients.values()])


@pytest.mark.parametrize("frequency", [None, 4])
def test_the_average_of_the_parameters(frequency):
    around = {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": frequency}
    model, twin = network(optimizers.SGD(0.1, **around)), network("sgd")
    w, average = twin.params.copy(), None
    for batch in range(12):
        twin.params[:] = w
        w = w - 0.1 * gradient(twin, slice(batch % 6 * 8, batch % 6 * 8 + 8))
        average = w if average is None else 0.8 * average + 0.2 * w
        if frequency and (batch + 1) % frequency == 0:
            w = average
    train(model, 2)
    # Each fit ends with the average, so two epochs are one fit.
    np.testing.assert_allclose(model.params, average, rtol=1e-12)
    np.testing.assert_allclose(model.slots["average"], average, rtol=1e-12)


def test_an_average_leaves_what_is_frozen_alone():
    model = network(optimizers.SGD(0.1, use_ema=True))
    model.layers[0].trainable = False
    model.compile(model.optimizer, "mse")
    kernel = model.layers[0].kernel
    kernel[...] = 0.25
    train(model)
    assert (model.layers[0].kernel == 0.25).all()


@pytest.mark.parametrize("clip", [{}, {"clipnorm": 0.1}, {"global_clipnorm": 0.1}])
@pytest.mark.parametrize("kind", KINDS)
def test_accumulated_gradients_are_those_of_a_larger_batch(kind, clip):
    make = getattr(optimizers, kind)
    model = train(network(make(0.01, gradient_accumulation_steps=3, **clip)), batch_size=8)
    larger = train(network(make(0.01, **clip)), batch_size=24)
    assert model.optimizer.iterations == larger.optimizer.iterations == 2
    np.testing.assert_allclose(model.params, larger.params, rtol=1e-9, atol=1e-12)
    assert not model.slots["gradient_accumulator"].any()


def test_a_table_gets_the_gradients_of_all_batches_that_are_accumulated():
    rows, y = np.array([[0], [1], [2], [0]]), np.array([1.0, -1.0, 0.5, 2.0])

    def trained(optimizer, size):
        chain = [layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)]
        model = fanin.Sequential([layers.Input((1,)), *chain], rng=0)
        model.compile(optimizer, "mse")
        model.fit(rows, y, batch_size=size, epochs=5, shuffle=False, verbose=0)
        return model.params

    small = trained(optimizers.SGD(0.1, gradient_accumulation_steps=2), 2)
    np.testing.assert_allclose(small, trained(optimizers.SGD(0.1), 4), rtol=1e-5)


AROUND = {"use_ema": True, "ema_overwrite_frequency": 3, "gradient_accumulation_steps": 4}


@pytest.mark.parametrize("kind", KINDS)
def test_training_that_goes_on_from_a_file_or_copy_gives_the_same_bits(kind, tmp_path):
    optimizer = getattr(optimizers, kind)(0.01, weight_decay=0.1, **AROUND)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model = train(network(optimizer))  # six batches: two are accumulated
    model.save(tmp_path / "m.npz")
    others = {
        "file": fanin.models.load_model(tmp_path / "m.npz"),
        "pickle": pickle.loads(pickle.dumps(model)),
        "copy": copy.deepcopy(model),
    }
    train(model)
    for way, other in others.items():
        train(other)
        assert np.array_equal(other.params, model.params), way
        for name, slot in model.slots.items():
            assert np.array_equal(other.slots[name], slot), way


@pytest.mark.parametrize("kind", KINDS)
def test_bits_do_not_depend_on_threads_calls_or_other_networks(kind):
    def made():
        return network(getattr(optimizers, kind)(0.01, **AROUND))

    expected = train(made(), 2)
    watched = train(made(), 2, callbacks=[callbacks.LambdaCallback(on_train_batch_end=print_not)])
    assert np.array_equal(watched.params, expected.params)
    assert np.array_equal(train(made(), 2, threads=1).params, expected.params)
    many = [made(), made()]
    options = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
    fanin.fit_many(many, X, Y, **options)
    for model in many:
        assert np.array_equal(model.params, expected.params)


def print_not(batch, logs):
    """Ask for every batch."""


def test_parameters_can_be_left_out_of_the_decay():
    optimizer = optimizers.SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model = network(optimizer)
    model.params[:] = 1.0
    model.fit(np.zeros((1, 3)), model.predict(np.zeros((1, 3)), verbose=0), verbose=0)
    assert (model.layers[0].bias == 1).all()
    np.testing.assert_allclose(model.layers[0].kernel, 0.95)
    again = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(optimizer))))
    assert again.get_config()["exclude_from_weight_decay"] == ["bias"]


def test_muon_moves_excluded_layers_by_adam():
    rates = {"weight_decay": None, "adam_weight_decay": None}
    every = train(network(optimizers.Muon(0.01, exclude_layers=["output", "hidden"], **rates)))
    adam = train(network(optimizers.Adam(0.01)))
    assert np.array_equal(every.params, adam.params)
    one = train(network(optimizers.Muon(0.01, exclude_layers=["output"], **rates)))
    assert not np.array_equal(one.layers[0].kernel, adam.layers[0].kernel)


def step_like_torch(kind, s, w, g, t, lr, **o):
    """One step of torch's optimizers, plain Python."""
    g = g + (0 if kind == "AdamW" else o["weight_decay"]) * w
    if kind == "AdamW":
        w = w * (1 - lr * o["weight_decay"])
    if kind == "SGD":
        s["b"] = o["momentum"] * s.get("b", 0) + g
        return w - lr * (g + o["momentum"] * s["b"] if o["nesterov"] else s["b"])
    if kind == "Adagrad":
        s["s"] = s.get("s", o["initial_accumulator_value"]) + g**2
        return w - lr * g / (np.sqrt(s["s"]) + o["epsilon"])
    if kind == "RMSprop":
        s["v"] = o["rho"] * s.get("v", 0) + (1 - o["rho"]) * g**2
        s["a"] = o["rho"] * s.get("a", 0) + (1 - o["rho"]) * g
        spread = s["v"] - s["a"] ** 2 if o["centered"] else s["v"]
        s["b"] = o["momentum"] * s.get("b", 0) + g / (np.sqrt(spread) + o["epsilon"])
        return w - lr * s["b"]
    s["m"] = o["beta_1"] * s.get("m", 0) + (1 - o["beta_1"]) * g
    s["v"] = o["beta_2"] * s.get("v", 0) + (1 - o["beta_2"]) * g**2
    s["most"] = np.maximum(s.get("most", 0), s["v"])
    v = s["most"] if o["amsgrad"] else s["v"]
    root = np.sqrt(v / (1 - o["beta_2"] ** t)) + o["epsilon"]
    return w - lr / (1 - o["beta_1"] ** t) * s["m"] / root


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("SGD", {"momentum": 0.9, "nesterov": False}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("SGD", {"momentum": 0.0, "nesterov": False}),
        ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 0.01}),
        *[
            ("RMSprop", {"rho": 0.9, "momentum": m, "centered": c, "epsilon": 0.01})
            for m in (0.0, 0.5)
            for c in (False, True)
        ],
        *[
            (kind, {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 0.01, "amsgrad": amsgrad})
            for kind in ("Adam", "AdamW")
            for amsgrad in (False, True)
        ],
    ],
)
def test_the_convention_of_torch(kind, options):
    options = {**options, "weight_decay": 0.1}
    optimizer = getattr(optimizers, kind)(0.05, convention="torch", **options)
    assert optimizer.get_config()["convention"] == "torch"
    assert "convention='torch'" in repr(optimizer)
    w, slots, state = RNG.normal(size=7), None, {}
    expected = w.copy()
    slots = optimizer.init(w)
    for t in range(1, 20):
        g = RNG.normal(size=7)
        optimizer.step(w, g, slots, t - 1)
        expected = step_like_torch(kind, state, expected, g, t, 0.05, **options)
        np.testing.assert_allclose(w, expected, rtol=1e-12, atol=1e-14)


def test_the_learning_rate_can_be_assigned_and_read():
    optimizer = optimizers.Adam(0.5)
    rate = optimizer.learning_rate
    assert (float(rate), repr(rate), rate.numpy()) == (0.5, "0.5", 0.5)
    rate.assign(0.25)
    assert optimizer.learning_rate == 0.25
    assert type(optimizer.get_config()["learning_rate"]) is float
    assert type(copy.deepcopy(rate)) is type(pickle.loads(pickle.dumps(rate))) is float
    with pytest.raises(ValueError, match="learning_rate: expected a number at least 0"):
        rate.assign(-1.0)
    assert optimizer.learning_rate == 0.25


def test_a_rate_that_is_assigned_in_a_fit_holds_from_the_next_batch_on():
    model = network(optimizers.SGD(0.1))
    seen = []

    def assign(batch, logs):
        seen.append(model.params.copy())
        model.optimizer.learning_rate.assign(0.0)

    train(model, callbacks=[callbacks.LambdaCallback(on_train_batch_end=assign)])
    assert all(np.array_equal(params, seen[0]) for params in seen)


@pytest.mark.parametrize("wrong", [float("nan"), -1.0, float("inf"), "fast"])
def test_a_schedule_that_goes_wrong_keeps_what_was_trained(wrong):
    model = network(optimizers.SGD(lambda step: 0.1 if step < 9 else wrong))
    error = outcome(lambda: train(model, 2))
    assert isinstance(error, ValueError | TypeError)
    assert "learning rate of step 9" in str(error)
    assert model.epoch == 1
    expected = train(network(optimizers.SGD(0.1)))
    assert np.array_equal(model.params, expected.params)


def test_schedules_and_callbacks_of_the_rate_refuse_each_other():
    model = network(optimizers.SGD(schedules.InverseTimeDecay(0.1, 1, 0.5)))
    for callback in (callbacks.LearningRateScheduler(lambda epoch: 0.1),):
        error = outcome(lambda callback=callback: train(model, callbacks=[callback]))
        assert isinstance(error, ValueError)
        assert "a schedule" in str(error)
    assert model.optimizer.iterations == 0


def test_further_schedules_by_hand():
    line = schedules.PolynomialDecay(1.0, 4, 0.2)
    assert [line(step) for step in (0, 1, 4, 9)] == pytest.approx([1.0, 0.8, 0.2, 0.2])
    again = schedules.PolynomialDecay(1.0, 4, 0.0, power=2.0, cycle=True)
    assert [again(step) for step in (0, 2, 4, 6)] == pytest.approx([1.0, 0.25, 0.0, 0.0625])
    inverse = schedules.InverseTimeDecay(1.0, 2, 0.5)
    assert [inverse(step) for step in (0, 1, 2)] == pytest.approx([1.0, 0.8, 1 / 1.5])
    jumps = schedules.InverseTimeDecay(1.0, 2, 0.5, staircase=True)
    assert [jumps(step) for step in (0, 1, 2)] == pytest.approx([1.0, 1.0, 1 / 1.5])
    waves = schedules.CosineDecayRestarts(1.0, 2, t_mul=2.0, m_mul=0.5, alpha=0.1)
    expected = [1.0, 0.55, 0.55, 0.325, 0.325]
    assert [waves(step) for step in (0, 1, 2, 4, 8 + 2 - 6 + 0)] == pytest.approx(expected)
    even = schedules.CosineDecayRestarts(1.0, 2, t_mul=1.0, m_mul=0.5)
    assert [even(step) for step in (0, 1, 2, 3, 4)] == pytest.approx([1, 0.5, 0.5, 0.25, 0.25])
