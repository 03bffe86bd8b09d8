"""What theory needs to know of an initializer: how its weights are distributed."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fanin import _checks, initializers
from fanin.random import Stream
from fanin.show.results import Result

if TYPE_CHECKING:
    from fanin.typing import InitializerLike


@dataclass(frozen=True, repr=False)
class WeightLaw(Result):
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

    def _says(self) -> str:
        kind = ", orthogonal" if self.orthogonal else "" if self.independent else ", a pattern"
        return f"mean={self.mean:.4g}, variance={self.variance:.4g}{kind}"

    @classmethod
    def of(cls, initializer: "InitializerLike", shape: tuple[int, ...]) -> "WeightLaw":
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
            raise TypeError("initializer: expected a name or an initializer, found None")
        shape = _checks.feature_shape("shape", shape)
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


# Their elements follow a pattern, which the formulas do not hold for.
_PATTERNS = (
    initializers.Identity,
    initializers.Dirac,
    initializers.ZerO,
    initializers.LooksLinear,
)


def _known(initializer: initializers.Initializer, shape: tuple[int, ...]) -> WeightLaw | None:
    facts = initializer._facts(shape)
    if facts is None:
        return None
    pattern = isinstance(initializer, _PATTERNS) or (
        isinstance(initializer, initializers.Constant) and not isinstance(initializer.value, float)
    )
    return WeightLaw(
        facts.mean,
        facts.variance,
        orthogonal=isinstance(initializer, initializers.Orthogonal),
        independent=not pattern,
    )
