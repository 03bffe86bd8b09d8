"""`Sequential`: layers in a row."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike

from fanin import _checks, layers, random
from fanin._members import _custom
from fanin._members._registry import check_config
from fanin.layers import InputLayer, Layer
from fanin.layers._arrays import Array
from fanin.layers._base import Stacked
from fanin.layers._value import Value
from fanin.models import _building
from fanin.models._model import Model
from fanin.models._trainable import Trainable


class Sequential(Model):
    """A chain of layers that can be trained, as Keras's `Sequential`.

    All trainable parameters are one array, ``model.params``, and all running averages another,
    ``model.state``; each layer's ``kernel``, ``bias``, ``gamma``, … are views of them. Pickling and
    copying give an equal network that trains on identically.

    Parameters
    ----------
    layers : iterable of Layer, optional
        The layers, first to last; an `Input` may come first.
    name : str, optional
        Name of the network.
    rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
        Where initial values and shuffles come from. The same integer gives the same training
        everywhere; None draws afresh (see `fanin.utils.set_random_seed`).

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

    Examples
    --------
    >>> import numpy as np, fanin
    >>> x = np.random.default_rng(0).normal(size=(256, 2))
    >>> y = (x[:, 0] * x[:, 1] > 0).astype(int)
    >>> model = fanin.Sequential(
    ...     [
    ...         fanin.layers.Dense(32, activation="relu", kernel_initializer="he_normal"),
    ...         fanin.layers.Dense(1, activation="sigmoid"),
    ...     ],
    ...     rng=0,
    ... )
    >>> model.compile(optimizer=fanin.optimizers.Adam(0.02), loss="bce", metrics=["accuracy"])
    >>> history = model.fit(x, y, epochs=30, verbose=0)
    >>> loss, accuracy = model.evaluate(x, y, verbose=0)
    >>> accuracy > 0.9
    True
    """

    _honoured = Trainable._honoured

    # One input, and layers that are all: not as in what `Model` makes of values.
    output_shape = Trainable.output_shape
    compute_output_shape = Trainable.compute_output_shape
    _apart_gradient = Trainable._apart_gradient
    _given_values = Trainable._given_values
    _given_arrays = Trainable._given_arrays
    _of_values = Trainable._of_values
    _make_arrays = Trainable._make_arrays
    _holders = Trainable._holders
    build = Trainable.build

    def __init__(
        self,
        layers: Iterable[Stacked] | Stacked | None = None,
        name: str | None = None,
        *,
        rng: random.Rng = None,
    ) -> None:
        self._begin(name, rng)
        self._input: InputLayer | None = None
        if isinstance(layers, Layer | InputLayer | Value):
            layers = [layers]
        given = [] if layers is None else _checks.several(layers)
        if given is None:
            found = _checks.found(layers)
            raise TypeError(f"layers: expected a list of layers, found {found}")
        for layer in given:
            self._append(layer)
        self._build_if_known()

    @classmethod
    def _kind_of_name(cls) -> str:
        return cls.__name__

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
        with self._changing(alone=True), self.restoring(layer):
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
            The removed layer; one that other networks have too keeps the arrays that it has there.
        """
        if not self._layers:
            raise ValueError("pop: expected a network with layers, found one without")
        with self._changing(alone=True), self.restoring(self):
            layer = self._layers[-1]
            self._layers = self._layers[:-1]
            if self._home is None:
                layer.__setstate__(layer.__getstate__())
            self._forget_arrays()
            self._build_if_known()
        return layer

    def _append(self, layer: Any) -> None:
        if isinstance(layer, Value) and not layer.reads:
            layer = layer.layer
        if isinstance(layer, layers.InputLayer):
            if self._layers or self._input is not None:
                raise ValueError(
                    "layer: expected a layer that computes, found an Input, which can only come "
                    "first, and only once"
                )
            self._input = layer
            return
        _building.check_layer(layer, self)
        self._layers = [*self._layers, layer]

    def _members(self) -> list[Layer | InputLayer]:
        """Return the layers, the input layer first if there is one."""
        return [*self._layers] if self._input is None else [self._input, *self._layers]

    def known_shape(self) -> tuple[int, ...] | None:
        """Return the shape of a sample as far as it was said; None if it was not."""
        if self._feature_shape is not None:
            return self._feature_shape
        if self._input is not None:
            shape: tuple[int, ...] = self._input.shape
            return shape
        return self._layers[0].declared_shape if self._layers else None

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input with the batch axis as None."""
        shape = self.known_shape()
        if shape is None:
            raise AttributeError(f"network {self.name!r} has no input_shape before it is built")
        return (None, *shape)

    def take(
        self, x: ArrayLike, name: str = "x", *, finite: bool = True, keep_bytes: bool = False
    ) -> Array:
        """Return `x` as the array that the plan takes; its shape is checked, nothing is built.

        With `keep_bytes` one of bytes or flags stays one of bytes, which become numbers batch by
        batch.
        """
        from fanin.models._samples import inputs  # not needed for `import fanin`

        shape = self._feature_shape or self.known_shape()
        rows = inputs(name, x, shape, self.dtype, _checks.flag("finite", finite), keep_bytes)
        if self._may_look_up:
            self._check_lookups((name, x, rows.shape[1:]))
        return rows

    def get_config(self) -> dict[str, object]:
        """Return what makes an equal network, without its arrays.

        Returns
        -------
        dict
            Name, layers, and the shape of a sample if it is known.
        """
        config: dict[str, Any] = {
            "name": self.name,
            "layers": [layers.serialize(member) for member in self._members()],
        }
        if self._feature_shape is not None:
            config["build_input_shape"] = (None, *self._feature_shape)
        return config

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
        Network
            The network.

        Raises
        ------
        TypeError
            If `config` is no mapping, `custom_objects` is none, or `rng` no source.
        ValueError
            If what `config` says is not what a network says.
        """
        given = check_config("config", config)
        entries = _building.check_entries(config, given.get("layers"))
        source = None if rng is None else random.resolve(rng)
        with _custom.custom_object_scope(custom_objects):
            members = [layers.deserialize(entry) for entry in entries]
        try:
            network = cls(members, given.get("name"), rng=source)
            if given.get("build_input_shape") is not None:
                network.build(given["build_input_shape"])
        except TypeError as error:
            raise ValueError(f"config of {cls.__name__}: {error}") from error
        return network

    def _forget_arrays(self) -> None:
        super()._forget_arrays()
        if self._input is None and not self._layers:
            self._feature_shape = None

    @property
    def layers(self) -> list[Layer]:
        """The layers, first to last, without the input layer."""
        return list(self._layers)

    if TYPE_CHECKING:  # that of a model of values may be an input too

        def get_layer(self, name: str | None = None, index: int | None = None) -> Layer: ...

    def _input_layers(self) -> list[InputLayer]:
        if self._input is None:
            shape = self.known_shape()
            if shape is None:
                raise self._not_built()
            # What was not said: no part of the configuration, and none of `_input`.
            return [InputLayer(shape, name=f"{self.name}_input")]
        return [self._input]


def as_sequential(name: str, model: object) -> Sequential:
    """Return `model`, called `name` in a message, if its layers are in a row and can be trained."""
    if isinstance(model, Sequential):
        return model
    hint = "; make one: it is a class" if isinstance(model, type) else ""
    raise TypeError(f"{name}: expected a fanin.Sequential, found {_checks.found(model)}{hint}")
