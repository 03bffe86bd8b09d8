"""Means and sums of numbers that are given, by hand."""

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks
from fanin._checks import FloatArray
from fanin.errors import ShapeError
from fanin.metrics._base import Metric


class _Reduction(Metric):
    """What takes numbers instead of targets and outputs."""

    @classmethod
    def _usable(cls) -> bool:
        return cls is not _Reduction

    def update_state(  # type: ignore[override]
        self, values: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take further numbers into account.

        Parameters
        ----------
        values : array_like
            The numbers.
        sample_weight : array_like, optional
            What they count: of a shape that broadcasts to that of `values`, or of its first axes.
        """
        found = _checks.floats("values", values, "float64", finite=False)
        weights = np.ones_like(found)
        if sample_weight is not None:
            weights = _fitting(_checks.floats("sample_weight", sample_weight, "float64"), found)
        size = self._size(found)
        self._sum += float((found * weights).sum()) / size
        self._weight += float(weights.sum()) / size

    def _size(self, values: FloatArray) -> int:
        """Return how many numbers of a sample count as one."""
        raise NotImplementedError

    def __call__(  # type: ignore[override]
        self, values: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Take further numbers into account and return the result.

        Parameters
        ----------
        values, sample_weight : array_like
            As in `update_state`.

        Returns
        -------
        float
            The result of all numbers seen.
        """
        self.update_state(values, sample_weight)
        return self.result()

    def _check_logs(self) -> None:
        raise ValueError(
            f"metrics: expected metrics of targets and outputs, found {type(self).__name__}, which "
            "takes numbers: call its update_state by hand"
        )


def _fitting(weights: FloatArray, values: FloatArray) -> FloatArray:
    """Return weights of the shape of the values."""
    axes = values.ndim - weights.ndim
    if axes > 0 and weights.shape == values.shape[: weights.ndim]:
        weights = weights.reshape(*weights.shape, *(1,) * axes)
    try:
        return np.broadcast_to(weights, values.shape)
    except ValueError:
        raise ShapeError(
            f"sample_weight: expected a shape that fits values of shape {values.shape}, found "
            f"{weights.shape}"
        ) from None


class Mean(_Reduction):
    """Running mean of numbers, by hand; of arrays of several axes each sample counts its mean.

    Parameters
    ----------
    name : str, default "mean"
        What it is called.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> mean.update_state(5.0)
    >>> mean.result()
    3.0
    """

    def _size(self, values: FloatArray) -> int:
        return max(values[:1].size, 1) if values.ndim else 1

    def result(self) -> float:
        """Return the mean of the numbers.

        Returns
        -------
        float
            0.0 if none was seen.
        """
        return self._sum / self._weight if self._weight else 0.0


class Sum(_Reduction):
    """Running sum of numbers, by hand.

    Parameters
    ----------
    name : str, default "sum"
        What it is called.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> total = Sum()
    >>> total.update_state([1.0, 3.0], sample_weight=[1.0, 0.5])
    >>> total.result()
    2.5
    """

    def _size(self, values: FloatArray) -> int:
        return 1

    def result(self) -> float:
        """Return the sum of the numbers.

        Returns
        -------
        float
            0.0 if none was seen.
        """
        return self._sum
