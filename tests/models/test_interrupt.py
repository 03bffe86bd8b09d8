"""Ctrl-C stops a long call after few batches, and the model is as it was after a whole one.

What comes between the signal and the end is counted in batches, not in seconds: a loaded machine is
slow, and does no more batches for it. A batch that takes long is given up between two operations.
"""

import json
import subprocess
import sys

import pytest

# Run in a process of its own: a late signal must not hit the test runner. A second thread sends it,
# as a terminal would, once the work has begun, and then reads how much is done.
PRELUDE = """
import json, os, signal, threading, time
import numpy as np
import fanin
from fanin import _core
from fanin.layers import BatchNormalization, Dense, Input

signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(0)
x = rng.normal(size=(20000, 256)).astype("float32")
y = rng.integers(0, 10, 20000)

def interrupted(work, begun, done):
    sent = []
    def send():
        while not begun():
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)
        sent.append(done())
    sender = threading.Thread(target=send)
    sender.start()
    try:
        work()
    except KeyboardInterrupt:
        sender.join()
        return sent[0]
    raise SystemExit("finished before the signal came")

begun = threading.Event()

def at_work():
    # The pause is for the core to be at work; where it is not yet, the call ends as well.
    return begun.wait() and not time.sleep(0.2)
"""

MODEL = """
model = fanin.Sequential(
    [Input((256,)), Dense(512, activation="relu"), BatchNormalization(),
     Dense(512, activation="relu"), Dense(10, activation="softmax")], rng=0)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""

FIT = (
    MODEL
    + """
kernel = model.layers[0].kernel
start = kernel.copy()
batches = lambda: model.compiled_with.iterations
sent = interrupted(lambda: model.fit(x, y, epochs=1000, batch_size=BATCH, verbose=0, rng=0),
                   lambda: (kernel != start).any(), batches)
stopped = batches()
history = model.fit(x[:500], y[:500], epochs=1, verbose=0, rng=0)
loss, _ = model.evaluate(x[:500], y[:500], verbose=0)
sound = bool(np.isfinite(loss)) and len(history.history["loss"]) == 1
print(json.dumps([sent, stopped, bool((kernel != start).any()), sound]))
"""
)

# The core's own call, so that the number of whole batches is known: doing exactly these again must
# give the same bits.
TRAIN = """
from fanin.layers._network import Network
from fanin.models._compiled import Update
from fanin.models._samples import Samples
from fanin.models._objective import Goal, Objective
from fanin.models._step import Batches

D = {"kind": "dense", "use_bias": True, "trainable": True}
relu, softmax = {"kind": "relu"}, {"kind": "softmax"}
plan = _core.Plan((256,), [
    {**D, "units": 512, "activation": relu},
    {"kind": "batch_normalization", "momentum": 0.99, "epsilon": 1e-3, "center": True,
     "scale": True, "trainable": True},
    {**D, "units": 10, "activation": softmax},
], "float32")
adam = {"kind": "adam", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False,
        "weight_decay": 0.0, "clipnorm": 0.0, "clipvalue": 0.0, "global_clipnorm": 0.0}
loss = {"kind": "sparse_categorical_crossentropy", "from_logits": False}
aim = Objective([Goal(0, loss, 1.0, [], [])], [], {}, [])
order = np.tile(_core.permutation("1", "p", 20000), 50)

