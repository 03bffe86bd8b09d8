"""Networks trained side by side are, bit for bit, those that `fit` makes one after the other."""

import json
import subprocess
import sys

import fanin
import numpy as np
import pytest
from fanin import _core
from fanin.errors import ShapeError
from fanin.layers import BatchNormalization, Dense, Dropout, Input
from fanin.models._samples import Samples
from fanin.models._step import Batches

rng = np.random.default_rng(0)
X = rng.normal(size=(150, 4)).astype("float32")
Y = rng.integers(0, 3, 150)


def make(
    seed, hidden=(8,), optimizer="adam", metrics=("accuracy",), dtype="float32", compiled=True
):
    layers = [Input((4,))]
    for units in hidden:
        layers += [Dense(units, "relu"), BatchNormalization(), Dropout(0.2)]
    layers.append(Dense(3, "softmax"))
    if dtype != "float32":
        layers = [Dense(8, "relu", dtype=dtype), Dense(3, "softmax", dtype=dtype)]
    model = fanin.Sequential(layers, rng=seed)
    if compiled:
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=list(metrics))
    return model


def family():
    schedule = fanin.optimizers.schedules.ExponentialDecay(0.05, 7, 0.9)
    return [
        make(0),
        make(1),
        make(1, (5, 6), fanin.optimizers.SGD(schedule, momentum=0.9)),
        make(np.random.default_rng(3), (64,), "rmsprop"),
        make(4, ()),
    ]


def everything(model):
    chosen = model.compiled_with
    return [
        model.params,
        model.state,
        *model.slots.values(),
        np.array([chosen.iterations, chosen.epochs]),
    ]


def assert_equal(many, single):
    for mine, theirs in zip(many, single, strict=True):
        for a, b in zip(everything(mine), everything(theirs), strict=True):
            np.testing.assert_array_equal(a, b)
        assert mine.history.history == theirs.history.history
        assert mine.history.epoch == theirs.history.epoch
        assert mine.history.params == theirs.history.params
        assert mine.history.model is mine


OPTIONS = {
    "plain": {},
    "no shuffling": {"shuffle": False},
    "split": {"validation_split": 0.3, "validation_freq": 2, "validation_batch_size": 7},
    "validation": {"validation_data": (X[:20], Y[:20], np.linspace(0, 1, 20))},
    "class weights": {"class_weight": {0: 2.0, 2: 0.5}},
    "sample weights": {"sample_weight": np.linspace(0.0, 2.0, len(X))},
    "resumed": {"initial_epoch": 1},
    "no epochs": {"epochs": 0},
}


@pytest.mark.parametrize("threads", [1, 2, 3, None])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_bits_are_those_of_fit(options, threads):
    options = {"epochs": 3, "batch_size": 16, "verbose": 0} | options
    many, single = family(), family()
    histories = fanin.fit_many(many, X, Y, **options, threads=threads)
    for model in single:
        model.fit(X, Y, **options)
    assert_equal(many, single)
    assert histories == [model.history for model in many]


def test_enough_work_for_several_threads_gives_the_same_bits():
    # 4096 samples of 3 networks of over 100 parameters are worth waking threads for.
    x, y = np.tile(X, (28, 1))[:4096], np.tile(Y, 28)[:4096]
    wanted = None
    for threads in (1, 2, 5):
        models = [make(seed, (16,)) for seed in range(3)]
        fanin.fit_many(models, x, y, epochs=2, verbose=0, threads=threads)
        found = [array.tobytes() for model in models for array in everything(model)]
        wanted = wanted or found
        assert found == wanted


def test_training_goes_on_where_it_stopped_by_either_way():
    many, single = family(), family()
    fanin.fit_many(many, X, Y, epochs=2, verbose=0)
    for model in many:
        model.fit(X, Y, epochs=2, verbose=0)
    fanin.fit_many(many, X, Y, epochs=1, verbose=0)
    for model in single:
        for epochs in (2, 2, 1):
            model.fit(X, Y, epochs=epochs, verbose=0)
    assert_equal(many, single)


def test_float64_and_other_losses_train_as_well():
    def pair():
        models = [fanin.Sequential([Dense(2, dtype="float64")], rng=s) for s in range(3)]
        for model in models:
            model.compile("sgd", "mse", metrics=["mae"])
        return models

    x, y = X.astype("float64"), X[:, :2].astype("float64")
    many, single = pair(), pair()
    fanin.fit_many(iter(many), x, y, epochs=2, verbose=0)
    for model in single:
        model.fit(x, y, epochs=2, verbose=0)
    assert_equal(many, single)


def test_a_network_that_diverges_leaves_the_others_alone():
    with np.errstate(all="ignore"):
        wild = make(0, optimizer=fanin.optimizers.SGD(1e30))
        tame, alone = make(1), make(1)
        fanin.fit_many([wild, tame], X, Y, epochs=3, verbose=0)
        alone.fit(X, Y, epochs=3, verbose=0)
    assert_equal([tame], [alone])


