"""The page of the documentation that `--write` makes, and its picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from peers import peak
from peers.measure import AGREEMENT, NOTHING
from peers.report import COLUMNS, VERDICTS, cells, number

_HEAD = """\
# Performance
{shares}
How many times as long as `fanin` the others take for the same work on the same machine: each cell
is the fastest way that was found there, at the largest number of threads measured. Below 1 they
are faster.

{glance}

{machine}

{load}

`make bench-peers` measures us and every peer again on your machine, and writes this page; edit
`benches/peers/`, not this page. Absolute times say something about the machine; what counts is
the ratio. What limits the rows that are slower than was aimed for is on a page of its own:
[causes](performance_causes.md).

## Targets

Targets are ratios too.

{targets}

{verdict}

*At most* is the ratio that would be possible if all of the work but one part took no time: a part
that nobody can leave out, done alone by the fastest library here, in the same run. That is the
matrix products of a step (MKL, OpenBLAS), the passes over memory of BatchNormalization, the square
root and the division of Adam, and writing an array once, where the operating system hands it out.
A target above it is *out of reach* on this machine.

## Against everybody else

{others}

## How it is measured

* Each peer runs in a process of its own with 1 or 2 threads (OpenMP, MKL, OpenBLAS, XLA's pools
  and ours alike). A round is: us, a peer, us, the next peer. A ratio is the median over rounds of
  a peer's time by ours *in the same round*, so that a machine that slows down slows both; times
  are medians. The first round does not count.
* Samplers return a new array, as JAX, MKL and the documents' snippets do. torch and NumPy's
  Generator fill one that exists, which spares them the operating system's work: their targets are
  those of the rows *in place*, where everybody does that, we with `Initializer.fill`.
* A training step is what a user gets from `fit(x, y, batch_size, verbose=0)`, divided by its
  steps: shuffling, gathering the batch, forward, loss, backward, Adam. Where a network is
  normalized, BatchNormalization stands behind each ReLU, as in the documents. torch runs its usual
  eager loop, JAX the whole pass in one compiled `lax.scan`, scikit-learn a pass of `partial_fit`
  (it has no BatchNormalization and does without), NumPy the formulas written by hand.
* Before training is timed, every arm starts from the same weights and makes two passes over the
  same batches; their mean losses must agree to {agreement:g} (relative, or to {nothing:g}), with
  the constants of Adam and BatchNormalization equal. A line says DISAGREES otherwise. Layers, Adam
  and predictions are checked likewise.
* *Networks at once* are 16 of one shape and of different starting weights, an epoch at a time, by
  `fanin.fit_many`; times are those of one step of one network. JAX maps its step over them with
  `vmap`, torch stacks their weights and batches the products, or trains one after the other. Each
  of ours shuffles for itself; theirs share one order. The mean of the 16 losses must agree.
* *Residual* networks have blocks of two dense layers around which their input is added. Keras and
  we fit the same functional model, written once; what torch, JAX and we train is otherwise as in
  the other steps, and checked likewise.
* The documents' experiment is one script for Keras and us. "Over the cores" trains its four arms
  at once, each on one thread.
