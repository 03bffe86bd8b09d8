"""What a `call` of users' may not do: refused with the line that does it, nothing half-changed."""

import random
import types

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.layers import Dense, Layer
from refusals import assert_refused, outcome

X = np.ones((6, 4), "float32")
GENERATOR = np.random.default_rng(0)
SEEN = []


def layer_of(call, build=None, prepare=None):
    """Return a layer of a class with this `call`."""
    members = {"call": call} | ({} if build is None else {"build": build})
    own = type("Own", (Layer,), members)
    made = own()
    if prepare is not None:
        prepare(made)
    return made


def test_what_depends_on_values_is_refused_with_its_line():
    def branch(self, x):
        return x * 2.0 if x else x  # a line

    def number(self, x):
        return x * float(x)  # a line

    def array(self, x):
        return np.exp(x) * x  # a line

    def walk(self, x):
        return sum(part for part in x)  # a line

    def asked(self, x):
        return x * np.asarray(self.inner.kernel).sum()  # a line

    for call in (branch, number, array, walk):
        layer = layer_of(call)
        before = set(vars(layer))
        error = outcome(lambda layer=layer: layer(X))
        assert isinstance(error, TypeError), call
        if call is not array:  # NumPy has words of its own
            assert "# a line" in str(error), error
        assert set(vars(layer)) - {"_form"} == before
        assert not layer.built
    inner = layer_of(asked, prepare=lambda layer: setattr(layer, "inner", Dense(2)))
    assert_refused(lambda: inner(X), (TypeError, AttributeError))


def test_numbers_of_weights_are_refused_with_their_line():
    def build(self, shape):
        self.w = self.add_weight((4,), "ones")

    def numbers(self, x):
        return x * self.w.numpy().sum()  # a line

    def truth(self, x):
        return x * self.w if self.w else x  # a line

    def assigned(self, x):
        self.w.assign([1, 2, 3, 4])  # a line
        return x * self.w

    for call in (numbers, truth, assigned):
        assert_refused(lambda call=call: layer_of(call, build)(X), TypeError, "# a line")


def test_numbers_that_are_drawn_are_refused_with_their_line():
    def from_numpy(self, x):
        y = x * 1.0
        noise = np.random.normal()  # a line
        return y + noise

    def from_python(self, x):
        return x + random.random()  # a line

    def from_a_generator(self, x):
        return x + GENERATOR.normal()  # a line

    def from_its_own(self, x):
        return x * self.source.normal()  # a line

    def prepare(layer):
        layer.source = np.random.default_rng(0)

    for call in (from_numpy, from_python, from_a_generator, from_its_own):
        layer = layer_of(call, prepare=prepare)
        words = ("numbers drawn", "# a line")
        assert_refused(lambda layer=layer: layer(X), TypeError, *words)


def test_attributes_that_are_set_are_refused_with_their_line():
    def sets(self, x):
        self.count = 1  # a line
        return x * 2.0

    def counts(self, x):
        self._calls_seen += 1  # a line
        return x * 2.0

    def appends(self, x):
        self.seen.append(1)  # a line
        return x * 2.0

    def stores(self, x):
        self.table["a"] = 1  # a line
        return x * 2.0

    def prepare(layer):
        layer._calls_seen, layer.seen, layer.table = 0, [], {}

    for call in (sets, counts, appends, stores):
        layer = layer_of(call, prepare=prepare)
        assert_refused(lambda layer=layer: layer(X), TypeError, "same whenever", "# a line")
        assert "count" not in vars(layer)
        assert layer._calls_seen == 0
    assert outcome(lambda: layer_of(lambda self, x: x * 2.0, prepare=prepare)(X)) is None


def test_layers_and_weights_that_are_made_in_call_are_refused_with_their_line():
    def makes(self, x):
        return Dense(3)(x)  # a line

    def adds(self, x):
        w = self.add_weight((4,), "ones")  # a line
        return x * w

    assert_refused(lambda: layer_of(makes)(X), ValueError, "another one in each call", "# a line")
    assert_refused(lambda: layer_of(adds)(X), TypeError, "__init__ or build", "# a line")


