"""How many public scripts use each name of Keras and torch: the counts of docs/scope.toml.

A script counts for a name if it imports it, reads it as an attribute of a module of Keras, gives it
as a text (``activation="relu"``), or, of methods, calls an attribute of that name. Old modules
count for the new ones (``keras.layers.core.Dense``). Nothing of the scripts is run.
"""

import ast
import datetime
import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import keras_scripts
import scope
from fanin._absences import old_names

# What a text that is given for an argument names.
TEXTS = {
    "activation": "activations",
    "recurrent_activation": "activations",
    "optimizer": "optimizers",
    "loss": "losses",
    "metrics": "metrics",
    "weighted_metrics": "metrics",
    "init": "initializers",
}
ENDINGS = {
    "_initializer": "initializers",
    "_regularizer": "regularizers",
    "_constraint": "constraints",
}
FAMILIES = {*TEXTS.values(), *ENDINGS.values()}
TOP = {"Input": "layers", "Sequential": "models", "Model": "models"}


class KerasNames(keras_scripts.Names):
    """The names of Keras, without those of TensorFlow beside it."""

    def visit_Import(self, node: ast.Import) -> None:  # noqa: N802
        """Know ``tf.keras``, and not ``tf``."""
        super().visit_Import(node)
        for name in node.names:
            if name.name == "tensorflow":
                self.known.pop(name.asname or name.name, None)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:  # noqa: N802
        """Know ``from tensorflow import keras``, and nothing else of it."""
        if node.module == "tensorflow":
            node = ast.ImportFrom("tensorflow", [n for n in node.names if n.name == "keras"], 0)
        super().visit_ImportFrom(node)


class Script(ast.NodeVisitor):
    """What one script uses: names and calls of Keras or torch, texts, and methods."""

    def __init__(self, tree: ast.AST) -> None:
        self.keras, self.torch = KerasNames(), keras_scripts.Names()
        self.texts: set[tuple[str, str]] = set()
        self.methods: set[str] = set()
        self.method_words: set[tuple[str, str]] = set()
        self.keras.visit(tree)
        roots = keras_scripts.ROOTS
        try:
            keras_scripts.ROOTS = ("torch",)
            self.torch.visit(tree)
        finally:
            keras_scripts.ROOTS = roots
        self.visit(tree)

    def visit_Call(self, node: ast.Call) -> None:
        """Take texts that are names, and methods with their arguments."""
        for word in node.keywords:
            family = TEXTS.get(word.arg or "") or next(
                (kind for end, kind in ENDINGS.items() if (word.arg or "").endswith(end)), None
            )
            if family:
                self._take(family, word.value)
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else called
        if name == "Activation" and node.args:
            self._take("activations", node.args[0])
        if called:
            self.methods.add(called)
            self.method_words |= {(called, word.arg) for word in node.keywords if word.arg}
        self.generic_visit(node)

    def _take(self, family: str, value: ast.expr) -> None:
        items = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
        for item in items:
            text = item.value if isinstance(item, ast.Constant) else None
            # "accuracy" is whichever fits the loss, not `metrics.Accuracy`.
            if isinstance(text, str) and text.lower() not in ("accuracy", "acc"):
                self.texts.add((family, text))


def about() -> dict[str, Any]:
    """Return what the file says of a count that is done now."""
    return {
        "on": datetime.date.today().isoformat(),
        "how": "python scripts/scope.py count FOLDER ...; clones, without their tests",
        "scripts": 0,
        "torch_scripts": 0,
        "repositories": [],
    }


def count(folders: list[Path], told: dict[str, Any]) -> dict[str, int]:
    """Count the scripts that use each name and argument; `told` gets their numbers."""
    spelled = _spellings()
    uses: Counter[str] = Counter()
    for folder in folders:
        found = 0
        for path, code in keras_scripts.sources(folder):
            if (
                "tests" in path.parts
                or path.stem.startswith("test_")
                or path.stem.endswith("_test")
            ):
                continue
            try:
                script = Script(ast.parse(code))
            except (SyntaxError, ValueError):
                continue  # Python 2
            if script.keras.used:
                found += 1
                told["scripts"] += 1
                uses.update(_of_keras(script, spelled))
            if any(name.startswith(("nn", "optim")) for name in script.torch.used):
                found += 1
                told["torch_scripts"] += 1
                uses.update(_of_torch(script))
        told["repositories"].append(f"{folder.name.replace('+', '/')}: {found}")
    return uses


def _of_keras(script: Script, spelled: dict[tuple[str, str], set[str]]) -> set[str]:
    """Return the paths that a script of Keras counts for."""
    found = {f"keras.{_today(name)}" for name in script.keras.used}
    found |= {f"keras.{_today(name)}({word})" for name, word in script.keras.keywords}
    found = {path.removesuffix(".load_data") for path in found}
    for family, text in script.texts:
        found |= {f"keras.{family}.{name}" for name in spelled.get((family, _key(text)), ())}
    found |= {f"keras.Model.{name}" for name in script.methods}
    found |= {f"keras.Model.{name}({word})" for name, word in script.method_words}
    return found


def _of_torch(script: Script) -> set[str]:
    found = {f"torch.{name}" for name in script.torch.used}
    return found | {f"torch.{name}({word})" for name, word in script.torch.keywords}


def _today(name: str) -> str:
    """Return the path of today of a name of Keras."""
    if name in TOP:
        return f"{TOP[name]}.{name}"
    module, _, last = name.rpartition(".")
    return f"{old_names.MODULES.get(module, module)}.{last}" if module else name


def _key(name: str) -> str:
    return name.replace("_", "").lower()


def _spellings() -> dict[tuple[str, str], set[str]]:
    """Return the public names that each text stands for, class and function."""
    found: dict[tuple[str, str], set[str]] = {}
    for family in FAMILIES:
        names = {name for name, _ in scope.theirs(f"keras.{family}")}
        registry = getattr(importlib.import_module(f"keras.src.{family}"), "ALL_OBJECTS_DICT", {})
        for text in {*names, *registry}:
            meant = _key(getattr(registry.get(text), "__name__", text))
            same = {name for name in names if _key(name) in (meant, _key(text))}
            found.setdefault((family, _key(text)), set()).update(same)
    return found
