"""Columns of frames and tables: what is missing, categories, booleans; and batches of files."""

import fanin
import numpy as np
import pytest
from batches import WEIGHTS, X, Y, assert_same, network
from fanin import layers
from fanin._checks import numeric

pandas = pytest.importorskip("pandas")


def of_polars():
    return pytest.importorskip("polars")


def of_arrow():
    return pytest.importorskip("pyarrow")


def texts(*values):
    return pandas.Categorical(values, categories=["b", "a"])


NUMBERS = {
    "nullable": (
        lambda: pandas.DataFrame({"a": pandas.array([1, 2], "Int64"), "b": [True, False]}),
        [[1, 1], [2, 0]],
    ),
    "categories": (lambda: pandas.DataFrame({"a": texts("a", "b"), "b": [2, 3]}), [[1, 2], [0, 3]]),
    "series": (lambda: pandas.Series(texts("a", "b")), [1, 0]),
    "alone": (lambda: texts("a", "b"), [1, 0]),
    "of numbers": (lambda: pandas.Series(pandas.Categorical([10, 20])), [10, 20]),
    "polars": (lambda: of_polars().DataFrame({"a": [1, 2], "b": [True, False]}), [[1, 1], [2, 0]]),
    "enum": (lambda: of_polars().Series(["a", "b"], dtype=of_polars().Enum(["b", "a"])), [1, 0]),
    "arrow": (lambda: of_arrow().table({"a": [1, 2], "b": [True, False]}), [[1, 1], [2, 0]]),
    "dictionary": (
        lambda: of_arrow().table({"a": of_arrow().array(["y", "x", "y"]).dictionary_encode()}),
        [[0], [1], [0]],
    ),
    "vectors": (
        lambda: of_arrow().array(
            [[1.0, 2.0], [3.0, 4.0]], of_arrow().list_(of_arrow().float32(), 2)
        ),
        [[1, 2], [3, 4]],
    ),
}


