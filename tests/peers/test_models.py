"""The same architecture and seed give the same weights in fanin, torch, Keras and JAX models."""

import os
import warnings

import fanin
import numpy as np
import pytest
from fanin import frameworks, streams
from fanin.initializers import HeNormal, VarianceScaling
from fanin.random import Stream

os.environ.setdefault("KERAS_BACKEND", "jax")
torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")
nn, K, jnp = torch.nn, keras.layers, jax.numpy

FRAMEWORKS = ("fanin", "torch", "keras", "jax")


def fanin_network():
    layers = fanin.layers
    return fanin.Sequential(
        [
            layers.Input((20,)),
            layers.Dense(300),
            layers.BatchNormalization(),
            layers.Dense(40, use_bias=False),
            layers.Dense(3),
        ],
        rng=99,
    )


def torch_network():
    return nn.Sequential(
        nn.Linear(20, 300),
        nn.BatchNorm1d(300),
        nn.ReLU(),
        nn.Sequential(nn.Linear(300, 40, bias=False), nn.Tanh()),
        nn.Linear(40, 3),
    )


def keras_network():
    inner = keras.Sequential(
        [keras.Input((300,)), K.Dense(40, use_bias=False), K.Activation("tanh")]
    )
    return keras.Sequential(
        [keras.Input((20,)), K.Dense(300), K.BatchNormalization(), K.ReLU(), inner, K.Dense(3)]
    )


def jax_network():
    """Return what Flax's ``init`` returns."""
    return {
        "params": {
            "Dense_0": {"kernel": jnp.ones((20, 300)), "bias": jnp.ones(300)},
            "BatchNorm_0": {"scale": jnp.zeros(300), "bias": jnp.ones(300)},
            "Dense_1": {"kernel": jnp.ones((300, 40))},
            "Dense_2": {"kernel": jnp.ones((40, 3)), "bias": jnp.ones(3)},
        },
        "batch_stats": {"BatchNorm_0": {"mean": jnp.ones(300), "var": jnp.zeros(300)}},
    }


def weights(model):
    """Return the arrays in fanin's layout, read by the framework's own means."""
    if isinstance(model, fanin.Sequential):
        dense, norm, inner, last = (layer for layer in model.layers if layer.weights)
        return [
            *(dense.kernel, dense.bias, norm.gamma, norm.beta, norm.moving_mean),
            *(norm.moving_variance, inner.kernel, last.kernel, last.bias),
        ]
    if isinstance(model, dict):
        p, s = model["params"], model["batch_stats"]["BatchNorm_0"]
        norm = [*p["BatchNorm_0"].values(), *s.values()]
        parts = [*p["Dense_0"].values(), *norm, *p["Dense_1"].values(), *p["Dense_2"].values()]
        return [np.asarray(part) for part in parts]
    if isinstance(model, keras.Model):
        return keras_weights(model)
    dense, norm, _, inner, last = model
    parts = [dense.weight.T, dense.bias, norm.weight, norm.bias, norm.running_mean]
    parts += [norm.running_var, inner[0].weight.T, last.weight.T, last.bias]
    return [part.detach().numpy() for part in parts]


def keras_weights(model):
    return [as_numpy(variable.value) for variable in model.weights]


def as_numpy(x):
    # Not get_weights, nor keras.ops: in Keras 3.15 they warn of NumPy's __array__.
    return x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


NETWORKS = {
    "fanin": fanin_network,
    "torch": torch_network,
    "keras": keras_network,
    "jax": jax_network,
}


@pytest.fixture(params=[1, 2])
def threads(request):
    before = fanin.get_num_threads()
    fanin.set_num_threads(request.param)
    yield request.param
    fanin.set_num_threads(before)


