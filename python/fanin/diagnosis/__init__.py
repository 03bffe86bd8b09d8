"""What an initialization does to signals and gradients, measured."""

from fanin._absences import _absent
from fanin.diagnosis._attention import AttentionReport
from fanin.diagnosis._curvature import Curvature
from fanin.diagnosis._diagnose import diagnose
from fanin.diagnosis._first_step import FirstStep
from fanin.diagnosis._layer import LayerReport
from fanin.diagnosis._recommend import Candidate, Recommendation, recommend
from fanin.diagnosis._recurrence import RecurrenceReport
from fanin.diagnosis._report import Report
from fanin.diagnosis._signals import Signal, Slopes, Weights
from fanin.diagnosis._symmetry import LayerSymmetry, SymmetryReport, symmetry
from fanin.diagnosis._watch import Watch, watch
from fanin.diagnosis.findings import Finding

__all__ = [
    "AttentionReport",
    "Candidate",
    "Curvature",
    "Finding",
    "FirstStep",
    "LayerReport",
    "LayerSymmetry",
    "Recommendation",
    "RecurrenceReport",
    "Report",
    "Signal",
    "Slopes",
    "SymmetryReport",
    "Watch",
    "Weights",
    "diagnose",
    "recommend",
    "symmetry",
    "watch",
]

_absent.guard(__name__)
