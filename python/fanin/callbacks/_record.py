"""What `History` keeps."""

from fanin._checks import warn


class Record(dict[str, list[float]]):
    """A dict of values by name that knows the names of Keras 1 and 2, and says what is missing.

    Examples
    --------
    >>> Record(loss=[0.5])["los"]
    Traceback (most recent call last):
    KeyError: "no 'los' was recorded; did you mean 'loss'?"
    """

    def __missing__(self, name: object) -> list[float]:
        from fanin._absences import _reasons, old_names

        if isinstance(name, str):
            part = "val_" if name.startswith("val_") else ""
            for other in old_names.RECORDS.get(name.removeprefix("val_"), ()):
                if part + other in self:
                    warn(f"{name!r} is recorded as {part + other!r}", FutureWarning)
                    return self[part + other]
        raise _reasons.recorded(name, self)
