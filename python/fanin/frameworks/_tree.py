"""The layers of nested dicts, lists and tuples of arrays, NumPy's or JAX's."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from fanin.frameworks._arrays import Array, Model, Parameter, Row, in_our_order
from fanin.frameworks._layout import TRANSPOSED, from_out_in, matrix_biases, readings
from fanin.initializers._fans import FanOptions

Path: TypeAlias = tuple[str | int, ...]
Leaves: TypeAlias = list[tuple[Path, Any]]

# What Flax, Haiku, Keras and scripts call the arrays of a layer.
_ROLES = {
    "kernel": "kernel",
    "w": "kernel",
    "weight": "kernel",
    "weights": "kernel",
    "bias": "bias",
    "b": "bias",
    "embedding": "embeddings",
    "embeddings": "embeddings",
    "scale": "gamma",
    "gamma": "gamma",
    "beta": "beta",
    "offset": "beta",
    "mean": "moving_mean",
    "moving_mean": "moving_mean",
    "var": "moving_variance",
    "moving_variance": "moving_variance",
}
_NUMBERED = re.compile(r"(.*?)_?(\d+)")
_DEEPEST = 100


def is_tree(model: Any) -> bool:
    """Whether this is something that holds arrays."""
    return isinstance(model, Mapping | list | tuple)


def open_tree(tree: Any, layout: str | None = None, order: Sequence[str] | None = None) -> Model:
    """See the arrays of a tree. Those of NumPy are written in place, unless there are JAX's.

    `layout` and `order` are those of `fanin.initialize`.
    """
    leaves = list(_leaves(tree, ()))
    for path, leaf in leaves:
        if not (_is_numpy(leaf) or _is_jax(leaf) or isinstance(leaf, int | float)):
            kind = f"{type(leaf).__module__}.{type(leaf).__qualname__}"
            hint = "; give flax.nnx.to_pure_dict(state)" if kind.startswith("flax.nnx") else ""
            raise TypeError(
                f"model: expected NumPy's or JAX's arrays in a tree, found {kind} at "
                f"{_dotted(path)!r}{hint}"
            )
    written: dict[Path, Array] = {}
    in_place = not any(_is_jax(leaf) for _, leaf in leaves)
    row = Row()
    seen: set[int] = set()
    attention = _attention({path[:-1] for path, _ in leaves})
    biases = _unnamed_biases(leaves)
    groups = [(name, list(_roles(group, biases))) for name, group in _groups(leaves, biases)]
    layouts = _layouts(groups, attention, layout, order)
    for name, group in groups:
        parameters = []
        for path, role, leaf in group:
            if in_place and isinstance(leaf, np.ndarray):
                if id(leaf) in seen:
                    continue
                seen.add(id(leaf))
            fans = _fans(role, leaf, path, attention)
            ours = layouts.get(path)
            if ours == TRANSPOSED:
                fans = FanOptions(transposed=True)
            turned = from_out_in(np.ndim(leaf)) if ours == "out_in" else None
            parameters.append(_parameter(path, role, leaf, fans, written, in_place, turned))
        row.add(_kind(parameters), name, parameters)

    def result() -> Any:
        return tree if in_place else _rebuilt(tree, (), written)

    return Model(framework="tree", layers=row.layers, result=result, doubt=_doubt(tree))


def _layouts(
    groups: "list[tuple[str, list[tuple[Path, str, Any]]]]",
    attention: set[Path],
    layout: str | None,
    order: Sequence[str] | None,
) -> dict[Path, str]:
    """Tell which axis of each kernel holds the outputs; those of attention say so themselves."""
    if order is not None:
        places = {name: place for place, name in enumerate(order)}
        groups = sorted(groups, key=lambda group: places.get(group[0], len(places)))
    kernels = []
    for _, group in groups:
        shapes = {role: tuple(np.shape(leaf)) for _, role, leaf in group}
        for path, role, leaf in group:
            if role == "kernel" and not _fans(role, leaf, path, attention):
                kernels.append((path, tuple(np.shape(leaf)), shapes.get("bias")))
    if layout is not None:
        return {path: layout for path, _, _ in kernels}
    told = readings([(_dotted(path), shape, bias) for path, shape, bias in kernels])
    return {path: reading for (path, _, _), reading in zip(kernels, told, strict=True)}


def _unnamed_biases(leaves: Leaves) -> set[Path]:
    """Find biases of two dimensions among arrays without names."""
    rows: dict[Path, Leaves] = {}
    for path, leaf in leaves:
        if path and isinstance(path[-1], int):
            rows.setdefault(path[:-1], []).append((path, leaf))
    shapes = [[tuple(np.shape(leaf)) for _, leaf in row] for row in rows.values()]
    return {
        row[place][0]
        for row, places in zip(rows.values(), matrix_biases(shapes), strict=True)
        for place in places
    }


def _doubt(tree: Any) -> str:
    """Say where keys are in the order of the alphabet, and may have been sorted by JAX."""
    for path, part in _mappings(tree, ()):
        names = [str(key) for key, child in part.items() if is_tree(child)]
        stems = {match[1] for match in map(_NUMBERED.fullmatch, names) if match}
        # Only of the names that Flax makes is it known that they say nothing of the order.
        if len(stems) > 1 and names == sorted(names):
            place = f" of {_dotted(path)!r}" if path else ""
            return f"the layers{place}, {', '.join(names)}, are in the order of the alphabet"
    return ""


def _mappings(tree: Any, path: Path) -> Iterator[tuple[Path, Mapping[Any, Any]]]:
    """Go through a tree's dicts."""
    if isinstance(tree, Mapping):
        yield path, tree
    if is_tree(tree):
        for key, part in _children(tree):
            yield from _mappings(part, (*path, key))


