"""Faults seen in use, the core: infinite logits (T5)."""

import fanin
import members
import numpy as np
import pytest
from fanin import _core, activations, layers, losses

INF, NAN = np.inf, np.nan
DTYPES = ("float32", "float64")
LEVELS = ("baseline", "avx2", "avx512")


@pytest.fixture(params=LEVELS)
def level(request):
    """Kernels run at this instruction set, where the CPU has it."""
    before = _core.simd_level()
    if _core.set_simd_level(request.param) != request.param:
        _core.set_simd_level(before)
        pytest.skip(f"this CPU has no {request.param}")
    yield request.param
    _core.set_simd_level(before)


def rows_of(settings, outputs, targets, dtype):
    """Value and gradient of each row; classes are whole numbers."""
    targets = np.asarray(targets)
    targets = targets.astype("int64" if targets.ndim == 1 else dtype)
    return _core.loss_rows(settings, np.array(outputs, dtype), targets)


def binary(smoothing=0.0):
    return {
        "kind": "binary_crossentropy",
        "from_logits": True,
        "label_smoothing": smoothing,
    }


def categorical(smoothing=0.0):
    return {
        "kind": "categorical_crossentropy",
        "from_logits": True,
        "label_smoothing": smoothing,
    }


SPARSE = {"kind": "sparse_categorical_crossentropy", "from_logits": True}

# One logit, its target, the loss and its gradient: the limit of the finite ones.
BINARY_MENDED = {
    "right for certain": (INF, 1.0, 0.0, 0.0),
    "right for certain, the other": (-INF, 0.0, 0.0, 0.0),
}
BINARY_KEPT = {
    "wrong for certain": (INF, 0.0, INF, 1.0),
    "wrong for certain, the other": (-INF, 1.0, INF, -1.0),
    "half": (INF, 0.5, INF, 0.5),
    "half, the other": (-INF, 0.5, INF, -0.5),
    "NaN": (NAN, 1.0, NAN, NAN),
    "NaN, the other": (NAN, 0.0, NAN, NAN),
}


def assert_binary(rows, dtype):
    z, t, value, gradient = (np.array(column)[:, None] for column in zip(*rows, strict=True))
    values, gradients = rows_of(binary(), z, t, dtype)
    np.testing.assert_array_equal(values, value[:, 0])
    np.testing.assert_array_equal(gradients, gradient)
    # As many outputs of one row: the kernel's other shape.
    values, gradients = rows_of(binary(), z.T, t.T, dtype)
    np.testing.assert_array_equal(values, [value.mean()])
    np.testing.assert_array_equal(gradients, gradient.T / len(z))


@pytest.mark.parametrize("dtype", DTYPES)
def test_field_T5_a_certain_logit_that_is_right_costs_nothing(dtype, level):
    assert_binary(BINARY_MENDED.values(), dtype)
    assert_binary([*BINARY_MENDED.values()] * 20, dtype)
    loss = losses.BinaryCrossentropy(from_logits=True)
    assert loss(np.ones((1, 1), dtype), np.full((1, 1), INF, dtype)) == 0.0
    assert losses.binary_crossentropy([[0.0]], [[-INF]], from_logits=True) == 0.0


