"""Functions that draw."""

import math
import warnings
from typing import Any, TypeVar

from numpy.typing import NDArray

from fanin import initializers
from fanin._buffers import was_written, writeable
from fanin.init._gains import calculate_gain, fan, fans
from fanin.initializers._base import checked_number
from fanin.random import Rng, resolve
from fanin.streams import Replay, TorchCpu

T = TypeVar("T")
Array = NDArray[Any]


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Rng = None) -> T:
    """Fill a tensor from the uniform distribution on [a, b).

    Parameters
    ----------
    tensor : array
        Filled in place.
    a, b : float
        Bounds.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If `a` is above `b`, or `tensor` cannot be written to.

    Examples
    --------
    >>> import numpy as np
    >>> w = uniform_(np.empty((3, 5)), -1, 1, generator=0)
    >>> bool((abs(w) <= 1).all())
    True
    """
    view, low, high = floats(tensor), checked_number(a, "a"), checked_number(b, "b")
    if low > high:
        raise ValueError(f"a and b: expected the first not above the second, found {a} and {b}")
    return _drawn(tensor, view, initializers.RandomUniform(low, high), generator)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Rng = None) -> T:
    """Fill a tensor from the normal distribution.

    Parameters
    ----------
    tensor : array
        Filled in place.
    mean, std : float
        Mean and standard deviation.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If `std` is negative, or `tensor` cannot be written to.

    Examples
    --------
    >>> import numpy as np
    >>> w = normal_(np.empty((100, 100)), std=0.5, generator=0)
    >>> abs(float(w.std()) - 0.5) < 0.02
    True
    """
    view = floats(tensor)
    return _drawn(tensor, view, _normal(checked_number(mean, "mean"), std), generator)


def trunc_normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Rng = None,
) -> T:
    """Fill a tensor from a normal distribution of which only [a, b] is kept.

    Parameters
    ----------
    tensor : array
        Filled in place.
    mean, std : float
        Mean and standard deviation of the normal, which those of the values are not.
    a, b : float
        Bounds, as values: not in standard deviations.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If `std` is not positive, `a` not below `b`, or `tensor` cannot be written to.

    Warns
    -----
    UserWarning
        If the mean is more than two standard deviations outside of [a, b]. torch's values may be
        wrong then; these are right.

    Examples
    --------
    >>> import numpy as np
    >>> w = trunc_normal_(np.empty((3, 5)), std=0.02, generator=0)
    """
    view = floats(tensor)
    middle, spread = checked_number(mean, "mean"), checked_number(std, "std")
    low, high = checked_number(a, "a"), checked_number(b, "b")
    if middle < low - 2 * spread or middle > high + 2 * spread:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    made = initializers.TruncatedNormal(middle, spread, lower=low, upper=high, bounds="absolute")
    return _drawn(tensor, view, made, generator)


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Rng = None) -> T:
    """Fill a tensor uniformly on ±gain · sqrt(6 / (fan_in + fan_out)) [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions (out, in, ...)
        Filled in place.
    gain : float
        Factor, see :func:`calculate_gain`.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, or cannot be written to.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> w = xavier_uniform_(np.empty((100, 784), "float32"), generator=0)
    """
    view = floats(tensor)
    limit = math.sqrt(3.0) * _xavier(view, gain)
    return _drawn(tensor, view, initializers.RandomUniform(-limit, limit), generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Rng = None) -> T:
    """Fill a tensor from N(0, gain² · 2 / (fan_in + fan_out)), not truncated [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions (out, in, ...)
        Filled in place.
    gain : float
        Factor, see :func:`calculate_gain`.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, or cannot be written to.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> w = xavier_normal_(np.empty((100, 784), "float32"), generator=0)
    """
    view = floats(tensor)
    return _drawn(tensor, view, _normal(0.0, _xavier(view, gain)), generator)


def kaiming_uniform_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Rng = None,
) -> T:
    """Fill a tensor uniformly on ±gain · sqrt(3 / fan) [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions (out, in, ...)
        Filled in place.
    a : float
        Negative slope of leaky ReLU.
    mode : {"fan_in", "fan_out"}
        Which fan: that which keeps the variance of signals, or of gradients.
    nonlinearity : str
        What follows, see :func:`calculate_gain`.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, `mode` or `nonlinearity` is unknown, or it cannot be
        written to.

    Warns
    -----
    UserWarning
        If `tensor` has no elements; nothing is done.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
       performance on ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> w = kaiming_uniform_(np.empty((100, 784), "float32"), nonlinearity="relu", generator=0)
    """
    view = floats(tensor)
    if _is_empty(view):
        return tensor
    limit = math.sqrt(3.0) * _kaiming(view, a, mode, nonlinearity)
    return _drawn(tensor, view, initializers.RandomUniform(-limit, limit), generator)


def kaiming_normal_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Rng = None,
) -> T:
    """Fill a tensor from N(0, gain² / fan), not truncated [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions (out, in, ...)
        Filled in place.
    a : float
        Negative slope of leaky ReLU.
    mode : {"fan_in", "fan_out"}
        Which fan: that which keeps the variance of signals, or of gradients.
    nonlinearity : str
        What follows, see :func:`calculate_gain`.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, `mode` or `nonlinearity` is unknown, or it cannot be
        written to.

    Warns
    -----
    UserWarning
        If `tensor` has no elements; nothing is done.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
       performance on ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> w = kaiming_normal_(np.empty((100, 784), "float32"), nonlinearity="relu", generator=0)
    >>> abs(float(w.var()) * 784 / 2 - 1) < 0.05
    True
    """
    view = floats(tensor)
    if _is_empty(view):
        return tensor
    std = _kaiming(view, a, mode, nonlinearity)
    return _drawn(tensor, view, _normal(0.0, std), generator)


