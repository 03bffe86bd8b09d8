"""Outputs and inputs of one number a sample, whose arrays have the axis of the batch alone."""

import fanin
import numpy as np
import pytest
from fanin import layers, ops
from fanin.errors import ShapeError

RNG = np.random.default_rng(0)
N = 60
X = RNG.normal(size=(N, 4))
FLAGS = (X[:, 0] > 0).astype(int)


def network(keepdims, activation=None):
    inputs = fanin.Input((4,), dtype="float64")
    hidden = layers.Dense(3, activation)(inputs)
    return fanin.Model(inputs, ops.mean(hidden, axis=-1, keepdims=keepdims), rng=0)


def test_passes_have_the_axis_of_the_batch_alone():
    model, other = network(False), network(True)
    assert model.output_shape == (None,)
    expected = other.predict(X, verbose=0)[:, 0]
    y, cache = model.forward(X)
    for found in (model.predict(X, verbose=0), model(X), y):
        np.testing.assert_array_equal(found, expected)
    dy = RNG.normal(size=N)
    dx, _ = model.backward(dy, cache)
    other_dx, _ = other.backward(dy[:, None], other.forward(X)[1])
    np.testing.assert_array_equal(dx, other_dx)
    with pytest.raises(ShapeError):
        model.backward(dy[:, None], cache)


@pytest.mark.parametrize(
    "loss", ["mse", "mae", "binary_crossentropy", lambda y, p: ops.square(y - p)]
)
@pytest.mark.parametrize("weights", [None, RNG.uniform(0.1, 2, N)])
@pytest.mark.parametrize("axis", [False, True])
def test_training_is_that_of_one_output(loss, weights, axis):
    found = []
    for keepdims in (False, True):
        model = network(keepdims, "sigmoid")
        metrics = [] if callable(loss) else ["mse", "accuracy"]
        model.compile(fanin.optimizers.SGD(0.1), loss, metrics=metrics)
        y = FLAGS[:, None] if axis else FLAGS
        history = model.fit(X, y, batch_size=16, epochs=3, verbose=0, sample_weight=weights)
        found.append((history.history, model.evaluate(X, y, verbose=0), model.params.tobytes()))
    assert found[0] == found[1]


def test_class_weights_and_validation_and_many_networks():
    found = []
    for keepdims in (False, True):
        model = network(keepdims, "sigmoid")
        model.compile("adam", "bce", metrics=["accuracy"])
        given = {"class_weight": {0: 1.0, 1: 3.0}, "validation_split": 0.25, "verbose": 0}
        one = model.fit(X, FLAGS, epochs=2, **given).history
        (many,) = fanin.fit_many([model], X, FLAGS, epochs=1, verbose=0)
        found.append((one, many.history))
    assert found[0] == found[1]


def test_beside_other_outputs_in_files_and_in_diagnosis(tmp_path):
    inputs = fanin.Input((4,))
    hidden = layers.Dense(3, name="rows")(inputs)
    model = fanin.Model(inputs, [ops.sum(hidden, -1), hidden], rng=0)
    model.compile("adam", ["mse", "mse"])
    history = model.fit(X, [X[:, 0], X[:, :3]], verbose=0).history
    assert {"loss", "rows_loss"} < set(history)
    assert len(history) == 3
    assert [part.shape for part in model.predict(X, verbose=0)] == [(N,), (N, 3)]
    model.save(tmp_path / "m.npz")
    twin = fanin.models.load_model(tmp_path / "m.npz")
    for mine, other in zip(model.predict(X, verbose=0), twin.predict(X, verbose=0), strict=True):
        np.testing.assert_array_equal(mine, other)
    one = network(False)
    one.compile("sgd", "mse")
    assert "mean" in str(fanin.diagnose(one, X, X[:, 0]))


def wide_and_deep():
    town = fanin.Input(shape=(), dtype="int32", name="town")
    age = fanin.Input(batch_shape=(None,), name="age")
    rest = fanin.Input((3,), name="rest")
    joined = layers.Concatenate()(
        [layers.Embedding(5, 2)(town), rest, ops.expand_dims(age / 10.0, -1)]
    )
    return fanin.Model([town, age, rest], layers.Dense(1)(joined)[:, 0] * age, rng=0)


COLUMNS = {
    "town": RNG.integers(0, 5, N),
    "age": RNG.uniform(1, 9, N),
    "rest": RNG.normal(size=(N, 3)),
}


def test_inputs_of_one_number(tmp_path):
    model = wide_and_deep()
    assert model.input_shape == [(None,), (None,), (None, 3)]
    model.compile(fanin.optimizers.Adam(0.01), "mse")
    history = model.fit(COLUMNS, COLUMNS["age"], epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]
    in_order = [COLUMNS[name] for name in ("town", "age", "rest")]
    expected = model.predict(COLUMNS, verbose=0)
    assert expected.shape == (N,)
    # A last axis of length 1 is superfluous, as of other inputs.
    columns = {**COLUMNS, "age": COLUMNS["age"][:, None]}
    for x in (in_order, columns):
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
    model.save(tmp_path / "m.npz")
    twins = [
        fanin.models.load_model(tmp_path / "m.npz"), fanin.models.clone_model(model)
    ]  # fmt: skip
    twins[1].set_weights(model.get_weights())
    for twin in twins:
        np.testing.assert_array_equal(twin.predict(in_order, verbose=0), expected)


@pytest.mark.parametrize("layer", [layers.Flatten(), layers.Reshape((1,)), layers.Reshape((1, 1))])
def test_layers_that_change_shapes_take_them(layer):
    inputs = fanin.Input((), dtype="float64")
    found = fanin.Model(inputs, layer(inputs)).predict(X[:, 0], verbose=0)
    np.testing.assert_array_equal(found, X[:, 0].reshape(found.shape))


def test_categories_of_one_number():
    inputs = fanin.Input((), dtype="int32")
    found = fanin.Model(inputs, layers.CategoryEncoding(5, output_mode="one_hot")(inputs))
    y = found.predict(COLUMNS["town"], verbose=0)
    np.testing.assert_array_equal(y, np.eye(5)[COLUMNS["town"]])


VALUE = fanin.Input((), name="value")
CLASSES = network(False)
REFUSED = {
    "rows of a layer": (lambda: layers.Dense(3)(VALUE), ShapeError, "at least one axis"),
    "samples of axes": (
        lambda: fanin.Model(VALUE, ops.sin(VALUE)).predict(X, verbose=0), ShapeError, r"\(n,\)"
    ),
    "a number of the batch": (
        lambda: fanin.Model(VALUE, ops.sin(VALUE)).predict(1.0, verbose=0), ShapeError, r"\(n,\)"
    ),
    "indices": (
        lambda: fanin.Model(VALUE, layers.Embedding(3, 2)(VALUE)).predict([3], verbose=0),
        ValueError,
        "whole numbers from 0 to 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused(what):
    refused, error, words = REFUSED[what]
    with pytest.raises(error, match=words):
        refused()


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_losses_of_classes_are_refused(loss):
    model = network(False, "sigmoid")
    model.compile("adam", loss)
    with pytest.raises(ShapeError, match="several"):
        model.fit(X, FLAGS, verbose=0)
