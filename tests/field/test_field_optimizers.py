"""Faults seen in use, optimizers: numbers that are changed between two fits (T12)."""

import copy

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, optimizers
from fanin._members import _signatures
from refusals import assert_refused, outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")


def fit(model, x, y, **options):
    return model.fit(x, y, **{"verbose": 0, **options})


def fit_many(model, x, y, **options):
    return fanin.fit_many([model], x, y, **{"verbose": 0, **options})[0]


WAYS = {"fit": fit, "fit_many": fit_many}


# Every argument, and what it is changed to.
CHANGES = {
    optimizers.SGD: {"momentum": 0.5, "nesterov": True},
    optimizers.RMSprop: {"rho": 0.5, "momentum": 0.5, "epsilon": 0.1, "centered": True},
    optimizers.Adam: {"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1, "amsgrad": True},
    optimizers.Adagrad: {"initial_accumulator_value": 0.5, "epsilon": 0.1},
    optimizers.AdamW: {"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1, "amsgrad": True},
    optimizers.Nadam: {"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1},
    optimizers.Adamax: {"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1},
    optimizers.Lamb: {"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1},
    optimizers.Lion: {"beta_1": 0.5, "beta_2": 0.5},
    optimizers.Adadelta: {"rho": 0.5, "epsilon": 0.1},
    optimizers.Ftrl: {
        "learning_rate_power": -0.7,
        "initial_accumulator_value": 0.5,
        "l1_regularization_strength": 0.1,
        "l2_regularization_strength": 0.1,
        "l2_shrinkage_regularization_strength": 0.1,
        "beta": 0.1,
    },
    optimizers.Adafactor: {
        "beta_2_decay": -0.5,
        "epsilon_1": 0.1,
        "epsilon_2": 0.1,
        "clip_threshold": 0.5,
        "relative_step": False,
    },
    optimizers.Muon: {
        "adam_beta_1": 0.5,
        "adam_beta_2": 0.5,
        "adam_weight_decay": 0.1,
        "epsilon": 0.1,
        "exclude_layers": ["none of these"],
        "exclude_embeddings": False,
        "muon_a": 3.4,
        "muon_b": -4.7,
        "muon_c": 2.0,
        "adam_lr_ratio": 0.5,
        "momentum": 0.5,
        "ns_steps": 3,
        "nesterov": False,
        "rms_rate": None,
    },
}
SHARED = {
    "learning_rate": 0.05,
    "weight_decay": 0.1,
    "clipnorm": 0.1,
    "clipvalue": 0.1,
    "global_clipnorm": 0.1,
}
# Those of every optimizer that change what its slots are: tests/models/test_optimizers_around.py.
AROUND = {
    *("use_ema", "ema_momentum", "ema_overwrite_frequency", "gradient_accumulation_steps"),
    "convention",
}
SLOTS = [
    (optimizers.SGD(0.1), {"momentum": 0.9}, ["velocity"]),
    (optimizers.SGD(0.1, momentum=0.9), {"momentum": 0.0}, []),
    (optimizers.RMSprop(0.1), {"momentum": 0.9}, ["velocity", "momentum"]),
    (optimizers.RMSprop(0.1), {"centered": True}, ["velocity", "average_gradient"]),
    (
        optimizers.RMSprop(0.1, momentum=0.9),
        {"centered": True, "momentum": 0.0},
        ["velocity", "average_gradient"],
    ),
    (
        optimizers.RMSprop(0.1, centered=True),
        {"momentum": 0.9},
        ["velocity", "momentum", "average_gradient"],
    ),
    (
        optimizers.RMSprop(0.1, centered=True, momentum=0.5),
        {"centered": False},
        ["velocity", "momentum"],
    ),
    (optimizers.Adam(0.1), {"amsgrad": True}, ["m", "v", "v_max"]),
    (optimizers.Adam(0.1, amsgrad=True), {"amsgrad": False}, ["m", "v"]),
]
Y = (X @ [1.0, -2.0, 0.5]).astype("float32")


def line(optimizer):
    model = fanin.Sequential([layers.Dense(1, use_bias=False, input_dim=3)], rng=0)
    model.compile(copy.deepcopy(optimizer), "mse")
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, rng=0)
    return model


def next_step(model, slots):
    """What one step on all samples makes of the parameters, by the optimizer itself."""
    w = model.params.copy()
    outputs, cache = model.forward(X)
    _, dy = model.loss.value_and_gradient(Y[:, None], outputs)
    _, gradients = model.backward(dy, cache)
    (gradient,) = gradients.values()
    model.optimizer.step(w.reshape(gradient.shape), gradient, slots, 10)
    return w


def changed(model, changes, names):
    """Change numbers of the optimizer; return the slots that it should go on with."""
    before = {name: slot.copy() for name, slot in model.slots.items()}
    for name, value in changes.items():
        setattr(model.optimizer, name, value)
    assert model.optimizer.slot_names() == names
    fresh = model.optimizer.init(model.params)
    for row, name in zip(fresh, names, strict=True):
        row[:] = before.get(name, row)
    return fresh


def arguments(rows):
    return [pytest.param(*row, id=f"{row[0]} {row[1]}") for row in rows]


@pytest.mark.parametrize(("optimizer", "changes", "names"), arguments(SLOTS))
def test_field_T12_slots_whose_name_stays_keep_their_values(optimizer, changes, names):
    model = line(optimizer)
    slots = changed(model, changes, names)
    shown = []
    assert outcome(lambda: shown.append(model.slots)) is None
    assert list(shown[0]) == names
    assert np.array_equal(np.array(list(shown[0].values())).reshape(slots.shape), slots)
    expected = next_step(model, slots)
    assert outcome(lambda: model.fit(X, Y, batch_size=40, verbose=0)) is None
    np.testing.assert_allclose(model.params, expected, rtol=1e-5, atol=1e-7)
    for found, expected in zip(model.slots.values(), slots, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("optimizer", "changes", "names"), arguments(SLOTS))
def test_field_T12_the_same_by_fit_many_and_after_a_file(optimizer, changes, names, tmp_path):
    model, twin = line(optimizer), line(optimizer)
    slots = changed(model, changes, names)
    changed(twin, changes, names)
    expected = next_step(model, slots)
    model.save(tmp_path / "m.npz")
    loaded = []
    assert outcome(lambda: loaded.append(fanin.models.load_model(tmp_path / "m.npz"))) is None
    for way, one in ((fit, loaded[0]), (fit_many, twin)):
        assert outcome(lambda way=way, one=one: way(one, X, Y, batch_size=40)) is None
        np.testing.assert_allclose(one.params, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("optimizer", "changes", "names"), arguments(SLOTS))
def test_field_T12_a_callback_may_change_them_between_two_batches(optimizer, changes, names):
    model = line(optimizer)
    expected = []

    def change(batch, logs):
        if batch == 0:
            expected.append(next_step(model, changed(model, changes, names)))

    watch = callbacks.LambdaCallback(on_train_batch_end=change)
    x, y = np.concatenate([X, X]), np.concatenate([Y, Y])
    steps = 10 + 1  # the steps done before the one that is compared
    assert model.optimizer.slot_names() is not None
    error = outcome(
        lambda: model.fit(x, y, batch_size=40, shuffle=False, verbose=0, callbacks=[watch])
    )
    assert error is None
    assert model._compiled.iterations == steps + 1
    if not isinstance(optimizer, optimizers.Adam):  # whose step depends on the number
        np.testing.assert_allclose(model.params, expected[0], rtol=1e-5, atol=1e-7)


def test_every_argument_of_every_optimizer_is_changed_in_some_test():
    # L-BFGS takes no batches, in which these are trained: tests/models/test_lbfgs.py.
    assert set(CHANGES) == set(optimizers._registry().members) - {optimizers.LBFGS}
    for cls, changes in CHANGES.items():
        assert set(_signatures.names(cls)) - AROUND == {*changes, *SHARED, "name"}


@pytest.mark.parametrize("cls", CHANGES, ids=lambda cls: cls.__name__)
def test_every_argument_can_be_changed_after_a_fit(cls):
    for name, value in {**CHANGES[cls], **SHARED}.items():
        if name in ("momentum", "centered", "amsgrad"):
            continue  # other slots: above
        model = line(cls(0.1))
        slots = changed(model, {name: value}, model.optimizer.slot_names())
        expected = next_step(model, slots)
        model.fit(X, Y, batch_size=40, verbose=0)
        np.testing.assert_allclose(model.params, expected, rtol=1e-5, atol=1e-7)


WRONG = [
    (optimizers.SGD, "momentum", 2.0),
    (optimizers.RMSprop, "rho", 1.5),
    (optimizers.Adam, "beta_1", 1.0),
    (optimizers.Adam, "amsgrad", "yes"),
    (optimizers.Adagrad, "epsilon", float("nan")),
    (optimizers.SGD, "weight_decay", -1.0),
    (optimizers.SGD, "clipnorm", "much"),
]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("cls", "name", "value"), WRONG)
def test_field_T12_a_wrong_number_is_refused_before_anything_changes(cls, name, value, way):
    model = line(cls(0.1))
    history, params = model.history, model.params.copy()

    def change_and_train():
        setattr(model.optimizer, name, value)  # may be refused here already
        way(model, X, Y)

    assert_refused(change_and_train, (ValueError, TypeError), name)
    assert model.history is history
    assert np.array_equal(model.params, params)
