"""Keras models that are no chains are traced and rescaled as chains are, and left as they were."""

import fanin
import numpy as np
import pytest
from fanin.data_dependent import data_dependent, lsuv, weight_norm
from fanin.frameworks._open import trace

keras = pytest.importorskip("keras")

# Of how Keras's own variables become arrays under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

K, ops = keras.layers, keras.ops
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 10)).astype("float32")
S = RNG.normal(size=(12, 6, 8)).astype("float32")
Y = RNG.integers(0, 3, 24)
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def array(value):
    return np.array(ops.convert_to_numpy(value))


class Probe(K.Layer):
    """Adds zeros that are variables: their gradients are those of the signal."""

    def build(self, shape):
        self.zeros = self.add_weight(shape=(self.rows, *shape[1:]), initializer="zeros")

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def call(self, x):
        return x + self.zeros

    def compute_output_shape(self, shape):
        return shape


def gradients(model, x, y, loss):
    """Return the backend's own gradients of the sum of the samples' losses, by variable."""
    backend, variables = keras.backend.backend(), model.trainable_variables
    if backend == "torch":
        import torch

        value = loss(y, model(x)) * len(y)
        found = torch.autograd.grad(value, [v.value for v in variables])
    elif backend == "jax":
        import jax

        rest = [v.value for v in model.non_trainable_variables]

        def run(weights):
            return loss(y, model.stateless_call(weights, rest, x)[0]) * len(y)

        found = jax.grad(run)([v.value for v in variables])
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss(y, model(x)) * len(y)
        found = tape.gradient(value, [v.value for v in variables])
    return {id(v): array(gradient) for v, gradient in zip(variables, found, strict=True)}


def same(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)


def compare(layer, array_of, signal, gradient):
    """Compare a traced layer's outputs and their gradient with arrays of any shape."""
    same(layer.outputs, array(signal).reshape(layer.outputs.shape))
    same(layer.output_gradient, array_of[id(gradient)].reshape(layer.output_gradient.shape))


def residual(probed=False):
    """Two blocks, the second one's sum an operation, and probes behind both sums."""
    keras.utils.set_random_seed(1)
    probes = [Probe(24) for _ in range(3)] if probed else [lambda x: x] * 3
    x = keras.Input((10,))
    h = K.Dense(10, "relu", name="a")(x)
    h = probes[0](K.Dense(10, name="b")(h))
    first = probes[1](K.Add(name="sum")([x, h]))
    h = K.Dense(10, "tanh", name="c")(first)
    second = probes[2](first + K.Dense(10, name="d")(h))
    model = keras.Model(x, K.Dense(3, name="out")(second))
    return model, probes


def test_signals_and_gradients_of_a_residual_network_are_the_backends_own():
    (model, _), (twin, probes) = residual(), residual(probed=True)
    twin.set_weights([*[w for w in model.get_weights()[:4]], np.zeros((24, 10)),
                      np.zeros((24, 10)), *model.get_weights()[4:8], np.zeros((24, 10)),
                      *model.get_weights()[8:]])  # fmt: skip
    found = trace(model, X, Y, SPARSE, training=True)
    assert [(layer.name, layer.kind) for layer in found.layers] == [
        ("a", "dense"), ("b", "dense"), ("sum", "function"), ("c", "dense"), ("d", "dense"),
        ("input of out", "function"), ("out", "dense"),
    ]  # fmt: skip
    expected = gradients(twin, X, Y, SPARSE)
    assert found.value == pytest.approx(float(array(SPARSE(Y, model(X)))), rel=1e-5)
    by_name = {layer.name: layer for layer in found.layers}
    for name, probe in zip(("b", "sum", "input of out"), probes, strict=True):
        same(by_name[name].output_gradient, expected[id(probe.zeros)])
    of_weights = gradients(model, X, Y, SPARSE)
    for name in "abcd":
        layer = model.get_layer(name)
        for role in ("kernel", "bias"):
            own = of_weights[id(getattr(layer, role))] / len(X)
            same(by_name[name].gradients[role], own)
    same(by_name["sum"].outputs, X + by_name["b"].outputs)
    same(by_name["a"].outputs, np.maximum(by_name["a"].pre_activation, 0))
    report = fanin.diagnose(model, X, Y, SPARSE)
    assert [(b.first, b.last, b.end) for b in report.branches] == [(0, 1, 2), (3, 4, 5)]


