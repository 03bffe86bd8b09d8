"""Metrics: what `fit` and `evaluate` report beside the loss.

A metric gives one value a row and is averaged over all rows seen. By itself it is a running mean:
``update_state``, ``result``, ``reset_state``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core, losses
from fanin._absences import _absent
from fanin._members._registry import CoreMember, Registry
from fanin.errors import ShapeError
from fanin.losses import _targets

if TYPE_CHECKING:
    from fanin.typing import LossLike, MetricLike

__all__ = [
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "deserialize",
    "get",
    "resolve",
    "serialize",
]


class Metric(CoreMember):
    """Base class of the metrics: a running mean of one value a row.

    Parameters
    ----------
    name : str, optional
        What it is called in `History` and in logs.
    dtype : None
        Here for Keras's signature: the sums are float64.

    Examples
    --------
    >>> from fanin.metrics import MeanAbsoluteError
    >>> metric = MeanAbsoluteError()
    >>> metric.update_state([[0.0], [1.0]], [[0.0], [3.0]])
    >>> float(metric.result())
    1.0
    """

    larger_is_better: ClassVar[bool] = False

    _family = "metrics"
    _honoured = ("settings", "get_config", "from_config")
    _elsewhere = ("call", "reset_states", "merge_state")
    _reason = "fit and evaluate count in compiled code, which calls no method of a metric"
    _instead = "compute it from model.predict in the on_epoch_end of a Callback"

    _options: ClassVar[Mapping[str, Any]] = {"name": _checks.text}
    _left_out = ("dtype",)

    def __init__(self, name: str | None = None, dtype: None = None) -> None:
        if dtype is not None:
            raise ValueError(
                f"dtype: expected None, since the sums are float64, found {_checks.found(dtype)}"
            )
        self.name: str = self.kind if name is None else name
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was seen."""
        self._sum = 0.0
        self._weight = 0.0

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take further rows into account.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like of shape (batch,), optional
            Weights of the samples in the mean.
        """
        outputs = _checks.free_floats("y_pred", y_pred)
        if outputs.ndim == 1 and np.ndim(y_true) == 1 and self.kind not in _targets.SPARSE:
            outputs = outputs[:, np.newaxis]
            y_true = _checks.numeric("y_true", y_true)[:, np.newaxis]
        if outputs.ndim < 2 or outputs.size == 0:
            raise ShapeError(
                "y_pred: expected a non-empty array of shape (batch, outputs), found shape "
                f"{outputs.shape}"
            )
        targets = _targets.prepare("y_true", y_true, self.kind, outputs.shape, outputs.dtype.name)
        rows = _core.metric_rows(self.settings(), outputs, targets).astype(np.float64)
        weights = np.ones_like(rows)
        if sample_weight is not None:
            weights = weights * _targets.row_weights(
                "sample_weight", sample_weight, rows.shape, "float64"
            )
        self._sum += float(np.sum(rows * weights))
        self._weight += float(np.sum(weights))

    def result(self) -> float:
        """Return the mean of what was seen.

        Returns
        -------
        float
            0.0 if nothing was seen.
        """
        return self._sum / self._weight if self._weight else 0.0

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Take further rows into account and return the mean.

        Parameters
        ----------
        y_true, y_pred, sample_weight : array_like
            As in `update_state`.

        Returns
        -------
        float
            The mean of all rows seen.
        """
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()

    def _shown(self) -> dict[str, Any]:
        return {"name": self.name}


class CategoricalAccuracy(Metric):
    """Share of rows whose largest output is where the one-hot target is.

    Parameters
    ----------
    name : str, default "categorical_accuracy"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    kind = "categorical_accuracy"
    larger_is_better = True


class SparseCategoricalAccuracy(Metric):
    """Share of rows whose largest output is the target class.

    Parameters
    ----------
    name : str, default "sparse_categorical_accuracy"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    kind = "sparse_categorical_accuracy"
    larger_is_better = True


