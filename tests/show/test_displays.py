"""Results show themselves: one line at the prompt, a text when printed, HTML in a notebook.

`RESULTS` has one of every class of results, with words that its line and its HTML must say. A class
that is missing fails, and so does one that a public callable returns and that is no result.
"""

import copy
import html
import importlib
import pickle
import pkgutil
import re
import sys
from dataclasses import fields, is_dataclass

import fanin
import numpy as np
import public_calls
import pytest
from fanin import frameworks, layers, theory
from fanin._members._member import Member
from fanin.comparison.data import load
from fanin.comparison.experiment import prepare
from fanin.diagnosis import AttentionReport, RecurrenceReport, Watch
from fanin.diagnosis._branches import Branch
from fanin.diagnosis._measurements import InputReport, OutputReport
from fanin.errors import NotReadyError
from fanin.frameworks import _open
from fanin.initializers import HeNormal, RandomNormal
from fanin.show.results import Result
from fanin.show.table import Table
from fanin.theory.expansion import Pairs, sites
from fanin.theory.gradients import Gradient
from fanin.theory.graphs import Node
from fanin.theory.moments import moments, pair_moments
from fanin.theory.signals import Signal, Units, measure, through_activation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 20)).astype("float32")
Y = RNG.integers(0, 3, 96)
NAME = """<i>"a"&'b'</i>"""
"""What a page must escape."""


def network(kernel=None, name="first", depth=3):
    stack = [
        layers.Dense(16, "tanh", kernel_initializer=kernel or HeNormal(), name=f"{name} {i}")
        for i in range(depth)
    ]
    stack += [layers.BatchNormalization(name="norm"), layers.Dense(3, "softmax", name="last")]
    model = fanin.Sequential([layers.Input((20,)), *stack], name=f"net {name}", rng=0)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class _Watcher:
    """What a framework keeps of a model that is watched: nothing yet."""

    def take(self, scale):
        return None

    def close(self):
        pass


def watched(model, monkeypatch):
    """Return a watch of a model that no hook sees: those that are seen need torch."""
    monkeypatch.setattr(_open, "watched", lambda model, due: _Watcher())
    made = Watch(model, 1, 0.05)
    made.step()
    return made


