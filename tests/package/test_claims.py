"""What the documents claim about initialization and BatchNorm, checked where code can check it.

Each test states its claim in words of its own. Networks are chains of public layers on NumPy
arrays: forward keeps a cache, backward takes it back.
"""

import fanin
import numpy as np
import pytest
from fanin.initializers import Constant, RandomNormal, VarianceScaling, Zeros
from fanin.layers import BatchNormalization, Dense

WIDTH = 200


class Chain:
    """Dense layers of one width behind each other, seen from inside."""

    def __init__(self, depth, activation, initializer, normalized=False):
        self.layers = []
        for _ in range(depth):
            self.layers.append(Dense(WIDTH, activation=activation, kernel_initializer=initializer))
            if normalized:
                self.layers.insert(-1, BatchNormalization())  # before this layer's product
        for i, layer in enumerate(self.layers):
            layer.build((None, WIDTH), rng=i)

    def forward(self, x):
        """The output of every layer."""
        self.caches, outputs = [], []
        for layer in self.layers:
            x, cache = layer.forward(x, training=True)
            self.caches.append(cache)
            outputs.append(x)
        return outputs

    def backward(self, dy):
        """The gradient with respect to what goes into every layer, in the layers' order."""
        gradients = []
        for layer, cache in zip(self.layers[::-1], self.caches[::-1], strict=True):
            dy, _ = layer.backward(dy, cache)
            gradients.append(dy)
        return gradients[::-1]


def normal_input(rows=256):
    return np.random.default_rng(0).normal(size=(rows, WIDTH)).astype("float32")


def size(a):
    """Root mean square."""
    return float(np.sqrt((a.astype(float) ** 2).mean()))


def growth(depth, activation, std, normalized=False):
    """How much signals grow from input to output, and gradients from output to input.

    A signal is what differs between inputs (a sigmoid's constant 0.5 says nothing).
    """
    chain = Chain(depth, activation, RandomNormal(stddev=std), normalized)
    y = chain.forward(normal_input())[-1]
    dy = np.random.default_rng(1).normal(size=y.shape).astype("float32")
    return size(y - y.mean(axis=0)), size(chain.backward(dy)[0]) / size(dy)


# Symmetry


