"""Models that are attributes of layers of users' classes work by themselves too."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin.layers import BatchNormalization, Dense, Input, Layer
from refusals import assert_refused

X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
Y = X[:, :1]


class Inner(fanin.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.norm = Dense(6, "relu"), BatchNormalization()

    def call(self, x, training=None):
        return self.norm(self.hidden(x), training=training)


class Block(Layer):
    def __init__(self, net=None, **kwargs):
        super().__init__(**kwargs)
        self.first = Dense(6, "tanh")
        self.net = fanin.Sequential([Dense(4), Dense(6)]) if net is None else net

    def call(self, x, training=None):
        return self.first(x) + self.net(x, training=training)


class Outer(Layer):
    def __init__(self, net=None, **kwargs):
        super().__init__(**kwargs)
        self.block = Block(net)

    def call(self, x, training=None):
        return self.block(x, training=training) * 2.0


def graph():
    inputs = Input((6,))
    return fanin.Model(inputs, Dense(6, "relu")(Dense(4)(inputs)))


NETS = {
    "sequential": lambda: fanin.Sequential([Dense(4), BatchNormalization(), Dense(6)]),
    "built": lambda: fanin.Sequential([Input((6,)), Dense(4), Dense(6)], rng=0),
    "graph": graph,
    "own": Inner,
}


def agree(layer, block):
    """The network within computes what the layer has of it, and has its arrays."""
    out = layer(X) / (2.0 if isinstance(layer, Outer) else 1.0)
    assert np.allclose(block.net(X), out - block.first(X), atol=1e-5)
    assert np.array_equal(block.net.predict(X, verbose=0), block.net(X))
    mine = [id(array) for array in layer.weights]
    assert len(mine) > 2
    for array in block.net.weights:
        assert any(np.shares_memory(array, whole) for whole in layer.weights)
    assert np.shares_memory(block.net.params, layer.network.params)


@pytest.mark.parametrize("net", list(NETS))
@pytest.mark.parametrize("own", [Block, Outer])
def test_alone_and_in_a_network(net, own):
    layer = own(NETS[net]())
    block = layer if own is Block else layer.block
    layer(X)
    agree(layer, block)
    block.net.weights[0][...] += 1.0
    agree(layer, block)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        agree(twin, twin if own is Block else twin.block)
        assert np.array_equal(twin(X), layer(X))
    before = layer.get_weights()
    model = fanin.Sequential([layer, Dense(1)], rng=0)
    model(X)
    assert all(map(np.array_equal, before, layer.get_weights()))
    agree(layer, block)
    assert np.shares_memory(block.net.params, model.params)
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    agree(layer, block)


@pytest.mark.parametrize("net", list(NETS))
def test_a_network_that_is_used_before_its_layer(net):
    block = Block(NETS[net]())
    expected = block.net(X)
    layer = copy.deepcopy(block)
    layer(X)
    assert np.array_equal(layer.net(X), expected)
    agree(layer, layer)
    model = fanin.Sequential([block, Dense(1)], rng=0)
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    agree(block, block)


def test_layers_of_others_are_refused():
    model = fanin.Sequential([Input((6,)), Dense(6)])

    class Takes(Layer):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def call(self, x):
            return self.layer(x)

    taken = Takes(model.layers[-1])
    assert_refused(lambda: taken(X), ValueError, "expected layers of its own", model.name)
