"""What public scripts call on ``keras.backend``.

Functions of numbers are those of `fanin.ops`, with the arguments that Keras 1 and 2 gave them.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks
from fanin._absences import _absent
from fanin.errors import ShapeError
from fanin.layers._keywords import restart_names

if TYPE_CHECKING:  # what `_LATER` has
    from fanin.ops import (
        abs,
        all,
        any,
        cast,
        cos,
        cumsum,
        equal,
        exp,
        greater,
        greater_equal,
        less,
        less_equal,
        log,
        logsumexp,
        max,
        maximum,
        mean,
        min,
        minimum,
        not_equal,
        one_hot,
        ones_like,
        prod,
        relu,
        reshape,
        round,
        shape,
        sigmoid,
        sign,
        sin,
        softmax,
        softplus,
        softsign,
        sqrt,
        square,
        squeeze,
        stack,
        std,
        stop_gradient,
        sum,
        tanh,
        tile,
        transpose,
        var,
        zeros_like,
    )
    from fanin.ops._of_backend import (
        argmax,
        argmin,
        batch_flatten,
        clip,
        concatenate,
        dot,
        expand_dims,
        flatten,
        int_shape,
        l2_normalize,
        ndim,
        permute_dimensions,
        pow,
        random_normal,
        random_uniform,
        repeat_elements,
        reverse,
    )

__all__ = [
    "abs",
    "all",
    "any",
    "argmax",
    "argmin",
    "batch_flatten",
    "cast",
    "clear_session",
    "clip",
    "concatenate",
    "cos",
    "cumsum",
    "dot",
    "epsilon",
    "equal",
    "exp",
    "expand_dims",
    "flatten",
    "floatx",
    "get_value",
    "greater",
    "greater_equal",
    "int_shape",
    "l2_normalize",
    "less",
    "less_equal",
    "log",
    "logsumexp",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "ndim",
    "not_equal",
    "one_hot",
    "ones_like",
    "permute_dimensions",
    "pow",
    "prod",
    "random_normal",
    "random_uniform",
    "relu",
    "repeat_elements",
    "reshape",
    "reverse",
    "round",
    "set_value",
    "shape",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "softplus",
    "softsign",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "sum",
    "tanh",
    "tile",
    "transpose",
    "var",
    "zeros_like",
]

# What `import fanin` need not pay for.
_HERE = ("clear_session", "epsilon", "floatx", "get_value", "set_value")
_WITH_OTHER_ARGUMENTS = (
    *("argmax", "argmin", "clip", "concatenate", "dot", "expand_dims", "int_shape", "ndim"),
    *("permute_dimensions", "pow", "batch_flatten", "flatten", "l2_normalize", "random_normal"),
    *("random_uniform", "repeat_elements", "reverse"),
)
_LATER = {
    **{name: "fanin.ops" for name in __all__ if name not in _HERE},
    **dict.fromkeys(_WITH_OTHER_ARGUMENTS, "fanin.ops._of_backend"),
}


def clear_session() -> None:
    """Count the names of layers from the beginning again; there is no other global state.

    Examples
    --------
    >>> from fanin.layers import Dense
    >>> clear_session()
    >>> Dense(1).name, Dense(1).name
    ('dense', 'dense_1')
    """
    restart_names()


def floatx() -> str:
    """Return the dtype of layers that name none.

    Returns
    -------
    str
        "float32". A layer's ``dtype="float64"`` makes its network float64.

    Examples
    --------
    >>> floatx()
    'float32'
    """
    return "float32"


def epsilon() -> float:
    """Return Keras's small number against divisions by zero.

    Returns
    -------
    float
        1e-7: probabilities are kept so far from 0 and 1, and optimizers add it.

    Examples
    --------
    >>> epsilon()
    1e-07
    """
    return 1e-7


def get_value(x: Any) -> Any:
    """Return the numbers of a weight or of a setting.

    Parameters
    ----------
    x : ndarray or float
        Such as ``layer.kernel`` or ``optimizer.learning_rate``.

    Returns
    -------
    ndarray or float
        A copy of an array; a number as it is.

    Raises
    ------
    TypeError
        If `x` has no numbers.

    Examples
    --------
    >>> from fanin.optimizers import SGD
    >>> get_value(SGD(0.5).learning_rate)
    0.5
    """
    if isinstance(x, int | float | np.number):
        return x
    return np.array(_checks.numeric("x", x))


def set_value(x: Any, value: ArrayLike) -> None:
    """Write numbers into a weight.

    Parameters
    ----------
    x : ndarray
        Such as ``layer.kernel``.
    value : array_like
        Numbers of its shape.

    Raises
    ------
    TypeError
        If `x` is a number, into which nothing can be written.
    ShapeError
        If the shapes differ; `x` is as it was.

    Examples
    --------
    >>> import numpy as np
    >>> weight = np.zeros(2)
    >>> set_value(weight, [1, 2])
    >>> weight
    array([1., 2.])
    """
    if hasattr(x, "assign"):
        x.assign(value)
        return
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"x: expected an array, found {_checks.found(x)}; of a number set the attribute: "
            "optimizer.learning_rate = value"
        )
    numbers = _checks.numeric("value", value)
    if numbers.shape != x.shape:
        raise ShapeError(f"value: expected the shape {x.shape} of x, found {numbers.shape}")
    x[...] = numbers


_absent.guard(__name__, _LATER)
