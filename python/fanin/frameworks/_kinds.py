"""What a layer is: one vocabulary for the models of all frameworks.

Each framework has one table from its classes to these words; `Layer.kind` and `LayerTrace.kind` are
among them. Those that the core has are called as it calls them.

==========================  ======================================================================
``dense``                   x @ kernel + bias
``einsum``                  a product over axes of its own, as Keras's EinsumDense
``convolution``             grouped, depthwise and separable ones too
``transposed_convolution``  whose kernel is ``(spatial..., outputs, inputs)``
``embedding``               a lookup
``attention``               torch's, with the kernels of queries, keys and values side by side
``normalization``           any that scales and shifts
``batch_normalization``     the one of them that a trace knows the formula of
``activation``              a function of each element, or softmax
``dropout``                 of single elements
``flatten``                 another shape of the same numbers
``function``                what happens between two layers, and is not known
``other``                   what is not known here
==========================  ======================================================================
"""

_HELD = {"batch_normalization": "normalization", "activation": "other", "dropout": "other"}


def held(kind: str) -> str:
    """Return what a layer of a kind is by the arrays that it holds."""
    return _HELD.get(kind, kind)


TRACED = (
    "dense",
    "convolution",
    "transposed_convolution",
    "batch_normalization",
    "activation",
    "dropout",
    "flatten",
)
"""Kinds that a trace knows; of others it has the signals only."""


def traced(kind: str, type_name: str) -> tuple[str, str]:
    """Return the kind of a layer in a trace, and what is to be said of it: nothing if it is known.

    Parameters
    ----------
    kind : str
        What the framework's table says.
    type_name : str
        The layer's class, which is its kind where the vocabulary has none.

    Returns
    -------
    tuple of str (kind, note)
        For `LayerTrace`.

    Examples
    --------
    >>> traced("dense", "Linear")
    ('dense', '')
    >>> traced("other", "PReLU")
    ('PReLU', 'PReLU is not known: only its signals are')
    """
    note = "" if kind in TRACED else f"{type_name} is not known: only its signals are"
    return (type_name if kind == "other" else kind), note
