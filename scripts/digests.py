"""Digests of everything that a seed gives, to hold one machine's bits against another's.

    python scripts/digests.py write FILE     samplers, initializers, models, trainings
    python scripts/digests.py write FILE --nudge NAME    the control: one element is one ulp off
    python scripts/digests.py compare A B    says what differs; exit code 1 if anything does

A file is one line a name: the first 32 digits of SHA-256 of the array's bytes, little end first.
``tests/golden/digests.txt`` is such a file. It needs fanin and NumPy only.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import fanin
import numpy as np
from fanin import (
    _core,
    activations,
    data_dependent,
    initializers,
    losses,
    optimizers,
    streams,
)
from fanin.initializers import _registry
from fanin.layers import (
    AlphaDropout,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GroupNormalization,
    Input,
    LayerNormalization,
    PReLU,
    RMSNormalization,
)
from fanin.optimizers import schedules
from fanin.theory.nonlinearity import EXTRA

DTYPES = ("float32", "float64")
MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")
SEED, PATH = "20", "digests"
MATRIX, KERNEL = (257, 130), (3, 3, 24, 48)
# What a class needs beside its defaults: its arguments, its shapes.
NEEDED = {
    "beta": ({"a": 2.0, "b": 5.0, "scale": "he"}, [MATRIX, KERNEL]),
    "student_t": ({"df": 4.0, "scale": "glorot"}, [MATRIX, KERNEL]),
    "constant": ({"value": 0.1}, [MATRIX]),
    "delta_orthogonal": ({}, [KERNEL]),
    "dirac": ({}, [KERNEL]),
    "identity": ({}, [MATRIX]),
    "looks_linear": ({}, [(258, 130)]),
    "sparse": ({"sparsity": 0.5}, [MATRIX]),
}
# Enough elements that the tails of every distribution are drawn.
MANY = (1_000_003,)


def samplers() -> Iterator[tuple[str, np.ndarray]]:
    """Draw from each function of the core that takes a seed and a path."""
    arguments = {
        "philox_words": [(5, 100_003)],
        "permutation": [(100_003,)],
        "random_uniform": [(-1.0, 2.0)],
        "random_normal": [(0.5, 2.0)],
        "truncated_normal": [(0.0, 1.0, -2.0, 2.0), (0.0, 1.0, -0.5, 3.0), (0.0, 1.0, 3.0, 5.0)],
        "inverse": [
            ("cauchy", (0.5, 2.0)),
            ("laplace", (0.5, 2.0)),
            ("logistic", (0.5, 2.0)),
            ("student_t", (3.0, 0.5, 2.0)),
            ("student_t", (0.7, 0.0, 1.0)),
            ("beta", (0.3, 2.5, -1.0, 1.0)),
        ],
        "variance_scaling": list(product((1.5,), MODES, DISTRIBUTIONS)),
        "orthogonal": [(1.5,)],
    }
    for name, function in vars(_core).items():
        signature = getattr(function, "__text_signature__", None) or ""
        if "seed, path" not in signature:
            continue
        for values in arguments[name]:  # a new sampler needs a row above
            if "dtype" not in signature:
                yield f"core {name} {values}", function(SEED, PATH, *values)
                continue
            shape = MATRIX if name == "orthogonal" else MANY
            if name == "variance_scaling":
                shape = (1009, 991)
            for dtype in DTYPES:
                yield f"core {name} {values} {dtype}", function(shape, dtype, SEED, PATH, *values)


def drawn() -> Iterator[tuple[str, np.ndarray]]:
    """Draw from every registered initializer."""
    for (name, kind), dtype in product(_registry.classes().items(), DTYPES):
        arguments, shapes = NEEDED.get(name, ({}, [MATRIX, KERNEL]))
        for shape in shapes:
            yield f"{name} {shape} {dtype}", kind(**arguments)(shape, dtype, rng=0)


def replayed() -> Iterator[tuple[str, np.ndarray]]:
    """Draw what other frameworks would."""
    kinds = ("random_normal", "random_uniform", "truncated_normal")
    for source, kind, dtype in product(("torch_cpu", "jax"), kinds, DTYPES):
        rng = getattr(streams, source)(0)
        yield f"{kind} {source} {dtype}", initializers.get(kind)(MATRIX, dtype, rng=rng)


def models() -> Iterator[tuple[str, np.ndarray]]:
    """Initialize whole models."""
    for dtype in DTYPES:
        layers = [
            Input(shape=(50,)),
            Dense(64, activation="relu", kernel_initializer="he_normal", dtype=dtype),
            BatchNormalization(),
            Dense(48, activation="tanh", kernel_initializer="orthogonal"),
            Dense(10, activation="softmax"),
        ]
        model = fanin.Sequential(layers, rng=0)
        model.build()
        yield f"model params {dtype}", model.params
        yield f"model state {dtype}", model.state
        tree = {
            "hidden": {"kernel": np.empty((50, 64), dtype), "bias": np.empty(64, dtype)},
            "out": {"kernel": np.empty((64, 10), dtype), "bias": np.empty(10, dtype)},
        }
        fanin.initialize(tree, "he_uniform", seed=0, rules={"out": "glorot_normal"})
        for layer, arrays in tree.items():
            for array in arrays:
                yield f"tree {layer}/{array} {dtype}", arrays[array]


def classes(count: int, kinds: int) -> np.ndarray:
    """Draw a class for each sample."""
    return (_core.philox_words(SEED, "classes", 0, count) % kinds).astype(np.int64)


def numbers(dtype: str, *shape: int, path: str = "x") -> np.ndarray:
    """Draw standard normals."""
    return _core.random_normal(shape, dtype, SEED, path, 0.0, 1.0)


def compiled(layers: Sequence[Any], optimizer: Any, loss: Any, dtype: str, rng: int = 0) -> Any:
    """Make a network that is ready to train, of an `Input` and these layers."""
    (shape, *others) = layers
    model = fanin.Sequential([Input(shape, dtype=dtype), *others], rng=rng)
    model.compile(optimizer, loss)
    return model


# Each is (layers behind the shape of a sample, optimizer, loss, samples, batch size, targets, what
# else `fit` takes). A layer is made anew for each training.
Row = tuple[Callable[[], list[Any]], Any, Any, int, int, Any, Mapping[str, Any]]


def trainings() -> dict[str, Row]:
    """Return trainings that go through all layers, losses and optimizers, at sizes that differ."""
    sparse, mse = "sparse_categorical_crossentropy", "mse"
    narrow = lambda: [(3,), Dense(8, "tanh"), BatchNormalization(), Dense(2)]  # noqa: E731
    cosine = schedules.CosineDecay(0.01, 7, 0.1, warmup_target=0.02, warmup_steps=3)
    return {
        "plain, of classes": (
            lambda: [(50,), Dense(40, "relu"), Dense(4, "softmax")],
            *(optimizers.SGD(0.1), sparse, 300, 32, 4, {}),
        ),
        "nesterov, leaky, a batch longer than a block": (
            lambda: [(40,), Dense(24, "leaky_relu"), Dense(3)],
            *(optimizers.SGD(0.05, 0.9, nesterov=True), mse, 1300, 1100, (3,), {}),
        ),
        "momentum, inputs of more than a block": (
            lambda: [(700,), Dense(30, "elu"), Dropout(0.2), Dense(5, "softmax")],
            *(optimizers.SGD(0.05, 0.9), sparse, 90, 40, 5, {}),
        ),
        "adam, normalized, dropped": (
            lambda: [(30,), Dense(33, "tanh"), BatchNormalization(), Dropout(0.5), Dense(2)],
            *(optimizers.Adam(0.01), mse, 400, 150, (2,), {}),
        ),
        "amsgrad, clipped by norm, decayed, gelu": (
            lambda: [(20,), Dense(64, "gelu"), Dense(20, BY_TANH), Dense(3)],
            *(optimizers.Adam(cosine, amsgrad=True, clipnorm=0.5, weight_decay=0.01), mse),
            *(200, 32, (3,), {}),
        ),
        "rmsprop, centered, momentum": (
            lambda: [(20,), Dense(30, "silu"), Dense(30, "softplus"), Dense(1, "sigmoid")],
            *(optimizers.RMSprop(0.003, momentum=0.9, centered=True), "binary_crossentropy"),
            *(200, 32, 2, {}),
        ),
        "rmsprop, clipped by value": (
            lambda: [(20,), Dense(30, "selu"), BatchNormalization(), Dense(3)],
            *(optimizers.RMSprop(0.003, clipvalue=0.01), "mae", 200, 64, (3,), {}),
        ),
        "adagrad, clipped over all, decaying": (
            lambda: [(20,), Dense(30, "softsign"), Dense(6, "sigmoid"), Dense(4, "softmax")],
            optimizers.Adagrad(schedules.ExponentialDecay(0.1, 3, 0.7), global_clipnorm=0.1),
            *(losses.CategoricalCrossentropy(label_smoothing=0.1), 200, 32, "one-hot", {}),
        ),
        "narrow": (narrow, optimizers.Adam(0.01), mse, 500, 70, (2,), {}),
        "narrow, one batch": (narrow, optimizers.SGD(0.1, 0.9), mse, 5000, 5000, (2,), {}),
        "large, shared by threads": (
            lambda: [(300,), Dense(600, "relu"), BatchNormalization(), Dense(10, "softmax")],
            *(optimizers.Adam(0.001), sparse, 700, 512, 10, {"validation_split": 0.2}),
        ),
        "weights of samples": (
            lambda: [(25,), Dense(40, "relu", kernel_initializer="orthogonal"), Dense(4)],
            *(optimizers.SGD(0.05), losses.SparseCategoricalCrossentropy(from_logits=True)),
            *(200, 50, 4, {"sample_weight": np.arange(200) / 100}),
        ),
        "rows of samples": (
            lambda: [(6, 20), Dense(24, "tanh"), Flatten(), Dense(2)],
            *(optimizers.Adam(0.01), "mean_absolute_error", 150, 32, (2,), {}),
        ),
        "normalized within samples, sloped, noisy": (
            lambda: [
                *((20,), Dense(33, "mish"), LayerNormalization(), GaussianNoise(0.1)),
                *(Dense(24), GroupNormalization(4), PReLU("ones"), AlphaDropout(0.1)),
                *(RMSNormalization(), Dense(18, "celu"), GaussianDropout(0.1), Dense(2)),
            ],
            *(optimizers.Adam(0.01), mse, 150, 32, (2,), {}),
        ),
        "normalized as torch does": (
            lambda: [
                *(
                    (20,),
                    Dense(24, "squareplus"),
                    BatchNormalization(momentum=0.1, convention="torch"),
                ),
                *(Dense(18, "hard_silu"), BatchNormalization(momentum=None, convention="torch")),
                *(Dense(4, "log_sigmoid"), Dense(2, "tanh_shrink")),
            ],
            *(optimizers.SGD(0.05), mse, 150, 32, (2,), {}),
        ),
        "frozen": (
            lambda: [
                (20,),
                Dense(24, "relu", trainable=False),
                BatchNormalization(trainable=False),
                Dense(18, "softmax"),
                Dense(2),
            ],
            *(optimizers.SGD(0.05, weight_decay=0.1), mse, 150, 32, (2,), {"shuffle": False}),
        ),
    }


BY_TANH = {"class_name": "gelu", "config": {"approximate": True}}


def trained() -> Iterator[tuple[str, np.ndarray]]:
    """Train, and predict all at once and alone."""
    for dtype, (name, row) in product(DTYPES, trainings().items()):
        layers, optimizer, loss, count, batch_size, targets, given = row
        model = compiled(layers(), optimizer.from_config(optimizer.get_config()), loss, dtype)
        x = numbers(dtype, count, *layers()[0])
        if isinstance(targets, tuple):
            y = numbers(dtype, count, *targets, path="y")
        else:
            y = classes(count, 4 if targets == "one-hot" else targets)
            y = np.eye(4, dtype=dtype)[y] if targets == "one-hot" else y
        history = model.fit(x, y, batch_size=batch_size, epochs=2, verbose=0, **given).history
        yield from arrays_of(f"training {name}", model, history, dtype)
        yield f"training {name}, predicted {dtype}", model.predict(x, verbose=0)
    for dtype in DTYPES:
        yield from trained_otherwise(dtype)


def arrays_of(
    name: str, model: Any, history: Mapping[str, Any], dtype: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Return all that a training changes, and what it reports."""
    yield f"{name}, params {dtype}", model.params
    if model.state.size:
        yield f"{name}, state {dtype}", model.state
    for slot, array in model.slots.items():
        yield f"{name}, {slot} {dtype}", array
    yield f"{name}, reported {dtype}", np.array([history[key] for key in sorted(history)])


