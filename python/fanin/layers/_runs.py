"""A `call` of users' is run on arrays: what it does must be what was found on values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fanin import _checks, _core
from fanin.errors import ShapeError
from fanin.layers import _tracing
from fanin.layers._arrays import Array
from fanin.layers._base import Layer
from fanin.layers._draw import without_noise
from fanin.layers._dropout import Drawing
from fanin.layers._merging import Merge, side_by_side
from fanin.layers._tracing import Trace
from fanin.layers._users import as_given, call_of, ends_of, formed
from fanin.layers._variable import Variable

_SAMPLES = (3, 5)
"""How many samples the two runs have."""


def compare(
    owner: Any,
    form: Any,
    samples: Sequence[tuple[int, ...]],
    plan: _core.Plan,
    register: Callable[[dict[int, Any], Array, Array], None],
) -> None:
    """Compare a plan without masks with runs of `call` on arrays, of two batch sizes."""
    rng = np.random.default_rng(0)
    params = rng.uniform(0.2, 1.0, plan.parameter_count)
    state = rng.uniform(0.5, 1.5, plan.state_count)
    arrays: dict[int, Any] = {}
    register(arrays, params, state)
    for count in _SAMPLES:
        x = [rng.normal(size=(count, *sample)) for sample in samples]
        for training in (True, False):
            with _tracing.running(Trace(owner, training, arrays)), np.errstate(all="ignore"):
                try:
                    found = call_of(owner, formed(form, [part.copy() for part in x]), training)
                    found = _joined(found, count)
                except (TypeError, ValueError, IndexError) as error:
                    raise ValueError(
                        f"call of {owner.name!r}: expected code that runs on arrays too, found "
                        f"that for {count} samples it raises {type(error).__name__}: {error}"
                    ) from error
            right, _ = plan.forward(params, state.copy(), side_by_side(x), training)
            if found.shape != right.shape:
                raise ShapeError(
                    f"call of {owner.name!r}: expected an output of shape {right.shape} for "
                    f"{count} samples, as it is on values, found {found.shape} on arrays"
                )
            size = np.max(np.abs(right), initial=0.0, where=np.isfinite(right))
            if not np.allclose(found, right, rtol=1e-6, atol=1e-6 * (size + 1), equal_nan=True):
                raise ValueError(
                    f"call of {owner.name!r}: expected code that does on arrays what it does on "
                    f"values, found other numbers for {count} samples: it depends on values, or on "
                    "what changes from run to run"
                )


def _joined(made: Any, count: int) -> Array:
    """Return what `call` returned as one array: of several outputs all side by side."""
    ends, form = ends_of(made)
    arrays = [np.asarray(end, "float64") for end in ends]
    if form == "one" or len(arrays) == 1:
        return arrays[0]
    for array in arrays:
        if array.ndim < 1 or len(array) != count:
            raise ShapeError(f"expected outputs of shape ({count}, ...), found {array.shape}")
    return side_by_side([array.reshape(count, -1) for array in arrays])


def without_masks(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which nothing is dropped."""
    changed = {**settings}
    if settings.get("kind") in ("dropout", "gaussian_dropout", "alpha_dropout"):
        changed["rate"] = 0.0
    if settings.get("kind") == "draw":
        changed = without_noise(settings)
    if settings.get("kind") == "gaussian_noise":
        changed["stddev"] = 0.0
    if settings.get("kind") == "traced":
        changed["parts"] = {key: without_masks(part) for key, part in settings["parts"].items()}
    return changed


def run(module: Any, x: Any, training: bool | None, trace: Trace) -> Any:
    """Do what a layer or model does with arrays, in a run on arrays."""
    told = _tracing.flag_of(training)
    mode = trace.training if told is None else told
    if getattr(module, "_traced", False):
        with _tracing.told(trace, mode):
            return call_of(module, x, mode)
    if isinstance(module, Layer):
        return run_core(module, x, mode, trace)
    values = module._given_arrays(x)
    for place, reads in module.calls:
        given = [values[number] for number in reads]
        layer = module._layers[place]
        told = module._modes.get(place, training)
        values.append(run(layer, as_given(layer, given), told, trace))
    return values[-1]


def run_core(layer: Any, x: Any, training: bool, trace: Trace) -> Array:
    """Do what a layer of ours does with arrays, in a run on arrays."""
    given = _checks.several(x) if isinstance(layer, Merge) and isinstance(x, list | tuple) else [x]
    count = next((len(part) for part in given or [x] if not isinstance(part, Variable)), 1)
    parts = [
        np.ascontiguousarray(
            np.broadcast_to(part, (count, *(part.shape or (1,))))
            if isinstance(part, Variable)  # the same for all samples
            else part,
            "float64",
        )
        for part in given or [x]
    ]
    if isinstance(layer, Drawing):
        return parts[0]
    shapes = [part.shape[1:] for part in parts]
    calls = [(0, tuple(range(len(parts))))]
    settings = layer.settings() if layer._traced else layer._settings()
    plan = _core.Plan(shapes, [settings], "float64", calls)
    assert trace.arrays is not None
    params, state = trace.arrays.get(id(layer), (np.empty(0), np.empty(0)))
    return plan.forward(params, state.copy(), side_by_side(parts), training)[0]
