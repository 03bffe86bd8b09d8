"""Faults seen in use, going on after a kill: the counters, and the page that says how (R6)."""

import copy
import pickle
import re
from pathlib import Path

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, optimizers
from refusals import assert_refused, outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype(int)
PAGE = Path(__file__).parents[2] / "docs" / "resuming.md"


def network(optimizer="adam", seed=0):
    chain = [layers.Dense(4, "relu", input_dim=3), layers.Dropout(0.2), layers.Dense(2, "softmax")]
    model = fanin.Sequential(chain, rng=seed)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def counts(model):
    """Whole epochs and steps, by the public names; None where there are none."""
    optimizer = getattr(model, "optimizer", None)
    return getattr(model, "epoch", None), getattr(optimizer, "iterations", None)


def through_a_file(model, path):
    model.save(path)
    return fanin.models.load_model(path)


COPIES = {
    "itself": lambda model, path: model,
    "load_model": through_a_file,
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "copy": lambda model, path: copy.copy(model),
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
}


# L-BFGS takes no batches: tests/models/test_lbfgs.py.
IN_BATCHES = [cls for cls in optimizers._registry().members if cls is not optimizers.LBFGS]


@pytest.mark.parametrize("cls", IN_BATCHES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_field_R6_epochs_and_steps_are_public_and_kept(copied, cls, tmp_path):
    model = network(cls())
    assert counts(model) == (0, 0)
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    assert counts(model) == (2, 6)
    again = copied(model, tmp_path / "m.npz")
    assert counts(again) == (2, 6)
    again.fit(X, Y, batch_size=8, epochs=3, initial_epoch=again.epoch, verbose=0)
    assert counts(again) == (3, 11)
    if again is not model:
        assert counts(model) == (2, 6)


def test_field_R6_fit_many_counts_too():
    models = [network(seed=seed) for seed in range(3)]
    fanin.fit_many(models, X, Y, batch_size=16, epochs=2, verbose=0)
    assert [counts(model) for model in models] == [(2, 6)] * 3


def test_field_R6_counts_are_right_within_an_epoch_and_after_an_interrupt():
    model, seen = network(), []

    def watch(batch, logs):
        seen.append(counts(model))
        if len(seen) == 5:
            raise KeyboardInterrupt

    call = callbacks.LambdaCallback(on_train_batch_end=watch)
    assert_refused(
        lambda: model.fit(X, Y, batch_size=16, epochs=9, verbose=0, callbacks=[call]),
        KeyboardInterrupt,
    )
    assert seen == [(0, 1), (0, 2), (0, 3), (1, 4), (1, 5)]
    assert counts(model) == (1, 5)


def test_field_R6_compiling_begins_anew():
    model, sgd = network(), optimizers.SGD()
    model.fit(X, Y, epochs=2, verbose=0)
    former = model.optimizer
    model.compile(sgd, "sparse_categorical_crossentropy")
    assert counts(model) == (0, 0)
    assert getattr(former, "iterations", None) == 0
    model.fit(X, Y, epochs=1, verbose=0)
    assert counts(model) == (1, 2)
    model.compile(sgd, "sparse_categorical_crossentropy")
    assert counts(model) == (0, 0)
    assert counts(fanin.Sequential([layers.Dense(1)])) == (0, None)


def test_field_R6_an_optimizer_that_is_shared_does_not_lie():
    """Each model counts for itself; where the counts differ there is no one number."""
    shared = optimizers.Adam()
    a, b = network(shared), network(shared, seed=1)
    assert getattr(shared, "iterations", None) == 0
    a.fit(X, Y, batch_size=16, verbose=0)
    assert_refused(lambda: shared.iterations, AttributeError, "[0, 3]", "deepcopy")
    b.fit(X, Y, batch_size=16, verbose=0)
    assert shared.iterations == 3
    assert copy.deepcopy(shared).iterations == 0
    b.fit(X, Y, batch_size=16, verbose=0)
    assert getattr(shared, "iterations", None) is None
    assert copy.deepcopy(b).optimizer.iterations == 6
    b.compile("sgd", "sparse_categorical_crossentropy")
    assert shared.iterations == 3
    assert a.epoch == 1


def blocks():
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def run(code, folder, monkeypatch):
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    namespace = {"__name__": "__main__"}
    exec(compile(code, str(PAGE), "exec"), namespace)
    return namespace["model"]


def test_field_R6_the_script_of_the_page_ends_with_the_same_bits(tmp_path, monkeypatch, capsys):
    assert PAGE.exists()
    (script,) = blocks()
    epochs = '"run.npz", 6'
    assert epochs in script
    whole = run(script, tmp_path / "whole", monkeypatch)
    # Killed in the fifth epoch: what is left is the file of the fourth.
    killed = script.replace(
        "callbacks=[", "callbacks=[fanin.callbacks.LambdaCallback(on_epoch_begin=kill), "
    )
    kill = "def kill(epoch, logs):\n    if epoch == 4:\n        raise SystemExit\n"
    error = outcome(lambda: run(kill + killed, tmp_path / "killed", monkeypatch))
    assert isinstance(error, SystemExit)
    again = run(script, tmp_path / "killed", monkeypatch)
    assert again.history.epoch == [4, 5]
    assert counts(again) == counts(whole) == (6, 678)
    assert np.array_equal(again.params, whole.params)
    assert np.array_equal(again.state, whole.state)
    for mine, theirs in zip(again.slots.values(), whole.slots.values(), strict=True):
        assert np.array_equal(mine, theirs)
    assert capsys.readouterr().out.count("6 epochs, 678 steps") == 2
