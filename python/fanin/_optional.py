"""What is imported only where it is used, and may be absent or too old.

The oldest versions are those of the extras in ``pyproject.toml``.
"""

from importlib import import_module
from typing import Any

# A module: the oldest version that will do, the extra that brings it, and what needs it.
_MODULES = {
    "matplotlib": ("3.8", "plot", "pictures need"),
    "pooch": ("1.8", "data", "Downloading it needs"),
    "pandas": ("2.0", "pandas", "tables need"),
    "tensorboardX": ("2.6", "tensorboard", "TensorBoard's files need"),
    "pyarrow": ("14.0", "arrow", "Parquet files and Arrow's tables need"),
    "shtab": ("1.10", "completion", "completion in the shell needs"),
}


def lack(name: str) -> str | None:
    """Say in one line why a module cannot be used, and what to install; None if it can.

    Parameters
    ----------
    name : str
        One of the modules of the extras.

    Returns
    -------
    str or None
        Such as ``'pictures need matplotlib, which is not installed: pip install "fanin[plot]"'``.

    Examples
    --------
    >>> lack("matplotlib")
    """
    oldest, extra, need = _MODULES[name]
    wanted = f"{need} {name}"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name is None or error.name.partition(".")[0] == name
        found = ", which is not installed" if missing else f", which cannot be imported: {error}"
    except Exception as error:  # built for another NumPy, half removed, or misled by a variable
        found = f", which cannot be imported: {type(error).__name__}: {error}"
    else:
        version = str(getattr(module, "__version__", "one without a version"))
        if _numbers(version) >= _numbers(oldest):
            return None
        wanted, found = f"{wanted} {oldest} or newer", f", found {version}"
    return f'{wanted}{found}: pip install "fanin[{extra}]"'


def require(name: str) -> Any:
    """Import a module that may be absent.

    Parameters
    ----------
    name : str
        As for `lack`.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ImportError
        If it cannot be used; the message is that of `lack`.
    """
    reason = lack(name)
    if reason is not None:
        raise ImportError(reason, name=name)
    return import_module(name)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: (3, 10) for "v3.10rc1", () for a word."""
    numbers = []
    for part in version.removeprefix("v").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if digits:
            numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)
