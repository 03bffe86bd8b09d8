"""Cross-entropies, divergences and likelihoods as metrics."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from fanin import _checks
from fanin.losses._base import check_last_axis
from fanin.metrics._base import Metric

_SMOOTHING = partial(_checks.number, at_least=0.0, at_most=1.0)


class BinaryCrossentropy(Metric):
    """Mean binary cross-entropy; see `fanin.losses.BinaryCrossentropy`.

    Parameters
    ----------
    name : str, default "binary_crossentropy"
        What it is called in logs.
    dtype : None
        See `Metric`.
    from_logits : bool, default False
        Whether outputs are logits; else they are probabilities.
    label_smoothing : float, default 0.0
        Moves targets towards one half.

    Examples
    --------
    >>> round(BinaryCrossentropy()([[1.0]], [[0.5]]), 4)
    0.6931
    """

    kind = "binary_crossentropy"
    larger_is_better: ClassVar[bool | None] = False
    _options: ClassVar[Mapping[str, Any]] = {
        "from_logits": _checks.flag,
        "label_smoothing": _SMOOTHING,
    }

    def __init__(
        self,
        name: str | None = None,
        dtype: None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits: bool = from_logits
        self.label_smoothing: float = label_smoothing


class CategoricalCrossentropy(Metric):
    """Mean cross-entropy of one-hot targets; see `fanin.losses.CategoricalCrossentropy`.

    Parameters
    ----------
    name : str, default "categorical_crossentropy"
        What it is called in logs.
    dtype : None
        See `Metric`.
    from_logits : bool, default False
        Whether outputs are logits; else they are probabilities.
    label_smoothing : float, default 0.0
        Share of each target that is spread evenly over all classes.
    axis : -1
        The class axis; only the last is supported.

    Examples
    --------
    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.6931
    """

    kind = "categorical_crossentropy"
    larger_is_better: ClassVar[bool | None] = False
    _left_out = ("axis",)
    _options: ClassVar[Mapping[str, Any]] = {
        "from_logits": _checks.flag,
        "label_smoothing": _SMOOTHING,
    }

    def __init__(
        self,
        name: str | None = None,
        dtype: None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        check_last_axis(axis)
        self.from_logits: bool = from_logits
        self.label_smoothing: float = label_smoothing


class SparseCategoricalCrossentropy(Metric):
    """Mean cross-entropy of classes; see `fanin.losses.SparseCategoricalCrossentropy`.

    Parameters
    ----------
    name : str, default "sparse_categorical_crossentropy"
        What it is called in logs.
    dtype : None
        See `Metric`.
    from_logits : bool, default False
        Whether outputs are logits; else they are probabilities.
    axis : -1
        The class axis; only the last is supported.

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 4)
    0.6931
    """

    kind = "sparse_categorical_crossentropy"
    larger_is_better: ClassVar[bool | None] = False
    _left_out = ("axis",)
    _options: ClassVar[Mapping[str, Any]] = {"from_logits": _checks.flag}

    def __init__(
        self,
        name: str | None = None,
        dtype: None = None,
        from_logits: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        check_last_axis(axis)
        self.from_logits: bool = from_logits


class KLDivergence(Metric):
    """Mean divergence of distributions; see `fanin.losses.KLDivergence`.

    Parameters
    ----------
    name : str, default "kl_divergence"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 4)
    0.1438
    """

    kind = "kl_divergence"
    larger_is_better: ClassVar[bool | None] = False


class Poisson(Metric):
    """Mean of Poisson's loss; see `fanin.losses.Poisson`.

    Parameters
    ----------
    name : str, default "poisson"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> round(Poisson()([[2.0]], [[1.5]]), 4)
    0.6891
    """

    kind = "poisson"
    larger_is_better: ClassVar[bool | None] = False
