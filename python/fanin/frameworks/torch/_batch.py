"""A batch as a module of torch takes it, and what it returns: one tensor, or several."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fanin.errors import ShapeError
from fanin.frameworks.torch._arrays import measured

Array = NDArray[Any]


def batch_of(x: Any, model: Any) -> Any:
    """Return a batch as the model takes it, checked, in memory of its own.

    Parameters
    ----------
    x : array_like, list, tuple or dict
        A tensor or an array; a list or tuple of the inputs of a module that takes several, or a
        dict of them by the names of its arguments.
    model : torch.nn.Module
        Its parameters say where, and in which type.

    Returns
    -------
    torch.Tensor, or list or dict of these
        Detached copies, floating ones in the type of the parameters.
    """
    given = next(model.parameters(), None)
    if given is not None and given.device.type != "cpu":
        raise ValueError(f"model: expected parameters on the CPU, found them on {given.device}")

    def own(part: Any) -> Any:
        tensor = torch.as_tensor(part)
        if given is not None and tensor.is_floating_point():
            tensor = tensor.to(given.dtype)
        return tensor.detach().clone()

    if not _are_several(x, model):
        tensor = own(x)
        if tensor.ndim < 2 or not len(tensor):
            raise ShapeError(f"x: expected a batch of samples, found shape {tuple(tensor.shape)}")
        return tensor
    inputs = mapped(own, x)
    shapes = [tuple(tensor.shape) for tensor in tensors(inputs)]
    if not all(shapes) or len({shape[0] for shape in shapes}) != 1 or not shapes[0][0]:
        raise ShapeError(
            "x: expected inputs with a row a sample, as many of each, found shapes "
            f"{', '.join(map(str, shapes))}"
        )
    return inputs


def _are_several(x: Any, model: Any) -> bool:
    """Return whether a batch is of several inputs: a list may also be an array's rows."""
    if isinstance(x, Mapping):
        return bool(x)
    if not isinstance(x, list | tuple) or not x or not all(hasattr(part, "ndim") for part in x):
        return False
    return any(isinstance(part, torch.Tensor) for part in x) or _takes(model, len(x))


def _takes(model: Any, count: int) -> bool:
    """Return whether a module takes so many arguments, and more than one."""
    try:
        inspect.signature(model.forward).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return count > 1


def arguments(model: Any, inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what a module is called with: a list's parts in order, a dict's by their names."""
    if isinstance(inputs, list | tuple):
        return (tuple(inputs), {}) if _takes(model, len(inputs)) else ((inputs,), {})
    if isinstance(inputs, Mapping):
        try:
            inspect.signature(model.forward).bind(**inputs)
        except (TypeError, ValueError):
            return (inputs,), {}
        return (), dict(inputs)
    return (inputs,), {}


def mapped(function: Callable[[Any], Any], nested: Any) -> Any:
    """Return a list, tuple or dict of what a function makes of the parts; of one part that."""
    if isinstance(nested, Mapping):
        return {name: mapped(function, part) for name, part in nested.items()}
    if isinstance(nested, list | tuple):
        return type(nested)([mapped(function, part) for part in nested])
    return function(nested)


def tensors(nested: Any) -> list[Any]:
    """Return the tensors in lists, tuples, dicts and dataclasses, in order."""
    return list(_tensors(nested))


def _tensors(nested: Any) -> Iterator[Any]:
    if isinstance(nested, torch.Tensor):
        yield nested
    elif isinstance(nested, Mapping):
        yield from _tensors(tuple(nested.values()))
    elif isinstance(nested, list | tuple):
        for part in nested:
            yield from _tensors(part)


def named_parts(inputs: Any) -> list[tuple[str, str, Any]]:
    """Return the name of each of several inputs, what reaches it from ``x``, and the tensor."""
    if isinstance(inputs, Mapping):
        pairs = [(str(name), f"x[{name!r}]", part) for name, part in inputs.items()]
    elif isinstance(inputs, list | tuple):
        pairs = [(str(place), f"x[{place}]", part) for place, part in enumerate(inputs)]
    else:
        return []
    return [pair for pair in pairs if isinstance(pair[2], torch.Tensor)]


def first(nested: Any, count: int) -> Any:
    """Return the first samples."""
    return mapped(lambda tensor: tensor[:count], nested)


def targets_of(y: Any) -> Any:
    """Return targets as tensors: one, or a list, tuple or dict of them as a loss may take."""
    several = isinstance(y, Mapping) or (
        isinstance(y, list | tuple) and len(y) > 0 and all(hasattr(part, "ndim") for part in y)
    )
    return mapped(torch.as_tensor, y) if several else torch.as_tensor(y)


def samples_of(inputs: Any) -> Array:
    """Return a row a sample: of all that has a size, or of indices if there is nothing else."""
    parts = tensors(inputs)
    sized = [part for part in parts if part.is_floating_point()] or parts
    rows = [measured(part).reshape(len(part), -1) for part in sized]
    return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)
