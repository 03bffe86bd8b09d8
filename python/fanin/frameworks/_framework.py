"""What the package must know of a framework: each is a module that has the names of `Framework`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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

    ``{name}`` is a layer's name; ``{layer}`` what reaches it, where a trace tells that
    (`LayerTrace.code`).

    Attributes
    ----------
    dense : str
        A layer with an ``{initializer}``, of ``{units}`` and, ``{ended}``, an activation. By
        default it draws the whole model again: layers of others are not ours to write.
    normalized : str
        Layers of ``{units}`` that normalize before the ``{activation}``.
    smaller : str
        What multiplies the outputs of the layer ``{name}`` by a ``{factor}``, or draws weights of
        a variance of ``{scale}`` that does the same.
    recalibrated : str
        What sets running averages to the statistics of the data.
    multiplied : str
        What multiplies the array ``{role}`` of the layer ``{name}`` by a ``{factor}``.
    filled : str
        What sets the array ``{role}`` of the layer ``{name}`` to a ``{value}``.
    roles : mapping of str to str
        What the framework calls arrays that it calls otherwise than we do.
    redrawn : str
        What draws the weights of the layer ``{name}``, and only these, again.
    replaces : bool
        Whether that is a layer which takes its place.
    widened : str
        What gives the layer ``{name}`` more ``{units}``, and the one ``{behind}`` it as many
        inputs.
    finite_inputs : str
        What puts zeros for inputs that are no numbers.
    at : str
        Where the layers are that have our names.
    activation : callable
        From the core's name of an activation to what stands for it in `normalized`.
    bare : str
        What takes the activation away that ends the layer ``{name}`` of ``{units}``, in the module
        ``{parent}`` under the name ``{own}``.
    bare_alone : str
        The same where the layer is an activation and nothing else.
    rectified, rectified_alone : str
        What puts a rectifier in its place, where a layer has it, and where it is alone.
    sigmoid, sigmoid_alone : str
        What puts a sigmoid in the place of the activation that ends ``{name}``.
    activated : str
        What puts an ``{activation}``, torch's ``{module}``, behind ``{name}``, which has none.
    dropped : str
        What sets the rate of the layer ``{name}``, which drops, to a ``{value}``.
    over_classes : str
        What puts a softmax over classes in its place; empty where there is no other.
    known_targets : str
        What leaves out samples whose targets are NaN or infinite.
    thawed : str
        What has all parameters trained.
    loss : callable
        From the name of a loss, its task and what outputs are (``logits``, ``probabilities``,
        ``log_probabilities``) to code of one that takes them; empty if there is none.
    """

    dense: str = "fanin.initialize(model, {initializer}, seed=0)"
    normalized: str = (
        "[{at}Dense({units}, use_bias=False), {at}BatchNormalization(), "
        '{at}Activation("{activation}")]'
    )
    smaller: str
    recalibrated: str
    redrawn: str
    replaces: bool = False
    widened: str
    finite_inputs: str = "x = np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0)"
    multiplied: str = ""
    filled: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    activation: Callable[[str], str] = str
    bare: str
    bare_alone: str
    rectified: str
    rectified_alone: str
    sigmoid: str
    sigmoid_alone: str
    activated: str
    dropped: str
    over_classes: str = ""
    known_targets: str = (
        "known = np.isfinite(y).reshape(len(y), -1).all(axis=1); x, y = x[known], y[known]"
    )
    thawed: str
    loss: Callable[[str, str, str], str]


def told(module: str, after: str = "") -> Callable[[str, str, str], str]:
    """Return what a loss of classes in a module like Keras's is in code, told what outputs are.

    Parameters
    ----------
    module : str
        Where the classes are.
    after : str
        What has to be done with it.
    """

    def loss(name: str, task: str, looks: str) -> str:
        if not name.endswith("crossentropy") or looks not in ("logits", "probabilities"):
            return ""
        kind = "".join(word.capitalize() for word in name.split("_"))
        return f"loss = {module}.{kind}(from_logits={looks == 'logits'}){after}"

    return loss


