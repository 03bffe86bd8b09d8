"""Bars while the trials run."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Literal

import numpy as np

from fanin._checks import found
from fanin.comparison.arms import Arm

Report = Callable[[Arm, int, int, float], None]


@contextmanager
def watch(
    progress: Literal["auto"] | bool | Report, arms: tuple[Arm, ...], epochs: int
) -> Iterator[Report | None]:
    """Show progress while trials run.

    Parameters
    ----------
    progress : "auto", bool or callable
        As in `fanin.compare`.
    arms : tuple of Arm
        One bar each.
    epochs : int
        Epochs of one arm, all seeds together.

    Yields
    ------
    callable or None
        What trials call after each epoch, from any thread.
    """
    if callable(progress):
        lock = threading.Lock()

        def one_at_a_time(arm: Arm, seed: int, done: int, accuracy: float) -> None:
            with lock:
                progress(arm, seed, done, accuracy)

        yield one_at_a_time
    elif _is_watched() if progress == "auto" else progress:
        with _bars(arms, epochs) as report:
            yield report
    else:
        yield None


def check_progress(progress: object) -> None:
    """Refuse what `watch` could not use, before anything is trained.

    Parameters
    ----------
    progress : object
        What was given.

    Raises
    ------
    ValueError, TypeError
        If it is no flag, not "auto" and not callable.
    """
    if callable(progress) or isinstance(progress, bool | np.bool_):
        return
    if not isinstance(progress, str) or progress != "auto":
        error = ValueError if isinstance(progress, str) else TypeError
        raise error(
            "progress: expected 'auto', True, False or a function of (arm, seed, epochs done, "
            f"accuracy), found {found(progress)}"
        )


def _is_watched() -> bool:
    if "ipykernel" in sys.modules:
        # rich's bars need ipywidgets in a notebook.
        return find_spec("ipywidgets") is not None
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def _bars(arms: tuple[Arm, ...], epochs: int) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} epochs"),
        TextColumn("{task.fields[accuracy]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {arm.label: bars.add_task(arm.label, total=epochs, accuracy="") for arm in arms}

        def report(arm: Arm, seed: int, done: int, accuracy: float) -> None:
            bars.update(tasks[arm.label], advance=1, accuracy=f"accuracy {accuracy:.3f}")

        yield report
