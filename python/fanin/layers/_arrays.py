"""A layer's arrays: views of flat ones, by name; writing into them all or not at all."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core, random
from fanin._checks import warn
from fanin.errors import ShapeError
from fanin.streams import Replay

Array: TypeAlias = _checks.FloatArray


class Weight:
    """A layer's array by name: reading gives the view, assigning writes into it."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, layer: None, owner: type) -> Self: ...

    @overload
    def __get__(self, layer: object, owner: type | None = None) -> Array: ...

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        if not layer.built:
            raise AttributeError(f"layer {layer.name!r} has no {self.name} before it is built")
        return layer.arrays.get(self.name)

    def __set__(self, layer: Any, value: ArrayLike) -> None:
        view = self.__get__(layer)
        if view is None:
            raise AttributeError(f"layer {layer.name!r} has no {self.name}")
        name = f"{layer.name}/{self.name}"
        write_all([(name, view)], [value])


def at(source: random.RandomSource, path: str) -> random.RandomSource:
    """Return the stream or key at `path` below `source`; a generator is consumed as it is."""
    return source.at(path) if isinstance(source, (random.Stream, Replay)) else source


def empty(plan: _core.Plan) -> tuple[Array, Array]:
    """Allocate the two flat arrays of a plan."""
    return np.empty(plan.parameter_count, plan.dtype), np.empty(plan.state_count, plan.dtype)


def views(plan: _core.Plan, params: Array, state: Array | None = None) -> dict[str, Array]:
    """Return a one-layer plan's arrays by role, as views of its flat arrays: one, or both."""
    found = {}
    flats = [(plan.parameters, params)]
    if state is not None:
        flats.append((plan.state, state))
    for entries, flat in flats:
        for _, role, offset, shape in entries:
            size = math.prod(shape)
            found[role] = flat[offset : offset + size].reshape(shape)
    return found


def like(name: str, values: ArrayLike, view: Array, *, finite: bool = False) -> Array:
    """Return `values` if they can be written into `view` element by element, and in its dtype.

    Numbers that the dtype cannot hold are refused; NaN and infinity that were given as such only if
    they must be `finite`.
    """
    array = _checks.numeric(name, values)
    if array.shape != view.shape:
        raise ShapeError(f"{name}: expected shape {view.shape}, found {array.shape}")
    converted = _checks.floats(name, array, view.dtype.name, finite=False)
    if _core.first_non_finite(converted) is not None:
        beyond = ~np.isfinite(converted) & np.isfinite(array)
        if finite or beyond.any():
            # Refuses, and names the first of them.
            _checks.floats(name, array if finite else np.where(beyond, array, 0), view.dtype.name)
    return converted


def write_all(
    targets: Sequence[tuple[str, Array]], values: Sequence[ArrayLike], origin: str = ""
) -> None:
    """Check all values against all targets, then write: all, or nothing if something fails.

    NaN and infinity are written with a warning, since people look into failed runs; it names the
    file that they are from, `origin`, if they are from one.
    """
    given, names = _checks.several(values), ", ".join(name for name, _ in targets)
    if given is None:
        raise TypeError(f"weights: expected arrays ({names}), found {_checks.found(values)}")
    if len(given) != len(targets):
        raise ValueError(
            f"weights: expected {len(targets)} arrays ({names}), found {len(given)}; nothing was "
            "changed"
        )
    checked = [like(name, v, view) for (name, view), v in zip(targets, given, strict=True)]
    spoilt = [
        name
        for (name, _), array in zip(targets, checked, strict=True)
        if _core.first_non_finite(array) is not None
    ]
    if spoilt:
        where = f"{origin}: " if origin else ""
        warn(
            f"{where}{', '.join(spoilt)}: expected finite numbers, found NaN or infinity, which "
            "stay"
        )
    kept = [view.copy() for _, view in targets]
    try:
        for (_, view), array in zip(targets, checked, strict=True):
            view[...] = array
    except BaseException:
        for (_, view), array in zip(targets, kept, strict=True):
            view[...] = array
        raise


Keep: TypeAlias = Literal["share", "copy"]
"""Whether what `forward` keeps of its inputs is these themselves or a copy."""

Passed: TypeAlias = tuple[Array, tuple[object, ...]]
"""What `forward` returns: outputs, and what `backward` needs."""


def check_keep(value: object) -> None:
    """Refuse what is not one of `Keep`."""
    _checks.one_of("keep", value, ("share", "copy"))


def forward(
    plan: _core.Plan,
    params: Array,
    state: Array,
    x: Array,
    training: bool,
    threads: int | None,
    step: int,
    keep: Keep,
    out: Array | Passed | None,
) -> Passed:
    """Do what `Plan.forward` does, unless running averages would become NaN or infinite."""
    if keep == "copy":
        x = x.copy()
    if not training or not state.size:
        return plan.forward(params, state, x, training, threads, step, out)
    kept = state.copy()
    result = plan.forward(params, state, x, training, threads, step, out)
    if _core.first_non_finite(state) is not None and _core.first_non_finite(kept) is None:
        state[...] = kept
        _checks.floats("x", x, plan.dtype)  # names the number that is not finite, if one is
        raise ValueError(
            "x: expected samples that stay finite in every layer, found some that make running "
            "averages infinite; they stay as they were"
        )
    return result


def gradient_arrays(
    plan: _core.Plan, out: Array | tuple[Array, Mapping[str, Array]] | None
) -> tuple[Array | None, Array | None]:
    """Return the arrays that `backward` is to write into: of the inputs, and the flat one.

    They are those of an array for the first, or of what `backward` returned, whose gradients of
    the parameters are views of one array.
    """
    if out is None or isinstance(out, np.ndarray):
        return out, None
    if isinstance(out, tuple) and len(out) == 2 and isinstance(out[1], Mapping):
        dx, grads = out[0], [*out[1].values()]
        flat = getattr(grads[0], "base", None) if grads else None
        if (
            isinstance(dx, np.ndarray)
            and all(isinstance(view, np.ndarray) and view.base is flat for view in grads)
            and (flat is None) == (plan.parameter_count == 0)
        ):
            return dx, flat
    raise TypeError(
        "out: expected an array, or what backward of this network returned, found "
        f"{_checks.found(out)}"
    )
