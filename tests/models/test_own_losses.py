"""Losses of users: they train as those of the core do, and whatever they return is looked at."""

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, losses, optimizers
from fanin.errors import ShapeError
from own import (
    OPTIONS,
    RNG,
    WEIGHTS,
    Huber,
    Inherited,
    Square,
    WeightedSquare,
    X,
    Y,
    arrays,
    assert_equal,
    every_own,
    network,
    values,
)
from refusals import assert_refused

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
