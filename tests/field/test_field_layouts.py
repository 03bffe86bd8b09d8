"""Faults seen in use, layouts: biases that say which axis of a kernel holds the outputs (N6)."""

import math

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.errors import ShapeError
from refusals import assert_refused, outcome


def zeros(*shape):
    return np.zeros(shape)


def leaves(tree):
    """Return the arrays of a tree, in their order."""
    if isinstance(tree, np.ndarray):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree
    return [leaf for part in parts for leaf in leaves(part)]


def fan_ins(tree, **options):
    """Initialize a tree, and return the fan-in that each kernel's values show."""
    error = outcome(lambda: fanin.initialize(tree, "he_normal", seed=0, **options))
    assert error is None, error
    return [2 / float(np.var(leaf)) for leaf in leaves(tree) if leaf.any()]


# Trees in the layout (outputs, inputs, ...), and the inputs of their kernels.
OUT_IN = {
    "a column": ({"W1": zeros(400, 1000), "b1": zeros(400, 1)}, [1000]),
    "a vector": ({"W1": zeros(400, 1000), "b1": zeros(400)}, [1000]),
    "one output": ({"w": zeros(1, 5000), "b": zeros(1)}, [5000]),
    "layers in one dict": (
        {
            "W1": zeros(300, 700),
            "b1": zeros(300, 1),
            "W2": zeros(90, 300),
            "b2": zeros(90, 1),
        },
        [700, 300],
    ),
    "a square one among others": (
        {
            "W1": zeros(200, 700),
            "b1": zeros(200, 1),
            "W2": zeros(200, 200),
            "b2": zeros(200, 1),
        },
        [700, 200],
    ),
    "one without a bias": (
        {"W1": zeros(200, 700), "b1": zeros(200, 1), "W2": zeros(100, 200)},
        [700, 200],
    ),
    "nested": (
        {
            "encoder": {"w": zeros(200, 700), "b": zeros(200)},
            "decoder": {"w": zeros(700, 200), "b": zeros(700)},
        },
        [700, 200],
    ),
    "names of torch": ({"fc": {"weight": zeros(64, 784), "bias": zeros(64)}}, [784]),
    "a convolution of torch": ({"c": {"weight": zeros(64, 32, 3, 3), "bias": zeros(64)}}, [288]),
    "a list": ([zeros(300, 700), zeros(300), zeros(90, 300), zeros(90)], [700, 300]),
    "a list of columns": (
        [zeros(300, 700), zeros(300, 1), zeros(90, 300), zeros(90, 1)],
        [700, 300],
    ),
    "pairs, one of them square": (
        [(zeros(300, 700), zeros(300, 1)), (zeros(300, 300), zeros(300, 1))],
        [700, 300],
    ),
}


@pytest.mark.parametrize("name", OUT_IN)
def test_field_N6_a_bias_tells_the_outputs(name):
    tree, expected = OUT_IN[name]
    found = fan_ins(tree)
    assert found == pytest.approx(expected, rel=0.05)


def test_field_N6_the_courses_dict_has_the_right_spread():
    tree = fanin.initialize({"W1": zeros(400, 1000), "b1": zeros(400, 1)}, "he_normal", seed=0)
    assert float(tree["W1"].std()) == pytest.approx(math.sqrt(2 / 1000), rel=0.01)  # .0447
    assert not tree["b1"].any()


def test_field_N6_rows_are_biases_in_the_documented_layout_too():
    tree = [zeros(700, 300), zeros(1, 300), zeros(300, 90), zeros(1, 90)]
    assert fan_ins(tree) == pytest.approx([700, 300], rel=0.05)
    assert not tree[1].any()
    assert not tree[3].any()


def test_field_N6_a_transposed_convolution_shows_by_its_bias():
    tree = {"up": {"kernel": zeros(3, 3, 16, 64), "bias": zeros(16)}}
    assert fan_ins(tree) == pytest.approx([9 * 64], rel=0.05)


def test_field_N6_the_values_are_those_of_every_framework():
    kernel, bias = zeros(300, 700).astype("f4"), zeros(300).astype("f4")
    fanin.initialize({"w": kernel, "b": bias}, "he_normal", bias="torch_default", seed=3)
    model = fanin.Sequential([layers.Input((700,)), layers.Dense(300)])
    model.build()
    fanin.initialize(model, "he_normal", bias="torch_default", seed=3)
    assert np.array_equal(kernel.T, model.layers[0].kernel)
    assert np.array_equal(bias, model.layers[0].bias)


