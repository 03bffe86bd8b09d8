"""Networks of other frameworks are traced as the same network here is."""

import fanin
import numpy as np
import pytest
from fanin import frameworks
from fanin.frameworks._open import framework_of, trace
from fanin.frameworks.keras._trace import trace_keras
from fanin.frameworks.torch._trace import trace_torch
from fanin.layers import Activation, BatchNormalization, Dense

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

# Of how Keras's own variables become arrays under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 10)).astype("float32")
Y = RNG.integers(0, 3, 64)


def same(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)


def compare(theirs, ours):
    """Compare two traces of the same layers."""
    if ours.value is not None:
        assert theirs.value == pytest.approx(ours.value, rel=1e-5)
    same(theirs.inputs, ours.inputs)
    assert [layer.kind for layer in theirs.layers] == [layer.kind for layer in ours.layers]
    for a, b in zip(theirs.layers, ours.layers, strict=True):
        assert a.activation == b.activation
        same(a.outputs, b.outputs)
        for name in ("pre_activation", "output_gradient", "pre_activation_gradient"):
            found, expected = getattr(a, name), getattr(b, name)
            if expected is None:
                assert found is None
            elif found is not None:
                same(found, expected)
        assert set(a.gradients) == set(b.gradients)
        for role, gradient in b.gradients.items():
            same(a.gradients[role], gradient)
        for role, values in b.parameters.items():
            same(a.parameters[role], values)


def torch_twin():
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(
        nn.Linear(10, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=True),
        nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3),
    )  # fmt: skip
    ours = fanin.Sequential(
        [
            Dense(16), BatchNormalization(epsilon=1e-5, momentum=0.9), Activation("relu"),
            Dense(8), Activation("tanh"), Dense(3),
        ]
    )  # fmt: skip
    ours.build((None, 10))
    values = []
    for module in model:
        if isinstance(module, nn.Linear):
            values += [module.weight.detach().numpy().T, module.bias.detach().numpy()]
        elif isinstance(module, nn.BatchNorm1d):
            arrays = (module.weight, module.bias, module.running_mean, module.running_var)
            values += [array.detach().numpy() for array in arrays]
    ours.set_weights(values)
    return model, ours


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("y", [None, Y])
def test_torch(y, training):
    model, ours = torch_twin()
    loss = fanin.losses.SparseCategoricalCrossentropy(from_logits=True)
    compare(trace_torch(model, X, y, None, training), trace(ours, X, y, loss, training))


def test_equal_units_are_found_in_a_module_of_torch_too():
    model, ours = torch_twin()
    first = next(module for module in model if isinstance(module, torch.nn.Linear))
    with torch.no_grad():
        first.weight[3], first.bias[3] = first.weight[1], first.bias[1]
    layer = ours.layers[0]
    layer.kernel[:, 3], layer.bias[3] = layer.kernel[:, 1], layer.bias[1]
    found, expected = (fanin.symmetry(m, X, Y) for m in (model, ours))
    assert [place.groups.tolist() for place in found.start] == [
        place.groups.tolist() for place in expected.start
    ]
    assert found.start[0].distinct == found.start[0].units - 1
    with pytest.raises(
        TypeError, match=r"expected a fanin\.Sequential or .* to train, found torch"
    ):
        fanin.symmetry(model, X, Y, steps=1)


def test_torch_is_left_as_it_was():
    model, _ = torch_twin()
    model.eval()
    model[3].weight.requires_grad_(False)
    (model(torch.as_tensor(X)) ** 2).sum().backward()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = {n: None if p.grad is None else p.grad.clone() for n, p in model.named_parameters()}
    generator = torch.get_rng_state()
    trace_torch(model, X, Y, torch.nn.CrossEntropyLoss(), training=True)
    assert not model.training
    assert model[2].inplace
    assert not model[3].weight.requires_grad
    assert bool((torch.get_rng_state() == generator).all())
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name])
    for name, parameter in model.named_parameters():
        before = gradients[name]
        assert parameter.grad is before or torch.equal(parameter.grad, before)
    assert not any(m._forward_hooks for m in model.modules())


