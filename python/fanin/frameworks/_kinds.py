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
``recurrent``               cells that are given their own states again
``normalization``           any that scales and shifts
``batch_normalization``     the one of them that a trace knows the formula of
``activation``              a function of each element, or softmax
``dropout``                 of single elements
``flatten``                 another shape of the same numbers
``function``                what happens between two layers, and is not known
``other``                   what is not known here
==========================  ======================================================================
"""

from typing import Any

_HELD = {
    **dict.fromkeys(
        (
            *("batch_normalization", "layer_normalization", "group_normalization"),
            *("rms_normalization", "unit_normalization"),
        ),
        "normalization",
    ),
    "activation": "other",
    **dict.fromkeys(("dropout", "gaussian_dropout", "gaussian_noise", "alpha_dropout"), "other"),
    "recurrent": "other",
}


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
    "attention",
    "recurrent",
)
"""Kinds that a trace knows; of others it has the signals only."""


class Kinds:
    """The table of a framework, from its classes to kinds; the first that fits counts.

    Parameters
    ----------
    own : str
        How the names of the modules begin that the framework's classes are defined in.
    *rows : tuple (class or classes, kind)
        The table.

    Examples
    --------
    >>> kinds = Kinds("builtins", (int, "dense"), (str, "embedding"))
    >>> kinds.of(True), kinds.of("a"), kinds.of(1.0)
    ('dense', 'embedding', 'other')
    >>> kinds.traced(1), kinds.traced(1.0)
    (('dense', ''), ('float', 'float is not known: only its signals are'))
    """

    def __init__(self, own: str, *rows: tuple[Any, str]) -> None:
        self._own, self._rows = own, rows

    def of(self, layer: object) -> str:
        """Return what a layer is by its class, or by one that this derives from."""
        return next((kind for types, kind in self._rows if isinstance(layer, types)), "other")

    def traced(self, layer: object) -> tuple[str, str]:
        """Return kind and note of a layer for a `LayerTrace`.

        What a class of a user computes is not known, even where it derives from one that is: its
        kind is its name, as of all that the vocabulary has no word for.
        """
        kind = self.of(layer) if type(layer).__module__.startswith(self._own) else "other"
        name = type(layer).__name__
        note = "" if kind in TRACED else f"{name} is not known: only its signals are"
        return (name if kind == "other" else kind), note