class Own(keras.Model):
    """The chain as a class of its own."""

    def __init__(self, layers):
        super().__init__()
        self.rows = layers

    def call(self, x, training=None):
        for layer in self.rows:
            x = layer(x)
        return x


def rows():
    keras.utils.set_random_seed(2)
    return [
        K.Dense(8, "gelu", name="one"), K.BatchNormalization(name="two"), K.ReLU(name="three"),
        K.Dropout(0.5, seed=1, name="four"), K.Dense(3, "softmax", name="five"),
    ]  # fmt: skip


def functional(layers):
    x = keras.Input((10,))
    h = x
    for layer in layers:
        h = layer(h)
    return keras.Model(x, h)


@pytest.mark.parametrize("training", [False, True])
def test_a_chain_is_the_same_whatever_it_is_made_of(training):
    chain = keras.Sequential([keras.Input((10,)), *rows()])
    weights = chain.get_weights()
    expected = trace(chain, X, Y, None, training)
    for make in (functional, Own, lambda layers: keras.Sequential([Own(layers)])):
        model = make(rows())
        model(X)
        model.set_weights(weights)
        found = trace(model, X, Y, None, training)
        assert found.value == expected.value
        for a, b in zip(found.layers, expected.layers, strict=True):
            assert (a.name.rpartition(".")[2], a.kind, a.activation) == (
                b.name,
                b.kind,
                b.activation,
            )
            np.testing.assert_array_equal(a.outputs, b.outputs)
            same(a.gradients.get("kernel", 0), b.gradients.get("kernel", 0))
            for name in ("pre_activation", "output_gradient", "pre_activation_gradient"):
                one, other = getattr(a, name), getattr(b, name)
                assert (one is None) == (other is None), (a.name, name)
                same(0 if one is None else one, 0 if other is None else other)


def test_functions_behind_and_between_layers_are_recognised():
    class Called(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = K.Dense(7, name="first"), K.Dense(3, name="second")

        def call(self, x):
            return ops.softmax(self.second(ops.silu(self.first(x))))

    found = trace(Called(), X, Y, None, training=True)
    assert [layer.name for layer in found.layers] == [
        "first", "silu(first)", "second", "softmax(second)",
    ]  # fmt: skip
    assert found.ending.whole is False
    z = found.layers[1].pre_activation
    same(z, found.layers[0].outputs)
    same(found.layers[1].outputs, z / (1 + np.exp(-z)))
    p = found.layers[-1].outputs
    same(found.layers[2].output_gradient, p - np.eye(3)[Y])  # of the loss of logits, in one formula


def two_inputs():
    keras.utils.set_random_seed(3)
    a, b = keras.Input((10,), name="left"), keras.Input((10,), name="right")
    shared = K.Dense(6, "relu", name="shared")
    joined = K.Concatenate(name="joined")([shared(a), shared(b)])
    classes = K.Dense(3, name="classes")(joined)
    number = K.Dense(1, name="number")(K.Dense(4, "relu", name="before")(joined))
    return [a, b], [classes, number]


OTHER = X[::-1].copy()


@pytest.mark.parametrize("kind", [dict, list, tuple])
def test_several_inputs_and_one_output_of_several(kind):
    inputs, outputs = two_inputs()
    names = ("classes", "number")
    model = keras.Model(
        dict(zip(("left", "right"), inputs, strict=True)) if kind is dict else kind(inputs),
        dict(zip(names, outputs, strict=True)) if kind is dict else kind(outputs),
    )
    x = {"left": X, "right": OTHER} if kind is dict else kind([X, OTHER])
    alone = keras.Model(inputs, outputs[1])
    expected = gradients(alone, [X, OTHER], X[:, :1], keras.losses.MeanSquaredError())
    y = {"number": X[:, :1]} if kind is dict else kind([None, X[:, :1]])
    found = trace(model, x, y, "mse", training=True)
    assert found.inputs.shape == (24, 20)
    assert [layer.name for layer in found.layers] == [
        "shared", "input of shared", "shared", "joined", "before", "number",
    ]  # fmt: skip
    kernel = model.get_layer("shared").kernel
    for layer in (found.layers[0], found.layers[2]):
        same(layer.gradients["kernel"], expected[id(kernel)] / len(X))
    same(found.layers[0].inputs, X)
    same(found.layers[2].inputs, OTHER)
    report = fanin.diagnose(model, x, {"classes": Y}, SPARSE)
    assert report.layers[-1].name == "classes"
    assert report.loss == "sparse_categorical_crossentropy"
    assert fanin.diagnose(model, x).loss == ""
    assert len(lsuv(model, x, rng=0).layers) == 4


def test_the_output_of_a_compiled_model_is_the_one_with_a_loss():
    inputs, outputs = two_inputs()
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss={"classes": SPARSE})
    report = fanin.diagnose(model, [X, OTHER], Y)
    assert report.layers[-1].name == "classes"
    assert report.first_step.loss == pytest.approx(report.loss_value, rel=1e-5)
    model.compile("sgd", loss=[SPARSE, "mse"])
    with pytest.raises(ValueError, match=r"^y: expected targets of one output.*found those of 2"):
        fanin.diagnose(model, [X, OTHER], Y)
    assert fanin.diagnose(model, [X, OTHER], {"number": X[:, 0]}).loss == "mean_squared_error"
    with pytest.raises(ValueError, match=r"^y: expected names of outputs, 'classes', 'number'"):
        fanin.diagnose(model, [X, OTHER], {"numbers": X[:, 0]})
    with pytest.raises(fanin.errors.ShapeError, match=r"^x: .* as many of each, found shapes"):
        fanin.diagnose(model, [X, OTHER[:5]], {"classes": Y})


