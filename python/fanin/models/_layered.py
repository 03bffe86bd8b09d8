"""Layers with a plan: building them into two flat arrays, copies."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Self

from fanin import _checks, _core, random
from fanin._members._undo import as_before
from fanin.errors import NotReadyError, ShapeError
from fanin.layers import InputLayer, Layer
from fanin.layers._arrays import Array
from fanin.layers._keywords import auto_name
from fanin.layers._network import Network
from fanin.layers._options import name_option
from fanin.models import _building
from fanin.models._connected import Connected
from fanin.show import text

if TYPE_CHECKING:
    from fanin.models._sharing import Home


_AS_IT_IS = nullcontext()
"""For a network that is built; one object does, as it keeps nothing."""


class Layered(Connected):
    """Connected layers, the arrays they share, and the plan of the core.

    The arrays exist as soon as the shape of a sample is known.

    Parameters
    ----------
    name : str, optional
        Name of the network.
    rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
        Where initial values and shuffles come from. The same integer gives the same network
        everywhere; None draws afresh (see `fanin.utils.set_random_seed`).
    """

    _family = "models"
    _honoured: ClassVar[tuple[str, ...]] = (
        *("add", "pop", "get_layer", "get_weights", "set_weights", "count_params", "summary"),
        *("named_weights", "get_config", "from_config"),
        *("compile", "fit", "evaluate", "predict", "recalibrate"),
        *("train_on_batch", "test_on_batch", "predict_on_batch"),
        *("save", "save_weights", "load_weights", "to_json"),
    )
    _elsewhere = (
        *("call", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
        *("make_train_function", "make_test_function", "make_predict_function"),
        *("compute_mask", "compute_output_spec"),
    )
    _options: ClassVar[Mapping[str, Any]] = {"name": name_option}
    _begun = "_layers"
    _reason = "fit, evaluate and predict run in compiled code"
    _instead = (
        "use a Callback, or write the loop: model.forward, loss.value_and_gradient, "
        "model.backward, optimizer.step"
    )

    def __init__(self, name: str | None = None, *, rng: random.Rng = None) -> None:
        self.name: str = auto_name(self._kind_of_name()) if name is None else name
        self._lock = _core.Lock()
        # An explicit rng is checked now; a fresh one is drawn when it is first needed.
        self._source: random.RandomSource | None = None if rng is None else random.resolve(rng)
        self._layers = []
        self._masks: random.Stream | None = None

    @classmethod
    def _kind_of_name(cls) -> str:
        """Return the class by which networks without a name are counted."""
        return cls.__name__

    # Changes.

    _home: "Home | None" = None
    """The arrays of several networks that this one's are part of."""
    _spread: "tuple[dict[int, tuple[int, int]], tuple[int, int]] | None" = None
    """Where the arrays of each layer begin, by its id, and their lengths; None if in a row."""

    def restoring(self, added: object = None) -> AbstractContextManager[None]:
        """Put the network back as it was if the block does not come to its end; see `as_before`."""
        more: list[Any] = [added] if isinstance(added, Layer) else []
        if (added is not None or self._network is None) and self._shares:
            from fanin.models import _sharing  # not needed for `import fanin`, here and below

            more += _sharing.around(self)
        return as_before([*self._parts(), *self._layers, *more])

    @property
    def _shares(self) -> bool:
        """Whether there are layers whose arrays are part of other networks too."""
        return any(
            layer._home is not None or layer.owner not in (None, self)
            for layer in self._layers
            if layer.arrays
        )

    def built_for(self, inputs: Array) -> AbstractContextManager[None]:
        """Build the network for a block, for samples that `take` returned.

        One that was not built before is not built afterwards, if the block fails.
        """
        return self._building(inputs.shape[1:]) if self._network is None else _AS_IT_IS

    @contextmanager
    def _building(self, shape: tuple[int, ...]) -> Iterator[None]:
        with random.drawing(self._source) as source, self.restoring():
            self._source = source
            self.build((None, *shape))
            yield

    @property
    def lock(self) -> _core.Lock:
        """Who may touch the arrays, those to come as well."""
        if self._network is not None or not self._shares:
            return self._lock
        from fanin.models import _sharing

        return _sharing.lock_for(self)

    def _changing(self, alone: bool = False) -> _core.Writing:
        """Refuse to change, for the length of a block, what another thread trains or changes.

        What must be `alone` may not happen within a training of this thread either.
        """
        return _core.Writing([self._lock], [self.name], alone)

    def _parts(self) -> list[object]:
        """Return what holds the network's own attributes, beside its layers."""
        return [self]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
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
        return _building.find_layer(self.layers, name, index)

    # Building.

    @property
    def dtype(self) -> str:
        """The dtype of parameters, inputs and outputs: "float32" or "float64"."""
        # What layers were declared to be is settled once there are arrays.
        network = self._network
        return _building.named_dtype(self._members()) if network is None else network.dtype

    def _members(self) -> list[Layer | InputLayer]:
        """Return the layers, and the input layers before them."""
        raise NotImplementedError

    @property
    def source(self) -> "random.RandomSource | None":
        """Where initial values and shuffles come from: a stream, or a NumPy generator."""
        return self._source

    def known_shape(self) -> tuple[int, ...] | None:
        """Return the shape of a sample as far as it was said; None if it was not."""
        raise NotImplementedError

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
        """Gather the layers' values, initial ones where there are none, into new flat arrays.

        What layers of other networks have stays theirs too: all have parts of the same arrays.
        """
        with self._changing():
            if self._shares:
                from fanin.models import _sharing

                _sharing.come(self, shape)
            else:
                self._gather(shape)

    def _gather(self, shape: tuple[int, ...]) -> None:
        network = Network.empty(self.plan_for(shape), self._lock)
        with random.drawing(self._source) as source, self.restoring():
            self._source = source
            self._masks = _building.seed_masks(self, source)
            parts = _building.fill(network, self, shape, source)
            self._feature_shape, self._network = shape, network
            for layer, given, own, params, state in parts:
                if layer.owner in (None, self):
                    layer.tie(given, own, params, state, owner=self)

    def plan_for(self, shape: tuple[int, ...]) -> _core.Plan:
        """Return the plan for samples of `shape`; nothing is changed."""
        if self._traced:
            from fanin.models import _subclassed

            _subclassed.refresh(self, shape)
        layers, kept = self._layers, self._plan
        if not layers:
            if self._traced:
                raise self._not_built()
            raise NotReadyError(f"network {self.name!r} has no layers: add one first")
        settings = self._settings_of_layers()
        if kept is not None:
            (known, told, dtype), plan = kept
            settled = self._network is not None
            if known == shape and told == settings and (settled or dtype == self.dtype):
                return plan
        dtype = _building.named_dtype(self._members())
        for _ in _building.walk(self, shape, dtype):
            pass  # a layer's own complaint names it
        settings = self._settings_of_layers()  # of users' layers known now
        spread = None
        if self._spread is not None:
            places, lengths = self._spread
            spread = [places.get(id(layer), (0, 0)) for layer in layers], lengths
        if self._wiring is None:
            _building.refuse_several(layers)
            plan = _core.Plan(shape, settings, dtype, spread=spread)
        else:
            wiring = self._wiring
            shapes, calls, outputs = wiring.shapes, wiring.calls, wiring.outputs
            plan = _core.Plan(shapes, settings, dtype, calls, outputs, spread)
        if plan.lookups:
            from fanin.layers._indices import refuse_computed  # not needed for `import fanin`

            refuse_computed(plan, layers)
        self._plan = ((shape, settings, dtype), plan)
        return plan

    def _settings_of_layers(self) -> list[dict[str, object]]:
        settings = [layer._kept_settings or layer._settings() for layer in self._layers]
        for place, mode in self._modes.items():
            from fanin.layers._bodies import in_mode  # not needed for `import fanin`

            settings[place] = in_mode(settings[place], mode)
        return settings

    def _forget_arrays(self) -> None:
        self._network = self._plan = self._values = self._spread = None
        self._forget_slots()

    def _forget_slots(self) -> None:
        """Forget what depends on the layout of the arrays; the optimizer's slots, if any."""

    def _current_plan(self) -> _core.Plan:
        assert self._feature_shape is not None
        return self.plan_for(self._feature_shape)

    _plan_of = plan_for

    def ready(self) -> _core.Plan:
        return self.network.plan

    def _not_built(self) -> NotReadyError:
        if self._traced:
            return NotReadyError(
                f"network {self.name!r} is not built: call it on data, fit it, or call "
                "build(input_shape), for which its call is traced"
            )
        return NotReadyError(
            f"network {self.name!r} is not built: give the first layer an input_shape, "
            "call build, or fit it"
        )

    def take(
        self, x: Any, name: str = "x", *, finite: bool = True, keep_bytes: bool = False
    ) -> Array:
        """Return `x` as the array that the plan takes; its shape is checked, nothing is built.

        With `keep_bytes` one of bytes or flags stays one of bytes, which become numbers batch by
        batch.
        """
        raise NotImplementedError

    def _check_lookups(self, *given: tuple[str, Any, tuple[int, ...]]) -> None:
        """Check what the layers look up in the inputs: the name, the array, and a sample's shape.

        Of one input there is one; of several that were checked they make up the sample.
        """
        shapes = [shape for _, _, shape in given]
        shape = shapes[0] if len(shapes) == 1 else (sum(map(math.prod, shapes)),)
        plan = self.plan_for(shape) if self._network is None else self._network.plan
        if plan.lookups:
            from fanin.layers._indices import refuse_in_samples  # not needed for `import fanin`

            refuse_in_samples(given, plan, self._layers)

    @property
    def _may_look_up(self) -> bool:
        """Whether there may be something to check: it is not known before there are arrays."""
        return self._network is None or self._network.looks_up

    def _inputs(self, x: Any) -> tuple[Array, tuple[Any, ...]]:
        inputs = self.take(x, finite=False)
        return inputs, inputs.shape[1:]

    def of_each_input(self, x: Array) -> list[Array]:
        """Return the inputs in what `take` returned."""
        if self._wiring is None:
            return [x]
        from fanin.layers._merging import apart  # not needed for `import fanin`

        return apart(x, self._wiring.shapes)

    def formed_outputs(self, y: Array) -> Any:
        """Return what a pass of the plan returned in the form in which the network returns it."""
        wiring = self._wiring
        plain = wiring is None or wiring.ends.form == "one"
        return y if plain else self._ends.apart(y, self.ready().shapes_of_outputs)

    # Arrays.

    @property
    def params(self) -> Array:
        """All trainable parameters: one array, of which the layers' arrays are views.

        Where layers of other networks lie between this network's own, it is a copy that cannot be
        written to.
        """
        network = self._network
        if network is None:
            raise self._not_built()
        return network.params if network.whole else _copied(network)[0]

    @property
    def state(self) -> Array:
        """All running averages: one array, of which the layers' arrays are views.

        Where layers of other networks lie between this network's own, as `params` then is.
        """
        network = self._network
        if network is None:
            raise self._not_built()
        return network.state if network.whole else _copied(network)[1]

    def _holders(self) -> list[Layer]:
        return self._layers

    def _named_arrays(self) -> list[tuple[str, Array]]:
        self.ready()
        return super()._named_arrays()

    def _by_name(self, gradients: list[tuple[int, str, Array]]) -> dict[str, Array]:
        return {f"{self._layers[i].name}/{role}": view for i, role, view in gradients}

    @property
    def trainable(self) -> bool:
        """Whether any layer is trainable; setting it sets all layers."""
        return any(layer.trainable for layer in self._own_layers())

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = _checks.flag("trainable", value)
        for layer in self._own_layers():
            layer.trainable = value

    def _own_layers(self) -> list[Layer]:
        """Return the layers that it has, also before it is known which of them it uses."""
        return self._layers

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

    # Copies, printing.

    def summary(
        self,
        line_length: int | None = None,
        positions: None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: None = None,
    ) -> None:
        """Print the layers, their output shapes and their numbers of parameters.

        Parameters
        ----------
        line_length : int, optional
            Width in characters, up to 10000; that of the terminal, at most 80, if not given.
        positions : None
            Not supported; here for the order of Keras's arguments.
        print_fn : callable, optional
            Called with the text instead of printing it.
        expand_nested : bool, default False
            Here for Keras's signature: layers of a network in a network are its own layers.
        show_trainable : bool, default False
            Whether to say of each layer if it is trainable.
        layer_range : None
            Not supported; here for the order of Keras's arguments.
        """
        from fanin.models import _summary  # not needed for `import fanin`

        _summary.check_form(positions, layer_range)
        _summary.show(self, line_length, print_fn, show_trainable)

    def __getstate__(self) -> dict[str, Any]:
        return self._state_with(None if self._network is None else self._network.copy())

    def _state_with(self, network: Network | None) -> dict[str, Any]:
        """Return what is copied and pickled: with the values of `network`, those of one batch."""
        # The layers carry the values; flat arrays and plan are made again from them.
        gone = ("_network", "_plan", "_lock", "_home", "_spread", "_values")
        own = {name: value for name, value in self.__dict__.items() if name not in gone}
        if network is not None:
            from fanin.layers._one_batch import OneBatch  # not needed for `import fanin`

            own["_one_batch"] = OneBatch(network, self._layers)
        return own

    def __setstate__(self, state: dict[str, Any]) -> None:
        gone = ("_params", "_state", "_plan", "_one_batch")  # the first of 0.1.0; all None
        self.__dict__.update({name: v for name, v in state.items() if name not in gone})
        self._lock = _core.Lock()
        if any(layer.built for layer in self._layers):
            self._build_if_known()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = memo[id(self)] = self.__class__.__new__(self.__class__)
        twin.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return twin

    def __copy__(self) -> Self:
        # Sharing layers would mean sharing arrays, which is no copy of them.
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        name = text.flat(self.name, 40)
        holds = f", params={self.count_params():,}" if self.built else ""
        counts = f"layers={len(self._layers)}{holds}"
        return f"<{type(self).__name__} name={name}, built={self.built}, {counts}>"

    def _repr_html_(self) -> str:
        from fanin.models import _summary

        return _summary.html(self)


def _copied(network: Network) -> list[Array]:
    """Return copies of the parameters and the state that a network has among those of others."""
    params, state = network.lock.copies([network.params, network.state])
    found = [network.gathered(params), network.gathered(state, network.plan.state)]
    for array in found:
        array.flags.writeable = False
    return found
