"""`fanin.foreign`: trees of NumPy arrays and a Sequential, seen as layers and written in place."""

import fanin
import numpy as np
import pytest
from fanin import foreign
from fanin.errors import ShapeError
from fanin.layers import BatchNormalization, Dense, Flatten, Input


def seen(tree):
    """Return each layer's place, kind, name and roles."""
    layers = foreign.opened(tree).layers
    return [(at.position, at.kind, at.name, list(at.parameters)) for at in layers]


def matrix(*shape):
    return np.zeros(shape, "float32")


def test_a_sequential_is_its_layers_with_arrays():
    model = fanin.Sequential(
        [Input((2, 3)), Flatten(), Dense(4, name="a"), BatchNormalization(name="b"), Dense(1)]
    )
    assert seen(model)[:2] == [
        (0, "dense", "a", ["kernel", "bias"]),
        (1, "normalization", "b", ["gamma", "beta", "moving_mean", "moving_variance"]),
    ]
    kernel = foreign.opened(model).layers[2].parameters["kernel"]
    kernel.write(np.arange(4.0).reshape(4, 1))
    assert model.layers[-1].kernel[:, 0].tolist() == [0, 1, 2, 3]
    assert np.shares_memory(kernel.read(), model.params)


def test_an_unbuilt_sequential_says_so():
    with pytest.raises(ValueError, match="not built"):
        foreign.opened(fanin.Sequential([Dense(1)]))


def test_a_tree_as_flax_makes_it():
    tree = {
        "params": {
            "Dense_0": {"kernel": matrix(3, 2), "bias": matrix(2)},
            "BatchNorm_0": {"scale": matrix(2), "bias": matrix(2)},
            "Embed_0": {"embedding": matrix(5, 2)},
            "Conv_0": {"kernel": matrix(3, 3, 2, 4)},
        },
        "batch_stats": {"BatchNorm_0": {"mean": matrix(2), "var": matrix(2)}},
    }
    assert seen(tree) == [
        (0, "dense", "params.Dense_0", ["kernel", "bias"]),
        (1, "normalization", "params.BatchNorm_0", ["gamma", "beta"]),
        (2, "embedding", "params.Embed_0", ["embeddings"]),
        (3, "conv", "params.Conv_0", ["kernel"]),
        (4, "normalization", "batch_stats.BatchNorm_0", ["moving_mean", "moving_variance"]),
    ]


def test_numbered_siblings_come_by_number_however_they_are_sorted():
    tree = {f"Dense_{i}": {"kernel": matrix(2, 2)} for i in (0, 1, 10, 2)}
    assert [name for _, _, name, _ in seen(tree)] == ["Dense_0", "Dense_1", "Dense_2", "Dense_10"]


@pytest.mark.parametrize(
    "tree",
    [
        {"W1": matrix(3, 2), "W2": matrix(2, 1), "b1": matrix(2), "b2": matrix(1)},
        [(matrix(3, 2), matrix(2)), (), (matrix(2, 1), matrix(1))],
        [matrix(3, 2), matrix(2), matrix(2, 1), matrix(1)],
        {"linear": {"w": matrix(3, 2), "b": matrix(2)}, "out": {"w": matrix(2, 1), "b": matrix(1)}},
    ],
    ids=["numbered", "stax", "flat", "haiku"],
)
def test_trees_of_scripts(tree):
    layers = [(place, kind, roles) for place, kind, _, roles in seen(tree)]
    assert layers == [(0, "dense", ["kernel", "bias"]), (1, "dense", ["kernel", "bias"])]
    shapes = [at.parameters["kernel"].shape for at in foreign.opened(tree).layers]
    assert shapes == [(3, 2), (2, 1)]


def test_names_that_would_collide_are_kept():
    (layer,) = foreign.opened({"w": matrix(2, 2), "kernel": matrix(3, 3)}).layers
    assert sorted(p.shape for p in layer.parameters.values()) == [(2, 2), (3, 3)]


def test_an_array_that_is_shared_comes_once():
    w = matrix(2, 2)
    assert len(foreign.opened({"a": {"w": w}, "b": {"w": w}}).layers) == 1


def test_writing_checks_the_shape():
    tree = {"w": matrix(3, 2)}
    with pytest.raises(ShapeError, match=r"w: expected values of shape \(3, 2\), found \(2, 3\)"):
        foreign.opened(tree).layers[0].parameters["kernel"].write(np.ones((2, 3)))
    assert not tree["w"].any()


def test_a_read_only_array_is_refused():
    w = matrix(3, 2)
    w.flags.writeable = False
    with pytest.raises(ValueError, match=r"a\.w, which is read-only"):
        foreign.opened({"a": {"w": w}})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (matrix(2, 2), "found numpy.ndarray"),
        (None, "found builtins.NoneType"),
        ({"a": "kernel"}, r"found builtins\.str at 'a'"),
    ],
)
def test_what_is_no_model_is_refused(model, message):
    with pytest.raises(TypeError, match=message):
        foreign.opened(model)