IN_OUT = {
    "a vector": ({"W1": zeros(400, 1000), "b1": zeros(1000)}, [400]),
    "a row": ({"W1": zeros(400, 1000), "b1": zeros(1, 1000)}, [400]),
    "no bias": ({"w": zeros(400, 1000)}, [400]),
    "a scalar": ({"w": zeros(400, 1000), "b": np.zeros(())}, [400]),
    "a bias of several axes": ({"p": {"kernel": zeros(48, 6, 8), "bias": zeros(6, 8)}}, [288]),
    "square": ({"w": zeros(300, 300), "b": zeros(300, 1)}, [300]),
    "a chain": ({"W1": zeros(700, 300), "W2": zeros(300, 90)}, [700, 300]),
    "a chain both ways": ({"enc": {"w": zeros(700, 90)}, "dec": {"w": zeros(90, 700)}}, [700, 90]),
    "a kernel of one output": ([zeros(700, 300), zeros(300, 1)], [700, 300]),
    "a convolution": ({"c": {"kernel": zeros(3, 3, 32, 64), "bias": zeros(64)}}, [288]),
    "gates of one size": (
        {"gate": {"w": zeros(90, 300)}, "up": {"w": zeros(90, 300)}, "down": {"w": zeros(300, 90)}},
        [90, 90, 300],
    ),
    "Flax": ({"params": {"Dense_0": {"kernel": zeros(400, 900), "bias": zeros(900)}}}, [400]),
}


@pytest.mark.parametrize("name", IN_OUT)
def test_the_documented_layout_stays_where_nothing_says_otherwise(name):
    tree, expected = IN_OUT[name]
    assert fan_ins(tree) == pytest.approx(expected, rel=0.08)


# What may be either, and the words of both readings.
DOUBTFUL = {
    "a chain one way only": {"W1": zeros(400, 1000), "W2": zeros(10, 400)},
    "biases of both kinds": {
        "a": {"w": zeros(30, 50), "b": zeros(50)},
        "b": {"w": zeros(30, 50), "b": zeros(30)},
        "c": {"w": zeros(7, 8)},
    },
    "transposed or torch's": {"c": {"kernel": zeros(3, 3, 3, 64), "bias": zeros(3)}},
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_field_N6_what_may_be_either_is_refused_with_both_readings(name):
    tree = DOUBTFUL[name]
    rng = np.random.default_rng(0)
    assert_refused(
        lambda: fanin.initialize(tree, "he_normal", rng=rng),
        ValueError,
        "outputs, inputs",
        "layout=",
    )
    assert not any(leaf.any() for leaf in leaves(tree))
    assert rng.random() == np.random.default_rng(0).random()


def test_field_N6_an_argument_settles_it():
    for layout, expected in (("out_in", [1000, 400]), ("in_out", [400, 10])):
        tree = {"W1": zeros(400, 1000), "W2": zeros(10, 400)}
        assert fan_ins(tree, layout=layout) == pytest.approx(expected, rel=0.1)
    tree = {"W2": zeros(300, 100), "W1": zeros(700, 300)}
    named = {"second": {"w": tree["W2"]}, "first": {"w": tree["W1"]}}
    assert fan_ins(named, order=["first", "second"]) == pytest.approx([300, 700], rel=0.1)


def test_field_N6_the_argument_is_for_trees_and_one_of_two():
    tree = {"w": zeros(3, 4)}
    model = fanin.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.build()
    assert_refused(lambda: fanin.initialize(tree, layout="io"), ValueError, "layout: expected")
    assert_refused(lambda: fanin.initialize(tree, layout=3), TypeError, "layout: expected")
    assert_refused(lambda: fanin.initialize(model, layout="out_in"), ValueError, "layout: expected")
    assert_refused(lambda: fanin.initialize(tree, order=3), TypeError, "order: expected")
    assert_refused(lambda: fanin.initialize(tree, order="w"), TypeError, "order: expected")


@pytest.mark.parametrize("shape", [(3, 5), (400, 1000), (1, 7)])
def test_field_N6_the_courses_line_is_drawn_bit_for_bit(shape):
    n_out, n_in = shape
    np.random.seed(4)
    theirs = np.random.randn(n_out, n_in) * np.sqrt(2 / n_in)
    rng = np.random.RandomState(4)
    error = outcome(lambda: fanin.he_init(shape, layout="out_in", rng=0))
    assert error is None, error
    assert np.array_equal(fanin.he_init(shape, layout="out_in", rng=rng), theirs)
    rng = np.random.RandomState(4)
    ours = fanin.xavier_init(shape, layout="out_in", rng=rng)
    assert np.array_equal(ours, fanin.xavier_init(shape, rng=np.random.RandomState(4)))


@pytest.mark.parametrize("function", [fanin.he_init, fanin.xavier_init])
def test_field_N6_the_layout_of_a_snippet_is_one_of_two(function):
    assert_refused(lambda: function((3, 4), layout="oi"), ValueError, "layout: expected 'in_out'")
    assert_refused(lambda: function((3, 4), layout=None), TypeError, "layout: expected 'in_out'")


@pytest.mark.parametrize("shape", [(3,), (3, 0), (), (3, 4, 5), (3, 4, 5, 5)])
def test_field_N6_outputs_and_inputs_are_two_sizes(shape):
    assert_refused(lambda: fanin.he_init(shape, layout="out_in"), ShapeError, "shape: expected two")


def test_field_R8_a_tree_that_holds_itself_is_a_value_error():
    tree = {"w": zeros(2, 2)}
    tree["again"] = tree
    assert_refused(lambda: fanin.initialize(tree), ValueError, "model: expected", "itself")
