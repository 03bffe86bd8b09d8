"""`fanin.compare`: trials are paired, pure and plain; statistics and flags are right."""

import copy
import json
import math
import pickle
import threading
import time
import xml.etree.ElementTree as ET

import fanin
import numpy as np
import pytest
from fanin.comparison import Arm, Comparison, Trial, arms, data, statistics
from fanin.comparison.experiment import prepare
from fanin.comparison.trial import TrialStopped, build_network, run_trial
from fanin.errors import ShapeError

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(3, 6)) * 2
LABELS = np.arange(300) % 3
BLOBS = (CENTRES[LABELS] + RNG.normal(size=(300, 6))).astype("float32")
DATA = ((BLOBS[:240], LABELS[:240]), (BLOBS[240:], LABELS[240:]))
QUICK = {"data": DATA, "epochs": 2, "hidden": (8,), "batch_size": 16, "learning_rate": 0.02}


@pytest.fixture(scope="module")
def result():
    chosen = ["zeros", "he_normal", "he_normal+bn"]
    return fanin.compare(chosen, target=0.5, **QUICK)


# Statistics against published values.


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [
        # Tables of Student's t, as in any textbook.
        (0.975, 1, 12.7062047),
        (0.975, 2, 4.3026527),
        (0.975, 3, 3.1824463),
        (0.975, 4, 2.7764451),
        (0.975, 9, 2.2621572),
        (0.975, 30, 2.0422725),
        (0.975, 1000, 1.9623391),
        (0.95, 5, 2.0150484),
        (0.995, 7, 3.4994833),
    ],
)
def test_student_t_quantile(probability, degrees, expected):
    assert statistics.student_t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-7)


def test_interval_of_known_values():
    # Mean 3, standard deviation sqrt(2.5), 4 degrees of freedom.
    interval = statistics.mean_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert interval.mean == 3
    assert interval.half_width == pytest.approx(2.7764451 * math.sqrt(2.5 / 5), rel=1e-7)
    assert interval.excludes_zero()


def test_one_value_has_no_interval():
    interval = statistics.mean_interval([0.5])
    assert math.isnan(interval.half_width)
    assert not interval.excludes_zero()
    assert str(interval) == "0.5000"


def test_interval_covers_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(size=(4000, 3))
    intervals = [statistics.mean_interval(row) for row in draws.tolist()]
    covered = np.mean([not interval.excludes_zero() for interval in intervals])
    assert covered == pytest.approx(0.95, abs=0.015)  # over 4 standard errors


def test_binomial_tail_of_known_values():
    assert statistics.binomial_tail(9, 10, 0.5) == pytest.approx(11 / 1024, rel=1e-12)
    assert statistics.binomial_tail(2, 3, 0.1) == pytest.approx(3 * 0.01 * 0.9 + 0.001, rel=1e-12)
    assert statistics.binomial_tail(0, 10, 0.3) == 1
    assert statistics.binomial_tail(10, 10, 1.0) == 1
    assert statistics.binomial_tail(11, 10, 0.3) == 0
    assert statistics.binomial_tail(1, 10, 0.0) == 0


@pytest.mark.parametrize("rows", [600, 10_000])
def test_chance_bound_is_where_its_definition_puts_it(rows):
    expected = rows * 0.1 + 3.09 * math.sqrt(rows * 0.09)  # 3.09 standard deviations above
    bound = next(
        k for k in range(round(expected) - 9, rows) if statistics.beats_chance(k / rows, rows, 0.1)
    )
    assert statistics.binomial_tail(bound, rows, 0.1) < 0.001
    assert statistics.binomial_tail(bound - 1, rows, 0.1) >= 0.001
    assert bound == pytest.approx(expected, abs=4)


# Arms.


