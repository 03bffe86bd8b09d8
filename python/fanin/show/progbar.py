"""`Progbar`: the line of `fit`, for loops of one's own."""

import time
from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from fanin import _checks
from fanin.show.progress import Progress

Given = Iterable[tuple[str, float]]


class Progbar:
    """Show how far a loop is, in one line, as `fit` does.

    Parameters
    ----------
    target : int or None
        Steps of the loop; None if nobody knows.
    width : int, default 20
        Signs of the bar.
    verbose : {0, 1, 2}, default 1
        Nothing, a line that changes and stays at the end, or a line at the end alone. Where no
        terminal and no notebook shows the line it is written at the end.
    interval : float, default 0.05
        Seconds between two drawings; there are at most ten a second.
    stateful_metrics : iterable of str, optional
        Values that are shown as they come; of the others the mean since the loop began.
    stateless_metrics : iterable of str, optional
        Values whose mean is shown, the others being shown as they come; give one of the two.
    unit_name : str, default "step"
        What a step is called.

    Notes
    -----
    The last line of Keras has the last value of each mean, this one the mean.

    Examples
    --------
    >>> bar = Progbar(3, verbose=2)
    >>> for step in range(3):
    ...     bar.add(1, values=[("loss", 1.0 / (step + 1))])  # doctest: +ELLIPSIS
    3/3 - 0s - ...s/step - loss: 0.6111
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "stateful_metrics, stateless_metrics: expected one of them, found both"
            )
        self.target = None if target is None else _checks.integer("target", target, minimum=0)
        self.width = _checks.integer("width", width, minimum=1, maximum=1000)
        self.verbose = _checks.integer("verbose", verbose, minimum=0, maximum=2)
        self.interval = _checks.number("interval", interval, at_least=0.0)
        self.unit_name = _checks.text("unit_name", unit_name)
        self.stateful_metrics = _names("stateful_metrics", stateful_metrics)
        self.stateless_metrics = _names("stateless_metrics", stateless_metrics)
        self._sums: dict[str, tuple[float, float]] = {}
        self._done = 0
        self._drawn = -float("inf")
        self._progress: Progress | None = None

    def update(
        self, current: int, values: Given | None = None, finalize: bool | None = None
    ) -> None:
        """Say which step is done.

        Parameters
        ----------
        current : int
            Its number, from 1.
        values : iterable of (str, float), optional
            Values of the steps since the last call, by name.
        finalize : bool, optional
            Whether the loop is over; when `current` is `target`, if not given.

        Examples
        --------
        >>> Progbar(10, verbose=0).update(3, [("loss", 0.5)])
        """
        current = _checks.count("current", current)
        over = self.target is not None and current >= self.target
        if finalize is not None:
            over = _checks.flag("finalize", finalize)
        taken = max(current - self._done, 1)
        for name, value in _pairs(values):
            total, count = self._sums.get(name, (0.0, 0.0))
            means = self._is_mean(name)
            self._sums[name] = (total + value * taken, count + taken) if means else (value, 1.0)
        self._done = current
        self._show(over)

    def add(self, n: int, values: Given | None = None) -> None:
        """Say that further steps are done.

        Parameters
        ----------
        n : int
            How many.
        values : iterable of (str, float), optional
            Their values, by name.

        Examples
        --------
        >>> Progbar(10, verbose=0).add(1, [("loss", 0.5)])
        """
        self.update(self._done + _checks.count("n", n), values)

    def _is_mean(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in (self.stateful_metrics or ())

    def _show(self, over: bool) -> None:
        now = time.perf_counter()
        if self._progress is None:
            self._progress = Progress(self.verbose, self.target)
            self._progress.width, self._progress.step = self.width, self.unit_name
            self._progress.__enter__()
            self._progress.begin()
        elif not over and now - self._drawn < self.interval:
            return
        self._drawn = now
        means = {name: total / count for name, (total, count) in self._sums.items()}
        if not over:
            self._progress.update(self._done, means)
            return
        self._progress.end(means, done=self._done)
        self._progress.__exit__(None, None, None)
        self._progress = None

    def __del__(self) -> None:
        progress = getattr(self, "_progress", None)
        if progress is not None:  # a loop that did not come to its end leaves its line
            with suppress(Exception):
                progress.__exit__(None, None, None)


def _names(name: str, given: Iterable[str] | None) -> set[str] | None:
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{name}: expected names in a list, found {_checks.found(given)}")
    return {_checks.text(name, each) for each in given}


def _pairs(values: Given | None) -> list[tuple[str, float]]:
    """Return values by name, checked."""
    if values is None:
        return []
    if isinstance(values, str | np.ndarray) or not isinstance(values, Iterable):
        raise TypeError(
            f"values: expected pairs of a name and a number, found {_checks.found(values)}"
        )
    found = []
    for pair in values:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(
                f"values: expected pairs of a name and a number, found {_checks.found(pair)}"
            )
        name = _checks.text("values", pair[0])
        number = np.asarray(pair[1])
        if number.dtype.kind not in "biuf" or not number.size:
            raise TypeError(f"values[{name!r}]: expected a number, found {_checks.found(pair[1])}")
        found.append((name, float(number.mean())))
    return found
