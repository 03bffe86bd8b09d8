"""Initializers: what an array of weights holds before training.

Named, called and configured as in Keras. Two things differ: an initializer without a seed gives new
values at every call, and one with a seed that several layers of a network share gives each of them
its own. The weight layout is ``(fan_in, fan_out)``.
"""

from fanin.initializers._base import Initializer, RandomInitializer
from fanin.initializers._constant import Constant, Identity, Ones, Zeros
from fanin.initializers._documents import he_init, xavier_init
from fanin.initializers._random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from fanin.initializers._registry import deserialize, get, serialize
from fanin.initializers._variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

# The older names of Keras and TensorFlow.
XavierNormal = xavier_normal = glorot_normal = GlorotNormal
XavierUniform = xavier_uniform = glorot_uniform = GlorotUniform
IdentityInitializer = identity = Identity
OrthogonalInitializer = orthogonal = orthogonal_initializer = Orthogonal
constant = constant_initializer = Constant
he_normal = HeNormal
he_uniform = HeUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = ones_initializer = Ones
random_normal = random_normal_initializer = RandomNormal
random_uniform = random_uniform_initializer = RandomUniform
truncated_normal = truncated_normal_initializer = TruncatedNormal
variance_scaling = variance_scaling_initializer = VarianceScaling
zeros = zeros_initializer = Zeros

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "XavierNormal",
    "XavierUniform",
    "Zeros",
    "constant",
    "constant_initializer",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_init",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "ones_initializer",
    "orthogonal",
    "orthogonal_initializer",
    "random_normal",
    "random_normal_initializer",
    "random_uniform",
    "random_uniform_initializer",
    "serialize",
    "truncated_normal",
    "truncated_normal_initializer",
    "variance_scaling",
    "variance_scaling_initializer",
    "xavier_init",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
    "zeros_initializer",
]
