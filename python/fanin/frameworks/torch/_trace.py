"""Tracing a torch module: hooks keep what its layers pass on, and autograd gives the gradients."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from fanin import _checks
from fanin.errors import ShapeError
from fanin.frameworks._ending import UNKNOWN, Ending, Takes
from fanin.frameworks._objective import random_direction
from fanin.frameworks._trace import LayerTrace, Source, Trace
from fanin.frameworks.torch._arrays import (
    computed_of,
    measured,
    parameter_of,
    read,
    rows_of,
    tensors_of,
)
from fanin.frameworks.torch._batch import (
    arguments,
    batch_of,
    named_parts,
    samples_of,
    targets_of,
    tensors,
)
from fanin.frameworks.torch._graph import seen_in_graph
from fanin.frameworks.torch._kinds import KINDS, activation_of, layers_of, traced, units_last
from fanin.frameworks.torch._links import Between, same, scaled_rows
from fanin.frameworks.torch._losses import check_classes, check_shapes, takes_of
from fanin.frameworks.torch._mixing import mixed_in
from fanin.frameworks.torch._recurrent import recurrences_of
from fanin.frameworks.torch._trained import mark_adapted, still, waking

Array = NDArray[Any]


def trace_torch(model: Any, x: Any, y: Any, loss: Any, training: bool) -> Trace:
    """Run a torch module forward and back; nothing of it changes, not its `grad` either.

    Parameters
    ----------
    model : torch.nn.Module
        On the CPU.
    x : torch.Tensor or array_like of shape (batch, ...), or list, tuple or dict of these
        The samples; of a module of several arguments these, in order or by name.
    y : torch.Tensor, array_like, list, tuple, dict or None
        Targets; without them the gradient is that of a random direction of the outputs.
    loss : callable or None
        ``loss(outputs, y)``, a mean over the batch; None takes the cross-entropy of logits for
        integer targets, else the mean squared error.
    training : bool
        Whether modules behave as in training.

    Returns
    -------
    Trace
        The modules without submodules of their own, in the order in which they ran, and what
        happens to signals between them.
    """
    if loss is not None and not callable(loss):
        raise TypeError(
            "loss: expected a function of outputs and targets that returns a mean, such as "
            f"torch.nn.functional.cross_entropy, found {_checks.found(loss)}"
        )
    batch = batch_of(x, model)
    samples = tensors(batch)
    for part in samples:
        # The gradient with respect to the inputs of a first activation is looked at as well.
        part.requires_grad_(part.is_floating_point())
    records: list[_Record] = []
    trained = [p for p in model.parameters() if p.requires_grad]
    every = list(model.parameters())
    with undisturbed(model, training), _recording(model, records), torch.enable_grad():
        returned = _called(model, batch)
        outputs = _main_output(returned)
        aim = _objective(returned, y, loss)
        steps = _linked(records, samples, outputs)
        # Before gradients are taken, which takes the graph away.
        attentions, inner = seen_in_graph(steps, outputs)
        whole = _differentiate(steps, aim.value, trained)
    names = {id(p): name for name, p in model.named_parameters()}
    gradients = {names[id(p)]: found for p, found in zip(trained, whole, strict=True)}
    frozen = {id(p) for p in every} - {id(p) for p in trained}
    mark_adapted(model, [step for step in steps if isinstance(step, _Record)])
    scale, last, count = aim.scale, steps[-1] if steps else None, len(samples[0])
    layers = [
        step.trace(scale) if isinstance(step, Between) else step.trace(scale, count, frozen)
        for step in steps
    ]
    ending = Ending(
        rows_of(
            outputs if outputs.ndim > 1 else outputs[:, None],
            _units_at(outputs, aim.targets, last),
        ),
        None if aim.targets is None else read(aim.targets),
        aim.takes,
        count,
        last is not None and same(last.outputs, outputs),
    )
    with undisturbed(model, False), torch.no_grad():
        mixed = mixed_in(model, batch, outputs)
    return Trace(
        type(model).__name__,
        samples_of(batch),
        layers,
        aim.loss,
        aim.number,
        ending=ending,
        trainable=(sum(p.numel() for p in trained), sum(p.numel() for p in every)),
        attentions=attentions,
        inner=inner,
        mixed=mixed,
        indices=not any(part.is_floating_point() for part in samples),
        recurrences=[
            found
            for step in steps
            if isinstance(step, _Record)
            for found in recurrences_of(step.name, step.module, step.inputs, step.outputs)
        ],
        gradient=None if aim.number is None else gradients,
        waking=waking(model, gradients),
        still=still(gradients),
        sources=[
            Source(name, measured(part).reshape(len(part), -1), code)
            for name, code, part in named_parts(batch)
            if part.is_floating_point()
        ],
    )


def _units_at(outputs: Any, targets: Any, last: "_Record | Between | None") -> bool:
    """Return whether classes or units are on the last axis of the outputs, not on the second."""
    if targets is not None and targets.ndim == outputs.ndim - 1:
        return bool(targets.shape == outputs.shape[:-1])
    return last is None or last.last


def _main_output(returned: Any) -> Any:
    """Return the tensor that a module returns; of several the first that has a row a sample."""
    found = [tensor for tensor in tensors(returned) if tensor.is_floating_point() and tensor.ndim]
    if not found:
        raise TypeError(
            "model: expected a tensor as output, or a tuple, list or dict of them, found "
            f"{type(returned).__name__}"
        )
    return found[0]


def _called(model: Any, inputs: Any) -> Any:
    given, named = arguments(model, inputs)
    try:
        return model(*given, **named)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ShapeError(
            "x: expected two samples or more, which BatchNorm needs in training, found "
            f"{len(tensors(inputs)[0])}; or training=False"
        ) from error


def _linked(
    records: list["_Record"], samples: list[Any], outputs: Any
) -> list["_Record | Between"]:
    """Put in what happens between modules: where one does not get what the one before returned.

    Behind the last one only an activation is put in: of others the outputs tell. Indices of an
    embedding are no signal.
    """
    steps: list[_Record | Between] = []
    before, given, intact = "the samples", samples[0], True
    if records:
        given = next((part for part in samples if same(part, records[0].inputs)), given)
    owns = [units_last(record.module) for record in records]
    # Until one says where its units are, they are where that one has them.
    last = next((own for own in owns if own is not None), False)
    for record, own in zip(records, owns, strict=True):
        record.last = last if own is None else own
        # A function in place has left its own result in the module's output.
        indices = record is not records[0] and not record.inputs.is_floating_point()
        if not (indices or (intact and same(given, record.inputs))):
            between = Between(before, given, record.name, record.inputs, not intact)
            # An activation has the units of the module before; of others only what is behind tells.
            between.last = last if between.activation else record.last
            steps.append(between)
        steps.append(record)
        before, given, last = record.name, record.outputs, record.last
        intact = record.outputs._version == record.version
    if records and intact and not same(given, outputs):
        end = Between(before, given, "the loss", outputs, False)
        end.last = last
        steps += [end] if end.activation else []
    return steps


class _Record:
    """One call of one module."""

    def __init__(self, name: str, module: Any, inputs: Any, outputs: Any) -> None:
        self.name, self.module = name, module
        self.inputs, self.outputs = inputs, outputs
        self.version = outputs._version
        self.computed = computed_of(module)
        self.adapted = False
        """Whether it is frozen, and trained ones stand beside it in a module of their own."""
        self.activation = activation_of(module)
        self.last = False
        """Whether its units are on the last axis, not on the second."""
        self.gradients: dict[str, Any] = {}
        """Zero for what nothing of the objective depends on."""
        self.output_gradient: Any = None
        self.input_gradient: Any = None

    def trace(self, scale: float, batch: int, frozen: set[int]) -> LayerTrace:
        """Hand the arrays over; gradients become those of a sample's own loss by `scale`."""
        kind, note = traced(self.module)
        return LayerTrace(
            name=self.name,
            kind=kind,
            inputs=rows_of(self.inputs, self.last),
            outputs=rows_of(self.outputs, self.last),
            activation=self.activation,
            pre_activation=rows_of(self.inputs, self.last) if self.activation else None,
            output_gradient=scaled_rows(self.output_gradient, scale, self.last),
            pre_activation_gradient=scaled_rows(self.input_gradient, scale, self.last),
            parameters=self._by_role(tensors_of(self.module) | self.computed),
            gradients={
                role: array * np.asarray(scale / batch, array.dtype)
                for role, array in self._by_role(self.gradients).items()
            },
            frozen=frozenset(
                _role(self.module, name, parameter)
                for name, parameter in self.module.named_parameters(recurse=False)
                if id(parameter) in frozen and parameter.ndim
            ),
            settings=_settings(kind, self.module)
            | ({"computed": True} if self.computed else {})
            | ({"adapted": True} if self.adapted else {}),
            note=note,
        )

    def _by_role(self, tensors: Mapping[str, Any]) -> dict[str, Array]:
        """Return parameters, or their gradients, by role: kernels as ``(inputs, units)``."""
        found = {}
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and tensor.numel() and tensor.ndim:
                parameter = parameter_of(self.module, name, tensor, name)
                role = _role(self.module, name, tensor)
                found[role] = parameter.matrix(parameter.ours(measured(tensor)))
        return found


