"""What every layer shares: options, building, the arrays by role, copies."""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Never, TypeAlias

from numpy.typing import DTypeLike

from fanin import _checks, _core, random
from fanin._members import _signatures
from fanin._members._registry import Configurable
from fanin._members._undo import as_before
from fanin.errors import NotReadyError, ShapeError
from fanin.layers._arrays import Array, Unbuilt, Weight, at, like
from fanin.layers._configuration import WithConfiguration
from fanin.layers._keywords import UNSUPPORTED, asks_for_nothing, auto_name, only_one
from fanin.layers._module import Module
from fanin.layers._network import Keep, Network
from fanin.layers._options import (
    check_name,
    dtype_option,
    name_option,
    penalty_option,
    shape_option,
)
from fanin.layers._value import Value, as_values, call, trace_now
from fanin.layers._with_call import WithCall

if TYPE_CHECKING:
    from fanin.initializers import Initializer
    from fanin.models._layered import Layered
    from fanin.models._sharing import Home
    from fanin.typing import RegularizerLike

Shape: TypeAlias = tuple[Any, ...]
"""Shape of a sample; of a layer of several inputs the shapes of theirs."""

_DECLARED = ("declared_dtype", "declared_shape")
_NOT_COPIED = (
    *("_network", "_plan", "_owner", "_home", "_kept_settings", "_calls"),
    *("_busy", "_body", "_itself"),  # a copy is traced again: of other objects
)


if TYPE_CHECKING:

    class Stacked(Configurable):
        """A layer or an input: a list of both is to mypy a list of what both derive from."""
else:
    Stacked = Configurable


