"""Trainings of plain Python, written from docs/bits.md alone, have the bits of this package's."""

import hashlib
import random
import struct

import fanin
import numpy as np
import pytest
import slow_training as slow
from fanin.layers import BatchNormalization, Dense, Dropout, Input
from fanin.optimizers import SGD, Adam
from slow_arithmetic import FLOAT32, FLOAT64

ELEMENTS = {"float32": FLOAT32, "float64": FLOAT64}
SEED = 11


def samples(F, count, width, seed):
    """Return rows of numbers on [-1, 1), as lists of floats that `F` holds."""
    draw = random.Random(seed)
    return [[F(2 * draw.random() - 1) for _ in range(width)] for _ in range(count)]


def digest(F, numbers):
    """Return the digest of the numbers' bits, little end first."""
    code = F.code[1:]
    return hashlib.sha256(struct.pack(f"<{len(numbers)}{code}", *numbers)).hexdigest()[:32]


def fitted(layers, optimizer, loss, x, y, dtype, **course):
    """Train a network of this package; return its first weights, itself and its losses."""
    model = fanin.Sequential([Input((len(x[0]),), dtype=dtype), *layers], rng=SEED)
    model.compile(optimizer, loss)
    model.build()
    weights = [array.tolist() for array in model.get_weights()]
    history = model.fit(np.array(x, dtype), np.array(y), verbose=0, **course)
    return weights, model, history.history["loss"]


def compare(F, model, losses, layers, slow_losses):
    """Compare all that training changes."""
    state = [number for layer in layers if hasattr(layer, "state") for number in layer.state()]
    assert digest(F, slow.parameters(layers)) == digest(F, model.network.params.tolist())
    assert digest(F, state) == digest(F, model.network.state.tolist())
    assert slow_losses == losses


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_classifier_of_more_inputs_than_a_block_with_momentum(dtype):
    F, course = ELEMENTS[dtype], {"epochs": 2, "batch_size": 4}
    x, y = samples(F, 10, 520, seed=1), [i * 3 % 4 for i in range(10)]
    layers = [Dense(6, "relu"), Dense(4, "softmax")]
    loss = "sparse_categorical_crossentropy"
    weights, model, losses = fitted(layers, SGD(0.1, momentum=0.9), loss, x, y, dtype, **course)

    rows = slow.Rows(F)
    twins = [
        slow.Dense(rows, weights[0], weights[1], "relu", is_first=True),
        slow.Dense(rows, weights[2], weights[3]),  # softmax is in the loss
    ]
    optimizer = slow.Momentum(F, 0.1, 0.9)
    found = slow.train(F, twins, slow.softmax_crossentropy, optimizer, x, y, seed=SEED, **course)
    compare(F, model, losses, twins, found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_regression_with_batch_normalization_dropout_and_adam(dtype):
    F, course = ELEMENTS[dtype], {"epochs": 2, "batch_size": 70}
    x, y = samples(F, 100, 20, seed=2), samples(F, 100, 2, seed=3)
    layers = [Dense(18, "tanh"), BatchNormalization(), Dropout(0.3), Dense(2)]
    weights, model, losses = fitted(layers, Adam(0.01), "mse", x, y, dtype, **course)

    rows = slow.Rows(F)
    twins = [
        slow.Dense(rows, weights[0], weights[1], "tanh", is_first=True),
        slow.BatchNormalization(rows, 18, 0.99, 1e-3),
        slow.Dropout(rows, 0.3, SEED, "dropout/0"),
        slow.Dense(rows, weights[6], weights[7]),
    ]
    optimizer = slow.Adam(F, 0.01)
    found = slow.train(F, twins, slow.mean_squared_error, optimizer, x, y, seed=SEED, **course)
    compare(F, model, losses, twins, found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_narrow_network_which_runs_on_columns(dtype):
    F, course = ELEMENTS[dtype], {"epochs": 3, "batch_size": 20}
    x, y = samples(F, 50, 3, seed=4), samples(F, 50, 2, seed=5)
    layers = [Dense(8, "tanh"), BatchNormalization(), Dense(5, "relu"), Dense(2)]
    weights, model, losses = fitted(layers, Adam(0.01), "mse", x, y, dtype, **course)

    columns = slow.Columns(F)
    twins = [
        slow.Dense(columns, weights[0], weights[1], "tanh", is_first=True),
        slow.BatchNormalization(columns, 8, 0.99, 1e-3),
        slow.Dense(columns, weights[6], weights[7], "relu"),
        slow.Dense(columns, weights[8], weights[9]),
    ]
    optimizer = slow.Adam(F, 0.01)
    found = slow.train(F, twins, slow.mean_squared_error, optimizer, x, y, seed=SEED, **course)
    compare(F, model, losses, twins, found)
