"""`fanin.frameworks`: trees of arrays and a Sequential, seen as layers and written in place."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import fanin
import numpy as np
import pytest
from fanin import frameworks
from fanin.errors import ShapeError
from fanin.frameworks import _fanin, _open, torch
from fanin.frameworks._arrays import in_our_order
from fanin.frameworks._framework import Entry
from fanin.frameworks._open import FRAMEWORKS, advice_of, framework_of
from fanin.initializers._fans import FanOptions
from fanin.layers import BatchNormalization, Dense, Flatten, Input


def seen(tree):
    """Return each layer's place, kind, name and roles."""
    layers = frameworks.opened(tree).layers
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
    kernel = frameworks.opened(model).layers[2].parameters["kernel"]
    kernel.write(np.arange(4.0).reshape(4, 1))
    assert model.layers[-1].kernel[:, 0].tolist() == [0, 1, 2, 3]
    assert np.shares_memory(kernel.read(), model.params)


def test_an_unbuilt_sequential_says_so():
    with pytest.raises(ValueError, match="not built"):
        frameworks.opened(fanin.Sequential([Dense(1)]))


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
        (3, "convolution", "params.Conv_0", ["kernel"]),
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
    shapes = [at.parameters["kernel"].shape for at in frameworks.opened(tree).layers]
    assert shapes == [(3, 2), (2, 1)]


def test_names_that_would_collide_are_kept():
    (layer,) = frameworks.opened({"w": matrix(2, 2), "kernel": matrix(3, 3)}).layers
    assert sorted(p.shape for p in layer.parameters.values()) == [(2, 2), (3, 3)]


def test_an_array_that_is_shared_comes_once():
    w = matrix(2, 2)
    assert len(frameworks.opened({"a": {"w": w}, "b": {"w": w}}).layers) == 1


def test_writing_checks_the_shape():
    tree = {"w": matrix(3, 2)}
    with pytest.raises(ShapeError, match=r"w: expected values of shape \(3, 2\), found \(2, 3\)"):
        frameworks.opened(tree).layers[0].parameters["kernel"].write(np.ones((2, 3)))
    assert not tree["w"].any()


def test_a_read_only_array_is_refused():
    w = matrix(3, 2)
    w.flags.writeable = False
    with pytest.raises(ValueError, match=r"a\.w, which is read-only"):
        frameworks.opened({"a": {"w": w}})


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
        frameworks.opened(model)


def test_each_framework_has_a_name_and_what_it_advises():
    assert [framework.NAME for framework in FRAMEWORKS] == ["fanin", "keras", "torch"]
    for framework in FRAMEWORKS:
        assert advice_of(framework.NAME) is framework.ADVICE
        assert "{initializer}" in framework.ADVICE.dense
        assert "{units}" in framework.ADVICE.normalized


def test_a_model_is_ours_or_nobodys():
    assert framework_of(fanin.Sequential()).NAME == "fanin"
    assert [framework_of(other) for other in ({}, Dense(2), None, matrix(2, 2))] == [None] * 4


@pytest.mark.parametrize("enter", [fanin.diagnose, fanin.lsuv])
@pytest.mark.parametrize("model", [{"w": matrix(2, 2)}, Dense(2), None])
def test_what_cannot_run_is_refused(enter, model):
    with pytest.raises(
        TypeError, match=r"model: expected a fanin\.Sequential or fanin\.Model, .* found "
    ):
        enter(model, matrix(3, 2))


class Toy:
    """A model of a framework that is not known, and how it would be."""

    NAME = "toy"
    ADVICE = torch.ADVICE

    def __init__(self):
        self.inside = fanin.Sequential([Input((4,)), *(Dense(8, "relu") for _ in range(3))])

    @staticmethod
    def owns(model):
        return isinstance(model, Toy)

    @staticmethod
    def entry():
        def open_model(model):
            return replace(_fanin.open_model(model.inside), result=lambda: model)

        def open_pass(model, x):
            return _fanin.NetworkPass(model.inside, x)

        def trace(model, *arguments):
            return _fanin.trace(model.inside, *arguments)

        return Entry(open_model, open_pass, trace)


def test_a_framework_is_one_module(monkeypatch):
    """Whatever takes a model takes one of a new framework, by one more row."""
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    with pytest.raises(TypeError, match=r"found .*Toy"):
        fanin.diagnose(Toy(), x)
    monkeypatch.setattr(_open, "FRAMEWORKS", (*FRAMEWORKS, Toy))
    model = Toy()
    assert fanin.initialize(model, "zeros", seed=0) is model
    report = fanin.diagnose(model, x)
    assert (report.framework, report.findings[0].kind) == ("toy", "symmetric")
    assert report.findings[0].fix == 'fanin.initialize(model, "he_normal", seed=0)'
    fanin.lsuv(model, x, rng=0)
    assert fanin.diagnose(model, x).healthy


