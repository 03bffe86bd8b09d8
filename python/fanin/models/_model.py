"""`Model`: layers that read what the layers say that they are called on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from fanin import _checks, layers, random
from fanin._members import _custom
from fanin._members._registry import check_config
from fanin.errors import ShapeError
from fanin.layers import InputLayer, Layer
from fanin.layers._arrays import Array
from fanin.layers._network import Keep
from fanin.layers._value import Value, as_values
from fanin.models import _building
from fanin.models._on_batch import OnBatch

if TYPE_CHECKING:
    from fanin.models._wiring import Wiring


class Model(OnBatch):
    """A network from inputs to outputs, as Keras's functional `Model`.

    Layers are called on values: on `Input`, and on what other layers make. A layer that is called
    several times has one set of arrays. A model can be called on values too; its layers then are
    layers of the model that is made. Layers of another model may stand beside new ones, as in
    ``Model(base.input, Dense(3)(base.get_layer("features").output))``: they are then layers of both
    with one set of arrays, and what trains one changes the other. All trainable parameters are one
    array, ``model.params``, and all running averages another, ``model.state``; those of a model
    within are part of them.

    A class of your own can make its layers in ``__init__`` and say in `call` what they compute: see
    there, and the guide to classes of your own.

    Parameters
    ----------
    inputs : Value, or list or dict of Value
        What the network is given: one array, a list of arrays, or a dict of them by the names of
        the inputs. All must lead to an output.
    outputs : Value, or list, tuple or dict of Value
        What it returns: an array, or as many in that form. In a dict they have names of yours, and
        lie in their order; else the names of the layers that make them. `compile`, `fit` and
        `evaluate` then take losses, metrics, targets and weights for each, in order or by name.
    name : str, optional
        Name of the network.
    rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
        Where initial values and shuffles come from. The same integer gives the same training
        everywhere; None draws afresh (see `fanin.utils.set_random_seed`). A layer that has arrays
        keeps its values.

    Attributes
    ----------
    history : History
        That of the last `fit`, also if it was interrupted.
    optimizer : Optimizer
        The optimizer, once compiled; ``optimizer.iterations`` are the steps it has done.
    epoch : int
        Whole epochs trained since `compile`.
    stop_training : bool
        Set by a callback to end training.

    Raises
    ------
    TypeError
        If something is no value; if neither inputs nor outputs are given, but by a class with a
        `call`, or some are by one.
    ValueError
        If an input does not lead to an output, an output depends on an input that is not given,
        or two layers have one name.
    RuntimeError
        If layers are those of another network whose arrays would move while it is trained.

    Examples
    --------
    >>> import numpy as np, fanin
    >>> from fanin.layers import Add, Dense
    >>> inputs = fanin.Input((4,))
    >>> hidden = Dense(8, activation="relu")(inputs)
    >>> hidden = Add()([hidden, Dense(8, activation="relu")(hidden)])
    >>> model = fanin.Model(inputs, Dense(1)(hidden), rng=0)
    >>> model.compile("adam", "mse")
    >>> x = np.random.default_rng(0).normal(size=(64, 4))
    >>> history = model.fit(x, x[:, 0] * x[:, 1], epochs=2, verbose=0)
    >>> model.predict(x, verbose=0).shape
    (64, 1)

    Two outputs, each with a loss of its own:

    >>> inputs = fanin.Input((4,))
    >>> hidden = Dense(8, activation="relu")(inputs)
    >>> product, sign = Dense(1, name="product")(hidden), Dense(2, "softmax", name="sign")(hidden)
    >>> model = fanin.Model(inputs, [product, sign], rng=0)
    >>> model.compile("adam", ["mse", "sparse_categorical_crossentropy"], loss_weights=[1.0, 0.5])
    >>> y = {"product": x[:, 0] * x[:, 1], "sign": x[:, 0] * x[:, 1] > 0}
    >>> history = model.fit(x, y, epochs=2, verbose=0)
    >>> sorted(history.history)
    ['loss', 'product_loss', 'sign_loss']
    """

    _honoured = (*OnBatch._honoured, "call")

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        *,
        rng: random.Rng = None,
    ) -> None:
        if self._traced and inputs is None and outputs is None:
            self._begin(name, rng)
            return
        if self._traced:
            raise TypeError(
                f"{type(self).__name__} expected no inputs and outputs, as its call says what it "
                "computes, found some"
            )
        if inputs is None and outputs is None:
            raise TypeError(
                f"{type(self).__name__} expected inputs and outputs, or a class with "
                "call(self, inputs), found neither"
            )
        # What `import fanin` need not pay for, here and below.
        from fanin.models import _wiring

        self._begin(name, rng)
        wiring, found, values = _wiring.trace(inputs, outputs)
        self._wire(wiring, found)
        self._modes = _wiring.modes_of(values[len(wiring.inputs) :], found)
        super()._make_arrays(wiring.shape)
        self._values = values

    def __init_subclass__(cls, **kwargs: Any) -> None:
        first = next(base for base in cls.__mro__ if "call" in vars(base))
        if first is not Model and "call" in cls._honoured:
            from fanin.layers._with_call import watch

            cls._traced = True
            watch(cls)
        super().__init_subclass__(**kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the outputs; a class of your own, without inputs and outputs, says it here.

        It is run on values, once as in training and once as in inference, to find which layers read
        what; `training` is then True or False, if `call` takes it. What it does must not depend on
        the numbers of its inputs.

        Parameters
        ----------
        inputs : Value or array_like
            The inputs, of several a list or a dict.
        training : bool, optional
            Whether to behave as in training.

        Returns
        -------
        Value or ndarray
            The outputs.

        Examples
        --------
        >>> import numpy as np, fanin
        >>> from fanin.layers import Dense, Dropout
        >>> class Network(fanin.Model):
        ...     def __init__(self):
        ...         super().__init__(rng=0)
        ...         self.hidden = Dense(8, activation="relu")
        ...         self.dropout = Dropout(0.5)
        ...         self.last = Dense(1)
        ...
        ...     def call(self, inputs, training=False):
        ...         x = self.hidden(inputs)
        ...         return self.last(self.dropout(x, training=training))
        >>> model = Network()
        >>> model.compile("adam", "mse")
        >>> x = np.random.default_rng(0).normal(size=(64, 4))
        >>> history = model.fit(x, x[:, 0], verbose=0)
        >>> model.count_params()
        49
        """
        if self._traced:
            raise NotImplementedError(
                f"{type(self).__name__}: expected a call of its own, found none above it"
            )
        return self(inputs, training)

    def _make_arrays(self, shape: tuple[int, ...]) -> None:
        if not self._traced:
            super()._make_arrays(shape)
            return
        from fanin.models import _subclassed

        with self._changing():
            self.plan_for(shape)  # finds the layers
            super()._make_arrays(shape)
            _subclassed.lodge_members(self)

    def build(self, input_shape: Any = None) -> None:
        """Make the arrays and initialize them; nothing happens if they exist.

        Parameters
        ----------
        input_shape : tuple, or list or dict of tuple, optional
            Shapes of the inputs with the batch axis in front; needed by a class of your own with a
            `call`, which is traced for them.
        """
        if self._traced and input_shape is not None:
            from fanin.models import _subclassed

            known = None if self._wiring is None else (None, *self._wiring.shape)
            if input_shape != known:
                _subclassed.settle_build(self, input_shape)
            input_shape = None
        super().build(input_shape)

    def _begin(self, name: str | None, rng: random.Rng) -> None:
        """Do what all constructors begin with."""
        super().__init__(name, rng=rng)

    def _wire(self, wiring: "Wiring", row: Sequence[Layer]) -> None:
        for layer in row:
            layer._settings()  # refuses what the core does not know
        self._wiring, self._layers = wiring, [*row]

    @classmethod
    def _kind_of_name(cls) -> str:
        # As Keras counts them.
        return "Functional" if cls is Model else cls.__name__

    _told: Any = None
    """Of a class with a `call`: the inputs it was traced for, what that read, models within."""
    _version = 0

    def _state_with(self, network: Any) -> dict[str, Any]:
        state = super()._state_with(network)
        if state.get("_told") is not None:  # a copy is traced again: of other objects
            state["_told"] = (state["_told"][0], None, [])
        return state

    @property
    def _wired(self) -> "Wiring":
        if self._wiring is None:
            from fanin.models import _subclassed

            _subclassed.check_settled(self)
        assert self._wiring is not None
        return self._wiring

    @property
    def layers(self) -> list[Any]:
        """All layers, those of the inputs too; those that are furthest from the output first.

        What functions of `fanin.ops` and operators made is in `operations`. Of a class with a
        `call` of its own these are the layers and models that it has, as it has them.
        """
        if self._traced:
            from fanin.models import _subclassed

            return _subclassed.layers_of(self)
        return [layer for layer in self.operations if not getattr(layer, "_of_ops", False)]

    @property
    def operations(self) -> list[Any]:
        """All layers, and what functions and operators made between them."""
        if self._traced or self._wiring is None:
            return self.layers
        both = [*self._wired.inputs, *self._layers]
        return [both[place] for place in self._wired.order]

    def _members(self) -> list[Layer | InputLayer]:
        if self._wiring is None:
            return []
        return [*self._wiring.inputs, *self._layers]

    def _input_layers(self) -> list[InputLayer]:
        return self._wired.inputs

    def _holders(self) -> list[Layer]:
        if not self._traced:
            return [layer for layer in self.layers if isinstance(layer, Layer)]
        from fanin.models import _subclassed

        return _subclassed.holders_of(self)

    def _own_layers(self) -> list[Layer]:
        if not self._traced:
            return self._layers
        from fanin.layers import _users

        return [layer for _, layer in _users.layers_of(self)]

    def known_shape(self) -> tuple[int, ...] | None:
        """Return the shape of a sample; of several inputs their numbers stand side by side."""
        return None if self._wiring is None else self._wiring.shape

    # Inputs.

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [layer.name for layer in self._input_layers()]

    @property
    def input_shape(self) -> Any:
        """Shape of the input with the batch axis as None; of several inputs a list, or a dict."""
        shapes = [(None, *layer.shape) for layer in self._input_layers()]
        return shapes[0] if len(shapes) == 1 else self._formed(shapes)

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs."""
        if self._wiring is None:
            return list(self._ends.names)
        return self._wiring.names_of_outputs(self._layers)

    @property
    def output_shape(self) -> Any:
        """Shape of the output with the batch axis as None; of several a list, as Keras has it."""
        shapes = self._shapes_of_outputs(None)
        return shapes if len(shapes) > 1 else shapes[0]

    def _shapes_of_outputs(self, samples: int | None) -> list[tuple[int | None, ...]]:
        plan = self.plan_for(self._wired.shape)
        return [(samples, *shape) for shape in plan.shapes_of_outputs]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for a shape of the input.

        Parameters
        ----------
        input_shape : tuple, or list or dict of tuple
            With the batch axis in front.

        Returns
        -------
        tuple, or list, tuple or dict of tuple
            With the batch axis in front.
        """
        alone = len(self._wired.inputs) == 1 and not isinstance(input_shape, Mapping)
        given = [input_shape] if alone else self._wired.given("input_shape", input_shape)
        for layer, one in zip(self._wired.inputs, given, strict=True):
            shape = _checks.batched_shape("input_shape", one)
            if shape != layer.shape:
                raise ShapeError(
                    f"input_shape: expected samples of shape {layer.shape} for input "
                    f"{layer.name!r}, found {shape}"
                )
        return self._ends.formed(self._shapes_of_outputs(given[0][0]))

    def take(
        self, x: Any, name: str = "x", *, finite: bool = True, keep_bytes: bool = False
    ) -> Array:
        """Return `x` as the array that the plan takes; its shape is checked, nothing is built.

        With `keep_bytes` one of bytes or flags stays one of bytes, which become numbers batch by
        batch.
        """
        from fanin.models._samples import inputs  # not needed for `import fanin`
        from fanin.models._wiring import joined

        if self._traced:
            from fanin.models import _subclassed

            _subclassed.settle_for(self, name, x)
        dtype, finite = self.dtype, _checks.flag("finite", finite)

        def one(name: str, x: Any, shape: tuple[int, ...]) -> Array:
            return inputs(name, x, shape, dtype, finite, keep_bytes)

        wiring = self._wired
        taken: Array = joined(name, wiring, x, one)
        if self._may_look_up:
            alone, parts = len(wiring.inputs) == 1, wiring.given(name, x)
            names = [name if alone else f"{name}[{layer.name!r}]" for layer in wiring.inputs]
            self._check_lookups(*zip(names, parts, wiring.shapes, strict=True))
        return taken

    def _apart_gradient(self, dx: Array) -> Any:
        from fanin.layers._merging import apart

        shapes = self._wired.shapes
        return dx if len(shapes) == 1 else self._formed(apart(dx, shapes))

    # Several outputs.

    def _forward(
        self,
        inputs: Array,
        training: bool,
        threads: int | None,
        keep: Keep,
        out: Any,
    ) -> Any:
        if self._wiring is None or self._wiring.ends.form == "one":
            return super()._forward(inputs, training, threads, keep, out)
        if out is not None:
            raise ValueError(
                f"out: expected None for network {self.name!r}, which has outputs in a "
                f"{self._ends.form}, found {_checks.found(out)}"
            )
        y, cache = super()._forward(inputs, training, threads, keep, None)
        return self.formed_outputs(y), cache

    def _joined_gradient(self, dy: Any, dtype: str) -> Array:
        ends = self._ends
        if ends.form == "one":
            return super()._joined_gradient(dy, dtype)
        from fanin.layers._merging import side_by_side

        parts = []
        shapes = self.ready().shapes_of_outputs
        for output, part in enumerate(ends.of_each("dy", dy)):
            name = ends.called("dy", output)
            array = _checks.floats(name, part, dtype, finite=False)
            if array.shape[1:] != shapes[output]:
                expected = ", ".join(map(str, shapes[output]))
                raise ShapeError(f"{name}: expected shape (n, {expected}), found {array.shape}")
            parts.append(array)
        counts = {len(part) for part in parts}
        if len(counts) > 1:
            raise ShapeError(f"dy: expected as many samples of each output, found {counts}")
        joined: Array = side_by_side(parts)
        return joined

    def _formed(self, parts: list[Any]) -> Any:
        """Return what there is of each input in the form in which inputs are given."""
        form = self._wired.form
        return dict(zip(self.input_names, parts, strict=True)) if form == "dict" else parts

    def _given_values(self, x: Any) -> list[Value]:
        return as_values("x", self._wired.given("x", x))

    def _given_arrays(self, x: Any) -> list[Any]:
        return self._wired.given("x", x)

    def _of_values(self, x: Any, training: bool | None) -> Any:
        if self._traced:
            from fanin.models import _subclassed

            _subclassed.of_values(self, x)
        return super()._of_values(x, training)

    # Configuration.

    def get_config(self) -> dict[str, object]:
        """Return what makes an equal network, without its arrays.

        Returns
        -------
        dict
            Name, inputs, layers, and which layer reads what. Of a class with a `call` of its own
            the name: one with further arguments adds them.
        """
        if self._traced:
            return {"name": self.name}
        return {
            "name": self.name,
            "inputs": [layers.serialize(layer) for layer in self._wired.inputs],
            "layers": [layers.serialize(layer) for layer in self._layers],
            **self._wired.config(self._layers),
            **({"modes": [[*pair] for pair in self._modes.items()]} if self._modes else {}),
        }

    def _description(self) -> dict[str, object]:
        """Return what files say of the model."""
        if not self._traced:
            config = self.get_config()
            if "layers" not in config:  # of a class of the user's
                found = ", ".join(map(repr, config)) or "nothing"
                raise ValueError(
                    f"model: expected a get_config with what {type(self).__name__}'s has above it, "
                    f"found {found} alone; a file keeps the layers of a class without a call, so "
                    "add to what super().get_config() returns, or leave it"
                )
            return config
        from fanin.models import _subclassed

        return _subclassed.describe(self)

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, object],
        custom_objects: Mapping[str, object] | None = None,
        *,
        rng: random.Rng = None,
    ) -> Self:
        """Make a network from what `get_config` returned; its weights are fresh.

        Parameters
        ----------
        config : dict
            What `get_config` returned.
        custom_objects : mapping of str to type, optional
            Further classes by name, such as initializers of your own.
        rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
            Where the weights come from.

        Returns
        -------
        Model
            The network.

        Raises
        ------
        TypeError
            If `config` is no mapping, `custom_objects` is none, or `rng` no source.
        ValueError
            If what `config` says is not what a network says.
        """
        from fanin.models import _wiring

        if cls._traced:
            from fanin.models import _subclassed

            made: Self = _subclassed.from_config(cls, config, custom_objects, rng)
            return made
        given = check_config("config", config)
        entries = _building.check_entries(config, given.get("layers"))
        begins = _building.check_entries(config, given.get("inputs"))
        source = None if rng is None else random.resolve(rng)
        with _custom.custom_object_scope(custom_objects):
            row = [layers.deserialize(entry) for entry in entries]
            inputs = [layers.deserialize(entry) for entry in begins]
        try:
            begin, end = _wiring.values_of(given, inputs, row)
            return cls(begin, end, given.get("name"), rng=source)
        except TypeError as error:
            raise ValueError(f"config of {cls.__name__}: {error}") from error


def as_model(name: str, model: object) -> Model:
    """Return `model`, called `name` in a message, if it is a network that can be trained."""
    if isinstance(model, Model):
        return model
    hint = "; make one: it is a class" if isinstance(model, type) else ""
    raise TypeError(
        f"{name}: expected a fanin.Sequential or fanin.Model, found {_checks.found(model)}{hint}"
    )
