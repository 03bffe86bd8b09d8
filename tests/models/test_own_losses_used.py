"""Losses of users: what is none, and one in use: names, files, copies, diagnosis."""

import copy
import inspect
import pickle

import fanin
import numpy as np
import pytest
from fanin import callbacks, losses, metrics, models
from own import (
    OPTIONS,
    RNG,
    Huber,
    Inherited,
    Plain,
    Square,
    WeightedSquare,
    X,
    Y,
    assert_equal,
    network,
)
from refusals import assert_refused

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
    words = ("the function distance", "derivative", "a class with call", "value_and_gradient")
    assert_refused(lambda: network(distance), TypeError, *words)
    assert losses.resolve(losses.mse).get_config() == losses.MeanSquaredError().get_config()


def test_a_class_without_the_method_says_what_is_missing():
    own = type("Own", (losses.Loss,), {})
    assert_refused(own, TypeError, "Own is not one of fanin's losses", "value_and_gradient")

    def make():
        class Keras(losses.Loss):
            def rows(self, y_true, y_pred):
                return (y_true - y_pred) ** 2

    assert_refused(make, TypeError, "Keras.rows cannot be overridden", "value_and_gradient")
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
