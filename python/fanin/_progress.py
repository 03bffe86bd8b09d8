"""What `fit`, `evaluate` and `predict` print while they run."""

import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Self

import numpy as np

from fanin import _checks

_BAR_WIDTH = 20


def resolve_verbose(verbose: object) -> int:
    """Return 0 (nothing), 1 (a bar) or 2 (a line); "auto" is 1 where a bar can be drawn, else 2."""
    if isinstance(verbose, str) and verbose == "auto":
        return 1 if _interactive() else 2
    if isinstance(verbose, bool | np.bool_ | int | np.integer) and verbose in (0, 1, 2):
        return int(verbose)
    error = ValueError if isinstance(verbose, str | int | np.integer) else TypeError
    raise error(f"verbose: expected 0, 1, 2 or 'auto', found {_checks.found(verbose)}")


def _interactive() -> bool:
    if "ipykernel" in sys.modules:
        # In a notebook, rich draws its bars through ipywidgets.
        return find_spec("ipywidgets") is not None
    return bool(getattr(sys.stdout, "isatty", lambda: False)())


def values(logs: Mapping[str, float]) -> str:
    """Return the values of an epoch as Keras writes them."""
    return " - ".join(
        f"{k}: {v:.4f}" if abs(v) > 1e-3 else f"{k}: {v:.4e}" for k, v in logs.items()
    )


def pace(seconds: float, steps: int) -> str:
    """Return the time of one step: 12us/step, 3ms/step, 2s/step."""
    each = seconds / max(steps, 1)
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if each * factor >= 1:
            return f"{each * factor:.0f}{unit}/step"
    return f"{each * 1e6:.0f}us/step"


class Progress:
    """Reports on passes over data, such as the epochs of a `fit`.

    Parameters
    ----------
    verbose : {0, 1, 2}
        Nothing, a bar, or a line at the end of each pass.
    steps : int
        Batches of a pass.
    """

    def __init__(self, verbose: int, steps: int) -> None:
        self.verbose, self.steps = verbose, steps
        self.live = verbose == 1
        self._title = ""
        self._bar: Any = None
        self._start = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:  # interrupted: leave the terminal in order
            self._bar.stop()
            self._bar = None

    def begin(self, title: str = "") -> None:
        """Start a pass."""
        self._title, self._start = title, time.perf_counter()
        if self.live:
            self._bar = _bar()
            if title:
                self._bar.console.print(title, highlight=False)
            self._bar.add_task("", total=self.steps, values="", pace="")
            self._bar.start()

    def update(self, done: int, logs: Mapping[str, float]) -> None:
        """Show that `done` batches are done."""
        if self._bar is not None:
            seconds = time.perf_counter() - self._start
            self._draw(done, pace(seconds, done), logs)

    def end(self, logs: Mapping[str, float], done: int | None = None) -> None:
        """Finish a pass."""
        done = self.steps if done is None else done
        seconds = time.perf_counter() - self._start
        if self._bar is not None:
            self._draw(done, f"{seconds:.0f}s {pace(seconds, done)}", logs)
            self._bar.stop()
            self._bar = None
        elif self.verbose:
            parts = [self._title, f"{done}/{self.steps}", f"{seconds:.0f}s", pace(seconds, done)]
            print(" - ".join([part for part in (*parts, values(logs)) if part]), flush=True)

    def _draw(self, done: int, seconds: str, logs: Mapping[str, float]) -> None:
        text = f" - {values(logs)}" if logs else ""
        self._bar.update(self._bar.task_ids[0], completed=done, pace=seconds, values=text)
        self._bar.refresh()


def _bar() -> Any:
    # rich takes a tenth of a second to import, which `import fanin` should not cost.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    return Bars(
        MofNCompleteColumn(),
        BarColumn(bar_width=_BAR_WIDTH),
        TextColumn(
            "{task.fields[pace]}{task.fields[values]}", table_column=Column(overflow="fold")
        ),
        console=Console(),
        # Drawn when a span of batches is done: no thread of its own that would take the lock.
        auto_refresh=False,
    )
