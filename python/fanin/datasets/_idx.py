"""A strict reader of IDX files, the format of MNIST and of the data sets made after it.

An IDX file is ``00 00``, a type code, the number of dimensions, each dimension as a big-endian
32-bit integer, then the values in C order. The caller says which shape the file must have, so
nothing that a file claims decides how much memory is asked for or how much is decompressed.
"""

import gzip
import io
import os
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_GZIP = b"\x1f\x8b"
_UINT8 = 0x08
# Data arrive in pieces of this many bytes, so that decompressing needs no second whole copy.
_PIECE = 1 << 20


def read(path: str | os.PathLike[str], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped or not.

    Parameters
    ----------
    path : path-like
        The file. Its first bytes, not its name, say whether it is gzipped.
    shape : tuple of int
        The shape that the file must have.

    Returns
    -------
    ndarray of shape ``shape``, dtype uint8
        A new, writable, C-contiguous array.

    Raises
    ------
    ValueError
        When the file is anything but exactly such an array; the message names the file and
        what is wrong with it.
    OSError
        When the file cannot be opened or read.
    """
    with open(path, "rb") as file:
        zipped = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        try:
            if not zipped:
                return _decode(file, shape)
            with gzip.GzipFile(fileobj=file) as stream:
                return _decode(stream, shape)
        except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from error


def _decode(stream: io.BufferedIOBase, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    size = 4 + 4 * len(shape)
    header = stream.read(size)
    if header[:2] != b"\0\0":
        found = header[:2].hex(" ") or "nothing"
        raise ValueError(f"not an IDX file: it begins with {found}, expected 00 00")
    if len(header) < size:
        raise ValueError(f"the file ends within its header, after {len(header)} of {size} bytes")
    _, code, ndim = struct.unpack_from(">HBB", header)
    if code != _UINT8:
        raise ValueError(f"type code is 0x{code:02x}, expected 0x{_UINT8:02x} (unsigned bytes)")
    if ndim != len(shape):
        raise ValueError(f"number of dimensions is {ndim}, expected {len(shape)}")
    found_shape = struct.unpack_from(f">{ndim}I", header, 4)
    if found_shape != shape:
        raise ValueError(f"dimensions are {found_shape}, expected {shape}")

    array = np.empty(shape, np.uint8)
    unread = array.reshape(-1).data
    while count := stream.readinto(unread[:_PIECE]):
        unread = unread[count:]
    if unread:
        read_bytes = array.size - len(unread)
        raise ValueError(f"the file ends after {read_bytes} of {array.size} bytes of data")
    # Reading on to the end also has gzip check its length and checksum.
    if stream.read(1):
        raise ValueError(f"the file goes on after its {array.size} bytes of data")
    return array
