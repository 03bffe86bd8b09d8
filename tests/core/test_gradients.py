"""Every gradient is the derivative of its forward pass: central differences in float64.

One table (`members.py`) drives these tests; the last ones prove that no public member lacks a row.
"""

import inspect

import members
import numpy as np
import pytest
from fanin import _core, activations, layers, losses, optimizers
from fanin.layers._network import Network
from fanin.models._compiled import Update
from fanin.models._samples import Samples
from fanin.models._step import Batches
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numerics import RandomNetwork, distance, objective, outputs_for, targets_for

TOLERANCE = 1e-6
QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def central_differences(function, x, step=1e-5):
    """d function / d x for a function of one array with one number as its result."""
    x = x.copy()
    gradient = np.empty_like(x)
    flat, out = x.reshape(-1), gradient.reshape(-1)
    for i, kept in enumerate(flat.tolist()):
        flat[i] = kept + step
        above = function(x)
        flat[i] = kept - step
        out[i] = (above - function(x)) / (2 * step)
        flat[i] = kept
    return gradient


def shapes(min_axes=1, max_axes=3):
    return st.lists(st.integers(1, 5), min_size=min_axes, max_size=max_axes).map(tuple)


@pytest.mark.parametrize("activation", members.ACTIVATIONS, ids=members.name_of)
@QUICK
@given(shape=shapes(), seed=st.integers(0, 2**32))
def test_activation(activation, shape, seed):
    rng = np.random.default_rng(seed)
    x, dy = rng.normal(0, 2, shape), rng.normal(size=shape)
    numeric = central_differences(lambda x: (_core.activate(activation, x) * dy).sum(), x)
    dx = _core.activate_backward(activation, x, dy)
    # One class gives softmax the constant 1, whose gradient 0 has no scale of its own.
    assert np.abs(dx - numeric).max() <= TOLERANCE * max(np.abs(numeric).max(), 1e-3)


@pytest.mark.parametrize("loss", members.LOSSES, ids=members.name_of)
@QUICK
@given(shape=shapes(min_axes=2), seed=st.integers(0, 2**32))
def test_loss(loss, shape, seed):
    rng = np.random.default_rng(seed)
    outputs = outputs_for(loss, shape, rng)
    targets = targets_for(loss, outputs, rng)
    numeric = central_differences(
        lambda y: _core.loss_rows(loss, y, targets)[0].sum(), outputs, 1e-6
    )
    values, gradient = _core.loss_rows(loss, outputs, targets)
    assert values.shape == shape[:-1]
    # One class leaves nothing to be wrong about: the gradient 0 has no scale of its own.
    assert np.abs(gradient - numeric).max() <= TOLERANCE * max(np.abs(numeric).max(), 1e-2)


def check_network(net, x, training):
    """Both gradients of a network, with respect to its input and to its parameters."""
    y, cache = net.run(x, training)
    dy = net.rng.normal(size=y.shape)
    before = net.params.copy(), net.state.copy(), x.copy()
    dx, grads = net.plan.backward(net.params, cache, dy)
    for kept, now in zip(before, (net.params, net.state, x), strict=True):
        assert np.array_equal(kept, now), "backward changed what it was given"

    of_input = central_differences(lambda x: (net.run(x, training)[0] * dy).sum(), x)
    assert dx.shape == x.shape
    assert distance(dx, of_input) <= TOLERANCE
    if net.plan.parameter_count:
        of_params = central_differences(
            lambda p: (net.run(x, training, params=p)[0] * dy).sum(), net.params
        )
        assert grads.shape == net.params.shape
        for (_, name, got), (_, _, want) in zip(
            net.named(grads, net.plan.parameters),
            net.named(of_params, net.plan.parameters),
            strict=True,
        ):
            # A bias in front of a batch normalization has gradient 0: its scale is its neighbours'.
            scale = max(np.abs(want).max(), 1e-3 * np.abs(of_params).max())
            assert np.abs(got - want).max() <= TOLERANCE * scale, name


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("row", members.LAYERS, ids=members.name_of)
def test_layer(row, training):
    net = RandomNetwork(row.input_shape, [row.settings], seed=1)
    check_network(net, net.input(rows=6), training)


