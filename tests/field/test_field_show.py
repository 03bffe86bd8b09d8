"""Faults seen in use, showing: what is printed fits any stream (S1), a page is up to date (R16)."""

import ast
import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import fanin
import numpy as np
import pytest
from fanin import initializers, layers
from refusals import outcome

ENCODINGS = ["cp1252", "ascii", "latin-1", "cp437", "utf-8"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 12)).astype("float32")
Y = RNG.integers(0, 3, 64)


def network(name="first", kernel="he_normal"):
    model = fanin.Sequential(
        [
            layers.Dense(8, "relu", input_dim=12, kernel_initializer=kernel, name=name),
            layers.BatchNormalization(),
            layers.Dense(8, "relu", kernel_initializer=kernel),
            layers.Dropout(0.1),
            layers.Dense(3, "softmax"),
        ],
        rng=0,
    )
    model.compile(fanin.optimizers.SGD(1e3), "sparse_categorical_crossentropy")
    return model


def without_theory():
    model = network()
    model.layers[1].gamma[...] = 2.0
    return fanin.diagnose(model, X, Y)


def compared(**arms):
    # A target, several seeds, equal widths, and an arm that never learns: all that a table can say.
    arms = arms or {"zeros": "zeros", "he": "he_normal+bn"}
    options = {"seeds": 2, "epochs": 1, "hidden": (8, 8), "target": 0.1, "progress": False}
    return fanin.compare(arms, **options)


def watched():
    monitor = fanin.callbacks.SignalMonitor(X, Y, every=1)
    return network().fit(X, Y, verbose=0, callbacks=[monitor])


# Every class of results that has a text of its own, and each way in which one comes about.
RESULTS = {
    "diagnose": (lambda: fanin.diagnose(network(), X, Y), "Report"),
    "diagnose, symmetric": (lambda: fanin.diagnose(network(kernel="zeros"), X), "Report"),
    "diagnose, without theory": (without_theory, "Report"),
    "recommend": (lambda: fanin.recommend([8] * 4, "relu"), "Recommendation"),
    "recommend, tried": (
        lambda: fanin.recommend([8, 8], "relu", X, Y, seeds=2, epochs=1),
        "Recommendation",
    ),
    "symmetry": (
        lambda: fanin.symmetry(network(kernel="ones"), X, Y, steps=1),
        "SymmetryReport",
    ),
    "lsuv": (lambda: fanin.lsuv(network(), X), "Scales"),
    "data_dependent": (lambda: fanin.data_dependent.data_dependent(network(), X), "Scales"),
    "weight_norm": (lambda: fanin.data_dependent.weight_norm(network(), X), "Scales"),
    "batch_norm_report": (lambda: fanin.batch_norm_report(network(), X), "BatchNormReport"),
    "compare": (compared, "Comparison"),
    "compare, data": (lambda: compared().data, "DataSummary"),
    "compare, interval": (lambda: compared().arms[0].test_accuracy, "Interval"),
    "mean_field": (lambda: fanin.theory.mean_field("tanh", 1.5, 0.05), "MeanField"),
    "predict": (lambda: fanin.theory.predict(network()), "Prediction"),
    "fit": (watched, "History"),
    "fit, signals": (lambda: watched().signals, "Signals"),
    "explain": (lambda: explained(initializers.GlorotUniform), "Explanation"),
    "plot_model": (lambda: fanin.utils.plot_model(network(), to_file=None), "ModelPicture"),
}


def explained(kind):
    needed = {initializers.Sparse: (0.5,), initializers.StudentT: (4.0,), initializers.Beta: (2, 5)}
    initializer = kind(*needed.get(kind, ()))
    of_kernels = kind in (initializers.DeltaOrthogonal, initializers.Dirac)
    return initializer.explain((3, 3, 8, 8) if of_kernels else (8, 8), activation="relu")


