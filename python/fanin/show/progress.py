"""What a call that takes its time shows while it runs: one output, with one line that stays.

Nothing is shown in the first 100 ms, and then at most ten times a second. In a notebook the output
is one display that is updated in place (a printed line where the call was over before); on a
terminal it is the last row. Pipes and files get lines that stay and no control characters. A
progress never ends what it reports on: once its stream or kernel takes nothing any more, it is
silent.
"""

import importlib
import os
import sys
import time
from _thread import allocate_lock, get_ident  # `threading` takes a twentieth of `import fanin`
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import numpy as np

from fanin import _checks
from fanin.show.text import printable

Clock = Callable[[], float]
Values = Mapping[str, float] | str
_NONE: Values = {}

INTERVAL = 0.1
"""Seconds before anything is shown, and between two drawings."""
_SHARE = 0.02
"""Largest part of the time that goes into drawing, where one takes long."""
_BAR_WIDTH = 10

_OPEN: "list[Progress]" = []
"""What shows its progress now. A call inside of another draws into the other's output."""
_LOCK = allocate_lock()


def _forget_parent() -> None:
    """Let a forked child show its own calls: those of its parent run elsewhere."""
    global _LOCK
    _LOCK = allocate_lock()  # another thread of the parent may have held it
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)


_LEVELS = (bool, np.bool_, int, np.integer)


def resolve_verbose(verbose: object, *, unwatched: int = 2, stream: str = "stdout") -> int:
    """Return 0 (nothing), 1 (one line for the call) or 2 (a line for each pass).

    "auto" is 1 in a notebook and on a terminal, else `unwatched`.
    """
    if isinstance(verbose, str) and verbose == "auto":
        target = getattr(sys, stream)
        return 1 if _is_terminal(target) or _display_of(target) is not None else unwatched
    if isinstance(verbose, _LEVELS) and verbose in (0, 1, 2):
        return int(verbose)
    error = ValueError if isinstance(verbose, str | int | np.integer) else TypeError
    raise error(f"verbose: expected 0, 1, 2 or 'auto', found {_checks.found(verbose)}")


