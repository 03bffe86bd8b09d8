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
    few = part is not None and part < 0.05
    adapted = all(measured[name].settings.get("adapted") for name in layers)
    severity = "warning" if few and not adapted else "note"
    lost = "" if part is None else f" What is trained has {part:.0%} of the squared gradient."
    text = (
        f"{named(layers)} {'is' if len(layers) == 1 else 'are'} frozen, {1 - share:.0%} of all "
        f"parameters: right if they were trained before.{lost}"
    )
    value = share if part is None else part
    return [Finding("frozen", severity, layers, value, 0.05, text, _SOURCE, fix)]


def left_out(measured: "Measurements") -> list[Finding]:
    """Find parameters that are to be trained, and that the optimizer does not have."""
    step = measured.first_step
    if step is None or not step.left_out:
        return []
    owners = dict.fromkeys(name.rpartition(".")[0] for name in step.left_out)
    known = {layer.name for layer in measured.layers}
    layers = tuple(name for name in owners if name in known)
    count, which = len(step.left_out), named(layers) if layers else step.left_out[0]
    text = (
        f"The optimizer does not have {count} of the parameters that are to be trained, those of "
        f"{which}: they stay as they were drawn, unless another optimizer has them."
    )
    return [Finding("optimizer", "warning", layers, count, 1.0, text, _ADDED, _ADD)]


_ADDED = "torch.optim.Optimizer: a step changes the parameters in its groups, and no others"
_ADD = (
    'known = {id(p) for group in optimizer.param_groups for p in group["params"]}; '
    'optimizer.add_param_group({"params": [p for p in model.parameters() if id(p) not in known]})'
)


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
