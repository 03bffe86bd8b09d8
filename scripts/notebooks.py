"""Run the notebooks of examples/ and store them with their outputs.

python scripts/notebooks.py [NAME ...]

What differs only in how long something took is left as it was stored.
"""

import json
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parent.parent / "examples"
# What a comparison says of itself that another run does not say again.
_PASSING = re.compile(r"\d+(\.\d+)? ?(ms|s|min)\b|\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?")


def executed(path):
    """Return a notebook with new outputs, and metadata that no run changes."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(notebook, timeout=1200, kernel_name="python3", coalesce_streams=True).execute()
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {}
    return notebook


def lasting(outputs):
    """Return outputs without what another run would not say again."""
    return _PASSING.sub("", json.dumps(outputs, sort_keys=True))


def store(path):
    """Run a notebook and write what is new of it."""
    before, after = nbformat.read(path, as_version=4), executed(path)
    for old, new in zip(before.cells, after.cells, strict=True):
        if new.cell_type == "code" and lasting(old.outputs) == lasting(new.outputs):
            new.outputs = old.outputs
    nbformat.write(after, path)
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB", flush=True)


def main(names):
    """Store the notebooks of these names, or all."""
    for path in sorted(EXAMPLES.glob("*.ipynb")):
        if not names or path.stem in names:
            store(path)


if __name__ == "__main__":
    main(sys.argv[1:])
