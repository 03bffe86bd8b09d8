"""Faults seen in use: what a saved file says is checked (R4, N5), what it lacks is said (R6)."""

import json
import math
import warnings

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, optimizers
from fanin.models import load_model
from refusals import assert_refused, outcome

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = np.arange(20) % 2

# Every optimizer, with all its arrays: those that hold squares, and those that may be negative.
SLOTS = {
    "SGD": (optimizers.SGD(momentum=0.9), (), ("velocity",)),
    "Adam": (optimizers.Adam(), ("v",), ("m",)),
    "AMSGrad": (optimizers.Adam(amsgrad=True), ("v", "v_max"), ("m",)),
    "RMSprop": (
        optimizers.RMSprop(momentum=0.5, centered=True),
        ("velocity",),
        ("momentum", "average_gradient"),
    ),
    "Adagrad": (optimizers.Adagrad(), ("accumulator",), ()),
    "AdamW": (
        optimizers.AdamW(use_ema=True, gradient_accumulation_steps=3),
        ("v",),
        ("m", "average", "gradient_accumulator"),
    ),
    "Nadam": (optimizers.Nadam(), ("v",), ("m",)),
    "Adamax": (optimizers.Adamax(), ("u",), ("m",)),
    "Lamb": (optimizers.Lamb(), ("v",), ("m",)),
    "Lion": (optimizers.Lion(), (), ("m",)),
    "Adadelta": (optimizers.Adadelta(), ("accumulated_grad", "accumulated_delta_var"), ()),
    "Ftrl": (optimizers.Ftrl(), ("accumulator",), ("linear",)),
    "Adafactor": (optimizers.Adafactor(), ("r", "c"), ()),
    "Muon": (optimizers.Muon(), ("velocity",), ("momentum",)),
}


def network(rng=0):
    return fanin.Sequential(
        [
            layers.Dense(4, activation="relu", input_dim=3),
            layers.BatchNormalization(),
            layers.Dense(2, activation="softmax"),
        ],
        rng=rng,
    )


def saved(path, optimizer="adam", rng=0):
    model = network(rng)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=5, verbose=0)
    model.save(path)
    return model


def forge(path, change):
    """Rewrite an archive: `change` gets its arrays, with the configuration as a dict."""
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["config"] = json.loads(arrays["config"].tobytes())
    change(arrays)
    text = json.dumps(arrays["config"]).encode()
    arrays["config"] = np.frombuffer(text, dtype=np.uint8)
    np.savez(path, **arrays)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def test_every_optimizer_and_slot_is_here():
    # L-BFGS takes no batches, in which these are trained: tests/models/test_lbfgs.py.
    others = set(optimizers._registry().members) - {optimizers.LBFGS}
    assert {type(row[0]) for row in SLOTS.values()} == others
    for optimizer, squares, others in SLOTS.values():
        assert sorted(optimizer.slot_names()) == sorted([*squares, *others])


# R4: the optimizer's arrays.


def _one_less(slots):
    return slots[1:]


def _narrow(slots):
    return slots[:, 1:]


SHAPES = {
    "a slot less": _one_less,
    "narrower": _narrow,
    "transposed": np.transpose,
    "flat": np.ravel,
    "a slot more": lambda slots: np.concatenate([slots, slots[:1]]),
    "float64": lambda slots: slots.astype("float64"),
    "int32": lambda slots: slots.astype("int32"),
    "one number": lambda slots: slots[0, 0],
}


@pytest.mark.parametrize("optimizer", SLOTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_field_R4_slots_of_another_shape_or_type(optimizer, shape, path):
    saved(path, SLOTS[optimizer][0])

    def change(arrays):
        arrays["optimizer/slots"] = SHAPES[shape](arrays["optimizer/slots"])

    forge(path, change)
    assert_refused(lambda: load_model(path), ValueError, str(path), "optimizer", "compile=False")
    assert outcome(lambda: load_model(path, compile=False)) is None


@pytest.mark.parametrize("optimizer", SLOTS)
def test_field_R4_missing_slots(optimizer, path):
    saved(path, SLOTS[optimizer][0])
    forge(path, lambda arrays: arrays.pop("optimizer/slots"))
    assert_refused(lambda: load_model(path), ValueError, str(path), "optimizer", "4 steps")


CASES = [
    (name, slot, value)
    for name, (_, squares, others) in SLOTS.items()
    for slots, values in ((squares, (math.nan, -1e-3, -math.inf)), (others, (math.nan, math.inf)))
    for slot in slots
    for value in values
]


@pytest.mark.parametrize(("optimizer", "slot", "value"), CASES)
def test_field_R4_values_of_slots(optimizer, slot, value, path):
    saved(path, SLOTS[optimizer][0])
    place = SLOTS[optimizer][0].slot_names().index(slot)

    def change(arrays):
        arrays["optimizer/slots"][place, -1] = value

    forge(path, change)
    assert_refused(lambda: load_model(path), ValueError, str(path), f"'{slot}'", f"{value:.3g}"[:4])


@pytest.mark.parametrize("optimizer", SLOTS)
def test_slots_as_training_leaves_them_are_read(optimizer, path):
    """First moments and velocities of either sign, squares of zero."""
    model = saved(path, SLOTS[optimizer][0])
    again = load_model(path)
    for name in SLOTS[optimizer][2]:
        assert (model.slots[name] < 0).any()
    for name, slot in model.slots.items():
        assert np.array_equal(again.slots[name], slot)


# R4: counts.

NO_COUNTS = {
    "negative": -1,
    "absurd": 10**18,
    "too large for floats": 10**400,
    "fraction": 1.5,
    "NaN": math.nan,
    "infinite": math.inf,
    "text": "4",
    "flag": True,
    "nothing": None,
    "list": [4],
}


@pytest.mark.parametrize("value", NO_COUNTS.values(), ids=NO_COUNTS)
@pytest.mark.parametrize("which", [0, 1], ids=["steps", "epochs"])
def test_field_R4_counts(which, value, path):
    saved(path)

    def change(arrays):
        arrays["config"]["done"][which] = value

    forge(path, change)
    assert_refused(lambda: load_model(path), ValueError, str(path), ["steps", "epochs"][which])


# R4: the network's arrays.

LOADERS = {
    "load_model": load_model,
    "load_model without compiling": lambda path: load_model(path, compile=False),
    "load_weights": lambda path: _filled(path),
}
loaders = pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)


