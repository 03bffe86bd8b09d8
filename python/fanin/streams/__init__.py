"""Other frameworks' random numbers, without those frameworks: sources for ``rng=``.

=========================  =====================================================================
:func:`numpy_legacy`       what ``numpy.random.*`` gives after ``numpy.random.seed(seed)``
:func:`torch_cpu`          what ``torch.nn.init.*`` gives on the CPU after ``torch.manual_seed``
:func:`jax`                what ``jax.nn.initializers.*`` gives for ``jax.random.key(seed)``
=========================  =====================================================================

``docs/replay.md`` says how the numbers are made and to which bits they agree.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fanin import _core
from fanin._absences import _absent
from fanin._checks import flag, found, integer
from fanin.streams._base import Replay

if TYPE_CHECKING:  # what `_LATER` has
    from fanin.streams._jax import Jax
    from fanin.streams._torch import TorchCpu

_LATER = {"Jax": "fanin.streams._jax", "TorchCpu": "fanin.streams._torch"}

__all__ = ["Jax", "Replay", "TorchCpu", "jax", "numpy_legacy", "torch_cpu"]


def numpy_legacy(seed: int | Sequence[int]) -> "np.random.RandomState":
    """Replay NumPy after ``numpy.random.seed(seed)``.

    Parameters
    ----------
    seed : int or sequence of int
        From 0 to 2**32 - 1.

    Returns
    -------
    numpy.random.RandomState
        NumPy's own; it is consumed, and NumPy has frozen the numbers that it gives.

    Raises
    ------
    TypeError
        If `seed` is not a whole number or a sequence of them.
    ValueError
        If one is out of range, or the sequence is empty.

    Examples
    --------
    >>> from fanin.initializers import RandomNormal
    >>> np.random.seed(0)
    >>> same = RandomNormal(0.0, 1.0)((2, 2), "float64", rng=numpy_legacy(0))
    >>> bool((same == np.random.normal(size=(2, 2))).all())
    True
    """
    most = 2**32 - 1
    if not isinstance(seed, (Sequence, np.ndarray)) or isinstance(seed, (str, bytes)):
        return np.random.RandomState(integer("seed", seed, minimum=0, maximum=most))
    words = [
        integer("seed", word, minimum=0, maximum=most)
        for word in np.ravel(np.asarray(seed, object))
    ]
    if not words:
        raise ValueError("seed: expected at least one whole number, found an empty sequence")
    return np.random.RandomState(words)


def torch_cpu(seed: int) -> "TorchCpu":
    """Replay torch on the CPU after ``torch.manual_seed(seed)``.

    Parameters
    ----------
    seed : int
        From -2**63 to 2**64 - 1, as in torch. A negative one is taken modulo 2**64, and of all the
        generator uses the low 32 bits.

    Returns
    -------
    TorchCpu
        Consumed as torch's global generator is, in the order in which arrays are filled.

    Raises
    ------
    TypeError
        If `seed` is not a whole number.
    ValueError
        If it is out of range.

    Examples
    --------
    torch's ``xavier_uniform_`` of a tensor of this shape:

    >>> from fanin.initializers import GlorotUniform
    >>> GlorotUniform()((2, 2), rng=torch_cpu(0))
    array([[-0.00916945,  0.65700656],
           [-1.0080204 , -0.90133756]], dtype=float32)
    """
    number = integer("seed", seed, minimum=-(2**63), maximum=2**64 - 1)
    from fanin.streams import TorchCpu

    return TorchCpu(_core.mt19937_state(number & 0xFFFFFFFF))


def jax(seed: int, *, x64: bool = False) -> "Jax":
    """Replay JAX with ``jax.random.key(seed)``.

    Parameters
    ----------
    seed : int
        From -2**63 to 2**63 - 1.
    x64 : bool, optional
        Whether ``jax_enable_x64`` is on. Off, JAX uses the low 32 bits of the seed.

    Returns
    -------
    Jax
        The key.

    Raises
    ------
    TypeError
        If `seed` is not a whole number.
    ValueError
        If it is out of range.

    Examples
    --------
    ``jax.nn.initializers.he_normal()(jax.random.key(0), (2, 2))``:

    >>> from fanin.initializers import HeNormal
    >>> HeNormal()((2, 2), rng=jax(0))
    array([[...]], dtype=float32)
    """
    from fanin.streams._jax import from_bits

    number = integer("seed", seed, minimum=-(2**63), maximum=2**63 - 1)
    return from_bits(number & (2**64 - 1 if flag("x64", x64) else 2**32 - 1))


_KINDS = {"jax": "Jax", "torch_cpu": "TorchCpu"}
"""Of what a configuration calls a source, the class."""


def from_config(config: Mapping[str, object], name: str = "seed") -> Replay:
    """Make the source that :meth:`Replay.get_config` described.

    Parameters
    ----------
    config : mapping
        With ``"replay"``, which says whose numbers they are.
    name : str, optional
        What errors call it.

    Returns
    -------
    Replay
        Of equal numbers; one that is consumed goes on by itself.

    Raises
    ------
    ValueError
        If the configuration is none of a source here.

    Examples
    --------
    >>> from_config({"replay": "jax", "words": [0, 7]})
    Jax(words=(0, 7))
    """
    kind = config.get("replay")
    if not isinstance(kind, str) or kind not in _KINDS:
        words = " or ".join(map(repr, _KINDS))
        raise ValueError(f"{name}: expected {words} as its 'replay', found {found(kind)}")
    cls: type[Replay] = getattr(sys.modules[__name__], _KINDS[kind])
    try:
        return cls.from_config(config)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"{name}: expected the configuration of a {kind} source, found another: {error}"
        ) from None


_absent.guard(__name__, _LATER)
