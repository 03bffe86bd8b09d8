"""The one table of members: each activation, layer, loss, metric and optimizer there is.

A new member is proved by adding its row here: gradients, parity with the reference and the
completeness test all read these lists. Settings are what the core is given; the reference in
`reference.py` takes the same.
"""

import math
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
    activation("relu6"),
    activation("rectifier", negative_slope=0.1, max_value=1.5, threshold=0.5),
    activation("rectifier", negative_slope=0.0, threshold=0.25),
    activation("hard_tanh"),
    activation("hard_sigmoid"),
    activation("hard_silu"),
    activation("mish"),
    activation("exponential"),
    activation("log_sigmoid"),
    activation("celu", alpha=1.0),
    activation("celu", alpha=0.4),
    activation("squareplus", b=4.0),
    activation("tanh_shrink"),
    activation("soft_shrink", threshold=0.5),
    activation("hard_shrink", threshold=0.5),
    activation("threshold", threshold=0.5, default_value=-1.0),
    activation("sparse_plus"),
    activation("sparse_sigmoid"),
    activation("log_softmax"),
    activation("sparsemax"),
]
# Those that mix the numbers of a row.
MIXING = ("softmax", "log_softmax", "sparsemax")
# Kinds of the core whose function in `fanin.activations` has another name.
ACTIVATION_FUNCTIONS = {"rectifier": "relu"}
# Names in `fanin.activations` that are another spelling of a row above.
ACTIVATION_ALIASES = {"swish": "silu", "hard_swish": "hard_silu"}

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


def normalization(kind: str, **values: object) -> Settings:
    """Normalization within a sample."""
    given = {"axis": (-1,), "epsilon": 1e-3, "trainable": True, **values}
    if kind != "rms_normalization":
        given = {"center": True, "scale": True, **given}
    return {"kind": kind, **given}


def noise(kind: str, seed: str = "7", path: str = "dropout", **values: float) -> Settings:
    return {"kind": kind, "seed": seed, "path": path, **values}


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
    LayerRow(
        "BatchNormalization",
        lambda layers: layers.BatchNormalization(momentum=0.3, convention="torch"),
        {**batch_normalization(momentum=0.7), "unbiased": True, "cumulative": False},
        (3, 4),
    ),
    LayerRow(
        "BatchNormalization",
        lambda layers: layers.BatchNormalization(momentum=None, convention="torch"),
        {**batch_normalization(momentum=0.0), "unbiased": True, "cumulative": True},
    ),
    LayerRow(
        "LayerNormalization",
        lambda layers: layers.LayerNormalization(),
        normalization("layer_normalization"),
        (37,),
    ),
    LayerRow(
        "LayerNormalization",
        lambda layers: layers.LayerNormalization((1, 2), epsilon=1e-5, center=False),
        normalization("layer_normalization", axis=(1, 2), epsilon=1e-5, center=False),
        (3, 5),
    ),
    LayerRow(
        "LayerNormalization",
        lambda layers: layers.LayerNormalization(scale=False, trainable=False),
        normalization("layer_normalization", scale=False, trainable=False),
        (3, 5),
    ),
    LayerRow(
        "RMSNormalization",
        lambda layers: layers.RMSNormalization(),
        normalization("rms_normalization", epsilon=1e-6),
        (3, 20),
    ),
    LayerRow(
        "GroupNormalization",
        lambda layers: layers.GroupNormalization(2),
        normalization("group_normalization", axis=-1, groups=2),
        (6,),
    ),
    LayerRow(
        "GroupNormalization",
        lambda layers: layers.GroupNormalization(-1, epsilon=1e-5),
        normalization("group_normalization", axis=-1, groups=-1, epsilon=1e-5),
        (5, 3),
    ),
    LayerRow(
        "UnitNormalization",
        lambda layers: layers.UnitNormalization((1, 2)),
        {"kind": "unit_normalization", "axis": (1, 2), "epsilon": 1e-6},
        (3, 4, 2),
    ),
    LayerRow(
        "Normalization",
        lambda layers: layers.Normalization(),
        {"kind": "normalization", "invert": False, "by_feature": True},
        (2, 3),
    ),
    LayerRow(
        "Normalization",
        lambda layers: layers.Normalization(None, invert=True),
        {"kind": "normalization", "invert": True, "by_feature": False},
    ),
    LayerRow(
        "PReLU",
        lambda layers: layers.PReLU(),
        {"kind": "prelu", "shared_axes": (), "trainable": True},
        (2, 5),
    ),
    LayerRow(
        "PReLU",
        lambda layers: layers.PReLU(shared_axes=[1, 3]),
        {"kind": "prelu", "shared_axes": (1, 3), "trainable": True},
        (2, 3, 4),
    ),
    LayerRow("Identity", lambda layers: layers.Identity(), activate(LINEAR)),
    LayerRow(
        "ReLU",
        lambda layers: layers.ReLU(6.0, 0.1, 0.5),
        activate(activation("rectifier", negative_slope=0.1, threshold=0.5, max_value=6.0)),
    ),
    LayerRow(
        "GaussianNoise",
        lambda layers: layers.GaussianNoise(0.3, seed=7),
        noise("gaussian_noise", stddev=0.3),
        (3, 40),
    ),
    LayerRow(
        "GaussianDropout",
        lambda layers: layers.GaussianDropout(0.3, seed=7),
        noise("gaussian_dropout", rate=0.3),
        (3, 40),
    ),
    LayerRow(
        "AlphaDropout",
        lambda layers: layers.AlphaDropout(0.3, seed=7),
        noise("alpha_dropout", rate=0.3),
        (3, 40),
    ),
]
# Public layers without arithmetic of their own, and why they need no row.
LAYERS_WITHOUT_ROW = {
    "Layer": "the base class",
    "ActivityRegularization": "changes nothing but the loss: tests/models/test_penalties.py",
    **dict.fromkeys(
        ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"),
        "of several values: tests/models/test_functional.py",
    ),
    **dict.fromkeys(
        ("CategoryEncoding", "Embedding"), "of whole numbers: tests/layers/test_embedding.py"
    ),
    "Lambda": "what a function does: tests/layers/test_lambda.py",
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
    {"kind": "huber", "delta": 1.0},
    {"kind": "huber", "delta": 0.3},
    {"kind": "log_cosh"},
    {"kind": "mean_absolute_percentage_error"},
    {"kind": "mean_squared_logarithmic_error"},
    {"kind": "poisson"},
    {"kind": "mean_pinball_loss", "alpha": 0.9},
    {"kind": "kl_divergence"},
    {"kind": "cosine_similarity"},
    {"kind": "hinge"},
    {"kind": "squared_hinge"},
    {"kind": "categorical_hinge"},
    *(
        {
            "kind": "binary_focal_crossentropy",
            "apply_class_balancing": balanced,
            "alpha": 0.25,
            "gamma": gamma,
            "from_logits": from_logits,
            "label_smoothing": smoothing,
        }
        for balanced, gamma, smoothing in ((False, 2.0, 0.0), (True, 1.3, 0.2), (False, 0.0, 0.0))
        for from_logits in (False, True)
    ),
    *(
        {
            "kind": "categorical_focal_crossentropy",
            "alpha": 0.25,
            "gamma": gamma,
            "from_logits": from_logits,
            "label_smoothing": smoothing,
        }
        for gamma, smoothing in ((2.0, 0.0), (1.3, 0.1), (0.0, 0.0))
        for from_logits in (False, True)
    ),
]

