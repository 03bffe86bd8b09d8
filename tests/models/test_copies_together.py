"""What is copied or pickled together is tied as the originals are."""

import copy
import pickle
import threading

import fanin
import numpy as np
import pytest
from fanin.layers import BatchNormalization, Dense, Input, Layer

X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
Y = X[:, :1]


class Coder(fanin.Model):
    def __init__(self, **kwargs):
        super().__init__(rng=0, **kwargs)
        self.encoder = fanin.Sequential([Dense(4, "relu"), BatchNormalization()])
        self.last = Dense(1)

    def call(self, x, training=None):
        return self.last(self.encoder(x, training=training))


class Block(Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = Dense(6)

    def call(self, x):
        return x + self.inner(x)


def own():
    model = Coder()
    model(X)
    return model, [model.encoder, model.last, model.encoder.layers[0]]


def nested():
    base = fanin.Sequential([Input((6,)), Dense(4), BatchNormalization()], name="base")
    inputs = Input((6,))
    model = fanin.Model(inputs, Dense(1)(base(inputs)), rng=0)
    return model, [base, base.layers[0], model.layers[-1]]


def heads():
    inputs = Input((6,))
    hidden = Dense(4)(inputs)
    model = fanin.Model(inputs, Dense(1)(hidden), rng=0)
    return model, [fanin.Model(inputs, hidden), model.layers[1]]


def row():
    model = fanin.Sequential([Input((6,)), Block(), BatchNormalization(), Dense(1)], rng=0)
    return model, [model.layers[0], model.layers[2], model.layers[0].inner]


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("make", [own, nested, heads, row])
@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
@pytest.mark.parametrize("turned", [False, True])
def test_parts_of_a_network_are_parts_of_its_copy(make, copied, turned):
    model, parts = make()
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    together = copied([*parts, model] if turned else {"model": model, "parts": parts})
    twin, others = (together[-1], together[:-1]) if turned else together.values()
    assert np.array_equal(twin.params, model.params)
    assert np.array_equal(twin.state, model.state)
    for part, other in zip(parts, others, strict=True):
        for mine, its in zip(part.weights, other.weights, strict=True):
            assert np.array_equal(mine, its)
            home = twin.params if np.shares_memory(mine, model.params) else twin.state
            assert np.shares_memory(its, home)
            assert not np.shares_memory(its, mine)
    for each in (model, twin):
        each.fit(X, Y, epochs=2, verbose=0, rng=1)
    assert np.array_equal(twin.params, model.params)
    for part, other in zip(parts, others, strict=True):
        for mine, its in zip(part.get_weights(), other.get_weights(), strict=True):
            assert np.array_equal(mine, its)


def test_a_layer_that_is_copied_alone_has_what_it_has_now():
    model, (layer, *_) = row()
    pickler_kept = model.__getstate__()
    layer.inner.kernel[...] = 3.0
    first, second = pickled(layer), pickled(model)
    assert "_one_batch" in pickler_kept
    del pickler_kept
    layer.inner.kernel[...] = 4.0
    assert (pickled(layer).inner.kernel == 4.0).all()
    assert (pickled(model).layers[0].inner.kernel == 4.0).all()
    assert (second.layers[0].inner.kernel == 3.0).all()
    assert first.inner.kernel.shape == (6, 6)


def test_copies_that_are_made_while_another_thread_trains_are_those_of_one_batch():
    model, parts = nested()
    model.compile("sgd", "mse")
    stop, seen = threading.Event(), {(model.params.tobytes(), model.state.tobytes())}

    class Until(fanin.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.add((model.params.tobytes(), model.state.tobytes()))
            self.model.stop_training = stop.is_set()

    def train():  # an epoch is a batch
        model.fit(X, Y, epochs=100000, verbose=0, callbacks=[Until()], batch_size=32)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        copies = [pickled([model, *parts]) for _ in range(20)]
    finally:
        stop.set()
        thread.join()
    for twin, part, *_ in copies:
        assert (twin.params.tobytes(), twin.state.tobytes()) in seen
        assert np.shares_memory(part.params, twin.params)
