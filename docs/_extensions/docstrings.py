"""Every public docstring is what numpydoc asks for; the build warns of what is not."""

import dataclasses
import inspect
from collections.abc import Iterator
from typing import is_typeddict

from fanin import init
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate
from reference import Thing, members, things
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

NOT_ASKED = {
    "ES01": "a summary of one line may say all",
    "SA01": "not every name has others beside it",
    "GL08": "reported by ruff (D1), which also knows what a magic method is",
    "PR08": "a description may start with a name as it is in code, which is lower case",
    "RT04": "likewise",
}
NOT_ASKED_OF_METHODS = {
    "EX01": "the example of the class shows them",
    "PR01": "a method of one sentence has its arguments from the class; with a section it is whole",
    "RT01": "likewise",
}
NOT_ASKED_OF_RESULTS = {
    "PR01": "the fields of what functions return are under Attributes, and nobody passes them",
    "EX01": "the example of the function that returns them shows them",
}
NOT_ASKED_OF_PROTOCOLS = {
    "PR01": "it has no arguments: it is what an argument of ours is",
    "EX01": "the example of its module shows how such names are used",
}
NOT_ASKED_OF_ERRORS = {"EX01": "the example of what raises them shows them"}
_IN_RUST = {
    "GL02": "a comment in Rust ends without a line of its own",
    "EX01": "nothing shows but a number that depends on the machine",
}
_DEPRECATED = dict.fromkeys(
    ("PR01", "RT01", "EX01"), "the page of the name with the underscore has them"
)
NOT_ASKED_OF = {
    "fanin.get_num_threads": _IN_RUST,
    "fanin.set_num_threads": _IN_RUST,
    **{f"fanin.init.{name}": _DEPRECATED for name in init.__all__ if f"{name}_" in init.__all__},
}


def wrong() -> Iterator[tuple[str, str, str]]:
    """Yield name, numpydoc's code and what is wrong, for every public docstring."""
    for thing in things():
        if thing.kind in ("module", "data"):
            continue
        yield from _wrong(thing.path, _excused(thing))
        if isinstance(thing.value, type):
            for name, _ in members(thing.value)[0]:
                yield from _wrong(f"{thing.path}.{name}", set(NOT_ASKED_OF_METHODS))


def _wrong(path: str, excused: set[str]) -> Iterator[tuple[str, str, str]]:
    found = validate(path)
    excused = excused | set(NOT_ASKED) | set(NOT_ASKED_OF.get(path, {}))
    if "Parameters\n" in found["docstring"]:
        excused -= {"PR01"}
    for code, text in found["errors"]:
        if code not in excused:
            yield path, code, text


def _excused(thing: Thing) -> set[str]:
    if not isinstance(thing.value, type):
        return set()
    fields = NumpyDocString(inspect.getdoc(thing.value) or "")["Attributes"]
    if thing.kind == "exception":
        return set(NOT_ASKED_OF_ERRORS)
    if is_typeddict(thing.value) or getattr(thing.value, "_is_protocol", False):
        return set(NOT_ASKED_OF_PROTOCOLS)
    if dataclasses.is_dataclass(thing.value) or fields:
        return set(NOT_ASKED_OF_RESULTS)
    return set()


def check(app: Sphinx) -> None:
    """Warn of each."""
    for path, code, text in wrong():
        getLogger(__name__).warning("docstring of %s: %s %s", path, code, text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look before anything is read."""
    app.connect("builder-inited", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