class BinaryAccuracy(Metric):
    """Share of outputs on the same side of the threshold as their targets.

    Parameters
    ----------
    name : str, default "binary_accuracy"
        What it is called in logs.
    dtype : None
        See `Metric`.
    threshold : float, default 0.5
        Outputs above it mean yes.

    Examples
    --------
    >>> BinaryAccuracy()([[1], [0]], [[0.9], [0.8]])
    0.5
    """

    kind = "binary_accuracy"
    larger_is_better = True
    _options: ClassVar[Mapping[str, Any]] = {"threshold": _checks.number}

    def __init__(self, name: str | None = None, dtype: None = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold


class MeanSquaredError(Metric):
    """Mean of squared differences.

    Parameters
    ----------
    name : str, default "mean_squared_error"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> MeanSquaredError()([[0.0, 2.0]], [[0.0, 0.0]])
    2.0
    """

    kind = "mean_squared_error"


class MeanAbsoluteError(Metric):
    """Mean of absolute differences.

    Parameters
    ----------
    name : str, default "mean_absolute_error"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> MeanAbsoluteError()([[0.0, 2.0]], [[0.0, 0.0]])
    1.0
    """

    kind = "mean_absolute_error"


_REGISTRY: Registry[Metric] = Registry(
    "metric",
    Metric,
    (
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        BinaryAccuracy,
        MeanSquaredError,
        MeanAbsoluteError,
    ),
    {"mse": MeanSquaredError, "mae": MeanAbsoluteError},
)
_ACCURACY = ("accuracy", "acc")


def get(identifier: "MetricLike", custom_objects: Mapping[str, object] | None = None) -> Metric:
    """Find a metric.

    Parameters
    ----------
    identifier : str, dict, type or Metric
        A name in class or snake form, a configuration, a class, or a metric. "accuracy" has no
        meaning before the outputs are known; `Sequential.compile` takes it.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Metric
        The metric.

    Raises
    ------
    ValueError
        If nothing is called so; the message suggests the close match.

    Examples
    --------
    >>> get("mse")
    MeanSquaredError(name='mean_squared_error')
    """
    return _REGISTRY.get(identifier, custom_objects)


def resolve(identifier: "MetricLike", loss: "LossLike", outputs: int) -> Metric:
    """Find the metric that `identifier` means for a network; it is called what the user called it.

    "accuracy" is `SparseCategoricalAccuracy` or `CategoricalAccuracy` beside the loss of that name,
    `BinaryAccuracy` beside `losses.BinaryCrossentropy`, output by output; beside other losses it is
    binary for one output and categorical for several. Outputs that are logits are yes above 0, as
    probabilities are above 0.5; a `BinaryAccuracy` that was made with a threshold keeps it.

    Parameters
    ----------
    identifier : object
        What `get` takes, or "accuracy" or "acc", or a loss function that is a metric too.
    loss : object
        The loss, as `losses.resolve` takes it.
    outputs : int
        Length of the outputs' last axis.

    Returns
    -------
    Metric
        The metric.

    Raises
    ------
    ValueError
        If nothing is called so, or if it does not take the targets that the loss takes.

    Examples
    --------
    >>> resolve("accuracy", "sparse_categorical_crossentropy", 10)
    SparseCategoricalAccuracy(name='accuracy')
    >>> resolve("accuracy", losses.BinaryCrossentropy(from_logits=True), 3).threshold
    0.0
    """
    beside = losses.resolve(loss)
    metric = (
        _choose_accuracy(beside, outputs) if _is_accuracy(identifier) else get(_name_of(identifier))
    )
    if isinstance(identifier, str):
        metric.name = identifier
    if isinstance(metric, BinaryAccuracy) and not isinstance(identifier, Metric | Mapping):
        metric.threshold = 0.0 if beside.settings().get("from_logits") else 0.5
    if (beside.kind in _targets.SPARSE) != (metric.kind in _targets.SPARSE):
        raise ValueError(
            f"metrics: expected metrics of the targets of {beside.kind!r}, found {metric.name!r}: "
            "one takes integer classes, the other an array like the outputs"
        )
    return metric


def _choose_accuracy(loss: losses.Loss, outputs: int) -> Metric:
    if loss.kind == "sparse_categorical_crossentropy":
        return SparseCategoricalAccuracy()
    one = outputs == 1 and loss.kind != "categorical_crossentropy"
    return BinaryAccuracy() if one or loss.kind == "binary_crossentropy" else CategoricalAccuracy()


def resolve_all(
    identifiers: "Iterable[MetricLike]", loss: losses.Loss, outputs: int
) -> list[Metric]:
    """Find the metrics of a network, whose names must differ.

    Parameters
    ----------
    identifiers : iterable of object
        What `resolve` takes.
    loss : Loss
        The loss.
    outputs : int
        Length of the outputs' last axis.

    Returns
    -------
    list of Metric
        The metrics.

    Examples
    --------
    >>> resolve_all(["mae", "acc"], losses.MeanSquaredError(), 1)
    [MeanAbsoluteError(name='mae'), BinaryAccuracy(name='acc')]
    """
    found = [resolve(identifier, loss, outputs) for identifier in identifiers]
    names = [metric.name for metric in found]
    if len({"loss", *names}) <= len(names):
        raise ValueError(
            f"metrics: expected names that differ, and none called 'loss', found {names}"
        )
    return found


def as_metrics(given: "Sequence[MetricLike] | None") -> list[str | Metric]:
    """Return the metrics that `compile` was given, each a name or an object.

    Parameters
    ----------
    given : list or None
        Names, metrics, classes, configurations, and loss functions that are metrics too.

    Returns
    -------
    list of str or Metric
        A class or a function as its name.

    Raises
    ------
    TypeError, ValueError
        If something is no metric.

    Examples
    --------
    >>> as_metrics(["accuracy", MeanSquaredError])
    ['accuracy', 'mean_squared_error']
    """
    if given is None:
        return []
    if not isinstance(given, list | tuple):
        raise TypeError(
            f"metrics: expected a list, such as ['accuracy'], found {_checks.found(given)}"
        )
    for identifier in given:
        check(identifier)
    named = [_name_of(identifier) for identifier in given]
    return [get(one) if isinstance(one, Mapping) else one for one in named]


def _is_accuracy(identifier: object) -> bool:
    return isinstance(identifier, str) and identifier.lower() in _ACCURACY


def _name_of(identifier: Any) -> Any:
    """Return the name of a class or a function; anything else as it is."""
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return get(identifier).kind
    if callable(identifier) and not isinstance(identifier, type | Metric):
        return identifier.__name__
    return identifier


def check(identifier: "MetricLike") -> None:
    """Refuse what no network can use as a metric, before any output is known."""
    if _is_accuracy(identifier):
        return
    if isinstance(identifier, str):
        _REGISTRY.find(identifier, suggestions=_ACCURACY)
    elif callable(identifier) and not isinstance(identifier, type | Metric):
        # By identity: a user's own function may have the name of ours.
        if not any(identifier is ours for ours in (losses.mse, losses.mae)):
            name = getattr(identifier, "__name__", _checks.found(identifier))
            raise TypeError(
                "metrics: expected names or fanin.metrics.Metric objects, found the function "
                f"{name}; metrics run in compiled code, which cannot call other functions"
            )
    else:
        get(identifier)


def serialize(metric: Metric) -> dict[str, object]:
    """Write a metric down.

    Parameters
    ----------
    metric : Metric
        The metric.

    Returns
    -------
    dict
        ``class_name`` and ``config``.

    Examples
    --------
    >>> serialize(BinaryAccuracy())["class_name"]
    'BinaryAccuracy'
    """
    return _REGISTRY.serialize(metric)


def deserialize(
    config: Mapping[str, object], custom_objects: Mapping[str, object] | None = None
) -> Metric:
    """Read what `serialize` wrote.

    Parameters
    ----------
    config : dict
        ``class_name`` and ``config``.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Metric
        The metric.

    Examples
    --------
    >>> deserialize(serialize(BinaryAccuracy(threshold=0.6))).threshold
    0.6
    """
    return _REGISTRY.deserialize(config, custom_objects)


_absent.guard(__name__)
