"""Normalization within a sample, by data, and by torch's convention: laws, edges, refusals."""

import copy
import functools

import fanin
import numpy as np
import pytest
from fanin import activations, layers, losses
from fanin.errors import ShapeError

X = np.random.default_rng(0).normal(3, 2, size=(8, 6)).astype("float32")


@pytest.mark.parametrize(
    "layer",
    [
        layers.LayerNormalization,
        layers.RMSNormalization,
        functools.partial(layers.GroupNormalization, 2),
    ],
)
def test_a_sample_has_statistics_of_its_own(layer):
    """Training is inference, and neighbours, batch sizes and threads decide no bit."""
    made = layer()
    whole = made(X)
    assert np.array_equal(whole, made(X, training=True))
    for i in range(len(X)):
        assert np.array_equal(made(X[i : i + 1])[0], whole[i])
    wide = np.random.default_rng(1).normal(size=(900, 300)).astype("float32")
    made = layer()
    cached = [made.forward(wide, threads=threads) for threads in (1, 3)]
    assert np.array_equal(cached[0][0], cached[1][0])
    backs = [
        made.backward(wide, cache, threads=t) for (_, cache), t in zip(cached, (1, 3), strict=True)
    ]
    assert np.array_equal(backs[0][0], backs[1][0])
    for role in made.arrays:
        assert np.array_equal(backs[0][1][role], backs[1][1][role])


def test_means_and_squares_are_what_they_say():
    y = layers.LayerNormalization(epsilon=1e-12, dtype="float64")(X)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-14)
    np.testing.assert_allclose(y.std(axis=1), 1, rtol=1e-9)
    y = layers.RMSNormalization(epsilon=1e-12, dtype="float64")(X)
    np.testing.assert_allclose((y**2).mean(axis=1), 1, rtol=1e-9)
    y = layers.UnitNormalization(dtype="float64")(X)
    np.testing.assert_allclose((y**2).sum(axis=1), 1, rtol=1e-14)
    one, all_groups = layers.GroupNormalization(1)(X), layers.LayerNormalization()(X)
    assert np.array_equal(one, all_groups)


def test_a_large_mean_keeps_its_digits():
    """x = 1e4 + N(0, 1) in float32: a variance that is not centred would lose every digit."""
    x = (np.random.default_rng(2).normal(size=(16, 512)) + 1e4).astype("float32")
    exact = x.astype(float)
    expected = (exact - exact.mean(axis=1, keepdims=True)) / np.sqrt(exact.var(axis=1) + 1e-3)[
        :, None
    ]
    assert np.abs(layers.LayerNormalization()(x) - expected).max() < 1e-4


def test_equal_numbers_become_beta():
    layer = layers.LayerNormalization(beta_initializer="ones")
    y, cache = layer.forward(np.full((2, 5), 7.0))
    assert np.array_equal(y, np.ones((2, 5)))
    dx, _ = layer.backward(np.random.default_rng(0).normal(size=(2, 5)), cache)
    assert np.isfinite(dx).all()


@pytest.mark.parametrize(
    ("make", "shape", "error", "words"),
    [
        (lambda: layers.LayerNormalization(1), (4, 5), ShapeError, "axis: expected the last axis"),
        (lambda: layers.LayerNormalization((-1, 1)), (2, 3, 4), ShapeError, "axis"),
        (lambda: layers.LayerNormalization(()), (4,), TypeError, "axis"),
        (lambda: layers.LayerNormalization(0), (4,), ShapeError, "axis"),
        (lambda: layers.LayerNormalization(rms_scaling=True), (4,), ValueError, "RMSNormalization"),
        (lambda: layers.LayerNormalization(epsilon=0), (4,), ValueError, "epsilon"),
        (lambda: layers.GroupNormalization(4), (6,), ValueError, "groups: expected a divisor of 6"),
        (lambda: layers.GroupNormalization(0), (6,), ValueError, "groups"),
        (lambda: layers.GroupNormalization(axis=1), (6, 6), ShapeError, "axis"),
        (lambda: layers.UnitNormalization((1, 3)), (2, 3, 4), ShapeError, "axes in a row"),
        (lambda: layers.PReLU(shared_axes=3), (2, 3), ShapeError, "shared_axes"),
        (lambda: layers.PReLU(shared_axes=0), (2, 3), ValueError, "shared_axes"),
        (lambda: layers.Normalization(mean=1.0), (3,), ValueError, "variance: expected both"),
        (lambda: layers.Normalization(mean=[1, 2], variance=[1, 1]), (3,), ShapeError, "mean"),
        (lambda: layers.Normalization(mean=0, variance=-1), (3,), ValueError, "variance"),
        (lambda: layers.Normalization(None, [1, 2], [1, 2]), (2,), ShapeError, "mean"),
        (lambda: layers.Normalization(1), (2, 3), ShapeError, "axis"),
        (lambda: layers.GaussianNoise(-1), (3,), ValueError, "stddev"),
        (lambda: layers.GaussianDropout(1.0), (3,), ValueError, "rate"),
        (lambda: layers.AlphaDropout(0.1, (1, 3)), (3,), ValueError, "noise_shape"),
        (lambda: layers.BatchNormalization(momentum=None), (3,), ValueError, "momentum"),
        (lambda: layers.BatchNormalization(convention="jax"), (3,), ValueError, "convention"),
        (lambda: layers.Activation("threshold"), (3,), ValueError, "default_value"),
    ],
)
def test_what_is_refused(make, shape, error, words):
    with pytest.raises(error, match=words):
        make().build((None, *shape))


