"""What every layer shares: arrays, building, forward and backward, weights, configuration."""

import inspect
import itertools
import re
import weakref
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, _core, initializers, random
from fanin.errors import ShapeError

Array = NDArray[Any]

_UNSUPPORTED = {
    "kernel_regularizer": "weight penalties are not implemented; optimizers have weight_decay",
    "bias_regularizer": "weight penalties are not implemented; optimizers have weight_decay",
    "beta_regularizer": "weight penalties are not implemented",
    "gamma_regularizer": "weight penalties are not implemented",
    "activity_regularizer": "activity penalties are not implemented",
    "kernel_constraint": "constraints are not implemented",
    "bias_constraint": "constraints are not implemented",
    "beta_constraint": "constraints are not implemented",
    "gamma_constraint": "constraints are not implemented",
    "lora_rank": "low-rank adaptation is not implemented",
    "lora_alpha": "low-rank adaptation is not implemented",
    "quantization_config": "quantization is not implemented",
    "autocast": "a network has one dtype",
    "weights": "call set_weights after build",
    "renorm": "batch renormalization is not implemented",
    "virtual_batch_size": "virtual batches are not implemented",
    "fused": "everything is fused already",
    "synchronized": "there is one process to normalize in",
    "sparse": "sparse arrays are not implemented",
    "ragged": "ragged arrays are not implemented",
    "tensor": "there are no symbolic tensors",
    "optional": "a network has one input, and needs it",
}
_counters: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)


def auto_name(kind: str) -> str:
    """Return the next name for a class, as Keras counts them: dense, dense_1, …, re_lu."""
    kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)).lower()
    count = next(_counters[kind])
    return f"{kind}_{count}" if count else kind