@pytest.mark.parametrize(
    ("text", "label", "place"),
    [
        ("he_normal", "HeNormal", False),
        ("HeNormal+bn", "HeNormal + BN", "after"),
        ("zeros+bn_before", "Zeros + BN before", "before"),
        ("random_normal(stddev=0.01)", "RandomNormal(stddev=0.01)", False),
        ("constant(1e+3) + bn", "Constant(value=1000.0) + BN", "after"),
        ("random_uniform(-0.1, maxval=0.1)", "RandomUniform(minval=-0.1, maxval=0.1)", False),
    ],
)
def test_arm_from_text(text, label, place):
    arm = Arm.parse(text)
    assert (arm.label, arm.batch_normalization) == (label, place)
    assert Arm.parse(arm.spec) == arm


def test_arms_come_in_every_form():
    named = arms.resolve({"a": "zeros+bn", "b": fanin.initializers.HeNormal(), "c": Arm("ones")})
    assert [arm.label for arm in named] == ["a", "b", "c"]
    assert named[0].batch_normalization == "after"
    listed = arms.resolve(["zeros", fanin.initializers.Ones, np.ones, {"class_name": "HeNormal"}])
    assert [arm.label for arm in listed[:2]] == ["Zeros", "Ones"]
    assert listed[2].spec is None  # NumPy's function has no spelling on a command line
    assert [arm.label for arm in arms.resolve("he_normal")] == ["HeNormal"]
    assert [arm.label for arm in arms.resolve(None)] == [
        "Zeros",
        "RandomNormal(stddev=1.0)",
        "GlorotNormal",
        "HeNormal",
    ]


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("he_norml", "did you mean 'he_normal'"),
        ("he_normal+batchnorm", "unknown addition to an arm 'batchnorm'"),
        ("random_normal(stddev=__import__('os'))", "must read NAME"),
        ("random_normal(stddev=-1)", "stddev"),
        ("random_normal(std=1)", "std"),
        ("random_normal(stddev=1", "must read NAME"),
        ([], "at least one"),
        (["ones", "ones"], "labels of their own"),
        ([None], "initializer must be given"),
    ],
)
def test_bad_arms(arm, message):
    with pytest.raises(ValueError, match=message):
        arms.resolve(arm)


def test_bad_place_of_batch_normalization():
    with pytest.raises(ValueError, match="batch_normalization must be"):
        Arm("ones", batch_normalization="behind")


# Trials.


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
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(TrialStopped):
        run_trial(made.arms[0], 0, made.settings, made.data, stop=stop)


