"""Faults seen in use, the suite itself: tests count, they do not look at the clock (T14)."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parents[1]
FILES = {
    str(path.relative_to(TESTS)): path.read_text(encoding="utf-8")
    for path in sorted(TESTS.rglob("*.py"))
    if path != Path(__file__) and "documents" not in path.parts
}
CLOCKS = re.compile(r"perf_counter|monotonic|process_time|thread_time|time\.time\b|timeit")


def test_field_T14_no_test_looks_at_the_clock():
    """Nothing in a test, nor in a program that a test runs, measures how long something takes."""
    found = {name: CLOCKS.findall(text) for name, text in FILES.items() if CLOCKS.search(text)}
    assert not found


def test_field_T14_what_hangs_is_told_from_what_is_slow():
    """A limit is for processes that never end: 20 minutes, on however loaded a machine."""
    short = {
        name: [limit for limit in re.findall(r"timeout=(\d+)", text) if int(limit) < 1200]
        for name, text in FILES.items()
    }
    assert not {name: limits for name, limits in short.items() if limits}


def test_field_T14_no_test_waits_for_a_time():
    """What has to have begun says so itself; a pause does not know how fast the machine is."""
    pauses = re.compile(r"sleep\((?:[1-9]\d*\)|\d+\.\d*[1-9]\d*\))|Timer\(")
    allowed = {
        # A second thread polls; and where its pause is too short, the test shows less and passes.
        "models/test_interrupt.py": ["sleep(0.001)", "sleep(0.2)"],
        "models/test_fit_many.py": ["sleep(0.001)"],
        # What is drawn after 100 ms gets at least these; a signal ends the minute.
        "show/test_progress_terminal.py": ["sleep(0.12)", "sleep(0.12)"],
        "show/test_progress_notebook.py": ["sleep(0.12)", "sleep(0.12)", "sleep(60)"],
    }
    found = {name: pauses.findall(text) for name, text in FILES.items() if pauses.search(text)}
    assert found == allowed


def test_field_T14_an_example_may_take_its_time():
    """Without settings of ours hypothesis fails an example that takes 200 ms."""
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check


@pytest.mark.parametrize(
    "name", ["models/test_interrupt.py", "models/test_fit_many.py", "command/test_cli.py"]
)
def test_the_tests_of_interrupts_are_there(name):
    assert "SIGINT" in FILES[name]
