"""Where random numbers come from: stream v1, or a NumPy generator that is consumed.

Every function of the package that draws takes ``rng=``:

==============================  ====================================================================
``None``                        fresh numbers; reproducible after :func:`set_random_seed`
int, sequence of ints           stream v1 with this seed
``numpy.random.SeedSequence``   stream v1 seeded with the state that the sequence generates
:class:`Stream`                 itself
``Generator``, ``RandomState``  consumed: drawn from by its own methods
``BitGenerator``                consumed, through a ``Generator``
``numpy.random``                its global ``RandomState``, which ``numpy.random.seed`` seeds
:class:`fanin.streams.Replay`   another framework's numbers, see :mod:`fanin.streams`
dict                            what :func:`config_of` made of one of these
==============================  ====================================================================
"""

import os
from _thread import allocate_lock  # `threading` takes a twentieth of `import fanin`
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fanin import streams
from fanin._absences import _absent
from fanin._checks import found, integer
from fanin.streams import Replay
from fanin.streams._base import checked_path

if TYPE_CHECKING:  # what `_LATER` has
    from fanin._drawing import SeedGenerator, dropout, normal, uniform

__all__ = [
    "RandomSource",
    "Rng",
    "SeedGenerator",
    "Stream",
    "config_of",
    "drawing",
    "dropout",
    "normal",
    "resolve",
    "set_random_seed",
    "uniform",
]

_LATER = dict.fromkeys(("SeedGenerator", "dropout", "normal", "uniform"), "fanin._drawing")

_CHUNK = 10**4000


def _decimal(number: int) -> str:
    """Write a number of any size in decimal (``str`` refuses more than some thousand digits)."""
    if number < _CHUNK:
        return str(number)
    high, low = divmod(number, _CHUNK)
    return _decimal(high) + str(low).zfill(4000)


def _numbers(seed: object, name: str) -> int | list[int]:
    """Return a seed in Python's own numbers."""
    if type(seed) is int and seed >= 0:
        return seed
    several = isinstance(seed, np.ndarray) and seed.ndim > 0
    if not several and (
        not isinstance(seed, Sequence) or isinstance(seed, str | bytes | bytearray)
    ):
        return integer(name, seed, minimum=0)
    words = [integer(name, number, minimum=0) for number in seed]  # type: ignore[attr-defined]
    if not words:
        raise ValueError(f"{name}: expected at least one whole number, found an empty sequence")
    return words


def _seed_text(seed: object, name: str) -> str:
    numbers = _numbers(seed, name)
    return _decimal(numbers) if isinstance(numbers, int) else ",".join(map(_decimal, numbers))


@dataclass(frozen=True, init=False, repr=False)
class Stream:
    """The random numbers of one seed and one path.

    A value drawn from a stream depends on the seed, the path, its place in the array and the
    distribution, and on nothing else: not on threads, instruction sets, operating system, the size
    of the array or what was drawn before. ``docs/stream.md`` gives the algorithm.

    Parameters
    ----------
    seed : int or sequence of int
        Whole numbers of at least 0, of any size. ``5`` and ``[5]`` are the same seed.
    path : str, optional
        Whose numbers these are, such as ``"dense/kernel"``.

    Attributes
    ----------
    seed : str
        The seed in decimal, the numbers of a sequence joined by commas.
    path : str
        The path.

    Examples
    --------
    >>> from fanin.initializers import HeNormal
    >>> stream = Stream(0)
    >>> a = HeNormal()((3, 2), rng=stream.at("hidden"))
    >>> b = HeNormal()((3, 2), rng=stream.at("output"))
    >>> bool((a == b).any())
    False
    """

    seed: str
    path: str

    def __init__(self, seed: int | Sequence[int], path: str = "") -> None:
        _set(self, _seed_text(seed, "seed"), checked_path(path))

    @classmethod
    def _seeded(cls, seed: object, name: str) -> "Stream":
        """Make a stream of a seed that errors call `name`."""
        return _set(object.__new__(cls), _seed_text(seed, name), "")

    def at(self, path: str) -> "Stream":
        """Go on to a part of what this stream is for.

        Parameters
        ----------
        path : str
            Joined to this stream's path by ``"/"``.

        Returns
        -------
        Stream
            Of the same seed, at the longer path.

        Examples
        --------
        >>> Stream(7, "dense").at("kernel")
        Stream(7, 'dense/kernel')
        """
        joined = "/".join(part for part in (self.path, checked_path(path)) if part)
        return _set(object.__new__(Stream), self.seed, joined)

    def __repr__(self) -> str:
        seed = f"[{self.seed.replace(',', ', ')}]" if "," in self.seed else self.seed
        return f"Stream({seed}, {self.path!r})"


def _set(stream: Stream, seed: str, path: str) -> Stream:
    object.__setattr__(stream, "seed", seed)
    object.__setattr__(stream, "path", path)
    return stream


