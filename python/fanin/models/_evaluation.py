"""Evaluation and prediction: in one call of the core, or batch by batch where a callback asks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin.callbacks._base import PREDICT_BATCH_HOOKS, Callback, CallbackList
from fanin.models import _step
from fanin.models._course import batch_rows, batch_size_for, step_count
from fanin.models._feeds import (
    Stored,
    Stream,
    checking,
    example_of,
    first_steps,
    opened,
    tensors_of,
)
from fanin.models._objective import counting
from fanin.models._samples import NAMES, Names, Samples
from fanin.show.progress import Progress, resolve_verbose

if TYPE_CHECKING:
    from fanin.models._trainable import Trainable
    from fanin.typing import Evaluation

# What models take in one import.
__all__ = [
    "batch_rows",
    "evaluate",
    "in_order",
    "inputs_of",
    "predict",
    "resolve_verbose",
    "samples_of",
    "step_count",
]

Array = NDArray[Any]


def evaluate(
    model: "Trainable",
    samples: "Samples | Stored[Samples] | Stream[Samples]",
    batch_size: int,
    verbose: int,
    callbacks: Iterable[Callback] | Callback | None,
    threads: int | None,
) -> tuple[dict[str, float], list[str]]:
    """Return mean losses and metrics by name, and these names in the order of `evaluate`."""
    compiled = model.compiled_with
    example = example_of(samples)
    objective = compiled.objective(model.plan_for(example.x.shape[1:]))
    objective.check_weights(example)
    batches = _count(samples, batch_size)
    params: dict[str, Any] = {"verbose": verbose, "epochs": 1, "steps": batches}
    called = CallbackList(callbacks, model, params)
    with model.built_for(example.x), Progress(verbose, batches) as progress:
        compiled.check_outputs(model)
        called.begin()
        progress.begin()
        with counting([objective]) as (counted,):
            logs = _step.evaluate(model.network, counted, samples, batch_size, threads, called)
        progress.end(logs)
    return logs, objective.names


def in_order(logs: Mapping[str, float], names: Sequence[str]) -> "Evaluation":
    """Return the loss; with metrics, or losses of several outputs, the list of all."""
    values = [logs[name] for name in names]
    # Checkers are told one type, which has what users do with either.
    return values if len(values) > 1 else values[0]  # type: ignore[return-value]


def predict(
    model: "Trainable",
    inputs: "Array | Stored[Array] | Stream[Array]",
    batch_size: int,
    verbose: int,
    callbacks: Iterable[Callback] | Callback | None,
    threads: int | None,
) -> Any:
    """Return the outputs for what `Model.take` returned, as `Model.predict` has it."""
    if (
        callbacks is None and not verbose and isinstance(inputs, np.ndarray)
    ):  # nobody is told: for one row, telling takes as long
        with model.built_for(inputs):
            network = model.network
            outputs = _core.predict(network, inputs, batch_size, threads, network.next_step())
        return model.formed_outputs(outputs)
    batches = _count(inputs, batch_size)
    params: dict[str, Any] = {"verbose": verbose, "epochs": 1, "steps": batches}
    called = CallbackList(callbacks, model, params)
    example = inputs if isinstance(inputs, np.ndarray) else inputs.example
    with model.built_for(example), Progress(verbose, batches) as progress:
        called.begin()
        with called.around("predict"):
            progress.begin()
            if isinstance(inputs, np.ndarray) and not called.any_overrides(PREDICT_BATCH_HOOKS):
                network = model.network
                outputs = _core.predict(network, inputs, batch_size, threads, network.next_step())
            else:
                outputs = np.concatenate([*_predicted(model, inputs, batch_size, called, threads)])
            progress.end({})
    return model.formed_outputs(outputs)


def _predicted(
    model: "Trainable", inputs: Any, batch_size: int, called: CallbackList, threads: int | None
) -> Iterator[Array]:
    """Return the outputs for each part of what comes in parts, or is looked at by batch."""
    by_batch = called.any_overrides(PREDICT_BATCH_HOOKS)
    if isinstance(inputs, np.ndarray):
        starts = range(0, len(inputs), batch_size)
        parts = (inputs[start : start + batch_size] for start in starts)
    else:
        parts = inputs.parts(batch_size if by_batch else None)
    network = model.network
    with network.held() as held:
        for batch, part in enumerate(parts):
            if by_batch:
                called.call("on_predict_batch_begin", batch, {})
            outputs = _core.predict(held, part, batch_size, threads, network.next_step())
            if by_batch:
                formed = model.formed_outputs(outputs)
                called.call("on_predict_batch_end", batch, {"outputs": formed})
            yield outputs


def inputs_of(
    model: "Trainable", x: Any, batch_size: int | None, steps: int | None
) -> "tuple[Array | Stored[Array] | Stream[Array], int]":
    """Return what `predict` is given, checked as far as it is there, and its size of batches."""
    if type(x) is np.ndarray:  # for one row, finding out what else it may be takes a fifth of all
        return _first_of(model.take(x, keep_bytes=True), batch_size, steps)

    def check(x: Any, y: Any, weight: Any, names: Names) -> Array:
        return model.take(x, names[0], keep_bytes=True)

    x = tensors_of(x, None, None)[0]
    inputs: Any = opened(model, (x, None, None), check, batch_size, steps)
    if inputs is None:
        inputs = model.take(x, keep_bytes=True)
    return _first_of(inputs, batch_size, steps)


def samples_of(
    model: "Trainable",
    given: tuple[Any, Any, Any],
    batch_size: int | None,
    steps: int | None,
) -> "tuple[Samples | Stored[Samples] | Stream[Samples], int]":
    """Return what `evaluate` is given, checked as far as it is there, and its size of batches."""
    given, check = tensors_of(*given), checking(model, model.compiled_with.targets)
    samples: Any = opened(model, given, check, batch_size, steps)
    if samples is None:
        samples = check(*given, NAMES)
    return _first_of(samples, batch_size, steps)


def _first_of(data: Any, batch_size: int | None, steps: int | None) -> tuple[Any, int]:
    if isinstance(data, Stream):
        data.steps = steps
        return data, batch_size or 32
    size = batch_size or batch_size_for(len(data), steps)
    return first_steps(data, size, steps), size


def _count(data: Any, batch_size: int) -> int | None:
    """Return how many batches there are, if anybody knows."""
    if isinstance(data, Stream):
        return data.source.steps if data.steps is None else data.steps
    return -(-len(data) // batch_size)