def test_layers_that_hold_layers():
    keras.utils.set_random_seed(4)
    nested = keras.Sequential([K.Flatten(name="flat"), K.Dense(5, "tanh", name="deep")], name="in")
    model = keras.Sequential(
        [
            keras.Input((6, 8)),
            K.Bidirectional(K.GRU(4, return_sequences=True, name="gru"), name="both"),
            K.TimeDistributed(K.Dense(7, "relu"), name="each"), nested, K.Dense(3, name="out"),
        ]
    )  # fmt: skip
    found = trace(model, S, Y[:12], SPARSE, training=True)
    assert [layer.name for layer in found.layers] == [
        "both.forward_gru", "input of both.backward_gru", "both.backward_gru", "input of each",
        "each", "in.flat", "in.deep", "out",
    ]  # fmt: skip
    by_name = {layer.name: layer for layer in found.layers}
    each, expected = by_name["each"], gradients(model, S, Y[:12], SPARSE)
    assert (each.kind, each.activation, each.outputs.shape) == ("dense", {"kind": "relu"}, (72, 7))
    same(each.pre_activation, each.inputs @ each.parameters["kernel"] + each.parameters["bias"])
    kernels = {
        "each": model.get_layer("each").layer.kernel, "in.deep": nested.get_layer("deep").kernel,
        "both.forward_gru": model.get_layer("both").forward_layer.cell.kernel,
    }  # fmt: skip
    for name, kernel in kernels.items():
        same(by_name[name].gradients["kernel"], expected[id(kernel)] / 12)
    # Its names and those of its arrays are one vocabulary.
    names = {layer.name for layer in fanin.frameworks.opened(model).layers}
    inner = model.get_layer("each").layer.name
    assert {"in.deep", "out", f"each.{inner}"} <= names


class Block(K.Layer):
    """Attention, whose layers nobody can get by name, and a row of layers in a list."""

    def __init__(self, **options):
        super().__init__(**options)
        self.norm, self.attention = K.LayerNormalization(), K.MultiHeadAttention(2, 4)
        self.rest = [K.Dense(16, "gelu"), K.Dense(8)]

    def call(self, x):
        y = self.norm(x)
        x = x + self.attention(y, y)
        return x + self.rest[1](self.rest[0](self.norm(x)))


def transformer():
    keras.utils.set_random_seed(5)
    x = keras.Input((6, 8))
    return keras.Model(x, K.Dense(3, name="out")(ops.mean(Block(name="block")(x), axis=1)))


