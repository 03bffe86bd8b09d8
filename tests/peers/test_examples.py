"""Keras programs train under fanin as under Keras on JAX, with their import lines changed.

Each program of ``examples/keras`` has ``data(seed)``, which returns what `fit` takes, ``build()``,
which returns a compiled model, and ``main(seed)``, which returns a trained one and its final loss.
They are compared twice.

*From the same weights*, in float64, for `STEPS` steps without shuffles, dropout and noise: losses,
predictions and weights are equal within `EQUAL` of the largest.

*From weights of their own*, as the program stands: final losses over `SEEDS` seeds. A seed gives
both the same data, so what counts is the difference of the two losses of each seed: the mean of
these differences is to be within two standard errors of zero. By Student's t 11.6 % of equal
programs are not, with five differences. Such a program is run again with `MORE` other seeds, and
fails if the difference has the same sign there and is significant at `LEVEL`. So an equal program
fails with a probability of 0.116 * `LEVEL`, and one of 40 with one of 0.0232, by Bonferroni: less
than 1 in 20. (Differences of two draws of one law are symmetric whatever the law, and heavy tails
make Student's test reject less.) Seeds are fixed: what passes passes, until a side changes.
"""

import math
import os
import re
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("KERAS_BACKEND", "jax")

import fanin
import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("sklearn")
if keras.backend.backend() != "jax":
    pytest.skip("over torch Keras multiplies float64 in float32", allow_module_level=True)

FOLDER = Path(__file__).parents[2] / "examples" / "keras"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py"))

STEPS, BATCH = 20, 32
EQUAL = 1e-5
"""In float64 XLA's tanh is off by 3e-7, and Keras's `ops.mean` computes in float32."""
SEEDS, MORE = 5, 20
LEVEL = 0.005
"""Of one tail: 40 * 0.116 * 0.005 = 0.0232."""
T_OF_LEVEL = 2.861
"""What Student's t exceeds at `LEVEL`, of `MORE` differences: 19 degrees of freedom."""
NOTHING = 1e-4
"""Differences of the loss that are rounding, of the loss."""

# In 3.15 the layers of a functional model of Keras get the training= of fit, also where they were
# called with another one. Its guides, and what runs in a call, have it otherwise, and so have we.
OTHERWISE = {"fine_tuning": ("base(inputs, training=False)", "base(inputs)")}

pytestmark = [
    # Of how Keras's own variables become arrays under NumPy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning"),
]


def program(name, library, change=None):
    """Run a program's text, its import lines changed for `library`, and all else as it stands."""
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    if library is fanin:
        text = re.sub(r"^import keras$", "import fanin as keras", text, flags=re.MULTILINE)
        text = re.sub(r"^from keras(?=[ .])", "from fanin", text, flags=re.MULTILINE)
    if change is not None:
        assert text.count(change[0]) == 1, change
        text = text.replace(*change)
    names = {"__name__": f"examples.{name}"}
    exec(compile(text, f"{library.__name__}: {name}.py", "exec"), names)
    return SimpleNamespace(names=names, **{k: names[k] for k in ("data", "build", "main")})


@pytest.fixture(autouse=True, scope="module")
def compiled_once(tmp_path_factory):
    """What JAX compiles for one seed serves the next one."""
    import jax

    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


# From the same weights.


@pytest.fixture
def in_float64(monkeypatch):
    """Both compute in float64, where no layer says otherwise."""
    import jax
    from fanin.models import _building

    def compute_in(dtype):
        jax.config.update("jax_enable_x64", dtype == "float64")
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)

    # Of float64 and float32 Keras's batch normalization makes float32, whatever floatx is.
    result_type = keras.src.backend.result_type

    def larger(*dtypes):
        return "float64" if "float64" in map(str, dtypes) else result_type(*dtypes)

    monkeypatch.setattr(keras.src.backend, "result_type", larger)
    monkeypatch.setattr(_building, "named_dtype", lambda members: "float64")
    compute_in("float64")
    yield
    compute_in("float32")


