"""Lines of code that put things right, in the words of the network's framework."""

import functools
import math
from typing import TYPE_CHECKING

from fanin.initializers._suitability import SUITABLE

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._report import Report

_TORCH_MODULES = {"sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign"}


def initializer_for(activation: str) -> str:
    """Return code of an initializer that suits an activation."""
    known = SUITABLE.get(activation or "linear")
    if known is not None:
        return f'"{known[-1]}"'
    return f'fanin.initializers.VarianceScaling.for_activation("{activation}")'


def dense_with(layer: "LayerReport", framework: str) -> str:
    """Return code of a layer like this one, with an initializer that suits it.

    Of a foreign model the whole is drawn again: its layers are not ours to write.
    """
    act = layer.activation
    if not trainable_when_deep(act):
        return _normalized(layer.units, act, framework)
    if framework != "fanin":
        return f"fanin.initialize(model, {initializer_for(act)}, seed=0)"
    written = f', activation="{act}"' if act else ""
    return f"Dense({layer.units}{written}, kernel_initializer={initializer_for(act)})"


def _normalized(units: int, activation: str, framework: str) -> str:
    if framework == "torch":
        module = _TORCH_MODULES.get(activation, activation.capitalize())
        return (
            f"torch.nn.Sequential(torch.nn.LazyLinear({units}, bias=False), "
            f"torch.nn.BatchNorm1d({units}), torch.nn.{module}())"
        )
    keras = "keras.layers." if framework == "keras" else ""
    return (
        f"[{keras}Dense({units}, use_bias=False), {keras}BatchNormalization(), "
        f'{keras}Activation("{activation}")]'
    )


def leaky(layer: "LayerReport", framework: str) -> str:
    """Return code of a layer like this one whose units cannot die."""
    if framework == "torch":
        return "torch.nn.LeakyReLU(0.1)"
    keras = "keras.layers." if framework == "keras" else ""
    return f'{keras}Dense({layer.units}, activation="leaky_relu", kernel_initializer="he_normal")'


def smaller_outputs(report: "Report") -> str:
    """Return code that brings the last layer's outputs to a root mean square of about 0.1."""
    layer = report.kernels[-1] if report.kernels else report.layers[-1]
    before = report.layers[layer.index - 1].output if layer.index else report.inputs
    if report.framework == "fanin":
        act = f', activation="{layer.activation}"' if layer.activation else ""
        size = before.second_moment
        scale = 0.01 / size if math.isfinite(size) and size > 1 else 0.01
        drawn = f"fanin.initializers.VarianceScaling({scale:.1g})"
        return f"Dense({layer.units}{act}, kernel_initializer={drawn})"
    factor = f"{0.1 / max(layer.signal.rms, 0.1):.1g}"
    if report.framework == "torch":
        return f'model.get_submodule("{layer.name}").weight.data.mul_({factor})'
    kernel = f'model.get_layer("{layer.name}").kernel'
    return f"{kernel}.assign({factor} * {kernel})"


def recalibration(framework: str) -> str:
    """Return code that sets running averages to the statistics of the data."""
    return {
        "torch": "torch.optim.swa_utils.update_bn([x], model)",
        "keras": "for _ in range(500): model(x, training=True)",
    }.get(framework, "model.recalibrate(x)")


@functools.cache
def trainable_when_deep(activation: str) -> bool:
    """Return whether weights that keep the size of signals let gradients and differences pass.

    They do not where an activation is far from odd, such as sigmoid: its mean takes all the room.
    """
    from fanin import theory

    if (activation or "linear") in SUITABLE:
        return True
    return theory.mean_field(activation, theory.gain(activation) ** 2).chi > 0.8
