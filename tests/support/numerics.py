"""Helpers of the numerical proofs: distances, random networks laid out as the core has them."""

import numpy as np
import reference
from fanin import _core
from fanin.layers._network import Network
from fanin.models._objective import Goal, Objective


def distance(actual, expected):
    """Largest difference, relative to the largest expected element: rounding's own scale."""
    actual, expected = np.asarray(actual, dtype=float), np.asarray(expected, dtype=float)
    assert actual.shape == expected.shape
    if expected.size == 0:
        return 0.0
    assert np.isfinite(actual).all()
    largest = np.abs(expected).max()
    difference = np.abs(actual - expected).max()
    return difference / largest if largest else difference


TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


class RandomNetwork(Network):
    """A network with random parameters and state, and the same in the reference."""

    def __init__(self, input_shape, layers, dtype="float64", seed=0):
        self.layers, self.input_shape = layers, tuple(input_shape)
        plan = _core.Plan(input_shape, layers, dtype)
        super().__init__(
            plan, np.zeros(plan.parameter_count, dtype), np.zeros(plan.state_count, dtype)
        )
        rng = np.random.default_rng(seed)
        for _, name, values in self.named(self.params, self.plan.parameters):
            if name == "kernel":
                values[...] = rng.normal(0, 1 / np.sqrt(len(values)), values.shape)
            else:
                values[...] = (name == "gamma") + rng.normal(0, 0.3, values.shape)
        for _, name, values in self.named(self.state, self.plan.state):
            draw = rng.normal if name == "moving_mean" else rng.uniform
            values[...] = draw(0.5, 1.0, values.shape)
        self.rng = rng

    def run(self, x, training, params=None, state=None):
        """Forward on copies, so that neither the parameters nor the state change."""
        params = self.params if params is None else params
        state = self.state.copy() if state is None else state
        return self.plan.forward(params, state, x, training)

    @staticmethod
    def named(flat, entries):
        """Views of a flat array: (layer, name, view)."""
        for layer, name, offset, shape in entries:
            size = int(np.prod(shape))
            yield layer, name, flat[offset : offset + size].reshape(shape)

    def reference(self):
        """A float64 copy of the network as it is now, in the reference."""
        arrays = [{} for _ in self.layers]
        for flat, entries in ((self.params, self.plan.parameters), (self.state, self.plan.state)):
            for layer, name, values in self.named(flat, entries):
                arrays[layer][name] = values.astype(float)
        return reference.Network(self.layers, arrays)

    def flatten(self, by_layer, entries=None):
        """Arrays by layer and name, as one flat array in the plan's order."""
        entries = self.plan.parameters if entries is None else entries
        parts = [np.ravel(by_layer[layer][name]) for layer, name, _, _ in entries]
        return np.concatenate(parts) if parts else np.zeros(0)

    def input(self, rows=7):
        shape = (rows, *self.input_shape)
        return self.rng.normal(size=shape).astype(self.plan.dtype)


def objective(loss, *metrics):
    """What to minimize and to report, as the core takes it."""
    return Objective([Goal(0, loss, 1.0, list(metrics), [])], [], {}, [])


_OF_POSITIVE = ("kl_divergence", "mean_squared_logarithmic_error", "poisson")


def targets_for(loss_or_metric, outputs, rng):
    """Random targets that fit: classes, a one-hot row, zeros and ones, or numbers."""
    kind, width = loss_or_metric["kind"], outputs.shape[-1]
    classes = rng.integers(0, width, outputs.shape[:-1])
    if kind.startswith("sparse"):
        return classes
    if kind.startswith(("categorical", "top_k")):
        return reference.one_hot(classes, width).astype(outputs.dtype)
    if "hinge" in kind:
        return rng.choice([-1, 0, 1], outputs.shape, p=[0.25, 0.25, 0.5]).astype(outputs.dtype)
    if kind in _OF_POSITIVE:
        return rng.uniform(0.05, 0.95, outputs.shape).astype(outputs.dtype)
    if kind.startswith("binary") or kind in ("accuracy", "buckets", "fbeta_score"):
        return rng.integers(0, 2, outputs.shape).astype(outputs.dtype)
    return rng.normal(size=outputs.shape).astype(outputs.dtype)


def outputs_for(loss, shape, rng):
    """Random outputs where the loss is smooth: probabilities off 0 and 1, or any numbers."""
    if loss.get("from_logits") is False:
        raw = rng.uniform(0.05, 0.95, shape)
        return raw / raw.sum(axis=-1, keepdims=True) if "categorical" in loss["kind"] else raw
    if loss["kind"] in _OF_POSITIVE:
        return rng.uniform(0.05, 0.95, shape)
    return rng.normal(size=shape)
