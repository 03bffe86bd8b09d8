"""Initialization from data on torch modules and Keras models."""

import fanin
import numpy as np
import pytest
from fanin.data_dependent import data_dependent, lsuv, weight_norm

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = np.random.default_rng(0).normal(0.5, 2.0, size=(256, 30)).astype("float32")


def deep(depth=50, width=40):
    layers, inputs = [], 30
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.ReLU(inplace=True)]
        inputs = width
    return nn.Sequential(*layers)


def spreads(model, x):
    """The standard deviations of what linear and convolutional layers give."""
    found = []
    hooks = [
        m.register_forward_hook(lambda m, i, o: found.append(o.detach().clone()))
        for m in model.modules()
        if isinstance(m, (nn.Linear, nn.modules.conv._ConvNd))
    ]
    model(torch.as_tensor(x))
    for hook in hooks:
        hook.remove()
    return found


def test_fifty_layers_of_torch_in_one_pass():
    model = deep()
    pointers = [p.data_ptr() for p in model.parameters()]
    calls = []
    hook = model[0].register_forward_hook(lambda *_: calls.append(1))
    lsuv(model, X, rng=0)
    hook.remove()
    assert len(calls) == 1
    assert [p.data_ptr() for p in model.parameters()] == pointers
    assert all(abs(z.std().item() - 1) < 0.01 for z in spreads(model, X))
    assert model.training
    assert model[1].inplace


def test_the_same_weights_as_in_our_own_network():
    model, ours = deep(6), fanin.Sequential(rng=0)
    for _ in range(6):
        ours.add(fanin.layers.Dense(40, "relu"))
    lsuv(model, X, rng=0)
    lsuv(ours, X, rng=0)
    for a, b in zip(model[::2], ours.layers, strict=True):
        np.testing.assert_allclose(a.weight.detach().numpy().T, b.kernel, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("initialize", [lsuv, data_dependent, weight_norm])
def test_convolutions_grouped_and_transposed(initialize):
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 12, 3, groups=4), nn.BatchNorm2d(12),
        nn.ConvTranspose2d(12, 6, 3, groups=3), nn.Tanh(), nn.Flatten(), nn.LazyLinear(10),
    )  # fmt: skip
    x = np.random.default_rng(1).normal(size=(32, 3, 12, 12)).astype("float32")
    model(torch.as_tensor(x))
    running = model[3].running_mean.clone()
    initialize(model, x, rng=0)
    assert not torch.equal(running, torch.zeros(12))
    for z in spreads(model, x):
        if initialize is lsuv:
            assert abs(z.std().item() - 1) < 0.01
        else:
            axes = [0, *range(2, z.ndim)]
            assert np.allclose(z.mean(axes).numpy(), 0, atol=1e-3)
            assert np.allclose(z.std(axes).numpy(), 1, atol=0.02)


def test_a_layer_that_fails_leaves_torch_as_it_was():
    model = deep(5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="do not vary"):
        lsuv(model, np.zeros_like(X))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert not any(m._forward_hooks for m in model.modules())


@pytest.mark.parametrize("initialize", [lsuv, data_dependent, weight_norm])
def test_keras(initialize):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((30,)), layers.Dense(40, activation="relu"), layers.Dense(40),
            layers.BatchNormalization(), layers.Activation("tanh"),
            layers.Dense(5, activation="softmax"),
        ]
    )  # fmt: skip
    initialize(model, X, rng=0)
    report = fanin.diagnose(model, X)
    for layer in report.layers:
        if layer.kind == "dense":
            assert layer.signal.std == pytest.approx(1.0, abs=0.01)
    before = model.get_weights()
    with pytest.raises(ValueError, match="do not vary"):
        lsuv(model, np.zeros_like(X))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("initialize", [data_dependent, weight_norm])
@pytest.mark.parametrize("units", [4, 6])
def test_units_of_keras_are_where_its_kernels_have_them(initialize, units):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((9, 9, 4)),
            layers.Conv2DTranspose(units, 3),
            layers.DepthwiseConv2D(3, depth_multiplier=2),
        ]
    )
    x = np.random.default_rng(2).normal(0.5, 2.0, size=(16, 9, 9, 4)).astype("float32")
    initialize(model, x, rng=0)
    for layer in fanin.diagnose(model, x).layers:
        np.testing.assert_allclose(layer.output.unit_mean, 0, atol=1e-3)
        np.testing.assert_allclose(layer.output.unit_std, 1, atol=1e-3)
