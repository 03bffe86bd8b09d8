"""The arrays of a model of any framework, layer by layer, in fanin's layout.

>>> import numpy as np
>>> from fanin import frameworks
>>> tree = {"hidden": {"kernel": np.ones((3, 2)), "bias": np.zeros(2)}}
>>> [layer] = frameworks.opened(tree).layers
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

from fanin._absences import _absent
from fanin.frameworks._arrays import DEFAULTS, WEIGHTS, Layer, Model, Parameter
from fanin.frameworks._open import opened

__all__ = ["DEFAULTS", "WEIGHTS", "Layer", "Model", "Parameter", "opened"]

_absent.guard(__name__)
