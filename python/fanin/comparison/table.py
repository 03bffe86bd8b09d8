"""The result as a table on a terminal."""

import itertools
import math

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fanin.comparison.result import ArmResult, Comparison
from fanin.show import text
from fanin.show.text import counted

TEXT_WIDTH = 80
_LABEL_WIDTH = 14


def make_table(result: Comparison) -> Table:
    """Make the table, best arm first.

    Parameters
    ----------
    result : Comparison
        The result.

    Returns
    -------
    rich.table.Table
        Fits 80 columns; long labels wrap.
    """
    target = result.settings.target
    table = text.table("initializer", *headings(result), min_width=14)
    for arm in result.ranked:
        label = Text(
            arm.label if target is None else _broken(arm.label),
            style="bold" if arm is result.best else "",
        )
        note = flag(arm)
        if note:
            label.append(f"\n{note}", style="red")
        table.add_row(label, *cells(result, arm, target))
    return table


def headings(result: Comparison) -> list[str]:
    """Name the columns of numbers.

    Parameters
    ----------
    result : Comparison
        The result.

    Returns
    -------
    list of str
        The headings.
    """
    target = result.settings.target
    return [
        "test accuracy",
        "behind best",
        *(["best val"] if result.data.validation else []),
        *([f"to {target:g}"] if target is not None else []),
        "time",
    ]


def cells(result: Comparison, arm: ArmResult, target: float | None) -> list[str]:
    """Write the numbers of one arm.

    Parameters
    ----------
    result : Comparison
        The result.
    arm : ArmResult
        One of its arms.
    target : float or None
        The accuracy whose epoch and time are reported.

    Returns
    -------
    list of str
        One a heading.
    """
    behind = "-" if arm is result.best else str(result.behind_best(arm))
    best_val = arm.best_val_accuracy.mean
    return [
        str(arm.test_accuracy),
        behind,
        *([f"{best_val:.4f}"] if result.data.validation else []),
        *([_reached(arm, target)] if target is not None else []),
        _time(arm.seconds),
    ]


def flag(arm: ArmResult) -> str:
    """Say in two words what went wrong with an arm.

    Parameters
    ----------
    arm : ArmResult
        The arm.

    Returns
    -------
    str
        Empty if nothing did.
    """
    notes = []
    if arm.diverged:
        notes.append(
            "diverged"
            if arm.diverged == len(arm.trials)
            else f"diverged {arm.diverged} of {len(arm.trials)}"
        )
    if arm.never_learned:
        notes.append("never learned")
    return ", ".join(notes)


def _broken(label: str) -> str:
    """Break a long label where it reads best: before its arguments."""
    return label if len(label) <= _LABEL_WIDTH else label.replace("(", "\n  (", 1)


def _reached(arm: ArmResult, target: float) -> str:
    epochs = [n for n in (trial.epochs_to(target) for trial in arm.trials) if n is not None]
    seconds = [s for s in (trial.seconds_to(target) for trial in arm.trials) if s is not None]
    if not epochs:
        return "never"
    mean_epochs = f"{sum(epochs) / len(epochs):.1f}".removesuffix(".0")
    text = f"{mean_epochs} epochs\n{_time(sum(seconds) / len(seconds))}"
    if len(epochs) < len(arm.trials):
        text += f"\n{len(epochs)} of {len(arm.trials)} seeds"
    return text


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"


def footnote(result: Comparison) -> str:
    """Say what the numbers of the table are.

    Parameters
    ----------
    result : Comparison
        The result.

    Returns
    -------
    str
        A sentence or two.
    """
    seeds = len(result.settings.seeds)
    if seeds == 1:
        text = "One seed: there is no interval. Time: per trial."
    else:
        text = f"Mean +/- 95 % interval over {seeds} seeds; behind best: paired by seed; "
        text += "time: per trial."
    if result.settings.target is not None:
        text += f"\nTo {result.settings.target:g}: epochs and time until that validation accuracy."
    return text


def report(result: Comparison) -> RenderableType:
    """Put setting, table, footnote and verdict under each other.

    Parameters
    ----------
    result : Comparison
        The result.

    Returns
    -------
    rich renderable
        What the command prints.
    """
    return Group(
        Text(describe(result), style="dim"),
        Padding(make_table(result), (1, 0)),
        Text(footnote(result), style="dim"),
        Padding(Text(result.verdict), (1, 0, 0, 0)),
    )


def describe(result: Comparison) -> str:
    """Name data, network and training in one line.

    Parameters
    ----------
    result : Comparison
        The result.

    Returns
    -------
    str
        The line.
    """
    settings, data = result.settings, result.data
    sizes = _sizes((math.prod(data.input_shape), *settings.hidden, data.classes))
    return (
        f"{data.name} ({data.train} rows), {sizes} {settings.activation_text}, "
        f"{settings.optimizer_text}, batch {settings.batch_size}, "
        f"{counted(settings.epochs, 'epoch')}"
    )


def _sizes(widths: tuple[int, ...]) -> str:
    """Write the widths of a network's layers, equal ones once: ``784-64x8-10``."""
    runs = [(width, len(list(run))) for width, run in itertools.groupby(widths)]
    return "-".join(f"{width}x{count}" if count > 1 else f"{width}" for width, count in runs)


def as_text(result: Comparison) -> str:
    """Write the report without colours, 80 columns wide.

    Parameters
    ----------
    result : Comparison
        The result.

    Returns
    -------
    str
        Lines without blanks at their ends.
    """
    return text.as_text(report(result), width=TEXT_WIDTH)
