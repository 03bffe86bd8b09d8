"""Whether a loss fits what a network ends in."""

from collections.abc import Sequence
from typing import Any

from fanin.layers._dropout import DRAWING
from fanin.losses import Loss
from fanin.losses._base import kind_of

_NOTHING = ("flatten", "reshape", "permute", "repeat_vector", *DRAWING)
"""Kinds of layers that leave the range of their inputs as it is, apart from training."""

_LINEAR = (
    *("batch_normalization", "layer_normalization", "group_normalization", "rms_normalization"),
    *("normalization", "rescaling", "add", "subtract", "dot"),
)
"""Kinds of layers without an activation whose outputs have any sign and size."""

_BINARY = ("binary_crossentropy", "binary_focal_crossentropy")

_FROM_0_TO_1 = ("sigmoid", "softmax", "hard_sigmoid", "sparse_sigmoid", "sparsemax")
_OF_CLASSES = ("softmax", "sparsemax")
_POSITIVE = ("softplus", "squareplus", "exponential")
_FROM_0 = ("relu", "relu6", "sparse_plus", *_POSITIVE)
"""Activations that give no negative numbers."""


def doubt(loss: Loss, layers: Sequence[dict[str, Any]], outputs: int) -> str | None:
    """Say what about a loss does not fit the last activation, and what to do.

    Parameters
    ----------
    loss : Loss
        The loss.
    layers : sequence of dict
        What the core is told about each layer.
    outputs : int
        Length of the outputs' last axis.

    Returns
    -------
    str or None
        None where they fit.

    Examples
    --------
    >>> from fanin.losses import BinaryCrossentropy
    >>> doubt(BinaryCrossentropy(), [{"kind": "dense", "activation": {"kind": "sigmoid"}}], 1)
    """
    last = _last_activation(layers)
    if last is None:
        return None
    if last in _OF_CLASSES and outputs == 1:
        return (
            f"the network ends in a {last} of one output, which is always 1: make it a sigmoid "
            "with binary_crossentropy, or give it one output a class"
        )
    kind = kind_of(loss)
    if kind and getattr(loss, "from_logits", False) is True:
        return _of_logits(kind, last)
    if kind in _BINARY:
        return _of_yes_or_no(kind, last, outputs)
    if kind.endswith(("categorical_crossentropy", "categorical_focal_crossentropy")):
        return _of_classes(kind, last)
    return _of_others(kind, last)


def _last_activation(layers: Sequence[dict[str, Any]]) -> str | None:
    """Return what gives the outputs their range; None where nobody knows, as after an average."""
    for layer in reversed(layers):
        if "activation" in layer:
            return str(layer["activation"]["kind"])
        if layer["kind"] not in _NOTHING:
            return "linear" if layer["kind"] in _LINEAR else None
    return "linear"


def _of_logits(loss: str, last: str) -> str | None:
    if last in _FROM_0_TO_1:
        return (
            f"the network ends in {last}, and {loss} has from_logits=True, which applies it once "
            "more: leave from_logits out, or end the network without an activation"
        )
    if loss in _BINARY and last in _FROM_0:
        return (
            f"the network ends in {last}, which is never negative, so that as a logit of {loss} it "
            "cannot say no: end the network without an activation"
        )
    return None


def _of_yes_or_no(loss: str, last: str, outputs: int) -> str | None:
    if last in _OF_CLASSES and outputs > 2:
        return (
            f"the network ends in a {last} of {outputs} outputs, which choose one class, and "
            f"{loss} takes each as a yes or no of its own: use "
            f"{loss.replace('binary', 'categorical')}, or end the network in sigmoid"
        )
    if last not in _FROM_0_TO_1:
        return (
            f"the network ends in {last}, and {loss} takes probabilities: end the "
            "network in sigmoid, or end it without an activation and give the loss from_logits=True"
        )
    return None


def _of_classes(loss: str, last: str) -> str | None:
    # What is positive becomes probabilities, as the loss divides by the sum; relu may give all 0.
    if last in (*_FROM_0_TO_1, *_POSITIVE):
        return None
    return (
        f"the network ends in {last}, and {loss} takes probabilities: end the network in softmax, "
        "or end it without an activation and give the loss from_logits=True"
    )


def _of_others(loss: str, last: str) -> str | None:
    if loss == "kl_divergence" and last not in _FROM_0_TO_1:
        return (
            f"the network ends in {last}, and {loss} takes probabilities: end the network in "
            "softmax or sigmoid"
        )
    if loss == "poisson" and last not in (*_FROM_0_TO_1, *_FROM_0):
        return (
            f"the network ends in {last}, which may be negative, and {loss} takes means of counts: "
            "end the network in softplus"
        )
    return None
