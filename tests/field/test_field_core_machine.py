"""Faults seen in use, the core: odd machines (R1), systems that refuse threads (R2)."""

import json
import os
import subprocess
import sys

import machines
import pytest

# Every public way to a product of more than 16 columns, tried in turn; the answers are printed.
PRODUCTS = """
import json

import fanin
import numpy as np
from fanin import layers

x, y = np.arange(3000.0).reshape(100, 30) % 7, np.ones((100, 1), "float32")
classes = np.arange(100) % 2


def compiled():
    model = fanin.Sequential(
        [layers.BatchNormalization(input_shape=(30,)), layers.Dense(40), layers.Dense(1)], rng=0
    )
    model.compile("adam", "mse")
    return model


def backward():
    layer = layers.Dense(3)
    y, cache = layer.forward(x, training=True)
    layer.backward(y, cache)


model = compiled()
before = [array.tobytes() for array in (model.params, model.state)]
entries = {
    "predict": lambda: model.predict(x, verbose=0),
    "on two threads": lambda: model.predict(np.ones((9000, 30)), threads=2, verbose=0),
    "call": lambda: model(x),
    "call in training": lambda: model(x, training=True),
    "evaluate": lambda: model.evaluate(x, y, verbose=0),
    "fit": lambda: model.fit(x, y, verbose=0),
    "fit_many": lambda: fanin.fit_many([model], x, y, verbose=0),
    "layer": lambda: layers.Dense(40)(x),
    "backward": backward,
    "diagnose": lambda: fanin.diagnose(model, x, y),
    "lsuv": lambda: fanin.lsuv(model, x),
    "compare": lambda: fanin.compare(
        "he_normal", data=((x, classes), (x, classes)), seeds=1, epochs=1, progress=False, workers=1
    ),
}
answers = {}
for name, entry in entries.items():
    try:
        entry()
        answers[name] = ["nothing", ""]
    except BaseException as error:
        answers[name] = [type(error).__name__, str(error)]
after = [array.tobytes() for array in (model.params, model.state)]
answers["unchanged"] = before == after
narrow = fanin.Sequential([layers.Dense(3, input_dim=30), layers.Dense(1)], rng=0)
answers["narrow"] = narrow.predict(x, verbose=0).shape
print(json.dumps(answers))
"""
LEVELS_OF_CACHE = [(1, "32K"), (2, "1024K"), (3, "16384K"), (4, "131072K")]
LSCPU = "TYPE LEVEL WAYS COHERENCY-SIZE ONE-SIZE\nData one 8 64 32768"


def assert_all_work(answers):
    assert not answers.pop("unchanged"), "training changes what it trains"
    assert answers.pop("narrow") == [100, 1]
    assert {kind for kind, _ in answers.values()} == {"nothing"}, answers


def test_field_R1_caches_of_any_number_of_levels_are_nothing_to_products(tmp_path):
    folder = machines.caches(tmp_path / "cpu", *LEVELS_OF_CACHE)
    assert_all_work(machines.run(PRODUCTS, over=machines.CPU, folder=folder))


def test_field_R1_nobody_runs_lscpu(tmp_path):
    (tmp_path / "sys").mkdir()
    assert_all_work(machines.run(PRODUCTS, over="/sys", folder=tmp_path / "sys", lscpu=LSCPU))
    assert not (tmp_path / "sys.log").exists()


PREDICT = """
import hashlib
import json

import fanin
import numpy as np

answers = []
for inputs in (512, 8192):
    model = fanin.Sequential([fanin.layers.Dense(100, input_dim=inputs)], rng=0)
    x = np.random.default_rng(0).normal(size=(200, inputs)).astype("float32")
    for threads in (1, 2):
        outputs = model.predict(x, threads=threads, verbose=0)
        answers.append(hashlib.sha256(outputs.tobytes()).hexdigest())
print(json.dumps(answers))
"""


def test_field_R1_no_cache_decides_bits(tmp_path):
    """These made products of other sizes divide by zero, or go on for ever."""
    small_second = [(1, "32K"), (2, "16K"), (3, "16384K")]
    large_first = [(1, "8192K"), (2, "256K"), (3, "16384K")]
    answers = []
    for name, levels in {"a": small_second, "b": large_first, "c": LEVELS_OF_CACHE}.items():
        folder = machines.caches(tmp_path / name, *levels)
        answers.append(machines.run(PREDICT, over=machines.CPU, folder=folder))
    assert answers[0] == answers[1] == answers[2]
    assert len(set(answers[0])) == 2, "threads decide no bits either"


