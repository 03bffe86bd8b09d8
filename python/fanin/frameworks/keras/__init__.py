"""Models of Keras, which is imported by the files beside this one, when there is such a model."""

import sys

from fanin.frameworks._framework import Advice, Entry, told

NAME = "keras"
_KERNEL = "{layer}.kernel"
_ARRAY = "{layer}.{role}"
ADVICE = Advice(
    at="keras.layers.",
    smaller=f"{_KERNEL}.assign({{factor}} * {_KERNEL})",
    bare="{layer}.activation = keras.activations.linear",
    bare_alone='keras.layers.Activation("linear")',
    rectified="{layer}.activation = keras.activations.relu",
    rectified_alone="{layer}.activation = keras.activations.relu",
    sigmoid="{layer}.activation = keras.activations.sigmoid",
    sigmoid_alone="{layer}.activation = keras.activations.sigmoid",
    activated="{layer}.activation = keras.activations.{activation}",
    dropped="{layer}.rate = {value}",
    thawed="model.trainable = True",
    loss=told("keras.losses", '; model.compile(model.optimizer or "adam", loss)'),
    redrawn="fanin.initialize({layer}, {initializer}, seed=0)",
    widened='keras.layers.Dense({units}{ended}, kernel_initializer="he_normal")',
    recalibrated="for _ in range(500): model(x, training=True)",
    multiplied=f"{_ARRAY}.assign({{factor}} * {_ARRAY})",
    filled=f"{_ARRAY}.assign(0 * {_ARRAY} + {{value}})",
)


def owns(model: object) -> bool:
    """Whether this is a layer or a model of Keras."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Layer)


def entry() -> Entry:
    """Return the ways into a model."""
    from fanin.frameworks.keras._arrays import open_keras
    from fanin.frameworks.keras._trace import trace_keras
    from fanin.frameworks.keras._trial import open_trial
    from fanin.frameworks.keras._visit import KerasPass

    return Entry(open_keras, KerasPass, trace_keras, trial=open_trial)
