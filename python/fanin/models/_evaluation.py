"""Evaluation and prediction: in one call of the core, or batch by batch where a callback asks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin.callbacks._base import PREDICT_BATCH_HOOKS, Callback, CallbackList
from fanin.models import _step
from fanin.models._course import batch_rows
from fanin.models._objective import counting
from fanin.models._samples import Samples
from fanin.show.progress import Progress, resolve_verbose

if TYPE_CHECKING:
    from fanin.layers._network import Network
    from fanin.models._trainable import Trainable
    from fanin.typing import Evaluation

# What models take in one import.
__all__ = ["batch_rows", "evaluate", "in_order", "predict", "resolve_verbose"]

Array = NDArray[Any]


def evaluate(
    model: "Trainable",
    samples: Samples,
    batch_size: int,
    verbose: int,
    callbacks: Iterable[Callback] | Callback | None,
    threads: int | None,
) -> tuple[dict[str, float], list[str]]:
    """Return mean losses and metrics by name, and these names in the order of `evaluate`."""
    compiled = model.compiled_with
    objective = compiled.objective(model.plan_for(samples.x.shape[1:]))
    objective.check_weights(samples)
    batches = -(-len(samples) // batch_size)
    called = CallbackList(callbacks, model, {"verbose": verbose, "epochs": 1, "steps": batches})
    with model.built_for(samples.x), Progress(verbose, batches) as progress:
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
    inputs: Array,
    batch_size: int,
    verbose: int,
    callbacks: Iterable[Callback] | Callback | None,
    threads: int | None,
) -> Any:
    """Return the outputs for what `Model.take` returned, as `Model.predict` has it."""
    if callbacks is None and not verbose:  # nobody is told: for one row, telling takes as long
        with model.built_for(inputs):
            network = model.network
            outputs = _core.predict(network, inputs, batch_size, threads, network.next_step())
        return model.formed_outputs(outputs)
    batches = -(-len(inputs) // batch_size)
    called = CallbackList(callbacks, model, {"verbose": verbose, "epochs": 1, "steps": batches})
    with model.built_for(inputs), Progress(verbose, batches) as progress:
        network = model.network
        called.begin()
        with called.around("predict"):
            progress.begin()
            if called.any_overrides(PREDICT_BATCH_HOOKS):
                outputs = _batches(model, network, inputs, batch_size, threads, called)
            else:
                outputs = _core.predict(network, inputs, batch_size, threads, network.next_step())
            progress.end({})
    return model.formed_outputs(outputs)


def _batches(
    model: "Trainable",
    network: "Network",
    inputs: Array,
    batch_size: int,
    threads: int | None,
    called: CallbackList,
) -> Array:
    """Return the outputs of all batches, of which callbacks are told."""
    parts = []
    with network.held() as held:
        for batch, start in enumerate(range(0, len(inputs), batch_size)):
            called.call("on_predict_batch_begin", batch, {})
            part = inputs[start : start + batch_size]
            step = network.next_step()
            parts.append(_core.predict(held, part, batch_size, threads, step))
            formed = model.formed_outputs(parts[-1])
            called.call("on_predict_batch_end", batch, {"outputs": formed})
    return np.concatenate(parts)
