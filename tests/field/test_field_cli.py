"""The command `fanin`: what it is given, and who reads what it prints."""

import os
import stat
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from archives import set_field
from blobs import DATA
from fanin import cli
from refusals import outcome

QUICK = ["--epochs", "1", "--seeds", "1", "--hidden", "4", "--arms", "zeros"]


def run(*words):
    """Run the command in this process; argparse's exits become codes."""
    try:
        return cli.main(["compare", *words])
    except SystemExit as stop:
        return stop.code


def spawn(*words, **options):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-m", "fanin", *words],
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
        **options,
    )


def _read_only(path):
    path.write_bytes(b"old")
    path.chmod(0o444)


def _encrypted(path):
    (x, y), (x_test, y_test) = DATA
    np.savez(path, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    path.write_bytes(set_field(path.read_bytes(), 2, 1))


# What lies there, what is asked, and words of the one line that answers.
BAD = {
    "a page called a picture": (None, ["--html", "x.png"], "x.html"),
    "numbers called a page": (None, ["--json", "x.html"], "x.json"),
    "a file that may only be read": (_read_only, ["--json", "x"], "read-only"),
    "a pipe": (lambda path: os.mkfifo(path), ["--json", "x"], "named pipe"),
    "encrypted data": (_encrypted, ["--data", "x.npz"], "encrypted"),
    "too large a network": (None, ["--hidden", str(10**15)], ""),
    "too large a layer": (None, ["--hidden", str(2**31 - 1), "2147483647"], "memory"),
    "an absurd layer": (None, ["--hidden", str(2**63 - 1), "4"], "hidden"),
    "an array that does not fit": (None, ["--arms", "constant(value=[1,2])"], "value"),
    "more workers than numbers": (None, [*QUICK, "--workers", str(10**25)], ""),
    "lines in an option": (None, ["--what\never"], "--what ever"),
}


@pytest.mark.parametrize("kind", BAD)
def test_field_cli_bad_input_is_one_line_and_code_2(kind, capsys, tmp_path, monkeypatch):
    make, words, message = BAD[kind]
    monkeypatch.chdir(tmp_path)
    if make:
        make(tmp_path / words[1])
    before = [(p.name, p.lstat()) for p in tmp_path.iterdir()]
    codes = []
    assert outcome(lambda: codes.append(run(*words))) is None
    out, err = capsys.readouterr()
    assert codes == [2]
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert err.startswith("fanin")
    assert [(p.name, p.lstat()) for p in tmp_path.iterdir()] == before


def test_damaged_data_is_one_line_and_code_2(capsys, tmp_path):
    path = tmp_path / "x.npz"
    _encrypted(path)
    for content in (b"", b"hello", b"PK\x03\x04", path.read_bytes()[:-40]):
        path.write_bytes(content)
        assert run("--data", str(path)) == 2
        assert str(path) in capsys.readouterr().err
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", b"")
    assert run("--data", str(path)) == 2
    assert run("--data", str(tmp_path)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 2


def test_files_that_cannot_be_written_are_found_before_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fanin.comparison.experiment.run_trial", None)  # nothing may be trained
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for kind in ("--json", "--html"):
        for name in ("folder", "loop", "no/such", "n" * 300):
            assert run(*QUICK, kind, str(tmp_path / name)) == 2
            out, err = capsys.readouterr()
            assert (out, err.count("\n")) == ("", 1)
            assert name in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "loop"]


posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other pipes")


@posix
def test_field_cli_a_closed_pipe_ends_nothing_but_the_output(tmp_path):
    """As `fanin compare | head` has it: no traceback, and files are written."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = spawn("compare", *QUICK, "--json", str(tmp_path / "r.json"), stdout=writer)
    finally:
        os.close(writer)
    assert result.stderr == b""
    assert result.returncode == 141
    assert (tmp_path / "r.json").stat().st_size > 1000


@posix
@pytest.mark.parametrize("words", [["--help"], ["compare", "--help"], ["--version"]])
def test_field_cli_a_closed_pipe_of_the_help(words):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = spawn(*words, stdout=writer)
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (141, b"")


@posix
def test_field_cli_a_full_disk_behind_the_output(tmp_path):
    if not (os.path.exists("/dev/full") and stat.S_ISCHR(os.stat("/dev/full").st_mode)):
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "wb") as full:
        result = spawn("compare", *QUICK, "--json", str(tmp_path / "r.json"), stdout=full)
    assert result.returncode == 1
    assert result.stderr.count(b"\n") == 1
    assert b"No space left" in result.stderr
    assert (tmp_path / "r.json").stat().st_size > 1000
