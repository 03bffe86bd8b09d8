"""Features on the scale of given means and variances, or of those of some data."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core, initializers
from fanin.errors import ShapeError
from fanin.layers._arrays import Array, Weight, write_all
from fanin.layers._base import Layer, Shape

if TYPE_CHECKING:
    from fanin.initializers import Initializer
    from fanin.typing import LayerArguments

_ROWS = 1 << 14
"""Rows whose moments are found together."""

Moments = tuple[int, Array, Array]
"""How many rows, their mean, and their biased variance."""


def _kept_axis(name: str, value: Any) -> int | None:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    return None if value is None else _checks.integer(name, value, minimum=-1)


def _given(name: str, value: Any) -> float | tuple[float, ...] | None:
    """Return what is given for a mean or a variance: nothing, a number, or one for each feature."""
    if value is None:
        return None
    array = _checks.floats(name, value, "float64")
    if array.ndim > 1:
        raise ShapeError(
            f"{name}: expected a number or one for each feature, found shape {array.shape}"
        )
    numbers = array.reshape(-1).tolist()
    if name == "variance" and min(numbers, default=0.0) < 0:
        raise ValueError(f"{name}: expected numbers of at least 0, found {min(numbers)}")
    return tuple(numbers) if array.ndim else float(numbers[0])


class Normalization(Layer):
    """Take the mean off each feature and divide by its standard deviation.

    ``y = (x - mean) / max(sqrt(variance), 1e-7)``, with the mean and the variance that are given,
    or those of the data that `adapt` sees. Training leaves them as they are.

    Parameters
    ----------
    axis : int or None, default -1
        The axis of the features, the last one; None: there is one mean and one variance.
    mean, variance : array_like, optional
        A number, or one for each feature; both or neither.
    invert : bool, default False
        Whether to go back: ``y = mean + x * max(sqrt(variance), 1e-7)``.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Attributes
    ----------
    mean, variance : ndarray of shape (features,), or () for an axis of None
        0 and 1 before `adapt`, if none are given.

    Raises
    ------
    ValueError
        If `mean` is given without `variance`, or the other way round.
    ShapeError
        When it is built, if `axis` is not the last axis, or the number of features is another.

    Notes
    -----
    Files of weights have both arrays. Keras keeps a third, how many samples there were, and none
    where they are given.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Normalization()
    >>> layer.adapt([[1.0, 10.0], [3.0, 30.0]])
    >>> layer([[1.0, 20.0]])
    array([[-1.,  0.]], dtype=float32)
    """

    mean: Weight = Weight("Means, of shape (features,).")
    variance: Weight = Weight("Variances, of shape (features,).")

    kind = "normalization"
    _fixed = ("axis", "input_mean", "input_variance")
    _not_settings = ("axis", "mean", "variance")
    _options: ClassVar[Mapping[str, Any]] = {
        "axis": _kept_axis,
        "input_mean": lambda _, value: _given("mean", value),
        "input_variance": lambda _, value: _given("variance", value),
        "invert": _checks.flag,
    }

    def __init__(
        self,
        axis: int | None = -1,
        mean: ArrayLike | None = None,
        variance: ArrayLike | None = None,
        invert: bool = False,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.axis: int | None = axis
        self.input_mean: Any = mean
        self.input_variance: Any = variance
        self.invert = invert
        if (self.input_mean is None) != (self.input_variance is None):
            missing = "mean" if self.input_mean is None else "variance"
            raise ValueError(f"{missing}: expected both mean and variance or neither, found None")
        if axis is None and not isinstance(self.input_mean, float | None):
            raise ShapeError(
                f"mean: expected one number for an axis of None, found {_checks.found(mean)}"
            )
        super().__init__(**kwargs)

    def settings(self) -> dict[str, object]:
        """Return the settings of this layer for the core."""
        return {**super().settings(), "by_feature": self.axis is not None}

    def _config_value(self, name: str) -> Any:
        if name in ("mean", "variance"):
            return getattr(self, f"input_{name}")
        return super()._config_value(name)

    def _initializer_of(self, role: str) -> "Initializer":
        """Return the initializer of the array called `role`: what is given, or 0 and 1."""
        given = {"mean": self.input_mean, "variance": self.input_variance}
        if str(role) not in given:
            return super()._initializer_of(role)
        value = given[role]
        return initializers.Constant(float(role == "variance") if value is None else value)

    def is_trained(self, role: str) -> bool:
        """Whether gradients change the array called `role`: never."""
        return False

    def _holds(self) -> bool:
        return True

    def check_input(self, shape: Shape) -> None:
        """Refuse samples whose last axis is not `axis`, or has another length."""
        axes = ", ".join(map(str, ("batch", *shape)))
        if self.axis not in (None, -1, len(shape)):
            raise ShapeError(
                f"axis: expected -1 or {len(shape)}, the last one of ({axes}), or None, found "
                f"{self.axis} in layer {self.name!r}"
            )
        for name in ("mean", "variance"):
            value = getattr(self, f"input_{name}")
            if isinstance(value, tuple) and len(value) not in (1, shape[-1]):
                raise ShapeError(
                    f"{name}: expected one number for each of the {shape[-1]} features of "
                    f"({axes}), found {len(value)} in layer {self.name!r}"
                )

    def adapt(self, data: ArrayLike | Iterable[ArrayLike]) -> None:
        """Make mean and variance those of some data; the layer is built for it, if it is not yet.

        They are computed in double precision, in an order that depends on the number of samples
        alone.

        Parameters
        ----------
        data : array_like of shape (n, ..., features), or iterator of them
            The data; of an iterator, such as a generator, each is a batch.

        Raises
        ------
        ValueError
            If there are no samples, numbers are not finite, or mean and variance were given.
        ShapeError
            If the samples have another shape than those that the layer was built for.

        Examples
        --------
        >>> layer = Normalization()
        >>> layer.adapt(batch for batch in ([[1.0], [3.0]], [[5.0], [7.0]]))
        >>> layer.mean, layer.variance
        (array([4.], dtype=float32), array([5.], dtype=float32))
        """
        if self.input_mean is not None:
            raise ValueError(
                f"adapt: expected a layer without a mean of its own, found one with mean and "
                f"variance given: {self.name!r}"
            )
        shape, (_, mean, variance) = self._moments_of(data)
        if not self.built:
            self.build((None, *shape))
        views = [(f"{self.name}/{role}", self.arrays[role]) for role in ("mean", "variance")]
        values = [part.reshape(self.arrays["mean"].shape) for part in (mean, variance)]
        write_all(views, values, self._writing())

    def _moments_of(self, data: Any) -> tuple[Shape, Moments]:
        """Return the shape of a sample, and the moments of all."""
        shape: Shape | None = self._feature_shape
        found: Moments | None = None
        for batch in data if isinstance(data, Iterator) else (data,):
            array = _checks.floats("data", batch, "float64")
            if array.ndim < 2:
                raise ShapeError(
                    f"data: expected an array of shape (n, features), found {array.shape}"
                )
            if shape is None:
                shape = array.shape[1:]
                self.check_input(shape)
            if array.shape[1:] != shape:
                raise ShapeError(
                    f"data: expected samples of shape {shape} for layer {self.name!r}, found "
                    f"{array.shape[1:]}"
                )
            rows = array.reshape(-1, 1 if self.axis is None else array.shape[-1])
            for start in range(0, len(rows), _ROWS):
                found = _join(found, _moments(rows[start : start + _ROWS]))
        if found is None or shape is None:
            raise ValueError("data: expected at least one sample, found none")
        return shape, found


def _moments(rows: Array) -> Moments:
    """Return the moments of some rows: those that a batch normalization finds."""
    settings = {
        **{"kind": "batch_normalization", "momentum": 0.0, "epsilon": 1.0},
        **{"center": False, "scale": False, "trainable": True},
    }
    width = rows.shape[1]
    plan = _core.Plan((width,), [settings], "float64")
    state = np.zeros(2 * width)
    plan.forward(np.empty(0), state, np.ascontiguousarray(rows), True)
    return len(rows), state[:width], state[width:]


def _join(before: Moments | None, new: Moments) -> Moments:
    """Return the moments of rows of two parts, by the formula of Chan, Golub and LeVeque (1983)."""
    if before is None:
        return new
    (n, mean, variance), (m, other_mean, other_variance) = before, new
    share = m / (n + m)
    off = other_mean - mean
    joined = (1 - share) * variance + share * other_variance + share * (1 - share) * (off * off)
    return n + m, mean + share * off, joined
