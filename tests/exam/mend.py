"""Applying a fix: the line is run as it is printed, in a program that has the user's names."""

import ast
from typing import Any

from exam.grade import grave
from exam.sides import side
from exam.sides.session import Session

_NAMES = ("model", "x", "y", "loss", "optimizer")


def apply(session: Session, code: str, layers: tuple[str, ...]) -> None:
    """Run a line of code, and use what it changes.

    What it assigns to the names of the session counts. If it is an expression, its value does: an
    optimizer is trained with, a layer takes the place of each of `layers`.

    Parameters
    ----------
    session : Session
        The names that the line may use; changed.
    code : str
        The line.
    layers : tuple of str
        The layers that the finding names.
    """
    made = side(session.network.framework)
    names = {**made.scope(session), **{name: getattr(session, name) for name in _NAMES}}
    tree = ast.parse(code)
    last = tree.body[-1]
    value = None
    if isinstance(last, ast.Expr):
        tree.body.pop()
        exec(compile(tree, "<fix>", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "<fix>", "eval"), names)
    else:
        exec(compile(tree, "<fix>", "exec"), names)
    for name in _NAMES:
        setattr(session, name, names[name])
    made.take(session, value, layers)


def top_fix(findings: Any) -> tuple[str, tuple[str, ...]]:
    """Return the code of the first finding that is more than a note, and the layers it names."""
    found = grave(findings)
    return (found[0].fix, found[0].layers) if found else ("", ())
