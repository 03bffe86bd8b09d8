"""What torch, Keras and JAX draw under the name of each initializer: a table, none installed.

Read in torch 2.15, Keras 3.15 and JAX 0.10; each row is compared with them in ``tests/peers``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from fanin.initializers._facts import Facts
from fanin.show.results import Result
from fanin.streams._base import STD_WITHIN_TWO


@dataclass(frozen=True, repr=False)
class Elsewhere(Result):
    """What one framework draws for these fans; `facts` is None where it refuses or lacks it."""

    framework: str
    call: str
    facts: Facts | None
    note: str = ""


_Row: TypeAlias = tuple[str, str, Callable[[float, float], Facts] | None, str]


def _within(limit: float, formula: str) -> Facts:
    return Facts(formula, 0.0, limit**2 / 3, -limit, limit)


def _normal(variance: float, formula: str) -> Facts:
    return Facts(formula, 0.0, variance, -math.inf, math.inf)


def _truncated(variance: float, formula: str) -> Facts:
    bound = 2 * math.sqrt(variance) / STD_WITHIN_TWO
    return Facts(formula, 0.0, variance, -bound, bound, "at ±2 std before correction")


def _glorot_uniform(i: float, o: float) -> Facts:
    return _within(math.sqrt(6 / (i + o)), "U(±sqrt(6 / (fan_in + fan_out)))")


def _glorot_normal(i: float, o: float) -> Facts:
    return _normal(2 / (i + o), "N(0, 2 / (fan_in + fan_out))")


def _glorot_truncated(i: float, o: float) -> Facts:
    return _truncated(2 / (i + o), "N(0, 2 / (fan_in + fan_out)), truncated")


def _he_uniform(i: float, o: float) -> Facts:
    return _within(math.sqrt(6 / i), "U(±sqrt(6 / fan_in))")


def _he_normal(i: float, o: float) -> Facts:
    return _normal(2 / i, "N(0, 2 / fan_in)")


def _he_truncated(i: float, o: float) -> Facts:
    return _truncated(2 / i, "N(0, 2 / fan_in), truncated")


def _lecun_uniform(i: float, o: float) -> Facts:
    return _within(math.sqrt(3 / i), "U(±sqrt(3 / fan_in))")


def _lecun_truncated(i: float, o: float) -> Facts:
    return _truncated(1 / i, "N(0, 1 / fan_in), truncated")


def _torch_linear(i: float, o: float) -> Facts:
    return _within(1 / math.sqrt(i), "U(±1 / sqrt(fan_in))")


def _plain(facts: Facts) -> Callable[[float, float], Facts]:
    """Make a row whose numbers do not depend on the fans."""
    return lambda i, o: facts


def _one_value(value: float) -> Callable[[float, float], Facts]:
    return _plain(Facts.constant(value))


_NO_VECTORS = "fewer than 2 dimensions are a ValueError"
_UNCORRECTED = "not corrected"

# Class name -> (framework, call, facts from the fans, note); a framework without a row lacks it.
TABLE: dict[str, list[_Row]] = {
    "GlorotUniform": [
        ("torch", "xavier_uniform_", _glorot_uniform, _NO_VECTORS),
        ("Keras", "GlorotUniform", _glorot_uniform, ""),
        ("JAX", "glorot_uniform", _glorot_uniform, _NO_VECTORS),
    ],
    "GlorotNormal": [
        ("torch", "xavier_normal_", _glorot_normal, _NO_VECTORS),
        ("Keras", "GlorotNormal", _glorot_truncated, ""),
        ("JAX", "glorot_normal", _glorot_truncated, _NO_VECTORS),
    ],
    "HeUniform": [
        ("torch", "kaiming_uniform_", _he_uniform, _NO_VECTORS),
        ("Keras", "HeUniform", _he_uniform, ""),
        ("JAX", "he_uniform", _he_uniform, _NO_VECTORS),
    ],
    "HeNormal": [
        ("torch", "kaiming_normal_", _he_normal, _NO_VECTORS),
        ("Keras", "HeNormal", _he_truncated, ""),
        ("JAX", "he_normal", _he_truncated, _NO_VECTORS),
    ],
    "LecunUniform": [
        ("Keras", "LecunUniform", _lecun_uniform, ""),
        ("JAX", "lecun_uniform", _lecun_uniform, _NO_VECTORS),
    ],
    "LecunNormal": [
        ("Keras", "LecunNormal", _lecun_truncated, ""),
        ("JAX", "lecun_normal", _lecun_truncated, _NO_VECTORS),
    ],
    "VarianceScaling": [
        ("Keras", "VarianceScaling", _lecun_truncated, "its defaults; normal means truncated"),
        ("JAX", "variance_scaling", None, "has no defaults; normal means not truncated"),
    ],
    "RandomUniform": [
        ("torch", "uniform_", _plain(Facts.uniform("U[0, 1)", 0.0, 1.0)), ""),
        ("Keras", "RandomUniform", _plain(Facts.uniform("U[-0.05, 0.05)", -0.05, 0.05)), ""),
        ("JAX", "uniform", _plain(Facts.uniform("U[0, 0.01)", 0.0, 0.01)), ""),
    ],
    "RandomNormal": [
        ("torch", "normal_", _plain(Facts.normal("N(0, 1)", 0.0, 1.0)), ""),
        ("Keras", "RandomNormal", _plain(Facts.normal("N(0, 0.05²)", 0.0, 0.05)), ""),
        ("JAX", "normal", _plain(Facts.normal("N(0, 0.01²)", 0.0, 0.01)), ""),
    ],
    "TruncatedNormal": [
        (
            "torch",
            "trunc_normal_",
            _plain(Facts.truncated("N(0, 1) within [-2, 2]", 0.0, 1.0, -2.0, 2.0)),
            "bounds are values, not multiples of std",
        ),
        (
            "Keras",
            "TruncatedNormal",
            _plain(Facts.truncated("N(0, 0.05²) within ±2 std", 0.0, 0.05, -2.0, 2.0)),
            _UNCORRECTED,
        ),
        (
            "JAX",
            "truncated_normal",
            _plain(Facts.truncated("N(0, 0.01²) within ±2 std", 0.0, 0.01, -2.0, 2.0)),
            _UNCORRECTED,
        ),
    ],
    "Zeros": [
        ("torch", "zeros_", _one_value(0.0), ""),
        ("Keras", "Zeros", _one_value(0.0), ""),
        ("JAX", "zeros", _one_value(0.0), ""),
    ],
    "Ones": [
        ("torch", "ones_", _one_value(1.0), ""),
        ("Keras", "Ones", _one_value(1.0), ""),
        ("JAX", "ones", _one_value(1.0), ""),
    ],
    "Constant": [
        ("torch", "constant_", None, "no default value"),
        ("Keras", "Constant", _one_value(0.0), "the default"),
        ("JAX", "constant", None, "no default value"),
    ],
    "Identity": [
        ("torch", "eye_", None, "the same, without a gain"),
        ("Keras", "Identity", None, "the same"),
    ],
    "Orthogonal": [
        ("torch", "orthogonal_", None, "flattened to (shape[0], rest)"),
        ("Keras", "Orthogonal", None, "flattened to (rest, shape[-1])"),
        ("JAX", "orthogonal", None, "flattened to (rest, shape[-1])"),
    ],
    "DeltaOrthogonal": [("JAX", "delta_orthogonal", None, "the same")],
    "Dirac": [("torch", "dirac_", None, "the same, in the layout (out, in, ...)")],
    "Sparse": [("torch", "sparse_", None, "the same, column by column")],
    "TorchDefault": [("torch", "Linear.reset_parameters", _torch_linear, "weight and bias")],
}
FRAMEWORKS = ("torch", "Keras", "JAX")


def elsewhere(
    name: str,
    fans: tuple[float, float] | None,
    ndim: int,
    theirs: tuple[float, float] | None = None,
) -> tuple[Elsewhere, ...]:
    """Return what each framework draws under the name of the class called `name`.

    `theirs` are the fans as they count them, where those are not `fans`.
    """
    i, o = (max(fan, 1.0) for fan in theirs or fans or (1.0, 1.0))
    counted = f"counts fans in {i:g}, out {o:g}" if theirs not in (None, fans) else ""
    rows = {row[0]: row for row in TABLE.get(name, [])}
    found = []
    for framework in FRAMEWORKS:
        _, call, facts, note = rows.get(framework, (framework, "", None, "has none"))
        refused = note == _NO_VECTORS and ndim < 2
        if note == _NO_VECTORS and not refused:
            note = ""
        numbers = facts(i, o) if facts and not refused else None
        note = "; ".join(part for part in (note, counted if numbers else "") if part)
        found.append(Elsewhere(framework, call, numbers, note))
    return tuple(found)
