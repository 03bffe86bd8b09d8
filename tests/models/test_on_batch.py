"""Training, evaluation and prediction of one batch a call."""

import fanin
import numpy as np
import pytest
from fanin import layers, losses, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 4)).astype("float32")
CLASSES = RNG.integers(0, 3, 48)
Y = RNG.normal(size=(48, 3)).astype("float32")
WEIGHTS = RNG.uniform(0.5, 2.0, 48)


class OwnLoss(losses.Loss):
    """A loss in Python: its steps take another way than those of the core."""

    def value_and_gradient(self, y_true, y_pred):
        difference = y_pred - y_true
        return float((difference**2).mean()), 2 * difference / difference.size


def network(optimizer="adam", loss="mse", metrics=None, **settings):
    """Return a network with what changes in training: running averages, masks, slots."""
    row = [
        fanin.Input((4,)),
        layers.Dense(6, "tanh", kernel_regularizer="l2"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.Dense(3),
    ]
    model = fanin.Sequential(row, rng=0)
    model.compile(optimizer, loss, metrics=metrics, **settings)
    return model


def two_headed():
    given = fanin.Input((4,))
    hidden = layers.Dense(5, "relu")(given)
    heads = [layers.Dense(3, name="a")(hidden), layers.Dense(3, name="b")(hidden)]
    model = fanin.Model(given, heads, rng=0)
    model.compile("adam", ["mse", "mae"])
    return model


def arrays(model):
    compiled = model.compiled_with
    return [*model.get_weights(), *model.slots.values(), np.array(compiled.iterations)]


def assert_same(first, second):
    for one, other in zip(arrays(first), arrays(second), strict=True):
        np.testing.assert_array_equal(one, other)


KINDS = {
    "adam": (network, {}, Y),
    "momentum": (lambda: network(optimizers.SGD(0.05, 0.9, nesterov=True)), {}, Y),
    "a schedule": (
        lambda: network(optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 2, 0.5))),
        {},
        Y,
    ),
    "accumulation": (lambda: network(optimizers.Adam(gradient_accumulation_steps=2)), {}, Y),
    "a loss of the user's": (lambda: network(loss=OwnLoss()), {}, Y),
    "weights of samples": (network, {"sample_weight": WEIGHTS}, Y),
    "weights of classes": (
        lambda: network(loss=losses.SparseCategoricalCrossentropy(from_logits=True)),
        {"class_weight": {0: 2.0, 2: 0.5}},
        CLASSES,
    ),
    "two outputs": (two_headed, {}, [Y, -Y]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_a_fit_of_one_batch_bit_for_bit(kind):
    make, weights, y = KINDS[kind]
    model, usual = make(), make()
    for _ in range(3):
        found = model.train_on_batch(X, y, **weights, return_dict=True)
        history = usual.fit(X, y, batch_size=48, shuffle=False, verbose=0, **weights)
        assert found == {name: values[0] for name, values in history.history.items()}
        assert_same(model, usual)
    assert model.optimizer.iterations == usual.optimizer.iterations > 0


def test_batches_of_an_epoch_are_its_fit():
    """In the order of the samples, with a last batch that is smaller."""
    model, usual = network(), network()
    for start in range(0, 48, 20):
        model.train_on_batch(X[start : start + 20], Y[start : start + 20])
    usual.fit(X, Y, batch_size=20, shuffle=False, verbose=0)
    assert_same(model, usual)


def test_a_fit_goes_on_where_batches_stopped_and_batches_where_it_stopped():
    model, usual = network(), network()
    model.train_on_batch(X, Y)
    model.fit(X, Y, batch_size=48, shuffle=False, verbose=0)
    model.train_on_batch(X, Y)
    for _ in range(3):
        usual.fit(X, Y, batch_size=48, shuffle=False, verbose=0)
    assert_same(model, usual)


def test_values_are_those_of_the_batch_before_its_step():
    """They do not add up over calls, as in Keras 3.15."""
    plain = fanin.Sequential([layers.Dense(3, input_shape=(4,))], rng=0)
    plain.compile("adam", "mse", metrics=["mae"])
    for part in (slice(0, 16), slice(16, 48)):
        before = plain.evaluate(X[part], Y[part], verbose=0)
        assert plain.train_on_batch(X[part], Y[part]) == pytest.approx(before, rel=1e-6)


def test_what_is_returned_has_the_forms_of_evaluate():
    one, several, two = network(), network(metrics=["mae", "mse"]), two_headed()
    assert isinstance(one.train_on_batch(X, Y), float)
    assert isinstance(one.test_on_batch(X, Y), float)
    found = several.train_on_batch(X, Y)
    assert isinstance(found, list)
    assert len(found) == len(several.metrics_names) == 3
    for model, y in ((one, Y), (several, Y), (two, [Y, Y])):
        by_name = model.test_on_batch(X, y, return_dict=True)
        assert by_name == model.evaluate(X, y, 48, verbose=0, return_dict=True)
        assert model.test_on_batch(X, y) == model.evaluate(X, y, 48, verbose=0)
        assert set(model.train_on_batch(X, y, return_dict=True)) == set(by_name)


def test_test_on_batch_takes_weights_and_changes_nothing():
    model = network(weighted_metrics=["mae"])
    model.train_on_batch(X, Y)
    before = arrays(model)
    found = model.test_on_batch(X, Y, WEIGHTS)
    assert found == model.evaluate(X, Y, 48, verbose=0, sample_weight=WEIGHTS)
    assert found != model.test_on_batch(X, Y)
    for one, other in zip(before, arrays(model), strict=True):
        np.testing.assert_array_equal(one, other)


def test_predict_on_batch_is_predict():
    np.testing.assert_array_equal(
        network().predict_on_batch(X), network().predict(X, 48, verbose=0)
    )
    found, expected = two_headed().predict_on_batch(X), two_headed().predict(X, 48, verbose=0)
    assert isinstance(found, list)
    np.testing.assert_array_equal(found, expected)


def test_no_epoch_is_counted_and_no_history_is_begun():
    model = network()
    model.train_on_batch(X, Y)
    assert (model.epoch, model.history) == (0, None)
    history = model.fit(X, Y, verbose=0)
    model.train_on_batch(X, Y)
    assert model.history is history
    assert model.epoch == 1


def test_the_average_of_weights_is_kept_and_put_into_the_network_by_fit_alone():
    def averaging():
        return network(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))

    model, usual = averaging(), network(optimizers.SGD(0.1))
    for _ in range(2):
        model.train_on_batch(X, Y)
        usual.train_on_batch(X, Y)
    for one, other in zip(model.get_weights(), usual.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(model.slots["average"] - model.params).max() > 0


def test_a_network_is_built_by_its_first_batch_and_not_by_a_refused_one():
    model = fanin.Sequential([layers.Dense(3)], rng=0)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="y: expected"):
        model.train_on_batch(X, Y[:, :2])
    assert not model.built
    model.train_on_batch(X, Y)
    usual = fanin.Sequential([layers.Dense(3)], rng=0)
    usual.compile("sgd", "mse")
    usual.fit(X, Y, 48, shuffle=False, verbose=0)
    assert_same(model, usual)


