"""The package's own exceptions."""


class ShapeError(ValueError):
    """An array, or a request for one, has a shape that cannot be used."""
