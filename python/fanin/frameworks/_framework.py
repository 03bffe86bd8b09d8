"""What the package must know of a framework: each is a module that has the names of `Framework`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from fanin.frameworks._arrays import Array, Model
from fanin.frameworks._trace import Trace
from fanin.frameworks._visit import Pass
from fanin.frameworks._watch import Watcher
from fanin.layers import Layer
from fanin.optimizers import Optimizer


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


class Descent(NamedTuple):
    """Gradient descent on the mean loss of some samples."""

    params: Array
    """Where the network is: all trainable parameters."""
    gradient: Callable[[Array], Array]
    """From parameters to the loss's gradient."""
    learning_rate: float
    """Of the first step."""
    momentum: float


class Training(Protocol):
    """What can be asked only of networks that this package trains; see `_trained.py`."""

    def check(self, model: Any, x: Any, y: Any, loss: Any) -> None: ...

    def samples(self, model: Any, x: Any) -> Array: ...

    def layers(self, model: Any) -> list[Layer]: ...

    def descent(
        self, model: Any, arrays: Any, x: Any, y: Any, loss: Any, count: int
    ) -> Descent | None: ...

    def train(
        self,
        model: Any,
        x: Any,
        y: Any,
        loss: Any,
        optimizer: Optimizer | None,
        steps: int,
        threads: int | None,
    ) -> str: ...

    def final_loss(
        self, layers: list[Layer], like: Any, x: Array, y: Array, epochs: int, seed: int
    ) -> float: ...


class Entry(NamedTuple):
    """The ways into a model of one framework."""

    open_model: Callable[[Any], Model]
    """See its arrays, layer by layer."""
    open_pass: Callable[[Any, Any], Pass]
    """Make ready, with a batch, a pass that stops at each layer with weights."""
    trace: Callable[[Any, Any, Any, Any, bool], Trace]
    """Run it forward and back, and keep what its layers pass on: model, x, y, loss, training."""
    training: Training | None = None
    """What its models can besides where this package trains them."""
    watch: Callable[[Any, Callable[[], bool]], Watcher] | None = None
    """Keep what a model does in a loop that somebody else runs: model, and whether a step is due.
    None where no hook sees it."""


class Framework(Protocol):
    """A framework."""

    NAME: str
    """What `Model.framework` and `Report.framework` call it."""
    ADVICE: Advice
    """Code that puts a model right."""

    def owns(self, model: object) -> bool:
        """Whether a model is of this framework; nothing is imported to tell."""

    def entry(self) -> Entry:
        """Return the ways in, from files that import the framework."""
