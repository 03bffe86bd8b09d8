"""Networks of this package: their arrays, a pass layer by layer, a trace in compiled code."""

import math
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core, losses
from fanin.frameworks._arrays import Model, Parameter, Row, in_our_order
from fanin.frameworks._framework import Advice, Entry
from fanin.frameworks._objective import (
    chosen_before,
    fitting_loss,
    loss_gradient,
    random_direction,
)
from fanin.frameworks._trace import LayerTrace, Trace, as_matrix, matrix
from fanin.frameworks._visit import Visit, Visitor
from fanin.layers import Layer
from fanin.losses import _targets
from fanin.models._chain import Chain as Network

Array = NDArray[Any]

NAME = "fanin"
_DENSE = "Dense({units}{ended}, kernel_initializer={initializer})"
ADVICE = Advice(
    dense=_DENSE,
    smaller=_DENSE.replace("{initializer}", "fanin.initializers.VarianceScaling({scale})"),
    recalibrated="model.recalibrate(x)",
)


def owns(model: object) -> TypeGuard[Network]:
    """Whether this is a network of this package."""
    return isinstance(model, Network)


def open_model(model: Network) -> Model:
    """See the arrays of a built network."""
    model.ready()
    row = Row()
    for layer in model.layers:
        arrays = [_parameter(layer.name, role, view) for role, view in layer.arrays.items()]
        row.add(_kind(layer), layer.name, arrays, layer)
    return Model(framework=NAME, layers=row.layers, result=lambda: model)


def _kind(layer: Layer) -> str:
    """Return what the core calls it: the words of `_kinds` are the core's."""
    return str(layer.settings()["kind"])


def _parameter(layer: str, role: str, view: Array) -> Parameter:
    def put(values: Any) -> None:
        np.copyto(view, values, casting="same_kind")

    return in_our_order(
        role=role,
        name=f"{layer}.{role}",
        shape=view.shape,
        dtype=view.dtype.name,
        get=lambda: view,
        put=put,
    )


class NetworkPass:
    """A network of this package that is passed through."""

    def __init__(self, model: Network, x: Any) -> None:
        self.model, self.inputs = model, model.take(x)
        model.build((None, *self.inputs.shape[1:]))
        model.ready()

    def keep(self) -> list[Array]:
        """Copy what may change."""
        return [array.copy() for array in self.model.weights]

    def restore(self, kept: list[Array]) -> None:
        """Put it back."""
        self.model.set_weights(kept)

    def __call__(self, visit: Visitor) -> None:
        """Pass the batch through once."""
        inputs = self.inputs
        for step in split_steps(self.model, inputs.shape[1:]):
            inputs = step.forward(inputs, training=True)
            arrays = step.layer.arrays
            if step.activation is not None or "kernel" not in arrays:
                continue
            bias = arrays.get("bias")
            rows = as_matrix(inputs)
            factor, shift = visit(Visit(step.layer.name, rows, bias is not None))
            arrays["kernel"][...] *= factor
            if bias is not None:
                bias[...] = (bias - shift) * factor
            inputs = ((inputs - shift) * factor).astype(inputs.dtype, copy=False)


def trace(model: Network, x: Any, y: Any, loss: Any, training: bool) -> Trace:
    """Trace a network for samples that are not looked at yet; one that is not built is built."""
    inputs = model.take(x, finite=False)
    if y is not None:  # a refused call builds nothing
        y, loss = checked_targets(model, inputs, y, loss)
    model.build((None, *inputs.shape[1:]))
    return trace_network(model, inputs, y, loss, training)


class ForwardStep:
    """A layer of a network, or the part of it before or behind its activation, by itself."""

    def __init__(self, layer: Layer, settings: dict[str, Any], shape: tuple[int, ...]) -> None:
        self.layer = layer
        self.activation = _activation(settings)
        self.plan = _core.Plan(shape, [settings], layer.dtype)

    def forward(self, x: Array, training: bool) -> Array:
        """Return the outputs; running averages do not move."""
        params, state = self.layer._params, self.layer._state
        # The activation's part of a layer has no arrays.
        if params is None or not self.plan.parameter_count:
            params = np.empty(0, self.plan.dtype)
        if state is None or not self.plan.state_count:
            state = np.empty(0, self.plan.dtype)
        outputs, _ = self.plan.forward(params, state.copy(), x, training)
        return outputs


