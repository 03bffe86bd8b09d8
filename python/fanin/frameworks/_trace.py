"""A forward and a backward pass with every array kept: what a diagnosis measures.

Each framework fills in the same two classes, by its own hooks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fanin.frameworks._ending import Ending

Array = NDArray[Any]


@dataclass
class LayerTrace:
    """One layer in one forward and one backward pass.

    Signals are matrices: a row a sample (or one of the rows that a sample is made of), a column a
    unit. Their gradients are of each sample's own loss, so that their size does not depend on the
    batch; the gradients of parameters are of the mean loss of the batch, as an optimizer gets them.
    """

    name: str
    kind: str
    """A word of `fanin.frameworks._kinds`; the layer's class name where that has none."""
    inputs: Array
    outputs: Array
    activation: Mapping[str, Any] | None = None
    """Settings of the activation that ends the layer; None if there is none or it is not known."""
    pre_activation: Array | None = None
    output_gradient: Array | None = None
    pre_activation_gradient: Array | None = None
    parameters: Mapping[str, Array] = field(default_factory=dict)
    """By role: ``kernel`` of shape (inputs, units), ``bias``, ``gamma``, ``moving_mean``, …: the
    model's own memory where it hands that over, so valid until it is trained on."""
    gradients: Mapping[str, Array] = field(default_factory=dict)
    frozen: frozenset[str] = frozenset()
    """The roles of parameters that are not trained, though they are parameters."""
    initializers: Mapping[str, Any] = field(default_factory=dict)
    """By role, where they are known."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Options as the core knows them: ``epsilon``, ``rate``, …"""
    note: str = ""
    """What could not be looked at, and why."""
    code: str = ""
    """What reaches the layer from ``model``, where its name alone does not tell."""
    reads: tuple[int, ...] | None = None
    """Places of the layers whose outputs it gets; of input number k that is ``-1 - k``. None where
    nobody says it: then it is the layer before, or what no hook sees."""


@dataclass(frozen=True)
class Source:
    """One of several inputs of a network."""

    name: str
    samples: Array
    """Of shape (samples, features)."""
    code: str
    """What reaches it from ``x``, as ``x`` was given."""


@dataclass(frozen=True)
class OutputTrace:
    """One of several outputs of a network."""

    name: str
    place: int
    """Of the layer that makes it."""
    ending: "Ending"
    """What its loss gets."""
    loss: str
    """The loss's name; empty where it has none, or the gradient is that of a random direction."""
    value: float | None
    """The mean of its loss."""
    weight: float = 1.0
    """What its loss is multiplied by in the sum of all."""
    code: str = "y"
    """What reaches its targets from ``y``, as ``y`` was given."""


@dataclass(frozen=True)
class AttentionTrace:
    """Scores of queries and keys, as a softmax of them gives weights."""

    layers: tuple[str, ...]
    """What makes the queries and the keys: a layer of attention, or those whose products they
    are."""
    logarithms: Array
    """Of the weights: of shape (matrices, queries, keys), some of all samples and heads; minus
    infinity where a mask leaves no weight, or what is left is no number."""
    together: str = ""
    """Name of an array of the layer that has the kernels of queries and keys side by side; empty
    where each has its own."""


@dataclass(frozen=True)
class RecurrentTrace:
    """A kernel inside of a recurrent layer, whose products go into its gates."""

    layer: str
    role: str
    """What the layer calls it."""
    kernel: Array
    """Of shape (inputs, gates times units); a gate's units are side by side."""
    gates: int
    states: bool
    """Whether it multiplies the layer's own states, not its inputs."""
    given: Array | None
    """Rows of what it multiplies; None where nobody sees them."""
    bounded: bool = True
    """Whether its gates are sigmoids and tanh, which get flat; a rectifier does not."""
    bias: Array | None = None
    """What is added to the products of the states, all biases together."""
    bias_roles: tuple[str, ...] = ()
    """What the layer calls these biases."""


