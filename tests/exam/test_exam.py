"""The part of the examination that CI runs: networks of this package, on data that it ships.

`make exam` runs all of it, with torch and Keras. Bounds are what the rules reach now, and go up
with them; the marks themselves are tested here too.
"""

import math
from collections import Counter

import fanin
import numpy as np
import pytest
from fanin.diagnosis.findings import Finding

from exam import data
from exam.cases import cases, every_faulty, every_sound, held_out, void
from exam.examine import examine
from exam.fault import FAULTS, Answer, Expectation
from exam.grade import Mark, Share, course, guessing, judge, judge_sound, lag
from exam.networks import FAMILIES, HELD_FAMILIES
from exam.show import misses, summary

SOUND, FAULTY = 16, 44
TOP, HEALTHY, WARNED = 0.9, 0.05, 0.05
"""Of the subset: at least this share right on top, at most these called healthy, and warned."""


def _evenly(listed, count):
    """Take cases from all along a list."""
    return [listed[i] for i in np.linspace(0, len(listed) - 1, count).astype(int)]


@pytest.fixture(scope="module")
def marks():
    open_cases = [c for c in cases(False, ("fanin",)) if c.sound.data not in data.NEED_SKLEARN]
    faulty = sorted((c for c in open_cases if c.fault), key=lambda case: case.fault)
    sound = [case for case in open_cases if not case.fault]
    chosen = [*_evenly(sound, SOUND), *_evenly(faulty, FAULTY)]
    threads = fanin.get_num_threads()
    fanin.set_num_threads(1)  # so small are they
    try:
        return [mark for case in chosen for mark in examine([case])]
    finally:
        fanin.set_num_threads(threads)


def test_training_bears_the_subset_out(marks):
    assert Share.where(mark.shown for mark in marks).hits >= 0.95 * len(marks)


def test_marks_of_the_subset_are_within_bounds(marks):
    faulty = [mark for mark in marks if not mark.sound and mark.shown]
    sound = [mark for mark in marks if mark.sound and mark.shown]
    outcomes = Counter(mark.outcome for mark in faulty)
    assert outcomes["top"] >= TOP * len(faulty), misses(marks)
    assert outcomes["healthy"] <= HEALTHY * len(faulty), misses(marks)
    assert not outcomes["refused"], misses(marks)
    assert all(mark.outcome in ("clean", "warned") for mark in sound), misses(marks)
    assert Share.where(mark.outcome != "clean" for mark in sound).hits <= WARNED * len(sound)
    assert "right on top" in summary(marks)


def test_sets_are_large_enough_and_apart():
    for held, faulty, sound in ((True, 200, 150), (False, 200, 130)):
        counts = Counter(bool(case.fault) for case in cases(held))
        assert counts[True] >= faulty
        assert counts[False] >= sound
    names = [case.name for case in (*cases(True), *cases(False))]
    assert len(set(names)) == len(names)
    assert {case.twin.name for case in cases(False)}.isdisjoint(
        {case.name for case in cases(True) if not case.fault}
    )


def test_some_kinds_are_only_held_apart():
    families = {case.sound.family for case in cases(False)}
    assert families == set(FAMILIES) - HELD_FAMILIES
    faults = {case.fault for case in cases(False)} - {""}
    assert faults == {name for name, fault in FAULTS.items() if not fault.held}
    assert {name for name, fault in FAULTS.items() if fault.held} <= {c.fault for c in cases(True)}


def test_void_names_cases():
    assert void() <= {case.name for case in (*every_sound(), *every_faulty())}


def test_names_say_all():
    again = {case.name: case for case in (*every_sound(), *every_faulty())}
    case = next(case for case in again.values() if case.fault == "layer_too_large")
    first, expected = case.draft()
    second, again_expected = case.draft()
    assert expected == again_expected
    assert [touch[:2] for touch in first.touches] == [touch[:2] for touch in second.touches]
    assert held_out(case) == held_out(again[case.name])


def _found(kind, *layers, severity="warning"):
    return Finding(kind, severity, layers, 1.0, 1.0, "", "")


def test_judge_tells_place_from_kind():
    expected = Expectation((Answer(frozenset({"dead"}), frozenset({"fc2", "act2"})),))
    right, other = _found("dead", "act2"), _found("vanishing", "fc1")
    assert judge([right, other], expected) == "top"
    assert judge([other, right], expected) == "anywhere"
    assert judge([_found("dead", "fc2", "fc3")], expected) == "wrong place"
    assert judge([_found("dead")], expected) == "wrong place"
    assert judge([other], expected) == "wrong kind"
    assert judge([_found("dead", "fc2", severity="note")], expected) == "healthy"
    assert judge([_found("dead", "relu(block1.fc2)")], expected) == "top"
    assert judge([_found("dead", "fc21")], expected) == "wrong place"


def test_answers_without_layers():
    anywhere = Expectation((Answer(frozenset({"vanishing"})),))
    assert judge([_found("vanishing", "a", "b")], anywhere) == "top"
    nowhere = Expectation((Answer(frozenset({"loss"}), frozenset()),))
    assert judge([_found("loss")], nowhere) == "top"
    assert judge([_found("loss", "fc1")], nowhere) == "wrong place"


def test_judge_of_sound_networks():
    assert judge_sound([]) == judge_sound([_found("unexpected", severity="note")]) == "clean"
    assert judge_sound([_found("dead")]) == "warned"
    assert judge_sound([_found("dead"), _found("dead", severity="severe")]) == "severe"


def test_losses_are_measured_in_guessing():
    assert guessing("cross_entropy", np.array([0, 1, 2, 0, 1, 2])) == pytest.approx(math.log(3))
    assert guessing("mse", np.array([1.0, -1.0, np.nan])) == pytest.approx(1)
    assert course([2.0, 1.0, math.inf], 2.0) == pytest.approx((1 + 0.5 + 2) / 3)
    assert course([-5.0], 2.0) == 2
    assert lag(0.6, 0.6) == 0
    assert lag(1.0, 0.6) == pytest.approx(1)


def test_wilson_interval():
    # Brown, Cai and DasGupta 2001: the root form of the score interval, 8 of 10.
    low, high = Share(8, 10).wilson()
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    p, n, z = 0.8, 10, 1.96
    for edge in (low, high):
        assert abs(p - edge) == pytest.approx(z * math.sqrt(edge * (1 - edge) / n))
    assert Share(0, 0).wilson() == (0.0, 1.0)


def test_summary_does_not_count_what_is_not_shown():
    mark = Mark("fanin/a+dead_units", "fanin", "dead_units", False, "healthy", "nothing", False)
    text = summary([mark])
    assert text.startswith("0 networks with a fault, 0 sound ones")
    assert "not borne out by training here, and not counted: fanin/a+dead_units" in text
    assert misses([mark]) == ""
