"""The commands that answer questions: explain, list, versions, completion."""

import importlib
import platform
import subprocess
import sys

import fanin
import numpy as np
import pytest
from commands import run
from fanin._members._registry import snake
from fanin.cli import _list, _versions


@pytest.mark.parametrize(
    "shape",
    ["784,256", "784x256", "784 256", "'(784, 256)'", "'[784, 256]'", "784X256", "'784 × 256'"],
)
def test_explain_is_what_explain_says(shape, capsys):
    assert run(f"explain he_normal {shape} --activation tanh") == 0
    out, err = capsys.readouterr()
    expected = fanin.initializers.HeNormal().explain((784, 256), activation="tanh")
    assert (out, err) == (f"{expected}\n", "")
    assert "warning" in out
    assert max(map(len, out.splitlines())) <= 80


def test_explain_takes_arguments_of_an_initializer_and_any_number_of_axes(capsys):
    assert run("explain 'random_normal(stddev=0.5)' 3,3,16,32") == 0
    expected = fanin.initializers.RandomNormal(stddev=0.5).explain((3, 3, 16, 32))
    assert capsys.readouterr().out == f"{expected}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("explain", "INIT, SHAPE"),
        ("explain he_normal", "SHAPE"),
        ("explain he_norml 3,4", "did you mean 'he_normal'"),
        ("explain he_normal+bn 3,4", "he_normal"),
        ("explain 'he_normal(stddev=1)' 3,4", "stddev"),
        ("explain 'he_normal(' 3,4", "NAME(argument=number, ...)"),
        ("explain he_normal ''", "SHAPE: expected whole numbers such as 784,256"),
        ("explain he_normal '3;4'", "found '3;4'"),
        ("explain he_normal a,b", "found 'a,b'"),
        ("explain he_normal 3.5,4", "found '3.5,4'"),
        (f"explain he_normal {10**30},4", "shape"),
        ("explain identity 3,4,5", "2 dimensions"),
        ("explain he_normal 3,4 --activation rleu", "did you mean 'relu'"),
        ("explain he_normal 3,4 --activaton relu", "did you mean '--activation'"),
        ("list initializer", "did you mean 'initializers'"),
        ("list x", "known: activations, data, initializers, losses, metrics, optimizers"),
        ("versions --jso", "--jso"),
        ("completion", "SHELL"),
        ("completion bsh", "did you mean 'bash'"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(words, message, capsys):
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("fanin")
    assert err.count("\n") == 1


KINDS = ["initializers", "activations", "losses", "optimizers", "metrics"]
# Public classes that no name stands for: what the others derive from, and results.
OTHERS = {"Initializer", "RandomInitializer", "Explanation", "Loss", "Optimizer", "Metric"}


def names(kind, capsys):
    assert run(f"list {kind}") == 0
    return capsys.readouterr().out.splitlines()


def members(kind):
    """Return the public members of a kind by the names that `get` takes."""
    module = importlib.import_module(f"fanin.{kind}")
    public = {name: getattr(module, name) for name in module.__all__}
    if kind == "activations":
        own = {value.__name__: value for value in public.values() if callable(value)}
        return {
            name: f for name, f in own.items() if name not in ("get", "serialize", "deserialize")
        }
    classes = {value for value in public.values() if isinstance(value, type)}
    spelled = {"ZerO": "zero_init"}
    return {
        spelled.get(cls.__name__, snake(cls.__name__)): cls
        for cls in classes
        if cls.__name__ not in OTHERS
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_names_of_a_list_are_all_public_ones_and_are_taken(kind, capsys):
    listed = names(kind, capsys)
    expected = members(kind)
    assert len(expected) >= 4
    assert listed == sorted(expected)
    get = importlib.import_module(f"fanin.{kind}").get
    needs_more = {"sparse", "student_t", "beta", "precision_at_recall", "recall_at_precision"}
    needs_more |= {"sensitivity_at_specificity", "specificity_at_sensitivity"}
    for name in set(listed) - {"accuracy", *needs_more}:
        assert get(name) is not None


def test_a_list_of_data_names_what_compare_takes(capsys):
    assert names("data", capsys) == ["fashion-mnist", "small"]


def test_without_a_kind_all_lists_are_shown(capsys):
    lines = names("", capsys)
    for kind, make in _list.KINDS.items():
        place = lines.index(f"{kind}:")
        assert lines[place + 1 : place + 1 + len(make())] == sorted(make())


def test_versions_are_what_a_bug_report_needs(capsys, monkeypatch):
    monkeypatch.setenv("FANIN_DATA_DIR", "/some/folder")
    assert run("versions") == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = dict(line.split("  ", 1) for line in out.splitlines())
    rows = {name: text.strip() for name, text in rows.items()}
    assert rows["fanin"] == fanin.__version__
    assert rows["Python"].startswith(platform.python_version())
    assert rows["NumPy"] == np.__version__
    assert rows["rules of bits"].startswith(fanin._core.BITS)
    assert rows["SIMD level"] == fanin._core.simd_level()
    assert rows["threads"].startswith(f"{fanin.get_num_threads()} of ")
    assert "FANIN_DATA_DIR=/some/folder" in rows["environment"]
    assert rows["system"] == platform.platform()
    assert platform.machine() in rows["processor"]
    assert rows["matplotlib"] == importlib.import_module("matplotlib").__version__
    assert all(rows.values())


def test_versions_say_what_is_not_installed_and_import_none_of_it(monkeypatch):
    code = (
        "import sys; from fanin import cli; cli.main(['versions']); "
        "print(sorted({'matplotlib', 'pooch', 'torch', 'pandas', 'shtab'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"
    monkeypatch.setattr(_versions, "_OTHERS", ("no-such-distribution",))
    assert _versions.facts()["no-such-distribution"] == "not installed"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_completion_knows_the_commands_and_their_options(shell, capsys):
    assert run(f"completion {shell}") == 0
    out, err = capsys.readouterr()
    assert err == ""
    for word in ("compare", "diagnose", "learning-rate", "fanin list initializers"):
        assert word in out


def test_bash_completes_what_was_begun(capsys, tmp_path):
    bash = next((b for b in ("/bin/bash", "/usr/bin/bash") if _runs(b)), None)
    if bash is None:
        pytest.skip("there is no bash")
    assert run("completion bash") == 0
    script = tmp_path / "fanin.bash"
    script.write_text(capsys.readouterr().out)
    code = (
        f"source {script}; COMP_WORDS=(fanin comp); COMP_CWORD=1; COMP_LINE='fanin comp'; "
        "COMP_POINT=10; _shtab_fanin fanin comp fanin; echo ${COMPREPLY[@]}"
    )
    result = subprocess.run([bash, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(result.stdout.split()) == ["compare", "completion"]


def _runs(bash):
    try:
        return subprocess.run([bash, "-c", "exit 0"], check=False).returncode == 0
    except OSError:
        return False


def test_without_shtab_it_is_said_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert run("completion bash") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert 'pip install "fanin[completion]"' in err
    assert err.count("\n") == 1
