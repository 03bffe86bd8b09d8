"""Faults under load: files that are damaged (R8)."""

import io
import json
import lzma
import math
import os
import warnings
import zipfile

import numpy as np
import pytest
from archives import (
    READERS,
    archive,
    assert_refused_file,
    header,
    members,
    needed,
    npy,
    readers,
    set_field,
    with_member,
)
from fanin.datasets import fashion_mnist
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import assert_refused, outcome

ZIPS = {
    "encrypted": lambda reader, whole: set_field(whole, 2, 1),
    "a later version of zip": lambda reader, whole: set_field(whole, 0, 99),
    "an unknown compression": lambda reader, whole: set_field(whole, 4, 97),
    "another compression": lambda reader, whole: archive(members(whole), zipfile.ZIP_LZMA),
    "a member twice": lambda reader, whole: archive(
        [*members(whole).items(), (needed(reader), members(whole)[needed(reader)])]
    ),
    "a member that is no array": lambda reader, whole: with_member(reader, "readme.txt", b"hello"),
    "a name of bytes": lambda reader, whole: whole.replace(b"kernel", b"k\xffrnel").replace(
        b"x_test", b"\xff_test"
    ),
    "no members": lambda reader, whole: archive({}),
    "text": lambda reader, whole: with_member(reader, needed(reader), b"hello"),
    "nothing": lambda reader, whole: with_member(reader, needed(reader), b""),
    "strings": lambda reader, whole: with_member(reader, needed(reader), npy(np.full((3, 4), "a"))),
    "objects": lambda reader, whole: with_member(
        reader, needed(reader), npy(np.full((3, 4), None, object))
    ),
    "complex numbers": lambda reader, whole: with_member(
        reader, needed(reader), npy(np.ones((3, 4)) * 1j)
    ),
    "records": lambda reader, whole: with_member(
        reader, needed(reader), npy(np.zeros((3, 4), "f4,f4"))
    ),
    "times": lambda reader, whole: with_member(
        reader, needed(reader), npy(np.zeros((3, 4), "M8[s]"))
    ),
}
HEADERS = {
    "an open bracket": ("(", (1, 0)),
    "an open text": ("{'descr': '", (1, 0)),
    "indented": ("  {\n 'a':\n\t1}", (1, 0)),
    "nested": ("(" * 3000, (1, 0)),
    "nested and closed": ("[" * 200 + "]" * 200, (1, 0)),
    "no dict": ("3\n", (1, 0)),
    "no keys": ("{}\n", (1, 0)),
    "no dtype": ("{'descr': 'nope', 'fortran_order': False, 'shape': (3, 4), }\n", (1, 0)),
    "a wrong dtype": ("{'descr': [1], 'fortran_order': False, 'shape': (3, 4), }\n", (1, 0)),
    "a set": ("{'descr': {}, 'fortran_order': False, 'shape': {1, 2}, }\n", (1, 0)),
    "unhashable": ("{[]: 1}\n", (1, 0)),
    "a null": ("{'descr': '<f4\0', 'fortran_order': False, 'shape': (3, 4), }\n", (1, 0)),
    "a long number": (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (%s,)}" % ("9" * 5000),
        (1, 0),
    ),
    "too long": (" " * 20000, (1, 0)),
    "no text": ("{'\xff': 1}", (3, 0)),
    "a negative shape": ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }\n", (1, 0)),
    "version 9": ("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n", (9, 9)),
}


@readers
@pytest.mark.parametrize("kind", ZIPS)
def test_damaged_archives_are_refused(reader, kind, tmp_path):
    assert_refused_file(reader, ZIPS[kind](reader, READERS[reader][1]), tmp_path)


@readers
@pytest.mark.parametrize("kind", HEADERS)
def test_damaged_arrays_are_refused(reader, kind, tmp_path):
    text, version = HEADERS[kind]
    body = header(text, bytes(48), version)
    assert_refused_file(reader, with_member(reader, needed(reader), body), tmp_path)


CONFIGS = {
    "no JSON": b"hello",
    "cut": b'{"model": {"layers": [',
    "nested": b"[" * 100_000,
    "nested and closed": b"[" * 100_000 + b"]" * 100_000,
    "no text": b'{"model": "\xff\xfe"}',
    "a list": b"[]",
    "a number": b"3",
    "nothing": b"null",
    "empty": b"{}",
    "keys only": b'{"model": null, "rng": null, "compile": null, "done": [0, 0]}',
    "no layers": b'{"model": {"layers": []}, "rng": null, "compile": null, "done": [0, 0]}',
    "odd layers": b'{"model": {"layers": [1, null]}, "rng": null, "compile": null, "done": [0, 0]}',
    "a long number": b'{"model": ' + b"9" * 5000 + b"}",
}


def _configured(kind):
    body = npy(np.frombuffer(CONFIGS[kind], np.uint8))
    return with_member("load_model", "config.npy", body)