@pytest.mark.parametrize("seed", [0, [3, 1], "replay"])
@pytest.mark.parametrize("initializer", ["he_normal", "glorot_uniform", "orthogonal"])
def test_same_seed_same_weights_everywhere(initializer, seed, threads):
    def source():
        return streams.torch_cpu(0) if seed == "replay" else seed

    found = {
        name: weights(
            fanin.initialize(
                make(), initializer, rng=source(), bias=fanin.initializers.RandomNormal()
            )
        )
        for name, make in NETWORKS.items()
    }
    for name in FRAMEWORKS[1:]:
        for ours, theirs in zip(found["fanin"], found[name], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    if seed != "replay":
        first = fanin.initializers.get(initializer)
        kernel = first((20, 300), rng=Stream(seed, "0/kernel"))
        np.testing.assert_array_equal(found["torch"][0], kernel)
    assert np.abs(found["torch"][1]).max() > 0.1  # the bias
    assert (found["jax"][2] == 1).all()
    assert (found["keras"][5] == 1).all()


CONVOLUTIONS = {
    "plain": (lambda: nn.Conv2d(4, 6, (3, 5)), lambda: K.Conv2D(6, (3, 5)), (60, 90)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2), lambda: K.Conv2D(6, 3, groups=2), (18, 27)),
    "depthwise": (
        lambda: nn.Conv2d(4, 8, 3, groups=4),
        lambda: K.DepthwiseConv2D(3, depth_multiplier=2),
        (9, 18),
    ),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3), lambda: K.Conv2DTranspose(6, 3), (36, 54)),
    "one": (lambda: nn.Conv1d(4, 6, 3), lambda: K.Conv1D(6, 3), (12, 18)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_has_the_same_kernel_and_right_fans(name):
    make_torch, make_keras, (fan_in, fan_out) = CONVOLUTIONS[name]
    theirs, other = make_torch(), make_keras()
    other.build((None, 9, 4) if name == "one" else (None, 9, 9, 4))
    x = np.random.default_rng(0).normal(size=(2, 9, 4) if name == "one" else (2, 9, 9, 4))
    x = x.astype("float32")
    for mode, fan in (("fan_in", fan_in), ("fan_out", fan_out)):
        initializer = VarianceScaling(1.0, mode, "uniform")
        for layer in (theirs, other):
            fanin.initialize(layer, initializer, seed=1, bias="ones")
        limit = (3 / fan) ** 0.5
        largest = theirs.weight.abs().max().item()
        assert 0.9 * limit < largest <= limit * (1 + 1e-6)
        # The layouts are right if the two convolutions are the same function.
        y = np.moveaxis(
            theirs(torch.from_numpy(np.moveaxis(x, -1, 1).copy())).detach().numpy(), 1, -1
        )
        np.testing.assert_allclose(y, as_numpy(other(x)), atol=1e-5)


def test_embedding_and_attention():
    theirs, other = nn.Embedding(500, 60, padding_idx=3), K.Embedding(500, 60)
    other.build()
    for layer in (theirs, other):
        fanin.initialize(layer, "lecun_normal", seed=1)
    found = theirs.weight.detach().numpy()
    assert not found[3].any()
    kept = np.arange(500) != 3
    np.testing.assert_array_equal(found[kept], keras_weights(other)[0][kept])
    assert abs(found[kept].std() - 1) < 0.02

    x = keras.Input((5, 16))
    model = keras.Model(x, K.MultiHeadAttention(8, 4, use_bias=False)(x, x))
    fanin.initialize(model, "lecun_uniform", seed=1)
    for w, fan in zip(keras_weights(model), (16, 16, 16, 32), strict=True):
        limit = (3 / fan) ** 0.5
        assert 0.95 * limit < np.abs(w).max() <= limit * (1 + 1e-6)


def test_torchs_attention_is_three_kernels_side_by_side():
    attention = nn.MultiheadAttention(60, 4)
    fanin.initialize(attention, "glorot_uniform", seed=1)
    for w in (*attention.in_proj_weight.chunk(3), attention.out_proj.weight):
        limit = (6 / 120) ** 0.5
        assert 0.98 * limit < w.abs().max().item() <= limit * (1 + 1e-6)
    assert not attention.in_proj_bias.any()


def make_torch_defaults():
    return nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2), nn.ConvTranspose2d(6, 4, 3), nn.Flatten(), nn.Linear(100, 30)
    )


