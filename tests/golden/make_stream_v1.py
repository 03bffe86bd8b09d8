"""Write stream_v1.json: values of stream v1, which must never change.

Run from anywhere: ``python tests/golden/make_stream_v1.py``. Only new rows are a reason to.
"""

import json
from pathlib import Path

from fanin import _core
from fanin.initializers import RandomNormal, RandomUniform, Sparse
from fanin.random import Stream

STREAMS = [Stream(0), Stream(1, "dense/kernel"), Stream(2**70, "ä"), Stream([3, 1, 4], "batch/γ")]
PLACES = [0, 1, 15, 16, 17, 31, 32, 47, 63, 64, 999]
DRAWS = {
    "uniform": (_core.random_uniform, (-1.0, 2.0)),
    "normal": (_core.random_normal, (0.0, 1.0)),
    "truncated": (_core.truncated_normal, (0.0, 1.0, -2.0, 2.0)),
    "tail": (_core.truncated_normal, (1.0, 2.0, 3.0, float("inf"))),
    "he_normal": (_core.variance_scaling, (2.0, "fan_in", "truncated_normal")),
    "glorot_uniform": (_core.variance_scaling, (1.0, "fan_avg", "uniform")),
    "kaiming_normal_": (_core.variance_scaling, (2.0, "fan_in", "untruncated_normal")),
    "one side": (_core.truncated_normal, (0.0, 1.0, -1.0, 2.5)),
}
LARGE = 3_000_001
"""Elements of an array that several threads fill."""
FAR = [LARGE // 2, 2**21, LARGE - 65, LARGE - 17, LARGE - 1]
HALF = {"uniform": RandomUniform(-1.0, 2.0), "normal": RandomNormal(0.0, 1.0)}


def values(stream):
    """All pinned values of one stream, as the exact text of their bits."""
    words = _core.philox_words(stream.seed, stream.path, 0, 1000)
    rows = {"words": [f"{words[i]:08x}" for i in PLACES]}
    for dtype in ("float32", "float64"):
        for name, (draw, arguments) in DRAWS.items():
            x = draw((40, 25), dtype, stream.seed, stream.path, *arguments).ravel()
            rows[f"{name} {dtype}"] = [float(x[i]).hex() for i in PLACES]
        q = _core.orthogonal((7, 5), dtype, stream.seed, stream.path, 1.0).ravel()
        rows[f"orthogonal {dtype}"] = [float(value).hex() for value in q[:6]]
        # Several blocks and groups of them, tall and wide.
        for shape in [(200, 170), (40, 100)]:
            q = _core.orthogonal(shape, dtype, stream.seed, stream.path, 1.0).ravel()
            rows[f"orthogonal {dtype} {shape}"] = [float(value).hex() for value in q[-6:]]
        for name in ("uniform", "normal", "truncated", "tail"):
            draw, arguments = DRAWS[name]
            x = draw((LARGE,), dtype, stream.seed, stream.path, *arguments)
            rows[f"large {name} {dtype}"] = [float(x[i]).hex() for i in FAR]
        sparse = Sparse(0.4, 1.0)((9, 7), dtype, rng=stream).ravel()
        rows[f"sparse {dtype}"] = [float(value).hex() for value in sparse[:12]]
    for name, initializer in HALF.items():
        x = initializer((1000,), "float16", rng=stream)
        rows[f"{name} float16"] = [float(x[i]).hex() for i in PLACES]
    # Counters of more than 32 bits.
    far = _core.philox_words(stream.seed, stream.path, 2**35 + 40, 64)
    rows["far words"] = [f"{word:08x}" for word in far[::9]]
    shuffled = _core.permutation(stream.seed, stream.path, 1000)
    rows["permutation"] = [int(shuffled[i]) for i in PLACES]
    return rows


def table():
    """Everything, as it stands in the file."""
    return {
        "program": Path(__file__).name,
        "places": PLACES,
        "streams": [
            {"seed": stream.seed, "path": stream.path, "values": values(stream)}
            for stream in STREAMS
        ],
    }


if __name__ == "__main__":
    text = json.dumps(table(), indent=1, ensure_ascii=False) + "\n"
    Path(__file__).with_name("stream_v1.json").write_text(text, encoding="utf-8")
