"""The types of what fanin takes and returns, for annotations in code that calls it.

>>> from fanin.typing import FloatArray, InitializerLike
>>> def spread(initializer: InitializerLike, weights: FloatArray) -> float: ...

Names are literals beside `str`: an editor completes them, and takes a variable too. What ends in
``Like`` is whatever an argument takes; None is not part of it.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fanin._absences import _absent
from fanin._checks import FloatArray
from fanin.callbacks._base import Logs
from fanin.comparison import Arm
from fanin.constraints import Constraint
from fanin.initializers import Initializer
from fanin.initializers._arguments import Array as WeightArray
from fanin.layers import Layer
from fanin.losses import Loss
from fanin.losses._own import DifferentiableLoss
from fanin.metrics import Metric
from fanin.models import Model
from fanin.optimizers import Optimizer
from fanin.random import RandomSource, Rng
from fanin.regularizers import Regularizer
from fanin.theory.nonlinearity import Nonlinearity

__all__ = [
    "ActivationFunction",
    "ActivationLike",
    "ActivationName",
    "ArmLike",
    "BatchesLike",
    "Config",
    "ConstraintLike",
    "DataLike",
    "DifferentiableLoss",
    "DtypeName",
    "Evaluation",
    "FloatArray",
    "InitializerLike",
    "InitializerName",
    "InputsLike",
    "KerasModel",
    "LayerArguments",
    "Logs",
    "LossFunction",
    "LossLike",
    "LossName",
    "LossWeightsLike",
    "LossesLike",
    "MetricLike",
    "MetricName",
    "MetricsLike",
    "ModelLike",
    "NonlinearityLike",
    "NonlinearityName",
    "OptimizerLike",
    "OptimizerName",
    "RandomSource",
    "RegularizerLike",
    "Rng",
    "TargetsLike",
    "TorchModel",
    "Validation",
    "Verbose",
    "WeightArray",
    "WeightsLike",
]

# Arrays and settings.

DtypeName: TypeAlias = Literal["float32", "float64"]
"""The dtypes of networks."""
Config: TypeAlias = dict[str, object]
"""What `get_config` and `serialize` return: arguments by name, for `from_config`."""
Verbose: TypeAlias = Literal["auto", 0, 1, 2] | int | str
"""How much `fit`, `evaluate` and `predict` print."""
BatchesLike: TypeAlias = Iterable[Any]
"""What gives batches ``(x, y)`` or ``(x, y, sample_weight)``: a generator, a
`fanin.utils.PyDataset`, a torch DataLoader."""
InputsLike: TypeAlias = ArrayLike | Sequence[ArrayLike] | Mapping[str, ArrayLike]
"""What a model is given: an array, or one for each of its inputs, in order or by name."""
TargetsLike: TypeAlias = ArrayLike | Sequence[ArrayLike | None] | Mapping[str, ArrayLike | None]
"""Targets: an array, or one for each output of a model, in order or by name."""
WeightsLike: TypeAlias = TargetsLike
"""Weights of samples: an array for all outputs, or one for each, in order or by name."""
Validation: TypeAlias = (
    tuple[InputsLike, TargetsLike]
    | tuple[InputsLike, TargetsLike, WeightsLike]
    | Sequence[ArrayLike]
    | BatchesLike
)
"""What `validation_data` takes: samples, targets and perhaps weights, or batches of them."""

if TYPE_CHECKING:

    class Evaluation(float, list[float]):  # type: ignore[misc]
        """What `evaluate` returns: a float, or where there are metrics a list of floats.

        Which of them is known to who compiled the model, not to a type checker: it takes both
        ``loss, accuracy = model.evaluate(x, y)`` and ``model.evaluate(x, y) < 0.1``.
        """
else:
    Evaluation = float | list[float]

# Names; `tests/package/test_typing.py` compares them with the registries.

ActivationName: TypeAlias = Literal[
    "celu",
    "elu",
    "exponential",
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]
"""The activations that layers have."""
NonlinearityName: TypeAlias = ActivationName | Literal["sin"]
"""The activations that layers have, and those that theory knows beside them."""
LossName: TypeAlias = Literal[
    "bce",
    "BinaryCrossentropy",
    "binary_crossentropy",
    "BinaryFocalCrossentropy",
    "binary_focal_crossentropy",
    "CategoricalCrossentropy",
    "categorical_crossentropy",
    "CategoricalFocalCrossentropy",
    "categorical_focal_crossentropy",
    "CategoricalHinge",
    "categorical_hinge",
    "CosineSimilarity",
    "cosine_similarity",
    "Hinge",
    "hinge",
    "Huber",
    "huber",
    "kld",
    "KLDivergence",
    "kl_divergence",
    "kullback_leibler_divergence",
    "LogCosh",
    "log_cosh",
    "logcosh",
    "mae",
    "mape",
    "MeanAbsoluteError",
    "mean_absolute_error",
    "MeanAbsolutePercentageError",
    "mean_absolute_percentage_error",
    "MeanPinballLoss",
    "mean_pinball_loss",
    "MeanSquaredError",
    "mean_squared_error",
    "MeanSquaredLogarithmicError",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "Poisson",
    "poisson",
    "SparseCategoricalCrossentropy",
    "sparse_categorical_crossentropy",
    "SquaredHinge",
    "squared_hinge",
]
"""The losses, by all their names."""
MetricName: TypeAlias = Literal[
    "acc",
    "Accuracy",
    "accuracy",
    "AUC",
    "auc",
    "bce",
    "BinaryAccuracy",
    "binary_accuracy",
    "BinaryCrossentropy",
    "binary_crossentropy",
    "CategoricalAccuracy",
    "categorical_accuracy",
    "CategoricalCrossentropy",
    "categorical_crossentropy",
    "CategoricalHinge",
    "categorical_hinge",
    "CosineSimilarity",
    "cosine_similarity",
    "F1Score",
    "f1_score",
    "FalseNegatives",
    "false_negatives",
    "FalsePositives",
    "false_positives",
    "FBetaScore",
    "fbeta_score",
    "Hinge",
    "hinge",
    "KLDivergence",
    "kl_divergence",
    "LogCoshError",
    "log_cosh_error",
    "mae",
    "mape",
    "Mean",
    "mean",
    "MeanAbsoluteError",
    "mean_absolute_error",
    "MeanAbsolutePercentageError",
    "mean_absolute_percentage_error",
    "MeanSquaredError",
    "mean_squared_error",
    "MeanSquaredLogarithmicError",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "Poisson",
    "poisson",
    "Precision",
    "precision",
    "PrecisionAtRecall",
    "precision_at_recall",
    "R2Score",
    "r2_score",
    "Recall",
    "recall",
    "RecallAtPrecision",
    "recall_at_precision",
    "RootMeanSquaredError",
    "root_mean_squared_error",
    "SensitivityAtSpecificity",
    "sensitivity_at_specificity",
    "SparseCategoricalAccuracy",
    "sparse_categorical_accuracy",
    "SparseCategoricalCrossentropy",
    "sparse_categorical_crossentropy",
    "SparseTopKCategoricalAccuracy",
    "sparse_top_k_categorical_accuracy",
    "SpecificityAtSensitivity",
    "specificity_at_sensitivity",
    "SquaredHinge",
    "squared_hinge",
    "Sum",
    "sum",
    "TopKCategoricalAccuracy",
    "top_k_categorical_accuracy",
    "TrueNegatives",
    "true_negatives",
    "TruePositives",
    "true_positives",
]
"""The metrics, by all their names."""
OptimizerName: TypeAlias = Literal[
    "Adadelta",
    "adadelta",
    "Adafactor",
    "adafactor",
    "Adagrad",
    "adagrad",
    "Adam",
    "adam",
    "AdamW",
    "adamw",
    "Adamax",
    "adamax",
    "Ftrl",
    "ftrl",
    "Lamb",
    "lamb",
    "LBFGS",
    "lbfgs",
    "Lion",
    "lion",
    "Muon",
    "muon",
    "Nadam",
    "nadam",
    "RMSprop",
    "rmsprop",
    "SGD",
    "sgd",
]
"""The optimizers."""
InitializerName: TypeAlias = Literal[
    "Beta",
    "beta",
    "Cauchy",
    "cauchy",
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
    "Laplace",
    "laplace",
    "lecun_normal",
    "lecun_uniform",
    "LecunNormal",
    "LecunUniform",
    "Logistic",
    "logistic",
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
    "StudentT",
    "student_t",
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
"""The initializers, by all their names."""

# What arguments take.


class TorchModel(Protocol):
    """A ``torch.nn.Module``, as far as it can be told without torch."""

    training: bool

    def parameters(self, recurse: bool = True) -> Iterator[object]:
        """Return the parameters."""


class KerasModel(Protocol):
    """A ``keras.Model`` or layer, as far as it can be told without Keras."""

    def get_weights(self) -> object:
        """Return the arrays."""


ModelLike: TypeAlias = Model | TorchModel | KerasModel
"""What is measured or initialized: a model of fanin, of torch or of Keras."""


class ActivationFunction(Protocol):
    """A function of `fanin.activations`, with or without options, or a layer that is one."""

    def __call__(self, x: ArrayLike, /) -> FloatArray:
        """Return the outputs for `x`."""


class LossFunction(Protocol):
    """A function of `fanin.losses`."""

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, /) -> FloatArray:
        """Return the loss of each row."""


ActivationLike: TypeAlias = ActivationName | str | ActivationFunction | Layer | Mapping[str, object]
"""A layer's activation: a name, a function, a layer or a configuration."""
NonlinearityLike: TypeAlias = (
    NonlinearityName
    | str
    | Callable[[NDArray[np.float64]], ArrayLike]
    | Layer
    | Mapping[str, object]
    | Nonlinearity
)
"""What theory takes: a name, a configuration, or a function of arrays."""
InitializerLike: TypeAlias = (
    InitializerName
    | str
    | Initializer
    | type[Initializer]
    | Callable[[tuple[int, ...], str], ArrayLike]
    | Callable[..., ArrayLike]
    | Mapping[str, object]
)
"""An initializer: a name, an object or class, a configuration, or a function of shape and dtype."""
RegularizerLike: TypeAlias = (
    Literal["l1", "l2", "l1_l2", "orthogonal_regularizer"]
    | str
    | Regularizer
    | type[Regularizer]
    | Mapping[str, object]
)
"""A regularizer: a name, an object or class, or a configuration."""
ConstraintLike: TypeAlias = (
    Literal["max_norm", "min_max_norm", "non_neg", "unit_norm"]
    | str
    | Constraint
    | type[Constraint]
    | Mapping[str, object]
)
"""A constraint: a name, an object or class, or a configuration."""
ArmLike: TypeAlias = InitializerLike | Arm
"""An arm of `fanin.compare`."""
DataLike: TypeAlias = (
    Literal["small", "fashion-mnist"]
    | str
    | os.PathLike[str]
    | tuple[tuple[ArrayLike, ArrayLike], tuple[ArrayLike, ArrayLike]]
)
"""The data of `fanin.compare`: a name, a ``.npz`` file, or training and test arrays."""
LossLike: TypeAlias = (
    LossName
    | str
    | Loss
    | DifferentiableLoss
    | type[Loss]
    | type[DifferentiableLoss]
    | LossFunction
    | Callable[[Any, Any], Any]
    | Mapping[str, object]
)
"""A loss: a name, an object or class, a function of `fanin.losses` or over `fanin.ops`, or a
configuration."""
MetricLike: TypeAlias = (
    MetricName
    | str
    | Metric
    | type[Metric]
    | LossFunction
    | Callable[[NDArray[Any], NDArray[Any]], ArrayLike]
    | Mapping[str, object]
)
"""A metric: a name, an object or class, a function of targets and outputs, or a configuration."""
LossesLike: TypeAlias = LossLike | Sequence[LossLike | None] | Mapping[str, LossLike | None]
"""The loss of a model: one, or one for each output, in order or by name."""
LossWeightsLike: TypeAlias = float | Sequence[float | None] | Mapping[str, float | None]
"""What the loss of each output is multiplied by in their sum."""
MetricsLike: TypeAlias = (
    Sequence[MetricLike | Sequence[MetricLike] | None]
    | Mapping[str, MetricLike | Sequence[MetricLike] | None]
)
"""The metrics of a model: a list, or one for each output, in order or by name."""
OptimizerLike: TypeAlias = OptimizerName | str | Optimizer | type[Optimizer] | Mapping[str, object]
"""An optimizer: a name, an object or class, or a configuration."""


class LayerArguments(TypedDict, total=False):
    """What every layer takes by name, beside its own arguments; see `fanin.layers.Layer`."""

    name: str | None
    dtype: DtypeName | DTypeLike | None
    trainable: bool
    input_shape: Sequence[int] | int | None
    input_dim: int | None
    batch_input_shape: Sequence[int | None] | None
    activity_regularizer: RegularizerLike | None


_absent.guard(__name__)