METRICS: list[Settings] = [
    {"kind": "categorical_accuracy"},
    {"kind": "sparse_categorical_accuracy"},
    {"kind": "binary_accuracy", "threshold": 0.5},
    {"kind": "binary_accuracy", "threshold": 0.3},
    {"kind": "mean_squared_error"},
    {"kind": "mean_absolute_error"},
    {"kind": "accuracy"},
    {"kind": "top_k_categorical_accuracy", "k": 2},
    {"kind": "sparse_top_k_categorical_accuracy", "k": 2},
    *({"kind": "root_mean_squared_error"}, {"kind": "log_cosh_error"}),
    *(
        row
        for row in LOSSES
        if row["kind"].endswith(("crossentropy", "hinge", "divergence", "similarity", "poisson"))
        and "focal" not in row["kind"]
    ),
    *({"kind": f"mean_{name}_error"} for name in ("absolute_percentage", "squared_logarithmic")),
]


def buckets(*thresholds: float, **values: Any) -> Settings:
    """What counts outputs between thresholds."""
    settings = {
        "soft": False,
        "top_k": 0,
        "class_id": -1,
        "by_label": False,
        "weighs_labels": False,
        "label_weights": (),
        "from_logits": False,
    }
    return {"kind": "buckets", "thresholds": thresholds, **settings, **values}


# Metrics that are no mean of a number a row, but functions of sums.
COUNTS: list[Settings] = [
    buckets(0.5),
    buckets(0.0, 0.25, 0.5, 1.0, soft=True),
    buckets(0.3, 0.6, by_label=True),
    buckets(0.3, 0.6, class_id=0),
    buckets(-1e10, top_k=1),
    buckets(0.6, 0.7, from_logits=True),
    {"kind": "fbeta_score", "threshold": math.nan},
    {"kind": "fbeta_score", "threshold": 0.4},
    {"kind": "r2_score"},
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
OPTIMIZERS_WITHOUT_ROW = {
    "Optimizer": "the base class",
    "LBFGS": "takes losses, not gradients alone: tests/models/test_lbfgs.py",
}


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
