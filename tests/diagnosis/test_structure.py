"""How a network is built and trained: dropping, decay, clipping, layers that are one, or own."""

import fanin
import numpy as np
import pytest
from fanin.layers import Dense, Dropout, Layer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 12))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def network(*layers, optimizer="adam", loss="sparse_categorical_crossentropy", end="softmax"):
    model = fanin.Sequential([*layers, Dense(3, end, name="out")], rng=0)
    model.compile(optimizer, loss)
    model.build((None, 12))
    return model


def hidden(name="hidden"):
    return Dense(32, "relu", kernel_initializer="he_normal", name=name)


def grave(model, x=X, y=Y):
    return [f for f in fanin.diagnose(model, x, y).findings if f.severity != "note"]


@pytest.mark.parametrize(("rate", "severity"), [(0.5, None), (0.9, "warning"), (0.95, "severe")])
def test_a_layer_that_drops_nearly_all(rate, severity):
    model = network(hidden(), Dropout(rate, name="drop"))
    found = [f for f in grave(model) if f.kind == "dropout"]
    assert [f.severity for f in found] == ([severity] if severity else [])
    for finding in found:
        assert finding.layers == ("drop",)
        exec(finding.fix, {"model": model})
        assert not [f for f in grave(model) if f.kind == "dropout"]


@pytest.mark.parametrize(("decay", "found"), [(1e-4, False), (1.0, True)])
def test_weight_decay_that_forgets(decay, found):
    optimizer = fanin.optimizers.SGD(0.1, weight_decay=decay)
    model = network(hidden(), optimizer=optimizer)
    report = fanin.diagnose(model, X, Y)
    assert report.first_step.decay == pytest.approx(0.1 * decay)
    kinds = [f.kind for f in report.findings if f.severity != "note"]
    assert kinds == (["weight_decay"] if found else [])
    if found:
        exec(report.findings[0].fix, {"model": model})
        assert not grave(model)


def test_clipping_is_named_where_it_stops_training():
    optimizer = fanin.optimizers.SGD(0.05, momentum=0.9, clipnorm=1e-6)
    model = network(hidden(), optimizer=optimizer)
    [finding] = grave(model)
    assert finding.kind == "learning_rate"
    assert "clipnorm = 1e-06" in finding.text
    exec(finding.fix, {"model": model})
    assert not grave(model)


def test_layers_without_an_activation_are_one():
    model = network(Dense(32, name="first"), Dense(16, name="second"))
    [finding] = [f for f in grave(model) if f.kind == "activation"]
    assert finding.layers == ("first", "second")
    narrow = network(Dense(2, name="code"))  # a product of low rank
    assert not [f for f in grave(narrow) if f.kind == "activation"]


def test_a_softmax_for_several_labels():
    labels = (X[:, :3] > 0).astype(float)
    model = network(hidden(), loss="binary_crossentropy")
    [finding] = grave(model, y=labels)
    assert (finding.kind, finding.layers) == ("output_activation", ("out",))
    assert not grave(network(hidden(), loss="binary_crossentropy", end="sigmoid"), y=labels)
    # Where one is right a softmax fits.
    assert not grave(model, y=np.eye(3)[Y])


def test_the_least_loss_of_shares_by_hand():
    from fanin.diagnosis._ending import _together

    rows = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    # Two of three are right: each gets a half, and -ln 1/2 twice; none: a third each.
    least = (2 * np.log(2) - 3 * np.log(1 - 1 / 3)) / 2
    guess = 2 * np.log(2)  # of means 1/2, 1/2 and 0
    assert _together(rows) == pytest.approx(least / guess, rel=1e-6)
    assert _together(np.eye(3)) == 0


def test_values_where_the_loss_takes_rates():
    counts = RNG.poisson(2.0, (128, 3)).astype(float)
    [finding] = grave(network(hidden(), loss="poisson", end=None), y=counts)
    assert (finding.kind, finding.layers) == ("loss", ("out",))
    assert not grave(network(hidden(), loss="poisson", end="exponential"), y=counts)


class Product(Layer):
    """A dense layer of a user's own, whose attributes have names of ours."""

    def __init__(self, units, initializer="he_normal", **options):
        super().__init__(**options)
        self.units, self.initializer = units, initializer

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.w = self.add_weight(shape=shape, initializer=self.initializer, name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, x):
        return fanin.activations.relu(x @ self.w + self.b)


def test_an_own_layer_that_is_a_product_is_known_as_one():
    model = network(Product(32, name="own"), hidden())
    own = fanin.diagnose(model, X, Y)["own"]
    assert (own.kind, own.activation) == ("dense", "relu")
    np.testing.assert_array_equal(own.weights["kernel"].values, model.get_layer("own").w)
    assert not grave(model)
    large = network(Product(32, fanin.initializers.RandomNormal(stddev=15.0), name="own"), hidden())
    top = grave(large)[0]
    assert (top.kind, top.layers) == ("scale", ("own",))
    exec(top.fix, {"model": large})
    assert not grave(large)


def test_an_own_kernel_of_ones_is_one_unit():
    top = grave(network(Product(32, "ones", name="own"), hidden()))[0]
    assert (top.kind, top.layers) == ("symmetric", ("own",))
