"""L-BFGS: steps for losses of whole data sets, from what the gradients of earlier steps were."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core
from fanin.errors import ShapeError
from fanin.optimizers._base import Optimizer, Schedule
from fanin.optimizers._line_search import Point, search

Array: TypeAlias = NDArray[Any]
Function: TypeAlias = Callable[[Array], tuple[float, Array]]
"""The loss at some parameters, and its gradient, a new array."""

_LEAST_CURVATURE = 1e-10


def _nothing(name: str, value: Any) -> Any:
    """Refuse what has no meaning for steps that are chosen by comparing losses."""
    if value is None or value is False:
        return value
    raise ValueError(
        f"{name}: expected nothing beside L-BFGS, which takes the loss as it is; penalties belong "
        f"to the layers (kernel_regularizer), found {_checks.found(value)}"
    )


def _search_name(name: str, value: Any) -> str | None:
    return None if value is None else _checks.one_of(name, value, ("strong_wolfe",))


def _evaluations(name: str, value: Any) -> int | None:
    return None if value is None else _checks.count(name, value, minimum=1)


def dot(a: Array, b: Array) -> float:
    """Return the sum of products, in the order of the layers' products: the same bits anywhere."""
    out = np.empty((1, 1), a.dtype)
    _core.product(a.reshape(1, -1), b.reshape(-1, 1), out)
    return float(out[0, 0])


