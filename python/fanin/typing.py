"""The types of what fanin takes and returns, for annotations in code that calls it.

>>> from fanin.typing import FloatArray, InitializerLike
>>> def spread(initializer: InitializerLike, weights: FloatArray) -> float: ...

Names are literals beside `str`: an editor completes them, and takes a variable too. What ends in
``Like`` is whatever an argument takes; None is not part of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fanin import _absent
from fanin.initializers import Initializer
from fanin.layers import Layer
from fanin.losses import Loss
from fanin.metrics import Metric
from fanin.optimizers import Optimizer
from fanin.random import RandomSource, Rng
from fanin.theory.nonlinearity import Nonlinearity

__all__ = [
    "ActivationFunction",
    "ActivationLike",
    "ActivationName",
    "Config",
    "DtypeName",
    "FloatArray",
    "InitializerLike",
    "InitializerName",
    "LayerArguments",
    "LossFunction",
    "LossLike",
    "LossName",
    "MetricLike",
    "MetricName",
    "NonlinearityLike",
    "NonlinearityName",
    "OptimizerLike",
    "OptimizerName",
    "RandomSource",
    "Rng",
    "Validation",
    "Verbose",
    "WeightArray",
]

# Arrays and settings.

FloatArray: TypeAlias = NDArray[np.float32 | np.float64]
"""Parameters, gradients, outputs: in the dtype of the network or of the argument."""
WeightArray: TypeAlias = NDArray[np.float16 | np.float32 | np.float64]
"""What initializers return."""
DtypeName: TypeAlias = Literal["float32", "float64"]
"""The dtypes of networks."""
Config: TypeAlias = dict[str, object]
"""What `get_config` and `serialize` return: arguments by name, for `from_config`."""
Verbose: TypeAlias = Literal["auto", 0, 1, 2] | int | str
"""How much `fit`, `evaluate` and `predict` print."""
Validation: TypeAlias = (
    tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike] | Sequence[ArrayLike]
)
"""What `validation_data` takes: samples, targets and perhaps weights."""

# Names; `tests/test_typing.py` compares them with the registries.

ActivationName: TypeAlias = Literal[
    "elu",
    "gelu",
    "leaky_relu",
    "linear",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]
NonlinearityName: TypeAlias = (
    ActivationName
    | Literal[
        "exponential",
        "hard_sigmoid",
        "hard_silu",
        "hard_swish",
        "hard_tanh",
        "log_sigmoid",
        "mish",
        "relu6",
        "sin",
    ]
)
"""The activations that layers have, and those that theory knows beside them."""
LossName: TypeAlias = Literal[
    "bce",
    "binary_crossentropy",
    "BinaryCrossentropy",
    "categorical_crossentropy",
    "CategoricalCrossentropy",
    "mae",
    "mean_absolute_error",
    "mean_squared_error",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "mse",
    "sparse_categorical_crossentropy",
    "SparseCategoricalCrossentropy",
]
MetricName: TypeAlias = Literal[
    "acc",
    "accuracy",
    "binary_accuracy",
    "BinaryAccuracy",
    "categorical_accuracy",
    "CategoricalAccuracy",
    "mae",
    "mean_absolute_error",
    "mean_squared_error",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "mse",
    "sparse_categorical_accuracy",
    "SparseCategoricalAccuracy",
]
OptimizerName: TypeAlias = Literal[
    "Adagrad", "adagrad", "Adam", "adam", "RMSprop", "rmsprop", "SGD", "sgd"
]
InitializerName: TypeAlias = Literal[
    "Constant",
    "constant",
    "constant_",
    "delta_orthogonal",
    "DeltaOrthogonal",
    "Dirac",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "glorot_normal",
    "glorot_uniform",
    "GlorotNormal",
    "GlorotUniform",
    "he_normal",
    "he_uniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "identity",
    "IdentityInitializer",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "lecun_normal",
    "lecun_uniform",
    "LecunNormal",
    "LecunUniform",
    "looks_linear",
    "LooksLinear",
    "normal",
    "normal_",
    "one",
    "Ones",
    "ones",
    "ones_",
    "Orthogonal",
    "orthogonal",
    "orthogonal_",
    "OrthogonalInitializer",
    "random_normal",
    "random_uniform",
    "RandomNormal",
    "RandomUniform",
    "sklearn_default",
    "SklearnDefault",
    "Sparse",
    "sparse",
    "sparse_",
    "torch_default",
    "TorchDefault",
    "trunc_normal_",
    "truncated_normal",
    "TruncatedNormal",
    "uniform",
    "uniform_",
    "variance_scaling",
    "VarianceScaling",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "XavierNormal",
    "XavierUniform",
    "ZerO",
    "zero",
    "zero_init",
    "Zeros",
    "zeros",
    "zeros_",
]

# What arguments take.

ActivationFunction: TypeAlias = Callable[..., FloatArray]
"""A function of `fanin.activations`."""
LossFunction: TypeAlias = Callable[..., FloatArray]
"""A function of `fanin.losses`."""
ActivationLike: TypeAlias = ActivationName | str | ActivationFunction | Layer | Mapping[str, object]
NonlinearityLike: TypeAlias = (
    NonlinearityName | str | Callable[..., ArrayLike] | Layer | Mapping[str, object] | Nonlinearity
)
InitializerLike: TypeAlias = (
    InitializerName
    | str
    | Initializer
    | type[Initializer]
    | Callable[..., ArrayLike]
    | Mapping[str, object]
)
LossLike: TypeAlias = LossName | str | Loss | type[Loss] | LossFunction | Mapping[str, object]
MetricLike: TypeAlias = (
    MetricName | str | Metric | type[Metric] | LossFunction | Mapping[str, object]
)
OptimizerLike: TypeAlias = OptimizerName | str | Optimizer | type[Optimizer] | Mapping[str, object]


class LayerArguments(TypedDict, total=False):
    """What every layer takes by name, beside its own arguments; see `fanin.layers.Layer`."""

    name: str | None
    dtype: DtypeName | DTypeLike | None
    trainable: bool
    input_shape: Sequence[int] | int | None
    input_dim: int | None
    batch_input_shape: Sequence[int | None] | None


_absent.guard(__name__)
