"""The two functions of the classic NumPy snippets, as drop-ins."""

import numpy as np
import numpy.typing as npt

from fanin import _core
from fanin.errors import ShapeError
from fanin.initializers._arguments import ShapeLike, checked_for_numpy, checked_shape
from fanin.initializers._sources import as_source
from fanin.random import Rng, Stream, resolve


def xavier_init(shape: ShapeLike, *, rng: Rng = None) -> npt.NDArray[np.float64]:
    """Draw uniformly from ±sqrt(6 / sum(shape)): Xavier initialization as a NumPy snippet.

    Parameters
    ----------
    shape : int or sequence of int
        Usually ``(fan_in, fan_out)``.
    rng : optional
        See :mod:`fanin.random`. ``np.random.RandomState(s)`` gives what
        ``np.random.uniform(-limit, limit, size=shape)`` gives after ``np.random.seed(s)``.

    Returns
    -------
    ndarray of float64 of shape `shape`

    Raises
    ------
    ShapeError
        If the sizes add up to 0.

    Examples
    --------
    >>> xavier_init((256, 128), rng=0).shape
    (256, 128)
    """
    sizes = checked_shape(shape)
    if sum(sizes) == 0:
        raise ShapeError(f"shape: expected sizes with a sum above 0, found {sizes}")
    limit = np.sqrt(6 / sum(sizes))
    source = resolve(rng)
    if isinstance(source, Stream):
        return _core.random_uniform(sizes, "float64", source.seed, source.path, -limit, limit)
    drawn = as_source(source).uniform(checked_for_numpy(sizes), -limit, limit, "float64")
    return np.asarray(drawn, dtype=np.float64)


def he_init(shape: ShapeLike, *, rng: Rng = None) -> npt.NDArray[np.float64]:
    """Draw from a normal of standard deviation sqrt(2 / shape[0]): He initialization as a snippet.

    Parameters
    ----------
    shape : int or sequence of int
        Usually ``(fan_in, fan_out)``.
    rng : optional
        See :mod:`fanin.random`. ``np.random.RandomState(s)`` gives what
        ``np.random.normal(0, std, size=shape)`` gives after ``np.random.seed(s)``.

    Returns
    -------
    ndarray of float64 of shape `shape`

    Raises
    ------
    ShapeError
        If there is no first size, or it is 0.

    Examples
    --------
    >>> he_init((256, 128), rng=0).shape
    (256, 128)
    """
    sizes = checked_shape(shape)
    if not sizes or sizes[0] == 0:
        raise ShapeError(f"shape: expected a first size above 0, found {sizes}")
    std_dev = np.sqrt(2 / sizes[0])
    source = resolve(rng)
    if isinstance(source, Stream):
        return _core.random_normal(sizes, "float64", source.seed, source.path, 0.0, std_dev)
    drawn = as_source(source).normal(checked_for_numpy(sizes), 0.0, std_dev, "float64")
    return np.asarray(drawn, dtype=np.float64)
