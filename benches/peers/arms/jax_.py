"""JAX: everything compiled, the steps of a pass inside one ``lax.scan``."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from peers.common import (
    ADAM_EPSILON,
    BETAS,
    BN_EPSILON,
    BN_MOMENTUM,
    LEARNING_RATE,
    Arm,
    Array,
    Network,
    network,
    training,
)

VERSION = jax.__version__
jax.config.update("jax_platforms", "cpu")


def _sampler(draw: Any, shape: Sequence[int]) -> Arm:
    compiled = jax.jit(lambda key: draw(key, tuple(shape)))
    keys = [jax.random.key(0)]

    def run() -> Any:
        keys[0], key = jax.random.split(keys[0])
        return compiled(key).block_until_ready()

    return Arm(run, float(np.prod(shape)))


def uniform(shape: Sequence[int], dtype: str) -> Arm:
    return _sampler(lambda key, size: jax.random.uniform(key, size, dtype, -0.1, 0.1), shape)


def normal(shape: Sequence[int], dtype: str) -> Arm:
    return _sampler(lambda key, size: 0.1 * jax.random.normal(key, size, dtype), shape)


def truncated_normal(shape: Sequence[int], dtype: str) -> Arm:
    return _sampler(
        lambda key, size: 0.1 * jax.random.truncated_normal(key, -2.0, 2.0, size, dtype), shape
    )


def _forward(params: list[Any], running: list[Any], x: Any) -> tuple[Any, list[Any]]:
    h, updated, states = x, [], iter(running)
    for layer in params[:-1]:
        h = jax.nn.relu(h @ layer["w"] + layer["b"])
        if "gamma" in layer:
            mean, variance = h.mean(0), h.var(0)
            old = next(states)
            updated.append(
                [
                    BN_MOMENTUM * old[0] + (1 - BN_MOMENTUM) * mean,
                    BN_MOMENTUM * old[1] + (1 - BN_MOMENTUM) * variance,
                ]
            )
            scale = layer["gamma"] * lax.rsqrt(variance + BN_EPSILON)
            h = (h - mean) * scale + layer["beta"]
    return h @ params[-1]["w"] + params[-1]["b"], updated


def _loss(params: list[Any], running: list[Any], x: Any, y: Any) -> tuple[Any, list[Any]]:
    logits, updated = _forward(params, running, x)
    rows = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(rows, y[:, None], 1).mean(), updated


def _adam(t: Any, w: Any, m: Any, v: Any, g: Any) -> tuple[Any, Any, Any]:
    b1, b2 = BETAS
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, g)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, g)
    rate = LEARNING_RATE * jnp.sqrt(1 - b2**t) / (1 - b1**t)
    w = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + ADAM_EPSILON), w, m, v)
    return w, m, v


def _begin(net: Network, member: int = 0) -> tuple[Any, ...]:
    params: list[dict[str, Any]] = []
    running: list[Any] = []
    for i, kernel in enumerate(net.kernels(member)):
        width = kernel.shape[1]
        params.append({"w": jnp.array(kernel), "b": jnp.zeros(width)})
        if net.normalized and i < len(net.widths) - 2:
            params[-1] |= {"gamma": jnp.ones(width), "beta": jnp.zeros(width)}
            running.append([jnp.zeros(width), jnp.ones(width)])
    zeros = jax.tree.map(jnp.zeros_like, params)
    return jnp.zeros(()), params, zeros, jax.tree.map(jnp.copy, zeros), running


def _step(x: Any, y: Any) -> Any:
    def step(carry: Any, part: Any) -> tuple[Any, Any]:
        t, w, m, v, running = carry
        gradient = jax.value_and_grad(_loss, has_aux=True)
        (loss, running), g = gradient(w, running, x[part], y[part])
        t = t + 1
        return (t, *_adam(t, w, m, v, g), running), loss

    return step


def train(widths: Sequence[int], normalized: bool, batch: int, steps: int) -> Arm:
    net = network(widths, normalized, batch, steps)
    x, y = (jnp.array(part) for part in net.data())
    made: list[Any] = []

    step = _step(x, y)
    compiled = jax.jit(lambda carry, order: lax.scan(step, carry, order), donate_argnums=0)

    def start() -> None:
        made[:] = [_begin(net)]

    def epoch(order: Array) -> float:
        made[0], losses = compiled(made[0], order.reshape(steps, batch))
        return float(losses.mean())

    return training(net, start, epoch)


def train_many(widths: Sequence[int], normalized: bool, batch: int, steps: int, count: int) -> Arm:
    net = network(widths, normalized, batch, steps)
    x, y = (jnp.array(part) for part in net.data())
    made: list[Any] = []
    step = jax.vmap(_step(x, y), in_axes=(0, None))
    compiled = jax.jit(lambda carry, order: lax.scan(step, carry, order), donate_argnums=0)

    def start() -> None:
        each = [_begin(net, member) for member in range(count)]
        made[:] = [jax.tree.map(lambda *parts: jnp.stack(parts), *each)]

    def epoch(order: Array) -> float:
        made[0], losses = compiled(made[0], order.reshape(steps, batch))
        return float(losses.mean())

    return training(net, start, epoch, count)


def predict(widths: Sequence[int], rows: int) -> Arm:
    net = Network(tuple(widths), False, rows, 1)
    x = net.data()[0]
    params = _begin(net)[1]
    compiled = jax.jit(lambda x: jax.nn.softmax(_forward(params, [], x)[0]))
    return Arm(lambda: np.asarray(compiled(x)), check=lambda: float(np.asarray(compiled(x)).std()))
