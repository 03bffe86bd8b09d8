"""Cross-entropies: of one-hot, integer and yes/no targets."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from fanin import _checks
from fanin._checks import FloatArray
from fanin.losses._base import Loss, check_last_axis, compute_rows


class _FromProbabilities(Loss):
    """A cross-entropy: from probabilities, or from logits."""

    _left_out = ("axis",)
    _options: ClassVar[Mapping[str, Any]] = {
        "from_logits": _checks.flag,
        "label_smoothing": partial(_checks.number, at_least=0.0, at_most=1.0),
    }

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        check_last_axis(axis)
        self.from_logits: bool = from_logits
        self.label_smoothing: float = label_smoothing


class CategoricalCrossentropy(_FromProbabilities):
    """Cross-entropy of one-hot targets, ``-sum(t * log(p))`` a row.

    Parameters
    ----------
    from_logits : bool, default False
        Whether predictions are logits; else they are probabilities, normalized to sum 1.
    label_smoothing : float, default 0.0
        Share of each target that is spread evenly over all classes.
    axis : -1
        The class axis; only the last is supported.
    reduction : str, default "sum_over_batch_size"
        See `Loss`.
    name : str, optional
        Name of the object.
    dtype : None
        See `Loss`.

    Examples
    --------
    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.6931
    """

    kind = "categorical_crossentropy"


class BinaryCrossentropy(_FromProbabilities):
    """Cross-entropy of independent yes/no targets, averaged over the last axis.

    Each element gives ``-(t * log(p) + (1 - t) * log(1 - p))``.

    Parameters
    ----------
    from_logits : bool, default False
        Whether predictions are logits; else they are probabilities.
    label_smoothing : float, default 0.0
        Moves targets towards one half: ``t * (1 - s) + s / 2``.
    axis : -1
        The axis to average over; only the last is supported.
    reduction : str, default "sum_over_batch_size"
        See `Loss`.
    name : str, optional
        Name of the object.
    dtype : None
        See `Loss`.

    Examples
    --------
    >>> round(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]]), 4)
    0.6931
    """

    kind = "binary_crossentropy"


class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of integer classes, ``-log(p[class])`` a row.

    Parameters
    ----------
    from_logits : bool, default False
        Whether predictions are logits; else they are probabilities, normalized to sum 1.
    ignore_class : None
        Not supported; here for the order of Keras's arguments.
    reduction : str, default "sum_over_batch_size"
        See `Loss`.
    axis : -1
        The class axis; only the last is supported.
    name : str, optional
        Name of the object.
    dtype : None
        See `Loss`.

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 4)
    0.6931
    """

    kind = "sparse_categorical_crossentropy"
    _left_out = ("ignore_class", "axis")
    _options: ClassVar[Mapping[str, Any]] = {"from_logits": _checks.flag}

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        check_last_axis(axis)
        if ignore_class is not None:
            raise ValueError(
                f"ignore_class: expected None, found {_checks.found(ignore_class)}; give the "
                "samples of that class a sample_weight of 0"
            )
        self.from_logits = from_logits


def categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> FloatArray:
    """Return the cross-entropy of each row; see `CategoricalCrossentropy`.

    Parameters
    ----------
    y_true : array_like of shape (batch, classes)
        One-hot targets, or probabilities.
    y_pred : array_like of shape (batch, classes)
        Probabilities, or logits.
    from_logits, label_smoothing, axis : optional
        As in `CategoricalCrossentropy`.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.6931])
    """
    return compute_rows(
        CategoricalCrossentropy(from_logits, label_smoothing, axis, "none"), y_true, y_pred
    )


def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> FloatArray:
    """Return the cross-entropy of each row; see `SparseCategoricalCrossentropy`.

    Parameters
    ----------
    y_true : array_like of shape (batch,)
        Integer classes.
    y_pred : array_like of shape (batch, classes)
        Probabilities, or logits.
    from_logits, ignore_class, axis : optional
        As in `SparseCategoricalCrossentropy`.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4)
    array([0.6931])
    """
    loss = SparseCategoricalCrossentropy(from_logits, ignore_class, "none", axis)
    return compute_rows(loss, y_true, y_pred)


def binary_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> FloatArray:
    """Return the mean cross-entropy of each row; see `BinaryCrossentropy`.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        Targets between 0 and 1.
    y_pred : array_like of shape (batch, outputs)
        Probabilities, or logits.
    from_logits, label_smoothing, axis : optional
        As in `BinaryCrossentropy`.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> binary_crossentropy([[1.0]], [[0.5]]).round(4)
    array([0.6931])
    """
    return compute_rows(
        BinaryCrossentropy(from_logits, label_smoothing, axis, "none"), y_true, y_pred
    )
