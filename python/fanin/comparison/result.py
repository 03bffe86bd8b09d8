"""What `fanin.compare` returns."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fanin._checks import found, unknown
from fanin._files import _disk, _formats
from fanin.comparison.data import DataSummary
from fanin.comparison.settings import Settings
from fanin.comparison.statistics import Interval, mean_interval
from fanin.comparison.trial import Trial
from fanin.show.results import Result
from fanin.show.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

_FORMAT = 1


@dataclass(frozen=True, repr=False)
class ArmResult(Result):
    """The trials of one arm.

    Attributes
    ----------
    label : str
        What the arm is called.
    spec : str or None
        The arm as the command line spells it; None if it has no such spelling.
    trials : tuple of Trial
        One a seed, in the order of the seeds.
    """

    label: str
    spec: str | None
    trials: tuple[Trial, ...]

    def _says(self) -> str:
        seeds = counted(len(self.trials), "seed")
        note = ", never learned" if self.never_learned else ""
        return f"{self.label!r}: test accuracy {self.test_accuracy} over {seeds}{note}"

    @property
    def test_accuracy(self) -> Interval:
        """Mean over the seeds of the accuracy on the test rows, with its 95 % interval."""
        return mean_interval([trial.test_accuracy for trial in self.trials])

    @property
    def test_loss(self) -> Interval:
        """Mean over the seeds of the loss on the test rows, with its 95 % interval."""
        return mean_interval([trial.test_loss for trial in self.trials])

    @property
    def best_val_accuracy(self) -> Interval:
        """Mean over the seeds of the best validation accuracy, with its 95 % interval."""
        return mean_interval([trial.best_val_accuracy for trial in self.trials])

    @property
    def seconds(self) -> float:
        """Mean wall-clock seconds of a trial."""
        return math.fsum(trial.seconds for trial in self.trials) / len(self.trials)

    @property
    def never_learned(self) -> bool:
        """Whether no trial did better than guessing."""
        return all(trial.never_learned for trial in self.trials)

    @property
    def diverged(self) -> int:
        """Number of trials that diverged."""
        return sum(trial.diverged for trial in self.trials)

    @property
    def reason(self) -> str:
        """Why the arm never learned, as the first trial that shows it says."""
        return next((trial.reason for trial in self.trials if trial.reason), "")


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """The result of `fanin.compare`.

    Prints as a table, shows as table and picture in a notebook. Two results are equal if
    everything but the times and the machine is.

    Attributes
    ----------
    arms : tuple of ArmResult
        In the order they were given.
    settings : Settings
        Network and training.
    data : DataSummary
        Name and sizes of the data.
    environment : dict
        Versions and machine.
    seconds : float
        Wall-clock time of the whole comparison.

    Examples
    --------
    >>> import fanin
    >>> result = fanin.compare(["zeros", "he_normal"], seeds=1, epochs=1)
    >>> result.best.label
    'HeNormal'
    >>> result["Zeros"].never_learned
    True
    """

    arms: tuple[ArmResult, ...]
    settings: Settings
    data: DataSummary
    environment: Mapping[str, str] = field(compare=False)
    seconds: float = field(compare=False)

    def __getitem__(self, label: str) -> ArmResult:
        """Return an arm by its label; a KeyError if there is none."""
        if not isinstance(label, str):
            raise TypeError(f"label: expected that of an arm, found {found(label)}")
        for arm in self.arms:
            if arm.label == label:
                return arm
        error = unknown("arm", label, [arm.label for arm in self.arms])
        raise KeyError(str(error))

    def __iter__(self) -> Iterator[ArmResult]:
        return iter(self.arms)

    def __len__(self) -> int:
        return len(self.arms)

    @property
    def ranked(self) -> tuple[ArmResult, ...]:
        """The arms by mean test accuracy, best first; equal ones in the order given."""
        return tuple(sorted(self.arms, key=lambda arm: -_or_lowest(arm.test_accuracy.mean)))

    @property
    def best(self) -> ArmResult:
        """The arm with the highest mean test accuracy."""
        return self.ranked[0]

    def behind_best(self, arm: ArmResult) -> Interval:
        """Compute how much lower an arm's test accuracy is than the best arm's.

        Parameters
        ----------
        arm : ArmResult
            One of `arms`.

        Returns
        -------
        Interval
            Mean over the seeds of the paired differences, with its 95 % interval: a seed gives
            all arms the same batches, so its luck cancels in the difference. The interval is
            that of one difference; it is not widened for the number of arms. Accuracies are whole
            numbers of test samples: the interval is no narrower than this rounding leaves it.
        """
        if not isinstance(arm, ArmResult):
            raise TypeError(f"arm: expected one of this result's arms, found {found(arm)}")
        pairs = zip(self.best.trials, arm.trials, strict=True)
        # Rounding varies by step²/12, and a difference has that of two numbers.
        return mean_interval(
            [best.test_accuracy - own.test_accuracy for best, own in pairs],
            least_variance=self.data.test**-2 / 6,
        )

    @property
    def verdict(self) -> str:
        """Which arm won, whether beyond the noise, and which never learned and why."""
        from fanin.comparison.verdict import verdict

        return verdict(self)

    @property
    def command(self) -> str | None:
        """The shell command that repeats the comparison; None if it has no such spelling."""
        from fanin.comparison.reproduce import command

        return command(self)

    # Writing down and reading back.

    def to_dict(self) -> dict[str, object]:
        """Write the result down in plain types.

        Returns
        -------
        dict
            Of dicts, lists, strings and numbers that JSON can hold; NaN and infinities, which it
            can not, are the strings ``"nan"``, ``"inf"`` and ``"-inf"``. Beside what `from_dict`
            needs it has, under ``"summary"``, the statistics of each arm.
        """
        plain: dict[str, Any] = _to_plain(
            {
                "format": _FORMAT,
                "settings": asdict(self.settings),
                "data": asdict(self.data),
                "environment": dict(self.environment),
                "seconds": self.seconds,
                "arms": [asdict(arm) for arm in self.arms],
                "summary": {
                    "verdict": self.verdict,
                    "best": self.best.label,
                    "arms": {arm.label: self._summary(arm) for arm in self.arms},
                },
            }
        )
        return plain

    def _summary(self, arm: ArmResult) -> dict[str, Any]:
        return {
            "test_accuracy": asdict(arm.test_accuracy),
            "best_val_accuracy": asdict(arm.best_val_accuracy),
            "behind_best": asdict(self.behind_best(arm)),
            "seconds": arm.seconds,
            "never_learned": arm.never_learned,
            "diverged": arm.diverged,
            "reason": arm.reason,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> Self:
        """Read back what `to_dict` wrote.

        Parameters
        ----------
        plain : mapping
            From `to_dict`, or from its JSON.

        Returns
        -------
        Comparison
            An equal result.

        Raises
        ------
        TypeError
            If it is no mapping.
        ValueError
            If it is not what `to_dict` wrote, or of a later format.
        """
        from fanin.comparison.reading import read

        if not isinstance(plain, Mapping):
            raise TypeError(f"plain: expected a dict that to_dict wrote, found {found(plain)}")
        if plain.get("format") != _FORMAT:
            raise ValueError(f"format: expected {_FORMAT}, found {found(plain.get('format'))}")
        try:
            return cls(**read(plain))
        except (ValueError, TypeError) as error:
            raise ValueError(f"not a comparison written by to_dict: {error}") from error

    def save_json(self, path: str | Path) -> None:
        """Write `to_dict` to a file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file; replaced if it exists.
        """
        checked = _formats.check_suffix("path", path, _formats.JSON)
        _disk.write(checked, _formats.as_json(self.to_dict()).encode())

    # Showing.

    def table(self) -> "Table":
        """Make the table that printing shows.

        Returns
        -------
        rich.table.Table
            One row an arm, best first; fits 80 columns.
        """
        from fanin.comparison.table import make_table

        return make_table(self)

    def plot(self, fig: "Figure | None" = None) -> "Figure":
        """Draw loss and accuracy curves and the test accuracies.

        Parameters
        ----------
        fig : matplotlib.figure.Figure, optional
            An empty figure (or subfigure) to draw into. Default: a new one, which pyplot does not
            know of: it shows itself as a cell's value, and needs no closing.

        Returns
        -------
        matplotlib.figure.Figure
            The figure. Lines are means over the seeds, bands reach from the lowest to the highest
            seed.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from fanin.comparison.plot import draw

        return draw(self, fig)

    def save_plot(self, path: str | Path) -> None:
        """Write the picture to a file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file; its suffix (``.png``, ``.svg``, ``.pdf``, …) says the format.

        Raises
        ------
        ValueError
            If matplotlib writes no such format.
        ImportError
            If matplotlib is not installed.
        """
        from fanin.comparison.plot import draw, picture_format
        from fanin.show.rendering import render

        kind = picture_format(path)
        _disk.write(path, render(draw(self), kind))

    def save_html(self, path: str | Path) -> None:
        """Write a page with verdict, table, picture, settings and how to repeat it.

        Parameters
        ----------
        path : str or Path
            The file. It needs no other files and loads nothing.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from fanin.comparison.html import page

        checked = _formats.check_suffix("path", path, _formats.HTML)
        _disk.write(checked, page(self).encode())

    def __str__(self) -> str:
        from fanin.comparison.table import as_text

        return as_text(self)

    def _says(self) -> str:
        arms = ", ".join(f"{arm.label} {arm.test_accuracy}" for arm in self.ranked)
        return f"{self.data.name}, {counted(len(self.settings.seeds), 'seed')}: {arms}"

    def _repr_html_(self) -> str:
        from fanin.comparison.html import fragment

        return fragment(self)


def _or_lowest(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _to_plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
