"""fanin's initializers in Keras's layers, and as JAX's ``init(key, shape, dtype)``."""

import os

import numpy as np
import pytest
from fanin import initializers
from fanin.initializers import Constant, HeNormal, Orthogonal, TorchDefault, TruncatedNormal
from fanin.random import Stream

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")
jnp = jax.numpy

SEEDED = [
    HeNormal(seed=3),
    Orthogonal(2.0, seed=[1, 2]),
    TorchDefault(seed=1),
    TruncatedNormal(0.0, 0.1, seed=1, lower=-1.0),
    Constant(0.5),
]


def as_numpy(x):
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


@pytest.mark.parametrize("initializer", SEEDED, ids=repr)
@pytest.mark.parametrize("adapted", [False, True])
def test_a_layer_of_keras_holds_our_values(initializer, adapted):
    layer = keras.layers.Dense(
        5, kernel_initializer=initializer.as_keras() if adapted else initializer
    )
    layer.build((None, 7))
    np.testing.assert_array_equal(as_numpy(layer.kernel.value), initializer((7, 5)))


# Keras 3.15 saves variables in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("initializer", SEEDED, ids=repr)
def test_an_adapted_initializer_is_saved_and_loaded(initializer, tmp_path):
    given = {"kernel_initializer": initializer.as_keras()}
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, **given)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[0].kernel_initializer
    assert loaded.initializer == initializer
    assert keras.models.clone_model(model).layers[0].kernel_initializer.initializer == initializer


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_types_of_keras(dtype):
    layer = keras.layers.Dense(5, kernel_initializer=HeNormal(seed=1).as_keras(), dtype=dtype)
    layer.build((None, 7))
    found = as_numpy(keras.ops.cast(layer.kernel.value, "float32"))
    np.testing.assert_array_equal(found, HeNormal(seed=1)((7, 5), dtype).astype("float32"))


@pytest.mark.parametrize("name", ["he_normal", "orthogonal", "zeros", "glorot_uniform"])
@pytest.mark.parametrize("typed", [True, False])
def test_a_function_of_jaxs_keys(name, typed):
    initializer = initializers.get(name)
    init = initializer.as_jax()
    key = jax.random.key(7) if typed else jax.random.PRNGKey(7)
    expected = initializer((6, 4), rng=Stream([0, 7]))
    found = init(key, (6, 4))
    assert isinstance(found, jax.Array)
    np.testing.assert_array_equal(found, expected)
    traced = jax.jit(lambda key: init(key, (6, 4), jnp.float32))(key)
    np.testing.assert_array_equal(traced, expected)


def test_keys_of_a_batch_give_each_its_own():
    init = HeNormal().as_jax()
    keys = jax.random.split(jax.random.key(0), 3)
    found = jax.vmap(lambda key: init(key, (6, 4)))(keys)
    for row, key in zip(found, keys, strict=True):
        np.testing.assert_array_equal(row, init(key, (6, 4)))
    assert (found[0] != found[1]).all()


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, "float32", None, float])
def test_types_of_jax(dtype):
    found = HeNormal().as_jax()(jax.random.key(0), (6, 4), dtype)
    kind = jnp.float32 if dtype in (None, float) else dtype
    assert found.dtype == kind
    np.testing.assert_array_equal(found, HeNormal()((6, 4), kind, rng=Stream([0, 0])))


def test_an_initializer_of_ones_own_that_takes_no_rng():
    class Checkerboard(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return (np.indices(shape).sum(axis=0) % 2).astype(dtype or "float32")

    found = Checkerboard().as_jax()(jax.random.key(0), (2, 2))
    np.testing.assert_array_equal(found, [[0, 1], [1, 0]])


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64:UserWarning")  # JAX's own
@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("dtype", [None, "float64", "bfloat16"])
def test_types_are_those_of_jaxs_own_initializers(x64, dtype):
    given = () if dtype is None else (dtype,)
    with jax.enable_x64(x64):
        key = jax.random.key(0)
        ours = HeNormal().as_jax()(key, (3, 4), *given)
        theirs = jax.nn.initializers.he_normal()(key, (3, 4), *given)
    assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("key", ["key", "PRNGKey"])
def test_a_key_of_jax_is_no_source_and_the_error_says_what_is(key):
    with pytest.raises(TypeError, match=r"(?s)rng: expected .*fanin\.streams\.jax\(seed\)"):
        HeNormal()((3, 4), rng=getattr(jax.random, key)(0))


def test_a_whole_number_of_jax_is_a_seed():
    np.testing.assert_array_equal(HeNormal()((3, 4), rng=jnp.asarray(7)), HeNormal()((3, 4), rng=7))
