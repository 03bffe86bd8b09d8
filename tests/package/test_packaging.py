"""What is written in several places about the package is the same in all of them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def crate() -> dict[str, Any]:
    return tomllib.loads(read("Cargo.toml"))["package"]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))["project"]


def test_the_crate_and_the_project_say_the_same(
    crate: dict[str, Any], project: dict[str, Any]
) -> None:
    assert crate["description"] == project["description"]
    assert crate["license"] == project["license"]
    assert crate["authors"] == [author["name"] for author in project["authors"]]
    assert crate["repository"] == project["urls"]["Repository"]


def test_the_citation_is_of_this_version(crate: dict[str, Any], project: dict[str, Any]) -> None:
    said = dict(re.findall(r"^([a-z-]+): (.+)$", read("CITATION.cff"), re.MULTILINE))
    assert said["version"] == crate["version"]
    assert said["license"] == crate["license"]
    assert said["repository-code"] == project["urls"]["Repository"]


def test_the_oldest_python_is_the_same_everywhere(
    crate: dict[str, Any], project: dict[str, Any]
) -> None:
    versions = re.findall(r"Python :: (3\.\d+)$", "\n".join(project["classifiers"]), re.MULTILINE)
    assert project["requires-python"] == f">={versions[0]}"
    features = tomllib.loads(read("Cargo.toml"))["dependencies"]["pyo3"]["features"]
    assert features == [f"abi3-py{versions[0].replace('.', '')}"]
    # Each is tried with the oldest NumPy that it has, which for the first is what we say.
    (line,) = re.findall(r"^OLDEST := (.+)$", read("Makefile"), re.MULTILINE)
    tried = dict(pair.split("=") for pair in line.split())
    assert list(tried) == versions
    (numpy,) = (text for text in project["dependencies"] if text.startswith("numpy"))
    assert tried[versions[0]] == f"{numpy.removeprefix('numpy>=')}.0"


def test_all_that_the_sdist_should_hold_exists(crate: dict[str, Any]) -> None:
    assert "/src" in crate["include"]
    for path in crate["include"]:
        assert (ROOT / path.lstrip("/")).exists(), path


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_pins_its_actions_and_calls_targets_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    uses = re.findall(r"uses: (.+)", text)
    assert uses
    for line in uses:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    targets = set(re.findall(r"^([a-z0-9_-]+):", read("Makefile"), re.MULTILINE))
    called = [word for line in re.findall(r"run: make (.+)", text) for word in line.split()]
    called = [word for word in called if "=" not in word]
    assert called
    assert set(called) <= targets


def test_there_are_workflows_for_commits_and_for_releases() -> None:
    assert {"ci", "release"} <= {path.stem for path in WORKFLOWS}


def test_each_gate_of_ci_is_a_target_with_a_budget() -> None:
    gates = re.findall(r"^gate (\d+) make ([a-z-]+)$", read(".ci/run"), re.MULTILINE)
    targets = set(re.findall(r"^([a-z0-9_-]+):", read("Makefile"), re.MULTILINE))
    assert gates[0][1] == "test"
    assert {name for _, name in gates} <= targets
    assert sum(int(budget) for budget, _ in gates) <= 30
