"""Faults seen in use, refusals of comparison, diagnosis and theory (R8, N1, N3)."""

import copy
import json
import math

import fanin
import numpy as np
import pytest
from blobs import QUICK
from fanin import comparison, theory
from fanin.layers import Dense
from refusals import assert_refused, outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 4)).astype("float32")
Y = RNG.integers(0, 2, 16)
REFUSED = (TypeError, ValueError)


def network(built=True):
    layers = [Dense(5, "tanh"), Dense(2, "softmax")]
    model = fanin.Sequential([fanin.Input((4,)), *layers] if built else layers, rng=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def compared(**changes):
    return fanin.compare(**{"arms": "zeros", **QUICK, "epochs": 1, "seeds": 2, **changes})


RESULT = compared()
TRIAL = RESULT.arms[0].trials[0]
REPORT = fanin.diagnose(network(), X, Y)
DEEP = "he_normal(" + "-" * 100_000 + "1)"

# Calls that must be refused, and the argument that the message must name.
CALLS = {
    "compare, epochs": (lambda: compared(epochs=0), "epochs"),
    "compare, epochs of another kind": (lambda: compared(epochs=1.5), "epochs"),
    "compare, no seeds": (lambda: compared(seeds=[]), "seeds"),
    "compare, equal seeds": (lambda: compared(seeds=[1, 1]), "seeds"),
    "compare, negative seed": (lambda: compared(seeds=[-1]), "seeds"),
    "compare, seeds of another kind": (lambda: compared(seeds=2.5), "seeds"),
    "compare, too many seeds": (lambda: compared(seeds=10**30), "seeds"),
    "compare, hidden": (lambda: compared(hidden=[0]), "hidden"),
    "compare, no hidden": (lambda: compared(hidden=[]), "hidden"),
    "compare, hidden of another kind": (lambda: compared(hidden=object()), "hidden"),
    "compare, huge hidden": (lambda: compared(hidden=10**30), "hidden"),
    "compare, batch_size": (lambda: compared(batch_size=-1), "batch_size"),
    "compare, validation_split": (lambda: compared(validation_split=1.0), "validation_split"),
    "compare, target": (lambda: compared(target=1.5), "target"),
    "compare, target of nothing": (lambda: compared(target=0.5, validation_split=0), "target"),
    "compare, initialize": (lambda: compared(initialize="output"), "initialize"),
    "compare, learning_rate": (lambda: compared(learning_rate=math.nan), "learning_rate"),
    "compare, workers": (lambda: compared(workers=0), "workers"),
    "compare, huge workers": (lambda: compared(workers=10**30), "workers"),
    "compare, progress": (lambda: compared(progress="maybe"), "progress"),
    "compare, progress of another kind": (lambda: compared(progress=np.zeros(3)), "progress"),
    "compare, no arms": (lambda: compared(arms=[]), "arms"),
    "compare, equal arms": (lambda: compared(arms=["ones", "ones"]), "arms"),
    "compare, an arm that is None": (lambda: compared(arms=[None]), "initializer"),
    "compare, arms without axes": (lambda: compared(arms=np.array(3)), "initializer"),
    "arm, cut off": (lambda: comparison.Arm.parse("random_normal(stddev=1"), "initializer"),
    "arm, executed": (lambda: comparison.Arm("constant(__import__('os'))"), "initializer"),
    "arm, an argument twice": (lambda: comparison.Arm("constant(value=1,value=2)"), "initializer"),
    "arm, a list as a key": (lambda: comparison.Arm("constant({[]: 1})"), "initializer"),
    "arm, too deep": (lambda: comparison.Arm(DEEP), "initializer"),
    "arm, batch_normalization": (lambda: comparison.Arm("ones", "behind"), "batch_normalization"),
    "arm, an array": (lambda: comparison.Arm("ones", np.zeros(3)), "batch_normalization"),
    "arm, label": (lambda: comparison.Arm("ones", label=3), "label"),
    "arm, no text": (lambda: comparison.Arm.parse(3), "text"),
    "result, no dict": (lambda: comparison.Comparison.from_dict(3), "plain"),
    "result, another dict": (lambda: comparison.Comparison.from_dict({}), "format"),
    "result, behind_best": (lambda: RESULT.behind_best("Zeros"), "arm"),
    "result, figure": (lambda: RESULT.plot(3), "fig"),
    "result, suffix": (lambda: RESULT.save_plot("p.doc"), "path"),
    "trial, epochs_to": (lambda: TRIAL.epochs_to("a"), "target"),
    "trial, seconds_to": (lambda: TRIAL.seconds_to(None), "target"),
    "diagnose, training": (lambda: fanin.diagnose(network(), X, training="no"), "training"),
    "diagnose, loss without y": (lambda: fanin.diagnose(network(), X, loss="mse"), "loss"),
    "report, another layer": (lambda: REPORT.bands("dense"), "layer"),
    "report, outside of another": (lambda: REPORT.outside(None), "layer"),
    "report, prediction of another": (lambda: REPORT.prediction(3), "layer"),
    "report, a layer by a list": (lambda: REPORT[np.zeros(3)], "layer"),
    "report, figure": (lambda: REPORT.plot(3), "fig"),
    "recommend, x without axes": (lambda: fanin.recommend([4], "relu", 3.0), "x"),
    "recommend, empty x": (lambda: fanin.recommend([4], "relu", []), "x"),
    "recommend, text": (lambda: fanin.recommend([4], "relu", [["a"], ["b"]]), "x"),
    "recommend, y without axes": (lambda: fanin.recommend([4], "relu", X, 3), "y"),
    "recommend, short y": (lambda: fanin.recommend([4], "relu", X, Y[:3]), "y"),
    "recommend, two activations": (lambda: fanin.recommend(network(), "relu"), "activation"),
    "symmetry, None": (lambda: fanin.symmetry(None, X), "model"),
    "symmetry, widths": (lambda: fanin.symmetry([4], X), "model"),
    "symmetry, loss without y": (lambda: fanin.symmetry(network(), X, loss="mse"), "loss"),
    "gain, a number": (lambda: fanin.gain(3), "activation"),
    "gain, mode of another kind": (lambda: fanin.gain("relu", np.zeros(3)), "mode"),
    "gain, derivative": (lambda: fanin.gain("relu", "backward", derivative=3), "derivative"),
    "gain, torch's with a derivative": (
        lambda: fanin.gain("relu", "torch", derivative=np.cos),
        "derivative",
    ),
    "gain, torch's slope": (
        lambda: fanin.gain("leaky_relu", "torch", negative_slope="a"),
        "negative_slope",
    ),
    "gain, torch's huge slope": (
        lambda: fanin.gain("leaky_relu", "torch", negative_slope=1e300),
        "negative_slope",
    ),
    "gain, options of a function": (lambda: fanin.gain(np.tanh, slope=1), "options"),
    "gain, options of a name without": (lambda: fanin.gain("sin", beta=1), "options"),
    "gain, shape": (lambda: fanin.gain(lambda x: x[:1]), "activation '<lambda>'"),
    "gain, dtype": (lambda: fanin.gain(lambda x: x * 1j), "activation '<lambda>'"),
    "gain, NaN": (lambda: fanin.gain(np.log), "activation 'log'"),
    "gain, softmax": (lambda: fanin.gain("softmax"), "activation"),
    "gain, zero": (lambda: fanin.gain(lambda x: 0 * x), "activation"),
    "gain, a jump": (lambda: fanin.gain(np.sign, "backward"), "activation"),
    "length_map, q": (lambda: theory.length_map("relu", -1.0, 2.0), "q"),
    "length_map, text": (lambda: theory.length_map("relu", "a", 2.0), "q"),
    "correlation_map, c": (lambda: theory.correlation_map("relu", 2.0, 2.0), "c"),
    "correlation_map, None": (lambda: theory.correlation_map("relu", None, 2.0), "c"),
    "no edge of chaos": (lambda: theory.critical_sigma_w2("tanh", 1e30), "activation"),
    "phase_diagram, an axis": (lambda: fanin.phase_diagram("relu", [2.0, 1.0]), "sigma_w2"),
    "phase_diagram, an infinite axis": (
        lambda: fanin.phase_diagram("relu", [1.0, 2.0], [0.0, math.inf]),
        "sigma_b2",
    ),
    "phase_diagram, a number as a point": (
        lambda: fanin.phase_diagram("relu", [1.0, 2.0], [0.0, 1.0], point=3),
        "point",
    ),
    "phase_diagram, a point by name": (
        lambda: fanin.phase_diagram("relu", [1.0, 2.0], [0.0, 1.0], point={"He": 3}),
        "point",
    ),
    "phase_diagram, figure": (
        lambda: fanin.phase_diagram("relu", [1.0, 2.0], [0.0, 1.0], fig=3),
        "fig",
    ),
    "predict, None": (lambda: theory.predict(None), "network"),
    "predict, text": (lambda: theory.predict("relu"), "network"),
    "predict, no layers": (lambda: theory.predict([3], features=4), "network"),
    "predict, no steps": (
        lambda: theory.predict([theory.LayerSteps("a", (3,))], features=4),
        "steps of a",
    ),
    "predict, x": (lambda: theory.predict([Dense(3)], np.ones(3)), "x"),
    "predict, NaN": (lambda: theory.predict([Dense(3)], [[math.nan, 1.0]]), "x"),
    "predict, features missing": (lambda: theory.predict([Dense(3)]), "features"),
    "predict, other features": (lambda: theory.predict([Dense(3)], X, features=7), "features"),
    "predict, huge features": (lambda: theory.predict([Dense(3)], features=10**30), "features"),
    "predict, training": (lambda: theory.predict([Dense(3)], X, training="no"), "training"),
    "predict, output_gradient": (
        lambda: theory.predict([Dense(3)], X, output_gradient=1.0),
        "output_gradient",
    ),
    "law, None": (lambda: theory.WeightLaw.of(None, (3, 3)), "initializer"),
    "law, shape": (lambda: theory.WeightLaw.of("he_normal", "ab"), "shape"),
}


@pytest.mark.parametrize(("call", "name"), CALLS.values(), ids=CALLS)
def test_field_R8_refusals_name_the_argument_what_was_expected_and_what_was_found(call, name):
    assert_refused(call, REFUSED, f"{name}: expected", "found")


def with_changes(plain):
    """Each way to put something else into one place of a tree, and where."""
    for key in plain if isinstance(plain, dict) else range(len(plain)):
        for value in (None, "other", -1, [], {}, object(), ["a"], np.zeros(2)):
            changed = copy.copy(plain)
            changed[key] = value
            yield (key,), value, changed
        if isinstance(plain[key], dict | list):
            for place, value, below in with_changes(plain[key]):
                changed = copy.copy(plain)
                changed[key] = below
                yield (key, *place), value, changed


def test_field_R8_a_damaged_result_is_refused_or_shows():
    """Whatever stands in one place of a result's file."""
    plain = json.loads(json.dumps(RESULT.to_dict()))
    del plain["summary"]  # which nothing reads
    wrong = []
    for place, value, changed in with_changes(plain):
        error = outcome(lambda changed=changed: shown(comparison.Comparison.from_dict(changed)))
        if error is not None and not isinstance(error, ValueError):
            wrong.append(f"{place} = {value!r}: {error!r}")
    assert not wrong, "\n".join(wrong)


def shown(result):
    return str(result), repr(result), result.to_dict(), result.command


def test_a_result_comes_back_as_it_was():
    plain = json.loads(json.dumps(RESULT.to_dict()))
    assert comparison.Comparison.from_dict(plain) == RESULT
    for options in ({"validation_split": 0.0}, {"target": 0.5}, {"activation": "leaky_relu"}):
        other = compared(**options)
        assert comparison.Comparison.from_dict(other.to_dict()) == other


WRONG_TARGETS = {
    "shape": Y[:3],
    "kind": np.full(16, "a"),
    "classes": Y + 7,
    "masked": np.ma.masked_array(Y, mask=Y > 0),
}


@pytest.mark.parametrize("y", WRONG_TARGETS.values(), ids=WRONG_TARGETS)
def test_field_R8_a_refused_diagnosis_does_not_build_the_network(y):
    for call in (fanin.diagnose, fanin.symmetry):
        model = network(built=False)
        assert_refused(lambda call=call, model=model: call(model, X, y), REFUSED, "y")
        assert not model.built, call.__name__


def test_field_N1_masked_samples_are_refused_by_recommend():
    masked = np.ma.masked_array(X, mask=np.arange(64).reshape(16, 4) == 7)
    assert_refused(lambda: fanin.recommend([4, 4], "relu", masked), ValueError, "mask")
    assert_refused(lambda: fanin.recommend(network(), x=masked), ValueError, "mask")
    targets = np.ma.masked_array(Y, mask=Y > 0)
    assert_refused(
        lambda: fanin.recommend([4, 4], "relu", X, targets, epochs=1), ValueError, "mask"
    )


def test_field_N3_widths_and_layers_by_numpy_integers():
    advice = []
    error = outcome(lambda: advice.append(fanin.recommend(np.array([4, 4]), "relu")))
    assert error is None, error
    assert advice[0].code == fanin.recommend([4, 4], "relu").code
    error = outcome(lambda: REPORT[np.int64(1)])
    assert error is None, error


def test_numpy_integers_as_settings_of_a_comparison():
    plain = compared(seeds=[0, 3], hidden=(8, 4))
    for seeds in (np.array([0, 3]), [np.int64(0), np.uint8(3)]):
        other = compared(
            seeds=seeds, hidden=np.array([8, 4]), epochs=np.int32(1), batch_size=np.int64(16)
        )
        assert other == plain
        assert json.loads(json.dumps(other.to_dict()))["settings"]["seeds"] == [0, 3]
    assert compared(seeds=np.int64(2)).settings.seeds == (0, 1)
    assert compared(seeds=np.array([2])).settings.seeds == (2,)


def test_field_R8_a_derivative_is_not_passed_over():
    relu = theory.resolve("relu")
    assert fanin.gain(relu, "backward", derivative=lambda x: 2.0 * (x > 0)) == pytest.approx(
        math.sqrt(2) / 2, rel=1e-9
    )
