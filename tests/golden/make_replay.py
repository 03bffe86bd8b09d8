"""Write replay_torch.json and replay_jax.json: what those frameworks themselves give.

Run where both are installed: ``python tests/golden/make_replay.py``. The files say which versions
made them. Values are the exact text of their bits; of large arrays only some are kept, at `places`.
"""

import json
from pathlib import Path

import numpy as np

PLACES = [0, 1, 7, 8, 14, 15, 16, 31, 499, -17, -16, -9, -8, -1]
SIZES = [1, 5, 15, 16, 17, 40, 1003]
SEEDS = [0, 5, -1, 2**40 + 3]


def kept(values):
    """The values at those places that there are."""
    flat = np.asarray(values).ravel()
    picked = [flat[i] for i in PLACES if -flat.size <= i < flat.size]
    return [int(x) if flat.dtype.kind in "ui" else float(x).hex() for x in picked]


def torch_rows():
    """For each seed, consecutive draws of one generator."""
    import torch
    from torch.nn import init

    table = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        rows = []
        for size in SIZES:
            for dtype in ("float32", "float64"):
                empty = torch.empty(size, dtype=getattr(torch, dtype))
                rows += [
                    ["uniform", size, dtype, kept(init.uniform_(empty, -0.3, 0.7))],
                    ["normal", size, dtype, kept(init.normal_(empty, 0.1, 0.7))],
                    ["near", size, dtype, kept(init.trunc_normal_(empty, 0.1, 0.7, -0.5, 1.0))],
                    ["far", size, dtype, kept(init.trunc_normal_(empty, 0.0, 1.0, 2.0, 2.5))],
                ]
            rows.append(["permutation", size, "int64", kept(torch.randperm(size))])
        strided = init.normal_(torch.empty(5, 8).t(), 0.1, 0.7).t()
        rows.append(["strided", 40, "float32", kept(strided)])
        for name in ("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"):
            made = getattr(init, f"{name}_")(torch.empty(7, 5))
            rows.append([name, (7, 5), "float32", kept(made)])
        for shape in [(6, 4), (4, 6)]:
            rows.append(
                ["orthogonal", shape, "float32", kept(init.orthogonal_(torch.empty(shape)))]
            )
        table.append({"seed": seed, "rows": rows})
    return {"program": Path(__file__).name, "version": torch.__version__, "seeds": table}


def jax_rows():
    """For each seed, the draws of its key."""
    import jax
    from jax.nn import initializers

    table = []
    for x64 in (False, True):
        jax.config.update("jax_enable_x64", x64)
        for seed in SEEDS:
            key = jax.random.key(seed)
            rows = []
            for size in SIZES:
                for dtype in ("float32", "float64")[: 1 + x64]:
                    uniform = jax.random.uniform(key, (size,), dtype, -0.3, 0.7)
                    normal = jax.random.normal(key, (size,), dtype)
                    truncated = jax.random.truncated_normal(key, -2, 2, (size,), dtype)
                    rows += [
                        ["uniform", size, dtype, kept(uniform)],
                        ["normal", size, dtype, kept(normal)],
                        ["truncated", size, dtype, kept(truncated)],
                    ]
                rows += [
                    ["bits", size, "uint32", kept(jax.random.bits(key, (size,), "uint32"))],
                    ["permutation", size, "int64", kept(jax.random.permutation(key, size))],
                    [
                        "split",
                        size,
                        "uint32",
                        kept(jax.random.key_data(jax.random.split(key, size))),
                    ],
                ]
            for name in ("glorot", "he", "lecun"):
                for kind in ("uniform", "normal"):
                    made = getattr(initializers, f"{name}_{kind}")()(key, (7, 5), "float32")
                    rows.append([f"{name}_{kind}", (7, 5), "float32", kept(made)])
            for shape in [(6, 4), (4, 6)]:
                made = initializers.orthogonal()(key, shape, "float32")
                rows.append(["orthogonal", shape, "float32", kept(made)])
            folded = jax.random.key_data(jax.random.fold_in(key, 7))
            rows.append(["fold_in", 7, "uint32", kept(folded)])
            table.append({"seed": seed, "x64": x64, "rows": rows})
    return {"program": Path(__file__).name, "version": jax.__version__, "seeds": table}


if __name__ == "__main__":
    for name, rows in (("torch", torch_rows), ("jax", jax_rows)):
        path = Path(__file__).with_name(f"replay_{name}.json")
        path.write_text(json.dumps(rows(), separators=(",", ":")).replace('],["', '],\n["') + "\n")