def xor(rows=400):
    """Two classes that no line separates: the best line gets three of four corners right."""
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], "float32")
    x = np.tile(corners, (rows // 4, 1))
    return x, (x[:, 0] * x[:, 1] < 0).astype("int64")


def xor_network(initializer, activation="tanh", output=None):
    model = fanin.Sequential(
        [
            Dense(8, activation=activation, kernel_initializer=initializer, input_shape=(2,)),
            Dense(2, activation="softmax", kernel_initializer=output or initializer),
        ],
        rng=0,
    )
    model.compile(
        fanin.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


SAME = {"zeros": Zeros(), "constant": Constant(0.3), "negative constant": Constant(-0.7)}


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("start", SAME)
def test_equal_weights_stay_equal(start, activation):
    """Claim: units that start equal get equal gradients, so no training tells them apart.

    They stay equal to the last bit.
    """
    model = xor_network(SAME[start], activation)
    x, y = xor()
    model.fit(x + np.float32(0.1), y, epochs=5, batch_size=30, verbose=0, rng=1)
    kernel, bias, output, _ = model.get_weights()
    assert (kernel == kernel[:, :1]).all()
    assert (bias == bias[0]).all()
    assert (output == output[:1]).all()


@pytest.mark.parametrize("start", SAME)
def test_equal_weights_are_no_better_than_a_linear_model(start):
    """Claim: a hidden layer of equal units adds nothing that one line through the inputs lacks."""
    x, y = xor()
    model = xor_network(SAME[start])
    model.fit(x, y, epochs=60, verbose=0, rng=1)
    assert model.evaluate(x, y, verbose=0)[1] <= 0.75

    broken = xor_network("glorot_uniform")
    broken.fit(x, y, epochs=60, verbose=0, rng=1)
    assert broken.evaluate(x, y, verbose=0)[1] == 1.0


@pytest.mark.parametrize("output", [Zeros(), "glorot_uniform"], ids=["all layers", "hidden layer"])
def test_a_relu_network_of_zeros_is_dead(output):
    """Claim: where ReLU meets weights of zero, gradients are zero as well, and nothing is learnt.

    Only the last bias moves, which sees no input.
    """
    x, y = xor()
    model = xor_network(Zeros(), "relu", output)
    before = model.get_weights()
    model.fit(x, y, epochs=10, verbose=0, rng=1)
    kernel, bias, last_kernel, _ = model.get_weights()
    assert not kernel.any()
    assert not bias.any()
    assert np.array_equal(last_kernel, before[2])
    predictions = model.predict(x, verbose=0)
    assert (predictions == predictions[0]).all(), "every input gets the same answer"


def test_zero_biases_do_no_harm():
    """Claim: biases may start at 0, since random weights alone make all units differ."""
    layer = Dense(50, activation="relu", kernel_initializer="he_normal", bias_initializer="zeros")
    layer.build((None, WIDTH), rng=0)
    y = layer(normal_input())
    assert not layer.bias.any()
    assert len(np.unique(y, axis=1).T) == 50
    model = xor_network("glorot_uniform")
    x, y = xor()
    model.fit(x, y, epochs=60, verbose=0, rng=1)
    assert model.evaluate(x, y, verbose=0)[1] == 1.0


# Vanishing and exploding

DEPTH = 12
# Largest factor by which something that vanishes survives; what explodes grows by its inverse.
TINY = 1e-6


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_small_weights_make_signals_and_gradients_vanish(activation):
    """Claim: weights that are too small let signals and gradients die out, layer by layer."""
    signal, gradient = growth(DEPTH, activation, std=0.01)
    assert signal < TINY
    assert gradient < TINY


def test_large_weights_make_signals_and_gradients_explode():
    """Claim: weights that are too large make both grow without bound, ReLU most of all."""
    signal, gradient = growth(DEPTH, "relu", std=1.0)
    assert signal > 1 / TINY
    assert gradient > 1 / TINY


@pytest.mark.parametrize(("activation", "level"), [("tanh", 0.99), ("sigmoid", 0.99)])
def test_large_weights_saturate(activation, level):
    """Claim: large weights drive bounded activations to their flat ends; Glorot's do not."""

    def saturated(initializer):
        y = Chain(3, activation, initializer).forward(normal_input())[-1]
        low = -level if activation == "tanh" else 1 - level
        return ((y > level) | (y < low)).mean()

    assert saturated(RandomNormal(stddev=1.0)) > 0.5
    assert saturated("glorot_normal") < 0.01


# Variances and what they are for


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (VarianceScaling(1.0, "fan_in", "untruncated_normal"), lambda n, m: 1 / n),
        ("lecun_normal", lambda n, m: 1 / n),
        ("glorot_normal", lambda n, m: 2 / (n + m)),
        ("glorot_uniform", lambda n, m: 2 / (n + m)),
        ("he_normal", lambda n, m: 2 / n),
        ("he_uniform", lambda n, m: 2 / n),
    ],
    ids=[
        "N(0, 1/n_in)",
        "lecun_normal",
        "glorot_normal",
        "glorot_uniform",
        "he_normal",
        "he_uniform",
    ],
)
def test_variance_of_an_initializer(initializer, variance):
    """Claim: Xavier's variance is 1/n_in or 2/(n_in + n_out), He's is 2/n_in, and means are 0.

    Both variances that the documents give under Xavier's name.
    """
    n, m = 700, 500
    w = fanin.initializers.get(initializer)((n, m), "float64", rng=1)
    expected = variance(n, m)
    # Five standard errors; a normal's variance has relative error sqrt(2 / size), others have less.
    assert w.var() == pytest.approx(expected, rel=5 * np.sqrt(2 / w.size))
    assert abs(w.mean()) < 5 * np.sqrt(expected / w.size)


@pytest.mark.parametrize(
    ("initializer", "limit"),
    [
        ("glorot_uniform", lambda n, m: np.sqrt(6 / (n + m))),
        (fanin.xavier_init, lambda n, m: np.sqrt(6 / (n + m))),
        ("he_uniform", lambda n, m: np.sqrt(6 / n)),
    ],
    ids=["glorot_uniform", "xavier_init", "he_uniform"],
)
def test_limits_of_a_uniform_initializer(initializer, limit):
    """Claim: uniform weights reach sqrt(6 / (n_in + n_out)) (Xavier) or sqrt(6 / n_in) (He)."""
    draw = initializer if callable(initializer) else fanin.initializers.get(initializer)
    w, bound = draw((300, 200), rng=2), limit(300, 200)
    # float32 rounds the limit itself.
    assert -bound * (1 + 1e-6) <= w.min() < -0.999 * bound
    assert 0.999 * bound < w.max() <= bound * (1 + 1e-6)


def test_he_init_has_the_standard_deviation_it_says():
    """Claim: `he_init` takes the length of the first axis for the fan-in."""
    assert fanin.he_init((512, 400), rng=0).std() == pytest.approx(np.sqrt(2 / 512), rel=0.01)


def test_xavier_keeps_mean_and_variance_through_tanh_layers():
    """Claim: over layers of tanh, Xavier's signals keep a mean of 0 and their variance.

    In tanh's linear range, where Xavier's assumption holds.
    """
    x = normal_input() / 20
    for y in Chain(10, "tanh", "glorot_normal").forward(x):
        assert abs(y.mean()) < 0.05 * x.std()
        assert y.std() == pytest.approx(x.std(), rel=0.25)
    shrunk = Chain(10, "tanh", RandomNormal(stddev=0.01)).forward(x)[-1]
    assert shrunk.std() < 1e-6 * x.std()


def test_xavier_keeps_gradients_too():
    """Claim: the same holds for gradients on their way back."""
    chain = Chain(10, "tanh", "glorot_normal")
    y = chain.forward(normal_input() / 20)[-1]
    dy = np.random.default_rng(1).normal(size=y.shape).astype("float32")
    sizes = [size(g) for g in chain.backward(dy)]
    assert max(sizes) / min(sizes) < 1.5


def test_he_keeps_variance_through_relu_layers():
    """Claim: before training, He's weights hold the size of signals over layers of ReLU.

    He keeps the mean square at 2 times 1/2; Xavier halves it at each ReLU layer: 2^-10 after ten.
    """
    x = normal_input()
    for y in Chain(10, "relu", "he_normal").forward(x):
        assert (y.astype(float) ** 2).mean() == pytest.approx(1, rel=0.35)
    xavier = Chain(10, "relu", "glorot_normal").forward(x)[-1]
    assert (xavier.astype(float) ** 2).mean() == pytest.approx(2**-10, rel=0.5)


def test_relu_leaves_half_of_the_outputs_zero():
    """Claim: ReLU cuts one half of a symmetric signal off, so every second output is 0."""
    for y in Chain(5, "relu", "he_normal").forward(normal_input()):
        assert (y == 0).mean() == pytest.approx(0.5, abs=0.08)


# Batch normalization


def test_batch_normalization_has_four_parameters_a_neuron():
    """Claim: each unit has four numbers, of which two are learnt: 6 and 6 for three units."""
    layer = BatchNormalization()
    layer.build((None, 3))
    assert sum(w.size for w in (layer.gamma, layer.beta)) == 6
    assert sum(w.size for w in (layer.moving_mean, layer.moving_variance)) == 6
    assert layer.count_params() == 4 * 3


def test_parameters_of_the_documents_network():
    """Dense 2-3, 3-2, 2-1: 9 + 8 + 3; normalization of 3 and 2: 6 + 4 learnable, 6 + 4 not."""
    model = fanin.Sequential(
        [
            Dense(3, activation="relu", input_dim=2),
            BatchNormalization(),
            Dense(2, activation="relu"),
            BatchNormalization(),
            Dense(1, activation="sigmoid"),
        ]
    )
    assert sum(w.size for w in model.trainable_weights) == 9 + 8 + 3 + 6 + 4
    assert sum(w.size for w in model.non_trainable_weights) == 6 + 4
    assert model.count_params() == 40


def skewed(rows=500):
    """Activations far from mean 0 and standard deviation 1."""
    rng = np.random.default_rng(4)
    return rng.gamma(2.0, [0.5, 3, 20, 100], size=(rows, 4)).astype("float32") - 7


def built(layer, width=4):
    layer.build((None, width))
    return layer


def test_normalized_activations_have_mean_0_and_deviation_1():
    """Claim: over one batch, what comes out of each unit has a mean of 0 and a deviation of 1."""
    y = built(BatchNormalization())(skewed(), training=True)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=0), 1, atol=2e-3)  # ε = 1e-3 beside a variance of 0.5