def _is_numpy(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray)


def _is_jax(leaf: Any) -> bool:
    """Whether this is an array of JAX, or the shape of one as ``jax.eval_shape`` gives it."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(leaf, jax.Array | jax.ShapeDtypeStruct)


def _children(tree: Any) -> Iterator[tuple[str | int, Any]]:
    """Go through what a container holds: in its order, numbered siblings by their numbers."""
    if not isinstance(tree, Mapping):
        yield from enumerate(tree)
        return
    names = [_NUMBERED.fullmatch(str(key)) for key in tree]
    # JAX sorts keys as text, which puts Dense_10 before Dense_2.
    if all(names) and len({match[1] for match in names if match}) == 1:
        yield from sorted(tree.items(), key=lambda item: _number(item[0]))
    else:
        yield from tree.items()


def _number(key: str | int) -> int:
    match = _NUMBERED.fullmatch(str(key))
    return int(match[2]) if match else -1


def _leaves(tree: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if len(path) > _DEEPEST:
        raise ValueError(
            f"model: expected a tree of arrays, found one of more than {_DEEPEST} levels, as of a "
            "dict that holds itself"
        )
    if is_tree(tree):
        for key, part in _children(tree):
            yield from _leaves(part, (*path, key))
    elif tree is not None:
        yield path, tree


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _groups(leaves: Leaves, biases: set[Path]) -> Iterator[tuple[str, Leaves]]:
    """Gather the arrays of each layer: those that lie side by side and have the same number."""
    groups: dict[tuple[Path, int], Leaves] = {}
    count = 0
    for path, leaf in leaves:
        parent, key = path[:-1], path[-1]
        if isinstance(key, int):
            # A row of arrays: each kernel begins a layer.
            kernel = np.ndim(leaf) > 1 and path not in biases
            count += kernel or (parent, count) not in groups
            number = count
        else:
            number = _number(key)
        groups.setdefault((parent, number), []).append((path, leaf))
    # W1, b1, W2, b2 in one dict: by number, wherever they stand.
    firsts = {parent: place for place, (parent, _) in reversed(list(enumerate(groups)))}
    ordered = sorted(groups.items(), key=lambda item: (firsts[item[0][0]], item[0][1]))
    for (parent, _), group in ordered:
        yield _dotted(parent) or _dotted(group[0][0]), group


def _roles(group: Leaves, biases: set[Path]) -> Iterator[tuple[Path, str, Any]]:
    """Tell what each array of a layer is: by its name, or in a row by its place."""
    roles: dict[Path, str] = {}
    for path, leaf in group:
        key = path[-1]
        if isinstance(key, int):
            kernel = np.ndim(leaf) > 1 and path not in biases
            roles[path] = "kernel" if kernel else "bias" if roles else str(key)
        else:
            match = _NUMBERED.fullmatch(str(key))
            stem = (match[1] if match else str(key)).lower()
            roles[path] = _ROLES.get(stem, str(key))
    scaled = "gamma" in roles.values()
    for path, leaf in group:
        role = roles[path]
        if role == "kernel" and np.ndim(leaf) < 2:
            role = str(path[-1])
        yield path, "beta" if scaled and role == "bias" else role, leaf


def _attention(parents: set[Path]) -> set[Path]:
    """Tell which places hold Flax's attention, whose kernels have axes for heads."""
    places = {path[:-1] for path in parents if path and path[-1] == "query"}
    return {p for p in places if {(*p, "key"), (*p, "value"), (*p, "out")} <= parents}


