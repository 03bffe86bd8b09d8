"""Initializers for Keras's layers. Import this before loading a model that was saved with one."""

from typing import Any

import keras  # type: ignore[import-not-found,unused-ignore]

from fanin.initializers._registry import get, serialize

__all__ = ["FaninInitializer"]


@keras.saving.register_keras_serializable(package="fanin")  # type: ignore[untyped-decorator,unused-ignore]
class FaninInitializer(keras.Initializer):  # type: ignore[misc,unused-ignore]
    """One of fanin's initializers as one of Keras's: what ``initializer.as_keras()`` returns.

    Parameters
    ----------
    initializer : str, dict or Initializer
        See :func:`fanin.initializers.get`.
    """

    def __init__(self, initializer: Any) -> None:
        found = get(initializer)
        if found is None:
            raise TypeError("initializer: expected a name, a configuration or one, found None")
        self.initializer = found

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Return a tensor of the backend."""
        name = keras.backend.standardize_dtype(dtype)
        return keras.ops.convert_to_tensor(self.initializer(shape, name), name)

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make an equal initializer."""
        return {"initializer": serialize(self.initializer)}
