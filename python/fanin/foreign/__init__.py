"""The arrays of a model of any framework, layer by layer, in fanin's layout.

>>> import numpy as np
>>> from fanin import foreign
>>> tree = {"hidden": {"kernel": np.ones((3, 2)), "bias": np.zeros(2)}}
>>> [layer] = foreign.opened(tree).layers
>>> layer.position, layer.kind, list(layer.parameters)
(0, 'dense', ['kernel', 'bias'])
>>> layer.parameters["bias"].write(np.ones(2))
>>> tree["hidden"]["bias"]
array([1., 1.])

No framework is imported: a model can only come from one that is.

======================================  ===========================================================
``fanin.Sequential``                    its own arrays
``torch.nn.Module``                     parameters and buffers on the CPU
a layer or model of Keras               variables, whatever the backend
dicts, lists and tuples of arrays       of NumPy, or of JAX (what Flax and Haiku keep parameters in)
======================================  ===========================================================

A kernel is ``(spatial..., inputs, outputs)`` here, for a transposed convolution
``(spatial..., outputs, inputs)``; inputs or outputs are those of one group. NumPy arrays, torch and
Keras are written in place; JAX's arrays cannot be, so that what is written to a tree of them is in
the new tree that ``Model.result()`` returns.
"""

import sys
from collections.abc import Sequence
from typing import Any

from fanin import _absent
from fanin._checks import one_of
from fanin.foreign._base import DEFAULTS, WEIGHTS, Layer, Model, Parameter, checked_order
from fanin.foreign._layout import LAYOUTS

__all__ = ["DEFAULTS", "WEIGHTS", "Layer", "Model", "Parameter", "opened"]


def opened(model: object, layout: str | None = None, order: Sequence[str] | None = None) -> Model:
    """Find the layers of a model and their arrays.

    Parameters
    ----------
    model : fanin.Sequential, torch.nn.Module, keras.Layer, or nested dict, list or tuple
        Built, and on the CPU.
    layout : {"in_out", "out_in"}, optional
        How the kernels of a tree are laid out, see `fanin.initialize`.
    order : sequence of str, optional
        The names of all layers that hold arrays, first to last.

    Returns
    -------
    Model
        Layers in the order of the model: as added to a Sequential, as registered in a torch
        module, as Keras lists them, as they stand in a tree. What is shared comes once, where it
        comes first.

    Raises
    ------
    TypeError
        If it is none of these, or a tree holds something that is no array.
    ValueError
        If the arrays do not exist yet, or are not on the CPU; if nothing tells the inputs of a
        tree's kernels from their outputs, or `layout` is given for another model.

    Examples
    --------
    >>> import numpy as np
    >>> tree = {"out": {"kernel": np.zeros((4, 2), "float32"), "bias": np.zeros(2, "float32")}}
    >>> [layer.name for layer in opened(tree).layers]
    ['out']
    """
    from fanin.foreign._tree import is_tree, opened_tree

    names = None if order is None else checked_order(order)
    if layout is not None:
        one_of("layout", layout, LAYOUTS)
    if is_tree(model):
        found = opened_tree(model, layout, names)
    elif layout is not None:
        raise ValueError(
            f"layout: expected None for a {type(model).__name__}, whose layers are of a known "
            f"layout, found {layout!r}"
        )
    else:
        found = _opened(model)
    return found if names is None else found.in_order(names)


def _opened(model: Any) -> Model:
    from fanin._chain import Chain

    if isinstance(model, Chain):
        from fanin.foreign._chain import opened_chain

        return opened_chain(model)
    # Keras first: its layers are torch modules too where torch is its backend.
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    if keras is not None and isinstance(model, keras.Layer):
        from fanin.foreign._keras import opened_keras

        return opened_keras(model)
    if torch is not None and isinstance(model, torch.nn.Module):
        from fanin.foreign._torch import opened_torch

        return opened_torch(model)
    raise TypeError(
        "model: expected a fanin.Sequential, a torch.nn.Module, a Keras model, or a dict, list or "
        f"tuple of arrays, found {type(model).__module__}.{type(model).__qualname__}"
    )


_absent.guard(__name__)