def test_a_replay_gives_torchs_own_default_network():
    torch.manual_seed(5)
    expected = make_torch_defaults()
    model = fanin.initialize(
        make_torch_defaults(), "torch_default", bias="torch_default", rng=streams.torch_cpu(5)
    )
    for found, parameter in zip(model.parameters(), expected.parameters(), strict=True):
        np.testing.assert_allclose(found.detach(), parameter.detach(), rtol=3e-7)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("xavier_uniform_", nn.init.xavier_uniform_),
        ("xavier_normal_", nn.init.xavier_normal_),
        ("kaiming_uniform_", nn.init.kaiming_uniform_),
        ("kaiming_normal_", nn.init.kaiming_normal_),
        ("orthogonal_", nn.init.orthogonal_),
        ("trunc_normal_", nn.init.trunc_normal_),
        ("normal_", nn.init.normal_),
    ],
)
def test_a_replay_is_a_loop_over_torchs_functions(name, call):
    expected, model = make_torch_defaults(), make_torch_defaults()
    torch.manual_seed(5)
    for module in expected:
        if hasattr(module, "weight"):
            call(module.weight)
            nn.init.zeros_(module.bias)
    fanin.initialize(model, name, rng=streams.torch_cpu(5))
    for found, parameter in zip(model.parameters(), expected.parameters(), strict=True):
        np.testing.assert_allclose(found.detach(), parameter.detach(), rtol=3e-7, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_types_of_torch(dtype):
    model = fanin.initialize(nn.Linear(30, 20, dtype=dtype), "he_normal", seed=4)
    kind = "float64" if dtype == torch.float64 else "float32"
    expected = HeNormal()((30, 20), kind, rng=Stream(4, "0/kernel"))
    assert model.weight.dtype == dtype
    assert torch.equal(model.weight.detach(), torch.from_numpy(expected).T.to(dtype))


def test_autograd_sees_that_parameters_have_changed():
    layer = nn.Linear(3, 2)
    version, memory = layer.weight._version, layer.weight.data_ptr()
    fanin.initialize(layer, seed=0)
    assert layer.weight._version > version
    assert layer.weight.data_ptr() == memory
    assert layer.weight.requires_grad
    layer(torch.ones(1, 3)).sum().backward()


def test_tied_parameters_are_drawn_once():
    model = nn.ModuleDict({"embed": nn.Embedding(9, 4), "head": nn.Linear(4, 9)})
    model["head"].weight = model["embed"].weight
    fanin.initialize(model, "lecun_normal", seed=1)
    lone = fanin.initialize(nn.Embedding(9, 4), "lecun_normal", seed=1)
    assert model["head"].weight is model["embed"].weight
    assert torch.equal(model["embed"].weight, lone.weight)


def test_what_is_not_known_is_left_alone_with_one_warning():
    torch.manual_seed(0)
    model = nn.ModuleDict({"first": nn.Linear(3, 3), "cell": nn.LSTM(3, 2)})
    before = [p.detach().clone() for p in model["cell"].parameters()]
    with pytest.warns(UserWarning, match=r"cell/weight_ih_l0, cell/weight_hh_l0, ") as caught:
        fanin.initialize(model, "ones")
    assert len(caught) == 1
    assert all(map(torch.equal, before, model["cell"].parameters()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fanin.initialize(model, "ones", rules={"LSTM/weight_*": "orthogonal", "cell/*": "zeros"})
    assert not model["cell"].bias_hh_l0.any()
    q = model["cell"].weight_hh_l0.detach()
    torch.testing.assert_close(q.T @ q, torch.eye(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Linear(3, 2, device="meta"), r"to_empty\(device='cpu'\)"),
        (lambda: nn.LazyLinear(3), "weight, which has no shape yet"),
        (lambda: keras.Sequential([K.Dense(3)]), "is not built"),
        (lambda: nn.ReLU(), "found none"),
    ],
)
def test_models_that_cannot_be_filled_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        fanin.initialize(make())


def test_a_state_dict_is_refused():
    with pytest.raises(TypeError, match=r"found torch\.Tensor at 'weight'"):
        fanin.initialize(dict(nn.Linear(2, 2).state_dict()))


def test_nothing_is_half_written():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, device="meta"))
    before = model[0].weight.detach().clone()
    with pytest.raises(ValueError, match=r"1\.weight, which has no memory"):
        fanin.initialize(model)
    assert torch.equal(before, model[0].weight)


