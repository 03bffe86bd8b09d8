"""Faults seen under load: weights that are negative or too large, what becomes infinite (R10)."""

import copy

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, losses, metrics, optimizers
from refusals import assert_refused, outcome
from trainings import WAYS, fit, fit_many

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
CLASSES = (X[:, 0] > 0).astype(int)


def network(optimizer="sgd", seed=0):
    chain = [layers.Dense(4, "relu", input_dim=3), layers.Dense(2, "softmax")]
    model = fanin.Sequential(chain, rng=seed)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


NEGATIVE = np.where(np.arange(40) == 7, -0.5, 1.0)
WEIGHTED = {
    "fit": lambda w: fit(network(), X, CLASSES, sample_weight=w),
    "fit_many": lambda w: fit_many(network(), X, CLASSES, sample_weight=w),
    "validation_data": lambda w: fit(network(), X, CLASSES, validation_data=(X, CLASSES, w)),
    "evaluate": lambda w: network().evaluate(X, CLASSES, sample_weight=w, verbose=0),
    "loss": lambda w: losses.MeanSquaredError()(X, X, w),
    "rows": lambda w: losses.MeanSquaredError().rows(X, X, w),
    "gradient": lambda w: losses.MeanAbsoluteError().value_and_gradient(X, X, w),
    "metric": lambda w: metrics.MeanSquaredError()(X, X, w),
}


@pytest.mark.parametrize("entry", WEIGHTED.values(), ids=WEIGHTED)
@pytest.mark.parametrize("shape", [(40,), (40, 1)])
def test_field_R10_negative_weights_are_refused(entry, shape):
    found = r"found -0.5 at [7"
    assert_refused(lambda: entry(NEGATIVE.reshape(shape)), ValueError, "sample_weight", found)


def test_field_R10_a_negative_weight_of_the_only_row_is_refused():
    for call in (losses.MeanSquaredError(), losses.BinaryCrossentropy()):
        assert_refused(lambda c=call: c([0.0, 1.0], [0.5, 0.5], -1.0), ValueError, "sample_weight")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_field_R10_class_weights_beyond_the_dtype_are_refused(way):
    model = network()
    before = model.params.copy()
    call = lambda: way(model, X, CLASSES, class_weight={1: 1e300})  # noqa: E731
    assert_refused(call, ValueError, "class_weight", "1e+300", "float32 cannot hold")
    assert np.array_equal(model.params, before)
    assert_refused(lambda: way(model, X, CLASSES, class_weight={1: -1.0}), ValueError, "[1]", "-1")


# Every optimizer, and what becomes infinite in it while the loss is finite.
INFINITE = {
    optimizers.SGD(10.0): "kernel",
    optimizers.SGD(10.0, momentum=0.9): "kernel",
    optimizers.RMSprop(): "velocity",
    optimizers.Adam(): "v of",
    optimizers.Adagrad(): "accumulator",
    optimizers.AdamW(): "v of",
    optimizers.Nadam(): "v of",
    optimizers.Lamb(): "v of",
    optimizers.Adadelta(): "accumulated_grad",
    optimizers.Muon(): "velocity",
}
# Steps and slots of these stay finite, or what is infinite makes parameters NaN at once.
FINITE = {optimizers.Adamax, optimizers.Lion, optimizers.Ftrl, optimizers.Adafactor}
FINITE |= {optimizers.LBFGS}  # takes no batches: tests/models/test_lbfgs.py
HEAVY = np.full(40, 1e38)


def test_every_optimizer_is_made_infinite():
    assert {type(optimizer) for optimizer in INFINITE} | FINITE == set(
        optimizers._registry().members
    )


@pytest.mark.parametrize(("optimizer", "what"), INFINITE.items(), ids=map(repr, INFINITE))
def test_field_R10_infinite_parameters_end_a_fit_in_words(optimizer, what):
    model = network(optimizer=copy.deepcopy(optimizer))
    fit(model, X, CLASSES, epochs=2)
    heavy = {"sample_weight": HEAVY, "batch_size": 40}
    error = outcome(lambda: fit(model, X, CLASSES, epochs=9, initial_epoch=2, **heavy))
    assert isinstance(error, FloatingPointError)
    for word in (what, "inf after epoch 3", "sample_weight", "as the last batch left it"):
        assert word in str(error)
    # The epoch is not one that anybody was told of; the network can be looked into.
    assert model.history.epoch == []
    assert model.epoch == 2
    spoilt = [model.params, *model.slots.values()]
    assert not all(np.isfinite(array).all() for array in spoilt)


