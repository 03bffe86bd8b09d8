"""Faults seen in use, layers: dtypes, shapes, seeds and refused passes (R9, N4, N3, R11)."""

import copy
import json

import fanin
import numpy as np
import pytest
from fanin import layers, models
from fanin.random import Stream
from refusals import assert_refused, outcome

ONES = np.ones((6, 5), "float32")

# R9: dtypes.

FLOATS = {
    "float32": ["float32", "f4", "single", np.float32, np.dtype("float32")],
    "float64": ["float64", "f8", "double", "d", float, np.float64, np.dtype("float64"), ">f8"],
}
SPELLINGS = [(dtype, spelled) for dtype, many in FLOATS.items() for spelled in many]
DATA = {"uint8": ["uint8", "u1", np.uint8], "bool": [bool], "int64": ["int64", np.int64]}
WRONG = ["flaot64", "float16", np.float16, "complex64", "U3", object, 5, "", [], "datetime64[s]"]
PLACES = {
    "Input": lambda dtype: layers.Input((3,), dtype=dtype),
    "InputLayer": lambda dtype: layers.InputLayer((3,), dtype=dtype),
    "Dense": lambda dtype: layers.Dense(2, dtype=dtype, input_shape=(3,)),
}


@pytest.mark.parametrize("make", [PLACES["Input"], PLACES["InputLayer"]])
def test_field_R9_a_dtype_in_any_spelling(make):
    for right, spelled in SPELLINGS:
        error = outcome(lambda s=spelled: fanin.Sequential([make(s), layers.Dense(2)], rng=0))
        assert error is None, f"{spelled!r}: {error}"
        model = fanin.Sequential([make(spelled), layers.Dense(2)], rng=0)
        assert model.params.dtype == right, spelled
        assert model.predict(np.ones((2, 3)), verbose=0).dtype == right
        assert models.clone_model(model).params.dtype == right


def test_dense_takes_any_spelling():
    for right, spelled in SPELLINGS:
        assert fanin.Sequential([PLACES["Dense"](spelled)], rng=0).params.dtype == right


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_field_R9_what_is_no_dtype_is_refused(wrong):
    for make in PLACES.values():
        assert_refused(lambda m=make: m(wrong), TypeError, "dtype: expected 'float32' or 'float64'")


def test_field_R9_a_dtype_of_the_data():
    for right, many in DATA.items():
        for spelled in many:
            made = outcome(lambda s=spelled: layers.Input((3,), dtype=s))
            assert made is None
            assert layers.Input((3,), dtype=spelled).dtype == right
            model = fanin.Sequential([layers.Input((3,), dtype=spelled), layers.Dense(2)], rng=0)
            assert model.params.dtype == "float32"
    assert_refused(lambda: layers.Dense(2, dtype="uint8"), TypeError, "dtype: expected")


def test_field_R9_an_input_stays_as_it_was_made():
    made = layers.InputLayer((3,))
    for name, value in (("dtype", "float64"), ("shape", (4,))):
        assert_refused(lambda n=name, v=value: setattr(made, n, v), AttributeError, f"{name}: an")
    assert made.shape == (3,)


# N4: shapes that contradict each other.


@pytest.mark.parametrize("make", [layers.Input, layers.InputLayer])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 4, "batch_shape": (2, 3)}, "batch_shape: expected nothing beside batch_si"),
        ({"shape": (4,), "batch_shape": (2, 3)}, "batch_shape: expected nothing beside shape"),
        ({"shape": (4,), "input_shape": (3,)}, "input_shape: expected nothing beside shape"),
        ({"input_shape": (4,), "batch_shape": (None, 3)}, "expected nothing beside batch_shape"),
        ({"shape": (4,), "batch_size": 0}, "batch_size: expected"),
        ({"shape": (4,), "batch_size": 2.5}, "batch_size: expected"),
        ({"batch_shape": (-2, 3)}, "batch_shape: expected"),
    ],
)
def test_field_N4_arguments_that_contradict_each_other(make, arguments, words):
    assert_refused(lambda: make(**arguments), (TypeError, ValueError), words)


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_shape": (4,), "input_dim": 3},
        {"input_dim": 4, "batch_input_shape": (None, 3)},
        {"input_shape": (4,), "batch_input_shape": (None, 3)},
    ],
    ids=lambda arguments: "-".join(arguments),
)
@pytest.mark.parametrize("make", [lambda **o: layers.Dense(2, **o), layers.Flatten])
def test_field_N4_layers_say_their_input_once(make, arguments):
    assert_refused(lambda: make(**arguments), ValueError, ": expected nothing beside ")


