"""Losses of users: they train as those of the core do, and whatever they return is looked at."""

import copy
import inspect
import pickle

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, losses, metrics, models, optimizers
from fanin.errors import ShapeError
from refusals import assert_refused

RNG = np.random.default_rng(0)
# Batches, the last one too, and outputs are powers of two, so that means are exact in any order;
# rows are wider than the 16 from which on training computes what a pass by hand does.
X = RNG.normal(size=(80, 18)).astype("float32")
Y = RNG.normal(size=(80, 4)).astype("float32")
WEIGHTS = RNG.uniform(0.0, 2.0, 80).astype("float32")
OPTIONS = {"batch_size": 32, "epochs": 3, "verbose": 0}


class Square(losses.Loss):
    """Mean squared error."""

    def value_and_gradient(self, y_true, y_pred):
        error = y_pred - y_true
        return np.mean(error * error), 2 * error / error.size


class WeightedSquare(losses.Loss):
    """The same, with weights of samples."""

    def value_and_gradient(self, y_true, y_pred, sample_weight=None):
        weights = 1 if sample_weight is None else sample_weight[:, np.newaxis]
        error = y_pred - y_true
        return np.mean(weights * error * error), weights * (2 * error / error.size)


class Plain:
    """The same, and no class of the package."""

    def value_and_gradient(self, y_true, y_pred):
        return Square().value_and_gradient(y_true, y_pred)


class Inherited(losses.MeanSquaredError):
    """A loss of the package with something around it."""

    def value_and_gradient(self, y_true, y_pred, sample_weight=None):
        return super().value_and_gradient(y_true, y_pred, sample_weight)


class Huber(losses.Loss):
    """A loss with an argument."""

    def __init__(self, delta=1.0, name=None):
        super().__init__(name)
        self.delta = delta

    def value_and_gradient(self, y_true, y_pred):
        error = y_pred - y_true
        slope = np.clip(error, -self.delta, self.delta)
        return np.mean(slope * (error - slope / 2)), slope / error.size

    def get_config(self):
        return {"delta": self.delta, "name": self.name}


OWN = [Square(), Square, WeightedSquare(), Plain(), Plain, Inherited()]
every_own = pytest.mark.parametrize("loss", OWN, ids=lambda v: f"{v!r}".partition(" object")[0])


def network(loss, optimizer="adam", dtype="float32", given=None):
    parts = [
        layers.Dense(20, "relu", input_dim=18, dtype=dtype),
        layers.BatchNormalization(dtype=dtype),
        layers.Dropout(0.25, dtype=dtype),
        layers.Dense(20, "tanh", dtype=dtype),
        layers.Dense(4, dtype=dtype),
    ]
    model = fanin.Sequential(parts, rng=0)
    model.compile(optimizer, loss, metrics=given)
    return model


def arrays(model):
    return [model.params, model.state, *model.slots.values()]


def assert_equal(model, other):
    for ours, theirs in zip(arrays(model), arrays(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.optimizer.iterations == other.optimizer.iterations
    assert model.epoch == other.epoch


def values(model):
    return model.params.tobytes(), model.state.tobytes()


# The same as the core.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.1, momentum=0.9),
        optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 2, 0.5)),
        optimizers.RMSprop(clipnorm=0.5),
        optimizers.Adagrad(weight_decay=0.01),
    ],
    ids=lambda v: type(v).__name__,
)
@every_own
def test_training_is_that_of_the_core_bit_for_bit(loss, optimizer, dtype):
    make = lambda: optimizer.from_config(optimizer.get_config())  # noqa: E731
    own, core = network(loss, make(), dtype), network("mse", make(), dtype)
    told = own.fit(X, Y, **OPTIONS), core.fit(X, Y, **OPTIONS)
    assert own.optimizer.iterations == 9
    assert_equal(own, core)
    np.testing.assert_allclose(*[history.history["loss"] for history in told], rtol=1e-6)