# By data.


def test_adapt_is_mean_and_variance_of_the_data():
    data = np.random.default_rng(3).normal(50, 7, size=(40_000, 3))
    for axis, over in ((-1, 0), (None, None)):
        layer = layers.Normalization(axis, dtype="float64")
        layer.adapt(data)
        np.testing.assert_allclose(layer.mean, data.mean(axis=over), rtol=1e-13)
        np.testing.assert_allclose(layer.variance, data.var(axis=over), rtol=1e-12)
        batches = layers.Normalization(axis, dtype="float64")
        batches.adapt(data[start : start + 999] for start in range(0, len(data), 999))
        np.testing.assert_allclose(batches.mean, layer.mean, rtol=1e-13)
        np.testing.assert_allclose(batches.variance, layer.variance, rtol=1e-12)
    layer = layers.Normalization()
    layer.adapt(data)
    np.testing.assert_allclose(layer(data).std(axis=0), 1, rtol=1e-4)


def test_adapt_refuses_and_leaves_all_as_it_was():
    layer = layers.Normalization(name="norm")
    layer.adapt([[1.0, 2.0], [3.0, 4.0]])
    before = layer.get_weights()
    for data, words in (
        (np.zeros((0, 2)), "at least one sample"),
        (iter(()), "at least one sample"),
        ([[1.0, np.nan]], "finite"),
        ([[1.0, 2.0, 3.0]], r"samples of shape \(2,\)"),
        ([1.0, 2.0], r"\(n, features\)"),
        (([[1.0, 2.0]], [[1.0]])[0:2].__iter__(), "samples of shape"),
    ):
        with pytest.raises(ValueError, match=words):
            layer.adapt(data)
        for now, then in zip(layer.get_weights(), before, strict=True):
            assert np.array_equal(now, then)
    with pytest.raises(ValueError, match="given"):
        layers.Normalization(mean=0, variance=1).adapt([[1.0]])


def test_normalization_is_kept_by_training_and_files(tmp_path):
    norm = layers.Normalization()
    norm.adapt(X)
    model = fanin.Sequential([norm, layers.Dense(1)], rng=0)
    model.compile("adam", "mse")
    before = norm.mean.copy()
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    assert np.array_equal(norm.mean, before)
    model.save(tmp_path / "model.npz")
    again = fanin.models.load_model(tmp_path / "model.npz")
    assert np.array_equal(again.predict(X), model.predict(X))
    there = layers.Normalization(mean=X.mean(0), variance=X.var(0))
    back = layers.Normalization(mean=X.mean(0), variance=X.var(0), invert=True)
    np.testing.assert_allclose(back(there(X)), X, rtol=1e-5)


# By torch's convention.


def test_a_batch_of_one_row():
    for convention, variance in (("keras", 0.9), ("torch", 1.0)):
        layer = layers.BatchNormalization(
            momentum=0.9 if convention == "keras" else 0.1, convention=convention
        )
        y, cache = layer.forward(X[:1], training=True)
        assert np.array_equal(y, np.zeros((1, 6)))
        assert np.array_equal(layer.backward(np.ones((1, 6)), cache)[0], np.zeros((1, 6)))
        np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-6)
        np.testing.assert_allclose(layer.moving_mean, 0.1 * X[0], rtol=1e-5)


