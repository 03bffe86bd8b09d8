"""A network without training: forward and backward, weights, configuration, copies."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from numpy.typing import ArrayLike

from fanin import _checks, layers, random
from fanin._checks import thread_count
from fanin._members import _custom
from fanin._members._registry import check_config
from fanin.layers._arrays import (
    Array,
    Keep,
    Passed,
    check_keep,
    forward,
    gradient_arrays,
    write_all,
)
from fanin.models import _summary
from fanin.models._chain import Chain
from fanin.show import text


class Network(Chain):
    """A chain of layers whose parameters are one array, and whose running averages are another.

    What `fanin.Sequential` is without training; see there.
    """

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
            raise TypeError(
                f"x: expected an array, found {_checks.found(x)}; the functional API is not "
                "supported"
            )
        return self.forward(x, training)[0]

    def forward(
        self,
        x: ArrayLike,
        training: bool = False,
        *,
        threads: int | None = None,
        keep: Keep = "share",
        out: Array | Passed | None = None,
    ) -> Passed:
        """Return the outputs for `x` and what `backward` needs.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            The inputs, all at once. An unbuilt network is built for them.
        training : bool, default False
            Whether to behave as in training; running averages are then updated.
        threads : int, optional
            How many threads to use.
        keep : {"share", "copy"}, default "share"
            What the cache has of `x`: the array itself, where it has the network's dtype and lies
            in one piece, which must then not be changed before `backward`; or a copy.
        out : ndarray or tuple, optional
            An array to write the outputs into; or what an earlier `forward` of this network
            returned for as many samples, all of whose memory is written again: its cache is then
            void. New arrays if None.

        Returns
        -------
        y : ndarray
            The outputs.
        cache : tuple
            For `backward`.

        Raises
        ------
        ShapeError
            If the shape of `x` or of an array of `out` is wrong.
        ValueError
            If `training` would make running averages NaN or infinite; they, the count of passes and
            an unbuilt network stay as they were, but not what is in `out`. If an array of `out`
            shares memory with `x` or cannot be written to; if its cache is that of another network.
        TypeError
            If `out` is neither an array of the network's dtype nor what `forward` returned.
        """
        training, threads = _checks.flag("training", training), thread_count(threads)
        check_keep(keep)
        inputs = self.take(x, finite=False)
        if not self.built:
            with self._built_for(inputs):
                return self.forward(inputs, training, threads=threads, keep=keep, out=out)
        passes = self._passes + training
        result = forward(
            self.ready(), self.params, self.state, inputs, training, threads, passes, keep, out
        )
        self._passes = passes  # a pass that was refused does not count
        return result

    def backward(
        self,
        dy: ArrayLike,
        cache: tuple[object, ...],
        *,
        threads: int | None = None,
        out: Array | tuple[Array, Mapping[str, Array]] | None = None,
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
        out : ndarray or tuple, optional
            An array to write `dx` into; or what an earlier `backward` of this network returned, all
            of whose arrays are written again. New arrays if None.

        Returns
        -------
        dx : ndarray of the shape of the inputs
            Derivative with respect to the inputs.
        grads : dict of str to ndarray
            Derivatives with respect to the parameters, by layer and role: ``"dense/kernel"``.

        Raises
        ------
        TypeError
            If `cache` is not what a `forward` returned, or `out` neither an array nor what
            `backward` returned.
        ValueError
            If it is that of another network, or of this one before it was changed.
        ShapeError
            If the shape of `dy` or of an array of `out` is wrong.
        """
        plan = self.ready()
        gradient = _checks.floats("dy", dy, self.dtype, finite=False)
        dx, flat = plan.backward(
            self.params, cache, gradient, thread_count(threads), *gradient_arrays(plan, out)
        )
        return dx, {
            f"{self._layers[index].name}/{role}": flat[offset : offset + math.prod(shape)].reshape(
                shape
            )
            for index, role, offset, shape in plan.parameters
        }

    # Weights.

    @property
    def params(self) -> Array:
        """All trainable parameters: one array, of which the layers' arrays are views."""
        params = self._params
        if params is None:
            raise self._not_built()
        return params

    @property
    def state(self) -> Array:
        """All running averages: one array, of which the layers' arrays are views."""
        state = self._state
        if state is None:
            raise self._not_built()
        return state

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
        """Write values into the arrays, all or none; NaN and infinity with a warning.

        Parameters
        ----------
        weights : sequence of array_like
            In the order of `weights`.

        Raises
        ------
        ValueError
            If their number is wrong, or a number is too large for the dtype; nothing is changed.
        ShapeError
            If a shape is wrong; nothing is changed.
        """
        self.ready()
        names = [
            (f"{layer.name}/{r}", a) for layer in self._layers for r, a in layer.arrays.items()
        ]
        write_all(names, weights)

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
            Here for Keras's signature: networks do not nest.
        show_trainable : bool, default False
            Whether to say of each layer if it is trainable.
        layer_range : None
            Not supported; here for the order of Keras's arguments.
        """
        if positions is not None or layer_range is not None:
            raise ValueError(
                "positions and layer_range: expected None, since the table has one form, found "
                f"{_checks.found(positions)} and {_checks.found(layer_range)}"
            )
        _summary.show(self, line_length, print_fn, show_trainable)

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
        entries = given.get("layers")
        if not isinstance(entries, list | tuple):
            raise ValueError(f"config: expected a list of 'layers', found {_checks.found(config)}")
        for entry in entries:
            if not isinstance(entry, Mapping):
                found = _checks.found(entry)
                raise ValueError(f"config: expected dicts as 'layers', found {found}")
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

    def __getstate__(self) -> dict[str, object]:
        # The layers carry the values; flat arrays and plan are made again from them.
        return {**self.__dict__, "_params": None, "_state": None, "_plan": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        if any(layer.built for layer in self._layers):
            self._build_if_known()

    def __copy__(self) -> Self:
        # Sharing layers would mean sharing arrays, which belong to one network.
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        name = text.flat(self.name, 40)
        holds = f", params={self.count_params():,}" if self.built else ""
        counts = f"layers={len(self._layers)}{holds}"
        return f"<{type(self).__name__} name={name}, built={self.built}, {counts}>"

    def _repr_html_(self) -> str:
        return _summary.html(self)
