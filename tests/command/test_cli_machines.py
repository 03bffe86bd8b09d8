"""The command `fanin` where something is missing: a home, a reader, colours, a sound matplotlib."""

import os
import subprocess
import warnings

import pytest
from commands import run, spawn

QUICK = ["--epochs", "1", "--seeds", "1", "--hidden", "4", "--arms", "zeros"]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other pipes and homes")


@posix
@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["compare", "--help"],
        ["--version"],
        ["list"],
        ["versions"],
        ["explain", "he_normal", "3,4"],
        ["completion", "bash"],
        ["compare", *QUICK],
        ["compare", *QUICK, "--json", "-"],
        ["compare", *QUICK, "--html", "-"],
    ],
)
def test_a_closed_pipe_of_any_output(words):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = spawn(*words, stdout=writer)
    finally:
        os.close(writer)
    assert result.returncode == 141
    assert b"Error" not in result.stderr
    assert ("-" in words) or result.stderr == b""


# Machines: what is set or unset there.
MACHINES = {
    "no home": {"HOME": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
    "a home that nobody can write": {"HOME": "/proc", "XDG_CACHE_HOME": "/proc"},
    "a backend with windows, no display": {"MPLBACKEND": "TkAgg", "DISPLAY": None},
    "no Unicode": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ASCII, no colour, no width": {
        "PYTHONIOENCODING": "ascii",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "COLUMNS": "0",
    },
}


@posix
@pytest.mark.parametrize("machine", MACHINES)
def test_a_picture_is_drawn_on_any_machine(machine, tmp_path):
    words = ["compare", *QUICK, "--plot", "p.png", "--html", "p.html", "--json", "-"]
    result = spawn(*words, changes=MACHINES[machine], stdout=subprocess.PIPE, cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.isascii()
    assert b'"verdict"' in result.stdout
    # Nothing but what is said elsewhere on the standard output.
    assert b"wrote p.png" in result.stderr
    assert b"Traceback" not in result.stderr
    assert b"atplotlib" not in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.html", "p.png"]


@pytest.mark.parametrize("kind", ["absent", "old", "broken"])
def test_matplotlib_that_cannot_be_used(kind, tmp_path):
    text = {
        "absent": "raise ModuleNotFoundError('No module named matplotlib', name='matplotlib')",
        "old": "__version__ = '2.2.5'",
        "broken": "import numpy\nnumpy.core_that_was\n",
    }[kind]
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").write_text(text)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    changes = {"PYTHONPATH": path}
    for option in ("--plot", "--html"):
        name = str(tmp_path / f"r.{'png' if option == '--plot' else 'html'}")
        result = spawn("compare", *QUICK, option, name, changes=changes, stdout=subprocess.PIPE)
        assert (result.returncode, result.stdout) == (2, b"")
        assert result.stderr.count(b"\n") == 1
        assert b'pip install "fanin[plot]"' in result.stderr
    result = spawn("compare", *QUICK, changes=changes, stdout=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (0, b"")


@posix
def test_a_working_folder_that_is_gone(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()

    def leave():
        os.chdir(gone)
        os.rmdir(gone)

    words = ["compare", *QUICK, "--json", "r.json"]
    result = spawn(*words, preexec_fn=leave, stdout=subprocess.PIPE)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"r.json: expected a working folder, found that it is gone" in result.stderr
    assert result.stderr.count(b"\n") == 1
    gone.mkdir()
    result = spawn("compare", *QUICK, preexec_fn=leave, stdout=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (0, b"")


@posix
@pytest.mark.parametrize("closed", [[1], [2], [1, 2]])
def test_streams_that_are_closed(closed, tmp_path):
    def close():
        for stream in closed:
            os.close(stream)

    stdout = subprocess.PIPE
    result = spawn("list", "data", preexec_fn=close, stdout=stdout)
    assert result.returncode == 0
    assert result.stdout == (b"" if 1 in closed else b"fashion-mnist\nsmall\n")
    result = spawn("list", "x", preexec_fn=close, stdout=stdout)
    assert (result.returncode, result.stdout) == (2, b"")  # nothing for the one in the other
    result = spawn("compare", *QUICK, "--json", "-", preexec_fn=close, stdout=stdout)
    assert result.returncode == (2 if 1 in closed else 0)
    if 1 not in closed:
        assert result.stdout.startswith(b"{")
    elif 2 not in closed:
        assert b"found it closed" in result.stderr


def test_warnings_are_one_line_each(capsys, monkeypatch):
    def warning(options):
        warnings.simplefilter("always")
        warnings.warn("one\n  two", UserWarning, stacklevel=1)
        return 0

    monkeypatch.setattr("fanin.cli._versions._versions", warning)
    assert run("versions") == 0
    assert capsys.readouterr() == ("", "fanin: warning: one two\n")