class LBFGS(Optimizer):
    """Limited-memory BFGS [1]_, for all samples in one batch.

    Each step of training is up to `max_iter` iterations: a direction from the last `history_size`
    changes of the gradient, and a move along it, of the length that `line_search_fn` finds or of
    the learning rate. Conventions, names and defaults are those of ``torch.optim.LBFGS``.

    Parameters
    ----------
    learning_rate : float or callable, default 1.0
        Length of a move in units of the direction, or where the line search begins; the very first
        is divided by the sum of the gradient's absolute values, if that is above 1.
    max_iter : int, default 20
        Iterations of a step.
    max_eval : int, optional
        Evaluations of the loss after which no further iteration begins; ``max_iter * 5 // 4`` if
        None.
    tolerance_grad : float, default 1e-7
        A step ends where no element of the gradient is larger.
    tolerance_change : float, default 1e-9
        A step ends where no parameter, or the loss, moves by more.
    history_size : int, default 100
        Changes that are kept: two arrays as long as the parameters for each.
    line_search_fn : {"strong_wolfe"}, optional
        How the length of a move is found [2]_; None for the learning rate.
    name : str, optional
        Name of the object.

    Raises
    ------
    ValueError
        If a number is out of its range; in `fit`, if a batch is not all samples, or weights have
        constraints.

    Notes
    -----
    `fit` takes one step an epoch, and needs ``batch_size=None`` or at least the number of samples.
    The loss that it reports is that before the step. Within a step random numbers, as of Dropout,
    stay the same, and so do the running averages of BatchNormalization, which move once a step, by
    the first evaluation. Weight decay, clipping, averages and accumulation are refused.

    References
    ----------
    .. [1] D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization",
       Mathematical Programming 45 (1989).
    .. [2] J. Nocedal, S. J. Wright, "Numerical optimization", 2nd ed., 2006, algorithms 3.5, 3.6.

    Examples
    --------
    >>> import fanin
    >>> from fanin.layers import Dense
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> model = fanin.Sequential([Dense(8, "tanh"), Dense(1)], rng=0)
    >>> model.compile(LBFGS(line_search_fn="strong_wolfe"), "mse")
    >>> history = model.fit(x, x**2, epochs=5, verbose=0)
    >>> history.history["loss"][-1] < 1e-3
    True
    """

    kind = "lbfgs"
    _whole: ClassVar[bool] = True
    _options: ClassVar[Mapping[str, Any]] = {
        "max_iter": partial(_checks.count, minimum=1),
        "max_eval": _evaluations,
        "tolerance_grad": partial(_checks.number, at_least=0.0),
        "tolerance_change": partial(_checks.number, at_least=0.0),
        "history_size": partial(_checks.count, minimum=1, maximum=10_000),
        "line_search_fn": _search_name,
        **dict.fromkeys(
            (
                *("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema"),
                *("ema_overwrite_frequency", "gradient_accumulation_steps"),
            ),
            _nothing,
        ),
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, name=name)
        self.max_iter: int = max_iter
        self.max_eval: int | None = max_eval
        self.tolerance_grad: float = tolerance_grad
        self.tolerance_change: float = tolerance_change
        self.history_size: int = history_size
        self.line_search_fn: str | None = line_search_fn

    def exclude_from_weight_decay(
        self, var_list: Any = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Refuse: there is no weight decay.

        Parameters
        ----------
        var_list, var_names : optional
            Of no use.

        Raises
        ------
        ValueError
            Always.
        """
        _nothing("exclude_from_weight_decay", [var_list, var_names])

    def slot_names(self) -> list[str]:
        """Return the names of the arrays that a step reads and updates beside the parameters.

        Returns
        -------
        list of str
            The last gradient and the last move; changes of the gradient, and the moves that made
            them.
        """
        numbers = range(self.history_size)
        changes, moves = [f"change_{i}" for i in numbers], [f"move_{i}" for i in numbers]
        return ["gradient", "move", *changes, *moves]

    def _apply(self, path: str, params: Array, gradient: Array, slots: Array, done: int) -> None:
        """Take one iteration: without a loss to compare, by the learning rate."""
        expected = (2 + 2 * self.history_size, params.size)
        if slots.shape != expected:
            raise ShapeError(f"slots: expected shape {expected}, found {slots.shape}")
        gradient = gradient.reshape(-1)
        if largest(gradient) <= self.tolerance_grad:
            return
        history = _History(slots, self.history_size)
        direction, length = history.direction(gradient, self._rate_of(done))
        if dot(gradient, direction) <= -self.tolerance_change:
            _move(params.reshape(-1), history, length, direction)

    def _minimize_from(self, start: Array, slots: Array, done: int, function: Function) -> Array:
        """Take one step from some parameters; return the new ones, and update the slots.

        Parameters
        ----------
        start : ndarray
            The parameters, of one dimension; they stay.
        slots : ndarray
            What `init` returned, updated by the steps before.
        done : int
            Steps done before.
        function : callable
            Takes parameters; returns the loss and its gradient.

        Returns
        -------
        ndarray
            The parameters after the step.

        Examples
        --------
        >>> optimizer, start = LBFGS(line_search_fn="strong_wolfe"), np.array([3.0, -4.0])
        >>> square = lambda x: (float(x @ x), 2 * x)
        >>> found = optimizer._minimize_from(start, optimizer.init(start), 0, square)
        >>> bool(abs(found).max() < 1e-6)
        True
        """
        x, rate = start.copy(), self._rate_of(done)
        loss, gradient = function(x)
        if largest(gradient) <= self.tolerance_grad:
            return x
        history, evaluated = _History(slots, self.history_size), 1
        limit = self.max_iter * 5 // 4 if self.max_eval is None else self.max_eval
        for left in reversed(range(self.max_iter)):
            direction, length = history.direction(gradient, rate)
            slope, before = dot(gradient, direction), loss
            if slope >= 0 or slope > -self.tolerance_change:
                break
            if self.line_search_fn is None:
                _move(x, history, length, direction)
                if left:
                    loss, gradient = function(x)
                    evaluated += 1
            else:
                origin = Point(0.0, loss, slope, gradient)
                at = partial(_along, function, x, direction)
                bound = self.tolerance_change / largest(direction)
                found, tried = search(at, origin, length, limit - evaluated, bound)
                loss, gradient = found.loss, found.gradient
                evaluated += tried
                _move(x, history, found.length, direction)
            ended = largest(gradient) <= self.tolerance_grad or evaluated >= limit
            still = largest(history.move) <= self.tolerance_change
            if not left or ended or still or abs(loss - before) < self.tolerance_change:
                break
        return x


def largest(array: Array) -> float:
    """Return the largest absolute value."""
    return float(np.abs(array).max(initial=0.0))


def _move(x: Array, history: "_History", length: float, direction: Array) -> None:
    np.multiply(direction, length, out=history.move)
    x += history.move


def _along(function: Function, x: Array, direction: Array, length: float) -> Point:
    """Evaluate the loss on a line."""
    loss, gradient = function(x + length * direction)
    return Point(length, loss, dot(gradient, direction), gradient)


class _History:
    """The slots: the last gradient and move, and as many earlier pairs as were kept."""

    def __init__(self, slots: Array, size: int) -> None:
        self.gradient, self.move = slots[0], slots[1]
        self.changes, self.moves = slots[2 : 2 + size], slots[2 + size :]
        # The change of a pair is not 0, or its curvature would be.
        self.count = next((i for i, row in enumerate(self.changes) if not row.any()), size)
        pairs = zip(self.changes[: self.count], self.moves, strict=False)
        self.curvatures = [dot(change, move) for change, move in pairs]

    def direction(self, gradient: Array, rate: float) -> tuple[Array, float]:
        """Return where to go from a place with this gradient, and how far; remember it."""
        if self.gradient.any():
            self._keep(gradient)
            direction = self._newton(gradient)
            length = rate
        else:
            direction = -gradient
            ones = np.ones_like(gradient)
            length = min(1.0, 1.0 / dot(np.abs(gradient), ones)) * rate
        self.gradient[:] = gradient
        return direction, length

    def _keep(self, gradient: Array) -> None:
        """Add the last move and the change that it made, if the loss curves upwards there."""
        change = gradient - self.gradient
        curvature = dot(change, self.move)
        if not curvature > _LEAST_CURVATURE:
            return
        if self.count == len(self.changes):
            for rows in (self.changes, self.moves):
                rows[:-1] = rows[1:].copy()
            del self.curvatures[0]
            self.count -= 1
        self.changes[self.count], self.moves[self.count] = change, self.move
        self.curvatures.append(curvature)
        self.count += 1

    def _newton(self, gradient: Array) -> Array:
        """Multiply by the inverse of the curvature that the pairs tell: the two-loop recursion."""
        found, shares = -gradient, [0.0] * self.count
        for i in reversed(range(self.count)):
            shares[i] = dot(self.moves[i], found) / self.curvatures[i]
            found -= shares[i] * self.changes[i]
        if self.count:
            last = self.changes[self.count - 1]
            found *= self.curvatures[-1] / dot(last, last)
        for i in range(self.count):
            share = dot(self.changes[i], found) / self.curvatures[i]
            found += (shares[i] - share) * self.moves[i]
        return found
