"""What an initialization does to signals and gradients, measured."""

from fanin.diagnosis._diagnose import diagnose
from fanin.diagnosis._layer import LayerReport
from fanin.diagnosis._report import Report
from fanin.diagnosis._signals import Signal, Slopes, Weights
from fanin.diagnosis._symmetry import LayerSymmetry, SymmetryReport, symmetry
from fanin.diagnosis.findings import Finding

__all__ = [
    "Finding",
    "LayerReport",
    "LayerSymmetry",
    "Report",
    "Signal",
    "Slopes",
    "SymmetryReport",
    "Weights",
    "diagnose",
    "symmetry",
]
