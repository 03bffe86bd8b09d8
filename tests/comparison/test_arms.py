"""Arms of a comparison, from every form in which they come."""

import fanin
import numpy as np
import pytest
from fanin.comparison import Arm, arms


@pytest.mark.parametrize(
    ("text", "label", "place"),
    [
        ("he_normal", "HeNormal", False),
        ("HeNormal+bn", "HeNormal + BN", "after"),
        ("zeros+bn_before", "Zeros + BN before", "before"),
        ("random_normal(stddev=0.01)", "RandomNormal(stddev=0.01)", False),
        ("constant(1e+3) + bn", "Constant(value=1000.0) + BN", "after"),
        ("random_uniform(-0.1, maxval=0.1)", "RandomUniform(minval=-0.1, maxval=0.1)", False),
    ],
)
def test_arm_from_text(text, label, place):
    arm = Arm.parse(text)
    assert (arm.label, arm.batch_normalization) == (label, place)
    assert Arm.parse(arm.spec) == arm


def test_arms_come_in_every_form():
    named = arms.resolve({"a": "zeros+bn", "b": fanin.initializers.HeNormal(), "c": Arm("ones")})
    assert [arm.label for arm in named] == ["a", "b", "c"]
    assert named[0].batch_normalization == "after"
    listed = arms.resolve(["zeros", fanin.initializers.Ones, np.ones, {"class_name": "HeNormal"}])
    assert [arm.label for arm in listed[:2]] == ["Zeros", "Ones"]
    assert listed[2].spec is None  # NumPy's function has no spelling on a command line
    assert [arm.label for arm in arms.resolve("he_normal")] == ["HeNormal"]
    assert [arm.label for arm in arms.resolve(None)] == [
        "Zeros",
        "RandomNormal(stddev=1.0)",
        "GlorotNormal",
        "HeNormal",
    ]


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("he_norml", "did you mean 'he_normal'"),
        ("he_normal+batchnorm", "unknown addition to an arm 'batchnorm'"),
        ("random_normal(stddev=__import__('os'))", "expected NAME"),
        ("random_normal(stddev=-1)", "stddev"),
        ("random_normal(std=1)", "std"),
        ("random_normal(stddev=1", "expected NAME"),
        ([], "at least one"),
        (["ones", "ones"], "labels of their own"),
    ],
)
def test_bad_arms(arm, message):
    with pytest.raises(ValueError, match=message):
        arms.resolve(arm)


def test_bad_place_of_batch_normalization():
    with pytest.raises(ValueError, match="batch_normalization: expected True"):
        Arm("ones", batch_normalization="behind")


def test_no_initializer_is_no_arm():
    with pytest.raises(TypeError, match="initializer: expected a name"):
        arms.resolve([None])
