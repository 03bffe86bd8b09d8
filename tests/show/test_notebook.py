"""The notebooks of `examples/` run from top to bottom, tell what they claim, and are stored so."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / "examples").glob("*.ipynb"))
NAMES = ["compare_initializers", "diagnose_and_mend", "from_numpy_snippets"]
_SPEC = importlib.util.spec_from_file_location("notebooks", ROOT / "scripts" / "notebooks.py")
notebooks = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(notebooks)

# Jupyter's own packages warn; what a notebook's code warns of appears on its stderr.
pytestmark = pytest.mark.filterwarnings("default")


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell.outputs]


def printed(notebook):
    return "".join(o.text for o in outputs(notebook) if o.get("name") == "stdout")


def kinds(notebook):
    """Return, cell by cell, what there is to see: streams by name, data by type."""
    return [
        [o.get("name") or sorted(o.get("data", {"error": 0})) for o in cell.outputs]
        for cell in code(notebook)
    ]


def test_these_are_the_notebooks():
    assert [path.stem for path in PATHS] == NAMES


@pytest.fixture(scope="module")
def run():
    """Return a function that runs a notebook, each once."""
    done = {}

    def run(name):
        if name not in done:
            done[name] = notebooks.executed(ROOT / "examples" / f"{name}.ipynb")
        return done[name]

    return run


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_its_outputs(path):
    assert path.stat().st_size < 1_000_000
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = code(notebook)
    assert len(cells) >= 3
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    assert notebook.metadata.language_info == {"name": "python"}
    assert {cell.id for cell in notebook.cells} == {f"c{k:02}" for k in range(len(notebook.cells))}
    # A cell may say nothing, if it only defines; most say something.
    assert sum(bool(cell.outputs) for cell in cells) > len(cells) / 2
    assert "stderr" not in str(kinds(notebook))
    assert not [output for output in outputs(notebook) if output.output_type == "error"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_stored(path, run):
    stored = nbformat.read(path, as_version=4)
    new = run(path.stem)
    assert [o.text for o in outputs(new) if o.get("name") == "stderr"] == []
    assert kinds(new) == kinds(stored), "run `make notebooks`"


def test_lasting_leaves_out_only_how_long_something_took():
    said = {"text": "0.79 after 0.27 s, of 3 seeds, at 2026-11-30 02:15"}
    assert notebooks.lasting(said) == '{"text": "0.79 after , of 3 seeds, at "}'


def test_the_comparison_says_what_its_text_says(run):
    notebook = run("compare_initializers")
    said = printed(notebook)
    assert "zeros           1 different hidden units of 32, test accuracy 0.100" in said
    assert "constant 0.01   1 different hidden units of 32" in said
    assert "he_normal      32 different hidden units of 32" in said
    shown = [o.data for o in outputs(notebook) if "data" in o]
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said + "".join(d.get("text/plain", "") for d in shown))
    assert "Non-trainable params: 6" in plain
    pages = [data["text/html"] for data in shown if "text/html" in data]
    verdicts = [page for page in pages if "fanin-comparison" in page]
    assert len(verdicts) == 3
    assert "Zeros never learned" in verdicts[0]
    assert "the signal fades" in verdicts[1]
    small, small_bn = "RandomNormal(stddev=0.01)", "RandomNormal(stddev=0.01) + BN"
    assert f"{small} never learned" in verdicts[2]
    assert f"{small_bn} never learned" not in verdicts[2]
    assert sum("image/png" in data for data in shown) == 4


def test_what_was_diagnosed_and_mended_then_trains(run):
    said = printed(run("diagnose_and_mend"))
    assert "severe: Signals shrink" in said
    verdicts = dict(re.findall(r"^(as it was|\w+) +(Signals .*)$", said, re.MULTILINE))
    trained = dict(re.findall(r"^(as it was|\w+) +test accuracy ([\d.]+)$", said, re.MULTILINE))
    assert list(verdicts) == list(trained) == ["as it was", "he_normal", "lsuv", "normalized"]
    assert float(trained.pop("as it was")) < 0.2
    assert "shrink" in verdicts.pop("as it was")
    assert all("keep their size" in verdict for verdict in verdicts.values())
    assert min(map(float, trained.values())) > 0.7


def test_the_snippets_give_the_same_numbers(run):
    said = printed(run("from_numpy_snippets"))
    assert said.startswith("True\n")
    assert float(re.search(r"largest difference: (\S+)", said)[1]) < 1e-4
    assert float(re.search(r"test accuracy ([\d.]+)", said)[1]) > 0.7
