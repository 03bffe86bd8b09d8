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


def outcome(call):
    """Return the exception that a call raises, or None: for assertions about whether it refuses."""
    try:
        call()
    except BaseException as error:  # (a panic is no Exception)
        return error
    return None


def assert_refused(call, kinds, *words):
    """Assert that a call refuses with an exception of these kinds whose message has all `words`."""
    error = outcome(call)
    assert error is not None, "nothing was refused"
    assert isinstance(error, kinds), f"refused with {type(error).__name__}: {error}"
    for word in words:
        assert word in str(error), f"{str(error)!r} lacks {word!r}"
