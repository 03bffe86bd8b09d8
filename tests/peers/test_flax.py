"""Parameters of Flax, where it is installed: their order and fans, and initializers in it."""

import fanin
import numpy as np
import pytest
from fanin.initializers import HeNormal
from fanin.random import Stream

flax = pytest.importorskip("flax")
jax = pytest.importorskip("jax")
nn, nnx, jnp = flax.linen, pytest.importorskip("flax.nnx"), jax.numpy


class Network(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.BatchNorm(use_running_average=False)(nn.Dense(30)(x)))
        x = nn.MultiHeadDotProductAttention(2)(x[:, None])[:, 0]
        return nn.Dense(3, kernel_init=HeNormal().as_jax())(nn.LayerNorm()(x))


def test_a_network_of_linen():
    x = jnp.ones((2, 5))
    variables = Network().init(jax.random.key(0), x)
    found = fanin.initialize(variables, "he_normal", seed=1)
    assert jax.tree.structure(found) == jax.tree.structure(variables)
    np.testing.assert_array_equal(
        found["params"]["Dense_0"]["kernel"], HeNormal()((5, 30), rng=Stream(1, "0/kernel"))
    )
    # Dense, BatchNorm, four of the attention, LayerNorm.
    np.testing.assert_array_equal(
        found["params"]["Dense_1"]["kernel"], HeNormal()((30, 3), rng=Stream(1, "7/kernel"))
    )
    y, _ = Network().apply(found, x, mutable=["batch_stats"])
    assert jnp.isfinite(y).all()


def test_a_model_of_nnx_by_its_pure_dict():
    model = nnx.Sequential(
        nnx.Linear(3, 4, rngs=nnx.Rngs(0)),
        nnx.BatchNorm(4, rngs=nnx.Rngs(0)),
        nnx.Linear(4, 2, rngs=nnx.Rngs(0)),
    )
    state = nnx.state(model)
    with pytest.raises(TypeError, match=r"flax\.nnx\.to_pure_dict\(state\)"):
        fanin.initialize(state)
    found = fanin.initialize(nnx.to_pure_dict(state), "he_normal", seed=1)
    nnx.replace_by_pure_dict(state, found)
    nnx.update(model, state)
    expected = HeNormal()((4, 2), rng=Stream(1, "2/kernel"))
    np.testing.assert_array_equal(model.layers[2].kernel[...], expected)
