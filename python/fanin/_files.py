"""Files that are written whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path


def write(path: str | Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it.

    Parameters
    ----------
    path : str or Path
        The file; replaced if it exists. Until everything is written it stays as it was.
    content : bytes
        What it shall hold.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    target = Path(os.path.realpath(path))  # replace what a link points to, not the link
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def check_writable(path: str | Path) -> None:
    """Find out before the work is done whether `write` can store its result.

    Parameters
    ----------
    path : str or Path
        The file; it is not touched.

    Raises
    ------
    OSError
        If it cannot be written there.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {target.parent} of {path} does not exist")
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise PermissionError(f"{path} cannot be written: {error.strerror}") from error


def _mode(target: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new one."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        # The umask can be read only by setting it; mkstemp's 0o600 would hide the file from others.
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
