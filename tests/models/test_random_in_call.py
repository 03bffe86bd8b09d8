"""Random numbers in the `call` of layers and models of one's own: others each time, equal bits."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import _core, layers, ops, random

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 4))


class Sampling(layers.Layer):
    """What is between the two halves of a variational autoencoder."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.generator = random.SeedGenerator(seed)

    def call(self, inputs):
        mean, log_var = inputs
        shape = (ops.shape(mean)[0], ops.shape(mean)[1])
        return mean + ops.exp(0.5 * log_var) * random.normal(shape, seed=self.generator)


class Noise(layers.Layer):
    def __init__(self, law="normal", **options):
        super().__init__()
        self.law, self.options = law, options

    def call(self, x):
        return x + getattr(random, self.law)(ops.shape(x), **self.options)


def encoder(dtype="float64", seed=None):
    inputs = fanin.Input((4,), dtype=dtype)
    mean, log_var = layers.Dense(2)(inputs), layers.Dense(2)(inputs)
    sample = Sampling(seed)([mean, log_var])
    return fanin.Model(inputs, layers.Dense(4)(sample), rng=0)


def noise(law="normal", dtype="float64", rng=0, **options):
    return fanin.Sequential([fanin.Input((4,), dtype=dtype), Noise(law, **options)], rng=rng)


def drawn(model, x=X):
    return model.predict(x, verbose=0) - x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_of_their_law(dtype):
    x = np.zeros((20_000, 4), dtype)
    normal = drawn(noise(dtype=dtype, mean=1.0, stddev=2.0), x)
    assert abs(normal.mean() - 1) < 0.03
    assert abs(normal.std() - 2) < 0.03
    assert abs(np.corrcoef(normal.T) - np.eye(4)).max() < 0.03
    uniform = drawn(noise("uniform", dtype=dtype, minval=-1.0, maxval=3.0), x)
    assert -1 <= uniform.min() < -0.99
    assert 2.99 < uniform.max() <= 3
    assert abs(uniform.mean() - 1) < 0.03
    assert abs(uniform.std() - 4 / np.sqrt(12)) < 0.03


def test_numbers_are_others_in_each_pass_and_each_block():
    model = noise()
    first, second = drawn(model), drawn(model)
    assert not np.isclose(first, second).any()
    blocks = model.predict(np.zeros((400, 4)), batch_size=100, verbose=0).reshape(4, 100, 4)
    assert not np.isclose(blocks[0], blocks[1]).any()
    assert not np.isclose(model(X), model(X)).any()
    a, b = model.forward(X, training=True)[0], model.forward(X, training=True)[0]
    assert not np.isclose(a, b).any()


def test_numbers_are_a_function_of_the_seed_alone():
    first, again, other = (drawn(noise(rng=rng)) for rng in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, other).any()
    seeded = [drawn(noise(rng=rng, seed=random.SeedGenerator(5))) for rng in (0, 1)]
    np.testing.assert_array_equal(*seeded)


def test_two_draws_of_a_call_and_two_calls_of_a_layer_differ():
    class Twice(layers.Layer):
        def call(self, x):
            shape = ops.shape(x)
            return x + ops.concatenate([random.normal(shape), random.normal(shape)], -1)[:, 2:6]

    model = fanin.Sequential([fanin.Input((4,), dtype="float64"), Twice()], rng=0)
    found = drawn(model)
    assert not np.isclose(found[:, :2], found[:, 2:]).any()
    inputs, shared = fanin.Input((4,), dtype="float64"), Noise()
    model = fanin.Model(inputs, layers.Concatenate()([shared(inputs), shared(inputs)]), rng=0)
    both = model.predict(X, verbose=0)
    assert not np.isclose(both[:, :4], both[:, 4:]).any()
    inputs = fanin.Input((4,), dtype="float64")
    parts = layers.Concatenate()([Noise()(inputs), Noise()(inputs)])
    both = fanin.Model(inputs, parts, rng=0).predict(X, verbose=0)
    assert not np.isclose(both[:, :4], both[:, 4:]).any()


def test_training_has_the_same_bits_for_any_number_of_threads_and_level():
    level, found = _core.simd_level(), set()
    try:
        for name in ("baseline", "avx2", "avx512"):
            _core.set_simd_level(name)
            for threads in (1, 2):
                model = encoder("float32")
                model.compile("adam", "mse")
                history = model.fit(X, X, epochs=2, batch_size=64, verbose=0, threads=threads)
                found.add((model.params.tobytes(), tuple(history.history["loss"])))
    finally:
        _core.set_simd_level(level)
    assert len(found) == 1


