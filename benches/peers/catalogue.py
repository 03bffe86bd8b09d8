"""What is measured against whom, and what ratio is aimed for: a row is a line of this file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

UNITS = {"ns": 1e9, "µs": 1e6, "ms": 1e3, "s": 1.0}


@dataclass(frozen=True)
class Peer:
    """Somebody to be compared with."""

    label: str
    module: str
    target: float | None = None
    """How many times as long as we it should take."""
    work: str | None = None
    """Its function, if not that of the row."""
    args: Mapping[str, Any] = field(default_factory=dict)
    """What it takes beside the row's arguments."""
    threads: int | None = None
    """Its number of threads, if not that of the row."""
    note: str = ""
    floor: bool = False
    """Whether it does only a part that nobody can leave out, as fast as the libraries here can."""


@dataclass(frozen=True)
class Row:
    """A piece of work and those who do it."""

    key: str
    label: str
    unit: str
    """What times are shown in, and for what: ``"ns/element"``."""
    work: str
    args: Mapping[str, Any]
    threads: int
    peers: tuple[Peer, ...]
    limit: float | None = None
    """How long we may take, in `unit`."""
    rounds: int | None = None
    """How often to measure, if not as often as everything else."""

    @property
    def scale(self) -> float:
        """How many of the unit are in a second."""
        return UNITS[self.unit.split("/")[0]]


SQUARE = (4096, 4096)
MANY = 16
"""Networks that are trained at once."""

NETWORKS: dict[str, dict[str, Any]] = {
    "2-3-2-2 + BN, batch 32": {
        "widths": (2, 3, 2, 2),
        "normalized": True,
        "batch": 32,
        "steps": 512,
    },
    "64-64-10, batch 32": {"widths": (64, 64, 10), "normalized": False, "batch": 32, "steps": 256},
    "784-128-10, batch 64": {
        "widths": (784, 128, 10),
        "normalized": False,
        "batch": 64,
        "steps": 64,
    },
    "784-512-512-10 + BN, batch 256": {
        "widths": (784, 512, 512, 10),
        "normalized": True,
        "batch": 256,
        "steps": 8,
    },
    "1024-2048-2048-2048-10 + BN, batch 512": {
        "widths": (1024, 2048, 2048, 2048, 10),
        "normalized": True,
        "batch": 512,
        "steps": 2,
    },
}
# Against torch at one and two threads, and against JAX.
_AIMS = [(100, 100, 6), (30, 30, 4), (5, 5, 2.5), (None, 1.7, 2.4), (1.15, 1.15, 2)]

SAMPLERS = {"uniform": "uniform", "normal": "normal", "truncated_normal": "truncated normal"}
# One thread: torch, NumPy's Generator, the documents' snippet, JAX, and the limit in ns.
# The first two fill an array that exists: what they are compared with does too.
_SAMPLER_AIMS = {
    "uniform": (5, 5, 14, None, 1.0),
    "normal": (4, 10, 25, None, 1.6),
    "truncated_normal": (40, None, None, 8, None),
}


def _sampling() -> list[Row]:
    rows = []
    for work, label in SAMPLERS.items():
        _, _, snippet, jax, limit = _SAMPLER_AIMS[work]
        for threads in (1, 2):
            one = threads == 1
            peers = [
                Peer("torch.nn.init, in place", "torch_"),
                Peer("a new array, written once", "by_hand", work="fresh", floor=True),
            ]
            if work != "truncated_normal":
                peers += [
                    Peer("NumPy Generator, out=", "by_hand"),
                    Peer(
                        "the documents' snippet, float64",
                        "by_hand",
                        snippet if one else None,
                        f"snippet_{work}",
                    ),
                ]
            peers.append(Peer("JAX jit", "jax_", jax if one else None))
            if not one:
                peers.append(Peer("fanin, 1 thread", "ours", 1.8, threads=1))
            rows.append(
                Row(
                    work,
                    f"{label} 4096²",
                    "ns/element",
                    work,
                    {"shape": SQUARE, "dtype": "float32"},
                    threads,
                    tuple(peers),
                    limit if one else None,
                )
            )
    rows += _filling()
    for work in ("uniform", "normal"):
        peers64 = [
            Peer(f"mkl_random {brng}", "mkl", 1.0, args={"brng": brng})
            for brng in ("MT19937", "PHILOX4X32X10")
        ]
        rows.append(
            Row(
                f"{work}64",
                f"{work} 4096², float64",
                "ns/element",
                work,
                {"shape": SQUARE, "dtype": "float64"},
                1,
                tuple(peers64),
            )
        )
    for threads in (1, 2):
        rows.append(
            Row(
                "orthogonal",
                "orthogonal 1024²",
                "ms",
                "orthogonal",
                {"n": 1024},
                threads,
                (Peer("torch.nn.init", "torch_", 2), Peer("NumPy QR", "by_hand")),
            )
        )
    return rows


