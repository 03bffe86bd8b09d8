"""Attention, recurrent kernels and a softmax inside of Keras's models."""

import fanin
import numpy as np
import pytest

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LAYERS = keras.layers
X = np.random.default_rng(0).normal(size=(64, 12, 8)).astype("float32")
Y = np.arange(64) % 3


def grave(model):
    return [f for f in fanin.diagnose(model, X, Y).findings if f.severity != "note"]


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "SimpleRNN"])
@pytest.mark.parametrize("sequences", [False, True])
def test_recurrent_kernels(kind, sequences):
    keras.utils.set_random_seed(0)
    made = getattr(LAYERS, kind)(24, return_sequences=sequences, name="cells")
    pooled = [LAYERS.GlobalAveragePooling1D()] if sequences else []
    model = keras.Sequential([keras.Input((12, 8)), made, *pooled, LAYERS.Dense(3)])
    assert not grave(model)
    for factor, size in ((30.0, "large"), (0.01, "small")):
        kernel = made.cell.recurrent_kernel
        kernel.assign(factor * np.array(kernel))
        [found] = grave(model)
        assert (found.kind, found.layers) == ("recurrence", ("cells",))
        assert f"too {size}" in found.text
        exec(found.fix, {"model": model})
        assert not grave(model)


def test_sharp_attention():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 8))
    signal = LAYERS.Dense(32)(inputs)
    given = LAYERS.LayerNormalization()(signal)
    attention = LAYERS.MultiHeadAttention(4, 8, name="attn")
    signal = LAYERS.LayerNormalization()(LAYERS.Add()([signal, attention(given, given)]))
    outputs = LAYERS.Dense(3)(LAYERS.GlobalAveragePooling1D()(signal))
    model = keras.Model(inputs, outputs)
    assert not grave(model)
    before = keras.Model(inputs, given)
    normed = before(X)
    scores = attention(normed, normed, return_attention_scores=True)[1]
    weights = keras.ops.convert_to_numpy(scores)
    [measured] = fanin.diagnose(model, X, Y).attentions
    entropy = -(weights * np.log(weights)).sum(-1).mean() / np.log(12)
    assert measured.entropy == pytest.approx(entropy, rel=1e-4)
    for layer in (attention._query_dense, attention._key_dense):
        layer.kernel.assign(15 * np.array(layer.kernel))
    found = grave(model)
    assert (found[0].kind, found[0].layers) == ("attention", ("attn.query", "attn.key"))
    assert all(effect.because for effect in found[1:])
    exec(found[0].fix, {"model": model})
    assert not grave(model)


def test_a_softmax_inside():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((12, 8)),
            LAYERS.Flatten(),
            LAYERS.Dense(32, "softmax", name="own"),
            LAYERS.Dense(32),
            LAYERS.BatchNormalization(),
            LAYERS.Activation("softmax", name="alone"),
            LAYERS.Dense(3, "softmax"),
        ]
    )
    found = grave(model)
    assert (found[0].kind, found[0].layers) == ("activation", ("own", "alone"))
    exec(found[0].fix, {"model": model, "keras": keras})
    assert not [f for f in grave(model) if f.kind == "activation"]
