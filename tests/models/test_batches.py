"""Batches as they come: generators, data sets by number, loaders; and how many make an epoch."""

import itertools
import warnings

import fanin
import numpy as np
import pytest
from batches import (
    CLASSES,
    KINDS,
    SIZE,
    STEPS,
    WEIGHTS,
    ByNumber,
    Loader,
    OwnLoss,
    Told,
    Unknown,
    X,
    Y,
    assert_same,
    endless,
    network,
    parts,
)
from fanin import callbacks, layers, losses
from fanin.utils import PyDataset


@pytest.mark.parametrize(("make", "steps"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("loss", ["mse", OwnLoss()], ids=["core", "own"])
@pytest.mark.parametrize("built", [True, False])
def test_batches_give_the_bits_of_the_arrays(make, steps, loss, built):
    shape = (4,) if built else None
    usual, fed = network(loss, shape=shape), network(loss, shape=shape)
    settings = {"epochs": 3, "shuffle": False, "verbose": 0}
    expected = usual.fit(X, Y, batch_size=SIZE, validation_data=(X, Y), **settings)
    found = fed.fit(make(X, Y), validation_data=Loader(X, Y), **steps, **settings)
    assert_same(fed, usual)
    assert found.epoch == expected.epoch
    for name, values in expected.history.items():
        exact = not name.startswith("val_")  # which adds up batch by batch
        assert found.history[name] == (values if exact else pytest.approx(values, rel=1e-6)), name


@pytest.mark.parametrize(("make", "steps"), KINDS.values(), ids=KINDS)
def test_weights_come_with_the_batches(make, steps):
    usual, fed = network(), network()
    settings = {"epochs": 2, "shuffle": False, "verbose": 0}
    usual.fit(X, Y, batch_size=SIZE, sample_weight=WEIGHTS, **settings)
    fed.fit(make(X, Y, WEIGHTS), **steps, **settings)
    assert_same(fed, usual)


@pytest.mark.parametrize(("make", "steps"), KINDS.values(), ids=KINDS)
def test_weights_of_classes_are_for_all_kinds(make, steps):
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    usual, fed = network(loss, ()), network(loss, ())
    settings = {"epochs": 2, "shuffle": False, "verbose": 0, "class_weight": {0: 3.0, 2: 0.5}}
    usual.fit(X, CLASSES, batch_size=SIZE, **settings)
    fed.fit(make(X, CLASSES), **steps, **settings)
    assert_same(fed, usual)
    with pytest.raises(ValueError, match="class_weight: expected None beside sample_weight"):
        fed.fit(make(X, CLASSES, WEIGHTS), **steps, **settings)


def test_several_inputs_and_outputs_come_in_dicts():
    first, second = fanin.Input((4,), name="first"), fanin.Input((3,), name="second")
    joined = layers.Concatenate()([first, second])
    heads = [layers.Dense(3, name="a")(joined), layers.Dense(1, name="b")(joined)]
    ends = Y[:, :1].copy()

    def compiled():
        model = fanin.Model([first, second], heads)
        model = fanin.Model.from_config(model.get_config(), rng=0)
        model.compile("sgd", {"a": "mse", "b": "mae"})
        return model

    def batches():
        for start in range(0, 50, SIZE):
            rows = slice(start, start + SIZE)
            yield {"first": X[rows], "second": Y[rows]}, {"a": Y[rows], "b": ends[rows]}

    usual, fed = compiled(), compiled()
    usual.fit([X, Y], [Y, ends], batch_size=SIZE, shuffle=False, verbose=0)
    fed.fit(batches(), verbose=0)
    assert_same(fed, usual)
    for found, expected in zip(
        fed.predict(batches(), verbose=0), usual.predict([X, Y], verbose=0), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_batches_by_number_are_shuffled_by_the_source_of_the_network():
    data, again = ByNumber(X, Y), ByNumber(X, Y, workers=2)
    first, second = network(), network()
    first.fit(data, epochs=3, verbose=0)
    second.fit(again, epochs=3, verbose=0)
    assert_same(first, second)  # threads make them in the same order
    asked = np.array(data.asked[1:]).reshape(3, STEPS)  # one more was looked at
    assert (np.sort(asked) == np.arange(STEPS)).all()
    assert len({tuple(row) for row in asked}) == 3
    assert data.calls == ["begin", "end"] * 3
    data.asked.clear()
    first.fit(data, epochs=2, shuffle=False, verbose=0)
    assert data.asked[1:] == [*range(STEPS)] * 2


def test_a_data_set_without_a_length_needs_steps():
    class Endless(PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return X[:SIZE], Y[:SIZE]

    model = network()
    model.fit(Endless(), steps_per_epoch=3, epochs=2, verbose=0)
    assert model.optimizer.iterations == 6
    for x in (Endless(), itertools.cycle([(X, Y)]), itertools.repeat((X, Y))):
        with pytest.raises(ValueError, match="x: expected batches that come to an end"):
            model.fit(x, verbose=0)
        with pytest.raises(ValueError, match="validation_data: expected batches that come"):
            model.fit(X, Y, validation_data=x, verbose=0)
        with pytest.raises(ValueError, match="x: expected batches that come to an end"):
            model.predict(x, verbose=0)
    assert model.optimizer.iterations == 6


@pytest.mark.parametrize(("make", "steps"), KINDS.values(), ids=KINDS)
def test_callbacks_are_told_of_each_batch(make, steps):
    usual, fed = Told(), Told()
    settings = {"epochs": 2, "shuffle": False, "verbose": 0}
    network().fit(X, Y, batch_size=SIZE, callbacks=usual, **settings)
    network().fit(make(X, Y), callbacks=fed, **steps, **settings)
    assert fed.batches == fed.begun == usual.batches == [*range(STEPS)] * 2
    assert fed.losses == usual.losses
    known = make not in (Unknown,)
    assert fed.params["steps"] == (STEPS if known else None)


def test_a_callback_can_stop_within_an_epoch():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    model, data = network(), endless(X, Y)
    assert model.fit(data, steps_per_epoch=STEPS, epochs=4, callbacks=Stop(), verbose=0).epoch == [
        0
    ]
    assert model.optimizer.iterations == 3
    np.testing.assert_array_equal(next(data)[0], X[3 * SIZE : 4 * SIZE])  # nothing was taken ahead


# How many make an epoch.


def test_an_epoch_goes_on_where_the_last_one_stopped():
    taken = []

    def data():
        for batch in endless(X, Y):
            taken.append(batch[0])
            yield batch

    network().fit(data(), steps_per_epoch=3, epochs=4, verbose=0)
    expected = [x for x, _ in itertools.islice(endless(X, Y), 12)]
    assert len(taken) == 12
    assert all(map(np.array_equal, taken, expected))


def test_arrays_in_steps_are_gone_through_before_they_begin_anew():
    model, told = network(), Told()
    with pytest.warns(UserWarning, match="x gave 1 of 3 batches of an epoch"):
        model.fit(*(X, Y), batch_size=SIZE, steps_per_epoch=3, epochs=4, callbacks=told, verbose=0)
    assert told.batches == [0, 1, 2, 0, 1, 2, 0, 0, 1, 2]
    usual = network()
    usual.fit(X, Y, batch_size=SIZE, verbose=0)
    assert model.optimizer.iterations == 10
    again = network()
    again.fit(X, Y, batch_size=SIZE, steps_per_epoch=STEPS, epochs=1, verbose=0)
    assert_same(again, usual)


def test_steps_say_how_large_a_batch_is_where_nothing_else_does():
    model, usual = network(), network()
    model.fit(X, Y, steps_per_epoch=5, epochs=2, verbose=0)
    usual.fit(X, Y, batch_size=10, epochs=2, verbose=0)
    assert_same(model, usual)


def test_a_generator_that_ends_early_ends_training_with_a_warning():
    model, usual = network(), network()
    with pytest.warns(UserWarning, match="x, a generator, gave 3 of 4 batches of an epoch"):
        history = model.fit(parts(X, Y), steps_per_epoch=4, epochs=5, verbose=0)
    assert history.epoch == [0, 1]
    assert model.optimizer.iterations == 7
    usual.fit(X, Y, batch_size=SIZE, shuffle=False, verbose=0)
    assert_same(model, usual)
    with pytest.warns(UserWarning, match="none is left after 1 of 3 epochs"):
        history = model.fit(parts(X, Y), epochs=3, verbose=0)
    assert history.epoch == [0]


def test_what_begins_anew_does_so_when_it_ran_out():
    data = Unknown(X, Y)
    with pytest.warns(UserWarning, match="gave 3 of 4 batches"):
        history = network().fit(data, steps_per_epoch=4, epochs=3, verbose=0)
    assert history.epoch == [0, 1, 2]
    assert data.passes == 2


def test_a_whole_pass_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network().fit(parts(X, Y), verbose=0)
        network().fit(Unknown(X, Y), epochs=2, verbose=0)
        network().evaluate(parts(X, Y), verbose=0)


def test_validation_takes_steps():
    def taken(data, steps):
        model = network()
        return model.fit(
            *(X, Y),
            validation_data=data,
            validation_steps=steps,
            validation_batch_size=SIZE,
            verbose=0,
            epochs=2,
        ).history["val_loss"]

    first = taken((X[: 3 * SIZE], Y[: 3 * SIZE]), None)
    assert taken((X, Y), 3) == first
    for data in (ByNumber(X, Y), Loader(X, Y)):
        assert taken(data, 3) == pytest.approx(first, rel=1e-6)
    two = taken(endless(X, Y), 3)
    assert two[0] == pytest.approx(first[0], rel=1e-6)
    assert two[1] != pytest.approx(first[1], rel=1e-6)  # it goes on with other samples
    with pytest.raises(ValueError, match="validation_data: expected what can be gone through 2"):
        taken(parts(X, Y), None)
    with pytest.warns(UserWarning, match="validation_data, a generator, has no batch left for"):
        assert len(taken(parts(X, Y), STEPS)) == 1


# Evaluation and prediction.


@pytest.mark.parametrize(("make", "steps"), KINDS.values(), ids=KINDS)
def test_evaluate_and_predict_take_what_fit_takes(make, steps):
    model = network()
    model.fit(X, Y, verbose=0)
    steps = {"steps": steps["steps_per_epoch"]} if steps else {}
    expected = model.evaluate(X, Y, batch_size=SIZE, return_dict=True, verbose=0)
    found = model.evaluate(make(X, Y), return_dict=True, verbose=0, **steps)
    assert found == pytest.approx(expected, rel=1e-6)
    outputs = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(make(X, Y), verbose=0, **steps), outputs)
    np.testing.assert_array_equal(model.predict(make(X), verbose=0, **steps), outputs)


def test_evaluate_and_predict_take_steps():
    model = network()
    two = slice(0, 2 * SIZE)
    outputs = model.predict(X[two], verbose=0)
    for x in (X, endless(X), ByNumber(X, Y)):
        np.testing.assert_array_equal(
            model.predict(x, batch_size=SIZE, steps=2, verbose=0), outputs
        )
    expected = model.evaluate(X[two], Y[two], verbose=0)
    assert model.evaluate(X, Y, batch_size=SIZE, steps=2, verbose=0) == expected
    found = model.evaluate(endless(X, Y), steps=2, verbose=0)
    assert found == pytest.approx(expected, rel=1e-6)
    with pytest.warns(UserWarning, match="gave 7 of 9 batches"):
        model.evaluate(parts(X, Y), steps=9, verbose=0)
    with pytest.warns(UserWarning, match="the samples make 7 of 9 batches"):
        model.predict(X, batch_size=SIZE, steps=9, verbose=0)


def test_callbacks_of_tests_and_predictions_see_batches():
    class Seen(callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.rows, self.tests = [], []

        def on_predict_batch_end(self, batch, logs=None):
            self.rows.append(len(logs["outputs"]))

        def on_test_batch_end(self, batch, logs=None):
            self.tests.append(batch)

    model, seen = network(), Seen()
    model.predict(Loader(X), callbacks=seen, verbose=0)
    assert seen.rows == [SIZE] * 6 + [2]
    model.evaluate(parts(X, Y), callbacks=seen, verbose=0)
    assert seen.tests == [*range(STEPS)]


def test_a_model_that_is_traced_is_traced_for_the_first_batch():
    class Two(fanin.Model):
        def __init__(self):
            super().__init__(rng=0)
            self.hidden, self.end = layers.Dense(5, "relu"), layers.Dense(3)

        def call(self, x):
            return {"a": self.end(self.hidden(x))}

    def compiled():
        model = Two()
        model.compile("sgd", {"a": "mse"})
        return model

    usual, fed = compiled(), compiled()
    usual.fit(X, {"a": Y}, batch_size=SIZE, shuffle=False, verbose=0)
    fed.fit(((x, {"a": y}) for x, y in parts(X, Y)), verbose=0)
    for one, other in zip(usual.get_weights(), fed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
