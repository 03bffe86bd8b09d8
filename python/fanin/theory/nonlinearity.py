"""What the theory asks of an activation: its values, its slope, and where it bends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _core, activations
from fanin._checks import found, unknown
from fanin.errors import ShapeError
from fanin.show.results import Result

if TYPE_CHECKING:
    from fanin.typing import NonlinearityLike

Array = NDArray[np.float64]
Function = Callable[[Array], Array]


@dataclass(frozen=True, eq=False, repr=False)
class Nonlinearity(Result):
    """An activation as a function on float64 arrays.

    Parameters
    ----------
    name : str
        What it is called in messages.
    value : callable
        The function.
    slope : callable, optional
        Its derivative. Where there is none, it is taken from the values, piece by piece between
        the bends.
    bends : tuple of float
        Where the function or its slope is not smooth.
    jumps : bool
        Whether the function itself is discontinuous, so that its slope has no second moment.
    """

    name: str
    value: Function
    slope: Function | None
    bends: tuple[float, ...] = (0.0,)
    jumps: bool = False

    def shifted(self, by: float) -> "Nonlinearity":
        """Return this function of ``x + by``: what a bias of `by` makes of it."""
        if by == 0:
            return self
        value, slope = self.value, self.slope
        return Nonlinearity(
            self.name,
            lambda x: value(x + by),
            None if slope is None else lambda x: slope(x + by),
            tuple(bend - by for bend in self.bends),
            self.jumps,
        )


def resolve(
    activation: "NonlinearityLike | None",
    derivative: Function | None = None,
    **options: float,
) -> Nonlinearity:
    """Find an activation for the theory.

    Parameters
    ----------
    activation : str, callable, dict, layer, Nonlinearity or None
        What `fanin.activations.get` takes, one of `EXTRA`, or any function of an array that
        returns an array of the same shape.
    derivative : callable, optional
        The derivative, for a function of one's own.
    **options
        Options of a named activation, such as ``negative_slope``.

    Returns
    -------
    Nonlinearity
        The function with what is known of it.

    Raises
    ------
    ValueError
        If the name is not known, or it is softmax, which mixes units.
    TypeError
        If it is neither a name nor callable, or options are given for a function of one's own.

    Examples
    --------
    >>> resolve("leaky_relu", negative_slope=0.5).value(np.array([-2.0, 3.0]))
    array([-1.,  3.])
    """
    if derivative is not None and not callable(derivative):
        raise TypeError(f"derivative: expected a function of an array, found {found(derivative)}")
    if isinstance(activation, Nonlinearity):
        if options:
            raise TypeError(
                f"options: expected none, found {_listed(options)}: a Nonlinearity has its own"
            )
        return activation if derivative is None else replace(activation, slope=derivative)
    if isinstance(activation, str) and activation.lower() in EXTRA:
        if options:
            raise TypeError(
                f"options: expected none, found {_listed(options)}: activation {activation!r} has "
                "no options"
            )
        value, slope, bends = EXTRA[activation.lower()]
        return Nonlinearity(activation.lower(), value, derivative or slope, bends)
    settings = _settings(activation, options)
    if settings is not None:
        known = _of_the_core(tuple(sorted(settings.items())))
        return known if derivative is None else replace(known, slope=derivative)
    if not callable(activation):
        raise TypeError(
            f"activation: expected a name or a function of an array, found {found(activation)}"
        )
    if options:
        raise TypeError(
            f"options: expected none, found {_listed(options)}: a function of your own takes its "
            "options itself (functools.partial)"
        )
    return _of_a_function(activation, derivative)


def _listed(options: dict[str, Any]) -> str:
    return ", ".join(f"{name}={found(value)}" for name, value in options.items())


def _settings(activation: Any, options: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the core is told about an activation; None if it does not have it."""
    if isinstance(activation, str):
        try:
            activation = activations.get(activation)
        except ValueError:
            raise unknown("activation", activation, (*activations._BY_NAME, *EXTRA)) from None
    elif activation is None or isinstance(activation, Mapping):
        activation = activations.get(activation)
    try:
        known = activations.settings(activation)
    except TypeError:
        return None
    if not options:
        return known
    config = {name: value for name, value in known.items() if name != "kind"}
    return activations.settings(
        activations.deserialize({"class_name": known["kind"], "config": {**config, **options}})
    )


# One object for equal settings: what is known of it need not be found out again.
@lru_cache(maxsize=64)
def _of_the_core(items: tuple[tuple[str, Any], ...]) -> Nonlinearity:
    settings = dict(items)
    name = settings["kind"]
    if name in activations.MIXING:
        raise ValueError(
            f"activation: expected one that acts on each unit by itself, found {name!r}, which "
            "mixes the units of a layer"
        )

    def value(x: Array) -> Array:
        return _core.activate(settings, np.ascontiguousarray(x, dtype=np.float64))

    def slope(x: Array) -> Array:
        flat = np.ascontiguousarray(x, dtype=np.float64)
        return _core.activate_backward(settings, flat, np.ones_like(flat))

    bends, jumps = _bends(settings)
    return Nonlinearity(name, value, slope, bends, jumps)


