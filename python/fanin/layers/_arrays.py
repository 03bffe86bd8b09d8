"""A layer's arrays by name; writing into them all or not at all."""

from collections.abc import Sequence
from typing import Any, Self, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core, random
from fanin._checks import warn
from fanin.errors import NotReadyError, ShapeError
from fanin.layers._value import the_loss, trace_now
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
        if trace_now() is not None or the_loss.get():
            refuse_constants(layer, self.name)
        if not layer.built:
            raise AttributeError(f"layer {layer.name!r} has no {self.name} before it is built")
        return layer.arrays.get(self.name)

    def __set__(self, layer: Any, value: ArrayLike) -> None:
        view = self.__get__(layer)
        if view is None:
            raise AttributeError(f"layer {layer.name!r} has no {self.name}")
        name = f"{layer.name}/{self.name}"
        write_all([(name, view)], [value], layer._writing())


class NamedArray(np.ndarray[Any, Any]):
    """A layer's array in a list of weights: the array itself, with what Keras's variables have.

    What is made of it (a slice, a sum, a copy) is an array as any other.
    """

    name: str = ""
    """What its layer calls it, as ``kernel``; empty for what was made of a weight."""
    path: str = ""
    """The same behind the name of the layer: ``dense/kernel``."""
    _layer: Any = None

    def __new__(cls, array: Array, layer: Any, role: str) -> Self:
        """See an array of a layer by its names."""
        made: Self = array.view(cls)
        made.name, made.path = role.rpartition("/")[2], f"{layer.name}/{role}"
        made._layer, made._role = layer, role
        return made

    _role = ""

    @property
    def trainable(self) -> bool:
        """Whether training changes it by its gradient."""
        return self._layer is not None and bool(self._layer.is_trained(self._role))

    def numpy(self) -> Array:
        """Return a copy."""
        return np.array(self)

    def assign(self, value: ArrayLike) -> None:
        """Write numbers of the same shape into it."""
        if self._layer is None:
            raise TypeError("assign: expected a weight, found what was made of one")
        write_all([(self.path, np.asarray(self))], [value], self._layer._writing())

    def assign_add(self, value: ArrayLike) -> None:
        """Add numbers to it."""
        self.assign(np.asarray(self) + np.asarray(value))

    def assign_sub(self, value: ArrayLike) -> None:
        """Subtract numbers from it."""
        self.assign(np.asarray(self) - np.asarray(value))

    def __array_wrap__(self, array: Any, *_: Any) -> Any:
        plain = np.asarray(array)
        return plain if plain.ndim else plain[()]

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self)[key]

    def __copy__(self) -> Any:
        return np.array(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return np.array(self)

    def copy(self, order: Any = "C") -> Any:
        """Return a copy, which is no weight."""
        return np.array(self, order=order)

    def __reduce__(self) -> Any:
        return np.asarray(self).__reduce__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return np.asarray(self).__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return repr(np.asarray(self))

    def __str__(self) -> str:
        return str(np.asarray(self))


class Unbuilt(dict[str, Array]):
    """The arrays of a layer that is not built: none, which is said of any that is asked for."""

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layer = layer

    def __missing__(self, role: str) -> Array:
        raise NotReadyError(
            f"layer {self.layer!r} has no {role} before it is built: call build, or call the layer "
            "or its network"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Unbuilt, (self.layer,)


def refuse_constants(layer: Any, role: str) -> None:
    """Refuse the numbers of a layer's weight where code runs on values: they would be constants."""
    from fanin.layers import _tracing

    loss, trace = the_loss.get(), trace_now()
    if loss:
        raise TypeError(
            f"loss {loss}: expected a function of y_true and y_pred alone, found one of the {role} "
            f"of layer {layer.name!r}, whose numbers would be constants{_tracing.line()}"
        )
    if trace is not None and not trace.building and trace.arrays is None:
        _tracing.refuse(
            "weights of its own, which add_weight makes",
            f"the {role} of layer {layer.name!r}, whose numbers would be constants",
        )


def refuse_views(array: object) -> None:
    """Refuse what was kept of a layer's weights, where code runs on values, as a constant."""
    trace = trace_now()
    if trace is None or trace.building or not isinstance(array, np.ndarray):
        return
    from fanin.layers._users import layers_of

    for _, layer in layers_of(trace.owner):
        if layer.built and np.may_share_memory(array, layer.network.params):
            refuse_constants(layer, "weights")


def at(source: random.RandomSource, path: str) -> random.RandomSource:
    """Return the stream or key at `path` below `source`; a generator is consumed as it is."""
    return source.at(path) if isinstance(source, (random.Stream, Replay)) else source


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
    targets: Sequence[tuple[str, Array]],
    values: Sequence[ArrayLike],
    writing: "_core.Writing | None",
    origin: str = "",
) -> None:
    """Check all values against all targets, then write: all, or nothing if something fails.

    They are written while no other thread trains or reads, which `writing` sees to. NaN and
    infinity are written with a warning, since people look into failed runs; it names the file that
    they are from, `origin`, if they are from one.
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
    if writing is not None:
        with writing:
            writing.turn(_write, [view for _, view in targets], checked)


def _write(views: Sequence[Array], values: Sequence[Array]) -> None:
    """Write all, or nothing where a Ctrl-C comes between two."""
    kept = [view.copy() for view in views]
    try:
        for view, array in zip(views, values, strict=True):
            view[...] = array
    except BaseException:
        for view, array in zip(views, kept, strict=True):
            view[...] = array
        raise
