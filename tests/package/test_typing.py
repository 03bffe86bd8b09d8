"""Types as an editor sees them: pyright and mypy over what users write, and over their mistakes."""

import json
import os
import re
import subprocess
import sys
import typing
from collections import defaultdict
from pathlib import Path

import fanin
import pytest
from fanin import activations, losses, metrics, optimizers
from fanin import typing as names
from fanin.initializers import _registry
from fanin.theory.nonlinearity import EXTRA

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "typing"
CHECKERS = ("pyright", "mypy")


def spelled(registry):
    return set(registry._by_name)


REGISTRIES = {
    "ActivationName": set(activations._BY_NAME),
    "NonlinearityName": {*activations._BY_NAME, *EXTRA},
    "LossName": {*spelled(losses._registry())},
    "MetricName": {*spelled(metrics._registry()), *metrics._ACCURACY},
    "OptimizerName": spelled(optimizers._registry()),
    "InitializerName": {*_registry._NAMES},
}


def literals(alias):
    found = set()
    for part in typing.get_args(alias):
        found |= {part} if isinstance(part, str) else literals(part)
    return found


def test_every_alias_of_names_has_its_registry():
    assert {n for n in names.__all__ if n.endswith("Name")} == {*REGISTRIES, "DtypeName"}


@pytest.mark.parametrize("alias", REGISTRIES)
def test_names_are_those_of_the_registry(alias):
    assert literals(getattr(names, alias)) == REGISTRIES[alias]


def test_dir_lists_what_is_public():
    for module in (fanin, fanin.layers, fanin.theory, fanin.typing, fanin.optimizers.schedules):
        assert dir(module) == sorted(module.__all__)


def test_lazy_names_are_imported_for_checkers_too():
    source = Path(fanin.__file__).read_text()
    block = source.partition("if TYPE_CHECKING:")[2].partition("else:")[0]
    for name in fanin._LAZY:
        assert re.search(rf"\b{name}\b", block), name


# The checkers themselves.


def run_pyright(script, tmp_path):
    """Return (line, severity, message) of what pyright reports in a script, in its strict mode."""
    config = tmp_path / "pyrightconfig.json"
    config.write_text(
        json.dumps(
            {
                "typeCheckingMode": "strict",
                "include": [str(script)],
                "extraPaths": [str(ROOT / "python")],
            }
        )
    )
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "-p", str(config)]
    run = checked([*command, "--pythonpath", sys.executable])
    return [
        (found["range"]["start"]["line"] + 1, found["severity"], found["message"])
        for found in json.loads(run.stdout)["generalDiagnostics"]
    ]


def run_mypy(script, tmp_path):
    """Return (line, severity, message) of what ``mypy --strict`` reports in a script."""
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nfollow_imports = silent\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(config)]
    run = checked([*command, "--cache-dir", str(tmp_path), str(script)])
    line = re.compile(rf"^.*{script.name}:(\d+): (\w+): (.*)$", re.M)
    return [(int(at), severity, message) for at, severity, message in line.findall(run.stdout)]


def checked(command):
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return run


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What each checker says of a script, by line; each runs once."""
    pytest.importorskip("basedpyright", reason="the group lint is not installed")
    pytest.importorskip("mypy", reason="the group lint is not installed")
    kept = {}

    def report(checker, name):
        if (checker, name) not in kept:
            run = {"pyright": run_pyright, "mypy": run_mypy}[checker]
            kept[checker, name] = run(SCRIPTS / name, tmp_path_factory.mktemp(checker))
        return kept[checker, name]

    return report


# NumPy's own: the shape of an array of any number of axes.
SHAPE = re.compile(r"tuple\[(?:Any|int), \.\.\.\]")


@pytest.mark.parametrize("checker", CHECKERS)
def test_no_type_of_a_user_script_is_any(reports, checker):
    found = reports(checker, "user_script.py")
    source = (SCRIPTS / "user_script.py").read_text()
    asked = {
        number
        for number, line in enumerate(source.splitlines(), 1)
        if "reveal_type(" in line and "def " not in line
    }
    told = defaultdict(list)
    for line, severity, message in found:
        assert severity in ("information", "note"), (line, message)
        told[line].append(message)
    assert len(asked) >= 40
    # A call that goes over several lines is told of at the line of its argument.
    assert len([m for ms in told.values() for m in ms if "type" in m.lower()]) >= len(asked)
    vague = {
        line: message
        for line, messages in told.items()
        for message in messages
        if re.search(r"\b(?:Any|Unknown)\b", SHAPE.sub("", message))
    }
    assert vague == {}


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_mistake_is_reported_and_nothing_else(reports, checker):
    source = (SCRIPTS / "mistakes.py").read_text()
    wrong = {n for n, line in enumerate(source.splitlines(), 1) if line.endswith("# mistake")}
    found = {line for line, severity, _ in reports(checker, "mistakes.py") if severity == "error"}
    assert len(wrong) > 80
    assert sorted(wrong - found) == []
    assert sorted(found - wrong) == []
