"""Compare initializers on one network and one data set: `compare` and what it returns."""

from fanin._absences import _absent
from fanin.comparison.arms import Arm
from fanin.comparison.experiment import compare
from fanin.comparison.result import ArmResult, Comparison
from fanin.comparison.trial import Trial

__all__ = ["Arm", "ArmResult", "Comparison", "Trial", "compare"]

_absent.guard(__name__)