def shown_classes():
    """All classes of the package that say themselves how they are printed."""
    return {
        node.name
        for path in Path(fanin.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(
            isinstance(part, ast.FunctionDef) and part.name in ("__str__", "_contents")
            for part in node.body
        )
    } - {"Result", "Watch", "NamedArray"}  # a watch, which needs torch, shows its Signals


def test_every_class_with_a_text_is_in_the_table():
    assert shown_classes() == {kind for _, kind in RESULTS.values()}


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")


def assert_printable(result):
    for encoding in ENCODINGS:
        # A text knows no stream: as standard output, or as a file that it is printed into.
        with contextlib.redirect_stdout(stream(encoding)):
            error = outcome(lambda: print(result, flush=True))
        assert error is None, f"{encoding}: {error}"
        file = stream(encoding)
        error = outcome(lambda file=file: print(result, file=file, flush=True))
        assert error is None, f"{encoding}: {error}"


@pytest.mark.parametrize(("make", "kind"), RESULTS.values(), ids=RESULTS)
def test_field_S1_results_print_on_any_stream(make, kind):
    result = make()
    assert type(result).__name__ == kind
    assert_printable(result)


def test_field_S1_explanations_of_all_initializers_print_on_any_stream():
    kinds = {
        kind
        for kind in map(vars(initializers).get, initializers.__all__)
        if isinstance(kind, type) and issubclass(kind, initializers.Initializer)
    }
    for kind in kinds - {initializers.Initializer, initializers.RandomInitializer}:
        assert_printable(explained(kind))


SENTENCES = {
    "verdict of compare": lambda: compared().verdict,
    "repr of compare": lambda: repr(compared()),
    "verdict of diagnose": lambda: fanin.diagnose(network(), X, Y).verdict,
    "findings of diagnose": lambda: [vars(f) for f in fanin.diagnose(network(), X, Y).findings],
    "no edge of chaos": lambda: outcome(
        lambda: fanin.theory.critical_sigma_w2(lambda x: 1e-9 * np.tanh(x))
    ),
    "unreadable arm": lambda: outcome(lambda: fanin.compare(["he_normal("])),
    "equal labels": lambda: outcome(lambda: fanin.compare(["zeros", "zeros"])),
}


@pytest.mark.parametrize("make", SENTENCES.values(), ids=SENTENCES)
def test_field_S1_sentences_and_messages_are_ascii(make):
    text = str(make())
    assert text.isascii(), text


def test_field_S1_summary_as_text_prints_on_any_stream():
    for encoding in ENCODINGS:
        file = stream(encoding)
        error = outcome(lambda file=file: network().summary(print_fn=file.write))
        assert error is None, f"{encoding}: {error}"
        with contextlib.redirect_stdout(stream(encoding)):
            error = outcome(network().summary)
        assert error is None, f"{encoding}: {error}"


# Names that users give may have any characters; a stream that lacks them gets a question mark.
READ_AS_MARKUP = {
    "symmetry": lambda name: fanin.symmetry(network(name, "ones"), X, Y),
    "lsuv": lambda name: fanin.lsuv(network(name), X),
}
NAMED = {
    **READ_AS_MARKUP,
    "diagnose": lambda name: fanin.diagnose(network(name), X, Y),
    "compare": lambda name: compared(**{name: "he_normal"}),
    "summary": lambda name: network(name).summary,
}


@pytest.mark.parametrize("make", NAMED.values(), ids=NAMED)
def test_field_S1_names_that_a_stream_lacks(make):
    result = make("größe→")
    show = result if callable(result) else lambda: print(result)
    for encoding, name in {"ascii": "gr??e?", "cp1252": "größe?", "utf-8": "größe→"}.items():
        with contextlib.redirect_stdout(stream(encoding)) as file:
            error = outcome(show)
            file.flush()
        assert error is None, f"{encoding}: {error}"
        assert name in file.buffer.getvalue().decode(encoding)


MARKUP = ["a[bold]b", "a[/b]", ":smile:"]


def assert_named(result, name):
    file = io.StringIO()
    with contextlib.redirect_stdout(file):
        error = outcome(result if callable(result) else lambda: print(result))
    assert error is None, error
    assert name in file.getvalue()


@pytest.mark.parametrize("name", MARKUP)
@pytest.mark.parametrize("make", READ_AS_MARKUP.values(), ids=READ_AS_MARKUP)
def test_field_S1_names_are_no_markup(make, name):
    assert_named(make(name), name)


@pytest.mark.parametrize("name", MARKUP)
@pytest.mark.parametrize("kind", NAMED.keys() - READ_AS_MARKUP.keys())
def test_names_are_no_markup_elsewhere(kind, name):
    assert_named(NAMED[kind](name), name)


def script(code, encoding):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    return done.returncode, done.stderr.decode(errors="replace"), done.stdout


SCRIPT = (
    "import numpy as np, fanin\n"
    "model = fanin.Sequential([fanin.layers.Dense(4, 'relu', input_dim=3)] +"
    " [fanin.layers.BatchNormalization(), fanin.layers.Dense(4, 'relu')], rng=0)\n"
    "x = np.random.default_rng(0).normal(size=(32, 3))\n"
    "print(fanin.diagnose(model, x))\n"
    "print(fanin.symmetry(model, x))\n"
    "print(fanin.batch_norm_report(model, x))\n"
    "print(fanin.lsuv(model, x))\n"
    "print(fanin.recommend([9] * 3, 'relu'))\n"
    "print(fanin.initializers.GlorotUniform().explain((3, 4), activation='relu'))\n"
    "print(fanin.theory.mean_field('relu', 2.0))\n"
    "model.summary()\n"
    "print(fanin.compare(['he_normal', 'zeros'], seeds=2, epochs=1, progress=False))\n"
)


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name != "utf-8"])
def test_field_S1_a_script_prints_on_a_narrow_standard_output(encoding):
    """The same in a process whose standard output is narrow, which nothing has prepared."""
    returned, error, _ = script(SCRIPT, encoding)
    assert returned == 0, error


