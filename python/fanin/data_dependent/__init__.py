"""Initialization from data: one pass over a batch sets the scale of each layer.

Each layer is measured when the pass reaches it, rescaled, and its outputs with it, so that nothing
is computed twice: the cost is that of one forward pass, whatever the depth.
"""

from fanin import _absent
from fanin.data_dependent._rules import LayerScale, Scales, data_dependent, lsuv, weight_norm

__all__ = ["LayerScale", "Scales", "data_dependent", "lsuv", "weight_norm"]

_absent.guard(__name__)
