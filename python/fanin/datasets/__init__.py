"""Data sets, in the shape in which Keras returns them."""

from fanin._absences import _absent
from fanin.datasets import fashion_mnist

__all__ = ["fashion_mnist"]

_absent.guard(__name__)
