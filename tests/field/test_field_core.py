"""Faults seen in use, the core: infinite logits (T5), odd machines (R1), threads (S3, R2),
foreign caches (R8)."""

import json
import os
import subprocess
import sys

import fanin
import machines
import members
import numpy as np
import pytest
from fanin import _core, activations, layers, losses
from refusals import assert_refused, outcome

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
}
ELEMENTWISE = [row for row in members.ACTIVATIONS if row["kind"] != "softmax"]
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
    if settings["kind"] == "elu":
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
    assert set(LIMITS) | {"softmax"} == {row["kind"] for row in members.ACTIVATIONS}


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


# Every public way to a product of more than 16 columns, tried in turn; the answers are printed.
PRODUCTS = """
import json

import fanin
import numpy as np
from fanin import layers

x, y = np.ones((100, 30), "float32"), np.ones((100, 1), "float32")
classes = np.arange(100) % 2


def compiled():
    model = fanin.Sequential(
        [layers.BatchNormalization(input_shape=(30,)), layers.Dense(40), layers.Dense(1)], rng=0
    )
    model.compile("adam", "mse")
    return model


def backward():
    layer = layers.Dense(3)
    y, cache = layer.forward(x, training=True)
    layer.backward(y, cache)


model = compiled()
before = [array.tobytes() for array in (model.params, model.state)]
entries = {
    "predict": lambda: model.predict(x, verbose=0),
    "on two threads": lambda: model.predict(np.ones((9000, 30)), threads=2, verbose=0),
    "call": lambda: model(x),
    "call in training": lambda: model(x, training=True),
    "evaluate": lambda: model.evaluate(x, y, verbose=0),
    "fit": lambda: model.fit(x, y, verbose=0),
    "fit_many": lambda: fanin.fit_many([model], x, y, verbose=0),
    "layer": lambda: layers.Dense(40)(x),
    "backward": backward,
    "diagnose": lambda: fanin.diagnose(model, x, y),
    "lsuv": lambda: fanin.lsuv(model, x),
    "compare": lambda: fanin.compare(
        "he_normal", data=((x, classes), (x, classes)), seeds=1, epochs=1, progress=False, workers=1
    ),
}
answers = {}
for name, entry in entries.items():
    try:
        entry()
        answers[name] = ["nothing", ""]
    except BaseException as error:
        answers[name] = [type(error).__name__, str(error)]
after = [array.tobytes() for array in (model.params, model.state)]
answers["unchanged"] = before == after
narrow = fanin.Sequential([layers.Dense(3, input_dim=30), layers.Dense(1)], rng=0)
answers["narrow"] = narrow.predict(x, verbose=0).shape
print(json.dumps(answers))
"""
LEVELS_OF_CACHE = [(1, "32K"), (2, "1024K"), (3, "16384K"), (4, "131072K")]
LSCPU = "TYPE LEVEL WAYS COHERENCY-SIZE ONE-SIZE\nData one 8 64 32768"


def assert_runtime_errors(answers, *words):
    """Each entry refuses in the same words, nothing has changed, and narrow products work."""
    unchanged, narrow = answers.pop("unchanged"), answers.pop("narrow")
    assert {kind for kind, _ in answers.values()} == {"RuntimeError"}, answers
    for word in words:
        assert all(word in said for _, said in answers.values()), answers
    assert unchanged
    assert narrow == [100, 1]


def test_field_R1_a_fourth_level_of_cache_is_an_error_in_words(tmp_path):
    folder = machines.caches(tmp_path / "cpu", *LEVELS_OF_CACHE)
    answers = machines.run(PRODUCTS, over=machines.CPU, folder=folder)
    assert_runtime_errors(answers, "products: expected caches", "the index is 3")


def test_field_R1_lscpu_is_asked_once_and_may_answer_anything(tmp_path):
    (tmp_path / "sys").mkdir()
    answers = machines.run(PRODUCTS, over="/sys", folder=tmp_path / "sys", lscpu=LSCPU)
    assert_runtime_errors(answers, "products: expected caches", "ParseIntError")
    assert (tmp_path / "sys.log").read_text() == "ran\n"


PREDICT = """
import json

import fanin
import numpy as np

answers = []
for threads in (1, 2):
    model = fanin.Sequential([fanin.layers.Dense(100, input_dim={inputs})], rng=0)
    try:
        model.predict(np.ones((200, {inputs}), "float32"), threads=threads, verbose=0)
    except BaseException as error:
        answers.append([type(error).__name__, str(error)])
print(json.dumps(answers))
"""


