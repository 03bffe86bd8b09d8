"""Layers that only say what shape things have: the input, and Flatten."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Never, TypedDict, Unpack

import numpy as np
from numpy.typing import DTypeLike

from fanin import _checks
from fanin.layers._arrays import Array
from fanin.layers._base import Layer, Stacked
from fanin.layers._keywords import UNSUPPORTED, asks_for_nothing, auto_name, only_one
from fanin.layers._options import name_option
from fanin.layers._value import Value

if TYPE_CHECKING:
    from fanin.typing import LayerArguments


class Flatten(Layer):
    """Make each sample one axis, in row-major order.

    Parameters
    ----------
    data_format : {None, "channels_last"}
        Here for Keras's signature.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Flatten()(np.zeros((5, 28, 28))).shape
    (5, 784)
    """

    kind = "flatten"
    _left_out = ("data_format",)

    def __init__(self, data_format: str | None = None, **kwargs: "Unpack[LayerArguments]") -> None:
        if data_format is not None and (
            not isinstance(data_format, str) or data_format != "channels_last"
        ):
            found = _checks.found(data_format)
            raise ValueError(f"data_format: expected None or 'channels_last', found {found}")
        super().__init__(**kwargs)


class InputLayer(Stacked):
    """The shape of a network's input; it computes nothing.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample; () where a sample is one number.
    batch_size : int, optional
        Here for Keras's signature: batches of any size are accepted.
    dtype : dtype-like, optional
        float32 or float64 is the dtype of the network. A dtype of whole numbers or flags, such as
        "uint8", says what the data are: they are converted to the network's dtype, as all data are.
    batch_shape : tuple, optional
        Instead of `shape` and `batch_size`: with the batch axis in front.
    name : str, optional
        Name of the object.
    input_shape : tuple of int, optional
        Former name of `shape`.
    **kwargs
        Refused, with the reason.

    Raises
    ------
    ValueError
        If there is no shape, or two arguments say the same thing.
    TypeError
        If `dtype` is none of these.

    Examples
    --------
    >>> InputLayer(shape=(28, 28)).shape
    (28, 28)
    """

    _family = "layers"
    _honoured = ("get_config", "from_config")
    _elsewhere = ("__call__", "build", *Layer._elsewhere)
    _reason = "nothing but its shape and its dtype is asked for"
    _instead = "change the data before the network"
    _unsupported = UNSUPPORTED
    _left_out = ("batch_size", "batch_shape", "input_shape")
    _fixed = ("shape", "dtype", "declared_dtype")
    _options: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(_fixed, _checks.as_it_is),
        "name": name_option,
        "trainable": _checks.flag,
    }
    _value: Value | None = None
    _numbered = False
    """Whether nobody has said a name yet: a dict of inputs does."""

    def __init__(
        self,
        shape: Sequence[int] | int | None = None,
        batch_size: int | None = None,
        dtype: DTypeLike | None = None,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
        input_shape: Sequence[int] | int | None = None,
        **kwargs: Never,
    ) -> None:
        refuse_unknown(type(self).__name__, kwargs)
        only_one(shape=shape, batch_shape=batch_shape, input_shape=input_shape)
        only_one(batch_size=batch_size, batch_shape=batch_shape)
        self.shape: tuple[int, ...]
        if batch_shape is not None:
            if _is_of_numbers(batch_shape, 1):
                self.shape = ()
            else:
                self.shape = _checks.batched_shape("batch_shape", batch_shape)
            if batch_shape[0] is not None:
                _checks.integer("batch_shape", batch_shape[0], minimum=1)
        elif shape is not None:
            of_numbers = _is_of_numbers(shape, 0)
            self.shape = () if of_numbers else _checks.feature_shape("shape", shape)
        elif input_shape is not None:
            self.shape = _checks.feature_shape("input_shape", input_shape)
        else:
            raise ValueError("shape: expected the shape of one sample, such as (784,), found None")
        if batch_size is not None:
            _checks.integer("batch_size", batch_size, minimum=1)
        self.dtype: str | None = _data_dtype("dtype", dtype)
        self.declared_dtype = self.dtype if self.dtype in ("float32", "float64") else None
        self._numbered = name is None
        self.name: str = auto_name("InputLayer") if name is None else name
        self.trainable: bool = True
        """Here for loops over all layers of a model: there is nothing to train."""

    @property
    def output(self) -> Value:
        """The input as a value, which layers can be called on."""
        if self._value is None:
            self._value = Value(self, (), self.shape)
        return self._value

    input = output

    @property
    def weights(self) -> list[Array]:
        """No arrays, as it has none."""
        return []

    def get_weights(self) -> list[Array]:
        """Return the arrays, of which there are none.

        Returns
        -------
        list
            Empty.
        """
        return []

    def count_params(self) -> int:
        """Return the number of elements of all arrays.

        Returns
        -------
        int
            0.
        """
        return 0

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_value"}

    def _check_change(self, name: str, value: Any) -> None:
        if name in self._fixed and name in self.__dict__:
            raise AttributeError(
                f"{name}: an Input stays as it was made, found {_checks.found(value)}; make another"
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, shape={self.shape}>"


def _is_of_numbers(shape: Any, axes: int) -> bool:
    """Whether a shape of so many axes is given: with that of the batch 1, else 0."""
    given = _checks.several(shape)
    return given is not None and len(given) == axes


def _data_dtype(name: str, dtype: Any) -> str | None:
    """Return the name of a dtype that data may have, or None for None."""
    try:
        known = None if dtype is None else np.dtype(dtype)
    except Exception:  # NumPy prints the value, whatever its repr raises
        known = np.dtype(object)
    if known is None or known.kind in "iub":
        return None if known is None else known.name
    try:
        return _checks.float_dtype(name, known)
    except TypeError:
        raise TypeError(
            f"{name}: expected 'float32' or 'float64', or a dtype of whole numbers, "
            f"found {_checks.found(dtype)}"
        ) from None


def refuse_unknown(owner: str, given: Mapping[str, object]) -> None:
    """Refuse arguments that an Input does not take, unless they ask for nothing."""
    asked = [name for name, value in given.items() if not asks_for_nothing(name, value)]
    _checks.keywords(owner, asked, _ARGUMENTS, UNSUPPORTED)


_ARGUMENTS = ("shape", "batch_size", "dtype", "batch_shape", "name", "input_shape")


class _InputArguments(TypedDict, total=False):
    batch_shape: Sequence[int | None] | None
    name: str | None
    input_shape: Sequence[int] | int | None


def Input(  # noqa: N802 (Keras's name)
    shape: Sequence[int] | int | None = None,
    batch_size: int | None = None,
    dtype: DTypeLike | None = None,
    **kwargs: Unpack[_InputArguments],
) -> Value:
    """Say what shape a network's samples have: the value that a network begins with.

    Layers are called on it, see `fanin.Model`; or it goes first in a `Sequential`.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample; () where a sample is one number.
    batch_size : int, optional
        Here for Keras's signature: batches of any size are accepted.
    dtype : dtype-like, optional
        float32 or float64: that of the network; or that of the data, see `InputLayer`.
    **kwargs
        `batch_shape` and `name`: see `InputLayer`.

    Returns
    -------
    Value
        The input, for any samples; ``Input(...).shape`` has the batch axis as None.

    Examples
    --------
    >>> Input(shape=(784,)).shape
    (None, 784)
    """
    refuse_unknown("Input", {k: v for k, v in kwargs.items() if k not in _ARGUMENTS})
    return InputLayer(shape, batch_size, dtype, **kwargs).output
