"""Files: what names one, and writing that happens whole or not at all.

Everything that this package writes goes through `stream`. It fills a temporary file in the same
folder and renames it, so that other programs see the old file or the new one, and a crash leaves
one of them.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from fanin._checks import found

AnyPath: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_DAY = 86400.0

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def as_path(name: str, value: object) -> str:
    """Return the path of a file as text.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    value : str, bytes or path-like
        The path. Bytes are what the file system has, in any encoding.

    Returns
    -------
    str
        The path, with bytes that are no text escaped as Python does.

    Raises
    ------
    TypeError
        If it is something else: a number is no open file here.
    ValueError
        If no file can be called so.
    """
    if not isinstance(value, str | bytes | os.PathLike):
        hint = "; give the path of the file" if hasattr(value, "read") else ""
        raise TypeError(f"{name}: expected a path, found {found(value)}{hint}")
    path = os.fsdecode(value)
    try:
        storable = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        storable = False
    if not path or not storable:
        raise ValueError(f"{name}: expected the name of a file, found {found(path)}")
    return path


def open_regular(path: str) -> BinaryIO:
    """Open a regular file for reading: a pipe or a device would block, or never end.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    binary file
        The open file.

    Raises
    ------
    OSError
        If it cannot be opened, or is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _refuse_irregular(path, os.fstat(handle))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _refuse_irregular(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        number = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
        raise OSError(number, f"expected a regular file, found {kind}", path)


def write(path: AnyPath, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it.

    Parameters
    ----------
    path : str, bytes or path-like
        As for `stream`.
    content : bytes
        What it shall hold.

    Raises
    ------
    OSError
        As for `stream`.
    """
    stream(path, lambda file: file.write(content))


def stream(
    path: AnyPath,
    fill: Callable[[BinaryIO], object],
    *,
    overwrite: bool = True,
) -> None:
    """Write a file bit by bit so that nobody ever sees half of it.

    The new file is on the disk, with its name, when this returns. Where something fails, or an
    interrupt comes, what was there stays, and nothing else does. What a process that was killed
    left behind is removed when the same file is written again.

    Parameters
    ----------
    path : str, bytes or path-like
        The file; what a symbolic link points to, if it is one. It keeps its permissions, and its
        owner where the system allows that; other hard links to it keep the old content.
    fill : callable
        Called with a binary file to write into.
    overwrite : bool, default True
        Whether a file that exists may be replaced.

    Raises
    ------
    FileExistsError
        If there is a file, and `overwrite` is False.
    PermissionError
        If the file, or its folder, may not be written. A file that nobody may write is refused for
        the superuser too, who could.
    OSError
        If the path is a folder, a pipe, a socket or a device, or if writing fails.
    """
    path = as_path("path", path)
    target, status = _target(path)
    if status is not None and not overwrite:
        text = "expected a name that is free, as overwrite is False, found a file"
        raise FileExistsError(errno.EEXIST, text, path)
    try:
        while not _replace(target, status, fill):
            pass
    except OSError as error:
        if error.errno is None:
            raise
        # By the name that the user gave, not the temporary one.
        raise OSError(error.errno, error.strerror, path) from error


def check_writable(path: AnyPath) -> None:
    """Find out before the work is done whether `write` can store its result.

    Parameters
    ----------
    path : str, bytes or path-like
        The file; it is not touched.

    Raises
    ------
    OSError
        If it cannot be written there.
    """
    path = as_path("path", path)
    target, _ = _target(path)
    probe = _temporary(target)
    try:
        open(probe, "xb").close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        _remove(probe)


def _target(path: str) -> tuple[str, os.stat_result | None]:
    """Return the file that is to be replaced, links followed, and what it is if it exists."""
    try:
        target = os.path.realpath(path)
    except FileNotFoundError:  # of a relative path, whatever it is
        text = "expected a working folder, found that it is gone"
        raise FileNotFoundError(errno.ENOENT, text, path) from None
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if os.path.basename(path) in ("", os.curdir, os.pardir):
            text = "expected a regular file, found the name of a folder"
            raise IsADirectoryError(errno.EISDIR, text, path) from None
        return target, None
    _refuse_irregular(path, status)
    # Root may write into every file: who took away all rights to write meant root too.
    effective = os.access in os.supports_effective_ids
    if not status.st_mode & 0o222 or not os.access(path, os.W_OK, effective_ids=effective):
        text = "expected a file that may be written, found a read-only one"
        raise PermissionError(errno.EACCES, text, path)
    if not os.path.exists(target):  # /dev/fd/3 of a file whose name is gone
        raise OSError(errno.EINVAL, "expected the name of a file, found an open file", path)
    return target, status


def _replace(
    target: str, status: os.stat_result | None, fill: Callable[[BinaryIO], object]
) -> bool:
    """Fill a temporary file and rename it to the target; False if it was removed at once."""
    temporary = _temporary(target)
    mode = 0o666 if status is None else 0o600  # what is secret is not readable for a moment
    try:
        with open(temporary, "xb", opener=lambda p, flags: os.open(p, flags, mode)) as file:
            if not _hold(file, temporary):
                return False
            _clear(target, os.fstat(file.fileno()).st_mtime)
            fill(file)
            file.flush()
            if status is not None:
                _keep_permissions(temporary, status)
            os.fsync(file.fileno())
            if os.name == "nt":  # elsewhere it keeps its lock until it has its name
                file.close()
            os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
        raise
    _sync(os.path.dirname(target))
    return True


def _remove(temporary: str) -> None:
    with contextlib.suppress(OSError):  # it may never have been made, or have its name already
        os.unlink(temporary)


def _keep_permissions(temporary: str, status: os.stat_result) -> None:
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):  # only root gives files away
            os.chown(temporary, status.st_uid, status.st_gid)
    os.chmod(temporary, stat.S_IMODE(status.st_mode) & 0o777)


def _sync(folder: str) -> None:
    """Bring a folder's names to the disk, where the system can."""
    if os.name == "nt":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # one that may be written, but not read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that sync no folders
            raise
    finally:
        os.close(handle)


# Temporary files are called .fanin-TARGET-HOST-PROCESS-RANDOM.tmp, target and host as checksums: a
# name that is as long as names can be leaves no room for more. Who writes one holds a lock on it,
# which the system releases when the process ends, however it ends: numbers of processes are used
# again, locks are not. Shared folders may know of no locks of other hosts. There a file counts as
# left behind when nobody has written to it for a day, by the folder's own clock.


def _temporary(target: str) -> str:
    """Return the name of a new temporary file for a target."""
    folder, name = os.path.split(target)
    token = f"{os.getpid()}-{os.urandom(8).hex()}"
    return os.path.join(folder, f"{_prefix(name)}{_host()}-{token}.tmp")


def _prefix(name: str) -> str:
    return f".fanin-{_checksum(os.fsencode(name))}-"


def _host() -> str:
    return _checksum(os.uname().nodename.encode() if hasattr(os, "uname") else b"")


def _checksum(text: bytes) -> str:
    from binascii import crc32

    return f"{crc32(text):08x}"


def _hold(file: BinaryIO, temporary: str) -> bool:
    """Lock a new temporary file; False if it was removed before it was locked."""
    try:
        _lock(file.fileno())
    except BlockingIOError:  # by a process that is about to remove it
        return False
    except OSError:  # a file system without locks, where nobody removes anything
        return True
    return os.path.exists(temporary)


def _lock(handle: int) -> None:
    """Lock an open file, or raise an OSError: it is locked, or cannot be."""
    if os.name != "nt":  # there an open file can be neither renamed nor removed
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _clear(target: str, now: float) -> None:
    """Remove the temporary files of a target whose processes are gone."""
    folder, name = os.path.split(target)
    prefix = _prefix(name)
    try:
        names = [other for other in os.listdir(folder) if other.startswith(prefix)]
    except PermissionError:  # a folder that may be written, but not read
        return
    for other in names:
        with contextlib.suppress(OSError):  # in use, another user's, or gone by now
            _remove_if_left(os.path.join(folder, other), other.startswith(prefix + _host()), now)


def _remove_if_left(path: str, from_here: bool, now: float) -> None:
    if os.name == "nt":
        os.unlink(path)
        return
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if from_here or os.fstat(handle).st_mtime < now - _DAY:
            _lock(handle)
            os.unlink(path)
    finally:
        os.close(handle)
