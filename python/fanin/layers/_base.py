"""What every layer shares: arrays, building, forward and backward, weights, configuration."""

import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Never

from numpy.typing import ArrayLike, DTypeLike

from fanin import _checks, _core, random
from fanin._checks import thread_count
from fanin._members import _signatures
from fanin._members._registry import Configurable, CoreMember
from fanin._members._undo import as_before
from fanin.errors import ShapeError
from fanin.layers._arrays import (
    Array,
    Keep,
    Passed,
    Weight,
    at,
    check_keep,
    empty,
    forward,
    gradient_arrays,
    like,
    views,
)
from fanin.layers._configuration import WithConfiguration
from fanin.layers._keywords import UNSUPPORTED, asks_for_nothing, auto_name, only_one
from fanin.layers._options import check_name, dtype_option, name_option, shape_option
from fanin.layers._weights import WithWeights

if TYPE_CHECKING:
    from fanin.models._chain import Chain

_DECLARED = ("declared_dtype", "declared_shape")


if TYPE_CHECKING:

    class Stacked(Configurable):
        """A layer or an input: a list of both is to mypy a list of what both derive from."""
else:
    Stacked = Configurable


class Layer(WithConfiguration, WithWeights, Stacked):
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
    _honoured = (
        "settings",
        "activation_settings",
        "check_input",
        "draw_from",
        "plan_for",
        "fill",
        "initializer",
        "tie",
        "get_config",
        "from_config",
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
    _reason = "networks run in compiled code, which calls no method of a layer"
    _instead = (
        "put it together from fanin.layers, change the data before the network or what it returns, "
        "or write the network in Keras or torch and let fanin.initialize fill it"
    )
    _unsupported = UNSUPPORTED
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
        self.name: str = auto_name(type(self).__name__) if name is None else name
        self.arrays: dict[str, Array] = {}
        self._feature_shape: tuple[int, ...] | None = None
        self._dtype: str | None = None
        self._params: Array | None = None
        self._state: Array | None = None
        self._plan: tuple[dict[str, Any], _core.Plan] | None = None
        self._owner: weakref.ref[Chain] | None = None
        self._passes = 0  # in training: each draws other masks

    if TYPE_CHECKING:  # what some layers have; of the others, asking for it is an AttributeError
        kernel: Weight
        bias: Weight
        gamma: Weight
        beta: Weight
        moving_mean: Weight
        moving_variance: Weight

    # What a subclass says about itself.

    _options: ClassVar[Mapping[str, Any]] = {
        "name": name_option,
        "trainable": _checks.flag,
        "declared_dtype": dtype_option,
        "declared_shape": shape_option,
    }

    @classmethod
    def _usable(cls) -> bool:
        return super()._usable() or cls.settings is not CoreMember.settings

    def _check_change(self, name: str, value: Any) -> None:
        if self.__dict__.get("_params") is None:
            return
        now = getattr(self, name)
        if name in (*_DECLARED, *self._fixed) and value != now:
            raise ValueError(
                f"{name}: expected {now!r}, which layer {self.name!r} was built with, "
                f"found {_checks.found(value)}; make another layer"
            )
        if name == "name" and self.owner is not None:
            check_name(value, [layer for layer in self.owner.layers if layer is not self])

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Refuse a shape of one sample that this layer cannot take; any will do by default."""

    def draw_from(self, source: random.RandomSource, path: str) -> None:
        """Take what is drawn in training from `source`; most layers draw nothing."""

    # Building.

    @property
    def built(self) -> bool:
        """Whether the arrays exist."""
        return self._params is not None

    @property
    def dtype(self) -> str:
        """The dtype of the arrays: "float32" or "float64"."""
        return self._dtype or self.declared_dtype or "float32"

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
        shape = _checks.batched_shape("input_shape", input_shape)
        plan = self.plan_for(shape, self.dtype)
        if self.built:
            return
        with random.drawing(rng) as source, as_before([self]):
            self.draw_from(source, "dropout")
            plan = self.plan_for(shape, self.dtype)  # again, with the masks just drawn from
            params, state = empty(plan)
            self.fill(plan, params, state, source)
            self.tie(shape, plan, params, state)

    def plan_for(self, shape: tuple[int, ...], dtype: str) -> _core.Plan:
        """Return the plan of this layer by itself, having checked that it can take `shape`."""
        self.check_input(shape)
        if self.declared_shape not in (None, shape):
            raise ShapeError(
                f"input_shape: expected {shape}, the shape of the samples that layer "
                f"{self.name!r} is given, found {self.declared_shape}"
            )
        plan = _core.Plan(shape, [self.settings()], dtype)
        if self.built and {role: a.shape for role, a in self.arrays.items()} != {
            role: size for _, role, _, size in (*plan.parameters, *plan.state)
        }:
            raise ShapeError(
                f"layer {self.name!r} was built for samples of shape {self._feature_shape} "
                f"and cannot take samples of shape {shape}"
            )
        return plan

    def fill(
        self,
        plan: _core.Plan,
        params: Array,
        state: Array,
        source: random.RandomSource,
        prefix: str = "",
    ) -> None:
        """Write this layer's values into empty arrays: those it has, else initial ones."""
        for role, view in views(plan, params, state).items():
            if self.built:
                view[...] = self.arrays[role]
                continue
            path = prefix + role
            values = self.initializer(role).for_parameter(
                view.shape, plan.dtype, at(source, path), path=path
            )
            name = f"{role}_initializer of layer {self.name!r}"
            view[...] = like(name, values, view, finite=True)

    def tie(
        self,
        shape: tuple[int, ...],
        plan: _core.Plan,
        params: Array,
        state: Array,
        owner: "Chain | None" = None,
    ) -> None:
        """Make `params` and `state` this layer's arrays."""
        self._feature_shape, self._dtype = shape, plan.dtype
        self._params, self._state = params, state
        self._plan = (self._settings(), plan)
        self._owner = None if owner is None else weakref.ref(owner)
        self.arrays = views(plan, params, state)

    @property
    def owner(self) -> "Chain | None":
        """The network that this layer's arrays are part of, or None."""
        return None if self._owner is None else self._owner()

    # Shapes.

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input with the batch axis as None; known once built."""
        if self._feature_shape is None:
            raise AttributeError(f"layer {self.name!r} has no input_shape before it is built")
        return (None, *self._feature_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output with the batch axis as None; known once built."""
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
        shape = _checks.batched_shape("input_shape", input_shape)
        self.check_input(shape)
        plan = _core.Plan(shape, [self.settings()], self.dtype)
        return (input_shape[0], *plan.output_shapes[-1])

    # Forward and backward.

    def __call__(self, x: ArrayLike, training: bool = False) -> Array:
        """Return the outputs for `x`.

        Parameters
        ----------
        x : array_like of shape (batch, ...)
            The inputs. An unbuilt layer is built for them.
        training : bool, default False
            Whether to behave as in training; matters to `BatchNormalization`.

        Returns
        -------
        ndarray
            The outputs.
        """
        if hasattr(x, "get_config"):  # a layer, or an Input
            raise TypeError(
                "a layer is called on an array; networks of layers are built with Sequential"
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
            The inputs. An unbuilt layer is built for them.
        training : bool, default False
            Whether to behave as in training: `BatchNormalization` then normalizes by the batch and
            updates its running averages in place.
        threads : int, optional
            How many threads to use.
        keep : {"share", "copy"}, default "share"
            What the cache has of `x`: the array itself, where it has the layer's dtype and lies
            in one piece, which must then not be changed before `backward`; or a copy.
        out : ndarray or tuple, optional
            An array to write the outputs into; or what an earlier `forward` of this layer
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
            an unbuilt layer stay as they were, but not what is in `out`. If an array of `out`
            shares memory with `x` or cannot be written to; if its cache is that of another layer.
        TypeError
            If `out` is neither an array of the layer's dtype nor what `forward` returned.

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
        training = _checks.flag("training", training)
        threads = thread_count(threads)
        check_keep(keep)
        inputs = _checks.floats("x", x, self._dtype or self.dtype, finite=False)
        params, state, shape = self._params, self._state, self._feature_shape
        if params is None or state is None:
            if inputs.ndim < 2:
                raise ShapeError(
                    f"x: expected an array of shape (batch, features), found {inputs.shape}"
                )
            with random.drawing() as source, as_before([self]):
                self.build((None, *inputs.shape[1:]), rng=source)
                return self.forward(inputs, training, threads=threads, keep=keep, out=out)
        if inputs.shape[1:] != shape or inputs.ndim == 0:
            expected = ", ".join(map(str, ("batch", *(shape or ()))))
            raise ShapeError(
                f"x: expected an array of shape ({expected}) for layer {self.name!r}, "
                f"found {inputs.shape}"
            )
        passes = self._passes + training
        result = forward(
            self._own_plan(), params, state, inputs, training, threads, passes, keep, out
        )
        if training:
            self._passes = passes
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
            Derivative of a scalar with respect to the outputs.
        cache : tuple
            What `forward` returned beside the outputs.
        threads : int, optional
            How many threads to use.
        out : ndarray or tuple, optional
            An array to write `dx` into; or what an earlier `backward` of this layer returned, all
            of whose arrays are written again. New arrays if None.

        Returns
        -------
        dx : ndarray of the shape of the inputs
            Derivative with respect to the inputs.
        grads : dict of str to ndarray
            Derivatives with respect to the parameters, by name: kernel, bias, gamma, beta.

        Raises
        ------
        TypeError
            If `cache` is not what a `forward` returned, or `out` neither an array nor what
            `backward` returned.
        ValueError
            If it is that of another layer, or of this one before it was changed.
        ShapeError
            If the shape of `dy` or of an array of `out` is wrong.
        """
        threads = thread_count(threads)
        params = self._params
        if params is None:
            raise ValueError(f"layer {self.name!r} is not built: call forward first")
        plan = self._own_plan()
        gradient = _checks.floats("dy", dy, self.dtype, finite=False)
        dx, flat = plan.backward(params, cache, gradient, threads, *gradient_arrays(plan, out))
        return dx, views(plan, flat)

    def _own_plan(self) -> _core.Plan:
        """Return the plan, made again if an option such as `trainable` was changed since."""
        known = self._plan
        assert known is not None
        made_for, plan = known
        settings = self._kept_settings or self._settings()
        if settings is not made_for and settings != made_for:
            assert self._feature_shape is not None
            plan = self.plan_for(self._feature_shape, self.dtype)
            self._plan = (settings, plan)
        return plan

    # Copies, printing.

    def __getstate__(self) -> dict[str, object]:
        # A copy stands by itself: it leaves the network behind and has arrays of its own.
        own: dict[str, Any] = {"_plan": None, "_owner": None, "_kept_settings": None, "arrays": {}}
        if self._params is not None and self._state is not None:
            own |= {"_params": self._params.copy(), "_state": self._state.copy()}
        return {**self.__dict__, **own}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        if self._params is not None:
            assert self._feature_shape is not None
            assert self._state is not None
            plan = _core.Plan(self._feature_shape, [self.settings()], self.dtype)
            self.tie(self._feature_shape, plan, self._params, self._state)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"
