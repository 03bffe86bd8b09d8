"""Sound networks: each family is a function of a random generator and a framework that draws one.

`sides/` makes them of the layers of fanin, torch or Keras.
"""

from collections.abc import Callable

from exam import data
from exam.network import SUITS, Network, Part, Pen, Random

_VECTORS = (
    "digits", "wine", "cancer", "fashion", "clouds", "rings", "iris",
    "diabetes", "diabetes", "waves", "waves",
)  # fmt: skip


def shallow(rng: Random, framework: str) -> Network:
    """Draw one to four dense layers of any width, some with Dropout."""
    pen, depth = Pen(rng, framework), int(rng.integers(1, 5))
    name = str(rng.choice(_VECTORS))
    kinds = ["relu", "tanh", "selu", "gelu", "silu", "elu", "leaky_relu"]
    kind = str(rng.choice([*kinds, "sigmoid"] if depth == 1 else kinds))
    width = int(rng.choice([16, 32, 64, 128, 256]))
    drop = 0.1 if width >= 64 and rng.random() < 0.25 else 0.0
    parts = [part for _ in range(depth) for part in pen.dense(width, kind, drop=drop)]
    return pen.end(name, "vector", parts, f"{kind}-d{depth}-w{width}", 4e-3)


def wide(rng: Random, framework: str) -> Network:
    """Draw one layer of 512 to 2048 units."""
    pen, width = Pen(rng, framework), int(rng.choice([512, 1024, 2048]))
    kind = str(rng.choice(["relu", "tanh", "gelu"]))
    name = str(rng.choice(["digits", "fashion", "clouds", "cancer"]))
    parts = pen.dense(width, kind)
    return pen.end(
        name,
        "vector",
        parts,
        f"{kind}-d1-w{width}",
        1e-3,
        optimizer="adam",
    )


def narrowing(rng: Random, framework: str) -> Network:
    """Draw layers that halve their width."""
    pen, kind = Pen(rng, framework), str(rng.choice(["relu", "tanh", "elu"]))
    widths = [256, 128, 64, 32, 16][int(rng.integers(0, 3)) :]
    name = str(rng.choice(["digits", "fashion", "cancer", "clouds"]))
    parts = [part for width in widths for part in pen.dense(width, kind)]
    return pen.end(name, "vector", parts, f"{kind}-d{len(widths)}", 2e-3)


def default(rng: Random, framework: str) -> Network:
    """Draw a few ReLU layers as the framework draws them itself."""
    pen, depth = Pen(rng, framework), int(rng.integers(1, 4))
    name = str(rng.choice(["digits", "fashion", "clouds", "wine"]))
    parts = [part for _ in range(depth) for part in pen.dense(64, "relu", init="default")]
    return pen.end(
        name,
        "vector",
        parts,
        f"relu-d{depth}-w64",
        4e-3,
        init="default",
    )


def deep(rng: Random, framework: str) -> Network:
    """Draw 8 to 60 layers whose weights keep the size of signals."""
    pen, kind = Pen(rng, framework), str(rng.choice(["tanh", "selu", "relu", "leaky_relu"]))
    depth = int(rng.choice([8, 12, 16] if kind in ("relu", "leaky_relu") else [10, 20, 30, 40, 60]))
    init = "orthogonal" if kind == "tanh" else SUITS[kind]
    name = str(rng.choice(["digits", "fashion", "clouds"]))
    parts = [part for _ in range(depth) for part in pen.dense(64, kind, init=init)]
    return pen.end(
        name,
        "vector",
        parts,
        f"{kind}-d{depth}-w64",
        1e-3,
        optimizer="adam",
    )


def normalized(rng: Random, framework: str) -> Network:
    """Draw 2 to 30 layers with a normalization each."""
    norms = {"fanin": ["batch"], "torch": ["batch", "layer", "rms"], "keras": ["batch", "layer"]}[
        framework
    ]
    pen, norm = Pen(rng, framework), str(rng.choice(norms))
    kind = str(rng.choice(["relu", "tanh", "gelu", "silu"]))
    depth, width = int(rng.choice([2, 4, 8, 16])), int(rng.choice([32, 64, 128]))
    name = str(rng.choice(["digits", "fashion", "clouds", "cancer", "waves", "diabetes"]))
    parts = [part for _ in range(depth) for part in pen.dense(width, kind, norm=norm)]
    label = f"{norm}-{kind}-d{depth}-w{width}"
    return pen.end(name, "vector", parts, label, 3e-3, optimizer="adam")