class Run:
    def __init__(self):
        rng = np.random.default_rng(1)
        self.params = rng.normal(0, 0.05, plan.parameter_count).astype("float32")
        self.state = np.ones(plan.state_count, "float32")
        self.slots = np.zeros((2, plan.parameter_count), "float32")
        self.progress = np.zeros(3)

    def train(self, order):
        rates = np.full(-(-len(order) // 50), 1e-3)
        network = Network(plan, self.params, self.state)
        batches = Batches(order, 50, rates, self.progress)
        _core.train([network], [Update(adam, self.slots)], aim,
                    Samples(x, y, None), [batches])

    def arrays(self):
        return self.params, self.state, self.slots, self.progress

stopped, again = Run(), Run()
batches = lambda: int(stopped.progress[0])
sent = interrupted(lambda: stopped.train(order), lambda: batches() > 0, batches)
steps = batches()
again.train(order[: 50 * steps])
same = all(np.array_equal(a, b) for a, b in zip(stopped.arrays(), again.arrays()))
print(json.dumps([sent, steps, 0 < steps < len(order) // 50, same]))
"""

PREDICT = (
    MODEL
    + """
many = np.zeros((2_000_000, 256), "float32")
calls = []

def predict():
    begun.set()
    for _ in range(100):
        model.predict(many, batch_size=64, verbose=0)
        calls.append(1)

sent = interrupted(predict, at_work, lambda: len(calls))
sound = bool(np.isfinite(model.predict(x[:10], verbose=0)).all())
print(json.dumps([sent, len(calls), True, sound]))
"""
)

# One batch of a deep network, which takes long: what is given up in it changes nothing. A signal
# that comes as the batch ends finds it whole: then a second one makes the same of the same, and the
# call is interrupted once more.
LONG = (
    TRAIN[: TRAIN.index("order = ")]
    + """
_core.set_num_threads(1)
layers = 12 * [{**D, "units": 256, "activation": relu},
               {"kind": "batch_normalization", "momentum": 0.9, "epsilon": 1e-3, "center": True,
                "scale": True, "trainable": True}]
layers.append({**D, "units": 10, "activation": softmax})
plan = _core.Plan((256,), layers, "float32")
rng = np.random.default_rng(1)
params = rng.normal(0, 0.05, plan.parameter_count).astype("float32")
network = Network(plan, params, np.ones(plan.state_count, "float32"))
update = Update(adam, np.zeros((2, plan.parameter_count), "float32"))
whole = []

def repeat(work):
    begun.set()
    while True:
        work()
        last[:] = [a.copy() for a in arrays]
        whole.append(1)

def train():
    batches = Batches(np.arange(20000, dtype="uint32"), 20000, np.full(1, 1e-3), np.zeros(3))
    _core.train([network], [update], aim, Samples(x, y, None), [batches])

def forward():
    return plan.forward(params, network.state, x, True)

def back_and_update():
    _core.update(network, update, cache, dy, staged, np.zeros(1), np.ones(1), 1e-3)

def predict():
    _core.predict(network, x, 20000)

arrays = [params, network.state, update.slots]
staged = network.state + 1
dy, cache = forward()
last = [a.copy() for a in arrays]
for _ in range(20):
    begun.clear()
    sent = interrupted(lambda: repeat(WORK), at_work, lambda: len(whole))
    stopped, now = len(whole), [a.copy() for a in arrays]
    given_up = all(map(np.array_equal, now, last))
    if given_up:
        break
    for array, copy in zip(arrays, last):
        array[...] = copy
    WORK()
    assert all(map(np.array_equal, now, arrays)), "neither the last batch nor a whole one"
    last[:] = now
print(json.dumps([sent, stopped, True, given_up]))
"""
)

# A long array is given up between two slices: its end is not written. Numbers of a far tail on one
# thread, so that no machine is done before signals are looked at. A call that was whole, or had not
# begun, when the signal came is made once more.
SAMPLE = """
_core.set_num_threads(1)
out = np.empty(40_000_000)

def draw():
    begun.set()
    while True:
        out[0] = out[-1] = np.nan
        _core.truncated_normal(out.shape, "float64", "1", "a", 0.0, 1.0, 8.0, 9.0, out)

for _ in range(50):
    begun.clear()
    interrupted(draw, at_work, lambda: 0)
    given_up = bool(np.isfinite(out[0]) and np.isnan(out[-1]))
    if given_up:
        break
print(json.dumps([0, 0, True, given_up]))
"""

# Code, and how many batches (calls of predict) may pass after the signal. The core looks at signals
# every 40 ms, and reports after whole calls of `train`: of `fit` one an epoch. Each figure is for a
# machine that is far faster than any: a slower one does fewer batches in that time.
CASES = {
    "fit": (FIT.replace("BATCH", "32"), 2 * 625),
    "fit with batches of 20000": (FIT.replace("BATCH", "20000"), 2),
    "train": (TRAIN, 2000),
    "predict": (PREDICT, 1),
    "a long array": (SAMPLE, 0),
    **{
        f"a long {work}": (LONG.replace("WORK", work), 1)
        for work in ("train", "forward", "back_and_update", "predict")
    },
}
HANGS = 1200
"""Seconds after which a process counts as one that never ends."""


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code], capture_output=True, text=True, timeout=HANGS
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("code", "most"), CASES.values(), ids=CASES)
def test_an_interrupt_stops_the_call_and_the_model_lives_on(code, most):
    sent, stopped, had_started, sound = run(code)
    print(f"stopped {stopped - sent} batches after the signal")
    assert 0 <= stopped - sent <= most
    assert had_started
    assert sound
