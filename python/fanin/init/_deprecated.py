"""torch's old names, without the underscore: they warn."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from fanin._warn import warn
from fanin.init import _distributions, _fixed, _matrices, _scaled

R = TypeVar("R")
P = ParamSpec("P")


def _deprecated(function: Callable[P, R]) -> Callable[P, R]:
    new = function.__name__
    old = new.removesuffix("_")

    @functools.wraps(function)
    def warning(*args: P.args, **kwargs: P.kwargs) -> R:
        warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.",
            FutureWarning,
        )
        return function(*args, **kwargs)

    warning.__name__ = warning.__qualname__ = old
    warning.__doc__ = f"Warn, and do what :func:`{new}` does."
    return warning


uniform = _deprecated(_distributions.uniform_)
normal = _deprecated(_distributions.normal_)
constant = _deprecated(_fixed.constant_)
eye = _deprecated(_fixed.eye_)
dirac = _deprecated(_fixed.dirac_)
xavier_uniform = _deprecated(_scaled.xavier_uniform_)
xavier_normal = _deprecated(_scaled.xavier_normal_)
kaiming_uniform = _deprecated(_scaled.kaiming_uniform_)
kaiming_normal = _deprecated(_scaled.kaiming_normal_)
orthogonal = _deprecated(_matrices.orthogonal_)
sparse = _deprecated(_matrices.sparse_)
