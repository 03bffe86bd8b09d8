"""Initializers as JAX's functions of a key."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fanin.initializers._base import call_checked, checked_shape
from fanin.random import Stream

if TYPE_CHECKING:
    from fanin.initializers._base import Initializer


def as_jax(initializer: "Initializer") -> Callable[..., Any]:
    """Make the function that :meth:`Initializer.as_jax` returns."""
    import jax  # type: ignore[import-not-found,unused-ignore]

    def init(key: Any, shape: Sequence[int], dtype: Any = None) -> Any:
        """Return an array of `shape` for a key; float32 unless `dtype` is given."""
        sizes = checked_shape(shape)
        kind = jax.numpy.dtype("float32" if dtype is None else dtype)
        if kind == np.float64 and not jax.config.jax_enable_x64:
            kind = np.dtype("float32")  # what JAX makes of it

        def draw(words: Any) -> Any:
            stream = Stream([int(word) for word in np.asarray(words).ravel()])
            return call_checked(initializer, sizes, kind, stream)

        typed = jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key)
        words = jax.random.key_data(key) if typed else key
        if isinstance(words, jax.core.Tracer):
            # Under jit or vmap: drawn by us all the same, when the program runs.
            made = jax.ShapeDtypeStruct(sizes, kind)
            return jax.pure_callback(draw, made, words, vmap_method="sequential")
        return jax.numpy.asarray(draw(words))

    return init
