"""Copies of what stands outside ``docs``: notebooks, and the pages at the root of the project."""

import re
from pathlib import Path

from sphinx.application import Sphinx

PAGES = ("ARCHITECTURE", "CONTRIBUTING", "CHANGELOG")


def linked_from_project(text: str) -> str:
    """Return a page of the root with its links as they are from ``docs/project``."""
    text = re.sub(r"\]\(docs/", "](../", text)
    return re.sub(rf"\]\(({'|'.join(PAGES)})\.md", lambda found: f"]({found[1].lower()}.md", text)


def write(app: Sphinx) -> None:
    """Write those that differ."""
    docs = Path(app.srcdir)
    for name in PAGES:
        text = (docs.parent / f"{name}.md").read_text(encoding="utf-8")
        _put(docs / "project" / f"{name.lower()}.md", linked_from_project(text).encode())
    shown = sorted((docs.parent / "examples").glob("*.ipynb"))
    for notebook in shown:
        _put(docs / "notebooks" / notebook.name, notebook.read_bytes())
    for old in (docs / "notebooks").glob("*.ipynb"):
        if old.name not in {notebook.name for notebook in shown}:
            old.unlink()


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)


def setup(app: Sphinx) -> dict[str, bool]:
    """Copy before anything is read."""
    app.connect("builder-inited", write, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
