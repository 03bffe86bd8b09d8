"""Layers in a row: adding, removing, building them into two flat arrays, planning."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, _core, layers, random
from fanin._checks import unknown
from fanin.errors import ShapeError
from fanin.layers import Layer
from fanin.layers._arrays import empty
from fanin.layers._dropout import as_stream
from fanin.layers._keywords import auto_name

Array = NDArray[Any]


class Chain:
    """The layers of a network, the arrays they share, and the plan that the core runs.

    The arrays exist as soon as the shape of a sample is known: from an `Input`, from the first
    layer's ``input_shape``, from `build`, or from data.

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
        self.name = auto_name(type(self).__name__) if name is None else name
        # An explicit rng is checked now; a fresh one is drawn when it is first needed.
        self._source: Any = None if rng is None else random.resolve(rng)
        self._layers: list[Layer] = []
        self._input: Any = None
        self._feature_shape: tuple[int, ...] | None = None
        self._params: Array | None = None
        self._state: Array | None = None
        self._plan: tuple[Any, _core.Plan] | None = None
        self._masks: random.Stream | None = None
        self._passes = 0  # forward in training outside of fit: each draws other masks
        if isinstance(layers, Layer):
            layers = [layers]
        for layer in layers or ():
            self._append(layer)
        self._build_if_known()

    # The chain.

    @property
    def layers(self) -> list[Layer]:
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

    def pop(self, rebuild: bool = True) -> Layer:
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
        if isinstance(layer, Chain):
            raise TypeError(
                "a network inside a network is not supported: add its layers one by one"
            )
        if not isinstance(layer, Layer):
            raise TypeError(f"only layers can be added to a network, got {layer!r}")
        layer.settings()  # refuses what the core does not know
        if any(layer is other or layer.name == other.name for other in self._layers):
            raise ValueError(
                f"the names of a network's layers must differ: {layer.name!r} is taken"
            )
        self._refuse_foreign(layer)
        self._layers.append(layer)

    def _refuse_foreign(self, layer: Layer) -> None:
        if layer.owner is not None and layer.owner is not self:
            raise ValueError(
                f"layer {layer.name!r} belongs to network {layer.owner.name!r}, whose parameters "
                "are one array: add a copy.deepcopy of the layer instead"
            )

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
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

    @property
    def source(self) -> Any:
        """Where initial values and shuffles come from: a stream, or a NumPy generator."""
        return self._source

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
        params, state = empty(plan)
        self._seed_masks()
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

    def _seed_masks(self) -> None:
        """Give each Dropout its own masks, before its plan is made."""
        dropouts = [layer for layer in self._layers if isinstance(layer, layers.Dropout)]
        if dropouts and self._masks is None:
            self._masks = as_stream(self._source)
        for place, dropout in enumerate(dropouts):
            dropout.draw_from(self._masks, f"dropout/{place}")

    def _chain(self, shape: tuple[int, ...]) -> Iterable[tuple[Layer, _core.Plan, tuple[int, ...]]]:
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
            raise self._not_built()
        return self.plan_for(self._feature_shape)

    def _not_built(self) -> ValueError:
        return ValueError(
            f"network {self.name!r} is not built: give the first layer an input_shape, "
            "call build, or fit it"
        )

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
