"""Fans are counted as Keras does, by axes as JAX does, and as groups and transposition ask."""

import math

import numpy as np
import pytest
from fanin import _core, initializers
from fanin.errors import ShapeError
from fanin.initializers import GlorotUniform, HeNormal, SklearnDefault, TorchDefault
from fanin.initializers import VarianceScaling as Scaling
from fanin.initializers._fans import MODES
from hypothesis import given
from hypothesis import strategies as st


def fans(initializer, shape):
    found = initializer.explain(shape)
    return found.fan_in, found.fan_out


def by_axes(shape, inputs, outputs, batch):
    """The definition, written another way than in the core."""
    rest = [n for i, n in enumerate(shape) if i not in inputs + outputs + batch]
    field = math.prod(rest)
    return (
        field * math.prod(shape[i] for i in inputs),
        field * math.prod(shape[i] for i in outputs),
    )


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), (1, 1)), ((5,), (5, 5)), ((784, 128), (784, 128)), ((3, 5, 7, 11), (105, 165))],
)
def test_the_rule_of_keras_is_the_default(shape, expected):
    assert fans(Scaling(), shape) == expected


@given(data=st.data())
def test_axes_say_what_counts(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=2, max_size=6)))
    order = data.draw(st.permutations(range(len(shape))))
    cuts = sorted(data.draw(st.integers(1, len(shape))) for _ in range(3))
    inputs, outputs = order[: cuts[0]], order[cuts[0] : cuts[1]]
    batch = order[cuts[1] : cuts[2]]
    signed = [i - len(shape) if data.draw(st.booleans()) else i for i in inputs]
    found = Scaling(in_axis=signed, out_axis=outputs, batch_axis=batch)
    assert fans(found, shape) == by_axes(shape, inputs, outputs, batch)
    others = Scaling(in_axis=signed, out_axis=outputs, batch_axis="others")
    assert fans(others, shape) == (
        math.prod(shape[i] for i in inputs),
        math.prod(shape[i] for i in outputs),
    )


def test_groups_and_transposed_kernels():
    # An input of a grouped convolution reaches the outputs of its own group only.
    assert fans(Scaling(groups=4), (3, 3, 5, 12)) == (45, 27)
    assert fans(Scaling(transposed=True), (3, 3, 12, 5)) == (45, 108)
    assert fans(Scaling(groups=4, transposed=True), (3, 3, 3, 20)) == (45, 27)
    # torch's layouts, of the same layers.
    assert fans(Scaling(in_axis=1, out_axis=0, groups=4), (12, 5, 3, 3)) == (45, 27)
    assert fans(Scaling(in_axis=0, out_axis=1, groups=4, transposed=True), (20, 3, 3, 3)) == (
        45,
        27,
    )


@pytest.mark.parametrize(
    ("mode", "fan"),
    [("fan_in", 45), ("fan_out", 27), ("fan_avg", 36), ("fan_geo_avg", math.sqrt(45 * 27))],
)
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
@pytest.mark.parametrize("source", [3, np.random.RandomState(3)])
def test_weights_have_the_variance_that_the_fans_ask_for(mode, fan, distribution, source):
    initializer = Scaling(2.0, mode, distribution, groups=40)
    shape = (3, 3, 5, 120)
    w = initializer(shape, "float64", rng=source)
    assert initializer.explain(shape).variance == pytest.approx(2 / fan, rel=1e-12)
    assert abs(w.var() / (2 / fan) - 1) < 4.5 * math.sqrt(2 / w.size)


def test_a_bias_takes_the_fans_of_its_weights():
    assert abs(TorchDefault(fan_in=784)((4000,), rng=0)).max() == pytest.approx(1 / 28, rel=1e-2)
    limit = math.sqrt(6 / (784 + 128))
    sklearn = SklearnDefault(fan_in=784, fan_out=128)
    assert abs(sklearn((4000,), rng=0)).max() == pytest.approx(limit, rel=1e-2)
    for initializer in (TorchDefault(), SklearnDefault(), SklearnDefault(fan_in=3)):
        for rng in (0, np.random.default_rng(0)):
            with pytest.raises(ShapeError, match=r"fan_in|fan_out"):
                initializer((5,), rng=rng)


