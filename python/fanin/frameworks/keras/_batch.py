"""A batch as a Keras model takes it, and the one of its outputs that a loss is of."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from fanin import losses
from fanin._checks import found
from fanin.errors import ShapeError
from fanin.frameworks.keras._calls import run, undisturbed
from fanin.frameworks.keras._losses import own_loss
from fanin.frameworks.keras._places import leaves

Array = NDArray[Any]


class Batch(NamedTuple):
    """The samples: one array, or a list, tuple or dict of arrays."""

    inputs: Any
    """As the model is called with them: NumPy's arrays."""
    arrays: list[Array]
    """The same in a row."""

    def __len__(self) -> int:
        return len(self.arrays[0])

    def first(self, count: int) -> "Batch":
        """Return the first samples."""
        inputs = keras.tree.map_structure(lambda array: array[:count], self.inputs)
        return Batch(inputs, keras.tree.flatten(inputs))

    def named(self) -> list[tuple[str, str, Array]]:
        """Return the name of each of several inputs, what reaches it from ``x``, and the array."""
        if isinstance(self.inputs, Mapping):
            pairs = [(str(n), f"x[{n!r}]", part) for n, part in self.inputs.items()]
        elif isinstance(self.inputs, list | tuple):
            pairs = [(str(k), f"x[{k}]", part) for k, part in enumerate(self.inputs)]
        else:
            return []
        return [pair for pair in pairs if isinstance(pair[2], np.ndarray)]

    def samples(self) -> Array:
        """Return a row a sample: of all that has a size, or of indices if there is nothing else."""
        rows = [array.reshape(len(array), -1) for array in self.arrays]
        sized = [row for row in rows if row.dtype.kind == "f"] or rows
        return sized[0] if len(sized) == 1 else np.concatenate(sized, axis=1)


def batch_of(model: Any, x: Any) -> Batch:
    """Check a batch, and return it in the model's type.

    Raises
    ------
    TypeError
        If `model` is a layer, which has no layers to go through.
    ShapeError
        If there are no samples, or inputs have different numbers of them.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"model: expected a keras.Model, found a layer, {type(model).__name__} {model.name!r}; "
            "give keras.Sequential([layer])"
        )

    def array_of(part: Any) -> Array:
        values = np.asarray(part)
        return (
            values.astype(model.variable_dtype, copy=False) if values.dtype.kind == "f" else values
        )

    if not _are_several(model, x):
        array = array_of(x)
        if array.ndim < 2 or not len(array):
            raise ShapeError(f"x: expected a batch of samples, found shape {array.shape}")
        _check_shapes(model, [array])
        return Batch(array, [array])
    inputs = keras.tree.map_structure(array_of, x)
    arrays = keras.tree.flatten(inputs)
    shapes = [array.shape for array in arrays]
    if not all(shapes) or len({shape[0] for shape in shapes}) != 1 or not shapes[0][0]:
        raise ShapeError(
            "x: expected inputs with a row a sample, as many of each, found shapes "
            f"{', '.join(map(str, shapes))}"
        )
    _check_shapes(model, arrays)
    return Batch(inputs, arrays)


def _check_shapes(model: Any, arrays: list[Array]) -> None:
    """Refuse arrays of other shapes than the inputs of a model that knows them.

    Keras itself adds and takes away axes of one element; those it may.
    """
    known = getattr(model, "inputs", None) or []
    if len(known) != len(arrays):
        return
    for wanted, array in zip(known, arrays, strict=True):
        pairs = zip(wanted.shape[1:], array.shape[1:], strict=False)
        same_axes = len(wanted.shape) == array.ndim
        if same_axes and any(size not in (None, own) for size, own in pairs):
            of = f" of {wanted.name}" if len(arrays) > 1 else ""
            sizes = ", ".join("any" if size is None else str(size) for size in wanted.shape[1:])
            raise ShapeError(f"x{of}: expected shape (n, {sizes}), found {array.shape}")


def _are_several(model: Any, x: Any) -> bool:
    """Return whether a batch is of several inputs: a list may also be an array's rows."""
    if isinstance(x, Mapping):
        return bool(x)
    if not isinstance(x, list | tuple) or not x:
        return False
    known = getattr(model, "inputs", None)  # of a class of its own they are not known
    if known or isinstance(model, keras.Sequential):
        return len(known or ()) > 1
    return all(hasattr(part, "ndim") for part in x)