def test_a_failure_in_one_trial_stops_the_others():
    class Bad(fanin.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            raise RuntimeError("no numbers today")

    started = time.monotonic()
    with pytest.raises(RuntimeError, match="no numbers today"):
        fanin.compare({"good": "he_normal", "bad": Bad()}, **{**QUICK, "epochs": 1_000_000})
    assert time.monotonic() - started < 60  # a million epochs take half an hour


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


def test_zeros_never_learn_and_it_is_said_why(result):
    zeros = result["Zeros"]
    assert zeros.never_learned
    assert not zeros.diverged
    assert "all hidden units are equal" in zeros.reason
    assert "no gradient" in zeros.reason
    assert not result["HeNormal"].never_learned
    assert result["HeNormal"].reason == ""


def overflowing():
    """One trial whose loss becomes NaN."""
    large = {**QUICK, "hidden": (32,) * 4, "epochs": 4}
    return fanin.compare("random_normal(stddev=5)", seeds=1, optimizer="sgd", **large)


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


def trial(seed, accuracy, *, never=False, diverged=False, reason=""):
    return Trial(
        seed=seed,
        start_loss=2.3,
        start_accuracy=0.1,
        loss=(1.0, 0.5),
        accuracy=(0.5, 0.7),
        val_loss=(1.0, 0.6),
        val_accuracy=(0.6, 0.8),
        test_loss=0.6,
        test_accuracy=accuracy,
        diverged=diverged,
        never_learned=never,
        reason=reason,
        seconds=2.0,
        epoch_seconds=(1.0, 2.0),
    )


def made_up(result, **accuracies):
    """A result with chosen test accuracies, one a seed."""
    return Comparison(
        arms=tuple(
            type(result.arms[0])(label, None, tuple(trial(s, a) for s, a in enumerate(values)))
            for label, values in accuracies.items()
        ),
        settings=result.settings,
        data=result.data,
        environment=result.environment,
        seconds=1.0,
    )


def test_difference_is_paired_by_seed(result):
    # The seeds differ by far more than the arms do, and the pairing sees through it.
    close = made_up(result, a=(0.70, 0.80, 0.90), b=(0.69, 0.791, 0.89))
    gap = close.behind_best(close["b"])
    assert gap.mean == pytest.approx((0.01 + 0.009 + 0.01) / 3)
    spread = math.sqrt(((0.01 - gap.mean) ** 2 * 2 + (0.009 - gap.mean) ** 2) / 2)
    assert gap.half_width == pytest.approx(4.3026527 * spread / math.sqrt(3))
    assert "beyond the noise" in close.verdict
    noisy = made_up(result, a=(0.70, 0.80, 0.90), b=(0.80, 0.70, 0.89))
    assert "within the noise of 3 seeds" in noisy.verdict


def test_trial_measures():
    one = trial(0, 0.7)
    assert (one.best_epoch, one.best_val_accuracy) == (2, 0.8)
    assert (one.epochs_to(0.6), one.seconds_to(0.6)) == (1, 1.0)
    assert (one.epochs_to(0.7), one.seconds_to(0.7)) == (2, 2.0)
    assert one.epochs_to(0.81) is None
    assert one.seconds_to(0.81) is None


# The result.


def test_result_writes_down_and_reads_back(result, tmp_path):
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert Comparison.from_dict(json.loads(text)) == result
    result.save_json(tmp_path / "result.json")
    assert Comparison.from_dict(json.loads((tmp_path / "result.json").read_text())) == result
    summary = result.to_dict()["summary"]
    assert summary["best"] == result.best.label
    assert summary["arms"]["Zeros"]["never_learned"] is True


def test_result_with_nan_writes_down_and_reads_back():
    huge = overflowing()
    again = Comparison.from_dict(json.loads(json.dumps(huge.to_dict(), allow_nan=False)))
    assert repr(again.arms) == repr(huge.arms)
    assert "nan" in repr(again.arms)


def test_foreign_dict_is_refused():
    with pytest.raises(ValueError, match="format must be 1"):
        Comparison.from_dict({})
    with pytest.raises(ValueError, match="not a comparison"):
        Comparison.from_dict({"format": 1})


def test_prints_in_80_columns_without_colour(result):
    text = str(result)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    for arm in result.arms:
        assert arm.label in text
        assert str(arm.test_accuracy) in text
    assert "never learned" in text
    assert "Zeros never learned" in " ".join(text.split())


def test_long_labels_still_fit():
    long = fanin.compare({"a rather long label " * 5: "ones", "b": "zeros"}, target=0.9, **QUICK)
    assert max(map(len, str(long).splitlines())) <= 80
    assert " time" in str(long)


def test_one_seed_has_no_interval():
    text = str(fanin.compare(["zeros", "he_normal"], seeds=1, **QUICK))
    assert "One seed" in text
    assert "±" not in text


def test_lookup_suggests_the_close_label(result):
    with pytest.raises(KeyError, match="did you mean 'HeNormal'"):
        result["HeNorml"]
    assert len(result) == 3
    assert [arm.label for arm in result] == ["Zeros", "HeNormal", "HeNormal + BN"]


def test_picture(result, tmp_path):
    figure = result.plot()
    loss, accuracy, final = (axes for part in figure.subfigs for axes in part.axes)
    assert [len(axes.lines) for axes in (loss, accuracy)] == [3, 4]  # and the target
    for line, arm in zip(accuracy.lines, result.arms, strict=False):
        mean = np.mean([[t.start_accuracy, *t.val_accuracy] for t in arm.trials], axis=0)
        np.testing.assert_allclose(line.get_ydata(), mean)
    assert [label.get_text() for label in final.get_yticklabels()] == [a.label for a in result]
    colours = {line.get_color() for line in loss.lines}
    assert len(colours) == 3
    for name in ("p.png", "p.svg", "p.pdf"):
        result.save_plot(tmp_path / name)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    ET.parse(tmp_path / "p.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.pdf", "p.png", "p.svg"]


def test_picture_goes_into_a_given_figure(result):
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    assert result.plot(figure) is figure
    left, _ = Figure(layout="constrained").subfigures(1, 2)
    assert result.plot(left) is left


def test_picture_of_unknown_kind_is_refused_and_nothing_written(result, tmp_path):
    with pytest.raises(ValueError, match="suffix of a picture"):
        result.save_plot(tmp_path / "p.txt")
    assert not list(tmp_path.iterdir())


def test_nothing_about_the_drawing_leaks_into_pyplot(result):
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    before = dict(mpl.rcParams)
    result.plot()
    assert not plt.get_fignums()
    assert dict(mpl.rcParams) == before


def test_page_is_one_file(result, tmp_path):
    result.save_html(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    body = page[page.index("<svg") : page.index("</svg>") + 6]
    ET.fromstring(body)
    for foreign in ("<script", "<link", "<img", "@import", 'src="'):
        assert foreign not in page
    for arm in result.arms:
        assert arm.label in page
    assert "Machine" in page
    assert "currentColor" in body


def test_notebook_shows_table_and_picture(result):
    shown = result._repr_html_()
    assert shown.count("<table>") == 1
    assert shown.count("<svg") == 1
    assert "never learned" in shown


def test_labels_are_escaped():
    odd = fanin.compare({"<b>&": "zeros"}, seeds=1, **QUICK)
    assert "&lt;b&gt;&amp;" in odd._repr_html_()
    assert "<b>&" not in odd._repr_html_()


def test_without_matplotlib_it_is_said_how_to_get_it(result, monkeypatch, tmp_path):
    for module in ("plot", "html"):
        monkeypatch.setattr(f"fanin.comparison.{module}.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"fanin\[plot\]"):
        result.plot()
    with pytest.raises(ImportError, match=r"fanin\[plot\]"):
        result.save_html(tmp_path / "r.html")
    shown = result._repr_html_()
    assert "fanin[plot]" in shown
    assert "<table>" in shown


def test_command_repeats_the_comparison():
    result = fanin.compare(["zeros+bn", "random_normal(stddev=0.01)"], seeds=[3], epochs=1)
    words = result.command
    assert "'RandomNormal(stddev=0.01)'" in words
    assert "--seeds 3," in words
    assert "--data small" in words
    assert fanin.compare("zeros", seeds=1, **QUICK).command is None  # arrays have no name


# Settings and data.


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1"),
        ({"epochs": 1.5}, TypeError, "epochs must be a whole number"),
        ({"epochs": True}, ValueError, "epochs"),
        ({"seeds": 0}, ValueError, "seeds"),
        ({"seeds": []}, ValueError, "seeds must name at least one"),
        ({"seeds": [1, 1]}, ValueError, "seeds must differ"),
        ({"seeds": [-1]}, ValueError, "seeds must not be negative"),
        ({"seeds": "three"}, TypeError, "seeds"),
        ({"hidden": [0]}, ValueError, "hidden must be at least 1"),
        ({"hidden": []}, ValueError, "hidden names no layer"),
        ({"batch_size": -1}, ValueError, "batch_size"),
        ({"validation_split": 1.0}, ValueError, "validation_split"),
        ({"validation_split": "a"}, TypeError, "validation_split"),
        ({"validation_split": 0.999}, ValueError, "validation_split"),
        ({"target": 1.5}, ValueError, "target"),
        ({"target": 0.5, "validation_split": 0}, ValueError, "target"),
        ({"initialize": "output"}, ValueError, "initialize"),
        ({"learning_rate": 0}, ValueError, "learning_rate"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate"),
        ({"optimizer": "adm"}, ValueError, "did you mean 'adam'"),
        ({"activation": "rleu"}, ValueError, "did you mean 'relu'"),
        ({"workers": 0}, ValueError, "workers"),
        ({"progress": "maybe"}, ValueError, "progress"),
        ({"data": "mnist"}, ValueError, "unknown data set 'mnist'"),
        ({"data": 3}, TypeError, "data must be"),
        ({"data": "no.npz"}, FileNotFoundError, "no.npz"),
    ],
)
def test_bad_settings(changes, error, message):
    with pytest.raises(error, match=message):
        fanin.compare("zeros", **{**QUICK, **changes})


def changed(part, place, value):
    parts = [list(pair) for pair in DATA]
    parts[part][place] = value
    return tuple(tuple(pair) for pair in parts)


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        (changed(0, 0, np.full((240, 6), np.nan)), ValueError, "x_train must be finite"),
        (changed(1, 0, np.full((60, 6), 1e300)), ValueError, "x_test must be finite"),
        (changed(1, 0, np.zeros((60, 5))), ShapeError, "x_test"),
        (changed(1, 0, np.zeros((0, 6))), ShapeError, "x_test"),
        (changed(0, 0, np.zeros(240)), ShapeError, "x_train"),
        (changed(0, 0, np.full((240, 6), "a")), TypeError, "x_train"),
        (changed(0, 1, np.zeros(239, int)), ShapeError, "y_train"),
        (changed(0, 1, np.full(240, 0.5)), ValueError, "y_train must hold whole numbers"),
        (changed(0, 1, np.full(240, -1)), ValueError, "y_train must hold classes from 0"),
        (changed(0, 1, np.ones((240, 3))), ValueError, "y_train has two axes"),
        (changed(0, 1, np.full(240, "a")), TypeError, "y_train"),
    ],
)
def test_bad_data(arrays, error, message):
    with pytest.raises(error, match=message):
        fanin.compare("zeros", **{**QUICK, "data": arrays})


