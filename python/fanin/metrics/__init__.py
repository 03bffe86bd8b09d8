"""Metrics: what `fit` and `evaluate` report beside the loss.

A metric gives one value a row and is averaged over all rows seen. By itself it is a running mean:
``update_state``, ``result``, ``reset_state``. A metric of your own is a class that derives from
`Metric` and has these methods, or a function ``f(y_true, y_pred)``.
"""

import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard

from fanin import _checks, losses
from fanin._absences import _absent
from fanin._members import _custom
from fanin._members._registry import Registry, parse_serialized
from fanin.losses import _base as _losses
from fanin.losses import _targets
from fanin.metrics import _own
from fanin.metrics._base import Metric
from fanin.metrics._means import (
    BinaryAccuracy,
    CategoricalAccuracy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalAccuracy,
)
from fanin.metrics._names import ALIASES, FUNCTIONS, LATER

if TYPE_CHECKING:  # what `_names` has
    from fanin.losses import (
        binary_crossentropy,
        binary_focal_crossentropy,
        categorical_crossentropy,
        categorical_focal_crossentropy,
        categorical_hinge,
        hinge,
        huber,
        kl_divergence,
        log_cosh,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_error,
        mean_squared_logarithmic_error,
        poisson,
        sparse_categorical_crossentropy,
        squared_hinge,
    )
    from fanin.metrics._auc import AUC
    from fanin.metrics._best import (
        PrecisionAtRecall,
        RecallAtPrecision,
        SensitivityAtSpecificity,
        SpecificityAtSensitivity,
    )
    from fanin.metrics._confusion import (
        FalseNegatives,
        FalsePositives,
        Precision,
        Recall,
        TrueNegatives,
        TruePositives,
    )
    from fanin.metrics._errors import (
        CosineSimilarity,
        LogCoshError,
        MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError,
        R2Score,
        RootMeanSquaredError,
    )
    from fanin.metrics._fscore import F1Score, FBetaScore
    from fanin.metrics._functions import (
        binary_accuracy,
        categorical_accuracy,
        sparse_categorical_accuracy,
        sparse_top_k_categorical_accuracy,
        top_k_categorical_accuracy,
    )
    from fanin.metrics._margins import CategoricalHinge, Hinge, SquaredHinge
    from fanin.metrics._probabilities import (
        BinaryCrossentropy,
        CategoricalCrossentropy,
        KLDivergence,
        Poisson,
        SparseCategoricalCrossentropy,
    )
    from fanin.metrics._reductions import Mean, Sum
    from fanin.metrics._top import Accuracy, SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy
    from fanin.typing import LossLike, MetricLike

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

_EAGER: dict[str, type[Metric]] = {
    kind.kind: kind
    for kind in (
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        BinaryAccuracy,
        MeanSquaredError,
        MeanAbsoluteError,
    )
}
_ACCURACY = ("accuracy", "acc")


@functools.cache
def _registry() -> Registry[Metric]:
    """Return the metrics by name."""
    here = sys.modules[__name__]
    late = [getattr(here, name) for name in LATER if name[0].isupper()]
    aliases = {alias: getattr(here, name) for alias, name in ALIASES.items()}
    return Registry("metric", Metric, (*_EAGER.values(), *late), aliases)


def _find(name: str) -> type[Metric]:
    """Return the metric with a name."""
    found = _EAGER.get(name)
    return _registry().find(name, suggestions=_ACCURACY) if found is None else found


def get(identifier: "MetricLike", custom_objects: Mapping[str, object] | None = None) -> Metric:
    """Find a metric.

    Parameters
    ----------
    identifier : str, dict, type, Metric or callable
        A name in class or snake form, a configuration, a class, a metric, or a function
        ``f(y_true, y_pred)`` that returns a number or one number a sample: its mean is the metric.
        "accuracy" is `Accuracy` here; in `compile` it is the accuracy that fits the loss.
    custom_objects : mapping of str to type or function, optional
        Further classes and functions by name.

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
    if isinstance(identifier, str):
        with _custom.custom_object_scope(custom_objects):
            found = _custom.lookup(identifier)
        if _is_function(found):
            return _mean_of(found)
    if isinstance(identifier, Mapping):
        return deserialize(identifier, custom_objects)
    if _is_function(identifier):
        return _mean_of(identifier)
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str) and _custom.lookup(identifier) is None:
        quick = _EAGER.get(identifier)
        if quick is not None:
            return quick()
    return _registry().get(identifier, custom_objects)


def _mean_of(function: Callable[..., object]) -> Metric:
    here = sys.modules[__name__]
    for name, kind in FUNCTIONS.items():  # by identity: a user's may have the name of ours
        if function in (vars(here).get(name), vars(losses).get(name)):
            metric: Metric = getattr(here, kind)()
            return metric
    if hasattr(function, "update_state"):
        raise TypeError(
            "metrics: expected names, functions or fanin.metrics.Metric objects, found "
            f"{_checks.found(function)}; a metric of your own derives from Metric"
        )
    return _own.FunctionMetric(function)


def _is_function(identifier: object) -> TypeGuard[Callable[..., object]]:
    return callable(identifier) and not isinstance(identifier, type | Metric)


def resolve(identifier: "MetricLike", loss: "LossLike | None", outputs: int) -> Metric:
    """Find the metric that `identifier` means for a network; it is called what the user called it.

    "accuracy" is `SparseCategoricalAccuracy` or `CategoricalAccuracy` beside the loss of that name,
    `BinaryAccuracy` beside `losses.BinaryCrossentropy`, output by output; beside other losses it is
    binary for one output and categorical for several. Outputs that are logits are yes above 0, as
    probabilities are above 0.5; a `BinaryAccuracy` that was made with a threshold keeps it.

    Parameters
    ----------
    identifier : object
        What `get` takes, or "accuracy" or "acc".
    loss : object
        The loss, as `losses.resolve` takes it; None for an output without one.
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
    beside = None if loss is None else losses.resolve(loss)
    kind = "" if beside is None else _losses.kind_of(beside)
    metric = _choose_accuracy(kind, outputs) if _is_accuracy(identifier) else get(identifier)
    if isinstance(identifier, str):
        metric.name = identifier
    if isinstance(metric, BinaryAccuracy) and not isinstance(identifier, Metric | Mapping):
        metric.threshold = 0.0 if getattr(beside, "from_logits", False) is True else 0.5
    _check_targets(f"that {kind!r} has", kind, metric)
    return metric