def test_field_R1_a_second_level_that_holds_no_block_is_an_error(tmp_path):
    """Products of other sizes would go on for ever there."""
    folder = machines.caches(tmp_path / "cpu", (1, "32K"), (2, "16K"), (3, "16384K"))
    answers = machines.run(PREDICT.format(inputs=512), over=machines.CPU, folder=folder)
    assert [kind for kind, _ in answers] == ["RuntimeError"] * 2, answers
    assert all("divide by zero" in said for _, said in answers)


def test_field_R1_a_panic_within_a_product_is_an_error_with_its_words(tmp_path):
    """The first look finds nothing wrong here: blocks of more inputs are too deep."""
    folder = machines.caches(tmp_path / "cpu", (1, "8192K"), (2, "256K"), (3, "16384K"))
    answers = machines.run(PREDICT.format(inputs=8192), over=machines.CPU, folder=folder)
    assert [kind for kind, _ in answers] == ["RuntimeError"] * 2, answers
    assert all("fanin's core" in said and "divide by zero" in said for _, said in answers)


def test_other_machines_do_products(tmp_path):
    folder = machines.caches(tmp_path / "cpu", *LEVELS_OF_CACHE[:3])
    assert machines.run(PREDICT.format(inputs=512), over=machines.CPU, folder=folder) == []


# What is no number of threads, the kind of refusal, and what is said to have been found.
NO_COUNTS = {
    "-1": (-1, ValueError, "found -1"),
    "0": (0, ValueError, "found 0"),
    "2^70": (2**70, ValueError, "found an integer of 71 bits"),
    "True": (True, TypeError, "found True"),
    "text": ("a", TypeError, "found 'a'"),
    "1.5": (1.5, TypeError, "found 1.5"),
    "an array": (np.array([1, 2]), TypeError, "found an array"),
}


def trained():
    model = fanin.Sequential([layers.Dense(1, input_dim=3)], rng=0)
    model.compile("sgd", "mse")
    return model


X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
FIT = {
    "fit": lambda n: trained().fit(X, Y, threads=n, verbose=0),
    "fit_many": lambda n: fanin.fit_many([trained()], X, Y, threads=n, verbose=0),
    "evaluate": lambda n: trained().evaluate(X, Y, threads=n, verbose=0),
    "predict": lambda n: trained().predict(X, threads=n, verbose=0),
    "symmetry": lambda n: fanin.symmetry(trained(), X, Y, steps=1, threads=n),
}


def backward(network, n):
    network.build((None, 3))
    y, cache = network.forward(X)
    network.backward(y, cache, threads=n)


PASSES = {
    "layer.forward": lambda n: layers.Dense(2).forward(X, threads=n),
    "layer.backward": lambda n: backward(layers.Dense(2), n),
    "model.forward": lambda n: trained().forward(X, threads=n),
    "model.backward": lambda n: backward(trained(), n),
    "moments": lambda n: _core.moments(X, n),
    "histogram": lambda n: _core.histogram(X, 0, 1, 8, n),
}


@pytest.mark.parametrize("row", NO_COUNTS.values(), ids=NO_COUNTS)
def test_field_S3_no_number_of_threads_is_refused_in_words(row):
    value, kind, found = row
    before = fanin.get_num_threads()
    error = outcome(lambda: fanin.set_num_threads(value))
    changed = fanin.get_num_threads() != before
    fanin.set_num_threads(before)
    assert isinstance(error, kind), repr(error)
    assert str(error).startswith("n: expected a whole number of at ")
    assert found in str(error)
    assert not changed


def test_field_S3_the_words_are_these():
    error = outcome(lambda: fanin.utils.set_num_threads(-1))
    assert str(error) == "n: expected a whole number of at least 1, found -1"


@pytest.mark.parametrize("row", NO_COUNTS.values(), ids=NO_COUNTS)
@pytest.mark.parametrize("entry", PASSES.values(), ids=PASSES)
def test_field_S3_a_pass_refuses_no_number_of_threads_likewise(entry, row):
    value, kind, found = row
    assert_refused(lambda: entry(value), kind, "threads: expected a whole number", found)


@pytest.mark.parametrize("row", NO_COUNTS.values(), ids=NO_COUNTS)
@pytest.mark.parametrize("entry", FIT.values(), ids=FIT)
def test_field_S3_training_refuses_no_number_of_threads_likewise(entry, row):
    value, kind, found = row
    assert_refused(lambda: entry(value), kind, "threads: expected a whole number", found)


