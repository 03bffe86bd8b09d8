"""Faults seen in use, input: what is no array of numbers (N1, N2)."""

import warnings

import fanin
import numpy as np
import pytest
from fanin import layers
from refusals import assert_refused, outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = RNG.normal(size=(40, 1)).astype("float32")


def compiled():
    model = fanin.Sequential([layers.Dense(1, input_dim=3)], rng=0)
    model.compile("sgd", "mse")
    return model


# Every public entry that takes samples, as a function of what is given for them.
ENTRIES = {
    "fit": lambda x: compiled().fit(x, Y, verbose=0),
    "fit_many": lambda x: fanin.fit_many([compiled()], x, Y, verbose=0),
    "validation_data": lambda x: compiled().fit(X, Y, validation_data=(x, Y), verbose=0),
    "evaluate": lambda x: compiled().evaluate(x, Y, verbose=0),
    "train_on_batch": lambda x: compiled().train_on_batch(x, Y),
    "test_on_batch": lambda x: compiled().test_on_batch(x, Y),
    "predict_on_batch": lambda x: compiled().predict_on_batch(x),
    "predict": lambda x: compiled().predict(x, verbose=0),
    "call": lambda x: compiled()(x),
    "layer": lambda x: layers.Dense(2)(x),
    "loss": lambda x: fanin.losses.mse(x, X),
    "predictions": lambda x: fanin.losses.mse(X, x),
    "metric": lambda x: fanin.metrics.get("mse")(x, X),
    "activation": lambda x: fanin.activations.relu(x),
    "diagnose": lambda x: fanin.diagnose(compiled(), x),
    "lsuv": lambda x: fanin.lsuv(compiled(), x),
    "recalibrate": lambda x: compiled().recalibrate(x),
    "normalize": lambda x: fanin.utils.normalize(x),
    "to_categorical": lambda x: fanin.utils.to_categorical(x),
}
TARGETS = {
    "fit": lambda y: compiled().fit(X, y, verbose=0),
    "fit_many": lambda y: fanin.fit_many([compiled()], X, y, verbose=0),
    "evaluate": lambda y: compiled().evaluate(X, y, verbose=0),
    "train_on_batch": lambda y: compiled().train_on_batch(X, y),
    "diagnose": lambda y: fanin.diagnose(compiled(), X, y),
    "sample_weight": lambda w: compiled().fit(X, Y, sample_weight=w, verbose=0),
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_field_N1_masked_samples_are_refused(entry):
    masked = np.ma.masked_array(X.copy(), mask=np.zeros_like(X, bool))
    masked[3, 1] = np.ma.masked
    masked.data[3, 1] = 1e30
    assert_refused(lambda: entry(masked), ValueError, "mask")
    assert_refused(lambda: entry(list(masked)), ValueError, "mask")


@pytest.mark.parametrize("entry", TARGETS.values(), ids=TARGETS)
def test_field_N1_masked_targets_are_refused(entry):
    masked = np.ma.masked_array(np.abs(Y[:, 0]), mask=np.arange(40) == 7)
    assert_refused(lambda: entry(masked), ValueError, "mask")


def test_field_N1_none_masked_is_an_array():
    masked = np.ma.masked_array(X, mask=np.zeros_like(X, bool))
    model = compiled()
    assert np.array_equal(model(masked), model(X))
    assert outcome(lambda: compiled().fit(masked, Y, verbose=0)) is None
    # The counterpart, so that this test is about masks.
    masked[0, 0] = np.ma.masked
    assert_refused(lambda: model(masked), ValueError, "mask")


class Loader:
    """What a torch DataLoader looks like: batches, and no array."""

    dataset = X

    def __iter__(self):
        yield X, Y

    def __len__(self):
        return 1


class Sparse:
    """What a scipy.sparse matrix looks like."""

    nnz, shape, dtype = 3, (40, 3), np.dtype("float32")

    def toarray(self):
        return X


class Tensor:
    """What a torch tensor with gradients looks like."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad")


NOT_ARRAYS = {
    "generator": (lambda: (row for row in X), "generator"),
    "iterator": (lambda: iter(X), "gives its values once"),
    "loader": (Loader, "gives batches"),
    "sparse": (Sparse, "toarray()"),
    "tensor": (Tensor, "requires grad"),
    "dict": (lambda: {"a": X}, "'a'"),
    "set": (lambda: {1.0, 2.0}, "set"),
    "text": (lambda: X.astype(str), "the text"),
    "text objects": (lambda: X.astype(str).astype(object), "the text"),
    "bytes": (lambda: X.astype("S"), "the text"),
    "complex": (lambda: X.astype(complex), "complex"),
    "dates": (lambda: X.astype("int64").astype("datetime64[s]"), "time"),
    "spans": (lambda: X.astype("int64").astype("timedelta64[s]"), "time"),
    "records": (lambda: np.zeros(40, [("a", "f4"), ("b", "f4")]), "a, b"),
    "nothing": (lambda: np.full((40, 3), None), "missing"),
    "ragged": (lambda: [[1.0], [1.0, 2.0]], "rectangular"),
    "callable": (lambda: np.sin, "sin"),
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize(("make", "word"), NOT_ARRAYS.values(), ids=NOT_ARRAYS)
def test_field_N2_what_is_no_array_gets_its_own_sentence(make, word, entry):
    if entry is ENTRIES["predict"] and word in (
        "generator",
        "gives its values once",
        "gives batches",
    ):
        return  # of which each is a batch
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert_refused(lambda: entry(make()), (TypeError, ValueError), word, "expected", "found")


def test_field_N2_the_kind_of_x_is_named_before_y_is_missed():
    assert_refused(lambda: compiled().fit(Sparse(), verbose=0), TypeError, "sparse")
    assert_refused(lambda: compiled().evaluate(Sparse(), verbose=0), TypeError, "sparse")


def test_field_N2_frames_of_several_numeric_types_are_numbers():
    """What ``np.asarray`` makes of ``pd.get_dummies`` or of nullable columns: objects."""
    objects = np.empty((40, 3), object)
    objects[:, 0], objects[:, 1], objects[:, 2] = X[:, 0] > 0, X[:, 1].astype(float), 7
    numbers = objects.astype("float32")
    assert outcome(lambda: compiled()(objects)) is None
    model = compiled()
    assert np.array_equal(model(objects), model(numbers))
    assert np.array_equal(model(objects.tolist()), model(numbers))


def test_field_N2_a_missing_value_is_named_with_its_column():
    import pandas

    frame = pandas.DataFrame(
        {"age": pandas.array([1, None, 3], "Int64"), "on": [True, False, True]}
    )
    model = fanin.Sequential([layers.Dense(1, input_dim=2)], rng=0)
    assert_refused(lambda: model(frame), ValueError, "missing value", "'age'")
    assert outcome(lambda: model(frame.fillna(2))) is None
