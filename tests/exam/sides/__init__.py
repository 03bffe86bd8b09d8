"""The frameworks: each makes a network of its own layers, trains it, and applies a line of code."""

import importlib
from importlib.util import find_spec
from typing import Any

NAMES = ("fanin", "torch", "keras")


def side(framework: str) -> Any:
    """Return the module of a framework; it has the functions that `fanin_side` documents."""
    return importlib.import_module(f"exam.sides.{framework}_side")


def installed(framework: str) -> bool:
    """Whether a framework can be imported here."""
    return find_spec(framework) is not None
