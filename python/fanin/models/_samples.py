"""Samples for training and evaluation, checked and in the form the core takes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin import _checks
from fanin.errors import ShapeError
from fanin.losses import _targets

if TYPE_CHECKING:
    from fanin.models._ends import Ends
    from fanin.models._layered import Layered

Array = NDArray[Any]

Names = tuple[str, str, str]
NAMES: Names = ("x", "y", "sample_weight")
"""What messages call inputs, targets and weights."""
VALIDATION: Names = (
    "x of validation_data",
    "y of validation_data",
    "sample_weight of validation_data",
)


# Without eq and repr, which nothing uses: making them is part of what `import fanin` takes.
@dataclass(eq=False, repr=False)
class Labels:
    """Targets of one output, and what each sample counts in its loss."""

    y: Array
    weights: Array | None


@dataclass(eq=False, repr=False)
class Samples:
    """Inputs, targets and weights of as many samples each.

    Where several outputs have targets, `y` is a tuple of them, and `weights`, if not None, another.
    """

    x: Array
    y: Array | tuple[Array, ...]
    weights: Array | tuple[Array | None, ...] | None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice | Array) -> "Samples":
        y, weights = self.y, self.weights
        return Samples(
            self.x[rows],
            tuple(part[rows] for part in y) if isinstance(y, tuple) else y[rows],
            tuple(None if part is None else part[rows] for part in weights)
            if isinstance(weights, tuple)
            else None
            if weights is None
            else weights[rows],
        )

    def parts(self, batch_size: int | None) -> "Iterator[Samples]":
        """Return all as they are, or in batches of a size."""
        if batch_size is None:
            yield self
            return
        for start in range(0, len(self), batch_size):
            yield self[start : start + batch_size]

    def labels(self, goal: int) -> Labels:
        """Return those of one output of which something is wanted."""
        y = self.y[goal] if isinstance(self.y, tuple) else self.y
        weights = self.weights[goal] if isinstance(self.weights, tuple) else self.weights
        return Labels(y, weights)

    def all_labels(self) -> list[Labels]:
        """Return those of each output of which something is wanted."""
        return [
            self.labels(goal) for goal in range(len(self.y) if isinstance(self.y, tuple) else 1)
        ]

    def labels_of(self, rows: Array) -> list[Labels]:
        """Return those of some samples, as users' code gets them."""
        return [
            Labels(
                frozen(labels.y[rows]),
                None if labels.weights is None else frozen(labels.weights[rows]),
            )
            for labels in self.all_labels()
        ]

    def frozen(self) -> "Samples":
        """Return these, new arrays or views, with targets and weights as users' code gets them."""
        for labels in self.all_labels():
            frozen(labels.y)
            if labels.weights is not None:
                frozen(labels.weights)
        return self


class Wanted:
    """Targets that are wanted of an output."""

    def __init__(self, output: int, kind: str) -> None:
        self.output = output
        self.kind = kind
        """The loss or metric of the core that says what they have to be; "" if none does."""


def frozen(array: Array) -> Array:
    """Return a new array, or a new view, as users' code gets it: to read, not to write."""
    array.flags.writeable = False
    return array


def training_rows(samples: int, split: float) -> int:
    """Return how many samples, the first ones, are trained on when a share is held out.

    As Keras rounds it, ``floor(samples * (1 - split))``, but of the numbers that are meant: .8 of
    10 samples are 8, though ``10 * (1 - .8)`` is 1.9999999999999996 in floating point.

    Parameters
    ----------
    samples : int
        How many there are.
    split : float
        Share to hold out, from 0 to below 1.

    Returns
    -------
    int
        The number of samples to train on.

    Raises
    ------
    ValueError
        If there is none left to train on.

    Examples
    --------
    >>> training_rows(10, 0.8), training_rows(10, 0.9), training_rows(7, 0.5)
    (2, 1, 3)
    """
    # A share and the product are off by a unit in the last place each; four are allowed for.
    held_out = math.ceil(samples * split * (1.0 - 2.0**-50))
    if held_out >= samples:
        raise ValueError(
            "validation_split: expected some samples to train on and some to validate on, found "
            f"{samples - held_out} and {held_out} of {samples} with a split of {split:g}"
        )
    return samples - held_out


