"""The package's own exceptions."""

__all__ = ["NotReadyError", "ShapeError"]


class ShapeError(ValueError):
    """An array, or a request for one, has a shape that cannot be used."""


class NotReadyError(ValueError, AttributeError):
    """A network is not built or not compiled, and was asked for what it will have then.

    An AttributeError where an attribute was asked for, so that `hasattr` and `getattr` with a
    default work; a ValueError where a call was made too early.
    """