"""


def text(found: dict[str, Any]) -> str:
    """Return the page."""
    machine, lines = found["machine"], found["lines"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    named = {"ours": "fanin", "by_hand": "NumPy", "keras": "Keras"}
    for key, name in named.items():
        versions = versions.replace(f"{key} ", f"{name} ")
    where = (
        f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}; {versions}."
    )
    judged = [line for line in lines if line["met"]]
    verdict = "; ".join(
        f"{says}: {count}"
        for says in VERDICTS
        if (count := sum(line["met"] == says for line in judged))
    )
    before, after = (", ".join(f"{x:.1f}" for x in load) for load in found["load"])
    head = _HEAD.format(
        shares=_shares(found),
        glance=_glance(lines),
        machine=where,
        load=f"Load of the machine (1, 5, 15 minutes) before: {before}; after: {after}.",
        targets=_table(COLUMNS, [cells(line) for line in judged]),
        others=_table(COLUMNS[:-3], [cells(line)[:-3] for line in lines if not line["met"]]),
        verdict=f"Targets met, of {len(judged)}: {verdict}.",
        agreement=AGREEMENT,
        nothing=NOTHING,
    )
    parts = [head, _growth(found["ladders"]), _profile(found)]
    return "\n".join(part for part in parts if part)


def _shares(found: dict[str, Any]) -> str:
    """Return the table of shares of the peak; nothing where the peak was not measured."""
    rows = peak.table(found["peaks"], found["lines"])
    if not rows:
        return ""
    return (
        "\n"
        "Share of the cores' peak that a training step reaches: the multiply-adds of forward, dW\n"
        "and dX (but of the first layer), over those that as many threads do in their registers\n"
        "with nothing else to do, measured in the same run. The *limit* is the share where only\n"
        "these and the roots, divisions and memory of Adam would take time.\n\n"
        f"{_table(peak.COLUMNS, rows)}\n"
    )


# Whose ratios stand in the first table, by what their peers are called.
_FAMILIES = {
    "torch": ("torch",),
    "JAX": ("JAX", "jax"),
    "Keras": ("Keras", "keras"),
    "scikit-learn": ("scikit-learn", "sklearn"),
    "NumPy": ("NumPy", "the documents' snippet"),
}


def _glance(lines: Sequence[dict[str, Any]]) -> str:
    """Return the first table: a row for each work, and each family's smallest ratio."""
    threads: dict[str, int] = {}
    for line in lines:
        threads[line["label"]] = max(line["threads"], threads.get(line["label"], 0))
    rows = []
    for label, most in threads.items():
        cells = []
        for names in _FAMILIES.values():
            ratios = [
                line["ratio"]
                for line in lines
                if (line["label"], line["threads"]) == (label, most)
                and line["ratio"] is not None
                and line["peer"].startswith(names)
            ]
            cells.append(f"{number(min(ratios))}x" if ratios else "")
        if any(cells):
            rows.append([label, *cells])
    return _table(("work", *_FAMILIES), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def slope(points: Sequence[dict[str, Any]], key: str) -> float:
    """Return the slope of log cost over log size, fitted to the upper half of the sizes."""
    upper = [point for point in points if point["size"] > 0][len(points) // 2 :]
    x, y = (np.log([point[name] for point in upper]) for name in ("size", key))
    return float(np.polyfit(x, y, 1)[0])


def _growth(ladders: Sequence[dict[str, Any]]) -> str:
    if not ladders:
        return ""
    parts = [
        "## How cost grows\n",
        "![Log-log plots of cost over size](performance.svg)\n",
        "The slope is that of log cost over log size, over the upper half of each ladder: 1 means\n"
        "twice the size, twice the time. *2t / 1t* is the median over interleaved rounds of the\n"
        "time with two threads by that with one, at its worst size and at the largest.\n",
        _table(
            ("work", "over", "slope, 1 thread", "slope, 2 threads", "worst 2t / 1t", "largest"),
            [_grown(ladder) for ladder in ladders],
        ),
        "",
    ]
    return "\n".join(parts)


def _grown(ladder: dict[str, Any]) -> list[str]:
    points = ladder["points"]
    worst = max(points, key=lambda point: point["two_over_one"])
    return [
        ladder["label"],
        f"{ladder['axis']} {points[0]['size']}–{points[-1]['size']}",
        f"{slope(points, 'one'):.2f}",
        f"{slope(points, 'two'):.2f}",
        f"{worst['two_over_one']:.2f} at {worst['size']}",
        f"{points[-1]['two_over_one']:.2f}",
    ]


def _profile(found: dict[str, Any]) -> str:
    profiled, limits = found["profile"], found["limits"]
    if not profiled or not limits:
        return ""
    step = {
        line["label"]: line["ours"]
        for line in found["lines"]
        if line["key"] == "step" and line["threads"] == 1
    }
    names = sorted({part for entry in profiled for part in entry["parts"]})
    names.sort(key=lambda name: -sum(entry["parts"].get(name, 0) for entry in profiled))
    rows = []
    for entry in profiled:
        label = entry["network"]
        shares = [f"{entry['parts'].get(name, 0):.0f} %" for name in names]
        taken = step.get(label)
        rows.append([label, number(taken), number(limits[0]["steps"][label]), *shares])
    rates = " and ".join(f"{e['gflops']:.0f} GFLOP/s at {e['threads']}t" for e in limits)
    return "\n".join(
        [
            "## Where the time of one step goes\n",
            "µs of one step on one thread, next to what its matrix products alone would take at\n"
            f"the rate of the fastest large product of any peer here ({rates}),\n"
            "and the shares that `perf record -e cpu-clock -F 4000` finds in the Rust bench of\n"
            "the same step (`benches/training.rs`, without Python).\n",
            _table(("network", "µs/step", "limit", *names), rows),
            "",
        ]
    )


def draw(ladders: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw cost over size, one panel a ladder, one line for one thread and one for two."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "performance"
    from matplotlib import pyplot as plt

    columns = 3
    count = -(-len(ladders) // columns)
    figure, grid = plt.subplots(
        count, columns, figsize=(4 * columns, 3.2 * count), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(ladders) :]:
        axes.set_visible(False)
    for axes, ladder in zip(grid.flat, ladders, strict=False):
        points = ladder["points"]
        sizes = [point["size"] for point in points]
        styles = (("one", "1 thread", "#0072b2", "o"), ("two", "2 threads", "#d55e00", "s"))
        for key, name, colour, marker in styles:
            label = f"{name}, slope {slope(points, key):.2f}"
            costs = [point[key] for point in points]
            axes.loglog(sizes, costs, marker=marker, ms=4, lw=1.4, color=colour, label=label)
        axes.set_title(ladder["label"], fontsize=10)
        axes.set_xlabel(ladder["axis"])
        axes.set_ylabel(ladder["unit"])
        axes.grid(which="major", color="#dddddd", lw=0.6)
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        axes.margins(y=0.15)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def write(found: dict[str, Any], docs: Path) -> None:
    """Write the page and its picture."""
    docs.mkdir(exist_ok=True)
    draw(found["ladders"], docs / "performance.svg")
    (docs / "performance.md").write_text(text(found))
