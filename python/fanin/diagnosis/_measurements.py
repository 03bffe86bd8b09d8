"""What was measured of a network: what findings are found in, and a report shows."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fanin import _checks
from fanin.diagnosis._attention import AttentionReport
from fanin.diagnosis._branches import Branch, find_branches
from fanin.diagnosis._curvature import Curvature
from fanin.diagnosis._ending import EndReport, measure
from fanin.diagnosis._first_step import FirstStep
from fanin.diagnosis._flow import Flow
from fanin.diagnosis._layer import LayerReport
from fanin.diagnosis._recurrence import RecurrenceReport
from fanin.diagnosis._recurrence import measured as recurrences
from fanin.diagnosis._signals import Signal
from fanin.show.results import Result

if TYPE_CHECKING:
    from fanin.frameworks._trace import OutputTrace, Trace
    from fanin.theory import Band, LayerPrediction, Prediction


@dataclass(frozen=True, repr=False)
class InputReport(Result):
    """One of several inputs of a network.

    Attributes
    ----------
    name : str
        Its name.
    signal : Signal
        The samples.
    code : str
        What reaches it from ``x``.
    """

    name: str
    signal: Signal
    code: str

    def _says(self) -> str:
        return f"input {self.name!r}: rms {self.signal.rms:.3g}"


@dataclass(frozen=True, repr=False)
class OutputReport(Result):
    """One of several outputs of a network.

    Attributes
    ----------
    name : str
        What losses, metrics and logs call it.
    loss : str
        Name of its loss; empty where it has none, or gradients are those of a random direction.
    loss_value : float or None
        The mean of its loss, before it is weighed.
    weight : float
        What its loss is multiplied by in the sum of all.
    ending : EndReport or None
        What its loss gets, what it takes that for, and the targets.
    code : str
        What reaches its targets from ``y``.
    measured : Measurements
        What leads to it, as a network of its own; gradients are those of the sum of all losses.
    """

    name: str
    loss: str
    loss_value: float | None
    weight: float
    ending: EndReport | None
    code: str
    measured: "Measurements"

    def _says(self) -> str:
        if self.loss_value is None:
            return f"output {self.name!r}"
        return f"output {self.name!r}: {self.loss} = {self.loss_value:.4g}"


@dataclass(frozen=True, repr=False)
class Measurements:
    """What an initialization does to signals and gradients, in numbers; see `Report`."""

    model: str
    framework: str
    batch: int
    training: bool
    loss: str
    loss_value: float | None
    inputs: Signal
    layers: list[LayerReport]
    theory: "Prediction | None"
    curvature: Curvature | None
    ending: EndReport | None
    branches: tuple[Branch, ...]
    first_step: FirstStep | None
    attentions: tuple[AttentionReport, ...]
    recurrences: tuple[RecurrenceReport, ...]
    sources: tuple[InputReport, ...]
    flow: Flow
    outputs: tuple[OutputReport, ...]
    mixed: tuple[str, str] | None
    waking: tuple[str, ...]
    still: tuple[str, ...]
    indices: bool | None

    @property
    def kernels(self) -> list[LayerReport]:
        """The layers that have weights to multiply with, each once, where it last runs."""
        return [layer for layer in self.once if "kernel" in layer.weights]

    @property
    def once(self) -> list[LayerReport]:
        """The layers, each once, where it last runs: what runs time after time is one layer."""
        last = {layer.name: layer for layer in self.layers}
        return sorted(last.values(), key=lambda layer: layer.index)

    @property
    def repeated(self) -> frozenset[str]:
        """Names of the layers that run more than once."""
        times = Counter(layer.name for layer in self.layers)
        return frozenset(name for name, count in times.items() if count > 1)

    @property
    def hidden(self) -> list[LayerReport]:
        """The layers with an activation, or else with a kernel, but for what makes the outputs."""
        kernels = self.kernels
        end = kernels[-1].index if kernels else len(self.layers)
        before = [layer for layer in self.layers if layer.index < end]
        if self.outputs:
            ends = [layer.index for layer in self.ends]
            leads = self.flow.leads
            before = [la for la in self.layers if not any(leads(at, la.index) for at in ends)]
        activated = [layer for layer in before if layer.pre_activation is not None]
        return activated or [layer for layer in before if "kernel" in layer.weights]

    @property
    def ends(self) -> list[LayerReport]:
        """The layers with a kernel behind which there is no other up to the outputs."""
        kernels = self.kernels
        if not self.flow.told or not kernels:
            return kernels[-1:]
        found, todo = set[int](), [*self.flow.ends]
        while todo:
            place = todo.pop()
            if place >= 0 and place not in found:
                found.add(place)
                if "kernel" not in self.layers[place].weights:
                    todo += self.flow.reads[place]
        return [layer for layer in kernels if layer.index in found]

    @property
    def any_ending(self) -> EndReport | None:
        """The end of the network; of several outputs that of one, for what is the same of all."""
        found = (output.ending for output in self.outputs)
        return self.ending or next(filter(None, found), None)

    def given(self, layer: LayerReport) -> list[LayerReport]:
        """Return the layers whose outputs a layer gets; none for one that gets inputs alone."""
        return [self.layers[place] for place in self.flow.reads[_place(layer)] if place >= 0]

    def readers(self, layer: LayerReport) -> list[LayerReport]:
        """Return the layers that get a layer's outputs."""
        return [self.layers[place] for place in self.flow.readers[_place(layer)]]

    def coming(self, layer: LayerReport) -> Signal:
        """Return what a layer gets; of several signals the first."""
        place = self.flow.reads[_place(layer)][0]
        if place >= 0:
            return self.layers[place].output
        return self.sources[-1 - place].signal if self.sources else self.inputs

    def __getitem__(self, layer: str | int) -> LayerReport:
        """Return a layer by name or place; a KeyError or an IndexError if there is none."""
        if isinstance(layer, str):
            for found in self.layers:
                if found.name == layer:
                    return found
            known = ", ".join(found.name for found in self.layers)
            raise KeyError(f"layer: expected one of {known}, found {_checks.found(layer)}")
        return self.layers[_checks.integer("layer", layer)]

    def prediction(self, layer: LayerReport) -> "LayerPrediction | None":
        """Return what theory predicts for a layer; None where it predicts nothing."""
        if not isinstance(layer, LayerReport):
            raise TypeError(f"layer: expected one of report.layers, found {_checks.found(layer)}")
        return None if self.theory is None else self.theory.layers[layer.index]

    def bands(self, layer: LayerReport) -> "dict[str, Band]":
        """Return theory's bands for what was measured of a layer.

        Parameters
        ----------
        layer : LayerReport
            One of `layers`.

        Returns
        -------
        dict of str to Band
            Of the second moments of ``signal``, ``output`` and ``gradient`` (that with respect to
            ``signal``), as far as theory predicts them.
        """
        predicted = self.prediction(layer)
        if predicted is None:
            return {}
        signal, gradient = predicted.pre_activation, predicted.gradient
        if layer.kind == "activation":
            # What it gets is what the layer before hands on.
            before = self.given(layer)
            handed = self.prediction(before[0]) if before else None
            signal = None if handed is None else handed.activation
            gradient = predicted.input_gradient
        elif signal is None and layer.pre_activation is None:
            signal = predicted.activation
        found = {"signal": signal, "output": predicted.activation, "gradient": gradient}
        return {name: band for name, band in found.items() if band is not None}

    def outside(self, layer: LayerReport) -> dict[str, bool]:
        """Return, for each measurement that theory has a band for, whether it leaves the band.

        Parameters
        ----------
        layer : LayerReport
            One of `layers`.

        Returns
        -------
        dict of str to bool
            ``signal``, ``output`` and ``gradient``, see `bands`.
        """
        bands = self.bands(layer)
        measured = {"signal": layer.signal, "output": layer.output, "gradient": layer.gradient}
        return {
            name: signal.second_moment not in band
            for name, band in bands.items()
            if (signal := measured[name]) is not None
        }