def _filled(path):
    model = network(1)
    before = model.params.copy(), model.state.copy()
    try:
        model.load_weights(path)
    except Exception:
        assert np.array_equal(model.params, before[0])
        assert np.array_equal(model.state, before[1])
        raise
    return model


@loaders
@pytest.mark.parametrize("value", [-1e-6, -math.inf])
def test_field_R4_negative_variances(load, value, path):
    saved(path)

    def change(arrays):
        arrays["1/moving_variance"][2] = value

    forge(path, change)
    assert_refused(lambda: load(path), ValueError, str(path), "1/moving_variance", "negative")


@loaders
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["0/kernel", "2/bias", "1/moving_mean", "1/moving_variance"])
def test_field_R4_nan_weights_load_with_a_warning(load, name, value, path):
    saved(path)

    def change(arrays):
        arrays[name][..., 0] = value

    forge(path, change)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = load(path)
    assert [np.isfinite(w).all() for w in model.get_weights()].count(False) == 1
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 1
    for word in (str(path), name, "NaN"):
        assert word in texts[0]
    assert caught[0].filename == __file__


def test_a_failed_training_is_saved_and_looked_into(path):
    model = network()
    model.compile(optimizers.SGD(1e30), "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=3, verbose=0)
    assert not np.isfinite(model.params).all()
    model.save(path)
    with pytest.warns(UserWarning, match=r"model\.npz"):
        again = load_model(path)
    assert np.array_equal(again.params, model.params, equal_nan=True)


# N5.


@loaders
@pytest.mark.parametrize("value", [1e39, -1e300])
def test_field_N5_numbers_that_float32_cannot_hold(load, value, path):
    saved(path)

    def change(arrays):
        arrays["2/kernel"] = arrays["2/kernel"].astype("float64")
        arrays["2/kernel"][1, 1] = value

    forge(path, change)
    assert_refused(lambda: load(path), ValueError, str(path), "2/kernel", "float32 cannot hold")


def test_wider_and_other_numbers_are_read(path):
    model = saved(path)

    def change(arrays):
        arrays["2/kernel"] = arrays["2/kernel"].astype(">f8")
        arrays["0/kernel"] = np.asfortranarray(arrays["0/kernel"])
        arrays["2/bias"] = np.array([3, -4])

    forge(path, change)
    again = load_model(path)
    assert np.array_equal(again.get_weights()[0], model.get_weights()[0])
    assert np.array_equal(again.get_weights()[-2], model.get_weights()[-2])
    assert again.get_weights()[-1].tolist() == [3.0, -4.0]


# R6.

SOURCES = {
    "Generator": lambda: np.random.default_rng(0),
    "RandomState": lambda: np.random.RandomState(0),
    "numpy.random": lambda: np.random,
    "BitGenerator": lambda: np.random.PCG64(0),
    "replay": lambda: fanin.streams.jax(0),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("way", ["save", "checkpoint"])
def test_field_R6_a_generator_that_is_not_saved_is_said(source, way, path):
    model = network(source())
    model.compile("sgd", "sparse_categorical_crossentropy")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if way == "save":
            model.save(path)
        else:
            saver = callbacks.ModelCheckpoint(path)
            model.fit(X, Y, verbose=0, callbacks=[saver])
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 1
    assert "rng" in texts[0]
    assert "not saved" in texts[0]
    assert np.array_equal(load_model(path).params, model.params)


@pytest.mark.parametrize("rng", [0, [1, 2], fanin.random.Stream(3, "here"), None])
def test_streams_are_saved_without_a_word(rng, path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saved(path, rng=rng)
        network(np.random.default_rng(0)).save_weights(path)  # which holds no rng at all
