"""Three clouds of points, told apart in a fraction of a second."""

import fanin
import numpy as np

_RNG = np.random.default_rng(0)
_CENTRES = _RNG.normal(size=(3, 6)) * 2
LABELS = np.arange(300) % 3
POINTS = (_CENTRES[LABELS] + _RNG.normal(size=(300, 6))).astype("float32")
DATA = ((POINTS[:240], LABELS[:240]), (POINTS[240:], LABELS[240:]))

QUICK = {"data": DATA, "epochs": 2, "hidden": (8,), "batch_size": 16, "learning_rate": 0.02}
"""Arguments of `fanin.compare` for a comparison that takes no time."""


def overflowing():
    """One trial whose loss becomes NaN."""
    large = {**QUICK, "hidden": (32,) * 4, "epochs": 4}
    return fanin.compare("random_normal(stddev=5)", seeds=1, optimizer="sgd", **large)