def test_a_torch_module_of_its_own_with_convolutions():
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act = nn.Conv2d(1, 4, 3), nn.ReLU()
            self.rest = nn.Sequential(nn.Flatten(), nn.Linear(4 * 36, 10))
            self.other = nn.LayerNorm(10)

        def forward(self, x):
            return self.other(self.rest(self.act(self.conv(x))))

    x = RNG.normal(size=(5, 1, 8, 8)).astype("float32")
    trace = trace_torch(Net(), x, None, None, training=True)
    assert [layer.name for layer in trace.layers] == ["conv", "act", "rest.0", "rest.1", "other"]
    conv, act, _, _, other = trace.layers
    assert conv.outputs.shape == (5 * 36, 4)  # a unit is a channel, a row a place
    assert conv.parameters["kernel"].shape == conv.gradients["kernel"].shape == (9, 4)
    assert act.activation == {"kind": "relu"}
    assert "not known" in other.note


def test_arrays_of_torch_come_without_a_copy():
    model, _ = torch_twin()
    kernel = trace_torch(model, X, None, None, training=False).layers[0].parameters["kernel"]
    assert np.shares_memory(kernel, model[0].weight.detach().numpy())


def keras_twin():
    layers = keras.layers
    theirs = keras.Sequential(
        [
            keras.Input((10,)), layers.Dense(16), layers.BatchNormalization(),
            layers.Activation("relu"), layers.Dense(8, activation="tanh"), layers.LeakyReLU(0.1),
            layers.Dense(3, activation="softmax"),
        ]
    )  # fmt: skip
    ours = fanin.Sequential(
        [
            Dense(16), BatchNormalization(), Activation("relu"), Dense(8, "tanh"),
            fanin.layers.LeakyReLU(0.1), Dense(3, "softmax"),
        ]
    )  # fmt: skip
    ours.build((None, 10))
    ours.set_weights(theirs.get_weights())
    return theirs, ours


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("y", [None, Y])
def test_keras(y, training):
    theirs, ours = keras_twin()
    theirs.compile("sgd", "sparse_categorical_crossentropy")
    before = theirs.get_weights()
    found = trace_keras(theirs, X, y, None, training)
    compare(found, trace(ours, X, y, None, training))
    assert type(found.layers[0].initializers["kernel"]).__name__ == "GlorotUniform"
    for a, b in zip(before, theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_keras_losses_are_understood():
    theirs, ours = keras_twin()
    loss = keras.losses.SparseCategoricalCrossentropy()
    found = trace_keras(theirs, X, Y, loss, training=False)
    compare(found, trace(ours, X, Y, None, training=False))


@pytest.mark.parametrize("enter", [fanin.diagnose, fanin.lsuv])
def test_a_layer_of_keras_is_no_model(enter):
    layer = keras.layers.Dense(3, name="alone")
    with pytest.raises(TypeError, match=r"expected a keras\.Model, found a layer, Dense 'alone'"):
        enter(layer, X)
    assert not layer.built


def test_diagnosis_of_torch_and_keras():
    for model in (torch_twin()[0], keras_twin()[0]):
        report = fanin.diagnose(model, X, Y)
        assert report.healthy, report.verdict
        assert "severe" not in str(report)
        assert report.jacobian()[-1] is not None
    zeros = torch.nn.Sequential(*[torch.nn.Linear(10, 10) for _ in range(4)])
    fanin.initialize(zeros, "zeros")
    assert fanin.diagnose(zeros, X, Y[:, None] * np.ones(10)).findings[0].kind == "symmetric"


def test_twenty_layers_of_torch_get_the_verdicts_of_our_own():
    for activation, name, expected in [
        (torch.nn.ReLU, "lecun_normal", "vanishing"),
        (torch.nn.ReLU, "he_normal", None),
        (torch.nn.Tanh, fanin.initializers.RandomNormal(stddev=1.0), "saturated"),
    ]:
        layers = [torch.nn.Linear(10, 64), activation()]
        for _ in range(19):
            layers += [torch.nn.Linear(64, 64), activation()]
        model = torch.nn.Sequential(*layers, torch.nn.Linear(64, 3))
        fanin.initialize(model, name, seed=0)
        report = fanin.diagnose(model, X, Y)
        found = [f.kind for f in report.findings if f.severity == "severe"]
        assert found[:1] == ([expected] if expected else [])


def test_what_diagnosis_does_not_know_is_said():
    model = torch.nn.Sequential(torch.nn.Linear(10, 8), torch.nn.PReLU(), torch.nn.Linear(8, 3))
    report = fanin.diagnose(model, X, Y)
    assert "PReLU is not known" in str(report)
    assert len(report.layers) == 3
    with pytest.raises(ValueError, match="CPU"):
        fanin.diagnose(model.to("meta"), X)


@pytest.mark.filterwarnings("ignore:The initializer")
def test_one_seeded_object_of_keras_makes_equal_matrices_and_ours_does_not():
    shared = keras.initializers.HeNormal(seed=1)
    layers = [keras.layers.Dense(10, kernel_initializer=shared) for _ in range(2)]
    theirs = keras.Sequential([keras.Input((10,)), *layers])
    ours = fanin.Sequential([Dense(10, name="a"), Dense(10, name="b")])
    ours.build((None, 10))
    ours.set_weights(theirs.get_weights())
    assert fanin.symmetry(ours, X).shared == [("a", "b")]
    shared = fanin.initializers.HeNormal(seed=1)
    layers = [Dense(10, kernel_initializer=shared) for _ in range(2)]
    assert fanin.symmetry(fanin.Sequential(layers), X).shared == []


class Functional(torch.nn.Module):
    """Activations are called as functions, as most of torch's examples do."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.layers = torch.nn.ModuleList([torch.nn.Linear(50, 50) for _ in range(5)])
        self.out = torch.nn.Linear(50, 10)

    def forward(self, x):
        for layer in self.layers:
            x = self.function(layer(x))
        return self.out(x)


WIDE = RNG.normal(size=(128, 50)).astype("float32")
LABELS = RNG.integers(0, 10, 128)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "gelu", "silu", "selu", "softplus"])
def test_activations_called_as_functions_are_recognised(name):
    torch.manual_seed(0)
    functions = torch.nn.functional
    model = Functional(getattr(functions, name))
    as_modules = []
    for layer in model.layers:
        modules = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid", "gelu": "GELU"}
        modules |= {"silu": "SiLU", "selu": "SELU", "softplus": "Softplus"}
        as_modules += [layer, getattr(torch.nn, modules[name])()]
    twin = torch.nn.Sequential(*as_modules, model.out)
    found = fanin.diagnose(model, WIDE, LABELS)
    expected = fanin.diagnose(twin, WIDE, LABELS)
    assert found.layers[1].name == f"{name}(layers.0)"
    for a, b in zip(found.layers, expected.layers, strict=True):
        assert (a.kind, a.activation, a.units) == (b.kind, b.activation, b.units)
        assert a.signal.second_moment == pytest.approx(b.signal.second_moment)
        assert a.gradient_rms == pytest.approx(b.gradient_rms)
        assert found.outside(a) == expected.outside(b)
    assert [f.kind for f in found.findings] == [f.kind for f in expected.findings]


def test_what_is_not_seen_between_modules_has_no_theory_and_is_named():
    class Residual(Functional):
        def forward(self, x):
            for layer in self.layers:
                x = x + layer(x)
            return self.out(x)

    report = fanin.diagnose(Residual(torch.relu), WIDE, LABELS)
    text = str(report)
    assert "input of layers.1" in text
    assert "input of layers.1 on: a function or a sum, which is not seen" in " ".join(text.split())
    assert "unexpected" not in [f.kind for f in report.findings]
    assert not report.bands(report["layers.2"])


def test_functions_in_place_are_noticed():
    report = fanin.diagnose(Functional(torch.relu_), WIDE, LABELS)
    assert [layer.name for layer in report.layers[:3]] == [
        "layers.0",
        "input of layers.1",
        "layers.1",
    ]
    assert "it works in place" in report.layers[1].note


def test_norms_of_torch_are_not_taken_for_equal_units():
    torch.manual_seed(0)
    nn = torch.nn
    norms = [nn.LayerNorm(64), nn.GroupNorm(4, 64), nn.PReLU(64), nn.RMSNorm(64)]
    for norm in norms:
        model = nn.Sequential(nn.Linear(50, 64), norm, nn.ReLU(), nn.Linear(64, 10))
        report = fanin.diagnose(model, WIDE, LABELS)
        assert "symmetric" not in [f.kind for f in report.findings]
        assert [layer.name for layer in report.kernels] == ["0", "3"]


def test_units_of_a_transposed_convolution_are_its_output_channels():
    model = torch.nn.Sequential(torch.nn.ConvTranspose2d(4, 6, 3, groups=2), torch.nn.Flatten())
    images = RNG.normal(size=(8, 4, 5, 5)).astype("float32")
    with torch.no_grad():
        model[0].weight[:, 1] = model[0].weight[:, 0]  # of both groups, units 0 and 1 from alike
        model[0].weight[2:, 2] = model[0].weight[2:, 0]
        model[0].bias.zero_()
    report = fanin.diagnose(model, images)
    assert report.layers[0].groups.tolist() == [0, 0, 2, 3, 3, 3]


def test_one_sample_and_torch_batch_normalization():
    model = torch.nn.Sequential(torch.nn.Linear(50, 8), torch.nn.BatchNorm1d(8))
    with pytest.raises(fanin.errors.ShapeError, match=r"x: expected two samples or more.*found 1"):
        fanin.diagnose(model, WIDE[:1])
    fanin.diagnose(model, WIDE[:1], training=False)


def test_indices_of_an_embedding_have_no_size():
    nn = torch.nn
    model = nn.Sequential(nn.Embedding(5000, 16), nn.Flatten(), nn.Linear(80, 10))
    report = fanin.diagnose(model, RNG.integers(0, 5000, (64, 5)), RNG.integers(0, 10, 64))
    assert not any("input" in f.kind for f in report.findings)


def sick(kind):
    """Return a torch and a Keras network that have what a fix is for, and samples."""
    nn, layers = torch.nn, keras.layers
    x = WIDE
    if kind == "output_scale":
        pair = (
            nn.Sequential(nn.Linear(50, 64), nn.ReLU(), nn.Linear(64, 10)),
            keras.Sequential([layers.Dense(64, "relu"), layers.Dense(10)]),
        )
        pair[1].build((None, 50))
        with torch.no_grad():
            pair[0][2].weight.mul_(200)
        pair[1].layers[1].kernel.assign(pair[1].layers[1].kernel * 100)
    elif kind == "vanishing":
        torch_layers, keras_layers = [], []
        for _ in range(8):
            torch_layers += [nn.Linear(50, 50), nn.ReLU()]
            keras_layers += [layers.Dense(50, "relu", kernel_initializer="zeros")]
        pair = (
            nn.Sequential(*torch_layers, nn.Linear(50, 10)),
            keras.Sequential([*keras_layers, layers.Dense(10)]),
        )
        pair[1].build((None, 50))
        fanin.initialize(pair[0], "random_normal", seed=0)
        fanin.initialize(pair[1], "random_normal", seed=0)
    else:
        x = WIDE * 3 + 1
        pair = (
            nn.Sequential(nn.Linear(50, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10)),
            keras.Sequential(
                [layers.Dense(16), layers.BatchNormalization(), layers.ReLU(), layers.Dense(10)]
            ),
        )
        pair[1].build((None, 50))
    return *pair, x


@pytest.mark.parametrize("place", [0, 1], ids=["torch", "keras"])
@pytest.mark.parametrize("kind", ["output_scale", "vanishing", "batch_norm_lag"])
def test_fixes_run_and_help_in_the_words_of_the_framework(kind, place):
    torch.manual_seed(0)
    *models, x = sick(kind)
    model = models[place]
    before = fanin.diagnose(model, x, LABELS)
    finding = next(f for f in before.findings if f.kind == kind)
    given = torch.as_tensor(x) if place == 0 else x
    exec(finding.fix, {"model": model, "x": given, "torch": torch, "fanin": fanin})
    assert kind not in [f.kind for f in fanin.diagnose(model, x, LABELS).findings]


def test_the_units_of_keras_transposed_convolutions_are_their_outputs():
    model = keras.Sequential([keras.Input((5, 5, 3)), keras.layers.Conv2DTranspose(4, 2)])
    x = np.random.default_rng(0).normal(size=(8, 5, 5, 3)).astype("f4")
    kernel = np.array(keras.ops.convert_to_numpy(model.layers[0].kernel))
    kernel[:, :, 2] = kernel[:, :, 0]  # (height, width, units, inputs)
    model.layers[0].kernel.assign(kernel)
    layer = fanin.diagnose(model, x).layers[0]
    assert layer.groups.tolist() == [0, 1, 0, 3]
    assert layer.weights["kernel"].values.shape == (2 * 2 * 3, 4)


def convolutions(torchs):
    """The same convolutions, grouped and transposed, as a model of torch or of Keras."""
    nn, layers = torch.nn, keras.layers
    if torchs:
        return nn.Sequential(
            nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3, groups=2), nn.Tanh(),
            nn.ConvTranspose2d(8, 8, 3), nn.BatchNorm2d(8),
        )  # fmt: skip
    return keras.Sequential(
        [
            keras.Input((12, 12, 4)), layers.Conv2D(6, 3), layers.Activation("relu"),
            layers.Conv2D(8, 3, groups=2), layers.Activation("tanh"),
            layers.Conv2DTranspose(8, 3), layers.BatchNormalization(epsilon=1e-5),
        ]
    )  # fmt: skip


IMAGES = RNG.normal(size=(16, 12, 12, 4)).astype("float32")


def test_the_same_convolutions_are_traced_alike():
    theirs, others = convolutions(torchs=True), convolutions(torchs=False)
    for model in (theirs, others):
        fanin.initialize(model, "he_normal", seed=0)
    images = np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1))
    found = trace(theirs, images, None, None, training=False)
    expected = trace(others, IMAGES, None, None, training=False)
    assert (found.framework, expected.framework) == ("torch", "keras")
    kinds = ["convolution", "activation", "convolution", "activation"]
    kinds += ["transposed_convolution", "batch_normalization"]
    for a, b, kind in zip(found.layers, expected.layers, kinds, strict=True):
        assert a.kind == b.kind == kind
        assert a.parameters.keys() == b.parameters.keys()
        for role, values in a.parameters.items():
            np.testing.assert_array_equal(values, b.parameters[role])
        np.testing.assert_allclose(a.outputs, b.outputs, rtol=1e-3, atol=1e-5)


def test_one_vocabulary_for_arrays_and_traces():
    for model in (convolutions(torchs=True), convolutions(torchs=False)):
        kinds = [layer.kind for layer in frameworks.opened(model).layers]
        assert kinds == [
            *["convolution"] * 2, "transposed_convolution", "normalization",
        ]  # fmt: skip


def test_what_is_called_as_torch_calls_its_own_is_known_by_what_it_does():
    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.eye(10))

        def forward(self, x):
            return x @ self.weight

    class Doubled(torch.nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    model = torch.nn.Sequential(Linear(), Doubled(10, 3))
    assert [layer.kind for layer in trace(model, X, None, None, True).layers] == [
        "dense", "Doubled",
    ]  # fmt: skip
    # What it holds is what a Linear holds, all the same.
    assert [layer.kind for layer in frameworks.opened(model).layers] == ["other", "dense"]


def test_indices_have_no_scale_in_any_framework():
    indices = RNG.integers(0, 50, (20, 5))
    layers = keras.layers
    for model in (
        torch.nn.Sequential(torch.nn.Embedding(50, 6), torch.nn.Flatten(), torch.nn.Linear(30, 3)),
        keras.Sequential(
            [
                keras.Input((5,), dtype="int32"), layers.Embedding(50, 6), layers.Flatten(),
                layers.Dense(3),
            ]
        ),
    ):  # fmt: skip
        report = fanin.diagnose(model, indices)
        assert report.layers[0].kind == "embedding"
        assert list(report.layers[0].weights) == ["embeddings"]
        assert not any("input" in finding.kind for finding in report.findings)


def test_each_model_has_one_owner():
    for model, name in (
        (fanin.Sequential([Dense(2)]), "fanin"),
        (convolutions(torchs=True), "torch"),
        (convolutions(torchs=False), "keras"),  # a torch module too, where torch is the backend
        (keras.layers.Dense(2), "keras"),
    ):
        assert name == framework_of(model).NAME
    assert framework_of(torch.zeros(2)) is None


def test_units_of_sequences_are_on_the_last_axis():
    nn, layers = torch.nn, keras.layers
    x = RNG.normal(size=(16, 7, 10)).astype("float32")

    class Called(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm, self.second = (
                nn.Linear(10, 12),
                nn.LayerNorm(12),
                nn.Linear(12, 4),
            )
            self.rest = nn.Sequential(nn.Tanh(), nn.Flatten(), nn.Linear(28, 3))

        def forward(self, x):
            return self.rest(self.second(self.norm(torch.relu(self.first(x)))))

    keras_model = keras.Sequential(
        [
            keras.Input((7, 10)), layers.Dense(12), layers.ReLU(),
            layers.LayerNormalization(epsilon=1e-5), layers.Dense(4), layers.Activation("tanh"),
            layers.Flatten(), layers.Dense(3),
        ]
    )  # fmt: skip
    models = (Called(), keras_model)
    for model in models:
        fanin.initialize(model, "he_normal", seed=0)
    found, expected = (trace(model, x, None, None, True).layers for model in models)
    assert [layer.kind for layer in found] == [layer.kind for layer in expected]
    for a, b in zip(found, expected, strict=True):
        same(a.outputs, b.outputs)
        same(a.output_gradient, b.output_gradient)
    assert fanin.diagnose(models[0], x).findings == []


def test_what_may_have_its_units_anywhere_has_them_where_its_neighbour_has():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.ReLU(), torch.nn.Conv2d(4, 6, 3), torch.nn.PReLU(), torch.nn.LayerNorm([6, 10, 10])
    )
    images = np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1))
    assert [layer.units for layer in fanin.diagnose(model, images).layers] == [4, 6, 6, 6]
    first = torch.nn.Sequential(torch.nn.LayerNorm(10), torch.nn.Linear(10, 3))
    x = RNG.normal(size=(16, 7, 10)).astype("float32")
    assert [layer.units for layer in fanin.diagnose(first, x).layers] == [10, 3]


@pytest.mark.parametrize("loss", ["cross_entropy", 3, {"class_name": "Huber"}])
def test_a_torch_module_takes_no_name_of_a_loss(loss):
    """Keras's models and ours know losses by name; torch has functions."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 3))
    x = np.zeros((5, 4), "float32")
    with pytest.raises(TypeError, match=r"^loss: expected a function .* found "):
        fanin.diagnose(model, x, np.zeros(5, int), loss=loss)
