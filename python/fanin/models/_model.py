"""`Model`: layers that read what the layers say that they are called on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from fanin import _checks, layers, random
from fanin._members import _custom
from fanin._members._registry import check_config
from fanin._members._undo import as_before
from fanin.errors import ShapeError
from fanin.layers import InputLayer, Layer
from fanin.layers._arrays import Array
from fanin.layers._value import Value, as_values
from fanin.models import _building, _samples
from fanin.models._trainable import Trainable

if TYPE_CHECKING:
    from fanin.models._wiring import Wiring


class Model(Trainable):
    """A network from inputs to an output, as Keras's functional `Model`.

    Layers are called on values: on `Input`, and on what other layers make. A layer that is called
    several times has one set of arrays. A model can be called on values too; its layers then are
    layers of the model that is made. All trainable parameters are one array, ``model.params``, and
    all running averages another, ``model.state``; those of a model within are part of them.

    Parameters
    ----------
    inputs : Value, or list or dict of Value
        What the network is given: one array, a list of arrays, or a dict of them by the names of
        the inputs. All must lead to the output.
    outputs : Value
        What it returns.
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
    NotImplementedError
        If neither inputs nor outputs are given, as by classes that make their layers themselves.
    TypeError
        If something is no value.
    ValueError
        If an input does not lead to the output, the output depends on an input that is not given,
        two layers have one name, there are several outputs, or layers are those of other networks
        in such a way that one array cannot have the arrays of all.

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
    """

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        *,
        rng: random.Rng = None,
    ) -> None:
        if inputs is None and outputs is None:  # as by a class of one's own
            raise NotImplementedError(
                f"{type(self).__name__} expected inputs and outputs, found neither: models that "
                "make their layers themselves are not implemented; call layers on values instead"
            )
        # What `import fanin` need not pay for, here and below.
        from fanin.models import _sharing, _wiring

        self._begin(name, rng)
        wiring, found, values = _wiring.trace(inputs, outputs)
        homes = _sharing.owners(found)
        home = _sharing.home_of(self, found, homes)
        self._wire(wiring, found)
        shape = wiring.shape
        self.plan_for(shape)  # refuses what does not fit before anything changes
        moved = [] if home is not self else homes
        changed = [*moved, *(lodger for one in moved for lodger in one._lodgers or ())]
        with _sharing.claiming(moved), as_before([self, *changed, *found]):
            if home is self:
                self._gather(shape)
                _sharing.adopt(self, moved)
            else:
                _sharing.lodge(self, home, shape)
            self._values = values

    def _begin(self, name: str | None, rng: random.Rng) -> None:
        """Do what all constructors begin with."""
        super().__init__(name, rng=rng)

    def _wire(self, wiring: "Wiring", row: Sequence[Layer]) -> None:
        for layer in row:
            layer.settings()  # refuses what the core does not know
        self._wiring, self._layers = wiring, [*row]

    @classmethod
    def _kind_of_name(cls) -> str:
        # As Keras counts them.
        return "Functional" if cls is Model else cls.__name__

    @property
    def _wired(self) -> "Wiring":
        assert self._wiring is not None
        return self._wiring

    @property
    def layers(self) -> list[Any]:
        """All layers, those of the inputs too; those that are furthest from the output first."""
        both = [*self._wired.inputs, *self._layers]
        return [both[place] for place in self._wired.order]

    def _members(self) -> list[Layer | InputLayer]:
        return [*self._wired.inputs, *self._layers]

    def _input_layers(self) -> list[InputLayer]:
        return self._wired.inputs

    def _holders(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def known_shape(self) -> tuple[int, ...] | None:
        """Return the shape of a sample; of several inputs their numbers stand side by side."""
        return self._wired.shape

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
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output with the batch axis as None."""
        return (None, *self.plan_for(self._wired.shape).output_shapes[-1])

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the output for a shape of the input.

        Parameters
        ----------
        input_shape : tuple, or list or dict of tuple
            With the batch axis in front.

        Returns
        -------
        tuple
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
        return (given[0][0], *self.output_shape[1:])

    def take(self, x: Any, name: str = "x", *, finite: bool = True) -> Array:
        """Return `x` as the array that the plan takes; its shape is checked, nothing is built."""
        from fanin.models._wiring import joined

        dtype, finite = self.dtype, _checks.flag("finite", finite)

        def one(name: str, x: Any, shape: tuple[int, ...]) -> Array:
            return _samples.inputs(name, x, shape, dtype, finite)

        taken: Array = joined(name, self._wired, x, one)
        return taken

    def _apart_gradient(self, dx: Array) -> Any:
        from fanin.layers._merging import apart

        shapes = self._wired.shapes
        return dx if len(shapes) == 1 else self._formed(apart(dx, shapes))

    def _formed(self, parts: list[Any]) -> Any:
        """Return what there is of each input in the form in which inputs are given."""
        form = self._wired.form
        return dict(zip(self.input_names, parts, strict=True)) if form == "dict" else parts

    def _given_values(self, x: Any) -> list[Value]:
        return as_values("x", self._wired.given("x", x))

    # Configuration.

    def get_config(self) -> dict[str, object]:
        """Return what makes an equal network, without its arrays.

        Returns
        -------
        dict
            Name, inputs, layers, and which layer reads what.
        """
        return {
            "name": self.name,
            "inputs": [layers.serialize(layer) for layer in self._wired.inputs],
            "layers": [layers.serialize(layer) for layer in self._layers],
            **self._wired.config(),
        }

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
