"""The Python blocks of pages run, in order, in one namespace for each page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", ["README.md", "docs/subclassing.md"])
def test_blocks_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setattr("fanin._custom._registered", {})  # what a page registers is its own
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert blocks, f"{page} has a Python block"
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks:
        line = text[: text.index(block)].count("\n")
        code = compile("\n" * line + block, page, "exec")  # errors name the page's own lines
        try:
            exec(code, namespace)
        except Exception as error:
            pytest.fail(f"{page}, block at line {line}: {error!r}")
