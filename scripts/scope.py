"""What fanin has of Keras and torch: docs/scope.toml and docs/coming_from/parity.md.

    python scripts/scope.py count FOLDER ...   how many public scripts use each name and argument
    python scripts/scope.py write              the file and its page, from the fanin that is there

Both need the Keras and torch that the file names (`make peers`): names and arguments are theirs.
Each folder is a clone of a repository; `keras_scripts.py` reads its scripts. What fanin has is
"have"; "other" and "outside" are kept as the file has them; of the rest whatever `line` scripts or
more use is "will", and what fewer use "refused". Sentences are those of `_absences/`.
"""

import contextlib
import importlib
import inspect
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fanin._absences import _absent, _reasons
from fanin._members import _signatures
from fanin._members._member import Member

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "scope.toml"

# A table of the file: the module of fanin that has its names ("Model": a class that has methods).
TABLES = {
    "keras.layers": "layers",
    "keras.activations": "activations",
    "keras.initializers": "initializers",
    "keras.regularizers": "regularizers",
    "keras.constraints": "constraints",
    "keras.losses": "losses",
    "keras.metrics": "metrics",
    "keras.optimizers": "optimizers",
    "keras.optimizers.schedules": "optimizers.schedules",
    "keras.callbacks": "callbacks",
    "keras.models": "models",
    "keras.Model": "Model",
    "keras.utils": "utils",
    "keras.datasets": "datasets",
    "keras.random": "random",
    "keras.saving": "saving",
    "keras.ops": "ops",
    "torch.nn.init": "init",
    "torch.optim": "optimizers",
    "torch.optim.lr_scheduler": "optimizers.schedules",
}
# Reasons that say that a name is not of the dense part of Keras.
OUTSIDE = ("fanin is for dense networks", "prepare the arrays with NumPy", "data are arrays")
HAVE, OTHER, WILL, REFUSED, OUT = "have", "other", "will", "refused", "outside"
# Arguments that each layer of Keras takes, and that mean nothing where a network has one dtype.
EVERYWHERE = {"autocast"}
# What a function passes on to others by **kwargs.
PASSED_ON = {"Input": {"name", "batch_shape"}}


class Row(NamedTuple):
    """A name: how many scripts use it, the decision, and the arguments that are refused."""

    use: int
    decision: str
    without: dict[str, int]


Tables = dict[str, dict[str, Row]]


def read(path: Path = FILE) -> tuple[dict[str, Any], Tables]:
    """Return what the file says of itself, and its tables."""
    text = tomllib.loads(path.read_text(encoding="utf-8"))
    tables = {}
    for table in TABLES:
        rows = text.pop(table, {})
        tables[table] = {
            name: Row(row["use"], row["is"], row.get("without", {})) for name, row in rows.items()
        }
    return text, tables


def write(about: dict[str, Any], tables: Tables) -> None:
    """Write the file and its page."""
    lines = [*_HEAD.splitlines(), "", f"line = {about['line']}", "", "[counted]"]
    for key, value in about["counted"].items():
        if isinstance(value, list):
            lines += [f"{key} = [", *(f'    "{item}",' for item in value), "]"]
        else:
            lines.append(f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}")
    for table, rows in tables.items():
        lines += ["", f'["{table}"]']
        for name, row in sorted(rows.items()):
            without = ", ".join(f"{word} = {use}" for word, use in sorted(row.without.items()))
            end = f", without = {{ {without} }}" if without else ""
            lines.append(f'{name} = {{ use = {row.use}, is = "{row.decision}"{end} }}')
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    import scope_page

    scope_page.FILE.write_text(scope_page.page(about, tables), encoding="utf-8")


_HEAD = """\
# What fanin has of the dense part of Keras, of torch.nn.init and of torch.optim.
#
# A line is a name: how many public scripts use it, and a decision.
#   have      it is in fanin; `without` are the arguments that are refused (`autocast` everywhere),
#             and how many scripts give them
#   other     it is there under another name, which the sentence says
#   will      it is not yet, and is to come: whatever `line` scripts or more use
#   refused   it is not, and says so when it is used: fewer scripts use it
#   outside   it is of no dense network, or of none that is compiled: convolutions, recurrence,
#             attention, images, texts, files of data, servers, steps of one's own
# The sentences of what is not there are in python/fanin/_absences; docs/coming_from/parity.md shows
# them. Names are those of the versions below. `python scripts/scope.py write` writes all of it from
# the fanin that is there; only `line`, counts, `other` and `outside` are kept (CONTRIBUTING)."""


def ours(table: str, name: str) -> Any:
    """Return what fanin has under a name of a table, None if it has not."""
    owner = _owner("fanin", TABLES[table])
    if owner is None:
        return None
    found = getattr(owner, name, None)
    return None if isinstance(found, _absent.Absent) else found


