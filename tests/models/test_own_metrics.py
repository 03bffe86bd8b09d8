"""Metrics of users: classes and functions, counted anew in each epoch and evaluation."""

import copy
import functools
import pickle

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, losses, metrics, models
from fanin.errors import ShapeError
from refusals import assert_refused

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 3)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("float32")
OPTIONS = {"batch_size": 32, "epochs": 3, "verbose": 0}


class F1(metrics.Metric):
    """Harmonic mean of precision and recall."""

    larger_is_better = True

    def __init__(self, name="f1", threshold=0.5):
        super().__init__(name)
        self.threshold = threshold

    def reset_state(self):
        self.right = self.said = self.there = 0

    def update_state(self, y_true, y_pred):
        yes = y_pred > self.threshold
        self.right += int((yes * y_true).sum())
        self.said += int(yes.sum())
        self.there += int(y_true.sum())

    def result(self):
        return 2 * self.right / max(self.said + self.there, 1)

    def get_config(self):
        return {"name": self.name, "threshold": self.threshold}


class Calls(metrics.Metric):
    """What is called, with how many samples."""

    def __init__(self, name="calls"):
        super().__init__(name)
        self.log = []

    def reset_state(self):
        self.log.append("reset")

    def update_state(self, y_true, y_pred, sample_weight=None):
        assert sample_weight is None
        assert len(y_true) == len(y_pred)
        self.log.append(len(y_true))

    def result(self):
        return len(self.log)


class Percent(metrics.BinaryAccuracy):
    """A metric of the package with something around it."""

    def result(self):
        return 100 * super().result()


class MeanCube(losses.Loss):
    """A loss, to have both."""

    def value_and_gradient(self, y_true, y_pred):
        error = np.abs(y_pred - y_true)
        return np.mean(error**3), 3 * error * (y_pred - y_true) / error.size


def distance(y_true, y_pred):
    """One number a sample."""
    return np.abs(y_true - y_pred).mean(axis=1)


def mean_distance(y_true, y_pred):
    """One number a batch."""
    return np.abs(y_true - y_pred).mean()


def f1_by_hand(model, x, y):
    yes = model.predict(x, verbose=0)[:, 0] > 0.5
    return 2 * (yes * y).sum() / (yes.sum() + y.sum())


def network(given=None, loss="bce", seed=0):
    parts = [
        layers.Dense(20, "relu", input_dim=3),
        layers.BatchNormalization(),
        layers.Dropout(0.2),
        layers.Dense(1, "sigmoid"),
    ]
    model = fanin.Sequential(parts, rng=seed)
    model.compile("adam", loss, metrics=given)
    return model


both_losses = pytest.mark.parametrize("loss", ["bce", MeanCube()], ids=["core", "own"])