@pytest.mark.parametrize(("make", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_columns_are_numbers(make, expected):
    found = numeric("x", make())
    np.testing.assert_array_equal(np.asarray(found, float), expected)


REFUSED = {
    "missing": (
        lambda: pandas.DataFrame({"a": pandas.array([1, None], "Int64"), "b": [True, False]}),
        ValueError,
        "missing value .* at row 1 of column 'a'",
    ),
    "no category": (
        lambda: pandas.DataFrame({"a": texts("a", None)}),
        ValueError,
        r"x\['a'\]: expected numbers, found a missing value at \[1\]",
    ),
    "polars": (
        lambda: of_polars().DataFrame({"a": [1, None]}),
        ValueError,
        r"missing value at \[1\]",
    ),
    "codes": (
        lambda: of_polars().Series(["a", "b"], dtype=of_polars().Categorical),
        TypeError,
        "cast it to an Enum",
    ),
    "arrow": (lambda: of_arrow().table({"a": [1, None]}), ValueError, r"missing value at \[1\]"),
    "text": (lambda: of_arrow().table({"a": ["x"]}), TypeError, "found string; number the classes"),
    "nothing": (lambda: of_arrow().table({}), ValueError, "expected some columns"),
}


@pytest.mark.parametrize(("make", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_missing_or_has_no_number_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        numeric("x", make())


def test_codes_of_categories_are_looked_up():
    frame = pandas.DataFrame({"colour": texts("a", "b", "b", "a")})
    model = fanin.Sequential([layers.Embedding(2, 3, input_shape=(1,)), layers.Flatten()], rng=0)
    found = model.predict(frame, verbose=0)
    np.testing.assert_array_equal(found, model.layers[0].embeddings[[1, 0, 0, 1]])


# Files.


@pytest.fixture
def table():
    columns = {f"c{i}": X[:, i] for i in range(4)} | {f"y{i}": Y[:, i] for i in range(3)}
    return of_arrow().table({**columns, "weight": WEIGHTS})


def written(table, folder, kind):
    if kind == "parquet":
        import pyarrow.parquet

        pyarrow.parquet.write_table(table, folder / "a.parquet", row_group_size=13)
        return folder / "a.parquet"
    if kind == "folder":
        import pyarrow.parquet

        for number, start in enumerate((0, 20, 40)):
            part = table.slice(start, 20)
            pyarrow.parquet.write_table(part, folder / f"{number}.parquet", row_group_size=7)
        return str(folder)
    import pyarrow.feather

    pyarrow.feather.write_feather(table, str(folder / "a.feather"))
    return [folder / "a.feather"]


TARGETS = ["y0", "y1", "y2"]


@pytest.mark.parametrize("kind", ["table", "parquet", "folder", "feather"])
def test_batches_of_files_give_the_bits_of_the_arrays(table, kind, tmp_path):
    source = table if kind == "table" else written(table, tmp_path, kind)
    batches = fanin.utils.ArrowBatches(source, TARGETS, sample_weight="weight", batch_size=8)
    assert len(batches) == 7
    usual, fed = network(), network()
    usual.fit(X, Y, sample_weight=WEIGHTS, batch_size=8, epochs=2, shuffle=False, verbose=0)
    fed.fit(batches, epochs=2, verbose=0)
    assert_same(fed, usual)
    features = fanin.utils.ArrowBatches(source, x=["c0", "c1", "c2", "c3"])
    found = fed.predict(features, verbose=0)
    np.testing.assert_array_equal(found, usual.predict(X, verbose=0))


def test_a_shuffle_is_of_row_groups_and_of_rows_within_a_window(table, tmp_path):
    source = written(table.append_column("row", [list(range(50))]), tmp_path, "parquet")

    def rows(**settings):
        batches = fanin.utils.ArrowBatches(
            source, "row", ["c0"], batch_size=8, shuffle=True, **settings
        )
        return [np.concatenate([y for _, y in batches]) for _ in range(2)]

    first, second = rows(rng=0)
    for order in (first, second):
        np.testing.assert_array_equal(np.sort(order), np.arange(50))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(rows(rng=0)[0], first)
    assert not np.array_equal(rows(rng=1)[0], first)
    near, _ = rows(rng=0, window=1)
    groups = near // 13  # rows of a batch are shuffled, and row groups come one after the other
    assert len(np.flatnonzero(np.diff(np.sort(groups.reshape(-1)[:8])))) <= 1


@pytest.mark.parametrize("window", [1, 20, 33, 1000])
def test_batches_are_whole_whatever_the_window_is(table, tmp_path, window):
    source = written(table, tmp_path, "parquet")
    batches = fanin.utils.ArrowBatches(
        source, TARGETS, batch_size=20, shuffle=True, window=window, rng=0
    )
    assert [len(y) for _, y, *_ in batches] == [20, 20, 10]
    assert len(batches) == 3


BAD = {
    "no column": ({"y": "z"}, ValueError, "y: expected columns of c0, .*, found 'z'"),
    "one text": ({"x": "c0"}, TypeError, "x: expected a list of columns, found 'c0'"),
    "no features": ({"x": []}, ValueError, "x: expected some columns"),
    "window": ({"window": 0}, ValueError, "window: expected"),
    "weights": ({"sample_weight": "weight"}, ValueError, "sample_weight: expected None without y"),
    "size": ({"batch_size": 0}, ValueError, "batch_size: expected"),
}


@pytest.mark.parametrize(("settings", "error", "message"), BAD.values(), ids=BAD)
def test_what_files_do_not_have_is_refused(table, settings, error, message):
    with pytest.raises(error, match=message):
        fanin.utils.ArrowBatches(table, **settings)


def test_sources_that_cannot_be_read_are_refused(table, tmp_path):
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(ValueError, match="source: expected files that Arrow reads"):
        fanin.utils.ArrowBatches(tmp_path / "text.parquet")
    with pytest.raises(FileNotFoundError):
        fanin.utils.ArrowBatches(tmp_path / "none.parquet")
    for source in (3, [], [3]):
        with pytest.raises(TypeError, match="source: expected a path"):
            fanin.utils.ArrowBatches(source)
    texts = of_arrow().table({"a": ["x"], "b": [1.0]})
    with pytest.raises(TypeError, match="x: expected columns of numbers, found 'a' of string"):
        fanin.utils.ArrowBatches(texts, "b")


def test_a_missing_value_of_a_file_is_named():
    holes = of_arrow().table({"a": [1.0, None], "b": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"x\['a'\]: expected numbers, found a missing value"):
        network().fit(fanin.utils.ArrowBatches(holes, "b"), verbose=0)
