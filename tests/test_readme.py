"""The Python blocks of README.md run, in order, in one namespace."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    text = README.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert blocks, "README.md has a Python block"
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks:
        line = text[: text.index(block)].count("\n")
        code = compile("\n" * line + block, str(README), "exec")  # errors name README's own lines
        try:
            exec(code, namespace)
        except Exception as error:
            pytest.fail(f"README.md, block at line {line}: {error!r}")