@dataclass(frozen=True)
class InnerTrace:
    """Bounded functions inside of a step that repeats, or of a layer that is not known."""

    layer: str
    outputs: tuple[tuple[str, Array], ...]
    """``sigmoid`` or ``tanh``, and what it gave, time after time."""


@dataclass
class Trace:
    """A network in one forward and one backward pass."""

    model: str
    inputs: Array
    """Of shape (samples, features)."""
    layers: list[LayerTrace]
    loss: str
    """Name of the loss; empty where the gradient is that of a random direction of the outputs."""
    value: float | None
    """Mean loss of the batch."""
    framework: str = ""
    """Its name, which `frameworks/_open.py` fills in: ``fanin``, ``torch`` or ``keras``."""
    ending: "Ending | None" = None
    """What the loss gets."""
    attentions: Sequence[AttentionTrace] = ()
    """Scores of attention, in the order in which they were taken."""
    recurrences: Sequence[RecurrentTrace] = ()
    """Kernels of recurrent layers."""
    inner: Sequence[InnerTrace] = ()
    """Functions that no layer shows."""
    trainable: tuple[int, int] = (0, 0)
    """How many parameters are trained, and how many there are: of untraced layers too."""
    sources: Sequence[Source] = ()
    """The inputs, where there are several; `inputs` has all of them side by side."""
    outputs: Sequence[OutputTrace] = ()
    """The outputs, where there are several; `ending` is then None."""
    arrays: tuple[Array, Array] | None = None
    """Of a network of this package the parameters and the state that were traced, to go on with."""
    mixed: tuple[str, str] | None = None
    """Where samples see each other, and code against it; None where they do not, or none looked."""
    waking: Sequence[str] = ()
    """Modules with parameters that are zero, get a gradient, and are no layer's: what multiplies a
    branch."""
    still: Sequence[str] = ()
    """Modules of what is trained, where none of it gets a gradient."""
    indices: bool | None = None
    """Whether the inputs are indices alone; None where the first layers tell."""
    gradient: Any = None
    """Of the batch's mean loss with respect to all that is trained, as the framework's own trial of
    a step takes it: a flat array, or tensors by name. None where that was not asked for."""

    def upto(self, output: OutputTrace) -> tuple["Trace", list[int]]:
        """Return what leads to one of several outputs, as a network of its own, and its places."""
        lead = set[int]()
        todo = [output.place]
        while todo:
            place = todo.pop()
            if place >= 0 and place not in lead:
                lead.add(place)
                todo += self.layers[place].reads or ()
        places = sorted(lead)
        at = {place: number for number, place in enumerate(places)}
        layers = [
            replace(la, reads=tuple(at.get(read, read) for read in la.reads or ()))
            for la in (self.layers[place] for place in places)
        ]
        own = replace(
            self,
            layers=layers,
            loss=output.loss,
            value=output.value,
            ending=output.ending,
            outputs=(),
        )
        return own, places


def matrix(array: Array) -> Array:
    """Return `array` as rows of its last axis; without a copy if it is contiguous."""
    return array.reshape(-1, array.shape[-1])


def rows(array: Array, last: bool, axes: int = 1) -> Array:
    """Return a matrix with a column a unit, which are on the `last` axis or on the second.

    A channel of an image is a unit, and each place of it a row. Units of heads are on several
    `axes`, the last ones.
    """
    if axes > 1:
        return array.reshape(-1, math.prod(array.shape[-axes:]))
    return matrix(array if last or array.ndim < 3 else np.moveaxis(array, 1, -1))


def as_matrix(array: Array) -> Array:
    """Return `array` as the core takes it: C-contiguous float32 or float64, two axes."""
    wanted = array.dtype if array.dtype in (np.float32, np.float64) else np.float32
    return np.ascontiguousarray(matrix(array), dtype=wanted)
