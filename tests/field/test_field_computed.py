"""Faults seen in use, init: a tensor that was computed is filled for nothing (S6).

Without torch: an object that looks like a tensor to whoever does not import it. With torch itself:
``tests/peers/test_computed.py``.
"""

import functools
import sys
import types
import warnings

import numpy as np
import pytest
from fanin import init
from refusals import assert_refused, outcome

# What each function needs beside the tensor, and the tensor's shape.
OPTIONS = {"constant_": {"val": 0.5}, "sparse_": {"sparsity": 0.5}}
SHAPES = {"dirac_": (4, 4, 3)}
FUNCTIONS = [name for name in init.__all__ if name != "calculate_gain"]


class Operation:
    """What autograd keeps of a product."""


class Tensor:
    """As much of ``torch.Tensor`` as is asked for."""

    __module__ = "torch"

    device = types.SimpleNamespace(type="cpu")
    layout = dtype = "strided"

    def __init__(self, values, grad_fn=None, base=None):
        self.values, self.grad_fn, self._base = values, grad_fn, base
        self.versions = 0

    def _is_view(self):
        return self._base is not None

    def is_inference(self):
        return False

    def detach(self):
        return self

    def is_conj(self):
        return False

    is_neg = is_conj

    def numpy(self):
        return self.values


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    """A module of that name, as far as it is used."""
    module = types.ModuleType("torch")
    module.strided, module.bfloat16 = "strided", "bfloat16"
    graph = types.ModuleType("torch.autograd.graph")
    graph.increment_version = lambda tensor: setattr(tensor, "versions", tensor.versions + 1)
    for name, part in (
        ("torch", module),
        ("torch.autograd", types.ModuleType("torch.autograd")),
        ("torch.autograd.graph", graph),
    ):
        monkeypatch.setitem(sys.modules, name, part)


def call(name, tensor):
    options = OPTIONS.get(f"{name.rstrip('_')}_", {})
    return functools.partial(getattr(init, name), tensor, **options)


def values(name):
    return np.full(SHAPES.get(f"{name.rstrip('_')}_", (4, 4)), 7.0, "float32")


@pytest.mark.filterwarnings("ignore:`nn.init:FutureWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_field_S6_a_computed_tensor_is_told(name):
    computed = Tensor(values(name), Operation())
    view = Tensor(values(name), Operation(), base=computed)
    for tensor in (computed, view):
        # Warnings are errors here: nothing may be written before them.
        assert_refused(call(name, tensor), UserWarning, "tensor: expected", "Operation", "lost")
        assert (tensor.values == 7).all()
        assert tensor.versions == 0


@pytest.mark.filterwarnings("ignore:`nn.init:FutureWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_kept_is_filled(name):
    parameter = Tensor(values(name))
    view = Tensor(values(name), Operation(), base=parameter)  # such as parameter.T
    for tensor in (parameter, view):
        assert outcome(call(name, tensor)) is None
        assert (tensor.values != 7).any()
        assert tensor.versions == 1


def test_field_S6_the_warning_points_at_the_call():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        init.kaiming_normal_(Tensor(values("kaiming_normal_"), Operation()))
    found = [warning for warning in caught if "tensor: expected" in str(warning.message)]
    assert len(found) == 1
    assert found[0].filename == __file__


def test_field_S6_a_parameter_without_a_shape_is_refused_in_words():
    tensor = Tensor(values("normal_"))
    tensor.materialize = None
    assert_refused(lambda: init.normal_(tensor), ValueError, "tensor: expected", "shape")
