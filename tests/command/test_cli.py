"""The command `fanin`: what it prints, writes and returns."""

import html
import json
import os
import shlex
import signal
import subprocess
import sys

import fanin
import pytest
from commands import run
from fanin.comparison import Comparison

QUICK = "--epochs 1 --seeds 2 --hidden 8 --arms zeros he_normal+bn"


HANGS = 1200
"""Seconds after which a process counts as one that never ends."""


def spawn(*words, **options):
    return subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that was started in the background ignores SIGINT, and children inherit that.
        preexec_fn=None if os.name == "nt" else _restore_interrupts,
        **options,
    )


def _restore_interrupts():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"fanin {fanin.__version__}\n"


def test_table_and_files(capsys, tmp_path):
    files = {kind: tmp_path / f"result.{kind}" for kind in ("png", "html", "json")}
    words = f"--plot {files['png']} --html {files['html']} --json {files['json']}"
    assert run(f"compare {QUICK} --target 0.5 {words}") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "never learned" in out
    assert "\x1b" not in out
    assert max(map(len, out.split("wrote ")[0].splitlines())) <= 80
    for path in files.values():
        assert f"wrote {path}" in out
        assert path.stat().st_size > 1000
    result = Comparison.from_dict(json.loads(files["json"].read_text()))
    assert [arm.label for arm in result] == ["Zeros", "HeNormal + BN"]
    assert str(result) in out
    assert result == fanin.compare(
        ["zeros", "he_normal+bn"], seeds=2, epochs=1, hidden=8, target=0.5
    )


