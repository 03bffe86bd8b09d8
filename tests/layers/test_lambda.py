"""`Lambda`: what a function computes, its gradients, files that name it, what is refused."""

import copy
import json

import fanin
import numpy as np
import pytest
from fanin import backend, layers, ops
from fanin.errors import ShapeError
from fanin.layers import Dense, Lambda
from refusals import assert_refused

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 6))


def dueling(a):
    return (
        backend.expand_dims(a[:, 0], -1) + a[:, 1:] - backend.mean(a[:, 1:], axis=1, keepdims=True)
    )


def dueling_of_numpy(a):
    return a[:, :1] + a[:, 1:] - a[:, 1:].mean(1, keepdims=True)


def distance(pair):
    one, other = pair
    return backend.sqrt(
        backend.maximum(
            backend.sum(backend.square(one - other), axis=1, keepdims=True), backend.epsilon()
        )
    )


def scaled(x, times=1.0, training=None):
    return times * x if training else x


def compiled(function, **options):
    model = fanin.Sequential(
        [Dense(8, "tanh", dtype="float64"), Dense(5), Lambda(function, **options)], rng=0
    )
    model.compile("adam", "mse")
    return model


FUNCTIONS = {
    "slices and means": (dueling, dueling_of_numpy),
    "arithmetic": (lambda x: (x - 1) / 2 + 3 * x**2, lambda x: (x - 1) / 2 + 3 * x**2),
    "an operation": (ops.tanh, np.tanh),
    "new axes": (
        lambda x: backend.permute_dimensions(backend.reshape(x, (-1, 2, 3)), (0, 2, 1)),
        lambda x: x.reshape(-1, 2, 3).transpose(0, 2, 1),
    ),
    "a sum over features": (lambda x: backend.sum(x, axis=1), lambda x: x.sum(1)),
    "rows repeated": (lambda x: backend.repeat_elements(x, 2, 1), lambda x: np.repeat(x, 2, 1)),
    "backwards": (lambda x: backend.reverse(x, 1), lambda x: x[:, ::-1]),
    "flat": (lambda x: backend.batch_flatten(backend.expand_dims(x, 1)), lambda x: x),
    "of length 1": (
        lambda x: backend.l2_normalize(x, axis=1),
        lambda x: x / np.linalg.norm(x, axis=1, keepdims=True),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_computes_what_numpy_does_and_its_gradient_is_a_difference(name):
    function, of_numpy = FUNCTIONS[name]
    layer = Lambda(function, dtype="float64")
    y, cache = layer.forward(X)
    np.testing.assert_allclose(y, of_numpy(X), rtol=1e-12, atol=1e-14)
    direction, dy = RNG.normal(size=X.shape), RNG.normal(size=y.shape)
    dx, grads = layer.backward(dy, cache)
    step = 1e-5 * direction
    slope = np.sum(dy * (of_numpy(X + step) - of_numpy(X - step))) / 2e-5
    np.testing.assert_allclose(np.sum(dx * direction), slope, rtol=1e-6)
    assert grads == {}


def test_it_is_the_layer_of_ones_own_that_has_its_function_in_call():
    class Own(layers.Layer):
        def call(self, x):
            return dueling(x)

    own = fanin.Sequential([Dense(8, "tanh", dtype="float64"), Dense(5), Own()], rng=0)
    own.compile("adam", "mse")
    mine = compiled(dueling, output_shape=(4,))
    for model in (own, mine):
        model.fit(X, X[:, :4], epochs=3, verbose=0)
    assert np.array_equal(own.params, mine.params)


def test_of_several_inputs_it_gets_a_list():
    inputs = fanin.Input((6,))
    one, other = Dense(3)(inputs), Dense(3)(inputs)
    layer = Lambda(distance, output_shape=lambda shapes: (shapes[0][0], 1))
    model = fanin.Model(inputs, layer([one, other]), rng=0)
    parts = fanin.Model(inputs, [one, other])
    a, b = parts.predict(X, verbose=0)
    expected = np.sqrt(np.sum((a - b) ** 2, axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)
    assert layer.input_shape == [(None, 3), (None, 3)]
    assert layer.output_shape == (None, 1)
    model.summary(print_fn=str)


def test_the_function_is_told_of_training_if_it_asks_and_gets_its_arguments():
    layer = Lambda(scaled, arguments={"times": 3.0}, dtype="float64")
    assert np.array_equal(layer.forward(X, training=True)[0], 3 * X)
    assert np.array_equal(layer(X), X)


def test_what_it_draws_is_other_in_each_batch():
    def sampling(pair):
        mean, log_variance = pair
        shape = (backend.shape(mean)[0], backend.int_shape(mean)[1])
        return mean + backend.exp(0.5 * log_variance) * backend.random_normal(
            shape=shape, mean=0.0, stddev=1.0
        )

    inputs = fanin.Input((6,))
    value = Lambda(sampling, output_shape=(3,))([Dense(3)(inputs), Dense(3)(inputs)])
    model = fanin.Model(inputs, value, rng=0)
    assert not np.array_equal(model.predict(X, verbose=0), model.predict(X, verbose=0))


def test_what_the_function_reads_may_change():
    held = {"scale": 2.0}
    scale = 2.0

    def of_closure(x):
        return scale * x

    def of_dict(x):
        return held["scale"] * x

    for function in (of_closure, of_dict):
        model = compiled(function)
        before = model.predict(X, verbose=0)
        scale = held["scale"] = 4.0
        np.testing.assert_allclose(model.predict(X, verbose=0), 2 * before, rtol=1e-12)
        scale = held["scale"] = 2.0
    model.layers[-1].function = lambda x: 6 * x
    np.testing.assert_allclose(model.predict(X, verbose=0), 3 * before, rtol=1e-12)


def test_a_file_names_the_function(tmp_path):
    model = compiled(dueling)
    model.fit(X, X[:, :4], epochs=1, verbose=0)
    model.save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match=r"unknown function 'dueling'.*custom_objects"):
        fanin.models.load_model(tmp_path / "model.npz")
    custom = {"dueling": dueling}
    again = fanin.models.load_model(tmp_path / "model.npz", custom_objects=custom)
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    again = fanin.models.model_from_json(model.to_json(), custom_objects=custom)
    assert again.layers[-1].function is dueling


def test_a_registered_function_is_found_by_itself_and_so_is_one_of_the_package(tmp_path):
    @fanin.utils.register_keras_serializable("lambda_tests")
    def cubed(x):
        return x**3

    try:
        written = layers.serialize(Lambda(cubed))
        assert written["config"]["function"]["registered_name"] == "lambda_tests>cubed"
        assert layers.deserialize(json.loads(json.dumps(written))).function is cubed
    finally:
        del fanin.utils.get_custom_objects()["lambda_tests>cubed"]
    for function in (ops.square, fanin.activations.gelu, backend.batch_flatten):
        written = json.loads(json.dumps(layers.serialize(Lambda(function))))
        assert layers.deserialize(written).function is function


def test_what_has_no_name_is_refused_where_it_is_saved_and_nothing_is_written(tmp_path):
    model = compiled(lambda x: 2 * x)
    model.build((None, 6))
    words = ["function of layer", "expected one with a name", "<lambda>", "made with def"]
    assert_refused(lambda: model.save(tmp_path / "model.npz"), ValueError, *words)
    assert not [*tmp_path.iterdir()]
    model.save_weights(tmp_path / "model.weights.npz")
    for twin in (copy.deepcopy(model), fanin.models.clone_model(model)):
        twin.set_weights(model.get_weights())
        assert np.array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


def test_bytecode_of_keras_is_not_run():
    config = {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}}
    words = ["function: expected the name of one", "bytecode", "never run"]
    written = {"class_name": "Lambda", "config": config}
    assert_refused(lambda: layers.deserialize(written), ValueError, *words)
    for name in ("fanin.ops>__builtins__", "os>system", 3, None):
        config = {"function": {"class_name": "function", "registered_name": name}}
        with pytest.raises(ValueError, match="function"):
            Lambda.from_config(config)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: Lambda(3), TypeError, ["function: expected a function over fanin.ops", "3"]),
        (lambda: Lambda(Dense(3)), TypeError, ["function: expected a function", "Dense"]),
        (lambda: Lambda(Dense), TypeError, ["function: expected a function", "Dense"]),
        (lambda: Lambda(ops.abs, (3, "x")), TypeError, ["output_shape", "'x'"]),
        (lambda: Lambda(ops.abs, mask=1), ValueError, ["mask: expected None", "1"]),
        (lambda: Lambda(ops.abs, arguments=[1]), TypeError, ["arguments: expected a dict"]),
        (lambda: Lambda(ops.abs, (5,))(X), ShapeError, ["output_shape", "(6,)", "(5,)"]),
        (lambda: Lambda(lambda x: float(x))(X), TypeError, ["expected a number", "no numbers"]),
        (lambda: Lambda(lambda x: None)(X), TypeError, ["expected it to return a value", "None"]),
        (lambda: Lambda(lambda x: 3.0)(X), TypeError, ["expected it to return a value", "3.0"]),
        (lambda: Lambda(lambda x: x if x else 0)(X), TypeError, ["call of", "lambda"]),
        (lambda: Lambda(lambda x: RNG.normal() * x)(X), TypeError, ["numbers drawn from RNG"]),
    ],
)
def test_what_is_refused(make, kind, words):
    assert_refused(make, kind, *words)


def test_a_layer_in_a_closure_is_refused_as_its_weights_would_be_none_of_the_models():
    inner = Dense(5)
    model = compiled(lambda x: inner(x))
    words = ["call of", "expected layers that it has", inner.name]
    assert_refused(lambda: model.fit(X, X[:, :5], verbose=0), ValueError, *words)


def test_a_layer_of_ones_own_of_several_inputs_knows_its_shapes():
    class Both(layers.Layer):
        def call(self, pair):
            return pair[0] + pair[1]

    layer = Both()
    layer([X, X])
    assert layer.input_shape == [(None, 6), (None, 6)]
    assert layer.output_shape == (None, 6)
    assert layer.compute_output_shape([(3, 6), (3, 6)]) == (3, 6)