def test_a_tree_of_jax_is_rebuilt_with_its_types_and_left_as_it_was():
    shapes = {"layers": [{"w": jnp.zeros((3, 2), jnp.bfloat16), "b": jnp.ones(2)}, None], "step": 0}
    found = fanin.initialize(shapes, "he_normal", seed=1, rules={"step/*": None})
    assert not shapes["layers"][0]["w"].any()
    assert found["layers"][0]["w"].dtype == jnp.bfloat16
    assert found["layers"][1] is None
    assert found["step"] == 0
    abstract = jax.eval_shape(lambda: jax_network())
    # jax.eval_shape sorts keys: the normalization comes first, the first kernel second.
    with pytest.warns(UserWarning, match="BatchNorm_0, Dense_0, .* order of the alphabet"):
        concrete = fanin.initialize(abstract, "he_normal", seed=1)
    kernel = concrete["params"]["Dense_0"]["kernel"]
    assert isinstance(kernel, jax.Array)
    expected = HeNormal()((20, 300), rng=Stream(1, "1/kernel"))
    np.testing.assert_array_equal(kernel, expected)


def test_a_tree_that_jax_sorted_gets_the_numbers_of_the_others_in_the_right_order():
    sorted_by_jax = jax.jit(lambda: jax_network())()
    order = [layer.name for layer in frameworks.opened(jax_network()).layers]
    assert order != [layer.name for layer in frameworks.opened(sorted_by_jax).layers]
    found = fanin.initialize(sorted_by_jax, "he_normal", seed=1, order=order)
    expected = fanin.initialize(jax_network(), "he_normal", seed=1)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), found, expected))


def test_parameters_can_be_read_and_written_one_by_one():
    model = torch_network()
    kernel = frameworks.opened(model).layers[0].parameters["kernel"]
    assert np.shares_memory(kernel.read(), model[0].weight.detach().numpy())
    kernel.write(np.arange(6000.0).reshape(20, 300))
    assert model[0].weight[1, 0] == 1
    bias = frameworks.opened(keras_network()).layers[0].parameters["bias"]
    bias.write(np.ones(300))
    assert (bias.read() == 1).all()


def test_torchs_orthogonal_is_orthogonal_in_a_convolution_too():
    layer = nn.Conv2d(8, 16, 3)
    fanin.initialize(layer, "orthogonal_", seed=0)
    singular = torch.linalg.svdvals(layer.weight.detach().reshape(16, -1))
    torch.testing.assert_close(singular, torch.ones(16), rtol=0, atol=1e-5)


def test_half_types_are_not_said_to_be_replayed():
    layer = nn.Linear(20, 20, dtype=torch.bfloat16)
    before = layer.weight.detach().clone()
    with pytest.raises(TypeError, match="replayed in float32 and float64, not bfloat16"):
        fanin.initialize(layer, "kaiming_uniform_", rng=fanin.streams.torch_cpu(0))
    assert torch.equal(layer.weight, before)
