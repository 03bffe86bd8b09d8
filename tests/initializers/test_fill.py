"""Filling arrays that exist: the values of new ones, in place, or an error and nothing written."""

import numpy as np
import pytest
from fanin import initializers
from hypothesis import given
from hypothesis import strategies as st

EVERY = [
    initializers.Zeros(),
    initializers.Ones(),
    initializers.Constant(0.5),
    initializers.Constant([1.0, 2.0, 3.0, 4.0]),
    initializers.RandomUniform(-1, 1),
    initializers.RandomNormal(stddev=2.0),
    initializers.TruncatedNormal(),
    initializers.Orthogonal(2.0),
    initializers.HeNormal(),
    initializers.GlorotUniform(),
    initializers.get(lambda shape, dtype: np.full(shape, 7, dtype)),
]


@pytest.mark.parametrize("initializer", EVERY, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_values_are_those_of_a_new_array(initializer, dtype):
    out = np.full((6, 4), np.nan, dtype)
    assert initializer.fill(out, rng=5) is out
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out, initializer((6, 4), dtype, rng=5))


@given(
    shape=st.lists(st.integers(0, 7), min_size=2, max_size=4),
    order=st.permutations(range(4)),
    step=st.integers(-3, 3).filter(bool),
)
def test_any_strides_will_do_and_the_gaps_stay(shape, order, step):
    axes = [axis for axis in order if axis < len(shape)]
    whole = np.full([shape[axis] * 3 for axis in axes], -9.0)
    view = whole[tuple(slice(None, None, step) for _ in axes)]
    view = view.transpose(np.argsort(axes))
    initializers.HeNormal().fill(view, rng=1)
    np.testing.assert_array_equal(view, initializers.HeNormal()(view.shape, "float64", rng=1))
    assert np.count_nonzero(whole != -9.0) == view.size


def test_a_generator_is_consumed_as_by_a_new_array():
    out = np.empty((3, 2))
    initializers.RandomNormal().fill(out, rng=np.random.default_rng(3))
    again = initializers.RandomNormal()((3, 2), "float64", rng=np.random.default_rng(3))
    np.testing.assert_array_equal(out, again)


def read_only():
    array = np.zeros(3)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("initializer", [initializers.Zeros(), initializers.RandomNormal()])
@pytest.mark.parametrize(
    ("out", "error", "says"),
    [
        ([0.0], TypeError, "out: expected a NumPy array, found a list"),
        (np.zeros(3, int), TypeError, "out: expected an array of .* found int64"),
        (np.zeros(3, np.complex64), TypeError, "found complex64"),
        (np.zeros(3, ">f8"), TypeError, "found >f8"),
        (
            read_only(),
            ValueError,
            "out: expected an array that can be written to, found a read-only",
        ),
    ],
)
def test_what_cannot_be_filled_is_refused_and_left_alone(initializer, out, error, says):
    before = np.array(out)
    with pytest.raises(error, match=says):
        initializer.fill(out, rng=0)
    np.testing.assert_array_equal(out, before)


def test_an_array_whose_elements_share_memory_is_refused():
    whole = np.zeros(3)
    shared = np.lib.stride_tricks.as_strided(whole, (4, 3), (0, 8))
    with pytest.raises(ValueError, match="share memory"):
        initializers.RandomNormal().fill(shared, rng=0)
    assert not whole.any()