def _role(module: Any, name: str, tensor: Any) -> str:
    """Return the role of a parameter; of attention, which is several kernels, its own name."""
    if KINDS.of(module) == "attention":
        return name
    return parameter_of(module, name, tensor, name).role


@contextmanager
def undisturbed(model: Any, training: bool) -> Iterator[None]:
    """Put back what a pass changes: modes, buffers, and torch's random numbers."""
    modes = [(module, module.training) for module in model.modules()]
    in_place = [module for module in model.modules() if getattr(module, "inplace", False)]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    frozen = [p for p in model.parameters() if not p.requires_grad]
    try:
        with torch.random.fork_rng(devices=[]):
            model.train(training)
            for module in in_place:
                module.inplace = False  # it would overwrite what the layer before passed on
            for parameter in frozen:
                parameter.requires_grad_(parameter.is_floating_point())
            yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
        for module in in_place:
            module.inplace = True
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, was in buffers:
                buffer.copy_(was)


@contextmanager
def _recording(model: Any, records: list[_Record]) -> Iterator[None]:
    def keep(name: str) -> Callable[[Any, Any, Any], None]:
        def hook(module: Any, inputs: Any, outputs: Any) -> None:
            if isinstance(outputs, tuple) and traced(module)[0] in ("attention", "recurrent"):
                outputs = outputs[0]  # without weights and last states
            tensors = isinstance(outputs, torch.Tensor) and inputs
            if tensors and isinstance(inputs[0], torch.Tensor) and outputs.ndim > 1:
                records.append(_Record(name, module, inputs[0], outputs))

        return hook

    with ExitStack() as stack:
        for name, module in layers_of(model):
            handle = module.register_forward_hook(keep(name or type(module).__name__))
            stack.callback(handle.remove)
        yield