def collected(
    trace: "Trace",
    layers: list[LayerReport],
    training: bool,
    theory: "Prediction | None" = None,
    curvature: Curvature | None = None,
    first_step: FirstStep | None = None,
) -> Measurements:
    """Return what one pass shows, with what was measured of its layers, and what took more."""
    flow = Flow.of(trace.layers, [output.place for output in trace.outputs])
    return Measurements(
        model=trace.model,
        framework=trace.framework,
        batch=len(trace.inputs),
        training=training,
        loss=trace.loss,
        loss_value=trace.value,
        inputs=Signal.of(trace.inputs),
        layers=layers,
        theory=theory,
        curvature=curvature,
        ending=measure(trace, layers),
        branches=find_branches(trace.layers, flow),
        first_step=first_step,
        attentions=tuple(filter(None, map(AttentionReport.of, trace.attentions))),
        recurrences=recurrences(trace.recurrences, trace.inner),
        sources=tuple(
            InputReport(one.name, Signal.of(one.samples), one.code) for one in trace.sources
        ),
        flow=flow,
        outputs=tuple(_of_output(trace, layers, training, theory, one) for one in trace.outputs),
        mixed=trace.mixed,
        waking=tuple(trace.waking),
        still=tuple(trace.still),
        indices=trace.indices,
    )


def _of_output(
    trace: "Trace",
    layers: list[LayerReport],
    training: bool,
    theory: "Prediction | None",
    output: "OutputTrace",
) -> OutputReport:
    """Return what was measured of one of several outputs."""
    own, places = trace.upto(output)
    reports = [replace(layers[place], index=at) for at, place in enumerate(places)]
    predicted = None
    if theory is not None:
        predicted = replace(theory, layers=tuple(theory.layers[place] for place in places))
    measured = collected(own, reports, training, predicted)
    return OutputReport(
        output.name,
        output.loss,
        output.value,
        output.weight,
        measured.ending,
        output.code,
        measured,
    )


def _place(layer: LayerReport) -> int:
    """Return the place of a layer of a report."""
    if not isinstance(layer, LayerReport):
        raise TypeError(f"layer: expected a layer of this report, found {_checks.found(layer)}")
    return layer.index