def every_result(name="first"):
    """Make one result of every class, by class, with what both its line and its HTML must say."""
    model = network(name=name)
    monitor = fanin.callbacks.SignalMonitor(X, Y, every=2)
    history = model.fit(X, Y, epochs=3, validation_split=0.2, verbose=0, callbacks=[monitor])
    with pytest.MonkeyPatch.context() as patch:
        watch = watched(model, patch)
    watch.signals = history.signals
    faded = fanin.diagnose(network(RandomNormal(stddev=0.01), name), X, Y)
    layer = faded.layers[1]
    alike = fanin.symmetry(network("ones", name), X, Y, steps=1)
    scales = fanin.lsuv(network(name=name), X, rng=0)
    normalized = fanin.batch_norm_report(model, X)
    given = {"arms": {name: "zeros", "he": "he_normal"}, "seeds": 2, "epochs": 1, "hidden": (8,)}
    compared = fanin.compare(**given, progress=False)
    experiment = prepare(**given, workers=1, data="small", **_SETTINGS)
    recommended = fanin.recommend([64] * 5, "relu")
    explained = HeNormal().explain((784, 128), activation="tanh")
    field = theory.mean_field("tanh", 1.5, 0.05)
    steps = theory.steps.read([layers.Dense(8, "relu"), layers.Dropout(0.25)], 20)
    dense, activation = steps[0].steps
    phi = theory.resolve("tanh")
    begun, _ = measure(X)
    few = np.zeros(len(begun.log_squares))
    signal, slopes = through_activation(begun, phi, Units(16, 0.0, 0.0, few))
    square = np.zeros((2, 2))
    gradient = Gradient(*4 * [few], square, few, square, 0.5, 0.0, 0.0, 1.0, 64)
    opened = frameworks.opened(model)
    trial = compared.arms[0].trials[0]
    plotted = fanin.utils.plot_model(model, to_file=None)
    said = [
        (history, ["epochs=3", f"loss={history.history['loss'][-1]:.4g}", "val_accuracy="], []),
        (history.signals, ["4 layers", "from step 0 to 9"], [f"{name} 0", "std", "saturated"]),
        (watch, ["Sequential", "1 step, ", "4 layers"], [f"{name} 0", "std"]),
        (faded, [f"net {name[:10]}", "5 layers", "5 findings", "vanishing"],
         [f"{name} 1", "glorot_normal", faded.verdict, faded.findings[0].source]),
        (layer, [f"{name} 1", "16 units", f"{layer.signal.rms:.3g}"], ["effective_rank"]),
        (layer.signal, [f"std {layer.signal.std:.4g}"], ["unit_mean"]),
        (layer.slopes, ["0% dead"], ["dead_units"]),
        (layer.weights["kernel"], ["float32 (16, 16)"], ["gradient_second_moment"]),
        (faded.findings[0], ["vanishing: Signals shrink"], [faded.findings[0].text]),
        (Branch(1, 2, 3, frozenset({1, 2})), ["layers 1 to 2"], []),
        (faded.flow, ["5 layers, as they say"], []),
        (InputReport("wide", layer.signal, "x[0]"), ["input 'wide': rms"], []),
        (OutputReport("b", "mean_squared_error", 1.5, 1.0, faded.ending, "y['b']", faded),
         ["output 'b': mean_squared_error = 1.5"], ["weight"]),
        (faded.ending, ["for a loss of"], ["takes", "trained"]),
        (faded.ending.targets, ["of"], ["unreached"]),
        (faded.curvature, [f"sharpness={faded.curvature.sharpness:.6g}"], []),
        (faded.first_step, ["SGD", "learning_rate=0.01"], ["largest_change"]),
        (AttentionReport((f"{name} 1",), "", 8, 0.5, 0.1, 1.2), ["8 keys", "10% sharp"],
         ["spread"]),
        (RecurrenceReport(f"{name} 1", "U", True, 3, 1.5, 0.2, True), ["gain 1.5", "20% flat"],
         ["gates"]),
        (alike, ["tied units in", "of 4 layers", f"{name[:10]}"], [alike.verdict, "distinct"]),
        (alike.start[0], ["1 distinct of 16"], ["tied"]),
        (recommended, ["he_normal"], [recommended.reason, "glorot_uniform"]),
        (recommended.ranked[0], ["he_normal", "score"], ["HeNormal"]),
        (scales, ["4 layers", "to 1"], ["std before", f"{name} 0"]),
        (scales.layers[0], [f"factor={float(scales.layers[0].factor):.6g}"], []),
        (normalized, ["1 layer", "lagging"], ["norm", "var / true"]),
        (normalized.layers[0], ["norm", f"shift={normalized.layers[0].shift:.6g}"], []),
        (compared, ["2 seeds", "he 0."], [name, compared.verdict, "behind best", "never learned"]),
        (compared.arms[0], [name, "2 seeds", "never learned"], []),
        (trial, [f"test_accuracy={trial.test_accuracy:.4f}"], ["never_learned"]),
        (compared.arms[0].test_accuracy, ["mean=0.1"], []),
        (compared.settings, ["Adam(0.001)", "epochs=1"], ["batch_size"]),
        (compared.data, ["2880 training", "28x28"], []),
        (experiment, ["2 seeds", name], ["workers"]),
        (experiment.arms[0], [name[:10]], ["Zeros"]),
        (load("small", 0.2), ["small"], ["x_train"]),
        (explained, ["N(0, 2 / fan_in)", "0.0505"], ["Keras", "saturation", "at ±2 std"]),
        (explained.elsewhere[0], ["torch"], ["kaiming_normal_"]),
        (explained.elsewhere[0].facts, ["N(0, 2 / fan_in)"], ["variance"]),
        (field, ["chi = 0.9386", "ordered"], ["q_star"]),
        (theory.mean_field("tanh", 3.0).fixed_points[-1], ["stable=True"], []),
        (faded.theory, ["5 layers", "rms of signals"], [f"{name} 0", "chi", "softmax"]),
        (faded.theory.layers[0], [f"{name} 0"], ["correlation"]),
        (faded.theory.layers[0].gradient, [f"{faded.theory.layers[0].gradient.low:.4g}"], []),
        (steps[0], ["DenseStep"], ["fan_in=20"]),
        (dense, ["fan_in=20", "variance=0.07143"], []),
        (dense.kernel, ["variance=0.07143"], []),
        (activation, ["Nonlinearity"], []),
        (steps[1].steps[0], ["0.25"], []),
        (theory.BatchNormStep(1e-3), ["epsilon=0.001"], []),
        (theory.RowNormStep(1e-3), ["epsilon=0.001", "centred=True"], []),
        (theory.OtherStep("because"), ["because"], []),
        (Node(steps[0], (-1,), 16, "", None), ["size=16"], []),
        (phi, ["tanh"], ["bends"]),
        (signal, ["log_squares=<float64"], ["wobble"]),
        (slopes, ["kurtosis="], []),
        (gradient, ["alignment="], ["masked"]),
        (sites(phi, few), ["elasticity="], []),
        (Pairs(square, square, square, square), ["product="], []),
        (moments(phi, 0.0), ["elasticity="], []),
        (pair_moments(phi, 0.0, 0.5), ["product="], []),
        (plotted, [f"net {name[:10]}", "5 boxes"], [f"{name} 0 (Dense)", "(None, 16)"]),
        (opened, ["fanin", "5 Layer"], []),
        (opened.layers[0], [name[:10], "dense"], []),
        (opened.layers[0].parameters["kernel"], ["kernel", "(20, 16)", "float32"], []),
    ]  # fmt: skip
    return {type(result): (result, line, page) for result, line, page in said}


