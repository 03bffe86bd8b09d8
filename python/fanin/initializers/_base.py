"""What every initializer is, and what all of them ask of their arguments."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from fanin._members._registry import Configurable
from fanin.initializers._arguments import (
    _CHARACTERS,
    Array,
    ShapeLike,
    call_and_check,
    check_dtype,
    check_finite,
    check_for_numpy,
    check_out,
    compute_dtype,
    round_to,
)
from fanin.initializers._sources import Source, as_source
from fanin.random import RandomSource, Rng, Stream, config_of, drawing, resolve, simplify
from fanin.streams import Replay
from fanin.streams._base import sizes

if TYPE_CHECKING:
    from fanin.initializers._explain import Explanation
    from fanin.initializers._facts import Facts
    from fanin.typing import NonlinearityLike


class Initializer(Configurable):
    """What an array of weights holds before training: the class to derive one's own from.

    A subclass defines ``__call__(shape, dtype=None)``, which returns the array, and
    :meth:`get_config` if it has arguments. It may take ``rng=`` too; then networks hand it the
    random numbers of the parameter that it fills.

    Examples
    --------
    >>> class Checkerboard(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return (np.indices(shape).sum(axis=0) % 2).astype(dtype or "float32")
    >>> Checkerboard()((2, 3))
    array([[0., 1., 0.],
           [1., 0., 1.]], dtype=float32)
    """

    _family = "initializers"

    def __call__(self, shape: ShapeLike, dtype: npt.DTypeLike | None = None) -> Array:
        """Return a new array of `shape`."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(shape, dtype)")

    def fill(self, out: Array, *, rng: Rng = None) -> Array:
        """Fill an array that exists with the values of a new one of its shape and dtype.

        Parameters
        ----------
        out : ndarray of float32, float64, float16 or bfloat16
            Written to in place; strided views too.
        rng : optional
            Where the random numbers come from, see :mod:`fanin.random`; without it, the
            initializer's seed.

        Returns
        -------
        ndarray
            `out`.

        Raises
        ------
        TypeError
            If `out` is no array, or not of these types; it is not touched.
        ValueError
            If it is read-only, its elements share memory, or the initializer returns NaN, infinity
            or more than the type holds; it is not touched.

        Examples
        --------
        >>> from fanin.initializers import HeNormal
        >>> weights = np.zeros((3, 4))
        >>> HeNormal().fill(weights[:, ::2], rng=0) is weights
        False
        >>> bool((weights[:, ::2] == HeNormal()((3, 2), "float64", rng=0)).all())
        True
        """
        target = check_out(out)
        target[...] = call_and_check(self, target.shape, target.dtype, rng)
        return out

    def for_parameter(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None, rng: RandomSource, *, path: str = ""
    ) -> Array:
        """Fill one parameter of a network: what layers call.

        Parameters
        ----------
        shape : int or sequence of int
            Shape of the parameter.
        dtype : dtype-like
            ``float32``, ``float64``, ``float16`` or ``bfloat16``.
        rng : Stream or numpy.random.Generator or numpy.random.RandomState
            Random numbers of this parameter; used unless the initializer has its own seed.
        path : str, optional
            Which parameter of the network this is; the path of `rng` if not given. An initializer
            with its own seed takes it from here, so that its values do not depend on `rng`.

        Returns
        -------
        ndarray of shape `shape`
            Owned by the caller.

        Raises
        ------
        ShapeError
            If the initializer returns another shape.
        ValueError
            If it returns NaN, infinity, or more than the type holds.
        """
        return call_and_check(self, shape, dtype, rng, path or _place(rng))

    def explain(
        self,
        shape: ShapeLike,
        dtype: npt.DTypeLike | None = None,
        activation: "NonlinearityLike | None" = None,
    ) -> "Explanation":
        """Say what an array of this shape would hold, why, and whether that suits an activation.

        Nothing is drawn.

        Parameters
        ----------
        shape : int or sequence of int
            Shape of the array.
        dtype : dtype-like, optional
            Element type, ``float32`` unless given.
        activation : str or callable, optional
            What follows the layer, such as ``"relu"``. With it, choices that do not fit are named.

        Returns
        -------
        Explanation
            Formula, fans, variance, bounds, and what torch, Keras and JAX draw under the same
            name. Shows itself in a terminal and in a notebook.

        Raises
        ------
        TypeError
            If `shape` or `dtype` is of another type.
        ShapeError
            If the initializer cannot fill that shape.

        Examples
        --------
        >>> from fanin.initializers import GlorotUniform
        >>> found = GlorotUniform().explain((784, 128), activation="relu")
        >>> found.fan_in, found.fan_out
        (784.0, 128.0)
        >>> print(found.warnings[0])
        Glorot's variance 2/(fan_in + fan_out) was derived for ...
        """
        from fanin.initializers._explain import explain

        return explain(self, check_for_numpy(sizes(shape)), check_dtype(dtype), activation)

    def as_keras(self) -> Any:
        """Return this as an initializer of Keras.

        Keras's layers take fanin's initializers as they are. One made by this can also be saved and
        loaded with the model, after ``import fanin.initializers.keras``. As Keras's own, one with
        a seed gives the same values at every call, to equal layers too; :func:`fanin.initialize`
        does not.

        Returns
        -------
        fanin.initializers.keras.FaninInitializer
            A ``keras.Initializer``.
        """
        from fanin.initializers.keras import FaninInitializer

        return FaninInitializer(self)

    def as_jax(self) -> Callable[..., Any]:
        """Return this as a function ``init(key, shape, dtype)``, as JAX, Flax and Haiku take it.

        Returns
        -------
        callable
            Pure: the values are those of stream v1 seeded with the words of the key, whatever this
            initializer's own seed; of JAX's default type unless ``dtype`` is given. Works under
            ``jax.jit`` and ``jax.vmap``, by a callback.
        """
        from fanin.initializers._jax import as_jax

        return as_jax(self)

    def _fans_elsewhere(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return the fans as other frameworks count them, where that may be otherwise."""
        return None

    def _doubt(self, shape: tuple[int, ...]) -> str | None:
        """Say what about the shape is in doubt, if anything is."""
        return None

    def _facts(self, shape: tuple[int, ...]) -> "Facts | None":
        """Return what is known of the values without drawing them; None if nothing is."""
        return None

    def clone(self) -> Self:
        """Return an equal initializer."""
        return self.from_config(self.get_config())

    def _shown(self) -> dict[str, Any]:
        """Return the arguments that `repr` shows, and that equal initializers have in common."""
        return self.get_config()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._shown() == other._shown()

    def __hash__(self) -> int:
        return hash(repr(self))


def _place(rng: object) -> str:
    return rng.path if isinstance(rng, Stream) else ""


# What a subclass of an initializer that compiled code draws may override, and why no more.
COMPILED = (
    ("get_config", "from_config", "clone", "explain", "as_keras", "as_jax", "for_activation"),
    "layers take the numbers from compiled code",
    "derive from fanin.initializers.Initializer, whose __call__(shape, dtype=None, rng=None) "
    "layers do call, and let that call an initializer of this package",
)


class FixedInitializer(Initializer):
    """An initializer without anything random."""

    _elsewhere = ("call",)
    _honoured, _reason, _instead = COMPILED

    def __call__(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None = None, *, rng: Rng = None
    ) -> Array:
        """Return a new array of `shape`; `rng` is not needed."""
        axes, name = sizes(shape), check_dtype(dtype)
        if rng is not None:
            resolve(rng)
        return round_to(self._make(axes, compute_dtype(name)), name)

    def for_parameter(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None, rng: RandomSource, *, path: str = ""
    ) -> Array:
        """Fill one parameter of a network, see :meth:`Initializer.for_parameter`."""
        return self(shape, dtype)

    def _make(self, shape: tuple[int, ...], dtype: str) -> Array:
        """Return a new array of float32 or float64."""
        raise NotImplementedError


class RandomInitializer(Initializer):
    """An initializer with random values.

    Parameters
    ----------
    seed : int, sequence of int, or anything that ``rng=`` accepts, optional
        Used where a call gives no ``rng``: an integer gives the same values at every call, none
        gives new ones. In a network an integer is combined with the name of the parameter, so that
        one initializer shared by equal layers still gives each its own values.

    Examples
    --------
    >>> import numpy as np
    >>> from fanin.initializers import HeNormal
    >>> fixed = HeNormal(seed=1)
    >>> np.array_equal(fixed((3, 2)), fixed((3, 2)))
    True
    """

    _elsewhere = ("call",)
    _honoured, _reason, _instead = COMPILED

    @classmethod
    def _usable(cls) -> bool:
        return cls._draw is not RandomInitializer._draw

    def __init__(self, seed: Rng = None) -> None:
        self.seed: Rng = simplify(seed)
        self._check()

    def _check(self) -> None:
        """Check the arguments of the distribution: by drawing nothing from it."""
        self._draw((0, 0), "float64", Stream(0))

    def __call__(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None = None, *, rng: Rng = None
    ) -> Array:
        """Return a new array of random values.

        Parameters
        ----------
        shape : int or sequence of int
            Shape of the array.
        dtype : dtype-like, optional
            ``float32`` (default) or ``float64``; ``float16``, or ``bfloat16`` where the package
            ``ml_dtypes`` is installed: drawn in float32, then rounded.
        rng : optional
            Where the random numbers come from, see :mod:`fanin.random`; without it, the
            initializer's seed.

        Returns
        -------
        ndarray of shape `shape`
            The values.

        Raises
        ------
        TypeError
            If `shape`, `dtype` or `rng` is of another type.
        ShapeError
            If the shape cannot be used.
        ValueError
            If the values reach beyond what `dtype` holds. Generators then stand where they stood.
        MemoryError
            If there is no room for the array.
        """
        axes, name = sizes(shape), check_dtype(dtype)
        with drawing(self.seed if rng is None else rng) as source:
            return self._fill(axes, name, source)

    def fill(self, out: Array, *, rng: Rng = None) -> Array:
        """Fill an array that exists, see :meth:`Initializer.fill`."""
        target = check_out(out)
        name = target.dtype.name
        straight = target.flags.c_contiguous and target.flags.aligned
        with drawing(self.seed if rng is None else rng) as source:
            if isinstance(source, Stream) and straight and name in ("float32", "float64"):
                # No temporary: the kernel writes straight into it, having checked all arguments.
                self._draw(target.shape, name, source, target)
            else:
                target[...] = self._fill(target.shape, name, source)
        return out

    def for_parameter(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None, rng: RandomSource, *, path: str = ""
    ) -> Array:
        """Fill one parameter of a network, see :meth:`Initializer.for_parameter`."""
        axes, name = sizes(shape), check_dtype(dtype)
        with drawing(rng if self.seed is None else self.seed) as source:
            if self.seed is not None and isinstance(source, Stream):
                source = source.at(path or _place(rng))
            return self._fill(axes, name, source)

    def _config_value(self, name: str) -> Any:
        return config_of(self.seed) if name == "seed" else super()._config_value(name)

    def _shown(self) -> dict[str, Any]:
        bare = copy.copy(self)
        bare.seed = None
        return {**bare.get_config(), "seed": self.seed}

    def _fill(self, shape: tuple[int, ...], name: str, rng: RandomSource) -> Array:
        """Draw an array of this shape and of the dtype called `name`."""
        drawn = compute_dtype(name)
        if isinstance(rng, Replay) and name not in _CHARACTERS:
            raise TypeError(
                "dtype: expected float32 or float64, in which other frameworks' numbers are "
                f"replayed, found {name}"
            )
        if isinstance(rng, Stream):
            return round_to(self._draw(shape, drawn, rng), name)
        source = as_source(rng)
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.asarray(self._consume(check_for_numpy(shape), drawn, source))
        check_finite(values, values)
        return round_to(round_to(values, drawn), name)

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        """Draw into `out`, which is C-contiguous and of this shape and dtype, or a new array."""
        raise NotImplementedError

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        """Draw by the source's own methods; float64 is rounded to `dtype` afterwards."""
        raise NotImplementedError


class FromCallable(Initializer):
    """A function of ``(shape)``, with or without ``dtype`` and ``rng``, as an initializer."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None = None, *, rng: Rng = None
    ) -> Array:
        """Return the function's array, as a new one of `dtype`."""
        return call_and_check(self.function, shape, dtype, rng)

    def for_parameter(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None, rng: RandomSource, *, path: str = ""
    ) -> Array:
        """Fill one parameter of a network, see :meth:`Initializer.for_parameter`."""
        return call_and_check(self.function, shape, dtype, rng, path or _place(rng))
