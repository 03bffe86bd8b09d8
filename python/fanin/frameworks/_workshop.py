"""A copy of a network of this package to be mended: fixes are run as printed, then it trains."""

import ast
import copy
from typing import Any

import numpy as np

import fanin
from fanin import layers, losses, optimizers
from fanin.frameworks._fanin import checked_targets
from fanin.layers import Dense, Layer
from fanin.models import Sequential
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
        self, model: Sequential, x: Any, y: Any, loss: Any, optimizer: Any, rate: float | None
    ) -> None:
        inputs = model.take(x, finite=False)
        self.model, self.x, self.y = copy.deepcopy(model), inputs, np.asarray(y)
        self.loss = checked_targets(model, inputs, y, loss)[1]
        given = optimizer
        if given is None:
            compiled = model.optimizer if model.compiled else optimizers.get("adam")
            given = compiled if rate is None else optimizers.SGD(rate)
        chosen = optimizers.get(given)
        config = chosen.get_config() | ({} if rate is None else {"learning_rate": rate})
        self.optimizer: Any = type(chosen).from_config(config)
        self._compile()

    def _compile(self) -> None:
        self.model.compile(self.optimizer, self.loss)

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
        old, rows = self.model, []
        for layer in old.layers:
            if layer.name not in names:
                rows.append(type(layer).from_config(layer.get_config()))
                continue
            for place, part in enumerate(value if isinstance(value, list) else [value]):
                config = part.get_config()
                if layer.name != names[0] and isinstance(part, Dense) and isinstance(layer, Dense):
                    own = layer.get_config()
                    config |= {"units": own["units"], "activation": own["activation"]}
                config["name"] = layer.name if place == 0 else f"{layer.name}_{place}"
                rows.append(type(part).from_config(config))
        model = Sequential(rows, rng=0)
        model.build((None, *self.x.shape[1:]))
        for layer in model.layers:
            kept = {} if layer.name in names or layer.name not in old_names(old) else layer.arrays
            for role, array in kept.items():
                was = old.get_layer(layer.name).arrays[role]
                if was.shape == array.shape:
                    array[...] = was
        self.model = model

    def loss_after(self, steps: int) -> float:
        """See `Workshop`."""
        trained = copy.deepcopy(self.model)
        optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
        trained.compile(optimizer, self.loss)
        try:
            history = trained.fit(
                self.x, self.y, batch_size=len(self.x), epochs=steps + 1, shuffle=False, verbose=0
            )
        except (ValueError, FloatingPointError):  # NaN in what is given is refused
            return float("nan")
        return float(history.history["loss"][-1])


def old_names(model: Sequential) -> set[str]:
    """Return the names of a network's layers."""
    return {layer.name for layer in model.layers}
