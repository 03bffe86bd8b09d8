"""How completely `fanin` is typed: what an editor sees of it, and what it does not.

Runs ``--verifytypes`` of (based)pyright, prints the share of public symbols whose type is known and
the public names that are typed as ``Any`` or ``object``, and fails where the share is too small.

    python scripts/types_report.py [--least 98] [--list]
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "fanin"
VAGUE = ("Any", "object")
VAGUE_WORD = re.compile(r"\b(?:Any|object)\b")
IGNORED = re.compile(r"#\s*(?:type|pyright):\s*ignore")
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def completeness() -> dict:
    """Return what pyright says of the public symbols."""
    command = [
        *(sys.executable, "-m", "basedpyright"),
        *("--verifytypes", "fanin", "--ignoreexternal", "--outputjson"),
    ]
    # It looks for NumPy where the first python of PATH does: --pythonpath is not for this.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return json.loads(run.stdout)["typeCompleteness"]
    except (ValueError, KeyError):
        sys.exit(f"{' '.join(command)} said:\n{run.stdout}{run.stderr}")


def is_public(name: str) -> bool:
    """Return whether a name, or one with dots, is one that users write."""
    return all(not part.startswith("_") or part.endswith("__") for part in name.split("."))


def aliases_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Walk the names that a module gives to types, and the types."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, ast.unparse(node.value)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
            yield ast.unparse(node.target), ast.unparse(node.value)


def annotations(path: Path) -> Iterator[tuple[str, int, str]]:
    """Walk the annotations of a module's public functions, methods and attributes."""
    tree = ast.parse(path.read_text())
    aliases = {name: text for name, text in aliases_of(tree) if VAGUE_WORD.search(text)}

    def spelled(annotation: ast.expr) -> str:
        """Return an annotation with what its aliases stand for, where that is vague."""
        text = ast.unparse(annotation)
        return re.sub(r"\b\w+\b", lambda word: aliases.get(word[0], word[0]), text)

    def walk(body: list[ast.stmt], owner: str) -> Iterator[tuple[str, int, str]]:
        overloaded = {
            node.name
            for node in body
            if isinstance(node, Definition)
            and any(ast.unparse(mark) == "overload" for mark in node.decorator_list)
        }
        for node in body:
            if isinstance(node, ast.ClassDef) and is_public(node.name):
                yield from walk(node.body, f"{owner}{node.name}.")
            elif isinstance(node, Definition) and is_public(node.name):
                if node.name in overloaded and not node.decorator_list:
                    continue  # what is behind the overloads is not seen
                yield from of_function(node, f"{owner}{node.name}")
            elif isinstance(node, ast.AnnAssign):
                name = ast.unparse(node.target)
                if is_public(name):
                    yield f"{owner}{name}", node.lineno, spelled(node.annotation)
            elif isinstance(node, ast.If) and ast.unparse(node.test) != "not TYPE_CHECKING":
                yield from walk(node.body, owner)

    def of_function(node: Definition, name: str) -> Iterator[tuple[str, int, str]]:
        arguments = node.args
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for argument in (*given, arguments.vararg, arguments.kwarg):
            if argument is not None and argument.annotation is not None:
                yield f"{name}({argument.arg})", node.lineno, spelled(argument.annotation)
        if node.returns is not None:
            yield f"{name} ->", node.lineno, spelled(node.returns)
        if node.name == "__init__":
            for inner in ast.walk(node):
                if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Attribute):
                    attribute = inner.target.attr
                    if is_public(attribute):
                        owner = name.removesuffix("__init__")
                        yield f"{owner}{attribute}", inner.lineno, spelled(inner.annotation)

    yield from walk(tree.body, "")


def exported(symbols: list[dict]) -> set[tuple[str, str]]:
    """Return the modules and names of the classes and functions that users can reach."""
    found = set()
    for symbol in symbols:
        if symbol["category"] in ("class", "function"):
            module, _, name = symbol["name"].rpartition(".")
            found.add((module, name))
    return found


def vague(symbols: list[dict]) -> Iterator[tuple[str, str, str]]:
    """Walk what is public and typed as one of `VAGUE`: the word, the place, the name and type."""
    reached = exported(symbols)
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for name, line, annotation in annotations(path):
            top = re.split(r"[.( ]", name)[0]
            if (module, top) not in reached and not is_public(module):
                continue
            for word in VAGUE:
                if re.search(rf"\b{word}\b", annotation):
                    yield word, f"{path.relative_to(ROOT)}:{line}", f"{name}: {annotation}"


def main() -> None:
    """Print the report, and fail where types are missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--least", type=float, default=98.0, help="percent of known types")
    parser.add_argument("--list", action="store_true", help="list what is Any or object")
    options = parser.parse_args()
    report = completeness()
    symbols = report["symbols"]
    for symbol in symbols:
        for problem in symbol["diagnostics"]:
            if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]:
                print(f"{symbol['name']}: {problem['message']}")
    counts = report["exportedSymbolCounts"]
    share = 100 * report["completenessScore"]
    print(f"public symbols of known type       {counts['withKnownType']:5}")
    print(f"                 of ambiguous type {counts['withAmbiguousType']:5}")
    print(f"                 of unknown type   {counts['withUnknownType']:5}")
    print(f"share that is known               {share:5.1f} %, at least {options.least:g} %")
    found = list(vague(symbols))
    words = Counter(word for word, *_ in found)
    for word in VAGUE:
        print(f"public annotations with {word:7}    {words[word]:5}")
    ignores = sum(
        len(IGNORED.findall(path.read_text()))
        for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi"))
    )
    print(f"ignores in the package             {ignores:5}")
    if options.list:
        for word, place, text in found:
            print(f"{word:7}{place}  {text}")
    if share < options.least or not symbols:
        sys.exit(1)


if __name__ == "__main__":
    main()
