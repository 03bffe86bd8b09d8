"""Losses that are functions over `fanin.ops`: traced, compiled, with their gradients."""

import pickle
from typing import ClassVar

import fanin
import numpy as np
import pytest
from fanin import layers, losses, ops
from refusals import assert_refused

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4))
Y = X[:, :2] ** 2
P = RNG.normal(size=(50, 2))


def squares(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def root(y_true, y_pred):
    return ops.sqrt(ops.mean(ops.square(y_true - y_pred)))


def huber(y_true, y_pred):
    error = ops.abs(y_true - y_pred)
    return ops.where(error <= 1.0, 0.5 * error**2, error - 0.5)


def contrast(y_true, y_pred):
    """Of the batch: what is near the mean of all."""
    apart = y_pred - ops.mean(y_pred, axis=0, keepdims=True)
    return ops.logsumexp(-ops.sum(apart * apart, axis=1)) + ops.mean(y_pred * y_true)


def quantile(y_true, y_pred):
    error = y_true - y_pred
    return ops.mean(ops.maximum(0.9 * error, -0.1 * error))


def alone(y_true, y_pred):
    return ops.mean(ops.exp(y_pred))


FUNCTIONS = [squares, root, huber, contrast, quantile, alone]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_values_are_those_of_arrays_and_gradients_agree_with_differences(function):
    loss = losses.resolve(function)
    assert loss.name == function.__name__
    value, dy = loss.value_and_gradient(Y, P)
    assert value == pytest.approx(float(np.mean(function(Y, P))), rel=1e-14)
    assert dy.shape == P.shape
    way, eps = RNG.normal(size=P.shape), 1e-6
    ends = [float(np.mean(function(Y, P + sign * eps * way))) for sign in (1, -1)]
    assert (dy * way).sum() == pytest.approx((ends[0] - ends[1]) / (2 * eps), rel=1e-6)
    assert loss(Y, P) == value


def network(loss, **given):
    model = fanin.Sequential(
        [fanin.Input((4,), dtype="float64"), layers.Dense(8, "tanh"), layers.Dense(2)], rng=0
    )
    model.compile(fanin.optimizers.SGD(0.1), loss, **given)
    return model


def fitted(loss, **given):
    model = network(loss)
    history = model.fit(X, Y, batch_size=16, epochs=3, verbose=0, **given).history["loss"]
    return np.array(history), model.params.copy()


@pytest.mark.parametrize("weights", [None, RNG.uniform(0.1, 2, 50)])
def test_training_is_that_of_the_compiled_loss(weights):
    found, expected = fitted(squares, sample_weight=weights), fitted("mse", sample_weight=weights)
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_network_trains_to_the_same_bits_for_any_number_of_threads(function):
    found = [fitted(function, threads=threads)[1].tobytes() for threads in (1, 2)]
    assert found[0] == found[1]
    losses_of = fitted(function)[0]
    assert losses_of[-1] < losses_of[0]


def test_a_function_is_traced_once_an_epoch_for_each_shape_of_a_batch():
    class Seen:  # a list by itself would be something that the function reads, and that changes
        shapes: ClassVar[list] = []

    def counted(y_true, y_pred):
        Seen.shapes.append(y_pred.shape)
        return squares(y_true, y_pred)

    network(counted).fit(X, Y, batch_size=16, epochs=4, verbose=0)
    assert Seen.shapes == [(2, 2), *4 * [(16, 2), (2, 2)]]  # the first is made up


def test_what_a_function_reads_besides_may_change_from_epoch_to_epoch():
    weight = [0.0]

    def weighted(y_true, y_pred):
        return squares(y_true, y_pred) * weight[0]

    class Grow(fanin.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            weight[0] = float(epoch)

    model = network(weighted)
    losses = model.fit(X, Y, batch_size=50, epochs=3, verbose=0, callbacks=[Grow()]).history["loss"]
    assert losses[0] == 0.0 < losses[1] < losses[2]
    before = model.evaluate(X, Y, verbose=0)
    weight[0] = 6.0
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(3 * before)


def test_a_weight_in_a_loss_is_no_constant():
    kernel = network(squares).layers[0].kernel.shape
    model = network(squares)

    def penalized(y_true, y_pred):
        return squares(y_true, y_pred) + ops.sum(ops.square(model.layers[0].kernel))

    assert_refused(lambda: network(penalized), TypeError, "numbers would be constants")
    assert model.layers[0].kernel.shape == kernel


def test_metrics_are_functions_over_ops_too():
    model = network(squares, metrics=[root])
    history = model.fit(X, Y, batch_size=50, epochs=1, verbose=0).history
    assert history["root"][0] == pytest.approx(np.sqrt(history["loss"][0]), rel=1e-12)


def test_a_compiled_network_is_saved_with_the_name_of_its_function(tmp_path):
    model = network(squares)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.npz")
    twin = fanin.models.load_model(tmp_path / "m.npz", custom_objects={"squares": squares})
    assert twin.loss.function is squares
    histories = [each.fit(X, Y, verbose=0).history for each in (model, twin)]
    assert histories[0] == histories[1]
    assert pickle.loads(pickle.dumps(model)).loss.function is squares
    named = fanin.losses.resolve(fanin.losses.get("squares", {"squares": squares}))
    assert named.function is squares
    with pytest.raises(ValueError, match="squares"):
        fanin.models.load_model(tmp_path / "m.npz")


def closed(y_true, y_pred):
    return squares(y_true, y_pred) + ops.mean(fanin.Input((2,)) * 1.0, -1)


REFUSED = {
    "targets alone": (lambda y, p: ops.mean(y), ValueError, "a function of y_pred"),
    "shapes": (lambda y, p: y[:, :1] - ops.transpose(p), ValueError, "expected"),
    "another network": (closed, ValueError, "expected"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_a_batch_is_refused_and_nothing_changes(what):
    function, error, words = REFUSED[what]
    model = network(function)
    before = model.params.copy()
    with pytest.raises(error, match=words):
        model.fit(X, Y, verbose=0)
    assert np.array_equal(model.params, before)


NONE = {
    "NumPy": lambda y, p: np.mean(np.square(y - p)),
    "a number": lambda y, p: 1.0,
    "a decision": lambda y, p: y - p if ops.mean(p) > 0 else y,
    "one argument": lambda y: ops.mean(y),
}


@pytest.mark.parametrize("what", NONE)
def test_what_is_no_function_over_ops_is_refused_at_once(what):
    with pytest.raises(TypeError, match=r"fanin\.ops, found the function <lambda>"):
        network(NONE[what])


def test_weights_need_a_number_for_each_sample():
    with pytest.raises(ValueError, match="sample_weight: expected None for a loss that"):
        fitted(root, sample_weight=np.ones(50))
