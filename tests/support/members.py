"""The one table of members: each activation, layer, loss, metric and optimizer there is.

A new member is proved by adding its row here: gradients, parity with the reference and the
completeness test all read these lists. Settings are what the core is given; the reference in
`reference.py` takes the same.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Settings = Mapping[str, Any]


def activation(kind: str, **values: float) -> Settings:
    return {"kind": kind, **values}


ACTIVATIONS: list[Settings] = [
    activation("linear"),
    activation("relu"),
    activation("leaky_relu", negative_slope=0.01),
    activation("leaky_relu", negative_slope=0.3),
    activation("elu", alpha=1.0),
    activation("elu", alpha=0.4),
    activation("selu"),
    activation("gelu", approximate=False),
    activation("gelu", approximate=True),
    activation("silu"),
    activation("sigmoid"),
    activation("tanh"),
    activation("softplus"),
    activation("softsign"),
    activation("softmax"),
]
# Names in `fanin.activations` that are another spelling of a row above.
ACTIVATION_ALIASES = {"swish": "silu"}

LINEAR, RELU, TANH, SOFTMAX = (activation(k) for k in ("linear", "relu", "tanh", "softmax"))


def dense(units: int, activation: Settings = LINEAR, use_bias: bool = True) -> Settings:
    return {
        "kind": "dense",
        "units": units,
        "use_bias": use_bias,
        "activation": activation,
        "trainable": True,
    }


def batch_normalization(
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    trainable: bool = True,
) -> Settings:
    return {
        "kind": "batch_normalization",
        "momentum": momentum,
        "epsilon": epsilon,
        "center": center,
        "scale": scale,
        "trainable": trainable,
    }


def activate(activation: Settings) -> Settings:
    return {"kind": "activation", "activation": activation}


FLATTEN: Settings = {"kind": "flatten"}


def dropout(rate: float, seed: str = "7", path: str = "dropout") -> Settings:
    return {"kind": "dropout", "rate": rate, "seed": seed, "path": path}


class LayerRow(NamedTuple):
    """A layer as Python makes it, given the module `fanin.layers`, and as the core is told."""

    name: str  # of the class in `fanin.layers`
    make: Callable[[Any], Any]
    settings: Settings
    input_shape: tuple[int, ...] = (5,)


LAYERS = [
    LayerRow("Dense", lambda layers: layers.Dense(3), dense(3)),
    LayerRow("Dense", lambda layers: layers.Dense(3, use_bias=False), dense(3, use_bias=False)),
    LayerRow("Dense", lambda layers: layers.Dense(4, activation="tanh"), dense(4, TANH), (2, 3)),
    LayerRow("Dense", lambda layers: layers.Dense(4, activation="softmax"), dense(4, SOFTMAX)),
    LayerRow(
        "BatchNormalization", lambda layers: layers.BatchNormalization(), batch_normalization()
    ),
    LayerRow(
        "BatchNormalization",
        lambda layers: layers.BatchNormalization(momentum=0.7, epsilon=1e-5),
        batch_normalization(momentum=0.7, epsilon=1e-5),
        (3, 4),
    ),
    LayerRow(
        "BatchNormalization",
        lambda layers: layers.BatchNormalization(center=False),
        batch_normalization(center=False),
    ),
    LayerRow(
        "BatchNormalization",
        lambda layers: layers.BatchNormalization(scale=False),
        batch_normalization(scale=False),
    ),
    LayerRow(
        "BatchNormalization",
        lambda layers: layers.BatchNormalization(center=False, scale=False),
        batch_normalization(center=False, scale=False),
    ),
    LayerRow(
        "BatchNormalization",
        lambda layers: layers.BatchNormalization(trainable=False),
        batch_normalization(trainable=False),
    ),
    LayerRow("Activation", lambda layers: layers.Activation("tanh"), activate(TANH), (2, 3)),
    LayerRow("Activation", lambda layers: layers.Activation("softmax"), activate(SOFTMAX)),
    LayerRow("ReLU", lambda layers: layers.ReLU(), activate(RELU)),
    LayerRow(
        "LeakyReLU",
        lambda layers: layers.LeakyReLU(0.2),
        activate(activation("leaky_relu", negative_slope=0.2)),
    ),
    LayerRow("ELU", lambda layers: layers.ELU(0.5), activate(activation("elu", alpha=0.5))),
    LayerRow("Softmax", lambda layers: layers.Softmax(), activate(SOFTMAX), (2, 4)),
    LayerRow("Flatten", lambda layers: layers.Flatten(), FLATTEN, (2, 3)),
    LayerRow(
        "Rescaling",
        lambda layers: layers.Rescaling(0.25, offset=-1.5),
        {"kind": "rescaling", "scale": 0.25, "offset": -1.5},
        (2, 3),
    ),
    LayerRow("Dropout", lambda layers: layers.Dropout(0.3, seed=7), dropout(0.3), (3, 40)),
]
# Public layers without arithmetic of their own, and why they need no row.
LAYERS_WITHOUT_ROW = {
    "Layer": "the base class",
    **dict.fromkeys(
        ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"),
        "of several values: tests/models/test_functional.py",
    ),
    **dict.fromkeys(
        ("CategoryEncoding", "Embedding"), "of whole numbers: tests/layers/test_embedding.py"
    ),
    **dict.fromkeys(
        ("Permute", "RepeatVector", "Reshape"), "moves numbers: tests/models/test_functional.py"
    ),
}


LOSSES: list[Settings] = [
    {"kind": "categorical_crossentropy", "from_logits": False, "label_smoothing": 0.0},
    {"kind": "categorical_crossentropy", "from_logits": False, "label_smoothing": 0.1},
    {"kind": "categorical_crossentropy", "from_logits": True, "label_smoothing": 0.0},
    {"kind": "categorical_crossentropy", "from_logits": True, "label_smoothing": 0.1},
    {"kind": "sparse_categorical_crossentropy", "from_logits": False},
    {"kind": "sparse_categorical_crossentropy", "from_logits": True},
    {"kind": "binary_crossentropy", "from_logits": False, "label_smoothing": 0.0},
    {"kind": "binary_crossentropy", "from_logits": False, "label_smoothing": 0.2},
    {"kind": "binary_crossentropy", "from_logits": True, "label_smoothing": 0.0},
    {"kind": "binary_crossentropy", "from_logits": True, "label_smoothing": 0.2},
    {"kind": "mean_squared_error"},
    {"kind": "mean_absolute_error"},
]

METRICS: list[Settings] = [
    {"kind": "categorical_accuracy"},
    {"kind": "sparse_categorical_accuracy"},
    {"kind": "binary_accuracy", "threshold": 0.5},
    {"kind": "binary_accuracy", "threshold": 0.3},
    {"kind": "mean_squared_error"},
    {"kind": "mean_absolute_error"},
]


def optimizer(kind: str, **values: float) -> Settings:
    shared = {"weight_decay": 0.0, "clipnorm": 0.0, "clipvalue": 0.0, "global_clipnorm": 0.0}
    return {"kind": kind, **shared, **values}


def sgd(momentum: float = 0.0, nesterov: bool = False, **shared: float) -> Settings:
    return optimizer("sgd", momentum=momentum, nesterov=nesterov, **shared)


def rmsprop(momentum: float = 0.0, centered: bool = False, **shared: float) -> Settings:
    values = {"rho": 0.9, "momentum": momentum, "epsilon": 1e-7, "centered": centered}
    return optimizer("rmsprop", **values, **shared)


def adam(amsgrad: bool = False, **shared: float) -> Settings:
    values = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": amsgrad}
    return optimizer("adam", **values, **shared)


def adagrad(**shared: float) -> Settings:
    return optimizer("adagrad", epsilon=1e-7, **shared)


def adam_like(kind: str, **shared: float) -> Settings:
    return optimizer(kind, **{"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, **shared})


def ftrl(**values: float) -> Settings:
    zeros = ("l1_regularization_strength", "l2_regularization_strength", "beta")
    shrinkage = "l2_shrinkage_regularization_strength"
    given = {**dict.fromkeys((*zeros, shrinkage), 0.0), "learning_rate_power": -0.5, **values}
    return optimizer("ftrl", **given)


def adafactor(**shared: float) -> Settings:
    values = {"beta_2_decay": -0.8, "epsilon_1": 1e-30, "epsilon_2": 1e-3, "clip_threshold": 1.0}
    return optimizer("adafactor", **values, **shared)


def muon(**values: float) -> Settings:
    given = {
        "adam_beta_1": 0.9,
        "adam_beta_2": 0.999,
        "adam_weight_decay": 0.004,
        "epsilon": 1e-7,
        "muon_a": 3.4445,
        "muon_b": -4.775,
        "muon_c": 2.0315,
        "adam_lr_ratio": 1.0,
        "momentum": 0.95,
        "ns_steps": 5,
        "nesterov": True,
        "rms_rate": 0.2,
        "weight_decay": 0.004,
        **values,
    }
    return optimizer("muon", **given)


class OptimizerRow(NamedTuple):
    """An optimizer as Python makes it, given `fanin.optimizers`, and as the core is told."""

    name: str  # of the class in `fanin.optimizers`
    make: Callable[[Any], Any]
    settings: Settings
    learning_rate: float = 0.01


OPTIMIZERS = [
    OptimizerRow("SGD", lambda o: o.SGD(0.01), sgd()),
    OptimizerRow("SGD", lambda o: o.SGD(0.01, momentum=0.9), sgd(0.9)),
    OptimizerRow("SGD", lambda o: o.SGD(0.01, momentum=0.9, nesterov=True), sgd(0.9, True)),
    OptimizerRow(
        "SGD",
        lambda o: o.SGD(0.01, weight_decay=0.1, clipnorm=0.5),
        sgd(weight_decay=0.1, clipnorm=0.5),
    ),
    OptimizerRow("SGD", lambda o: o.SGD(0.01, global_clipnorm=0.5), sgd(global_clipnorm=0.5)),
    OptimizerRow("RMSprop", lambda o: o.RMSprop(0.01), rmsprop()),
    OptimizerRow("RMSprop", lambda o: o.RMSprop(0.01, momentum=0.5), rmsprop(0.5)),
    OptimizerRow("RMSprop", lambda o: o.RMSprop(0.01, centered=True), rmsprop(centered=True)),
    OptimizerRow(
        "RMSprop",
        lambda o: o.RMSprop(0.01, momentum=0.5, centered=True, weight_decay=0.02),
        rmsprop(0.5, True, weight_decay=0.02),
    ),
    OptimizerRow("Adam", lambda o: o.Adam(0.01), adam()),
    OptimizerRow("Adam", lambda o: o.Adam(0.01, amsgrad=True), adam(True)),
    OptimizerRow("Adam", lambda o: o.Adam(0.01, weight_decay=0.1), adam(weight_decay=0.1)),
    OptimizerRow("Adam", lambda o: o.Adam(0.01, clipvalue=0.05), adam(clipvalue=0.05)),
    OptimizerRow("Adam", lambda o: o.Adam(0.01, clipnorm=0.1), adam(clipnorm=0.1)),
    OptimizerRow("Adagrad", lambda o: o.Adagrad(0.01), adagrad()),
    OptimizerRow("Adagrad", lambda o: o.Adagrad(0.01, weight_decay=0.1), adagrad(weight_decay=0.1)),
    OptimizerRow("AdamW", lambda o: o.AdamW(0.01), adam(weight_decay=0.004)),
    OptimizerRow("Nadam", lambda o: o.Nadam(0.01), adam_like("nadam")),
    OptimizerRow("Adamax", lambda o: o.Adamax(0.01), adam_like("adamax")),
    OptimizerRow(
        "Lamb", lambda o: o.Lamb(0.01, weight_decay=0.1), adam_like("lamb", weight_decay=0.1)
    ),
    OptimizerRow(
        "Lion",
        lambda o: o.Lion(0.01, clipnorm=0.5),
        optimizer("lion", beta_1=0.9, beta_2=0.99, clipnorm=0.5),
    ),
    OptimizerRow(
        "Adadelta", lambda o: o.Adadelta(0.01), optimizer("adadelta", rho=0.95, epsilon=1e-7)
    ),
    OptimizerRow("Ftrl", lambda o: o.Ftrl(0.01), ftrl()),
    OptimizerRow(
        "Ftrl",
        lambda o: o.Ftrl(
            0.01, -0.7, 0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.1
        ),
        ftrl(
            learning_rate_power=-0.7,
            l1_regularization_strength=0.01,
            l2_regularization_strength=0.1,
        ),
    ),
    OptimizerRow("Adafactor", lambda o: o.Adafactor(0.01), adafactor()),
    OptimizerRow("Muon", lambda o: o.Muon(0.01), muon()),
]
OPTIMIZERS_WITHOUT_ROW = {"Optimizer": "the base class"}


def name_of(row: Any) -> str:
    """A readable test id: what differs from row to row."""
    settings = getattr(row, "settings", row)
    words = [getattr(row, "name", settings["kind"])]
    for name, value in settings.items():
        if isinstance(value, Mapping):
            words.append(value["kind"])
        elif name != "kind" and value not in (0.0, None):
            words.append(name if value is True else f"{name}={value}")
    return "-".join(words)