def taken(given, count):
    """Return the first samples, of arrays, and of lists and dicts of them."""
    if isinstance(given, dict):
        return {name: taken(part, count) for name, part in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(taken(part, count) for part in given)
    return given[:count]


def flat(given):
    """Return the arrays of lists and dicts in a list."""
    if isinstance(given, dict):
        return [array for name in sorted(given) for array in flat(given[name])]
    if isinstance(given, list | tuple):
        return [array for part in given for array in flat(part)]
    return [np.asarray(given, "float64")]


def assert_equal(found, expected, what):
    assert len(found) == len(expected), what
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.shape == theirs.shape, what
        assert np.isfinite(theirs).all(), what
        assert np.abs(mine - theirs).max() <= EQUAL * np.abs(theirs).max() + 1e-12, what


def steps_of(name, change=None):
    """Train both from the same weights; return losses, predictions and weights of each."""
    runs = [program(name, keras), program(name, fanin, change)]
    for run, library in zip(runs, (keras, fanin), strict=True):
        run.names["DROPOUT"] = run.names["NOISE"] = 0.0
        library.utils.set_random_seed(0)
    x, y = runs[0].data(0)
    count = min(STEPS * BATCH, BATCH * (len(flat(y)[0]) // BATCH))
    x, y = taken(x, count), taken(y, count)
    theirs, ours = (run.build() for run in runs)
    for model in (theirs, ours):
        model.predict(x, verbose=0)  # which builds it
    weights = [np.asarray(w) for w in theirs.get_weights()]
    assert all(w.dtype == "float64" for w in weights)
    ours.set_weights(weights)
    assert ours.dtype == "float64"
    found = []
    for model in (theirs, ours):
        first = flat(model.predict(x, verbose=0))
        epochs = math.ceil(STEPS * BATCH / count)
        history = model.fit(x, y, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0)
        losses = [np.asarray(history.history["loss"])]
        last = flat(model.predict(x, verbose=0))
        found.append((first, losses, last, [np.asarray(w) for w in model.get_weights()]))
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_from_the_same_weights_it_takes_the_same_steps(name, in_float64):
    theirs, ours = steps_of(name)
    for what, mine, other in zip(("first", "loss", "last", "weights"), ours, theirs, strict=True):
        assert_equal(mine, other, f"{name}: {what}")
    moved = [np.abs(a - b).max() for a, b in zip(theirs[0], theirs[2], strict=True)]
    assert min(moved) > 1e-3  # or nothing was trained, and nothing shown


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("residual_mlp", ("x = Add()([shortcut, x])", "x = Add()([x, x])")),
        ("wide_and_deep", ("nesterov=True", "nesterov=False")),
        ("siamese", ("layers.Multiply(", "layers.Maximum(")),
        ("denoising_autoencoder", ('"elu"', '"relu"')),
    ],
)
def test_another_program_takes_other_steps(name, change, in_float64):
    theirs, ours = steps_of(name, change)
    with pytest.raises(AssertionError, match=name):
        assert_equal(ours[1], theirs[1], name)


# From weights of their own.


def final_losses(run, seeds):
    return np.array([float(run.main(seed)[1]) for seed in seeds])


def statistic(ours, theirs):
    """Return the mean difference in standard errors of it, paired by seed."""
    difference = ours - theirs
    error = difference.std(ddof=1) / math.sqrt(len(difference))
    return float(difference.mean() / max(error, NOTHING * abs(theirs.mean())))


def told_apart(ours, theirs):
    """Say how the final losses of two programs differ, or return None."""
    first = statistic(*(final_losses(run, range(SEEDS)) for run in (ours, theirs)))
    if abs(first) <= 2:
        return None
    more = statistic(*(final_losses(run, range(SEEDS, SEEDS + MORE)) for run in (ours, theirs)))
    if more * math.copysign(1, first) <= T_OF_LEVEL:
        return None
    return f"{first:.1f} standard errors in {SEEDS} seeds, {more:.1f} in {MORE} others"


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_ends_in_the_losses_that_keras_ends_in(name):
    ours = program(name, fanin, OTHERWISE.get(name))
    assert told_apart(ours, program(name, keras)) is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("residual_mlp", ("Add()([shortcut, x])", "Add()([x, x])")),
        ("wide_and_deep", ("momentum=0.9", "momentum=0.8")),
        ("functional_digits", ("DROPOUT = 0.3", "DROPOUT = 0.2")),
    ],
)
def test_another_program_ends_in_other_losses(name, change):
    assert told_apart(program(name, fanin, change), program(name, keras)) is not None


def test_equal_programs_are_seldom_told_apart():
    """A hundred thousand times, with losses of a law with heavy tails."""
    rng = np.random.default_rng(0)
    losses = rng.lognormal(sigma=0.7, size=(100_000, SEEDS + MORE, 2))
    difference = losses[..., 0] - losses[..., 1]

    def statistics(part):
        return part.mean(axis=1) / part.std(axis=1, ddof=1) * math.sqrt(part.shape[1])

    first, more = statistics(difference[:, :SEEDS]), statistics(difference[:, SEEDS:])
    failed = (np.abs(first) > 2) & (more * np.sign(first) > T_OF_LEVEL)
    assert failed.mean() * len(PROGRAMS) < 0.05


def test_there_are_programs_of_all_kinds_and_each_is_in_the_list():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert len(PROGRAMS) == 40
    assert re.findall(r"^\| \[`(\w+)`\]\(\1\.py\) \|", page, re.MULTILINE) == PROGRAMS