def test_what_does_not_contradict():
    assert layers.Input((3,), batch_size=4).shape == (None, 3)
    assert layers.InputLayer(batch_shape=(2, 3)).shape == (3,)
    assert layers.Input(batch_shape=(None, 3, 4)).shape == (None, 3, 4)


# N3: seeds of Dropout.

SEEDS = {
    "whole number": lambda: 5,
    "NumPy's": lambda: np.int64(5),
    "small": lambda: np.uint8(200),
    "without axes": lambda: np.array(7),
    "drawn": lambda: np.random.default_rng(0).integers(2**31),
    "list": lambda: [1, 2],
    "tuple": lambda: (1, 2),
    "array": lambda: np.array([1, 2]),
    "SeedSequence": lambda: np.random.SeedSequence(3),
    "Stream": lambda: Stream([1, 2], "mine"),
    "large": lambda: 10**5000 + 3,
}


def masks(model):
    return model(np.ones((3, 40), "float32"), training=True).tobytes()


def dropout(seed):
    return fanin.Sequential([layers.Input((40,)), layers.Dropout(0.5, seed=seed)], rng=0)


def test_field_N3_dropout_with_a_seed_of_any_form(tmp_path):
    wrong = []
    for name, make in SEEDS.items():
        error = outcome(lambda m=make: dropout(m()))
        if error is not None:
            wrong.append((name, error))
            continue
        model = dropout(make())
        model.compile("sgd", "mse")
        ways = {
            "clone": lambda m=model: models.clone_model(m),
            "json": lambda m=model: layers.deserialize(json.loads(written(m.layers[0]))),
            "save": lambda m=model: m.save(tmp_path / "model.npz"),
        }
        errors = {way: outcome(call) for way, call in ways.items()}
        if any(errors.values()):
            wrong.append((name, errors))
            continue
        again = fanin.Sequential([layers.Input((40,)), ways["json"]()], rng=9)
        loaded = models.load_model(tmp_path / "model.npz")
        # One after the other, all draw the masks of a new layer with this seed.
        right = masks(dropout(make()))
        for other in (ways["clone"](), again, loaded, copy.deepcopy(model), model):
            if masks(other) != right:
                wrong.append((name, "other masks"))
    assert not wrong


def written(layer):
    return json.dumps(layers.serialize(layer))


def test_field_N3_generators_as_seeds_of_dropout_are_refused_when_written():
    for make in (lambda: np.random.default_rng(0), lambda: np.random.RandomState(0)):
        layer = layers.Dropout(0.5, seed=make())
        assert_refused(layer.get_config, TypeError, "seed: expected", "consumed")


@pytest.mark.parametrize("wrong", [-1, 2.5, "a", [], object()], ids=repr)
def test_what_is_no_seed_is_refused(wrong):
    assert_refused(lambda: layers.Dropout(0.5, seed=wrong), (TypeError, ValueError), "seed: ")


# R11: a refused pass changes nothing.

WRONG_CALLS = {
    "threads": ({"threads": "a"}, ONES),
    "no threads": ({"threads": 0}, ONES),
    "half a thread": ({"threads": 1.5}, ONES),
    "a flag of text": ({"training": "yes"}, ONES),
    "text": ({}, "abc"),
    "one axis": ({}, np.ones(5)),
    "masked": ({}, np.ma.masked_equal(ONES, 1)),
}
KINDS = {
    "Dense": lambda: layers.Dense(3, name="layer"),
    "Dropout": lambda: layers.Dropout(0.5, seed=1, name="layer"),
    "BatchNormalization": lambda: layers.BatchNormalization(name="layer"),
}


def pass_of(layer, options, x):
    return layer.forward(x, **{"training": True, **options})


@pytest.mark.parametrize("kind", KINDS)
def test_field_R11_a_refused_pass_builds_nothing_and_counts_as_none(kind):
    wrong = []
    for name, (options, x) in WRONG_CALLS.items():
        for built in (False, True):
            layer, twin = KINDS[kind](), KINDS[kind]()
            for one in (layer, twin):
                if built:
                    one.build((None, 5), rng=0)
            fanin.utils.set_random_seed(3)
            error = outcome(lambda la=layer, o=options, v=x: pass_of(la, o, v))
            if not isinstance(error, TypeError | ValueError) or layer.built != built:
                wrong.append((name, built, error))
                continue
            first = layer(ONES, training=True)
            fanin.utils.set_random_seed(3)
            same = np.array_equal(first, twin(ONES, training=True))
            weights = zip(layer.get_weights(), twin.get_weights(), strict=True)
            if not same or not all(np.array_equal(*pair) for pair in weights):
                wrong.append((name, built, "another pass"))
    assert not wrong