class Progress:
    """Reports on passes over something, such as the epochs of a `fit`.

    Parameters
    ----------
    verbose : {0, 1, 2}
        Nothing, one line for the whole call, or a line at the end of each pass.
    steps : int or None
        Steps of a pass, such as batches; None if nobody knows.
    passes : int
        Passes of the call.
    title : str
        What runs, if that is not said as a pass begins.
    unit : str
        What the steps are called; batches, which have a pace, are called nothing.
    stream : {"stdout", "stderr"}
        Where lines go outside of notebooks.
    brief : bool
        Whether a call that ends before anything was shown shows nothing at its end either.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self,
        verbose: int,
        steps: int | None,
        passes: int = 1,
        *,
        title: str = "",
        unit: str = "",
        stream: str = "stdout",
        brief: bool = False,
        clock: Clock = time.perf_counter,
    ) -> None:
        self.verbose: int = verbose
        self.steps: int | None = steps
        self.passes: int = passes
        self.unit: str = unit
        self.step = "step"
        """What a step is called where its pace is told."""
        self.width = _BAR_WIDTH
        """Signs of the bar."""
        self.stream: str = stream
        self.brief: bool = brief
        self.clock: Clock = clock
        self._output: _Output | None = None
        self._inner = False
        self._thread = get_ident()
        self._title = title
        self._values: Values = {}
        self._done = 0  # steps of this pass
        self._before = 0  # steps of those before
        self._passed = 0  # passes that ended
        self._opened = self._began = clock()

    @classmethod
    def aside(cls, title: str, verbose: object, unit: str, stream: str = "stdout") -> "Progress":
        """Make that of a call that is about something else: "auto" is brief where it is watched."""
        level = resolve_verbose(verbose, unwatched=0, stream=stream)
        brief = isinstance(verbose, str)
        return cls(level, None, title=title, unit=unit, stream=stream, brief=brief)

    @contextmanager
    def over(self, steps: int | None) -> Iterator[None]:
        """Report on a single pass."""
        self.steps = steps
        with self:
            self.begin(self._title)
            yield
            self.end()

    @property
    def live(self) -> bool:
        """Whether anything is drawn while a pass runs."""
        return self.verbose == 1 and self._output is not None and self._output.live

    def __enter__(self) -> Self:
        if self.verbose:
            self._thread, self._opened = get_ident(), self.clock()
            with _LOCK:
                outer = [other for other in _OPEN if other._thread == self._thread]
                self._inner = bool(outer)
                self._output = outer[-1]._output if outer else _output(self.stream, self.clock)
                _OPEN.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        output, self._output = self._output, None
        if output is None:
            return
        with _LOCK:
            if self in _OPEN:  # not in a child that was forked since
                _OPEN.remove(self)
        if self._inner:
            return
        try:
            if self.verbose == 1 and self._leaves_line(output, kind):
                line = self._line(self._opened, self._before + self._done)
                if kind is not None:
                    how = "interrupted" if issubclass(kind, KeyboardInterrupt) else "failed"
                    line = f"{line} - {how}"
                output.keep(line)
        finally:
            output.close()

    def _leaves_line(self, output: "_Output", kind: type[BaseException] | None) -> bool:
        return output.shown or (kind is None and self._passed > 0 and not self.brief)

    def begin(self, title: str = "") -> None:
        """Start a pass."""
        self._title, self._began = title, self.clock()
        self._before, self._done = self._before + self._done, 0

    def update(self, done: int, values: Values = _NONE) -> None:
        """Note that `done` steps of the pass are done, and show it if it is time to."""
        self._done = done
        # What the last pass ended with, such as its validation, is shown until there is more.
        if isinstance(values, Mapping) and isinstance(self._values, Mapping):
            values = {**self._values, **values}
        self._values = values
        if self.verbose == 1 and self._output is not None and self._output.is_due():
            self._output.draw(self._live_line())

    def end(self, values: Values = _NONE, done: int | None = None) -> None:
        """Finish a pass."""
        self._values = values or self._values
        self.update((self.steps or self._done) if done is None else done, self._values)
        self._passed += 1
        if self.verbose == 2 and self._output is not None and not self._inner:
            self._output.keep(self._line(self._began, self._done))

    def _line(self, since: float, steps: int) -> str:
        """Return the line that stays: what was done since then, and the last values."""
        seconds = self.clock() - since
        parts = [self._title, self._count(), _duration(seconds)]
        parts += [] if self.unit else [_pace(seconds, steps, self.step)]
        return " - ".join([part for part in (*parts, _values(self._values)) if part])

    def _live_line(self) -> str:
        seconds = self.clock() - self._opened
        start, spent = self._title, _duration(seconds)
        if self.steps:
            share = min((self._passed + self._done / self.steps) / max(self.passes, 1), 1.0)
            start = f"{start} {_bar(share, self.width)}"
            if share > 0:
                spent = f"{_duration(seconds * (1 - share) / share)} left"
        parts = [f"{start} {self._count()}", spent, _values(self._values)]
        return " - ".join([part for part in parts if part]).strip()

    def _count(self) -> str:
        of = "" if self.steps is None else f"/{self.steps}"
        return f"{self._done}{of} {self.unit}".rstrip()


def _values(values: Values) -> str:
    """Return values by name as Keras writes them."""
    if isinstance(values, str):
        return values
    return " - ".join(
        f"{k}: {v:.4f}" if abs(v) > 1e-3 else f"{k}: {v:.4e}" for k, v in values.items()
    )


def _duration(seconds: float) -> str:
    """Return a time as it is read: 0s, 12s, 2m05s, 1h02m."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole}s"
    return (
        f"{whole // 60}m{whole % 60:02}s"
        if whole < 3600
        else f"{whole // 3600}h{whole % 3600 // 60:02}m"
    )


def _pace(seconds: float, steps: int, unit: str = "step") -> str:
    """Return the time of one step: 12us/step, 3ms/step, 2s/step."""
    each = seconds / max(steps, 1)
    for short, factor in (("s", 1.0), ("ms", 1e3)):
        if each * factor >= 1:
            return f"{each * factor:.0f}{short}/{unit}"
    return f"{each * 1e6:.0f}us/{unit}"


def _bar(share: float, width: int = _BAR_WIDTH) -> str:
    done = int(width * share)
    full, empty = "━─" if printable("━─") == "━─" else "=-"
    return full * done + empty * (width - done)


# Where it is shown.


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):  # no stream, or a closed one
        return False


