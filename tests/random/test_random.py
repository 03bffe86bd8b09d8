"""rng= accepts what users have, each kind means what it says, and anything else is refused."""

import copy
import pickle
import random as python_random

import numpy as np
import pytest
from fanin.initializers import RandomNormal
from fanin.random import Stream, resolve, set_random_seed


def draw(rng):
    return RandomNormal()((3, 4), "float64", rng=rng)


def test_an_integer_is_a_seed_of_any_size_and_kind():
    for seed in (0, 2**31, 2**64 + 1, 10**5000 + 7):
        np.testing.assert_array_equal(draw(seed), draw(seed))
    np.testing.assert_array_equal(draw(5), draw(np.int64(5)))
    np.testing.assert_array_equal(draw(5), draw(np.uint8(5)))
    np.testing.assert_array_equal(draw(5), draw([5]))
    np.testing.assert_array_equal(draw(5), draw(Stream(5)))
    assert len({draw(s).tobytes() for s in (0, 1, 2**32, 2**64, 10**5000, 10**5001)}) == 6
    assert resolve(10**5000 + 7).seed == "1" + "0" * 4999 + "7"


def test_a_sequence_is_a_seed():
    for seed in ([1, 2], (1, 2), np.array([1, 2]), range(1, 3)):
        np.testing.assert_array_equal(draw(seed), draw([1, 2]))
    assert len({draw(s).tobytes() for s in ([1, 2], [12], [2, 1], [1, 2, 0])}) == 4


def test_a_seed_sequence_is_a_seed_and_its_children_are_others():
    root = np.random.SeedSequence(3)
    np.testing.assert_array_equal(draw(root), draw(np.random.SeedSequence(3)))
    np.testing.assert_array_equal(draw(root), draw(root))
    children = [draw(child).tobytes() for child in root.spawn(3)]
    assert len({draw(root).tobytes(), *children}) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.random.default_rng(1),
        lambda: np.random.RandomState(1),
        lambda: np.random.Generator(np.random.Philox(1)),
    ],
)
def test_numpy_generators_are_consumed_by_their_own_methods(make):
    ours, theirs = make(), make()
    for _ in range(2):
        np.testing.assert_array_equal(draw(ours), theirs.normal(0.0, 0.05, size=(3, 4)))


def test_a_bit_generator_is_consumed():
    ours, theirs = np.random.PCG64(1), np.random.default_rng(1)
    for _ in range(2):
        np.testing.assert_array_equal(draw(ours), theirs.normal(0.0, 0.05, size=(3, 4)))


def test_numpy_random_itself_is_its_global_generator():
    state = np.random.get_state()
    try:
        np.random.seed(8)
        expected = np.random.normal(0.0, 0.05, size=(3, 4))
        np.random.seed(8)
        np.testing.assert_array_equal(draw(np.random), expected)
    finally:
        np.random.set_state(state)


@pytest.mark.parametrize(
    "rng", [1.0, "1", b"1", True, np.float64(1), object(), {1: 2}, [1.5], ["1"]]
)
def test_other_types_are_refused(rng):
    with pytest.raises(TypeError, match="whole number"):
        resolve(rng)


@pytest.mark.parametrize("rng", [-1, [1, -2], [], np.array([], dtype=int)])
def test_other_values_are_refused(rng):
    with pytest.raises(ValueError, match="at least"):
        resolve(rng)


@pytest.fixture
def restore_globals(monkeypatch):
    import fanin.random

    monkeypatch.setattr(fanin.random, "_fresh", fanin.random._Fresh())
    python_state, numpy_state = python_random.getstate(), np.random.get_state()
    yield
    python_random.setstate(python_state)
    np.random.set_state(numpy_state)


@pytest.mark.usefixtures("restore_globals")
def test_none_is_fresh_every_time():
    assert len({draw(None).tobytes() for _ in range(5)}) == 5


@pytest.mark.usefixtures("restore_globals")
@pytest.mark.parametrize("seed", [0, 42, 2**32 - 1, 2**32, 2**100])
def test_set_random_seed_repeats_everything(seed):
    def everything():
        set_random_seed(seed)
        return [
            draw(None).tobytes(),
            draw(None).tobytes(),
            python_random.random(),
            np.random.rand(),
        ]

    first = everything()
    assert everything() == first
    assert first[0] != first[1]
    set_random_seed(seed)
    assert draw(None).tobytes() == draw(Stream(seed, "#0")).tobytes()
    assert draw(None).tobytes() == draw(Stream(seed, "#1")).tobytes()


@pytest.mark.usefixtures("restore_globals")
def test_set_random_seed_seeds_numpy_as_keras_does():
    set_random_seed(42)
    assert np.random.rand() == np.random.RandomState(42).rand()


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), (None, TypeError)])
def test_set_random_seed_refuses_what_is_no_seed(seed, error):
    with pytest.raises(error, match="seed"):
        set_random_seed(seed)


def test_a_path_goes_on():
    stream = Stream(3)
    assert stream.at("dense").at("kernel") == Stream(3, "dense/kernel")
    assert stream.at("") == stream
    assert draw(stream).tobytes() != draw(stream.at("a")).tobytes()
    for path in (None, 3, b"a"):
        with pytest.raises(TypeError, match="path"):
            stream.at(path)
    with pytest.raises(ValueError, match="UTF-8"):
        stream.at("\ud800")


def test_a_stream_is_a_value():
    stream = Stream([1, 2], "a")
    for twin in (Stream([1, 2], "a"), copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))):
        assert twin == stream
        assert hash(twin) == hash(stream)
    assert repr(stream) == "Stream([1, 2], 'a')"
    with pytest.raises(AttributeError):
        stream.seed = "3"
