"""The core says what plain float64 NumPy says (`reference.py`): float64 to 1e-12, float32 to 1e-5.

Distances are relative to the largest element of an array. Float32 results are compared with the
reference in float64, given the same float32 inputs.
"""

import fanin
import members
import numpy as np
import pytest
import reference
import reference_metrics
from fanin import _core
from fanin.models._compiled import Update
from fanin.models._samples import Samples
from fanin.models._step import Batches
from hypothesis import given, settings
from hypothesis import strategies as st
from numerics import TOLERANCE, RandomNetwork, distance, objective, outputs_for, targets_for

DTYPES = ["float64", "float32"]
QUICK = settings(max_examples=30, deadline=None, derandomize=True)
# A row alone, odd sizes that leave remainders in every vector width, and enough for two threads.
SHAPES = [(1, 1), (3, 17), (5, 2, 9), (301, 259)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("activation", members.ACTIVATIONS, ids=members.name_of)
def test_activation(activation, shape, dtype):
    rng = np.random.default_rng(7)
    x, dy = rng.normal(0, 3, shape).astype(dtype), rng.normal(size=shape).astype(dtype)
    y = _core.activate(activation, x)
    assert y.dtype == dtype
    assert distance(y, reference.activate(activation, x.astype(float))) <= TOLERANCE[dtype]
    dx = _core.activate_backward(activation, x, dy)
    expected = reference.activate_backward(activation, x.astype(float), dy.astype(float))
    steepest = y.max() if activation["kind"] == "exponential" else 1.0
    assert np.abs(dx - expected).max() <= TOLERANCE[dtype] * steepest * np.abs(dy).max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", members.ACTIVATIONS, ids=members.name_of)
def test_activation_far_from_zero(activation, dtype):
    """No overflow, no lost tail: every element to its own relative accuracy, also tiny ones."""
    x = np.array([[-700, -80, -30, -12, -1e-3, -1e-6, 0.0, 1e-6, 1e-3, 12, 30, 80, 700]]).astype(
        dtype
    )
    if activation["kind"] == "exponential":
        x = x[:, x[0] <= 80]  # what is beyond overflows
    with np.errstate(over="ignore"):  # cosh in the reference
        value = reference.activate(activation, x.astype(float))
    slope = _core.activate_backward(activation, x, np.ones_like(x))
    y = _core.activate(activation, x)
    assert np.isfinite(y).all()
    assert np.isfinite(slope).all()
    smallest = float(np.finfo(dtype).tiny) / TOLERANCE[dtype]
    assert np.all(np.abs(y - value) <= TOLERANCE[dtype] * (np.abs(value) + smallest))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("loss", members.LOSSES, ids=members.name_of)
def test_loss(loss, shape, dtype):
    rng = np.random.default_rng(11)
    outputs = outputs_for(loss, shape, rng).astype(dtype)
    targets = targets_for(loss, outputs, rng)
    wide = targets if targets.dtype.kind == "i" else targets.astype(float)
    values, gradient = _core.loss_rows(loss, outputs, targets)
    want_values, want_gradient = reference.loss_rows(loss, outputs.astype(float), wide)
    assert values.dtype == gradient.dtype == dtype
    # One class is never wrong: 0 up to rounding.
    assert np.abs(values - want_values).max() <= TOLERANCE[dtype] * max(want_values.max(), 1)
    # The parts of a gradient that cancel are as large as target / probability.
    scale = max(np.abs(want_gradient).max(), 1 / outputs.shape[-1])
    assert np.abs(gradient - want_gradient).max() <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "loss", [r for r in members.LOSSES if "from_logits" in r], ids=members.name_of
)
def test_loss_of_a_certain_network(loss, dtype):
    """Certainly right is a loss of 0, certainly wrong a finite one."""
    outputs = np.array(
        [[200, -200], [-200, 200]] if loss["from_logits"] else [[1, 0], [0, 1]], dtype
    )
    right, wrong = np.array([0, 1]), np.array([1, 0])
    if not loss["kind"].startswith("sparse"):
        right, wrong = (reference.one_hot(t, 2).astype(dtype) for t in (right, wrong))
    for targets in (right, wrong):
        values, gradient = _core.loss_rows(loss, outputs, targets)
        wide = targets if targets.dtype.kind == "i" else targets.astype(float)
        want_values, want_gradient = reference.loss_rows(loss, outputs.astype(float), wide)
        # 1 - 1e-7 is two steps of float32 below 1, so the logarithm of the rest has few digits.
        rounded = dtype == "float32" and not loss["from_logits"]
        tolerance = 1e-2 if rounded else TOLERANCE[dtype]
        smallest = 1e-7 if rounded else float(np.finfo(dtype).tiny)
        assert np.abs(values - want_values).max() <= tolerance * want_values.max() + smallest
        # The gradient of a focal loss has this logarithm too.
        focal = rounded and "focal" in loss["kind"]
        assert np.abs(gradient - want_gradient).max() <= (
            (5e-2 if focal else TOLERANCE[dtype]) * np.abs(want_gradient).max() + smallest
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("metric", members.METRICS, ids=members.name_of)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_metric(metric, shape, dtype):
    rng = np.random.default_rng(13)
    outputs = rng.uniform(size=shape).astype(dtype)
    targets = targets_for(metric, outputs, rng)
    wide = targets if targets.dtype.kind == "i" else targets.astype(float)
    expected = reference.metric_rows(metric, outputs.astype(float), wide)
    values = _core.metric_rows(metric, outputs, targets)
    assert np.abs(values - expected).max() <= TOLERANCE[dtype] * max(expected.max(), 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighs", [False, True])
@pytest.mark.parametrize("metric", members.COUNTS, ids=members.name_of)
def test_counts(metric, weighs, dtype):
    """Sums over all rows are those of the parts together: nearly, or with whole weights exactly."""
    rng = np.random.default_rng(17)
    outputs = rng.uniform(size=(40, 3)).astype(dtype)
    targets = targets_for(metric, outputs, rng)
    weights = rng.integers(0, 4, 40).astype(dtype) if weighs else None
    wide = np.ones(40) if weights is None else weights.astype(float)
    expected = reference_metrics.count(metric, outputs.astype(float), targets.astype(float), wide)
    sums = _core.metric_sums(metric, outputs, targets, weights)
    assert sums.dtype == "float64"
    np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-12)
    parts = [slice(0, 1), slice(1, 30), slice(30, 40)]
    together = sum(
        _core.metric_sums(metric, outputs[p], targets[p], None if weights is None else weights[p])
        for p in parts
    )
    exactly = metric["kind"] != "r2_score"
    np.testing.assert_allclose(together, sums, rtol=0 if exactly else 1e-12)


def check_network(net, x, training):
    """Outputs, both gradients and the running statistics of one pass through a network."""
    tolerance = TOLERANCE[net.plan.dtype]
    oracle, state = net.reference(), net.state.copy()
    y, cache = net.run(x, training, state=state)
    expected, caches = oracle.forward(x.astype(float), training)
    assert y.dtype == net.plan.dtype
    assert distance(y, expected) <= tolerance
    for (layer, name, now), (_, _, before) in zip(
        net.named(state, net.plan.state), net.named(net.state, net.plan.state), strict=True
    ):
        assert distance(now, oracle.arrays[layer][name]) <= tolerance, name
        moves = training and net.layers[layer].get("trainable", True)
        moves = moves and net.layers[layer]["kind"] != "normalization"  # statistics of data
        assert np.array_equal(now, before) != moves, name

    dy = net.rng.normal(size=y.shape).astype(net.plan.dtype)
    dx, grads = net.plan.backward(net.params, cache, dy)
    expected_dx, expected_grads = oracle.backward(caches, dy.astype(float))
    assert distance(dx, expected_dx) <= tolerance
    assert distance(grads, net.flatten(expected_grads)) <= tolerance


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [2, 33], ids=["2 rows", "33 rows"])
@pytest.mark.parametrize("row", members.LAYERS, ids=members.name_of)
def test_layer(row, rows, dtype, training):
    net = RandomNetwork(row.input_shape, [row.settings], dtype, seed=2)
    check_network(net, net.input(rows), training)