def _check_targets(whose: str, kind: str, metric: Metric) -> None:
    """Refuse a metric of other targets than a loss or a metric has; a user's takes any."""
    own = target_kind(metric)
    if kind and own and (kind in _targets.SPARSE) != (own in _targets.SPARSE):
        raise ValueError(
            f"metrics: expected metrics of the targets {whose}, found {metric.name!r}: one takes "
            "integer classes, the other an array like the outputs"
        )


def target_kind(metric: Metric) -> str:
    """Return what the core calls a metric, or the one that a user's derives from; "" for others."""
    return str(metric._own_base.kind)


def _choose_accuracy(loss: str, outputs: int) -> Metric:
    if loss == "sparse_categorical_crossentropy":
        return SparseCategoricalAccuracy()
    one = outputs == 1 and loss not in _targets.OF_CLASSES
    binary = loss in ("binary_crossentropy", "binary_focal_crossentropy")
    return BinaryAccuracy() if one or binary else CategoricalAccuracy()


def resolve_all(
    identifiers: "Iterable[MetricLike]",
    loss: losses.Loss | None,
    outputs: int,
    beside: Sequence[Metric] = (),
) -> list[Metric]:
    """Find the metrics of a network, whose names must differ.

    Parameters
    ----------
    identifiers : iterable of object
        What `resolve` takes.
    loss : Loss or None
        The loss, if there is one.
    outputs : int
        Length of the outputs' last axis.
    beside : sequence of Metric, optional
        Others of the same targets.

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
    # Some without a name of their own get numbers, where they meet others.
    names = [metric.name for metric in found if not _is_numbered(metric)]
    if len({"loss", *names}) <= len(names):
        raise ValueError(
            f"metrics: expected names that differ, and none called 'loss', found {names}"
        )
    if loss is None or not _losses.kind_of(loss):  # nothing else says what targets are: they agree
        first = next(iter([*beside, *found]), None)
        for metric in found:
            assert first is not None
            _check_targets(f"that {first.name!r} has", target_kind(first), metric)
    return found


def _is_numbered(metric: Metric) -> bool:
    return metric._numbered and metric.name == metric.kind


def as_metrics(given: "Sequence[MetricLike] | None") -> list[str | Metric]:
    """Return the metrics that `compile` was given, each a name or an object.

    Parameters
    ----------
    given : list or None
        What `resolve` takes.

    Returns
    -------
    list of str or Metric
        A class or a function of the package's as its name.

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
    return [_name_or_object(identifier) for identifier in given]


def _is_accuracy(identifier: object) -> bool:
    return isinstance(identifier, str) and identifier.lower() in _ACCURACY


def _name_or_object(identifier: "MetricLike") -> str | Metric:
    check(identifier)
    if isinstance(identifier, str) and _custom.lookup(identifier) is None:
        return identifier
    metric = get(identifier)
    if isinstance(identifier, str):  # a user's, which may be known by this name only now
        metric.name = identifier
    elif metric is not identifier and not isinstance(identifier, Mapping) and metric.kind:
        # What the name of an accuracy means depends on the loss.
        return metric.kind if type(metric)._own and metric.kind in _EAGER else metric
    return metric


def check(identifier: "MetricLike") -> None:
    """Refuse what no network can use as a metric, before any output is known."""
    if _is_accuracy(identifier):
        return
    if isinstance(identifier, str) and not _is_function(_custom.lookup(identifier)):
        _own.check(_find(identifier)())
    else:
        _own.check(get(identifier))


def serialize(metric: Metric) -> dict[str, object]:
    """Write a metric down.

    Parameters
    ----------
    metric : Metric
        The metric.

    Returns
    -------
    dict
        ``class_name`` and ``config``; of a function its name, or what it is registered as.

    Examples
    --------
    >>> serialize(BinaryAccuracy())["class_name"]
    'BinaryAccuracy'
    """
    if isinstance(metric, _own.FunctionMetric):
        name = _own.function_name(metric.function)
        return {
            "class_name": "function",
            "registered_name": _custom.registered_name(metric.function, name),
            "config": {"name": metric.name},
        }
    return _registry().serialize_own(metric)


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
    if isinstance(config, Mapping) and config.get("class_name") == "function":
        with _custom.custom_object_scope(custom_objects):
            function = _custom.find_function("metric", config.get("registered_name"))
        _, arguments = parse_serialized("metric", config)
        return _own.FunctionMetric(function, **arguments)
    return _registry().deserialize(config, custom_objects)


_absent.guard(__name__, LATER)