# In quotes: numpy.random takes a third of the time of `import fanin`, and not all scripts use it.
RandomSource: TypeAlias = "Stream | Replay | np.random.Generator | np.random.RandomState"
"""What :func:`resolve` returns."""

Rng: TypeAlias = """(
    int | Sequence[int] | np.random.SeedSequence | np.random.BitGenerator | np.random.Generator
    | np.random.RandomState | Stream | Replay | Mapping[str, object] | ModuleType | None
)"""
"""What ``rng=`` accepts."""


class _Fresh:
    """Streams that nobody has had yet."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._seed: int | None = None
        self._count = 0

    def restart(self, seed: int) -> None:
        with self._lock:
            self._seed, self._count = seed, 0

    def next(self) -> Stream:
        with self._lock:
            if self._seed is None:
                return _set(object.__new__(Stream), str(int.from_bytes(os.urandom(16))), "")
            self._count += 1
            return Stream(self._seed, f"#{self._count - 1}")

    def put_back(self, stream: Stream) -> None:
        """Take back the last stream that was handed out, unless somebody has had another since."""
        with self._lock:
            if self._seed is not None and stream == Stream(self._seed, f"#{self._count - 1}"):
                self._count -= 1


_fresh = _Fresh()


def set_random_seed(seed: int) -> None:
    """Make everything that is drawn from now on reproducible.

    Seeds what ``rng=None`` draws from, Python's ``random`` and NumPy's global generator, as
    ``keras.utils.set_random_seed`` does. The n-th stream drawn afterwards with ``rng=None`` has
    this seed and the path ``"#n"``, counted from 0.

    Parameters
    ----------
    seed : int
        A whole number of at least 0.

    Raises
    ------
    TypeError
        If `seed` is not a whole number.
    ValueError
        If it is negative.

    Examples
    --------
    >>> from fanin.initializers import GlorotUniform
    >>> set_random_seed(1)
    >>> a = GlorotUniform()((2, 2))
    >>> set_random_seed(1)
    >>> bool((a == GlorotUniform()((2, 2))).all())
    True
    """
    number = integer("seed", seed, minimum=0)
    _fresh.restart(number)
    import random  # which imports hashlib

    random.seed(number)
    # NumPy's legacy seed is one 32-bit word or an array of them.
    words = [number >> shift & 0xFFFFFFFF for shift in range(0, max(number.bit_length(), 1), 32)]
    np.random.seed(words[0] if len(words) == 1 else words)


def resolve(rng: Rng = None, name: str = "rng") -> RandomSource:
    """Turn what a user gave as ``rng=`` into something to draw from.

    Parameters
    ----------
    rng : optional
        See the table at the top of this module.
    name : str, optional
        What errors call it.

    Returns
    -------
    Stream, Replay, numpy.random.Generator or numpy.random.RandomState
        A NumPy generator is to be consumed by its own methods.

    Raises
    ------
    TypeError
        If `rng` is none of these.
    ValueError
        If a seed is negative or a sequence empty.

    Examples
    --------
    >>> resolve([1, 2])
    Stream([1, 2], '')
    """
    if rng is None:
        return _fresh.next()
    if isinstance(rng, (Stream, Replay)):
        return rng
    if type(rng) is int:
        return Stream._seeded(rng, name)
    if isinstance(rng, (np.random.Generator, np.random.RandomState)):
        return rng
    if isinstance(rng, np.random.BitGenerator):
        return np.random.Generator(rng)
    if isinstance(rng, np.random.SeedSequence):
        return Stream(_words_of(rng))
    if isinstance(rng, Mapping) and rng.keys() == {"seed", "path"}:
        return _set(object.__new__(Stream), _text(rng["seed"], name), checked_path(rng["path"]))
    if isinstance(rng, Mapping) and "replay" in rng:
        return streams.from_config(rng, name)
    if isinstance(rng, ModuleType) and rng is np.random:
        # The only name by which NumPy hands out its global generator.
        return np.random.mtrand._rand
    if (
        isinstance(rng, bool | float | str | bytes | bytearray | ModuleType)
        or _hint(rng)
        or not (hasattr(rng, "__index__") or isinstance(rng, Sequence | np.ndarray))
    ):
        raise TypeError(
            f"{name}: expected None, a whole number or a sequence of them, a fanin.random.Stream, "
            "or a NumPy SeedSequence, BitGenerator, Generator or RandomState, found "
            f"{found(rng)}{_hint(rng)}"
        )
    return Stream._seeded(rng, name)


def _words_of(sequence: "np.random.SeedSequence") -> list[int]:
    return [int(word) for word in sequence.generate_state(8, np.uint32)]


def _text(seed: object, name: str) -> str:
    """Return the text of a stream's seed, which a configuration holds."""
    if not isinstance(seed, str):
        return _seed_text(seed, name)
    parts = seed.split(",")
    plain = (
        part.isascii() and part.isdigit() and part == (part.lstrip("0") or "0") for part in parts
    )
    if not all(plain):
        raise ValueError(
            f"{name}: expected decimal numbers joined by commas, as a Stream's seed is, found "
            f"{found(seed)}"
        )
    return seed


