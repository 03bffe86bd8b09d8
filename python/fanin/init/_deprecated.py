"""torch's old names, without the underscore: they warn."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from fanin._checks import warn
from fanin.init import _distributions, _fixed, _matrices, _scaled

__all__ = [
    "constant",
    "dirac",
    "eye",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "orthogonal",
    "sparse",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
]

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


if TYPE_CHECKING:  # the signatures; a decorator would lose what makes them generic
    from fanin.init._distributions import normal_ as normal
    from fanin.init._distributions import uniform_ as uniform
    from fanin.init._fixed import constant_ as constant
    from fanin.init._fixed import dirac_ as dirac
    from fanin.init._fixed import eye_ as eye
    from fanin.init._matrices import orthogonal_ as orthogonal
    from fanin.init._matrices import sparse_ as sparse
    from fanin.init._scaled import kaiming_normal_ as kaiming_normal
    from fanin.init._scaled import kaiming_uniform_ as kaiming_uniform
    from fanin.init._scaled import xavier_normal_ as xavier_normal
    from fanin.init._scaled import xavier_uniform_ as xavier_uniform
else:
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
