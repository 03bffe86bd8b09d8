"""Batches that are refused, and what else goes on while they come."""

import itertools
import os
import threading

import fanin
import numpy as np
import pytest
from batches import (
    SIZE,
    STEPS,
    WEIGHTS,
    ByNumber,
    Loader,
    Told,
    X,
    Y,
    arrays,
    assert_same,
    endless,
    network,
    parts,
)
from fanin.errors import ShapeError
from fanin.utils import PyDataset


def after(good, *bad):
    """Give so many good batches, and then others."""
    yield from itertools.islice(endless(X, Y), good)
    yield from bad


NAN = X[:SIZE].copy()
NAN[3, 1] = np.nan
BAD = {
    "width": ((X[:SIZE, :3], Y[:SIZE]), ShapeError, r"x of batch 3: expected shape \(n, 4\)"),
    "targets": ((X[:SIZE], Y[:SIZE, :2]), ShapeError, "y of batch 3: expected the shape of"),
    "rows": ((X[:SIZE], Y[:3]), ShapeError, "y of batch 3: expected one entry for each of the 8"),
    "no targets": (X[:SIZE], ValueError, "y of batch 3 is missing"),
    "one": ((X[:SIZE],), ValueError, "y of batch 3 is missing"),
    "four": ((X, Y, WEIGHTS, 1), ValueError, "found one of 4 parts from a generator"),
    "NaN": ((NAN, Y[:SIZE]), ValueError, r"x of batch 3: expected finite numbers, found nan"),
    "text": ((X.astype(str), Y), TypeError, "x of batch 3: expected numbers, found the text"),
    "nothing": ((X[:0], Y[:0]), ShapeError, "x of batch 3: expected some samples"),
    "weights": ((X, Y, WEIGHTS[:3]), ShapeError, "sample_weight of batch 3: expected shape"),
    "None": (None, ValueError, "x of batch 3 is missing"),
}