def _filling() -> list[Row]:
    """Everybody fills an array that exists."""
    rows = []
    for work, label in SAMPLERS.items():
        torch, numpy, *_ = _SAMPLER_AIMS[work]
        for threads in (1, 2):
            one = threads == 1
            peers = [
                Peer("torch.nn.init", "torch_", torch if one else None, work),
                Peer("the array, written once", "by_hand", work="written", floor=True),
            ]
            if work != "truncated_normal":
                generator = "NumPy Generator, out="
                peers.append(Peer(generator, "by_hand", numpy if one else None, work))
            rows.append(
                Row(
                    "fill",
                    f"{label} 4096², in place",
                    "ns/element",
                    f"fill_{work}",
                    {"shape": SQUARE, "dtype": "float32"},
                    threads,
                    tuple(peers),
                )
            )
    return rows


def _training() -> list[Row]:
    rows = []
    for (label, args), (torch1, torch2, jax) in zip(NETWORKS.items(), _AIMS, strict=True):
        for threads, torch in ((1, torch1), (2, torch2)):
            peers = (
                Peer("torch eager", "torch_", torch),
                Peer("torch, foreach Adam", "torch_", torch, args={"variant": "foreach"}),
                Peer("torch, fused Adam", "torch_", torch, args={"variant": "fused"}),
                Peer("JAX jit, scan", "jax_", jax),
                Peer("scikit-learn", "sklearn_", note="without BN" if args["normalized"] else ""),
                Peer("NumPy by hand", "by_hand"),
                Peer("its products alone, MKL", "torch_", work="products", floor=True),
                Peer("its products alone, OpenBLAS", "by_hand", work="products", floor=True),
            )
            rows.append(Row("step", label, "µs/step", "train", args, threads, peers))
    return rows


def _many() -> list[Row]:
    rows = []
    for label in ("2-3-2-2 + BN, batch 32", "64-64-10, batch 32"):
        args = {**NETWORKS[label], "steps": 64, "count": MANY}
        for threads in (1, 2):
            peers = [
                Peer("JAX jit, scan, vmap", "jax_"),
                Peer("torch, stacked", "torch_"),
                Peer("torch, fused Adam, one by one", "torch_", work="train_each"),
                Peer("fanin, one fit by one", "ours", work="fit_each"),
            ]
            if threads == 2:
                peers.append(Peer("fanin, 1 thread", "ours", threads=1))
            named = f"{MANY} networks at once, {label}"
            rows.append(Row("many", named, "µs/step", "train_many", args, threads, tuple(peers)))
    return rows


BRANCHING: dict[str, tuple[str, dict[str, Any]]] = {
    "residual MLP, 4 blocks of 32, batch 32": (
        "train_residual",
        {"inputs": 32, "width": 32, "blocks": 4, "outputs": 10, "batch": 32, "steps": 128},
    ),
    "residual MLP, 4 blocks of 256, batch 128": (
        "train_residual",
        {"inputs": 64, "width": 256, "blocks": 4, "outputs": 10, "batch": 128, "steps": 16},
    ),
    "wide and deep, 8 embeddings 1000x16, batch 128": (
        "train_wide_and_deep",
        {
            **{"columns": 8, "categories": 1000, "features": 16, "numbers": 13},
            **{"hidden": (256, 128), "batch": 128, "steps": 32},
        },
    ),
}


def _branching() -> list[Row]:
    return [
        Row(
            "graph",
            label,
            "µs/step",
            work,
            args,
            threads,
            (
                Peer("Keras on JAX", "keras_"),
                Peer("torch eager", "torch_"),
                Peer("torch, fused Adam", "torch_", args={"variant": "fused"}),
                Peer("JAX jit, scan", "jax_"),
            ),
        )
        for label, (work, args) in BRANCHING.items()
        for threads in (1, 2)
    ]


