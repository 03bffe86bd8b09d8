"""What every loss shares: options, rows, reduction."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core
from fanin._checks import FloatArray
from fanin._members._registry import CoreMember, snake
from fanin.errors import ShapeError
from fanin.layers._value import are_values
from fanin.losses import _own, _targets

_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


def _reduction(name: str, value: Any) -> str:
    return _checks.one_of(name, "none" if value is None else value, _REDUCTIONS)


class Loss(CoreMember):
    """Base class of the losses, and of those that you write.

    A loss of your own says in `call`, with `fanin.ops` and operators, what it is of each row: that
    is compiled, with its gradient. Or it has a method `value_and_gradient`, which training calls
    for each batch; it gets arrays, and weights of samples only if it takes ``sample_weight``.

    Parameters
    ----------
    name : str, optional
        Name of the object.
    reduction : {"sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none"}, optional
        How a call joins the values of the rows; the first two, of which one is the default, divide
        by the number of rows, the third by the sum of their weights. Training always minimizes the
        mean over the rows.
    dtype : None
        Here for Keras's signature: the loss is computed in the dtype of the predictions.

    Examples
    --------
    >>> from fanin.losses import MeanSquaredError
    >>> float(MeanSquaredError()([[0.0], [1.0]], [[0.0], [3.0]]))
    2.0
    >>> from fanin import ops
    >>> class Cube(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)
    >>> float(Cube()([[0.0], [1.0]], [[0.0], [3.0]]))
    4.0
    >>> class MeanCube(Loss):
    ...     def value_and_gradient(self, y_true, y_pred):
    ...         error = np.abs(y_pred - y_true)
    ...         return (error**3).mean(), 3 * error * (y_pred - y_true) / error.size
    >>> float(MeanCube()([[0.0], [1.0]], [[0.0], [3.0]]))
    4.0
    """

    # Of a loss of a user's: the core does not know it, and its constructor may set nothing.
    kind: ClassVar[str] = ""
    name: str = ""
    reduction: str | None = "sum_over_batch_size"

    _family = "losses"
    _honoured = ("settings", "call", "value_and_gradient", "get_config", "from_config")
    _reason = (
        "training runs in compiled code, which has its own losses, and calls value_and_gradient of "
        "others"
    )
    _instead = _own.HOW

    _options: ClassVar[Mapping[str, Any]] = {"name": _checks.text, "reduction": _reduction}
    _left_out: ClassVar[tuple[str, ...]] = ("dtype",)

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: None = None,
    ) -> None:
        if dtype is not None:
            raise ValueError(
                "dtype: expected None, since a loss follows the predictions, found "
                f"{_checks.found(dtype)}"
            )
        self.name = (self.kind or snake(type(self).__name__)) if name is None else name
        self.reduction = reduction

    @classmethod
    def _usable(cls) -> bool:
        own = cls.value_and_gradient is not Loss.value_and_gradient
        return bool(cls.kind) or own or cls.call is not Loss.call

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float | FloatArray:
        """Return the loss of `y_pred`, reduced over the rows.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like of shape (batch,) or of one weight a row, optional
            Factors of the rows' values.

        Returns
        -------
        float or ndarray
            A number, or with ``reduction="none"`` one a row.
        """
        if are_values([y_true, y_pred]):
            from fanin.losses import _values  # not needed for `import fanin`

            return _values.reduced(self, y_true, y_pred, sample_weight)  # type: ignore[no-any-return]
        if is_own(self):
            return self._own_value(y_true, y_pred, sample_weight)
        values, _ = self.rows(y_true, y_pred, sample_weight)
        if self.reduction == "none":
            return values
        return float(np.sum(values, dtype=np.float64)) / self._divisor(values, sample_weight)

    def _divisor(self, values: FloatArray, sample_weight: ArrayLike | None) -> float:
        """Return what the sum of the rows' values is divided by."""
        if self.reduction == "sum":
            return 1
        if self.reduction != "mean_with_sample_weight" or sample_weight is None:
            return values.size
        weights = np.asarray(sample_weight, dtype=np.float64)
        # One a row or one a sample; where none weighs anything the sum is 0 too.
        return float(weights.sum() * (values.size / weights.size)) or 1

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the value of each row, before these are reduced.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.

        Returns
        -------
        ndarray of shape (batch, ...)
            One value a row.

        Examples
        --------
        >>> from fanin.losses import MeanSquaredError
        >>> MeanSquaredError().call([[0.0], [1.0]], [[0.0], [3.0]])
        array([0., 4.])
        """
        return compute_rows(self, y_true, y_pred)

    # Any: what overrides it may say that it gets arrays.
    def value_and_gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> tuple[float, FloatArray]:
        """Return the loss and its gradient, the `dy` that a last layer's `backward` takes.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like, optional
            Factors of the rows' values.

        Returns
        -------
        value : float
            The rows' values as `reduction` joins them.
        gradient : ndarray of the shape of `y_pred`
            Derivative of `value` with respect to `y_pred`.

        Examples
        --------
        >>> from fanin.losses import MeanSquaredError
        >>> value, dy = MeanSquaredError().value_and_gradient([[0.0, 1.0]], [[0.0, 0.0]])
        >>> value, dy.tolist()
        (0.5, [[0.0, -1.0]])
        """
        if says_call(self):
            from fanin.losses import _traced  # not needed for `import fanin`

            check_mean(self)
            return _traced.tracer_of(self).value_and_gradient(y_true, y_pred, sample_weight)
        if self.reduction == "none":
            raise ValueError(
                "reduction: expected another than 'none' for value_and_gradient, found 'none'"
            )
        values, gradient = self.rows(y_true, y_pred, sample_weight)
        rows = self._divisor(values, sample_weight)
        return float(np.sum(values, dtype=np.float64)) / rows, gradient / gradient.dtype.type(rows)

    def rows(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the value of each row, and the gradient of their sum.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like, optional
            Factors of the rows' values.

        Returns
        -------
        values : ndarray of shape (batch, ...)
            One value a row.
        gradient : ndarray of the shape of `y_pred`
            Derivative of the sum of `values`.
        """
        if not self.kind:
            raise TypeError(
                f"{type(self).__name__} gives the mean of a batch and its gradient, not those of "
                "each row: call its value_and_gradient"
            )
        outputs = _checks.free_floats("y_pred", y_pred)
        if outputs.ndim == 1 and np.ndim(y_true) in (0, 1) and self.kind not in _targets.SPARSE:
            # Keras's shape rule: one vector is one row of outputs.
            weights = None if sample_weight is None else np.reshape(sample_weight, -1)
            row = _checks.numeric("y_true", y_true).reshape(1, -1)
            values, gradient = self.rows(row, outputs.reshape(1, -1), weights)
            return values[0], gradient[0]
        _check_outputs(outputs)
        targets = _targets.prepare("y_true", y_true, self.kind, outputs.shape, outputs.dtype.name)
        values, gradient = _core.loss_rows(self.settings(), outputs, targets)
        if sample_weight is not None:
            weights = _targets.row_weights(
                "sample_weight", sample_weight, values.shape, outputs.dtype.name
            )
            values, gradient = values * weights, gradient * weights[..., np.newaxis]
        return values, gradient

    def _own_value(self, y_true: Any, y_pred: Any, sample_weight: Any) -> float:
        """Return the value of a loss of a user's: the mean, whatever `reduction`."""
        check_mean(self)
        outputs = _checks.free_floats("y_pred", y_pred)
        _check_outputs(outputs)
        kind, dtype, weights = kind_of(self), outputs.dtype.name, None
        targets = _targets.prepare("y_true", y_true, kind, outputs.shape, dtype)
        if sample_weight is not None:
            _own.check_takes_weights(self)
            weights = _targets.row_weights("sample_weight", sample_weight, outputs.shape[:1], dtype)
        return _own.value_and_gradient(self, targets, outputs, weights)[0]


