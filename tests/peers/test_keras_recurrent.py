"""Recurrent layers of Keras, whose activation is their cell's, can be diagnosed."""

import fanin
import numpy as np
import pytest

keras = pytest.importorskip("keras")

# Keras's torch backend does not take NumPy 2's copy= yet.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 16, 6)).astype("float32")
Y = RNG.integers(0, 4, 64)


def arrays(model):
    return [keras.ops.convert_to_numpy(weight).copy() for weight in model.weights]


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_recurrent_layers_are_rows_of_a_report(name, sequences):
    keras.utils.set_random_seed(0)
    cell = getattr(keras.layers, name)(24, return_sequences=sequences)
    pooled = [keras.layers.GlobalAveragePooling1D()] if sequences else []
    layers = [keras.Input((16, 6)), cell, *pooled, keras.layers.Dense(4, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy")
    before, activation = arrays(model), cell.activation
    report = fanin.diagnose(model, X, Y)
    assert report.layers[0].name == cell.name
    assert [f.kind for f in report.findings if f.severity != "note"] == []
    assert cell.activation is activation
    for was, now in zip(before, arrays(model), strict=True):
        np.testing.assert_array_equal(was, now)
