"""A copy of a network of this package to be mended: fixes are run as printed, then it trains."""

import ast
import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

import fanin
from fanin import layers, losses, optimizers
from fanin.frameworks._aims import Aim, aims_of
from fanin.frameworks._fanin import of_each
from fanin.layers import Dense, Layer
from fanin.models import Model
from fanin.models._rewiring import again, rewired
from fanin.optimizers import Optimizer

NAMES = ("model", "x", "y", "loss", "optimizer")
"""What a fix may read, and set."""


def run(bench: Any, code: str, scope: dict[str, Any]) -> Any:
    """Run a line of code with the names of a workshop; return the value of an expression.

    Parameters
    ----------
    bench : NetworkWorkshop or another
        Has the attributes of `NAMES`, which are set to what the line makes of them.
    code : str
        A line that this package wrote.
    scope : dict of str to object
        The framework's names.
    """
    names = {**scope, **{name: getattr(bench, name) for name in NAMES}}
    body, value = ast.parse(code).body, None
    last = body[-1]
    steps = body[:-1] if isinstance(last, ast.Expr) else body
    exec(compile(ast.Module(steps, []), "<fix>", "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "<fix>", "eval"), names)
    for name in NAMES:
        setattr(bench, name, names[name])
    return value


class NetworkWorkshop:
    """See `Workshop`."""

    def __init__(
        self, model: Model, x: Any, y: Any, loss: Any, optimizer: Any, rate: float | None
    ) -> None:
        inputs = model.take(x, finite=False)
        aims = aims_of(model, inputs, y, loss)
        self.model = copy.deepcopy(model)
        self.x = of_each(model, inputs, isinstance(x, Mapping))
        self.y, self.loss, self._weights = self._asked(y, aims)
        self._samples = len(inputs)
        given = optimizer
        if given is None:
            compiled = model.optimizer if model.compiled else optimizers.get("adam")
            given = compiled if rate is None else optimizers.SGD(rate)
        chosen = optimizers.get(given)
        config = chosen.get_config() | ({} if rate is None else {"learning_rate": rate})
        self.optimizer: Any = type(chosen).from_config(config)
        self._compile()

    def _asked(self, y: Any, aims: list[Aim]) -> tuple[Any, Any, Any]:
        """Return targets, losses and their weights; of several outputs in the form of `y`."""
        ends = self.model._ends
        if not ends.several:
            return np.asarray(y), aims[0].loss, None
        of: dict[int, Aim | None] = {aim.output: aim for aim in aims}
        every = [of.get(output) for output in range(len(ends.names))]
        rows: list[list[Any]] = [
            [None if aim is None else np.array(aim.targets) for aim in every],
            [None if aim is None else aim.loss for aim in every],
            [1.0 if aim is None else aim.weight for aim in every],
        ]
        if not aims[0].code.startswith("y['"):
            return rows[0], rows[1], rows[2]
        named = [dict(zip(ends.names, row, strict=True)) for row in rows]
        there = {aim.name for aim in aims}
        return {name: y for name, y in named[0].items() if name in there}, named[1], named[2]

    def _compile(self) -> None:
        self.model.compile(self.optimizer, self.loss, loss_weights=self._weights)

    def apply(self, code: str, names: tuple[str, ...]) -> None:
        """See `Workshop`."""
        scope = {name: getattr(layers, name) for name in layers.__all__}
        value = run(self, code, {**scope, "fanin": fanin, "np": np})
        if isinstance(value, Optimizer):
            self.optimizer = value
        elif isinstance(value, losses.Loss):
            self.loss = value
        elif isinstance(value, Layer) or (isinstance(value, list) and value):
            self._replace(value, names)
        self._compile()

    def _replace(self, value: Any, names: tuple[str, ...]) -> None:
        """Put new layers in the places of those named; others keep their arrays if they fit."""
        old = self.model
        made = [*value] if isinstance(value, list) else [value]

        def instead(layer: Layer) -> list[Layer]:
            if layer.name not in names:
                return [again(layer)]
            row = []
            for place, part in enumerate(made):
                config = part.get_config()
                if layer.name != names[0] and isinstance(part, Dense) and isinstance(layer, Dense):
                    own = layer.get_config()
                    config |= {"units": own["units"], "activation": own["activation"]}
                config["name"] = layer.name if place == 0 else f"{layer.name}_{place}"
                row.append(type(part).from_config(config))
            return row

        model = rewired(old, instead, rng=0)
        model.build((None, *self.model.take(self.x, finite=False).shape[1:]))
        known = {layer.name: layer.arrays for layer in old.computing if layer.name not in names}
        for layer in model.computing:
            for role, was in known.get(layer.name, {}).items():
                if was.shape == layer.arrays[role].shape:
                    layer.arrays[role][...] = was
        self.model = model

    def loss_after(self, steps: int) -> float:
        """See `Workshop`."""
        trained = copy.deepcopy(self.model)
        optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
        trained.compile(optimizer, self.loss, loss_weights=self._weights)
        try:
            history = trained.fit(
                self.x, self.y, batch_size=self._samples, epochs=steps + 1, shuffle=False, verbose=0
            )
        except (ValueError, FloatingPointError):  # NaN in what is given is refused
            return float("nan")
        return float(history.history["loss"][-1])
