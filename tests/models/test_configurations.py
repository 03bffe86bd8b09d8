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
from fanin import initializers
from fanin._members import _signatures

_spec = importlib.util.spec_from_file_location(
    "make_configurations", Path(__file__).parents[1] / "golden" / "make_configurations.py"
)
program = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(program)

WORDS = json.loads(program.JSON.read_text(encoding="utf-8"))
PICKLED = {
    **pickle.loads(program.PICKLE.read_bytes()),
    **pickle.loads(program.ADDED.read_bytes()),
}
CODES = list(program.codes())


def registered(place):
    """Return the classes of one kind, by name."""
    if place == "initializers":
        return {kind.__name__: kind for kind in initializers._registry.classes().values()}
    module = program.PLACES[place]
    # Some are made when they are first asked for.
    made = getattr(module, "_registry", None)
    registry = module._REGISTRY if made is None else made()
    found = {kind.__name__: kind for kind in registry.members}
    return {**found, "InputLayer": fanin.layers.InputLayer} if place == "layers" else found


def test_the_golden_files_hold_every_call_of_the_table():
    assert list(WORDS) == CODES
    assert PICKLED.keys() == set(CODES)


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


def own_class(name, base, **namespace):
    """Return a class that counts as one of the package."""
    return type(base)(name, (base,), {"__module__": "fanin.added", **namespace})


def test_a_new_class_of_the_package_says_all_of_it_by_its_constructor():
    def __init__(self, low, high=1.0, seed=None, *, steps=3, twice=False):  # noqa: N807
        self.low, self.high, self.steps, self.twice = low, high, steps, twice
        initializers.Initializer.__init__(self)
        self.seed = seed

    kind = own_class("Ramp", initializers.Initializer, __init__=__init__)
    assert kind(0.5).get_config() == {"low": 0.5, "high": 1.0, "seed": None}
    assert repr(kind(0.5, steps=4)) == "Ramp(low=0.5, high=1.0, seed=None, steps=4)"
    assert kind.from_config(kind(0.5, twice=True).get_config()) == kind(0.5, twice=True)


def test_a_missing_attribute_is_an_error_not_a_gap():
    kind = own_class("Ramp", initializers.Initializer, __init__=lambda self, low: None)
    with pytest.raises(AttributeError, match="low"):
        kind(1).get_config()


def test_a_new_loss_tells_the_core_its_own_arguments_alone():
    def __init__(self, delta=1.0, reduction="sum", name=None, dtype=None):  # noqa: N807
        fanin.losses.Loss.__init__(self, name, reduction, dtype)
        self.delta = delta

    kind = own_class("Huber", fanin.losses.Loss, __init__=__init__, kind="huber")
    assert kind(0.5).settings() == {"kind": "huber", "delta": 0.5}
    assert kind(0.5).get_config() == {"delta": 0.5, "reduction": "sum", "name": "huber"}
    assert repr(kind(0.5)) == "Huber(delta=0.5)"


def test_a_class_of_a_user_adds_to_what_its_base_says():
    class Wide(fanin.layers.Dense):
        def __init__(self, factor, **kwargs):
            super().__init__(10 * factor, **kwargs)
            self.factor = factor

        def get_config(self):
            config = super().get_config()
            del config["units"]
            return {**config, "factor": self.factor}

    layer = Wide(2, name="wide", activation="relu")
    assert layer.get_config()["factor"] == 2
    assert layer.settings() == fanin.layers.Dense(20, "relu").settings()
    assert Wide.from_config(layer.get_config()).units == 20


def test_a_schedule_shows_its_arguments_and_that_of_a_user_what_it_is():
    decay = fanin.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    expected = (
        "ExponentialDecay(initial_learning_rate=0.1, decay_steps=10.0, decay_rate=0.5, "
        "staircase=False, name='ExponentialDecay')"
    )
    assert repr(decay) == expected

    class Inverse(fanin.optimizers.schedules.LearningRateSchedule):
        def __init__(self, start):
            self.start = start

    assert "Inverse object at 0x" in repr(Inverse(0.1))
    with pytest.raises(NotImplementedError, match="Inverse must define get_config"):
        Inverse(0.1).get_config()
