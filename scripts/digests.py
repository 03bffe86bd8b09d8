"""Digests of everything that is drawn from a seed, to hold one machine's bits against another's.

    python scripts/digests.py write FILE     every sampler, initializer and an initialized model
    python scripts/digests.py write FILE --nudge NAME    the control: one element is one ulp off
    python scripts/digests.py compare A B    says what differs; exit code 1 if anything does

A file is one line a name: the first 32 digits of SHA-256 of the array's bytes, little end first.
``tests/golden/digests.txt`` is such a file. It needs fanin and NumPy only.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import fanin
import numpy as np
from fanin import _core, initializers, streams
from fanin.initializers._registry import _CLASSES
from fanin.layers import BatchNormalization, Dense, Input

DTYPES = ("float32", "float64")
MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")
SEED, PATH = "20", "digests"
MATRIX, KERNEL = (257, 130), (3, 3, 24, 48)
# What a class needs beside its defaults: its arguments, its shapes.
NEEDED = {
    "constant": ({"value": 0.1}, [MATRIX]),
    "delta_orthogonal": ({}, [KERNEL]),
    "dirac": ({}, [KERNEL]),
    "identity": ({}, [MATRIX]),
    "looks_linear": ({}, [(258, 130)]),
    "sparse": ({"sparsity": 0.5}, [MATRIX]),
}
# Enough elements that the tails of every distribution are drawn.
MANY = (1_000_003,)


def samplers() -> Iterator[tuple[str, np.ndarray]]:
    """Draw from each function of the core that takes a seed and a path."""
    arguments = {
        "philox_words": [(5, 100_003)],
        "permutation": [(100_003,)],
        "random_uniform": [(-1.0, 2.0)],
        "random_normal": [(0.5, 2.0)],
        "truncated_normal": [(0.0, 1.0, -2.0, 2.0), (0.0, 1.0, -0.5, 3.0), (0.0, 1.0, 3.0, 5.0)],
        "variance_scaling": list(product((1.5,), MODES, DISTRIBUTIONS)),
        "orthogonal": [(1.5,)],
    }
    for name, function in vars(_core).items():
        signature = getattr(function, "__text_signature__", None) or ""
        if "seed, path" not in signature:
            continue
        for values in arguments[name]:  # a new sampler needs a row above
            if "dtype" not in signature:
                yield f"core {name} {values}", function(SEED, PATH, *values)
                continue
            shape = MATRIX if name == "orthogonal" else MANY
            if name == "variance_scaling":
                shape = (1009, 991)
            for dtype in DTYPES:
                yield f"core {name} {values} {dtype}", function(shape, dtype, SEED, PATH, *values)


def drawn() -> Iterator[tuple[str, np.ndarray]]:
    """Draw from every registered initializer."""
    for (name, kind), dtype in product(_CLASSES.items(), DTYPES):
        arguments, shapes = NEEDED.get(name, ({}, [MATRIX, KERNEL]))
        for shape in shapes:
            yield f"{name} {shape} {dtype}", kind(**arguments)(shape, dtype, rng=0)


def replayed() -> Iterator[tuple[str, np.ndarray]]:
    """Draw what other frameworks would."""
    kinds = ("random_normal", "random_uniform", "truncated_normal")
    for source, kind, dtype in product(("torch_cpu", "jax"), kinds, DTYPES):
        rng = getattr(streams, source)(0)
        yield f"{kind} {source} {dtype}", initializers.get(kind)(MATRIX, dtype, rng=rng)


def models() -> Iterator[tuple[str, np.ndarray]]:
    """Initialize whole models."""
    for dtype in DTYPES:
        layers = [
            Input(shape=(50,)),
            Dense(64, activation="relu", kernel_initializer="he_normal", dtype=dtype),
            BatchNormalization(),
            Dense(48, activation="tanh", kernel_initializer="orthogonal"),
            Dense(10, activation="softmax"),
        ]
        model = fanin.Sequential(layers, rng=0)
        model.build()
        yield f"model params {dtype}", model.params
        yield f"model state {dtype}", model.state
        tree = {
            "hidden": {"kernel": np.empty((50, 64), dtype), "bias": np.empty(64, dtype)},
            "out": {"kernel": np.empty((64, 10), dtype), "bias": np.empty(10, dtype)},
        }
        fanin.initialize(tree, "he_uniform", seed=0, rules={"out": "glorot_normal"})
        for layer, arrays in tree.items():
            for array in arrays:
                yield f"tree {layer}/{array} {dtype}", arrays[array]


def everything() -> Iterator[tuple[str, np.ndarray]]:
    """Draw all."""
    yield from samplers()
    yield from drawn()
    yield from replayed()
    yield from models()


def one_ulp_off(array: np.ndarray) -> np.ndarray:
    """Return a copy whose middle element is the next number."""
    changed = array.copy()
    flat = changed.reshape(-1)
    middle = flat.size // 2
    flat[middle] = np.nextafter(flat[middle], flat.dtype.type(np.inf))
    return changed


def digest(array: np.ndarray) -> str:
    """Return the digest of an array's bits, on machines of either byte order the same."""
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()[:32]


def write(path: Path, nudge: str | None = None) -> None:
    """Write the digests; `nudge` names the array that is to be one ulp off."""
    digests = {}
    for name, array in everything():
        assert name not in digests, f"two arrays are called {name}"
        digests[name] = digest(one_ulp_off(array) if name == nudge else array)
    if nudge is not None and nudge not in digests:
        sys.exit(f"digests: expected --nudge to name one of the arrays, found {nudge!r}")
    text = "".join(f"{value}  {name}\n" for name, value in digests.items())
    path.write_text(text, encoding="utf-8", newline="\n")


def read(path: Path) -> dict[str, str]:
    """Read a file that `write` wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name: value for value, name in (line.split("  ", 1) for line in lines)}


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Say what is not the same in two files."""
    names = {**one, **other}
    return [
        f"{name}: {one.get(name, 'absent')} and {other.get(name, 'absent')}"
        for name in names
        if one.get(name) != other.get(name)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write")
    writing.add_argument("file", type=Path)
    writing.add_argument("--nudge", metavar="NAME")
    comparing = commands.add_parser("compare")
    comparing.add_argument("files", type=Path, nargs=2)
    parsed = parser.parse_args(arguments)
    if parsed.command == "write":
        write(parsed.file, parsed.nudge)
        return 0
    one, other = map(read, parsed.files)
    found = differences(one, other)
    print("\n".join(found), end="\n" if found else "")
    print(f"digests: {len(one | other)} arrays, {len(found)} differ")
    return 1 if found or not one else 0


if __name__ == "__main__":
    sys.exit(main())
