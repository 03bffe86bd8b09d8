"""JAX: everything compiled, the steps of a pass inside one ``lax.scan``."""

from collections.abc import Callable, Sequence
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
    Residual,
    WideAndDeep,
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


def train_residual(**shape: Any) -> Arm:
    net = Residual(**shape)
    x, y = (jnp.array(part) for part in net.data())

    def loss(params: list[Any], part: Any) -> Any:
        first, *inner, last = params
        h = jax.nn.relu(_affine(first, x[part]))
        for one, two in zip(inner[::2], inner[1::2], strict=True):
            h = h + _affine(two, jax.nn.relu(_affine(one, h)))
        rows = jax.nn.log_softmax(_affine(last, h))
        return -jnp.take_along_axis(rows, y[part][:, None], 1).mean()

    return _scanned(net, lambda: _dense(net.kernels()), loss)


def train_wide_and_deep(**shape: Any) -> Arm:
    net = WideAndDeep(**shape)
    chosen, numbers, y = (jnp.array(part) for part in net.data())

    def loss(params: tuple[list[Any], list[Any]], part: Any) -> Any:
        tables, dense = params
        wide = numbers[part]
        found = [table[chosen[part, i]] for i, table in enumerate(tables)]
        h = jnp.concatenate([*found, wide], 1)
        for layer in dense[:-1]:
            h = jax.nn.relu(_affine(layer, h))
        z = _affine(dense[-1], jnp.concatenate([h, wide], 1))[:, 0]
        return (jax.nn.softplus(z) - y[part] * z).mean()

    def begin() -> Any:
        return [jnp.array(table) for table in net.tables()], _dense(net.kernels())

    return _scanned(net, begin, loss)


def _dense(kernels: list[Array]) -> list[Any]:
    return [{"w": jnp.array(w), "b": jnp.zeros(w.shape[1])} for w in kernels]


def _affine(layer: Any, x: Any) -> Any:
    return x @ layer["w"] + layer["b"]


def _scanned(
    net: Residual | WideAndDeep, begin: Callable[[], Any], loss: Callable[[Any, Any], Any]
) -> Arm:
    """Make the arm that trains by Adam, a pass in one scan; `loss` takes parameters and rows."""

    def step(carry: Any, part: Any) -> tuple[Any, Any]:
        t, w, m, v = carry
        value, g = jax.value_and_grad(loss)(w, part)
        t = t + 1
        return (t, *_adam(t, w, m, v, g)), value

    compiled = jax.jit(lambda carry, order: lax.scan(step, carry, order), donate_argnums=0)
    made: list[Any] = []

    def start() -> None:
        w = begin()
        zeros = jax.tree.map(jnp.zeros_like, w)
        made[:] = [(jnp.zeros(()), w, zeros, jax.tree.map(jnp.copy, zeros))]

    def epoch(order: Array) -> float:
        made[0], losses = compiled(made[0], order.reshape(net.steps, net.batch))
        return float(losses.mean())

    return training(net, start, epoch)
