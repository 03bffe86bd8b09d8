"""Watching a torch module in a loop that somebody else runs: hooks for the steps that are due.

Between such steps there is one hook, on the module itself. In one, each module inside gets hooks
for the length of the pass forward, the tensors that pass between them tell their gradients when
these are there, and parameters tell what they have gathered. Nothing is computed but copies.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray

from fanin.frameworks._trace import Trace
from fanin.frameworks._watch import Seen
from fanin.frameworks.torch._arrays import measured, parameter_of
from fanin.frameworks.torch._kinds import KINDS, layers_of
from fanin.frameworks.torch._links import Between
from fanin.frameworks.torch._trace import _linked, _Record

Array = NDArray[Any]


class TorchWatcher:
    """A torch module that is watched.

    Parameters
    ----------
    model : torch.nn.Module
        The module that the loop calls.
    due : callable
        Whether the next pass is to be kept.
    """

    def __init__(self, model: Any, due: Callable[[], bool]) -> None:
        _check(model)
        self._model, self._due = model, due
        self._step: _Step | None = None
        self._handles = [
            # Before the module's other hooks, so that the copies are of what they find.
            model.register_forward_pre_hook(_Hook(self._enter), prepend=True, with_kwargs=True)
        ]

    def _enter(self, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        # Code that torch.compile traces keeps nothing; what is not differentiated is no training.
        if torch.compiler.is_compiling() or not torch.is_grad_enabled():
            return
        if self._step is None and not self._due():
            return
        began = time.perf_counter()
        inputs = next(_tensors((args, kwargs)), None)
        if inputs is not None and inputs.ndim and len(inputs):
            self._step = self._step or _Step(module)
            self._step.enter(inputs, args)
            self._step.seconds += time.perf_counter() - began

    def take(self, scale: float) -> Seen | None:
        """Hand over what was kept; see `Watcher`."""
        step, self._step = self._step, None
        if step is None:
            return None
        step.release()
        return step.seen(scale) if step.records else None

    def close(self) -> None:
        """Remove all hooks."""
        for handle in self._handles:
            handle.remove()
        if self._step is not None:
            self._step.release()
            self._step = None


def _tensors(given: Any) -> Iterator[Any]:
    """Go through the tensors of nested arguments."""
    if isinstance(given, torch.Tensor):
        yield given
    elif isinstance(given, Mapping):
        yield from _tensors(tuple(given.values()))
    elif isinstance(given, list | tuple):
        for part in given:
            yield from _tensors(part)


class _Hook:
    """A hook that stays behind where its module is copied or pickled: copies are not watched."""

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> None:
        self._function(*args)

    def __reduce__(self) -> Any:
        return _nothing, ()


def _nothing() -> Callable[..., None]:
    return _ignore


def _ignore(*args: Any) -> None:
    """Do nothing, in the place of a hook that was left behind."""


class _Step:
    """The passes of one step of training, of which the last one counts."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.records: list[_Seen] = []
        self.seconds = 0.0
        arrays = (*model.parameters(), *model.buffers())
        self._before = {id(array): array.detach().clone() for array in arrays}
        self._gradients: dict[int, Any] = {}
        self._handles: list[Any] = []
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._bare = [p for p in self._parameters if p._post_accumulate_grad_hooks is None]
        for parameter in self._parameters:
            hook = parameter.register_post_accumulate_grad_hook(self._gather)
            self._handles.append(hook)

    def enter(self, inputs: Any, given: tuple[Any, ...]) -> None:
        """Begin a pass anew: several in one step may be parts of a batch, or of a search."""
        self._end_pass()
        self.records, self.inputs = [], inputs
        self.training = self.model.training
        self._given: dict[int, tuple[Any, list[Any]]] = {}
        self._of_pass: list[Any] = []
        for name, module in layers_of(self.model):
            if KINDS.of(module) != "attention":
                leave = _Hook(partial(self._leave, name or type(module).__name__))
                self._of_pass += [
                    module.register_forward_pre_hook(_Hook(self._arrive)),
                    module.register_forward_hook(leave),
                ]
        if not any(True for _ in self.model.children()):
            self._arrive(self.model, given)  # hooks that are new are not called in this round
        # Behind the hooks above, where the model is a single module.
        end = self.model.register_forward_hook(_Hook(self._exit), always_call=True)
        self._of_pass.append(end)

    def _arrive(self, module: Any, inputs: tuple[Any, ...]) -> None:
        """Keep what a module is given; a copy of it, if the module is going to overwrite it."""
        if not inputs or not isinstance(inputs[0], torch.Tensor):
            return
        given, gradient = inputs[0], list[Any]()
        self._listen(given, gradient.append)
        if getattr(module, "inplace", False):
            copy = given.detach().clone()
            if self.records and self.records[-1].outputs is given:
                self.records[-1].outputs, self.records[-1].version = copy, copy._version
            given = copy
        self._given[id(module)] = given, gradient

    def _leave(self, name: str, module: Any, inputs: Any, outputs: Any) -> None:
        given, gradient = self._given.pop(id(module), (None, []))
        if given is not None and isinstance(outputs, torch.Tensor) and outputs.ndim > 1:
            record = _Seen(name, module, given, outputs, gradient, self._before)
            self.records.append(record)
            self._listen(outputs, partial(setattr, record, "output_gradient"))

    def _exit(self, module: Any, inputs: Any, outputs: Any) -> None:
        self._end_pass()
        if outputs is None:  # it has raised
            self.records = []

    def _end_pass(self) -> None:
        for handle in self.__dict__.get("_of_pass", ()):
            handle.remove()
        self._of_pass = []

    def _listen(self, tensor: Any, keep: Callable[[Any], Any]) -> None:
        def hook(gradient: Any) -> None:
            keep(gradient.detach())  # and return None, which leaves it as it is

        if tensor.requires_grad:
            self._handles.append(tensor.register_hook(hook))

    def _gather(self, parameter: Any) -> None:
        """Copy what a parameter has gathered: loops clear, clip and unscale it as they like."""
        if parameter.grad is not None:
            began = time.perf_counter()
            gradient = parameter.grad.detach()
            strided = gradient.layout is torch.strided
            self._gradients[id(parameter)] = gradient.clone() if strided else gradient.to_dense()
            self.seconds += time.perf_counter() - began

    def release(self) -> None:
        """Remove all hooks of the step."""
        self._end_pass()
        for handle in self._handles:
            handle.remove()
        self._handles = []
        for parameter in self._bare:
            if not parameter._post_accumulate_grad_hooks:  # removing leaves an empty dict
                parameter._post_accumulate_grad_hooks = None

    def seen(self, scale: float) -> Seen:
        """Return the last pass as a trace."""
        batch = len(self.inputs)
        frozen = {id(p) for p in self.model.parameters() if not p.requires_grad}
        # What the loss gets is not seen: the network ends with its last module.
        last = self.records[-1].outputs if self.records else None
        steps = _linked([*self.records], [self.inputs], last)
        layers = []
        for place, step in enumerate(steps):
            if isinstance(step, Between):
                behind = steps[place + 1] if place + 1 < len(steps) else None
                step.output_gradient = behind.received if isinstance(behind, _Seen) else None
                if step.activation is not None and place:
                    step.input_gradient = steps[place - 1].output_gradient
                layers.append(step.trace(batch / scale))
                continue
            own = step.module.named_parameters(recurse=False)
            step.gradients = {n: self._gradients[id(p)] for n, p in own if id(p) in self._gradients}
            layers.append(step.trace(batch / scale, batch, frozen))
        samples = measured(self.inputs).reshape(batch, -1)
        trace = Trace(type(self.model).__name__, samples, layers, "", None, framework="torch")
        updates = {record.name: self._update(record.module) for record in self.records}
        return Seen(trace, self.training, updates, self.seconds)

    def _update(self, module: Any) -> float:
        """Return the relative size of what the step added to a module's kernel; NaN if nothing."""
        for name, tensor in module.named_parameters(recurse=False):
            was = self._before.get(id(tensor))
            kernel = parameter_of(module, name, tensor, name).role == "kernel"
            if kernel and was is not None and tensor.requires_grad and was.any():
                was = was.double()
                change = tensor.detach().double() - was
                return float((change.square().mean() / was.square().mean()).sqrt())
        return float("nan")