def test_the_three_steps_of_batch_normalization():
    """Claim: less the mean, by the root of variance (over m) plus ε, times γ, plus β."""
    layer = built(BatchNormalization())
    layer.gamma[...] = [1, 2, 0.5, -1]
    layer.beta[...] = [0, 1, -3, 10]
    x = skewed().astype(float)
    mean = x.sum(axis=0) / len(x)
    variance = ((x - mean) ** 2).sum(axis=0) / len(x)
    expected = layer.gamma * (x - mean) / np.sqrt(variance + 1e-3) + layer.beta
    np.testing.assert_allclose(layer(skewed(), training=True), expected, rtol=1e-4, atol=1e-4)


def test_training_uses_the_batch_and_inference_the_running_statistics():
    """Claim: in training the batch's own statistics count, afterwards the averages kept of them."""
    layer = built(BatchNormalization(momentum=0.9))
    x = skewed(2000)
    untrained = layer(x[:1], training=False)
    np.testing.assert_allclose(untrained, x[:1] / np.sqrt(1 + 1e-3), rtol=1e-5)

    mean, variance = np.zeros(4), np.ones(4)
    for batch in np.split(x, 20):
        layer(batch, training=True)
        mean = 0.9 * mean + 0.1 * batch.mean(axis=0)
        variance = 0.9 * variance + 0.1 * batch.var(axis=0)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-4)

    alone, among = layer(x[:1], training=False), layer(x[:50], training=False)[:1]
    assert np.array_equal(alone, among), "inference does not look at the rest of the batch"
    expected = (x[:1] - layer.moving_mean) / np.sqrt(layer.moving_variance + 1e-3)
    np.testing.assert_allclose(alone, expected, rtol=1e-4, atol=1e-5)
    assert not np.allclose(layer(x[:50], training=True)[:1], layer(x[50:100], training=True)[:1])
    kept = layer.moving_mean.copy()
    layer(x, training=False)
    assert np.array_equal(layer.moving_mean, kept), "inference leaves the statistics alone"


