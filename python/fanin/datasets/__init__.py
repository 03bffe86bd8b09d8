"""Data sets, in the shape in which Keras returns them."""

from fanin.datasets import fashion_mnist

__all__ = ["fashion_mnist"]
