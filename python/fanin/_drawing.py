"""Random numbers by Keras's names, in a `call` and outside of it: see `fanin.random`."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fanin import _checks, initializers, random


class SeedGenerator:
    """Where random numbers come from: others each time.

    Parameters
    ----------
    seed : int, optional
        The seed. In the `call` of a layer or model, numbers without one are those of the network's
        `rng`.
    name : str, optional
        Name of the object.

    Examples
    --------
    >>> generator = SeedGenerator(1)
    >>> a, b = normal((2,), seed=generator), normal((2,), seed=generator)
    >>> bool((a == b).any())
    False
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.seed: int | None = None if seed is None else _checks.integer("seed", seed, minimum=0)
        self.name: str = "seed_generator" if name is None else _checks.text("name", name)
        self._count = 0

    def _next(self) -> random.RandomSource:
        """Return a stream that nobody has had yet."""
        if self.seed is None:
            return random.resolve(None)
        self._count += 1
        return random.Stream(self.seed, f"#{self._count - 1}")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments.

        Returns
        -------
        dict
            ``seed`` and ``name``.

        Examples
        --------
        >>> SeedGenerator(1).get_config()["seed"]
        1
        """
        return {"seed": self.seed, "name": self.name}

    def __repr__(self) -> str:
        return f"SeedGenerator({self.seed})"


def normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: Any = None,
) -> Any:
    """Draw numbers of a normal distribution.

    In the `call` of a layer or model they are others in each batch, in training and in inference,
    of the same bits for any number of threads.

    Parameters
    ----------
    shape : tuple of int
        The shape. In a `call` it begins with the length of the batch, ``ops.shape(x)[0]``.
    mean : float, default 0.0
        The mean.
    stddev : float, default 1.0
        The standard deviation.
    dtype : dtype-like, optional
        float32, if not given, or float64. In a `call` the numbers have that of the network.
    seed : int, SeedGenerator or other source, optional
        Where they come from: see `fanin.random`. In a `call` a `SeedGenerator`, or None for the
        network's `rng`.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    a = _checks.number("mean", mean, at_least=-_LARGEST, at_most=_LARGEST)
    b = _checks.number("stddev", stddev, at_least=0.0, at_most=_LARGEST)
    return _drawn("normal", a, b, shape, dtype, seed)


def uniform(
    shape: Any,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: Any = None,
) -> Any:
    """Draw numbers that are anywhere between two bounds.

    In the `call` of a layer or model they are others in each batch, in training and in inference,
    of the same bits for any number of threads.

    Parameters
    ----------
    shape : tuple of int
        The shape. In a `call` it begins with the length of the batch, ``ops.shape(x)[0]``.
    minval : float, default 0.0
        The lower bound.
    maxval : float, default 1.0
        The upper one.
    dtype : dtype-like, optional
        float32, if not given, or float64. In a `call` the numbers have that of the network.
    seed : int, SeedGenerator or other source, optional
        Where they come from: see `fanin.random`. In a `call` a `SeedGenerator`, or None for the
        network's `rng`.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> uniform((2, 3), seed=1).shape
    (2, 3)
    """
    a = _checks.number("minval", minval, at_least=-_LARGEST, at_most=_LARGEST)
    b = _checks.number("maxval", maxval, at_least=a, at_most=_LARGEST)
    return _drawn("uniform", a, b, shape, dtype, seed)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Set a share of numbers to 0 and scale the others up.

    Parameters
    ----------
    inputs : array_like or Value
        The numbers.
    rate : float
        Share of them that is dropped, from 0 to below 1. The others are divided by ``1 - rate``.
    noise_shape : None
        Not supported; here for the order of Keras's arguments.
    seed : int, SeedGenerator or other source, optional
        As of `uniform`.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> sorted(set(dropout([1.0] * 99, 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    from fanin import ops

    share = _checks.number("rate", rate, at_least=0.0, below=1.0)
    if noise_shape is not None:
        found = _checks.found(noise_shape)
        raise ValueError(f"noise_shape: expected None, each element by itself, found {found}")
    scaled = ops.divide(inputs, 1.0 - share)  # before anything is drawn
    kept = ops.greater_equal(uniform(ops.shape(inputs), seed=seed), share)
    return ops.where(kept, scaled, 0.0)


_LARGEST = 1e30
"""The largest parameter of a distribution, so that no number of it is infinite."""


def _drawn(law: str, first: float, second: float, shape: Any, dtype: Any, seed: Any) -> Any:
    from fanin.layers import _draw, _tracing

    given = _checks.several(shape)
    axes: tuple[Any, ...] = (shape,) if given is None else tuple(given)
    if dtype is not None:
        _checks.float_dtype("dtype", dtype)
    if _tracing.in_call():
        if seed is not None and not isinstance(seed, SeedGenerator):
            _tracing.refuse(
                "a SeedGenerator or None as seed of random numbers in a call, since a number would "
                "draw the same ones in each batch",
                _checks.found(seed),
            )
        return _draw.drawn(law, first, second, axes, None if seed is None else seed.seed)
    lengths = tuple(_checks.count("shape", axis) for axis in axes)
    # None stays None: a fresh stream is begun when the shape has been looked at.
    source = seed
    if isinstance(seed, SeedGenerator):
        source = seed._next()
    elif seed is not None:
        source = random.resolve(seed, "seed")
    make = initializers.RandomNormal if law == "normal" else initializers.RandomUniform
    numbers: np.ndarray[Any, Any] = make(first, second)(lengths, dtype or "float32", rng=source)
    return numbers
