"""The examination of graphs: sound ones are clean, faults are found on top and mended."""

from collections import Counter

import fanin
import pytest

from exam.graphs import FAMILIES, FAULTS, examine, faulty_cases, sound_cases

SOUND, FAULTY = 12, 2
"""Networks of each family: sound ones, and those with each fault."""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = fanin.get_num_threads()
    fanin.set_num_threads(1)  # so small are they
    yield
    fanin.set_num_threads(threads)


def told(marks):
    return [f"{mark.name}: {mark.outcome}: {mark.said} ({mark.why})" for mark in marks]


def test_sound_graphs_train_and_are_clean():
    marks = [examine(case) for case in sound_cases(SOUND)]
    assert len(marks) == SOUND * len(FAMILIES) >= 40
    assert all(mark.shown for mark in marks), told(marks)
    outcomes = Counter(mark.outcome for mark in marks)
    assert outcomes["clean"] + outcomes["warned"] == len(marks), told(marks)
    # Of some the loss is twice that of guessing before a step is taken, which is said.
    warned = [mark for mark in marks if mark.outcome == "warned"]
    assert len(warned) <= 0.08 * len(marks), told(warned)
    assert all("output_scale" in mark.said for mark in warned), told(warned)


@pytest.mark.parametrize("family", FAMILIES)
def test_faults_in_graphs_are_on_top_at_their_layer_and_are_mended(family):
    marks = [examine(case) for case in faulty_cases(FAULTY) if case.family == family]
    assert len(marks) >= FAULTY * (len(FAULTS) - 2)
    wrong = [mark for mark in marks if mark.outcome != "top"]
    assert len(wrong) <= 1, told(wrong)
    assert not [mark for mark in wrong if mark.outcome in ("healthy", "refused")], told(wrong)
    assert all(mark.mended for mark in marks), told(marks)


def test_a_fault_of_one_ending_is_named_by_its_output():
    for case in faulty_cases(FAULTY):
        if case.family == "two_heads" and case.fault in ("wrong_ending", "unscaled_targets"):
            draft, _ = case.draft()
            top = fanin.diagnose(draft.model, draft.x, draft.y, draft.loss).findings[0]
            assert top.output == ("out" if case.fault == "wrong_ending" else "size")


def test_an_input_of_another_size_is_named():
    for case in faulty_cases(FAULTY):
        if case.fault == "unscaled_input" and case.family in ("wide_and_deep", "siamese"):
            draft, _ = case.draft()
            top = fanin.diagnose(draft.model, draft.x, draft.y).findings[0]
            assert any(f"'{name}'" in top.text for name in draft.model.input_names), top.text
