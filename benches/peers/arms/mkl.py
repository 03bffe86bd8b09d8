"""Intel MKL's vector statistics through mkl_random; float64 into fresh arrays is all it has."""

from collections.abc import Sequence

import mkl_random
import numpy as np

from peers.common import Arm

VERSION = mkl_random.__version__


def uniform(shape: Sequence[int], dtype: str, brng: str) -> Arm:
    assert dtype == "float64"
    state = mkl_random.MKLRandomState(0, brng=brng)
    return Arm(lambda: state.uniform(-0.1, 0.1, tuple(shape)), float(np.prod(shape)))


def normal(shape: Sequence[int], dtype: str, brng: str) -> Arm:
    assert dtype == "float64"
    state = mkl_random.MKLRandomState(0, brng=brng)
    # ICDF is its default method and the fastest.
    return Arm(lambda: state.normal(0.0, 0.1, tuple(shape)), float(np.prod(shape)))