@every_own
def test_evaluation_and_validation_are_those_of_the_core(loss):
    own, core = network(loss, given=["mae"]), network("mse", given=["mae"])
    options = {**OPTIONS, "validation_data": (X[:37], Y[:37])}
    told = [model.fit(X, Y, **options).history for model in (own, core)]
    assert told[0].keys() == told[1].keys() == {"loss", "mae", "val_loss", "val_mae"}
    for name in told[0]:
        np.testing.assert_allclose(told[0][name], told[1][name], rtol=1e-6)
    found = [m.evaluate(X[:37], Y[:37], batch_size=8, verbose=0) for m in (own, core)]
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_a_partial_batch_counts_its_samples():
    # 70 samples: 32, 32 and 6, whose mean is divided by 6.
    own, core = network(Square(), "sgd"), network("mse", "sgd")
    told = [m.fit(X[:70], Y[:70], **OPTIONS).history["loss"] for m in (own, core)]
    np.testing.assert_allclose(*told, rtol=1e-6)
    np.testing.assert_allclose(own.params, core.params, rtol=1e-5, atol=1e-7)


def test_fused_and_narrow_networks_train_alike_within_rounding():
    class Entropy(losses.Loss):
        def value_and_gradient(self, y_true, y_pred):
            rows = np.arange(len(y_true))
            right = y_pred[rows, y_true]
            gradient = np.zeros_like(y_pred)
            gradient[rows, y_true] = -1 / (right * len(rows))
            return -np.log(right).mean(), gradient

    classes = RNG.integers(0, 3, 80)
    told = []
    for loss in (Entropy(), "sparse_categorical_crossentropy"):
        parts = [layers.Dense(5, "tanh", input_dim=18), layers.Dense(3, "softmax")]
        model = fanin.Sequential(parts, rng=0)
        model.compile("adam", loss, metrics=["sparse_categorical_accuracy"])
        told.append((model.fit(X, classes, **OPTIONS).history, model.params))
    for name in told[0][0]:
        np.testing.assert_allclose(told[0][0][name], told[1][0][name], rtol=1e-4)
    np.testing.assert_allclose(told[0][1], told[1][1], rtol=1e-3, atol=1e-5)


def test_threads_and_watching_callbacks_change_nothing():
    class Watch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, logs["loss"]))

    seen = []
    one, other = network(Square()), network(Square())
    one.fit(X, Y, **OPTIONS)
    history = other.fit(X, Y, **OPTIONS, callbacks=[Watch()], threads=2)
    assert_equal(one, other)
    assert [batch for batch, _ in seen] == [0, 1, 2] * 3
    assert [loss for batch, loss in seen if batch == 2] == history.history["loss"]


def test_a_batch_sees_what_the_order_says():
    seen = []

    class Keep(Square):
        def value_and_gradient(self, y_true, y_pred):
            seen.append(y_true)
            return super().value_and_gradient(y_true, y_pred)

    network(Keep()).fit(X[:70], Y[:70], batch_size=32, verbose=0, shuffle=False)
    assert [len(batch) for batch in seen] == [32, 32, 6]
    np.testing.assert_array_equal(np.concatenate(seen), Y[:70])


def test_fit_many_trains_each_with_its_own():
    many = [network(Huber(delta)) for delta in (0.1, 10.0)]
    alone = [network(Huber(delta)) for delta in (0.1, 10.0)]
    histories = fanin.fit_many(many, X, Y, **OPTIONS)
    for model, other, history in zip(many, alone, histories, strict=True):
        assert other.fit(X, Y, **OPTIONS).history == history.history
        assert_equal(model, other)
    assert_refused(
        lambda: fanin.fit_many([network(Square()), network("mse")], X, Y, **OPTIONS),
        ValueError,
        "models[1]: expected the same loss",
    )


# Targets and weights.


def test_targets_are_what_was_given():
    kinds = []

    class Kind(Square):
        def value_and_gradient(self, y_true, y_pred):
            kinds.append((y_true.dtype, y_true.shape[1:]))
            return 0.0, np.zeros_like(y_pred)

    def one(targets):
        model = fanin.Sequential([layers.Dense(1, input_dim=18)], rng=0)
        model.compile("sgd", Kind())
        model.fit(X, targets, verbose=0, batch_size=80)
        return kinds.pop()

    assert one(Y[:, 0].astype("float64")) == (np.float32, (1,))
    assert one(np.arange(80, dtype="uint8")) == (np.int64, (1,))
    assert one(Y > 0) == (np.float32, (4,)), "of another width than the outputs"
    assert_refused(lambda: one(Y[:5]), ShapeError, "y: expected one entry for each of the 80")
    assert_refused(lambda: one(np.full(80, np.nan)), ValueError, "y: expected finite numbers")
    assert_refused(lambda: one(np.full(80, 2**63, "uint64")), ValueError, "whole numbers")