def test_units_of_heads():
    model = transformer()
    found = {layer.name: layer for layer in trace(model, S, Y[:12], SPARSE, training=True).layers}
    query = next(layer for name, layer in found.items() if name.endswith(".query"))
    assert query.kind == "einsum"
    assert query.outputs.shape == (72, 8)  # two heads of four
    same(query.outputs, query.inputs @ query.parameters["kernel"] + query.parameters["bias"])
    dense = model.get_layer("block").attention._query_dense
    own = gradients(model, S, Y[:12], SPARSE)[id(dense.kernel)] / 12
    same(query.gradients["kernel"], own.reshape(8, 8))
    data_dependent(model, S)
    query = next(
        layer for layer in trace(model, S, None, None, False).layers if layer.name.endswith("query")
    )
    np.testing.assert_allclose(query.outputs.std(axis=0), 1, rtol=1e-3)
    np.testing.assert_allclose(query.outputs.mean(axis=0), 0, atol=1e-3)


def test_fixes_reach_layers_wherever_they_are():
    model = transformer()
    block = model.get_layer("block")
    block.rest[1].kernel.assign(1000 * block.rest[1].kernel)
    report = fanin.diagnose(model, S, Y[:12], SPARSE)
    assert report[f"block.{block.rest[1].name}"].code == 'model.get_layer("block").rest[1]'
    for layer in report.layers:
        if layer.weights:
            reached = eval(layer.code, {"model": model})
            assert layer.name.endswith(reached.name)
    finding = report.findings[0]
    assert finding.layers == (f"block.{block.rest[1].name}",)
    exec(finding.fix, {"model": model, "fanin": fanin, "keras": keras})
    assert finding.kind not in [f.kind for f in fanin.diagnose(model, S, Y[:12], SPARSE).findings]


def state(model):
    torch_state = None
    if keras.backend.backend() == "torch":
        import torch

        torch_state = torch.get_rng_state().tolist()
    return (
        [(v.path, v.trainable, array(v).tobytes()) for v in model.variables],
        [(layer.name, sorted(vars(layer)), len(layer.losses)) for layer in layers_of(model)],
        array(keras.src.random.seed_generator.global_seed_generator().state).tolist(),
        keras.config.is_traceback_filtering_enabled(),
        torch_state,
    )


def layers_of(model):
    return [model, *model._flatten_layers(include_self=False)]


class Raising(K.Layer):
    """Draws where no seed is given, and raises when it is told to."""

    raises = False

    def call(self, x):
        if keras.backend.backend() == "torch":
            import torch

            x = x + torch.rand(1) + keras.random.normal((1,))
        if self.raises:
            raise ValueError("in the middle")
        return x


@pytest.mark.parametrize("enter", ["diagnose", "lsuv", "trial"])
@pytest.mark.parametrize("raises", [False, True])
def test_nothing_is_left_behind(enter, raises):
    keras.utils.set_random_seed(6)
    x = keras.Input((10,))
    regularized = K.Dense(8, "relu", activity_regularizer="l2", name="first")
    h = K.Dropout(0.5)(K.BatchNormalization()(regularized(x)))
    raising = Raising()
    model = keras.Model(x, K.Dense(3, name="out")(K.Add()([h, raising(h)])))
    model.get_layer("first").trainable = False
    model.compile("adam", SPARSE)
    model(X)
    raising.raises = raises
    before, kernel = state(model), array(model.get_layer("first").kernel)
    run = {
        "diagnose": lambda: fanin.diagnose(model, X, Y, training=True),
        "lsuv": lambda: lsuv(model, X, initializer=None),
        "trial": lambda: fanin.frameworks._open.trial(model, X, Y, None, True, None, 0.1, 8, None),
    }[enter]
    if raises:
        with pytest.raises(ValueError, match=r"^in the middle$"):
            run()
    else:
        run()
    after = state(model)
    assert after[1:] == before[1:]
    assert not any("call" in vars(layer) for layer in layers_of(model))
    if enter == "lsuv" and not raises:
        assert not np.array_equal(kernel, array(model.get_layer("first").kernel))
        kept = [a == b for a, b in zip(after[0], before[0], strict=True) if "kernel" not in a[0]]
        assert all(kept[2:])  # but for biases, which are rescaled too
    else:
        assert after == before


