"""Callbacks: what happens between the epochs, or the batches, of `fit`."""

from typing import TYPE_CHECKING

from fanin._absences import _absent
from fanin.callbacks._base import Callback, History

# What `import fanin` need not pay for: some milliseconds.
_LATER = {
    "CSVLogger": "fanin.callbacks._csv",
    "EarlyStopping": "fanin.callbacks._monitor",
    "LambdaCallback": "fanin.callbacks._others",
    "LearningRateScheduler": "fanin.callbacks._others",
    "ModelCheckpoint": "fanin.callbacks._checkpoint",
    "ReduceLROnPlateau": "fanin.callbacks._monitor",
    "SignalMonitor": "fanin.callbacks._signals",
    "Signals": "fanin.callbacks._signals",
    "SwapEMAWeights": "fanin.callbacks._averages",
    "TensorBoard": "fanin.callbacks._tensorboard",
    "TerminateOnNaN": "fanin.callbacks._others",
}

if TYPE_CHECKING:
    from fanin.callbacks._averages import SwapEMAWeights
    from fanin.callbacks._checkpoint import ModelCheckpoint
    from fanin.callbacks._csv import CSVLogger
    from fanin.callbacks._monitor import EarlyStopping, ReduceLROnPlateau
    from fanin.callbacks._others import LambdaCallback, LearningRateScheduler, TerminateOnNaN
    from fanin.callbacks._signals import SignalMonitor, Signals
    from fanin.callbacks._tensorboard import TensorBoard

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "SignalMonitor",
    "Signals",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

_absent.guard(__name__, _LATER)