def test_field_R10_infinite_running_averages_end_a_fit_in_words():
    model = fanin.Sequential([layers.BatchNormalization(), layers.Dense(1)], rng=0)
    model.compile("sgd", "mse")
    error = outcome(lambda: fit(model, X * 1e30, CLASSES, batch_size=40))
    assert isinstance(error, FloatingPointError)
    assert "moving_variance" in str(error)


def test_field_R10_fit_many_names_the_network_and_finishes_the_epoch_of_the_others():
    models = [network(seed=s, optimizer=optimizers.SGD(0.0 if s != 1 else 10.0)) for s in range(3)]
    heavy = {"sample_weight": HEAVY, "batch_size": 40, "epochs": 3, "verbose": 0}
    error = outcome(lambda: fanin.fit_many(models, X, CLASSES, **heavy))
    assert isinstance(error, FloatingPointError)
    assert "models[1]: dense" in str(error)
    assert [len(model.history.epoch) for model in models] == [1, 0, 1]


def test_field_R10_a_checkpoint_keeps_the_epoch_before(tmp_path):
    model, path = network(optimizer=optimizers.SGD(0.1)), tmp_path / "m.npz"

    def explode(epoch, logs):
        if epoch == 1:
            model.optimizer.learning_rate = 1e38

    watch = [callbacks.ModelCheckpoint(path), callbacks.LambdaCallback(on_epoch_end=explode)]
    weights = np.full(40, 1e3)
    options = {"sample_weight": weights, "batch_size": 40, "epochs": 9, "callbacks": watch}
    error = outcome(lambda: fit(model, X, CLASSES, **options))
    assert isinstance(error, FloatingPointError)
    again = fanin.models.load_model(path)
    assert np.isfinite(again.params).all()
    assert again.epoch == 2


def test_a_loss_that_is_not_finite_is_seen_in_the_history():
    model = network(optimizer=optimizers.SGD(1e30))
    history = fit(model, X, CLASSES, epochs=3).history
    assert len(history["loss"]) == 3
    assert not np.isfinite(history["loss"][-1])


def test_a_comparison_takes_infinite_numbers_for_divergence():
    """`compare` says so of the arm, instead of failing."""
    data = (X, CLASSES), (X, CLASSES)
    options = {"data": data, "hidden": 4, "batch_size": 64, "seeds": 1, "epochs": 2}
    result = fanin.compare(
        ["he_normal"],
        optimizer=optimizers.SGD(3e38),
        progress=False,
        validation_split=0.0,
        **options,
    )
    (trial,) = result.arms[0].trials
    assert trial.diverged


SPOILT = {"nan": np.nan, "inf": np.inf, "overflow": 1e30}


@pytest.mark.parametrize("value", SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("built", [True, False])
def test_field_R10_samples_cannot_spoil_running_averages(value, built):
    x = X.copy()
    x[3, 1] = value
    norm = layers.BatchNormalization()
    model = fanin.Sequential(
        [layers.Dense(3), layers.BatchNormalization(), layers.Dropout(0.5)], rng=0
    )
    for thing, forward in ((norm, norm.forward), (model, model.forward)):
        twin = copy.deepcopy(thing)
        if built:
            thing(X)
            twin(X)
        assert_refused(lambda f=forward: f(x, training=True), ValueError, "x: expected")
        assert thing.built == built
        state = [w.copy() for w in thing.non_trainable_weights]
        assert all(np.isfinite(array).all() for array in state)
        # As if nothing had been: the same masks, the same averages.
        assert np.array_equal(thing(X, training=True), twin(X, training=True)) or not built
        assert outcome(lambda f=forward: f(x, training=False)) is None


def test_field_R10_the_number_that_is_not_finite_is_named():
    x = X.copy()
    x[3, 1] = np.nan
    for thing in (layers.BatchNormalization(), fanin.Sequential([layers.BatchNormalization()])):
        assert_refused(lambda t=thing: t(x, training=True), ValueError, "found nan at [3, 1]")


def nan_last(shape, dtype=None):
    values = np.ones(shape)
    values[..., -1] = np.nan
    return values


MAKERS = {
    "a layer": lambda: layers.Dense(2, kernel_initializer=nan_last).build((None, 3)),
    "a bias": lambda: layers.Dense(2, bias_initializer=nan_last).build((None, 3)),
    "a layer that is called": lambda: layers.Dense(2, kernel_initializer=nan_last)(X),
    "a network": lambda: fanin.Sequential(
        [layers.Dense(2, kernel_initializer=nan_last, input_dim=3)], rng=0
    ),
    "a variance": lambda: layers.BatchNormalization(moving_variance_initializer=nan_last)(X),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_field_R10_an_initializer_that_returns_nan_is_refused(make):
    assert_refused(make, ValueError, "initializer", "nan")