def test_labels_in_every_form_are_the_same_data():
    plain = data.load(DATA, 0.25)
    one_hot = data.load(changed(0, 1, np.eye(3)[LABELS[:240]]), 0.25)
    column = data.load(changed(0, 1, LABELS[:240, None].astype("uint8")), 0.25)
    for other in (one_hot, column):
        np.testing.assert_array_equal(plain.y_train, other.y_train)
        np.testing.assert_array_equal(plain.y_validation, other.y_validation)
    assert (len(plain.x_train), len(plain.x_validation), len(plain.x_test)) == (180, 60, 60)


def test_file_of_arrays(tmp_path):
    (x, y), (x_test, y_test) = DATA
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    from_file = fanin.compare("he_normal", seeds=1, **{**QUICK, "data": tmp_path / "d.npz"})
    from_arrays = fanin.compare("he_normal", seeds=1, **QUICK)
    assert from_file.arms == from_arrays.arms
    np.savez(tmp_path / "e.npz", x_train=x)
    with pytest.raises(ValueError, match="lacks the arrays y_train, x_test, y_test"):
        fanin.compare("zeros", data=str(tmp_path / "e.npz"))
    (tmp_path / "f.npz").write_text("no archive")
    with pytest.raises(ValueError, match=r"f\.npz is no \.npz file"):
        fanin.compare("zeros", data=str(tmp_path / "f.npz"))


def test_without_validation_rows():
    result = fanin.compare(["zeros", "he_normal"], validation_split=0, **QUICK)
    one = result["HeNormal"].trials[0]
    assert (one.val_accuracy, one.best_epoch) == ((), None)
    assert math.isnan(one.best_val_accuracy)
    assert "best val" not in str(result)
    assert Comparison.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    assert result._repr_html_()


def test_the_documents_story_on_the_embedded_data():
    result = fanin.compare()
    zeros, random, glorot, he = result.arms
    assert [t.test_accuracy for t in zeros.trials] == [0.1, 0.1, 0.1]
    assert zeros.never_learned
    assert 0.6 < random.test_accuracy.mean < 0.75
    assert min(glorot.test_accuracy.mean, he.test_accuracy.mean) > 0.79
    assert not any(arm.diverged for arm in result)
