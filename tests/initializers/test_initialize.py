"""`fanin.initialize` on a Sequential and on trees of NumPy arrays: same numbers, or one error."""

import warnings

import fanin
import numpy as np
import pytest
from fanin import streams
from fanin.initializers import HeNormal, RandomNormal
from fanin.layers import BatchNormalization, Dense, Dropout, Input
from fanin.random import Stream
from hypothesis import given
from hypothesis import strategies as st


def network(kernel="glorot_uniform", bias="zeros", rng=0):
    held = {"kernel_initializer": kernel, "bias_initializer": bias}
    return fanin.Sequential(
        [
            Input((5,)),
            Dense(7, name="hidden", **held),
            BatchNormalization(name="norm"),
            Dropout(0.5),
            Dense(3, name="out", **held),
        ],
        rng=rng,
    )


def tree(dtype="float32"):
    """Return the arrays of `network`, as Flax would keep them."""

    def array(*shape):
        return np.full(shape, np.nan, dtype)

    return {
        "params": {
            "hidden": {"kernel": array(5, 7), "bias": array(7)},
            "norm": {"scale": array(7), "bias": array(7)},
            "out": {"kernel": array(7, 3), "bias": array(3)},
        },
        "batch_stats": {"norm": {"mean": array(7), "var": array(7)}},
    }


def arrays(of):
    if isinstance(of, fanin.Sequential):
        return [array for layer in of.layers for array in layer.weights]
    p, s = of["params"], of["batch_stats"]
    norm = [*p["norm"].values(), *s["norm"].values()]
    return [*p["hidden"].values(), *norm, *p["out"].values()]