@pytest.mark.parametrize("other", [8, 1, 33])
def test_batches_may_have_any_number_of_samples(other):
    model = network()
    model.train_on_batch(X, Y)
    assert np.isfinite(model.train_on_batch(X[:other], Y[:other]))


REFUSED = {
    "no compile": (lambda _: fanin.Sequential([layers.Dense(3)]).train_on_batch(X, Y), "compile"),
    "x": (lambda m: m.train_on_batch(X[:, :3], Y), "x: expected shape"),
    "y": (lambda m: m.train_on_batch(X, Y[:5]), "y: expected"),
    "no y": (lambda m: m.train_on_batch(X), "y is missing"),
    "NaN": (lambda m: m.train_on_batch(np.full_like(X, np.nan), Y), "x: expected finite"),
    "nothing": (lambda m: m.train_on_batch(X[:0], Y[:0]), "x: expected some samples"),
    "two weights": (
        lambda m: m.train_on_batch(X, Y, sample_weight=WEIGHTS, class_weight={0: 1.0}),
        "class_weight: expected None beside sample_weight",
    ),
    "weights": (lambda m: m.train_on_batch(X, Y, WEIGHTS[:3]), "sample_weight: expected shape"),
    "weights of a test": (lambda m: m.test_on_batch(X, Y, -WEIGHTS), "sample_weight: expected"),
    "x of a prediction": (lambda m: m.predict_on_batch(X[:, :3]), "x: expected shape"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_names_the_argument_and_changes_nothing(name):
    call, words = REFUSED[name]
    model = network()
    model.train_on_batch(X, Y)
    before = arrays(model)
    with pytest.raises(ValueError, match=words):
        call(model)
    for one, other in zip(before, arrays(model), strict=True):
        np.testing.assert_array_equal(one, other)


def test_numbers_that_become_infinite_behind_a_finite_loss_are_an_error():
    model = fanin.Sequential([layers.Dense(3, input_shape=(4,))], rng=0)
    model.compile(optimizers.SGD(1e30), "mse")
    with pytest.raises(FloatingPointError, match="after step 1, though the loss is"):
        model.train_on_batch(X, Y, sample_weight=np.full(48, 1e30))


def test_a_callback_cannot_train_the_network_of_its_own_fit():
    class Nested(fanin.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.train_on_batch(X, Y)

    model = network()
    with pytest.raises(RuntimeError, match="network"):
        model.fit(X, Y, verbose=0, callbacks=[Nested()])


def test_a_class_of_the_users_is_trained_by_batches_before_it_was_called():
    class Net(fanin.Model):
        def __init__(self):
            super().__init__(rng=0)
            self.first, self.last = layers.Dense(4, "relu"), layers.Dense(3)

        def call(self, x):
            return self.last(self.first(x))

    model, usual = Net(), Net()
    for each in (model, usual):
        each.compile("adam", "mse")
    first = model.train_on_batch(X, Y)
    usual.fit(X, Y, 48, shuffle=False, verbose=0)
    assert first == usual.history.history["loss"][0]
    assert_same(model, usual)


def test_the_metric_of_a_user_counts_the_batch_alone():
    class Count(fanin.metrics.Metric):
        def __init__(self, name="count"):
            super().__init__(name=name)
            self.seen = 0

        def update_state(self, y_true, y_pred):
            self.seen += len(y_true)

        def result(self):
            return self.seen

        def reset_state(self):
            self.seen = 0

    model = network(metrics=[Count()])
    for rows in (48, 20, 48):
        assert model.train_on_batch(X[:rows], Y[:rows])[1] == rows
        assert model.test_on_batch(X[:rows], Y[:rows])[1] == rows