def zero_output(rng: Random, framework: str) -> Network:
    """Draw a network whose last layer begins at zero, which is good practice."""
    pen, depth = Pen(rng, framework), int(rng.integers(1, 4))
    name = str(rng.choice(["digits", "fashion", "clouds", "waves"]))
    parts = [part for _ in range(depth) for part in pen.dense(64, "relu")]
    label = f"relu-d{depth}-w64"
    return pen.end(
        name,
        "vector",
        parts,
        label,
        4e-3,
        init="zeros",
        optimizer="adam",
    )


def residual(rng: Random, framework: str) -> Network:
    """Draw dense residual blocks that normalize what they get."""
    pen, norm = Pen(rng, framework), str(rng.choice(["batch", "layer"]))
    kind, blocks = str(rng.choice(["relu", "gelu"])), int(rng.choice([2, 4, 8, 15]))
    name = str(rng.choice(["digits", "fashion", "clouds"]))
    parts = pen.dense(64, kind)
    for _ in range(blocks):
        pen.next()
        norm_part = pen.part("norm", "norm", kind=norm)
        first = pen.part("dense", "fc", units=64, init=SUITS[kind], bias=True)
        act = pen.part("act", "act", kind=kind)
        pen.next()
        second = pen.part("dense", "fc", units=64, init="small", bias=True)
        parts.append(pen.part("residual", "block", norm_part, first, act, second))
    return pen.end(
        name,
        "vector",
        parts,
        f"{norm}-{kind}-b{blocks}",
        2e-3,
        optimizer="adam",
    )


def convolutional(rng: Random, framework: str) -> Network:
    """Draw two to six convolutions, pooling, and an end of dense layers or a mean of places."""
    norm = str(rng.choice(["", "batch", "group"]))
    pen, kind = Pen(rng, framework), str(rng.choice(["relu", "gelu", "leaky_relu"]))
    name, depth = str(rng.choice(data.IMAGES)), int(rng.integers(2, 5))
    parts = []
    for place in range(depth):
        parts += pen.conv(16, kind, norm=norm)
        if place in (0, 2):
            parts.append(pen.part("pool", "pool", kind=str(rng.choice(["max", "mean"]))))
    if norm and rng.random() < 0.5:
        parts.append(pen.part("spatial_mean", "mean"))
    else:
        parts += [pen.part("flatten", "flat"), *pen.dense(64, kind)]
    return pen.end(
        name,
        "image",
        parts,
        f"{norm or 'plain'}-{kind}-d{depth}",
        4e-3,
        optimizer="adam",
    )


def residual_convolutional(rng: Random, framework: str) -> Network:
    """Draw a small residual network of convolutions."""
    pen, blocks, name = Pen(rng, framework), int(rng.integers(2, 5)), str(rng.choice(data.IMAGES))
    parts = [*pen.conv(16, "relu", norm="batch"), pen.part("pool", "pool", kind="max")]
    for _ in range(blocks):
        inside = [*pen.conv(16, "relu", norm="batch")]
        pen.next()
        inside.append(pen.part("conv", "conv", filters=16, init="he_normal", bias=False, stride=1))
        inside.append(pen.part("norm", "norm", kind="batch"))
        parts += [pen.part("residual", "block", *inside), pen.part("act", "after", kind="relu")]
    parts.append(pen.part("spatial_mean", "mean"))
    return pen.end(
        name,
        "image",
        parts,
        f"b{blocks}",
        5e-3,
        optimizer="adam",
    )


def separable(rng: Random, framework: str) -> Network:
    """Draw depthwise convolutions, each before one of 1 x 1."""
    pen, name = Pen(rng, framework), str(rng.choice(data.IMAGES))
    parts = [*pen.conv(16, "relu", norm="batch"), pen.part("pool", "pool", kind="max")]
    for _ in range(2):
        parts += pen.conv(24, "relu", norm="batch", what="separable")
    parts.append(pen.part("spatial_mean", "mean"))
    return pen.end(
        name,
        "image",
        parts,
        "batch-relu-d3",
        6e-3,
        optimizer="adam",
    )


def recurrent(rng: Random, framework: str, what: str = "gru") -> Network:
    """Draw a recurrent layer over tones or words, and a dense layer on its last state."""
    pen, name = Pen(rng, framework), str(rng.choice(["tones", "words"]))
    shape = "tokens" if name == "words" else "sequence"
    parts = []
    if shape == "tokens":
        pen.next()
        parts.append(pen.part("embedding", "embed", units=16, init="default"))
    pen.next()
    width = int(rng.choice([24, 48]))
    parts.append(pen.part(what, what, units=width))
    return pen.end(
        name,
        shape,
        parts,
        f"{what}-w{width}",
        1e-2,
        init="default",
        optimizer="adam",
    )


