"""All regularizers: each is settings of one of the core's."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from fanin import _checks, _core
from fanin._checks import FloatArray
from fanin._members._registry import CoreMember

_FACTOR = partial(_checks.number, at_least=0.0)


class Regularizer(CoreMember):
    """Base class of the regularizers: a penalty on weights or outputs, which is part of the loss.

    Training adds its gradient to that of the loss. Only weights that are trained have penalties.

    Examples
    --------
    >>> from fanin.regularizers import L2
    >>> L2(0.5)([[1.0, 2.0], [0.0, -1.0]])
    3.0
    """

    _family = "regularizers"
    _honoured = ("settings", "get_config", "from_config")
    _reason = "penalties are computed in compiled code, which has its own regularizers"
    _instead = "use one of those of fanin.regularizers"

    def __call__(self, x: ArrayLike) -> float:
        """Return the penalty.

        Parameters
        ----------
        x : array_like
            Weights, or outputs.

        Returns
        -------
        float
            The penalty, at least 0.
        """
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: ArrayLike) -> tuple[float, FloatArray]:
        """Return the penalty and its gradient, for training by hand.

        Parameters
        ----------
        x : array_like
            Weights, or outputs.

        Returns
        -------
        value : float
            The penalty.
        gradient : ndarray of the shape of `x`
            Its derivative with respect to `x`, with 0 where an absolute value bends, as in
            TensorFlow and torch; JAX takes 1.

        Raises
        ------
        ShapeError
            If the regularizer is not for arrays of that shape.

        Examples
        --------
        >>> from fanin.regularizers import L1
        >>> L1(0.5).value_and_gradient([1.0, 0.0, -3.0])
        (2.0, array([ 0.5,  0. , -0.5]))
        """
        return _core.penalty(self._settings(), _checks.free_floats("x", x))


class L1L2(Regularizer):
    """Penalty ``l1 * sum(abs(x)) + l2 * sum(x**2)``.

    Parameters
    ----------
    l1 : float, default 0.0
        Factor of the absolute values.
    l2 : float, default 0.0
        Factor of the squares: not of their half, as in scikit-learn's ``alpha`` and torch's
        ``weight_decay``.

    Raises
    ------
    ValueError
        If a factor is negative or not finite.

    Examples
    --------
    >>> L1L2(l1=0.5, l2=0.25)([2.0, -2.0])
    4.0
    """

    kind = "l1_l2"
    _options: ClassVar[Mapping[str, Any]] = {"l1": _FACTOR, "l2": _FACTOR}

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1: float = 0.0 if l1 is None else l1
        self.l2: float = 0.0 if l2 is None else l2


class L1(Regularizer):
    """Penalty ``l1 * sum(abs(x))``, which makes small weights 0.

    Parameters
    ----------
    l1 : float, default 0.01
        Factor.

    Raises
    ------
    ValueError
        If it is negative or not finite.

    Examples
    --------
    >>> L1(0.5)([2.0, -2.0])
    2.0
    """

    kind = "l1_l2"
    _options: ClassVar[Mapping[str, Any]] = {"l1": _FACTOR}

    def __init__(self, l1: float = 0.01) -> None:
        self.l1: float = 0.01 if l1 is None else l1

    def settings(self) -> dict[str, object]:
        """Return the settings for the core: those of `L1L2`."""
        return {**super().settings(), "l2": 0.0}


class L2(Regularizer):
    """Penalty ``l2 * sum(x**2)``, which keeps weights small.

    Parameters
    ----------
    l2 : float, default 0.01
        Factor of the squares: not of their half, as in scikit-learn's ``alpha`` and torch's
        ``weight_decay``.

    Raises
    ------
    ValueError
        If it is negative or not finite.

    Examples
    --------
    >>> L2(0.25)([2.0, -2.0])
    2.0
    """

    kind = "l1_l2"
    _options: ClassVar[Mapping[str, Any]] = {"l2": _FACTOR}

    def __init__(self, l2: float = 0.01) -> None:
        self.l2: float = 0.01 if l2 is None else l2

    def settings(self) -> dict[str, object]:
        """Return the settings for the core: those of `L1L2`."""
        return {**super().settings(), "l1": 0.0}


class OrthogonalRegularizer(Regularizer):
    """Penalty on rows, or columns, of a matrix that are not orthogonal to each other.

    It is `factor` times the mean over all pairs of ``abs(cos)`` of the angle between them.

    Parameters
    ----------
    factor : float, default 0.01
        Factor.
    mode : {"rows", "columns"}, default "rows"
        Which vectors: of a `Dense` kernel, "columns" are the weights of a unit each.

    Raises
    ------
    ValueError
        If the factor is negative or not finite, or the mode is another.

    Examples
    --------
    >>> OrthogonalRegularizer(0.5)([[1.0, 0.0], [0.0, 2.0]])
    0.0
    >>> OrthogonalRegularizer(0.5)([[1.0, 0.0], [2.0, 0.0]])
    0.5
    """

    kind = "orthogonal"
    _options: ClassVar[Mapping[str, Any]] = {
        "factor": _FACTOR,
        "mode": partial(_checks.one_of, choices=("rows", "columns")),
    }

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = factor
        self.mode = mode