def test_what_changes_from_run_to_run_is_refused():
    state = {"n": 0}

    def counting(self, x):
        state["n"] += 1
        return x * float(state["n"])

    def by_batch(self, x):
        return x * 2.0 if x.shape[0] is None else x[:1] * 2.0

    def by_kind(self, x):
        return x * 3.0 if isinstance(x, np.ndarray) else x * 2.0

    words = ("does the same whenever it runs", "it changes", 'state["n"] += 1')
    assert_refused(lambda: layer_of(counting)(X), TypeError, *words)
    assert_refused(lambda: layer_of(by_batch)(X), ValueError, "expected an output of shape (3, 4)")
    assert_refused(lambda: layer_of(by_kind)(X), ValueError, "other numbers")


SCALE = 1.0


def test_what_a_call_reads_besides_is_looked_at_before_each_use():
    settings = types.SimpleNamespace(factor=1.0)

    class Scaled(layers.Layer):
        power = 1.0

        def call(self, x):
            return x * (SCALE * settings.factor * self.power)

    layer = Scaled()
    model = fanin.Sequential([fanin.Input((4,)), layer])
    first = model(X)
    settings.factor = 2.0
    assert np.array_equal(model(X), 2.0 * first)
    Scaled.power = 4.0
    assert np.array_equal(model(X), 8.0 * first)
    globals()["SCALE"] = 0.5
    try:
        assert np.array_equal(model(X), 4.0 * first)
    finally:
        globals()["SCALE"] = 1.0


def test_weights_of_other_layers_are_no_constants():
    other = layers.Dense(3)
    other.build((None, 4))

    def tied(self, x):
        return x @ other.kernel

    words = ("the kernel of layer", "would be constants", "other.kernel")
    assert_refused(lambda: layer_of(tied)(X), TypeError, *words)


def test_values_are_compared_with_numbers():
    inputs = fanin.Input((3,))
    model = fanin.Model(inputs, fanin.ops.where(inputs == 0, -1.0, inputs))
    x = np.array([[0.0, 1.0, 2.0]])
    assert np.array_equal(model(x), [[-1.0, 1.0, 2.0]])
    model = fanin.Model(inputs, fanin.ops.where(inputs != 0, 5.0, inputs))
    assert np.array_equal(model(x), [[0.0, 5.0, 5.0]])
    assert inputs != "name"
    assert {inputs: 1}[inputs] == 1


def test_what_a_call_must_return():
    def nothing(self, x):
        pass

    def constant(self, x):
        return 3.0

    def of_weights_alone(self, x):
        return self.w * 2.0

    def build(self, shape):
        self.w = self.add_weight((4,), "ones")

    assert_refused(lambda: layer_of(nothing)(X), TypeError, "expected it to return a value", "None")
    assert_refused(lambda: layer_of(constant)(X), TypeError, "expected it to return a value")
    words = "does not depend on its input"
    assert_refused(lambda: layer_of(of_weights_alone, build)(X), ValueError, words)
    assert_refused(lambda: layer_of(lambda self, x: x, build)(X), ValueError, "does not depend on")
    assert np.array_equal(layer_of(lambda self, x: x)(X), X)


def test_a_call_that_calls_itself_is_refused():
    def again(self, x):
        return self(x)

    assert_refused(lambda: layer_of(again)(X), ValueError, "does not call itself")


def test_exceptions_of_users_come_out_as_they_are():
    class MineError(Exception):
        pass

    def fails(self, x):
        raise MineError("words")

    layer = layer_of(fails)
    before = dict(vars(layer))
    error = outcome(lambda: layer(X))
    assert isinstance(error, MineError)
    assert str(error) == "words"
    assert {**vars(layer), "_form": None} == {**before, "_form": None}
    model = fanin.Sequential([Dense(4), layer], rng=0)
    model.compile("sgd", "mse")
    assert isinstance(outcome(lambda: model.fit(X, X, verbose=0)), MineError)
    assert not model.built

    def building(self, shape):
        self.extra = 3
        raise MineError("build")

    layer = layer_of(lambda self, x: x * 2.0, building)
    assert isinstance(outcome(lambda: layer(X)), MineError)
    assert "extra" not in vars(layer)


