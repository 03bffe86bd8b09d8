"""What every optimizer shares: learning rate, weight decay, clipping, slots."""

import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, _core
from fanin._checks import FloatArray
from fanin._members import _signatures
from fanin._members._registry import CoreMember, check_config
from fanin.errors import ShapeError
from fanin.optimizers import schedules

Schedule = Callable[[int], float]

_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
_UNSUPPORTED = {
    "loss_scale_factor": "training is in float32 or float64 and needs no loss scaling",
    "decay": "use a schedule such as optimizers.schedules.ExponentialDecay",
    "lr": "it is called learning_rate",
    "jit_compile": "everything is compiled already",
}


def optional_number(name: str, value: Any, **bounds: float) -> float | None:
    """Return None for None; Keras also takes 0 and False as "not set"."""
    if value is None or value is False:
        return None
    return _checks.number(name, value, **bounds)


def _optional_count(name: str, value: Any, minimum: int) -> int | None:
    """Return None for None, and for 0 and False, which Keras takes as "not set" too."""
    if value is None or value is False or (type(value) is int and value == 0):
        return None
    return _checks.count(name, value, minimum=minimum)


check_convention = partial(_checks.one_of, choices=("keras", "torch"))

_SINCE: dict[str, Any] = {
    "convention": "keras",
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "gradient_accumulation_steps": None,
    "_without_decay": None,
}
"""Attributes that optimizers of earlier pickles do not have."""


class Around(TypedDict, total=False):
    """Arguments that every optimizer takes by keyword alone; see `Optimizer`."""

    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    gradient_accumulation_steps: int | None


