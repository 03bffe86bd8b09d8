"""Trying what findings advise: on a copy, cause by cause, and then by some steps of training."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fanin import _checks
from fanin.frameworks import _open as frameworks

if TYPE_CHECKING:
    from fanin.diagnosis._report import Report
    from fanin.diagnosis.findings import Finding

_ROUNDS = 8
"""Causes that are mended one behind the other; each may have hidden the next."""

_NAME = re.compile(r"[\w.\-/ :()]*")
"""What a layer may be called whose name is written into code that is run."""


@dataclass(frozen=True)
class Given:
    """What `diagnose` was given."""

    model: Any
    x: Any
    y: Any
    loss: Any
    training: bool
    optimizer: Any
    rate: float | None

    def __reduce__(self) -> tuple[Any, ...]:
        # What is saved, sent or copied is the report, not the user's model and data.
        return type(None), ()


def mend(report: "Report", given: Given | None, steps: int) -> Any:
    """Apply the fixes of a report to a copy of its model; see `Report.mend`.

    Parameters
    ----------
    report : Report
        The report.
    given : Given or None
        What it is of.
    steps : int
        Steps of training.

    Returns
    -------
    Sequential, Model or torch.nn.Module
        The copy.
    """
    count = _checks.integer("steps", steps, minimum=1)
    if given is None:
        raise ValueError("report: expected one that diagnose made in this process, found a copy")
    if given.y is None:
        raise ValueError("y: expected targets to train with, found a report of a batch without")
    bench = frameworks.workshop(
        given.model, given.x, given.y, given.loss, given.optimizer, given.rate
    )
    as_it_is = bench.loss_after(count)
    done, left = _apply_all(report, bench, given)
    for code in done:
        print(f"applied: {code}")
    for words in left:
        print(words)
    loss = bench.loss_after(count)
    print(f"tried: loss after {count} steps {loss:.3g}, as it is {as_it_is:.3g}")
    return bench.model


def _apply_all(report: "Report", bench: Any, given: Given) -> tuple[list[str], list[str]]:
    """Apply the first fix, diagnose again, and go on; return the code, and what is left."""
    from fanin.diagnosis._diagnose import diagnose

    done: dict[tuple[Any, ...], str] = {}  # the same line may be for other layers
    for _ in range(_ROUNDS):
        grave = [finding for finding in report.findings if finding.severity != "note"]
        finding = next((f for f in grave if f.fix and _key(f) not in done), None)
        if finding is None:
            break
        if not all(_NAME.fullmatch(layer.name) for layer in report.layers):
            raise ValueError(
                "model: expected layers whose names can be written into code, found "
                f"{next(la.name for la in report.layers if not _NAME.fullmatch(la.name))!r}"
            )
        bench.apply(finding.fix, finding.layers)
        done[_key(finding)] = finding.fix
        report = diagnose(
            bench.model,
            bench.x,
            bench.y,
            bench.loss,
            training=given.training,
            optimizer=bench.optimizer,
        )
    left = [f"left: {f.severity} {f.kind}: {f.text}" for f in report.findings]
    return list(done.values()), [words for words in left if not words.startswith("left: note")]


def _key(finding: "Finding") -> tuple[Any, ...]:
    return finding.kind, finding.layers, finding.fix
