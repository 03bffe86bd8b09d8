"""The digests of all that a seed gives: nothing is left out, and one ulp is seen."""

import importlib.util
from pathlib import Path

import pytest
from fanin import _core
from fanin.initializers._registry import classes

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "digests.txt"

_spec = importlib.util.spec_from_file_location("digests", ROOT / "scripts" / "digests.py")
assert _spec is not None
assert _spec.loader is not None
digests = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(digests)

NUDGED = "orthogonal (257, 130) float32"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digests") / "here.txt"
    digests.write(path, NUDGED)
    return path


def run(*arguments: object) -> int:
    return int(digests.main([str(argument) for argument in arguments]))


def test_only_what_was_moved_by_one_ulp_differs_from_the_golden_digests(written: Path) -> None:
    found = digests.differences(digests.read(GOLDEN), digests.read(written))
    assert [line.split(":")[0] for line in found] == [NUDGED]


def test_every_initializer_and_sampler_is_there_in_both_dtypes() -> None:
    names = list(digests.read(GOLDEN))
    samplers = [
        f"core {name}"
        for name, function in vars(_core).items()
        if "seed, path" in (getattr(function, "__text_signature__", None) or "")
    ]
    assert len(samplers) >= 7
    for dtype in ("float32", "float64"):
        for name in [*classes(), "model params", "model state"]:
            assert any(n.startswith(f"{name} ") and n.endswith(dtype) for n in names), (name, dtype)
    for name in samplers:
        assert any(n.startswith(f"{name} ") for n in names), name


def test_what_differs_or_is_absent_is_said_and_fails(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", GOLDEN, GOLDEN) == 0
    assert capsys.readouterr().out.endswith(" 0 differ\n")
    assert run("compare", GOLDEN, written) == 1
    assert capsys.readouterr().out.startswith(f"{NUDGED}: ")
    shorter = tmp_path / "shorter.txt"
    shorter.write_text("".join(GOLDEN.read_text().splitlines(keepends=True)[1:]))
    assert run("compare", GOLDEN, shorter) == 1
    assert "absent" in capsys.readouterr().out
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    assert run("compare", empty, empty) == 1


def test_a_name_that_nothing_has_cannot_be_nudged(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="expected --nudge to name one of the arrays"):
        digests.write(tmp_path / "digests.txt", "nothing")
