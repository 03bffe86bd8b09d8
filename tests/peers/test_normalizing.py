"""Layers and activations against torch and Keras, in float64, by themselves and over 50 steps."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import fanin
import numpy as np
import pytest
from fanin import activations, layers
from fanin.initializers import Constant

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
nn, functional = torch.nn, torch.nn.functional
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(0)
X, DY = RNG.normal(1, 2, (7, 3, 8)), RNG.normal(size=(7, 3, 8))


def moved(*shape):
    return RNG.uniform(0.5, 1.5, shape)


def pairs():
    """Each of ours with the one of torch, both with weights other than those of the start."""
    yield layers.LayerNormalization(epsilon=1e-5), nn.LayerNorm(8)
    yield layers.LayerNormalization((1, 2), epsilon=1e-5), nn.LayerNorm((3, 8))
    yield layers.RMSNormalization(epsilon=1e-6), nn.RMSNorm(8, eps=1e-6)
    yield layers.PReLU(shared_axes=[1]), nn.PReLU(8)


@pytest.mark.parametrize(("ours", "theirs"), [*pairs()], ids=lambda one: type(one).__name__)
def test_torch_has_the_same_outputs_and_gradients(ours, theirs):
    ours.declared_dtype = "float64"
    ours.build((None, 3, 8))
    weights = [moved(*w.shape) for w in ours.get_weights()]
    ours.set_weights(weights)
    theirs = theirs.double()
    prelu = isinstance(theirs, nn.PReLU)  # of the second axis
    with torch.no_grad():
        for parameter, w in zip(theirs.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(w).reshape(parameter.shape))
    x = torch.from_numpy(X).requires_grad_()
    y = theirs(x.transpose(1, 2)).transpose(1, 2) if prelu else theirs(x)
    y.backward(torch.from_numpy(DY))
    found, cache = ours.forward(X)
    dx, grads = ours.backward(DY, cache)
    np.testing.assert_allclose(found, y.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx, x.grad.numpy(), rtol=1e-11, atol=1e-12)
    for grad, parameter in zip(grads.values(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(
            grad, parameter.grad.numpy().reshape(grad.shape), rtol=1e-11, atol=1e-11
        )


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_groups_are_those_of_torch(groups):
    ours = layers.GroupNormalization(groups, epsilon=1e-5, dtype="float64")
    theirs = nn.GroupNorm(groups, 8).double()
    ours.build((None, 3, 8))
    weights = [moved(8), moved(8)]
    ours.set_weights(weights)
    with torch.no_grad():
        theirs.weight.copy_(torch.from_numpy(weights[0]))
        theirs.bias.copy_(torch.from_numpy(weights[1]))
    x = torch.from_numpy(X).requires_grad_()
    y = theirs(x.transpose(1, 2)).transpose(1, 2)
    y.backward(torch.from_numpy(DY))
    found, cache = ours.forward(X)
    dx, grads = ours.backward(DY, cache)
    np.testing.assert_allclose(found, y.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx, x.grad.numpy(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(grads["gamma"], theirs.weight.grad.numpy(), rtol=1e-11)
    np.testing.assert_allclose(grads["beta"], theirs.bias.grad.numpy(), rtol=1e-11)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_fifty_steps_are_those_of_torch(momentum):
    """Layer normalization, learned slopes, and batch normalization by torch's convention."""
    x, y = RNG.normal(size=(400, 8)), RNG.normal(size=(400, 2))
    model = fanin.Sequential(
        [
            layers.Dense(24, input_dim=8, dtype="float64"),
            layers.LayerNormalization(epsilon=1e-5),
            layers.PReLU(Constant(0.25)),
            layers.Dense(20, "mish"),
            layers.BatchNormalization(momentum=momentum, epsilon=1e-5, convention="torch"),
            layers.RMSNormalization(epsilon=1e-6),
            layers.Dense(2),
        ],
        rng=0,
    )
    dense = [nn.Linear(8, 24), nn.Linear(24, 20), nn.Linear(20, 2)]
    norm = nn.BatchNorm1d(20, momentum=momentum)
    theirs = nn.Sequential(
        *(dense[0], nn.LayerNorm(24), nn.PReLU(24), dense[1], nn.Mish(), norm),
        *(nn.RMSNorm(20, eps=1e-6), dense[2]),
    ).double()
    with torch.no_grad():
        of_ours = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
        for layer, linear in zip(of_ours, dense, strict=True):
            linear.weight.copy_(torch.from_numpy(layer.kernel.T.copy()))
            linear.bias.copy_(torch.from_numpy(layer.bias))
    model.compile(fanin.optimizers.SGD(0.05, momentum=0.9), "mse")
    model.fit(x, y, batch_size=40, epochs=5, shuffle=False, verbose=0)
    optimizer = torch.optim.SGD(theirs.parameters(), 0.05, momentum=0.9)
    for step in range(50):
        rows = slice(40 * (step % 10), 40 * (step % 10 + 1))
        optimizer.zero_grad()
        functional.mse_loss(theirs(torch.from_numpy(x[rows])), torch.from_numpy(y[rows])).backward()
        optimizer.step()
    theirs.eval()
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-8, atol=1e-8)
    own = model.layers[4]
    np.testing.assert_allclose(own.moving_variance, norm.running_var.numpy(), rtol=1e-10)
    np.testing.assert_allclose(own.moving_mean, norm.running_mean.numpy(), rtol=1e-9, atol=1e-11)


