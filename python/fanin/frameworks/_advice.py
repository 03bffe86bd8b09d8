"""Lines of code that put a model right, in the words of its framework."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What a framework says in code: texts to be filled in by `str.format`.

    Attributes
    ----------
    dense : str
        A layer with an ``{initializer}``, of ``{units}`` and, ``{ended}``, an activation. By
        default it draws the whole model again: layers of others are not ours to write.
    normalized : str
        Layers of ``{units}`` that normalize before the ``{activation}``.
    leaky : str
        A layer of ``{units}`` whose units cannot die.
    smaller : str
        What multiplies the outputs of the layer ``{name}`` by a ``{factor}``, or draws weights of
        a variance of ``{scale}`` that does the same.
    recalibrated : str
        What sets running averages to the statistics of the data.
    at : str
        Where the layers are that have our names.
    activation : callable
        From the core's name of an activation to what stands for it in `normalized`.
    """

    dense: str = "fanin.initialize(model, {initializer}, seed=0)"
    normalized: str = (
        "[{at}Dense({units}, use_bias=False), {at}BatchNormalization(), "
        '{at}Activation("{activation}")]'
    )
    leaky: str = '{at}Dense({units}, activation="leaky_relu", kernel_initializer="he_normal")'
    smaller: str
    recalibrated: str
    at: str = ""
    activation: Callable[[str], str] = str