def build(model: Any, batch: Batch) -> None:
    """Build a model that is not built yet, or that has layers which are not."""
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *batch.arrays[0].shape[1:]))
    elif not model.built or not all(place.layer.built for place in leaves(model)):
        with undisturbed(model):
            run(model, batch.inputs, training=False)


class Chosen(NamedTuple):
    """An output, and what it is compared with."""

    name: str
    """Empty for all of them, where there are no targets."""
    targets: Any
    loss: losses.Loss | None


def named_outputs(model: Any, outputs: Any) -> dict[str, Any]:
    """Return a model's outputs by the names that Keras has for them.

    Raises
    ------
    TypeError
        If they are not tensors.
    """
    if isinstance(outputs, Mapping):
        named = dict(outputs)
    elif isinstance(outputs, list | tuple):
        known = list(getattr(model, "output_names", None) or [])
        names = known if len(known) == len(outputs) else [str(k) for k in range(len(outputs))]
        named = dict(zip(names, outputs, strict=True))
    else:
        named = {"output": outputs}
    for name, output in named.items():
        if not keras.ops.is_tensor(output):
            raise TypeError(
                f"model: expected outputs that are tensors, found {found(output)} as {name!r}"
            )
    return named


def choose(model: Any, names: list[str], y: Any, loss: Any) -> Chosen:
    """Find the output that targets and loss are of.

    Raises
    ------
    ValueError
        If it is none, or more than one.
    """
    given = loss if loss is not None else getattr(model, "loss", None)
    if y is None:
        return Chosen(names[0] if len(names) == 1 else "", None, None)
    by_targets, by_loss = _by_name("y", y, names), _by_name("loss", given, names)
    wanted = [
        name
        for name in names
        if (by_targets is None or name in by_targets) and (by_loss is None or name in by_loss)
    ]
    if len(wanted) != 1:
        listed = ", ".join(map(repr, names))
        raise ValueError(
            f"y: expected targets of one output, as in y={{{names[0]!r}: targets}}, found those of "
            f"{len(wanted)} of the outputs {listed}; diagnose them one by one"
        )
    name = wanted[0]
    targets = y if by_targets is None else by_targets[name]
    return Chosen(name, targets, _resolved(given if by_loss is None else by_loss[name]))


def _by_name(argument: str, given: Any, names: list[str]) -> dict[str, Any] | None:
    """Return targets or losses by the name of their output, without None; None if they are one."""
    if isinstance(given, Mapping) and "class_name" not in given:
        unknown = [name for name in given if name not in names]
        if unknown and names == ["output"] and len(given) == 1:
            return {"output": next(iter(given.values()))}
        if unknown:
            raise ValueError(
                f"{argument}: expected names of outputs, {', '.join(map(repr, names))}, found "
                f"{unknown[0]!r}"
            )
        pairs = list(given.items())
    elif isinstance(given, list | tuple) and len(given) == len(names) and _is_row(given):
        pairs = list(zip(names, given, strict=True))
    else:
        return None
    return {name: value for name, value in pairs if value is not None}


def _is_row(given: Any) -> bool:
    """Return whether a list has an entry an output; else it is an array's rows."""
    known = [part for part in given if part is not None]
    return len(given) > 1 and all(not isinstance(part, int | float) for part in known)


def _resolved(loss: Any) -> losses.Loss | None:
    """Return the loss as one of this package: that of Keras by its configuration.

    What users write is computed as they wrote it, and differentiated by Keras's backend.
    """
    if _is_own(loss):
        made: losses.Loss = own_loss(loss)
        return made
    if isinstance(loss, keras.losses.Loss):
        loss = {"class_name": type(loss).__name__, "config": loss.get_config()}
    return None if loss is None else losses.resolve(loss)


def _is_own(loss: Any) -> bool:
    """Return whether a loss is a function or a class of a user's, over Keras's operations."""
    if isinstance(loss, (losses.Loss, type)) or not callable(loss):
        return False
    if hasattr(loss, "value_and_gradient"):
        return False
    made = loss if hasattr(loss, "__name__") else type(loss)
    return not str(getattr(made, "__module__", "")).startswith(("keras.", "fanin."))
