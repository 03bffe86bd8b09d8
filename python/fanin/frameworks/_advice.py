"""Lines of code that put a model right, in the words of its framework."""

from typing import Protocol


class Advice(Protocol):
    """What each framework says in code; everything is returned as text."""

    def dense(self, units: int, activation: str, initializer: str) -> str:
        """Write a layer with an initializer, or draw the whole model again by it."""

    def normalized(self, units: int, activation: str) -> str:
        """Write layers that normalize before the activation."""

    def leaky(self, units: int) -> str:
        """Write a layer whose units cannot die."""

    def smaller(self, name: str, units: int, activation: str, factor: str, scale: str) -> str:
        """Make the outputs of a layer smaller by `factor`; `scale` is the variance that does."""

    def recalibrated(self) -> str:
        """Set running averages to the statistics of the data."""


class LayersAdvice:
    """What our own layers and Keras's have in common; `prefix` is where Keras's are."""

    prefix = ""

    def normalized(self, units: int, activation: str) -> str:
        """Write layers that normalize before the activation."""
        at = self.prefix
        return (
            f"[{at}Dense({units}, use_bias=False), {at}BatchNormalization(), "
            f'{at}Activation("{activation}")]'
        )

    def leaky(self, units: int) -> str:
        """Write a layer whose units cannot die."""
        options = 'activation="leaky_relu", kernel_initializer="he_normal"'
        return f"{self.prefix}Dense({units}, {options})"


class OwnAdvice(LayersAdvice):
    """Code for networks of this package."""

    def dense(self, units: int, activation: str, initializer: str) -> str:
        """Write a layer with an initializer."""
        return f"Dense({units}{_activated(activation)}, kernel_initializer={initializer})"

    def smaller(self, name: str, units: int, activation: str, factor: str, scale: str) -> str:
        """Write the layer with weights of a small variance."""
        return self.dense(units, activation, f"fanin.initializers.VarianceScaling({scale})")

    def recalibrated(self) -> str:
        """Set running averages to the statistics of the data."""
        return "model.recalibrate(x)"


def _activated(activation: str) -> str:
    return f', activation="{activation}"' if activation else ""


def drawn_again(initializer: str) -> str:
    """Write how a model of another framework is drawn again: its layers are not ours to write."""
    return f"fanin.initialize(model, {initializer}, seed=0)"