_SETTINGS = {
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": None,
    "batch_size": 64,
    "validation_split": 0.2,
    "initialize": "hidden",
    "target": None,
}
RESULTS = every_result()
EVERY = pytest.mark.parametrize(
    ("result", "line", "page"), RESULTS.values(), ids=[kind.__name__ for kind in RESULTS]
)


def subclasses(kind):
    return {kind}.union(*map(subclasses, kind.__subclasses__()))


def test_every_class_of_results_is_in_the_table():
    for info in pkgutil.walk_packages(fanin.__path__, "fanin."):
        if info.name == "fanin.__main__":
            continue
        try:
            importlib.import_module(info.name)
        except ImportError as error:
            if error.name not in ("keras", "torch"):
                raise
    classes = {kind for kind in subclasses(Result) if kind.__module__.startswith("fanin.")}
    assert classes - {Result} == set(RESULTS)


# What public callables return and that is neither a result, nor made by name as layers are.
NO_RESULTS = {
    "Picture": "a figure",
    "Record": "a dict",
    "Plan": "in the cache of a forward pass",
    "Value": "what layers are called on",
    **dict.fromkeys(("Jax", "SeedGenerator", "Stream", "TorchCpu"), "where numbers come from"),
    "CustomObjectScope": "a context",
    "drawing": "a context",
    "Progbar": "a line that is printed",
    "PyDataset": "what users make classes of",
}


def parts(value, seen):
    """Walk objects of the package in what a callable returned, and in their public fields."""
    if id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, list | tuple):
        for item in value:
            yield from parts(item, seen)
    elif isinstance(value, dict):
        yield from parts(list(value.values()), seen)
    # A named tuple is what is in it.
    if type(value).__module__.partition(".")[0] == "fanin" and not isinstance(value, tuple):
        yield value
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if not field.name.startswith("_"):
                yield from parts(getattr(value, field.name), seen)