@pytest.mark.parametrize("row", BINARY_KEPT.values(), ids=BINARY_KEPT)
@pytest.mark.parametrize("dtype", DTYPES)
def test_other_infinite_logits_cost_what_they_did(row, dtype, level):
    assert_binary([row], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_smoothed_targets_are_never_certain(dtype, level):
    for z, t, gradient in ((INF, 1.0, 0.1), (-INF, 0.0, -0.1)):
        values, gradients = rows_of(binary(0.2), [[z]], [[t]], dtype)
        assert values[0] == INF
        assert gradients[0, 0] == pytest.approx(gradient, rel=1e-6)


# A row of logits, its class, the loss and its gradient.
CATEGORICAL_MENDED = {
    "right for certain": ([INF, 0, -1], 0, 0, [0, 0, 0]),
    "wrong for certain": ([0, INF, -INF], 0, INF, [-1, 1, 0]),
    "right and last": ([-3, -INF, INF], 2, 0, [0, 0, 0]),
}
CATEGORICAL_KEPT = {
    "impossible": ([-INF, 0, 0], 1, np.log(2), [0, -0.5, 0.5]),
    "impossible and asked for": ([-INF, 0, 0], 0, INF, [-1, 0.5, 0.5]),
    "NaN": ([NAN, INF, 0], 0, NAN, [NAN] * 3),
    "NaN behind": ([INF, 0, NAN], 0, NAN, [NAN] * 3),
    "two infinities": ([INF, INF, 0], 0, NAN, [NAN] * 3),
    "nothing possible": ([-INF, -INF, -INF], 0, NAN, [NAN] * 3),
}


def assert_categorical(rows, dtype, tolerance):
    z, classes, value, gradient = (np.array(column) for column in zip(*rows, strict=True))
    one_hot = np.eye(z.shape[1])[classes]
    # Two and ten classes have kernels of their own; classes that are impossible change nothing.
    for width in (z.shape[1], 10, 37):
        add = [(0, 0), (0, width - z.shape[1])]
        wide, targets = np.pad(z, add, constant_values=-INF), np.pad(one_hot, add)
        expected = np.pad(gradient.astype(float), add)
        expected[np.isnan(value)] = NAN
        for loss, given in ((SPARSE, classes), (categorical(), targets)):
            values, gradients = rows_of(loss, wide, given, dtype)
            np.testing.assert_allclose(values, value, rtol=tolerance)
            np.testing.assert_allclose(gradients, expected, rtol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_field_T5_an_infinite_logit_among_classes_has_all_the_weight(dtype, level):
    assert_categorical([*CATEGORICAL_MENDED.values()] * 50, dtype, 0)
    for logits, one_class, value in (([INF, 3], 0, 0), ([INF, 3], 1, INF), ([-INF, INF], 1, 0)):
        assert rows_of(SPARSE, [logits], [one_class], dtype)[0] == value
    # A target that is spread out contradicts what is certain; without weight nothing counts.
    values, gradients = rows_of(categorical(), [[INF, 0]] * 2, [[0.5, 0.5], [0, 0]], dtype)
    np.testing.assert_array_equal(values, [INF, 0])
    np.testing.assert_array_equal(gradients, [[0.5, -0.5], [0, 0]])
    assert rows_of(categorical(0.1), [[INF, 0]], [[1.0, 0.0]], dtype)[0] == INF
    # One class alone is certain, whatever its logit.
    assert rows_of(SPARSE, [[INF], [-INF]], [0, 0], dtype)[0].tolist() == [0, 0]


@pytest.mark.parametrize("row", CATEGORICAL_KEPT.values(), ids=CATEGORICAL_KEPT)
@pytest.mark.parametrize("dtype", DTYPES)
def test_other_infinite_logits_among_classes_are_what_they_were(row, dtype, level):
    assert_categorical([row], dtype, 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_field_T5_softmax_of_an_infinite_logit_is_certain(dtype, level):
    z = np.array([[INF, 0, -INF], [-INF, 5, INF]] * 30, dtype)
    certain = np.array([[1, 0, 0], [0, 0, 1]] * 30, dtype)
    np.testing.assert_array_equal(activations.softmax(z), certain)
    softmax = {"kind": "softmax"}
    np.testing.assert_array_equal(_core.activate_backward(softmax, z, np.ones_like(z)), 0 * certain)
    net = layers.Dense(3, "softmax", use_bias=False, dtype=dtype)
    net.build((None, 1))
    net.kernel[...] = [[INF, 0, -1]]
    np.testing.assert_array_equal(net(np.ones((2, 1), dtype)), certain[[0, 0]])


def test_two_infinite_logits_are_not_a_number(level):
    z = np.array([[INF, INF, 0], [-INF, -INF, -INF], [INF, NAN, 0], [NAN, 0, 0]])
    assert np.isnan(activations.softmax(z)).all()


# φ(−∞), φ(∞), φ′(−∞) and φ′(∞) of each activation that works element by element.
LIMITS = {
    "linear": (-INF, INF, 1, 1),
    "relu": (0, INF, 0, 1),
    "leaky_relu": (-INF, INF, None, 1),
    "elu": (None, INF, 0, 1),
    "selu": (-1.6732632423543772 * 1.0507009873554805, INF, 0, 1.0507009873554805),
    "gelu": (0, INF, 0, 1),
    "silu": (0, INF, 0, 1),
    "sigmoid": (0, 1, 0, 0),
    "tanh": (-1, 1, 0, 0),
    "softplus": (0, INF, 0, 1),
    "softsign": (-1, 1, 0, 0),
    "relu6": (0, 6, 0, 0),
    "rectifier": (None, None, None, None),
    "hard_tanh": (-1, 1, 0, 0),
    "hard_sigmoid": (0, 1, 0, 0),
    "hard_silu": (0, INF, 0, 1),
    "mish": (0, INF, 0, 1),
    "exponential": (0, INF, 0, INF),
    "log_sigmoid": (-INF, 0, 1, 0),
    "celu": (None, INF, 0, 1),
    "squareplus": (0, INF, 0, 1),
    "tanh_shrink": (-INF, INF, 1, 1),
    "soft_shrink": (-INF, INF, 1, 1),
    "hard_shrink": (-INF, INF, 1, 1),
    "threshold": (-1, INF, 0, 1),
    "sparse_plus": (0, INF, 0, 1),
    "sparse_sigmoid": (0, 1, 0, 0),
}
ELEMENTWISE = [row for row in members.ACTIVATIONS if row["kind"] not in members.MIXING]
ELEMENTWISE += [
    members.activation("leaky_relu", negative_slope=0.0),
    members.activation("elu", alpha=0.0),
]
# Where a number that goes to 0 met one that goes to infinity.
MENDED = ("gelu", "silu", "softsign")


def limits_of(settings):
    below, above, slope_below, slope_above = LIMITS[settings["kind"]]
    if settings["kind"] == "leaky_relu":
        slope_below = settings["negative_slope"]
        below = below if slope_below else 0
    if settings["kind"] == "rectifier":
        slope_below, above = settings["negative_slope"], settings.get("max_value", INF)
        below, slope_above = -INF if slope_below else 0, float(above == INF)
    if settings["kind"] in ("elu", "celu"):
        below = -settings["alpha"]
    return np.array([below, above, NAN]), np.array([slope_below, slope_above])


def assert_limits(settings, dtype):
    x = np.array([-INF, INF, NAN] * 20, dtype)
    expected, slopes = limits_of(settings)
    y = _core.activate(settings, x)
    np.testing.assert_allclose(y, np.tile(expected, 20), rtol=1e-6)
    slope = _core.activate_backward(settings, x, np.ones_like(x)).reshape(20, 3)
    np.testing.assert_allclose(slope[:, :2], np.tile(slopes, (20, 1)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "settings",
    [row for row in ELEMENTWISE if row["kind"] in MENDED or row.get("negative_slope") == 0],
    ids=str,
)
def test_field_T5_activations_of_infinity_are_their_limits(settings, dtype, level):
    assert_limits(settings, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "settings",
    [row for row in ELEMENTWISE if row["kind"] not in MENDED and row.get("negative_slope") != 0],
    ids=str,
)
def test_other_activations_of_infinity_are_their_limits(settings, dtype, level):
    assert_limits(settings, dtype)


def test_every_activation_has_its_limits():
    assert set(LIMITS) | set(members.MIXING) == {row["kind"] for row in members.ACTIVATIONS}


# A last layer and loss that training joins, and the targets that the infinite logit is right for.
FUSED = {
    "sigmoid": (1, "binary_crossentropy", np.ones((4, 1))),
    "softmax": (3, "categorical_crossentropy", np.eye(3)[[0] * 4]),
    "softmax, classes": (3, "sparse_categorical_crossentropy", np.zeros(4, int)),
}


def overflowing(name, dtype="float32"):
    """Return a network whose first logit is beyond its dtype, its loss, samples and targets."""
    units, loss, y = FUSED[name]
    model = fanin.Sequential(
        [layers.Dense(units, name.split(",")[0], input_dim=1, dtype=dtype)], rng=0
    )
    model.compile("sgd", loss)
    model.layers[0].kernel[...] = [[np.finfo(dtype).max, 0, 0][:units]]
    return model, np.full((4, 1), 10, dtype), y


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUSED)
def test_field_T5_a_network_whose_logit_overflows_has_no_loss(name, dtype, level):
    model, x, y = overflowing(name, dtype)
    before = model.params.copy()
    assert model.predict(x, verbose=0)[:, 0].tolist() == [1] * 4
    assert model.evaluate(x, y, verbose=0) == 0
    history = model.fit(x, y, 2, validation_data=(x, y), verbose=0).history
    assert history == {"loss": [0], "val_loss": [0]}
    np.testing.assert_array_equal(model.params, before)


@pytest.mark.parametrize("name", FUSED)
def test_field_T5_networks_trained_together_have_no_loss_either(name):
    model, x, y = overflowing(name)
    assert fanin.fit_many([model], x, y, verbose=0)[0].history["loss"] == [0]


@pytest.mark.parametrize("name", FUSED)
def test_a_network_whose_logit_is_wrong_for_certain_says_so(name, level):
    model, x, y = overflowing(name)
    wrong = np.zeros((4, 1)) if y.ndim == 2 and y.shape[1] == 1 else np.roll(y, 1, -1)
    wrong = np.ones(4, int) if y.ndim == 1 else wrong
    assert model.evaluate(x, wrong, verbose=0) == INF