def same(a, b):
    for one, other in zip(arrays(a), arrays(b), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("initializer", ["he_normal", "orthogonal", "glorot_uniform", HeNormal(3)])
@pytest.mark.parametrize("bias", ["zeros", RandomNormal(stddev=0.1)])
def test_a_sequential_gets_the_numbers_it_would_be_built_with(initializer, bias):
    model = network(rng=1)
    assert fanin.initialize(model, initializer, seed=5, bias=bias) is model
    same(model, network(initializer, bias, rng=5))


@pytest.mark.parametrize("source", [5, [1, 2], Stream(5, "inner"), streams.jax(5)])
def test_a_tree_gets_the_numbers_of_the_sequential(source):
    held = tree()
    assert fanin.initialize(held, "he_normal", rng=source) is held
    same(held, network("he_normal", rng=source))


def test_a_generator_is_consumed_in_the_order_of_the_model():
    found = fanin.initialize(tree(), "he_normal", rng=np.random.default_rng(0))["params"]
    rng = np.random.default_rng(0)
    for layer, shape in (("hidden", (5, 7)), ("out", (7, 3))):
        assert np.array_equal(found[layer]["kernel"], HeNormal()(shape, rng=rng))


def test_the_number_of_threads_changes_nothing():
    before = fanin.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            fanin.set_num_threads(threads)
            w = {"w": np.empty((700, 900), "float32")}
            found.append(fanin.initialize(w, "he_normal", seed=0)["w"])
    finally:
        fanin.set_num_threads(before)
    assert np.array_equal(*found)


def test_without_a_seed_numbers_are_new_and_reproducible():
    fanin.set_random_seed(3)
    a = fanin.initialize(tree())
    b = fanin.initialize(tree())
    fanin.set_random_seed(3)
    same(fanin.initialize(tree()), a)
    assert (arrays(a)[0] != arrays(b)[0]).any()


def test_normalizations_start_anew_and_biases_are_zero():
    model = network()
    model.params[...] = 9
    model.state[...] = 9
    fanin.initialize(model, seed=0)
    _, bias, gamma, beta, mean, variance, *_ = arrays(model)
    assert not bias.any()
    assert (gamma == 1).all()
    assert (variance == 1).all()
    assert not beta.any()
    assert not mean.any()


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_types(dtype):
    found = fanin.initialize(tree(dtype), "he_normal", seed=5)["params"]["hidden"]["kernel"]
    expected = HeNormal()((5, 7), dtype, rng=Stream(5, "0/kernel"))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


def test_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    w = {"w": np.zeros((5, 7), ml_dtypes.bfloat16)}
    fanin.initialize(w, "he_normal", seed=5)
    expected = HeNormal()((5, 7), "bfloat16", rng=Stream(5, "0/kernel"))
    assert (w["w"] == expected).all()


def test_strided_arrays_are_filled_where_they_lie():
    memory = np.zeros((7, 10), "float32")
    fanin.initialize({"w": memory.T[::2]}, "he_normal", seed=5)
    expected = HeNormal()((5, 7), rng=Stream(5, "0/kernel"))
    assert np.array_equal(memory.T[::2], expected)
    assert not memory.T[1::2].any()


def test_an_embedding_has_one_input():
    found = fanin.initialize({"embedding": np.empty((4000, 50))}, "lecun_normal", seed=0)
    assert abs(found["embedding"].std() - 1) < 0.01


def test_biases_take_the_fans_of_the_kernel_where_they_are_defined_by_them():
    w = {"w": np.empty((400, 300)), "b": np.empty(300)}
    fanin.initialize(w, "torch_default", bias="torch_default", seed=0)
    assert 0.98 / 20 < abs(w["b"]).max() <= 1 / 20
    fanin.initialize(w, "sklearn_default", bias="sklearn_default", seed=0)
    limit = (6 / 700) ** 0.5
    assert 0.98 * limit < abs(w["b"]).max() <= limit


def ruled(rules, **options):
    return fanin.initialize(tree(), "ones", seed=0, rules=rules, **options)["params"]


def test_rules_by_name_and_role():
    found = ruled({"*.out/bias": "ones", "params.hidden": "zeros", "*/gamma": "zeros"})
    assert (found["out"]["bias"] == 1).all()
    assert (found["out"]["kernel"] == 1).all()
    assert not found["hidden"]["kernel"].any()
    assert not found["hidden"]["bias"].any()
    assert not found["norm"]["scale"].any()


def test_rules_by_class():
    model = fanin.initialize(
        network(), "ones", seed=0, rules={"Dense": "zeros", "Batch*/beta": "ones"}
    )
    kernel, _, _, beta, *_ = arrays(model)
    assert not kernel.any()
    assert (beta == 1).all()


def test_the_first_rule_that_matches_counts():
    found = ruled({"*.out": "zeros", "*": RandomNormal()})
    assert not found["out"]["kernel"].any()
    assert len(np.unique(found["hidden"]["kernel"])) > 2
    assert not found["out"]["bias"].any()


def test_none_leaves_alone():
    found = ruled({"*.out": None}, bias=None)
    assert np.isnan(found["out"]["kernel"]).all()
    assert np.isnan(found["hidden"]["bias"]).all()
    assert (found["hidden"]["kernel"] == 1).all()
    found = fanin.initialize(tree(), None, bias="ones")["params"]
    assert np.isnan(found["hidden"]["kernel"]).all()


def test_a_rule_that_matches_nothing_is_an_error():
    held = tree()
    with pytest.raises(
        ValueError, match=r"'missing', which matches nothing; there are params\.hidden/ker"
    ):
        fanin.initialize(held, seed=0, rules={"*": "ones", "missing": "zeros"})
    assert all(np.isnan(array).all() for array in arrays(held))


def test_nothing_is_written_when_an_initializer_cannot_fill_the_last_parameter():
    held = tree()
    with pytest.raises(fanin.errors.ShapeError, match=r"params\.out\.kernel: .*expected 3, 4 or 5"):
        fanin.initialize(held, seed=0, rules={"*.out": "dirac"})
    assert all(np.isnan(array).all() for array in arrays(held))


def test_what_is_not_known_is_named_once_and_left_alone():
    held = {"w": np.ones((2, 2)), "cell": {"recurrent": np.ones((2, 2)), "steps": 3}}
    with pytest.warns(UserWarning, match="does not know: cell/recurrent, cell/steps;") as caught:
        fanin.initialize(held, "zeros")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert held["cell"]["recurrent"].all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fanin.initialize(held, "zeros", rules={"cell/recurrent": "identity", "cell/*": None})
    assert np.array_equal(held["cell"]["recurrent"], np.eye(2))


def test_a_replay_of_torch_fills_kernels_in_torchs_layout():
    w = fanin.initialize({"w": np.empty((7, 5), "f4")}, "xavier_normal_", rng=streams.torch_cpu(0))
    std = (2 / 12) ** 0.5
    assert np.array_equal(w["w"].T, streams.torch_cpu(0).normal((5, 7), 0.0, std))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": 1, "rng": 1}, TypeError, "seed and rng: expected one of the two"),
        ({"seed": -1}, ValueError, "seed"),
        ({"rng": "zero"}, TypeError, "rng"),
        ({"initializer": "he_norml"}, ValueError, "did you mean"),
        ({"bias": 3}, TypeError, "initializer"),
        ({"rules": "zeros"}, TypeError, "rules: expected a mapping"),
        ({"rules": {1: "zeros"}}, TypeError, "rules: expected a mapping"),
        ({"rules": {"*/bias": "orthogonal"}}, fanin.errors.ShapeError, r"hidden\.bias: "),
        ({"model": {}}, ValueError, "model: expected one with parameters"),
        ({"model": {"n": 1}, "rules": {"n/n": "zeros"}}, TypeError, "is of int"),
        ({"model": fanin.Sequential([Dense(2)])}, ValueError, "not built"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(options, error, message):
    held = tree()
    with pytest.raises(error, match=message):
        fanin.initialize(**{"model": held, **options})
    assert all(np.isnan(array).all() for array in arrays(held))


def test_attention_as_flax_keeps_it_has_the_fans_of_its_heads():
    shapes = {"query": (160, 4, 50), "key": (160, 4, 50), "value": (160, 4, 50), "out": (4, 50, 80)}
    attention = {name: {"kernel": np.empty(shape)} for name, shape in shapes.items()}
    fanin.initialize({"attention": attention}, "lecun_uniform", seed=0)
    for name, fan in (("query", 160), ("value", 160), ("out", 200)):
        limit = (3 / fan) ** 0.5
        assert 0.99 * limit < abs(attention[name]["kernel"]).max() <= limit


@given(
    widths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    norms=st.lists(st.booleans(), min_size=4, max_size=4),
    biases=st.booleans(),
    seed=st.integers(0, 2**70),
)
def test_any_row_of_layers_is_the_same_in_a_sequential_and_in_a_tree(widths, norms, biases, seed):
    normal = RandomNormal()
    layers, trees, inputs = [Input((3,))], [], 3
    for width, norm in zip(widths, norms, strict=False):
        layers.append(Dense(width, use_bias=biases))
        shapes = [(inputs, width), (width,)][: 1 + biases]
        trees.append([np.empty(shape, "float32") for shape in shapes])
        if norm:
            layers.append(BatchNormalization(scale=False, center=False))
            layers.append(BatchNormalization())
            trees.append({role: np.empty(width, "float32") for role in ("gamma", "beta")})
        inputs = width
    model = fanin.initialize(fanin.Sequential(layers), "he_normal", bias=normal, seed=seed)
    fanin.initialize(trees, "he_normal", bias=normal, seed=seed)
    kernels = [
        array for part in trees for array in (part.values() if isinstance(part, dict) else part)
    ]
    assert np.array_equal(model.params, np.concatenate([array.ravel() for array in kernels]))
    built = fanin.Sequential(
        [
            Dense(
                at.units, use_bias=biases, kernel_initializer="he_normal", bias_initializer=normal
            )
            if isinstance(at, Dense)
            else type(at)(scale=at.scale, center=at.center)
            for at in model.layers
        ],
        rng=seed,
    )
    built.build((None, 3))
    assert np.array_equal(model.params, built.params)


def flax_like(names):
    return {"params": {name: {"kernel": np.zeros((3, 3), "f4")} for name in names}}


def test_layers_in_the_order_of_the_alphabet_are_doubted():
    with pytest.warns(UserWarning, match=r"Conv_0, Dense_0, .*give order=\['params.Conv_0'"):
        fanin.initialize(flax_like(["Conv_0", "Dense_0"]), seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fanin.initialize(flax_like(["Dense_0", "Conv_0"]), seed=0)
        fanin.initialize(flax_like(["Dense_0", "Dense_1"]), seed=0)
        fanin.initialize(flax_like(["decoder", "encoder"]), seed=0)


def test_the_order_can_be_given():
    order = ["params.Dense_0", "params.Conv_0"]
    found = fanin.initialize(flax_like(["Conv_0", "Dense_0"]), seed=0, order=order)
    expected = fanin.initialize(flax_like(["Dense_0", "Conv_0"]), seed=0)
    for name in ("Conv_0", "Dense_0"):
        np.testing.assert_array_equal(
            found["params"][name]["kernel"], expected["params"][name]["kernel"]
        )


@pytest.mark.parametrize("order", [[], ["params.Conv_0"], ["params.Conv_0"] * 2, ["a", "b"]])
def test_an_order_names_each_layer_once(order):
    held = flax_like(["Conv_0", "Dense_0"])
    with pytest.raises(ValueError, match="order: expected the names of all layers"):
        fanin.initialize(held, seed=0, order=order)
    assert not held["params"]["Dense_0"]["kernel"].any()


def test_what_a_foreign_function_raises_names_the_parameter():
    def broken(shape):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no") as caught:
        fanin.initialize(flax_like(["Dense_0"]), broken, seed=0)
    assert "params.Dense_0.kernel" in caught.value.__notes__[0]