WIDE = [
    ((131,), members.dense(97, members.RELU), 259),
    ((512,), members.dense(256, members.TANH), 128),
    ((300,), members.batch_normalization(), 401),
    ((4, 70), members.batch_normalization(), 150),
    ((700,), members.activate(members.SOFTMAX), 120),
    ((300,), members.dropout(0.5), 301),
]


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("input_shape", "layer", "rows"), WIDE, ids=str)
def test_wide_layer(input_shape, layer, rows, dtype, training):
    """Large enough for blocked products, striped sums and more than one thread."""
    net = RandomNetwork(input_shape, [layer], dtype, seed=4)
    check_network(net, net.input(rows), training)


@pytest.mark.parametrize("row", members.LAYERS, ids=members.name_of)
def test_public_layer(row):
    """A layer by itself on NumPy arrays is the same function as inside a network."""
    rng = np.random.default_rng(6)
    layer = row.make(fanin.layers)
    layer.build((None, *row.input_shape), rng=1)
    assert layer.settings() == row.settings
    arrays = {name: np.asarray(getattr(layer, name)).astype(float) for name in layer.arrays}
    x = rng.normal(size=(6, *row.input_shape)).astype("float32")
    for training in (True, False):
        forward, backward = reference.LAYERS[row.settings["kind"]]
        # A layer by itself counts its training passes from 1; only dropout looks at the number.
        expected, expected_cache = forward(row.settings, arrays, x.astype(float), training, 1)
        y, cache = layer.forward(x, training=training)
        assert distance(y, expected) <= TOLERANCE["float32"]
        dy = rng.normal(size=y.shape).astype("float32")
        dx, grads = layer.backward(dy, cache)
        expected_dx, expected_grads = backward(
            row.settings, arrays, expected_cache, dy.astype(float)
        )
        assert distance(dx, expected_dx) <= TOLERANCE["float32"]
        assert grads.keys() == expected_grads.keys()
        for name, grad in grads.items():
            assert distance(grad, expected_grads[name]) <= TOLERANCE["float32"]
        for name in arrays:
            assert distance(getattr(layer, name), arrays[name]) <= TOLERANCE["float32"]


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_batch_normalization_of_a_large_mean_keeps_its_digits(shift):
    """x = 1e4 + N(0, 1) in float32: E[x²] − E[x]² would lose every digit of the variance."""
    net = RandomNetwork((3,), [members.batch_normalization()], "float32")
    x = (net.rng.normal(size=(4096, 3)) + shift).astype("float32")
    y, _ = net.run(x, training=True)
    expected, _ = net.reference().forward(x.astype(float), True)
    assert distance(y, expected) <= TOLERANCE["float32"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 37, 70_001])
