"""The package's own exceptions."""

from fanin import _absent


class ShapeError(ValueError):
    """An array, or a request for one, has a shape that cannot be used."""


_absent.guard(__name__)