def is_own(loss: object) -> bool:
    """Return whether a loss is computed as the user wrote it, in `value_and_gradient` or `call`."""
    method = getattr(loss, "value_and_gradient", None)
    return getattr(method, "__func__", None) is not Loss.value_and_gradient or says_call(loss)


def says_call(loss: object) -> bool:
    """Return whether a loss says in `call`, over `fanin.ops`, what it is of each row."""
    if not isinstance(loss, Loss) or type(loss).call is Loss.call:
        return False
    return type(loss).value_and_gradient is Loss.value_and_gradient


def kind_of(loss: object) -> str:
    """Return what the core calls a loss, or the one that a user's derives from; "" for others."""
    return str(loss._own_base.kind) if isinstance(loss, Loss) else ""


def check_mean(loss: object) -> None:
    """Refuse a loss that is not the mean over the samples."""
    if isinstance(loss, Loss) and loss.reduction not in ("sum_over_batch_size", "mean"):
        raise ValueError(
            "loss: expected the mean over samples, which training minimizes, found "
            f"reduction={loss.reduction!r}"
        )


def _check_outputs(outputs: FloatArray) -> None:
    if outputs.ndim < 2 or outputs.size == 0:
        raise ShapeError(
            "y_pred: expected a non-empty array of shape (batch, outputs), found shape "
            f"{outputs.shape}"
        )


def compute_rows(loss: Loss, y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the value of each row, whatever the reduction."""
    if are_values([y_true, y_pred]):
        from fanin.losses import _values  # not needed for `import fanin`

        return _values.rows(loss, y_true, y_pred)  # type: ignore[no-any-return]
    return loss.rows(y_true, y_pred)[0]


def check_last_axis(axis: int) -> None:
    """Refuse an axis that is not the last."""
    if _checks.integer("axis", axis) != -1:
        raise ValueError(f"axis: expected -1, the last axis, found {_checks.found(axis)}")
