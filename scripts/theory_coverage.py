"""How often do predicted bands hold? Draws many networks; prints docs/theory.md's tables.

python scripts/theory_coverage.py [draws [first seed]]        networks of normal inputs, 20 layers
python scripts/theory_coverage.py data [draws [first seed]]   data as they are; needs scikit-learn
"""

import sys

import fanin
import numpy as np
from fanin import initializers, theory
from fanin.diagnosis._theory import predict
from fanin.frameworks import _open as frameworks
from fanin.layers import Activation, BatchNormalization, Dense, Dropout

DEPTH = 20
KERNELS = {
    "N(0, 1)": initializers.RandomNormal(stddev=1.0),
    "N(0, 0.01²)": initializers.RandomNormal(stddev=0.01),
    "Glorot normal": initializers.GlorotNormal(),
    "He normal": initializers.HeNormal(),
    "LeCun uniform": initializers.LecunUniform(),
    "orthogonal": initializers.Orthogonal(),
}


def measured(x, activation, kernel, units, seed):
    """Return the second moment of each layer's pre-activations for one draw."""
    value = theory.resolve(activation).value
    rng = np.random.default_rng([1, seed])
    found = []
    for _ in range(DEPTH):
        z = x @ kernel((x.shape[1], units), "float64", rng=rng)
        found.append(np.mean(z * z))
        x = value(z)
    return found


def normal_inputs(draws, first):
    """Print a row for each activation, initializer and width."""
    x = np.random.default_rng(0).normal(size=(64, 50))
    print("| activation | kernel | width | layers inside | networks wholly inside |")
    print("|---|---|---|---|---|")
    for activation in ("relu", "tanh"):
        for name, kernel in KERNELS.items():
            for units in (64, 128):
                layers = [
                    Dense(units, activation=activation, kernel_initializer=kernel)
                    for _ in range(DEPTH)
                ]
                bands = [p.pre_activation for p in theory.predict(layers, x).layers]
                inside = np.array(
                    [
                        [
                            z in band
                            for z, band in zip(
                                measured(x, activation, kernel, units, seed), bands, strict=True
                            )
                        ]
                        for seed in range(first, first + draws)
                    ]
                )
                shares = f"{inside.mean():.3f} | {inside.all(axis=1).mean():.2f}"
                print(f"| {activation} | {name} | {units} | {shares} |", flush=True)


SUITED = {
    "relu": "he_normal",
    "gelu": "he_normal",
    "silu": "he_normal",
    "elu": "he_normal",
    "tanh": "glorot_uniform",
    "selu": "lecun_normal",
    "sigmoid": "glorot_uniform",
}


def data_sets():
    """Return batches of 128 samples and their classes, by what they are called in the table."""
    from sklearn import datasets

    rng = np.random.default_rng(0)
    found = {"normal": (rng.normal(size=(128, 64)), rng.integers(10, size=128))}
    for name, load in (
        ("digits", datasets.load_digits),
        ("wine", datasets.load_wine),
        ("breast cancer", datasets.load_breast_cancer),
    ):
        x, y = load(return_X_y=True)
        rows = rng.permutation(len(x))[:128]
        x, y = x[rows], y[rows]
        std = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
        if name == "digits":
            found["digits / 16"] = (x / 16, y)
        found[f"{name}, standardized"] = ((x - x.mean(axis=0)) / std, y)
    words = rng.integers(30, size=128)
    found["one-hot"] = (np.eye(30)[words], words % 3)
    return {name: (x.astype(np.float32), y.astype(np.int32)) for name, (x, y) in found.items()}


def plain(activation, outputs, depth=8, units=64, kernel=None):
    """Return a chain of Dense layers."""
    hidden = [
        Dense(units, activation, kernel_initializer=kernel or SUITED[activation])
        for _ in range(depth)
    ]
    return [*hidden, Dense(outputs)]


def normalized(activation, outputs):
    """Return blocks of Dense, BatchNormalization, activation and Dropout."""
    layers = []
    for _ in range(4):
        kernel = SUITED[activation]
        layers += [Dense(64, kernel_initializer=kernel), BatchNormalization()]
        layers += [Activation(activation), Dropout(0.2)]
    return [*layers, Dense(outputs)]


def networks():
    """Return the rows: names of network, activation and data, what builds it, and the batch."""
    sets = data_sets()
    rows = []
    for name, (x, y) in sets.items():
        classes = int(y.max()) + 1
        rows += [("8 x 64", a, name, lambda a=a, k=classes: plain(a, k), x, y) for a in SUITED]
    for name in ("digits / 16", "digits, standardized"):
        x, y = sets[name]
        for a in ("relu", "gelu", "silu", "tanh"):
            rows.append(("autoencoder", a, name, lambda a=a: plain(a, 64, depth=5), x, x))
            rows.append(("BatchNorm, Dropout", a, name, lambda a=a: normalized(a, 10), x, y))
        deep = lambda: plain("tanh", 10, depth=40, kernel="orthogonal")  # noqa: E731
        rows.append(("40 x 64, orthogonal", "tanh", name, deep, x, y))
    return rows


def inside(build, x, y, seed):
    """Return which Dense layers' signals and gradients are in their bands, for one draw."""
    loss = "mse" if y is x else fanin.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = fanin.Sequential(build(), rng=seed)
    model.build((None, x.shape[1]))
    model.compile(optimizer="sgd", loss=loss)
    trace = frameworks.trace(model, x, y, None, True)
    signals, gradients = [], []
    for layer, found in zip(trace.layers, predict(trace, True).layers, strict=True):
        if layer.kind != "dense":
            continue
        z = layer.outputs if layer.pre_activation is None else layer.pre_activation
        d = layer.pre_activation_gradient
        d = layer.output_gradient if d is None else d
        signals.append(np.mean(z.astype(float) ** 2) in found.pre_activation)
        gradients.append(np.mean(d.astype(float) ** 2) in found.gradient)
    return signals, gradients


def real_data(draws, first):
    """Print a row for each network, activation and data set."""
    print("| network | activation | data | signals | whole | gradients | whole |")
    print("|---|---|---|---|---|---|---|")
    total = []
    for network, activation, name, build, x, y in networks():
        pairs = [inside(build, x, y, seed) for seed in range(first, first + draws)]
        shares = []
        for found in np.array(pairs).transpose(1, 0, 2):
            shares += [found.mean(), found.all(axis=1).mean()]
        total.append(shares)
        numbers = " | ".join(f"{share:.2f}" for share in shares)
        print(f"| {network} | {activation} | {name} | {numbers} |", flush=True)
    numbers = " | ".join(f"{share:.3f}" for share in np.mean(total, axis=0))
    print(f"| all | | | {numbers} |")


if __name__ == "__main__":
    words = sys.argv[1:]
    run = real_data if words[:1] == ["data"] else normal_inputs
    numbers = [int(word) for word in words if word != "data"]
    run(*[*numbers, *(100, 0)[len(numbers) :]])
