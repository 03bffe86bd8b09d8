"""Parameters that are not trained."""

import math
from typing import TYPE_CHECKING

from fanin.diagnosis.findings._finding import Finding, named
from fanin.frameworks._open import advice_of

if TYPE_CHECKING:
    from fanin.diagnosis._measurements import Measurements

_SOURCE = "the loss falls, to first order, by the learning rate times the squared gradient"


def frozen(measured: "Measurements") -> list[Finding]:
    """Find parameters that are not trained, and say how much of the gradient they take away.

    Nothing trained is a fault. Something trained may be meant so: a new end on layers that were
    trained before gets most of the gradient, as it should. It is a warning where what is trained
    has less than a twentieth of the squared gradient: the loss then falls twenty times more slowly.
    """
    ending = measured.any_ending
    layers = tuple(layer.name for layer in measured.layers if layer.frozen)
    if ending is None or ending.parameters == 0 or ending.trained == ending.parameters:
        return []
    share = ending.trained / ending.parameters
    fix = advice_of(measured.framework).thawed
    if ending.trained == 0:
        text = f"None of the {ending.parameters} parameters is trained: all of them are frozen."
        return [Finding("frozen", "severe", layers, 0.0, 1.0, text, _SOURCE, fix)]
    if not layers:
        return []
    part = _share_of_gradient(measured)
    severity = "warning" if part is not None and part < 0.05 else "note"
    lost = "" if part is None else f" What is trained has {part:.0%} of the squared gradient."
    text = (
        f"{named(layers)} {'is' if len(layers) == 1 else 'are'} frozen, {1 - share:.0%} of all "
        f"parameters: right if they were trained before.{lost}"
    )
    value = share if part is None else part
    return [Finding("frozen", severity, layers, value, 0.05, text, _SOURCE, fix)]


def _share_of_gradient(measured: "Measurements") -> float | None:
    """Return the share of the squared gradient that trained parameters have; None if unknown."""
    trained = every = 0.0
    for layer in measured.layers:
        for role, weights in layer.weights.items():
            if weights.gradient_second_moment is None:
                if role in layer.frozen:
                    return None
                continue
            square = weights.gradient_second_moment * weights.values.size
            every += square
            trained += 0.0 if role in layer.frozen else square
    return trained / every if every > 0 and math.isfinite(every) else None
