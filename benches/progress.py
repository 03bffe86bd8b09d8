"""What the progress of `fit` costs: with and without, in a Jupyter kernel, a terminal and a pipe.

python benches/progress.py            # all three
python benches/progress.py pipe       # one of kernel, terminal, pipe
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PAIRS = 21
# Runs where the progress is shown, and writes the seconds of each pair into a file: what is
# printed there is what is measured. Each has two figures, by the clock and of the processor: on a
# busy machine whoever writes has to wait for its turn.
WORK = """
import json, time
import fanin
import numpy as np
from fanin.layers import Dense

x = np.random.default_rng(0).normal(size=(2000, 10)).astype("float32")
y = (x[:, 0] > 0).astype(int)


def seconds(verbose):
    model = fanin.Sequential([Dense(32, "relu"), Dense(1, "sigmoid")], rng=0)
    model.compile("adam", "bce", metrics=["accuracy"])
    began, busy = time.perf_counter(), time.process_time()
    model.fit(x, y, epochs=EPOCHS, verbose=verbose)
    return time.perf_counter() - began, time.process_time() - busy


for verbose in (0, "auto"):  # warm
    seconds(verbose)
pairs = []
for pair in range(PAIRS):
    order = (0, "auto") if pair % 2 else ("auto", 0)
    took = {verbose: seconds(verbose) for verbose in order}
    pairs.append((took[0], took["auto"]))
with open(PATH, "w") as file:
    json.dump(pairs, file)
"""


def in_a_kernel(code: str) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()


def in_a_terminal(code: str) -> None:
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=slave, stderr=slave)
    os.close(slave)

    def read() -> None:
        with contextlib.suppress(OSError):  # how the end of a terminal is told
            while os.read(master, 65536):
                pass

    reader = threading.Thread(target=read)
    reader.start()
    status = process.wait()
    reader.join()
    os.close(master)
    assert status == 0


def in_a_pipe(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)


PLACES = {"kernel": in_a_kernel, "terminal": in_a_terminal, "pipe": in_a_pipe}


def measure(place: str, epochs: int) -> list[list[list[float]]]:
    """Return pairs (without, shown) of (seconds by the clock, seconds of the processor)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.json"
        code = f"PATH, PAIRS, EPOCHS = {str(path)!r}, {PAIRS}, {epochs}\n{WORK}"
        PLACES[place](code)
        return json.loads(path.read_text())


def main() -> None:
    print(f"fit, 2000 x 10, verbose=0 and auto: medians of {PAIRS} pairs in turns")
    print(f"allowed by the clock: 5 % or 5 ms; {os.cpu_count()} cores, load {os.getloadavg()[0]}\n")
    print("place     epochs  figure        verbose=0     auto   ratio  difference")
    for epochs in (50, 500):
        for place in sys.argv[1:] or PLACES:
            pairs = measure(place, epochs)
            for figure, name in enumerate(("clock", "processor")):
                base = 1e3 * statistics.median(without[figure] for without, _ in pairs)
                shown = 1e3 * statistics.median(shown[figure] for _, shown in pairs)
                extra = 1e3 * statistics.median(b[figure] - a[figure] for a, b in pairs)
                verdict = "met" if extra <= max(0.05 * base, 5) else "MISSED"
                print(
                    f"{place:9} {epochs:6}  {name:9} {base:10.2f} ms {shown:8.2f} ms "
                    f"{shown / base:6.3f} {extra:+8.2f} ms  {verdict}"
                )


if __name__ == "__main__":
    main()
