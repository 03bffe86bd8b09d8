"""Models of Keras, which is imported by the files beside this one, when there is such a model."""

import sys
from typing import Any

from fanin.frameworks._advice import Advice
from fanin.frameworks._arrays import Model
from fanin.frameworks._trace import Trace
from fanin.frameworks._visit import Pass

NAME = "keras"
_KERNEL = 'model.get_layer("{name}").kernel'
ADVICE = Advice(
    at="keras.layers.",
    smaller=f"{_KERNEL}.assign({{factor}} * {_KERNEL})",
    recalibrated="for _ in range(500): model(x, training=True)",
)


def owns(model: object) -> bool:
    """Whether this is a layer or a model of Keras."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Layer)


def open_model(model: Any) -> Model:
    """See the variables of a built model, whatever the backend."""
    from fanin.frameworks.keras._arrays import open_keras

    return open_keras(model)


def trace(model: Any, x: Any, y: Any, loss: Any, training: bool) -> Trace:
    """Run a chain of layers forward and back; its variables do not change."""
    from fanin.frameworks.keras._trace import trace_keras

    return trace_keras(model, x, y, loss, training)


def open_pass(model: Any, x: Any) -> Pass:
    """Make ready a pass that stops at each layer with a kernel."""
    from fanin.frameworks.keras._visit import KerasPass

    return KerasPass(model, x)
