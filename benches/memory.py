"""What `fit`, `evaluate`, `predict` and `diagnose` need of memory beside their data.

``python benches/memory.py`` prints, for pictures of bytes and of floats, the megabytes (10⁶ bytes)
of the data and by how much the process grows at its peak. Each is measured in a process of its own,
by the largest resident set that Linux counts, from when data and network are there.
"""

import subprocess
import sys

SAMPLES = 60_000
CALLS = {
    "fit": "model.fit(x, y, batch_size=64, epochs=1, verbose=0)",
    "evaluate": "model.evaluate(x, y, verbose=0)",
    "predict": "model.predict(x, verbose=0)",
    "diagnose": "fanin.diagnose(model, x, y, loss='sparse_categorical_crossentropy')",
}
CHILD = """
import resource, sys
import numpy as np
import fanin

def largest():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6

samples, dtype = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(0)
x = np.empty((samples, 784), dtype)
for rows in np.array_split(x, 64):  # in parts, so that making them leaves no peak behind
    rows[...] = rng.integers(0, 256, rows.shape, np.uint8)
y = rng.integers(0, 10, samples)
relu = fanin.layers.Dense(128, "relu")
model = fanin.Sequential([fanin.Input((784,)), fanin.layers.Rescaling(1 / 255), relu,
                          fanin.layers.Dense(10, "softmax")], rng=0)
model.compile("adam", "sparse_categorical_crossentropy")
# What is made at first use is not what data need.
few = x[:64]
model.fit(few, y[:64], verbose=0)
model.evaluate(few, y[:64], verbose=0)
model.predict(few, verbose=0)
before = largest()
{call}
print(x.nbytes / 1e6, largest() - before)
"""


def main() -> None:
    """Print a line for each call and type."""
    for name, call in CALLS.items():
        for dtype in ("uint8", "float32"):
            program = CHILD.replace("{call}", call)
            command = [sys.executable, "-c", program, str(SAMPLES), dtype]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            data, grown = map(float, done.stdout.split())
            print(f"{name:9}{dtype:8}  data {data:6.1f} MB, beside them {grown:6.1f} MB")


if __name__ == "__main__":
    main()
