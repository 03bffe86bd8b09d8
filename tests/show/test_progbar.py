"""`Progbar`: what it shows of a loop, by a clock that stands still, and into a pipe."""

import contextlib
import gc
import io

import fanin
import pytest
from fanin.show import progress as module
from fanin.utils import Progbar
from refusals import assert_refused


@pytest.fixture
def shown(monkeypatch):
    """Return what is drawn on a terminal, whose clock says 1 s more each time it is asked."""
    drawn = []

    class Screen(module._Output):
        def is_due(self):
            return True

        def _draw(self, text):
            drawn.append(text)

        def _keep(self, text):
            drawn.append(f"kept: {text}")

    monkeypatch.setattr(module, "_output", lambda name, clock: Screen(clock))
    return drawn


def test_it_shows_means_and_the_last_line_stays(shown):
    bar = Progbar(4, width=8, interval=0, unit_name="sample")
    bar.update(1, [("loss", 4.0), ("lr", 0.5)])
    bar.add(2, [("loss", 1.0)])
    bar.add(1, values=[("loss", 2.0)])
    first, second, *_, last = shown
    assert first.startswith("━━────── 1/4 - ") or first.startswith("==------ 1/4 - ")
    assert "loss: 4.0000 - lr: 0.5000" in first
    assert "loss: 2.0000" in second
    assert last.startswith("kept: 4/4 - ")
    assert "s/sample - loss: 2.0000 - lr: 0.5000" in last
    assert not module._OPEN


def test_values_that_have_a_state_are_shown_as_they_come(shown):
    for options in ({"stateful_metrics": ["accuracy"]}, {"stateless_metrics": ("loss",)}):
        bar = Progbar(2, interval=0, **options)
        bar.update(1, [("loss", 4.0), ("accuracy", 0.25)])
        bar.update(2, [("loss", 2.0), ("accuracy", 0.75)])
        assert shown[-1].endswith("loss: 3.0000 - accuracy: 0.7500")


def test_without_a_target_finalize_says_that_it_is_over(shown):
    bar = Progbar(None, interval=0)
    bar.add(3)
    assert shown[-1].startswith("3 - ")
    bar.update(5, finalize=True)
    assert shown[-1].startswith("kept: 5 - ")


def test_a_loop_that_breaks_leaves_its_line(shown):
    bar = Progbar(10, interval=0)
    bar.update(3, [("loss", float("nan"))])
    del bar
    gc.collect()
    assert shown[-1].startswith("kept: 3/10")
    assert "loss: nan" in shown[-1]
    assert not module._OPEN


def test_it_draws_no_more_often_than_asked(shown):
    bar = Progbar(100, interval=3600)
    for _ in range(99):
        bar.add(1)
    assert len(shown) == 1
    bar.add(1)
    assert shown[-1].startswith("kept: 100/100")


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (1, 1), (2, 1)])
def test_a_pipe_gets_the_last_line_alone(verbose, lines):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        bar = Progbar(3, verbose=verbose)
        for _ in range(3):
            bar.add(1, [("loss", 1.0)])
    text = out.getvalue()
    assert text.count("\n") == lines
    assert ("3/3 - 0s" in text) == (lines == 1)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: Progbar("x"), TypeError, ["target", "'x'"]),
        (lambda: Progbar(-1), ValueError, ["target", "-1"]),
        (lambda: Progbar(3, width=0), ValueError, ["width", "0"]),
        (lambda: Progbar(3, verbose=3), ValueError, ["verbose", "3"]),
        (lambda: Progbar(3, interval=-1), ValueError, ["interval", "-1"]),
        (lambda: Progbar(3, stateful_metrics="loss"), TypeError, ["stateful_metrics", "'loss'"]),
        (
            lambda: Progbar(3, stateful_metrics=[], stateless_metrics=[]),
            ValueError,
            ["expected one of them"],
        ),
        (lambda: Progbar(3).update(1, ["loss"]), TypeError, ["values", "'loss'"]),
        (lambda: Progbar(3).update(1, [("loss", "x")]), TypeError, ["values['loss']", "'x'"]),
        (lambda: Progbar(3).update("x"), TypeError, ["current", "'x'"]),
        (lambda: Progbar(3).add(-1), ValueError, ["n", "-1"]),
    ],
)
def test_what_is_refused(call, kind, words):
    assert_refused(call, kind, *words)
    assert not module._OPEN
    assert fanin.utils.Progbar is Progbar
