"""Every member says of itself what it said before, and is made again from it.

The golden files hold what ``get_config``, ``repr`` and ``settings`` gave for each member with each
of its options, when most classes wrote that down by hand.
"""

import copy
import importlib.util
import inspect
import json
import pickle
from pathlib import Path

import fanin
import pytest
from fanin import _signatures, initializers

_spec = importlib.util.spec_from_file_location(
    "make_configurations", Path(__file__).with_name("golden") / "make_configurations.py"
)
program = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(program)

WORDS = json.loads(program.JSON.read_text(encoding="utf-8"))
PICKLED = pickle.loads(program.PICKLE.read_bytes())
CODES = list(program.codes())


def registered(place):
    """Return the classes of one kind, by name."""
    if place == "initializers":
        return {kind.__name__: kind for kind in initializers._registry._CLASSES.values()}
    found = {kind.__name__: kind for kind in program.PLACES[place]._REGISTRY.members}
    return {**found, "InputLayer": fanin.layers.InputLayer} if place == "layers" else found


def test_the_golden_files_hold_every_call_of_the_table():
    assert list(WORDS) == list(PICKLED) == CODES


@pytest.mark.parametrize("place", program.MEMBERS)
def test_the_table_has_every_member_with_every_argument(place):
    classes = registered(place)
    table = program.MEMBERS[place]
    assert table.keys() == classes.keys()
    for name, (needed, options) in table.items():
        listed = {argument.partition("=")[0].strip() for argument in needed.split(", ")}
        listed |= options.keys() | ({"name"} if place == "layers" else set())
        missing = set(_signatures.names(classes[name])) - listed
        if name == "InputLayer":
            missing -= {"batch_shape", "input_shape"}  # other names of `shape`
        assert not missing, name


@pytest.mark.parametrize("code", CODES)
def test_a_member_says_what_it_said(code):
    assert program.words(code, program.make(code)) == WORDS[code]


@pytest.mark.parametrize("code", CODES)
def test_a_pickle_of_before_is_the_member(code):
    assert program.words(code, PICKLED[code]) == WORDS[code]


@pytest.mark.parametrize("code", CODES)
def test_a_member_is_made_again_from_what_is_written(code):
    member = program.make(code)
    place = program.PLACES[code.partition(".")[0]]
    written = place.serialize(member)
    assert written == {"class_name": type(member).__name__, "config": member.get_config()}
    for again in (
        place.deserialize(json.loads(json.dumps(written))),
        type(member).from_config(member.get_config()),
        copy.deepcopy(member),
        pickle.loads(pickle.dumps(member)),
    ):
        assert type(again) is type(member)
        assert program.words(code, again)[0] == WORDS[code][0]


@pytest.mark.parametrize("place", program.MEMBERS)
def test_a_configuration_holds_arguments_only(place):
    for name, kind in registered(place).items():
        code = next(code for code in CODES if code.startswith(f"{place}.{name}("))
        config = program.make(code).get_config()
        assert config.keys() <= set(_signatures.names(kind)), name
        required = {
            parameter.name
            for parameter in inspect.signature(kind).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        }
        assert required <= config.keys(), name