def simplify(seed: Rng, name: str = "seed") -> Rng:
    """Return a seed as objects keep it: checked, and no array that somebody may change.

    Parameters
    ----------
    seed : optional
        See the table at the top of this module.
    name : str, optional
        What errors call it.

    Returns
    -------
    None, int, list of int, Stream, Replay, Generator or RandomState
        Another seed of the same numbers, or the generator.

    Raises
    ------
    TypeError, ValueError
        As for :func:`resolve`.

    Examples
    --------
    >>> simplify(np.int64(5)), simplify(np.arange(3)), simplify({"seed": "5", "path": "a"})
    (5, [0, 1, 2], Stream(5, 'a'))
    """
    if seed is None:
        return None
    source = resolve(seed, name)
    if not isinstance(source, Stream) or isinstance(seed, Stream | Mapping):
        return source
    if type(seed) is not int and isinstance(seed, np.random.SeedSequence):
        return _words_of(seed)
    numbers = _numbers(seed, name)
    largest = numbers if isinstance(numbers, int) else max(numbers)
    return numbers if largest < _CHUNK else source  # Python shows no number of so many digits


def config_of(seed: Rng, name: str = "seed") -> int | list[int] | dict[str, object] | None:
    """Write a seed down in values that JSON can hold; :func:`resolve` reads them.

    Parameters
    ----------
    seed : optional
        See the table at the top of this module.
    name : str, optional
        What errors call it.

    Returns
    -------
    int, list of int, dict or None
        A whole number, a sequence or None as it is. A :class:`Stream` is ``{"seed": ..., "path":
        ...}``, its seed as text; so is a number of more than 4000 digits, which JSON cannot hold.
        Another framework's numbers are ``{"replay": ..., ...}``: those to come, if they are
        consumed.

    Raises
    ------
    TypeError
        If it is a NumPy generator, which is consumed and belongs to the user; or no seed at all.
    ValueError
        If a seed is negative or a sequence empty.

    Examples
    --------
    >>> config_of(np.int64(5)), config_of(Stream([1, 2], "mine"))
    (5, {'seed': '1,2', 'path': 'mine'})
    >>> resolve(config_of(Stream([1, 2], "mine")))
    Stream([1, 2], 'mine')
    """
    plain = simplify(seed, name)
    if isinstance(plain, Replay):
        return plain.get_config()
    if isinstance(plain, Stream):
        return {"seed": plain.seed, "path": plain.path}
    if plain is None or isinstance(plain, int | list):
        return plain
    raise TypeError(
        f"{name}: expected one that JSON can hold, such as a whole number or a Stream, found "
        f"{found(seed)}, which is consumed as it is drawn from"
    )


class drawing:  # noqa: N801 (called as a function, as contextlib.closing is)
    """What ``rng=`` stands for, for a while; if that ends in an error, nothing was drawn.

    Parameters
    ----------
    rng : optional
        See the table at the top of this module.
    name : str, optional
        What errors call it.

    Notes
    -----
    ``with`` gives what :func:`resolve` returns. After an exception, generators that are consumed
    stand where they stood before, and the next fresh stream is the one that was handed out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> try:
    ...     with drawing(rng) as source:
    ...         _ = source.normal(size=3)
    ...         raise ValueError
    ... except ValueError:
    ...     bool(rng.normal() == np.random.default_rng(0).normal())
    True
    """

    __slots__ = ("_go_back", "_source")

    def __init__(self, rng: Rng = None, name: str = "rng") -> None:
        self._source = resolve(rng, name)
        plain = rng is not None and isinstance(self._source, Stream)
        self._go_back = None if plain else _way_back(self._source)

    def __enter__(self) -> RandomSource:
        return self._source

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None and self._go_back is not None:
            self._go_back()


def _way_back(source: Any) -> Callable[[], None]:
    """Return what puts a source back to where it stands now."""
    if isinstance(source, Stream):
        return lambda: _fresh.put_back(source)
    if isinstance(source, Replay):
        taken = source.snapshot()
        return lambda: source.restore(taken)
    if isinstance(source, np.random.RandomState):
        state = source.get_state(legacy=False)
        return lambda: source.set_state(state)
    bits = source.bit_generator
    held = bits.state

    def go_back() -> None:
        bits.state = held

    return go_back


def _is_whole(number: object) -> bool:
    try:
        integer("", number)
    except TypeError:
        return False
    return True


def _hint(rng: object) -> str:
    """Say what to give in place of another framework's generator."""
    package = type(rng).__module__.partition(".")[0]
    if package == "torch" and hasattr(rng, "initial_seed"):
        return "; for torch's own numbers give fanin.streams.torch_cpu(generator.initial_seed())"
    if package in ("jax", "jaxlib") and not _is_whole(rng):
        return "; for JAX's own numbers give fanin.streams.jax(seed), the seed that made the key"
    return ""


_absent.guard(__name__, _LATER)