# A process that the system lets have no more threads does again what it did on one. Limits do not
# hold for root, so it becomes nobody first.
NO_MORE_THREADS = """
import hashlib
import json
import os
import resource
import threading

import fanin
import numpy as np
from fanin import layers

rng = np.random.default_rng(0)
x = rng.normal(size=(2000, 100)).astype("float32")
y = rng.normal(size=(2000, 3)).astype("float32")


def made():
    model = fanin.Sequential(
        [layers.Dense(200, "tanh", input_dim=100), layers.BatchNormalization(), layers.Dense(3)],
        rng=0,
    )
    model.compile("adam", "mse")
    return model


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array) for array in arrays)).hexdigest()


def fit(threads):
    model = made()
    model.fit(x, y, 500, verbose=0, threads=threads)
    return digest(model.params, model.state)


def passed(threads):
    model = made()
    out, cache = model.forward(x, training=True, threads=threads)
    dx, gradients = model.backward(y, cache, threads=threads)
    return digest(out, dx, *gradients.values())


def drawn(threads):
    fanin.set_num_threads(threads)
    return digest(fanin.initializers.HeNormal(seed=1)((600, 700)),
                  fanin.initializers.Orthogonal(seed=1)((300, 300)))


entries = {
    "predict": lambda n: digest(made().predict(x, threads=n, verbose=0)),
    "evaluate": lambda n: made().evaluate(x, y, threads=n, verbose=0),
    "fit": fit,
    "fit_many": lambda n: [h.history for h in fanin.fit_many(
        [made(), made(), made()], x, y, 100, threads=n, verbose=0)],
    "forward and backward": passed,
    "draw": drawn,
}
expected = {name: entry(1) for name, entry in entries.items()}
answers = {}


def allow_no_more():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(54321)
        os.setuid(54321)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    try:
        threading.Thread(target=int).start()
        answers["limited"] = False
    except RuntimeError:
        answers["limited"] = True


def attempt():
    for threads in (3, 59):
        for name, entry in entries.items():
            try:
                answers[f"{name}, {threads}"] = entry(threads) == expected[name] or "another"
            except BaseException as error:
                answers[f"{name}, {threads}"] = f"{type(error).__name__}: {error}"
    answers["done"] = True
"""
FORKED = """
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    {before}
    allow_no_more()
    attempt()
    os.write(writer, json.dumps(answers).encode())
    os._exit(0)
os.close(writer)
with open(reader) as file:
    answers = json.loads(file.read())
os.waitpid(child, 0)
"""
TWO, THREE = "entries['predict'](2)\n", "entries['predict'](3)\n"
MENDED_SITUATIONS = {
    "threads for two and for three": TWO + THREE + "allow_no_more()\nattempt()\n",
    "a forked child with threads": TWO + FORKED.format(before=THREE),
}
SITUATIONS = {
    "no pool yet": "allow_no_more()\nattempt()\n",
    "a pool of two": "entries['predict'](2)\nallow_no_more()\nattempt()\n",
    "another thread": """
ready, go = threading.Event(), threading.Event()


def wait():
    entries["predict"](2)
    ready.set()
    go.wait()
    attempt()


thread = threading.Thread(target=wait)
thread.start()
ready.wait()
allow_no_more()
go.set()
thread.join()
""",
    "another thread, no pool yet": """
go = threading.Event()
thread = threading.Thread(target=lambda: (go.wait(), attempt()))
thread.start()
allow_no_more()
go.set()
thread.join()
""",
    "a forked child": TWO + FORKED.format(before=""),
}


def in_python(code):
    """Run code in a Python of its own; return what it prints, as JSON."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=1200
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def assert_fewer_do_the_same(situation):
    answers = in_python(NO_MORE_THREADS + situation + "print(json.dumps(answers))")
    if not answers.pop("limited"):
        pytest.skip("this system lets a process with a limit of 1 start another thread")
    assert len(answers) == 13
    assert set(map(str, answers.values())) == {"True"}, answers


WITH_LIMITS = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="no limits of this kind on this system"
)


@WITH_LIMITS
@pytest.mark.parametrize("situation", MENDED_SITUATIONS.values(), ids=MENDED_SITUATIONS)
def test_field_R2_where_the_system_refuses_threads_fewer_do_the_same(situation):
    assert_fewer_do_the_same(situation)


@WITH_LIMITS
@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_refused_threads_are_done_without_elsewhere_too(situation):
    assert_fewer_do_the_same(situation)


COUNT_THREADS = """
import json
import os
import threading

import fanin
import numpy as np

model = fanin.Sequential([fanin.layers.Dense(200, input_dim=100)], rng=0)
x = np.ones((2000, 100), "float32")


def use():
    for threads in range(1, 60):
        model.predict(x, threads=threads, verbose=0)


before = len(os.listdir("/proc/self/task"))
use()
at_home = len(os.listdir("/proc/self/task"))
thread = threading.Thread(target=use)
thread.start()
thread.join()
print(json.dumps([at_home - before, len(os.listdir("/proc/self/task")) - before]))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted under /proc")
def test_field_R2_a_pool_is_used_by_calls_of_any_number_of_threads():
    at_home, with_others = in_python(COUNT_THREADS)
    assert at_home < 59
    assert with_others < 2 * 59
