"""What an initializer does to one shape, in words and numbers.

Imported with the package, so it imports late what only a shown explanation needs.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fanin import _core
from fanin.initializers._facts import Facts
from fanin.show import text
from fanin.show.results import Result
from fanin.show.table import Table

if TYPE_CHECKING:
    from fanin.initializers._elsewhere import Elsewhere
    from fanin.typing import NonlinearityLike


@dataclass(frozen=True, repr=False)
class Explanation(Result):
    """What :meth:`Initializer.explain` found.

    Attributes
    ----------
    initializer : str
        The initializer, as code.
    shape : tuple of int
        Shape of the array.
    dtype : str
        Element type.
    formula : str
        The distribution.
    fan_in, fan_out : float
        Inputs and outputs of a unit, for this shape.
    mean, variance : float
        Moments of one weight, NaN where they are not known; for a fixed pattern, of the array.
    low, high : float
        Bounds of the values, infinite where there are none.
    truncation : str or None
        Where a normal distribution is cut, and what is done about the lost variance.
    elsewhere : tuple of Elsewhere
        What torch, Keras and JAX draw under the same name, with their defaults: ``framework``,
        ``call``, ``facts`` (None, or with the fields above) and ``note``.
    warnings : tuple of str
        What does not fit the activation.
    activation : str or None
        The activation that was given, if it is a known one.

    Examples
    --------
    >>> from fanin.initializers import HeNormal
    >>> found = HeNormal().explain((784, 128), activation="relu")
    >>> round(found.std, 6), found.warnings
    (0.050508, ())
    """

    initializer: str
    shape: tuple[int, ...]
    dtype: str
    formula: str
    fan_in: float
    fan_out: float
    mean: float
    variance: float
    low: float
    high: float
    truncation: str | None
    elsewhere: "tuple[Elsewhere, ...]"
    warnings: tuple[str, ...]
    activation: str | None = None

    @property
    def std(self) -> float:
        """Standard deviation of one weight."""
        return math.sqrt(self.variance)

    def _rows(self) -> list[tuple[str, str]]:
        """Return the facts as pairs of a label and a text."""
        rows = [
            ("formula", self.formula),
            ("fans", f"in {self.fan_in:g}, out {self.fan_out:g}"),
            ("mean", _number(self.mean)),
            ("variance", f"{_number(self.variance)}  (std {_number(self.std)})"),
            ("bounds", f"{_number(self.low)} to {_number(self.high)}"),
        ]
        if self.truncation:
            rows.append(("truncation", self.truncation))
        return rows

    def _title(self) -> str:
        before = f", before {self.activation}" if self.activation else ""
        return f"{self.initializer} for shape {self.shape}, {self.dtype}{before}"

    def __str__(self) -> str:
        lines = [self._title(), ""]
        lines += [_entry(label, text) for label, text in self._rows()]
        lines += ["", f"  {_ELSEWHERE}"]
        lines += [_entry(row.framework, _describe(row)) for row in self.elsewhere]
        if self.warnings:
            lines += ["", *(_entry("warning", text) for text in self.warnings)]
        return text.printable(text.spell("\n".join(lines)))

    def _says(self) -> str:
        return f"{self._title()}: {self.formula}, std {_number(self.std)}"

    def _repr_html_(self) -> str:
        from fanin.show import page

        facts, others = Table("", "", words=True), Table(_ELSEWHERE, "", words=True)
        for row in self._rows():
            facts.add(*row)
        for found in self.elsewhere:
            others.add(found.framework, _describe(found))
        warnings = (
            f'<p><span class="warning">warning</span> {page.lines(w)}</p>' for w in self.warnings
        )
        title = f"<p><strong>{page.lines(self._title())}</strong></p>"
        return page.fragment(title, page.part(facts), page.part(others), *warnings)


_ELSEWHERE = "under the same name, with its defaults"


def _entry(label: str, text: str) -> str:
    """Return a label and its text, indented and wrapped for a terminal."""
    import textwrap

    return textwrap.fill(text, 80, initial_indent=f"  {label:<12}", subsequent_indent=" " * 14)


def _number(value: float) -> str:
    if math.isnan(value):
        return "not known"
    return "∞" if value == math.inf else "−∞" if value == -math.inf else f"{value:.6g}"


def _describe(row: "Elsewhere") -> str:
    facts = row.facts
    numbers = "" if facts is None else f"{facts.formula}, std {math.sqrt(facts.variance):.6g}"
    text = "; ".join(part for part in (numbers, row.note) if part)
    return ": ".join(part for part in (row.call, text) if part)


def explain(
    initializer: Any, shape: tuple[int, ...], dtype: str, activation: "NonlinearityLike | None"
) -> Explanation:
    """Collect what is known; see :meth:`Initializer.explain`."""
    from fanin.initializers._elsewhere import elsewhere
    from fanin.initializers._suitability import describe_activation, find_warnings

    follows = describe_activation(activation)
    doubt = initializer._doubt(shape)
    unknown = Facts("of the user's own", math.nan, math.nan, -math.inf, math.inf)
    found = initializer._facts(shape)
    facts = found or unknown
    fans = facts.fans or _core.fans(shape)
    kind = type(initializer).__name__
    return Explanation(
        initializer=repr(initializer),
        shape=shape,
        dtype=dtype,
        formula=facts.formula,
        fan_in=fans[0],
        fan_out=fans[1],
        mean=facts.mean,
        variance=facts.variance,
        low=facts.low,
        high=facts.high,
        truncation=facts.truncation,
        elsewhere=elsewhere(kind, fans, len(shape), initializer._fans_elsewhere(shape)),
        warnings=(
            *((doubt,) if doubt else ()),
            *(find_warnings(initializer, facts, fans[0], len(shape), follows) if found else ()),
        ),
        activation=follows.name if follows else None,
    )