def test_lines_say_the_means_over_the_networks(capsys):
    models = [make(0), make(1)]
    histories = fanin.fit_many(models, X, Y, epochs=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    for epoch, line in enumerate(lines):
        mean = np.mean([history.history["loss"][epoch] for history in histories])
        assert f"loss: {mean:.4f}" in line
    fanin.fit_many(models, X, Y, epochs=3, verbose=0)
    assert capsys.readouterr().out == ""


SHARED = np.random.default_rng(0)
TWICE = make(0)

REFUSED = {
    "none": (lambda: [], {}, ValueError, "at least one"),
    "one model": (
        lambda: make(0),
        {},
        TypeError,
        "expected a list of fanin.Sequential, found <Sequential",
    ),
    "no iterable": (lambda: 3, {}, TypeError, "found 3"),
    "something else": (
        lambda: [make(0), "x"],
        {},
        TypeError,
        r"models\[1\]: expected a fanin.Sequential or fanin.Model, found \'x\'",
    ),
    "twice": (
        lambda: [TWICE, make(1), TWICE],
        {},
        ValueError,
        r"models\[2\]: expected another network, found models\[0\]",
    ),
    "uncompiled": (
        lambda: [make(0), make(1, compiled=False)],
        {},
        ValueError,
        r"models\[1\] is not compiled",
    ),
    "one generator": (
        lambda: [make(SHARED), make(SHARED)],
        {},
        ValueError,
        "a random generator for each, found one that is shared",
    ),
    "callbacks": (lambda: [make(0)], {"callbacks": []}, ValueError, "no callbacks"),
    "metrics": (
        lambda: [make(0), make(1, metrics=())],
        {},
        ValueError,
        r"models\[1\]: expected the same metrics",
    ),
    "dtype": (
        lambda: [make(0), make(1, dtype="float64")],
        {},
        ValueError,
        "the same dtype as that of .*, float32, found float64",
    ),
    "epochs": (lambda: [make(0)], {"epochs": -1}, ValueError, "epochs"),
    "threads": (lambda: [make(0)], {"threads": 0}, ValueError, "threads"),
    "batch": (lambda: [make(0)], {"batch_size": 0}, ValueError, "batch_size"),
    "samples": (lambda: [make(0)], {"x": X[:, :3]}, ShapeError, "4"),
    "targets": (lambda: [make(0)], {"y": Y[:9]}, ShapeError, "y"),
    "validation": (
        lambda: [make(0)],
        {"validation_data": (X[:, :3], Y)},
        ShapeError,
        "validation_data",
    ),
}


@pytest.mark.parametrize(("models", "options", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_trained_is_refused_before_anything_changes(models, options, error, message):
    models = models()
    built = [m for m in models if getattr(m, "built", False)] if isinstance(models, list) else []
    before = [model.params.copy() for model in built]
    with pytest.raises(error, match=message):
        fanin.fit_many(models, **{"x": X, "y": Y, "verbose": 0} | options)
    for model, params in zip(built, before, strict=True):
        np.testing.assert_array_equal(model.params, params)
        assert model.history is None


def test_other_outputs_are_refused():
    wide = fanin.Sequential([Input((4,)), Dense(5, "softmax")], rng=0)
    wide.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    with pytest.raises(ValueError, match="same shape of the outputs"):
        fanin.fit_many([make(0), wide], X, Y, verbose=0)


def test_the_core_refuses_arrays_given_twice_and_plans_of_two_types():
    def records(model, counts=4):
        model.fit(X, Y, epochs=0, verbose=0)
        batches = Batches(np.arange(4, dtype=np.uint32), 4, np.full(1, 0.1), np.zeros(counts))
        return model.network, model.compiled_with.update(model.params), batches

    def train(*members):
        networks, updates, batches = zip(*members, strict=True) if members else ((), (), ())
        _core.train(networks, updates, objective, Samples(X, Y, None), batches)

    objective = make(0).compiled_with.objective(make(0).plan_for((4,)))
    one, other = records(make(0)), records(make(1, dtype="float64"))
    with pytest.raises(ValueError, match="given twice"):
        train(one, one)
    with pytest.raises(TypeError, match="plan: expected one of dtype float32, found float64"):
        train(one, other)
    with pytest.raises(ValueError, match="at least one"):
        train()
    with pytest.raises(ShapeError, match="progress"):
        train(records(make(0), counts=3))
    with pytest.raises(ValueError, match="batches: expected 1, one a network, found 0"):
        _core.train([one[0]], [one[1]], objective, Samples(X, Y, None), [])


# A process of its own, for the reason given in test_interrupt.py.
INTERRUPTED = """
import json, os, signal, threading, time
import numpy as np
import fanin
from fanin.layers import Dense, Input

signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(0)
x = rng.normal(size=(60000, 64)).astype("float32")
y = rng.integers(0, 10, 60000)

def make(seed):
    model = fanin.Sequential([Input((64,)), Dense(64, "relu"), Dense(10, "softmax")], rng=seed)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model

models = [make(seed) for seed in range(5)]
starts = [model.params.copy() for model in models]

def send():
    while any(np.array_equal(m.params, start) for m, start in zip(models, starts)):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=send).start()
try:
    fanin.fit_many(models, x, y, epochs=1000, batch_size=100, verbose=0, shuffle=False)
    raise SystemExit("finished before the signal came")
except KeyboardInterrupt:
    pass
# As many batches again, by themselves, must give the same bits: no batch was half done.
same = []
for seed, model in enumerate(models):
    again, done = make(seed), model.compiled_with.iterations
    epochs, rest = divmod(done, 600)
    again.fit(x, y, epochs=epochs, batch_size=100, verbose=0, shuffle=False)
    if rest:
        again.fit(x[: 100 * rest], y[: 100 * rest], batch_size=100, verbose=0, shuffle=False)
    same.append(bool(np.array_equal(again.params, model.params)))
print(json.dumps([same, [m.compiled_with.iterations for m in models],
                  [len(m.history.epoch) for m in models]]))
"""


def test_an_interrupt_leaves_every_network_after_a_whole_batch():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr
    same, steps, epochs = json.loads(done.stdout.splitlines()[-1])
    assert all(same)
    assert all(0 < count < 600_000 for count in steps)
    assert all(kept <= count // 600 for kept, count in zip(epochs, steps, strict=True))
