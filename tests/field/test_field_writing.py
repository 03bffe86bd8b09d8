"""Faults seen in use, writing files: what the path is (F3), interrupts, kills and syncs (R3)."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import fanin
import numpy as np
import pytest
from blobs import QUICK
from fanin import callbacks, layers
from refusals import assert_refused, outcome

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def network():
    model = fanin.Sequential([layers.Dense(2, input_dim=3)], rng=0)
    model.compile("sgd", "mse")
    return model


def checkpoint(path):
    saver = callbacks.ModelCheckpoint(path)
    network().fit(np.eye(3), np.eye(3, 2), verbose=0, callbacks=[saver])


_COMPARISON = fanin.compare("zeros", seeds=1, **{**QUICK, "epochs": 1})
_REPORT = fanin.diagnose(network(), np.eye(3))

MODELS = {
    "save": lambda path: network().save(path),
    "save_weights": lambda path: network().save_weights(path),
    "checkpoint": checkpoint,
}
# Whatever this package writes whole.
WRITERS = {
    **MODELS,
    "save_json": _COMPARISON.save_json,
    "save_html": _COMPARISON.save_html,
    "to_html": _REPORT.to_html,
    "save_plot": lambda path: _COMPARISON.save_plot(path),
}
models = pytest.mark.parametrize("write", MODELS.values(), ids=MODELS)
writers = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def name_for(write):
    """A name without a suffix suits all but pictures."""
    return "file.svg" if write is WRITERS["save_plot"] else "file"


# F3.


@posix
@models
@pytest.mark.parametrize("there", [True, False], ids=["file", "nothing yet"])
def test_field_F3_a_link_stays_and_its_target_is_new(write, there, tmp_path):
    target, link = tmp_path / "folder" / "real", tmp_path / "link"
    target.parent.mkdir()
    if there:
        target.write_bytes(b"old")
    link.symlink_to(Path("folder") / "real")
    write(link)
    assert link.is_symlink()
    assert target.read_bytes().startswith(b"PK")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["folder", "link", "real"]


@posix
def test_links_are_followed_by_reports(tmp_path):
    (tmp_path / "link").symlink_to("real")
    for write in (_COMPARISON.save_json, _COMPARISON.save_html, _REPORT.to_html):
        write(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()


def _socket(path):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(str(path))


def _device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


IRREGULAR = {
    "a named pipe": (lambda path: os.mkfifo(path), stat.S_ISFIFO),
    "a socket": (_socket, stat.S_ISSOCK),
    "a device": (_device, stat.S_ISCHR),
}


@posix
@writers
@pytest.mark.parametrize("kind", IRREGULAR)
def test_field_F3_what_is_no_regular_file_stays(write, kind, tmp_path, monkeypatch):
    make, is_kind = IRREGULAR[kind]
    monkeypatch.chdir(tmp_path)  # names of sockets must be short
    path = Path(name_for(write))
    make(path)
    error = outcome(lambda: write(path))
    assert is_kind(path.stat().st_mode)
    assert isinstance(error, OSError)
    assert kind in str(error)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@posix
def test_folders_are_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    for write in WRITERS.values():
        for path in (tmp_path / "folder", f"{tmp_path}/new/", tmp_path / "no" / "file"):
            if write is not WRITERS["save_plot"] and "checkpoint" not in str(write):
                assert_refused(lambda w=write, p=path: w(p), OSError, str(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@posix
@writers
def test_field_F3_a_file_that_nobody_may_write_stays(write, tmp_path):
    """For root too, who could."""
    path = tmp_path / name_for(write)
    path.write_bytes(b"old")
    path.chmod(0o444)
    error = outcome(lambda: write(path))
    assert path.read_bytes() == b"old"
    assert isinstance(error, PermissionError)
    assert str(path) in str(error)
    assert len(list(tmp_path.iterdir())) == 1


@posix
@writers
def test_permissions_stay(write, tmp_path):
    path = tmp_path / name_for(write)
    for mode in (0o600, 0o640, 0o666, 0o755):
        path.write_bytes(b"old")
        path.chmod(mode)
        write(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert path.stat().st_size > 100
    path.unlink()
    before = os.umask(0o027)
    try:
        write(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@posix
def test_a_secret_is_secret_while_it_is_written(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)
    seen = []
    fsync = os.fsync

    def watched(handle):
        seen.extend(stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    _COMPARISON.save_json(path)
    assert set(seen) == {0o600}


@posix
@models
def test_field_F3_names_as_long_as_names_can_be(write, tmp_path):
    path = tmp_path / ("n" * 255)
    assert outcome(lambda: write(path)) is None
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@posix
@models
def test_field_F3_names_that_are_no_text(write, tmp_path):
    for path in (
        os.fsencode(tmp_path / "m") + b"\xff",
        os.fsdecode(os.fsencode(tmp_path) + b"/\xfe"),
    ):
        assert outcome(lambda p=path: write(p)) is None
    assert sorted(os.listdir(os.fsencode(tmp_path))) == [b"m\xff", b"\xfe"]


@pytest.mark.parametrize("path", ["a\0b", "\ud800", ""], ids=["null", "surrogate", "empty"])
@pytest.mark.parametrize("call", ["save", "save_weights", "load_weights", "load_model"])
def test_field_F3_names_that_cannot_be(call, path):
    function = fanin.models.load_model if call == "load_model" else getattr(network(), call)
    assert_refused(lambda: function(path), ValueError, "filepath: expected the name of a file")


# R3.


def interrupt_renaming(monkeypatch):
    """Have Ctrl-C come when the new file has its name already."""
    replace = os.replace

    def interrupted(*names):
        replace(*names)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)


@models
def test_field_R3_an_interrupt_after_the_end_stays_one(write, tmp_path, monkeypatch):
    interrupt_renaming(monkeypatch)
    assert isinstance(outcome(lambda: write(tmp_path / "file")), KeyboardInterrupt)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_interrupt_of_a_report_stays_one(tmp_path, monkeypatch):
    interrupt_renaming(monkeypatch)
    for write in (_COMPARISON.save_json, _COMPARISON.save_html, _REPORT.to_html):
        assert isinstance(outcome(lambda w=write: w(tmp_path / "file")), KeyboardInterrupt)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # between the end of `with` and its closing
@pytest.mark.parametrize("write", ["save", "save_weights", "save_json"])
def test_field_R3_an_interrupt_at_any_line(write, tmp_path):
    """At each line that saving runs in this package, one after the other."""
    model = network()
    call = getattr(_COMPARISON if write == "save_json" else model, write)
    path = tmp_path / "file"
    call(path)
    old = path.read_bytes()
    model.params[...] += 1
    package = os.path.dirname(fanin.__file__)

    def interrupt_at(count):
        left = count

        def trace(frame, event, argument):
            nonlocal left
            if not frame.f_code.co_filename.startswith(package):
                return None
            if event == "line":
                left -= 1
                if not left:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return trace

        return trace

    before = sys.gettrace()
    kinds, contents, names = set(), set(), set()
    for count in range(1, 10_000):
        try:
            sys.settrace(interrupt_at(count))
            error = outcome(lambda: call(path))
        finally:
            sys.settrace(before)
        contents.add(path.read_bytes() == old)
        names.update(p.name for p in tmp_path.iterdir())
        if error is None:
            break
        kinds.add(type(error))
    assert kinds == {KeyboardInterrupt}
    assert names == {"file"}
    assert count > 30
    if write != "save_json":
        assert contents == {True, False}  # early interrupts leave the old file, late ones the new


@posix
@models
def test_field_R3_file_and_folder_are_synced(write, tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def watched(handle):
        synced.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    write(tmp_path / "file")
    assert synced == ["file", "folder"]


@posix
def test_field_R3_reports_are_synced(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_mode))
    _COMPARISON.save_json(tmp_path / "r.json")
    assert [stat.S_ISDIR(mode) for mode in synced] == [False, True]


WRITING = """
import json, os, signal, sys
import fanin
model = fanin.Sequential([fanin.layers.Dense(2, input_dim=3)], rng=1)
model.compile("sgd", "mse")
def at_the_end(handle):
    {end}
