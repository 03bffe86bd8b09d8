"""Focal cross-entropies, in which what is certain already counts little."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from fanin import _checks
from fanin._checks import FloatArray
from fanin.losses._base import compute_rows
from fanin.losses._crossentropy import _FromProbabilities


class BinaryFocalCrossentropy(_FromProbabilities):
    """Binary cross-entropy that turns to what is not certain yet, averaged over the last axis.

    Each element gives ``(1 - p)**gamma`` times its binary cross-entropy, where p is the probability
    of the target. From logits, and where the network ends in sigmoid, it is exact for every logit;
    Keras computes probabilities first, which it keeps off 0 and 1.

    Parameters
    ----------
    apply_class_balancing : bool, default False
        Whether yes weighs `alpha` and no ``1 - alpha``.
    alpha : float, default 0.25
        Weight of yes, from 0 to 1.
    gamma : float, default 2.0
        How much less counts what is certain; 0 is the binary cross-entropy.
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

    References
    ----------
    Lin et al. (2017), Focal loss for dense object detection, ICCV.

    Examples
    --------
    >>> round(BinaryFocalCrossentropy()([[1.0]], [[0.5]]), 4)
    0.1733
    """

    kind = "binary_focal_crossentropy"
    _options: ClassVar[Mapping[str, Any]] = {
        "apply_class_balancing": _checks.flag,
        "alpha": partial(_checks.number, at_least=0.0, at_most=1.0),
        "gamma": partial(_checks.number, at_least=0.0),
    }

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        self.apply_class_balancing: bool = apply_class_balancing
        self.alpha: float = alpha
        self.gamma: float = gamma


class CategoricalFocalCrossentropy(_FromProbabilities):
    """Cross-entropy of one-hot targets that turns to what is not certain yet.

    ``-alpha * sum(t * (1 - p)**gamma * log(p))`` a row. From logits, and where the network ends in
    softmax, it is exact for every logit; Keras computes probabilities first, which it keeps off 0
    and 1.

    Parameters
    ----------
    alpha : float, default 0.25
        Weight of all classes, from 0 to 1; weights of each are ``class_weight`` of `fit`.
    gamma : float, default 2.0
        How much less counts what is certain; 0 is `alpha` times the cross-entropy.
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

    References
    ----------
    Lin et al. (2017), Focal loss for dense object detection, ICCV.

    Examples
    --------
    >>> round(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.0433
    """

    kind = "categorical_focal_crossentropy"
    _options: ClassVar[Mapping[str, Any]] = {
        "alpha": partial(_checks.number, at_least=0.0, at_most=1.0),
        "gamma": partial(_checks.number, at_least=0.0),
    }

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        self.alpha: float = alpha
        self.gamma: float = gamma


def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> FloatArray:
    """Return the mean focal cross-entropy of each row; see `BinaryFocalCrossentropy`.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        Targets between 0 and 1.
    y_pred : array_like of shape (batch, outputs)
        Probabilities, or logits.
    apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis : optional
        As in `BinaryFocalCrossentropy`.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> binary_focal_crossentropy([[1.0]], [[0.5]]).round(4)
    array([0.1733])
    """
    loss = BinaryFocalCrossentropy(
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis, "none"
    )
    return compute_rows(loss, y_true, y_pred)


def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> FloatArray:
    """Return the focal cross-entropy of each row; see `CategoricalFocalCrossentropy`.

    Parameters
    ----------
    y_true : array_like of shape (batch, classes)
        One-hot targets, or probabilities.
    y_pred : array_like of shape (batch, classes)
        Probabilities, or logits.
    alpha, gamma, from_logits, label_smoothing, axis : optional
        As in `CategoricalFocalCrossentropy`.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.0433])
    """
    loss = CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis, "none")
    return compute_rows(loss, y_true, y_pred)
