"""What `fanin.diagnose` returns."""

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin._files import _disk, _formats
from fanin.diagnosis._layer import LayerReport
from fanin.diagnosis._measurements import Measurements
from fanin.diagnosis._mend import Given, mend
from fanin.diagnosis.findings import Finding
from fanin.diagnosis.findings._finding import named
from fanin.frameworks._trace import Trace
from fanin.show import text
from fanin.show.results import Result
from fanin.show.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fanin.theory import Band


@dataclass(frozen=True, repr=False)
class Report(Measurements, Result):
    """What an initialization does to signals and gradients.

    ``print(report)`` shows it; in a notebook it shows itself.

    Attributes
    ----------
    model : str
        Name of the network.
    framework : str
        What the network is of: ``fanin``, ``torch`` or ``keras``.
    batch : int
        Number of samples.
    training : bool
        Whether layers behaved as in training.
    loss : str
        Name of the loss; empty where gradients are those of a random direction of the outputs.
    loss_value : float or None
        Mean loss of the batch.
    inputs : Signal
        The samples.
    layers : list of LayerReport
        The layers in order.
    theory : Prediction or None
        What theory predicts for the same initializers, widths and samples, a row a layer; None for
        inputs that are not finite.
    curvature : Curvature or None
        The loss's largest curvature and what it means for the learning rate; for networks that are
        compiled with SGD, where `y` is given.
    ending : EndReport or None
        What the loss gets, what it takes that for, and the targets.
    branches : tuple of Branch
        Layers that something leads past, such as those of residual blocks.
    first_step : FirstStep or None
        What the optimizer's next step would do to the weights and to the loss; where an optimizer
        is known, and `y` is given.
    attentions : tuple of AttentionReport
        How sharp each attention is that was seen.
    recurrences : tuple of RecurrenceReport
        What the kernels of recurrent layers do.
    sources : tuple of InputReport
        The inputs of a network of several; `inputs` has all of them side by side.
    flow : Flow
        What each layer reads.
    outputs : tuple of OutputReport
        The outputs of a network of several, each with its own loss; `ending` is then None, and
        `loss_value` the sum of their losses, weighed.
    mixed : tuple of str or None
        The layer where samples see each other, and code against it; looked for in torch.
    waking : tuple of str
        Modules of torch with a parameter that begins at zero and gets a gradient.
    still : tuple of str
        Modules of torch that are trained, where none of them gets a gradient.
    indices : bool or None
        Whether the inputs are indices alone; None where the first layers tell.
    findings : list of Finding
        What is wrong: causes, most severe first, each before its effects.
    """

    findings: list[Finding]
    _trace: Trace
    _given: Given | None = None

    @property
    def verdict(self) -> str:
        """One sentence: the worst of the findings, or that there is none."""
        grave = [finding for finding in self.findings if finding.severity != "note"]
        if grave:
            return grave[0].text
        count = counted(len(self.kernels), "layer")
        return (
            f"Signals and gradients keep their size through {count}: nothing here stands in the "
            "way of training."
        )

    @property
    def healthy(self) -> bool:
        """Whether nothing was found but notes."""
        return all(finding.severity == "note" for finding in self.findings)

    def jacobian(self, samples: int = 4) -> "list[NDArray[np.float64] | None]":
        """Return the singular values of the Jacobian from the inputs to each layer's output.

        Statistics of BatchNormalization count as constants, and Dropout as it fell.

        Parameters
        ----------
        samples : int, default 4
            How many of the first samples to average over, at most 16.

        Returns
        -------
        list of (ndarray or None)
            A row a layer, largest first, the root of the mean square over the samples; None from
            the first layer on whose derivative is not known.

        Raises
        ------
        ValueError
            If a layer is wider than 2048.
        """
        from fanin.diagnosis._jacobian import singular_values

        return singular_values(self._trace, samples)

    def mend(self, steps: int = 50) -> Any:
        """Try what the findings advise, on a copy: cause by cause, diagnosed again after each.

        The fixes are run as they are printed. It says what was applied, what is left, and how the
        copy trains: "tried: loss after 50 steps 0.41, as it is 2.30". Each step is one of the
        optimizer that `diagnose` knew, or else of Adam, on the whole batch. What fixes do to ``x``,
        ``y`` or the optimizer is in what is said, and remains to be done.

        Parameters
        ----------
        steps : int, default 50
            Steps of training, of copies: of the network as it is, and as it is mended.

        Returns
        -------
        Sequential, Model or torch.nn.Module
            The mended copy, not trained.

        Raises
        ------
        TypeError
            If the model is one of Keras.
        ValueError
            If the batch came without targets, or the report was copied or pickled.

        Examples
        --------
        >>> import fanin, numpy as np
        >>> from fanin.layers import Dense
        >>> x = np.random.default_rng(0).normal(size=(64, 8))
        >>> layers = [
        ...     Dense(16, "tanh", kernel_initializer="zeros"),
        ...     Dense(2, "softmax", kernel_initializer="zeros"),
        ... ]
        >>> report = fanin.diagnose(fanin.Sequential(layers, rng=0), x, (x[:, 0] > 0).astype(int))
        >>> mended = report.mend(steps=50)
        applied: Dense(16, activation="tanh", kernel_initializer="glorot_normal")
        tried: loss after 50 steps 0.569, as it is 0.693
        """
        return mend(self, self._given, steps)

    def plot(self, fig: "Figure | None" = None) -> "Figure":
        """Draw sizes by depth with theory's bands, histograms, and the units.

        Parameters
        ----------
        fig : matplotlib.figure.Figure, optional
            Where to draw.

        Returns
        -------
        matplotlib.figure.Figure
            The figure; ``fig.savefig("diagnosis.png")`` writes it.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from fanin.diagnosis._plot import draw

        return draw(self, fig)

    def _says(self) -> str:
        said = [
            f"{f.severity} {f.kind}{f' in {named(f.layers)}' if f.layers else ''}"
            for f in self.findings
        ]
        found = f"{counted(len(said), 'finding')}: {'; '.join(said)}" if said else "healthy"
        return f"{self.model!r}, {counted(len(self.layers), 'layer')}, {found}"

    def __str__(self) -> str:
        from fanin.diagnosis._table import WIDTH, render, table_width

        return text.as_text(render(self), width=max(WIDTH, table_width(self)))

    def __rich__(self) -> Any:
        from fanin.diagnosis._table import render

        return render(self)

    def _repr_html_(self) -> str:
        from fanin.diagnosis._html import fragment

        return fragment(self)

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write the report as one file that needs no other.

        Parameters
        ----------
        path : str or path
            Where to; replaced when all of it is written.
        """
        from fanin.diagnosis._html import page

        checked = _formats.check_suffix("path", path, _formats.HTML)
        _disk.write(checked, page(self).encode())

    def to_dict(self) -> dict[str, object]:
        """Return the numbers as what JSON can hold.

        Returns
        -------
        dict
            ``model``, ``loss``, ``verdict``, ``findings`` and ``layers``.
        """
        return {
            "model": self.model,
            "batch": self.batch,
            "training": self.training,
            "loss": {"name": self.loss, "value": _number(self.loss_value)},
            "verdict": self.verdict,
            "findings": [_finding_dict(finding) for finding in self.findings],
            "layers": [self._layer_dict(layer) for layer in self.layers],
        }

    def _layer_dict(self, layer: LayerReport) -> dict[str, Any]:
        signal, gradient, predicted = layer.signal, layer.gradient, self.prediction(layer)
        return {
            "name": layer.name,
            "kind": layer.kind,
            "units": layer.units,
            "activation": layer.activation,
            "mean": _number(signal.mean),
            "std": _number(signal.std),
            "second_moment": _number(signal.second_moment),
            "gradient_second_moment": None if gradient is None else _number(gradient.second_moment),
            "dead": layer.dead,
            "saturated": layer.saturated,
            "distinct": layer.distinct,
            "free": layer.free,
            "cosine": _number(layer.cosine),
            "effective_rank": _number(layer.effective_rank),
            "theory": {name: _edges(band) for name, band in self.bands(layer).items()},
            "no_theory": None if predicted is None else predicted.reason,
            "outside": self.outside(layer),
            "note": layer.note,
        }


def _finding_dict(finding: Finding) -> dict[str, object]:
    numbers = {name: _number(getattr(finding, name)) for name in ("value", "threshold")}
    return {**vars(finding), **numbers, "effects": [effect.title for effect in finding.effects]}


def _edges(band: "Band") -> dict[str, float | None]:
    return {name: _number(getattr(band, name)) for name in ("value", "low", "high")}


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
