"""Initializers: what an array of weights holds before training.

Named, called and configured as in Keras. Two things differ: an initializer without a seed gives new
values at every call, and one with a seed that several layers of a network share gives each of them
its own. The weight layout is ``(fan_in, fan_out)``.
"""

from typing import TYPE_CHECKING

from fanin._absences import _absent
from fanin.initializers import _registry
from fanin.initializers._base import Initializer, RandomInitializer
from fanin.initializers._constant import Constant, Identity, Ones, Zeros
from fanin.initializers._documents import he_init, xavier_init
from fanin.initializers._looks_linear import LooksLinear
from fanin.initializers._orthogonal import DeltaOrthogonal, Orthogonal
from fanin.initializers._presets import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    SklearnDefault,
    TorchDefault,
)
from fanin.initializers._random import RandomNormal, RandomUniform, TruncatedNormal
from fanin.initializers._registry import deserialize, get, serialize
from fanin.initializers._structured import Dirac, Sparse, ZerO
from fanin.initializers._variance_scaling import VarianceScaling

if TYPE_CHECKING:  # there when it is first asked for
    from fanin.initializers._explain import Explanation
    from fanin.initializers._inverse import (
        Beta,
        Cauchy,
        Laplace,
        Logistic,
        StudentT,
        beta,
        cauchy,
        laplace,
        logistic,
        student_t,
    )

# The names of instances, and the older ones of Keras and TensorFlow; JAX's Kaiming.
XavierNormal = xavier_normal = glorot_normal = GlorotNormal
XavierUniform = xavier_uniform = glorot_uniform = GlorotUniform
IdentityInitializer = identity = Identity
OrthogonalInitializer = orthogonal = orthogonal_initializer = Orthogonal
constant = constant_initializer = Constant
delta_orthogonal = DeltaOrthogonal
dirac = Dirac
eye = Identity
he_normal = kaiming_normal = HeNormal
he_uniform = kaiming_uniform = HeUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
looks_linear = LooksLinear
ones = ones_initializer = Ones
random_normal = random_normal_initializer = RandomNormal
random_uniform = random_uniform_initializer = RandomUniform
sklearn_default = SklearnDefault
sparse = Sparse
torch_default = TorchDefault
truncated_normal = truncated_normal_initializer = TruncatedNormal
variance_scaling = variance_scaling_initializer = VarianceScaling
zero_init = ZerO
zeros = zeros_initializer = Zeros

__all__ = [
    "Beta",
    "Cauchy",
    "Constant",
    "DeltaOrthogonal",
    "Dirac",
    "Explanation",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "Laplace",
    "LecunNormal",
    "LecunUniform",
    "Logistic",
    "LooksLinear",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomInitializer",
    "RandomNormal",
    "RandomUniform",
    "SklearnDefault",
    "Sparse",
    "StudentT",
    "TorchDefault",
    "TruncatedNormal",
    "VarianceScaling",
    "XavierNormal",
    "XavierUniform",
    "ZerO",
    "Zeros",
    "beta",
    "cauchy",
    "constant",
    "constant_initializer",
    "delta_orthogonal",
    "deserialize",
    "dirac",
    "eye",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_init",
    "he_normal",
    "he_uniform",
    "identity",
    "kaiming_normal",
    "kaiming_uniform",
    "laplace",
    "lecun_normal",
    "lecun_uniform",
    "logistic",
    "looks_linear",
    "ones",
    "ones_initializer",
    "orthogonal",
    "orthogonal_initializer",
    "random_normal",
    "random_normal_initializer",
    "random_uniform",
    "random_uniform_initializer",
    "serialize",
    "sklearn_default",
    "sparse",
    "student_t",
    "torch_default",
    "truncated_normal",
    "truncated_normal_initializer",
    "variance_scaling",
    "variance_scaling_initializer",
    "xavier_init",
    "xavier_normal",
    "xavier_uniform",
    "zero_init",
    "zeros",
    "zeros_initializer",
]

_INVERSE = ("Beta", "Cauchy", "Laplace", "Logistic", "StudentT")
_LATER = {
    "Explanation": "fanin.initializers._explain",
    **dict.fromkeys(_INVERSE, "fanin.initializers._inverse"),
    **dict.fromkeys(_registry.LATE, "fanin.initializers._inverse"),
}

_absent.guard(__name__, _LATER)