class Clipping(Around, total=False):
    """Arguments that every optimizer takes, but for the weight decay; see `Optimizer`."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    name: str | None


class Shared(Clipping, total=False):
    """Arguments that every optimizer takes; see `Optimizer`."""

    weight_decay: float | None


class LearningRate(float):
    """The learning rate of an optimizer: a float that can be assigned, as a variable of Keras.

    Examples
    --------
    >>> from fanin.optimizers import SGD
    >>> optimizer = SGD(0.5)
    >>> optimizer.learning_rate.assign(0.25)
    >>> optimizer.learning_rate, float(optimizer.learning_rate)
    (0.25, 0.25)
    """

    __slots__ = ("_optimizer",)

    def __init__(self, value: float, optimizer: "Optimizer") -> None:
        self._optimizer = optimizer

    def __new__(cls, value: float, optimizer: "Optimizer") -> Self:
        """Make one."""
        return super().__new__(cls, value)

    def assign(self, value: float) -> None:
        """Set the learning rate of the optimizer.

        Parameters
        ----------
        value : float
            The rate of the next steps.
        """
        self._optimizer.learning_rate = value

    def numpy(self) -> NDArray[np.float64]:
        """Return the number as an array.

        Returns
        -------
        ndarray of shape ()
            The learning rate.
        """
        return np.array(float(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)


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
    use_ema : bool, default False
        Whether to keep an exponential moving average of the parameters, which `fit` leaves in the
        network at its end. Meanwhile it is ``model.slots["average"]``.
    ema_momentum : float, default 0.99
        ``average = ema_momentum * average + (1 - ema_momentum) * w`` after each batch; until the
        second step it is `w`.
    ema_overwrite_frequency : int, optional
        Steps after which the parameters become their average, again and again.
    gradient_accumulation_steps : int, optional
        Batches whose mean gradient makes one step; at least 2. Schedules count batches.
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
        "exclude_from_weight_decay",
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
        "weight_decay": partial(optional_number, at_least=0.0),
        **dict.fromkeys(_CLIPPING, partial(optional_number, above=0.0)),
        "use_ema": _checks.flag,
        "ema_momentum": partial(_checks.number, at_least=0.0, at_most=1.0),
        "ema_overwrite_frequency": partial(_optional_count, minimum=1),
        "gradient_accumulation_steps": partial(_optional_count, minimum=2),
    }
    _whole: ClassVar[bool] = False
    """Whether a step compares losses of all samples, and is taken in Python."""
    _couples: ClassVar[bool] = True
    """Whether torch adds the weight decay to the gradients."""

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        *,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
        **kwargs: Any,
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
        self.use_ema: bool = use_ema
        self.ema_momentum: float = ema_momentum
        self.ema_overwrite_frequency: int | None = ema_overwrite_frequency
        self.gradient_accumulation_steps: int | None = gradient_accumulation_steps
        self._without_decay: list[str] | None = None
        # What counts the steps, for each model that is compiled with this optimizer.
        self._counters: weakref.WeakSet[Any] = weakref.WeakSet()

    @property
    def iterations(self) -> int:
        """Steps done since the model was compiled with this optimizer; 0 before.

        The model counts them, so that an optimizer which several models share is new to each. Where
        those have done different numbers of steps there is no one number: an AttributeError.
        Steps that are taken by calling `step` are counted by the caller. Where gradients are
        accumulated, several batches are a step.
        """
        batches = self.gradient_accumulation_steps or 1
        counts = {counter.iterations // batches for counter in self._counters}
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
        self.__dict__.update({**_SINCE, **state})
        self._counters = weakref.WeakSet()

    def _check_change(self, name: str, value: Any) -> None:
        if name in _CLIPPING and value is not None:
            for other in _CLIPPING:
                if other != name and self.__dict__.get(other) is not None:
                    raise ValueError(
                        f"{name}: expected nothing beside {other}, found {_checks.found(value)}"
                    )

    @property
    def learning_rate(self) -> LearningRate | Schedule:
        """The learning rate: a float, or the schedule.

        Setting it to a number, or ``learning_rate.assign(number)``, changes the next
        steps; a schedule decides for itself, and setting the rate of an optimizer that has one is a
        TypeError, as in Keras.
        """
        rate = self._learning_rate
        return rate if callable(rate) else LearningRate(rate, self)

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
        return {**super().settings(), **shared, **self._settings_besides()}

    def _settings_besides(self) -> dict[str, object]:
        """Return the settings of what is asked for beyond the rule, decay and clipping."""
        found: dict[str, object] = {}
        if self.gradient_accumulation_steps is not None:
            found["gradient_accumulation_steps"] = self.gradient_accumulation_steps
        if self.use_ema:
            found["ema_momentum"] = self.ema_momentum
            if self.ema_overwrite_frequency is not None:
                found["ema_overwrite_frequency"] = self.ema_overwrite_frequency
        if getattr(self, "convention", "keras") != "keras":
            found |= {"convention": "torch", "coupled": self._couples}
        return found

    def exclude_from_weight_decay(
        self, var_list: Any = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Leave parameters out of the weight decay; to be called before training.

        Parameters
        ----------
        var_list : None
            Arrays of layers are views, which have no names: say `var_names`.
        var_names : sequence of str, optional
            Regular expressions: a parameter is left out if one is found in its name, such as
            ``"bias"`` or ``"gamma"``.

        Raises
        ------
        TypeError
            If `var_names` are no texts, or `var_list` is given.
        ValueError
            If one is no regular expression.

        Examples
        --------
        >>> from fanin.optimizers import AdamW
        >>> optimizer = AdamW(weight_decay=0.01)
        >>> optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        """
        if var_list is not None:
            raise TypeError(
                "var_list: expected None, since arrays have no names here; give var_names, such as "
                f"['bias'], found {_checks.found(var_list)}"
            )
        self._without_decay = None if var_names is None else patterns("var_names", var_names)
        self._changed()

    def _settings_for(self, paths: Sequence[str]) -> dict[str, Any]:
        """Return the settings for the parameters of a network, by their layers' names and own."""
        settings = self._kept_settings or self._settings()
        found = self._by_variable(paths)
        return {**settings, **found} if found else settings

    def _by_variable(self, paths: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Return the numbers of parameters for which something else is set."""
        if not self._without_decay:
            return {}
        names = [path.rpartition("/")[2] for path in paths]
        return numbers_of("without_decay", self._without_decay, names)

    def slot_names(self) -> list[str]:
        """Return the names of the arrays that a step reads and updates beside the parameters.

        Returns
        -------
        list of str
            Such as momentum, or first and second moment.
        """
        return _core.optimizer_slots(self._settings())

    def init(self, params: FloatArray) -> FloatArray:
        """Make the slots for an array of parameters: zeros, but that an average starts there.

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
        dtype, names = _dtype(params), self.slot_names()
        slots = np.zeros((len(names), params.size), dtype)
        if names[-1:] == ["average"]:
            slots[-1] = params.reshape(-1)
        return slots

    def step(
        self, params: FloatArray, grads: ArrayLike, slots: FloatArray, iteration: int = 0
    ) -> None:
        """Update parameters and slots in place.

        Parameters
        ----------
        params : ndarray of float32 or float64
            The parameters, contiguous and writable; of any shape, taken as one variable, which is
            left out of nothing.
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
        self._move("", params, grads, slots, iteration)

    def _move(
        self, path: str, params: FloatArray, grads: ArrayLike, slots: FloatArray, iteration: int
    ) -> None:
        """Take a step with the parameter of a network that is called so."""
        dtype = _dtype(params)
        if not (params.flags.c_contiguous and params.flags.writeable):
            raise ValueError(
                "params: expected a contiguous array that can be written to, since it is updated "
                f"in place, found {_checks.found(params)}"
            )
        gradient = _checks.floats("grads", grads, dtype, finite=False)
        if gradient.shape != params.shape:
            raise ShapeError(f"grads: expected shape {params.shape}, found {gradient.shape}")
        self._apply(path, params, gradient, slots, _checks.count("iteration", iteration))

    def _apply(
        self, path: str, params: FloatArray, gradient: FloatArray, slots: FloatArray, done: int
    ) -> None:
        """Take a step with arguments that were checked, but for the slots."""
        _core.optimizer_step(
            self._settings_for([path]),
            params.reshape(-1),
            gradient.reshape(-1),
            slots,
            done,
            self._rate_of(done),
            params.shape,
        )

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make an equal optimizer.

        Returns
        -------
        dict
            Arguments by name, and what `exclude_from_weight_decay` was told, if anything.
        """
        config = super().get_config()
        if self._without_decay is not None:
            config["exclude_from_weight_decay"] = list(self._without_decay)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Make an optimizer from what `get_config` returned.

        Parameters
        ----------
        config : dict
            Arguments by name.

        Returns
        -------
        Optimizer
            Of the class whose method this is.
        """
        arguments = check_config("config", config)
        names = arguments.pop("exclude_from_weight_decay", None)
        optimizer = super().from_config(arguments)
        if names is not None:
            optimizer.exclude_from_weight_decay(var_names=names)
        return optimizer

    def _config_value(self, name: str) -> Any:
        if name == "learning_rate":
            rate = self._learning_rate
            return (
                schedules.serialize(rate)
                if isinstance(rate, schedules.LearningRateSchedule)
                else rate
            )
        return super()._config_value(name)

    def _shown(self) -> dict[str, Any]:
        shown = {"learning_rate": self.learning_rate, **super()._shown()}
        if shown.get("convention") == "keras":
            del shown["convention"]
        return shown


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
    return name in _UNSUPPORTED and (value is None or value is False)


def patterns(name: str, values: Any) -> list[str]:
    """Return regular expressions as a list."""
    several = None if isinstance(values, str) else _checks.several(values)
    if several is None:
        raise TypeError(f"{name}: expected a list of texts, found {_checks.found(values)}")
    for value in several:
        _checks.text(name, value)
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(
                f"{name}: expected regular expressions, found {value!r}: {error}"
            ) from None
    return several


def numbers_of(
    setting: str, patterns: Sequence[str], names: Sequence[str]
) -> dict[str, tuple[int, ...]]:
    """Return a setting with the numbers of the names in which a pattern is found, if any is."""
    numbers = [
        number
        for number, name in enumerate(names)
        if any(re.search(pattern, name) for pattern in patterns)
    ]
    return {setting: tuple(numbers)} if numbers else {}