class Weight:
    """A layer's array by name: reading gives the view, assigning writes into it."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        if not layer.built:
            raise AttributeError(f"layer {layer.name!r} has no {self.name} before it is built")
        return layer.arrays.get(self.name)

    def __set__(self, layer: Any, value: ArrayLike) -> None:
        view = self.__get__(layer)
        if view is None:
            raise AttributeError(f"layer {layer.name!r} has no {self.name}")
        view[...] = like(f"{layer.name}/{self.name}", value, view)


class Layer:
    """Base class of the layers.

    A layer is its arrays: `build` makes them, each is an attribute (``layer.kernel``), and inside a
    network they are views of the network's one flat array, so that ``layer.kernel[...] = 0``
    changes the network.

    Parameters
    ----------
    name : str, optional
        Name in the network; numbered if not given.
    dtype : {"float32", "float64"}, optional
        dtype of arrays and arithmetic; float32 if no layer of the network says otherwise.
    trainable : bool, default True
        Whether training changes the parameters.
    input_shape : tuple of int, optional
        Shape of one sample; for a network's first layer.
    input_dim : int, optional
        The same for one axis: ``input_dim=784`` is ``input_shape=(784,)``.
    batch_input_shape : tuple, optional
        The same with the batch axis in front: ``(None, 784)``.
    **kwargs
        Refused: unknown names, and arguments of Keras that are not implemented.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: object = None,
        trainable: bool = True,
        input_shape: Sequence[int] | int | None = None,
        input_dim: int | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        **kwargs: Any,
    ) -> None:
        given = [key for key, value in kwargs.items() if not _asks_for_nothing(key, value)]
        if given:
            _checks.keywords(type(self).__name__, given, _known_keywords(type(self)), _UNSUPPORTED)
        if name is not None and (not isinstance(name, str) or not name):
            raise TypeError(f"name must be a non-empty string, got {name!r}")
        shapes = [s for s in (input_shape, input_dim, batch_input_shape) if s is not None]
        if len(shapes) > 1:
            raise ValueError("give one of input_shape, input_dim and batch_input_shape")
        self.declared_dtype = None if dtype is None else _checks.float_dtype("dtype", dtype)
        self.declared_shape: tuple[int, ...] | None = None
        if input_shape is not None:
            self.declared_shape = _checks.feature_shape("input_shape", input_shape)
        elif input_dim is not None:
            self.declared_shape = (_checks.integer("input_dim", input_dim, minimum=1),)
        elif batch_input_shape is not None:
            self.declared_shape = _checks.batched_shape("batch_input_shape", batch_input_shape)
        self.trainable = _checks.flag("trainable", trainable)
        self.name = auto_name(type(self).__name__) if name is None else name
        self.arrays: dict[str, Array] = {}
        self._feature_shape: tuple[int, ...] | None = None
        self._dtype: str | None = None
        self._params: Array | None = None
        self._state: Array | None = None
        self._plan: tuple[dict[str, Any], _core.Plan] | None = None
        self._owner: weakref.ref[Any] | None = None

    # What a subclass says about itself.

    _config_fields: ClassVar[tuple[str, ...]] = ()

    def settings(self) -> dict[str, Any]:
        """Return what the core is told about this layer.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        raise TypeError(
            f"{type(self).__name__} is not one of fanin's layers: networks run in compiled code, "
            "which cannot call a layer written in Python"
        )

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Refuse a shape of one sample that this layer cannot take; any will do by default."""

    # Building.

    @property
    def built(self) -> bool:
        """Whether the arrays exist."""
        return self._params is not None

    @property
    def dtype(self) -> str:
        """The dtype of the arrays: "float32" or "float64"."""
        return self._dtype or self.declared_dtype or "float32"

    def build(self, input_shape: Sequence[int | None], rng: random.Rng = None) -> None:
        """Make the arrays and initialize them; nothing happens if they exist.

        Parameters
        ----------
        input_shape : tuple
            Shape of the input with the batch axis in front, such as ``(None, 784)``.
        rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
            Where random initial values come from.

        Raises
        ------
        ValueError
            If the layer was built for another shape.

        Examples
        --------
        >>> from fanin.layers import Dense
        >>> layer = Dense(2)
        >>> layer.build((None, 3), rng=0)
        >>> layer.kernel.shape, layer.bias.shape
        ((3, 2), (2,))
        """
        shape = _checks.batched_shape("input_shape", input_shape)
        plan = self.plan_for(shape, self.dtype)
        if self.built:
            return
        params, state = empty(plan)
        self.fill(plan, params, state, random.resolve(rng))
        self.tie(shape, plan, params, state)

    def plan_for(self, shape: tuple[int, ...], dtype: str) -> _core.Plan:
        """Return the plan of this layer by itself, having checked that it can take `shape`."""
        self.check_input(shape)
        plan = _core.Plan(shape, [self.settings()], dtype)
        if self.built and {role: a.shape for role, a in self.arrays.items()} != {
            role: size for _, role, _, size in (*plan.parameters, *plan.state)
        }:
            raise ShapeError(
                f"layer {self.name!r} was built for samples of shape {self._feature_shape} "
                f"and cannot take samples of shape {shape}"
            )
        return plan

    def fill(
        self, plan: _core.Plan, params: Array, state: Array, source: Any, prefix: str = ""
    ) -> None:
        """Write this layer's values into empty arrays: those it has, else initial ones."""
        for role, view in views(plan, params, state).items():
            if self.built:
                view[...] = self.arrays[role]
                continue
            path = prefix + role
            values = self.initializer(role).for_parameter(
                view.shape, plan.dtype, at(source, path), path=path
            )
            view[...] = like(f"{role}_initializer of layer {self.name!r}", values, view)

    def initializer(self, role: str) -> initializers.Initializer:
        """Return the initializer of the array called `role`, which may have been set by name."""
        given = getattr(self, f"{role}_initializer")
        found = initializers.get(given)
        if found is None:
            raise TypeError(
                f"{role}_initializer of layer {self.name!r} must be a name or an initializer, "
                "got None"
            )
        return found

    def tie(
        self,
        shape: tuple[int, ...],
        plan: _core.Plan,
        params: Array,
        state: Array,
        owner: object = None,
    ) -> None:
        """Make `params` and `state` this layer's arrays."""
        self._feature_shape, self._dtype = shape, plan.dtype
        self._params, self._state = params, state
        self._plan = (self.settings(), plan)
        self._owner = None if owner is None else weakref.ref(owner)
        self.arrays = views(plan, params, state)

    @property
    def owner(self) -> Any:
        """The network that this layer's arrays are part of, or None."""
        return None if self._owner is None else self._owner()

    # Shapes.

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input with the batch axis as None; known once built."""
        if self._feature_shape is None:
            raise AttributeError(f"layer {self.name!r} has no input_shape before it is built")
        return (None, *self._feature_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output with the batch axis as None; known once built."""
        return self.compute_output_shape(self.input_shape)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the shape of the output for a shape of the input.

        Parameters
        ----------
        input_shape : tuple
            With the batch axis in front.

        Returns
        -------
        tuple
            With the batch axis in front.

        Examples
        --------
        >>> from fanin.layers import Dense
        >>> Dense(10).compute_output_shape((None, 784))
        (None, 10)
        """
        shape = _checks.batched_shape("input_shape", input_shape)
        self.check_input(shape)
        plan = _core.Plan(shape, [self.settings()], self.dtype)
        return (input_shape[0], *plan.output_shapes[-1])

    # Forward and backward.

    def __call__(self, x: ArrayLike, training: bool = False) -> Array:
        """Return the outputs for `x`.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            The inputs. An unbuilt layer is built for them.
        training : bool, default False
            Whether to behave as in training; matters to `BatchNormalization`.

        Returns
        -------
        ndarray
            The outputs.
        """
        if hasattr(x, "get_config"):  # a layer, or an Input
            raise TypeError(
                "a layer is called on an array; networks of layers are built with Sequential"
            )
        return self.forward(x, training)[0]

    def forward(
        self, x: ArrayLike, training: bool = False, *, threads: int | None = None
    ) -> tuple[Array, tuple[Any, ...]]:
        """Return the outputs for `x` and what `backward` needs.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            The inputs. An unbuilt layer is built for them.
        training : bool, default False
            Whether to behave as in training: `BatchNormalization` then normalizes by the batch and
            updates its running averages in place.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        y : ndarray
            The outputs.
        cache : tuple
            For `backward`.

        Examples
        --------
        >>> import numpy as np
        >>> from fanin.layers import Dense
        >>> layer = Dense(2, kernel_initializer="ones")
        >>> y, cache = layer.forward(np.array([[1.0, 2.0]]))
        >>> dx, grads = layer.backward(np.ones((1, 2)), cache)
        >>> grads["kernel"]
        array([[1., 1.],
               [2., 2.]], dtype=float32)
        """
        if not self.built:
            shape = _checks.numeric("x", x).shape
            if len(shape) < 2:
                raise ShapeError(f"x must have shape (batch, features), got {shape}")
            self.build((None, *shape[1:]))
        assert self._params is not None
        assert self._state is not None
        inputs = _checks.floats("x", x, self.dtype, finite=False)
        if inputs.shape[1:] != self._feature_shape or inputs.ndim == 0:
            expected = ", ".join(map(str, ("batch", *(self._feature_shape or ()))))
            raise ShapeError(
                f"layer {self.name!r} expects x of shape ({expected}), got {inputs.shape}"
            )
        training = _checks.flag("training", training)
        return self._own_plan().forward(self._params, self._state, inputs, training, threads)

    def backward(
        self, dy: ArrayLike, cache: tuple[Any, ...], *, threads: int | None = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return gradients, given that of the outputs.

        Parameters
        ----------
        dy : array_like of the shape of the outputs
            Derivative of a scalar with respect to the outputs.
        cache : tuple
            What `forward` returned beside the outputs.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        dx : ndarray of the shape of the inputs
            Derivative with respect to the inputs.
        grads : dict of str to ndarray
            Derivatives with respect to the parameters, by name: kernel, bias, gamma, beta.
        """
        if not self.built:
            raise ValueError(f"layer {self.name!r} is not built: call forward first")
        assert self._params is not None
        plan = self._own_plan()
        gradient = _checks.floats("dy", dy, self.dtype, finite=False)
        dx, flat = plan.backward(self._params, cache, gradient, threads)
        return dx, views(plan, flat, np.empty(plan.state_count, plan.dtype), state_too=False)

    def _own_plan(self) -> _core.Plan:
        """Return the plan, made again if an option such as `trainable` was changed since."""
        assert self._plan is not None
        assert self._feature_shape is not None
        made_for, plan = self._plan
        settings = self.settings()
        if settings != made_for:
            plan = self.plan_for(self._feature_shape, self.dtype)
            self._plan = (settings, plan)
        return plan

    # Weights.

    @property
    def weights(self) -> list[Array]:
        """All arrays, parameters first."""
        return list(self.arrays.values())

    @property
    def trainable_weights(self) -> list[Array]:
        """The arrays that training changes by gradients."""
        return [a for role, a in self.arrays.items() if self.is_trained(role)]

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The other arrays: running averages, and everything if not `trainable`."""
        return [a for role, a in self.arrays.items() if not self.is_trained(role)]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def is_trained(self, role: str) -> bool:
        """Whether gradients change the array called `role`."""
        return self.trainable and not role.startswith("moving_")

    def get_weights(self) -> list[Array]:
        """Return copies of all arrays.

        Returns
        -------
        list of ndarray
            In the order of `weights`.
        """
        return [array.copy() for array in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Write values into the arrays, all or none.

        Parameters
        ----------
        weights : sequence of array_like
            In the order of `weights`.

        Raises
        ------
        ValueError
            If their number is wrong; nothing is changed.
        ShapeError
            If a shape is wrong; nothing is changed.
        """
        write_all([(f"{self.name}/{role}", a) for role, a in self.arrays.items()], weights)

    def count_params(self) -> int:
        """Return the number of elements of all arrays.

        Returns
        -------
        int
            Trainable and not.
        """
        if not self.built:
            raise ValueError(f"layer {self.name!r} has no parameters before it is built")
        return sum(array.size for array in self.weights)

    # Configuration, copies, printing.

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer, without its arrays.

        Returns
        -------
        dict
            Arguments by name.
        """
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        if self.declared_dtype is not None:
            config["dtype"] = self.declared_dtype
        if self.declared_shape is not None:
            config["input_shape"] = self.declared_shape
        for field in self._config_fields:
            value = getattr(self, field)
            if field.endswith("_initializer"):
                value = initializers.serialize(self.initializer(field.removesuffix("_initializer")))
            config[field] = value
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a layer from what `get_config` returned.

        Parameters
        ----------
        config : dict
            Arguments by name.

        Returns
        -------
        Layer
            The layer, not built.
        """
        return cls(**config)

    def __getstate__(self) -> dict[str, Any]:
        # A copy stands by itself: it leaves the network behind and has arrays of its own.
        own: dict[str, Any] = {"_plan": None, "_owner": None, "arrays": {}}
        if self._params is not None and self._state is not None:
            own |= {"_params": self._params.copy(), "_state": self._state.copy()}
        return {**self.__dict__, **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._params is not None:
            assert self._feature_shape is not None
            assert self._state is not None
            plan = _core.Plan(self._feature_shape, [self.settings()], self.dtype)
            self.tie(self._feature_shape, plan, self._params, self._state)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def at(source: Any, path: str) -> Any:
    """Return the stream at `path` below `source`; a NumPy generator is consumed as it is."""
    return source.at(path) if isinstance(source, random.Stream) else source


def empty(plan: _core.Plan) -> tuple[Array, Array]:
    """Allocate the two flat arrays of a plan."""
    return np.empty(plan.parameter_count, plan.dtype), np.empty(plan.state_count, plan.dtype)


def views(
    plan: _core.Plan, params: Array, state: Array, *, state_too: bool = True
) -> dict[str, Array]:
    """Return a one-layer plan's arrays by role, as views of its two flat arrays."""
    found = {}
    for entries, flat in ((plan.parameters, params), (plan.state if state_too else [], state)):
        for _, role, offset, shape in entries:
            size = int(np.prod(shape))
            found[role] = flat[offset : offset + size].reshape(shape)
    return found


def like(name: str, values: ArrayLike, view: Array) -> Array:
    """Return `values` if they can be written into `view` element by element."""
    array = _checks.numeric(name, values)
    if array.shape != view.shape:
        raise ShapeError(f"{name} must have shape {view.shape}, got {array.shape}")
    return array


def write_all(targets: Sequence[tuple[str, Array]], values: Sequence[ArrayLike]) -> None:
    """Check all values against all targets, then write; nothing is written if one does not fit."""
    if len(values) != len(targets):
        names = ", ".join(name for name, _ in targets)
        raise ValueError(
            f"expected {len(targets)} arrays ({names}), got {len(values)}; nothing was changed"
        )
    checked = [like(name, v, view) for (name, view), v in zip(targets, values, strict=True)]
    for (_, view), array in zip(targets, checked, strict=True):
        view[...] = array


def _known_keywords(cls: type) -> set[str]:
    return {
        name
        for base in (cls, Layer)
        for name, parameter in inspect.signature(base.__init__).parameters.items()  # type: ignore[misc]
        if parameter.kind is not parameter.VAR_KEYWORD and name != "self"
    }


def _asks_for_nothing(name: str, value: object) -> bool:
    """Whether an argument that is not implemented is given at the value that asks for nothing."""
    return name in _UNSUPPORTED and (value is None or value is False)
