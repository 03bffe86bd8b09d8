"""Data sets, in the shape in which Keras returns them.

None but a part of `fashion_mnist` comes with the package. The others are looked for where Keras and
torchvision put them, and fetched once by pooch otherwise (``pip install "fanin[data]"``); checksums
say that they are the published ones.
"""

from fanin._absences import _absent
from fanin.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]

_absent.guard(__name__)
