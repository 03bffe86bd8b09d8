"""Rows that are read a part at a time: files, sparse matrices, tables; and columns of frames."""

import tracemalloc

import fanin
import numpy as np
import pytest
from batches import Loader, OwnLoss, X, Y, assert_same, network
from fanin import layers, losses
from fanin.errors import ShapeError

ROWS = np.maximum(X, 0)  # half of it is 0


class InFile:
    """What an array of h5py or zarr looks like: a shape, a dtype, slices; and nothing else."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.largest = 0

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        found = self.array[rows]
        self.largest = max(self.largest, len(found))
        return found


def mapped(array, folder):
    path = folder / "array.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def of_scipy(kind):
    def make(array, folder):
        sparse = pytest.importorskip("scipy.sparse")
        return getattr(sparse, kind)(array)

    return make


def of_arrow(array, folder):
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({f"c{i}": array[:, i] for i in range(array.shape[1])})
    return pyarrow.concat_tables([table.slice(0, 20), table.slice(20)])  # of two chunks


def of_h5py(array, folder):
    h5py = pytest.importorskip("h5py")
    return h5py.File(folder / "file.h5", "w").create_dataset("x", data=array)


def of_polars(array, folder):
    return pytest.importorskip("polars").DataFrame(array)


KINDS = {
    "slices": lambda array, folder: InFile(array),
    "mapped": mapped,
    "mapped float64": lambda array, folder: mapped(array.astype("float64"), folder),
    "mapped in another order": lambda array, folder: mapped(np.asfortranarray(array), folder),
    "csr": of_scipy("csr_matrix"),
    "csc": of_scipy("csc_array"),
    "coo": of_scipy("coo_array"),
    "h5py": of_h5py,
    "arrow": of_arrow,
    "polars": of_polars,
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("loss", ["mse", OwnLoss()], ids=["core", "own"])
@pytest.mark.parametrize("settings", [{}, {"shuffle": False}, {"validation_split": 0.3}], ids=str)
def test_rows_give_the_bits_of_the_arrays(make, loss, settings, tmp_path):
    usual, fed = network(loss), network(loss)
    settings = {"epochs": 3, "batch_size": 8, "verbose": 0, **settings}
    expected = usual.fit(ROWS, Y, **settings)
    rows = make(ROWS, tmp_path)
    found = fed.fit(rows, Y, **settings)
    assert_same(fed, usual)
    assert found.history["loss"] == expected.history["loss"]
    for name, values in expected.history.items():
        assert found.history[name] == pytest.approx(values, rel=1e-6)
    outputs = usual.predict(ROWS, verbose=0)
    np.testing.assert_array_equal(fed.predict(rows, verbose=0), outputs)
    expected = usual.evaluate(ROWS, Y, verbose=0)
    assert fed.evaluate(rows, Y, verbose=0) == pytest.approx(expected, rel=1e-6)


def test_targets_and_weights_are_read_a_part_at_a_time_too():
    classes = np.arange(50) % 3
    weights = np.linspace(0.5, 2, 50)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    usual, fed = network(loss, ()), network(loss, ())
    usual.fit(X, classes, sample_weight=weights, batch_size=8, epochs=2, verbose=0)
    fed.fit(X, InFile(classes), sample_weight=InFile(weights), batch_size=8, epochs=2, verbose=0)
    assert_same(fed, usual)
    usual, fed = network(loss, ()), network(loss, ())
    settings = {"class_weight": {1: 4.0}, "validation_split": 0.2, "verbose": 0}
    expected = usual.fit(X, classes, **settings).history["val_loss"]
    assert fed.fit(InFile(X), classes, **settings).history["val_loss"] == pytest.approx(expected)
    assert_same(fed, usual)


def test_validation_reads_rows():
    model = network()
    found = model.fit(X, Y, validation_data=(InFile(X), InFile(Y)), verbose=0).history
    assert found["val_loss"][0] == pytest.approx(model.evaluate(X, Y, verbose=0)[0], rel=1e-6)


def test_several_inputs_may_lie_in_several_places():
    def compiled():
        ends = [fanin.Input((4,), name="a"), fanin.Input((3,), name="b")]
        model = fanin.Model(ends, layers.Dense(1)(layers.Concatenate()(ends)), rng=0)
        model.compile("sgd", "mse")
        return model

    usual, first, second = compiled(), compiled(), compiled()
    target = Y[:, :1]
    usual.fit([X, Y], target, verbose=0)
    first.fit([InFile(X), Y], target, verbose=0)
    second.fit({"a": X, "b": InFile(Y)}, target, verbose=0)
    assert_same(first, usual)
    assert_same(second, usual)


def test_a_model_learns_its_shape_from_the_first_rows():
    usual, fed = network(shape=None), network(shape=None)
    usual.fit(X, Y, verbose=0)
    fed.fit(InFile(X), Y, verbose=0)
    assert_same(fed, usual)


def test_memory_is_bounded(tmp_path):
    """The file is 32 megabytes of float64, which a whole copy in float32 would take 16 for."""
    path = tmp_path / "large.npy"
    rows = np.lib.format.open_memmap(path, "w+", "float64", (1 << 16, 64))
    rows[:] = np.linspace(-1, 1, 64)
    del rows
    model = fanin.Sequential([layers.Dense(1, input_shape=(64,))], rng=0)
    model.compile("sgd", "mse")
    model.fit(np.zeros((2, 64)), np.zeros(2), verbose=0)  # what is imported is there
    given, targets = np.load(path, mmap_mode="r"), np.zeros(1 << 16, "float32")
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        model.fit(given, targets, batch_size=256, verbose=0)
        model.evaluate(given, targets, verbose=0)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < 30 << 20


def test_only_some_rows_of_a_sparse_matrix_become_dense():
    sparse = pytest.importorskip("scipy.sparse")
    rows = sparse.random(20_000, 1000, 0.001, "csr", "float32", rng=0)  # 80 megabytes if dense
    model = fanin.Sequential([layers.Dense(1, input_shape=(1000,))], rng=0)
    model.compile("sgd", "mse")
    model.fit(np.zeros((2, 1000)), np.zeros(2), verbose=0)
    tracemalloc.start()
    try:
        model.fit(rows, np.zeros(20_000), verbose=0)
        model.predict(rows, verbose=0)
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()


def test_batches_may_be_sparse():
    sparse = pytest.importorskip("scipy.sparse")
    usual, fed = network(), network()
    rows = sparse.csr_matrix(ROWS)
    usual.fit(ROWS, Y, batch_size=8, shuffle=False, verbose=0)
    fed.fit(((rows[i : i + 8], Y[i : i + 8]) for i in range(0, 50, 8)), verbose=0)
    assert_same(fed, usual)


def test_a_part_is_a_few_megabytes(monkeypatch):
    from fanin.models import _feeds

    monkeypatch.setattr(_feeds, "_CHUNK", 16 * X[:1].nbytes + 16 * Y[:1].nbytes)
    usual, fed, rows = network(), network(), InFile(X)
    usual.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    fed.fit(rows, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    assert rows.largest == 32  # those that were looked at first
    rows.largest = 0
    fed.predict(rows, verbose=0)
    fed = network()
    fed.fit(rows, Y, batch_size=8, epochs=2, verbose=0)
    assert_same(fed, usual)


# Bad input.


def spoilt(row, value):
    rows = X.copy()
    rows[row, 1] = value
    return rows


def test_a_bad_row_is_named_and_what_was_trained_is_kept(monkeypatch):
    from fanin.models import _feeds

    monkeypatch.setattr(_feeds, "_CHUNK", 1)
    model = network()
    with pytest.raises(ValueError, match=r"x\[43:44\]: expected finite numbers, found nan"):
        model.fit(InFile(spoilt(43, np.nan)), Y, batch_size=8, shuffle=False, verbose=0)
    assert model.optimizer.iterations == 5
    model.fit(InFile(X), Y, verbose=0)
    with pytest.raises(ValueError, match=r"x\[3:4\]: expected finite numbers, found inf"):
        network().fit(InFile(spoilt(3, np.inf)), Y, verbose=0)


REFUSED = {
    "counts": (lambda m: m.fit(InFile(X), Y[:20]), ShapeError, "as many rows of each array"),
    "shape": (lambda m: m.fit(InFile(Y), Y), ShapeError, r"x\[0:1\]: expected shape \(n, 4\)"),
    "none": (lambda m: m.fit(InFile(X[:0]), Y[:0]), ShapeError, "expected some samples"),
    "no y": (lambda m: m.fit(InFile(X)), ValueError, "y.* is missing"),
    "batches": (
        lambda m: m.fit(InFile(X), Loader(Y)),
        TypeError,
        "y: expected an array, found a batches Loader",
    ),
    "text": (lambda m: m.predict(InFile(X.astype(str))), TypeError, "found the text"),
}


@pytest.mark.parametrize(("call", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_changes_nothing(call, error, message):
    model = network()
    before = model.params.copy()
    with pytest.raises(error, match=message):
        call(model)
    np.testing.assert_array_equal(model.params, before)
    assert model.history is None