@QUICK
@given(
    rows=st.integers(2, 9),
    inner=shapes(0, 2),
    width=st.integers(1, 6),
    training=st.booleans(),
    center=st.booleans(),
    scale=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_batch_normalization_of_any_shape(rows, inner, width, training, center, scale, seed):
    layer = members.batch_normalization(epsilon=0.1, center=center, scale=scale)
    net = RandomNetwork((*inner, width), [layer], seed=seed)
    check_network(net, net.input(rows), training)


@QUICK
@given(
    rows=st.integers(1, 6),
    inner=shapes(0, 2),
    fan_in=st.integers(1, 7),
    units=st.integers(1, 7),
    activation=st.sampled_from(members.ACTIVATIONS),
    use_bias=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_dense_of_any_shape(rows, inner, fan_in, units, activation, use_bias, seed):
    net = RandomNetwork((*inner, fan_in), [members.dense(units, activation, use_bias)], seed=seed)
    if units == 1 and activation["kind"] == "softmax":
        units = 2  # one class is the constant 1: nothing to differentiate
        net = RandomNetwork(
            (*inner, fan_in), [members.dense(units, activation, use_bias)], seed=seed
        )
    check_network(net, net.input(rows), training=True)


D, BN, A = members.dense, members.batch_normalization, members.activate
NETWORKS = {
    "the documents' (softmax in the layer)": (
        (4, 3),
        [members.FLATTEN, D(5, members.RELU), D(4, members.SOFTMAX)],
    ),
    "normalization after the activation": (
        (3,),
        [D(6, members.RELU), BN(), D(5, members.RELU), BN(), D(2)],
    ),
    "normalization before the activation": (
        (3,),
        [D(6, use_bias=False), BN(), A(members.TANH), D(4), BN(), A(members.SOFTMAX)],
    ),
    "normalization first, softmax as a layer": (
        (5,),
        [BN(), D(4, members.TANH), A(members.SOFTMAX)],
    ),
    "rows of three axes": (
        (2, 3),
        [D(4, members.TANH), BN(), members.FLATTEN, D(3, members.SOFTMAX)],
    ),
    "every activation in a row": (
        (6,),
        [layer for a in members.ACTIVATIONS for layer in (D(6), A(a))],
    ),
}


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("name", NETWORKS)
def test_network(name, training):
    input_shape, stack = NETWORKS[name]
    net = RandomNetwork(input_shape, stack, seed=3)
    check_network(net, net.input(rows=8), training)


@pytest.mark.parametrize("loss", members.LOSSES, ids=members.name_of)
def test_the_gradient_that_training_uses(loss):
    """One step of plain descent moves the weights by the derivative of the evaluated loss.

    The loss is fused with a last softmax or sigmoid in training, so this is a path of its own.
    """
    last = {
        **dict.fromkeys(("categorical", "divergence"), members.SOFTMAX),
        "binary": members.activation("sigmoid"),
        **dict.fromkeys(("poisson", "logarithmic"), members.activation("softplus")),
    }
    fits = next((a for word, a in last.items() if word in loss["kind"]), members.LINEAR)
    net = RandomNetwork(
        (4,),
        [D(5, members.TANH), D(3, members.LINEAR if loss.get("from_logits") else fits)],
        seed=5,
    )
    x = net.input(rows=6)
    y = targets_for(loss, net.run(x, training=False)[0], net.rng)
    samples = Samples(x, y, net.rng.uniform(0.5, 2, 6))

    def mean_loss(params):
        network = Network(net.plan, params, net.state)
        return _core.evaluate(network, objective(loss), samples, 6)[0] / 6

    numeric = central_differences(mean_loss, net.params)
    before = net.params.copy()
    _core.train(
        [net],
        [Update(members.sgd(), np.zeros((0, net.params.size)))],
        objective(loss),
        samples,
        [Batches(np.arange(6, dtype=np.uint32), 6, np.array([1.0]), np.zeros(3))],
    )
    assert distance(before - net.params, numeric) <= TOLERANCE


def known_to_the_core(call):
    """The names a registry of the core holds, as its error for an unknown one lists them."""
    with pytest.raises(ValueError, match="known: ") as caught:
        call({"kind": "?"})
    return set(str(caught.value).split("known: ")[1].split(", "))


X = np.zeros((1, 1))
REGISTRIES = {
    "activation": (lambda s: _core.activate(s, X), members.ACTIVATIONS),
    "layer": (lambda s: _core.Plan((1,), [s], "float64"), [row.settings for row in members.LAYERS]),
    "loss": (lambda s: _core.loss_rows(s, X, X), members.LOSSES),
    "metric": (lambda s: _core.metric_rows(s, X, X), members.METRICS + members.COUNTS),
    "optimizer": (_core.optimizer_slots, [row.settings for row in members.OPTIMIZERS]),
}


@pytest.mark.parametrize("what", REGISTRIES)
def test_every_member_of_the_core_has_a_row(what):
    call, rows = REGISTRIES[what]
    # Those that see whole samples are in a registry of their own.
    whole = {"flatten", "prelu", "unit_normalization"}
    whole |= {f"{what}_normalization" for what in ("layer", "group", "rms")}
    assert {row["kind"] for row in rows} - whole == known_to_the_core(call)


def public_classes(module, base):
    found = (getattr(module, name) for name in module.__all__)
    return {c.__name__ for c in found if inspect.isclass(c) and issubclass(c, base)}


def test_every_public_layer_has_a_row():
    rows = {row.name for row in members.LAYERS} | set(members.LAYERS_WITHOUT_ROW)
    assert public_classes(layers, layers.Layer) == rows


def test_every_public_optimizer_has_a_row():
    rows = {row.name for row in members.OPTIMIZERS} | set(members.OPTIMIZERS_WITHOUT_ROW)
    assert public_classes(optimizers, optimizers.Optimizer) == rows


def test_every_public_activation_has_a_row():
    tools = {"get", "serialize", "deserialize"}
    kinds = {row["kind"] for row in members.ACTIVATIONS}
    rows = {members.ACTIVATION_FUNCTIONS.get(kind, kind) for kind in kinds}
    rows |= set(members.ACTIVATION_ALIASES)
    assert set(activations.__all__) - tools == rows


def test_every_public_loss_has_a_row():
    rows = {row["kind"].replace("_", "") for row in members.LOSSES} | {"loss"}
    assert {name.lower() for name in public_classes(losses, losses.Loss)} == rows
