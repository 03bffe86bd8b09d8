"""Metrics of margins: hinges."""

from typing import ClassVar

from fanin.metrics._base import Metric


class Hinge(Metric):
    """Mean hinge loss; see `fanin.losses.Hinge`.

    Parameters
    ----------
    name : str, default "hinge"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> Hinge()([[1.0, 0.0]], [[0.25, 0.5]])
    1.125
    """

    kind = "hinge"
    larger_is_better: ClassVar[bool | None] = False


class SquaredHinge(Metric):
    """Mean squared hinge loss; see `fanin.losses.SquaredHinge`.

    Parameters
    ----------
    name : str, default "squared_hinge"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> SquaredHinge()([[1.0, 0.0]], [[0.5, 0.0]])
    0.625
    """

    kind = "squared_hinge"
    larger_is_better: ClassVar[bool | None] = False


class CategoricalHinge(Metric):
    """Mean hinge loss of classes; see `fanin.losses.CategoricalHinge`.

    Parameters
    ----------
    name : str, default "categorical_hinge"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]])
    0.5
    """

    kind = "categorical_hinge"
    larger_is_better: ClassVar[bool | None] = False
