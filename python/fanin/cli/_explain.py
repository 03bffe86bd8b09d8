"""``fanin explain``."""

import argparse
import re
from typing import Any

from fanin.cli._output import show

# Set off as people write shapes: 784,256  784x256  784 256  (784, 256)
_BETWEEN = re.compile(r"[\s,xX\xd7*()\[\]]+")


def add(commands: Any, name: str) -> argparse.ArgumentParser:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help="say what an initializer draws for a shape, and whether that suits an activation",
        description="Say what an initializer draws for a shape: formula, fans, variance, bounds, "
        "what torch, Keras and JAX draw under the same name, and what does not fit the activation.",
    )
    parser.add_argument(
        "initializer", metavar="INIT", help="NAME or NAME(argument=value,...); see fanin list"
    )
    parser.add_argument(
        "shape",
        metavar="SHAPE",
        nargs="+",
        help="of the weights, inputs first: 784,256 or 784x256 or 784 256",
    )
    parser.add_argument("--activation", metavar="ACTIVATION", help="what follows the layer")
    parser.set_defaults(command=_explain)
    return parser


def _explain(parsed: argparse.Namespace) -> int:
    from fanin.comparison.arms import Arm

    initializer = Arm(parsed.initializer).initializer
    explanation = initializer.explain(_shape(parsed.shape), activation=parsed.activation)
    return show(parsed.prog, lambda: print(explanation))


def _shape(words: list[str]) -> tuple[int, ...]:
    text = " ".join(words)
    sizes = [part for part in _BETWEEN.split(text) if part]
    if not sizes or not all(part.isdecimal() for part in sizes):
        raise ValueError(f"SHAPE: expected whole numbers such as 784,256, found {text!r}")
    return tuple(map(int, sizes))
