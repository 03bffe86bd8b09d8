"""A log file with one line an epoch."""

import os
from collections.abc import Sequence

from fanin import _checks
from fanin._files import _disk
from fanin.callbacks import _arguments
from fanin.callbacks._base import Callback, Logs
from fanin.callbacks._run import Run


class CSVLogger(Callback):
    """Write the values of each epoch to a file, one line an epoch.

    The columns are ``epoch`` and what the logs of this training will hold, with validation the
    ``val_`` values too; a field stays empty where an epoch has no value. A column that a log lacks,
    because a callback writes it later or because `append` goes on with another training's log, is
    added to the whole file. Each line is in the file when its epoch ends.

    Parameters
    ----------
    filename : str or path
        The file, in UTF-8.
    separator : str, default ","
        Between the columns.
    append : bool, default False
        Whether to go on with a file that exists; its columns stay.

    Raises
    ------
    ValueError
        If `separator` is not one character that can separate; by `fit`, before anything changes,
        if `append` finds something else than a log.
    OSError
        By `fit`, before anything changes, if nothing can be written there.
    TypeError
        If an argument is of another kind.

    Examples
    --------
    >>> CSVLogger("log.csv").separator
    ','
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename: str = _arguments.file("filename", _disk.as_path("filename", filename))
        self.separator: str = _separator(separator)
        self.append: bool = _checks.flag("append", append)
        self._names: list[str] = []
        self._columns: list[str] = []

    def _check_run(self, run: Run) -> None:
        _disk.check_writable(self.filename)
        if self.append:
            self._read()
        self._names = ["epoch", *run.names()]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start the file, or go on with it.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        columns, rows = self._read() if self.append else ([], [])
        self._columns = columns
        self._rewrite(rows, self._names)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a line.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict, optional
            Its values.
        """
        import csv  # few trainings need it

        values = {**(logs or {}), "epoch": epoch}
        names = ["epoch", *sorted(logs or {})]
        if not set(names) <= set(self._columns):
            self._rewrite(self._read()[1], names)
        # Opened for each line, so that nothing is lost when training is interrupted.
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=self.separator)
            writer.writerow([values.get(column, "") for column in self._columns])

    def _rewrite(self, rows: Sequence[list[str]], names: Sequence[str]) -> None:
        """Write the whole file with the columns it has and those of `names` it lacks."""
        import csv
        import io

        self._columns += [name for name in names if name not in self._columns]
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.separator)
        if self._columns:
            writer.writerow(self._columns)
        writer.writerows(row + [""] * (len(self._columns) - len(row)) for row in rows)
        _disk.write(self.filename, text.getvalue().encode())

    def _read(self) -> tuple[list[str], list[list[str]]]:
        """Return the columns and lines of the file, both empty if there is nothing yet."""
        import csv

        if not os.path.exists(self.filename):
            return [], []
        try:
            with open(self.filename, newline="", encoding="utf-8-sig") as file:
                found = [row for row in csv.reader(file, delimiter=self.separator) if row]
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"filename: expected a log, found {self.filename}: {error}") from None
        if not found:
            return [], []
        columns, *rows = found
        if "epoch" not in columns or len(set(columns)) < len(columns):
            raise ValueError(
                f"filename: expected a log with the column 'epoch', separated by "
                f"{self.separator!r}, found {self.filename} with {', '.join(columns)}"
            )
        for number, row in enumerate(rows, 1):
            if len(row) != len(columns):
                raise ValueError(
                    f"filename: expected a log with {len(columns)} values in each line, found "
                    f"{len(row)} in line {number} below the columns of {self.filename}"
                )
        return columns, rows


def _separator(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"separator: expected one character, found {_checks.found(value)}")
    if len(value) != 1 or value == '"' or not (value.isprintable() or value == "\t"):
        raise ValueError(
            f"separator: expected one character, such as ',' or ';', found {_checks.found(value)}"
        )
    return value
