"""The IDX reader returns exactly the array that was written, or says what is wrong with the file.

It never crashes with another error, and what a file claims never decides how much memory is used.
"""

import contextlib
import gzip
import re
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fanin.datasets import _idx
from hypothesis import given, settings
from hypothesis import strategies as st

SHAPE = (3, 4, 5)
ARRAY = np.arange(60, dtype=np.uint8).reshape(SHAPE)
HEADER = b"\0\0\x08\x03" + struct.pack(">3I", *SHAPE)
PLAIN = HEADER + ARRAY.tobytes()
ZIPPED = gzip.compress(PLAIN, mtime=0)

thorough = settings(max_examples=300, deadline=None)
both_forms = pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])


def read(folder: Path, content: bytes) -> np.ndarray:
    path = folder / "some-file"
    path.write_bytes(content)
    return _idx.read(path, SHAPE)


@both_forms
def test_reads_back_what_was_written(tmp_path: Path, pack: Callable[[bytes], bytes]):
    array = read(tmp_path, pack(PLAIN))
    np.testing.assert_array_equal(array, ARRAY)
    assert array.dtype == np.uint8
    assert array.flags.writeable
    assert array.flags.c_contiguous


def test_reads_labels_and_more_than_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_idx, "_PIECE", 7)
    np.testing.assert_array_equal(read(tmp_path, PLAIN), ARRAY)
    np.testing.assert_array_equal(read(tmp_path, ZIPPED), ARRAY)
    path = tmp_path / "labels"
    path.write_bytes(b"\0\0\x08\x01\0\0\0\x03" + bytes([5, 0, 9]))
    np.testing.assert_array_equal(_idx.read(path, (3,)), [5, 0, 9])


def test_gzip_members_are_one_stream_as_in_gunzip(tmp_path: Path):
    parts = gzip.compress(PLAIN[:30]) + gzip.compress(PLAIN[30:])
    np.testing.assert_array_equal(read(tmp_path, parts), ARRAY)


@both_forms
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "begins with nothing, expected 00 00"),
        (b"<!DOCTYPE html>", "not an IDX file: it begins with 3c 21, expected 00 00"),
        (b"\0\x01" + PLAIN[2:], "begins with 00 01"),
        (PLAIN[:7], "ends within its header, after 7 of 16 bytes"),
        (b"\0\0\x0d\x03" + PLAIN[4:], r"type code is 0x0d, expected 0x08 \(unsigned bytes\)"),
        (b"\0\0\x08\x01" + PLAIN[4:], "number of dimensions is 1, expected 3"),
        (b"\0\0\x08\xff" + PLAIN[4:], "number of dimensions is 255, expected 3"),
        (
            HEADER[:4] + struct.pack(">3I", 3, 5, 4) + PLAIN[16:],
            r"dimensions are \(3, 5, 4\), expected \(3, 4, 5\)",
        ),
        (HEADER[:4] + struct.pack("<3I", *SHAPE) + PLAIN[16:], "dimensions are"),
        (HEADER, "ends after 0 of 60 bytes of data"),
        (PLAIN[:-1], "ends after 59 of 60 bytes of data"),
        (PLAIN + b"\0", "goes on after its 60 bytes of data"),
    ],
)
def test_says_what_is_wrong(
    tmp_path: Path, content: bytes, says: str, pack: Callable[[bytes], bytes]
):
    with pytest.raises(ValueError, match=f"^{re.escape(str(tmp_path))}.some-file: .*{says}"):
        read(tmp_path, pack(content))


@pytest.mark.parametrize("content", [PLAIN, ZIPPED], ids=["plain", "gzip"])
def test_every_truncation_is_noticed(tmp_path: Path, content: bytes):
    for length in range(len(content)):
        with pytest.raises(ValueError, match="some-file: "):
            read(tmp_path, content[:length])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (ZIPPED[:-8] + bytes(4) + ZIPPED[-4:], "CRC check failed"),
        (ZIPPED[:-4] + b"\1\0\0\0", "Incorrect length"),
        (ZIPPED[:-1], "end-of-stream"),
        (ZIPPED + b"PK", "Not a gzipped file"),
        (ZIPPED + gzip.compress(b"\0"), "goes on after"),
        (ZIPPED[:10] + b"\xff" + ZIPPED[11:], "invalid block type"),
        (ZIPPED[:2] + b"\x07" + ZIPPED[3:], "Unknown compression method"),
    ],
)
def test_damaged_gzip(tmp_path: Path, content: bytes, says: str):
    with pytest.raises(ValueError, match=f"some-file: .*{says}"):
        read(tmp_path, content)


def peak_memory_of_refusal(folder: Path, content: bytes) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="some-file"):
            read(folder, content)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@both_forms
def test_forged_dimensions_ask_for_no_memory(tmp_path: Path, pack: Callable[[bytes], bytes]):
    forged = HEADER[:4] + b"\xff" * 12 + PLAIN[16:]
    assert peak_memory_of_refusal(tmp_path, pack(forged)) < 1 << 20


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path):
    # 1 GB of zeros behind a good array, in members so that making it is quick.
    bomb = gzip.compress(PLAIN) + gzip.compress(bytes(1 << 24)) * 64
    assert peak_memory_of_refusal(tmp_path, bomb) < 4 << 20


def test_what_cannot_be_opened_is_an_os_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        _idx.read(tmp_path / "nothing", SHAPE)
    with pytest.raises(IsADirectoryError):
        _idx.read(tmp_path, SHAPE)


@st.composite
def mutations(draw: st.DrawFn, content: bytes) -> bytes:
    """Replace a few slices, each possibly empty, with other bytes, possibly none."""
    out = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(out)))
        stop = draw(st.integers(start, min(start + 8, len(out))))
        out[start:stop] = draw(st.binary(max_size=8))
    return bytes(out)


@thorough
@given(content=mutations(PLAIN))
def test_hostile_plain_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    folder = tmp_path_factory.getbasetemp()
    if content.startswith(HEADER) and len(content) == len(PLAIN):
        np.testing.assert_array_equal(read(folder, content).ravel(), list(content[len(HEADER) :]))
    else:
        with pytest.raises(ValueError, match="some-file"):
            read(folder, content)


@thorough
@given(content=mutations(ZIPPED))
def test_hostile_gzip_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    # It may be whole: another time stamp or file name in gzip's header changes nothing.
    with contextlib.suppress(ValueError):
        np.testing.assert_array_equal(read(tmp_path_factory.getbasetemp(), content), ARRAY)


@thorough
@given(start=st.sampled_from([b"", b"\0\0\x08\x03", HEADER, ZIPPED[:2], ZIPPED[:10]]), tail=...)
def test_arbitrary_bytes(tmp_path_factory: pytest.TempPathFactory, start: bytes, tail: bytes):
    content = start + tail[: len(PLAIN) - 1 - len(start)]  # too short to be right by chance
    with pytest.raises(ValueError, match="some-file"):
        read(tmp_path_factory.getbasetemp(), content)
