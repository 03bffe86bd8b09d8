"""What every optimizer shares: learning rate, weight decay, clipping, slots."""

import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, _core
from fanin._checks import FloatArray
from fanin._members import _signatures
from fanin._members._registry import CoreMember
from fanin.errors import ShapeError
from fanin.optimizers import schedules

Schedule = Callable[[int], float]

_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
_UNSUPPORTED = {
    "use_ema": "averaged weights are not implemented",
    "ema_momentum": "averaged weights are not implemented",
    "ema_overwrite_frequency": "averaged weights are not implemented",
    "loss_scale_factor": "training is in float32 or float64 and needs no loss scaling",
    "gradient_accumulation_steps": "use a larger batch_size",
    "decay": "use a schedule such as optimizers.schedules.ExponentialDecay",
    "lr": "it is called learning_rate",
    "jit_compile": "everything is compiled already",
}


def _optional_number(name: str, value: Any, **bounds: float) -> float | None:
    """Return None for None; Keras also takes 0 and False as "not set"."""
    if value is None or value is False:
        return None
    return _checks.number(name, value, **bounds)


class Optimizer(CoreMember):
    """Base class of the optimizers.

    An optimizer holds the rule and its numbers, no arrays: `init` makes the slots for an array of
    parameters, and `step` updates both in place. `Sequential.fit` does so for the whole network in
    one pass.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule: steps done -> learning rate.
    weight_decay : float, optional
        Decoupled decay: ``w -= learning_rate * weight_decay * w`` before each step.
    clipnorm : float, optional
        Largest norm of a parameter's gradient.
    clipvalue : float, optional
        Largest absolute value of a gradient's elements.
    global_clipnorm : float, optional
        Largest norm of all gradients together. At most one of the three may be given.
    name : str, optional
        Name of the object.
    **kwargs
        Refused, with the reason.

    Examples
    --------
    >>> import numpy as np
    >>> from fanin.optimizers import SGD
    >>> optimizer, weights = SGD(0.5), np.ones(2, "float32")
    >>> slots = optimizer.init(weights)
    >>> optimizer.step(weights, np.ones(2, "float32"), slots, 0)
    >>> weights
    array([0.5, 0.5], dtype=float32)
    """

    squares: ClassVar[tuple[str, ...]] = ()
    """The slots that are sums or means of squares: never negative."""

    _family = "optimizers"
    _honoured = (
        "learning_rates",
        "settings",
        "slot_names",
        "init",
        "get_config",
        "from_config",
    )
    _elsewhere = (
        "update_step",
        "apply",
        "apply_gradients",
        "build",
        "minimize",
        "get_updates",
        "_resource_apply_dense",
        "_resource_apply_sparse",
        "_create_slots",
    )
    _reason = "training runs in compiled code, which takes the steps itself"
    _instead = (
        "give learning_rate a schedule of your own, or write the loop: model.forward, "
        "loss.value_and_gradient, model.backward, and your own step on the arrays of the layers"
    )
    _unsupported = _UNSUPPORTED
    _options: ClassVar[Mapping[str, Any]] = {
        "name": _checks.text,
        "weight_decay": partial(_optional_number, at_least=0.0),
        **dict.fromkeys(_CLIPPING, partial(_optional_number, above=0.0)),
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        **kwargs: Never,
    ) -> None:
        given = [key for key in kwargs if not _asks_for_nothing(key, kwargs[key])]
        if given:
            known = _signatures.names(type(self))
            _checks.keywords(type(self).__name__, given, known, _UNSUPPORTED)
        self._learning_rate = _rate(learning_rate)
        self.weight_decay = weight_decay
        self.clipnorm: float | None = clipnorm
        self.clipvalue: float | None = clipvalue
        self.global_clipnorm = global_clipnorm
        self.name: str = self.kind if name is None else name
        # What counts the steps, for each model that is compiled with this optimizer.
        self._counters: weakref.WeakSet[Any] = weakref.WeakSet()

    @property
    def iterations(self) -> int:
        """Steps done since the model was compiled with this optimizer; 0 before.

        The model counts them, so that an optimizer which several models share is new to each. Where
        those have done different numbers of steps there is no one number: an AttributeError.
        Steps that are taken by calling `step` are counted by the caller.
        """
        counts = {counter.iterations for counter in self._counters}
        if len(counts) > 1:
            raise AttributeError(
                f"iterations: expected one number of steps, found {sorted(counts)}, of several "
                "models that share this optimizer; give each a copy.deepcopy of it"
            )
        return next(iter(counts), 0)

    def __getstate__(self) -> dict[str, object]:
        # A copy by itself is new; that of a model says to its own optimizer who counts.
        return {**super().__getstate__(), "_counters": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._counters = weakref.WeakSet()

    def _check_change(self, name: str, value: Any) -> None:
        if name in _CLIPPING and value is not None:
            for other in _CLIPPING:
                if other != name and self.__dict__.get(other) is not None:
                    raise ValueError(
                        f"{name}: expected nothing beside {other}, found {_checks.found(value)}"
                    )

    @property
    def learning_rate(self) -> float | Schedule:
        """The learning rate: a float, or the schedule.

        Setting it to a number changes the next steps; a schedule decides for itself, and setting
        the rate of an optimizer that has one is a TypeError, as in Keras.
        """
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | Schedule) -> None:
        if callable(self._learning_rate) and not callable(value):
            raise TypeError(
                "learning_rate: expected a schedule, as the one that the optimizer was made with, "
                f"found {_checks.found(value)}"
            )
        self._learning_rate = _rate(value)

    def learning_rates(self, start: int, count: int) -> NDArray[np.float64]:
        """Return the learning rates of the next steps.

        Parameters
        ----------
        start : int
            Steps done before.
        count : int
            How many.

        Returns
        -------
        ndarray of shape (count,)
            One a step.

        Raises
        ------
        ValueError
            If `start` or `count` is negative, or a schedule returns something that is not a finite
            number of at least 0.
        """
        start = _checks.count("start", start)
        count = _checks.count("count", count)
        if not callable(self._learning_rate):
            return np.full(count, self._learning_rate, dtype=np.float64)
        rates = [self._rate_of(step) for step in range(start, start + count)]
        return np.array(rates, dtype=np.float64)

    def _rate_of(self, step: int) -> float:
        """Return the learning rate of one step."""
        rate = self._learning_rate
        if not callable(rate):
            return float(rate)
        rate = rate(step)
        return _checks.number(f"learning rate of step {step}", rate, at_least=0.0)

    def settings(self) -> dict[str, object]:
        """Return the settings of this optimizer for the core.

        Returns
        -------
        dict
            ``kind`` and the options; 0 stands for no decay and no clipping.
        """
        shared = {key: getattr(self, key) or 0.0 for key in ("weight_decay", *_CLIPPING)}
        return {**super().settings(), **shared}

    def slot_names(self) -> list[str]:
        """Return the names of the arrays that a step reads and updates beside the parameters.

        Returns
        -------
        list of str
            Such as momentum, or first and second moment.
        """
        return _core.optimizer_slots(self._settings())

    def init(self, params: FloatArray) -> FloatArray:
        """Make the slots for an array of parameters, filled with zeros.

        Parameters
        ----------
        params : ndarray of float32 or float64
            The parameters.

        Returns
        -------
        ndarray of shape (slots, params.size)
            One row for each of `slot_names`.

        Examples
        --------
        >>> import numpy as np
        >>> from fanin.optimizers import SGD
        >>> SGD(momentum=0.9).init(np.ones(3)).shape
        (1, 3)
        """
        dtype = _dtype(params)
        return np.zeros((len(self.slot_names()), params.size), dtype)

    def step(
        self, params: FloatArray, grads: ArrayLike, slots: FloatArray, iteration: int = 0
    ) -> None:
        """Update parameters and slots in place.

        Parameters
        ----------
        params : ndarray of float32 or float64
            The parameters, contiguous and writable; of any shape, taken as one variable.
        grads : array_like of the shape of `params`
            Their gradient.
        slots : ndarray
            What `init` returned, updated by the steps before.
        iteration : int, default 0
            Steps done before.

        Raises
        ------
        ShapeError
            If shapes do not agree.

        Examples
        --------
        >>> import numpy as np
        >>> from fanin.optimizers import SGD
        >>> w = np.array([1.0, 2.0])
        >>> sgd = SGD(learning_rate=0.5)
        >>> sgd.step(w, [1.0, -1.0], sgd.init(w))
        >>> w
        array([0.5, 2.5])
        """
        dtype = _dtype(params)
        if not (params.flags.c_contiguous and params.flags.writeable):
            raise ValueError(
                "params: expected a contiguous array that can be written to, since it is updated "
                f"in place, found {_checks.found(params)}"
            )
        gradient = _checks.floats("grads", grads, dtype, finite=False)
        if gradient.shape != params.shape:
            raise ShapeError(f"grads: expected shape {params.shape}, found {gradient.shape}")
        done = _checks.count("iteration", iteration)
        _core.optimizer_step(
            self._kept_settings or self._settings(),
            params.reshape(-1),
            gradient.reshape(-1),
            slots,
            done,
            self._rate_of(done),
        )

    def _config_value(self, name: str) -> Any:
        value = super()._config_value(name)
        if isinstance(value, schedules.LearningRateSchedule):
            return schedules.serialize(value)
        return value

    def _shown(self) -> dict[str, Any]:
        return {"learning_rate": self.learning_rate, **super()._shown()}


def _dtype(params: object) -> str:
    """Return the dtype of parameters, which must be an array: they are updated in place."""
    if not isinstance(params, np.ndarray):
        raise TypeError(f"params: expected a NumPy array, found {_checks.found(params)}")
    return _checks.float_dtype("dtype of params", params.dtype)


def _rate(value: Any) -> float | Schedule:
    if isinstance(value, Mapping):
        return schedules.deserialize(value)
    if callable(value):
        schedule: Schedule = value
        return schedule
    return _checks.number("learning_rate", value, at_least=0.0)


def _asks_for_nothing(name: str, value: object) -> bool:
    """Whether an unsupported argument is given at the value that asks for nothing."""
    return name in _UNSUPPORTED and (value is None or value is False or name == "ema_momentum")
