"""What `fit`, `evaluate` and `predict` take beside arrays: batches as they come, and rows on disk.

`source_of` finds what gives whole batches (`_sources.py`), `is_stored` what holds rows that are
read a part at a time (`_rows.py`). Nothing here imports who made them: torch, SciPy, h5py, ….
"""

import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from fanin._batches._dataset import PyDataset
from fanin._batches._rows import Items, dense, is_stored, stored_rows
from fanin._batches._sources import Again, Grouped, Indexed, Once, Source

__all__ = [
    "Items",
    "Source",
    "dense",
    "holds_stored",
    "is_stored",
    "items_of",
    "source_of",
    "stored_rows",
]

_ARRAYS = ("__array__", "__array_interface__", "__dlpack__", "__arrow_c_stream__", "columns", "nnz")
_PLAIN = (str, bytes, bytearray, memoryview, Mapping, Set, Sequence)


def source_of(x: Any, batch_size: int = 32) -> Source | None:
    """Return what gives the batches in `x`; None if it is an array, or is to become one.

    Parameters
    ----------
    x : object
        What a user gave in the place of samples.
    batch_size : int, default 32
        How many samples to put together, where `x` gives them one by one.

    Returns
    -------
    Source or None
        What gives batches.
    """
    if x is None or hasattr(type(x), "__array__") or isinstance(x, _PLAIN):
        return None
    if isinstance(x, Source):
        return x
    if _is_py_dataset(x):
        return Indexed(x)
    if isinstance(x, type) or any(hasattr(x, name) for name in _ARRAYS):
        return None
    if isinstance(x, Iterator):
        return Once(x)
    kind = type(x)
    if _is_torch_dataset(x):
        return Grouped(x, batch_size) if hasattr(kind, "__iter__") else None
    if hasattr(kind, "__getitem__") and hasattr(kind, "__len__"):
        return Indexed(x)
    return Again(x) if hasattr(kind, "__iter__") else None


def items_of(x: Any) -> Any:
    """Return the samples of a torch dataset: arrays where it has them, else `Items`; or None."""
    if not _is_torch_dataset(x) or isinstance(source_of(x), Grouped):
        return None
    tensors = getattr(x, "tensors", None)
    own = type(x).__module__.startswith("torch.")
    return tuple(tensors) if own and isinstance(tensors, tuple) else Items(x)


def holds_stored(x: Any, dtype: str = "") -> bool:
    """Whether `x`, or a part of it, is to be read a part at a time, for a network of a dtype."""
    if isinstance(x, list | tuple):
        # A long list has numbers or rows: of inputs there are few.
        return len(x) <= 64 and any(is_stored(part, dtype) for part in x)
    if isinstance(x, Mapping):
        return any(is_stored(part, dtype) for part in x.values())
    return is_stored(x, dtype)


def _is_py_dataset(x: Any) -> bool:
    """Whether it is ours, or the class of that name of Keras."""
    return isinstance(x, PyDataset) or any(
        base.__name__ in ("PyDataset", "Sequence")
        and base.__module__.partition(".")[0] in ("keras", "tensorflow", "tf_keras")
        for base in type(x).__mro__
    )


def _is_torch_dataset(x: Any) -> bool:
    torch = sys.modules.get("torch.utils.data")
    return torch is not None and isinstance(x, torch.Dataset)
