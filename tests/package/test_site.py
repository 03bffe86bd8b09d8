"""What of the site shows without a build: `make docs` builds it, and warnings are errors there."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_front_page_runs_and_has_the_picture_that_it_draws(capsys):
    lines = script("front_picture").lines()
    assert len(lines.splitlines()) <= 12
    names = {}
    exec(lines, names)
    assert "never learned" in capsys.readouterr().out
    assert names["figure"].axes
    page = (DOCS / "index.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"^```\{figure\} (\S+)$", page, re.MULTILINE)
    assert (DOCS / picture).stat().st_size > 10_000


@pytest.mark.parametrize("story", script("stories").STORIES, ids=lambda story: story.name)
def test_the_gallery_has_each_story_and_leads_to_it(story):
    stories = script("stories")
    gallery = (DOCS / "gallery.md").read_text(encoding="utf-8")
    page = (DOCS / "stories" / "README.md").read_text(encoding="utf-8")
    kind = story.finding or "nothing"
    (found, accuracy) = re.search(
        rf"\| \[{re.escape(story.title)}\]\(#{stories.anchor(story.title)}\) \| (\w+) \| (\d+)% \|",
        page,
    ).groups()
    assert found == kind
    assert stories.card(story, found, int(accuracy) / 100) in gallery
    assert f"\n## {story.title}\n" in page
