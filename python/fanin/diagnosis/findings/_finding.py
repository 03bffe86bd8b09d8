"""One thing that a diagnosis found."""

from dataclasses import dataclass

from fanin.show.results import Result

SEVERITIES = ("severe", "warning", "note")
"""Severe: training will hardly begin, or not at all. Warning: it will be slow or waste units."""


@dataclass(frozen=True, repr=False)
class Finding(Result):
    """One thing that is wrong, or worth knowing.

    Attributes
    ----------
    kind : str
        ``"vanishing"``, ``"exploding"``, ``"saturated"``, ``"dead"``, ``"symmetric"``, …; see
        docs/diagnosis.md.
    severity : {"severe", "warning", "note"}
        How much it hinders training.
    layers : tuple of str
        The layers where it shows; empty for the data and the network as a whole.
    value, threshold : float
        The number that shows it, and where it begins to be one.
    text : str
        What it is, in one sentence.
    source : str
        Where the threshold comes from.
    fix : str
        A line of code; empty if there is none.
    effects : tuple of Finding
        What it explains: what would not be found without it.
    because : str
        What explains it: kind and layers of the cause; empty for a cause.
    output : str
        Of a network of several outputs the one that it is about; empty for what is of all.
    """

    kind: str
    severity: str
    layers: tuple[str, ...]
    value: float
    threshold: float
    text: str
    source: str
    fix: str = ""
    effects: "tuple[Finding, ...]" = ()
    because: str = ""
    output: str = ""

    @property
    def title(self) -> str:
        """Kind and layers, as others name it: ``dead in fc2``."""
        kind = f"{self.kind} of {self.output}" if self.output and not self.layers else self.kind
        return f"{kind} in {named(self.layers)}" if self.layers else kind

    def _says(self) -> str:
        return f"{self.severity} {self.kind}: {self.text}"


def graded(value: float, warning: float, severe: float) -> str | None:
    """Return how severe a number is that should stay below two thresholds."""
    if value >= severe:
        return "severe"
    return "warning" if value >= warning else None


def also(worst: str, layers: tuple[str, ...]) -> str:
    """Say in which layers it shows besides the worst."""
    others = tuple(name for name in layers if name != worst)
    return f", and in {named(others)}" if others else ""


def named(layers: tuple[str, ...]) -> str:
    """Write layers in a sentence: all of a few, the first and the last of many."""
    if len(layers) <= 3:
        return ", ".join(layers)
    return f"{len(layers)} layers from {layers[0]} to {layers[-1]}"
