"""What is not there says so without disturbing what is there."""

import contextlib
import copy
import importlib.util
import inspect
import pickle
import re
import subprocess
import sys

import fanin
import pytest
from fanin import activations, layers, losses
from fanin._absences import _absent, arguments, members, names
from fanin.callbacks import History

ROWS = {
    **{f"names of {module or 'fanin'}": rows for module, rows in names.NAMES.items()},
    **{f"modules of {module or 'fanin'}": rows for module, rows in names.MODULES.items()},
    **{f"members of a {kind}": rows for kind, rows in members.MEMBERS.items()},
    "arguments": arguments.REASONS,
}


@pytest.mark.parametrize("table", ROWS)
def test_a_reason_is_a_short_sentence_and_every_name_has_one(table):
    listed = [name for _, words in ROWS[table] for name in words.split()]
    assert len(listed) == len(set(listed)), "no name is there twice"
    for reason, _ in ROWS[table]:
        assert reason.isascii()
        assert not reason.endswith((".", ":", ";", " "))
        assert "  " not in reason
        assert len(reason) < 120


@pytest.mark.parametrize("table", ROWS)
def test_what_a_reason_names_is_there(table):
    model = fanin.Sequential([layers.Dense(1, input_dim=1)])
    model.compile("sgd", "mse")
    for reason, _ in ROWS[table]:
        for path in re.findall(r"fanin(?:\.\w+)+", reason):
            found = fanin
            for name in path.split(".")[1:]:
                found = getattr(found, name)
            assert not isinstance(found, _absent.Absent), path
        for name in re.findall(r"\bmodel\.(\w+)", reason):
            assert hasattr(model, name), name
        for name in re.findall(r"\blayers\.([A-Z]\w+)", reason):
            assert name in layers.__all__


def test_what_is_there_is_in_no_table():
    for module, rows in [*names.NAMES.items(), *names.MODULES.items()]:
        path = f"fanin.{module}".rstrip(".")
        try:
            there = set(vars(importlib.import_module(path)))
        except ModuleNotFoundError:
            continue
        there |= set(fanin._LAZY) if path == "fanin" else set()
        listed = {name for _, words in rows for name in words.split()}
        assert not listed & there, path


def test_a_new_name_of_an_argument_is_not_absent_itself():
    reasons = {name for _, words in arguments.REASONS for name in words.split()}
    for new in arguments.RENAMED.values():
        assert not reasons & set(new.split())


@pytest.mark.parametrize(
    "function",
    [fanin.compare, fanin.fit_many, losses.mse, activations.relu, fanin.utils.to_categorical],
)
def test_a_function_keeps_its_signature_its_name_and_its_text(function):
    plain = inspect.unwrap(function)
    assert plain is not function
    assert inspect.signature(function) == inspect.signature(plain)
    assert function.__doc__ == plain.__doc__
    assert function.__module__ == plain.__module__
    assert pickle.loads(pickle.dumps(function)) is function


def test_a_method_keeps_its_signature_and_its_text():
    plain = inspect.unwrap(fanin.Sequential.fit)
    assert plain is not fanin.Sequential.fit
    assert inspect.signature(fanin.Sequential.fit) == inspect.signature(plain)
    assert "epochs" in inspect.signature(fanin.Sequential([]).fit).parameters
    assert fanin.Sequential.fit.__doc__.startswith("Train the network.")


def test_functions_are_the_keys_that_registries_have():
    assert losses.get("mse") is losses.mean_squared_error is losses.mse
    assert losses.get(losses.mse) is losses.mse
    assert activations.get("relu") is activations.relu
    assert activations.get("swish") is activations.swish is activations.silu


def test_an_error_inside_of_a_function_is_its_own():
    with pytest.raises(TypeError, match=r"^x: expected") as caught:
        fanin.utils.normalize({1, 2})
    assert "positional" not in str(caught.value)

    @_absent.explained
    def calls(function):
        return function(nb_epoch=1)

    def inner(epochs=1):
        return epochs

    with pytest.raises(TypeError, match=r"inner\(\) got an unexpected keyword argument"):
        calls(inner)


def test_a_decorated_function_speaks_of_the_arguments_it_stands_for():
    @_absent.explained
    @contextlib.contextmanager
    def held(weights):
        yield weights

    with pytest.raises(TypeError, match=r"held got an unexpected .* did you mean 'weights'"):
        held(weighst=1)
    with pytest.warns(FutureWarning), pytest.raises(TypeError, match=r"^eye got an unexpected"):
        fanin.init.eye(tensr=1)


def test_what_is_absent_can_be_copied_and_pickled():
    assert copy.deepcopy(layers.Conv2D) is layers.Conv2D
    assert pickle.loads(pickle.dumps(layers.Conv2D)) is layers.Conv2D
    assert layers.Conv2D.__name__ == "Conv2D"
    assert layers.Conv2D.__module__ == "fanin.layers"
    assert not hasattr(layers.Conv2D, "__wrapped__")


def test_the_imports_of_others_are_undisturbed():
    assert sys.meta_path[-1] is _absent._Finder
    assert sys.meta_path.count(_absent._Finder) == sys.meta_path.count(_absent._Aliases) == 1
    for name in ("nowhere_to_be_found", "numpy.regularizers", "fanin.zzzzzzz", "fanin._zzz"):
        assert importlib.util.find_spec(name) is None
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module("fanin.applications")
    assert caught.value.name == "fanin.applications"
    assert "fanin.applications" not in sys.modules


def test_the_tables_are_read_when_something_is_missing():
    script = (
        "import sys, fanin, fanin.init, fanin.theory, fanin.datasets\n"
        "hasattr(fanin, '__wrapped__'), hasattr(fanin.layers, '_private')\n"
        "tables = {f'fanin._absences.{name}' for name in ('arguments', 'members', 'names')}\n"
        "read = lambda: tables.intersection(sys.modules)\n"
        "assert not read(), read()\n"
        "assert 'difflib' not in sys.modules\n"
        "fanin.layers.Conv2D\n"
        "assert 'fanin._absences.names' in read()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_history_is_a_dict():
    history = History()
    history.on_epoch_end(0, {"loss": 0.5})
    held = history.history
    assert isinstance(held, dict)
    assert held == {"loss": [0.5]}
    assert repr(held) == "{'loss': [0.5]}"
    assert held.get("acc") is None
    assert "acc" not in held
    assert pickle.loads(pickle.dumps(held)) == held
    assert type(copy.deepcopy(held)) is type(held)