@pytest.mark.parametrize(("batch", "error", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("watched", [False, True])
def test_a_bad_batch_is_named_and_what_was_trained_is_kept(batch, error, message, watched):
    model, usual = network(), network()
    with pytest.raises(error, match=message):
        model.fit(after(3, batch), verbose=0, callbacks=Told() if watched else None)
    three = 3 * SIZE
    usual.fit(X[:three], Y[:three], batch_size=SIZE, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), usual.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.optimizer.iterations == 3
    assert model.history.epoch == []
    model.fit(X, Y, verbose=0)  # it can be trained on
    assert model.history.epoch == [0]


def test_the_first_batch_is_checked_before_anything_changes():
    model = network(shape=None)
    for batch, error, message in BAD.values():
        if message.startswith("x of batch 3: expected shape"):
            continue  # no shape is known yet
        with pytest.raises(error, match=message.replace("3", "0", 1)):
            model.fit(after(0, batch), verbose=0)
        assert not model.built
        assert model.history is None
    with pytest.raises(ValueError, match="y of batch 0 of validation_data is missing"):
        model.fit(X, Y, validation_data=after(0, (X,)), verbose=0)
    assert not model.built


def test_what_a_generator_raises_comes_through():
    class OwnError(Exception):
        pass

    def data():
        yield from itertools.islice(endless(X, Y), STEPS + 2)
        raise OwnError("the disk is full")

    model, usual = network(), network()
    with pytest.raises(OwnError, match="the disk is full"):
        model.fit(data(), steps_per_epoch=STEPS, epochs=3, verbose=0)
    assert model.optimizer.iterations == STEPS + 2
    assert model.history.epoch == [0]
    assert model.epoch == 1
    usual.fit(endless(X, Y), steps_per_epoch=STEPS, verbose=0)
    usual.fit(endless(X, Y), steps_per_epoch=2, verbose=0)
    assert_same(model, usual)
    with pytest.raises(OwnError):
        model.predict(data(), verbose=0)


def test_what_a_thread_of_a_data_set_raises_comes_through():
    class Broken(ByNumber):
        def __getitem__(self, index):
            if index == 5:
                raise OSError("gone")
            return super().__getitem__(index)

    model = network()
    with pytest.raises(OSError, match="gone"):
        model.fit(Broken(X, Y, workers=3), shuffle=False, verbose=0)
    assert model.optimizer.iterations == 5
    left = [t.name for t in threading.enumerate() if t.name.startswith("fanin-batches")]
    assert left == []


REFUSED = {
    "y": (lambda m: m.fit(parts(X, Y), Y, verbose=0), TypeError, "batches have their own"),
    "weights": (
        lambda m: m.fit(Loader(X, Y), sample_weight=WEIGHTS, verbose=0),
        TypeError,
        "x: expected an array beside sample_weight, found a batches Loader",
    ),
    "split": (
        lambda m: m.fit(Loader(X, Y), validation_split=0.2, verbose=0),
        ValueError,
        "validation_split: expected 0 beside batches",
    ),
    "nothing": (
        lambda m: m.fit(iter(()), verbose=0),
        ValueError,
        "x: expected some batches, found a tuple_iterator that gives none",
    ),
    "length 0": (
        lambda m: m.fit(ByNumber(X[:0], Y[:0]), verbose=0),
        ValueError,
        "x: expected some batches",
    ),
    "processes": (
        lambda m: m.fit(ByNumber(X, Y, use_multiprocessing=True), verbose=0),
        ValueError,
        "use_multiprocessing: expected False, found True; batches are made in threads",
    ),
    "workers": (lambda m: ByNumber(X, workers=-1), ValueError, "workers: expected"),
    "room": (lambda m: ByNumber(X, max_queue_size=0), ValueError, "max_queue_size: expected"),
    "workers of fit": (lambda m: m.fit(X, Y, max_queue_size=2), TypeError, "PyDataset has workers"),
    "many": (
        lambda m: fanin.fit_many([m], parts(X, Y), Y, verbose=0),
        TypeError,
        "expected an array, found a generator",
    ),
    "steps": (lambda m: m.predict(X, steps=0), ValueError, "steps: expected"),
    "no items": (
        lambda m: m.fit(PyDataset(), verbose=0),
        NotImplementedError,
        "PyDataset needs a __len__ or num_batches",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_changes_nothing(call, error, message):
    model = network()
    before = [array.copy() for array in arrays(model)]
    with pytest.raises(error, match=message):
        call(model)
    for one, other in zip(arrays(model), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.history is None


# While it runs.


def test_others_predict_while_a_generator_is_asked():
    model, found = network(), []

    def data():
        for number, batch in enumerate(itertools.islice(endless(X, Y), 10)):
            other = threading.Thread(target=lambda: found.append(model.predict(X, verbose=0)))
            other.start()
            other.join()
            assert model.optimizer.iterations == number or number == 0
            yield batch

    model.fit(data(), steps_per_epoch=10, verbose=0)
    assert len(found) == 10
    assert not np.array_equal(found[1], found[9])
    usual = network()
    usual.fit(endless(X, Y), steps_per_epoch=8, verbose=0)
    np.testing.assert_array_equal(usual.predict(X, verbose=0), found[8])


def test_a_generator_may_ask_the_network_that_it_trains():
    model = network()

    def data():
        for _ in range(5):
            hardest = np.argsort(((model.predict(X, verbose=0) - Y) ** 2).sum(1))[-SIZE:]
            yield X[hardest], Y[hardest]

    model.fit(data(), verbose=0)
    assert model.optimizer.iterations == 5


def test_a_generator_may_not_train_the_network_that_it_feeds():
    model = network()

    def data():
        yield X, Y
        model.fit(X, Y, verbose=0)

    with pytest.raises(RuntimeError, match="train"):
        model.fit(data(), verbose=0)
    assert model.optimizer.iterations == 1


def test_a_buffer_that_is_filled_again_is_read_before():
    room, targets = np.empty((SIZE, 4), "float32"), np.empty((SIZE, 3), "float32")

    def data():
        for start in range(0, 48, SIZE):
            room[:], targets[:] = X[start : start + SIZE], Y[start : start + SIZE]
            yield room, targets

    filled, usual = network(), network()
    filled.fit(data(), verbose=0, callbacks=Told())
    usual.fit(X[:48], Y[:48], batch_size=SIZE, shuffle=False, verbose=0)
    assert_same(filled, usual)


def test_threads_that_make_batches_end_with_the_training():
    class Narrow(ByNumber):
        def __getitem__(self, index):
            return (X[:SIZE, :3], Y[:SIZE]) if index == 3 else super().__getitem__(index)

    with pytest.raises(ShapeError, match="x of batch 3") as caught:
        network().fit(Narrow(X, Y, workers=3), shuffle=False, verbose=0)
    left = [t.name for t in threading.enumerate() if t.name.startswith("fanin-batches")]
    assert left == []
    assert caught.traceback  # whose frames still hold what was in use


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_generator_may_fork():
    """As the processes of a torch DataLoader begin: a child can use and train the network."""
    model, codes = network(), []

    def data():
        for number, batch in enumerate(itertools.islice(endless(X, Y), 6)):
            if number == 3:
                child = os.fork()
                if child == 0:
                    try:
                        sound = np.isfinite(model.predict(X, verbose=0)).all()
                        network().fit(endless(X, Y), steps_per_epoch=2, verbose=0)
                        os._exit(0 if sound else 1)
                    finally:
                        os._exit(2)
                codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            yield batch

    model.fit(data(), verbose=0)
    assert codes == [0]
    usual = network()
    usual.fit(endless(X, Y), steps_per_epoch=6, verbose=0)
    assert_same(model, usual)
