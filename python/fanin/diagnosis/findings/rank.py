"""Layers through which fewer directions pass than the task needs."""

from itertools import pairwise
from typing import TYPE_CHECKING

from fanin.diagnosis._rank import leading_share
from fanin.diagnosis.findings._finding import Finding, also
from fanin.diagnosis.findings._fixes import redrawn, widened
from fanin.diagnosis.findings._places import joins
from fanin.frameworks._trace import matrix

if TYPE_CHECKING:
    from fanin.diagnosis._measurements import Measurements

_FEW = 2
"""Directions that are hardly more than one."""
_SHARE = 0.95
"""Of a kernel's square sum. Of independent weights the largest direction of m has a share of about
(1 + sqrt(m / n)) ** 2 / m (Marchenko and Pastur 1967), the others less: of 6 times 32 weights two
directions have 0.55, of the largest kernels next to nothing. In all sound networks that were looked
at it is 0.61 at most."""
_SMALLEST = 6
"""Sides of a kernel below which two directions are a usual share."""
_WIDE = 128
"""Units that are advised where the layers around do not say more."""
_COLLAPSED = 1.05
"""Participation ratio of a signal that varies along one direction."""

_SAXE = (
    "Saxe, McClelland and Ganguli 2014, arXiv:1312.6120: each direction of a kernel is learned by "
    "itself, and one that is missing must grow from nothing"
)
_DATA = (
    "Tishby and Zaslavsky 2015, arXiv:1503.02406: what is behind a layer knows no more than it does"
)


def kernels(measured: "Measurements") -> list[Finding]:
    """Find kernels of rank one, or hardly more: all units see one or two mixtures of the inputs.

    Equal units and zeros, which have no more, are found as what they are (`units.symmetric`).
    """
    shares = {}
    for layer in measured.kernels:
        weights = layer.weights["kernel"]
        values = matrix(weights.values)
        if weights.first_non_finite is not None or not weights.second_moment:
            continue
        if min(values.shape) < _SMALLEST or layer.distinct <= layer.units // 2:
            continue
        share = leading_share(values, _FEW)
        if share >= _SHARE:
            shares[layer.name] = share
    if not shares:
        return []
    names, worst = tuple(shares), max(shares, key=lambda name: shares[name])
    layer = measured[worst]
    inputs, units = matrix(layer.weights["kernel"].values).shape
    text = (
        f"{shares[worst]:.1%} of the kernel of {worst} lies in {_FEW} of its {min(inputs, units)} "
        f"directions{also(worst, names)}: its {units} units see {_FEW} mixtures of {inputs} inputs."
    )
    fix = redrawn(names, measured)
    return [Finding("rank", "warning", names, shares[worst], _SHARE, text, _SAXE, fix)]


def bottleneck(measured: "Measurements") -> list[Finding]:
    """Find layers of one or two units that all signals pass, where more classes are to be told.

    One number must tell more than two classes apart, or two more than eight: on a line each class
    has two neighbours, and on a plane a circle of more than eight is crowded. An autoencoder's code
    is what was asked for, whatever its size; a small layer beside others, such as one that gives
    weights to channels, is no bottleneck.
    """
    rows = measured.kernels
    if not ("cross" in measured.loss.lower() or "nll" in measured.loss.lower()):
        return []
    classes = rows[-1].units if rows else 0
    for place, (layer, behind) in enumerate(pairwise(rows)):
        few = layer.units
        inputs, _ = matrix(layer.weights["kernel"].values).shape
        if few > _FEW or inputs <= few or classes <= (2, 8)[few - 1]:
            continue
        if matrix(behind.weights["kernel"].values).shape[0] != few:
            continue
        later = measured.layers[layer.index :]
        if any(joins(after) or len(measured.given(after)) > 1 for after in later):
            continue  # something else may join there: a skip connection, or what a gate multiplies
        width = max(rows[place - 1].units if place else inputs, behind.units, _WIDE)
        text = (
            f"{layer.name} has {few} of what {inputs} inputs and {classes} classes stand around: "
            f"all that follows is a function of {'one number' if few == 1 else 'two numbers'}."
        )
        fix = widened(layer, behind, width, measured)
        return [Finding("bottleneck", "warning", (layer.name,), few, 2, text, _DATA, fix)]
    return []


def collapsed(measured: "Measurements") -> list[Finding]:
    """Find a layer from which signals come out along one direction, though its kernel has more.

    A large bias or one large weight does that. Where it happens little by little it is the depth's
    doing, which `vanishing` and the theory's cosine show; where inputs come in like that, theirs.
    """
    if measured.batch < 8:
        return []
    for layer in measured.layers:
        given = measured.given(layer)
        if len(given) != 1:
            continue
        (before,) = given
        whole = layer.units >= _SMALLEST and layer.index < measured.layers[-1].index
        if not whole or not 0 < layer.effective_rank <= _COLLAPSED:
            continue
        if before.units < _SMALLEST or before.effective_rank < 2:
            continue
        text = (
            f"The outputs of {layer.name} vary along one direction (participation ratio "
            f"{layer.effective_rank:.3g}, {before.effective_rank:.3g} before it)."
        )
        fix = redrawn((layer.name,), measured)
        value = layer.effective_rank
        return [Finding("rank", "warning", (layer.name,), value, _COLLAPSED, text, _DATA, fix)]
    return []


def found(measured: "Measurements") -> list[Finding]:
    """Find what lets one or two directions through: units, a kernel, or else a whole layer."""
    narrow = bottleneck(measured) or kernels(measured)
    return narrow or collapsed(measured)