def test_whole_numbers_of_any_library_are_numbers_of_threads():
    before = fanin.get_num_threads()
    for n in (1, 2, np.int64(3), np.uint8(2)):
        fanin.set_num_threads(n)
        assert fanin.get_num_threads() == n
    fanin.set_num_threads(before)
    for entry in (*FIT.values(), *PASSES.values()):
        for n in (None, 1, np.int64(2)):
            entry(n)


ENVIRONMENT = """
import fanin
import numpy as np

calls = {
    "get": fanin.get_num_threads,
    "draw": lambda: fanin.initializers.HeNormal()((3, 4)),
    "layer": lambda: fanin.layers.Dense(1)(np.ones((2, 3))),
    "moments": lambda: fanin._core.moments(np.ones((2, 3))),
}
for name, call in calls.items():
    try:
        call()
        print(name, "is done")
    except Exception as error:
        print(type(error).__name__, error)
fanin.set_num_threads(2)
print(fanin.get_num_threads(), calls["draw"]().shape)
"""


@pytest.mark.parametrize("text", ["banana", "0", "-1", "2,2"])
def test_field_S3_our_own_environment_variable_is_refused_in_words(text):
    environment = {**os.environ, "FANIN_NUM_THREADS": text, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", ENVIRONMENT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    words = f'FANIN_NUM_THREADS: expected a whole number of at least 1, found "{text}"'
    assert run.stdout.splitlines() == [f"ValueError {words}"] * 4 + ["2 (3, 4)"], run.stderr


def layer():
    made = layers.Dense(3, "tanh")
    made.build((None, 3))
    return made


def model():
    return fanin.Sequential([layers.Dense(3, "tanh", input_dim=3), layers.Dense(3, "gelu")], rng=1)


def normalized():
    made = layers.BatchNormalization()
    made.build((None, 3))
    return made


NETWORKS = {"layer": layer, "model": model, "batch normalization": normalized}
# What is given in the place of a network's cache, made of that and of a network like it.
FOREIGN = {
    "None": lambda cache, twin: None,
    "a number": lambda cache, twin: 3,
    "an array": lambda cache, twin: X,
    "an empty tuple": lambda cache, twin: (),
    "a list": lambda cache, twin: [*cache],
    "too few": lambda cache, twin: cache[:-1],
    "too many": lambda cache, twin: (*cache, 1),
    "in another order": lambda cache, twin: cache[::-1],
    "one within another": lambda cache, twin: (cache,),
    "of one like it": lambda cache, twin: twin.forward(X)[1],
    "of one that is wider": lambda cache, twin: layers.Dense(7).forward(X)[1],
    "of one in double precision": lambda cache, twin: layers.Dense(3, dtype="float64").forward(X)[
        1
    ],
    "of a longer batch": lambda cache, twin: twin.forward(np.ones((9, 3), "float32"))[1],
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_field_R8_backward_takes_only_its_own_cache(make, foreign):
    network, twin = make(), make()
    y, cache = network.forward(X, training=True)
    dy = np.full_like(y, 0.5)
    given = foreign(cache, twin)
    words = "cache: expected what forward of this network returned, found "
    assert_refused(lambda: network.backward(dy, given), (TypeError, ValueError), words)
    dx, gradients = network.backward(dy, cache)
    assert all(np.isfinite(array).all() for array in (dx, *gradients.values()))


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_cache_is_its_networks_whatever_else_is_done(make):
    network = make()
    y, cache = network.forward(X, training=True)
    dx, gradients = network.backward(np.ones_like(y), cache)
    dx, gradients = dx.copy(), {name: array.copy() for name, array in gradients.items()}
    for rows in (3, 9):
        network.forward(np.zeros((rows, 3), "float32"), training=True)
    again, gradients_again = network.backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(again, dx)
    for name, array in gradients.items():
        np.testing.assert_array_equal(gradients_again[name], array)
    # The outputs themselves may be what comes back, though they may lie in what is kept.
    expected = network.backward(y.copy(), cache)[0].copy()
    np.testing.assert_array_equal(network.backward(y, cache)[0], expected)
    assert_refused(lambda: network.backward(np.ones((9, 3)), cache), ValueError, "dy")


# What the core is asked for with a dtype by name.
OF_DTYPE = {
    "Plan": lambda dtype: _core.Plan((3,), [members.dense(2)], dtype),
    "constant": lambda dtype: _core.constant((3,), dtype, 1.0),
    "random_normal": lambda dtype: _core.random_normal((3,), dtype, "1", "a", 0.0, 1.0),
    "torch_uniform": lambda dtype: _core.torch_uniform(_core.mt19937_state(1), (3,), dtype, 0, 1),
    "torch_normal": lambda dtype: _core.torch_normal(_core.mt19937_state(1), (16,), dtype, 0, 1),
    "jax_uniform": lambda dtype: _core.jax_uniform((0, 1), (3,), dtype, 0.0, 1.0),
    "jax_normal": lambda dtype: _core.jax_normal((0, 1), (3,), dtype),
    "jax_truncated_normal": lambda dtype: _core.jax_truncated_normal((0, 1), (3,), dtype, -1, 1),
}


@pytest.mark.parametrize("dtype", ["float16", "int64", "f4", ""])
@pytest.mark.parametrize("entry", OF_DTYPE.values(), ids=OF_DTYPE)
def test_field_S3_another_dtype_is_a_type_error_in_one_form_of_words(entry, dtype):
    words = f'dtype: expected float32 or float64, found "{dtype}"'
    assert_refused(lambda: entry(dtype), TypeError, words)


# Refusals of the core that had other words, or none of its own.
WORDS = {
    "too many units": (
        lambda: layers.Dense(2**70)(X),
        ValueError,
        "units: expected a whole number of at most 9223372036854775807, found an integer of 71 "
        "bits",
    ),
    "too many inputs": (
        lambda: fanin.Sequential([layers.Dense(1, input_dim=2**70)]),
        ValueError,
        "input_dim: expected a whole number of at most ",
    ),
    "an array that is too large": (
        lambda: fanin.initializers.HeNormal()((2**40, 2**40)),
        ValueError,
        "shape: expected an array that fits into memory, found (1099511627776, 1099511627776)",
    ),
    "too many axes": (
        lambda: _core.constant((1,) * 70, "float32", 1.0),
        ValueError,
        "shape: expected one that NumPy takes, found (1, 1, ",
    ),
    "no samples": (
        lambda: _core.moments(np.ones((0, 3))),
        ValueError,
        "x: expected at least one element, found shape (0, 3)",
    ),
    "an array that is read-only": (
        lambda: _core.constant((2, 2), "float64", 1.0, READ_ONLY),
        ValueError,
        "out: expected an array that can be written to, found a read-only one",
    ),
    "an array given twice": (
        lambda: _core.outputs_first(SQUARE, SQUARE),
        ValueError,
        "out: expected an array for this call alone, found one that ",
    ),
    "a metric of other targets": (
        lambda: evaluate({"kind": "sparse_categorical_accuracy"}),
        ValueError,
        "metrics: expected metrics of one number an output, as the loss is, found one of one class",
    ),
}
SQUARE, READ_ONLY = np.ones((2, 2)), np.ones((2, 2))
READ_ONLY.flags.writeable = False


def evaluate(metric):
    plan = _core.Plan((3,), [members.dense(3)], "float64")
    x, mse = np.ones((2, 3)), {"kind": "mean_squared_error"}
    plan.evaluate(np.zeros(12), np.zeros(0), mse, [metric], x, x, None, 1)


@pytest.mark.parametrize("row", WORDS.values(), ids=WORDS)
def test_field_S3_the_core_refuses_in_one_form_of_words(row):
    assert_refused(*row)


# A process that the system lets have no more threads does again what it did on one. Limits do not
# hold for root, so it becomes nobody first.
NO_MORE_THREADS = """
import hashlib
import json
import os
import resource
import threading

import fanin
import numpy as np
from fanin import layers

rng = np.random.default_rng(0)
x = rng.normal(size=(2000, 100)).astype("float32")
y = rng.normal(size=(2000, 3)).astype("float32")


def made():
    model = fanin.Sequential(
        [layers.Dense(200, "tanh", input_dim=100), layers.BatchNormalization(), layers.Dense(3)],
        rng=0,
    )
    model.compile("adam", "mse")
    return model


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array) for array in arrays)).hexdigest()


def fit(threads):
    model = made()
    model.fit(x, y, 500, verbose=0, threads=threads)
    return digest(model.params, model.state)


def passed(threads):
    model = made()
    out, cache = model.forward(x, training=True, threads=threads)
    dx, gradients = model.backward(y, cache, threads=threads)
    return digest(out, dx, *gradients.values())


def drawn(threads):
    fanin.set_num_threads(threads)
    return digest(fanin.initializers.HeNormal(seed=1)((600, 700)),
                  fanin.initializers.Orthogonal(seed=1)((300, 300)))


entries = {
    "predict": lambda n: digest(made().predict(x, threads=n, verbose=0)),
    "evaluate": lambda n: made().evaluate(x, y, threads=n, verbose=0),
    "fit": fit,
    "fit_many": lambda n: [h.history for h in fanin.fit_many(
        [made(), made(), made()], x, y, 100, threads=n, verbose=0)],
    "forward and backward": passed,
    "draw": drawn,
}
expected = {name: entry(1) for name, entry in entries.items()}
answers = {}


def allow_no_more():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(54321)
        os.setuid(54321)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    try:
        threading.Thread(target=int).start()
        answers["limited"] = False
    except RuntimeError:
        answers["limited"] = True


def attempt():
    for threads in (3, 59):
        for name, entry in entries.items():
            try:
                answers[f"{name}, {threads}"] = entry(threads) == expected[name] or "another"
            except BaseException as error:
                answers[f"{name}, {threads}"] = f"{type(error).__name__}: {error}"
    answers["done"] = True
"""
FORKED = """
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    {before}
    allow_no_more()
    attempt()
    os.write(writer, json.dumps(answers).encode())
    os._exit(0)
os.close(writer)
with open(reader) as file:
    answers = json.loads(file.read())
os.waitpid(child, 0)
"""
TWO, THREE = "entries['predict'](2)\n", "entries['predict'](3)\n"
MENDED_SITUATIONS = {
    "threads for two and for three": TWO + THREE + "allow_no_more()\nattempt()\n",
    "a forked child with threads": TWO + FORKED.format(before=THREE),
}
SITUATIONS = {
    "no pool yet": "allow_no_more()\nattempt()\n",
    "a pool of two": "entries['predict'](2)\nallow_no_more()\nattempt()\n",
    "another thread": """
ready, go = threading.Event(), threading.Event()


def wait():
    entries["predict"](2)
    ready.set()
    go.wait()
    attempt()


thread = threading.Thread(target=wait)
thread.start()
ready.wait()
allow_no_more()
go.set()
thread.join()
""",
    "another thread, no pool yet": """
go = threading.Event()
thread = threading.Thread(target=lambda: (go.wait(), attempt()))
thread.start()
allow_no_more()
go.set()
thread.join()
""",
    "a forked child": TWO + FORKED.format(before=""),
}


def in_python(code):
    """Run code in a Python of its own; return what it prints, as JSON."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=1200
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def assert_fewer_do_the_same(situation):
    answers = in_python(NO_MORE_THREADS + situation + "print(json.dumps(answers))")
    if not answers.pop("limited"):
        pytest.skip("this system lets a process with a limit of 1 start another thread")
    assert len(answers) == 13
    assert set(map(str, answers.values())) == {"True"}, answers


WITH_LIMITS = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="no limits of this kind on this system"
)


@WITH_LIMITS
@pytest.mark.parametrize("situation", MENDED_SITUATIONS.values(), ids=MENDED_SITUATIONS)
def test_field_R2_where_the_system_refuses_threads_fewer_do_the_same(situation):
    assert_fewer_do_the_same(situation)


@WITH_LIMITS
@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_refused_threads_are_done_without_elsewhere_too(situation):
    assert_fewer_do_the_same(situation)


COUNT_THREADS = """
import json
import os
import threading

import fanin
import numpy as np

model = fanin.Sequential([fanin.layers.Dense(200, input_dim=100)], rng=0)
x = np.ones((2000, 100), "float32")


def use():
    for threads in range(1, 60):
        model.predict(x, threads=threads, verbose=0)


before = len(os.listdir("/proc/self/task"))
use()
at_home = len(os.listdir("/proc/self/task"))
thread = threading.Thread(target=use)
thread.start()
thread.join()
print(json.dumps([at_home - before, len(os.listdir("/proc/self/task")) - before]))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted under /proc")
def test_field_R2_a_pool_is_used_by_calls_of_any_number_of_threads():
    at_home, with_others = in_python(COUNT_THREADS)
    assert at_home < 59
    assert with_others < 2 * 59
