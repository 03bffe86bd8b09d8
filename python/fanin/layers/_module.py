"""What a layer and a model are both: a network that runs forward and back, weights, shapes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core
from fanin._checks import thread_count
from fanin._members._registry import Configurable
from fanin.errors import NotReadyError
from fanin.layers._arrays import Array, NamedArray, refuse_constants, write_all
from fanin.layers._network import Gradients, Keep, Network, Passed, check_keep
from fanin.layers._value import Value, are_values, the_loss, trace_now

if TYPE_CHECKING:
    from fanin.layers._base import Layer
    from fanin.layers._tracing import Trace


_SHARE: Keep = "share"


class Module(Configurable):
    """What owns a network once it is built: a layer, or layers in a row."""

    name: str
    _network: Network | None = None
    _feature_shape: tuple[Any, ...] | None = None
    """Shape of one sample; of a layer of several inputs the shapes of theirs."""
    _traced: ClassVar[bool] = False
    """Whether `call` is a user's, which is traced."""
    _busy: str | None = None
    """What of a user's runs now: "build" or "call"."""
    _passes: int = 0
    """Calls of `forward` in training: each draws other masks. Those of `fit` do not count."""
    _plan: tuple[Any, _core.Plan] | None = None
    """What the last plan was made for, and the plan."""

    # What the two kinds say of themselves.

    def _holders(self) -> "Sequence[Layer]":
        """Return the layers, whose arrays are the weights."""
        raise NotImplementedError

    def _inputs(self, x: Any) -> tuple[Array, tuple[Any, ...]]:
        """Return `x` as the array that `forward` passes on, its shape checked where it is known.

        And what `_building` takes: the shape of a sample, or the shapes of its inputs.
        """
        raise NotImplementedError

    def _apart_gradient(self, dx: Array) -> Any:
        """Return a gradient of what `_inputs` returned as one of what it was given."""
        return dx

    def _joined_gradient(self, dy: Any, dtype: str) -> Array:
        """Return a gradient of what `forward` returns as one of what the plan makes."""
        return _checks.floats("dy", dy, dtype, finite=False)

    def _of_values(self, x: Any, training: bool | None) -> Any:
        """Return what this makes of values."""
        raise NotImplementedError

    def _building(self, shape: tuple[Any, ...]) -> AbstractContextManager[None]:
        """Build for samples of this shape; undone if the block does not come to its end."""
        raise NotImplementedError

    def _current_plan(self) -> _core.Plan:
        """Return the plan, made again if an option such as `trainable` was changed since."""
        raise NotImplementedError

    def _plan_of(self, shape: tuple[Any, ...]) -> _core.Plan:
        """Return the plan for samples of any shape that can be taken; nothing is changed."""
        raise NotImplementedError

    def _by_name(self, gradients: list[tuple[int, str, Array]]) -> dict[str, Array]:
        """Name what `Network.split` returned."""
        raise NotImplementedError

    def _not_built(self) -> NotReadyError:
        raise NotImplementedError

    # The network.

    @property
    def built(self) -> bool:
        """Whether the arrays exist."""
        return self._network is not None

    @property
    def network(self) -> Network:
        """The plan, of the options as they are now, and its arrays."""
        network = self._network
        if network is None:
            raise self._not_built()
        plan = self._current_plan()
        if plan is not network.plan:
            self._network = network = network.with_plan(plan)
        return network

    @property
    def losses(self) -> list[float]:
        """The penalties on the weights as they are now, of those that are trained.

        The loss of `fit` and `evaluate` has them, and those on outputs, which belong to a batch.
        Empty before the arrays exist.
        """
        if self._network is None:
            return []
        network = self.network
        penalties = network.plan.penalties(network.params, network.lock)
        return [penalty for _, _, penalty in penalties]

    # Shapes.

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input with the batch axis as None; an AttributeError while unknown."""
        raise NotImplementedError

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output with the batch axis as None; an AttributeError while unknown."""
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
        parts = _checks.several(input_shape)
        if parts and all(isinstance(part, tuple | list) for part in parts):
            # Of a layer of a user's that reads several values.
            several: Any = tuple(_checks.batched_shape("input_shape", part) for part in parts)
            return self._shape_of(several, parts[0][0])
        return self._shape_of(_checks.batched_shape("input_shape", input_shape), input_shape[0])

    def _shape_of(self, shape: Any, count: int | None) -> tuple[int | None, ...]:
        return (count, *self._plan_of(shape).output_shapes[-1])

    # Forward and backward.

    @overload
    def __call__(self, x: Value | Sequence[Value], training: bool | None = None) -> Value: ...

    @overload
    def __call__(self, x: ArrayLike, training: bool | None = None) -> Array: ...

    def __call__(self, x: Any, training: bool | None = None, **others: Any) -> Any:
        """Return the outputs for `x`.

        Parameters
        ----------
        x : array_like of shape (batch, ...), or Value
            The inputs, of several a list. What is not built is built for arrays. Of values, such as
            `fanin.Input` makes, another value is made: see `fanin.Model`.
        training : bool, optional
            Whether to behave as in training; matters to `BatchNormalization` and `Dropout`. On
            values it is how they run in the model that is made, whatever that does: with False as
            in inference, so that running averages stay; with True `Dropout` always drops.
        **others
            Refused: what `call` of a class of your own computes with besides is an attribute.

        Returns
        -------
        ndarray or Value
            The outputs.
        """
        if others:
            self._refuse_others(others)
        trace = trace_now()
        if trace is not None and not trace.building:
            return self._within(x, training, trace)
        if type(x) is not np.ndarray and are_values(x):
            return self._of_values(x, training)
        if hasattr(x, "get_config"):  # a layer, not what it makes
            raise TypeError(
                f"x: expected an array or a value, found {_checks.found(x)}; Input(shape) makes a "
                "value, and so does a layer that is called on one"
            )
        return self.forward(x, False if training is None else training)[0]

    def _refuse_others(self, others: dict[str, Any]) -> None:
        """Refuse arguments of a call, but a mask that is none."""
        for name, value in others.items():
            if name != "mask" or value is not None:
                hint = "; masks are not implemented" if name == "mask" else ""
                raise TypeError(
                    f"{name}: expected x and training, as {self.name!r} is compiled for these, "
                    f"found {_checks.found(value)}{hint or '; set an attribute, which call reads'}"
                )

    def _within(self, x: Any, training: bool | None, trace: "Trace") -> Any:
        """Do what `call` of a user's asks for while it is traced, or run on arrays."""
        from fanin.layers import _runs, _traces

        return (_traces.apply if trace.arrays is None else _runs.run)(self, x, training, trace)

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
            The inputs, all samples at once; of several inputs a list. What is not built is built
            for them.
        training : bool, default False
            Whether to behave as in training: `BatchNormalization` then normalizes by the batch and
            updates its running averages in place, and `Dropout` drops.
        threads : int, optional
            How many threads to use.
        keep : {"share", "copy"}, default "share"
            What the cache has of `x`: the array itself, where it has the dtype of the parameters
            and lies in one piece, which must then not be changed before `backward`; or a copy.
        out : ndarray or tuple, optional
            An array to write the outputs into; or what an earlier `forward` of the same layer or
            network returned for as many samples, all of whose memory is written again: its cache
            is then void. New arrays if None.

        Returns
        -------
        y : ndarray
            The outputs; of a network of several a list, tuple or dict of them, and `out` is None.
        cache : tuple
            For `backward`.

        Raises
        ------
        ShapeError
            If the shape of `x` or of an array of `out` is wrong.
        ValueError
            If `training` would make running averages NaN or infinite; they, the count of passes and
            what was not built stay as they were, but not what is in `out`. If an array of `out`
            shares memory with `x` or cannot be written to; if its cache is that of another network.
        TypeError
            If `out` is neither an array of that dtype nor what `forward` returned.

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
        # All is checked first: a call that is refused builds nothing, and counts as no pass.
        training, threads = _checks.flag("training", training), thread_count(threads)
        if keep is not _SHARE:
            check_keep(keep)
        inputs, shape = self._inputs(x)
        if self._network is None:
            with self._building(shape):
                return self._forward(inputs, training, threads, keep, out)
        return self._forward(inputs, training, threads, keep, out)

    def _forward(
        self,
        inputs: Array,
        training: bool,
        threads: int | None,
        keep: Keep,
        out: Array | Passed | None,
    ) -> Passed:
        passes = self._passes + training
        network = self.network
        result = network.forward(inputs, training, threads, passes, keep, out, self.name)
        if training:
            self._passes = passes
        return result

    def backward(
        self,
        dy: ArrayLike,
        cache: tuple[object, ...],
        *,
        threads: int | None = None,
        out: Array | Gradients | None = None,
    ) -> tuple[Array, dict[str, Array]]:
        """Return gradients, given that of the outputs.

        Parameters
        ----------
        dy : array_like of the shape of the outputs, or list or dict of several
            Derivative of a scalar with respect to the outputs, as
            `fanin.losses.Loss.value_and_gradient` returns it.
        cache : tuple
            What `forward` returned beside the outputs.
        threads : int, optional
            How many threads to use.
        out : ndarray or tuple, optional
            An array to write `dx` into; or what an earlier `backward` of the same layer or network
            returned, all of whose arrays are written again. New arrays if None.

        Returns
        -------
        dx : ndarray of the shape of the inputs
            Derivative with respect to the inputs; of several a list.
        grads : dict of str to ndarray
            Derivatives with respect to the parameters: of a layer by role, such as ``"kernel"``; of
            a network by layer and role, ``"dense/kernel"``. Without those of penalties, which are
            not part of that scalar: ``layer.kernel_regularizer.value_and_gradient`` has them.

        Raises
        ------
        TypeError
            If `cache` is not what a `forward` returned, or `out` neither an array nor what
            `backward` returned.
        ValueError
            If it is that of another layer or network, or of this one before it was changed; if
            nothing is built.
        ShapeError
            If the shape of `dy` or of an array of `out` is wrong.
        """
        threads, network = thread_count(threads), self.network
        gradient = self._joined_gradient(dy, network.dtype)
        dx, flat = network.backward(gradient, cache, threads, out)
        return self._apart_gradient(dx), self._by_name(network.split(flat))

    # Weights.

    @property
    def weights(self) -> list[Array]:
        """All arrays, layer by layer, parameters first."""
        self._refuse_constants()
        return [
            NamedArray(array, layer, role)
            for layer in self._holders()
            for role, array in layer.arrays.items()
        ]

    @property
    def trainable_weights(self) -> list[Array]:
        """The arrays that training changes by gradients."""
        return self._trained(True)

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The other arrays: running averages, and everything of what is not `trainable`."""
        return self._trained(False)

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def add_loss(self, loss: Any) -> None:
        """Add to the loss, in the `call` of a class of your own.

        It is part of the loss that `fit` and `evaluate` tell, beside that of `compile`, and of what
        training minimizes.

        Parameters
        ----------
        loss : Value, or list of them
            What is added: a mean or a sum over the batch, such as ``ops.mean(x)``, or a linear
            function of some; or values, all of whose numbers are added up.

        Raises
        ------
        TypeError
            If it is called elsewhere than in `call`, or `loss` is made of no values.

        Examples
        --------
        >>> import fanin
        >>> from fanin import ops
        >>> class Small(fanin.layers.Layer):
        ...     def call(self, x):
        ...         self.add_loss(0.1 * ops.mean(ops.square(x)))
        ...         return x
        >>> model = fanin.Sequential([fanin.Input((2,)), Small()])
        >>> model.compile("sgd", "mse")
        >>> round(model.evaluate([[1.0, 3.0]], [[1.0, 3.0]], verbose=0), 4)
        0.5
        """
        from fanin.layers import _costs

        _costs.add(self, loss)

    def _refuse_constants(self) -> None:
        """Refuse weights as arrays in a `call` of a user's: they would be constants there."""
        if trace_now() is not None or the_loss.get():
            refuse_constants(self, "weights")

    def _trained(self, trained: bool) -> list[Array]:
        self._refuse_constants()
        return [
            NamedArray(array, layer, role)
            for layer in self._holders()
            for role, array in layer.arrays.items()
            if layer.is_trained(role) == trained
        ]

    def _named_arrays(self) -> list[tuple[str, Array]]:
        """Return all arrays with the names that messages call them by."""
        return [
            (f"{layer.name}/{role}", array)
            for layer in self._holders()
            for role, array in layer.arrays.items()
        ]

    def get_weights(self) -> list[Array]:
        """Return copies of all arrays, as they are after a whole batch.

        Returns
        -------
        list of ndarray
            In the order of `weights`.
        """
        self._refuse_constants()
        arrays = [array for _, array in self._named_arrays()]
        return [] if self._network is None else self._network.lock.copies(arrays)

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
        RuntimeError
            If another thread trains the network; nothing is changed.
        """
        write_all(self._named_arrays(), weights, self._writing())

    def _writing(self) -> "_core.Writing | None":
        """Return what keeps other threads from writing; None where there are no arrays."""
        return None if self._network is None else self._network.writing(self.name)

    def count_params(self) -> int:
        """Return the number of elements of all arrays, trainable and not.

        Returns
        -------
        int
            The count.

        Raises
        ------
        ValueError
            If nothing is built.
        """
        if self._network is None:
            raise self._not_built()
        return self._network.size