def _display_of(stream: Any) -> Any:
    """Return IPython's `display` if a kernel shows what the stream is given, else None."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    kernel = getattr(shell, "kernel", None)
    # What the user put in the place of a stream, as `redirect_stdout` does, gets all that is said.
    packages = {base.__module__.partition(".")[0] for base in type(kernel).__mro__}
    if kernel is None or type(stream).__module__.partition(".")[0] not in packages:
        return None
    return getattr(importlib.import_module("IPython.display"), "display", None)


def _output(name: str, clock: Clock) -> "_Output":
    stream = getattr(sys, name)
    display = _display_of(stream)
    if _is_terminal(stream):
        # A terminal has one last row, which another thread may have taken.
        free = not any(isinstance(other._output, _Row) for other in _OPEN)
        return _Row(stream, clock) if free else _Lines(name, clock)
    return _Lines(name, clock) if display is None else _Display(display, clock)


class _Output:
    """Where one call is shown: a text that changes, and lines that stay."""

    live = True

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.due = clock() + INTERVAL
        self.shown = self.lost = False

    def is_due(self) -> bool:
        return self.live and not self.lost and self.clock() >= self.due

    def draw(self, text: str) -> None:
        """Show a text until the next is drawn."""
        began = self.clock()
        self._try(self._draw, _clean(text))
        self.shown, now = True, self.clock()
        self.due = now + max(INTERVAL, (now - began) / _SHARE)

    def keep(self, text: str) -> None:
        """Show a line that stays."""
        self._try(self._keep, _clean(text))

    def close(self) -> None:
        """Leave the place in order."""

    def _try(self, act: Callable[..., None], *args: Any) -> None:
        if self.lost:
            return
        try:
            act(*args)
        except Exception:  # a closed pipe, a full disk, a kernel that is gone: nobody can look
            self.lost = True

    def _draw(self, text: str) -> None:
        raise NotImplementedError

    def _keep(self, text: str) -> None:
        raise NotImplementedError


def _clean(text: str) -> str:
    """Return one line without control characters, whatever a name has in it."""
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else " " for sign in text)
    return printable(text)


class _Lines(_Output):
    """A pipe, a file, or whatever the user put in the place of a stream."""

    live = False

    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(clock)
        self.name = name
        self.pending = False
        """Whether something waits for a flush, each of which wakes whoever reads."""

    def _draw(self, text: str) -> None:
        pass

    def _keep(self, text: str) -> None:
        if getattr(sys, self.name) is not None:
            getattr(sys, self.name).write(text + "\n")
            self.pending = True
            if self.clock() >= self.due:
                self._flush()

    def _flush(self) -> None:
        getattr(sys, self.name).flush()
        self.pending, self.due = False, self.clock() + INTERVAL

    def close(self) -> None:
        if self.pending:
            self._try(self._flush)


class _Display(_Output):
    """A display of a notebook; what is over before it was shown is printed."""

    def __init__(self, display: Any, clock: Clock) -> None:
        super().__init__(clock)
        self.display = display
        self.handle: Any = None
        self.kept: list[str] = []
        self.pending = False

    def _publish(self, *lines: str) -> None:
        data = {"text/plain": "\n".join([*self.kept, *lines])}
        if self.handle is None:
            self.handle = self.display(data, raw=True, display_id=True)
        else:
            self.handle.update(data, raw=True)
        self.pending = False

    def _draw(self, text: str) -> None:
        self._publish(*([text] if text else []))

    def _keep(self, text: str) -> None:
        self.kept.append(text)
        self.pending = True
        if self.is_due():
            self.draw("")

    def close(self) -> None:
        if self.pending:
            self._try(self._print if self.handle is None else self._publish)

    def _print(self) -> None:
        # Short calls, of which there may be many in a loop, share the output of prints; a display
        # would wait for the kernel's other thread each time.
        print(*self.kept, sep="\n")


class _Row(_Output):
    """The last row of a terminal; what others print meanwhile goes above it."""

    def __init__(self, stream: Any, clock: Clock) -> None:
        super().__init__(clock)
        self.stream, self.write = stream, stream.write
        self.width = 0
        """Columns that the row takes now."""
        self.free = True
        """Whether the cursor is at the start of a row, apart from our own."""
        self.watched: list[tuple[Any, Any, Any]] = []
        for each in (sys.stdout, sys.stderr):
            if _is_terminal(each):
                self._watch(each)

    def _watch(self, stream: Any) -> None:
        """Make place for what is written, by whoever holds the stream, such as a logger."""
        write = stream.write

        def make_place(text: str) -> Any:
            if text:
                self._try(self.clear)
                self.free = text[-1:] == "\n"
            return write(text)

        with suppress(AttributeError):  # a stream of the user's that takes no attributes
            own = getattr(stream, "__dict__", {}).get("write")  # None: that of its class
            stream.write = make_place
            self.watched.append((stream, make_place, own))

    def _draw(self, text: str) -> None:
        if self.free:
            text, width = _cut(text, _columns(self.stream) - 1)
            rest = " " * (self.width - width)
            self.width = width
            self._put(f"\r{text}{rest}")

    def _keep(self, text: str) -> None:
        self.clear()
        self._put(text + "\n" if self.free else f"\n{text}\n")
        self.free = True

    def close(self) -> None:
        for stream, make_place, own in self.watched:
            if vars(stream).get("write") is make_place:
                del stream.write
                if own is not None:
                    stream.write = own
        self._try(self.clear)

    def clear(self) -> None:
        """Take the row off the screen."""
        if self.width:
            self._put("\r" + " " * self.width + "\r")
            self.width = 0

    def _put(self, text: str) -> None:
        self.write(text)
        self.stream.flush()


def _columns(stream: Any) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (AttributeError, OSError, ValueError):
        return 80


def _cut(text: str, columns: int) -> tuple[str, int]:
    """Return a text that fits into a row, and its width: signs of Asia take two columns."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) > columns:
        return set_cell_size(text, columns), columns
    return text, cell_len(text)
