"""Programs of this package: functional, several inputs, subclassed, own layers."""

import fanin
import numpy as np
from fanin import layers, ops
from fanin.layers import Add, BatchNormalization, Concatenate, Dense, Dropout, Embedding, Input

from exam import data
from exam.unseen.program import Program, bernoulli, network, rng, said, smooth


def compiled(model, x, y, loss, optimizer=None, guess=None, **options):
    """Compile, and return the program."""
    optimizer = optimizer or fanin.optimizers.Adam(3e-3)
    model.compile(optimizer=optimizer, loss=loss)
    return Program(model, x, y, loss, optimizer, guess, **options)


@network("fanin", number_of_the_account=said("feature_scale unscaled_input uncentred_input"))
def entity_embeddings(fault):
    """Numbers, and vectors of names (Guo and Berkhahn 2016)."""
    r = rng(3)
    numbers = r.normal(size=(512, 6))
    town, trade = r.integers(0, 12, (512, 1)), r.integers(0, 8, (512, 1))
    y = (
        numbers[:, :1]
        + r.normal(size=12)[town]
        + r.normal(size=8)[trade]
        + 0.2 * r.normal(size=(512, 1))
    )
    if fault:
        numbers[:, 5] = r.integers(100_000, 999_999, 512)
    inputs = [Input((6,), name="numbers"), Input((1,), name="town"), Input((1,), name="trade")]
    vectors = [
        layers.Flatten()(Embedding(n, 4)(i)) for n, i in zip((12, 8), inputs[1:], strict=True)
    ]
    h = Concatenate()([inputs[0], *vectors])
    h = Dropout(0.1)(Dense(64, "relu", kernel_initializer="he_normal", name="hidden")(h))
    model = fanin.Model(inputs, Dense(1, name="out")(h), rng=0)
    return compiled(model, [numbers, town, trade], y, "mse", epochs=20)


@network("fanin", clipped_at_a_millionth=said("learning_rate clipping"))
def pre_norm(fault):
    """Residual blocks with LayerNormalization, branches that begin at zero."""
    x, y = data.load("clouds")
    i = Input((20,))
    h = Dense(48, name="lift")(i)
    for k in range(3):
        inner = Dense(96, "gelu", kernel_initializer="he_normal")(layers.LayerNormalization()(h))
        h = Add()([h, Dense(48, kernel_initializer="zeros", name=f"narrow{k}")(inner)])
    model = fanin.Model(i, Dense(5, "softmax", name="out")(layers.LayerNormalization()(h)), rng=1)
    clip = 1e-6 if fault else 1.0
    optimizer = fanin.optimizers.SGD(0.1, momentum=0.9, clipnorm=clip)
    return compiled(model, x, y, "sparse_categorical_crossentropy", optimizer)


class Linear(layers.Layer):
    """A kernel of one's own."""

    def __init__(self, units, initializer="he_normal", **options):
        super().__init__(**options)
        self.units, self.initializer = units, initializer

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.w = self.add_weight(shape=shape, initializer=self.initializer, name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, x):
        return x @ self.w + self.b


class Gated(layers.Layer):
    """A highway: gates begin nearly shut (Srivastava et al. 2015)."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.inner, self.gate = (
            Dense(units, "relu"),
            Dense(units, "sigmoid", bias_initializer=fanin.initializers.Constant(-1.5)),
        )

    def call(self, x):
        gates = self.gate(x)
        return gates * self.inner(x) + (1 - gates) * x


@network("fanin", own_kernel_of_ones=said("symmetric scale", "own", hurts=False))
def own_layers(fault):
    x, y = data.load("clouds")
    rows = [Linear(48, "ones" if fault else "he_normal", name="own"), layers.Activation("relu")]
    model = fanin.Sequential([*rows, Gated(48), Gated(48), Dense(5, "softmax", name="out")], rng=2)
    model.build((None, 20))
    return compiled(model, x, y, "sparse_categorical_crossentropy")


@network("fanin", expert_that_is_off=said("bias dead", "expert1", hurts=False))
def mixture_of_experts(fault):
    """A softmax weighs what three experts say (Jacobs et al. 1991)."""
    x, y = data.load("clouds")
    i = Input((20,))
    gates = Dense(3, "softmax", name="gates")(i)
    bias = fanin.initializers.Constant(-8.0)
    parts = []
    for k in range(3):
        start = bias if fault and k == 1 else "zeros"
        hidden = Dense(
            24, "relu", kernel_initializer="he_normal", bias_initializer=start, name=f"expert{k}"
        )
        parts.append(gates[:, k : k + 1] * hidden(i))
    model = fanin.Model(i, Dense(5, "softmax", name="out")(Add()(parts)), rng=3)
    return compiled(model, x, y, "sparse_categorical_crossentropy")


@network("fanin", tanh_for_wide_targets=said("output_activation target_scale", hurts=False))
def upper_quartile(fault):
    """A quantile, by a loss of one's own over ops."""
    x, y = smooth(512, 8, 6)
    y = 3 * y if fault else y

    def quartile(y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(0.75 * error, -0.25 * error), axis=-1)

    rows = [
        Dense(48, "silu", kernel_initializer="he_normal"),
        BatchNormalization(),
        Dense(48, "silu"),
    ]
    model = fanin.Sequential([*rows, Dense(1, "tanh" if fault else None, name="out")], rng=4)
    error = y - np.quantile(y, 0.75)
    guess = float(np.maximum(0.75 * error, -0.25 * error).mean())
    model.build((None, 8))
    return compiled(model, x, y, quartile, guess=guess, epochs=20)


