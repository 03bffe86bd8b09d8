"""Install a wheel or an sdist in an empty environment, and try it there.

    python scripts/try_package.py PACKAGE [--python python3.12] [REQUIREMENT...]
    python scripts/try_package.py PACKAGE --root FOLDER    # a Debian for arm64, under QEMU

It is installed with what it depends on and nothing else (``numpy==1.26.0`` among the requirements
chooses a version). Then the command ``fanin`` runs, ``tests/wheel/smoke.py``, and
``scripts/digests.py``, whose digests are compared with those of ``tests/golden/digests.txt``.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
SCRIPTS = "Scripts" if os.name == "nt" else "bin"


def run(*command: str | Path, **variables: str) -> None:
    """Run a command that must succeed, in an environment without a trace of this one's Python."""
    environment = {name: text for name, text in os.environ.items() if "PYTHON" not in name}
    environment.pop("VIRTUAL_ENV", None)
    # Somewhere else, so that nothing of this folder can be imported.
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command, check=True, cwd=folder, env={**environment, **variables})


def install(package: Path, python: str, requirements: Sequence[str], folder: Path) -> list[str]:
    """Install into a new environment; return the command that starts its Python."""
    found = shutil.which(python)
    if found is None:
        sys.exit(f"try_package: {python} is not here")
    run(found, "-m", "venv", folder)
    binaries = folder / SCRIPTS
    pip = [binaries / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run(*pip, package, *requirements)
    run(binaries / "fanin", "--version")
    return [str(binaries / "python")]


def install_emulated(
    package: Path, root: Path, requirements: Sequence[str], folder: Path
) -> list[str]:
    """Install for the arm64 Debian in `root`; return the command that starts its Python."""
    emulator = shutil.which("qemu-aarch64-static")
    if emulator is None:
        sys.exit("try_package: install QEMU first: apt-get install qemu-user-static")
    starting = [emulator, "-L", str(root), str(root / "usr/bin/python3")]
    print_version = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = subprocess.check_output([*starting, "-c", print_version], text=True).strip()
    site = folder / "lib" / f"python{version}" / "site-packages"
    run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
        *("--target", site, "--only-binary", ":all:", "--implementation", "cp"),
        *("--python-version", version, "--abi", f"cp{version.replace('.', '')}", "--abi", "abi3"),
        # What that Debian's C library takes, oldest last.
        *(f"--platform=manylinux_2_{minor}_aarch64" for minor in range(36, 16, -1)),
        *(package, *requirements),
    )
    return [*starting, "-c", START, str(site)]


# What `python FILE ARGUMENT...` does, with a folder of packages before it.
START = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("requirements", nargs="*")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--python", default=sys.executable)
    where.add_argument("--root", type=Path)
    parser.add_argument("--digests", type=Path, help="keep the digests in this file")
    parsed = parser.parse_intermixed_args()
    package = parsed.package.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if parsed.root is None:
            start = install(package, parsed.python, parsed.requirements, folder)
        else:
            start = install_emulated(package, parsed.root.resolve(), parsed.requirements, folder)
        run(*start, HERE / "tests" / "wheel" / "smoke.py")
        digests = folder / "digests.txt" if parsed.digests is None else parsed.digests.resolve()
        script = HERE / "scripts" / "digests.py"
        run(*start, script, "write", digests)
        run(*start, script, "compare", HERE / "tests" / "golden" / "digests.txt", digests)


if __name__ == "__main__":
    main()
