"""How large packages are once they are installed, with all that they need: README.md.

.venv-peers/bin/python benches/installed.py fanin torch keras+jax scikit-learn

Each argument is a package of this environment, or several joined by ``+``; the sizes are those of
the files that belong to it and to what it requires, extras aside, in megabytes (10⁶ bytes).
"""

import sys
from importlib.metadata import distribution

from packaging.requirements import Requirement


def needed(name: str, found: set[str]) -> set[str]:
    """Add a package and what it requires to the names that were found."""
    name = name.lower().replace("_", "-")
    if name not in found:
        found.add(name)
        for line in distribution(name).requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed(requirement.name, found)
    return found


def size(name: str) -> int:
    """Return the bytes of a package's files; compiled Python is made later, and does not count."""
    files = [path.locate() for path in distribution(name).files or []]
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc" and path.is_file())


def main(arguments: list[str]) -> None:
    """Print a line for each argument."""
    for argument in arguments:
        found: set[str] = set()
        for name in argument.split("+"):
            needed(name, found)
        alone = sum(size(name) for name in argument.split("+")) / 1e6
        print(f"{argument}: {alone:,.1f} MB, with {len(found)} packages in all", end=" ")
        print(f"{sum(map(size, found)) / 1e6:,.0f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
