"""The notebook of `examples/` runs from top to bottom and tells what it claims."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PATH = Path(__file__).parents[1] / "examples" / "compare_initializers.ipynb"


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(PATH, as_version=4)


def test_notebook_is_committed_clean(notebook):
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    for cell in code:
        assert cell.outputs == []
        assert cell.execution_count is None


# Jupyter's own packages warn; what the notebook's code warns of appears on its stderr below.
@pytest.mark.filterwarnings("default")
def test_notebook_runs_and_shows_what_it_says(notebook):
    NotebookClient(notebook, timeout=1200, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(o.text for o in outputs if o.get("name") == "stdout")
    assert [o.text for o in outputs if o.get("name") == "stderr"] == []
    assert "zeros           1 different hidden units of 32, test accuracy 0.100" in printed
    assert "constant 0.01   1 different hidden units of 32" in printed
    assert "he_normal      32 different hidden units of 32" in printed
    texts = "".join(o.data.get("text/plain", "") for o in outputs if "data" in o)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", printed + texts)
    assert "Non-trainable params: 6" in plain
    pages = [o.data["text/html"] for o in outputs if "text/html" in o.get("data", {})]
    verdicts = [page for page in pages if "fanin-comparison" in page]
    assert len(verdicts) == 3
    assert "Zeros never learned" in verdicts[0]
    assert "the signal fades" in verdicts[1]
    small, small_bn = "RandomNormal(stddev=0.01)", "RandomNormal(stddev=0.01) + BN"
    assert f"{small} never learned" in verdicts[2]
    assert f"{small_bn} never learned" not in verdicts[2]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 4