os.fsync = at_the_end
model.save(sys.argv[1])
"""


def writing(path, end, **options):
    """A process that saves to `path`, and does `end` before the file is complete."""
    words = [sys.executable, "-c", WRITING.format(end=end), str(path)]
    return subprocess.Popen(words, **options)


@posix
def test_field_R3_what_a_killed_process_left_is_removed(tmp_path):
    path = tmp_path / "model.npz"
    network().save(path)
    old = path.read_bytes()
    for _ in range(2):
        assert writing(path, "os.kill(os.getpid(), 9)").wait() == -signal.SIGKILL
    assert path.read_bytes() == old
    assert len(list(tmp_path.iterdir())) >= 2, "the killed processes left something"
    others = [tmp_path / ".fanin-notes", tmp_path / ".model.npz.backup"]
    for other in others:
        other.write_bytes(b"mine")
    network().save(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


@posix
def test_what_a_living_process_writes_is_left_alone(tmp_path):
    path = tmp_path / "model.npz"
    end = 'print("here", flush=True); input()'
    process = writing(
        path, end, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "here\n"
    network().save(path)
    first = path.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2
    _, errors = process.communicate("\n\n\n")
    assert (process.returncode, errors) == (0, "")
    assert path.read_bytes() != first  # the last one to finish
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "r.json"
    _COMPARISON.save_json(path)
    old = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write in WRITERS.values():
        target = tmp_path / name_for(write)
        assert_refused(lambda w=write, p=target: w(p), OSError, str(target), "No space left")
    assert_refused(lambda: _COMPARISON.save_json(path), OSError, str(path))
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]
    assert json.loads(old)