def lstm(rng: Random, framework: str) -> Network:
    """Draw the same with an LSTM."""
    return recurrent(rng, framework, "lstm")


def bag_of_words(rng: Random, framework: str) -> Network:
    """Draw an embedding, its mean over a text, and dense layers."""
    pen, depth = Pen(rng, framework), int(rng.integers(1, 3))
    pen.next()
    parts = [
        pen.part("embedding", "embed", units=32, init="default"),
        pen.part("token_mean", "mean"),
    ]
    for _ in range(depth):
        parts += pen.dense(32, "relu", init="default")
    return pen.end(
        "words",
        "tokens",
        parts,
        f"relu-d{depth}",
        1e-2,
        init="default",
        optimizer="adam",
    )


def transformer(rng: Random, framework: str, norm: str = "layer") -> Network:
    """Draw blocks of attention and of two dense layers, each normalized before."""
    pen, blocks, name = (
        Pen(rng, framework),
        int(rng.integers(1, 4)),
        str(rng.choice(["tones", "words"])),
    )
    pen.next()
    if name == "words":
        parts = [pen.part("embedding", "embed", units=32, init="default")]
    else:
        parts = [pen.part("dense", "fc", units=32, init="lecun_normal", bias=True)]
    for _ in range(blocks):
        pen.next()
        attention = [pen.part("norm", "norm", kind=norm), pen.part("attention", "attn", heads=4)]
        parts.append(pen.part("residual", "block", *attention))
        pen.next()
        ahead = [
            pen.part("norm", "norm", kind=norm),
            pen.part("dense", "fc", units=64, init="he_normal", bias=True),
        ]
        ahead.append(pen.part("act", "act", kind="gelu"))
        pen.next()
        ahead.append(pen.part("dense", "fc", units=32, init="glorot_uniform", bias=True))
        parts.append(pen.part("residual", "block", *ahead))
    pen.next()
    parts += [pen.part("norm", "norm", kind=norm), pen.part("token_mean", "mean")]
    shape = "tokens" if name == "words" else "sequence"
    return pen.end(name, shape, parts, f"b{blocks}", 4e-3, optimizer="adam")


def rms_transformer(rng: Random, framework: str) -> Network:
    """Draw the same with RMSNorm."""
    return transformer(rng, framework, "rms")


def temporal(rng: Random, framework: str) -> Network:
    """Draw convolutions over the steps of a sequence."""
    pen, norm, depth = Pen(rng, framework), str(rng.choice(["", "batch"])), int(rng.integers(1, 4))
    parts = [part for _ in range(depth) for part in pen.conv(24, "relu", norm=norm, what="conv1d")]
    parts.append(pen.part("time_mean", "mean"))
    return pen.end(
        "tones",
        "sequence",
        parts,
        f"{norm or 'plain'}-relu-d{depth}",
        6e-3,
        optimizer="adam",
    )


def autoencoder(rng: Random, framework: str) -> Network:
    """Draw a dense autoencoder with a code of 16 or 32."""
    pen, name = Pen(rng, framework), str(rng.choice(["digits", "fashion"]))
    kind, code = str(rng.choice(["relu", "tanh", "gelu"])), int(rng.choice([16, 32]))
    parts = [*pen.dense(128, kind), *pen.dense(code, "linear"), *pen.dense(128, kind)]
    features = {"digits": 64, "fashion": 196}[name]
    parts.append(Part("dense", "out", {"units": features, "init": "glorot_uniform", "bias": True}))
    label = f"{kind}-c{code}"
    return Network(
        framework, "autoencoder", name, "vector", tuple(parts), "mse", "values", "adam", 4e-3, label
    )


FAMILIES: dict[str, Callable[[Random, str], Network]] = {
    f.__name__: f
    for f in (
        shallow, wide, narrowing, default, deep, normalized, zero_output, residual, convolutional,
        residual_convolutional, separable, recurrent, lstm, bag_of_words, transformer,
        rms_transformer, temporal, autoencoder,
    )
}  # fmt: skip
HELD_FAMILIES = frozenset({"separable", "lstm", "rms_transformer", "temporal", "zero_output"})
"""Architectures that are only in what is held apart."""
