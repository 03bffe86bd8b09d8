"""Forks and interrupts beside a training, in processes of their own."""

import os
import subprocess
import sys

import pytest
from refusals import assert_refused

# Signals must not hit the test runner.
PRELUDE = """
import hashlib, os, signal, sys, threading
sys.path[:0] = [FOLDER, SUPPORT]
from test_threads import *
from fanin import _core
signal.signal(signal.SIGINT, signal.default_int_handler)
"""

FORK = """
model, counts = network(), set()
over = threading.Event()

def train():
    while not over.is_set():
        fit(model)

trainer = threading.Thread(target=train)
trainer.start()
found = []
while len(set(found)) < 5:
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        # Its locks are free, whatever the parent's threads hold; all of it is of one whole batch.
        compiled = model.compiled_with
        slots = [] if compiled.slots is None else [compiled.slots]
        seen = digest(model.params, model.state, compiled.iterations, *slots)
        same = of_model(model) == seen
        fit(copy.deepcopy(model))
        model.set_weights(model.get_weights())
        grandchild = os.fork()
        if grandchild == 0:  # locks of its own again; it starts no threads
            model.set_weights(other(model))
            os._exit(of_model(model) == seen)
        sound = same and os.waitpid(grandchild, 0)[1] == 0
        os.write(theirs, seen.encode() if sound else b"not sound")
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        found.append(pipe.read())
    assert os.waitpid(child, 0)[1] == 0
over.set()
trainer.join()
again, watch = network(), Watch(of_model)
while of_model(again) != of_model(model):
    fit(again, [watch])
whole = {of_model(network()), *watch.seen}  # before a step there are no slots
assert set(found) <= whole, (set(found) - whole, len(whole))
"""

# First calls of their kind: what is made for them is under locks meanwhile, for long where several
# threads want the interpreter.
FIRST = """
model = network()
callers = [threading.Thread(target=lambda: CALL) for _ in range(4)]
for caller in callers:
    caller.start()
while any(caller.is_alive() for caller in callers):
    child = os.fork()
    if child == 0:
        CALL
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""

# A call that waits for another thread, which holds the network until the call was interrupted: that
# is when three signals in a row have found it at one place.
WAITING = """
model = network()
model.save_weights(path := os.path.join(sys.argv[1], "weights.npz"))
held, interrupted, places = threading.Event(), threading.Event(), []

def handler(_, frame):
    places.append((id(frame), frame.f_lasti))
    package = os.path.dirname(fanin.__file__)
    here = frame.f_code.co_filename.startswith(package) and places[-3:] == 3 * places[-1:]
    if here and not interrupted.is_set():
        interrupted.set()
        raise KeyboardInterrupt

def until_interrupted():
    held.set()
    while not interrupted.wait(0.05):
        os.kill(os.getpid(), signal.SIGINT)

def hold():
    HOLD

signal.signal(signal.SIGINT, handler)
before = of_model(model)
holder = threading.Thread(target=hold)
holder.start()
held.wait()
try:
    CALL
except KeyboardInterrupt:
    pass
else:
    raise SystemExit("it did not wait")
holder.join()
assert of_model(model) == before
fit(model)
"""

READING = """with _core.Reading(model.lock, [model.params]):
        until_interrupted()"""

TURN = """with _core.Writing([model.lock], ["held"], False) as writing:
        writing.turn(until_interrupted)"""

# Ctrl-C while a callback's loss has been counted, or not: the count belongs to the batch.
INTERRUPTED = """
class Stop(fanin.metrics.Metric):
    name, larger_is_better = "stop", None
    def reset_state(self): pass
    def result(self): return 0.0
    def update_state(self, y_true, y_pred):
        signal.raise_signal(signal.SIGINT)

model = network(own_loss=True)
model.compile("adam", OwnLoss(), metrics=[Stop()])
start = model.params.copy()
try:
    fit(model)
except KeyboardInterrupt:
    pass
assert (model.params != start).any() and model.optimizer.iterations == 1
"""


def run(code, *arguments, **replaced):
    for name, text in replaced.items():
        code = code.replace(name, text)
    here, support = (
        os.path.dirname(path) for path in (__file__, assert_refused.__code__.co_filename)
    )
    prelude = PRELUDE.replace("FOLDER", repr(here)).replace("SUPPORT", repr(support))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", prelude + code, *arguments],
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_whole_batches_and_free_locks():
    run(FORK)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("call", ["fit(network())", "model.predict(X, verbose=0)"])
def test_a_child_that_is_forked_beside_first_calls_makes_them_too(call):
    run(FIRST, CALL=call)


@pytest.mark.parametrize("call", ["fit(model)", "assign(model)", "model.load_weights(path)"])
def test_an_interrupt_ends_a_wait_for_readers(call, tmp_path):
    run(WAITING, str(tmp_path), HOLD=READING, CALL=call)


@pytest.mark.parametrize("call", ["model.predict(X, verbose=0)", "model.get_weights()"])
def test_an_interrupt_ends_a_wait_for_a_turn(call, tmp_path):
    run(WAITING, str(tmp_path), HOLD=TURN, CALL=call)


def test_an_interrupt_behind_a_step_finds_it_counted():
    run(INTERRUPTED)
