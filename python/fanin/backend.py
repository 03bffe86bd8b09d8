"""What public scripts call on ``keras.backend``."""

from fanin._absences import _absent
from fanin.layers._keywords import restart_names

__all__ = ["clear_session", "epsilon", "floatx"]


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


_absent.guard(__name__)
