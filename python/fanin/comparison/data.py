"""The rows that every arm is trained and measured on."""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fanin import datasets
from fanin._checks import unknown
from fanin.errors import ShapeError

_SIZES: dict[str, Literal["small", "full"]] = {"small": "small", "fashion-mnist": "full"}
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class DataSummary:
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

    def __str__(self) -> str:
        rows = f"{self.train} training, {self.validation} validation, {self.test} test rows"
        return f"{self.name}: {rows} of {'x'.join(map(str, self.input_shape))}"


@dataclass(frozen=True, eq=False)
class Data:
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


def load(data: object, validation_split: float) -> Data:
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
    x_train, y_train = _rows(*arrays[:2], "train")
    x_test, y_test = _rows(*arrays[2:], "test")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ShapeError(
            f"x_test must have rows of the shape of x_train's, {x_train.shape[1:]}, "
            f"got {x_test.shape[1:]}"
        )
    # floor(n * (1 - split)), spelled as Keras spells it: the same rows are held out.
    cut = math.floor(len(x_train) * (1.0 - validation_split))
    if cut == 0 or (validation_split > 0 and cut == len(x_train)):
        raise ValueError(
            f"validation_split={validation_split} of {len(x_train)} training rows leaves "
            f"{cut} to train on and {len(x_train) - cut} to validate with; both must be at least 1"
        )
    classes = int(max(y_train.max(), y_test.max())) + 1
    if classes < 2:
        raise ValueError("labels must hold at least two classes, all of them are 0")
    return Data(
        name, x_train[:cut], y_train[:cut], x_train[cut:], y_train[cut:], x_test, y_test, classes
    )


def _named_arrays(data: object) -> tuple[str, tuple[Any, Any, Any, Any]]:
    if isinstance(data, Path) or (isinstance(data, str) and data.endswith(".npz")):
        return str(data), _read_npz(Path(data))
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
            "data must be 'small', 'fashion-mnist', the path of a .npz file or arrays "
            f"((x_train, y_train), (x_test, y_test)), got {type(data).__name__}"
        ) from error
    return "arrays", (x_train, y_train, x_test, y_test)


def _read_npz(path: Path) -> tuple[Any, Any, Any, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"data: there is no file {path}")
    try:
        archive = np.load(path, allow_pickle=False)
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"data: {path} is no .npz file") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError(f"data: {path} is no .npz file: it holds a single array")
    with archive:
        missing = [name for name in _ARRAYS if name not in archive]
        if missing:
            raise ValueError(f"data: {path} lacks the arrays {', '.join(missing)}")
        return archive["x_train"], archive["y_train"], archive["x_test"], archive["y_test"]


def _rows(x: object, y: object, part: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    inputs, labels = np.asarray(x), np.asarray(y)
    if inputs.dtype.kind not in "fiub":
        raise TypeError(f"x_{part} must hold real numbers, got dtype {inputs.dtype}")
    if inputs.ndim < 2 or inputs.size == 0:
        raise ShapeError(
            f"x_{part} must have the shape (rows, features...) and not be empty, got {inputs.shape}"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused below
        rows = np.ascontiguousarray(inputs, dtype=np.float32)
    if inputs.dtype == np.uint8:
        rows = rows / np.float32(255)
    elif not np.isfinite(rows).all():
        raise ValueError(f"x_{part} must be finite in float32, got NaN or infinity")
    return rows, _classes(labels, len(rows), part)


def _classes(labels: NDArray[Any], rows: int, part: str) -> NDArray[np.int64]:
    """Bring labels, one a row or one-hot, to one class a row."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim not in (1, 2) or len(labels) != rows:
        raise ShapeError(
            f"y_{part} must have the shape ({rows},), or ({rows}, classes) when one-hot, "
            f"got {labels.shape}"
        )
    if labels.dtype.kind not in "fiub":
        raise TypeError(f"y_{part} must hold classes as numbers, got dtype {labels.dtype}")
    if labels.ndim == 2:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise ValueError(f"y_{part} has two axes, so each row must hold a single 1, else 0")
        return np.asarray(labels.argmax(axis=1), dtype=np.int64)
    if labels.dtype.kind == "f" and not (
        np.isfinite(labels).all() and (labels == np.floor(labels)).all()
    ):
        raise ValueError(f"y_{part} must hold whole numbers: the classes")
    if labels.min() < 0:
        raise ValueError(f"y_{part} must hold classes from 0 up, got {labels.min()}")
    return labels.astype(np.int64)


def largest_share(labels: NDArray[np.int64]) -> float:
    """Compute how often a constant guess of the most frequent class is right."""
    counts = np.bincount(labels)
    return float(counts.max() / counts.sum())