def test_gradients_go_past_the_numbers():
    """What is learned makes the noise small: nothing else lowers the loss."""
    model = encoder()
    model.compile(fanin.optimizers.Adam(0.03), "mse")
    x = X[:, :1] * np.array([[1.0, -1.0, 0.5, 2.0]])
    history = model.fit(x, x, epochs=60, batch_size=100, verbose=0).history["loss"]
    assert history[-1] < 0.02 * history[0]
    y, cache = model.forward(x, training=True)
    dx, _ = model.backward(np.ones_like(y), cache)
    assert np.isfinite(dx).all()


def test_what_reads_the_shape_alone_gets_no_gradient():
    class Only(layers.Layer):
        def call(self, x):
            return x[:, :2] + random.uniform((ops.shape(x)[0], 2))

    model = fanin.Sequential([fanin.Input((4,), dtype="float64"), Only()], rng=0)
    dx, _ = model.backward(np.ones((400, 2)), model.forward(X, training=True)[1])
    np.testing.assert_array_equal(dx, np.ones((400, 4)) * [1, 1, 0, 0])


def test_noise_may_be_of_training_alone():
    class Own(layers.Layer):
        def call(self, x, training=False):
            return random.dropout(x, 0.5) if training else x

    model = fanin.Sequential([fanin.Input((4,), dtype="float64"), Own()], rng=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), X)
    kept = model.forward(X, training=True)[0] / X
    assert set(np.round(kept, 12).ravel()) == {0.0, 2.0}
    assert 0.4 < (kept == 0).mean() < 0.6


def test_a_model_of_a_users_draws_too():
    class Own(fanin.Model):
        def __init__(self):
            super().__init__(rng=0)
            self.first, self.second = layers.Dense(3), layers.Dense(4)

        def call(self, x):
            hidden = self.first(x)
            return self.second(hidden + random.normal(ops.shape(hidden), stddev=0.1))

    found = []
    for _ in range(2):
        model = Own()
        model.compile(fanin.optimizers.Adam(0.01), "mse")
        found.append(model.fit(X, X, epochs=5, verbose=0).history["loss"])
        assert not np.isclose(model.predict(X, verbose=0), model.predict(X, verbose=0)).any()
    assert found[0] == found[1]
    assert found[0][-1] < found[0][0]


def test_files_and_copies_draw_what_the_network_draws(tmp_path):
    model = encoder()
    model.compile("adam", "mse")
    model.fit(X, X, verbose=0)
    model.save(tmp_path / "m.npz")
    twins = [
        fanin.models.load_model(tmp_path / "m.npz", custom_objects={"Sampling": Sampling}),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ]
    expected = model.fit(X, X, verbose=0).history
    for twin in twins:
        assert twin.fit(X, X, verbose=0).history == expected


# Outside of a call.


def test_arrays_outside_of_a_call():
    assert random.normal((2, 3), seed=1).dtype == np.float32
    assert random.uniform((2, 3), dtype="float64", seed=1).dtype == np.float64
    np.testing.assert_array_equal(random.normal((9,), seed=1), random.normal((9,), seed=1))
    generator = random.SeedGenerator(1)
    a, b = random.normal((9,), seed=generator), random.normal((9,), seed=generator)
    assert not np.isclose(a, b).any()
    fanin.set_random_seed(3)
    first = random.normal((9,))
    fanin.set_random_seed(3)
    np.testing.assert_array_equal(first, random.normal((9,)))
    assert set(random.dropout(np.ones(99), 0.75, seed=0).tolist()) == {0.0, 4.0}
    assert random.SeedGenerator(4).get_config() == {"seed": 4, "name": "seed_generator"}


# What is refused.


def network(call):
    own = type("Own", (layers.Layer,), {"call": lambda self, x: call(x)})
    return fanin.Sequential([fanin.Input((4,)), own()], rng=0)


REFUSED = {
    "a number as seed": (lambda x: x + random.normal(ops.shape(x), seed=1), TypeError, "SeedGen"),
    "a shape of no batch": (lambda x: x + random.normal((4,)), TypeError, "length of the batch"),
    "a batch of known length": (lambda x: x + random.normal((2, 4)), TypeError, "length of the b"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_drawn_in_a_call_is_refused(what):
    call, error, words = REFUSED[what]
    with pytest.raises(error, match=words):
        network(call).predict(X[:, :4], verbose=0)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: random.normal((2,), stddev=-1), "stddev: expected"),
        (lambda: random.uniform((2,), 1, 0), "maxval: expected"),
        (lambda: random.uniform((2,), 0, float("inf")), "maxval: expected"),
        (lambda: random.normal((-2,)), "shape: expected"),
        (lambda: random.dropout([1.0], 1.0), "rate: expected"),
        (lambda: random.dropout([1.0], 0.5, (1,)), "noise_shape: expected"),
        (lambda: random.SeedGenerator(-1), "seed: expected"),
    ],
)
def test_impossible_settings_are_refused(draw, words):
    with pytest.raises(ValueError, match=words):
        draw()