def trained_otherwise(dtype: str) -> Iterator[tuple[str, np.ndarray]]:
    """Train several at once, and from weights that data or another network made."""
    x, y = numbers(dtype, 300, 30), classes(300, 3)
    layers = lambda: [(30,), Dense(40, "relu"), BatchNormalization(), Dense(3, "softmax")]  # noqa: E731
    loss = "sparse_categorical_crossentropy"
    several = [compiled(layers(), rule, loss, dtype, rng=n) for n, rule in enumerate(OF_MANY)]
    weights = {0: 1.0, 1: 2.0, 2: 0.5}
    histories = fanin.fit_many(several, x, y, 64, epochs=2, verbose=0, class_weight=weights)
    for n, (model, history) in enumerate(zip(several, histories, strict=True)):
        yield from arrays_of(f"training {n} of many", model, history.history, dtype)
    folded = fanin.fold_batch_norm(several[0])
    yield f"folded params {dtype}", folded.params
    model = compiled(layers(), "sgd", loss, dtype)
    for name in ("lsuv", "data_dependent", "weight_norm"):
        getattr(data_dependent, name)(model, x, rng=3, verbose=0)
        yield f"{name} params {dtype}", model.params


OF_MANY = ("sgd", "adam", "rmsprop")


def computed() -> Iterator[tuple[str, np.ndarray]]:
    """Compute what ends in weights or steps."""
    # Those of no unit by itself, with options that must be given, and that jump.
    others = (*activations.MIXING, "threshold", "hard_shrink")
    names = [name for name in (*activations._BY_NAME, *EXTRA) if name not in others]
    for name, mode in product(names, ("forward", "backward")):
        yield f"gain {name} {mode}", np.array([fanin.gain(name, mode)])
    decays = {
        "exponential": schedules.ExponentialDecay(0.1, 7, 0.96),
        "staircase": schedules.ExponentialDecay(0.1, 7, 0.96, staircase=True),
        "cosine": schedules.CosineDecay(0.1, 900, 0.01),
    }
    for name, decay in decays.items():
        yield f"schedule {name}", np.array([decay(step) for step in range(1000)])


