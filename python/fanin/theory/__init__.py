"""What theory says of signals and gradients before training; docs/theory.md has the formulas."""

from fanin._absences import _absent
from fanin.theory.bands import Band
from fanin.theory.diagram import phase_diagram
from fanin.theory.gains import gain
from fanin.theory.laws import WeightLaw
from fanin.theory.mean_field import (
    FixedPoint,
    MeanField,
    correlation_map,
    critical_sigma_w2,
    length_map,
    mean_field,
)
from fanin.theory.nonlinearity import Nonlinearity, resolve
from fanin.theory.prediction import LayerPrediction, Prediction, predict
from fanin.theory.steps import (
    ActivationStep,
    BatchNormStep,
    DenseStep,
    DropoutStep,
    LayerSteps,
    OtherStep,
    RowNormStep,
)

__all__ = [
    "ActivationStep",
    "Band",
    "BatchNormStep",
    "DenseStep",
    "DropoutStep",
    "FixedPoint",
    "LayerPrediction",
    "LayerSteps",
    "MeanField",
    "Nonlinearity",
    "OtherStep",
    "Prediction",
    "RowNormStep",
    "WeightLaw",
    "correlation_map",
    "critical_sigma_w2",
    "gain",
    "length_map",
    "mean_field",
    "phase_diagram",
    "predict",
    "resolve",
]

_absent.guard(__name__)