def test_averages_over_all_batches_count_each_alike():
    layer = layers.BatchNormalization(momentum=None, convention="torch", dtype="float64")
    batches = [X[:3], X[3:5], X[5:]]
    for batch in batches:
        layer(batch, training=True)
    assert layer.moving_count == 3
    means = np.mean([batch.mean(axis=0, dtype=float) for batch in batches], axis=0)
    variances = np.mean([batch.astype(float).var(axis=0, ddof=1) for batch in batches], axis=0)
    np.testing.assert_allclose(layer.moving_mean, means, rtol=1e-12)
    np.testing.assert_allclose(layer.moving_variance, variances, rtol=1e-12)
    with pytest.raises(ValueError, match="momentum: expected None"):
        layer.momentum = 0.5


# Noise.


@pytest.mark.parametrize(
    "make", [layers.GaussianNoise, layers.GaussianDropout, layers.AlphaDropout]
)
def test_noise_is_a_function_of_seed_and_step(make):
    x = np.ones((300, 200), "float32")
    first, second = make(0.3, seed=1), make(0.3, seed=1)
    runs = [first(x, training=True), second(x, training=True)]
    assert np.array_equal(*runs)
    assert not np.array_equal(runs[0], first(x, training=True))
    assert not np.array_equal(runs[0], make(0.3, seed=2)(x, training=True))
    assert np.array_equal(first(x), x)
    assert np.array_equal(make(0.0)(x, training=True), x)

    def fitted(threads):
        model = fanin.Sequential([layers.Dense(40), make(0.2), layers.Dense(1)], rng=0)
        model.compile("sgd", "mse")
        model.fit(x, x[:, :1], epochs=2, batch_size=150, verbose=0, threads=threads)
        return model.params

    assert np.array_equal(fitted(1), fitted(3))


def test_noise_has_the_moments_that_it_says():
    x = np.random.default_rng(5).normal(size=(400, 250))
    share = 4 / np.sqrt(x.size)  # four standard deviations of a mean
    noise = layers.GaussianNoise(0.5, seed=0, dtype="float64")(x, training=True) - x
    assert abs(noise.mean()) < 0.5 * share
    assert abs(noise.std() - 0.5) < 0.5 * share
    factor = layers.GaussianDropout(0.2, seed=0, dtype="float64")(x, training=True) / x
    assert abs(factor.mean() - 1) < 0.5 * share
    assert abs(factor.std() - 0.5) < 0.5 * share
    y = layers.AlphaDropout(0.1, seed=0, dtype="float64")(x, training=True)
    assert abs(y.mean() - x.mean()) < 2 * share
    assert abs(y.std() - x.std()) < 4 * share


# In networks.


def test_networks_of_them_are_saved_copied_and_called_on_values(tmp_path):
    inputs = layers.Input((6,))
    hidden = layers.LayerNormalization()(layers.Dense(8)(inputs))
    hidden = layers.PReLU("ones")(layers.GroupNormalization(4)(hidden))
    hidden = activations.celu(layers.GaussianNoise(0.1)(hidden), alpha=0.5)
    hidden = activations.relu(layers.RMSNormalization()(hidden), max_value=6)
    outputs = layers.Dense(2)(layers.Identity()(layers.UnitNormalization()(hidden)))
    model = fanin.Model(inputs, outputs, rng=0)
    model.compile("adam", losses.MeanSquaredError())
    model.fit(X, X[:, :2], epochs=2, verbose=0)
    expected = model.predict(X)
    model.save(tmp_path / "model.npz")
    for again in (fanin.models.load_model(tmp_path / "model.npz"), copy.deepcopy(model)):
        assert np.array_equal(again.predict(X), expected)
    assert "layer_normalization" in str(fanin.diagnose(model, X, X[:, :2]))


def test_a_layer_of_ones_own_may_have_them():
    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense, self.norm = layers.Dense(6), layers.LayerNormalization()
            self.noise = layers.GaussianNoise(0.1)

        def call(self, x):
            return x + activations.mish(self.dense(self.noise(self.norm(x))))

    model = fanin.Sequential([Block(), layers.Dense(1)], rng=0)
    model.compile("adam", "mse")
    history = model.fit(X, X[:, :1], epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0]
