"""How many public Keras scripts find all their names here: docs/coming_from/keras.md.

python scripts/keras_scripts.py FOLDER ...

Each folder is a clone of a repository with scripts (.py) or notebooks (.ipynb). Nothing of them is
run. A script counts if it builds a `Sequential` with `Dense` and calls `fit`; it is dense if all
its layers are of the kinds in `DENSE`. For each dense one, all names of Keras and TensorFlow that
it uses, and the keyword arguments of their calls and of `METHODS`, are looked for in fanin.
"""

import ast
import importlib
import inspect
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import fanin
from fanin._absences import _absent

DENSE = set(
    [
        "Dense",
        "Dropout",
        "Flatten",
        "BatchNormalization",
        "Activation",
        "Input",
        "InputLayer",
        "LeakyReLU",
        "ReLU",
        "ELU",
        "PReLU",
        "Softmax",
        "AlphaDropout",
        "GaussianNoise",
        "GaussianDropout",
        "LayerNormalization",
        "Lambda",
        "Layer",
        "ActivityRegularization",
        "Normalization",
        "Rescaling",
    ]
)
ROOTS = ("tensorflow.keras", "tensorflow.python.keras", "tensorflow", "keras")
DATA = re.compile(r"^datasets\.|^utils\.get_file$|^layers\.core\.|^utils\.np_utils")
METHODS = {"compile", "evaluate", "fit", "predict"}


class Names(ast.NodeVisitor):
    """The names of Keras in one script: ``layers.Dense`` and so on, with keyword arguments."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.used: set[str] = set()
        self.fits = False
        self.keywords: set[tuple[str, str]] = set()

    def visit_Import(self, node: ast.Import) -> None:
        """Keep what the module is called."""
        for name in node.names:
            path = _inside(name.name)
            if path is not None:
                self.known[name.asname or name.name] = path
                self.known.setdefault((name.asname or name.name) + ".keras", path)
            elif _beside(name.name):
                self.used.add(name.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Keep what the names are called; they are used."""
        module = node.module or ""
        path = _inside(module)
        if path is None:
            if _beside(module):
                self.used.add(module)
            return
        for name in node.names:
            if module == "tensorflow" and name.name == "keras":
                self.known[name.asname or "keras"] = ""
            elif name.name != "*":
                self.known[name.asname or name.name] = found = _join(path, name.name)
                self.used.add(found)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Take a name with dots as a whole."""
        path = self.path(node)
        if path is not None:
            self.used.add(path)
        else:
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Take a name that was imported."""
        if self.known.get(node.id):
            self.used.add(self.known[node.id])

    def visit_Call(self, node: ast.Call) -> None:
        """Take the keyword arguments."""
        path = self.path(node.func)
        if path is None and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            path = f"Sequential.{node.func.attr}"
            self.fits |= node.func.attr == "fit"
        if path:
            self.keywords |= {(path, word.arg) for word in node.keywords if word.arg}
        self.generic_visit(node)

    def path(self, node: ast.AST) -> str | None:
        """Return the path inside Keras of a name or attribute, None if it is another's."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        parts.insert(0, node.id)
        for cut in range(len(parts), 0, -1):
            head = self.known.get(".".join(parts[:cut]))
            if head is not None:
                return _join(head, *parts[cut:])
        return None


def _inside(module: str) -> str | None:
    for root in ROOTS:
        if module == root or module.startswith(root + "."):
            return module[len(root) + 1 :]
    return None


def _beside(module: str) -> bool:
    """Whether a module is a package that works with the objects of Keras or TensorFlow."""
    first = module.partition(".")[0]
    return first.startswith(("tensorflow_", "keras", "kerastuner")) or first in ("scikeras", "tfds")


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def sources(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the code of each script and notebook."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".py":
            yield path, path.read_text(encoding="utf-8", errors="replace")
        elif path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8")).get("cells", [])
            code = ["".join(c["source"]) + "\n" for c in cells if c["cell_type"] == "code"]
            yield path, "\n".join(map(_python, "".join(code).splitlines()))


def _python(line: str) -> str:
    """Return a line of a notebook, a ``pass`` in the place of a command to IPython."""
    bare = line.lstrip()
    return line[: len(line) - len(bare)] + "pass" if bare[:1] in ("!", "%") else line


def layers_of(used: set[str]) -> set[str]:
    """Return the classes of layers among the names."""
    last = {name.rpartition(".")[2] for name in used if name.split(".")[0] == "layers"}
    return {name for name in last if name[:1].isupper()} | ({"Input"} & used)


def missing(names: Names) -> list[str]:
    """Return what a script uses and fanin does not have."""
    lacks = []
    for path in sorted(names.used):
        if _lookup(path) is None:
            lacks.append(path)
    for path, word in sorted(names.keywords):
        target = _lookup(path)
        if target is not None and not _takes(target, word):
            lacks.append(f"{path}({word}=)")
    return lacks


def _lookup(path: str) -> object:
    if _beside(path):
        return None
    found: object = fanin
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = importlib.import_module(f"{found.__name__}.{part}")  # type: ignore[attr-defined]
            except (ImportError, AttributeError):
                return None
        if isinstance(found, _absent.Absent):
            return None
    return found


def _takes(target: object, word: str) -> bool:
    if not callable(target):
        return False
    parameters = inspect.signature(target).parameters
    return word in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def main(folders: list[str]) -> None:
    """Print a line for each dense script, and the counts."""
    seen, lacking = 0, []
    for folder in map(Path, folders):
        for path, code in sources(folder):
            names = Names()
            try:
                names.visit(ast.parse(code))
            except SyntaxError:
                continue  # Python 2
            layers = layers_of(names.used)
            sequential = any(name.endswith("Sequential") for name in names.used)
            if not (names.fits and sequential and "Dense" in layers):
                continue
            seen += 1
            if layers <= DENSE:
                lacks = missing(names)
                lacking.append(set(lacks))
                print(f"{folder.name}/{path.relative_to(folder)}: {', '.join(lacks) or 'all'}")
    print(f"{seen} scripts fit a Sequential with Dense, {len(lacking)} have dense layers only")
    print(f"{lacking.count(set())} of these find all their names")
    without = [{name for name in lacks if not DATA.search(name)} for lacks in lacking]
    print(f"{without.count(set())} do, data sets and old names of modules aside")
    print(Counter(name for lacks in without for name in lacks).most_common(12))


if __name__ == "__main__":
    main(sys.argv[1:])