def test_a_script_prints_on_a_wide_standard_output():
    returned, error, _ = script(SCRIPT, "utf-8")
    assert returned == 0, error


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_command_and_the_bars_print_on_a_narrow_standard_output(encoding):
    code = (
        "import sys\n"
        "from fanin.cli import main\n"
        "sys.exit(main(['compare', '--arms', 'zeros', 'he_normal', '--seeds', '2', '--epochs',"
        " '1', '--hidden', '8']))\n"
    )
    returned, error, out = script(code, encoding)
    assert returned == 0, error
    assert b"HeNormal" in out
    code = (
        "import numpy as np, fanin\n"
        "model = fanin.Sequential([fanin.layers.Dense(1, input_dim=3)])\n"
        "model.compile('sgd', 'mse')\n"
        "model.fit(np.ones((64, 3)), np.ones((64, 1)), verbose=1)\n"
    )
    returned, error, out = script(code, encoding)
    assert returned == 0, error
    assert b"loss" in out


# Modules whose texts go into pages, pictures and formulas, which have mathematical signs.
WITH_SIGNS = {
    "show.page",
    "show.text",
    "comparison.html",
    "comparison.plot",
    "diagnosis._plot",
    "models._picture",
    "show.boxes",
    "show.progress",  # a bar, where the stream has its signs
    "theory.diagram",
    # Formulas of initializers; `explain` spells them when it prints them.
    *(
        f"initializers.{name}"
        for name in (
            "_elsewhere",
            "_explain",
            "_fans",
            "_looks_linear",
            "_orthogonal",
            "_random",
            "_structured",
            "_variance_scaling",
        )
    ),
}


def strings_that_are_not_ascii(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if not node.value.isascii() and id(node) not in documents
    ]


def test_field_S1_no_message_has_a_sign_that_a_stream_may_lack():
    folder = Path(fanin.__file__).parent
    found = {}
    for path in sorted(folder.rglob("*.py")):
        module = ".".join(path.relative_to(folder).with_suffix("").parts)
        if texts := strings_that_are_not_ascii(path):
            found[module] = texts
    assert set(found) <= WITH_SIGNS, {
        module: texts for module, texts in found.items() if module not in WITH_SIGNS
    }


def test_field_R16_the_page_of_the_stream_has_the_results_of_other_batteries():
    page = (Path(__file__).parents[2] / "docs" / "stream.md").read_text(encoding="utf-8")
    assert "PractRand 0.95 and TestU01 1.2.3" in page
    assert "BigCrush was not run, nor PractRand on a terabyte" in page
    assert "have\nnot been run" not in page