def orthogonal_(tensor: T, gain: float = 1, generator: Rng = None) -> T:
    """Fill a tensor with a random orthogonal matrix of ``shape[0]`` rows, times a gain [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions
        Filled in place. Rows are orthonormal, or columns where there are fewer of those.
    gain : float
        Factor.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, or cannot be written to.

    References
    ----------
    .. [1] A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of
       learning in deep linear neural networks", ICLR 2014.

    Examples
    --------
    >>> import numpy as np
    >>> q = orthogonal_(np.empty((3, 5)), generator=0)
    >>> bool(np.allclose(q @ q.T, np.eye(3)))
    True
    """
    view = floats(tensor)
    if view.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    made = initializers.Orthogonal(checked_number(gain, "gain"), flatten="trailing")
    return _drawn(tensor, view, made, generator)


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Rng = None) -> T:
    """Fill a matrix from N(0, std²), and set a share of each column to 0 [1]_.

    Parameters
    ----------
    tensor : array of 2 dimensions
        Filled in place.
    sparsity : float
        Share of each column, from 0 to 1, rounded up to whole elements.
    std : float
        Standard deviation of the others.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has another number of dimensions, or `sparsity` or `std` is out of range.

    References
    ----------
    .. [1] J. Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> w = sparse_(np.empty((50, 4)), 0.9, generator=0)
    >>> (w == 0).sum(axis=0)
    array([45, 45, 45, 45])
    """
    view = floats(tensor)
    if view.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _drawn(tensor, view, initializers.Sparse(sparsity, std), generator)


def floats(tensor: Any) -> Array:
    """Return the memory of a tensor of floating-point numbers."""
    view = writeable("tensor", tensor)
    if view.dtype.name not in ("float32", "float64", "float16", "bfloat16"):
        raise TypeError(
            "tensor: expected an array of float32, float64, float16 or bfloat16, found "
            f"{view.dtype}"
        )
    return view


def _is_empty(view: Array) -> bool:
    if view.size == 0:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return view.size == 0


def _normal(mean: float, std: float) -> initializers.Initializer:
    spread = checked_number(std, "std")
    if spread < 0:
        raise ValueError(f"normal expects std >= 0.0, but found std {std}")
    return initializers.RandomNormal(mean, spread)


def _xavier(view: Array, gain: float) -> float:
    fan_in, fan_out = fans(view.shape)
    return checked_number(gain, "gain") * math.sqrt(2.0 / max(float(fan_in + fan_out), 1.0))


def _kaiming(view: Array, a: float, mode: str, nonlinearity: str) -> float:
    size = fan(view.shape, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(size)


def _drawn(tensor: T, view: Array, made: initializers.Initializer, generator: Rng) -> T:
    """Fill the memory, tell its owner, and return it."""
    if type(generator).__module__.startswith("torch"):
        raise TypeError(
            "generator: expected what fanin.random describes, found a torch.Generator; "
            "fanin.streams.torch_cpu(seed) gives the numbers of torch.manual_seed(seed)"
        )
    source = resolve(generator)
    if isinstance(source, Replay) and view.dtype.itemsize == 2:
        raise TypeError(
            f"generator: other frameworks' numbers are replayed in float32 and float64, not "
            f"{view.dtype}"
        )
    if isinstance(source, TorchCpu) and not view.flags.c_contiguous:
        _replay_strided(view, made, source)
    else:
        made.fill(view, rng=source)
    was_written(tensor)
    return tensor


def _replay_strided(view: Array, made: initializers.Initializer, source: TorchCpu) -> None:
    """Draw as torch does for a tensor that is not contiguous: one by one, as they lie in memory."""
    if isinstance(made, initializers.Orthogonal):
        made.fill(view, rng=source)  # drawn into memory of its own
        return
    order = sorted(range(view.ndim), key=lambda axis: -abs(view.strides[axis]))
    laid = view.transpose(order)
    dtype = view.dtype.name
    if isinstance(made, initializers.RandomUniform):
        laid[...] = source.uniform(laid.shape, made.minval, made.maxval, dtype)
    elif isinstance(made, initializers.TruncatedNormal):
        dense = laid.flags.c_contiguous
        if not dense and order != sorted(order):
            raise ValueError(
                "tensor: torch's truncated normals are not replayed for a slice of a transposed "
                "tensor; fill a copy"
            )
        values = (made.mean, made.stddev, made.lower, made.upper, dtype)
        laid[...] = source.trunc_normal(laid.shape, *values, contiguous=False, dense=dense)
    elif isinstance(made, initializers.RandomNormal):
        laid[...] = source.normal(laid.shape, made.mean, made.stddev, dtype, contiguous=False)
    else:
        assert isinstance(made, initializers.Sparse)
        laid[...] = source.normal(laid.shape, 0.0, made.stddev, dtype, contiguous=False)
        zeros = math.ceil(made.sparsity * view.shape[0])
        for column in range(view.shape[1]):
            view[source.permutation(view.shape[0])[:zeros], column] = 0
