"""Kinds of refusals that the walk over all public callables found to be no refusals."""

import math

import fanin
import numpy as np
import pytest
from fanin import comparison, layers, streams
from fanin.optimizers import schedules
from refusals import assert_refused, outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.integers(0, 3, 12)


def deep():
    made = 1.0
    for _ in range(3000):
        made = [made]
    return made


class Closed:
    """What cannot be read: it has the door, and it is closed."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array for you")


def network():
    model = fanin.Sequential([layers.Dense(3, "softmax", input_dim=4, name="first")], rng=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def dense():
    made = layers.Dense(3)
    made.build((None, 4), rng=0)
    return made


@pytest.fixture(scope="module")
def compared():
    return fanin.compare(
        ["zeros"], data=((X, Y), (X, Y)), seeds=1, epochs=1, hidden=(4,), progress=False
    )


SHAPES = {
    "build": lambda: network().build(deep()),
    "a layer's build": lambda: layers.Dense(3).build(deep()),
    "compute_output_shape": lambda: network().compute_output_shape(deep()),
    "a layer's compute_output_shape": lambda: dense().compute_output_shape(deep()),
    "input_shape": lambda: layers.Dense(3, input_shape=deep()),
    "Input": lambda: fanin.Input(deep()),
}


@pytest.mark.parametrize("call", SHAPES.values(), ids=SHAPES)
def test_field_what_cannot_be_printed_is_refused_as_a_shape(call):
    assert_refused(call, (TypeError, ValueError), "shape", "that cannot be printed")


@pytest.mark.parametrize("make", [network, dense])
@pytest.mark.parametrize("threads", [-1, np.int64(-1), -(2**63), True])
def test_field_backward_refuses_threads_as_forward_does(make, threads):
    assert_refused_by_both(make, threads)


@pytest.mark.parametrize("make", [network, dense])
@pytest.mark.parametrize("threads", [0, 1.5])
def test_backward_refuses_what_it_refused_before(make, threads):
    assert_refused_by_both(make, threads)


def assert_refused_by_both(make, threads):
    made = make()
    outputs, cache = made.forward(X)
    dy = np.ones_like(outputs)
    expected = outcome(lambda: made.forward(X, threads=threads))
    assert isinstance(expected, TypeError | ValueError)
    assert_refused(lambda: made.backward(dy, cache, threads=threads), type(expected), str(expected))


SCHEDULES = {
    "ExponentialDecay": schedules.ExponentialDecay(0.1, 10, 0.5),
    "CosineDecay": schedules.CosineDecay(0.1, 10),
    "PiecewiseConstantDecay": schedules.PiecewiseConstantDecay([5], [0.1, 0.01]),
    "PolynomialDecay": schedules.PolynomialDecay(0.1, 10),
    "InverseTimeDecay": schedules.InverseTimeDecay(0.1, 10, 0.5),
    "CosineDecayRestarts": schedules.CosineDecayRestarts(0.1, 10),
}


def test_every_schedule_is_walked():
    ours = {
        name
        for name in schedules.__all__
        if isinstance(kind := getattr(schedules, name), type)
        and issubclass(kind, schedules.LearningRateSchedule)
    }
    assert set(SCHEDULES) == ours - {"LearningRateSchedule"}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("step", [-1, -1e300, math.nan, 10**400, "3", None, True])
def test_field_schedules_refuse_what_is_no_step(schedule, step):
    assert_refused(lambda: schedule(step), (TypeError, ValueError), "step: expected a")


@pytest.mark.parametrize("staircase", [False, True])
def test_field_a_rate_that_grows_beyond_all_numbers_is_refused_by_its_step(staircase):
    growing = schedules.ExponentialDecay(0.1, 1, 2.0, staircase=staircase)
    assert growing(3) == pytest.approx(0.8)
    adam = fanin.optimizers.Adam(growing)
    words = "learning rate of step 5000: expected a finite number"
    assert_refused(lambda: adam.learning_rates(5000, 1), ValueError, words)


NOT_PRINTED = {
    "calculate_gain": lambda: fanin.init.calculate_gain(deep()),
    "kaiming_normal_": lambda: fanin.init.kaiming_normal_(np.ones((3, 4)), nonlinearity=deep()),
    "its slope": lambda: fanin.init.kaiming_uniform_(np.ones((3, 4)), deep()),
    "Input's dtype": lambda: fanin.Input((3,), dtype=deep()),
    "a draw's dtype": lambda: streams.jax(1).normal((3,), dtype=deep()),
    "a layer's dtype": lambda: layers.Dense(3, dtype=deep()),
}


@pytest.mark.parametrize("call", NOT_PRINTED.values(), ids=NOT_PRINTED)
def test_field_what_cannot_be_printed_is_refused_in_words(call):
    assert_refused(call, (TypeError, ValueError), "a list that cannot be printed")


@pytest.mark.parametrize("function", [fanin.activations.softmax, fanin.utils.normalize])
@pytest.mark.parametrize("axis", [1, -2, 2**40, 2**63, 10**400, 1e300, (2**40, 2**40)])
def test_field_an_axis_that_is_not_there_is_refused(function, axis):
    words = "axis: expected a whole number from -1 to 0"
    assert_refused(lambda: function(np.ones(3), axis=axis), (TypeError, ValueError), words)


@pytest.mark.parametrize("order", [math.nan, 10**400, "fro", None, Closed()])
def test_field_a_norm_of_no_order_is_refused(order):
    kinds = (TypeError, ValueError)
    assert_refused(lambda: fanin.utils.normalize(np.ones(3), order=order), kinds, "order: expected")


@pytest.mark.parametrize("order", [math.inf, 1, np.float32(2)])
def test_norms_of_every_order_divide(order):
    divided = fanin.utils.normalize([[3.0, -4.0]], order=order)
    assert np.linalg.norm(divided[0], order) == pytest.approx(1.0)


def test_field_no_loss_is_refused_where_one_is_asked_for():
    words = "loss: expected a name, a configuration or a Loss, found None"
    assert_refused(lambda: fanin.losses.resolve(None), TypeError, words)
    # Of several outputs one may have no loss, and a metric all the same.
    metric = fanin.metrics.resolve("accuracy", None, 3)
    assert isinstance(metric, fanin.metrics.CategoricalAccuracy)


def test_field_a_constant_refuses_what_is_no_number():
    tensor = np.zeros(3)
    assert_refused(lambda: fanin.init.constant_(tensor, Closed()), TypeError, "val: expected")
    assert (tensor == 0).all()


COMPARED = {
    "layers": lambda value: fanin.Sequential(value),
    "name": lambda value: network().get_layer(value),
    "nonlinearity": lambda value: fanin.init.kaiming_normal_(np.ones((3, 4)), nonlinearity=value),
    "size": lambda value: fanin.datasets.fashion_mnist.find(value),
    "threshold": lambda value: layers.ReLU(threshold=value),
    "axis": lambda value: fanin.losses.BinaryCrossentropy(axis=value),
}


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize("value", [np.ones((12, 3)), np.zeros((1, 0))])
def test_field_arrays_are_refused_before_they_are_compared(name, value):
    error = outcome(lambda: COMPARED[name](value))
    assert isinstance(error, TypeError | ValueError)
    assert "ambiguous" not in str(error)


@pytest.mark.parametrize("value", [3, 0, False, 1.5, object(), "Dense", int])
def test_field_a_network_is_made_of_a_list_of_layers(value):
    words = "layers: expected a list of layers, found"
    assert_refused(lambda: fanin.Sequential(value), TypeError, words)


SOURCES = {"Jax": (streams.jax(1), "words"), "TorchCpu": (streams.torch_cpu(1), "state")}


@pytest.mark.parametrize(("source", "key"), SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("config", [None, [], {}, 3, np.ones((12, 3)), np.array(1.0), "words"])
def test_field_sources_refuse_what_is_no_configuration(source, key, config):
    words = f"config: expected a dict with '{key}'"
    assert_refused(lambda: type(source).from_config(config), TypeError, words)


@pytest.mark.parametrize(("source", "key"), SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("words", [3, "ab", None, [-1, 1], [1, 2**32], [1], []])
def test_field_sources_refuse_words_that_are_none(source, key, words):
    kinds = (TypeError, ValueError)
    assert_refused(lambda: type(source).from_config({key: words}), kinds, f"{key}: expected")


@pytest.mark.parametrize("source", [streams.jax(1), streams.torch_cpu(1)], ids=["Jax", "TorchCpu"])
@pytest.mark.parametrize("value", [None, "3", [3], -1])
def test_field_gaussians_have_rows_and_columns(source, value):
    kinds = (TypeError, ValueError)
    assert_refused(lambda: source.gaussian(value, 3, "float32"), kinds, "rows: expected a whole")
    assert_refused(lambda: source.gaussian(3, value, "float32"), kinds, "columns: expected a whole")


@pytest.mark.parametrize("path", [None, 3, b"kernel", "\ud800"])
def test_field_a_key_is_split_by_text(path):
    kinds = (TypeError, ValueError)
    assert_refused(lambda: streams.jax(1).at(path), kinds, "path: expected")


@pytest.mark.parametrize("make", [network, dense])
@pytest.mark.parametrize("weights", [None, 3, object(), np.array(1.0)])
def test_field_weights_are_several_arrays(make, weights):
    made = make()
    before = [array.copy() for array in made.get_weights()]
    assert_refused(lambda: made.set_weights(weights), TypeError, "weights: expected arrays (")
    assert all(map(np.array_equal, before, made.get_weights()))


def test_field_findings_are_of_a_report():
    find = fanin.diagnosis.findings.find
    assert_refused(lambda: find({}), TypeError, "report: expected what fanin.diagnose returns")


DRAWS = {
    "Jax.bits": streams.jax(1).bits,
    "Jax.split": streams.jax(1).split,
    "Jax.permutation": streams.jax(1).permutation,
    "TorchCpu.bits": streams.torch_cpu(1).bits,
    "TorchCpu.permutation": streams.torch_cpu(1).permutation,
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("number", [-1, 2**63, 10**400])
def test_field_numbers_of_draws_are_those_that_memory_counts(draw, number):
    words = f"a whole number of at {'least 0' if number < 0 else 'most 9223372036854775807'}"
    assert_refused(lambda: draw(number), ValueError, words)


SIZES = {
    "units": lambda size: layers.Dense(size),
    "input_dim": lambda size: layers.Dense(3, input_dim=size),
    "model": lambda size: fanin.recommend([size], "relu"),
}


@pytest.mark.parametrize(("name", "call"), SIZES.items(), ids=SIZES)
@pytest.mark.parametrize("size", [2**63, 10**400])
def test_field_sizes_are_those_that_memory_counts(name, call, size):
    words = f"{name}: expected a whole number of at most 9223372036854775807"
    assert_refused(lambda: call(size), ValueError, words)


LENGTHS = {
    "build": lambda size: layers.Dense(3).build((None, size)),
    "a network's build": lambda size: fanin.Sequential([layers.Dense(3)]).build((None, size)),
    "input_shape": lambda size: layers.Dense(3, input_shape=(size,)),
    "Input": lambda size: fanin.Input((size,)),
}


@pytest.mark.parametrize("call", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("size", [2**63, 10**400])
def test_field_axes_are_as_long_as_memory_counts(call, size):
    assert_refused(
        lambda: call(size), ValueError, "shape: expected axes of length 1 or more, below"
    )


@pytest.mark.parametrize("source", [streams.jax(1), streams.torch_cpu(1)], ids=["Jax", "TorchCpu"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"variance": 10**400}, "variance: expected a finite number at least 0"),
        ({"variance": -1.0}, "variance: expected a number at least 0, found -1"),
        ({"variance": Closed()}, "variance: expected a number at least 0, found"),
        ({"distribution": "normal"}, "distribution: expected 'truncated_normal' or"),
        ({"dtype": "float16"}, "dtype: expected 'float32' or 'float64', found 'float16'"),
    ],
)
def test_field_scaled_draws_refuse_what_is_none_of_theirs(source, given, words):
    asked = {"variance": 1.0, "distribution": "uniform", "dtype": "float32", **given}
    assert_refused(lambda: source.scaled((3, 4), **asked), (TypeError, ValueError), words)


@pytest.mark.parametrize("rate", [0.1, schedules.CosineDecay(0.1, 10)])
@pytest.mark.parametrize("number", [-1, 1.5, "3", deep()])
def test_field_optimizers_refuse_steps_that_are_none(rate, number):
    adam = fanin.optimizers.Adam(rate)
    kinds, words = (TypeError, ValueError), "expected a whole number of at least 0"
    assert_refused(lambda: adam.learning_rates(number, 3), kinds, f"start: {words}")
    assert_refused(lambda: adam.learning_rates(0, number), kinds, f"count: {words}")


def test_field_a_step_that_no_counter_holds_is_refused():
    params = np.ones(3, "float32")
    adam = fanin.optimizers.Adam()
    slots = adam.init(params)
    call = lambda: adam.step(params, np.ones(3), slots, 10**400)  # noqa: E731
    assert_refused(call, ValueError, "iteration: expected a whole number of at most")
    assert (params == 1).all()
    assert (slots == 0).all()


@pytest.mark.parametrize("length", [0, -1, 10**400, 2**40, 80.0, "80", True])
def test_field_summary_refuses_a_line_length_that_is_none(length):
    lines = []
    words = "line_length: expected a whole number from 1 to 10000"
    kinds = (TypeError, ValueError)
    assert_refused(lambda: network().summary(length, print_fn=lines.append), kinds, words)
    assert not lines


@pytest.mark.parametrize("key", [-math.inf, 10**400, None, [None], {}, np.ones((2, 2)), deep()])
def test_field_results_refuse_keys_of_a_wrong_kind(compared, key):
    assert_refused(lambda: compared[key], TypeError, "label: expected that of an arm")
    if not isinstance(key, int):  # a place, of which there is none
        report = fanin.diagnose(network(), X, Y)
        assert_refused(lambda: report[key], TypeError, "layer: expected a whole number")


def test_field_a_key_that_is_not_there_is_a_keyerror(compared):
    assert isinstance(compared, comparison.Comparison)
    assert_refused(lambda: compared["zeroes"], KeyError, "zeroes")
    report = fanin.diagnose(network(), X, Y)
    assert_refused(lambda: report["second"], KeyError, "layer: expected one of first")
    assert isinstance(outcome(lambda: report[1]), IndexError)
