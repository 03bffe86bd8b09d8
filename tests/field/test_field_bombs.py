"""Faults under load: archives that are bombs, and what is no path (R7)."""

import io
import json
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from archives import (
    DATA,
    MODEL,
    READERS,
    archive,
    assert_refused_file,
    header,
    members,
    needed,
    network,
    npy,
    readers,
    with_member,
)
from fanin.comparison import data
from fanin.models import load_model
from refusals import assert_refused, outcome

BOMB = 1 << 26


def _bomb():
    return npy(np.zeros(BOMB // 8))


def peak(call):
    tracemalloc.start()
    try:
        error = outcome(call)
        return error, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("load", ["load_model", "load_weights"])
@pytest.mark.parametrize("name", ["extra", "0/kernel", "optimizer/slots", "config", "9/kernel"])
def test_field_R7_bombs_are_not_unpacked(load, name, tmp_path):
    """64 MiB of zeros, in 64 KiB, under each kind of name."""
    path = tmp_path / "bomb.npz"
    path.write_bytes(archive({**members(MODEL), f"{name}.npy": _bomb()}, zipfile.ZIP_DEFLATED))
    assert path.stat().st_size < 1 << 17
    error, most = peak(lambda: READERS[load][0](path))
    assert most < 1 << 22
    if load == "load_model" or name not in ("optimizer/slots", "config"):
        assert isinstance(error, ValueError)
        assert str(path) in str(error)


def test_only_what_is_needed_is_unpacked_of_data(tmp_path):
    path = tmp_path / "data.npz"
    path.write_bytes(archive({**members(DATA), "rest.npy": _bomb()}, zipfile.ZIP_DEFLATED))
    error, most = peak(lambda: data.load(path, 0.25))
    assert error is None
    assert most < 1 << 22
    path.write_bytes(archive({"rest.npy": _bomb()}, zipfile.ZIP_DEFLATED))
    error, most = peak(lambda: data.load(path, 0.25))
    assert isinstance(error, ValueError)
    assert most < 1 << 22


@readers
@pytest.mark.parametrize("shape", ["(1099511627776,)", "(4, 1099511627776)"])
def test_field_R7_sizes_that_cannot_be_true(reader, shape, tmp_path):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n"
    path = tmp_path / "forged.npz"
    path.write_bytes(with_member(reader, needed(reader), header(text, bytes(48))))
    error, most = peak(lambda: READERS[reader][0](path))
    assert isinstance(error, ValueError)
    assert str(path) in str(error)
    assert most < 1 << 22


@pytest.mark.parametrize("units", [10**15, 2**63, 10**30, -4, 0, "4", 4.5, None])
def test_field_R7_networks_that_the_file_does_not_hold(units, tmp_path):
    """What the configuration asks for is not allocated either."""
    contents = members(MODEL)
    config = json.loads(np.load(io.BytesIO(contents["config.npy"])).tobytes())
    config["model"]["layers"][0]["config"]["units"] = units
    contents["config.npy"] = npy(np.frombuffer(json.dumps(config).encode(), np.uint8))
    assert_refused_file("load_model", archive(contents), tmp_path)


NO_PATHS = {"number": 1, "float": 1.5, "nothing": None, "flag": True, "list": ["m.npz"]}


@pytest.mark.parametrize("value", NO_PATHS.values(), ids=NO_PATHS)
@pytest.mark.parametrize("call", ["load_weights", "load_model", "save", "save_weights"])
def test_field_R7_what_is_no_path(call, value):
    function = load_model if call == "load_model" else getattr(network(), call)
    assert_refused(lambda: function(value), TypeError, "filepath: expected a path")


@pytest.mark.parametrize("call", ["load_weights", "load_model"])
def test_field_R7_a_number_is_no_open_file(call, tmp_path):
    function = load_model if call == "load_model" else network().load_weights
    with open(tmp_path / "file", "wb") as file:
        handle = os.dup(file.fileno())
    try:
        assert isinstance(outcome(lambda: function(handle)), TypeError)
        assert outcome(lambda: os.fstat(handle)) is None, "the file was closed"
    finally:
        outcome(lambda: os.close(handle))


@pytest.mark.parametrize("call", ["load_weights", "load_model", "save", "save_weights"])
def test_field_R7_an_open_file_is_refused_with_the_way_out(call):
    function = load_model if call == "load_model" else getattr(network(), call)
    stream = io.BytesIO(MODEL)
    assert_refused(lambda: function(stream), TypeError, "filepath", "give the path")
