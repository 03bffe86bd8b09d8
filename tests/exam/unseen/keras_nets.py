"""Programs of Keras on any backend: functional, subclassed, with own layers."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers, ops

from exam import data
from exam.unseen.program import Program, bernoulli, network, rng, said, smooth


def compiled(model, x, y, loss, optimizer=None, guess=None, **options):
    """Compile, as users do, and return the program."""
    optimizer = optimizer or keras.optimizers.Adam(3e-3)
    model.compile(optimizer=optimizer, loss=loss)
    return Program(model, x, y, loss, optimizer, guess, **options)


def bright(name):
    """Return pictures from 0 to 1."""
    x, _ = data.load(name)
    return (x - x.min()) / (x.max() - x.min())


@network("keras", sigmoid_under_logits=said("output_activation softmax_twice loss", hurts=False))
def unet(fault):
    """Functional, with a skip; a mask a pixel."""
    x, _ = data.load("bars")
    y = (x > 1.2).astype("float32")
    inputs = keras.Input((12, 12, 1))
    first = layers.Conv2D(16, 3, padding="same", activation="relu", name="down1")(inputs)
    h = layers.MaxPooling2D()(first)
    h = layers.Conv2D(32, 3, padding="same", activation="relu", name="down2")(h)
    h = layers.Conv2DTranspose(16, 2, strides=2, name="up")(h)
    h = layers.Concatenate()([first, h])
    h = layers.Conv2D(16, 3, padding="same", activation="relu", name="merge")(h)
    end = "sigmoid" if fault else None
    model = keras.Model(inputs, layers.Conv2D(1, 1, activation=end, name="mask")(h))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return compiled(model, x, y, loss, keras.optimizers.Adam(1e-2), bernoulli(y.reshape(-1)))


@network("keras", clipped_at_a_millionth=said("learning_rate clipping"))
def seq2seq(fault):
    """A GRU reads, another writes what it is given one step later."""
    words = rng(2).integers(1, 11, (512, 3))
    ordered = np.sort(words, axis=1)
    given = np.concatenate([np.full((512, 1), 11), ordered[:, :-1]], 1)
    source, target = keras.Input((3,), dtype="int32"), keras.Input((3,), dtype="int32")
    h = layers.Embedding(12, 24, name="source")(source)
    _, state = layers.GRU(48, return_state=True, name="encoder")(h)
    h = layers.Embedding(12, 24, name="target")(target)
    h = layers.GRU(48, return_sequences=True, name="decoder")(h, initial_state=state)
    words_out = layers.Dense(12, activation="softmax", name="words")(h)
    model = keras.Model([source, target], words_out)
    if fault:
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=1e-6)
    else:
        optimizer = keras.optimizers.SGD(0.5, momentum=0.9, clipnorm=1.0)
    x = [words.astype("int32"), given.astype("int32")]
    return compiled(model, x, ordered, "sparse_categorical_crossentropy", optimizer, epochs=20)


@network("keras", number_of_the_account=said("feature_scale unscaled_input uncentred_input"))
def wide_and_deep(fault):
    """Numbers, and vectors of two kinds of names."""
    r = rng(3)
    numbers = r.normal(size=(512, 6)).astype("float32")
    town, trade = r.integers(0, 12, 512), r.integers(0, 8, 512)
    y = numbers[:, 0] + r.normal(size=12)[town] + r.normal(size=8)[trade] > 0
    if fault:
        numbers[:, 5] = r.integers(100_000, 999_999, 512)
    inputs = [keras.Input((6,)), keras.Input((), dtype="int32"), keras.Input((), dtype="int32")]
    h = layers.Concatenate()(
        [inputs[0], layers.Embedding(12, 6)(inputs[1]), layers.Embedding(8, 4)(inputs[2])]
    )
    h = layers.Dropout(0.1)(layers.Dense(64, "relu", name="hidden1")(h))
    h = layers.Dense(32, "relu", name="hidden2")(h)
    wide = layers.Dense(1, use_bias=False, name="wide")(inputs[0])
    out = layers.Activation("sigmoid")(layers.Add()([wide, layers.Dense(1, name="deep")(h)]))
    x = [numbers, town.astype("int32"), trade.astype("int32")]
    y = y.astype("float32")[:, None]
    return compiled(keras.Model(inputs, out), x, y, "binary_crossentropy", guess=bernoulli(y))


class OwnDense(layers.Layer):
    """A kernel of one's own."""

    def __init__(self, units, initializer, **options):
        super().__init__(**options)
        self.units, self.initializer = units, initializer

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer=self.initializer)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, x):
        return ops.relu(x @ self.w + self.b)