class _Aim(NamedTuple):
    """What the gradients are of."""

    loss: str
    """Its name; empty for a random direction of the outputs."""
    number: float | None
    value: Any
    """The tensor to differentiate."""
    scale: float
    """What makes its gradients those of one sample."""
    takes: Takes = UNKNOWN
    targets: Any = None


def _objective(outputs: Any, y: Any, loss: Any) -> _Aim:
    """Return what is differentiated, of a tensor or of several."""
    if not isinstance(outputs, torch.Tensor):
        return _objective_of_several(outputs, y, loss)
    if y is None:
        return _Aim("", None, _in_a_random_direction(outputs), 1.0)
    targets = targets_of(y)
    if not isinstance(targets, torch.Tensor):
        return _objective_of_several(outputs, targets, loss)
    if loss is None:
        classes = not targets.is_floating_point() and targets.ndim == outputs.ndim - 1
        loss = functional.cross_entropy if classes else functional.mse_loss
        targets = targets.long() if classes else targets.to(outputs.dtype)
    takes = takes_of(loss, targets, outputs)
    check_classes(takes, outputs, targets)
    check_shapes(loss, outputs, targets)
    name = _name(loss)
    try:
        value = loss(outputs, targets)
    except RuntimeError:
        if takes.what != "probabilities" or not _leaves_unit_interval(outputs):
            raise
        # The loss refuses what is no probability. That is found; gradients are of something else.
        direction = _in_a_random_direction(outputs)
        return _Aim(name, None, direction, 1.0, takes, targets)
    number, value = _checked(value)
    rows = _summed_rows(loss, outputs, targets, number)
    if rows:
        return _Aim(f"{name} (a sum)", number / rows, value, 1.0, takes, targets)
    return _Aim(name, number, value, float(len(outputs)), takes, targets)