def inputs(
    name: str,
    x: Any,
    shape: tuple[int, ...] | None,
    dtype: str,
    finite: bool,
    keep_bytes: bool = False,
) -> Array:
    """Return inputs as the core takes them; `shape` is that of a sample, None while unknown.

    Pictures of bytes may stay what they are: as floats they take four times as much memory.
    """
    array = _checks.numeric(name, x)
    if shape is not None and array.ndim:
        # Keras's leniency: a last axis of length 1 may be missing or superfluous.
        if shape and array.shape[1:] == shape[:-1] and shape[-1] == 1:
            array = array[..., np.newaxis]
        elif array.shape[1:] == (*shape, 1):
            array = array[..., 0]
    fewest = 1 if shape == () else 2
    if array.ndim < fewest or (shape is not None and array.shape[1:] != shape):
        expected = " ..." if shape is None else "".join(f" {n}," for n in shape)[:-1]
        hint = f"; use {name}.reshape(-1, 1)" if array.ndim == 1 and shape is None else ""
        raise ShapeError(f"{name}: expected shape (n,{expected}), found {array.shape}{hint}")
    if array.size == 0:
        raise ShapeError(f"{name}: expected some samples, found none; its shape is {array.shape}")
    if _checks.flag("keep_bytes", keep_bytes) and array.dtype.kind in "ub" and array.itemsize == 1:
        return np.ascontiguousarray(array).view(np.uint8)
    return _checks.floats(name, array, dtype, finite=finite)


def samples(
    network: "Layered",
    wanted: Sequence[Wanted],
    x: Any,
    y: Any,
    sample_weight: Any = None,
    names: Names = NAMES,
) -> Samples:
    """Check everything about some samples against a network; nothing of it is changed."""
    if x is None:
        raise ValueError(f"{names[0]} is missing: expected the samples, found None")
    rows = network.take(x, names[0], keep_bytes=True)
    if y is None:  # said after x was looked at: a data set that yields both has none
        raise ValueError(f"{names[1]} is missing: expected the targets, found None")
    plan = network.plan_for(rows.shape[1:])
    ends, shapes = network._ends, plan.shapes_of_outputs
    given = _targets_of_each(ends, names[1], y, wanted, len(rows))
    counts = _weights_of_each(ends, names[2], sample_weight)
    found = []
    for goal in wanted:
        name, part = ends.called(names[1], goal.output), given[goal.output]
        if part is None:
            raise ValueError(f"{name} is missing: expected the targets, found None")
        outputs = (len(rows), *shapes[goal.output])
        targets = _targets.prepare(name, part, goal.kind, outputs, plan.dtype)
        name, part = ends.called(names[2], goal.output), counts[goal.output]
        found.append((targets, _weights(name, part, len(rows), plan.dtype)))
    if not ends.several:
        return Samples(rows, *found[0])
    weights = tuple(own for _, own in found)
    none = all(own is None for own in weights)
    return Samples(rows, tuple(own for own, _ in found), None if none else weights)


def _targets_of_each(
    ends: "Ends", name: str, y: Any, wanted: Sequence[Wanted], samples: int
) -> list[Any]:
    """Return the targets that are given for each output."""
    if ends.several:
        frame = _columns(y)
        return ends.of_each(name, y if frame is None else frame, [goal.output for goal in wanted])
    if isinstance(y, Mapping) and set(y) == set(ends.names):
        return [*y.values()]
    # In a list of one, as Keras takes them; a list of as many as samples is an array to be.
    alone = isinstance(y, list | tuple) and len(y) == 1 and hasattr(y[0], "shape")
    return [y[0] if alone and np.ndim(y[0]) and len(y[0]) == samples else y]


def _columns(frame: Any) -> dict[Any, Any] | None:
    """Return the columns of a data frame by name; None for anything else."""
    columns = getattr(frame, "columns", None)
    if columns is None or isinstance(frame, Mapping) or not hasattr(frame, "__getitem__"):
        return None
    return {column: frame[column] for column in columns}


def _weights_of_each(ends: "Ends", name: str, given: Any) -> list[Any]:
    """Return the weights of samples that are given for each output: one array is for all."""
    if isinstance(given, Mapping):
        return ends.of_each(name, given)
    if isinstance(given, list | tuple) and given and (given[0] is None or np.ndim(given[0])):
        alone = not ends.several and not (len(given) == 1 and hasattr(given[0], "shape"))
        return [given] if alone else ends.of_each(name, given)
    return [given] * len(ends.names)


def _weights(name: str, given: Any, samples: int, dtype: str) -> Array | None:
    """Return one weight a sample; None where all count the same."""
    if given is None:
        return None
    array = _targets.weights(name, given, dtype)
    weights = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if weights.shape != (samples,):
        raise ShapeError(f"{name}: expected shape ({samples},), found {array.shape}")
    return np.ascontiguousarray(weights)


