"""The page of the architecture names every file, and none that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
WHERE = PAGE[PAGE.index("## Where things are") :]


def test_every_file_of_the_package_is_named():
    named = set(re.findall(r"`(\w+)`", WHERE)) | set(re.findall(r"`(\w+)\.py`", PAGE))
    files = {path.stem for path in (ROOT / "python" / "fanin").rglob("*.py")}
    assert files - named <= {"__init__", "__main__"}


def test_every_folder_of_the_package_is_named():
    folders = {path.parent.name for path in (ROOT / "python" / "fanin").rglob("*.py")} - {"fanin"}
    assert not {name for name in folders if f"{name}/`" not in PAGE}


def test_every_file_that_is_named_is_there():
    stems = {path.stem for kind in ("py", "rs") for path in ROOT.glob(f"*/**/*.{kind}")}
    stems |= {path.name for path in ROOT.glob("src/*/")}
    words = set(re.findall(r"`(\w+)`", WHERE))
    others = {
        "lsuv",
        "initialize",
        "fit_many",
        "Layer",
        "compile",
        "evaluate",
        "predict",
        "Function",
    }
    others |= {"load_model", "clone_model"}
    assert not words - stems - others