def test_default_fans_give_the_values_they_always_gave():
    shape = (3, 4, 5)
    named = HeNormal(in_axis=-2, out_axis=-1)
    np.testing.assert_array_equal(named(shape, rng=1), HeNormal()(shape, rng=1))


@pytest.mark.parametrize(
    ("make", "shape", "error", "words"),
    [
        (lambda: Scaling(groups=5), (3, 4, 12), ValueError, "groups: expected a divisor of 12"),
        (lambda: Scaling(groups=5, transposed=True), (3, 4, 12), ValueError, "groups"),
        (lambda: Scaling(groups=0), (3, 4), ValueError, "groups"),
        (lambda: Scaling(groups=1.5), (3, 4), TypeError, "groups"),
        (lambda: Scaling(in_axis=-2), (5,), ShapeError, "in_axis"),
        (lambda: Scaling(groups=2), (6,), ShapeError, "at least 2 dimensions for groups"),
        (lambda: Scaling(out_axis=3), (4, 5), ShapeError, "out_axis"),
        (lambda: Scaling(in_axis=1, out_axis=-1), (4, 5), ShapeError, "out_axis.*again"),
        (lambda: Scaling(batch_axis=[0, 0]), (4, 5, 6), ShapeError, "batch_axis.*again"),
        (lambda: Scaling(in_axis="0"), (4, 5), TypeError, "in_axis"),
        (lambda: Scaling(batch_axis="rest"), (4, 5), ValueError, "others"),
        (lambda: Scaling(fan_in=0), (4, 5), ValueError, "fan_in"),
        (lambda: Scaling(fan_out=math.nan), (4, 5), ValueError, "fan_out"),
        (lambda: GlorotUniform(fan=3), (4, 5), TypeError, "fan"),
    ],
)
def test_what_means_nothing_is_refused(make, shape, error, words):
    with pytest.raises(error, match=words):
        make()(shape, rng=0)


def test_configurations_hold_what_is_not_usual():
    for initializer in (
        Scaling(in_axis=0, out_axis=[1, 2], batch_axis="others"),
        HeNormal(groups=2, truncated=False, negative_slope=0.1, mode="fan_geo_avg"),
        GlorotUniform(transposed=True, seed=3),
        SklearnDefault("tanh", fan_in=3, fan_out=4),
        TorchDefault(fan_in=7),
    ):
        twin = initializers.deserialize(initializers.serialize(initializer))
        assert twin == initializer
        assert twin != type(initializer)()
        assert eval(repr(initializer), vars(initializers)) == initializer


def test_axes_of_keras_configurations():
    config = {"seed": None, "input_axes": [0], "output_axes": [1, 2]}
    found = initializers.get({"class_name": "GlorotUniform", "config": config})
    assert fans(found, (6, 4, 5, 9)) == (6, 20)
    plain = {"seed": None, "input_axes": None, "output_axes": None}
    assert initializers.get({"class_name": "HeNormal", "config": plain}) == HeNormal()


def test_leaky_slopes():
    for slope in (0.0, 0.2, 1.0, math.sqrt(5)):
        for cls in (HeNormal, initializers.HeUniform):
            variance = cls(negative_slope=slope).explain((300, 10)).variance
            assert variance == pytest.approx(2 / (1 + slope**2) / 300, rel=1e-12)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fans", [(784.0, 10.0), (3.0, 5.0), (1.0, 7.0), (0.5, 0.25)])
def test_the_modes_are_the_cores(mode, fans):
    """The core draws from streams, the table from other generators: the variance is the same."""
    spread = _core.variance_scaling_spread((2, 2), 1.7, mode, "untruncated_normal", fans)
    assert spread == math.sqrt(1.7 / max(1.0, MODES[mode].of(*fans)))


def test_the_core_has_no_other_modes():
    with pytest.raises(ValueError, match="fan_max") as refused:
        _core.variance_scaling_spread((2, 2), 1.0, "fan_max", "uniform")
    assert str(refused.value).rpartition("known: ")[2].split(", ") == list(MODES)