@pytest.mark.parametrize("row", members.OPTIMIZERS, ids=members.name_of)
def test_optimizer_steps(row, size, dtype):
    rng = np.random.default_rng(17)
    params = rng.normal(size=size).astype(dtype)
    expected = params.astype(float)
    start = 0.1 if row.name in ("Adagrad", "Ftrl") else 0.0
    oracle = reference.Optimizer(row.settings, [expected], initial_accumulator_value=start)
    slots = np.zeros((len(_core.optimizer_slots(row.settings)), size), dtype)
    slots[:1] = start
    # Parameters of FTRL are small differences of numbers about 1, and as inexact as these.
    about = 1.0 if row.name == "Ftrl" else 0.0
    for iteration in range(5):
        grads = (rng.normal(size=size) * 10.0 ** rng.integers(-4, 1, size)).astype(dtype)
        kept = grads.copy()
        _core.optimizer_step(row.settings, params, grads, slots, iteration, 0.01)
        oracle.step([kept.astype(float)], 0.01)
        assert distance(params + about, expected + about) <= TOLERANCE[dtype]


# Whole runs: 20 steps or more, in float64, on networks with everything in them.

D, BN, A = members.dense, members.batch_normalization, members.activate
FROZEN = {**D(7, members.TANH), "trainable": False}
CCE, SPARSE = members.LOSSES[0], members.LOSSES[4]
BCE = {"kind": "binary_crossentropy", "from_logits": False, "label_smoothing": 0.0}
MSE = {"kind": "mean_squared_error"}
RUNS = {
    "the documents' network": (
        (4, 3),
        [members.FLATTEN, D(9, members.RELU), D(4, members.SOFTMAX)],
        SPARSE,
        members.adam(),
    ),
    "normalization after": (
        (6,),
        [D(9, members.RELU), BN(0.9), D(7, members.RELU), BN(), D(4, members.SOFTMAX)],
        CCE,
        members.rmsprop(0.3, True),
    ),
    "normalization before": (
        (6,),
        [D(9, use_bias=False), BN(), A(members.TANH), D(4), A(members.SOFTMAX)],
        CCE,
        members.sgd(0.9, True),
    ),
    "softmax given as probabilities to MSE": (
        (6,),
        [D(9, members.TANH), D(4, members.SOFTMAX)],
        MSE,
        members.sgd(0.9),
    ),
    "a binary network": (
        (6,),
        [D(9, members.activation("silu")), BN(), D(1, members.activation("sigmoid"))],
        BCE,
        members.adam(True),
    ),
    "a frozen layer and a frozen normalization": (
        (6,),
        [FROZEN, BN(trainable=False), D(4)],
        MSE,
        members.sgd(global_clipnorm=0.2),
    ),
    "clipped by variable": (
        (6,),
        [D(9, members.TANH), BN(), D(4)],
        MSE,
        members.adam(clipnorm=0.05, weight_decay=0.1),
    ),
    "dropout": (
        (6,),
        [D(20, members.RELU), members.dropout(0.4), D(9, members.TANH), members.dropout(0.1), D(4)],
        MSE,
        members.adam(),
    ),
    **{
        f"matrices and vectors by {kind}": (
            (6,),
            [D(9, members.TANH), BN(), D(4, members.TANH), D(7)],
            MSE,
            settings,
        )
        for kind, settings in {
            "lamb": members.adam_like("lamb", weight_decay=0.1),
            "adafactor": members.adafactor(global_clipnorm=0.2),
            "muon": members.muon(clipnorm=0.1),
            "nadam": members.adam_like("nadam"),
        }.items()
    },
    "rows of three axes": (
        (3, 6),
        [D(9, members.TANH), BN(), D(4, members.SOFTMAX)],
        CCE,
        members.adagrad(),
    ),
}