@both_losses
@pytest.mark.parametrize("given", [[F1], [distance], [Percent()], [mean_distance, "mae"]])
def test_training_is_the_same_to_the_bit_with_and_without(loss, given):
    # Beside a loss of the core, the core's metrics say the same too.
    plain, watched = network(["mse"], loss), network(["mse", *given], loss)
    options = {**OPTIONS, "validation_split": 0.2}
    told = [model.fit(X, Y, **options).history for model in (plain, watched)]
    for ours, theirs in zip(plain.slots.values(), watched.slots.values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(plain.params, watched.params)
    np.testing.assert_array_equal(plain.state, watched.state)
    for name, values in told[0].items():
        if name.startswith("val_"):
            assert values == told[1][name]
        else:  # sums of an epoch, added up in one call or several
            np.testing.assert_allclose(values, told[1][name], rtol=1e-12)
    found = [model.evaluate(X, Y, verbose=0)[:2] for model in (plain, watched)]
    assert found[0] == found[1]


@both_losses
def test_values_are_those_of_the_outputs(loss):
    model = network([F1(), distance, mean_distance, "mae", Percent()], loss)
    history = model.fit(X, Y, **OPTIONS, validation_data=(X[:37], Y[:37])).history
    names = ["f1", "distance", "mean_distance", "mae", "binary_accuracy"]
    assert model.metrics_names == ["loss", *names]
    assert [metric.name for metric in model.metrics] == names
    assert sorted(history) == sorted(
        [*model.metrics_names, *(f"val_{n}" for n in ["loss", *names])]
    )
    assert history["val_f1"][-1] == pytest.approx(f1_by_hand(model, X[:37], Y[:37]))
    found = dict(zip(model.metrics_names, model.evaluate(X, Y, 9, verbose=0), strict=True))
    assert found["f1"] == pytest.approx(f1_by_hand(model, X, Y))
    outputs = model.predict(X, verbose=0)[:, 0]
    assert found["binary_accuracy"] == pytest.approx(100 * np.mean((outputs > 0.5) == Y))
    for told in (found, {name: values[-1] for name, values in history.items()}):
        for name in ("distance", "mean_distance"):
            assert told[name] == pytest.approx(told["mae"], rel=1e-6)
    assert found["mae"] == pytest.approx(np.abs(outputs - Y).mean(), rel=1e-6)


@both_losses
def test_it_is_reset_in_each_epoch_and_evaluation_and_sees_each_batch(loss):
    calls = Calls()
    model = network([calls], loss)
    model.fit(X, Y, **OPTIONS, validation_data=(X[:40], Y[:40]))
    epoch, validation = ["reset", 32, 32, 6], ["reset", 32, 8]
    assert calls.log == (epoch + validation) * 3
    calls.log.clear()
    model.evaluate(X, Y, batch_size=50, verbose=0)
    assert calls.log == ["reset", 50, 20]
    calls.log.clear()
    model.fit(X, Y, **OPTIONS, sample_weight=np.ones(70)) if loss == "bce" else None
    assert calls.log == (epoch * 3 if loss == "bce" else [])


def test_during_training_it_sees_the_outputs_before_each_update():
    seen = []

    class Keep(Calls):
        def update_state(self, y_true, y_pred):
            seen.append((y_true, y_pred))

    class Predict(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            rows = slice(32 * batch, 32 * batch + 32)
            right.append((Y[rows, None], self.model.predict(X[rows], verbose=0)))

    right = []
    model = fanin.Sequential([layers.Dense(20, "tanh", input_dim=3), layers.Dense(1)], rng=0)
    model.compile("sgd", "mse", metrics=[Keep()])
    model.fit(X, Y, **OPTIONS, shuffle=False, callbacks=[Predict()])
    assert len(seen) == 9
    for ours, theirs in zip(seen, right, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5, atol=1e-6)


@both_losses
def test_callbacks_of_batches_see_the_values_so_far(loss):
    seen, tested = [], []

    class Watch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(logs["calls"])

        def on_test_batch_end(self, batch, logs=None):
            tested.append(logs["calls"])

    model = network([Calls()], loss)
    history = model.fit(X, Y, batch_size=32, verbose=0, callbacks=[Watch()], validation_split=0.5)
    assert seen == [2, 3]
    # The log goes on from those of training; the last value is that of the epoch.
    assert tested == [5, 6]
    assert history.history["calls"] == [3]
    assert history.history["val_calls"] == [6]


def test_an_evaluation_in_the_middle_of_an_epoch_does_not_disturb_it():
    class Evaluate(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(X, Y, verbose=0)

    plain, watched = network([F1()]), network([F1()])
    told = plain.fit(X, Y, **OPTIONS), watched.fit(X, Y, **OPTIONS, callbacks=[Evaluate()])
    assert told[0].history["f1"] == told[1].history["f1"]


@both_losses
def test_fit_many_counts_for_each_network(loss):
    shared = F1()
    many = [network([shared, distance], loss, seed) for seed in range(3)]
    alone = [network([F1(), distance], loss, seed) for seed in range(3)]
    options = {**OPTIONS, "validation_split": 0.2}
    for model, history in zip(alone, fanin.fit_many(many, X, Y, **options), strict=True):
        assert model.fit(X, Y, **options).history == history.history
    assert_refused(
        lambda: fanin.fit_many([network([F1()]), network([distance])], X, Y, **OPTIONS),
        ValueError,
        "models[1]: expected the same names of the metrics",
    )


# Directions.


def test_monitors_ask_a_metric_which_direction_is_better():
    class Unsaid(F1):
        larger_is_better = None

    def best(metric, mode="auto"):
        stop = callbacks.EarlyStopping("val_f1", mode=mode, restore_best_weights=True, patience=9)
        model = network([metric])
        values = model.fit(X, Y, **OPTIONS, validation_split=0.3, callbacks=[stop]).history[
            "val_f1"
        ]
        return values.index(max(values)), stop.best_epoch, min(values)

    highest, chosen, _ = best(F1())
    assert highest == chosen
    assert_refused(lambda: best(Unsaid()), ValueError, "mode='min' or mode='max'", "val_f1")
    assert best(Unsaid(), "max")[0] == highest
    stop = callbacks.EarlyStopping("distance")
    assert_refused(
        lambda: network([distance]).fit(X, Y, **OPTIONS, callbacks=[stop]), ValueError, "mode="
    )
    wrong = F1()
    wrong.larger_is_better = "yes"
    assert_refused(lambda: network([wrong]), TypeError, "larger_is_better of F1", "'yes'")


def test_all_metrics_of_the_package_say_it():
    for name in metrics.__all__:
        kind = getattr(metrics, name)
        numbers = (metrics.Metric, metrics.Mean, metrics.Sum)  # nobody knows what of
        if isinstance(kind, type) and kind not in numbers:
            assert isinstance(kind.larger_is_better, bool)


# Names.


def test_names_differ():
    for given in (
        [F1(), F1()],
        [distance, distance],
        [F1("loss")],
        ["mae", F1("mae")],
        [lambda t, p: 0.0, lambda t, p: 1.0],
    ):
        assert_refused(lambda g=given: network(g), ValueError, "names that differ")
    model = network([F1(), F1("other", 0.7)])
    assert model.metrics_names == ["loss", "f1", "other"]


def test_names_of_functions():
    class Called:
        def __call__(self, y_true, y_pred):
            return 0.0

    given = {
        "distance": distance,
        "<lambda>": lambda t, p: 0.0,
        "mean_distance": functools.partial(mean_distance),
        "called": Called(),
        "binary_crossentropy": losses.binary_crossentropy,
    }
    model = network(list(given.values()))
    assert model.metrics_names == ["loss", *given]
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert found["binary_crossentropy"] == pytest.approx(found["loss"], rel=1e-6)


def test_a_name_that_no_constructor_sets_is_asked_for():
    class Nameless(F1):
        def __init__(self):
            self.threshold = 0.5

    assert_refused(
        lambda: network([Nameless()]), TypeError, "name of Nameless", "super().__init__(name)"
    )


# What is returned, and what is raised.


def resulting(value):
    """Return a metric called Mine with this result."""
    body = {"result": lambda self: value, "update_state": lambda self, t, p: None}
    return type("Mine", (metrics.Metric,), {**body, "reset_state": lambda self: None})()


class Tensor:
    """What can be a float, of another library."""

    def __float__(self):
        return 0.5


@both_losses
@pytest.mark.parametrize("value", [None, "0.5", [0.5], np.ones(2), {"a": 1}, 1j, Tensor()])
def test_a_result_that_is_no_number_is_refused_by_name(value, loss):
    model = network([resulting(value)], loss)
    for call in (lambda: model.fit(X, Y, **OPTIONS), lambda: model.evaluate(X, Y, verbose=0)):
        assert_refused(call, TypeError, "result of Mine: expected a number, found")


@pytest.mark.parametrize(
    "value", [1, 0.5, np.float32(0.5), np.array(0.5), np.int8(3), True, np.nan]
)
def test_results_that_are_numbers(value):
    found = network([resulting(value)]).fit(X, Y, **OPTIONS).history["mine"]
    np.testing.assert_array_equal(found, [float(value)] * 3)


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (lambda t, p: None, TypeError, "a number or an array of one number a sample, found None"),
        (lambda t, p: "0.5", TypeError, "found '0.5'"),
        (lambda t, p: {"a": 1}, TypeError, "found {"),
        (lambda t, p: np.ones(3), ShapeError, "one number for each of the 32 samples, found shape"),
        (lambda t, p: p.T, ShapeError, "found shape (1, 32)"),
        (lambda t, p: np.array(["a"] * len(t)), TypeError, "the result of odd"),
        (lambda t, p: p * 1j, TypeError, "the result of odd"),
    ],
)
def test_what_a_function_returns_is_looked_at(value, kind, words):
    def odd(y_true, y_pred):
        return value(y_true, y_pred)

    model = network([odd])
    assert_refused(lambda: model.fit(X, Y, **OPTIONS), kind, "the result of odd: expected", words)


@pytest.mark.parametrize(
    "value",
    [
        lambda t, p: [3.0] * len(t),
        lambda t, p: np.full((len(t), 1), 3, "uint8"),
        lambda t, p: 3,
        lambda t, p: np.float64(3),
    ],
)
def test_forms_of_what_a_function_returns(value):
    assert network([value]).evaluate(X, Y, verbose=0)[1] == 3.0


def test_the_mean_is_over_samples_not_batches():
    def one_of_six(y_true, y_pred):
        return float(len(y_true) == 6)

    history = network([one_of_six]).fit(X, Y, **OPTIONS).history["one_of_six"]
    np.testing.assert_allclose(history, [6 / 70] * 3, rtol=1e-12)


@both_losses
def test_an_exception_leaves_whole_batches(loss):
    class Failing(Calls):
        def update_state(self, y_true, y_pred):
            if len(self.log) == 6:
                raise RuntimeError("mine")
            super().update_state(y_true, y_pred)

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.optimizer.iterations == 5

    model, other = network([Failing()], loss), network(["mae"], loss)
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(X, Y, **OPTIONS)
    other.fit(X, Y, **OPTIONS, callbacks=[Stop()])
    assert model.optimizer.iterations == 5
    np.testing.assert_array_equal(model.params, other.params)
    np.testing.assert_array_equal(model.state, other.state)
    assert model.history.epoch == [0]
    assert len(model.history.history["calls"]) == model.epoch == 1


def test_arrays_are_to_read():
    def write(y_true, y_pred):
        y_pred[:] = 0

    for model in (network([write]), network([write], MeanCube())):
        for call in (lambda m=model: m.fit(X, Y, **OPTIONS), lambda m=model: m.evaluate(X, Y)):
            assert_refused(call, ValueError, "read-only")
    Y[0] = Y[0]  # still the caller's to write


# What is no metric.


@pytest.mark.parametrize("left_out", ["update_state", "result", "reset_state"])
def test_a_class_has_all_three_methods(left_out):
    body = {name: method for name, method in vars(F1).items() if name in METHODS - {left_out}}
    own = type("Own", (metrics.Metric,), body)
    assert_refused(own, TypeError, "Own is not one of fanin's metrics", "all three")
    assert_refused(lambda: network([own]), TypeError, "Own is not one of fanin's metrics")


METHODS = {"update_state", "result", "reset_state"}


def test_other_objects_are_refused():
    class Foreign:
        def __call__(self, y_true, y_pred): ...
        def update_state(self, y_true, y_pred): ...
        def result(self): ...

    assert_refused(lambda: network([Foreign()]), TypeError, "derives from Metric")
    for given in ([3], [None], [object()], [losses.MeanSquaredError]):
        assert_refused(lambda g=given: network(g), TypeError, "metric: expected a name")
    assert_refused(lambda: network(distance), TypeError, "metrics: expected a list")


# By hand, in registries, in files.


def test_by_hand():
    metric = metrics.get(distance)
    metric.update_state([[0.0], [1.0]], np.array([[1.0], [1.0]]))
    metric.update_state(np.zeros((2, 1)), np.full((2, 1), 3.0), sample_weight=[1.0, 0.0])
    assert metric.result() == pytest.approx(4 / 3)
    metric.reset_state()
    assert metric.result() == 0.0
    assert_refused(
        lambda: metrics.get(mean_distance)(np.zeros((2, 1)), np.ones((2, 1)), [1.0, 0.0]),
        ValueError,
        "sample_weight",
    )
    one = F1()
    one.reset_state()
    assert one(np.array([[1], [0]]), np.array([[0.9], [0.1]])) == 1.0
    assert (F1("mine").name, repr(F1())) == ("mine", "F1(name='f1')")
    assert metrics.resolve(distance, "mse", 1).name == "distance"
    assert metrics.resolve(F1, "mse", 1).name == "f1"


@pytest.fixture
def registry():
    """Leave the registered classes as they were."""
    known = fanin.utils.get_custom_objects()
    before = dict(known)
    yield known
    known.clear()
    known.update(before)


def test_registries_know_classes_and_functions(registry):
    scope = {"F1": F1, "distance": distance}
    for metric in (F1("other", 0.25), metrics.get(distance)):
        written = metrics.serialize(metric)
        again = metrics.deserialize(written, custom_objects=scope)
        assert type(again) is type(metric)
        assert again.name == metric.name
        assert metrics.get(written, scope).name == metric.name
        assert_refused(lambda w=written: metrics.deserialize(w), ValueError, "custom_objects")
    assert metrics.get("distance", scope).function is distance
    assert fanin.utils.register_keras_serializable("mine")(distance) is distance
    assert metrics.serialize(metrics.get(distance))["registered_name"] == "mine>distance"
    assert metrics.deserialize(metrics.serialize(metrics.get(distance))).function is distance
    assert_refused(
        lambda: metrics.deserialize({"class_name": "function", "config": {}}),
        ValueError,
        "function",
    )
    with fanin.utils.custom_object_scope(scope):
        model = network(["distance", "F1"])
    assert model.metrics_names == ["loss", "distance", "F1"]
    assert len(model.evaluate(X, Y, verbose=0)) == 3


def test_a_saved_model_trains_on_with_its_metrics(tmp_path, registry):
    model, path = network([F1("other", 0.25), distance, "mae"]), tmp_path / "model.npz"
    model.fit(X, Y, **OPTIONS)
    model.save(path)
    assert_refused(lambda: models.load_model(path), ValueError, "custom_objects", "compile=False")
    again = models.load_model(path, custom_objects={"F1": F1, "distance": distance})
    fanin.utils.register_keras_serializable()(F1)
    fanin.utils.register_keras_serializable()(distance)
    registered = models.load_model(path)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    right = model.evaluate(X, Y, verbose=0)
    for other in (again, registered, *copies):
        assert other.metrics_names == ["loss", "other", "distance", "mae"]
        assert other.metrics[0].threshold == 0.25
        assert other.metrics[0] is not model.metrics[0]
        assert other.evaluate(X, Y, verbose=0) == right
    assert models.clone_model(model).metrics == []


def test_a_function_without_a_name_is_loaded_by_what_it_is_called(tmp_path):
    model, path = network([lambda t, p: 3.0]), tmp_path / "model.npz"
    model.save(path)
    assert_refused(lambda: models.load_model(path), ValueError, "unknown metric '<lambda>'")
    again = models.load_model(path, custom_objects={"<lambda>": lambda t, p: 4.0})
    assert again.evaluate(X, Y, verbose=0)[1] == 4.0


def test_arguments_that_a_file_would_lose_are_refused(tmp_path):
    class Lossy(F1):
        get_config = metrics.Metric.get_config

    words = ("get_config of Lossy: expected all arguments", "'threshold'")
    assert_refused(lambda: network([Lossy()]).save(tmp_path / "m.npz"), ValueError, *words)


def test_a_checkpoint_and_a_log_have_the_metric(tmp_path):
    keep = callbacks.ModelCheckpoint(tmp_path / "best.npz", monitor="f1", save_best_only=True)
    log = callbacks.CSVLogger(tmp_path / "log.csv")
    history = network([F1()]).fit(X, Y, **OPTIONS, callbacks=[keep, log]).history["f1"]
    assert keep.best == max(history)
    assert "f1" in (tmp_path / "log.csv").read_text().splitlines()[0]


def test_progress_shows_it(capsys):
    network([F1()]).fit(X, Y, **{**OPTIONS, "verbose": 2})
    assert "f1" in capsys.readouterr().out
