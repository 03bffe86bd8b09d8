"""Faults seen in use, classes: values that are set later are looked at as at first (T10, S4)."""

import copy

import numpy as np
import pytest
from fanin import initializers, layers, losses, metrics, optimizers
from fanin.optimizers import schedules
from refusals import assert_refused

REFUSED = (TypeError, ValueError)
LOSSES = [
    losses.MeanSquaredError,
    losses.MeanAbsoluteError,
    losses.BinaryCrossentropy,
    losses.CategoricalCrossentropy,
    losses.SparseCategoricalCrossentropy,
    losses.BinaryFocalCrossentropy,
    losses.CategoricalFocalCrossentropy,
    losses.CategoricalHinge,
    losses.CosineSimilarity,
    losses.Hinge,
    losses.Huber,
    losses.KLDivergence,
    losses.LogCosh,
    losses.MeanAbsolutePercentageError,
    losses.MeanPinballLoss,
    losses.MeanSquaredLogarithmicError,
    losses.Poisson,
    losses.SquaredHinge,
]


@pytest.mark.parametrize("cls", LOSSES)
def test_field_T10_the_reduction_of_a_loss(cls):
    loss = cls()
    for wrong in ("bogus", 5, "Sum"):
        assert_refused(
            lambda w=wrong: setattr(loss, "reduction", w), REFUSED, "reduction: expected "
        )
    assert loss.reduction == "sum_over_batch_size"
    loss.reduction = None
    assert loss.reduction == "none"
    loss.reduction = "sum"
    assert loss.reduction == cls(reduction="sum").reduction


def test_every_loss_is_walked():
    named = [getattr(losses, name) for name in losses.__all__]
    assert {v for v in named if isinstance(v, type)} == {losses.Loss, *LOSSES}


@pytest.mark.parametrize(
    ("make", "name", "wrong"),
    [
        (losses.BinaryCrossentropy, "from_logits", "yes"),
        (losses.CategoricalCrossentropy, "from_logits", 2),
        (losses.SparseCategoricalCrossentropy, "from_logits", "yes"),
        (losses.BinaryCrossentropy, "label_smoothing", 5),
        (losses.CategoricalCrossentropy, "label_smoothing", "a"),
        (losses.MeanSquaredError, "name", 5),
        (metrics.BinaryAccuracy, "threshold", "a"),
        (metrics.BinaryAccuracy, "name", None),
        (optimizers.SGD, "name", 5),
        (initializers.TruncatedNormal, "bounds", "bogus"),
        (initializers.Orthogonal, "flatten", "bogus"),
        (initializers.LooksLinear, "mirror", "bogus"),
        (lambda: layers.Dense(2), "declared_dtype", "nope"),
        (lambda: layers.Dense(2), "declared_shape", "a"),
    ],
)
def test_field_T10_a_wrong_value_is_refused_when_it_is_set(make, name, wrong):
    member = make()
    before = getattr(member, name)
    call = f"{name}: expected "
    assert_refused(lambda: setattr(member, name, wrong), (TypeError, ValueError), call)
    assert getattr(member, name) == before


# What an initializer was worked out from: setting it would change nothing.
WORKED_OUT = [
    (initializers.HeNormal, "negative_slope", 0.5),
    (initializers.HeUniform, "negative_slope", 0.5),
    (initializers.HeNormal, "truncated", False),
    (initializers.GlorotNormal, "truncated", False),
    (initializers.LecunNormal, "truncated", False),
    (initializers.HeNormal, "scale", 5.0),
    (initializers.GlorotUniform, "distribution", "truncated_normal"),
    (initializers.SklearnDefault, "activation", "logistic"),
]


@pytest.mark.parametrize(("cls", "name", "value"), WORKED_OUT)
def test_field_T10_what_an_initializer_was_worked_out_from_stays(cls, name, value):
    made = cls(seed=1)
    for member in (made, copy.deepcopy(made)):
        words = [f"{name}: {cls.__name__} stays as it was made", "make another"]
        assert_refused(lambda m=member: setattr(m, name, value), AttributeError, *words)
    assert made == cls(seed=1)
    assert np.array_equal(made((3, 4)), cls(seed=1)((3, 4)))


def test_what_an_initializer_draws_by_may_change():
    made = initializers.RandomNormal(stddev=0.1, seed=1)
    made.stddev = 0.2
    assert np.array_equal(made((3, 4)), initializers.RandomNormal(stddev=0.2, seed=1)((3, 4)))
    made.seed = 2
    assert made == initializers.RandomNormal(stddev=0.2, seed=2)
    scaled = initializers.VarianceScaling(seed=1)
    scaled.scale = 2.0
    assert scaled == initializers.VarianceScaling(2.0, seed=1)


@pytest.mark.parametrize(
    ("name", "value"), [("declared_dtype", "float64"), ("declared_shape", (7,))]
)
def test_field_S4_what_a_layer_was_declared_to_be_stays(name, value):
    layer = layers.Dense(2)
    layer.build((None, 3), rng=0)
    assert_refused(lambda: setattr(layer, name, value), ValueError, f"{name}: expected None")
    assert layer(np.ones((1, 3))).dtype == "float32"
    fresh = layers.Dense(2)
    fresh.declared_dtype = "f8"
    assert fresh(np.ones((1, 3))).dtype == "float64"


SCHEDULES = [
    schedules.ExponentialDecay(0.1, 10, 0.5),
    schedules.CosineDecay(0.1, 10),
    schedules.PiecewiseConstantDecay([5], [0.1, 0.01]),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_field_R8_a_step_that_is_none(schedule):
    for wrong in (-1, -1e300, float("nan"), "a", None, np.ones(2)):
        assert_refused(lambda w=wrong: schedule(w), REFUSED, "step: expected a ")


def test_the_rates_of_schedules():
    assert [schedule(5) for schedule in SCHEDULES] == pytest.approx([0.1 * 0.5**0.5, 0.05, 0.1])
    assert [schedule(np.int64(10)) for schedule in SCHEDULES] == pytest.approx([0.05, 0.0, 0.01])


def test_field_R11_backward_refuses_threads_that_are_none():
    layer = layers.Dense(2)
    y, cache = layer.forward(np.ones((1, 3)))
    for wrong in (np.int64(-1), 0, "a", 1.5):
        call = lambda w=wrong: layer.backward(y, cache, threads=w)  # noqa: E731
        assert_refused(call, REFUSED, "threads: expected a whole number")