def _fans(role: str, leaf: Any, path: Path, attention: set[Path]) -> FanOptions:
    """Return how inputs and outputs are counted, where the kernel's layout is not all there is."""
    part = path[-2] if path[:-2] in attention else None
    if role == "embeddings" and np.ndim(leaf) == 2:
        # A lookup is a product with one input that is 1: the others do not add up.
        return FanOptions(fan_in=1.0, fan_out=float(leaf.shape[1]))
    if role == "kernel" and np.ndim(leaf) == 3 and part in ("query", "key", "value"):
        return FanOptions(in_axis=0, out_axis=(1, 2))
    if role == "kernel" and np.ndim(leaf) == 3 and part == "out":
        return FanOptions(in_axis=(0, 1), out_axis=2)
    return FanOptions()


def _kind(parameters: list[Parameter]) -> str:
    found = {p.role: p for p in parameters}
    if "kernel" in found:
        kernel = found["kernel"]
        if kernel.fans.get("transposed"):
            return "transposed_convolution"
        return "convolution" if len(kernel.shape) > 2 and not kernel.fans else "dense"
    if "embeddings" in found:
        return "embedding"
    if found.keys() & {"gamma", "beta", "moving_mean", "moving_variance"}:
        return "normalization"
    return "other"


def _parameter(
    path: Path,
    role: str,
    leaf: Any,
    fans: FanOptions,
    written: dict[Path, Array],
    in_place: bool,
    order: tuple[int, ...] | None,
) -> Parameter:
    name = _dotted(path)
    dtype = str(getattr(leaf, "dtype", type(leaf).__name__))
    if in_place and isinstance(leaf, np.ndarray) and not leaf.flags.writeable:
        raise ValueError(
            f"model: expected arrays that can be written to, found {name}, which is read-only"
        )

    def get() -> Array:
        return np.asarray(written.get(path, leaf))

    def put(values: Array) -> None:
        if in_place:
            leaf[...] = values
        else:
            written[path] = np.array(values)

    shape = tuple(np.shape(leaf))
    return in_our_order(
        role=role, name=name, shape=shape, dtype=dtype, get=get, put=put, order=order, fans=fans
    )


def _rebuilt(tree: Any, path: Path, written: dict[Path, Array]) -> Any:
    """Return the tree with what was written in place of what it held."""
    if not is_tree(tree):
        return _like(tree, written[path]) if path in written else tree
    if isinstance(tree, Mapping):
        parts = {key: _rebuilt(part, (*path, key), written) for key, part in tree.items()}
        return parts if type(tree) is dict else type(tree)(parts)  # type: ignore[call-arg]
    rebuilt = [_rebuilt(part, (*path, i), written) for i, part in enumerate(tree)]
    return type(tree)(*rebuilt) if hasattr(tree, "_fields") else type(tree)(rebuilt)


def _like(leaf: Any, values: Array) -> Any:
    if _is_numpy(leaf):
        return values.astype(leaf.dtype)
    import jax  # type: ignore[import-not-found,unused-ignore]

    array = jax.numpy.asarray(values, leaf.dtype)
    # It goes where the old one lies; a mere shape lies nowhere.
    return jax.device_put(array, leaf.sharding) if isinstance(leaf, jax.Array) else array
