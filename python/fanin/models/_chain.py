"""Layers in a row: adding, removing, building them into two flat arrays, planning."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core, layers, random
from fanin._checks import unknown
from fanin._members._registry import Configurable
from fanin._members._undo import as_before
from fanin.errors import NotReadyError, ShapeError
from fanin.layers import InputLayer, Layer
from fanin.layers._arrays import Array, empty
from fanin.layers._base import Stacked
from fanin.layers._dropout import as_stream
from fanin.layers._keywords import auto_name
from fanin.layers._options import check_name, name_option

_AS_IT_IS = nullcontext()
"""For a network that is built; one object does, as it keeps nothing."""


class Chain(Configurable):
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

    _family = "models"
    _honoured = (
        *("add", "pop", "get_layer", "get_weights", "set_weights", "count_params", "summary"),
        *("named_weights", "get_config", "from_config"),
        *("compile", "fit", "evaluate", "predict", "recalibrate"),
        *("save", "save_weights", "load_weights"),
    )
    _elsewhere = (
        *("call", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
        *("make_train_function", "make_test_function", "make_predict_function"),
        *("compute_mask", "compute_output_spec"),
    )
    _options: ClassVar[Mapping[str, Any]] = {"name": name_option}
    _reason = "fit, evaluate and predict run in compiled code"
    _instead = (
        "use a Callback, or write the loop: model.forward, loss.value_and_gradient, "
        "model.backward, optimizer.step"
    )

    def __init__(
        self,
        layers: Iterable[Stacked] | Stacked | None = None,
        name: str | None = None,
        *,
        rng: random.Rng = None,
    ) -> None:
        self.name: str = auto_name(type(self).__name__) if name is None else name
        # An explicit rng is checked now; a fresh one is drawn when it is first needed.
        self._source: random.RandomSource | None = None if rng is None else random.resolve(rng)
        self._layers: list[Layer] = []
        self._input: InputLayer | None = None
        self._feature_shape: tuple[int, ...] | None = None
        self._params: Array | None = None
        self._state: Array | None = None
        self._plan: tuple[Any, _core.Plan] | None = None
        self._masks: random.Stream | None = None
        self._passes = 0  # forward in training outside of fit: each draws other masks
        if isinstance(layers, Layer):
            layers = [layers]
        given = [] if layers is None else _checks.several(layers)
        if given is None:
            found = _checks.found(layers)
            raise TypeError(f"layers: expected a list of layers, found {found}")
        for layer in given:
            self._append(layer)
        self._build_if_known()

    # The chain.

    @property
    def layers(self) -> list[Layer]:
        """The layers, first to last, without the input layer."""
        return list(self._layers)

    def add(self, layer: Stacked) -> None:
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
        with self._as_before(layer):
            self._append(layer)
            self._build_if_known()
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
            raise ValueError("pop: expected a network with layers, found one without")
        with self._as_before():
            layer = self._layers[-1]
            self._layers = self._layers[:-1]
            layer.__setstate__(layer.__getstate__())
            self._forget_arrays()
            self._build_if_known()
        return layer

    def _as_before(self, *more: Any) -> AbstractContextManager[None]:
        """Put the network back as it was if the block does not come to its end; see `as_before`."""
        added = [thing for thing in more if isinstance(thing, Layer)]
        return as_before([*self._parts(), *self._layers, *added])

    def _built_for(self, inputs: Array) -> AbstractContextManager[None]:
        """Build the network for a block, for samples that `take` returned.

        One that was not built before is not built afterwards, if the block fails.
        """
        return self._building(inputs.shape[1:]) if self._params is None else _AS_IT_IS

    @contextmanager
    def _building(self, shape: tuple[int, ...]) -> Iterator[None]:
        with random.drawing(self._source) as source, self._as_before():
            self._source = source
            self.build((None, *shape))
            yield

    def _parts(self) -> list[object]:
        """Return what holds the network's own attributes, beside its layers."""
        return [self]

    def _append(self, layer: Any) -> None:
        if isinstance(layer, layers.InputLayer):
            if self._layers or self._input is not None:
                raise ValueError(
                    "layer: expected a layer that computes, found an Input, which can only come "
                    "first, and only once"
                )
            self._input = layer
            return
        if isinstance(layer, Chain):
            raise TypeError(
                f"layer: expected a layer, found the network {layer.name!r}; add its layers one by "
                "one"
            )
        if not isinstance(layer, Layer):
            hint = "; make one: it is a class" if isinstance(layer, type) else ""
            raise TypeError(f"layer: expected a layer, found {_checks.found(layer)}{hint}")
        layer.settings()  # refuses what the core does not know
        check_name(layer.name, self._layers)
        self._refuse_foreign(layer)
        self._layers = [*self._layers, layer]

    def _refuse_foreign(self, layer: Layer) -> None:
        if layer.owner is not None and layer.owner is not self:
            raise ValueError(
                f"layer: expected one of this network, found {layer.name!r}, which belongs to "
                f"network {layer.owner.name!r}, whose parameters are one array; add a "
                "copy.deepcopy of it"
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
            raise ValueError(
                "name and index: expected one of the two, found "
                f"{'neither' if name is None else 'both'}"
            )
        if index is not None:
            count = len(self._layers)
            at = _checks.integer("index", index, minimum=-count, maximum=count - 1)
            return self._layers[at]
        wanted = name_option("name", name)
        for layer in self._layers:
            if layer.name == wanted:
                return layer
        raise unknown("layer", wanted, [layer.name for layer in self._layers])

    # Building.

    @property
    def built(self) -> bool:
        """Whether the arrays exist."""
        return self._params is not None

    @property
    def dtype(self) -> str:
        """The dtype of parameters, inputs and outputs: "float32" or "float64"."""
        kept = self._plan
        # What layers were declared to be is settled once there are arrays.
        return self._named_dtype() if kept is None or self._params is None else kept[0][2]

    def _members(self) -> list[Layer | InputLayer]:
        """Return the layers, the input layer first if there is one."""
        return [*self._layers] if self._input is None else [self._input, *self._layers]

    def _named_dtype(self) -> str:
        """Return the dtype that layers name, which is one."""
        members = self._members()
        named = {m.declared_dtype: m.name for m in members if m.declared_dtype is not None}
        if len(named) > 1:
            raise NotReadyError(
                f"dtype: expected one dtype of all layers, found several named by them: {named}"
            )
        return next(iter(named), "float32")

    @property
    def source(self) -> "random.RandomSource | None":
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
                raise ValueError("input_shape: expected a shape, found None, and no layer says it")
            shape = known
        else:
            shape = _checks.batched_shape("input_shape", input_shape)
            if known is not None and shape != known:
                raise ShapeError(
                    f"input_shape: expected samples of shape {known} for network {self.name!r}, "
                    f"found {shape}"
                )
        if not self.built:
            self._make_arrays(shape)

    def _make_arrays(self, shape: tuple[int, ...]) -> None:
        """Gather the layers' values, initial ones where there are none, into new flat arrays."""
        for layer in self._layers:
            self._refuse_foreign(layer)
        params, state = empty(self.plan_for(shape))
        with random.drawing(self._source) as source, self._as_before():
            self._source = source
            self._seed_masks()
            parts = []
            start, state_start, index = 0, 0, 0
            for layer, own, given in self._chain(shape):
                stop, state_stop = start + own.parameter_count, state_start + own.state_count
                part = (params[start:stop], state[state_start:state_stop])
                layer.fill(own, *part, source, prefix=f"{index}/")
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
        if not dropouts:
            return
        if self._masks is None:
            assert self._source is not None
            self._masks = as_stream(self._source)
        for place, dropout in enumerate(dropouts):
            dropout.draw_from(self._masks, f"dropout/{place}")

    def _chain(self, shape: tuple[int, ...]) -> Iterable[tuple[Layer, _core.Plan, tuple[int, ...]]]:
        """Walk the layers with the plan of each by itself and the shape that it is given."""
        dtype = self._named_dtype()
        for layer in self._layers:
            own = layer.plan_for(shape, dtype)
            yield layer, own, shape
            shape = own.output_shapes[-1]

    def plan_for(self, shape: tuple[int, ...]) -> _core.Plan:
        """Return the plan for samples of `shape`; nothing is changed."""
        layers, kept = self._layers, self._plan
        if not layers:
            raise NotReadyError(f"network {self.name!r} has no layers: add one first")
        settings = [layer._kept_settings or layer._settings() for layer in layers]
        if kept is not None:
            (known, told, dtype), plan = kept
            settled = self._params is not None
            if known == shape and told == settings and (settled or dtype == self._named_dtype()):
                return plan
        for _ in self._chain(shape):
            pass  # a layer's own complaint names it
        dtype = self._named_dtype()
        plan = _core.Plan(shape, settings, dtype)
        self._plan = ((shape, settings, dtype), plan)
        return plan

    def _forget_arrays(self) -> None:
        self._params = self._state = self._plan = None
        if self._input is None and not self._layers:
            self._feature_shape = None
        self._forget_slots()

    def _forget_slots(self) -> None:
        """Forget what depends on the layout of the arrays; the optimizer's slots, if any."""

    def ready(self) -> _core.Plan:
        """Return the plan of the built network, or say that it is not built."""
        shape = self._feature_shape
        if shape is None or self._params is None:
            raise self._not_built()
        return self.plan_for(shape)

    def _not_built(self) -> NotReadyError:
        return NotReadyError(
            f"network {self.name!r} is not built: give the first layer an input_shape, "
            "call build, or fit it"
        )

    def take(self, x: ArrayLike, name: str = "x", *, finite: bool = True) -> Array:
        """Return `x` as the array that the plan takes; its shape is checked, nothing is built."""
        shape = self._feature_shape or self.known_shape()
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
            raise ShapeError(f"{name}: expected shape (n, {expected}), found {array.shape}{hint}")
        if array.size == 0:
            raise ShapeError(
                f"{name}: expected some samples, found none; its shape is {array.shape}"
            )
        return _checks.floats(name, array, self.dtype, finite=_checks.flag("finite", finite))
