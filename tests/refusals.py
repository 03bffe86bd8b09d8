"""What a refusal is: one exception of the kind asked for, whose message says what is wrong."""

import re

import pytest


def refused(call, kinds, words=""):
    """Make a call that must fail; anything but a clear exception of these kinds fails the test."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 (a panic is no Exception)
        call()
    error = caught.value
    assert type(error).__name__ != "PanicException"
    if not isinstance(error, kinds):
        raise error
    assert str(error).strip(), "the message says something"
    assert re.search(words, str(error), re.DOTALL), f"{error} lacks {words}"
