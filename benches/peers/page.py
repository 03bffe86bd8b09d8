"""The page of the documentation that `--write` makes, and its picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from peers.measure import AGREEMENT, NOTHING
from peers.report import COLUMNS, VERDICTS, cells, number

_HEAD = """\
# Performance

Written by `make bench-peers`, which measures us and every peer again on your machine; edit
`benches/peers/`, not this page. Absolute times say something about the machine; what counts is
the *ratio*, how many times as long as we a peer takes. Targets are ratios too.

{machine}

{load}

## Targets

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
* The documents' experiment is one script for Keras and us. "Over the cores" trains its four arms
  at once, each on one thread.
"""

# Found with `perf`, and by timing products and steps alone, on the two machines that it names.
_LIMITS = """\
## What limits the rows that are not met

The core has been measured on two kinds of machine, and the reasons differ: a Xeon with AVX-512
(2026-11-22), and an EPYC with AVX2 only (2026-11-26 and 28), whose host has other guests: within
minutes its cores do 93 GFLOP/s each from registers, then 64, and times of one step differ by 1.4.
Everything above is one run. With two threads there is a pause before each turn: the threads of
torch spin for 0.2 s after their work, on our cores.

* *Steps of wide networks*: their matrix products, 79 to 84 % of a step above. Those of 784-128-10
  take 450 µs of our 610 on one thread with OpenBLAS alone, so no target above the column *at
  most* can be met there. Two threads gain a third at best (437 against 295 µs when nobody
  disturbs it): a batch of 64 leaves each thread 32 rows, for which it packs all 100,352 weights;
  Adam (10 %), the gather (4 %) and the loss do the rest alone or nearly. Products of 512 x 512
  ran at 55 to 82 GFLOP/s on one thread of the EPYC and at 106 to 150 on two, however they were
  cut, and whole passes of ten such layers at the same rates; OpenBLAS ran at 68 to 84 and 105 to
  167: hence 1.0 to 1.5 of torch and JAX there. On the Xeon products ran at 139 to 165 GFLOP/s on
  one thread, at 118 to 135 where the right matrix is transposed (dx = dy Wᵀ), and the fastest
  product of any peer at 163. What is left to win is that transposed product, and packing ("kernel
  and the rest").
* *2-3-2-2 and 64-64-10 against JAX*: its whole pass is one compiled loop. Ours takes 3.1 to 6.8
  µs a step: 17 % the step's own bookkeeping and the gather of its inputs, 12 % copies of a few
  bytes, 10 % the loss, 11 % the products of columns, 5 % the shuffle, and a hundred calls the
  rest. That is 2.9 to 3.9 times as fast as JAX, not 6. In 64-64-10 the products take 59 %, those
  of 64 units at the rate of large ones and the last layer's, 10 columns wide, at a third of it;
  copies, Adam and the loss 25 %. OpenBLAS takes 32 µs for the same products alone, as long as our
  whole step, and the 8 to 12 µs that the targets ask for are what they take at the full rate.
* *Adam*: a square root and a division a parameter: NumPy's loops over 100k of them take 73 to 105
  µs above, our whole step 72 to 83 (64 and 65 when nobody disturbs them).
* *Uniform, normal*: fresh pages of a new array cost 0.7 of the 1.4 and 2.4 ns on AVX2 (0.5 of 1.2
  and 1.7 on AVX-512). In place there are none: uniform takes 0.85 to 1.15 ns and normal 1.8 to
  2.45, in vectors of half as many lanes as AVX-512 has, and no less where the array stays in a
  cache: it is the cipher, five instructions a number at least and 8.1 with all around it. The
  second thread brings truncated normals from 2.54 to 1.33 in place; into new pages 3.66 to 2.41.
* *Orthogonal* 1024² takes 23 ms on one thread of the Xeon and 14 on two, of which the blocks'
  products are 20; 47 ms with AVX2 (tiles of six rows; 65 with four) and 31 on two threads, where
  multiply-adds alone run at 93 GFLOP/s a core: 2.86 GFLOP are 31 ms. `faer` 0.24 was tried for
  the same work on the Xeon: 0.11, 0.44, 1.4, 6.8, 43 and 292 ms for n = 64 to 2048 on one thread,
  against 0.023, 0.11, 0.50, 3.2, 23 and 186; for 4096 x 256 and 784 x 128 it takes 22 and 1.7 ms
  against 12.4 and 0.68; in `float64`, 72 against 49 ms at 1024. With two threads it is slower
  than with one (52 ms at 1024), and gives other bits. CPUs without fused multiply-adds (x86-64
  before 2013) pay for equal bits with seconds at 1024².
* *BatchNormalization and Dense by themselves*: outputs are written once and the gradient is read
  where it is. 256 x 512 takes 146 to 162 µs on one thread of the EPYC, forward two fifths of it,
  15 of them calls; a second thread, which would have to be woken, is not used at that size. At
  4096 x 1024 it is the passes over memory, which alone leave at most twice. Behind an activation
  both are still copied, so that nobody who changes them spoils the cache.
* *The documents' experiment*: 15,000 steps of 784-128-10, one after the other, are 86 % of it
  (`cProfile`: 2.17 s of 2.54 s an arm), evaluation 10 %, the conversion of the `float64` pictures
  3 %. Their products alone take 4.3 s on one thread of the EPYC: 7.3 times less than Keras needs
  for everything, so ten times needs two threads without loss. The four arms at once, each on one
  thread, as `fanin.compare` trains them, are 5.8 times as fast as Keras (the row *over the
  cores*).
* *Import*: 0.035 to 0.045 s on the Xeon. On the EPYC 0.072 s in the run above; 68 modules, a
  sixth of it to make dataclasses. Fewer of their methods, and no `threading`, took a tenth off
  since (medians of 30 turns of each: 0.0485 and 0.0433 s). `numpy.random`, 0.016 to 0.024 more,
  is not imported before the first NumPy generator.
* *Two threads against one*: 0.92 at 16,384 samples is noise: fewer than 65,536 are drawn on one
  thread whatever the setting.
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
        machine=where,
        load=f"Load of the machine (1, 5, 15 minutes) before: {before}; after: {after}.",
        targets=_table(COLUMNS, [cells(line) for line in judged]),
        others=_table(COLUMNS[:-3], [cells(line)[:-3] for line in lines if not line["met"]]),
        verdict=f"Targets met, of {len(judged)}: {verdict}.",
        agreement=AGREEMENT,
        nothing=NOTHING,
    )
    parts = [head, _growth(found["ladders"]), _profile(found), _LIMITS]
    return "\n".join(part for part in parts if part)


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
