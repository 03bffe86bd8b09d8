"""The command on a terminal: as wide as it is, in its colours, in signs that any of them has."""

import os
import re

import fanin
import pytest
from commands import on_terminal
from fanin.cli import _list
from fanin.layers import Dense

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other terminals")

CODES = re.compile(r"\x1b\[[0-9;]*m")
COLOURED = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-7]|9[0-7]|38;[0-9;]+)m")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network whose table is 85 columns wide, and samples."""
    import numpy as np

    folder = tmp_path_factory.mktemp("terminal")
    hidden = [Dense(64, "relu", name=f"größe_{i}") for i in range(2)]
    model = fanin.Sequential([*hidden, Dense(3, "softmax", name="last")], rng=0)
    model.build((None, 4))
    model.save(folder / "model.npz")
    rng = np.random.default_rng(0)
    np.savez(folder / "data.npz", x=rng.normal(size=(60, 4)), y=rng.integers(0, 3, 60))
    return str(folder / "model.npz"), str(folder / "data.npz")


@pytest.mark.parametrize("columns", [30, 80, 200])
def test_names_stand_in_columns_as_wide_as_the_terminal(columns):
    code, shown = on_terminal("list", "initializers", columns=columns)
    lines = shown.splitlines()
    names = sorted(_list.KINDS["initializers"]())
    assert code == 0
    assert sorted(shown.split()) == names
    assert max(map(len, lines)) <= columns
    longest = max(map(len, names)) + 3
    assert len(lines) <= -(-len(names) // max(1, columns // longest)) + 1
    # Read down: the first column has the first names.
    assert [line.split()[0] for line in lines] == names[: len(lines)]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_report_keeps_its_columns_whatever_the_width(columns, files):
    code, shown = on_terminal("diagnose", *files, columns=columns)
    assert code in (0, 1)
    plain = CODES.sub("", shown)
    words = plain.split()
    for heading in ("layer", "units", "rms", "gradient", "flat", "cosine", "rank"):
        assert heading in words
    (row,) = [line for line in plain.splitlines() if line.startswith("größe_1")]
    ranks = [layer.effective_rank for layer in fanin.diagnose(*loaded(files)).layers]
    assert row.split()[-1] == f"{ranks[1]:.3g}"
    if columns >= 80:
        assert max(map(len, plain.splitlines())) <= min(columns, 100)


def loaded(files):
    import numpy as np

    with np.load(files[1]) as data:
        return fanin.models.load_model(files[0]), data["x"], data["y"]


def test_a_terminal_without_unicode_sees_the_same_but_for_names(files):
    _, wide = on_terminal("diagnose", *files)
    code, narrow = on_terminal("diagnose", *files, PYTHONIOENCODING="ascii")
    assert code in (0, 1)
    assert narrow == wide.replace("ö", "?").replace("ß", "?")
    assert "gr??e_0" in narrow
    assert narrow.isascii()


@pytest.mark.parametrize(
    ("environment", "coloured", "plain"),
    [({}, True, False), ({"NO_COLOR": "1"}, False, False), ({"TERM": "dumb"}, False, True)],
)
def test_colours_are_those_that_the_terminal_wants(environment, coloured, plain, files, tmp_path):
    model = fanin.Sequential([Dense(8, "relu", kernel_initializer="zeros") for _ in range(3)])
    model.build((None, 4))
    model.save(tmp_path / "zeros.npz")
    code, shown = on_terminal("diagnose", str(tmp_path / "zeros.npz"), files[1], "--loss", "mae")
    assert code == 2, shown  # classes do not fit
    code, shown = on_terminal("diagnose", str(tmp_path / "zeros.npz"), inputs(files), **environment)
    assert code == 1
    assert "severe: symmetric" in shown
    assert bool(COLOURED.search(shown)) == coloured
    assert ("\x1b" not in shown) == plain


def inputs(files):
    import numpy as np

    path = files[1].replace("data.npz", "inputs.npz")
    with np.load(files[1]) as data:
        np.savez(path, x=data["x"])
    return path


def test_numbers_to_standard_output_are_first_what_is_asked_for(files):
    code, shown = on_terminal("diagnose", *files, "--json", "-")
    assert code in (0, 1)
    # Both streams are this terminal: the table comes first, then the numbers, whole.
    assert shown.rstrip().endswith("}")
    assert shown.count('"verdict"') == 1


def test_a_comparison_says_the_same_on_a_terminal_as_in_its_text():
    words = ["compare", "--epochs", "1", "--seeds", "2", "--hidden", "4", "--arms", "zeros", "ones"]
    code, shown = on_terminal(*words, columns=120)
    assert code == 0
    plain = CODES.sub("", shown)
    for word in ("initializer", "test accuracy", "behind best", "best val", "never learned"):
        assert word in plain
