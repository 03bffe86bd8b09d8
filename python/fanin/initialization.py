"""Whole models of any framework: the same architecture and seed, the same numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from fanin import frameworks, initializers, random
from fanin._absences import _absent
from fanin._checks import found, warn
from fanin.frameworks import DEFAULTS, WEIGHTS, Layer, Parameter
from fanin.initializers import Initializer
from fanin.initializers._fitting import draw_for
from fanin.layers._arrays import at
from fanin.show.progress import Progress

if TYPE_CHECKING:
    from fanin.typing import InitializerLike, Verbose

__all__ = ["initialize"]

Model = TypeVar("Model")
_SHOWN = 8  # parameters that a message lists


def initialize(
    model: Model,
    initializer: "InitializerLike | None" = "glorot_uniform",
    *,
    seed: random.Rng = None,
    rng: random.Rng = None,
    bias: "InitializerLike | None" = "zeros",
    rules: "Mapping[str, InitializerLike | None] | None" = None,
    order: Sequence[str] | None = None,
    layout: Literal["in_out", "out_in"] | None = None,
    verbose: "Verbose" = "auto",
) -> Model:
    """Initialize all layers of a model: fanin's, torch's, Keras's, or a tree of arrays (JAX, Flax).

    The values of a parameter are a function of the seed, its path and its shape in fanin's layout,
    whatever the framework and the number of threads. The path is ``<position>/<role>``, such as
    ``0/kernel``: how many layers with parameters come before, and what it is
    (``docs/stream.md``). So models of the same layers get the same numbers, those of
    ``fanin.Sequential(..., rng=seed)``.

    Parameters
    ----------
    model : fanin.Sequential, torch.nn.Module, keras.Layer, or nested dict, list or tuple of arrays
        Built, on the CPU. float16 and bfloat16 get the float32 values, rounded. Parameters that
        are not to be trained are initialized too.
    initializer : str, dict, Initializer, callable or None, optional
        What fills kernels and embeddings; see :func:`fanin.initializers.get`. Fans are those of a
        unit: of its group in a grouped convolution, the right way round in a transposed one; an
        embedding has fan_in 1, since a lookup adds nothing up. None leaves them alone.
    seed : optional
        Where the random numbers come from: whatever ``rng=`` accepts, see :mod:`fanin.random`.
        None draws afresh. Generators that are consumed are so in the order of the model.
        `fanin.streams.torch_cpu` fills kernels in torch's layout and counts fans as torch does, so
        that the values are those of a loop over ``torch.nn.init`` calls.
    rng : optional
        The same by the name that it has elsewhere in fanin; give one of the two.
    bias : str, dict, Initializer, callable or None, optional
        What fills biases. ``"torch_default"`` and ``"sklearn_default"`` take their fans from the
        kernel of the layer.
    rules : mapping of str to str, dict, Initializer, callable or None, optional
        Exceptions, ``{pattern: initializer}``. A pattern ``"layer/role"`` is matched by
        `fnmatch.fnmatchcase`, the layer as its name in the model (``"features.0"``; in a tree the
        keys joined by dots) or its class (``"Embedding"``), the role as ``kernel``, ``bias``,
        ``gamma``, ``beta``, ``moving_mean``, ``moving_variance``, ``embeddings``, or what the
        framework calls it where fanin knows no more of it. A pattern without a slash means the
        kernel or embeddings. The first that matches counts; None leaves alone.
    order : sequence of str, optional
        The names of all layers that hold arrays, first to last: for a tree whose dicts are not in
        the order of the model.
    layout : {"in_out", "out_in"}, optional
        How the kernels of a tree are laid out: ``(..., inputs, outputs)``, or ``(outputs, inputs,
        ...)`` as where a layer is ``W @ x + b``, and in torch. Without it biases tell, which have
        as many elements as there are outputs. A kernel without a bias, or with as many inputs as
        outputs, is laid out as the others of the tree; if nothing tells, as in fanin.
    verbose : {"auto", 0, 1, 2}, default "auto"
        Nothing, or a line that counts parameters. "auto" is that line in a notebook or on a
        terminal if the call takes longer than 100 ms, else nothing.

    Returns
    -------
    model
        The same, written in place; of a tree that holds JAX's arrays (or the
        ``jax.ShapeDtypeStruct`` that ``jax.eval_shape`` gives) a new one.

    Raises
    ------
    TypeError
        If `model` is none of these, or both `seed` and `rng` are given.
    ValueError
        If a rule matches nothing, `order` does not name each layer once, the model is not built or
        not on the CPU, or an initializer cannot fill what it is asked to, as one that returns NaN.
        If a tree's biases show both layouts and some kernel may be either, if its kernels follow
        one another in the second layout only and no bias tells, or if `layout` is given for what is
        no tree. Nothing is written when an error is raised, and nothing drawn.

    Warns
    -----
    UserWarning
        Once, naming the parameters that are left as they were because fanin does not know what
        they are (recurrent layers, say). A rule for them, None too, ends it.
    UserWarning
        If the layers of a tree may have been sorted by their names, and `order` is not given.

    Notes
    -----
    Normalizations start anew: γ is 1 and β 0, the running mean 0 and variance 1. The row of an
    embedding that torch keeps for padding is 0. What is shared is drawn once. A dict is taken in
    its own order, numbered siblings (``Dense_2``, ``Dense_10``) by number; ``jax.jit`` and
    ``jax.tree.map`` return dicts sorted by key: where kinds mix, another order of the layers, which
    `order` puts right.

    Examples
    --------
    >>> import fanin
    >>> from fanin.layers import Dense, Input
    >>> model = fanin.Sequential([Input((4,)), Dense(3, name="hidden"), Dense(2, name="out")])
    >>> model = fanin.initialize(model, "he_normal", seed=7, rules={"out": "orthogonal"})
    >>> tree = {"hidden": {"kernel": np.empty((4, 3), "f4"), "bias": np.empty(3, "f4")}}
    >>> same = fanin.initialize(tree, "he_normal", seed=7)
    >>> bool((same["hidden"]["kernel"] == model.layers[0].kernel).all())
    True
    """
    if seed is not None and rng is not None:
        raise TypeError("seed and rng: expected one of the two, found both")
    chosen = _Choice.of(initializer, bias, rules)
    progress = Progress.aside("initialize", verbose, "parameters")
    opened = frameworks.opened(model, layout, order)
    if not opened.layers:
        raise ValueError("model: expected one with parameters, found none")
    chosen.check(opened.layers)
    named = (rng, "rng") if seed is None else (seed, "seed")
    fillers = list(chosen.fillers(opened.layers))
    written = []
    with opened.alone():
        with random.drawing(*named) as source, progress.over(len(fillers)):
            # All are drawn and checked before the first is written.
            for layer, parameter, filler in fillers:
                written.append((parameter, _values(layer, parameter, filler, source)))
                progress.update(len(written))
        for parameter, values in written:
            parameter.write(values)
    _tell(list(chosen.left(opened.layers)))
    if opened.doubt:
        warn(
            f"model: {opened.doubt}, as jax.jit and jax.tree.map leave them; if that is not the "
            "order of the model, other models of the same layers get other numbers: give "
            f"order={[layer.name for layer in opened.layers]!r}, put right"
        )
    result: Model = opened.result()
    return result


@dataclass(frozen=True)
class _Choice:
    """What fills which parameter."""

    weights: Initializer | None
    bias: Initializer | None
    rules: dict[str, Initializer | None]

    @classmethod
    def of(
        cls,
        initializer: "InitializerLike | None",
        bias: "InitializerLike | None",
        rules: "Mapping[str, InitializerLike | None] | None",
    ) -> "_Choice":
        """Look up what the user named."""
        given = {} if rules is None else rules
        if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
            raise TypeError(
                f"rules: expected a mapping of patterns to initializers, found {found(rules)}"
            )
        return cls(
            initializers.get(initializer),
            _named("bias", bias),
            {pattern: _named(f"rules[{pattern!r}]", value) for pattern, value in given.items()},
        )

    def check(self, layers: list[Layer]) -> None:
        """Refuse rules that match nothing."""
        for pattern in self.rules:
            pairs = ((layer, role) for layer in layers for role in layer.parameters)
            if not any(_matches(pattern, layer, role) for layer, role in pairs):
                raise ValueError(
                    f"rules: expected patterns that match something, found {pattern!r}, which "
                    f"matches nothing; there are {_listed(_names(layers))}"
                )

    def fillers(
        self, layers: list[Layer]
    ) -> Iterator[tuple[Layer, Parameter, Initializer | float]]:
        """Go through what is to be filled, in the order of the model, and by what."""
        for layer in layers:
            for role, parameter in layer.parameters.items():
                ruled, filler = self._ruled(layer, role)
                if not ruled:
                    filler = self._usual(role) if _known(layer, parameter) else None
                if filler is not None:
                    yield layer, parameter, filler

    def left(self, layers: list[Layer]) -> Iterator[str]:
        """Go through the names of what is left alone for want of knowing what it is."""
        for layer in layers:
            for role, parameter in layer.parameters.items():
                if not _known(layer, parameter) and not self._ruled(layer, role)[0]:
                    yield _name(layer, role)

    def _ruled(self, layer: Layer, role: str) -> tuple[bool, Initializer | float | None]:
        """Return whether a rule matches, and the initializer of the first that does."""
        for pattern, filler in self.rules.items():
            if _matches(pattern, layer, role):
                return True, filler
        return False, None

    def _usual(self, role: str) -> Initializer | float | None:
        if role in WEIGHTS:
            return self.weights
        return self.bias if role == "bias" else DEFAULTS[role]


def _named(name: str, value: "InitializerLike | None") -> Initializer | None:
    """Look up an initializer; errors call it `name`."""
    try:
        return initializers.get(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def _known(layer: Layer, parameter: Parameter) -> bool:
    """Whether fanin knows what this parameter is for."""
    if parameter.role in DEFAULTS:
        return layer.kind == "normalization"
    known = layer.kind != "other" and parameter.role in (*WEIGHTS, "bias")
    return known and parameter.drawable


def _matches(pattern: str, layer: Layer, role: str) -> bool:
    place, slash, part = pattern.rpartition("/")
    if not (fnmatchcase(role, part) if slash else role in WEIGHTS):
        return False
    names = (layer.name,) if layer.module is None else (layer.name, type(layer.module).__name__)
    return any(fnmatchcase(name, place if slash else pattern) for name in names)


def _values(
    layer: Layer, parameter: Parameter, filler: Initializer | float, source: random.RandomSource
) -> Any:
    """Return the values of one parameter, in fanin's layout."""
    if not isinstance(filler, Initializer):
        return np.full(parameter.shape, filler, "float32")
    if not parameter.drawable:
        raise TypeError(
            f"rules: expected parameters of floating-point numbers, found {parameter.name}, which "
            f"is of {parameter.dtype}"
        )
    path = f"{layer.position}/{parameter.role}"
    try:
        values = draw_for(layer, parameter, filler, at(source, path), path)
    except (TypeError, ValueError) as error:
        # Of the same type, ShapeError too: which of many parameters it was matters most.
        raise type(error)(f"{parameter.name}: {error}") from error
    except Exception as error:
        error.add_note(f"fanin.initialize was filling {parameter.name}")
        raise
    if parameter.zero_row is not None:
        values[parameter.zero_row] = 0
    return values


def _name(layer: Layer, role: str) -> str:
    return f"{layer.name}/{role}"


def _names(layers: list[Layer]) -> list[str]:
    return [_name(layer, role) for layer in layers for role in layer.parameters]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _tell(left: list[str]) -> None:
    if left:
        warn(
            f"initialize left alone what it does not know: {_listed(left)}; give rules for them, "
            f"such as rules={{{left[0]!r}: None}} to leave the first without this warning"
        )


_absent.guard(__name__)