def _objective_of_several(outputs: Any, y: Any, loss: Any) -> _Aim:
    """Return what is differentiated where outputs or targets are several: only the loss knows."""
    floating = [tensor for tensor in tensors(outputs) if tensor.is_floating_point()]
    if y is None:
        return _Aim("", None, sum(map(_in_a_random_direction, floating)), 1.0)
    if loss is None:
        raise ValueError(
            "loss: expected a function of outputs and targets, as the model returns several "
            "tensors or y has several, found None"
        )
    value = loss(outputs, targets_of(y))
    return _Aim(_name(loss), *_checked(value), float(len(_main_output(outputs))))


def _summed_rows(loss: Any, outputs: Any, targets: Any, number: float) -> int:
    """Return over how many rows a loss is a sum; 0 where it is a mean, or that is not known.

    A sum over all samples is that over the first half and over the second; a mean is half of it.
    """
    half = len(outputs) // 2
    if half < 1 or len(targets) != len(outputs) or not math.isfinite(number) or number == 0:
        return 0
    try:
        with torch.no_grad():
            parts = [
                float(loss(outputs[part].detach(), targets[part]))
                for part in (slice(half), slice(half, None))
            ]
    except Exception:  # a loss that is made for batches of one size
        return 0
    if abs(sum(parts) - number) > 1e-3 * abs(number):
        return 0
    return int(targets.numel() if not targets.is_floating_point() else len(targets))


def _name(loss: Any) -> str:
    return str(getattr(loss, "__name__", type(loss).__name__))


def _checked(value: Any) -> tuple[float, Any]:
    """Return a loss as a number, and as what is differentiated."""
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        raise ValueError("loss: expected a function that returns one number, a mean over the batch")
    return float(value.detach()), value.sum()


def _in_a_random_direction(outputs: Any) -> Any:
    direction = torch.as_tensor(random_direction(measured(outputs)), dtype=outputs.dtype)
    return (outputs * direction).sum()


def _leaves_unit_interval(outputs: Any) -> bool:
    return bool(((outputs < 0) | (outputs > 1)).any())


def _differentiate(steps: list[_Record | Between], objective: Any, trained: list[Any]) -> list[Any]:
    """Ask autograd for all gradients at once, without touching any `grad`.

    What steps keep they get; those of the parameters that are trained are returned, None for one
    that the objective does not depend on.
    """
    places: list[tuple[Callable[[Any], None], Any]] = []
    for record in steps:
        if isinstance(record, Between):
            places += [(_setter(record, name), tensor) for name, tensor in record.wanted]
            continue
        places.append((_setter(record, "output_gradient"), record.outputs))
        if record.activation is not None:
            places.append((_setter(record, "input_gradient"), record.inputs))
        for name, parameter in record.module.named_parameters(recurse=False):
            if parameter.requires_grad:
                places.append((_item_setter(record.gradients, name), parameter))
    wanted = [(put, tensor) for put, tensor in places if tensor.requires_grad]
    if not objective.requires_grad:
        return [None] * len(trained)
    asked = [*(tensor for _, tensor in wanted), *trained]
    found = list(torch.autograd.grad(objective, asked, allow_unused=True)) if asked else []
    for put, _ in wanted:
        gradient = found.pop(0)
        if gradient is not None:
            put(gradient)
    for record in steps:
        if isinstance(record, _Record) and record.output_gradient is None:
            for name, parameter in record.module.named_parameters(recurse=False):
                if parameter.requires_grad:
                    record.gradients.setdefault(name, torch.zeros_like(parameter))
    return found


def _setter(record: _Record | Between, name: str) -> Callable[[Any], None]:
    return lambda gradient: setattr(record, name, gradient)


def _item_setter(gradients: dict[str, Any], name: str) -> Callable[[Any], None]:
    return lambda gradient: gradients.__setitem__(name, gradient)


def _settings(kind: str, module: Any) -> dict[str, Any]:
    if kind == "batch_normalization":
        counted = module.num_batches_tracked
        return {
            "kind": kind,
            "epsilon": module.eps,
            # A mean of all batches, which torch calls None, forgets the start at once.
            "momentum": 0.0 if module.momentum is None else 1.0 - module.momentum,
            "batches": None if counted is None else int(counted),
        }
    if kind == "dropout":
        return {"kind": kind, "rate": module.p}
    return {"kind": kind}