@pytest.mark.parametrize("kind", CONFIGS)
def test_damaged_configurations_are_refused(kind, tmp_path):
    assert_refused_file("load_model", _configured(kind), tmp_path)


def test_field_R8_the_kinds_of_errors_that_damage_makes(tmp_path):
    """Of all damage above, none may be another error than a ValueError that names the file."""
    path = tmp_path / "damaged.npz"
    wrong = {}
    for reader, (read, whole) in READERS.items():
        contents = {kind: damage(reader, whole) for kind, damage in ZIPS.items()}
        for kind, (text, version) in HEADERS.items():
            contents[kind] = with_member(reader, needed(reader), header(text, bytes(48), version))
        if reader == "load_model":
            contents |= {kind: _configured(kind) for kind in CONFIGS}
        for kind, content in contents.items():
            path.write_bytes(content)
            error = outcome(lambda read=read: read(path))
            if not isinstance(error, ValueError) or str(path) not in str(error):
                wrong[reader, kind] = error
    assert not wrong


@st.composite
def damaged(draw, content):
    """Replace a few slices, each possibly empty, with other bytes; cut the end, or add to it."""
    out = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(out)))
        stop = draw(st.integers(start, min(start + 8, len(out))))
        out[start:stop] = draw(st.binary(max_size=8))
    return bytes(out[: draw(st.integers(0, len(out)))] if draw(st.booleans()) else out)


@st.composite
def odd_configurations(draw, content):
    """Put something odd in one place of a configuration."""
    config = json.loads(np.load(io.BytesIO(content)).tobytes())
    place = config
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = draw(st.sampled_from(list(keys)))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            break
        place = place[key]
    odd = [None, True, -1, 0, 1.5, 2**40, 2**70, 1e300, math.nan, "", "x", [], [[]], [1], {}]
    place[key] = draw(st.sampled_from([*odd, {"class_name": "Dense"}, {"a": {}}]))
    return npy(np.frombuffer(json.dumps(config).encode(), np.uint8))


@st.composite
def damaged_files(draw, content):
    """Damage the bytes of the file, or those of a member in an archive that is sound."""
    if draw(st.booleans()):
        return draw(damaged(content))
    contents = members(content)
    name = draw(st.sampled_from(sorted(contents)))
    if name == "config.npy" and draw(st.booleans()):
        contents[name] = draw(odd_configurations(contents[name]))
    else:
        contents[name] = draw(damaged(contents[name]))
    return archive(contents, draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])))


@readers
def test_field_R8_any_damage_is_a_value_error_that_names_the_file(reader, tmp_path):
    read, whole = READERS[reader]
    path = tmp_path / "damaged.npz"
    wrong = []

    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    @given(content=damaged_files(whole))
    def attempt(content):
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NaN in weights
            error = outcome(lambda: read(path))
        if error is not None and not (isinstance(error, ValueError) and str(path) in str(error)):
            wrong.append(error)

    attempt()
    assert not wrong


# What is no damage stays what it is.


@readers
def test_errors_of_the_system_stay(reader, tmp_path):
    read = READERS[reader][0]
    assert_refused(lambda: read(tmp_path / "none.npz"), FileNotFoundError, "none.npz")
    (tmp_path / "folder.npz").mkdir()
    assert_refused(lambda: read(tmp_path / "folder.npz"), OSError, "folder.npz")
    if os.name != "nt":
        os.mkfifo(tmp_path / "pipe.npz")
        handle = os.open(tmp_path / "pipe.npz", os.O_RDWR)
        try:
            assert_refused(lambda: read(tmp_path / "pipe.npz"), OSError, "pipe.npz")
        finally:
            os.close(handle)


@readers
def test_a_file_that_is_cut_while_it_is_read(reader, tmp_path, monkeypatch):
    read, whole = READERS[reader]
    path = tmp_path / "damaged.npz"
    path.write_bytes(whole)
    opened = zipfile.ZipFile.open

    def cut(archive, *arguments, **keywords):
        os.truncate(path, 300)
        return opened(archive, *arguments, **keywords)

    monkeypatch.setattr(zipfile.ZipFile, "open", cut)
    assert_refused(lambda: read(path), ValueError, str(path))


def test_field_R8_the_embedded_data(tmp_path, monkeypatch):
    whole = fashion_mnist.EMBEDDED.read_bytes()
    path = tmp_path / "small.xz"
    monkeypatch.setattr(fashion_mnist, "EMBEDDED", path)
    short = lzma.compress(b"too short")
    for content in (
        b"",
        b"hello",
        whole[:1000],
        whole[:-20],
        whole[:500] + b"!" + whole[501:],
        short,
    ):
        path.write_bytes(content)
        error = outcome(lambda: fashion_mnist.load_data("small"))
        assert isinstance(error, ValueError)
        assert str(path) in str(error)
