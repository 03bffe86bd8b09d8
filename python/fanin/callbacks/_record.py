"""What `History` keeps."""

from typing import NoReturn


class Record(dict[str, list[float]]):
    """A dict of values by name that says what a missing one is called.

    Examples
    --------
    >>> Record(loss=[0.5], accuracy=[0.8])["acc"]
    Traceback (most recent call last):
    KeyError: "no 'acc' was recorded: it is called accuracy"
    """

    def __missing__(self, name: object) -> NoReturn:
        from fanin._absences import _reasons

        raise _reasons.recorded(name, self)
