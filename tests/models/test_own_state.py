"""What objects of users' classes hold beside their configuration: files, clones, copies keep it."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.layers import BatchNormalization, Dense, Dropout, Layer
from refusals import assert_refused

X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
Y = X[:, :1] * X[:, 1:2]


class Block(Layer):
    """Layers in attributes, in a list, in a Sequential; one that `build` makes."""

    def __init__(self, units=6, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.row = [Dense(units, "relu"), BatchNormalization()]
        self.net = fanin.Sequential([Dense(4, "tanh"), Dense(units)])
        self.dropout = Dropout(0.5)

    def build(self, input_shape):
        self.late = Dense(input_shape[-1])

    def call(self, x, training=None):
        h = self.row[1](self.row[0](x), training=training)
        return x + self.late(self.net(self.dropout(h, training=training)))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Around(fanin.Model):
    """A block in a dict, a layer of the package, a model of a user's within."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.blocks = {"first": Block(5), "second": Block(3)}
        self.inner = Inner()
        self.last = Dense(1)

    def call(self, x, training=None):
        for block in self.blocks.values():
            x = block(x, training=training)
        return self.last(self.inner(x))


class Inner(fanin.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = Dense(3, "relu")

    def call(self, x):
        return self.hidden(x)


OWN = {"Block": Block, "Around": Around, "Inner": Inner}


def in_model():
    model = Around(rng=0)
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    return model, model.blocks["second"]


def in_sequential():
    model = fanin.Sequential([Block(name="block"), Dense(1)], rng=0)
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    return model, model.layers[0]


def in_graph():
    inputs = fanin.Input((6,))
    model = fanin.Model(inputs, Dense(1)(Block(name="block")(inputs)), rng=0)
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    return model, model.get_layer("block")


def saved(model, path):
    model.save(path)
    return fanin.models.load_model(path, custom_objects=OWN)


WAYS = {
    "file": saved,
    "clone": lambda model, path: fanin.models.clone_model(model, custom_objects=OWN),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
}


def block_of(model):
    return model.blocks["second"] if isinstance(model, Around) else model.get_layer("block")


def frozen_names(model):
    """Which arrays are not trained, by place: names of layers are not asked about."""
    trained = {id(array) for array in model.trainable_weights}
    return [id(array) not in trained for array in model.weights]


@pytest.mark.parametrize("make", [in_model, in_sequential, in_graph])
@pytest.mark.parametrize("way", list(WAYS))
def test_options_that_were_set_within_are_kept(make, way, tmp_path):
    model, block = make()
    block.row[0].trainable = False
    block.net.layers[1].trainable = False
    block.late.trainable = False
    block.net.layers[0].name = "renamed"
    block.dropout.rate = 0.25
    before = frozen_names(model)
    assert sum(before) == 6 + (2 if make is not in_model else 4)
    twin = WAYS[way](model, tmp_path / "model.npz")
    found = block_of(twin)
    assert found is not block
    assert frozen_names(twin) == before
    assert found.net.layers[0].name == "renamed"
    assert found.dropout.rate == 0.25
    if way == "clone":  # whose masks are its own
        return
    for each in (model, twin):
        each.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    assert np.array_equal(model.params, twin.params)


def test_freezing_is_of_all_layers_within_also_before_they_are_built():
    model = Around(rng=0)
    model.trainable = False
    assert not model.trainable
    model(X)
    assert model.trainable_weights == []
    model.trainable = True
    assert model.trainable
    assert len(model.trainable_weights) == len(model.weights) - 4
    block = model.blocks["first"]
    block.trainable = False
    assert not block.late.trainable
    assert not block.net.layers[0].trainable
    block.trainable = True
    assert block.late.trainable


def test_a_configuration_that_does_not_make_an_equal_object_is_refused(tmp_path):
    class Silent(Block):  # forgets an argument that has a default
        def get_config(self):
            return Layer.get_config(self)

    class Needs(Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.inner = Dense(units)

        def call(self, x):
            return self.inner(x)

    class Scaled(fanin.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.factor = Dense(1), 1.0

        def call(self, x):
            return self.inner(x) * self.factor

    class Within(fanin.Model):
        def __init__(self, inner=None, table=None, **kwargs):
            super().__init__(**kwargs)
            self.inner = Dense(1) if inner is None else inner
            self.table = np.ones(6) if table is None else np.asarray(table)
            self.said = {}

        def call(self, x):
            return self.inner(x * self.table)

        def get_config(self):
            return {**super().get_config(), **self.said}

    path = tmp_path / "model.npz"
    silent = fanin.Sequential([Silent(5), Dense(1)])
    silent(X)
    assert_refused(lambda: silent.save(path), ValueError, "get_config of Silent", "units")
    assert_refused(silent.get_config, ValueError, "get_config of Silent")
    needs = fanin.Sequential([Needs(5)])
    needs(X)
    assert_refused(lambda: needs.save(path), ValueError, "get_config of Needs", "'units'")
    scaled = Scaled()
    scaled(X)
    scaled.save(path)
    scaled.factor = 2.0
    assert_refused(lambda: scaled.save(path), ValueError, "get_config of Scaled", "2.0")
    within = Within()
    within(X)
    within.save(path)
    within.said = {"inner": within.inner}
    assert_refused(lambda: within.save(path), ValueError, "'inner'", "serialize")
    within.said = {"table": within.table}
    assert_refused(
        lambda: within.save(path), ValueError, "get_config of Within", "'table'", "tolist()"
    )
    assert fanin.models.clone_model(within).count_params() == 7
    within.said = {"table": within.table.tolist()}
    within.save(path)
    assert fanin.models.load_model(path, custom_objects={"Within": Within})(X).shape == (32, 1)


def test_names_count_on_as_if_nothing_was_written(tmp_path):
    model, _ = in_sequential()
    fanin.backend.clear_session()
    assert Dense(1).name == "dense"
    model.save(tmp_path / "model.npz")
    assert Dense(1).name == "dense_1"


def test_what_a_file_says_of_layers_within_is_looked_at():
    block = Block()
    block(X)
    entry = layers.serialize(block)
    for parts, words in (
        ({"nowhere": {"trainable": False}}, "nowhere"),
        ({"late": {"colour": 1}}, "colour"),
        ({"late": {"trainable": "no"}}, "trainable"),
        ({"late": 3}, "parts"),
        (5, "parts"),
    ):

        def make(parts=parts):
            layers.deserialize({**entry, "parts": parts}, OWN)(X)

        assert_refused(make, (TypeError, ValueError), words)
    dense = {**layers.serialize(Dense(2)), "parts": {}}
    assert_refused(lambda: layers.deserialize(dense), ValueError, "parts")