class Descent(NamedTuple):
    """Gradient descent on the mean loss of some samples."""

    params: Array
    """Where the network is: all trainable parameters."""
    gradient: Callable[[Array], Array]
    """From parameters to the loss's gradient."""
    learning_rate: float
    """Of the first step."""
    momentum: float


class Moved(NamedTuple):
    """A kernel, and what an optimizer's step adds to it."""

    fan_in: int
    weights: Array
    change: Array


class Trial(Protocol):
    """An optimizer's next step for the mean loss of a batch; the model does not take it.

    Attributes
    ----------
    optimizer : str
        Its name.
    learning_rate : float
        Of the step.
    peak_rate : float
        The largest that is known to come, as after a schedule's warmup.
    momentum : float
        With it, steps in one direction grow to ``1 / (1 - momentum)`` times the first.
    loss : float
        Of the first samples, before the step.
    remedy : str
        Code that sets another ``{rate}``, which is ``{factor}`` times this one.
    clipping, unclipped : str
        The optimizer's clipping of gradients, ``clipnorm = 0.1``, and code that takes it away;
        empty where there is none.
    weight_decay : float
        Its weight decay; 0 for none.
    decay_remedy : str
        Code that sets another ``{value}`` of it.
    left_out : sequence of str
        Parameters that are to be trained and that it does not have.
    """

    optimizer: str
    learning_rate: float
    peak_rate: float
    momentum: float
    loss: float
    remedy: str
    clipping: str
    unclipped: str
    weight_decay: float
    decay_remedy: str
    left_out: Sequence[str]

    def step(self, scale: float = 1.0, clipping: bool = True) -> Iterable[Moved]:
        """Go through what the step does to each kernel, for gradients that are multiplied."""

    def decay(self) -> float:
        """Return the share of the weights that decay takes away in a step, with momentum."""

    def loss_after(self, factor: float) -> float:
        """Return the loss of the same samples after a step of so many times the length."""


class Workshop(Protocol):
    """A copy of a model, and what it is trained with, to be mended; all as attributes."""

    model: Any
    x: Any
    y: Any
    loss: Any
    optimizer: Any

    def apply(self, code: str, names: tuple[str, ...]) -> None:
        """Run a fix as printed: what it assigns counts, and layers take the places of `names`."""

    def loss_after(self, steps: int) -> float:
        """Train another copy on the whole batch, and return its loss."""


class Training(Protocol):
    """What can be asked only of networks that this package trains; see `_trained.py`."""

    def check(self, model: Any, x: Any, y: Any, loss: Any) -> None: ...

    def samples(self, model: Any, x: Any) -> Array: ...

    def each(self, model: Any, x: Array) -> Any: ...

    def is_row(self, model: Any) -> bool: ...

    def layers(self, model: Any) -> list[Layer]: ...

    def hidden(self, model: Any) -> list[Layer]: ...

    def between(self, model: Any) -> list[Layer]: ...

    def row(self, layers: list[Layer], seed: int) -> Any: ...

    def drawn(self, model: Any, initializer: Any, seed: int) -> Any: ...

    def random(self, model: Any, seed: int) -> Array: ...

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

    def aims(self, model: Any, x: Array, y: Any) -> list[Any]: ...

    def trial_loss(
        self,
        network: Any,
        like: Any,
        train: tuple[Array, Any],
        held: tuple[Array, Any] | None,
        epochs: int,
        seed: int,
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
    trial: Callable[..., Trial | None] | None = None
    """Try an optimizer's next step: model, x, y, loss, training, optimizer, rate, samples, and the
    trace that has the gradient. None where no optimizer is known, or nothing is trained."""
    workshop: Callable[..., Workshop] | None = None
    """Copy what is to be mended: model, x, y, loss, optimizer, rate."""
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
