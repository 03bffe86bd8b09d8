"""fit, evaluate and predict: what is trained, in which order, what is reported and refused."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, losses, optimizers
from fanin.errors import ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype("float32")
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
ONE_HOT = np.eye(3)[CLASSES]


def classifier(rng=0, loss="sparse_categorical_crossentropy", optimizer="adam", **kwargs):
    model = fanin.Sequential(
        [
            layers.Dense(8, activation="relu", input_dim=4),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax"),
        ],
        rng=rng,
        **kwargs,
    )
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def linear(rng=0, **kwargs):
    model = fanin.Sequential([layers.Dense(1, input_dim=4)], rng=rng)
    model.compile(**{"optimizer": "sgd", "loss": "mse", **kwargs})
    return model


def test_history_is_keras():
    model = classifier()
    history = model.fit(X, CLASSES, epochs=3, validation_split=0.2, verbose=0)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.epoch == [0, 1, 2]
    assert all(len(v) == 3 for v in history.history.values())
    assert all(type(v) is float for values in history.history.values() for v in values)
    assert model.history is history
    assert history.params == {"verbose": 0, "epochs": 3, "steps": 2}
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_sparse_and_one_hot_train_the_same():
    a, b = classifier(), classifier(loss="categorical_crossentropy")
    a.fit(X, CLASSES, epochs=2, verbose=0)
    b.fit(X, ONE_HOT, epochs=2, verbose=0)
    np.testing.assert_allclose(a.params, b.params, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype("float64"),
        lambda x: x.tolist(),
        lambda x: np.asfortranarray(x),
        lambda x: x[::-1][::-1],
        lambda x: x.astype(">f4"),
        lambda x: np.repeat(x, 2, axis=0)[::2],
    ],
)
def test_any_array_will_do(change):
    a, b = classifier(), classifier()
    a.fit(X, CLASSES, verbose=0)
    b.fit(change(X), CLASSES.astype("uint8").tolist(), verbose=0)
    assert np.array_equal(a.params, b.params)


def test_data_is_not_changed_nor_copied():
    x, y = X.copy(), CLASSES.copy()
    x.flags.writeable = y.flags.writeable = False
    classifier().fit(x, y, verbose=0)
    assert np.array_equal(x, X)
    assert np.shares_memory(classifier().take(x), x)


def test_one_epoch_by_hand():
    """Batches in order, the last one short, each a step down the mean loss of its samples."""
    model = linear(optimizer=optimizers.SGD(0.1))
    w, b = (v.astype(float) for v in model.get_weights())
    y = X @ np.array([1.0, 2, 3, 4]) + 1
    model.fit(X, y, batch_size=20, shuffle=False, verbose=0)
    for start in (0, 20, 40):
        x, t = X[start : start + 20], y[start : start + 20, None]
        error = x @ w + b - t
        w -= 0.1 * 2 * x.T @ error / len(x)
        b -= 0.1 * 2 * error.mean(0)
    np.testing.assert_allclose(model.layers[0].kernel, w, rtol=1e-5)
    np.testing.assert_allclose(model.layers[0].bias, b, rtol=1e-5)


def test_fit_goes_on_where_it_stopped():
    """Two fits of two epochs are one fit of four: slots, step count and shuffles go on."""
    whole, halves = classifier(), classifier()
    whole.fit(X, CLASSES, epochs=4, verbose=0)
    halves.fit(X, CLASSES, epochs=2, verbose=0)
    assert all(slot.any() for slot in halves.slots.values())
    twin, again = copy.deepcopy(halves), pickle.loads(pickle.dumps(halves))
    halves.fit(X, CLASSES, epochs=2, verbose=0)
    assert np.array_equal(whole.params, halves.params)
    assert np.array_equal(whole.state, halves.state)
    for copied in (twin, again):
        copied.fit(X, CLASSES, epochs=4, initial_epoch=2, verbose=0)
        assert copied.history.epoch == [2, 3]
        assert np.array_equal(whole.params, copied.params)


def test_saved_models_train_on(tmp_path):
    whole, halves = classifier(), classifier()
    whole.fit(X, CLASSES, epochs=4, verbose=0, rng=1)
    halves.fit(X, CLASSES, epochs=2, verbose=0, rng=1)
    halves.save(tmp_path / "half.npz")
    again = fanin.models.load_model(tmp_path / "half.npz")
    again.fit(X, CLASSES, epochs=4, initial_epoch=2, verbose=0, rng=1)
    assert np.array_equal(whole.params, again.params)
    assert again.metrics_names == ["loss", "accuracy"]


def test_compile_starts_the_optimizer_anew():
    model = classifier()
    model.fit(X, CLASSES, verbose=0)
    weights = model.get_weights()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    assert model.slots == {}
    fresh = classifier()
    fresh.set_weights(weights)
    model.fit(X, CLASSES, verbose=0)
    fresh.fit(X, CLASSES, verbose=0)
    assert np.array_equal(model.params, fresh.params)


def test_rng_of_fit_decides_the_order():
    orders = []
    for build, fit in ((0, 1), (5, 1), (0, 2), (0, None)):
        model = classifier(rng=build)
        model.set_weights(classifier(rng=0).get_weights())
        model.fit(X, CLASSES, epochs=2, verbose=0, rng=fit)
        orders.append(model.params.copy())
    assert np.array_equal(orders[0], orders[1])  # whatever seeded the weights
    assert not np.array_equal(orders[0], orders[2])
    assert not np.array_equal(orders[0], orders[3])
    a, b = classifier(), classifier()
    a.fit(X, CLASSES, verbose=0, rng=np.random.default_rng(3))
    b.fit(X, CLASSES, verbose=0, rng=np.random.default_rng(3))
    assert np.array_equal(a.params, b.params)


@pytest.mark.parametrize("verbose", [1, 2, "auto"])
@pytest.mark.parametrize("batches", [False, True])
def test_watching_changes_nothing(verbose, batches, capsys):
    """A bar, and callbacks that see every batch, cut the epoch up without changing a bit."""
    plain, watched = classifier(), classifier()
    expected = plain.fit(X, CLASSES, epochs=3, batch_size=8, validation_split=0.2, verbose=0)
    seen = []
    watcher = callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(logs["loss"]))
    got = watched.fit(
        X,
        CLASSES,
        epochs=3,
        batch_size=8,
        validation_split=0.2,
        verbose=verbose,
        callbacks=[watcher] if batches else None,
    )
    assert got.history == expected.history
    assert np.array_equal(plain.params, watched.params)
    assert len(seen) == (15 if batches else 0)
    out = capsys.readouterr().out
    assert "Epoch 3/3" in out
    assert "5/5" in out
    assert "val_accuracy" in out
    if verbose != 1:
        assert len(out.splitlines()) == 3


def test_silence(capsys):
    model = classifier()
    model.fit(X, CLASSES, verbose=0)
    model.evaluate(X, CLASSES, verbose=0)
    model.predict(X, verbose=0)
    assert capsys.readouterr().out == ""


def test_evaluate_and_predict():
    model = classifier()
    model.fit(X, CLASSES, epochs=2, verbose=0)
    loss, accuracy = model.evaluate(X, CLASSES, verbose=0)
    p = model.predict(X, verbose=0, batch_size=7)
    assert p.shape == (50, 3)
    assert accuracy == pytest.approx((p.argmax(1) == CLASSES).mean())
    assert loss == pytest.approx(-np.log(p[np.arange(50), CLASSES]).mean(), rel=1e-5)
    by_name = model.evaluate(X, CLASSES, verbose=0, return_dict=True)
    assert by_name == {"accuracy": accuracy, "loss": loss}
    assert type(linear().evaluate(X, CLASSES, verbose=0)) is float


def test_validation_takes_the_last_part():
    a, b = classifier(), classifier()
    first = a.fit(X, CLASSES, epochs=2, validation_split=0.3, verbose=0)
    second = b.fit(
        X[:35], CLASSES[:35], epochs=2, validation_data=(X[35:], CLASSES[35:]), verbose=0
    )
    assert first.history == second.history


def test_validation_freq():
    history = classifier().fit(
        X, CLASSES, epochs=4, validation_split=0.2, validation_freq=2, verbose=0
    )
    assert len(history.history["val_loss"]) == 2
    history = classifier().fit(
        X, CLASSES, epochs=4, validation_split=0.2, validation_freq=[1, 2, 4], verbose=0
    )
    assert len(history.history["val_loss"]) == 3


def test_weights_weigh_the_loss_and_not_the_metrics():
    """A weight of 2 is the sample twice in the loss; accuracy stays a share."""
    weights = np.where(CLASSES == 1, 2.0, 1.0)
    a, b, c = classifier(), classifier(), classifier()
    ha = a.fit(X, CLASSES, sample_weight=weights, verbose=0)
    hb = b.fit(X, CLASSES, class_weight={1: 2.0}, verbose=0)
    c.fit(X, CLASSES, sample_weight=np.ones(50), verbose=0)
    assert ha.history == hb.history
    assert np.array_equal(a.params, b.params)
    plain = classifier()
    plain.fit(X, CLASSES, verbose=0)
    assert np.array_equal(plain.params, c.params)
    loss, accuracy = plain.evaluate(X, CLASSES, sample_weight=weights, verbose=0)
    p = plain.predict(X, verbose=0)
    assert accuracy == pytest.approx((p.argmax(1) == CLASSES).mean())
    rows = losses.sparse_categorical_crossentropy(CLASSES, p)
    assert loss == pytest.approx((rows * weights).mean(), rel=1e-5)


@pytest.mark.parametrize("shape", [(50,), (50, 1)])
def test_targets_of_one_output(shape):
    """(n,) and (n, 1) are the same, for targets and, with one feature, for inputs."""
    model = linear()
    model.fit(X, CLASSES.reshape(shape), verbose=0)
    expected = linear()
    expected.fit(X, CLASSES, verbose=0)
    assert np.array_equal(model.params, expected.params)
    one = fanin.Sequential([layers.Dense(1, input_shape=[1])])
    one.compile("sgd", "mean_squared_error")
    one.fit(X[:, 0].reshape(shape), CLASSES, verbose=0)
    assert one.predict(np.array([10.0]), verbose=0).shape == (1, 1)


def test_fit_builds_from_data():
    model = fanin.Sequential([layers.Dense(3, activation="softmax")], rng=0)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, CLASSES, verbose=0)
    assert model.input_shape == (None, 4)


def test_positional_arguments_of_keras():
    model = linear()
    history = model.fit(X, CLASSES, 10, 2, 0)
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 5}
    assert isinstance(model.evaluate(X, CLASSES, 10, 0), float)
    assert model.predict(X, 10, 0).shape == (50, 1)


def test_huge_batch_size():
    a, b = linear(), linear()
    a.fit(X, CLASSES, batch_size=10**18, verbose=0)
    b.fit(X, CLASSES, batch_size=50, verbose=0)
    assert np.array_equal(a.params, b.params)


def test_frozen_layers_do_not_move():
    model = classifier()
    model.layers[0].trainable = False
    frozen = model.layers[0].get_weights()
    moving = model.layers[2].get_weights()
    model.fit(X, CLASSES, epochs=2, verbose=0)
    for now, then in zip(model.layers[0].get_weights(), frozen, strict=True):
        assert np.array_equal(now, then)
    assert not np.array_equal(model.layers[2].kernel, moving[0])
    model.layers[0].trainable = True
    model.fit(X, CLASSES, verbose=0)
    assert not np.array_equal(model.layers[0].kernel, frozen[0])


def test_changing_the_layers_after_training():
    model = classifier()
    model.fit(X, CLASSES, verbose=0)
    kernel = model.layers[0].kernel.copy()
    model.pop()
    model.add(layers.Dense(5, activation="softmax"))
    assert np.array_equal(model.layers[0].kernel, kernel)
    model.fit(X, CLASSES, verbose=0)
    assert model.predict(X, verbose=0).shape == (50, 5)


def test_learning_rate_schedules_and_changes():
    fixed, scheduled = linear(), linear(optimizer=optimizers.SGD(lambda step: 0.01))
    fixed.fit(X, CLASSES, epochs=2, verbose=0)
    scheduled.fit(X, CLASSES, epochs=2, verbose=0)
    assert np.array_equal(fixed.params, scheduled.params)
    before = fixed.params.copy()
    fixed.optimizer.learning_rate = 0.0
    fixed.fit(X, CLASSES, verbose=0)
    assert np.array_equal(fixed.params, before)
    steps = []
    linear(optimizer=optimizers.SGD(lambda step: steps.append(step) or 0.1)).fit(
        X, CLASSES, batch_size=25, epochs=3, verbose=0
    )
    assert steps == [0, 1, 2, 3, 4, 5]


def test_an_exception_in_between_leaves_a_usable_model():
    """Whatever a callback raises passes through; weights, history and step count agree."""
    model = classifier()

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.history.epoch and batch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, CLASSES, epochs=5, batch_size=10, verbose=1, callbacks=[Stop()])
    assert model.history.epoch == [0]
    assert model._compiled.iterations == 5 + 2
    expected = classifier()
    expected.fit(X, CLASSES, epochs=1, batch_size=10, verbose=0)
    assert not np.array_equal(expected.params, model.params)
    assert np.isfinite(model.params).all()
    assert len(model.fit(X, CLASSES, epochs=2, verbose=0).epoch) == 2


def bad(message, error=ValueError, x=X, y=CLASSES, **kwargs):
    return pytest.param(x, y, kwargs, error, message, id=message)


NAN = X.copy()
NAN[3, 2] = np.nan


@pytest.mark.parametrize(
    ("x", "y", "kwargs", "error", "message"),
    [
        bad(r"x: .* found nan at \[3, 2\]", x=NAN),
        bad(
            r"x: .* found 1e\+300 at \[0, 0\], which float32 cannot hold",
            x=X.astype(float) * 0 + 1e300,
        ),
        bad(r"x: expected shape \(n, 4\), found \(50, 3\)", ShapeError, x=X[:, :3]),
        bad(r"x: expected shape \(n, 4\), found \(50,\)", ShapeError, x=X[:, 0]),
        bad("x: expected some samples, found none", ShapeError, x=X[:0], y=CLASSES[:0]),
        bad("x: expected real numbers, found complex", TypeError, x=X.astype(complex)),
        bad("x: expected numbers, found the text", TypeError, x=X.astype(str)),
        bad("x: expected numbers, found the text", TypeError, x=X.astype(str).astype(object)),
        bad("x: expected an array beside y, found a generator", TypeError, x=(i for i in X)),
        bad("x is missing", x=None),
        bad("y is missing", y=None),
        bad("y: expected one entry for each of the 50", ShapeError, y=CLASSES[:40]),
        bad(
            r"y: expected classes from 0 to 2, found 3 at \[1\]",
            y=np.where(np.arange(50) == 1, 3, CLASSES),
        ),
        bad(r"y: expected classes from 0 to 2, found -1 at \[0\]", y=CLASSES * 0 - 1),
        bad(r"y: expected integer classes, found \d.5 at \[0\]", y=CLASSES + 0.5),
        bad("one-hot targets fit 'categorical_crossentropy'", ShapeError, y=ONE_HOT),
        bad("batch_size: expected a whole number of at least 1, found 0", batch_size=0),
        bad(
            "batch_size: expected a whole number of at least 1, found 1.5",
            TypeError,
            batch_size=1.5,
        ),
        bad("epochs: expected a whole number of at least 0", epochs=-1),
        bad("verbose: expected 0, 1, 2 or 'auto', found 7", verbose=7),
        bad("validation_split: expected a number at least 0 and below 1", validation_split=1.0),
        bad("validation_split: expected a number at least 0 and below 1", validation_split=-0.1),
        bad("found 0 and 50 of 50 with a split of 0.999", validation_split=0.999),
        bad("validation_data: expected a tuple", TypeError, validation_data=X),
        bad(
            r"x of validation_data: expected shape \(n, 4\)",
            ShapeError,
            validation_data=(X[:, :2], CLASSES),
        ),
        bad("y of validation_data: expected classes from 0 to 2", validation_data=(X, CLASSES + 5)),
        bad("shuffle: expected True or False", TypeError, shuffle="batch"),
        bad(
            r"sample_weight: expected shape \(50,\), found \(2,\)", ShapeError, sample_weight=[1, 2]
        ),
        bad(r"sample_weight: .* found inf at \[0\]", sample_weight=np.full(50, np.inf)),
        bad(
            "class_weight: expected None beside sample_weight",
            sample_weight=np.ones(50),
            class_weight={0: 1},
        ),
        bad("class_weight: expected a dict", TypeError, class_weight=[1, 2, 3]),
        bad("class_weight\\[1\\]: expected", class_weight={1: -1}),
        bad(
            "a key of class_weight: expected a whole number from 0 to 2, found 3",
            class_weight={3: 1},
        ),
        bad("steps_per_epoch: expected a whole number of at least 1", steps_per_epoch=0),
        bad("validation_steps: expected a whole number", TypeError, validation_steps=1.5),
        bad("callbacks: expected", TypeError, callbacks=["stop"]),
        bad("it is a class", TypeError, callbacks=[callbacks.EarlyStopping]),
        bad("threads: expected a whole number", threads=0),
        bad("rng", (TypeError, ValueError), rng="seed"),
        bad("unexpected keyword argument 'epoch'", TypeError, epoch=3),
        bad("validation_freq: expected", validation_freq=0),
        bad("initial_epoch: expected", initial_epoch=-1),
    ],
)
def test_bad_input_changes_nothing(x, y, kwargs, error, message):
    model = classifier()
    model.fit(X, CLASSES, verbose=0)
    before = (model.params.copy(), model.state.copy(), model._compiled.slots.copy(), model.history)
    with pytest.raises(error, match=message):
        model.fit(x, y, **{"verbose": 0, **kwargs})
    after = (model.params, model.state, model._compiled.slots)
    for now, then in zip(after, before, strict=False):
        assert np.array_equal(now, then)
    assert model.history is before[-1]
    model.fit(X, CLASSES, verbose=0)


def test_bad_input_does_not_build():
    model = fanin.Sequential([layers.Dense(3)])
    with pytest.raises(ValueError, match="not compiled"):
        model.fit(X, CLASSES)
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="classes from 0 to 2"):
        model.fit(X, CLASSES + 9)
    assert not model.built


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"optimizer": "adm", "loss": "mse"}, ValueError, "did you mean 'adam'"),
        ({"loss": "categorical_crosentropy"}, ValueError, "did you mean"),
        ({"loss": None}, ValueError, "loss: expected a loss"),
        ({"loss": "mse", "metrics": ["acuracy"]}, ValueError, "did you mean 'accuracy'"),
        ({"loss": "mse", "metrics": "accuracy"}, TypeError, r"\['accuracy'\]"),
        ({"loss": "mse", "loss_weights": [1, 2]}, ValueError, "loss_weights"),
        ({"loss": "mse", "loss_weights": "1"}, ValueError, "loss_weights"),
        ({"loss": "mse", "weighted_metrics": "mse"}, TypeError, "weighted_metrics"),
        ({"loss": losses.MeanSquaredError("sum")}, ValueError, "mean over samples"),
        ({"loss": lambda t, y: 0}, TypeError, "loss: expected a name"),
        ({"loss": "mse", "metrics": ["mse", "mse"]}, ValueError, "names that differ"),
        (
            {"loss": "sparse_categorical_crossentropy", "metrics": ["mse"]},
            ValueError,
            "integer classes",
        ),
    ],
)
def test_bad_compile_changes_nothing(kwargs, error, message):
    model = classifier()
    model.fit(X, CLASSES, verbose=0)
    with pytest.raises(error, match=message):
        model.compile(**kwargs)
    assert model.loss.kind == "sparse_categorical_crossentropy"
    assert model.slots


def test_metric_names():
    model = linear(metrics=["mae", "mse", fanin.metrics.MeanSquaredError(name="again")])
    history = model.fit(X, CLASSES, verbose=0).history
    assert list(history) == ["again", "loss", "mae", "mse"]
    assert model.metrics_names == ["loss", "mae", "mse", "again"]
    assert history["again"] == history["mse"] == history["loss"]


def test_one_optimizer_object_in_two_models():
    """An optimizer holds no arrays, so two models do not disturb each other."""
    shared = optimizers.Adam()
    a, b, c = classifier(optimizer=shared), classifier(1, optimizer=shared), classifier()
    a.fit(X, CLASSES, verbose=0)
    b.fit(X, CLASSES, verbose=0)
    c.fit(X, CLASSES, verbose=0)
    assert np.array_equal(a.params, c.params)