def _pieces() -> list[Row]:
    rows = []
    for size, torch in (((256, 512), 3), ((4096, 1024), 2)):
        args = {"rows": size[0], "columns": size[1]}
        label = f"BatchNorm forward + backward {size[0]}x{size[1]}"
        peers = (
            Peer("torch", "torch_", torch),
            Peer("NumPy by hand", "by_hand"),
            Peer("its passes over memory alone", "torch_", work="passes", floor=True),
        )
        rows += [
            Row("batchnorm", label, "µs", "batch_normalization", args, threads, peers)
            for threads in (1, 2)
        ]
    for count, label, fused in ((100_000, "100k", 4), (10_000_000, "10M", 1)):
        rules = (
            Peer("torch fused", "torch_", fused, args={"variant": "fused"}),
            Peer("torch", "torch_"),
            Peer("NumPy by hand", "by_hand"),
            Peer("its root and division alone", "torch_", work="root_and_division", floor=True),
        )
        rows += [
            Row("adam", f"Adam, {label} parameters", "µs", "adam", {"size": count}, threads, rules)
            for threads in (1, 2)
        ]
    args = {"rows": 256, "inputs": 512, "outputs": 512}
    rows += [
        Row(
            "dense",
            "Dense forward + backward 256x512x512",
            "µs",
            "dense",
            args,
            threads,
            (Peer("torch", "torch_"),),
        )
        for threads in (1, 2)
    ]
    return rows


def _whole() -> list[Row]:
    args = {"epochs": 5, "samples": None}
    keras = Peer("Keras on JAX", "keras_", 10)
    serial = Peer("fanin, one after the other", "ours", None, "experiment")
    keras_serial = Peer("Keras on JAX, one after the other", "keras_", None, "experiment")
    one = {"widths": (784, 128, 10), "rows": 1}
    answers = (
        Peer("fanin, model(x)", "ours", None, "call"),
        Peer("NumPy by hand", "by_hand"),
        Peer("torch, inference mode", "torch_"),
        Peer("JAX jit", "jax_"),
        Peer("scikit-learn", "sklearn_"),
    )
    label = "the documents' experiment, 4 arms x 5 epochs"
    return [
        Row("experiment", label, "s", "experiment", args, 2, (keras,), rounds=4),
        Row(
            "experiment",
            f"{label}, over the cores",
            "s",
            "experiment_over_cores",
            args,
            2,
            (serial, keras_serial),
            rounds=4,
        ),
        Row("predict", "predict one row, 784-128-10", "µs", "predict", one, 1, answers),
    ]


def rows() -> list[Row]:
    """Return all rows."""
    return [*_sampling(), *_training(), *_many(), *_branching(), *_pieces(), *_whole()]


@dataclass(frozen=True)
class Ladder:
    """The same work at growing sizes, ours only, at one and two threads."""

    key: str
    label: str
    axis: str
    unit: str
    work: str
    points: Mapping[int, Mapping[str, Any]]
    per_size: bool = False
    """Whether the work is measured by the unit of size, where the whole is to be shown."""


def _net(widths: tuple[int, ...], batch: int, normalized: bool = False) -> dict[str, Any]:
    net = sum(i * o for i, o in pairwise(widths)) * batch
    # Enough steps for a pass to take milliseconds, so that `fit` around them does not show.
    steps = max(2, min(512, 40_000_000 // net))
    return {"widths": widths, "normalized": normalized, "batch": batch, "steps": steps}


def powers(first: int, last: int, by: int = 1) -> list[int]:
    """Return the powers of two of these exponents."""
    return [2**k for k in range(first, last + 1, by)]


def ladders() -> list[Ladder]:
    """Return all ladders."""
    return [
        Ladder(
            "normal",
            "normal samples",
            "values drawn",
            "µs",
            "normal",
            {n: {"shape": (n,), "dtype": "float32"} for n in powers(6, 24, 2)},
            per_size=True,
        ),
        Ladder(
            "orthogonal",
            "orthogonal n x n",
            "n",
            "µs",
            "orthogonal",
            {n: {"n": n} for n in powers(4, 10)},
        ),
        Ladder(
            "width",
            "training step, n-n-n-10, batch 128",
            "width n",
            "µs",
            "train",
            {n: _net((n, n, n, 10), 128) for n in powers(3, 11)},
        ),
        Ladder(
            "normalized",
            "the same with BatchNormalization",
            "width n",
            "µs",
            "train",
            {n: _net((n, n, n, 10), 128, True) for n in powers(3, 11)},
        ),
        Ladder(
            "depth",
            "training step, 128 wide, batch 64",
            "hidden layers",
            "µs",
            "train",
            {n: _net((*[128] * (n + 1), 10), 64) for n in powers(0, 6)},
        ),
        Ladder(
            "batch",
            "training step, 784-128-10",
            "batch",
            "µs",
            "train",
            {n: _net((784, 128, 10), n) for n in powers(0, 12)},
        ),
        Ladder(
            "predict",
            "predict, 784-128-10",
            "rows",
            "µs",
            "predict",
            {n: {"widths": (784, 128, 10), "rows": n} for n in powers(0, 14, 2)},
        ),
    ]