def test_batch_normalization_keeps_gradients_from_vanishing():
    """Claim: normalized layers hand gradients down where plain ones lose them."""
    _, without = growth(DEPTH, "tanh", std=0.01)
    signal, gradient = growth(DEPTH, "tanh", std=0.01, normalized=True)
    assert without < TINY
    assert 0.1 < gradient < 10
    assert signal > 0.01


@pytest.fixture(scope="module")
def pictures():
    """The first part of the embedded Fashion-MNIST, flat."""
    (x, y), (x_test, y_test) = fanin.datasets.fashion_mnist.load_data("small")
    return (x[:1500].reshape(-1, 784) / 255.0, y[:1500]), (x_test.reshape(-1, 784) / 255.0, y_test)


def accuracy_after_training(pictures, normalized, scale=2.0, rate=0.05, seed=0):
    """Test accuracy of three hidden layers; `scale` is the variance times fan_in, He's is 2."""
    (x, y), (x_test, y_test) = pictures
    start = VarianceScaling(scale, "fan_in", "untruncated_normal")
    layers = []
    for _ in range(3):
        layers.append(Dense(64, activation="relu", kernel_initializer=start))
        if normalized:
            layers.append(BatchNormalization(momentum=0.9))
    model = fanin.Sequential(
        [fanin.Input((784,)), *layers, Dense(10, activation="softmax", kernel_initializer=start)],
        rng=seed,
    )
    model.compile(
        fanin.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=5, batch_size=50, verbose=0, rng=seed)
    return model.evaluate(x_test, y_test, verbose=0)[1]


SCALES = [0.02, 2.0, 200.0]  # too small, He's, too large


def test_batch_normalization_allows_higher_learning_rates(pictures):
    """Claim: a learning rate that ruins the plain network trains the normalized one."""
    without = [accuracy_after_training(pictures, False, rate=1.0, seed=s) for s in range(3)]
    normalized = [accuracy_after_training(pictures, True, rate=1.0, seed=s) for s in range(3)]
    print(f"learning rate 1: {np.round(without, 3)} without, {np.round(normalized, 3)} with")
    assert max(without) < 0.5
    # At this rate the last places of products, which differ between CPUs, decide over hundredths.
    assert min(normalized) > 0.55


def test_batch_normalization_reduces_sensitivity_to_initialization(pictures):
    """Claim: normalized networks care less about the scale that weights start at."""
    without = [accuracy_after_training(pictures, False, scale) for scale in SCALES]
    normalized = [accuracy_after_training(pictures, True, scale) for scale in SCALES]
    print(f"scales {SCALES}: {np.round(without, 3)} without, {np.round(normalized, 3)} with")
    assert min(without) < 0.3
    assert min(normalized) > 0.6
    assert np.ptp(normalized) < np.ptp(without) / 2


def test_good_initialization_converges_faster(pictures):
    """Claim: from weights of the right scale, the same epochs lead further."""
    small, he, large = (accuracy_after_training(pictures, False, scale) for scale in SCALES)
    print(f"scales {SCALES}: {small:.3f}, {he:.3f}, {large:.3f}")
    assert he > small + 0.1
    assert he > large + 0.1
