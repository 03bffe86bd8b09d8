"""The rows of a report: a layer each, or of a large network a block each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements
    from fanin.diagnosis._report import Report
    from fanin.diagnosis.findings import Finding

_LARGE = 40
"""Layers that are shown one by one: about a screen."""

_BLOCK = 3
"""Layers of a block that is worth a fold."""


@dataclass(frozen=True)
class ReportRow:
    """What is shown as one."""

    name: str
    layers: "tuple[LayerReport, ...]"

    @property
    def folded(self) -> bool:
        """Whether it stands for several layers."""
        return len(self.layers) > 1


def report_rows(report: "Report") -> list[ReportRow]:
    """Return the rows: of a large report one for each block in which nothing was found.

    What is no more than a note folds; a finding of many layers keeps open the blocks of those that
    its text names.
    """
    if len(report.layers) <= _LARGE:
        return [ReportRow(layer.name, (layer,)) for layer in report.layers]
    opened = {block_of(name) for name in _found_in(report.findings)}
    rows = []
    for block, group in groupby(report.layers, lambda layer: block_of(layer.name)):
        layers = tuple(group)
        if block and block not in opened and len(layers) >= _BLOCK:
            rows.append(ReportRow(block, layers))
        else:
            rows += [ReportRow(layer.name, (layer,)) for layer in layers]
    return rows


def block_of(name: str) -> str:
    """Return the block that a layer belongs to: the names up to its number, or else the first.

    Keras's own models have the block in the layers' names. Empty for a layer of the network itself.

    Examples
    --------
    >>> block_of("layer2.0.downsample.1"), block_of("input of encoder.layers.3.norm1")
    ('layer2.0', 'encoder.layers.3')
    >>> block_of("relu(block.dense)"), block_of("features.12"), block_of("fc")
    ('block', '', '')
    >>> block_of("conv2_block1_1_conv"), block_of("block_12_expand_BN"), block_of("dense_1")
    ('conv2_block1', 'block_12', '')
    """
    inner = re.search(r"\(([^()]*)\)$", name)
    own = inner.group(1) if inner else name.removeprefix("input of ")
    parts = own.split(".")
    if len(parts) == 1:
        numbered = _NUMBERED.match(own)
        return numbered.group(1) if numbered else ""
    number = next((place for place, part in enumerate(parts) if part.isdigit()), 0)
    return "" if number == len(parts) - 1 else ".".join(parts[: number + 1])


_NUMBERED = re.compile(r"(.*(?:block|layer|stage|cell)_?\d+[a-z]?)_")
"""A block's name and number at the beginning of a layer's name."""


def _found_in(findings: "list[Finding]") -> Iterator[str]:
    """Go through the layers of what is more than a note: of many the first and the last."""
    for finding in findings:
        if finding.severity != "note":
            many = len(finding.layers) > 3
            yield from (finding.layers[0], finding.layers[-1]) if many else finding.layers


def sized(measured: "Measurements") -> "list[LayerReport]":
    """Return the layers whose sizes make a curve: what activations get, and the outputs."""
    hidden, last = measured.hidden, measured.kernels[-1:]
    return [*hidden, *last] if hidden else measured.layers