@pytest.mark.filterwarnings("ignore:.*is now deprecated:FutureWarning")
def test_what_public_callables_return_is_a_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checked, wrong, refused = set(), set(), set()
    for call in public_calls.calls():
        function = call.function
        if call.owner is not None:
            function = getattr(call.owner(), function)
        try:
            returned = function(**call.arguments())
        except (NotReadyError, ValueError, TypeError):
            refused.add(call.name)
            continue
        for value in parts(returned, {}):
            kind = type(value)
            checked.add(kind.__name__)
            known = isinstance(value, Member | type) or kind.__name__ in NO_RESULTS
            if not known and kind not in RESULTS:
                wrong.add(f"{call.name} returns a {kind.__name__}, which has no row in RESULTS")
            if not isinstance(value, type) and "\n" in repr(value):
                wrong.add(f"{call.name} returns a {kind.__name__} of several lines")
    assert not wrong, "\n".join(sorted(wrong))
    # Arguments that suit all but these objects; they return arrays, paths, or nothing.
    others = ("Jax.from_config", "TorchCpu.from_config", "Comparison.save_json")
    others += ("LBFGS.exclude_from_weight_decay", "fanin.utils.get_file")
    assert {n for n in refused if "not built" not in n and "backward" not in n} <= {*others}
    assert {"Report", "History", "Comparison", "Explanation", "LayerPrediction"} <= checked


@EVERY
def test_the_line_says_the_main_thing(result, line, page):
    shown = repr(result)
    assert shown.startswith(f"{type(result).__name__}(")
    assert shown.endswith(")")
    assert "\n" not in shown
    assert len(shown) <= 120
    assert shown.isascii(), shown
    for words in line:
        assert words in shown, shown


@EVERY
def test_the_text_has_no_line_without_end(result, line, page):
    shown = str(result)
    assert shown.isascii(), shown
    assert max(map(len, shown.splitlines())) <= 130
    assert len(shown) < 20_000


def bare(page):
    """Return what is left of a page without style, SVG and script: its text, lines as blanks."""
    page = re.sub(r"<(style|svg|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def words_of(result):
    """Return every paragraph and every cell that a result's text is made of."""
    for part in result._contents():
        if isinstance(part, Table):
            yield from part.titles
            for row in part.rows:
                yield from row
        else:
            yield part


@EVERY
def test_the_page_says_all_without_style_and_pictures(result, line, page):
    shown = bare(result._repr_html_())
    own = [] if type(result)._contents is Result._contents and page else words_of(result)
    for words in [*page, *own]:
        assert " ".join(words.replace("+/-", " ± ").split()) in shown, words


@EVERY
def test_the_page_is_quiet_and_readable_on_any_background(result, line, page):
    shown = result._repr_html_()
    assert "<script" not in shown
    assert "<img" not in shown
    assert not re.search(r"(src|href)=.(?!#|data:)|@import|url\((?!#)", shown)
    for picture in re.findall(r"<svg[^>]*>", shown):
        assert 'role="img"' in picture
        assert re.search(r'aria-label="[^"]{30,}"', picture)
    # Text has the page's colour, or brings its background along.
    rules = re.findall(r"{([^}]*)}", "".join(re.findall(r"<style>(.*?)</style>", shown, re.DOTALL)))
    assert rules
    outside = re.sub(r"<svg\b.*?</svg>", "", shown, flags=re.DOTALL)
    for rule in [*rules, *re.findall(r'style="([^"]*)"', outside)]:
        colours = re.findall(r"(?<![-\w])color:\s*([^;]*)", rule)
        assert set(colours) <= {"inherit"} or "background" in rule or colours == ["#000"], rule
    for picture in re.findall(r"<svg\b.*?</svg>", shown, re.DOTALL):
        assert "currentColor" in picture
        assert not re.search(r"<text[^>]*(fill|color): #", picture)
        assert "<style" not in picture


def test_texts_of_fixed_colour_have_a_background():
    from fanin.show import page

    rules = re.findall(r"([^{}]*){([^}]*)}", page._STYLE)
    coloured = {s for names, rule in rules if "color: #000" in rule for s in names.split(",")}
    filled = {s for names, rule in rules if "background: #" in rule for s in names.split(",")}
    assert {name.strip() for name in coloured} == {name.strip() for name in filled} != set()


def test_names_are_escaped():
    for kind, (result, _, _) in every_result(NAME).items():
        shown = result._repr_html_()
        assert "<i>" not in shown, kind
        assert "&'b'" not in shown, kind
        assert "\n" not in repr(result)
    model = network(name=NAME)
    assert "<i>" not in model._repr_html_()
    assert NAME in html.unescape(model._repr_html_())


def test_a_model_shows_its_summary():
    model = network()
    shown = bare(model._repr_html_())
    lines = []
    model.summary(print_fn=lines.append)
    for words in re.findall(r"[\w.:,()]+", lines[0]):
        assert words in shown
    assert repr(model) == "<Sequential name=net first, built=True, layers=5, params=995>"
    unbuilt = fanin.Sequential([layers.Dense(3)], name="later")
    assert repr(unbuilt) == "<Sequential name=later, built=False, layers=1>"
    assert "0 (unbuilt)" in bare(unbuilt._repr_html_())


def test_a_long_history_is_shown_in_part():
    history = fanin.callbacks.History()
    assert repr(history) == "History(epochs=0)"
    assert "No epoch" in history._repr_html_()
    history.on_train_begin()
    for epoch in range(1000):
        history.on_epoch_end(epoch, {"loss": 1 / (epoch + 1), "note": "any", "own": [1, 2]})
    assert repr(history).startswith("History(epochs=1000, loss=0.001, note='any'")
    shown = bare(history._repr_html_())
    assert len(shown) < 1000
    assert "1000 0.001 'any'" in shown


def test_a_history_is_drawn_with_validation_beside_training():
    history = network().fit(X, Y, epochs=4, validation_split=0.25, verbose=0)
    history.history["note"] = ["a", "b", "c", "d"]  # what is no number is left out
    loss, accuracy = history.plot().axes
    for axis, name in ((loss, "loss"), (accuracy, "accuracy")):
        assert axis.get_title(loc="left") == name
        drawn = {line.get_label(): line for line in axis.lines}
        for label, recorded in (("training", name), ("validation", f"val_{name}")):
            assert list(drawn[label].get_xdata()) == [1, 2, 3, 4]
            assert list(drawn[label].get_ydata()) == history.history[recorded]
    alone = network().fit(X, Y, epochs=1, verbose=0).plot()
    assert [len(axis.lines) for axis in alone.axes] == [1, 1]


def test_a_history_is_drawn_where_it_is_told(monkeypatch):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    history = network().fit(X, Y, epochs=1, verbose=0)
    assert history.plot(figure) is figure
    with pytest.raises(TypeError, match="fig: expected a matplotlib Figure"):
        history.plot(3)
    with pytest.raises(ValueError, match="history: expected the values of at least one epoch"):
        fanin.callbacks.History().plot()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"fanin\[plot\]"):
        history.plot()
    shown = bare(history._repr_html_())
    assert 'pip install "fanin[plot]"' in shown
    assert "epoch loss accuracy" in shown


