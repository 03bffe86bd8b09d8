"""Initializers as JAX's functions of a key."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fanin.initializers._arguments import call_and_check
from fanin.random import Stream
from fanin.streams._base import sizes

if TYPE_CHECKING:
    from fanin.initializers._base import Initializer


def as_jax(initializer: "Initializer") -> Callable[..., Any]:
    """Make the function that :meth:`Initializer.as_jax` returns."""
    import jax  # type: ignore[import-not-found,unused-ignore]

    def init(key: Any, shape: Sequence[int], dtype: Any = None) -> Any:
        """Return an array of `shape` for a key; of JAX's default type unless `dtype` is given."""
        axes = sizes(shape)
        # float32 unless 64 bits are enabled, as in JAX, also where float64 is asked for.
        kind = jax.dtypes.canonicalize_dtype(float if dtype is None else dtype)

        def draw(words: Any) -> Any:
            stream = Stream([int(word) for word in np.asarray(words).ravel()])
            return call_and_check(initializer, axes, kind, stream)

        typed = jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key)
        words = jax.random.key_data(key) if typed else key
        if isinstance(words, jax.core.Tracer):
            # Under jit or vmap: drawn by us all the same, when the program runs.
            made = jax.ShapeDtypeStruct(axes, kind)
            return jax.pure_callback(draw, made, words, vmap_method="sequential")
        return jax.numpy.asarray(draw(words))

    return init
