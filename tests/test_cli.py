"""The command `fanin`: what it prints, writes and returns."""

import json
import os
import shlex
import signal
import subprocess
import sys

import fanin
import pytest
from fanin import cli
from fanin.comparison import Comparison

QUICK = "--epochs 1 --seeds 2 --hidden 8 --arms zeros he_normal+bn"


def run(text):
    """Run the command in this process; argparse's exits become codes."""
    try:
        return cli.main(shlex.split(text))
    except SystemExit as stop:
        return stop.code


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
        ("--epoch-s 3", "--epoch-s"),
        ("--plot no/such/folder/p.png", "no/such/folder"),
        ("--plot p.doc", "suffix"),
        ("--json .", "found a folder"),
        ("--json same --html same", "files: expected different ones"),
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


def test_no_command_is_code_2(capsys):
    assert run("") == 2
    assert "COMMAND" in capsys.readouterr().err


def test_without_matplotlib_nothing_is_trained(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("fanin.show.figures.find_spec", lambda name: None)
    assert run(f"compare {QUICK} --html {tmp_path / 'r.html'}") == 2
    assert 'pip install "fanin[plot]"' in capsys.readouterr().err


def test_a_file_that_cannot_be_written_at_the_end_is_code_1(capsys, monkeypatch, tmp_path):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fanin._files.write", full)
    assert run(f"compare {QUICK} --json {tmp_path / 'r.json'}") == 1
    out, err = capsys.readouterr()
    assert "never learned" in out  # the result is not lost
    assert "No space left" in err
    assert "wrote" not in out


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