def test_what_only_networks_trained_here_can_is_refused_for_others(monkeypatch):
    """A framework that says nothing of training is diagnosed, and not trained."""
    monkeypatch.setattr(_open, "FRAMEWORKS", (*FRAMEWORKS, Toy))
    model, rng = Toy(), np.random.default_rng(0)
    x, y = rng.normal(size=(64, 4)).astype("float32"), rng.normal(size=(64, 8))
    model.inside.compile("sgd", "mse")
    assert fanin.diagnose(model.inside, x, y).curvature is not None
    assert fanin.diagnose(model, x, y).curvature is None
    ours, found = fanin.symmetry(model.inside, x, y), fanin.symmetry(model, x, y)
    assert [layer.free for layer in found.start] == [layer.free for layer in ours.start]
    with pytest.raises(
        TypeError, match=r"model: expected a fanin\.Sequential or .* to train, .*Toy"
    ):
        fanin.symmetry(model, x, y, steps=1)
    with pytest.raises(TypeError, match=r"expected a fanin\.Sequential, .* or widths, found "):
        fanin.recommend(model)


def test_diagnosis_and_its_command_know_no_framework():
    """They go through the door: neither a framework's files nor what networks are made of."""
    inside = r"fanin\.(frameworks\.(?!_open\b|_trace\b)|models)"
    folder = Path(fanin.__file__).parent
    files = [*folder.glob("diagnosis/**/*.py"), folder / "cli" / "_diagnose.py"]
    assert len(files) > 15
    found = {
        f"{path.name}: {ast.unparse(node)}"
        for path in files
        for node in imports(ast.parse(path.read_text("utf-8")))
        if re.search(inside, ast.unparse(node).replace(" import ", "."))
    }
    # The command has a file to load.
    assert found == {"_diagnose.py: from fanin.models import load_model"}


def imports(tree):
    """Return what is imported when it runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imports(node)


def kernel(shape, **fans):
    """A parameter whose framework has it as we do."""
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    return values, in_our_order(
        role="kernel",
        name="kernel",
        shape=shape,
        dtype="float64",
        get=lambda: values,
        put=lambda new: np.copyto(values, new),
        fans=FanOptions(**fans),
    )


def test_a_kernel_as_a_matrix_has_a_column_for_each_unit():
    values, parameter = kernel((2, 2, 3, 8))
    assert parameter.units == 8
    np.testing.assert_array_equal(parameter.matrix(values), values.reshape(12, 8))
    np.testing.assert_array_equal(parameter.by_unit(np.arange(8.0)), np.arange(8.0))


def test_a_transposed_kernel_has_its_units_on_the_axis_before_the_last():
    # Three groups, each of two units with four inputs of twelve.
    values, parameter = kernel((5, 2, 12), groups=3, transposed=True)
    assert parameter.units == 6
    found = parameter.matrix(values)
    assert found.shape == (20, 6)
    for unit in range(6):
        group, place = divmod(unit, 2)
        inputs = values[:, place, 4 * group : 4 * group + 4]
        np.testing.assert_array_equal(found[:, unit], inputs.ravel())
    scaled = values * parameter.by_unit(np.arange(6.0))
    np.testing.assert_array_equal(parameter.matrix(scaled), found * np.arange(6.0))
    assert parameter.by_unit(np.array(2.0)).ndim == 0


def test_what_is_no_kernel_is_no_matrix():
    model = fanin.Sequential([Input((3,)), Dense(2)])
    bias = frameworks.opened(model).layers[0].parameters["bias"]
    assert bias.matrix(bias.read()).shape == (2,)


@pytest.mark.parametrize("name", frameworks.__all__)
def test_the_former_path_gives_the_same_with_a_warning(name):
    from fanin import foreign

    with pytest.warns(DeprecationWarning, match=rf"use fanin\.frameworks\.{name}") as caught:
        found = getattr(foreign, name)
    assert found is getattr(frameworks, name)
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match=name):
        exec(f"from fanin.foreign import {name}", {})


def test_the_former_path_is_no_public_name():
    assert "foreign" not in fanin.__all__
    assert fanin.foreign.__name__ == "fanin.foreign"
    with pytest.raises(AttributeError, match="'opend'; did you mean 'opened'"):
        fanin.foreign.opend  # noqa: B018