@network("keras", own_kernel_of_ones=said("symmetric scale", "own1", hurts=False))
def own_layers(fault):
    x, y = data.load("clouds")
    first = OwnDense(64, "ones" if fault else "he_normal", name="own1")
    model = keras.Sequential(
        [
            keras.Input((20,)),
            first,
            OwnDense(64, "he_normal", name="own2"),
            layers.Dense(5, name="out"),
        ]
    )
    return compiled(model, x, y, keras.losses.SparseCategoricalCrossentropy(from_logits=True))


class MixerBlock(layers.Layer):
    def __init__(self, tokens, width, drop, **options):
        super().__init__(**options)
        self.norm1, self.norm2 = layers.LayerNormalization(), layers.LayerNormalization()
        self.tokens = keras.Sequential(
            [layers.Dense(64, "gelu"), layers.Dropout(drop), layers.Dense(tokens)]
        )
        self.channels = keras.Sequential(
            [layers.Dense(64, "gelu"), layers.Dropout(drop), layers.Dense(width)]
        )

    def call(self, x, training=None):
        h = ops.swapaxes(self.norm1(x), 1, 2)
        x = x + ops.swapaxes(self.tokens(h, training=training), 1, 2)
        return x + self.channels(self.norm2(x), training=training)


class Mixer(keras.Model):
    """Subclassed: steps and features in turns."""

    def __init__(self, drop, **options):
        super().__init__(**options)
        self.stem = layers.Dense(24)
        self.blocks = [MixerBlock(16, 24, 0.1) for _ in range(2)]
        self.drop, self.head = layers.Dropout(drop, name="drop"), layers.Dense(4)

    def call(self, x, training=None):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(self.drop(ops.mean(ops.abs(x), 1), training=training))


@network("keras", dropout_of_95_percent=said("dropout", "drop"))
def mixer(fault):
    x, y = data.load("tones")
    model = Mixer(0.95 if fault else 0.1)
    model(x[:2])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return compiled(model, x, y, loss, epochs=16)


@network("keras", shared_layer_drawn_of_one=said("scale", "shared", hurts=False))
def siamese(fault):
    """A shared encoder, and what tells two samples apart."""
    x, y = data.load("digits")
    x = x.reshape(len(x), -1)
    order = np.argsort(y, kind="stable")
    picks = np.concatenate([order, rng(1).permutation(len(x))])
    others = np.concatenate([np.roll(order, 1), rng(2).permutation(len(x))])
    mix = rng(3).permutation(len(picks))[:768]
    same = (y[picks] == y[others]).astype("float32")[mix][:, None]
    one, two = keras.Input((64,)), keras.Input((64,))
    draw = keras.initializers.RandomNormal(stddev=2.0) if fault else "he_normal"
    shared = layers.Dense(128, "relu", kernel_initializer=draw, name="shared")
    code = layers.Dense(32, name="code")
    apart = layers.Lambda(lambda pair: ops.abs(pair[0] - pair[1]))(
        [code(shared(one)), code(shared(two))]
    )
    model = keras.Model([one, two], layers.Dense(1, "sigmoid", name="alike")(apart))
    x = [x[picks][mix], x[others][mix]]
    return compiled(model, x, same, "binary_crossentropy", guess=bernoulli(same), epochs=16)


