"""How often do predicted bands hold? Draws many networks; prints docs/theory.md's table.

python scripts/theory_coverage.py [draws]
"""

import sys

import numpy as np
from fanin import initializers, theory
from fanin.layers import Dense

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
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(DEPTH):
        z = x @ kernel((x.shape[1], units), "float64", rng=rng)
        found.append(np.mean(z * z))
        x = value(z)
    return found


def main(draws):
    """Print a row for each activation, initializer and width."""
    x = np.random.default_rng(0).normal(size=(64, 50))
    print("| activation | kernel | width | layers inside | networks wholly inside |")
    print("|---|---|---|---|---|")
    for activation in ("relu", "tanh"):
        for name, kernel in KERNELS.items():
            for units in (64, 128, 512):
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
                        for seed in range(draws if units < 512 else max(draws // 5, 1))
                    ]
                )
                shares = f"{inside.mean():.3f} | {inside.all(axis=1).mean():.2f}"
                print(f"| {activation} | {name} | {units} | {shares} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
