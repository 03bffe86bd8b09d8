"""Batches beside those of Keras and torch: the same numbers, epoch by epoch and batch by batch."""

import itertools
import os
import warnings

os.environ.setdefault("KERAS_BACKEND", "torch")

import fanin
import numpy as np
import pytest
from batches import STEPS, Told, X, Y, assert_same, network
from fanin import layers

SIZE = 8
WEIGHTS = np.linspace(0.5, 2, 50).astype("float32")


def endless(*given):
    while True:
        for start in range(0, 50, SIZE):
            yield tuple(part[start : start + SIZE] for part in given)


def data_set(base):
    class ByNumber(base):
        def __len__(self):
            return STEPS

        def __getitem__(self, index):
            rows = slice(index * SIZE, (index + 1) * SIZE)
            return X[rows], Y[rows], WEIGHTS[rows]

    return ByNumber()


SETTINGS = {
    "a generator": lambda base: ((endless(X, Y),), {"steps_per_epoch": 5}),
    "with weights": lambda base: ((endless(X, Y, WEIGHTS),), {"steps_per_epoch": 3}),
    "by number": lambda base: ((data_set(base),), {}),
    "by number, in steps": lambda base: ((data_set(base),), {"steps_per_epoch": 3}),
    "arrays in steps": lambda base: ((X, Y), {"steps_per_epoch": 3, "batch_size": SIZE}),
    "arrays in some steps": lambda base: ((X, Y), {"steps_per_epoch": 4}),
    "validation": lambda base: (
        (X, Y),
        {"validation_data": data_set(base), "validation_steps": 3, "validation_freq": 2},
    ),
    "validation of arrays": lambda base: (
        (endless(X, Y),),
        {"steps_per_epoch": 2, "validation_data": (X, Y), "validation_batch_size": 16},
    ),
}


@pytest.mark.parametrize("make", SETTINGS.values(), ids=SETTINGS)
def test_epochs_history_and_batches_are_those_of_keras(make):
    keras = pytest.importorskip("keras")

    class TheirTold(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.batches, self.losses = [], []

        def on_train_batch_end(self, batch, logs=None):
            self.batches.append(batch)
            self.losses.append(float(logs["loss"]))

    ours = fanin.Sequential([layers.Dense(5, "tanh", input_shape=(4,)), layers.Dense(3)], rng=0)
    theirs = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(3)]
    )
    theirs.set_weights([np.array(array) for array in ours.get_weights()])
    told, their_told = Told(), TheirTold()
    for model in (ours, theirs):
        model.compile("adam", "mse", metrics=["mae"])
    settings = {"epochs": 4, "shuffle": False, "verbose": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both say that data ran out
        given, more = make(fanin.utils.PyDataset)
        found = ours.fit(*given, callbacks=[told], **more, **settings)
        given, more = make(keras.utils.PyDataset)
        expected = theirs.fit(*given, callbacks=[their_told], **more, **settings)
    assert told.batches == their_told.batches
    np.testing.assert_allclose(told.losses, their_told.losses, rtol=1e-4)
    assert found.epoch == expected.epoch
    assert set(found.history) == set(expected.history)
    for name, values in expected.history.items():
        np.testing.assert_allclose(found.history[name], values, rtol=1e-4, err_msg=name)


def test_a_data_set_of_keras_itself_is_taken():
    keras = pytest.importorskip("keras")
    usual, fed = network(), network()
    settings = {"epochs": 2, "verbose": 0}
    usual.fit(data_set(fanin.utils.PyDataset), **settings)
    fed.fit(data_set(keras.utils.PyDataset), **settings)
    assert_same(fed, usual)


def torch_data():
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

    class Items(Dataset):
        def __len__(self):
            return 50

        def __getitem__(self, index):
            return torch.tensor(X[index]), Y[index]

    class Stream(IterableDataset):
        def __iter__(self):
            return iter(zip(X, Y, strict=True))

    return DataLoader, Items(), Stream(), TensorDataset(torch.tensor(X), torch.tensor(Y))


@pytest.mark.parametrize("settings", [{}, {"shuffle": False}, {"validation_split": 0.2}], ids=str)
def test_samples_of_a_torch_dataset_are_batched_as_arrays_are(settings):
    _, items, _, tensors = torch_data()
    settings = {"batch_size": 8, "epochs": 2, "verbose": 0, **settings}
    usual = network()
    usual.fit(X, Y, **settings)
    for data in (items, tensors):
        fed = network()
        fed.fit(data, **settings)
        assert_same(fed, usual)
        found = fed.predict(data, verbose=0)
        np.testing.assert_array_equal(found, usual.predict(X, verbose=0))
        expected = usual.evaluate(X, Y, verbose=0)
        assert fed.evaluate(data, verbose=0) == pytest.approx(expected, rel=1e-6)


def test_loaders_of_torch_give_their_batches():
    loader, _, stream, tensors = torch_data()
    usual = network()
    usual.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for data in (stream, loader(tensors, batch_size=8), loader(stream, batch_size=8)):
        fed = network()
        fed.fit(data, batch_size=8, epochs=2, verbose=0)
        assert_same(fed, usual)


def test_the_first_batch_of_a_shuffled_loader_is_not_lost():
    import torch

    loader, _, _, tensors = torch_data()

    def shuffled():
        return loader(tensors, 8, shuffle=True, generator=torch.Generator().manual_seed(0))

    usual, fed = network(), network()
    usual.fit(((x.numpy(), y.numpy()) for x, y in itertools.chain(shuffled())), verbose=0)
    fed.fit(shuffled(), verbose=0)
    assert_same(fed, usual)