def test_wrong_arguments_of_add_weight():
    def adds(**arguments):
        return lambda: layer_of(
            lambda self, x: x * self.w,
            lambda self, shape: setattr(self, "w", self.add_weight(**{"shape": (4,), **arguments})),
        )(X)

    assert_refused(adds(regularizer="l3"), ValueError, "regularizer: ")
    assert_refused(adds(constraint=7), TypeError, "constraint: ")
    assert_refused(adds(shape=(0,)), ValueError, "shape")
    assert_refused(adds(shape="four"), (TypeError, ValueError), "shape")
    assert_refused(adds(initializer="glorot"), ValueError, "glorot")
    assert_refused(adds(dtype="float64"), ValueError, "dtype: expected 'float32'")
    assert_refused(adds(trainable=3), TypeError, "trainable")
    assert_refused(adds(name="a/b"), ValueError, "name")
    assert_refused(lambda: Dense(2).add_weight((3,)), TypeError, "class with a call of its own")

    def twice(self, shape):
        self.a = self.add_weight((4,), name="a")
        self.b = self.add_weight((4,), name="a")

    assert_refused(lambda: layer_of(lambda self, x: x, twice)(X), ValueError, "no other weight")


def test_training_that_cannot_be_given():
    class Norm(Layer):
        def __init__(self, flag):
            super().__init__()
            self.norm, self.flag = layers.BatchNormalization(), flag

        def call(self, x):
            return self.norm(x, training=self.flag)

    assert_refused(lambda: Norm(True)(X), ValueError, "which only Dropout and layers of noise")
    still = Norm(False)
    model = fanin.Sequential([layers.Input((4,)), still], rng=0)
    before = still.norm.moving_mean.copy()
    assert np.array_equal(model(X, training=True), model(X))
    assert np.array_equal(still.norm.moving_mean, before)
    assert_refused(lambda: Norm("yes")(X), TypeError, "training")


def test_another_shape_is_refused():
    layer = layer_of(
        lambda self, x: x * self.w,
        lambda self, shape: setattr(self, "w", self.add_weight((shape[-1],))),
    )
    layer(X)
    assert_refused(lambda: layer(np.ones((2, 3))), ValueError, "samples of shape (4,)")
    assert layer(X).shape == (6, 4)


def test_a_layer_without_call_is_no_layer():
    own = type("Own", (Layer,), {"get_config": lambda self: {}})
    assert_refused(own, TypeError, "Own is not one of fanin's layers", "call")
    with_build = {"build": lambda self, shape: None}
    words = "Own.build cannot be overridden"
    assert_refused(lambda: type("Own", (Dense,), with_build), TypeError, words)


@pytest.mark.parametrize("keeps", ["in call", "in build", "all in call", "copies in call"])
def test_weights_of_other_layers_are_no_constants_whatever_they_are_kept_as(keeps):
    class Tied(layers.Layer):
        def __init__(self, other):
            super().__init__()
            self.other, self.kept = other, None

        def build(self, input_shape):
            if keeps == "in build":
                self.kept = self.other.kernel

        def call(self, x):
            if keeps == "in call":
                return fanin.ops.matmul(x, self.other.weights[0].T)
            if keeps == "all in call":
                return fanin.ops.matmul(x, self.other.trainable_weights[0].T)
            if keeps == "copies in call":
                return fanin.ops.matmul(x, self.other.get_weights()[0].T)
            return fanin.ops.matmul(x, self.kept.T)

    other = layers.Dense(3)
    other.build((None, 4))
    words = ("the weights of layer", "would be constants", "fanin.ops.matmul")
    assert_refused(lambda: Tied(other)(X[:, :3]), TypeError, *words)
    inputs = fanin.Input((4,))
    assert_refused(lambda: fanin.Model(inputs, Tied(other)(other(inputs))), TypeError, *words[:2])
