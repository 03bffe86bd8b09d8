"""What `fanin.compare` returns: measures, verdict, table, picture, page, files."""

import json
import math
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import fanin
import numpy as np
import pytest
from blobs import QUICK, overflowing
from fanin.comparison import Comparison, Trial


@pytest.fixture(scope="module")
def result():
    chosen = ["zeros", "he_normal", "he_normal+bn"]
    return fanin.compare(chosen, target=0.5, **QUICK)


def trial(seed, accuracy, *, never=False, diverged=False, reason=""):
    return Trial(
        seed=seed,
        start_loss=2.3,
        start_accuracy=0.1,
        loss=(1.0, 0.5),
        accuracy=(0.5, 0.7),
        val_loss=(1.0, 0.6),
        val_accuracy=(0.6, 0.8),
        test_loss=0.6,
        test_accuracy=accuracy,
        diverged=diverged,
        never_learned=never,
        reason=reason,
        seconds=2.0,
        epoch_seconds=(1.0, 2.0),
    )


def made_up(result, samples=1_000_000, **accuracies):
    """A result with chosen test accuracies, one a seed, of so many test samples."""
    return Comparison(
        arms=tuple(
            type(result.arms[0])(label, None, tuple(trial(s, a) for s, a in enumerate(values)))
            for label, values in accuracies.items()
        ),
        settings=result.settings,
        data=replace(result.data, test=samples),
        environment=result.environment,
        seconds=1.0,
    )


def test_difference_is_paired_by_seed(result):
    # The seeds differ by far more than the arms do, and the pairing sees through it.
    close = made_up(result, a=(0.70, 0.80, 0.90), b=(0.69, 0.791, 0.89))
    gap = close.behind_best(close["b"])
    assert gap.mean == pytest.approx((0.01 + 0.009 + 0.01) / 3)
    spread = math.sqrt(((0.01 - gap.mean) ** 2 * 2 + (0.009 - gap.mean) ** 2) / 2)
    assert gap.half_width == pytest.approx(4.3026527 * spread / math.sqrt(3))
    assert "beyond the noise" in close.verdict
    noisy = made_up(result, a=(0.70, 0.80, 0.90), b=(0.80, 0.70, 0.89))
    assert "within the noise of 3 seeds" in noisy.verdict


def test_one_test_sample_a_seed_is_within_the_noise(result):
    leads = {"a": (0.71, 0.81, 0.91), "b": (0.70, 0.80, 0.90)}
    assert "within the noise" in made_up(result, 100, **leads).verdict
    assert "beyond the noise" in made_up(result, **leads).verdict


def test_trial_measures():
    one = trial(0, 0.7)
    assert (one.best_epoch, one.best_val_accuracy) == (2, 0.8)
    assert (one.epochs_to(0.6), one.seconds_to(0.6)) == (1, 1.0)
    assert (one.epochs_to(0.7), one.seconds_to(0.7)) == (2, 2.0)
    assert one.epochs_to(0.81) is None
    assert one.seconds_to(0.81) is None


def test_result_writes_down_and_reads_back(result, tmp_path):
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert Comparison.from_dict(json.loads(text)) == result
    result.save_json(tmp_path / "result.json")
    assert Comparison.from_dict(json.loads((tmp_path / "result.json").read_text())) == result
    summary = result.to_dict()["summary"]
    assert summary["best"] == result.best.label
    assert summary["arms"]["Zeros"]["never_learned"] is True


def test_result_with_nan_writes_down_and_reads_back():
    huge = overflowing()
    again = Comparison.from_dict(json.loads(json.dumps(huge.to_dict(), allow_nan=False)))
    assert again.to_dict() == huge.to_dict()
    assert "nan" in str(again.to_dict()["arms"])


def test_foreign_dict_is_refused():
    with pytest.raises(ValueError, match="format: expected 1"):
        Comparison.from_dict({})
    with pytest.raises(ValueError, match="not a comparison"):
        Comparison.from_dict({"format": 1})


def test_prints_in_80_columns_without_colour(result):
    text = str(result)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    for arm in result.arms:
        assert arm.label in text
        assert str(arm.test_accuracy) in text
    assert "never learned" in text
    assert "Zeros never learned" in " ".join(text.split())


