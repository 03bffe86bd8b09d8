"""Samples for training and evaluation, checked and in the form the core takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _targets
from fanin.errors import ShapeError

if TYPE_CHECKING:
    from fanin._network import Network

Array = NDArray[Any]


# Without eq and repr, which nothing uses: making them is part of what `import fanin` takes.
@dataclass(eq=False, repr=False)
class Samples:
    """Inputs, targets and weights of as many samples each."""

    x: Array
    y: Array
    weights: Array | None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice) -> "Samples":
        weights = None if self.weights is None else self.weights[rows]
        return Samples(self.x[rows], self.y[rows], weights)

    def split(self, fraction: float) -> "tuple[Samples, Samples]":
        """Return the first part, and the last `fraction` of the samples, as Keras rounds it."""
        at = math.floor(len(self) * (1.0 - fraction))
        if at == 0 or at == len(self):
            raise ValueError(
                f"validation_split={fraction} of {len(self)} samples leaves "
                f"{at} for training and {len(self) - at} for validation: both need some"
            )
        return self[:at], self[at:]


def samples(
    network: "Network",
    loss: str,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    names: tuple[str, str, str] = ("x", "y", "sample_weight"),
) -> Samples:
    """Check everything about some samples against a network; nothing of it is changed."""
    if x is None:
        raise ValueError(f"{names[0]} is missing: the samples")
    inputs = network.take(x, names[0])
    if y is None:  # said after x was looked at: a data set that yields both has none
        raise ValueError(f"{names[1]} is missing: the targets")
    plan = network.plan_for(inputs.shape[1:])
    outputs = (len(inputs), *plan.output_shapes[-1])
    targets = _targets.prepare(names[1], y, loss, outputs, plan.dtype)
    weights = None
    if sample_weight is not None:
        if class_weight is not None:
            raise ValueError("give either class_weight or sample_weight, not both")
        array = _checks.floats(names[2], sample_weight, plan.dtype)
        weights = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        if weights.shape != (len(inputs),):
            raise ShapeError(f"{names[2]} must have shape ({len(inputs)},), got {array.shape}")
        weights = np.ascontiguousarray(weights)
    elif class_weight is not None:
        weights = _weights_of_classes(class_weight, targets, loss, outputs[-1], plan.dtype)
    return Samples(inputs, targets, weights)


def _weights_of_classes(
    class_weight: Mapping[int, float], targets: Array, loss: str, outputs: int, dtype: str
) -> Array:
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight must be a dict of class to weight, got {type(class_weight).__name__}"
        )
    if loss.startswith("mean_"):
        raise ValueError(f"class_weight needs classes, which {loss} does not have")
    if loss in _targets.SPARSE:
        classes = targets
    elif targets.shape[-1] == 1:
        classes = np.rint(targets[..., 0]).astype(np.int64)
    else:
        classes = np.argmax(targets, axis=-1)
    if classes.ndim != 1:
        raise ShapeError(f"class_weight needs one class a sample, got shape {classes.shape}")
    count = max(outputs, 2)
    weights = np.ones(len(classes), dtype=dtype)  # classes that are not named weigh 1, as in Keras
    for key, value in class_weight.items():
        label = _checks.integer("a key of class_weight", key, minimum=0)
        if label >= count:
            raise ValueError(f"class_weight names class {label}, but there are only {count}")
        weights[classes == label] = _checks.number(f"class_weight[{label}]", value, at_least=0.0)
    return weights