def outputs_before(model, name, x):
    """Return what a layer computes before its activation, by a model of its own."""
    layer = model.get_layer(name)
    inputs = keras.Model(model.inputs[0], layer.input)(x)
    return array(inputs) @ array(layer.kernel) + array(layer.bias)


@pytest.mark.parametrize("initialize", [lsuv, weight_norm])
def test_lsuv_of_a_graph_gives_unit_variance(initialize):
    model, _ = residual()
    scales = initialize(model, X, rng=0)
    assert [layer.name for layer in scales.layers] == ["a", "b", "c", "d", "out"]
    for name in ("a", "b", "c", "d", "out"):
        assert outputs_before(model, name, X).std() == pytest.approx(1, rel=0.02)


def test_lsuv_of_what_holds_layers():
    model = transformer()
    scales = lsuv(model, S, rng=0)
    found = {layer.name: layer for layer in trace(model, S, None, None, training=False).layers}
    assert len(scales.layers) == 7
    for scale in scales.layers:
        layer = found[scale.name]
        z = layer.outputs if layer.pre_activation is None else layer.pre_activation
        assert z.std() == pytest.approx(1, rel=1e-3)


def test_a_kernel_that_is_normalized_in_each_call_is_refused():
    dense = K.Dense(8, name="inside")
    model = keras.Sequential([keras.Input((10,)), K.SpectralNormalization(dense, name="outside")])
    before = model.get_weights()
    with pytest.raises(TypeError, match=r"found outside\.inside, whose kernel is computed"):
        lsuv(model, X, initializer=None)
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
    assert fanin.diagnose(model, X).layers[0].name == "outside.inside"


def test_channels_may_be_first():
    keras.utils.set_random_seed(7)
    options = {"data_format": "channels_first"}
    model = keras.Sequential(
        [
            keras.Input((4, 9, 9)), K.Conv2D(6, 3, **options), K.BatchNormalization(axis=1),
            K.ReLU(), K.AveragePooling2D(2, **options), K.Flatten(), K.Dense(3),
        ]
    )  # fmt: skip
    x = RNG.normal(size=(16, 4, 9, 9)).astype("float32")
    if keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow has no such convolution on a CPU")
    units = [layer.units for layer in fanin.diagnose(model, x).layers]
    assert units == [6, 6, 6, 6, 54, 3]
    data_dependent(model, x)
    first = trace(model, x, None, None, training=False).layers[0]
    np.testing.assert_allclose(first.outputs.std(axis=0), 1, rtol=1e-4)


def test_half_precision_is_measured_in_single():
    policy = keras.DTypePolicy("mixed_bfloat16")
    x = keras.Input((10,))
    h = K.Dense(10, "relu", dtype=policy)(x)
    model = keras.Model(x, K.Dense(3, dtype=policy)(K.Add(dtype=policy)([h, K.Dense(10)(h)])))
    found = trace(model, X, Y, SPARSE, training=True)
    assert all(layer.outputs.dtype == np.float32 for layer in found.layers)
    assert [layer.kind for layer in found.layers] == ["dense", "dense", "function", "dense"]
    assert all(np.isfinite(layer.gradients["kernel"]).all() for layer in found.layers[:2])


def test_outputs_that_are_no_tensors_are_named():
    class Odd(keras.Model):
        def call(self, x):
            return {"good": x, "odd": "text"}

    with pytest.raises(TypeError, match=r"^model: expected outputs that are tensors.*'odd'"):
        fanin.diagnose(Odd(), X)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="of JAX")
def test_layers_that_jax_calls_in_a_loop_of_its_own_are_refused():
    import jax

    class Mapped(K.Layer):
        def __init__(self):
            super().__init__()
            self.inner = K.Dense(4)

        def build(self, shape):
            self.inner.build(shape[1:])

        def call(self, x):
            return jax.vmap(self.inner)(x)

    model = keras.Sequential([keras.Input((6, 8)), Mapped()])
    with pytest.raises(TypeError, match="called as Python goes"):
        fanin.diagnose(model, S)
