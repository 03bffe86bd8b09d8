"""The stories of docs/stories come out as they are told."""

import importlib.util
from pathlib import Path

import fanin
import pytest

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("stories", ROOT / "scripts" / "stories.py")
stories = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(stories)

X, Y = stories.data()


@pytest.mark.parametrize("story", stories.STORIES, ids=lambda story: story.name)
def test_the_diagnosis_finds_what_is_told(story):
    report = fanin.diagnose(stories.network(story), X[:256], Y[:256])
    if story.finding is None:
        assert report.healthy, report.verdict
    else:
        assert report.findings[0].kind == story.finding
        assert report.findings[0].severity != "note"


def test_training_bears_it_out():
    accuracy = {story.name: stories.trained(story, X, Y) for story in stories.STORIES}
    for story in stories.STORIES:
        if story.finding == "symmetric":
            assert accuracy[story.name] < 0.4
    assert accuracy["batch_norm"] > accuracy["too_small"] + 0.1
    assert min(accuracy[name] for name in ("xavier_tanh", "he_relu", "batch_norm")) > 0.7


def test_the_page_has_each_story_with_its_picture():
    page = (ROOT / "docs" / "stories" / "README.md").read_text()
    for story in stories.STORIES:
        assert story.told in page
        assert (ROOT / "docs" / "stories" / f"{story.name}.png").stat().st_size > 10_000