def test_beside_a_metric_of_the_core_targets_are_those_of_the_metric():
    model = network(Square(), given=["mae"])
    assert_refused(lambda: model.fit(X, Y[:, :2], **OPTIONS), ShapeError, "y: expected the shape")
    given = ["mae", "sparse_categorical_accuracy"]
    assert_refused(lambda: network(Square(), given=given), ValueError, "integer classes")


@pytest.mark.parametrize("loss", [WeightedSquare(), Inherited()], ids=["Weighted", "Inherited"])
def test_weights_are_those_of_the_core(loss):
    own, core = network(loss, "sgd"), network("mse", "sgd")
    options = {**OPTIONS, "sample_weight": WEIGHTS, "validation_split": 0.2}
    told = [model.fit(X, Y, **options).history for model in (own, core)]
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(told[0][name], told[1][name], rtol=1e-5)
    np.testing.assert_allclose(own.params, core.params, rtol=1e-5, atol=1e-6)
    found = [m.evaluate(X, Y, verbose=0, sample_weight=WEIGHTS) for m in (own, core)]
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_weights_of_classes_are_weights_of_samples():
    classes = RNG.integers(0, 2, 80)
    told = []
    for options in (
        {"class_weight": {1: 3.0}},
        {"sample_weight": np.where(classes == 1, 3.0, 1.0)},
    ):
        model = fanin.Sequential([layers.Dense(1, input_dim=18)], rng=0)
        model.compile("sgd", WeightedSquare())
        model.fit(X, classes, **OPTIONS, **options)
        told.append(model.params)
    np.testing.assert_array_equal(*told)
    model = network(WeightedSquare())
    assert_refused(
        lambda: model.fit(X, np.full(80, 0.5), **OPTIONS, class_weight={1: 2.0}),
        ValueError,
        "y: expected classes beside class_weight",
    )


def test_weights_that_the_method_does_not_take_are_refused_before_anything_changes():
    words = ("value_and_gradient of Square takes no sample_weight", "sample_weight=None")
    model = network(Square())
    before = values(model)
    calls = [
        lambda: model.fit(X, Y, **OPTIONS, sample_weight=WEIGHTS),
        lambda: model.fit(X, Y, **OPTIONS, class_weight={0: 2.0}),
        lambda: model.fit(X, Y, **OPTIONS, validation_data=(X, Y, WEIGHTS)),
        lambda: model.evaluate(X, Y, verbose=0, sample_weight=WEIGHTS),
        lambda: Square()(Y, Y, WEIGHTS),
    ]
    for call in calls:
        assert_refused(call, ValueError, *words)
    assert values(model) == before
    assert model.history is None


# What a method returns, and what it does.


def returning(make):
    """Return a loss called Mine whose method returns `make(y_true, y_pred)`."""
    body = {"value_and_gradient": lambda self, t, p: make(t, p)}
    return type("Mine", (losses.Loss,), body)()


class Tensor:
    """What looks like an array of another library."""

    def __init__(self, array):
        self.array = array
        self.shape, self.dtype = array.shape, array.dtype

    def __array__(self, dtype=None, copy=None):
        return self.array

    def __float__(self):
        return float(self.array)


