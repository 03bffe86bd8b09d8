"""docs/scope.toml says of each name what the package does, and its page says what the file says.

`tests/peers/test_scope.py` compares its names with the installed Keras and torch.
"""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scope():
    """Return the script that writes the file."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        yield importlib.import_module("scope")
    finally:
        sys.path.remove(str(ROOT / "scripts"))


AGAIN = "run `python scripts/scope.py write` (CONTRIBUTING.md, A name of Keras)"


@pytest.fixture(scope="module")
def file(scope):
    return scope.read()


def rows(file):
    for table, names in file[1].items():
        for name, row in names.items():
            yield table, name, row


def test_every_table_has_names(file):
    assert all(len(names) > 3 for names in file[1].values())
    assert sum(1 for _ in rows(file)) > 900


def test_decisions_are_what_the_package_does(scope, file):
    about, _ = file
    wrong = [
        f"{table}.{name} is {row.decision}"
        for table, name, row in rows(file)
        if row.decision != scope.decide(table, name, row.use, row.decision, about["line"])
    ]
    assert not wrong, AGAIN


def test_what_the_line_wants_is_there_or_to_come(scope, file):
    about, _ = file
    assert about["counted"]["scripts"] > 500
    assert not [
        f"{table}.{name}"
        for table, name, row in rows(file)
        if row.use >= about["line"] and row.decision == scope.REFUSED
    ]


def test_what_is_not_there_has_a_sentence(scope, file):
    silent = [
        f"{table}.{name}"
        for table, name, row in rows(file)
        if row.decision != scope.HAVE and not scope.reason(table, name)
    ]
    assert not silent


def test_refused_arguments_are_refused_with_a_sentence(scope, file):
    taken, silent = [], []
    for table, name, row in rows(file):
        for word in row.without:
            if scope.takes(scope.ours(table, name), word):
                taken.append(f"{table}.{name}({word})")
            elif not scope.argument_reason(table, name, word):
                silent.append(f"{table}.{name}({word})")
    assert not taken, AGAIN
    assert not silent


def test_the_page_is_that_of_the_file(scope, file):
    page = importlib.import_module("scope_page")
    assert page.FILE.read_text(encoding="utf-8") == page.page(*file), AGAIN
