"""A plan and its arrays: what the core runs, what a layer owns and what a model owns."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core
from fanin.layers._arrays import Array

Keep: TypeAlias = Literal["share", "copy"]
"""Whether what `forward` keeps of its inputs is these themselves or a copy."""

Passed: TypeAlias = tuple[Array, tuple[object, ...]]
"""What `forward` returns: outputs, and what `backward` needs."""

Gradients: TypeAlias = tuple[Array, Mapping[str, Array]]
"""What `backward` of a layer or a model returns: of the inputs, and of the parameters by name."""


Traced: TypeAlias = tuple[list[tuple[Array | None, Array]], tuple[object, ...]]
"""What `trace` returns: of each layer what goes into its activation, if any, and its outputs;
and what `Plan.gradients` needs."""


Places: TypeAlias = list[tuple[int, str, int, tuple[int, ...]]]
"""Where arrays lie in a flat one: layer, role, first element, shape."""


class Network:
    """A plan and its arrays, which are read by the core as they are named here.

    A layer's own in a model has views of the model's arrays. The arrays change in place; where the
    plan is another one, so is the object.

    Parameters
    ----------
    plan : Plan
        What is computed.
    params : ndarray
        All parameters, one array.
    state : ndarray
        All running averages, another.
    lock : Lock, optional
        Who may touch the arrays; that of the model whose arrays they are part of. A new one if
        None.
    """

    def __init__(
        self, plan: _core.Plan, params: Array, state: Array, lock: _core.Lock | None = None
    ) -> None:
        self.plan: _core.Plan = plan
        self.params: Array = params
        self.state: Array = state
        self.lock: _core.Lock = _core.Lock() if lock is None else lock
        self.dtype: str = plan.dtype
        self.looks_up: bool = bool(plan.lookups)
        self._draws: bool = plan.draws_in_inference
        self._drawn: int = 0
        self._parameters = [
            (layer, role, slice(start, start + math.prod(shape)), shape)
            for layer, role, start, shape in plan.parameters
        ]
        self.whole: bool = plan.in_a_row
        """Whether the arrays are those of the plan alone, one after the other."""

    @classmethod
    def empty(cls, plan: _core.Plan, lock: _core.Lock | None = None) -> Self:
        """Allocate the arrays of a plan; what they hold is to be written."""
        params = unwritten(plan.parameter_count, plan.dtype)
        return cls(plan, params, np.empty(plan.state_count, plan.dtype), lock)

    def with_plan(self, plan: _core.Plan) -> "Network":
        """Return another plan of the same arrays, such as one of which a layer is frozen."""
        other = Network(plan, self.params, self.state, self.lock)
        other._drawn = self._drawn
        return other

    def moved(self, params: Array, state: Array, lock: _core.Lock) -> "Network":
        """Return the same plan of other arrays."""
        other = Network(self.plan, params, state, lock)
        other._drawn = self._drawn
        return other

    def next_step(self) -> int:
        """Return from where to number the blocks of a pass in inference, where it draws numbers."""
        if not self._draws:
            return 0
        self._drawn += 1
        return self._drawn << 20

    def copy(self) -> "Network":
        """Return the same plan with its own lock and arrays, as they are after a whole batch."""
        params, state = self.lock.copies([self.params, self.state])
        return Network(self.plan, params, state)

    @contextmanager
    def held(self) -> Iterator["Network"]:
        """Read in several calls of the core: the network, or a copy while another thread trains."""
        with _core.Reading(self.lock, [self.params, self.state]) as (params, state):
            yield self if params is self.params else Network(self.plan, params, state)

    def writing(self, name: str) -> _core.Writing:
        """Return what keeps other threads from training and writing for the length of a block.

        A message that refuses calls the network `name`. What the thread itself trains it may write.
        """
        return _core.Writing([self.lock], [name], False)

    @property
    def size(self) -> int:
        """Number of elements of all arrays."""
        if self.whole:
            return self.params.size + self.state.size
        return sum(math.prod(shape) for *_, shape in (*self.plan.parameters, *self.plan.state))

    def gathered(self, flat: Array, places: Places | None = None) -> Array:
        """Return what an array like `params`, or rows of it, has of this plan alone, in its order.

        Of one like `state` the `places` are those of the state.
        """
        if self.whole:
            return flat
        numbers = _numbers(self.plan.parameters if places is None else places)
        found: Array = np.take(flat, numbers, axis=-1)
        return found

    def spread(self, gathered: Array) -> Array:
        """Return what `gathered` was made of; what is of other networks is 0."""
        if self.whole:
            return gathered
        flat = np.zeros((*gathered.shape[:-1], self.params.size), gathered.dtype)
        flat[..., _numbers(self.plan.parameters)] = gathered
        return flat

    def split(self, flat: Array) -> list[tuple[int, str, Array]]:
        """Return the parameters' places in an array like `params`: layer, role and view of each."""
        return [(i, role, flat[rows].reshape(shape)) for i, role, rows, shape in self._parameters]

    def by_layer(self) -> dict[int, dict[str, Array]]:
        """Return the arrays of each layer that has some, by role: parameters, running averages."""
        found: dict[int, dict[str, Array]] = defaultdict(dict)
        for layer, role, view in self.split(self.params):
            found[layer][role] = view
        for layer, role, start, shape in self.plan.state:
            found[layer][role] = self.state[start : start + math.prod(shape)].reshape(shape)
        return found

    def views(self) -> dict[str, Array]:
        """Return the arrays of a plan of one layer by role."""
        return self.by_layer()[0]

    def forward(
        self,
        x: Array,
        training: bool,
        threads: int | None,
        step: int,
        keep: Keep,
        out: Array | Passed | None,
        name: str,
    ) -> Passed:
        """Do what `Plan.forward` does, unless running averages would become NaN or infinite."""
        if keep == "copy":
            x = x.copy()
        plan, params, state = self.plan, self.params, self.state
        if self._draws and not training:
            step = self.next_step()
        if not training or not state.size:
            return plan.forward(params, state, x, training, threads, step, out, self.lock)
        with self.writing(name) as writing:
            moved = state.copy()
            result = plan.forward(params, moved, x, training, threads, step, out)
            spoilt = _core.first_non_finite(moved) is not None
            if spoilt and _core.first_non_finite(state) is None:
                _checks.floats("x", x, self.dtype)  # names the number that is not finite, if one is
                raise ValueError(
                    "x: expected samples that stay finite in every layer, found some that make "
                    "running averages infinite; they stay as they were"
                )
            writing.turn(np.copyto, state, moved)
        return result

    def backward(
        self,
        dy: Array,
        cache: tuple[object, ...],
        threads: int | None,
        out: Array | Gradients | None,
    ) -> tuple[Array, Array]:
        """Return gradients of the inputs and, as one array, of the parameters."""
        dx, flat = self._gradient_arrays(out)
        return self.plan.backward(self.params, cache, dy, threads, dx, flat, self.lock)

    def trace(self, x: Array, training: bool) -> Traced:
        """Return what `Plan.trace` does; running averages do not move."""
        return self.plan.trace(self.params, self.state.copy(), x, training)

    def _gradient_arrays(self, out: Array | Gradients | None) -> tuple[Array | None, Array | None]:
        """Return the arrays to write gradients into: of the inputs, and the one of all parameters.

        They are those of an array for the first, or of what `backward` of the owner returned, whose
        gradients of the parameters are views of one array.
        """
        if out is None or isinstance(out, np.ndarray):
            return out, None
        if isinstance(out, tuple) and len(out) == 2 and isinstance(out[1], Mapping):
            dx, grads = out[0], [*out[1].values()]
            flat = getattr(grads[0], "base", None) if grads else None
            if (
                isinstance(dx, np.ndarray)
                and all(isinstance(view, np.ndarray) and view.base is flat for view in grads)
                and (flat is None) == (self.params.size == 0)
            ):
                return dx, flat
        raise TypeError(
            "out: expected an array, or what backward of this network returned, found "
            f"{_checks.found(out)}"
        )


def _numbers(places: Places) -> NDArray[np.intp]:
    """Return the numbers of the elements of some arrays, array by array."""
    parts = [np.arange(start, start + math.prod(shape)) for _, _, start, shape in places]
    return np.concatenate([np.arange(0), *parts])


def check_keep(value: object) -> None:
    """Refuse what is not one of `Keep`."""
    _checks.one_of("keep", value, ("share", "copy"))


LINE = 64
"""Bytes of a cache line, which is also the longest vector."""


def unwritten(count: int, dtype: str) -> Array:
    """Return an array to be written that begins where a cache line does.

    One of NumPy's begins at any multiple of 16 bytes, and then each vector of a product lies on two
    lines: a row times 784 x 128 weights takes half as long again.
    """
    lanes = LINE // np.dtype(dtype).itemsize
    room = np.empty(count + lanes - 1, dtype)
    start = -(room.__array_interface__["data"][0] // room.itemsize) % lanes
    return room[start : start + count]