class _Seen(_Record):
    """One call of one module, of arrays that may have changed since."""

    def __init__(
        self,
        name: str,
        module: Any,
        inputs: Any,
        outputs: Any,
        gradient: list[Any],
        before: Mapping[int, Any],
    ) -> None:
        super().__init__(name, module, inputs, outputs)
        self._gradient, self._before = gradient, before

    @property
    def received(self) -> Any:
        """The gradient with respect to what the module was given; None where there is none."""
        return self._gradient[-1] if self._gradient else None

    def trace(self, scale: float, batch: int, frozen: set[int]) -> Any:
        """Hand the arrays over; see `_Record.trace`."""
        if self.activation is not None:
            self.input_gradient = self.received
        return super().trace(scale, batch, frozen)

    def _by_role(self, tensors: Mapping[str, Any]) -> dict[str, Array]:
        """Return arrays by role, the model's own as they were before the step."""
        return super()._by_role({n: self._before.get(id(t), t) for n, t in tensors.items()})


def _check(model: Any) -> None:
    """Refuse what hooks see nothing of."""
    for name, module in model.named_modules():
        place = f", found {name}" if name else ", found one"
        compiled = hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None)
        if compiled:
            raise ValueError(
                f"model: expected modules that run as Python{place} under torch.compile, where "
                "hooks do not run; train the module itself while it is watched"
            )
        if isinstance(module, torch.jit.ScriptModule | torch.nn.DataParallel):
            raise ValueError(
                f"model: expected modules that run as Python{place} of type "
                f"{type(module).__name__}, where hooks see nothing or copies"
            )
    for name, array in (*model.named_parameters(), *model.named_buffers()):
        lazy = isinstance(array, torch.nn.parameter.UninitializedTensorMixin)
        if lazy or array.device.type == "meta":
            lack = "shape" if lazy else "memory"
            raise ValueError(
                f"model: expected arrays that have a {lack}, found {name}, which has no {lack} yet"
                + ("; run a batch through the model first" if lazy else "")
            )