def entry() -> Entry:
    """Return the ways into a network."""
    return Entry(open_model, NetworkPass, trace)


def trace_network(network: Network, x: Array, y: Any, loss: Any, training: bool) -> Trace:
    """Run a network forward and back; neither its parameters nor its running averages change.

    Parameters
    ----------
    network : Network
        Built for `x`.
    x : ndarray of shape (batch, ...)
        The samples, in the network's dtype.
    y : array_like or None
        Targets; without them the gradient is that of a random direction of the outputs.
    loss : str, Loss or None
        The loss; None takes the one the network is compiled with, else one that fits.
    training : bool
        Whether layers behave as in training.

    Returns
    -------
    Trace
        All arrays.
    """
    tracer = Tracer(network, x.shape[1:])
    # Copies, and all at once: the network may be trained meanwhile, on another thread.
    arrays = network.params.copy(), network.state.copy()
    return tracer.trace(x, y, loss, training, arrays)


class Tracer:
    """Traces one network, batch after batch.

    Parameters
    ----------
    network : Network
        Built for samples of this shape.
    shape : tuple of int
        Of one sample.
    """

    def __init__(self, network: Network, shape: tuple[int, ...]) -> None:
        network.ready()
        self.network = network
        self.parts = [(layer, s) for layer in network.layers for s in _parts(layer.settings())]
        self.plan = _core.Plan(shape, [s for _, s in self.parts], network.params.dtype.name)

    def trace(
        self,
        x: Array,
        y: Any,
        loss: Any,
        training: bool,
        arrays: tuple[Array, Array] | None = None,
    ) -> Trace:
        """Run the network forward and back, as `trace_network` does.

        Parameters
        ----------
        x, y, loss, training
            As there.
        arrays : tuple of ndarray (parameters, state), optional
            In the place of the network's own, which otherwise the trace shows, as they change.

        Returns
        -------
        Trace
            All arrays.
        """
        run = _Run(self, x, training, arrays or (self.network.params, self.network.state))
        outputs = run.signals[-1]
        if y is None:
            name, value, dy, fused = "", None, random_direction(outputs), False
        else:
            before = run.signals[-2] if len(run.signals) > 1 else outputs
            loss = chosen_before(self.network, loss)
            name, value, dy, fused = loss_gradient(y, loss, before, outputs, run.last_activation)
        run.back(dy, fused)
        return Trace(self.network.name, x.reshape(len(x), -1), run.layers(), name, value, NAME)