Z = np.concatenate([np.linspace(-9, 9, 401), [-40.0, 0.5, 40.0]])
OF_TORCH = {
    "relu6": functional.relu6,
    "hard_tanh": functional.hardtanh,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_silu": functional.hardswish,
    "mish": functional.mish,
    "log_sigmoid": functional.logsigmoid,
    "celu": functional.celu,
    "tanh_shrink": functional.tanhshrink,
    "soft_shrink": functional.softshrink,
    "hard_shrink": functional.hardshrink,
    "exponential": torch.exp,
}


@pytest.mark.parametrize("name", OF_TORCH)
def test_activations_are_those_of_torch(name):
    z = torch.from_numpy(Z).requires_grad_()
    y = OF_TORCH[name](z)
    y.sum().backward()
    function = activations.get(name)
    found = function(Z)
    np.testing.assert_allclose(found, y.detach().numpy(), rtol=1e-12, atol=1e-14)
    slope = fanin._core.activate_backward(activations.settings(function), Z, np.ones_like(Z))
    # torch's slope of hard_sigmoid is 1/6 in single precision.
    tolerance = 1e-7 if name == "hard_sigmoid" else 1e-11
    np.testing.assert_allclose(slope, z.grad.numpy(), rtol=tolerance, atol=1e-13)


NAMES = [*OF_TORCH, "squareplus", "sparse_plus", "sparse_sigmoid", "log_softmax"]


@pytest.mark.parametrize("name", NAMES)
def test_activations_are_those_of_keras(name):
    z = Z[Z <= 9][None].astype("float32")
    expected = np.asarray(keras.ops.convert_to_numpy(getattr(keras.activations, name)(z)))
    np.testing.assert_allclose(activations.get(name)(z), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"max_value": 6.0},
        {"threshold": 1.0},
        {"negative_slope": 0.2, "threshold": 1.0, "max_value": 4.0},
        {"negative_slope": 0.2, "max_value": 4.0},
    ],
    ids=str,
)
def test_a_rectifier_of_options_is_that_of_keras(options):
    z = Z[None].astype("float32")
    expected = np.asarray(keras.ops.convert_to_numpy(keras.activations.relu(z, **options)))
    np.testing.assert_allclose(activations.relu(z, **options), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(layers.ReLU(**options)(z), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("LayerNormalization", {}),
        ("LayerNormalization", {"axis": (1, 2), "center": False}),
        ("RMSNormalization", {}),
        ("GroupNormalization", {"groups": 4}),
        ("GroupNormalization", {"groups": -1, "scale": False}),
        ("UnitNormalization", {"axis": (1, 2)}),
        ("UnitNormalization", {"axis": 1}),
        ("PReLU", {"alpha_initializer": "ones", "shared_axes": [1]}),
        ("Normalization", {"mean": [float(i) for i in range(8)], "variance": [2.0] * 8}),
        ("Normalization", {"axis": None, "mean": 1.0, "variance": 4.0, "invert": True}),
        ("Identity", {}),
    ],
)
def test_layers_are_those_of_keras(name, options):
    x = X.astype("float32")
    theirs, ours = getattr(keras.layers, name)(**options), getattr(layers, name)(**options)
    expected = np.asarray(keras.ops.convert_to_numpy(theirs(x)))
    np.testing.assert_allclose(ours(x), expected, rtol=2e-5, atol=2e-5)
    if name == "Normalization":
        return  # theirs has no weights where both are given
    given = [moved(*w.shape).astype("float32") for w in theirs.get_weights()]
    theirs.set_weights(given)
    ours.set_weights(given)
    expected = np.asarray(keras.ops.convert_to_numpy(theirs(x)))
    np.testing.assert_allclose(ours(x), expected, rtol=2e-5, atol=2e-5)


def test_adapt_is_that_of_keras():
    x = X.astype("float32")
    theirs, ours = keras.layers.Normalization(), layers.Normalization()
    theirs.adapt(x)
    ours.adapt(x)
    expected = np.asarray(keras.ops.convert_to_numpy(theirs(x)))
    np.testing.assert_allclose(ours(x), expected, rtol=2e-5, atol=2e-5)
