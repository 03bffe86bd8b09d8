"""The command `fanin diagnose`: what it reads, what it prints and writes, and its exit code."""

import json

import commands
import fanin
import numpy as np
import pytest
from fanin.cli import _samples
from fanin.layers import Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).round(3)
Y = RNG.integers(0, 3, 60)
HEADER = "length,width,height,depth,kind"
ROWS = [",".join([*map(str, row), str(label)]) for row, label in zip(X, Y, strict=True)]


def run(words):
    return commands.run(f"diagnose {words}")


def network(initializer="he_normal"):
    hidden = [Dense(32, "relu", kernel_initializer=initializer) for _ in range(2)]
    model = fanin.Sequential([*hidden, Dense(3, "softmax")], rng=0)
    model.build((None, 4))
    return model


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with networks and the same samples in several files."""
    monkeypatch.chdir(tmp_path)
    network().save("good.npz")
    network("zeros").save("zeros.npz")
    model = network()
    model.compile("sgd", "mse")
    model.save("mse.npz")
    np.savez("data.npz", x=X, y=Y)
    np.savez("inputs.npz", x=X)
    write("data.csv", [HEADER, *ROWS])
    return tmp_path


def write(name, lines, end="\n"):
    with open(name, "w", encoding="utf-8", newline="") as file:
        file.write(end.join(lines) + end)


def report(path="good.npz", x=X, y=Y, loss=None):
    return fanin.diagnose(fanin.models.load_model(path), x, y, loss)


def test_a_sound_network_is_code_0(folder, capsys):
    assert run("good.npz data.npz") == 0
    assert capsys.readouterr() == (f"{report()}\n", "")


def test_what_is_found_is_code_1(folder, capsys):
    assert run("zeros.npz data.npz") == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert out == f"{report('zeros.npz')}\n"
    assert "severe: symmetric" in out


def test_notes_alone_are_code_0(folder, monkeypatch):
    monkeypatch.setattr("fanin.diagnosis._report.Report.healthy", True)
    assert run("zeros.npz data.npz") == 0


def test_files_and_standard_output(folder, capsys):
    assert run("good.npz data.npz --json - --html r.html --plot r.svg") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == report().to_dict()
    assert str(report()) in err
    assert "wrote r.html" in err
    assert "wrote r.svg" in err
    assert (folder / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "<svg" in (folder / "r.svg").read_text(encoding="utf-8")
    assert run("zeros.npz data.npz --json r.json") == 1
    expected = json.loads(json.dumps(report("zeros.npz").to_dict()))  # tuples as lists
    assert json.loads((folder / "r.json").read_text()) == expected


# Lines of a file, what ends them, and how its targets are told.
SPELLINGS = {
    "names": ([HEADER, *ROWS], "\n", "--target kind"),
    "names and a number": ([HEADER, *ROWS], "\n", "--target 4"),
    "names, the last column": ([HEADER, *ROWS], "\n", "--target -1"),
    "no names": (ROWS, "\n", "--target 4"),
    "no names, the last column": (ROWS, "\n", "--target=-1"),
    "a spreadsheet's": (["\ufeff" + HEADER, *ROWS], "\r\n", "--target kind"),
    "semicolons": ([r.replace(",", ";") for r in (HEADER, *ROWS)], "\n", "--target kind"),
    "tabulators": ([r.replace(",", "\t") for r in (HEADER, *ROWS)], "\n", "--target kind"),
    "blanks": ([r.replace(",", " , ") for r in (HEADER, *ROWS)], "\n", "--target kind"),
    "empty lines": ([HEADER, "", *ROWS, "", ""], "\n", "--target kind"),
    "quotes": (['"' + r.replace(",", '","') + '"' for r in (HEADER, *ROWS)], "\n", "--target kind"),
    "names that are numbers": (["0,1,2,3,4", *ROWS], "\n", "--header --target 4"),
    "a name that reads like a place": (["3,b,c,d,e", *ROWS], "\n", "--header --target e"),
    "floats": ([HEADER, *(f"{row}.0" for row in ROWS)], "\n", "--target kind"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_same_samples_give_the_same_report_however_they_are_written(spelling, folder, capsys):
    lines, end, words = SPELLINGS[spelling]
    write("t.csv", lines, end)
    assert run(f"good.npz t.csv {words}") == 0
    assert capsys.readouterr() == (f"{report()}\n", "")


def test_a_column_is_found_by_its_name_before_its_number(folder):
    write("t.csv", ["1,b,c,d,0", "5,6,7,8,9"])
    x, y = _samples.read("t.csv", "0", None)
    assert (x.tolist(), y.tolist()) == ([[5, 6, 7, 8]], [9])
    x, y = _samples.read("t.csv", "1", None)
    assert (x.tolist(), y.tolist()) == ([[6, 7, 8, 9]], [5])


def test_whole_targets_are_integers_and_others_stay(folder):
    write("t.csv", ["1,2", "2,3"])
    assert _samples.read("t.csv", "1", None)[1].dtype == np.int64
    write("t.csv", ["1,2.5", "2,3"])
    assert _samples.read("t.csv", "1", None)[1].tolist() == [2.5, 3]
    write("t.csv", ["1,nan", "2,1e300"])
    np.testing.assert_array_equal(_samples.read("t.csv", "1", None)[1], [np.nan, 1e300])


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["a,b", "1,2"], True),
        (["1,2", "3,4"], False),
        (["1,setosa", "3,setosa"], False),  # a column of words is none of names
        (["1,kind", "3,4"], True),
        (["a,b", "c,d"], True),
        (["a,b"], True),
        (["1,2"], False),
        ([",0,1", "0,5,6"], False),  # a cell without anything may be missing
        ([",a,b", "0,5,6"], True),
    ],
)
def test_a_line_of_names_is_known_by_its_words(lines, named):
    start = [(i, line.split(",")) for i, line in enumerate(lines)]
    assert _samples._reads_like_names(start) is named


def test_without_targets_gradients_are_of_a_random_direction(folder, capsys):
    write("t.csv", [row.rpartition(",")[0] for row in ROWS])
    for data in ("inputs.npz", "t.csv"):
        assert run(f"good.npz {data}") == 0
        assert capsys.readouterr() == (f"{report(y=None)}\n", "")


def test_the_loss_is_that_of_the_model_unless_another_is_asked_for(folder, capsys):
    one_hot = np.eye(3)[Y]
    np.savez("hot.npz", x=X, y=one_hot)
    run("mse.npz hot.npz")
    assert "mean_squared_error = " in capsys.readouterr().out
    run("mse.npz hot.npz --loss categorical_crossentropy")
    out = capsys.readouterr().out
    assert "categorical_crossentropy = " in out
    assert out == f"{report('mse.npz', y=one_hot, loss='categorical_crossentropy')}\n"


def test_of_a_large_file_rows_are_taken_evenly(folder, capsys):
    order = np.argsort(Y)
    np.savez("sorted.npz", x=X[order], y=Y[order])
    run("good.npz sorted.npz --samples 4")
    out, _ = capsys.readouterr()
    rows = order[[0, 19, 39, 59]]
    assert out == f"4 of 60 rows, taken evenly\n\n{report(x=X[rows], y=Y[rows])}\n"
    run("good.npz sorted.npz --samples 60")
    assert "rows, taken" not in capsys.readouterr().out


# A file's content, and words of the line that refuses it. Its targets are column 4.
BAD_TABLES = {
    "empty": ("", "found an empty file"),
    "names only": (HEADER + "\n", "found a line of names only"),
    "a word among numbers": (f"{HEADER}\n1,2,x,4,0\n", "line 2, column height: "),
    "a word without names": ("1,2,3,4,0\n1,2,y,4,0\n", "line 2, column 2: "),
    "classes that are words": ("1,2,3,4,cat\n1,2,3,4,dog\n", "found 'cat'"),
    "nothing in a cell": (
        f"{HEADER}\n1,,3,4,0\n",
        "column width: expected a number, found nothing",
    ),
    "a short row": (f"{HEADER}\n1,2,3,4,0\n\n1,2,3\n", "line 4: expected 5 columns, found 3"),
    "a long row": (f"{HEADER}\n1,2,3,4,0,9\n", "line 2: expected 5 columns, found 6"),
    "too few columns": ("1,2\n3,4\n", "--target: expected a whole number from -2 to 1, found 4"),
    "too many columns": ("1,2,3,4,0,5\n", "x: expected shape (n, 4), found (1, 5)"),
    "a class too high": ("1,2,3,4,3\n", "expected classes from 0 to 2, found 3"),
    "a class below 0": ("1,2,3,4,-1\n", "expected classes from 0 to 2, found -1"),
    "half a class": ("1,2,3,4,0.5\n", "found shape"),
    "another encoding": (f"{HEADER}\n".encode("utf-16"), "expected a text in UTF-8"),
    "no text": (bytes(range(128, 256)), "expected a text in UTF-8"),
    "an open quote": (f'{HEADER}\n"1,2,3,4,0\n', "end of data"),
    "a NUL": (f"{HEADER}\n1,2,3,4,\0\n", "line"),
    "a cell without end": (f"{HEADER}\n{'9' * 200_000},2,3,4,0\n", "field larger"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_a_bad_table_is_one_line_and_code_2(kind, folder, capsys):
    content, message = BAD_TABLES[kind]
    (folder / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert run("good.npz t.csv --target 4") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("fanin diagnose: t.csv: ")
    assert err.count("\n") == 1


def _folder(path):
    path.mkdir()


def _cut(path):
    np.savez(path, x=X, y=Y)
    path.write_bytes(path.read_bytes()[:-40])


# What lies at t.npz, and words of the line that refuses it as data.
BAD_ARCHIVES = {
    "nothing": (lambda path: None, "No such file"),
    "a folder": (_folder, "found a folder"),
    "an empty file": (lambda path: path.write_bytes(b""), "found an empty file"),
    "a text": (lambda path: path.write_text("hello"), "found a file of another format"),
    "a part of an archive": (_cut, "damaged or cut off"),
    "other arrays": (lambda path: np.savez(path, a=X), "found one with 'a'"),
    "objects": (lambda path: np.savez(path, x=np.array([{}])), "instead of real numbers"),
    "words": (lambda path: np.savez(path, x=np.array([["a"]])), "instead of real numbers"),
    "a number": (lambda path: np.savez(path, x=3.0), "x of shape ()"),
    "no rows": (lambda path: np.savez(path, x=X[:0], y=Y[:0]), "x of shape (0, 4)"),
    "fewer targets": (lambda path: np.savez(path, x=X, y=Y[:-1]), "y of shape (59,)"),
    "other features": (lambda path: np.savez(path, x=X[:, :3], y=Y), "expected shape (n, 4)"),
    "a class too high": (lambda path: np.savez(path, x=X, y=Y + 1), "classes from 0 to 2, found 3"),
}


@pytest.mark.parametrize("kind", BAD_ARCHIVES)
def test_a_bad_archive_is_one_line_and_code_2(kind, folder, capsys):
    make, message = BAD_ARCHIVES[kind]
    make(folder / "t.npz")
    assert run("good.npz t.npz") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("fanin diagnose: t.npz: ")
    assert err.count("\n") == 1
    assert run("t.npz data.npz") == 2  # no model either
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fanin diagnose: t.npz: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "MODEL, DATA"),
        ("good.npz", "DATA"),
        ("good.npz data.csv", "--target says which column is none of the inputs"),
        ("good.npz data.csv --target kin", "data.csv: unknown column 'kin'; did you mean 'kind'?"),
        ("good.npz data.csv --no-header --target 4", "line 1, column 0: expected a number"),
        ("good.npz data.csv --no-header --target kind", "a column from 0 to 4"),
        ("good.npz data.csv --target 5", "from -5 to 4, found 5"),
        ("good.npz data.npz --target y", "--target: expected a .csv file"),
        ("good.npz data.npz --header", "--header: expected a .csv file"),
        ("good.npz data.npz --loss mze", "unknown loss 'mze'"),
        ("good.npz data.npz --loss mse", "data.npz: y: expected the shape of the outputs"),
        ("good.npz inputs.npz --loss mse", "--loss: expected targets beside it"),
        ("good.npz data.npz --samples 0", "--samples: expected a whole number of at least 1"),
        ("good.npz data.npz --html no/such.html", "no/such.html"),
        ("good.npz data.npz --plot p.doc", "suffix"),
        ("good.npz data.npz --lss mse", "did you mean '--loss'"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(words, message, folder, capsys):
    before = sorted(path.name for path in folder.iterdir())
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("fanin diagnose: ")
    assert err.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == before


def test_two_columns_of_the_name_are_refused(folder, capsys):
    write("t.csv", ["a,b,c,d,a", *ROWS])
    assert run("good.npz t.csv --target a") == 2
    assert (
        "the name of one column, found 'a', that of 2; give its number" in capsys.readouterr().err
    )


def test_numbers_that_are_not_finite_are_a_finding(folder, capsys):
    write("t.csv", [HEADER, "nan,2,3,4,0", "1e999,2,3,4,0"])
    assert run("good.npz t.csv --target kind --json t.json") == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "NaN or infinity (first at row 0, column 0)" in out
    assert json.loads((folder / "t.json").read_text())["findings"][0]["kind"] == "non_finite"