HOSTILE = {
    "nothing": (lambda t, p: None, TypeError, "tuple (value, gradient)"),
    "a value": (lambda t, p: 0.5, TypeError, "tuple (value, gradient)"),
    "a list": (lambda t, p: [0.5, p * 0], TypeError, "tuple (value, gradient)"),
    "three": (lambda t, p: (0.5, p * 0, 1), TypeError, "tuple (value, gradient)"),
    "the order": (lambda t, p: (p * 0, 0.5), TypeError, "the mean of the batch"),
    "values": (lambda t, p: (((t - p) ** 2).mean(1), p * 0), TypeError, "the mean of the batch"),
    "text": (lambda t, p: ("0.5", p * 0), TypeError, "the mean of the batch"),
    "flag": (lambda t, p: (True, p * 0), TypeError, "the mean of the batch"),
    "complex": (lambda t, p: (1j, p * 0), TypeError, "the mean of the batch"),
    "tensor": (lambda t, p: (Tensor(p.mean()), p * 0), TypeError, "the mean of the batch"),
    "none": (lambda t, p: (0.5, None), TypeError, "float32 or float64, found None"),
    "lists": (lambda t, p: (0.5, (p * 0).tolist()), TypeError, "float32 or float64"),
    "tensors": (lambda t, p: (0.5, Tensor(p * 0)), TypeError, "float32 or float64"),
    "ints": (lambda t, p: (0.5, np.zeros(p.shape, int)), TypeError, "dtype int64"),
    "halves": (lambda t, p: (0.5, np.zeros(p.shape, "float16")), TypeError, "dtype float16"),
    "objects": (lambda t, p: (0.5, np.zeros(p.shape, object)), TypeError, "dtype object"),
    "rows": (lambda t, p: (0.5, p[:, 0] * 0), ShapeError, "the shape of y_pred, ("),
    "turned": (lambda t, p: (0.5, p.T * 0), ShapeError, "the shape of y_pred, ("),
    "fewer": (lambda t, p: (0.5, p[1:] * 0), ShapeError, "the shape of y_pred, ("),
    "number": (lambda t, p: (0.5, np.float32(0)), TypeError, "expected an array"),
    "nan": (lambda t, p: (np.nan, p * 0), ValueError, "expected a finite number, found nan"),
    "infinite": (lambda t, p: (np.inf, p * 0), ValueError, "expected a finite number, found inf"),
    "nans": (lambda t, p: (0.5, p * np.nan), ValueError, "finite numbers, found nan at [0, 0]"),
    "large": (lambda t, p: (0.5, np.full(p.shape, 1e300)), ValueError, "which float32 cannot hold"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_value_and_gradient_is_refused_by_name(name):
    make, kind, words = HOSTILE[name]
    model = network(returning(make))
    before = values(model)
    for call in (lambda: model.fit(X, Y, **OPTIONS), lambda: model.evaluate(X, Y, verbose=0)):
        assert_refused(call, kind, "value_and_gradient of Mine: ", words)
    assert values(model) == before
    assert model.optimizer.iterations == 0
    assert_refused(lambda: returning(make)(Y, Y), kind, "value_and_gradient of Mine: ", words)


def test_a_tensor_of_torch_is_refused():
    torch = pytest.importorskip("torch")
    model = network(returning(lambda t, p: (0.5, torch.zeros(p.shape))))
    assert_refused(lambda: model.fit(X, Y, **OPTIONS), TypeError, "found", "tensor")


def test_gradients_of_the_other_precision_and_of_any_order_are_taken():
    for change in (np.float64, np.asfortranarray, lambda g: g[::1][:, ::-1][:, ::-1]):
        own = network(returning(lambda t, p, c=change: (0, c(2 * (p - t) / p.size))))
        core = network("mse")
        own.fit(X, Y, **OPTIONS)
        core.fit(X, Y, **OPTIONS)
        assert_equal(own, core)


@pytest.mark.parametrize("loss", [Square(), "mse"], ids=["own", "core"])
def test_outputs_that_are_not_finite_are_shown_in_the_history_as_with_the_core(loss):
    model = network(loss)
    model.layers[-1].bias[:] = np.nan
    history = model.fit(X, Y, **OPTIONS).history
    assert np.isnan(history["loss"]).tolist() == [True] * 3
    assert np.isnan(model.evaluate(X, Y, verbose=0))


def test_arrays_are_to_read():
    def write(t, p):
        p -= t
        return 0.0, p

    model = network(returning(write))
    assert_refused(lambda: model.fit(X, Y, **OPTIONS), ValueError, "read-only")
    targets = Y.copy()

    def spoil(t, p):
        t[:] = 0
        return 0.0, p

    assert_refused(
        lambda: network(returning(spoil)).evaluate(X, targets, verbose=0), ValueError, "read-only"
    )
    np.testing.assert_array_equal(targets, Y)
    targets[0] = 1  # still the caller's to write


def failing(at, error):
    """Return a loss whose method raises in its call number `at`."""
    calls = []

    def value_and_gradient(self, y_true, y_pred):
        calls.append(1)
        if len(calls) == at:
            raise error
        return Square().value_and_gradient(y_true, y_pred)

    return type("Failing", (losses.Loss,), {"value_and_gradient": value_and_gradient})()


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt()], ids=repr)
def test_an_exception_leaves_what_the_last_whole_batch_left(error):
    model, other = network(failing(6, error)), network("mse")
    with pytest.raises(type(error)) as caught:
        model.fit(X, Y, **OPTIONS)
    assert caught.value is error
    # Two batches of the second epoch were done; the first epoch is in the history.

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = other.optimizer.iterations == 5

    other.fit(X, Y, **OPTIONS, callbacks=[Stop()])
    for ours, theirs in zip(arrays(model), arrays(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.optimizer.iterations == 5
    assert model.history.epoch == [0]
    assert len(model.history.history["loss"]) == model.epoch == 1
    model.fit(X, Y, **OPTIONS)  # and goes on


def test_the_method_may_use_the_model():
    class Curious(Square):
        def value_and_gradient(self, y_true, y_pred):
            if len(y_true) > 3:
                model.predict(X[:3], verbose=0)
                model.evaluate(X[:3], Y[:3], verbose=0)
            return super().value_and_gradient(y_true, y_pred)

    model, other = network(Curious()), network(Square())
    model.fit(X, Y, **OPTIONS)
    other.fit(X, Y, **OPTIONS)
    assert_equal(model, other)


# What is no loss.


def test_functions_are_refused_with_the_reason():
    def distance(y_true, y_pred):
        return np.abs(y_true - y_pred)

    for call in (
        lambda: losses.get(distance),
        lambda: losses.resolve(distance),
        lambda: network(distance),
        lambda: losses.get("distance", custom_objects={"distance": distance}),
    ):
        assert_refused(call, TypeError, "distance")
    words = ("the function distance", "derivative", "a class with value_and_gradient")
    assert_refused(lambda: network(distance), TypeError, *words)
    assert losses.resolve(losses.mse).get_config() == losses.MeanSquaredError().get_config()


def test_a_class_without_the_method_says_what_is_missing():
    own = type("Own", (losses.Loss,), {})
    assert_refused(own, TypeError, "Own is not one of fanin's losses", "value_and_gradient")

    def make():
        class Keras(losses.Loss):
            def call(self, y_true, y_pred):
                return (y_true - y_pred) ** 2

    assert_refused(make, TypeError, "Keras.call cannot be overridden", "value_and_gradient")
    assert_refused(lambda: network(object()), TypeError, "loss: expected a name")
    summed = Square(reduction="sum")
    assert_refused(lambda: network(summed), ValueError, "expected the mean", "reduction='sum'")
    assert_refused(lambda: summed(Y, Y), ValueError, "expected the mean")
    assert_refused(lambda: Square().rows(Y, Y), TypeError, "value_and_gradient")


def test_by_hand():
    assert Square()(Y, Y + 1) == pytest.approx(1.0)
    assert WeightedSquare()(Y, Y + 1, np.full(80, 2.0)) == pytest.approx(2.0)
    assert Inherited()(Y, Y + 1) == pytest.approx(1.0)
    assert Square()([[1], [2]], [[2.0], [3.0]]) == 1.0
    assert (Square().name, Huber().name, Huber(name="mine").name) == ("square", "huber", "mine")
    assert repr(Square()) == "Square()"


def test_a_method_that_is_put_on_an_object_or_a_class_later_is_called():
    loss = losses.MeanSquaredError()
    loss.value_and_gradient = Square().value_and_gradient
    later = type("Later", (losses.MeanSquaredError,), {})
    later.value_and_gradient = Square.value_and_gradient
    core = network("mse")
    core.fit(X, Y, **OPTIONS)
    for given in (loss, later()):
        model = network(given)
        model.fit(X, Y, **OPTIONS)
        assert_equal(model, core)


# Names, files, copies, callbacks, diagnosis.


@pytest.fixture
def registry():
    """Leave the registered classes as they were."""
    known = fanin.utils.get_custom_objects()
    before = dict(known)
    yield known
    known.clear()
    known.update(before)


class PlainHuber:
    """No class of the package, with an argument."""

    def __init__(self, delta=1.0):
        self.delta = delta

    def value_and_gradient(self, y_true, y_pred):
        return Huber(self.delta).value_and_gradient(y_true, y_pred)

    def get_config(self):
        return {"delta": self.delta}


@pytest.mark.parametrize("kind", [Huber, PlainHuber])
def test_a_saved_model_trains_on_with_its_loss(kind, tmp_path, registry):
    model, path = network(kind(0.5)), tmp_path / "model.npz"
    model.fit(X, Y, **OPTIONS)
    model.save(path)
    assert_refused(lambda: models.load_model(path), ValueError, "custom_objects", kind.__name__)
    again = models.load_model(path, custom_objects={kind.__name__: kind})
    assert (type(again.loss), again.loss.delta) == (kind, 0.5)
    fanin.utils.register_keras_serializable("examples")(kind)
    registered = models.load_model(path)
    for other in (again, registered, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(other.loss) is kind
    for other in (model, again, registered):
        other.fit(X, Y, **{**OPTIONS, "epochs": 4}, initial_epoch=3)
    assert_equal(model, again)
    assert_equal(model, registered)
    assert isinstance(models.clone_model(model), fanin.Sequential)


def test_registries_know_it():
    written = losses.serialize(Huber(2.0))
    assert written["class_name"] == "Huber"
    scope = {"Huber": Huber}
    assert losses.deserialize(written, custom_objects=scope).delta == 2.0
    assert losses.get("Huber", custom_objects=scope).delta == 1.0
    assert type(losses.get(Plain)) is Plain
    plain = Plain()
    assert losses.resolve(plain) is plain
    assert network(plain).loss is plain


def test_a_loss_that_no_file_can_hold_is_refused_before_the_first_epoch(tmp_path):
    model = network(Plain())
    keep = callbacks.ModelCheckpoint(tmp_path / "model.npz")
    for call in (
        lambda: model.save(tmp_path / "model.npz"),
        lambda: model.fit(X, Y, **OPTIONS, callbacks=[keep]),
    ):
        assert_refused(call, ValueError, "loss: expected a class with get_config", "Plain")
    assert model.history is None


def test_arguments_that_a_file_would_lose_are_refused(tmp_path):
    class Scaled(losses.Loss):
        def __init__(self, scale):  # (and nothing of the base class)
            self.scale = scale

        def value_and_gradient(self, y_true, y_pred):
            value, gradient = Square().value_and_gradient(y_true, y_pred)
            return self.scale * value, self.scale * gradient

    model = network(Scaled(2.0))
    model.fit(X, Y, **OPTIONS)
    words = ("get_config of Scaled: expected all arguments", "'scale'")
    assert_refused(lambda: model.save(tmp_path / "model.npz"), ValueError, *words)
    assert_refused(lambda: losses.serialize(Scaled(2.0)), ValueError, *words)
    Scaled.get_config = lambda self: {"scale": self.scale}
    model.save(tmp_path / "model.npz")
    again = models.load_model(tmp_path / "model.npz", custom_objects={"Scaled": Scaled})
    assert again.loss.scale == 2.0


def test_recommend_trains_with_the_loss():
    model = network(Square())
    advice = fanin.recommend(model, x=X, y=Y, seeds=2, epochs=1)
    assert advice.code == fanin.recommend(network("mse"), x=X, y=Y, seeds=2, epochs=1).code


def test_callbacks_and_progress_see_the_loss(capsys):
    stop = callbacks.EarlyStopping("val_loss", patience=0, min_delta=1e9)
    history = network(Square()).fit(
        X, Y, **{**OPTIONS, "epochs": 9, "verbose": 2}, validation_split=0.2, callbacks=[stop]
    )
    assert len(history.epoch) == 2
    assert "val_loss" in capsys.readouterr().out


def test_diagnosis_runs_the_loss():
    own, core = network(Square()), network("mse")
    found, right = (fanin.diagnose(model, X, Y) for model in (own, core))
    for ours, theirs in zip(found.layers, right.layers, strict=True):
        assert (ours.gradient is None) == (theirs.gradient is None)
        if theirs.gradient is not None:
            assert ours.gradient.std == pytest.approx(theirs.gradient.std, rel=1e-5)
    monitor = callbacks.SignalMonitor(X[:8], Y[:8], every=2)
    signals = own.fit(X, Y, **OPTIONS, callbacks=[monitor]).signals
    assert len(signals.steps) > 3


def test_the_core_losses_have_the_same_protocol():
    for name in losses.__all__:
        kind = getattr(losses, name)
        if inspect.isclass(kind) and kind is not losses.Loss:
            assert list(inspect.signature(kind().value_and_gradient).parameters) == [
                *("y_true", "y_pred", "sample_weight")
            ]


def test_accuracy_beside_it_fits_the_outputs():
    model = network(Square(), given=["accuracy"])
    assert type(model.metrics[0]) is metrics.CategoricalAccuracy
    one_hot = np.eye(4)[RNG.integers(0, 4, 80)]
    history = model.fit(X, one_hot, **OPTIONS).history
    assert 0 < history["accuracy"][-1] <= 1