def everything() -> Iterator[tuple[str, np.ndarray]]:
    """Draw all."""
    yield from samplers()
    yield from drawn()
    yield from replayed()
    yield from models()
    yield from trained()
    yield from computed()


def one_ulp_off(array: np.ndarray) -> np.ndarray:
    """Return a copy whose middle element is the next number."""
    changed = array.copy()
    flat = changed.reshape(-1)
    middle = flat.size // 2
    flat[middle] = np.nextafter(flat[middle], flat.dtype.type(np.inf))
    return changed


def digest(array: np.ndarray) -> str:
    """Return the digest of an array's bits, on machines of either byte order the same."""
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()[:32]


def write(path: Path, nudge: str | None = None) -> None:
    """Write the digests; `nudge` names the array that is to be one ulp off."""
    digests = {}
    for name, array in everything():
        assert name not in digests, f"two arrays are called {name}"
        digests[name] = digest(one_ulp_off(array) if name == nudge else array)
    if nudge is not None and nudge not in digests:
        sys.exit(f"digests: expected --nudge to name one of the arrays, found {nudge!r}")
    text = "".join(f"{value}  {name}\n" for name, value in digests.items())
    path.write_text(text, encoding="utf-8", newline="\n")


def read(path: Path) -> dict[str, str]:
    """Read a file that `write` wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name: value for value, name in (line.split("  ", 1) for line in lines)}


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Say what is not the same in two files."""
    names = {**one, **other}
    return [
        f"{name}: {one.get(name, 'absent')} and {other.get(name, 'absent')}"
        for name in names
        if one.get(name) != other.get(name)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write")
    writing.add_argument("file", type=Path)
    writing.add_argument("--nudge", metavar="NAME")
    comparing = commands.add_parser("compare")
    comparing.add_argument("files", type=Path, nargs=2)
    parsed = parser.parse_args(arguments)
    if parsed.command == "write":
        write(parsed.file, parsed.nudge)
        return 0
    one, other = map(read, parsed.files)
    found = differences(one, other)
    print("\n".join(found), end="\n" if found else "")
    print(f"digests: {len(one | other)} arrays, {len(found)} differ")
    return 1 if found or not one else 0


if __name__ == "__main__":
    sys.exit(main())
