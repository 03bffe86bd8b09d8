"""The rows that every arm is trained and measured on."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, datasets
from fanin._checks import found, unknown
from fanin._files._archive import Archive
from fanin._files._disk import as_path
from fanin.errors import ShapeError
from fanin.models._samples import training_rows
from fanin.show.results import Result

if TYPE_CHECKING:
    from fanin.typing import DataLike

_SIZES: dict[str, Literal["small", "full"]] = {"small": "small", "fashion-mnist": "full"}
_MOST_CLASSES = 1_000_000
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, repr=False)
class DataSummary(Result):
    """What a result remembers of its data.

    Parameters
    ----------
    name : str
        The name it was loaded by, ``"arrays"`` for arrays.
    train, validation, test : int
        Numbers of rows.
    input_shape : tuple of int
        Shape of one row.
    classes : int
        Number of classes.
    """

    name: str
    train: int
    validation: int
    test: int
    input_shape: tuple[int, ...]
    classes: int

    def _says(self) -> str:
        return str(self)

    def __str__(self) -> str:
        rows = f"{self.train} training, {self.validation} validation, {self.test} test rows"
        return f"{self.name}: {rows} of {'x'.join(map(str, self.input_shape))}"


@dataclass(frozen=True, eq=False, repr=False)
class Data(Result):
    """Training, validation and test rows, ready for a network.

    Parameters
    ----------
    name : str
        What to call it.
    x_train, x_validation, x_test : ndarray of shape (rows, *input_shape), float32
        The inputs.
    y_train, y_validation, y_test : ndarray of shape (rows,), int64
        The classes.
    classes : int
        Number of classes.
    """

    name: str
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_validation: NDArray[np.float32]
    y_validation: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    classes: int

    @property
    def summary(self) -> DataSummary:
        """Name and sizes."""
        return DataSummary(
            self.name,
            len(self.x_train),
            len(self.x_validation),
            len(self.x_test),
            self.x_train.shape[1:],
            self.classes,
        )


def load(data: "DataLike", validation_split: float) -> Data:
    """Load and check the data of a comparison.

    Parameters
    ----------
    data : str, path or ((x, y), (x, y))
        ``"small"``, ``"fashion-mnist"``, a ``.npz`` file with the arrays `x_train`, `y_train`,
        `x_test` and `y_test`, or these four arrays.
    validation_split : float
        Share of the training rows, taken from their end as Keras does, that is not trained on.

    Returns
    -------
    Data
        The rows. 8-bit inputs are pixels and are divided by 255; others are taken as they are.

    Raises
    ------
    ValueError
        If the name is not known, values are not finite, labels are not classes, or a part is
        empty.
    ShapeError
        If the arrays do not fit together.
    TypeError
        If something else is given.
    FileNotFoundError, OSError
        If the files are nowhere and cannot be downloaded.
    """
    name, arrays = _named_arrays(data)
    origin = f"{name}: " if _is_path(data) else ""
    x_train, y_train = _rows(*arrays[:2], "train", origin)
    x_test, y_test = _rows(*arrays[2:], "test", origin)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ShapeError(
            f"{origin}x_test: expected rows of the shape of x_train's, {x_train.shape[1:]}, found "
            f"{x_test.shape[1:]}"
        )
    cut = training_rows(len(x_train), validation_split)
    classes = int(max(y_train.max(), y_test.max())) + 1
    if classes < 2:
        raise ValueError(f"{origin}labels: expected at least two classes, found 0 only")
    return Data(
        name, x_train[:cut], y_train[:cut], x_train[cut:], y_train[cut:], x_test, y_test, classes
    )


def _named_arrays(data: object) -> tuple[str, tuple[Any, Any, Any, Any]]:
    if _is_path(data):
        path = as_path("data", data)
        return path, _read_npz(path)
    if isinstance(data, str):
        name = data.lower().replace("_", "-")
        if name not in _SIZES:
            raise unknown("data set", data, _SIZES)
        train, test = datasets.fashion_mnist.load_data(size=_SIZES[name])
        return name, (*train, *test)
    pair: Any = data
    try:
        (x_train, y_train), (x_test, y_test) = pair
    except (TypeError, ValueError) as error:
        raise TypeError(
            "data: expected 'small', 'fashion-mnist', the path of a .npz file or arrays "
            f"((x_train, y_train), (x_test, y_test)), found {found(data)}"
        ) from error
    return "arrays", (x_train, y_train, x_test, y_test)


def _is_path(data: object) -> bool:
    return isinstance(data, os.PathLike | bytes) or (
        isinstance(data, str) and data.endswith(".npz")
    )


def _read_npz(path: str) -> tuple[Any, Any, Any, Any]:
    with Archive(path, f"an npz archive with {', '.join(_ARRAYS)}") as archive:
        missing = [name for name in _ARRAYS if name not in archive.names]
        if missing:
            raise archive.refusal(f"one without {', '.join(missing)}")
        x_train, y_train, x_test, y_test = (archive.read(name) for name in _ARRAYS)
    return x_train, y_train, x_test, y_test


def _rows(
    x: object, y: object, part: str, origin: str
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return inputs and classes; `origin` is the file that they are from, for messages."""
    name = f"{origin}x_{part}"
    inputs = _checks.numeric(name, x)
    if inputs.ndim < 2 or inputs.size == 0:
        raise ShapeError(
            f"{name}: expected the shape (rows, features...), each of at least 1, found "
            f"{inputs.shape}"
        )
    rows = cast("NDArray[np.float32]", _checks.floats(name, inputs, "float32"))
    if inputs.dtype == np.uint8:
        rows = rows / np.float32(255)
    return rows, _classes(f"{origin}y_{part}", y, len(rows))


def _classes(name: str, y: object, rows: int) -> NDArray[np.int64]:
    """Bring labels, one a row or one-hot, to one class a row."""
    labels = _checks.numeric(name, y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim not in (1, 2) or len(labels) != rows:
        raise ShapeError(
            f"{name}: expected the shape ({rows},), or ({rows}, classes) when one-hot, found "
            f"{labels.shape}"
        )
    if labels.ndim == 2:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise ValueError(f"{name}: expected a single 1 in each row, else 0, found other rows")
        return np.asarray(labels.argmax(axis=1), dtype=np.int64)
    if labels.dtype.kind == "f" and not (
        np.isfinite(labels).all() and (labels == np.floor(labels)).all()
    ):
        raise ValueError(f"{name}: expected whole numbers, the classes, found others")
    for end in (labels.min(), labels.max()):
        if not 0 <= end < _MOST_CLASSES:
            raise ValueError(f"{name}: expected classes from 0 to {_MOST_CLASSES - 1}, found {end}")
    return labels.astype(np.int64)


def largest_share(labels: NDArray[np.int64]) -> float:
    """Compute how often a constant guess of the most frequent class is right."""
    counts = np.bincount(labels)
    return float(counts.max() / counts.sum())
