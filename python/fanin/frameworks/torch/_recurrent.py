"""The kernels inside of torch's recurrent layers, and what they multiply."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from fanin.frameworks._trace import RecurrentTrace
from fanin.frameworks.torch._arrays import measured, rows_of
from fanin.frameworks.torch._kinds import KINDS

_NAME = re.compile(r"weight_([ih])h(?:_l(\d+)(_reverse)?)?")


def recurrences_of(name: str, module: Any, inputs: Any, outputs: Any) -> Iterator[RecurrentTrace]:
    """Go through the kernels of a recurrent layer; there are none in others.

    States are seen of the last of several layers, inputs of the first.

    Parameters
    ----------
    name : str
        Of the layer.
    module : torch.nn.Module
        The layer: one of whole sequences, or a cell.
    inputs, outputs : torch.Tensor
        What it got, and its states.
    """
    if KINDS.traced(module)[0] != "recurrent":
        return
    last = getattr(module, "num_layers", 1) - 1
    sides = 2 if getattr(module, "bidirectional", False) else 1
    states = rows_of(outputs, True)
    width = states.shape[1] // sides
    for role, tensor in module.named_parameters(recurse=False):
        found = _NAME.fullmatch(role)
        if found is None:
            continue
        layer, back = int(found[2] or 0), bool(found[3])
        given = None
        if found[1] == "h":
            side = states[:, width:] if back else states[:, :width]
            given = side if layer == last else None
        elif layer == 0:
            given = rows_of(inputs, True)
        own = dict(module.named_parameters(recurse=False))
        names = [role.replace("weight_hh", f"bias_{side}h") for side in "ih"]
        biases = [name for name in names if found[1] == "h" and name in own]
        yield RecurrentTrace(
            layer=name,
            role=role,
            kernel=measured(tensor).T,
            gates=tensor.shape[0] // module.hidden_size,
            states=found[1] == "h",
            given=given,
            bounded=getattr(module, "nonlinearity", "tanh") == "tanh",
            bias=np.sum([measured(own[name]) for name in biases], axis=0) if biases else None,
            bias_roles=tuple(biases),
        )
