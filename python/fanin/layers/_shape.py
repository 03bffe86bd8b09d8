"""Layers that only say what shape things have: the input, and Flatten."""

from collections.abc import Sequence
from typing import Any, Self

from fanin import _checks
from fanin.layers._base import Layer
from fanin.layers._keywords import UNSUPPORTED, auto_name


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

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        if data_format not in (None, "channels_last"):
            raise ValueError(f"data_format must be None or 'channels_last', got {data_format!r}")
        super().__init__(**kwargs)

    def settings(self) -> dict[str, Any]:
        """Return what the core is told about this layer.

        Returns
        -------
        dict
            ``kind``.
        """
        return {"kind": "flatten"}


class InputLayer:
    """The shape of a network's input; it computes nothing and is not among ``model.layers``.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample.
    batch_size : int, optional
        Here for Keras's signature: batches of any size are accepted.
    dtype : str, optional
        dtype of the network if it is "float32" or "float64"; data of any numeric dtype is accepted.
    batch_shape : tuple, optional
        Instead of `shape`: with the batch axis in front.
    name : str, optional
        Name of the object.
    input_shape : tuple of int, optional
        Former name of `shape`.
    **kwargs
        Refused, with the reason.

    Examples
    --------
    >>> InputLayer(shape=(28, 28)).shape
    (28, 28)
    """

    def __init__(
        self,
        shape: Sequence[int] | int | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
        input_shape: Sequence[int] | int | None = None,
        **kwargs: Any,
    ) -> None:
        given = [key for key, value in kwargs.items() if value is not None and value is not False]
        known = ("shape", "batch_size", "dtype", "batch_shape", "name", "input_shape")
        _checks.keywords("Input", given, known, UNSUPPORTED)
        shapes = [s for s in (shape, batch_shape, input_shape) if s is not None]
        if len(shapes) != 1:
            raise ValueError("Input needs the shape of one sample, such as Input(shape=(784,))")
        if batch_shape is not None:
            self.shape = _checks.batched_shape("batch_shape", batch_shape)
        else:
            self.shape = _checks.feature_shape("shape", shapes[0])
        if batch_size is not None:
            _checks.integer("batch_size", batch_size, minimum=1)
        self.declared_dtype = dtype if dtype in ("float32", "float64") else None
        self.dtype = dtype
        self.name = auto_name("InputLayer") if name is None else name

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal object.

        Returns
        -------
        dict
            Arguments by name.
        """
        return {"shape": self.shape, "dtype": self.dtype, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an object from what `get_config` returned.

        Parameters
        ----------
        config : dict
            Arguments by name.

        Returns
        -------
        InputLayer
            The object.
        """
        return cls(**config)

    def __repr__(self) -> str:
        return f"<InputLayer name={self.name}, shape={self.shape}>"


def Input(  # noqa: N802 (Keras's name)
    shape: Sequence[int] | int | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> InputLayer:
    """Say what shape a network's samples have; goes first in a `Sequential`.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample.
    batch_size : int, optional
        Here for Keras's signature: batches of any size are accepted.
    dtype : str, optional
        See `InputLayer`.
    **kwargs
        `batch_shape` and `name`: see `InputLayer`.

    Returns
    -------
    InputLayer
        The shape.

    Examples
    --------
    >>> Input(shape=(784,)).shape
    (784,)
    """
    return InputLayer(shape, batch_size, dtype, **kwargs)
