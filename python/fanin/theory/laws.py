"""What theory needs to know of an initializer: how its weights are distributed."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fanin import _core, initializers
from fanin.random import Stream

# Of a standard normal without the values beyond ±2.
_TRUNCATED_STD = 0.87962566103423978


@dataclass(frozen=True)
class WeightLaw:
    """Distribution of the elements of an array before training.

    Parameters
    ----------
    mean, variance : float
        Of one element.
    orthogonal : bool
        Whether the array is a random orthogonal matrix, so that it keeps lengths.
    independent : bool
        Whether the elements are independent (or the matrix orthogonal): False for identities and
        others whose pattern the formulas do not hold for.
    """

    mean: float
    variance: float
    orthogonal: bool = False
    independent: bool = True

    @classmethod
    def of(cls, initializer: Any, shape: tuple[int, ...]) -> "WeightLaw":
        """Return the law of what an initializer draws for a shape.

        Those of this package are known by formula; of any other one array is drawn and measured.

        Parameters
        ----------
        initializer : str, dict, Initializer or callable
            As layers take it.
        shape : tuple of int
            Shape of the array.

        Returns
        -------
        WeightLaw

        Examples
        --------
        >>> law = WeightLaw.of("he_normal", (100, 50))
        >>> round(law.variance, 6)
        0.02
        """
        found = initializers.get(initializer)
        if found is None:
            raise TypeError("initializer must be a name or an initializer, got None")
        law = _known(found, shape)
        return cls.measured(found, shape) if law is None else law

    @classmethod
    def measured(cls, initializer: initializers.Initializer, shape: tuple[int, ...]) -> "WeightLaw":
        """Return mean and variance of one array that `initializer` draws."""
        values = initializer.for_parameter(shape, "float64", Stream(0))
        mean, variance = float(values.mean()), float(values.var())
        # A mean that the elements' spread explains is none.
        if abs(mean) < 4 * math.sqrt(variance / values.size):
            variance, mean = variance + mean**2, 0.0
        return cls(mean, variance)


def _known(initializer: Any, shape: tuple[int, ...]) -> WeightLaw | None:
    kind = type(initializer)
    if kind in (initializers.Zeros, initializers.Ones):
        return WeightLaw(float(kind is initializers.Ones), 0.0)
    if isinstance(initializer, initializers.Constant):
        if isinstance(initializer.value, float):
            return WeightLaw(initializer.value, 0.0)
        return WeightLaw(float(np.mean(initializer.value)), 0.0, independent=False)
    if kind is initializers.Identity:
        return WeightLaw(0.0, math.nan, independent=False)
    if isinstance(initializer, initializers.VarianceScaling):
        return _variance_scaling(initializer, shape)
    if kind is initializers.TruncatedNormal:
        return WeightLaw(initializer.mean, (_TRUNCATED_STD * initializer.stddev) ** 2)
    if kind is initializers.RandomNormal:
        return WeightLaw(initializer.mean, initializer.stddev**2)
    if kind is initializers.RandomUniform:
        low, high = initializer.minval, initializer.maxval
        return WeightLaw((low + high) / 2, (high - low) ** 2 / 12)
    if kind is initializers.Orthogonal and len(shape) >= 2:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        return WeightLaw(0.0, initializer.gain**2 / max(rows, columns), orthogonal=True)
    return None


def _variance_scaling(
    initializer: initializers.VarianceScaling, shape: tuple[int, ...]
) -> WeightLaw:
    spread = _core.variance_scaling_spread(
        shape, initializer.scale, initializer.mode, initializer.distribution
    )
    share = {
        "uniform": 1 / 3,
        "untruncated_normal": 1.0,
        "truncated_normal": _TRUNCATED_STD**2,
    }[initializer.distribution]
    return WeightLaw(0.0, share * spread**2)