def parts(
    network: "Layered",
    wanted: Sequence[Wanted],
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Mapping[int, float] | None,
    split: float,
    validation_data: Any,
) -> tuple[Samples, Samples | None]:
    """Return what to train on and what to validate on, all checked.

    A sample's own weight goes where the sample goes. Weights of classes are for training only: what
    is validated is the loss that `evaluate` gives.
    """
    refuse_class_weight(network, sample_weight, class_weight)
    train, validation = samples(network, wanted, x, y, sample_weight), None
    weights = None
    if class_weight is not None:
        weights = weights_of_classes(network, wanted, class_weight, train)
    if validation_data is not None:
        validation = _validation(network, wanted, validation_data, train.x.shape[1:])
    elif split:
        at = training_rows(len(train), split)
        train, validation = train[:at], train[at:]
    if weights is not None:
        train.weights = weights[: len(train)]
    return train, validation


def refuse_class_weight(network: "Layered", sample_weight: Any, class_weight: Any) -> None:
    """Refuse weights of classes beside those of samples, and for several outputs."""
    if class_weight is None:
        return
    if sample_weight is not None:
        raise ValueError(
            "class_weight: expected None beside sample_weight, found both; multiply the weights of "
            "classes into sample_weight"
        )
    if network._ends.several:
        raise ValueError(
            "class_weight: expected None for a network of several outputs, each with classes of "
            f"its own, found {_checks.found(class_weight)}; give sample_weight by output"
        )


def weights_of_classes(
    network: "Layered", wanted: Sequence[Wanted], class_weight: Mapping[int, float], train: Samples
) -> Array:
    """Return the weight of each sample's class, of samples that are checked."""
    plan = network.plan_for(train.x.shape[1:])
    outputs = _targets.width_of(plan.output_shape)
    (goal,) = wanted
    return _weights_of_classes(class_weight, train.labels(0).y, goal.kind, outputs, plan.dtype)


def _validation(
    network: "Layered", wanted: Sequence[Wanted], data: Any, feature_shape: tuple[int, ...]
) -> Samples:
    found = samples(network, wanted, *validation_arrays(data), VALIDATION)
    check_alike(found, feature_shape)
    return found


def validation_arrays(data: Any) -> tuple[Any, Any, Any]:
    """Return the samples, targets and weights, or None, in `validation_data`."""
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        of_length = f" of length {len(data)}" if isinstance(data, tuple | list) else ""
        error = ValueError if isinstance(data, tuple | list) else TypeError
        raise error(
            "validation_data: expected a tuple (x, y) or (x, y, sample_weight), found "
            f"{_checks.found(data)}{of_length}"
        )
    return data[0], data[1], data[2] if len(data) == 3 else None


def check_alike(validation: Samples, feature_shape: tuple[int, ...]) -> None:
    """Refuse samples to validate on of another shape than those to train on."""
    if validation.x.shape[1:] != feature_shape:
        raise ShapeError(
            f"x of validation_data: expected samples of shape {feature_shape}, as x has, found "
            f"{validation.x.shape[1:]}"
        )


def _weights_of_classes(
    class_weight: Mapping[int, float], targets: Array, loss: str, outputs: int, dtype: str
) -> Array:
    """Return the weight of each sample's class."""
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight: expected a dict of class to weight, found {_checks.found(class_weight)}"
        )
    if loss.startswith("mean_"):
        raise ValueError(f"class_weight: expected a loss of classes beside it, found {loss}")
    if loss in _targets.SPARSE:
        classes = targets
    elif targets.ndim == 1 or targets.shape[-1] == 1:
        classes = np.rint(targets.reshape(targets.shape[:1] + targets.shape[1:-1]))
        if not loss:  # nothing was said of what the targets are
            known = (classes == targets.reshape(classes.shape)) & (classes >= 0)
            known &= classes < max(outputs, 2)
            _targets.refuse_where("y", classes, ~known, "classes beside class_weight")
        classes = classes.astype(np.int64)
    else:
        classes = np.argmax(targets, axis=-1)
    if classes.ndim != 1:
        raise ShapeError(
            f"class_weight: expected one class a sample, found classes of shape {classes.shape}"
        )
    weights = np.ones(max(outputs, 2))  # classes that are not named weigh 1, as in Keras
    for key, value in class_weight.items():
        label = _checks.integer("a key of class_weight", key, minimum=0, maximum=len(weights) - 1)
        weights[label] = _checks.number(f"class_weight[{label}]", value, at_least=0.0)
    return _checks.floats("class_weight", weights, dtype)[classes]