def _owner(package: str, path: str) -> Any:
    owner = importlib.import_module(package)
    for part in path.split("."):
        if inspect.ismodule(owner):
            with contextlib.suppress(ImportError):
                importlib.import_module(f"{owner.__name__}.{part}")
        owner = getattr(owner, part, None)
        if owner is None or isinstance(owner, _absent.Absent):
            return None
    return owner


def reason(table: str, name: str) -> str | None:
    """Return why fanin has not a name, as it says when it is used."""
    path = TABLES[table]
    if path == "Model":
        import fanin

        text = str(_reasons.attribute("Model", name, dir(fanin.Sequential)))
        return text.partition(": ")[2] or None
    return _reasons.of_name(f"fanin.{path}", name)


def argument_reason(table: str, name: str, word: str) -> str:
    """Return why an argument is refused."""
    value = ours(table, name)
    unsupported = getattr(value, "_unsupported", {})
    if word in unsupported:
        return str(unsupported[word])
    return str(_reasons.argument(name, word, arguments(value))).partition("': ")[2]


def arguments(value: Any) -> set[str]:
    """Return the names of what a callable takes; of a class with those that it passes on."""
    if isinstance(value, type) and issubclass(value, Member):
        return set(_signatures.names(value))
    found: set[str] = set()
    for call in _calls(value):
        try:
            taken = inspect.signature(call).parameters.values()
        except (TypeError, ValueError):
            break
        kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        found |= {p.name for p in taken if p.kind not in kinds}
        if not any(p.kind is p.VAR_KEYWORD for p in taken):
            break
    return (found - {"self"}) | PASSED_ON.get(getattr(value, "__name__", ""), set())


def _calls(value: Any) -> Iterator[Any]:
    if not isinstance(value, type):
        yield value
        return
    for base in value.__mro__:
        if base is not object and "__init__" in vars(base):
            yield vars(base)["__init__"]


def takes(value: Any, word: str) -> bool:
    """Whether a callable of fanin takes an argument, under this name or another one."""
    known = arguments(value)
    if word in known or _reasons.renamed(word, known) is not None:
        return True
    return getattr(value, "__name__", "") in ("LeakyReLU",) and word == "alpha"


def decide(table: str, name: str, use: int, before: str | None, line: int) -> str:
    """Return the decision of a name."""
    if ours(table, name) is not None:
        return HAVE
    if before in (OUT, OTHER):
        return before
    if (reason(table, name) or "").startswith(OUTSIDE):
        return OUT
    return WILL if use >= line else REFUSED


def theirs(table: str) -> Iterator[tuple[str, Any]]:
    """Walk the public names of Keras or torch."""
    package, _, path = table.partition(".")
    owner = _owner(package, path)
    of_layers = set(dir(_owner("keras", "layers.Layer"))) if table == "keras.Model" else set()
    for name in dir(owner):
        value = getattr(owner, name, None)
        home = getattr(value, "__module__", None)
        if name.startswith("_") or name in of_layers:
            continue
        if inspect.ismodule(value) and table != "keras.datasets":
            continue
        if table == "torch.optim" and not isinstance(value, type):
            continue
        if table == "torch.nn.init" and home != table:
            continue
        if table.endswith("lr_scheduler") and (home != table or "Scheduler" in name):
            continue  # functions and bases of the schedules
        if table.endswith("lr_scheduler") and not isinstance(value, type):
            continue
        yield name, value


def derive(about: dict[str, Any], old: Tables, uses: dict[str, int]) -> Tables:
    """Return the tables for the Keras, torch and fanin that are installed.

    `uses` are counts by path, ``"keras.layers.Dense"`` or ``"keras.layers.Dense(units)"``; without
    them those of the old tables are kept.
    """
    tables: Tables = {}
    for table in TABLES:
        rows = tables[table] = {}
        for name, value in theirs(table):
            before = old[table].get(name)
            use = uses.get(f"{table}.{name}", 0) if uses else (before.use if before else 0)
            decision = decide(table, name, use, before.decision if before else None, about["line"])
            without = {}
            if decision == HAVE and callable(value) and table != "torch.optim.lr_scheduler":
                here = ours(table, name)
                for word in sorted(arguments(value) - EVERYWHERE):
                    if not takes(here, word):
                        kept = before.without.get(word, 0) if before else 0
                        call = f"{table}.{name}({word})"
                        without[word] = uses.get(call, 0) if uses else kept
            rows[name] = Row(use, decision, without)
    return tables


def main(command: str, folders: Iterable[str]) -> None:
    """Count, or write what is known."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras
    import torch

    about, old = read()
    uses: dict[str, int] = {}
    if command == "count":
        import scope_count

        about["counted"] = scope_count.about()
        uses = scope_count.count([Path(folder) for folder in folders], about["counted"])
    about["counted"]["keras"] = keras.__version__
    about["counted"]["torch"] = re.sub(r"\+.*", "", torch.__version__)
    tables = derive(about, old, uses)
    write(about, tables)
    for decision in (HAVE, OTHER, WILL, REFUSED, OUT):
        rows = [row for table in tables.values() for row in table.values()]
        print(decision, sum(row.decision == decision for row in rows))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