def test_the_command_of_a_result_repeats_it(tmp_path):
    path = tmp_path / "again.json"
    result = fanin.compare(
        ["random_normal(stddev=0.01)+bn_before", "ones"],
        seeds=[4],
        epochs=1,
        hidden=(9, 8),
        activation="tanh",
        optimizer="sgd",
        learning_rate=0.3,
        batch_size=50,
        validation_split=0.1,
        initialize="all",
        target=0.25,
    )
    program, words = result.command.split(" ", 1)
    assert program == "fanin"
    assert run(f"{words} --json {path}") == 0
    assert Comparison.from_dict(json.loads(path.read_text())) == result


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--arms he_norml", "did you mean 'he_normal'"),
        ("--arms he_normal+bm", "unknown addition"),
        ("--arms zeros zeros", "labels"),
        ("--data mnist", "unknown data set 'mnist'"),
        ("--data no/such.npz", "no/such.npz"),
        ("--epochs 0", "epochs: expected a whole number of at least 1"),
        ("--epochs many", "--epochs"),
        ("--seeds x", "--seeds: expected a number"),
        ("--seeds 1,1", "seeds: expected different ones"),
        ("--hidden", "hidden"),
        ("--optimizer adm", "did you mean 'adam'"),
        ("--activation rleu", "did you mean 'relu'"),
        ("--learning-rate nan", "learning_rate"),
        ("--validation-split 2", "validation_split"),
        ("--initialize none", "--initialize"),
        ("--workers 0", "workers"),
        ("--epoch-s 3", "--epoch-s 3; did you mean '--epochs'?"),
        ("--plot no/such/folder/p.png", "no/such/folder"),
        ("--plot p.doc", "suffix"),
        ("--json .", "found a folder"),
        ("--json same --html same", "files: expected different ones"),
        ("--json - --html -", "files: expected different ones"),
        ("--plot -", "the suffix of a picture"),
    ],
)
def test_bad_input_is_one_line_and_code_2(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fanin.comparison.experiment.run_trial", None)  # nothing may be trained
    assert run(f"compare {words}") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert err.startswith("fanin")
    assert not list(tmp_path.iterdir())


def test_no_command_is_code_2_and_shows_what_there_is(capsys):
    assert run("") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert run("--help") == 0
    assert capsys.readouterr().out == err
    assert "COMMAND" in err
    assert "examples:\n  fanin demo\n" in err
    assert "exit codes:" in err
    for code in (0, 1, 2, 130, 141):
        assert f"\n  {code:<4} " in err
    for command in COMMANDS:
        assert f"\n    {command}" in err


# Each with words that it accepts, where it needs some.
COMMANDS = {
    "demo": None,
    "compare": QUICK,
    "diagnose": None,
    "explain": "he_normal 3,4",
    "list": "",
    "versions": "",
    "completion": "bash",
}


def test_the_commands_that_are_tested_are_all():
    from fanin.cli import _main

    assert list(COMMANDS) == list(_main._COMMANDS)


def test_the_examples_of_the_help_are_read_as_they_stand():
    from fanin.cli import _main

    lines = [line for line in _main._EPILOG.splitlines() if line.startswith("  fanin ")]
    assert len(lines) >= 5
    for line in lines:
        _, *words = shlex.split(line)
        assert _main._parse(words).prog == f"fanin {words[0]}"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_of_its_own(command, capsys):
    assert run(f"{command} --help") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"usage: fanin {command}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("compar", "unknown command 'compar'; did you mean 'compare'?"),
        ("diagnos a b", "did you mean 'diagnose'?"),
        ("lists", "did you mean 'list'?"),
        ("xyz", "known: compare, completion, demo, diagnose, explain, list, versions"),
        ("--jsn compare", "unrecognized arguments: --jsn"),
    ],
)
def test_an_unknown_command_is_answered_with_the_one_that_was_meant(words, message, capsys):
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_without_matplotlib_nothing_is_trained(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(f"compare {QUICK} --html {tmp_path / 'r.html'}") == 2
    assert 'pip install "fanin[plot]"' in capsys.readouterr().err


def test_a_file_that_cannot_be_written_at_the_end_is_code_1(capsys, monkeypatch, tmp_path):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fanin._files._disk.write", full)
    assert run(f"compare {QUICK} --json {tmp_path / 'r.json'}") == 1
    out, err = capsys.readouterr()
    assert "never learned" in out  # the result is not lost
    assert "No space left" in err
    assert "wrote" not in out


def test_json_to_standard_output_is_all_that_is_there(capsys, tmp_path):
    page = tmp_path / "r.html"
    assert run(f"compare {QUICK} --json - --html {page}") == 0
    out, err = capsys.readouterr()
    result = Comparison.from_dict(json.loads(out))
    assert str(result) in err
    assert f"wrote {page}" in err
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


def test_names_in_any_script_get_through_the_narrowest_output(monkeypatch, capsys):
    from fanin.cli import _output

    written = _output._ascii("json", {"label": "größe ∞"}), _output._ascii("html", "<p>größe ∞")
    assert all(text.isascii() for text in written)
    assert json.loads(written[0]) == {"label": "größe ∞"}
    assert html.unescape(written[1]) == "<p>größe ∞"


def test_page_to_standard_output(capsys):
    assert run(f"compare {QUICK} --html -") == 0
    out, err = capsys.readouterr()
    assert out.startswith("<!doctype html>")
    assert out.rstrip().endswith("</html>")
    assert "never learned" in err


# Why there can be no picture: matplotlib, the folder, and words of the line that says so.
PLACES = {
    "without matplotlib": (False, "", 'pip install "fanin[plot]"'),
    "in a folder that may not be written": (True, "", "Permission denied; --folder says where"),
    "without matplotlib, into a folder": (False, "--folder elsewhere", 'pip install "fanin[plot]"'),
}


@pytest.mark.parametrize("place", PLACES)
def test_demo_shows_its_table_wherever_it_is(place, capsys, tmp_path, monkeypatch):
    drawing, words, said = PLACES[place]
    monkeypatch.chdir(tmp_path)
    if not drawing:
        monkeypatch.setitem(sys.modules, "matplotlib", None)

    def refuse(path):  # the superuser, who may run this, could write into any folder
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("fanin._files._disk.check_writable", refuse)
    assert run(f"demo {words}") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "came first with a test accuracy" in out
    (line,) = [line for line in out.splitlines() if line.startswith("no picture")]
    assert said in line
    assert list(tmp_path.iterdir()) == []


def test_demo_refuses_a_folder_that_was_asked_for_and_is_not_there(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("fanin.comparison.experiment.run_trial", None)  # nothing may be trained
    assert run(f"demo --folder {tmp_path / 'no'}") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert str(tmp_path / "no") in err
    assert err.count("\n") == 1


def test_demo(capsys, tmp_path):
    assert run(f"demo --folder {tmp_path}") == 0
    out = capsys.readouterr().out
    for label in ("Zeros", "RandomNormal(stddev=1.0)", "GlorotNormal", "HeNormal"):
        assert label in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fanin-demo.html", "fanin-demo.png"]
    assert str(tmp_path / "fanin-demo.png") in out


def test_as_a_module_with_a_narrow_encoding():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    process = spawn("-m", "fanin", "compare", *shlex.split(QUICK), env=environment)
    out, err = process.communicate(timeout=HANGS)
    assert (process.returncode, err) == (0, "")
    assert "never learned" in out


SAYING_WHEN_IT_TRAINS = r"""
import sys
from fanin import cli
from fanin.comparison import experiment

run_trial = experiment.run_trial

def saying(*arguments, **options):
    sys.stderr.write("training\n")  # One write: trials in other threads say it too.
    sys.stderr.flush()
    return run_trial(*arguments, **options)

experiment.run_trial = saying
sys.exit(cli.main())
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_is_code_130_and_leaves_no_files(tmp_path):
    words = f"compare --epochs 1000000 --seeds 2 --json {tmp_path / 'r.json'}"
    process = spawn("-c", SAYING_WHEN_IT_TRAINS, *words.split())
    assert process.stderr.readline() == "training\n"
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANGS)
    assert process.returncode == 130
    assert out == ""
    assert err.replace("training\n", "").strip() == "fanin: interrupted"
    assert not list(tmp_path.iterdir())
