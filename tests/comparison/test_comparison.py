"""`fanin.compare`: trials are paired, pure and plain, and flagged rightly."""

import copy
import math
import pickle
import threading

import fanin
import numpy as np
import pytest
from blobs import DATA, QUICK, overflowing
from fanin.comparison import Arm
from fanin.comparison.experiment import prepare
from fanin.comparison.trial import TrialStopped, build_network, run_trial


def experiment(*chosen, **changes):
    settings = {
        "seeds": 2,
        "activation": "relu",
        "optimizer": "adam",
        "validation_split": 0.25,
        "initialize": "hidden",
        "target": None,
        **QUICK,
        **changes,
    }
    return prepare(list(chosen), workers=None, **settings)


def test_trial_is_what_a_plain_script_gives():
    made = experiment("he_normal", hidden=(8, 5), seeds=[7])
    trial = run_trial(made.arms[0], 7, made.settings, made.data)

    (x, y), test = DATA
    model = fanin.Sequential(
        [
            fanin.layers.Dense(8, "relu", kernel_initializer="he_normal", input_shape=(6,)),
            fanin.layers.Dense(5, "relu", kernel_initializer="he_normal"),
            fanin.layers.Dense(3, "softmax"),
        ],
        rng=7,
    )
    model.compile(
        fanin.optimizers.Adam(0.02),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(x, y, 16, 2, verbose=0, validation_split=0.25).history
    assert trial.loss == tuple(history["loss"])
    assert trial.accuracy == tuple(history["accuracy"])
    assert trial.val_accuracy == tuple(history["val_accuracy"])
    assert trial.val_loss == pytest.approx(history["val_loss"], rel=1e-6)  # other batches
    assert trial.test_accuracy == model.evaluate(*test, verbose=0)[1]


@pytest.mark.parametrize("place", ["before", "after"])
def test_arms_differ_only_where_they_are_meant_to(place):
    made = experiment("he_normal", Arm("he_normal", place), "zeros", hidden=(8, 5))
    plain, normalized, zeros = (build_network(a, 3, made.settings, made.data) for a in made.arms)

    def kernels(model):
        return [la.kernel for la in model.layers if isinstance(la, fanin.layers.Dense)]

    for own, other in zip(kernels(plain), kernels(normalized), strict=True):
        np.testing.assert_array_equal(own, other)
    np.testing.assert_array_equal(kernels(plain)[-1], kernels(zeros)[-1])
    assert not kernels(zeros)[0].any()
    assert not kernels(zeros)[1].any()
    kinds = [type(layer).__name__ for layer in normalized.layers]
    hidden = {
        "before": ["Dense", "BatchNormalization", "Activation"],
        "after": ["Dense", "BatchNormalization"],
    }
    assert kinds == hidden[place] * 2 + ["Dense"]


def test_initialize_all_fills_the_output_layer_too():
    made = experiment("ones", initialize="all", hidden=())
    model = build_network(made.arms[0], 0, made.settings, made.data)
    assert (model.layers[-1].kernel == 1).all()


class Batches(fanin.callbacks.Callback):
    """Tells which rows each batch held, by a network that always answers class 0."""

    def __init__(self):
        super().__init__()
        self.shares = []

    def on_train_begin(self, logs=None):
        output = self.model.layers[-1]
        output.kernel[...] = 0
        output.bias[...] = [1, 0, 0]

    def on_train_batch_end(self, batch, logs=None):
        self.shares.append(logs["accuracy"])


def test_all_arms_see_the_same_batches():
    made = experiment("he_normal", "he_normal+bn", "zeros", learning_rate=1e-30, epochs=1)

    def shares(arm, seed):
        seen = Batches()
        model = build_network(arm, seed, made.settings, made.data)
        model.fit(made.data.x_train, made.data.y_train, 16, 1, verbose=0, callbacks=[seen])
        return seen.shares

    one, two, three = (shares(arm, 5) for arm in made.arms)
    assert one == two == three
    assert one != shares(made.arms[0], 6)


def test_trial_is_pure_and_pickles():
    made = experiment("he_normal")
    job = (made.arms[0], 1, made.settings, made.data)
    first = run_trial(*job)
    function, copied = pickle.loads(pickle.dumps((run_trial, job)))
    assert function(*copied) == first
    assert run_trial(*job, threads=2) == first
    assert pickle.loads(pickle.dumps(first)) == first


def test_an_initializer_that_consumes_a_generator_is_consumed_anew_in_each_trial():
    seeded = fanin.initializers.RandomNormal(seed=np.random.default_rng(3))
    made = experiment(seeded)
    before = copy.deepcopy(seeded.seed.bit_generator.state)
    job = (made.arms[0], 0, made.settings, made.data)
    assert run_trial(*job) == run_trial(*job)
    assert seeded.seed.bit_generator.state == before


def test_result_does_not_depend_on_the_number_of_workers():
    chosen = ["zeros", "glorot_normal", "he_normal+bn"]
    one, two, many = (fanin.compare(chosen, workers=w, **QUICK) for w in (1, 2, 16))
    assert one == two == many


def test_seeds_are_counted_or_named():
    counted = fanin.compare("he_normal", seeds=2, **QUICK)
    named = fanin.compare("he_normal", seeds=[1], **QUICK)
    assert [t.seed for t in counted["HeNormal"].trials] == [0, 1]
    assert counted["HeNormal"].trials[1] == named["HeNormal"].trials[0]


def test_stop_ends_a_trial_soon():
    made = experiment("he_normal", epochs=1_000_000)
    stop, epochs = threading.Event(), []

    def stop_after_three(arm, seed, done, accuracy):
        epochs.append(done)
        if done == 3:
            stop.set()

    with pytest.raises(TrialStopped):
        run_trial(made.arms[0], 0, made.settings, made.data, report=stop_after_three, stop=stop)
    assert len(epochs) < 1_000_000


def test_a_failure_in_one_trial_stops_the_others():
    class Bad(fanin.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            raise RuntimeError("no numbers today")

    epochs = []
    with pytest.raises(RuntimeError, match="no numbers today"):
        fanin.compare(
            {"good": "he_normal", "bad": Bad()},
            **{**QUICK, "epochs": 1_000_000},
            progress=lambda arm, seed, done, accuracy: epochs.append(done),
        )
    assert len(epochs) < 1_000_000


def test_progress_is_reported_for_each_epoch():
    calls = []
    fanin.compare(
        ["zeros", "he_normal"],
        seeds=2,
        progress=lambda arm, seed, done, accuracy: calls.append((arm.label, seed, done)),
        **QUICK,
    )
    expected = {(a, s, e) for a in ("Zeros", "HeNormal") for s in (0, 1) for e in (1, 2)}
    assert set(calls) == expected
    assert len(calls) == len(expected)


def test_progress_is_silent_away_from_a_terminal(capfd):
    fanin.compare("zeros", seeds=1, **QUICK)
    assert capfd.readouterr() == ("", "")


# Flags.


def test_zeros_never_learn_and_it_is_said_why():
    result = fanin.compare(["zeros", "he_normal"], **QUICK)
    zeros = result["Zeros"]
    assert zeros.never_learned
    assert not zeros.diverged
    assert "all hidden units are equal" in zeros.reason
    assert "no gradient" in zeros.reason
    assert not result["HeNormal"].never_learned
    assert result["HeNormal"].reason == ""


def test_divergence():
    arm = overflowing().arms[0]
    assert arm.diverged == 1
    assert arm.never_learned
    assert math.isnan(arm.trials[0].loss[-1])
    assert len(arm.trials[0].loss) < 4  # ended early
    rising = fanin.compare(
        "he_normal", seeds=1, optimizer="sgd", **{**QUICK, "learning_rate": 50.0, "epochs": 4}
    )
    trial = rising.arms[0].trials[0]
    assert trial.diverged
    assert "diverged" in str(rising)


@pytest.mark.parametrize(
    ("arm", "reason"),
    [("random_normal(stddev=0.01)", "fades"), ("random_normal(stddev=1e10)", "explodes")],
)
def test_fading_and_exploding_signals_are_named(arm, reason):
    deep = {**QUICK, "hidden": (8,) * 3, "learning_rate": 1e-3}
    arm = fanin.compare(arm, seeds=1, optimizer="sgd", **deep).arms[0]
    assert arm.never_learned
    assert reason in arm.reason


def test_lagging_running_averages_are_named():
    # After 225 steps a tenth of each running variance is still the 1 it started with, far above
    # the variances that such small weights give.
    few = {**QUICK, "data": "small", "hidden": (64,) * 8, "learning_rate": 1e-3, "epochs": 5}
    arm = fanin.compare("random_normal(stddev=0.01)+bn", seeds=1, **{**few, "batch_size": 64}).arms[
        0
    ]
    assert arm.never_learned
    assert "right in training" in arm.reason
    assert "running averages" in arm.reason


def test_an_exploded_start_does_not_hide_where_its_curve_ends():
    result = fanin.compare(["random_normal(stddev=1.0)", "he_normal"], seeds=1, hidden=(64,) * 8)
    loss = result.plot().subfigs[0].axes[0]
    low, high = loss.get_ylim()
    ends = [arm.trials[0].val_loss[-1] for arm in result]
    assert all(low < end < high for end in ends)
    assert result.arms[0].trials[0].start_loss > high


def test_the_documents_story_on_the_embedded_data():
    result = fanin.compare()
    zeros, random, glorot, he = result.arms
    assert [t.test_accuracy for t in zeros.trials] == [0.1, 0.1, 0.1]
    assert zeros.never_learned
    assert 0.6 < random.test_accuracy.mean < 0.75
    assert min(glorot.test_accuracy.mean, he.test_accuracy.mean) > 0.79
    assert not any(arm.diverged for arm in result)
