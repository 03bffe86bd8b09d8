"""``fanin versions``."""

import argparse
import os
import platform
import sys
from pathlib import Path
from typing import Any

from fanin.cli._output import show

# What fanin works with: names of distributions.
_OTHERS = (
    "rich",
    "matplotlib",
    "pooch",
    "shtab",
    "pandas",
    "scikit-learn",
    "ipython",
    "ipykernel",
    "jupyterlab",
    "torch",
    "keras",
    "tensorflow",
    "jax",
    "ml_dtypes",
)


def add(commands: Any, name: str) -> argparse.ArgumentParser:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help="say what a bug report needs: versions, machine, threads",
        description="Say what a bug report needs: versions of fanin, Python and what they work "
        "with, system, processor, threads.",
    )
    parser.set_defaults(command=_versions)
    return parser


def _versions(parsed: argparse.Namespace) -> int:
    found = facts()
    width = max(map(len, found)) + 2
    return show(parsed.prog, lambda: print("\n".join(f"{k:{width}}{v}" for k, v in found.items())))


def facts() -> dict[str, str]:
    """Return what a bug report needs.

    Returns
    -------
    dict of str to str
        In the order in which it is read.
    """
    import numpy as np

    import fanin
    from fanin import _core
    from fanin.comparison.reproduce import cores

    threads = f"{fanin.get_num_threads()} of {cores()} cores"
    set_here = [f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("FANIN_")]
    return {
        "fanin": fanin.__version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": np.__version__,
        "system": platform.platform(),
        "processor": _processor(),
        "rules of bits": f"{_core.BITS} (docs/bits.md)",
        "SIMD level": _core.simd_level(),
        "threads": threads,
        "environment": " ".join(set_here) or "no FANIN_ variable is set",
        "installed in": str(Path(fanin.__file__).parent),
        "interpreter": sys.executable or "not known",
        **{name: _version(name) for name in _OTHERS},
    }


def _version(name: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(name) or "of unknown version"
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """Return the processor's name, where the system tells one, and its architecture."""
    name = platform.processor()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            models = [line.partition(":")[2] for line in file if line.startswith("model name")]
        name = models[0].strip() if models else name
    except OSError:  # not Linux
        pass
    machine = platform.machine()
    return name if machine in name else f"{name} ({machine})".strip()