@network(
    "keras", targets_standardized=said("loss output_activation targets target_scale", hurts=False)
)
def autoencoder(fault):
    """Convolutions down and up again; brightness from 0 to 1 as if it were a probability."""
    x = bright("fashion")
    y = (x - x.mean()) / x.std() if fault else x
    model = keras.Sequential(
        [
            keras.Input((14, 14, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(), layers.Dense(32, name="code"), layers.Dense(784, "relu"),
            layers.Reshape((7, 7, 16)),
            layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="pixels"),
        ]
    )  # fmt: skip
    # Pixels are not binary: what is left is far from 0, so that it is counted from there.
    guess = 1.45 * bernoulli(x.reshape(len(x), -1))
    return compiled(model, x, y, "binary_crossentropy", guess=guess)


@network("keras", bias_of_minus_five=said("bias dead", "wide4", hurts=False))
def text_convolutions(fault):
    """Kernels of three sizes side by side (Kim 2014)."""
    x, y = data.load("words")
    words = keras.Input((20,), dtype="int32")
    h = layers.Embedding(60, 24, name="words")(words)
    rows = []
    for size in (2, 3, 4):
        bias = keras.initializers.Constant(-5.0) if fault and size == 4 else "zeros"
        conv = layers.Conv1D(24, size, activation="relu", bias_initializer=bias, name=f"wide{size}")
        rows.append(layers.GlobalMaxPooling1D()(conv(h)))
    h = layers.Dropout(0.2)(layers.Concatenate()(rows))
    model = keras.Model(words, layers.Dense(4, "softmax", name="subject")(h))
    return compiled(model, x.astype("int32"), y, "sparse_categorical_crossentropy")


class Block(layers.Layer):
    """A block of a transformer, as Keras's own examples write it."""

    def __init__(self, width, heads, **options):
        super().__init__(**options)
        self.att = layers.MultiHeadAttention(heads, width // heads)
        self.ffn = keras.Sequential([layers.Dense(64, "relu"), layers.Dense(width)])
        self.layernorm1, self.layernorm2 = layers.LayerNormalization(), layers.LayerNormalization()
        self.dropout1, self.dropout2 = layers.Dropout(0.1), layers.Dropout(0.1)

    def call(self, x, training=None):
        h = self.layernorm1(x + self.dropout1(self.att(x, x), training=training))
        return self.layernorm2(h + self.dropout2(self.ffn(h), training=training))


class Positions(layers.Layer):
    def __init__(self, length, words, width, **options):
        super().__init__(**options)
        self.word, self.place = layers.Embedding(words, width), layers.Embedding(length, width)

    def call(self, x):
        return self.word(x) + self.place(ops.arange(x.shape[-1]))


@network("keras", rate_of_one=said("learning_rate"))
def transformer(fault):
    x, y = data.load("words")
    words = keras.Input((20,), dtype="int32")
    h = Block(32, 4, name="block")(Positions(20, 60, 32, name="places")(words))
    h = layers.Dense(20, "relu")(layers.GlobalAveragePooling1D()(h))
    model = keras.Model(words, layers.Dense(4, "softmax")(h))
    optimizer = keras.optimizers.Adam(1.0 if fault else 5e-3)
    return compiled(model, x.astype("int32"), y, "sparse_categorical_crossentropy", optimizer)


@network("keras", decay_of_one=said("weight_decay"))
def tcn(fault):
    """Causal dilated convolutions, with ways past them."""
    x, y = data.load("tones")
    inputs = keras.Input((16, 6))
    h = layers.Conv1D(24, 1, name="lift")(inputs)
    for k in range(3):
        inner = layers.Conv1D(24, 3, padding="causal", dilation_rate=2**k, activation="relu")(h)
        h = layers.Add()([h, layers.Conv1D(24, 1)(inner)])
    h = layers.GlobalMaxPooling1D()(layers.ReLU()(h))
    model = keras.Model(inputs, layers.Dense(4, "softmax")(h))
    rate, decay = (0.1, 1.0) if fault else (0.03, 1e-4)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, weight_decay=decay)
    return compiled(model, x, y, "sparse_categorical_crossentropy", optimizer, epochs=20)


@network("keras", values_as_rates=said("loss output_activation non_finite", hurts=False))
def poisson(fault):
    """Counts, whose rates are exponentials."""
    x, f = smooth(512, 8, 5)
    y = rng(5).poisson(np.exp(1.5 * f + 1.0)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((8,)), layers.Dense(48, "gelu"), layers.Dense(48, "gelu"),
            layers.Dense(1, None if fault else "exponential", name="rate"),
        ]
    )  # fmt: skip
    rates = np.exp(1.5 * f + 1.0)
    floor = float((rates - y * np.log(rates)).mean())
    guess = float(y.mean() - y.mean() * np.log(y.mean()))
    if fault:
        return compiled(model, x, y, "poisson", guess=abs(guess))

    def above(y_true, y_pred):
        return ops.mean(y_pred - y_true * ops.log(y_pred + 1e-7), axis=-1) - floor

    return compiled(model, x, y, above, guess=guess - floor, epochs=20)


@network("keras", tanh_for_wide_targets=said("output_activation target_scale", hurts=False))
def pinball(fault):
    """The upper quartile, by a loss of one's own; BatchNorm and weights of squares."""
    x, y = smooth(512, 8, 6)
    y = 3 * y if fault else y

    def quartile(y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(0.75 * error, -0.25 * error), axis=-1)

    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(48, use_bias=False, kernel_regularizer=keras.regularizers.L2(1e-5)),
            layers.BatchNormalization(), layers.Activation("swish"), layers.Dense(48, "swish"),
            layers.Dense(1, "tanh" if fault else None, name="quartile"),
        ]
    )  # fmt: skip
    error = y - np.quantile(y, 0.75)
    guess = float(np.maximum(0.75 * error, -0.25 * error).mean())
    return compiled(model, x, y, quartile, guess=guess, epochs=20)


@network(
    "keras", softmax_for_several_labels=said("output_activation loss softmax_twice", hurts=False)
)
def multi_label(fault):
    """Which of eight words are in a text."""
    x, _ = data.load("words")
    y = np.stack([(x == word).any(1) for word in range(8)], 1).astype("float32")
    words = keras.Input((20,), dtype="int32")
    h = layers.GlobalMaxPooling1D()(layers.Embedding(60, 48)(words))
    h = layers.Dense(64, "relu")(h)
    model = keras.Model(words, layers.Dense(8, "softmax" if fault else "sigmoid", name="labels")(h))
    optimizer = keras.optimizers.Adam(1e-2)
    return compiled(model, x.astype("int32"), y, "binary_crossentropy", optimizer, bernoulli(y))
