"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import fanin
import pytest

SKIPPED = {
    "fanin._core",  # compiled
    "fanin.__main__",  # runs the command line
    "fanin.initializers.keras",  # needs Keras
}
# Their files import what is not installed here, and have no examples.
FRAMEWORKS = ("fanin.frameworks.keras.", "fanin.frameworks.torch.")
NEEDS = {"fanin._batches._arrow": "pyarrow"}
MODULES = [
    "fanin",
    *(
        module.name
        for module in pkgutil.walk_packages(fanin.__path__, "fanin.")
        if module.name not in SKIPPED and not module.name.startswith(FRAMEWORKS)
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    monkeypatch.chdir(tmp_path)  # an example that writes a file leaves none behind
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    modules = map(importlib.import_module, MODULES)
    assert sum(bool(test.examples) for m in modules for test in finder.find(m)) > 20
