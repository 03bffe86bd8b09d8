"""Pictures of bytes: the same numbers as floats, without a copy of all of them as floats."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.errors import ShapeError

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (300, 12), dtype=np.uint8)
FLAGS = RNG.integers(0, 2, (300, 12)) == 1
CLASSES = RNG.integers(0, 4, 300)


def model(loss: Any = "sparse_categorical_crossentropy", width: int = 12, **options: Any) -> Any:
    own = fanin.Sequential(
        [
            layers.Rescaling(1 / 255, input_shape=(width,)),
            layers.Dense(20, "relu"),
            layers.BatchNormalization(),
            layers.Dense(4, "softmax"),
        ],
        rng=0,
    )
    own.compile("adam", loss, metrics=["accuracy"], **options)
    return own


def everything(x: Any, threads: int = 1) -> list[Any]:
    """Return what training and its kin make of these inputs."""
    own = model()
    history = own.fit(
        x,
        CLASSES,
        batch_size=64,
        epochs=2,
        validation_split=0.2,
        class_weight={0: 1.0, 1: 2.0, 2: 1.0, 3: 0.5},
        verbose=0,
        threads=threads,
    )
    return [
        own.params.copy(),
        *history.history.values(),
        own.evaluate(x, CLASSES, verbose=0),
        own.predict(x, verbose=0),
        own.predict_on_batch(x[:5]),
        own.train_on_batch(x[:70], CLASSES[:70]),
        own.test_on_batch(x[:70], CLASSES[:70]),
        own.params.copy(),
    ]


@pytest.mark.parametrize(
    "given", [BYTES, FLAGS, BYTES[::-1], BYTES[:, ::-1], np.asfortranarray(BYTES)]
)
@pytest.mark.parametrize("threads", [1, 2])
def test_bytes_and_flags_have_the_bits_of_the_floats_they_mean(given: Any, threads: int) -> None:
    expected = everything(given.astype(np.float32), threads=threads)
    for mine, theirs in zip(everything(given, threads=threads), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_narrow_networks_and_single_numbers_take_bytes() -> None:
    for x in (BYTES[:, :2], BYTES[:, 0]):
        found = []
        for given in (x, x.astype(np.float32)):
            own = fanin.Sequential([layers.Dense(3, "tanh"), layers.Dense(1)], rng=0)
            own.compile("sgd", "mse")
            own.fit(
                given if given.ndim > 1 else given[:, None],
                x.reshape(300, -1)[:, :1] / 255,
                verbose=0,
            )
            found.append(
                (
                    own.params.copy(),
                    own.predict(given[:7, None] if given.ndim == 1 else given[:7], verbose=0),
                )
            )
        for mine, theirs in zip(*found, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_several_inputs_may_be_bytes_and_floats() -> None:
    def joined() -> Any:
        a, b = fanin.Input((12,)), fanin.Input((3,))
        own = fanin.Model([a, b], layers.Dense(1)(layers.Concatenate()([a, b])), rng=0)
        own.compile("sgd", "mse")
        return own

    floats = RNG.standard_normal((300, 3)).astype(np.float32)
    for second in (floats, BYTES[:, :3]):
        found = []
        for x in ([BYTES, second], [BYTES.astype(np.float32), second.astype(np.float32)]):
            own = joined()
            own.fit(x, CLASSES / 1e6, verbose=0)
            found.append(own.predict(x, verbose=0))
        np.testing.assert_array_equal(*found)


def test_networks_trained_together_and_in_float64_take_bytes() -> None:
    def train(x: Any) -> Any:
        both = [model(), model()]
        fanin.fit_many(both, x, CLASSES, verbose=0)
        return [own.params.copy() for own in both]

    for mine, theirs in zip(train(BYTES), train(BYTES.astype(np.float32)), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    found = []
    for x in (BYTES, BYTES.astype(np.float64)):
        own = fanin.Sequential([layers.Dense(4, dtype="float64", input_shape=(12,))], rng=0)
        found.append(own.predict(x, verbose=0))
    assert found[0].dtype == np.float64
    np.testing.assert_array_equal(*found)


def test_a_loss_written_in_python_sees_the_outputs_of_bytes() -> None:
    def squares(y_true: Any, y_pred: Any) -> Any:
        return fanin.ops.mean(fanin.ops.square(y_pred - y_true), axis=-1)

    targets = np.eye(4, dtype=np.float32)[CLASSES]
    found = []
    for x in (BYTES, BYTES.astype(np.float32)):
        own = fanin.Sequential([layers.Dense(4, input_shape=(12,))], rng=0)
        own.compile(fanin.optimizers.SGD(1e-6), squares)
        own.fit(x, targets, verbose=0)
        found.append((own.params.copy(), own.evaluate(x, targets, verbose=0)))
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_wrong_shape_is_refused_as_that_of_floats() -> None:
    own = model()
    for call in (own.predict, lambda x: own.fit(x, CLASSES)):
        with pytest.raises(ShapeError, match=r"expected shape \(n, 12\), found \(300, 11\)"):
            call(BYTES[:, :11])


@contextmanager
def peak() -> Iterator[Callable[[], int]]:
    """Give what says how many bytes were taken at once, at most, within the block."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_no_float_copy_of_all_samples_is_made(call: str) -> None:
    x = np.zeros((4000, 784), np.uint8)
    y = np.zeros(4000, np.int64)
    own = model(width=784)
    own.fit(x[:64], y[:64], verbose=0)
    with peak() as taken:
        if call == "predict":
            own.predict(x, verbose=0)
        else:
            getattr(own, call)(x, y, verbose=0)
        # As floats they take four times their bytes.
        assert taken() < x.nbytes
