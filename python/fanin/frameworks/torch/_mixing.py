"""Whether samples see each other: a sample beside one, and beside another, must give the same."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch

from fanin.frameworks.torch._batch import arguments, mapped, tensors
from fanin.frameworks.torch._kinds import layers_of, traced

_FAR = 1e-3
"""What differs by more, in units of its size, is not rounding."""


def mixed_in(model: Any, batch: Any, outputs: Any) -> tuple[str, str] | None:
    """Return where samples are mixed, and code against it; None where they are not.

    Parameters
    ----------
    model : torch.nn.Module
        In the mode of prediction; nothing of it changes.
    batch : torch.Tensor, or list, tuple or dict of these
        The samples.
    outputs : torch.Tensor
        What they gave: a similarity of each sample with all others has their number on two axes,
        and is meant so.

    Returns
    -------
    tuple of str or None
        The name of the first module whose outputs show it, and a line of code, which may be empty.
    """
    other = _another(batch)
    if other is None or outputs.ndim < 1 or len(outputs) != len(tensors(batch)[0]):
        return None
    # The last one: what is causal looks back.
    runs = []
    for rows in ([1, 0], [other, 0]):
        pair = mapped(partial(_picked, rows), batch)
        runs.append(_run(model, pair))
    one, two = runs
    if one is None or two is None:
        return None
    (first, ends), (second, also) = one, two
    if ends.shape[1:] != outputs.shape[1:] or not _differ(ends, also):
        return None
    for (name, module, here), (_, _, there) in zip(first, second, strict=False):
        if len(here) == 2 and here.shape == there.shape and _differ(here, there):
            kind = traced(module)[0]
            return None if kind == "batch_normalization" else (name, _fix(name, module))
    return "the end of the network", ""


def _picked(rows: list[int], tensor: Any) -> Any:
    return tensor[rows].detach()


def _fix(name: str, module: Any) -> str:
    if isinstance(module, torch.nn.MultiheadAttention | torch.nn.RNNBase):
        return f'model.get_submodule("{name}").batch_first = True'
    return ""


def _another(batch: Any) -> int | None:
    """Return the place of a sample that is not the second one; None if there is none."""
    parts = tensors(batch)
    for place in range(2, min(len(parts[0]), 16)):
        if any(not torch.equal(part[place], part[1]) for part in parts):
            return place
    return None


def _differ(one: Any, other: Any) -> bool:
    """Return whether what two runs gave for their last sample is not the same."""
    one, other = one[-1].float(), other[-1].float()
    if one.shape != other.shape or not torch.isfinite(one).all():
        return False
    return float((one - other).abs().max()) > _FAR * max(float(one.abs().max()), 1e-30)


def _run(model: Any, pair: Any) -> tuple[list[tuple[str, Any, Any]], Any] | None:
    """Return what modules gave for two samples, and the main output; None if it cannot run."""
    seen: list[tuple[str, Any, Any]] = []

    def keep(name: str) -> Callable[[Any, Any, Any], None]:
        def hook(module: Any, _: Any, returned: Any) -> None:
            given = tensors(returned)
            if given and given[0].ndim > 1:
                seen.append((name, module, given[0].detach().clone()))

        return hook

    given, named = arguments(model, pair)
    with ExitStack() as stack:
        for name, module in layers_of(model):
            if name:
                stack.callback(module.register_forward_hook(keep(name)).remove)
        torch.manual_seed(0)
        try:
            found = [t for t in tensors(model(*given, **named)) if t.is_floating_point() and t.ndim]
        except Exception:  # a module that is made for batches of one size, say
            return None
    return (seen, found[0].detach()) if found and len(found[0]) == 2 else None
