"""Whose model is it? The one place that asks, and what is then done with a model.

A framework is a module that has the names of `Framework`: `_fanin.py` for our own networks, the
folders ``torch/`` and ``keras/``. Trees of arrays (`_tree.py`) are nobody's, and cannot run.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

from fanin._checks import one_of
from fanin.frameworks import _fanin, keras, torch
from fanin.frameworks._arrays import Model, checked_order
from fanin.frameworks._framework import Advice, Framework, Training, Trial, Workshop
from fanin.frameworks._layout import LAYOUTS
from fanin.frameworks._own import recognized
from fanin.frameworks._trace import Trace
from fanin.frameworks._tree import is_tree, open_tree
from fanin.frameworks._visit import Pass
from fanin.frameworks._watch import Watcher

# Keras before torch: its layers are torch modules too where torch is its backend.
FRAMEWORKS: tuple[Framework, ...] = (_fanin, keras, torch)


def framework_of(model: object) -> Framework | None:
    """Return whose model this is, or None."""
    return next((framework for framework in FRAMEWORKS if framework.owns(model)), None)


def advice_of(name: str) -> Advice:
    """Return what the framework of this name says in code."""
    return next(framework.ADVICE for framework in FRAMEWORKS if name == framework.NAME)


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
    names = None if order is None else checked_order(order)
    if layout is not None:
        one_of("layout", layout, LAYOUTS)
    if is_tree(model):
        found = open_tree(model, layout, names)
    elif layout is not None:
        raise ValueError(
            f"layout: expected None for a {type(model).__name__}, whose layers are of a known "
            f"layout, found {layout!r}"
        )
    else:
        framework = framework_of(model)
        if framework is None:
            _refuse(
                model,
                "a fanin.Sequential or fanin.Model, a torch.nn.Module, a Keras model, or a dict, "
                "list or tuple of arrays",
            )
        found = replace(framework.entry().open_model(model), framework=framework.NAME)
    return found if names is None else found.in_order(names)


def trace(model: object, x: Any, y: Any, loss: Any, training: bool) -> Trace:
    """Run a model of any framework forward and back, and keep what its layers pass on.

    Parameters
    ----------
    model : Sequential, torch.nn.Module or keras.Model
        It does not change; one of ours that is not built is built.
    x, y, loss, training
        As for `fanin.diagnose`.

    Returns
    -------
    Trace
        In one vocabulary and one layout, whatever the framework.

    Raises
    ------
    TypeError
        If `model` is none of these.
    """
    framework = _running(model)
    found = framework.entry().trace(model, x, y, loss, training)
    return replace(
        found, framework=framework.NAME, layers=[recognized(layer) for layer in found.layers]
    )


def trial(
    model: object,
    x: Any,
    y: Any,
    loss: Any,
    training: bool,
    optimizer: Any,
    rate: float | None,
    samples: int,
    trace: Trace,
) -> Trial | None:
    """Try the next step of an optimizer, and its loss on some samples; the model does not take it.

    Parameters
    ----------
    model, x, y, loss, training
        As for `trace`, which has accepted them.
    optimizer : object or None
        Of the model's framework; None takes the one that it is compiled with.
    rate : float or None
        Its learning rate, if another than its own; without an optimizer that of gradient descent.
    samples : int
        Of how many, the first ones, losses are compared.
    trace : Trace
        Of the batch, with the gradient that the step goes along.

    Returns
    -------
    Trial or None
        None where no optimizer is known, or it can take no step.

    Raises
    ------
    TypeError
        If `optimizer` is of another framework.
    """
    entry = _running(model).entry()
    if entry.trial is None:
        return None
    return entry.trial(model, x, y, loss, training, optimizer, rate, samples, trace)


def workshop(
    model: object, x: Any, y: Any, loss: Any, optimizer: Any, rate: float | None
) -> Workshop:
    """Copy a model, and what it is trained with, to be mended.

    Raises
    ------
    TypeError
        If its framework has none.
    """
    entry = _running(model).entry()
    if entry.workshop is None:
        _refuse(model, "a fanin.Sequential or fanin.Model, or a torch.nn.Module to mend")
    return entry.workshop(model, x, y, loss, optimizer, rate)


@contextmanager
def visiting(model: object, x: Any) -> Iterator[Pass]:
    """Open a model for a batch; whatever is raised inside, the model is then as it was."""
    passed = _running(model).entry().open_pass(model, x)
    with passed.alone():
        before = passed.keep()
        try:
            yield passed
        except BaseException:
            passed.restore(before)
            raise


def watched(model: object, due: Callable[[], bool]) -> Watcher:
    """Begin to keep what a model does in a loop that somebody else runs, in the steps that are due.

    Parameters
    ----------
    model : torch.nn.Module
        The model; others are refused, in words.
    due : callable
        Whether the next pass is to be kept.

    Returns
    -------
    Watcher
        Open.

    Raises
    ------
    TypeError
        If `model` is no module of torch.
    ValueError
        If nothing would be seen of it.
    """
    framework = framework_of(model)
    watch = None if framework is None else framework.entry().watch
    if watch is None:
        expected = "a torch.nn.Module"
        if framework is _fanin:
            expected += " (fit of this one takes callbacks=[fanin.callbacks.SignalMonitor(x, y)])"
        if framework is keras:
            expected += " (its layers run no hooks: diagnose the model between epochs)"
        _refuse(model, expected)
    return watch(model, due)


def training_of(model: object) -> Training | None:
    """Return what a model can besides if it is one that this package trains, else None."""
    framework = framework_of(model)
    return None if framework is None else framework.entry().training


def trained(model: object, expected: str = "a fanin.Sequential or fanin.Model") -> Training:
    """Return what only a model can that this package trains; others are refused.

    Parameters
    ----------
    model : Sequential
        The model.
    expected : str
        What to say that was expected.

    Returns
    -------
    Training
        Functions, the model their first argument.

    Raises
    ------
    TypeError
        If it is not.
    """
    training = training_of(model)
    if training is None:
        _refuse(model, expected)
    return training


def our_training() -> Training:
    """Return what networks of this package can, without one."""
    training = _fanin.entry().training
    assert training is not None
    return training


def _running(model: object) -> Framework:
    framework = framework_of(model)
    if framework is None:
        _refuse(model, "a fanin.Sequential or fanin.Model, a torch.nn.Module or a keras.Model")
    return framework


def _refuse(model: object, expected: str) -> NoReturn:
    kind = type(model)
    raise TypeError(f"model: expected {expected}, found {kind.__module__}.{kind.__qualname__}")
