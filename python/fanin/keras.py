"""fanin itself, below the name that Keras has in TensorFlow.

Scripts write ``from tensorflow import keras``, ``from tensorflow.keras.layers import Dense`` or
``import tensorflow as tf`` and then ``tf.keras.layers.Dense``. With fanin in the place of
tensorflow these lines run. There is one module of each kind: ``fanin.keras.layers`` is
`fanin.layers`.

Examples
--------
>>> from fanin import keras, layers
>>> from fanin.keras.layers import Dense
>>> Dense is keras.layers.Dense is layers.Dense
True
"""

from typing import Any

import fanin

__all__ = fanin.__all__

# Imports below it find nothing in a folder, and come to the finders of `_absences/_absent.py`.
__path__: list[str] = []


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(fanin, name)


def __dir__() -> list[str]:
    return dir(fanin)