@network("fanin", seconds_of_a_day=said("unscaled_input uncentred_input feature_scale"))
def physics(fault):
    """A deep tanh network of a place and a time."""
    points = rng(4).uniform(-1, 1, (512, 2))
    y = np.sin(3 * points[:, :1]) * np.cos(2 * points[:, 1:])
    if fault:
        points[:, 1] = 43200 * (1 + points[:, 1])
    model = fanin.Sequential([*(Dense(48, "tanh") for _ in range(5)), Dense(1)], rng=5)
    model.build((None, 2))
    return compiled(model, points, y / y.std(), "mse", epochs=30)


@network(
    "fanin", softmax_for_several_labels=said("output_activation loss softmax_twice", hurts=False)
)
def multi_label(fault):
    """Words of a text, of which eight are asked for."""
    x, _ = data.load("words")
    y = np.stack([(x == word).any(1) for word in range(8)], 1).astype("float32")
    end = "softmax" if fault else "sigmoid"
    i = Input((20,))
    h = ops.mean(Embedding(60, 48, name="words")(i), axis=1)
    h = Dense(64, "relu", kernel_initializer="he_normal")(h)
    model = fanin.Model(i, Dense(8, end, name="labels")(h), rng=6)
    adam = fanin.optimizers.Adam(1e-2)
    return compiled(model, x, y, "binary_crossentropy", adam, bernoulli(y), epochs=30)


@network("fanin", dropout_of_95_percent=said("dropout", "drop"))
def noisy_autoencoder(fault):
    """Noise in, pictures out (Vincent et al. 2008)."""
    x = data.load("digits")[0].reshape(512, 64)
    noise = layers.GaussianNoise(0.3)
    drop = Dropout(0.95 if fault else 0.05, name="drop")
    rows = [noise, Dense(48, "elu"), drop, Dense(16), Dense(48, "elu"), Dense(64, name="pixels")]
    model = fanin.Sequential(rows, rng=7)
    model.build((None, 64))
    return compiled(model, x, x, "mse", epochs=20)


@network("fanin", decay_of_one=said("weight_decay"))
def maxout(fault):
    """The larger of two products (Goodfellow et al. 2013)."""
    x, y = data.load("digits")
    x = x.reshape(len(x), -1)
    i = Input((64,))
    h = i
    for k in range(2):
        h = layers.Maximum()([Dense(48, name=f"one{k}")(h), Dense(48, name=f"two{k}")(h)])
    model = fanin.Model(i, Dense(10, "softmax", name="out")(h), rng=8)
    decay = 1.0 if fault else 1e-4
    optimizer = fanin.optimizers.SGD(0.1, momentum=0.9, weight_decay=decay)
    return compiled(model, x, y, "sparse_categorical_crossentropy", optimizer)


@network("fanin", values_as_rates=said("loss output_activation non_finite", hurts=False))
def poisson(fault):
    """Counts, whose rates are exponentials."""
    x, f = smooth(512, 8, 5)
    y = rng(5).poisson(np.exp(f + 2.0)).astype("float32")
    end = None if fault else "exponential"
    rows = [
        Dense(48, "gelu", kernel_initializer="he_normal"),
        Dense(48, "gelu"),
        Dense(1, end, name="rate"),
    ]
    model = fanin.Sequential(rows, rng=9)
    model.build((None, 8))
    rates = np.exp(f + 2.0)
    floor = float((rates - y * np.log(rates)).mean())
    guess = float(y.mean() - y.mean() * np.log(y.mean()))
    if fault:
        return compiled(model, x, y, "poisson", guess=abs(guess))

    def above(y_true, y_pred):
        return ops.mean(y_pred - y_true * ops.log(y_pred + 1e-7), axis=-1) - floor

    return compiled(model, x, y, above, guess=guess - floor, epochs=20)


@network("fanin", rate_of_a_millionth=said("learning_rate"))
def tokens(fault):
    """Vectors of words, cosine scores of subjects; labels as rows of 0 and 1."""
    x, y = data.load("words")
    rows = np.eye(4, dtype="float32")[y]
    i = Input((20,))
    h = layers.UnitNormalization()(Dense(32, "tanh")(ops.mean(Embedding(60, 32)(i), axis=1)))
    model = fanin.Model(
        i, Dense(4, "softmax", kernel_initializer="orthogonal", name="out")(h), rng=10
    )
    adam = fanin.optimizers.Adam(1e-6 if fault else 1e-2)
    return compiled(model, x, rows, "categorical_crossentropy", adam, np.log(4), epochs=30)