def test_long_labels_still_fit():
    long = fanin.compare({"a rather long label " * 5: "ones", "b": "zeros"}, target=0.9, **QUICK)
    assert max(map(len, str(long).splitlines())) <= 80
    assert " time" in str(long)


def test_one_seed_has_no_interval():
    text = str(fanin.compare(["zeros", "he_normal"], seeds=1, **QUICK))
    assert "One seed" in text
    assert "+/-" not in text


def test_lookup_suggests_the_close_label(result):
    with pytest.raises(KeyError, match="did you mean 'HeNormal'"):
        result["HeNorml"]
    assert len(result) == 3
    assert [arm.label for arm in result] == ["Zeros", "HeNormal", "HeNormal + BN"]


def test_picture(result, tmp_path):
    figure = result.plot()
    loss, accuracy, final = (axes for part in figure.subfigs for axes in part.axes)
    assert [len(axes.lines) for axes in (loss, accuracy)] == [3, 4]  # and the target
    for line, arm in zip(accuracy.lines, result.arms, strict=False):
        mean = np.mean([[t.start_accuracy, *t.val_accuracy] for t in arm.trials], axis=0)
        np.testing.assert_allclose(line.get_ydata(), mean)
    assert [label.get_text() for label in final.get_yticklabels()] == [a.label for a in result]
    colours = {line.get_color() for line in loss.lines}
    assert len(colours) == 3
    for name in ("p.png", "p.svg", "p.pdf"):
        result.save_plot(tmp_path / name)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    ET.parse(tmp_path / "p.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.pdf", "p.png", "p.svg"]


def test_picture_goes_into_a_given_figure(result):
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    assert result.plot(figure) is figure
    left, _ = Figure(layout="constrained").subfigures(1, 2)
    assert result.plot(left) is left


def test_picture_of_unknown_kind_is_refused_and_nothing_written(result, tmp_path):
    with pytest.raises(ValueError, match="suffix of a picture"):
        result.save_plot(tmp_path / "p.txt")
    assert not list(tmp_path.iterdir())


def test_nothing_about_the_drawing_leaks_into_pyplot(result):
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    before = dict(mpl.rcParams)
    result.plot()
    assert not plt.get_fignums()
    assert dict(mpl.rcParams) == before


def test_page_is_one_file(result, tmp_path):
    result.save_html(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    body = page[page.index("<svg") : page.index("</svg>") + 6]
    ET.fromstring(body)
    for foreign in ("<script", "<link", "<img", "@import", 'src="'):
        assert foreign not in page
    for arm in result.arms:
        assert arm.label in page
    assert "Machine" in page
    assert "currentColor" in body


def test_notebook_shows_table_and_picture(result):
    shown = result._repr_html_()
    assert shown.count("<table>") == 1
    assert shown.count("<svg") == 1
    assert "never learned" in shown


def test_labels_are_escaped():
    odd = fanin.compare({"<b>&": "zeros"}, seeds=1, **QUICK)
    assert "&lt;b&gt;&amp;" in odd._repr_html_()
    assert "<b>&" not in odd._repr_html_()


def test_without_matplotlib_it_is_said_how_to_get_it(result, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"fanin\[plot\]"):
        result.plot()
    with pytest.raises(ImportError, match=r"fanin\[plot\]"):
        result.save_html(tmp_path / "r.html")
    shown = result._repr_html_()
    assert "fanin[plot]" in shown
    assert "<table>" in shown


def test_command_repeats_the_comparison():
    result = fanin.compare(["zeros+bn", "random_normal(stddev=0.01)"], seeds=[3], epochs=1)
    words = result.command
    assert "'RandomNormal(stddev=0.01)'" in words
    assert "--seeds 3," in words
    assert "--data small" in words
    assert fanin.compare("zeros", seeds=1, **QUICK).command is None  # arrays have no name


def test_without_validation_rows():
    result = fanin.compare(["zeros", "he_normal"], validation_split=0, **QUICK)
    one = result["HeNormal"].trials[0]
    assert (one.val_accuracy, one.best_epoch) == ((), None)
    assert math.isnan(one.best_val_accuracy)
    assert "best val" not in str(result)
    assert Comparison.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    assert result._repr_html_()
