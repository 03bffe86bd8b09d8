"""Whatever a public callable refuses, it leaves everything as it was, and says so in one exception.

Every public callable is called with arguments that it accepts, of which each in turn is exchanged
for hostile values. If it refuses, parameters, states, slots, counters, arrays, random states and
files must be as before, byte for byte.
"""

import contextlib
import inspect
import re
import shutil
import zlib

import fanin
import numpy as np
import public_calls
from hostile_values import HUGE, OF_ARRAYS, VALUES, Everything, guarded
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from public_calls import Call

STRIDE = 10
"""Each parameter meets every tenth hostile value, so one of each kind, from a start of its own."""
ENDLESS = {"epochs", "seeds", "steps"}
ALLOWED = (ValueError, TypeError, AttributeError, OSError, MemoryError)
OF_LOOKUPS = (KeyError, IndexError)
"""Only where the docstring says so: it is for what is not there, not for a key of a wrong kind."""


FOREIGN = re.compile(
    r"is ambiguous|not iterable|has no len\(\)|not supported between|object has no attribute '\w+'$"
)
"""What comes of using a value before it is checked, and does not say which argument it was."""


def values_for(call: Call, parameter: str) -> list[str]:
    """Return the names of the hostile values for a parameter."""
    array = isinstance(call.arguments().get(parameter), np.ndarray)
    left_out = (set() if array else OF_ARRAYS) | (HUGE if parameter in ENDLESS else set())
    return [name for name in VALUES if name not in left_out]


def fault(call: Call, parameter: str, value: str) -> str | None:
    """Make a call with one hostile value; return what is wrong with its refusal, or None."""
    owner = call.owner and call.owner()
    function = call.function if owner is None else getattr(owner, call.function)
    arguments = {**call.arguments(), parameter: VALUES[value]()}
    with guarded():
        everything = Everything(
            {**arguments, "its object": owner, "its network": getattr(owner, "owner", None)}
        )
        try:
            result = function(**arguments)
            if isinstance(result, contextlib.AbstractContextManager):
                with result:  # a function whose work begins here
                    pass
        except BaseException as error:  # a panic is no Exception
            text = inspect.getdoc(function) or ""
            documented = tuple(kind for kind in OF_LOOKUPS if kind.__name__ in text)
            found = [] if isinstance(error, ALLOWED + documented) else ["another exception"]
            found += ["in words of Python's own"] if FOREIGN.search(str(error)) else []
            found += [f"{name} changed" for name in everything.changed()]
            if found:
                said = f"{type(error).__name__}: {str(error)[:100]}"
                return f"{call.name}({parameter}={value}): {', '.join(found)}; {said}"
    return None


def faults(call: Call, parameter: str) -> list[str]:
    """Return what is wrong with the refusals of some hostile values for one parameter."""
    found: list[str] = []
    number = zlib.crc32(f"{call.name}/{parameter}".encode())
    values = values_for(call, parameter)[number % STRIDE :: STRIDE]

    @seed(number)
    @settings(
        max_examples=len(values),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(values))
    def refuse(value):
        wrong = fault(call, parameter, value)
        if wrong is not None:
            found.append(wrong)

    refuse()
    return sorted(set(found))


def test_field_every_refusal_leaves_all_as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = []
    for call in public_calls.calls():
        for parameter in call.parameters:
            found += faults(call, parameter)
            for path in tmp_path.iterdir():  # what was accepted
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert not found, f"{len(found)} faults:\n" + "\n".join(found)


def test_every_public_callable_is_walked_or_has_a_reason():
    walked = {call.name: call for call in public_calls.calls()}
    functions, methods = public_calls.functions(), list(public_calls.methods())
    reasons = public_calls.EXEMPT
    for name, member in functions.items():
        assert name in walked or name in reasons or not public_calls.parameters(member), name
    seen = {inspect.getattr_static(type(make()), name) for _, make, name in methods}
    seen = {getattr(member, "__func__", member) for member in seen}
    for name, kind in functions.items():
        if isinstance(kind, type) and name not in reasons:
            for method, function in public_calls.methods_of(kind):
                exempt = method in public_calls.EXEMPT_METHODS
                # Users' functions and classes: tests/layers/test_lambda.py, models/test_batches.py.
                exempt |= kind in (fanin.layers.Lambda, fanin.utils.PyDataset, fanin.utils.Sequence)
                assert exempt or function in seen, f"{name}.{method}: its class has no object"
    # No reason for what is not there.
    there = {
        *functions,
        *(name for name, _, _ in methods),
        "fanin.initializers.keras.FaninInitializer",
    }
    assert set(reasons) <= there
    assert len(walked) > 200
    assert {"fanin.compare", "Sequential.fit", "Adam.step", "fanin.init.eye_"} <= walked.keys()