class _Run:
    """A network's layers, those with an activation cut in two before it, over a batch."""

    def __init__(
        self, tracer: Tracer, x: Array, training: bool, arrays: tuple[Array, Array]
    ) -> None:
        self.parts, self.plan = tracer.parts, tracer.plan
        self.params, self.state = arrays
        # A pass in training moves running averages.
        outputs, self.cache = self.plan.trace(self.params, self.state.copy(), x, training)
        computed = iter(outputs)
        self.signals = [x]
        for flat, shape in zip(self.flat, self.plan.output_shapes, strict=True):
            y = self.signals[-1] if flat else next(computed)
            self.signals.append(y.reshape(len(x), *shape))
        self.gradients: list[Array | None] = []
        """With respect to the input of each part, and to the outputs of the last."""
        self.parameter_gradients = np.empty(0)

    @property
    def flat(self) -> list[bool]:
        """Which parts compute nothing."""
        return [settings["kind"] == "flatten" for _, settings in self.parts]

    @property
    def last_activation(self) -> Any:
        """What ends the network, if it is an activation."""
        return _activation(self.parts[-1][1]) if self.parts else None

    def back(self, dy: Array, fused: bool) -> None:
        """Run back from the gradient of the outputs; if `fused`, of the last activation's input."""
        flat = self.flat[:-1] if fused else self.flat
        layers = len(flat) - sum(flat)
        self.gradients = [dy, None] if fused else [dy]
        computed: list[Array] = []
        if layers:
            last = self.signals[len(flat)].shape[-1]
            rows = np.ascontiguousarray(dy.reshape(-1, last))
            # Nobody asks for that of the samples where a Dense takes them.
            with_input = self.parts[0][1]["kind"] != "dense"
            computed, self.parameter_gradients = self.plan.gradients(
                self.params, self.cache, rows, layers, with_input
            )
            # From the samples' own losses to their mean.
            self.parameter_gradients /= len(dy)
        for part in reversed(range(len(flat))):
            above = self.gradients[0]
            if not flat[part]:
                above = computed.pop() if computed else None
            dx = None if above is None else above.reshape(self.signals[part].shape)
            self.gradients.insert(0, dx)

    def layers(self) -> list[LayerTrace]:
        """Put the parts of each layer together again."""
        found = []
        for layer in dict.fromkeys(layer for layer, _ in self.parts):
            places = [i for i, (owner, _) in enumerate(self.parts) if owner is layer]
            found.append(self._layer(layer, places[0], places[-1]))
        return found

    def _layer(self, layer: Layer, first: int, last: int) -> LayerTrace:
        settings = layer.settings()
        activation = _activation(self.parts[last][1])
        activated = activation is not None
        before, after = self.gradients[last], self.gradients[last + 1]
        arrays = self._arrays(self.plan.parameters, self.params, first)
        return LayerTrace(
            name=layer.name,
            kind=str(settings["kind"]),
            inputs=matrix(self.signals[first]),
            outputs=matrix(self.signals[last + 1]),
            activation=activation,
            pre_activation=matrix(self.signals[last]) if activated else None,
            output_gradient=None if after is None else matrix(after),
            pre_activation_gradient=matrix(before) if activated and before is not None else None,
            parameters=arrays | self._arrays(self.plan.state, self.state, first),
            gradients=self._arrays(self.plan.parameters, self.parameter_gradients, first),
            initializers={role: layer.initializer(role) for role in layer.arrays},
            settings=settings,
        )

    def _arrays(self, places: Any, flat: Array, part: int) -> dict[str, Array]:
        return {
            role: flat[start : start + math.prod(shape)].reshape(shape)
            for owner, role, start, shape in places
            if owner == part and len(flat)
        }


def split_steps(network: Network, shape: tuple[int, ...]) -> list[ForwardStep]:
    """Return the layers of a network, those with an activation cut in two before it."""
    steps: list[ForwardStep] = []
    for layer in network.layers:
        for settings in _parts(layer.settings()):
            steps.append(ForwardStep(layer, settings, shape))
            shape = steps[-1].plan.output_shapes[-1]
    return steps


def _activation(settings: dict[str, Any]) -> Any:
    return settings.get("activation") if settings["kind"] == "activation" else None


def _parts(settings: dict[str, Any]) -> list[dict[str, Any]]:
    if settings["kind"] != "dense" or settings["activation"]["kind"] == "linear":
        return [settings]
    return [
        {**settings, "activation": {"kind": "linear"}},
        {"kind": "activation", "activation": settings["activation"]},
    ]


def checked_targets(network: Network, x: Array, y: Any, loss: Any) -> tuple[Array, losses.Loss]:
    """Check targets against a network that may not be built yet; nothing of it changes.

    Parameters
    ----------
    network : Network
        The network.
    x : ndarray of shape (batch, ...)
        The samples.
    y : array_like
        Their targets.
    loss : str, Loss or None
        As for `trace_network`.

    Returns
    -------
    ndarray
        The targets as an array.
    Loss
        The loss that they fit.
    """
    plan = network.plan_for(x.shape[1:])
    targets, outputs = _checks.numeric("y", y), (len(x), *plan.output_shapes[-1])
    last = network.layers[-1].settings().get("activation")
    chosen = chosen_before(network, loss) or fitting_loss(targets, outputs, last)
    _targets.prepare("y", targets, chosen.kind, outputs, plan.dtype)
    return targets, chosen
