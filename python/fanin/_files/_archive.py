"""Reading npz archives that anybody may have made: nothing is unpacked before it is looked at."""

import contextlib
import errno
import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fanin._files import _disk, _formats

if TYPE_CHECKING:
    import zipfile

Array = NDArray[Any]

_STORED, _DEFLATED = 0, 8
_MOST_EXPANSION = 1032
"""What deflate can make of one byte at most."""

_SLACK = 1 << 20
"""Bytes that a member may have whatever it is packed into."""


class Archive:
    """An open npz archive; a context manager.

    Its members are known when it is open: their names, that they are arrays, are named once and are
    not encrypted, and that their sizes can be true.

    Parameters
    ----------
    path : str
        The file.
    wanted : str
        What is expected there, for messages: ``"weights that fanin saved"``.
    expansion : int, optional
        How many bytes a byte of the file may stand for. Default: what the compression can reach.

    Attributes
    ----------
    names : list of str
        The arrays, without the suffix ``.npy``.

    Raises
    ------
    ValueError
        If it is another kind of file, or damaged; the message names the file, and says what it is.
    OSError
        If it cannot be opened or read.
    """

    def __init__(self, path: str, wanted: str, expansion: int = _MOST_EXPANSION) -> None:
        self.path, self._wanted = path, wanted
        self._file = _disk.open_regular(path)
        try:
            self._zip = self._open_zip()
            self._members = self._checked(expansion)
        except BaseException:
            self._file.close()
            raise
        self.names = list(self._members)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def header(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return shape and dtype of an array of real numbers, without unpacking it."""
        info = self._members[name]
        with self.guarded(f"damage in {name}"), self._zip.open(info) as member:
            if np.lib.format.read_magic(member) == (1, 0):
                shape, _, dtype = np.lib.format.read_array_header_1_0(member)
            else:
                shape, _, dtype = np.lib.format.read_array_header_2_0(member)
            start = member.tell()
        if dtype.kind not in "fiub":
            raise self.refusal(f"{name} of type {dtype.str} instead of real numbers")
        if min(shape, default=0) < 0 or start + math.prod(shape) * dtype.itemsize != info.file_size:
            raise self.refusal(f"{name} of {info.file_size} bytes, which do not fit its shape")
        return shape, dtype

    def read(self, name: str) -> Array:
        """Return an array of real numbers."""
        self.header(name)
        with self.guarded(f"damage in {name}"), self._zip.open(self._members[name]) as member:
            array: Array = np.lib.format.read_array(member, allow_pickle=False)
        return array

    def refusal(self, found: str) -> ValueError:
        """Build the error that says what was found in place of what is expected."""
        return ValueError(f"{self.path}: expected {self._wanted}, found {found}")

    @contextlib.contextmanager
    def guarded(self, found: str) -> Iterator[None]:
        """Make a ValueError that names the file of whatever is raised for what the file holds.

        Damaged bytes make zipfile, NumPy and json raise a dozen kinds of exceptions; a list of them
        would be wrong with the next version of Python.
        """
        try:
            yield
        except OSError as error:
            if error.errno != errno.EINVAL:  # which is a seek to where a damaged number points
                raise
            raise self.refusal(f"{found}: {error}") from error
        except (ValueError, TypeError) as error:
            raise self.refusal(f"{found}: {error}") from error
        except Exception as error:
            raise self.refusal(f"{found}: {type(error).__name__}: {error}") from error

    def _open_zip(self) -> "zipfile.ZipFile":
        import zipfile  # a fifth of the time that `import fanin` would take

        if not zipfile.is_zipfile(self._file):
            self._file.seek(0)
            head = self._file.read(4096)
            size = os.fstat(self._file.fileno()).st_size
            raise self.refusal(_formats.describe(head, size))
        with self.guarded("damage in the list of its members"):
            return zipfile.ZipFile(self._file)

    def _checked(self, expansion: int) -> "dict[str, zipfile.ZipInfo]":
        """Return the members by the names of their arrays."""
        infos = self._zip.infolist()
        if not all(info.filename.endswith(".npy") for info in infos):
            raise self.refusal(_formats.describe_members([info.filename for info in infos]))
        members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            name = info.filename.removesuffix(".npy")
            shown = _formats.listed([name])
            if name in members:
                raise self.refusal(f"{shown} twice")
            if info.flag_bits & 1:
                raise self.refusal(f"{shown} encrypted; write it without a password")
            if info.compress_type not in (_STORED, _DEFLATED):
                raise self.refusal(f"{shown} compressed in a way that NumPy does not use")
            packed = info.compress_size
            most = packed if info.compress_type == _STORED else expansion * packed + _SLACK
            if not packed <= os.fstat(self._file.fileno()).st_size or info.file_size > most:
                raise self.refusal(f"{shown}, {info.file_size} bytes out of {packed} in the file")
            members[name] = info
        return members