class Layer(WithCall, WithConfiguration, Module, Stacked):
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
    activity_regularizer : str, dict or Regularizer, optional
        Penalty on the outputs, a mean over the samples, which is part of the loss: `L1`, `L2` or
        `L1L2` of `fanin.regularizers`.
    **kwargs
        Refused: unknown names, and arguments of Keras that are not implemented.

    Examples
    --------
    >>> from fanin.layers import Dense
    >>> layer = Dense(3)
    >>> layer.build((None, 4))
    >>> layer.kernel.shape, layer.bias.shape
    ((4, 3), (3,))
    """

    _family = "layers"
    _honoured: ClassVar[tuple[str, ...]] = (
        "settings",
        "activation_settings",
        "check_input",
        "draw_from",
        "plan_for",
        "fill",
        "tie",
        "get_config",
        "from_config",
        "call",
    )
    _elsewhere = (
        "call",
        "compute_mask",
        "compute_output_spec",
        "compute_output_signature",
        "build_from_config",
        "load_own_variables",
        "save_own_variables",
    )
    _reason = "networks run in compiled code, which is made of what call(self, x) does"
    _instead = "say in call what the layer computes, with layers, operators and weights"
    _unsupported = UNSUPPORTED
    _begun = "arrays"
    _owner: "weakref.ref[Layered] | None" = None
    _home: "Home | None" = None
    """The arrays of several networks that its own are part of."""
    _of_ops: bool = False
    """Whether a function or an operator made it, not its user: no layer of a model then."""
    _calls: tuple[Value, ...] = ()
    """What it made of values."""
    _by_mode: ClassVar[bool] = False
    """Whether it does something else in training."""
    _fixed: ClassVar[tuple[str, ...]] = ()
    """Further options that the arrays were made for: they cannot change once there are arrays."""

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        input_shape: Sequence[int] | int | None = None,
        input_dim: int | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        activity_regularizer: "RegularizerLike | None" = None,
        **kwargs: Never,
    ) -> None:
        given = [key for key in kwargs if not asks_for_nothing(key, kwargs[key])]
        if given:
            _checks.keywords(type(self).__name__, given, _signatures.names(type(self)), UNSUPPORTED)
        only_one(input_shape=input_shape, input_dim=input_dim, batch_input_shape=batch_input_shape)
        self.declared_dtype: str | None = (
            None if dtype is None else _checks.float_dtype("dtype", dtype)
        )
        self.declared_shape: tuple[int, ...] | None = None
        if input_shape is not None:
            self.declared_shape = _checks.feature_shape("input_shape", input_shape)
        elif input_dim is not None:
            self.declared_shape = (_checks.count("input_dim", input_dim, minimum=1),)
        elif batch_input_shape is not None:
            self.declared_shape = _checks.batched_shape("batch_input_shape", batch_input_shape)
        self.trainable = trainable
        if activity_regularizer is not None:
            self.activity_regularizer = activity_regularizer
        self.name: str = auto_name(type(self).__name__) if name is None else name
        self.arrays: dict[str, Array] = Unbuilt(self.name)

    if TYPE_CHECKING:  # what some layers have; of the others, asking for it is an AttributeError
        kernel: Weight
        bias: Weight
        gamma: Weight
        beta: Weight
        moving_mean: Weight
        moving_variance: Weight
        embeddings: Weight

    # What a subclass says about itself.

    _options: ClassVar[Mapping[str, Any]] = {
        "name": name_option,
        "trainable": _checks.flag,
        "declared_dtype": dtype_option,
        "declared_shape": shape_option,
        "activity_regularizer": penalty_option,
    }

    @classmethod
    def _usable(cls) -> bool:
        return super()._usable() or cls.settings is not WithConfiguration.settings

    def _check_change(self, name: str, value: Any) -> None:
        if self.__dict__.get("_network") is None:
            return
        now = getattr(self, name)
        if name in (*_DECLARED, *self._fixed) and value != now:
            raise ValueError(
                f"{name}: expected {now!r}, which layer {self.name!r} was built with, "
                f"found {_checks.found(value)}; make another layer"
            )
        if name == "name":
            for network in self._networks():
                check_name(value, [layer for layer in network.operations if layer is not self])

    def check_input(self, shape: Shape) -> None:
        """Refuse a shape of one sample that this layer cannot take; any will do by default."""

    def draw_from(self, source: random.RandomSource, path: str) -> None:
        """Take what is drawn in training from `source`; most layers draw nothing."""

    def _holds(self) -> bool:
        """Whether it has arrays, once it is built; of a class of a user's once it was traced."""
        if self._traced:
            from fanin.layers import _traced

            return _traced.holds(self)
        return any(name.endswith("_initializer") for name in self._options)

    def _draws(self) -> bool:
        """Whether it draws numbers when it runs."""
        if not self._traced:
            return False
        from fanin.layers import _traced

        return _traced.draws(self)

    def _draw(self, source: random.RandomSource, path: str) -> None:
        """Do what `draw_from` does, in a class of a user's for each part."""
        if not self._traced:
            self.draw_from(source, path)
            return
        from fanin.layers import _traced

        _traced.draw(self, source, path)

    # Building.

    @property
    def dtype(self) -> str:
        """The dtype of the arrays: "float32" or "float64"."""
        network = self._network
        return (self.declared_dtype or "float32") if network is None else network.dtype

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
        if self._busy == "build":
            return  # `super().build(input_shape)` of a class of a user's
        trace = trace_now()
        if trace is not None and trace.building:  # by that of a layer around it, which has arrays
            self.plan_for(_checks.batched_shape("input_shape", input_shape), self.dtype)
            return
        if self._traced:
            from fanin.layers import _traced

            self._build(_traced.shapes_from(self, input_shape), rng)
            return
        self._build(_checks.batched_shape("input_shape", input_shape), rng)

    def _build(self, shape: Shape, rng: random.Rng) -> None:
        plan = self.plan_for(shape, self.dtype)
        if self.built:
            return
        with random.drawing(rng) as source, as_before([self]):
            self._draw(source, "dropout")
            plan = self.plan_for(shape, self.dtype)  # again, with the masks just drawn from
            network = Network.empty(plan)
            self.fill(plan, network.params, network.state, source)
            self.tie(shape, plan, network.params, network.state)
            self._lodge_models()

    def _lodge_models(self) -> None:
        if self._traced:
            from fanin.layers import _traced

            _traced.lodge_models(self)

    @contextmanager
    def _building(self, shape: Shape) -> Iterator[None]:
        with random.drawing() as source, as_before([self]):
            self._build(shape, source)
            yield

    def _not_built(self) -> NotReadyError:
        return NotReadyError(f"layer {self.name!r} is not built: call build or forward first")

    def plan_for(self, shape: Shape, dtype: str) -> _core.Plan:
        """Return the plan of this layer by itself, having checked that it can take `shape`."""
        self.check_input(shape)
        if self.declared_shape not in (None, shape):
            raise ShapeError(
                f"input_shape: expected {shape}, the shape of the samples that layer "
                f"{self.name!r} is given, found {self.declared_shape}"
            )
        plan = self._own_plan(shape, dtype)
        if self.built and {role: a.shape for role, a in self.arrays.items()} != {
            role: size for _, role, _, size in (*plan.parameters, *plan.state)
        }:
            raise ShapeError(
                f"layer {self.name!r} was built for samples of shape {self._feature_shape} "
                f"and cannot take samples of shape {shape}"
            )
        return plan

    def _own_plan(self, shape: Shape, dtype: str) -> _core.Plan:
        if self._traced:
            from fanin.layers import _traced

            return _traced.plan_of(self, shape, dtype)
        return _core.Plan(shape, [self.settings()], dtype)

    def _settings(self) -> dict[str, object]:
        if self._traced:
            from fanin.layers import _traced

            return _traced.settings_of(self)
        return super()._settings()

    def fill(
        self,
        plan: _core.Plan,
        params: Array,
        state: Array,
        source: random.RandomSource,
        prefix: str = "",
    ) -> None:
        """Write this layer's values into empty arrays: those it has, else initial ones."""
        if self._traced and not self.built:
            from fanin.layers import _traced

            assert self._body is not None
            shape, dtype = self._body.shape, plan.dtype
            _traced.fill(self, shape, dtype, params, state, source, prefix)
            return
        self._fill_own(plan, params, state, source, prefix)

    def _fill_own(
        self,
        plan: _core.Plan,
        params: Array,
        state: Array,
        source: random.RandomSource,
        prefix: str = "",
    ) -> None:
        """Do what `fill` does for the arrays of a class of ours."""
        for role, view in Network(plan, params, state).views().items():
            if self.built:
                view[...] = self.arrays[role]
                continue
            path = prefix + role
            values = self._initializer_of(role).for_parameter(
                view.shape, plan.dtype, at(source, path), path=path
            )
            name = f"{role}_initializer of layer {self.name!r}"
            view[...] = like(name, values, view, finite=True)

    def tie(
        self,
        shape: Shape,
        plan: _core.Plan,
        params: Array,
        state: Array,
        owner: "Layered | None" = None,
    ) -> None:
        """Make `params` and `state` this layer's arrays."""
        lock = None if owner is None else owner.lock
        self._feature_shape, self._network = shape, Network(plan, params, state, lock)
        self._plan = (self._settings(), plan)
        self._owner = None if owner is None else weakref.ref(owner)
        self._home = None if owner is None else owner._home
        self.arrays = self._network.views()
        if self._traced:
            from fanin.layers import _traced

            _traced.tie(self, shape, params, state, owner)

    def _current_plan(self) -> _core.Plan:
        assert self._plan is not None
        made_for, plan = self._plan
        settings = self._kept_settings or self._settings()
        if settings is not made_for and settings != made_for:
            assert self._feature_shape is not None
            plan = self.plan_for(self._feature_shape, self.dtype)
            self._plan = (settings, plan)
        return plan

    @property
    def owner(self) -> "Layered | None":
        """The network that this layer's arrays are part of, or None; of several the first one."""
        owner = None if self._owner is None else self._owner()
        if owner is None and self._home is not None:
            owner = next(iter(self._home.networks), None)
        return owner

    def _networks(self) -> "list[Layered]":
        """Return the networks that this layer is part of."""
        owner = self.owner
        if self._home is None:
            return [] if owner is None else [owner]
        others = [n for n in self._home.networks if n is not owner and self in n.computing]
        return [*([] if owner is None else [owner]), *others]

    # Shapes.

    @property
    def input_shape(self) -> Any:
        """Shape of the input with the batch axis as None, of several a list; known once built."""
        shape = self._feature_shape
        if shape is None:
            raise AttributeError(f"layer {self.name!r} has no input_shape before it is built")
        if self._traced and any(isinstance(one, tuple) for one in shape):
            return [(None, *one) for one in shape]
        return (None, *shape)

    def _plan_of(self, shape: Shape) -> _core.Plan:
        self.check_input(shape)
        return self._own_plan(shape, self.dtype)

    def shape_of_inputs(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        """Return the shapes of the inputs as `plan_for` takes them; there is one."""
        if self._traced:
            from fanin.layers import _traced

            return _traced.shape_of(self, shapes)
        if len(shapes) != 1:
            raise ValueError(f"inputs: expected one for layer {self.name!r}, found {len(shapes)}")
        return shapes[0]

    def shape_after(self, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """Return the shape of a sample of the output, for those of the inputs."""
        return self.plan_for(self.shape_of_inputs(shapes), self.dtype).output_shapes[-1]

    # Values.

    def _of_values(self, x: Any, training: bool | None) -> Any:
        mode = None if training is None else self._mode_for(training)
        if self._traced:
            from fanin.layers import _users

            form = _users.form_of(x, lambda x: isinstance(x, list | tuple))
            _users.note_form(self, form)
        made = call(self, as_values("x", x))
        made.mode = mode
        return self._apart(made)

    @property
    def _returns_several(self) -> bool:
        """Whether `call` of a user's was found to return several outputs, or one in a list."""
        body = self._body
        return body is not None and body.returned[0] != "one"

    def _apart(self, made: Value) -> Any:
        """Return what a call on values returns, of the value that has all outputs."""
        if self._returns_several:
            from fanin.layers import _returned

            return _returned.values(self, made)
        return made

    def _shape_of(self, shape: Any, count: int | None) -> tuple[int | None, ...]:
        found: Any = super()._shape_of(shape, count)
        if self._returns_several:
            from fanin.layers import _returned

            found = _returned.shapes(self, count)
        return found  # type: ignore[no-any-return]

    def _forward(
        self, inputs: Array, training: bool, threads: int | None, keep: Keep, out: Any
    ) -> Any:
        passed = super()._forward(inputs, training, threads, keep, out)
        if self._returns_several:
            from fanin.layers import _returned

            return _returned.arrays(self, passed[0]), passed[1]
        return passed

    def _joined_gradient(self, dy: Any, dtype: str) -> Array:
        if self._returns_several:
            from fanin.layers import _returned

            return _returned.gradient(self, dy, dtype)
        return super()._joined_gradient(dy, dtype)

    @property
    def _is_cost(self) -> bool:
        """Whether it hands on what it reads first, and adds the rest to the loss."""
        return False

    def _mode_for(self, training: bool) -> bool | None:
        """Return the mode that the layer runs in for good, if it is called with `training`."""
        from fanin.layers import _tracing
        from fanin.layers._dropout import DRAWING

        told = _tracing.flag_of(training)
        if told and (self._traced or (self._by_mode and self.kind not in DRAWING)):
            raise ValueError(
                f"training: expected False or nothing for layer {self.name!r} on a value, since "
                "only Dropout and layers of noise can run as in training for good, found True"
            )
        return told if self._traced or self._by_mode else None

    @property
    def output(self) -> Value:
        """What the layer makes in the network that it is part of: the value of its one call."""
        made: Value = self._apart(self._only_call())  # of several outputs as call returns them
        return made

    @property
    def input(self) -> Any:
        """What the layer reads in the network that it is part of: a value, or a list of them."""
        reads = self._only_call().reads
        return reads[0] if len(reads) == 1 else list(reads)

    def _only_call(self) -> Value:
        calls = self._calls
        for network in self._networks():
            calls = calls or tuple(network.calls_of(self))
        if len(calls) != 1:
            found = f"called on {len(calls)}" if calls else "called on none"
            raise AttributeError(
                f"layer {self.name!r} has no output of its own: expected a layer that is called on "
                f"values once, found one that is {found}"
            )
        return calls[0]

    # Arrays.

    def _holders(self) -> "Sequence[Layer]":
        return (self,)

    def _initializer_of(self, role: str) -> "Initializer":
        """Return the initializer of the array called `role`."""
        if self._traced:
            from fanin.layers import _traced

            part, inner = _traced.part_called(self, role)
            if part is not self:
                found: Initializer = part._initializer_of(inner) if inner else part.initializer
                return found
        return super()._initializer_of(role)

    def is_trained(self, role: str) -> bool:
        """Whether gradients change the array called `role`."""
        if self._traced:
            from fanin.layers import _traced

            part, inner = _traced.part_called(self, role)
            if part is not self:
                own = part.is_trained(inner) if inner else part.trainable
                return self.trainable and bool(own)
        return self.trainable and not role.startswith("moving_")

    def _by_name(self, gradients: list[tuple[int, str, Array]]) -> dict[str, Array]:
        return {role: view for _, role, view in gradients}

    def _inputs(self, x: Any) -> tuple[Array, Shape]:
        if self._traced:
            from fanin.layers import _traced

            return _traced.inputs_of(self, x)
        network = self._network
        dtype = self.dtype if network is None else network.dtype
        inputs = _checks.floats("x", x, dtype, finite=False)
        if network is None:
            if inputs.ndim < 2:
                raise ShapeError(
                    f"x: expected an array of shape (batch, features), found {inputs.shape}"
                )
        elif inputs.shape[1:] != self._feature_shape or inputs.ndim == 0:
            expected = ", ".join(map(str, ("batch", *(self._feature_shape or ()))))
            raise ShapeError(
                f"x: expected an array of shape ({expected}) for layer {self.name!r}, "
                f"found {inputs.shape}"
            )
        return inputs, inputs.shape[1:]

    def _writing(self) -> "_core.Writing | None":
        owner = self.owner  # by whose name people know what is trained
        return super()._writing() if owner is None else owner._writing()

    # Copies, printing.

    def __getstate__(self) -> dict[str, object]:
        # A copy stands by itself: it leaves the network behind and has arrays of its own. They are
        # written down as they were in 0.1.0.
        own = {name: value for name, value in self.__dict__.items() if name not in _NOT_COPIED}
        if self._network is not None:
            from fanin.layers._one_batch import OneBatch  # not needed for `import fanin`

            values = OneBatch.take(self)  # where it is copied as part of a network
            if values is None:
                network = self._network.copy()
                values = network.params, network.state
            own |= {"_params": values[0], "_state": values[1]}
        return {**own, "arrays": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        given = dict(state)
        params, running = given.pop("_params", None), given.pop("_state", None)
        given.pop("_dtype", None)  # of 0.1.0: that of the arrays
        self.__dict__.update(given)
        self.__dict__["arrays"] = Unbuilt(self.name)
        if params is not None:
            assert self._feature_shape is not None
            plan = self._own_plan(self._feature_shape, params.dtype.name)
            self.tie(self._feature_shape, plan, params, running)
            self._lodge_models()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"
