"""Callbacks: what happens between the epochs, or the batches, of `fit`."""

from fanin._absences import _absent
from fanin.callbacks._base import Callback, History
from fanin.callbacks._checkpoint import ModelCheckpoint
from fanin.callbacks._csv import CSVLogger
from fanin.callbacks._monitor import EarlyStopping, ReduceLROnPlateau
from fanin.callbacks._others import LambdaCallback, LearningRateScheduler, TerminateOnNaN
from fanin.callbacks._signals import SignalMonitor, Signals

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
    "TerminateOnNaN",
]

_absent.guard(__name__)
