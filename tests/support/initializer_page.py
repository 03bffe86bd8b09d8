"""The tables of docs/initializers.md, read so that tests can hold them against what is drawn."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "initializers.md"
SHAPE = (500, 300)
"""(in, out), of what is drawn for most rows."""
CUT_STD = 0.87962566103423978
"""Standard deviation of a normal cut at ±2."""


@dataclass(frozen=True)
class Row:
    """One row: what a package's name means, and the call that gives the same here."""

    package: str
    name: str
    distribution: str
    largest: str
    call: str

    @property
    def id(self):
        """Name the row in a test's report."""
        return f"{self.package}-{self.name}"

    @property
    def shape(self):
        """A shape that the row can be drawn for, in the layout (..., in, out)."""
        if "Dirac" in self.call or "Delta" in self.call:
            return (3, 3, 8, 16)
        if "dentity" in self.call or "eye_" in self.call:
            return (40, 30)
        return SHAPE

    @property
    def variance(self):
        """The variance that the cell states; None where it is no normal or uniform."""
        text, (i, o) = self.distribution, self.fans
        if found := re.match(r"U\(±(sqrt\(.*?\)\)|sqrt\([^)]*\)|1 / sqrt\(i\))\)", text):
            return _value(found[1], i, o) ** 2 / 3
        if found := re.match(r"U\[(.+?), (.+?)\)", text):
            return (_value(found[2], i, o) - _value(found[1], i, o)) ** 2 / 12
        if found := re.match(r"N\(0, (.+?)\)(,.*|;.*|)$", text):
            full = _value(found[1], i, o)
            if share := re.search(r"(\d+) % of each column 0", text):
                full *= 1 - int(share[1]) / 100
            return full * CUT_STD**2 if ", cut" in text else full
        return None

    @property
    def bound(self):
        """The largest value that the cell states; infinite where it states none."""
        i, o = self.fans
        return _value(self.largest, i, o) if self.largest else math.inf

    @property
    def fans(self):
        """What i and o are."""
        return (784 if "784" in self.call else SHAPE[0]), SHAPE[1]


def rows():
    """Return all rows of the tables of packages."""
    found, package = [], ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            package = line[3:]
        if line.startswith("|") and "---" not in line:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            name, distribution, largest, call = cells
            if call != "here":
                cells = name.replace("`", ""), distribution, largest, call.strip("`")
                found.append(Row(package, *cells))
    return found


def _value(text, i, o):
    """Evaluate a formula as the page writes it."""
    code = text.replace("²", "**2").replace("−", "-")
    code = re.sub(r"(\d|i|\)) (sqrt|i\b|o\b|\()", r"\1*\2", code)
    return eval(code, {"sqrt": math.sqrt, "max": max, "i": i, "o": o, "c": 2.0**-4})