_SMOOTH = (
    *("linear", "tanh", "sigmoid", "gelu", "silu", "softplus"),
    *("mish", "exponential", "log_sigmoid", "squareplus", "tanh_shrink"),
)
_BENDS: Mapping[str, tuple[float, ...]] = {
    **dict.fromkeys(_SMOOTH, ()),
    "relu6": (0.0, 6.0),
    **dict.fromkeys(("hard_tanh", "sparse_plus", "sparse_sigmoid"), (-1.0, 1.0)),
    **dict.fromkeys(("hard_sigmoid", "hard_silu"), (-3.0, 3.0)),
}


def _bends(settings: Mapping[str, Any]) -> tuple[tuple[float, ...], bool]:
    """Return where an activation of the core bends, and whether it jumps there."""
    kind, threshold = settings["kind"], settings.get("threshold", 0.0)
    if kind in ("soft_shrink", "hard_shrink"):
        return (-threshold, threshold), kind == "hard_shrink" and threshold > 0
    if kind == "threshold":
        return (threshold,), settings["default_value"] != threshold
    if kind == "rectifier":
        bends = {threshold, settings.get("max_value", threshold)}
        return tuple(sorted(bends)), threshold > 0
    return _BENDS.get(kind, (0.0,)), False


def _of_a_function(function: Callable[..., ArrayLike], derivative: Function | None) -> Nonlinearity:
    name = getattr(function, "__name__", type(function).__name__)
    value = checked(function, f"activation {name!r}")
    slope = None if derivative is None else checked(derivative, f"derivative of {name!r}")
    bends, jumps = find_bends(value)
    return Nonlinearity(name, value, slope, bends, jumps and slope is None)


def checked(function: Callable[..., ArrayLike], what: str) -> Function:
    """Wrap a foreign function so that what it returns is what an activation returns."""

    def wrapped(x: Array) -> Array:
        with np.errstate(all="ignore"):
            y = np.asarray(function(x.copy()))
        if y.shape != x.shape:
            raise ShapeError(
                f"{what}: expected an array of the shape it is given, {x.shape}, found one of "
                f"shape {y.shape}"
            )
        if y.dtype.kind not in "fiub":
            raise TypeError(f"{what}: expected real numbers, found dtype {y.dtype}")
        values = y.astype(np.float64)
        if np.isnan(values).any():
            place = x[np.isnan(values)].flat[0]
            raise ValueError(f"{what}: expected numbers, found NaN at {place:g}")
        return values

    return wrapped


_REACH = 64.0
_NARROW = 1e-9


def find_bends(value: Function) -> tuple[tuple[float, ...], bool]:
    """Find where a function is not smooth, within ±64.

    Each piece on which a polynomial of degree 8 does not hold the function is halved, until it is
    narrower than 1e-9.

    Parameters
    ----------
    value : callable
        The function.

    Returns
    -------
    bends : tuple of float
        The places, in order; 0 is always one.
    jumps : bool
        Whether the function is discontinuous at one of them.
    """
    # Odd edges: no bend that anybody writes down falls between two pieces, where none would see it.
    edges = np.linspace(-_REACH - 0.1234567, _REACH + 0.0765431, 515)
    left, right = edges[:-1], edges[1:]
    bends: list[float] = [0.0]
    jumps = False
    while left.size and left.size <= 1 << 14:
        middle = (left + right) / 2
        rough = _roughness(value, left, right)
        left, middle, right = left[rough], middle[rough], right[rough]
        done = right - left < _NARROW
        for a, b in zip(left[done], right[done], strict=True):
            ends = value(np.array([a - _NARROW, b + _NARROW, a - 1e-3, b + 1e-3]))
            if not np.isfinite(ends).all():
                continue  # it overflows there; integrals that reach so far will say so
            steepness = abs(ends[0] - ends[2]) + abs(ends[3] - ends[1])
            # A jump is larger than what the slope on either side explains.
            jumps |= bool(abs(ends[1] - ends[0]) > 1e-3 * steepness + 1e-12)
            if min(abs(a - f) for f in bends) > 4 * _NARROW:
                bends.append(float((a + b) / 2))
        left, middle, right = left[~done], middle[~done], right[~done]
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    return tuple(sorted(bends)), jumps


# A piece is looked at with a margin, so that a bend next to an edge is seen from both sides.
_MARGIN = 1.1
_PROBE = -np.cos(np.pi * np.arange(9) / 8)
_CHEBYSHEV = np.polynomial.chebyshev.chebvander(_PROBE, 8)


def _roughness(value: Function, left: Array, right: Array) -> NDArray[np.bool_]:
    """Say on which pieces a polynomial of degree 8 does not hold the function."""
    half = (right - left) / 2
    y = value(((left + right) / 2)[:, None] + _MARGIN * half[:, None] * _PROBE)
    y = np.where(np.isfinite(y), y, 0.0)
    coefficients = np.linalg.solve(_CHEBYSHEV, y.T).T
    # What rounding of the argument and of the value leaves, and what a bend of 1e-6 would.
    steep = np.abs(np.diff(y, axis=1)).max(axis=1)
    noise = 1e-13 * np.abs(y).max(axis=1) + 1e-300
    return np.asarray(np.abs(coefficients[:, -3:]).max(axis=1) > noise + 3e-5 * steep)


def _elementary(name: Literal["sin", "cos"]) -> Function:
    return lambda x: _core.elementary(name, np.ascontiguousarray(x, dtype=np.float64))


EXTRA: dict[str, tuple[Function, Function, tuple[float, ...]]] = {
    "sin": (_elementary("sin"), _elementary("cos"), ()),
}
"""Activations that layers do not have: value, slope and bends of each."""
