"""`Report.mend`: what findings advise is run on a copy, which then trains."""

import re

import fanin
import numpy as np
import pytest
from fanin.layers import BatchNormalization, Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 12)).astype("float32")
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def network(*hidden, rate=0.003):
    model = fanin.Sequential([*hidden, Dense(3, "softmax", name="out")], rng=0)
    model.build((None, 12))
    model.compile(fanin.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    return model


def losses(said):
    found = re.search(r"tried: loss after \d+ steps (\S+), as it is (\S+)", said)
    return float(found[1]), float(found[2])


def test_one_cause_behind_the_other(capsys):
    relu = [Dense(24, "relu", kernel_initializer="he_normal", name=f"fc{i + 1}") for i in range(3)]
    model = network(*relu, rate=3.0)
    model.layers[1].bias[...] = -100
    model.layers[2].kernel[0, 0] = np.nan
    before = [w.copy() for w in model.get_weights()]
    mended = fanin.diagnose(model, X, Y).mend(steps=60)
    said = capsys.readouterr().out
    loss, as_it_is = losses(said)
    assert loss < 0.9
    assert not loss > as_it_is  # which may be NaN
    assert said.count("applied: ") >= 3
    assert fanin.diagnose(mended, X, Y).healthy
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
    assert model.optimizer.learning_rate == 3.0


def test_layers_that_are_not_at_fault_keep_their_weights(capsys):
    model = network(
        Dense(24, "relu", kernel_initializer="he_normal", name="fc1"),
        BatchNormalization(name="norm"),
        Dense(24, "relu", kernel_initializer="he_normal", name="fc2"),
    )
    kernel = model.get_layer("fc2").kernel
    kernel[...] = np.outer(np.ones(24), RNG.normal(size=24)) / 5
    mended = fanin.diagnose(model, X, Y).mend(steps=5)
    np.testing.assert_array_equal(mended.get_layer("fc1").kernel, model.get_layer("fc1").kernel)
    assert not np.array_equal(mended.get_layer("fc2").kernel, model.get_layer("fc2").kernel)
    assert "applied: Dense(24" in capsys.readouterr().out


def test_a_sound_network_is_only_tried(capsys):
    model = network(Dense(24, "relu", kernel_initializer="he_normal"))
    mended = fanin.diagnose(model, X, Y).mend(steps=3)
    loss, as_it_is = losses(capsys.readouterr().out)
    assert loss == as_it_is
    np.testing.assert_array_equal(mended.layers[0].kernel, model.layers[0].kernel)


def test_inputs_that_are_no_numbers(capsys):
    x = X.copy()
    x[3, 2] = np.nan
    model = network(Dense(24, "relu", kernel_initializer="he_normal"))
    fanin.diagnose(model, x, Y).mend(steps=3)
    said = capsys.readouterr().out
    assert "applied: x = np.nan_to_num" in said
    assert np.isnan(losses(said)[1])
    assert losses(said)[0] < 2


def test_refusals():
    model = network(Dense(8, "relu"))
    with pytest.raises(ValueError, match="y: expected targets"):
        fanin.diagnose(model, X).mend()
    with pytest.raises(ValueError, match="steps: expected"):
        fanin.diagnose(model, X, Y).mend(0)


def test_names_are_not_run_as_code():
    name = '"); raise SystemExit('
    model = network(Dense(8, "tanh", kernel_initializer="zeros", name=name), rate=1e-9)
    with pytest.raises(ValueError, match="model: expected layers whose names can be written"):
        fanin.diagnose(model, X, Y).mend()