def test_figures_are_copied_and_pickled():
    figure = theory.phase_diagram("tanh", [0.5, 1.0, 3.0], [0.0, 0.3])
    for again in (pickle.loads(pickle.dumps(figure)), copy.deepcopy(figure)):
        assert repr(again) == repr(figure)
        png, about = again._repr_png_()
        assert png.startswith(b"\x89PNG")
        assert about == figure._repr_png_()[1]


def test_a_prompt_is_not_flooded_by_what_is_inside():
    report = fanin.diagnose(network(depth=20), X, Y)
    for value in (report, report.layers, report.theory.layers, report.findings, report.inputs):
        count = len(value) if isinstance(value, list | tuple) else 1
        assert len(repr(value)) < 130 * count + 10
    assert len(repr(report[0].weights)) < 300


@EVERY
def test_pickles_hold_fields_and_nothing_else(result, line, page):
    kind = type(result)
    assert not {"__getstate__", "__setstate__", "__reduce__"} & {*vars(kind), *vars(Result)}
    try:
        stored = pickle.dumps(result)
    except (AttributeError, pickle.PicklingError):  # functions of this process are among the fields
        assert kind.__name__ in ("Nonlinearity", "ActivationStep", "LayerSteps", "Node", *_FOREIGN)
        return
    assert repr(pickle.loads(stored)) == repr(result)


_FOREIGN = ("Model", "Layer", "Parameter")


def test_a_line_survives_any_name():
    model = network(name="a\nb\x1b[31m" + "é" * 200)
    for shown in (repr(fanin.symmetry(model, X)), repr(model)):
        assert len(shown) <= 120
        assert shown.isprintable()


def test_signals_of_theory_are_results_too():
    assert issubclass(Signal, Result)
