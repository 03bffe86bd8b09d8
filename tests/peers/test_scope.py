"""docs/scope.toml has each name and argument of the Keras and torch that are installed."""

import importlib
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import pytest

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
scope = importlib.import_module("scope")
ABOUT, TABLES = scope.read()
SAME = {
    "keras": keras.__version__ == ABOUT["counted"]["keras"],
    "torch": torch.__version__.partition("+")[0] == ABOUT["counted"]["torch"],
}


@pytest.mark.parametrize("table", scope.TABLES)
def test_names_and_arguments_are_theirs(table):
    if not SAME[table.partition(".")[0]]:
        pytest.skip("another version is installed")
    found = scope.derive(ABOUT, TABLES, {})
    assert found[table] == TABLES[table], "run `python scripts/scope.py write`"
