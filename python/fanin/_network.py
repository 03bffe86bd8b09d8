"""A chain of layers on two flat arrays: shapes, weights, forward and backward, copies."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, _core, _summary, layers, random
from fanin._names import unknown
from fanin.errors import ShapeError
from fanin.layers import _base

Array = NDArray[Any]


class Network:
    """A chain of layers whose parameters are one array, and whose running averages are another.

    What `fanin.Sequential` is without training. The arrays exist as soon as the shape of a sample
    is known: from an `Input`, from the first layer's ``input_shape``, from `build`, or from data.

    Parameters
    ----------
    layers : iterable of Layer, optional
        The layers, first to last.
    name : str, optional
        Name of the network.
    rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
        Where initial values and shuffles come from. The same integer gives the same network
        everywhere; None draws afresh (see `fanin.utils.set_random_seed`).
    """

    def __init__(
        self,
        layers: Iterable[Any] | None = None,
        name: str | None = None,
        *,
        rng: random.Rng = None,
    ) -> None:
        self.name = _base.auto_name(type(self).__name__) if name is None else name
        # An explicit rng is checked now; a fresh one is drawn when it is first needed.
        self._source: Any = None if rng is None else random.resolve(rng)
        self._layers: list[_base.Layer] = []
        self._input: Any = None
        self._feature_shape: tuple[int, ...] | None = None
        self._params: Array | None = None
        self._state: Array | None = None
        self._plan: tuple[Any, _core.Plan] | None = None
        if isinstance(layers, _base.Layer):
            layers = [layers]
        for layer in layers or ():
            self._append(layer)
        self._build_if_known()

    # The chain.

    @property
    def layers(self) -> list[_base.Layer]:
        """The layers, first to last, without the input layer."""
        return list(self._layers)

    def add(self, layer: Any) -> None:
        """Append a layer.

        Parameters
        ----------
        layer : Layer or InputLayer
            The layer; an `Input` can only be first.

        Raises
        ------
        TypeError
            If it is not a layer.
        ValueError
            If its name is taken, or its shape does not fit; the network stays as it was.
        """
        before = (list(self._layers), self._input)
        try:
            self._append(layer)
            self._build_if_known()
        except Exception:
            self._layers, self._input = before
            raise
        self._forget_slots()

    def pop(self, rebuild: bool = True) -> _base.Layer:
        """Remove the last layer and return it; it keeps its values, in arrays of its own.

        Parameters
        ----------
        rebuild : bool, default True
            Here for Keras's signature.

        Returns
        -------
        Layer
            The removed layer.
        """
        if not self._layers:
            raise ValueError("there is no layer to remove")
        layer = self._layers.pop()
        layer.__setstate__(layer.__getstate__())
        self._forget_arrays()
        self._build_if_known()
        return layer

    def _append(self, layer: Any) -> None:
        if isinstance(layer, layers.InputLayer):
            if self._layers or self._input is not None:
                raise ValueError("an Input can only come first, and only once")
            self._input = layer
            return
        if isinstance(layer, Network):
            raise TypeError(
                "a network inside a network is not supported: add its layers one by one"
            )
        if not isinstance(layer, _base.Layer):
            raise TypeError(f"only layers can be added to a network, got {layer!r}")
        layer.settings()  # refuses what the core does not know
        if any(layer is other or layer.name == other.name for other in self._layers):
            raise ValueError(
                f"the names of a network's layers must differ: {layer.name!r} is taken"
            )
        self._refuse_foreign(layer)
        self._layers.append(layer)

    def _refuse_foreign(self, layer: _base.Layer) -> None:
        if layer.owner is not None and layer.owner is not self:
            raise ValueError(
                f"layer {layer.name!r} belongs to network {layer.owner.name!r}, whose parameters "
                "are one array: add a copy.deepcopy of the layer instead"
            )

    def get_layer(self, name: str | None = None, index: int | None = None) -> _base.Layer:
        """Return one layer.

        Parameters
        ----------
        name : str, optional
            Its name.
        index : int, optional
            Its place; one of the two must be given.

        Returns
        -------
        Layer
            The layer.
        """
        if (name is None) == (index is None):
            raise ValueError("give either name or index")
        if index is not None:
            return self._layers[index]
        for layer in self._layers:
            if layer.name == name:
                return layer
        raise unknown("layer", name, [layer.name for layer in self._layers])

    # Building.

    @property
    def built(self) -> bool:
        """Whether the arrays exist."""
        return self._params is not None

    @property
    def dtype(self) -> str:
        """The dtype of parameters, inputs and outputs: "float32" or "float64"."""
        members = [self._input, *self._layers] if self._input else self._layers
        named = {m.declared_dtype: m.name for m in members if m.declared_dtype is not None}
        if len(named) > 1:
            raise ValueError(f"a network has one dtype, but its layers name several: {named}")
        return next(iter(named), "float32")

    def known_shape(self) -> tuple[int, ...] | None:
        """Return the shape of a sample as far as it was said; None if it was not."""
        if self._feature_shape is not None:
            return self._feature_shape
        if self._input is not None:
            shape: tuple[int, ...] = self._input.shape
            return shape
        return self._layers[0].declared_shape if self._layers else None

    def _build_if_known(self) -> None:
        shape = self.known_shape()
        if shape is not None and self._layers:
            self._make_arrays(shape)

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Make the arrays and initialize them; nothing happens if they exist.

        Parameters
        ----------
        input_shape : tuple, optional
            Shape of the input with the batch axis in front; not needed if a layer says it.

        Raises
        ------
        ShapeError
            If a layer cannot take what the layer before gives, or the network was built for
            another shape.

        Examples
        --------
        >>> import fanin
        >>> model = fanin.Sequential([fanin.layers.Dense(10)], rng=0)
        >>> model.build((None, 784))
        >>> model.count_params()
        7850
        """
        known = self.known_shape()
        if input_shape is None:
            if known is None:
                raise ValueError("input_shape must be given: no layer says it")
            shape = known
        else:
            shape = _checks.batched_shape("input_shape", input_shape)
            if known is not None and shape != known:
                raise ShapeError(
                    f"network {self.name!r} takes samples of shape {known}, not {shape}"
                )
        if not self.built:
            self._make_arrays(shape)

    def _make_arrays(self, shape: tuple[int, ...]) -> None:
        """Gather the layers' values, initial ones where there are none, into new flat arrays."""
        for layer in self._layers:
            self._refuse_foreign(layer)
        plan = self.plan_for(shape)
        if self._source is None:
            self._source = random.resolve(None)
        params, state = _base.empty(plan)
        parts = []
        start, state_start, index = 0, 0, 0
        for layer, own, given in self._chain(shape):
            stop, state_stop = start + own.parameter_count, state_start + own.state_count
            part = (params[start:stop], state[state_start:state_stop])
            layer.fill(own, *part, self._source, prefix=f"{index}/")
            parts.append((layer, given, own, *part))
            start, state_start = stop, state_stop
            index += own.parameter_count > 0
        assert (start, state_start) == (params.size, state.size)
        self._feature_shape, self._params, self._state = shape, params, state
        for layer, given, own, *flat in parts:
            layer.tie(given, own, flat[0], flat[1], owner=self)

    def _chain(
        self, shape: tuple[int, ...]
    ) -> Iterable[tuple[_base.Layer, _core.Plan, tuple[int, ...]]]:
        """Walk the layers with the plan of each by itself and the shape that it is given."""
        dtype = self.dtype
        for layer in self._layers:
            own = layer.plan_for(shape, dtype)
            yield layer, own, shape
            shape = own.output_shapes[-1]

    def plan_for(self, shape: tuple[int, ...]) -> _core.Plan:
        """Return the plan for samples of `shape`; nothing is changed."""
        if not self._layers:
            raise ValueError(f"network {self.name!r} has no layers: add one first")
        settings = [layer.settings() for layer in self._layers]
        key = (shape, settings, self.dtype)
        if self._plan is None or self._plan[0] != key:
            for _ in self._chain(shape):
                pass  # a layer's own complaint names it
            self._plan = (key, _core.Plan(shape, settings, self.dtype))
        return self._plan[1]

    def _forget_arrays(self) -> None:
        self._params = self._state = self._plan = None
        if self._input is None and not self._layers:
            self._feature_shape = None
        self._forget_slots()

    def _forget_slots(self) -> None:
        """Forget what depends on the layout of the arrays; the optimizer's slots, if any."""

    def ready(self) -> _core.Plan:
        """Return the plan of the built network, or say that it is not built."""
        if self._feature_shape is None or not self.built:
            raise ValueError(
                f"network {self.name!r} is not built: give the first layer an input_shape, "
                "call build, or fit it"
            )
        return self.plan_for(self._feature_shape)

    def take(self, x: ArrayLike, name: str = "x", *, finite: bool = True) -> Array:
        """Return `x` as the array that the plan takes; its shape is checked, nothing is built."""
        shape = self.known_shape()
        array = _checks.numeric(name, x)
        if shape is not None and array.ndim:
            # Keras's leniency: a last axis of length 1 may be missing or superfluous.
            if array.shape[1:] == shape[:-1] and shape[-1] == 1:
                array = array[..., np.newaxis]
            elif array.shape[1:] == (*shape, 1):
                array = array[..., 0]
        if array.ndim < 2 or (shape is not None and array.shape[1:] != shape):
            expected = "..." if shape is None else ", ".join(map(str, shape))
            hint = f"; use {name}.reshape(-1, 1)" if array.ndim == 1 and shape is None else ""
            raise ShapeError(f"{name} must have shape (n, {expected}), got {array.shape}{hint}")
        if array.size == 0:
            raise ShapeError(f"{name} is empty: it has shape {array.shape}")
        return _checks.floats(name, array, self.dtype, finite=finite)

    # Forward and backward.

    def __call__(self, x: ArrayLike, training: bool = False) -> Array:
        """Return the outputs for `x`.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            The inputs. An unbuilt network is built for them.
        training : bool, default False
            Whether to behave as in training; matters to `BatchNormalization`.

        Returns
        -------
        ndarray
            The outputs.
        """
        if hasattr(x, "get_config"):  # a layer, or an Input
            raise TypeError("a network is called on an array; the functional API is not supported")
        return self.forward(x, training)[0]

    def forward(
        self, x: ArrayLike, training: bool = False, *, threads: int | None = None
    ) -> tuple[Array, tuple[Any, ...]]:
        """Return the outputs for `x` and what `backward` needs.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            The inputs, all at once. An unbuilt network is built for them.
        training : bool, default False
            Whether to behave as in training; running averages are then updated.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        y : ndarray
            The outputs.
        cache : tuple
            For `backward`.
        """
        training = _checks.flag("training", training)
        inputs = self.take(x, finite=False)
        self.build((None, *inputs.shape[1:]))
        return self.ready().forward(self.params, self.state, inputs, training, threads)

    def backward(
        self, dy: ArrayLike, cache: tuple[Any, ...], *, threads: int | None = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return gradients, given that of the outputs.

        Parameters
        ----------
        dy : array_like of the shape of the outputs
            Derivative of a scalar with respect to the outputs, as
            `fanin.losses.Loss.value_and_gradient` returns it.
        cache : tuple
            What `forward` returned beside the outputs.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        dx : ndarray of the shape of the inputs
            Derivative with respect to the inputs.
        grads : dict of str to ndarray
            Derivatives with respect to the parameters, by layer and role: ``"dense/kernel"``.
        """
        plan = self.ready()
        gradient = _checks.floats("dy", dy, self.dtype, finite=False)
        dx, flat = plan.backward(self.params, cache, gradient, threads)
        return dx, {
            f"{self._layers[index].name}/{role}": flat[
                offset : offset + int(np.prod(shape))
            ].reshape(shape)
            for index, role, offset, shape in plan.parameters
        }

    # Weights.

    @property
    def params(self) -> Array:
        """All trainable parameters: one array, of which the layers' arrays are views."""
        self.ready()
        assert self._params is not None
        return self._params

    @property
    def state(self) -> Array:
        """All running averages: one array, of which the layers' arrays are views."""
        self.ready()
        assert self._state is not None
        return self._state

    @property
    def weights(self) -> list[Array]:
        """All arrays, layer by layer."""
        return [array for layer in self._layers for array in layer.weights]

    @property
    def trainable_weights(self) -> list[Array]:
        """The arrays that training changes by gradients."""
        return [array for layer in self._layers for array in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The other arrays."""
        return [array for layer in self._layers for array in layer.non_trainable_weights]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether any layer is trainable; setting it sets all layers."""
        return any(layer.trainable for layer in self._layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._layers:
            layer.trainable = _checks.flag("trainable", value)

    def named_weights(self) -> list[tuple[str, Array]]:
        """Return all arrays with names: place among the layers that have arrays, and role.

        Returns
        -------
        list of tuple
            Such as ``("0/kernel", array)``. The layers' own names are not part of it, so that the
            same network built twice has the same names.
        """
        holders = [layer for layer in self._layers if layer.arrays]
        return [(f"{i}/{role}", a) for i, la in enumerate(holders) for role, a in la.arrays.items()]

    def get_weights(self) -> list[Array]:
        """Return copies of all arrays.

        Returns
        -------
        list of ndarray
            In the order of `weights`.
        """
        self.ready()
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
        self.ready()
        names = [
            (f"{layer.name}/{r}", a) for layer in self._layers for r, a in layer.arrays.items()
        ]
        _base.write_all(names, weights)

    def count_params(self) -> int:
        """Return the number of elements of all arrays, trainable and not.

        Returns
        -------
        int
            The count.
        """
        return self.params.size + self.state.size

    # Shapes, configuration, copies, printing.

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input with the batch axis as None."""
        shape = self.known_shape()
        if shape is None:
            raise AttributeError(f"network {self.name!r} has no input_shape before it is built")
        return (None, *shape)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output with the batch axis as None."""
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
        """
        shape = _checks.batched_shape("input_shape", input_shape)
        return (input_shape[0], *self.plan_for(shape).output_shapes[-1])

    def summary(
        self,
        line_length: int | None = None,
        positions: None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: None = None,
    ) -> None:
        """Print the layers, their output shapes and their numbers of parameters.

        Parameters
        ----------
        line_length : int, optional
            Width in characters; that of the terminal, at most 80, if not given.
        positions : None
            Not supported; here for the order of Keras's arguments.
        print_fn : callable, optional
            Called with the text instead of printing it.
        expand_nested : bool, default False
            Here for Keras's signature: networks do not nest.
        show_trainable : bool, default False
            Whether to say of each layer if it is trainable.
        layer_range : None
            Not supported; here for the order of Keras's arguments.
        """
        if positions is not None or layer_range is not None:
            raise ValueError("summary supports neither positions nor layer_range")
        _summary.show(self, line_length, print_fn, show_trainable)

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal network, without its arrays.

        Returns
        -------
        dict
            Name, layers, and the shape of a sample if it is known.
        """
        members = [self._input, *self._layers] if self._input else self._layers
        config: dict[str, Any] = {
            "name": self.name,
            "layers": [layers.serialize(member) for member in members],
        }
        if self._feature_shape is not None:
            config["build_input_shape"] = (None, *self._feature_shape)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: None = None) -> Self:
        """Make a network from what `get_config` returned; its weights are fresh.

        Parameters
        ----------
        config : dict
            What `get_config` returned.
        custom_objects : None
            Not supported; here for Keras's signature.

        Returns
        -------
        Network
            The network.
        """
        if custom_objects:
            raise ValueError("custom_objects is not supported: layers are those of fanin.layers")
        members = [layers.deserialize(entry) for entry in config["layers"]]
        network = cls(members, config.get("name"))
        if config.get("build_input_shape") is not None:
            network.build(config["build_input_shape"])
        return network

    def __getstate__(self) -> dict[str, Any]:
        # The layers carry the values; flat arrays and plan are made again from them.
        return {**self.__dict__, "_params": None, "_state": None, "_plan": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if any(layer.built for layer in self._layers):
            self._build_if_known()

    def __copy__(self) -> Self:
        # Sharing layers would mean sharing arrays, which belong to one network.
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"