def run_both(net, loss, optimizer, weights, epochs=2, rows=83, batch_size=8, rate=0.02):
    """The same training here and in the reference, batches from the package's own shuffle."""
    x = net.input(rows)
    y = targets_for(loss, net.run(x, training=False)[0], net.rng)
    oracle = net.reference()
    variables = [
        oracle.arrays[layer][name]
        for layer, name, _, _ in net.plan.parameters
        if net.layers[layer].get("trainable", True)
    ]
    start = 0.1 if optimizer["kind"] in ("adagrad", "ftrl") else 0.0
    reference_optimizer = reference.Optimizer(optimizer, variables, initial_accumulator_value=start)
    slots = np.zeros((len(_core.optimizer_slots(optimizer)), net.params.size))
    slots[:1] = start
    progress = np.zeros(3)
    for epoch in range(epochs):
        order = _core.permutation("5", f"shuffle/{epoch}", rows)
        rates = np.full(-(-rows // batch_size), rate / (1 + epoch))
        progress[1:] = 0
        _core.train(
            [net],
            [Update(optimizer, slots)],
            objective(loss),
            Samples(x, y, weights),
            [Batches(order, batch_size, rates, progress)],
        )
        expected_loss = reference.train(
            oracle,
            reference_optimizer,
            loss,
            x,
            y,
            order=order,
            batch_size=batch_size,
            learning_rate=rates[0],
            weights=weights,
        )
        assert progress[0] == (epoch + 1) * len(rates)
        assert progress[1] == rows
        assert progress[2] / progress[1] == pytest.approx(expected_loss, rel=1e-10)
    return oracle


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("name", RUNS)
def test_training_run(name, weighted):
    """22 steps, the last of each epoch on a short batch: weights and statistics agree to 1e-10."""
    input_shape, stack, loss, optimizer = RUNS[name]
    net = RandomNetwork(input_shape, stack, seed=8)
    start = net.params.copy()
    weights = net.rng.uniform(0, 2, 83) if weighted else None
    oracle = run_both(net, loss, optimizer, weights)
    assert distance(net.params, net.flatten(oracle.arrays)) <= 1e-10
    assert distance(net.state, net.flatten(oracle.arrays, net.plan.state)) <= 1e-10
    for (layer, name, before), (_, _, now) in zip(
        net.named(start, net.plan.parameters),
        net.named(net.params, net.plan.parameters),
        strict=True,
    ):
        frozen = not net.layers[layer].get("trainable", True)
        assert np.array_equal(before, now) == frozen, f"{name} of layer {layer}"


@QUICK
@given(
    rows=st.integers(1, 20),
    batch_size=st.integers(1, 25),
    width=st.integers(1, 9),
    normalized=st.booleans(),
    row=st.sampled_from(members.OPTIMIZERS),
    seed=st.integers(0, 2**32),
)
def test_training_run_of_any_size(rows, batch_size, width, normalized, row, seed):
    """Batches of one, batches larger than the data, a last batch of any length."""
    stack = [
        D(width, members.TANH),
        *([BN(epsilon=0.1)] if normalized else []),
        D(3, members.SOFTMAX),
    ]
    net = RandomNetwork((4,), stack, seed=seed)
    oracle = run_both(net, SPARSE, row.settings, None, rows=rows, batch_size=batch_size)
    assert distance(net.params, net.flatten(oracle.arrays)) <= 1e-9


@pytest.mark.parametrize("weighted", ["sample_weight", "class_weight"])
@pytest.mark.parametrize("row", members.OPTIMIZERS, ids=members.name_of)
def test_fit(row, weighted):
    """`model.fit` is that loop, with weights by sample or class, a validation part, shuffling."""
    rng = np.random.default_rng(23)
    x, y = rng.normal(size=(90, 5)), rng.integers(0, 3, 90)
    weights, class_weight = rng.uniform(0.5, 2, 90), {0: 1.0, 1: 0.3, 2: 2.0}
    given = {"sample_weight": weights}
    if weighted == "class_weight":
        weights, given = np.array([class_weight[c] for c in y]), {"class_weight": class_weight}
    model = fanin.Sequential(
        [
            fanin.layers.Dense(8, activation="relu", input_shape=(5,), dtype="float64"),
            fanin.layers.BatchNormalization(dtype="float64"),
            fanin.layers.Dense(3, activation="softmax", dtype="float64"),
        ],
        rng=9,
    )
    layers = [D(8, members.RELU), BN(), D(3, members.SOFTMAX)]
    arrays = [
        {name: np.array(getattr(layer, name)) for name in names}
        for layer, names in zip(
            model.layers,
            [
                ["kernel", "bias"],
                ["gamma", "beta", "moving_mean", "moving_variance"],
                ["kernel", "bias"],
            ],
            strict=True,
        )
    ]
    assert arrays[0]["kernel"].dtype == np.float64
    oracle = reference.Network(layers, arrays)
    variables = [
        a[name] for a in arrays for name in ("kernel", "bias", "gamma", "beta") if name in a
    ]
    start = 0.1 if row.name in ("Adagrad", "Ftrl") else 0.0
    reference_optimizer = reference.Optimizer(
        row.settings, variables, initial_accumulator_value=start
    )

    model.compile(
        row.make(fanin.optimizers), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(
        x,
        y,
        batch_size=16,
        epochs=3,
        verbose=0,
        validation_split=0.2,
        rng=31,
        **given,
    )
    for epoch in range(3):
        expected = reference.train(
            oracle,
            reference_optimizer,
            SPARSE,
            x[:72],
            y[:72],
            order=_core.permutation("31", f"shuffle/{epoch}", 72),
            batch_size=16,
            learning_rate=0.01,
            weights=weights[:72],
        )
        assert history.history["loss"][epoch] == pytest.approx(expected, rel=1e-10)
    for layer, by_name in zip(model.layers, arrays, strict=True):
        for name, want in by_name.items():
            assert distance(getattr(layer, name), want) <= 1e-10
    probabilities, _ = oracle.forward(x[72:], training=False)
    held_out = (probabilities.argmax(axis=-1) == y[72:]).mean()
    assert history.history["val_accuracy"][-1] == pytest.approx(held_out)
