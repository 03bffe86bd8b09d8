"""Losses within losses: built-in ones on values, numbers of a batch, classes with `call`."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import layers, losses, ops
from fanin.errors import ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
LOGITS, ONE_HOT = RNG.normal(size=(40, 3)), np.eye(3)[RNG.integers(0, 3, 40)]
P = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
CLASSES, FLAGS = ONE_HOT.argmax(-1), (RNG.uniform(size=(40, 3)) > 0.5) * 1.0
SHARES = RNG.uniform(0.05, 0.95, (40, 3))

CASES = {
    "mse": (losses.MeanSquaredError(), LOGITS, P),
    "mae": (losses.MeanAbsoluteError(), LOGITS, P),
    "bce": (losses.BinaryCrossentropy(), FLAGS, SHARES),
    "bce smoothed": (losses.BinaryCrossentropy(label_smoothing=0.2), FLAGS, SHARES),
    "bce of logits": (losses.BinaryCrossentropy(from_logits=True), FLAGS, 9 * LOGITS),
    "cce": (losses.CategoricalCrossentropy(), ONE_HOT, SHARES),
    "cce smoothed": (losses.CategoricalCrossentropy(label_smoothing=0.2), ONE_HOT, P),
    "cce of logits": (losses.CategoricalCrossentropy(from_logits=True), ONE_HOT, 9 * LOGITS),
    "scce": (losses.SparseCategoricalCrossentropy(), CLASSES, SHARES),
    "scce of logits": (losses.SparseCategoricalCrossentropy(from_logits=True), CLASSES, LOGITS),
    "huber": (losses.Huber(0.7), LOGITS, P),
    "log-cosh": (losses.LogCosh(), 9 * LOGITS, P),
    "pinball": (losses.MeanPinballLoss(0.3), LOGITS, P),
    "hinge": (losses.Hinge(), FLAGS, LOGITS),
    "squared hinge": (losses.SquaredHinge(), 2 * FLAGS - 1, LOGITS),
    "categorical hinge": (losses.CategoricalHinge(), ONE_HOT, LOGITS),
    "poisson": (losses.Poisson(), 3 * FLAGS, SHARES),
    "mape": (losses.MeanAbsolutePercentageError(), LOGITS, P),
    "msle": (losses.MeanSquaredLogarithmicError(), SHARES, LOGITS),
    "kl": (losses.KLDivergence(), P, SHARES),
    "cosine": (losses.CosineSimilarity(), LOGITS, P),
    "focal": (losses.BinaryFocalCrossentropy(apply_class_balancing=True), FLAGS, SHARES),
    "focal of logits": (
        losses.BinaryFocalCrossentropy(gamma=1.5, from_logits=True, label_smoothing=0.1),
        *(FLAGS, LOGITS),
    ),
    "categorical focal": (losses.CategoricalFocalCrossentropy(gamma=3.0), ONE_HOT, SHARES),
    "categorical focal of logits": (
        losses.CategoricalFocalCrossentropy(from_logits=True, label_smoothing=0.1),
        *(ONE_HOT, LOGITS),
    ),
}
OPTIONS = ("from_logits", "label_smoothing", "delta", "alpha", "gamma", "apply_class_balancing")


def test_each_loss_of_the_package_is_among_them():
    kinds = {getattr(losses, name).kind for name in losses.__all__ if name[0].isupper()}
    assert kinds - {losses.Loss.kind} == {loss.kind for loss, *_ in CASES.values()}


@pytest.mark.parametrize("what", CASES)
@pytest.mark.parametrize("weights", [None, RNG.uniform(0.1, 2, 40)])
def test_a_built_in_loss_within_a_function_is_that_loss(what, weights):
    loss, y, p = CASES[what]
    options = {name: value for name, value in loss.get_config().items() if name in OPTIONS}
    function = getattr(losses, loss.kind)
    expected, dy = loss.value_and_gradient(y, p, weights)
    as_rows = losses.resolve(lambda y, p: function(y, p, **options))
    value, gradient = as_rows.value_and_gradient(y, p, weights)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, dy, rtol=1e-11, atol=1e-15)
    if weights is None:
        for called in (lambda y, p: loss(y, p), lambda y, p: 2.0 * loss(y, p) - loss(y, p)):
            value, gradient = losses.resolve(called).value_and_gradient(y, p)
            assert value == pytest.approx(expected, rel=1e-13)
            np.testing.assert_allclose(gradient, dy, rtol=1e-11, atol=1e-15)


def test_gradients_go_through_targets_too():
    def between(y_true, y_pred):
        return losses.mean_squared_error(y_pred[:, :1], y_pred[:, 1:2])

    value, dy = losses.resolve(between).value_and_gradient(P, P)
    apart = P[:, 0] - P[:, 1]
    assert value == pytest.approx(np.mean(apart**2))
    np.testing.assert_allclose(dy[:, 0], 2 * apart / 40)
    np.testing.assert_allclose(dy[:, 1], -2 * apart / 40)


def test_weights_and_reductions_of_a_loss_that_is_called():
    each = losses.MeanSquaredError(reduction="none")
    total = losses.MeanSquaredError(reduction="sum")
    rows = np.mean((LOGITS - P) ** 2, -1)
    for function, expected in (
        (lambda y, p: each(y, p) * 2.0, 2 * rows.mean()),
        (lambda y, p: total(y, p), rows.sum()),
        (lambda y, p: losses.MeanSquaredError()(y, p, y[:, 0]), (rows * LOGITS[:, 0]).mean()),
    ):
        value = losses.resolve(function).value_and_gradient(LOGITS, P)[0]
        assert value == pytest.approx(expected, rel=1e-13)


def test_a_last_axis_of_one_may_be_missing_as_in_keras():
    y, p = LOGITS[:, 0], P[:, :1]
    expected = np.mean((y - p[:, 0]) ** 2)
    for targets in (y, y[:, None]):
        value, dy = losses.resolve(lambda y, p: losses.mse(y, p)).value_and_gradient(targets, p)
        assert value == pytest.approx(expected, rel=1e-13)
        assert dy.shape == p.shape


def test_classes_that_are_cast_or_looked_up():
    def cast(y_true, y_pred):
        chosen = ops.one_hot(ops.cast(y_true, "int32"), 3)
        return -ops.sum(chosen * ops.log(y_pred), axis=-1)

    def looked_up(y_true, y_pred):
        places = ops.expand_dims(ops.cast(y_true, "int64"), -1)
        return -ops.log(ops.take_along_axis(y_pred, places, axis=-1))[:, 0]

    expected, dy = losses.SparseCategoricalCrossentropy().value_and_gradient(CLASSES, P)
    unnormalized = np.zeros_like(P)
    unnormalized[np.arange(40), CLASSES] = -1 / P[np.arange(40), CLASSES] / 40
    for function in (cast, looked_up):
        value, gradient = losses.resolve(function).value_and_gradient(CLASSES, P)
        assert value == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(gradient, unnormalized, rtol=1e-12)
    assert dy.shape == P.shape


def test_what_is_no_class_makes_nan():
    sparse = losses.resolve(lambda y, p: losses.sparse_categorical_crossentropy(y, p))
    assert np.isnan(sparse.value_and_gradient(np.full(40, 3), P)[0])


# Classes.


class Share(losses.Loss):
    """The quantile loss of a share."""

    def __init__(self, share=0.5, name="share"):
        super().__init__(name)
        self.share = share

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(self.share * error, (self.share - 1) * error), axis=-1)

    def get_config(self):
        return {"share": self.share, "name": self.name}


def network(loss, **given):
    model = fanin.Sequential(
        [fanin.Input((4,), dtype="float64"), layers.Dense(8, "tanh"), layers.Dense(2)], rng=0
    )
    model.compile(fanin.optimizers.SGD(0.1), loss, **given)
    return model


Y = X[:, :2] ** 2


def by_hand(share):
    def function(y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(share * error, (share - 1) * error), axis=-1)

    return function


@pytest.mark.parametrize("weights", [None, RNG.uniform(0.1, 2, 40)])
def test_a_class_that_says_call_trains_as_the_function_does(weights):
    found = []
    for loss in (Share(0.9), by_hand(0.9)):
        model = network(loss)
        history = model.fit(X, Y, batch_size=16, epochs=3, verbose=0, sample_weight=weights)
        found.append((history.history["loss"], model.params.tobytes()))
        assert model.evaluate(X, Y, verbose=0) > 0
    assert found[0] == found[1]


def test_a_class_that_says_call_is_called_by_hand():
    loss = Share(0.9)
    error = LOGITS - P
    rows = np.mean(np.maximum(0.9 * error, -0.1 * error), -1)
    assert loss(LOGITS, P) == pytest.approx(rows.mean(), rel=1e-13)
    np.testing.assert_allclose(loss.call(LOGITS, P), rows)
    value, dy = loss.value_and_gradient(LOGITS, P)
    assert value == pytest.approx(rows.mean(), rel=1e-13)
    np.testing.assert_allclose(dy, np.where(error > 0, -0.9, 0.1) / error.size)
    within = losses.resolve(lambda y, p: Share(0.9)(y, p) + Share(0.1)(y, p))
    assert within.value_and_gradient(LOGITS, P)[0] == pytest.approx(np.abs(error).mean())


def test_its_attributes_may_change_between_epochs():
    loss = Share(0.9)
    model = network(loss)
    before = model.evaluate(X, Y, verbose=0)
    loss.share = 0.1
    assert model.evaluate(X, Y, verbose=0) != before


def test_it_goes_through_files_and_copies(tmp_path):
    model = network(Share(0.7))
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.npz")
    twin = fanin.models.load_model(tmp_path / "m.npz", custom_objects={"Share": Share})
    copies = [twin, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    expected = model.fit(X, Y, verbose=0).history
    for each in copies:
        assert each.loss.share == 0.7
        assert each.fit(X, Y, verbose=0).history == expected


def test_a_subclass_of_a_built_in_loss_may_add_to_it():
    class Bounded(losses.MeanSquaredError):
        def call(self, y_true, y_pred):
            return super().call(y_true, y_pred) + 0.1 * ops.mean(ops.abs(y_pred), axis=-1)

    expected = np.mean((LOGITS - P) ** 2) + 0.1 * np.abs(P).mean()
    assert Bounded()(LOGITS, P) == pytest.approx(expected, rel=1e-13)


def test_rows_of_a_built_in_loss_are_what_its_call_returns():
    loss = losses.MeanSquaredError()
    np.testing.assert_allclose(loss.call(LOGITS, P), np.mean((LOGITS - P) ** 2, -1))


# What is refused.


class Twice(losses.Loss):
    def call(self, y_true, y_pred):
        return float(np.mean(y_true - y_pred))


VALUE = fanin.Input((3,))
REFUSED = {
    "shapes": (lambda: losses.mse(VALUE, fanin.Input((4,))), ShapeError, "y_true: expected the sh"),
    "classes of rows": (
        lambda: losses.sparse_categorical_crossentropy(VALUE, VALUE), ShapeError, "one class a row"
    ),
    "a mean over batches": (
        lambda: losses.MeanSquaredError()(VALUE, VALUE), TypeError, "reduction='none'"
    ),
    "a number of a value": (
        lambda: Twice().value_and_gradient(LOGITS, P), TypeError, "have no numbers"
    ),
    "no loss at all": (lambda: type("None_", (losses.Loss,), {})(), TypeError, "losses"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_computed_is_refused(what):
    refused, error, words = REFUSED[what]
    with pytest.raises(error, match=words):
        refused()
