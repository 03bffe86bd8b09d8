"""What autograd's graph shows of a pass: the softmax of scores, and functions inside of modules.

A hook sees what modules get and return. What is between, and what a module of a user's own does
inside, was called as a function, in whatever way: the graph that autograd keeps has a node for each
such call, and the node has what its gradient needs, such as the outputs of a softmax [1]_.

References
----------
.. [1] PyTorch, "Autograd mechanics", section on saved tensors.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from fanin.frameworks._trace import Array, AttentionTrace, InnerTrace
from fanin.frameworks.torch._arrays import measured
from fanin.frameworks.torch._kinds import KINDS, traced
from fanin.frameworks.torch._links import Between

_SOFTMAX = ("SoftmaxBackward0", "SafeSoftmaxBackward0")
_FUSED = "ScaledDotProduct"
_PRODUCTS = ("BmmBackward0", "BaddbmmBackward0", "MmBackward0")
_BOUNDED = {"SigmoidBackward0": "sigmoid", "TanhBackward0": "tanh"}
_ELEMENTS = 2**20
"""Weights of one attention that are looked at."""
_TIMES = 3
"""Calls of one module from which it is part of something that repeats."""


def seen_in_graph(
    steps: Sequence[Any], outputs: Any
) -> tuple[list[AttentionTrace], list[InnerTrace]]:
    """Find the attention in a pass, and the bounded functions that no module is.

    Parameters
    ----------
    steps : sequence
        Modules that ran, and what happens between them, in order.
    outputs : torch.Tensor
        What the model returned; its graph is still there.

    Returns
    -------
    list of AttentionTrace, list of InnerTrace
        In the order in which they ran.
    """
    makers = {
        step.outputs.grad_fn: step for step in steps if _has_weights(step) and step.outputs.grad_fn
    }
    times = Counter(step.name for step in steps)
    attentions: list[AttentionTrace] = []
    bounded: dict[str, list[tuple[str, Array]]] = {}
    seen: set[Any] = set()
    for step in [*steps, None]:
        end = outputs if step is None else step.outputs
        inner = None if step is None else _inside(step, times)
        nodes = list(_ancestors(end.grad_fn, seen))
        if isinstance(step, Between):
            step.alone = _is_alone(step.given.grad_fn, nodes, makers)
        for node in nodes:
            found = _attention(node, step, makers)
            attentions += [] if found is None else [found]
            if inner and node.name() in _BOUNDED:
                given = measured(node._saved_result)
                bounded.setdefault(inner, []).append((_BOUNDED[node.name()], given))
    return attentions, [InnerTrace(name, tuple(found)) for name, found in bounded.items()]


def _has_weights(step: Any) -> bool:
    module = getattr(step, "module", None)
    return module is not None and any(p.ndim > 1 for p in module.parameters(recurse=False))


def _inside(step: Any, times: Mapping[str, int]) -> str:
    """Return the layer whose inner functions a step shows; empty where rows show all there are.

    It is a module of a user's own with kernels, or one that runs time after time, of whose inputs
    the step is made.
    """
    module = getattr(step, "module", None)
    if module is None:
        behind = str(step.name).removeprefix("input of ")
        return behind if step.activation is None and times[behind] >= _TIMES else ""
    known = traced(module)[0] != type(module).__name__
    return "" if known or not _has_weights(step) else str(step.name)


def _is_alone(given: Any, nodes: Sequence[Any], makers: Mapping[Any, Any]) -> bool:
    """Return whether functions are of one signal, the one given, and nothing else joins it.

    What multiplies it by an array that is not trained, such as the places of pixels that a softmax
    gives weights to, is something else that joins.
    """
    befores = [[before for before, _ in node.next_functions if before] for node in nodes]
    mixed = any(sum(_is_signal(one, makers) for one in row) > 1 for row in befores if len(row) > 1)
    return (
        not mixed
        and not any(_multiplies_by_constants(node) for node in nodes)
        and any(one is given for row in befores for one in row)
    )


def _multiplies_by_constants(node: Any) -> bool:
    """Return whether a node is a product with an array that nothing depends on."""
    if node.name() not in (*_PRODUCTS, "MulBackward0", "MvBackward0"):
        return False
    if sum(before is not None for before, _ in node.next_functions) != 1:
        return False
    names = ("_saved_other", "_saved_self", "_saved_mat2", "_saved_vec")
    saved = (getattr(node, name, None) for name in names)
    return any(isinstance(one, torch.Tensor) and one.ndim > 0 for one in saved)


def _ancestors(node: Any, seen: set[Any]) -> Iterator[Any]:
    """Go through the nodes before one, and itself, that were not gone through."""
    stack = [node]
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            stack += [before for before, _ in node.next_functions]


def _attention(node: Any, step: Any, makers: Mapping[Any, Any]) -> AttentionTrace | None:
    """Return the attention that a node of the graph is; None for others."""
    name = node.name()
    if name.startswith(_FUSED):
        operands = [before for before, _ in node.next_functions[:2]]
        logarithms = _of_fused(node)
    elif name in _SOFTMAX:
        found = _operands(node, makers)
        if found is None or not _over_keys(node):
            return None
        operands, logarithms = found, _some(node._saved_result.detach()).log()
    else:
        return None
    if logarithms.shape[-1] < 2:
        return None
    module = getattr(step, "module", None)
    if module is not None and (_has_weights(step) or KINDS.of(module) == "attention"):
        layers: tuple[str, ...] = (step.name,)
    else:
        made = [maker for operand in operands for maker in _makers(operand, makers)]
        layers = tuple(dict.fromkeys(made)) or (() if step is None else (step.name,))
    whole = getattr(module, "in_proj_weight", None) is not None
    return AttentionTrace(layers, measured(logarithms), "in_proj_weight" if whole else "")


def _over_keys(node: Any) -> bool:
    """Return whether a softmax is taken over the last axis, which its node may count unsigned."""
    axes = node._saved_result.ndim
    return axes > 1 and int(node._saved_dim) in (-1, axes - 1, 2**64 - 1)


def _operands(node: Any, makers: Mapping[Any, Any]) -> list[Any] | None:
    """Return the two signals whose product the scores of a softmax are; None if they are none.

    A product of a signal and of a parameter is a layer, whose softmax is an activation.
    """
    queue, seen = [before for before, _ in node.next_functions], {node}
    while queue:
        node = queue.pop(0)
        if node is None or node in seen or node in makers:
            continue
        seen.add(node)
        if node.name() in _PRODUCTS:
            both = [before for before, _ in node.next_functions[-2:]]
            return both if all(_is_signal(one, makers) for one in both) else None
        queue += [before for before, _ in node.next_functions]
    return None


def _is_signal(node: Any, makers: Mapping[Any, Any]) -> bool:
    """Return whether something that depends on samples goes into a node."""
    for before in _ancestors(node, set()):
        if before in makers:
            return True
        variable = getattr(before, "variable", None)
        if variable is not None and not isinstance(variable, torch.nn.Parameter):
            return True  # the samples themselves
    return False


def _makers(node: Any, makers: Mapping[Any, Any]) -> list[str]:
    """Return the nearest layers whose outputs go into a node."""
    found, queue, seen = [], [node], set[Any]()
    while queue:
        node = queue.pop(0)
        if node is None or node in seen:
            continue
        seen.add(node)
        if node in makers:
            found.append(str(makers[node].name))
        else:
            queue += [before for before, _ in node.next_functions]
    return found


def _some(weights: Any) -> Any:
    """Return some of the matrices, from all along the batch, in single precision."""
    matrices = weights.reshape(-1, *weights.shape[-2:])
    count = max(1, min(len(matrices), _ELEMENTS // max(matrices[0].numel(), 1)))
    return matrices[np.linspace(0, len(matrices) - 1, count).astype(int)].float()


def _of_fused(node: Any) -> Any:
    """Return the logarithms of the weights of torch's own attention, which keeps no weights."""
    query, key = node._saved_query.detach().float(), node._saved_key.detach().float()
    count = max(1, min(len(query), _ELEMENTS // max(query[0, ..., 0].numel() * key.shape[-2], 1)))
    query, key = query[:count], key[:count]
    key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)
    scale = node._saved_scale
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    mask = getattr(node, "_saved_attn_mask", None)
    if mask is not None:
        mask = mask.detach()[:count] if mask.ndim == 4 else mask.detach()
        scores = scores.masked_fill(~mask, -np.inf) if mask.dtype == torch.bool else scores + mask
    if node._saved_is_causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -np.inf)
    return scores.log_softmax(-1).reshape(-1, *scores.shape[-2:])
