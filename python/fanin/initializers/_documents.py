"""The two functions of the classic NumPy snippets, as drop-ins."""

import numpy as np
import numpy.typing as npt

from fanin import _core
from fanin._checks import one_of
from fanin.errors import ShapeError
from fanin.initializers._arguments import ShapeLike, check_for_numpy
from fanin.initializers._sources import as_source
from fanin.random import Rng, Stream, drawing
from fanin.streams._base import sizes

LAYOUTS = ("in_out", "out_in")


def xavier_init(
    shape: ShapeLike, *, layout: str = "in_out", rng: Rng = None
) -> npt.NDArray[np.float64]:
    """Draw uniformly from ±sqrt(6 / sum(shape)): Xavier initialization as a NumPy snippet.

    Parameters
    ----------
    shape : int or sequence of int
        Usually ``(fan_in, fan_out)``.
    layout : {"in_out", "out_in"}, optional
        Which of the two sizes is the inputs, as in :func:`he_init`. Both count alike here, so that
        the values are the same.
    rng : optional
        See :mod:`fanin.random`. ``np.random.RandomState(s)`` gives what
        ``np.random.uniform(-limit, limit, size=shape)`` gives after ``np.random.seed(s)``.

    Returns
    -------
    ndarray of float64 of shape `shape`
        The weights.

    Raises
    ------
    ShapeError
        If the sizes add up to 0.

    Examples
    --------
    >>> xavier_init((256, 128), rng=0).shape
    (256, 128)
    """
    axes, _ = sizes(shape), one_of("layout", layout, LAYOUTS)
    if sum(axes) == 0:
        raise ShapeError(f"shape: expected sizes with a sum above 0, found {axes}")
    limit = np.sqrt(6 / sum(axes))
    with drawing(rng) as source:
        if isinstance(source, Stream):
            return _core.random_uniform(axes, "float64", source.seed, source.path, -limit, limit)
        drawn = as_source(source).uniform(check_for_numpy(axes), -limit, limit, "float64")
        return np.asarray(drawn, dtype=np.float64)


def he_init(
    shape: ShapeLike, *, layout: str = "in_out", rng: Rng = None
) -> npt.NDArray[np.float64]:
    """Draw from a normal of standard deviation sqrt(2 / fan_in): He initialization as a snippet.

    Parameters
    ----------
    shape : int or sequence of int
        Usually ``(fan_in, fan_out)``.
    layout : {"in_out", "out_in"}, optional
        Whether the inputs are the first size of the shape, as in fanin, or the second, as where a
        layer is ``W @ x + b`` and in torch.
    rng : optional
        See :mod:`fanin.random`. ``np.random.RandomState(s)`` gives what
        ``np.random.normal(0, std, size=shape)`` gives after ``np.random.seed(s)``, and so, with
        ``layout="out_in"``, what ``np.random.randn(n_out, n_in) * np.sqrt(2 / n_in)`` does.

    Returns
    -------
    ndarray of float64 of shape `shape`
        The weights.

    Raises
    ------
    ShapeError
        If the inputs' size is not there, or 0; or, with ``layout="out_in"``, for other than two
        sizes.

    Examples
    --------
    >>> he_init((256, 128), rng=0).shape
    (256, 128)
    >>> np.random.seed(1)
    >>> theirs = np.random.randn(3, 784) * np.sqrt(2.0 / 784)
    >>> ours = he_init((3, 784), layout="out_in", rng=np.random.RandomState(1))
    >>> bool((ours == theirs).all())
    True
    """
    axes = sizes(shape)
    if one_of("layout", layout, LAYOUTS) == "out_in":
        if len(axes) != 2 or axes[1] == 0:
            raise ShapeError(
                f"shape: expected two sizes, (outputs, inputs), inputs above 0, found {axes}"
            )
        fan_in = axes[1]
    else:
        if not axes or axes[0] == 0:
            raise ShapeError(f"shape: expected a first size above 0, found {axes}")
        fan_in = axes[0]
    std_dev = np.sqrt(2 / fan_in)
    with drawing(rng) as source:
        if isinstance(source, Stream):
            return _core.random_normal(axes, "float64", source.seed, source.path, 0.0, std_dev)
        drawn = as_source(source).normal(check_for_numpy(axes), 0.0, std_dev, "float64")
        return np.asarray(drawn, dtype=np.float64)
