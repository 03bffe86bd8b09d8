"""The report of a large network folds: one line a block in which nothing was found."""

import re

import fanin
import numpy as np
import pytest
from fanin.diagnosis._rows import block_of, report_rows
from fanin.layers import BatchNormalization, Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 16)).astype("float32")
Y = RNG.integers(0, 4, 64)


def network(blocks=12):
    layers = [Dense(16, "relu", kernel_initializer="he_normal", name="stem")]
    for i in range(blocks):
        layers += [
            Dense(16, use_bias=False, kernel_initializer="he_normal", name=f"blocks.{i}.fc"),
            BatchNormalization(name=f"blocks.{i}.norm"),
            fanin.layers.Activation("relu", name=f"blocks.{i}.act"),
            Dense(16, "relu", kernel_initializer="he_normal", name=f"blocks.{i}.out"),
        ]
    return fanin.Sequential([*layers, Dense(4, "softmax", name="head")], rng=0)


@pytest.fixture(scope="module")
def report():
    return fanin.diagnose(network(), X, Y)


@pytest.fixture(scope="module")
def faulty():
    model = network()
    model.build((None, 16))
    model.get_layer("blocks.7.norm").gamma[...] = 0
    return fanin.diagnose(model, X, Y)


def first_words(report):
    """Return the names that lines of the table begin with; these end with a number."""
    return re.findall(r"^(stem|head|blocks\.[\w.]+) .*\d$", str(report), re.M)


def test_a_line_a_block(report):
    names = ["stem", *(f"blocks.{i}" for i in range(12)), "head"]
    assert [row.name for row in report_rows(report)] == names
    assert first_words(report) == names
    rows = report_rows(report)
    assert [layer for row in rows for layer in row.layers] == report.layers  # all, in their order
    assert "blocks.3 4 layers" in str(report)
    assert "report.layers has each of them" in " ".join(str(report).split())
    assert len(report.to_dict()["layers"]) == len(report.layers) == 50


def test_a_folded_line_shows_where_its_figures_go(report):
    row = report_rows(report)[1]
    [line] = [line for line in str(report).splitlines() if line.startswith("blocks.0 ")]
    sizes = [layer.signal.rms for layer in row.layers]
    shown = re.search(r"16 +([\d.]+)\.\.([\d.]+) ", line)
    assert float(shown[1]) == pytest.approx(min(sizes), rel=0.06)
    assert float(shown[2]) == pytest.approx(max(sizes), rel=0.06)


def test_a_block_opens_where_something_is_found(report, faulty):
    assert report.healthy
    noted = {block_of(name) for finding in report.findings for name in finding.layers}
    assert any(block.startswith("blocks.") for block in noted)  # and folded all the same
    found = faulty.findings[0]
    assert found.layers == ("blocks.7.norm",)
    opened = {row.name for row in report_rows(faulty) if not row.folded}
    assert {f"blocks.7.{part}" for part in ("fc", "norm", "act", "out")} <= opened
    assert len(report_rows(faulty)) < 30


def test_a_page_has_the_folded_table_and_the_whole_one(report, tmp_path):
    report.to_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    before, details = page.split("<details>")
    assert "All 50 layers" in details
    assert "blocks.3.norm" not in before
    assert "blocks.3.norm" in details
    assert "<details>" not in fanin.diagnose(network(2), X, Y)._repr_html_()


def test_few_layers_are_shown_one_by_one():
    report = fanin.diagnose(network(9), X, Y)
    assert len(report_rows(report)) == len(report.layers) == 38


@pytest.mark.parametrize("which", ["report", "faulty"])
def test_the_panels_count_the_same_rows(which, request):
    pytest.importorskip("matplotlib")
    report = request.getfixturevalue(which)
    signals, gradients, ridges, units = report.plot().axes
    names = [text.get_text() for text in ridges.get_yticklabels()]
    for labels in (signals.get_xticklabels(), gradients.get_xticklabels(), units.get_yticklabels()):
        assert [text.get_text() for text in labels] == names
    assert names == [row.name for row in report_rows(report)]
    for axis in (signals, gradients):
        assert len(axis.get_xticks()) == len(names)
        assert axis.get_xlim() == (-0.5, len(names) - 0.5)


def test_the_whole_verdict_is_the_title():
    pytest.importorskip("matplotlib")
    report = fanin.diagnose(network(3), 0 * X + np.nan, Y)
    title = report.plot().get_suptitle()
    assert " ".join(title.split()) == report.verdict
