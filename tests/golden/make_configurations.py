"""Makes ``configurations.json`` and ``configurations.pickle``: every member, with all its options.

Run with the version whose words are to be kept: ``python tests/golden/make_configurations.py``.
A later version must say the same of each member, in the same order, since ``repr`` and files are
made of it, and must read the pickles.
"""

import functools
import json
import pickle
from pathlib import Path

import fanin
from fanin import constraints, initializers, layers, losses, metrics, optimizers, regularizers
from fanin.optimizers import schedules

JSON = Path(__file__).with_name("configurations.json")
PICKLE = JSON.with_suffix(".pickle")
# Members that came later: pickles stay as the first version wrote them.
ADDED = PICKLE.with_name("configurations_added.pickle")
PLACES = {
    "constraints": constraints,
    "initializers": initializers,
    "layers": layers,
    "losses": losses,
    "metrics": metrics,
    "optimizers": optimizers,
    "regularizers": regularizers,
    "schedules": schedules,
}

_FANS = {
    "in_axis": ("1", "[0, 1]"),
    "out_axis": ("0",),
    "batch_axis": ("2", "'others'"),
    "groups": ("2",),
    "transposed": ("True",),
    "fan_in": ("3.0",),
    "fan_out": ("5",),
}
_SEED = {
    "seed": ("7", "[1, 2]", "fanin.random.Stream(3).at('dense/kernel')", "fanin.streams.jax(1)")
}
_UNIFORM = {**_SEED, "mode": ("'fan_out'",), **_FANS}
_NORMAL = {**_SEED, "truncated": ("False",), "mode": ("'fan_geo_avg'",), **_FANS}
_SLOPE = {"negative_slope": ("0.2",)}
_LAYER = {
    "dtype": ("'float64'", "'float32'"),
    "trainable": ("False",),
    "input_shape": ("(3, 4)",),
    "input_dim": ("4",),
    "batch_input_shape": ("(None, 5)",),
    "activity_regularizer": ("'l1'",),
}
_LOSS = {"reduction": ("'sum'", "None"), "name": ("'mine'",), "dtype": ("None",)}
_FROM = {"from_logits": ("True",), "label_smoothing": ("0.1",), "axis": ("-1",)}
_METRIC = {"name": ("'mine'",), "dtype": ("None",)}
_AROUND = {
    "use_ema": ("True",),
    "ema_momentum": ("0.5",),
    "ema_overwrite_frequency": ("10",),
    "gradient_accumulation_steps": ("4",),
}
_OPTIMIZER = {
    "learning_rate": ("0.5", "schedules.CosineDecay(0.1, 10)"),
    "weight_decay": ("0.01", "False"),
    "clipnorm": ("1.5",),
    "clipvalue": ("2",),
    "global_clipnorm": ("3.0",),
    "name": ("'mine'",),
    **_AROUND,
}
_BETAS = {"beta_1": ("0.5",), "beta_2": ("0.5",)}
_CONVENTION = {"convention": ("'torch'",)}

_NORMALIZATION = {
    "epsilon": ("0.01",),
    "center": ("False",),
    "scale": ("0",),
    "beta_initializer": ("'ones'",),
    "gamma_initializer": ("initializers.Constant(2)",),
    "beta_regularizer": ("'l1'",),
    "gamma_regularizer": ("'l2'",),
    "beta_constraint": ("'max_norm'",),
    "gamma_constraint": ("'non_neg'",),
    **_LAYER,
}

# Each class: the arguments that it needs, and code of values of each of its options.
MEMBERS = {
    "constraints": {
        "MaxNorm": ("", {"max_value": ("3",), "axis": ("1", "[0, 1]")}),
        "MinMaxNorm": (
            "",
            {"min_value": ("0.5",), "max_value": ("2",), "rate": ("0.5",), "axis": ("-1",)},
        ),
        "NonNeg": ("", {}),
        "UnitNorm": ("", {"axis": ("(0, 1)",)}),
    },
    "initializers": {
        "Constant": ("", {"value": ("0.5", "[1, 2.5]", "[[1.0], [2.0]]")}),
        "DeltaOrthogonal": ("", {"gain": ("2",), **_SEED}),
        "Dirac": ("", {"groups": ("2",)}),
        "GlorotNormal": ("", _NORMAL),
        "GlorotUniform": ("", _UNIFORM),
        "HeNormal": ("", {**_SLOPE, **_NORMAL}),
        "HeUniform": ("", {**_SLOPE, **_UNIFORM}),
        "Identity": ("", {"gain": ("0.5",)}),
        # Fans count where the scale is one by fan.
        "Beta": ("a=2, b=0.5, minval=-0.05, maxval=0.05, scale='he'", {**_SEED, **_FANS}),
        "Cauchy": ("", {"mean": ("1",), "scale": ("0.5",), **_SEED}),
        "Laplace": ("scale='he'", {"mean": ("1",), **_SEED, **_FANS}),
        "Logistic": ("scale='glorot'", {"mean": ("1",), **_SEED, **_FANS}),
        "StudentT": ("df=4, scale='lecun'", {"mean": ("1",), **_SEED, **_FANS}),
        "LecunNormal": ("", _NORMAL),
        "LecunUniform": ("", _UNIFORM),
        "LooksLinear": ("", {"gain": ("2",), "mirror": ("'inputs'",), **_SEED}),
        "Ones": ("", {}),
        "Orthogonal": ("", {"gain": ("2.0",), "flatten": ("'trailing'",), **_SEED}),
        "RandomNormal": ("", {"mean": ("1",), "stddev": ("0.5",), **_SEED}),
        "RandomUniform": ("", {"minval": ("-1",), "maxval": ("1",), **_SEED}),
        "SklearnDefault": ("", {"activation": ("'logistic'",), **_SEED, **_FANS}),
        "Sparse": ("sparsity=0.5", {"stddev": ("1",), **_SEED}),
        "TorchDefault": ("", {**_SEED, **_FANS}),
        "TruncatedNormal": (
            "",
            {
                "mean": ("1",),
                "stddev": ("0.5",),
                "lower": ("-1", "-float('inf')"),
                "upper": ("1.5",),
                "bounds": ("'absolute'",),
                **_SEED,
            },
        ),
        "VarianceScaling": (
            "",
            {
                "scale": ("2",),
                "mode": ("'fan_avg'", "'FAN_OUT'"),
                "distribution": ("'uniform'", "'normal'", "'untruncated_normal'"),
                **_SEED,
                **_FANS,
            },
        ),
        "ZerO": ("", {"orthonormal": ("True",)}),
        "Zeros": ("", {}),
    },
    "layers": {
        "ActivityRegularization": (
            "",
            {
                "l1": ("0.5",),
                "l2": ("1",),
                **{name: codes for name, codes in _LAYER.items() if name != "activity_regularizer"},
                "activity_regularizer": ("None",),
            },
        ),
        "Activation": (
            "activation='tanh'",
            {
                "activation": (
                    "None",
                    "fanin.activations.relu",
                    "functools.partial(fanin.activations.elu, alpha=0.5)",
                    "layers.LeakyReLU(0.1, name='inner')",
                ),
                **_LAYER,
            },
        ),
        "BatchNormalization": (
            "",
            {
                "axis": ("[-1]", "1"),
                "momentum": ("0.5",),
                "epsilon": ("0.01",),
                "center": ("False",),
                "scale": ("0",),
                "beta_initializer": ("'ones'",),
                "gamma_initializer": ("initializers.Constant(2)",),
                "moving_mean_initializer": ("initializers.RandomNormal(seed=3)",),
                "moving_variance_initializer": ("{'class_name': 'Ones', 'config': {}}",),
                "convention": ("'torch', momentum=None", "'torch'"),
                "beta_regularizer": ("'l1'",),
                "gamma_regularizer": ("regularizers.L2(0.5)",),
                "beta_constraint": ("'max_norm'",),
                "gamma_constraint": ("'non_neg'",),
                **_LAYER,
            },
        ),
        "Dense": (
            "units=3",
            {
                "activation": ("'relu'", "layers.ReLU(negative_slope=0.2, name='inner')"),
                "use_bias": ("False",),
                "kernel_initializer": ("'he_normal'", "initializers.HeNormal(truncated=False)"),
                "bias_initializer": ("initializers.Constant(0.1)",),
                "kernel_regularizer": ("regularizers.OrthogonalRegularizer(mode='columns')",),
                "bias_regularizer": ("'l2'",),
                "kernel_constraint": ("constraints.MinMaxNorm(0.5, 2, axis=1)",),
                "bias_constraint": ("'non_neg'",),
                **_LAYER,
            },
        ),
        "Dropout": ("rate=0.25", {"noise_shape": ("None",), **_SEED, **_LAYER}),
        "ELU": ("", {"alpha": ("0.5",), **_LAYER}),
        "Flatten": ("", {"data_format": ("'channels_last'",), **_LAYER}),
        "InputLayer": (
            "shape=(4,)",
            {"batch_size": ("8",), "dtype": ("'float64'", "'uint8'")},
        ),
        "LeakyReLU": ("", {"negative_slope": ("0.1",), "alpha": ("0.2",), **_LAYER}),
        "ReLU": (
            "",
            {
                "max_value": ("6", "None"),
                "negative_slope": ("0.1",),
                "threshold": ("0.5", "0"),
                **_LAYER,
            },
        ),
        "Softmax": ("", {"axis": ("-1",), **_LAYER}),
        **dict.fromkeys(
            ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), ("", _LAYER)
        ),
        "Concatenate": ("", {"axis": ("1",), **_LAYER}),
        "Dot": ("", {"axes": ("-1", "[1, 1]"), "normalize": ("False",), **_LAYER}),
        "CategoryEncoding": (
            "num_tokens=4",
            {"output_mode": ("'one_hot'", "'binary'"), **_LAYER},
        ),
        "AlphaDropout": ("rate=0.25", {"noise_shape": ("None",), **_SEED, **_LAYER}),
        "GaussianDropout": ("rate=0.25", {**_SEED, **_LAYER}),
        "GaussianNoise": ("stddev=0.25", {**_SEED, **_LAYER}),
        "GroupNormalization": (
            "",
            {
                "groups": ("-1", "4"),
                "axis": ("1",),
                **_NORMALIZATION,
            },
        ),
        "Identity": ("", _LAYER),
        "Lambda": (
            "function=fanin.ops.square",
            {
                "output_shape": ("(4,)", "3"),
                "mask": ("None",),
                "arguments": ("{'axis': -1}",),
                **_LAYER,
            },
        ),
        "LayerNormalization": ("", {"axis": ("[-1]", "(1, 2)"), **_NORMALIZATION}),
        "Normalization": (
            "",
            {
                "axis": ("None", "(-1,)"),
                "mean": ("None",),
                "variance": ("None",),
                "invert": (
                    "True, mean=[1, 2.5], variance=[1, 2]",
                    "True, mean=3, variance=0",
                    "True",
                ),
                **_LAYER,
            },
        ),
        "PReLU": (
            "",
            {
                "alpha_initializer": ("'ones'",),
                "shared_axes": ("1", "[1, 2]"),
                "alpha_regularizer": ("'l1'",),
                "alpha_constraint": ("'non_neg'",),
                **_LAYER,
            },
        ),
        "RMSNormalization": ("", {"axis": ("(1, 2)",), "epsilon": ("0.01",), **_LAYER}),
        "UnitNormalization": ("", {"axis": ("(1, 2)",), **_LAYER}),
        "Embedding": (
            "output_dim=3, input_dim=5",
            {
                "embeddings_initializer": ("'he_normal'", "initializers.Constant(2)"),
                "embeddings_regularizer": ("'l2'",),
                "embeddings_constraint": ("'unit_norm'",),
                "weights": ("None",),
                "input_length": ("None",),
                **{name: codes for name, codes in _LAYER.items() if name != "input_dim"},
            },
        ),
        "Permute": ("dims=(2, 1)", {**_LAYER}),
        "RepeatVector": ("n=3", {**_LAYER}),
        "Rescaling": ("scale=2", {"offset": ("-0.5",), **_LAYER}),
        "Reshape": ("target_shape=(2, -1)", {"target_shape": ("6", "[3, 2]"), **_LAYER}),
    },
    "losses": {
        **dict.fromkeys(
            ("BinaryCrossentropy", "CategoricalCrossentropy"),
            (
                "",
                {
                    "from_logits": ("True",),
                    "label_smoothing": ("0.1",),
                    "axis": ("-1",),
                    **_LOSS,
                },
            ),
        ),
        "SparseCategoricalCrossentropy": (
            "",
            {"from_logits": ("True",), "ignore_class": ("None",), "axis": ("-1",), **_LOSS},
        ),
        **dict.fromkeys(("MeanAbsoluteError", "MeanSquaredError"), ("", _LOSS)),
        **dict.fromkeys(
            (
                "CategoricalHinge",
                "Hinge",
                "KLDivergence",
                "LogCosh",
                "MeanAbsolutePercentageError",
                "MeanSquaredLogarithmicError",
                "Poisson",
                "SquaredHinge",
            ),
            ("", _LOSS),
        ),
        "BinaryFocalCrossentropy": (
            "",
            {
                "apply_class_balancing": ("True",),
                "alpha": ("0.5",),
                "gamma": ("1",),
                **_FROM,
                **_LOSS,
            },
        ),
        "CategoricalFocalCrossentropy": (
            "",
            {"alpha": ("0.5",), "gamma": ("1",), **_FROM, **_LOSS},
        ),
        "CosineSimilarity": ("", {"axis": ("-1",), **_LOSS}),
        "Huber": ("", {"delta": ("2",), **_LOSS}),
        "MeanPinballLoss": ("", {"alpha": ("0.9",), **_LOSS}),
    },
    "metrics": {
        "BinaryAccuracy": ("", {"threshold": ("0.25",), **_METRIC}),
        **dict.fromkeys(
            (
                "CategoricalAccuracy",
                "MeanAbsoluteError",
                "MeanSquaredError",
                "SparseCategoricalAccuracy",
                "Accuracy",
                "CategoricalHinge",
                "Hinge",
                "KLDivergence",
                "LogCoshError",
                "Mean",
                "MeanAbsolutePercentageError",
                "MeanSquaredLogarithmicError",
                "Poisson",
                "RootMeanSquaredError",
                "SquaredHinge",
                "Sum",
            ),
            ("", _METRIC),
        ),
        "AUC": (
            "",
            {
                "num_thresholds": ("3",),
                "curve": ("'pr'",),
                "summation_method": ("'minoring'",),
                "thresholds": ("[0.5, 0.25]",),
                "multi_label": ("True",),
                "num_labels": ("None",),
                "label_weights": ("(1, 2)",),
                "from_logits": ("True",),
                **_METRIC,
            },
        ),
        "BinaryCrossentropy": (
            "",
            {"from_logits": ("True",), "label_smoothing": ("0.1",), **_METRIC},
        ),
        "CategoricalCrossentropy": ("", {**_FROM, **_METRIC}),
        "SparseCategoricalCrossentropy": (
            "",
            {"from_logits": ("True",), "axis": ("-1",), **_METRIC},
        ),
        "CosineSimilarity": ("", {"axis": ("-1",), **_METRIC}),
        **dict.fromkeys(
            ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"),
            ("", {"thresholds": ("0.25", "[0.5, 0.1]"), **_METRIC}),
        ),
        **dict.fromkeys(
            ("Precision", "Recall"),
            (
                "",
                {
                    "thresholds": ("0.25", "[0.5, 0.1]"),
                    "top_k": ("2",),
                    "class_id": ("1",),
                    **_METRIC,
                },
            ),
        ),
        **{
            name: (
                f"{bound}=0.5",
                {"num_thresholds": ("3",), "class_id": ("1",), **_METRIC},
            )
            for name, bound in (
                ("PrecisionAtRecall", "recall"),
                ("RecallAtPrecision", "precision"),
                ("SensitivityAtSpecificity", "specificity"),
                ("SpecificityAtSensitivity", "sensitivity"),
            )
        },
        "F1Score": ("", {"average": ("'macro'",), "threshold": ("0.5",), **_METRIC}),
        "FBetaScore": (
            "",
            {"average": ("'micro'",), "beta": ("2",), "threshold": ("0.5",), **_METRIC},
        ),
        "R2Score": (
            "",
            {"class_aggregation": ("None",), "num_regressors": ("2",), **_METRIC},
        ),
        **dict.fromkeys(
            ("TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy"),
            ("", {"k": ("2",), **_METRIC}),
        ),
    },
    "optimizers": {
        "Adagrad": (
            "",
            {
                "initial_accumulator_value": ("0.5",),
                "epsilon": ("1e-3",),
                **_OPTIMIZER,
                **_CONVENTION,
            },
        ),
        "Adam": (
            "",
            {
                "beta_1": ("0.5",),
                "beta_2": ("0.5",),
                "epsilon": ("1e-3",),
                "amsgrad": ("True",),
                **_OPTIMIZER,
                **_CONVENTION,
            },
        ),
        "RMSprop": (
            "",
            {
                "rho": ("0.5",),
                "momentum": ("0.5",),
                "epsilon": ("1e-3",),
                "centered": ("True",),
                **_OPTIMIZER,
                **_CONVENTION,
            },
        ),
        "SGD": ("", {"momentum": ("1",), "nesterov": ("True",), **_OPTIMIZER, **_CONVENTION}),
        "AdamW": (
            "",
            {
                **_BETAS,
                "epsilon": ("1e-3",),
                "amsgrad": ("True",),
                **_OPTIMIZER,
                "weight_decay": ("0.01",),
                **_CONVENTION,
            },
        ),
        **dict.fromkeys(
            ("Nadam", "Adamax", "Lamb"), ("", {**_BETAS, "epsilon": ("1e-3",), **_OPTIMIZER})
        ),
        "Lion": ("", {**_BETAS, **_OPTIMIZER}),
        "Adadelta": ("", {"rho": ("0.5",), "epsilon": ("1e-3",), **_OPTIMIZER}),
        "Ftrl": (
            "",
            {
                "learning_rate_power": ("-1",),
                **dict.fromkeys(
                    (
                        "initial_accumulator_value",
                        "l1_regularization_strength",
                        "l2_regularization_strength",
                        "l2_shrinkage_regularization_strength",
                        "beta",
                    ),
                    ("0.5",),
                ),
                **_OPTIMIZER,
            },
        ),
        "Adafactor": (
            "",
            {
                "beta_2_decay": ("-0.5",),
                "epsilon_1": ("1e-20",),
                "epsilon_2": ("0.01",),
                "clip_threshold": ("2",),
                "relative_step": ("False",),
                **_OPTIMIZER,
            },
        ),
        "LBFGS": (
            "",
            {
                "learning_rate": ("0.5",),
                "max_iter": ("7",),
                "max_eval": ("30",),
                "tolerance_grad": ("1e-5",),
                "tolerance_change": ("1e-6",),
                "history_size": ("4",),
                "line_search_fn": ("'strong_wolfe'",),
                "name": ("'mine'",),
            },
        ),
        "Muon": (
            "",
            {
                "adam_beta_1": ("0.5",),
                "adam_beta_2": ("0.5",),
                "adam_weight_decay": ("None", "0.1"),
                "epsilon": ("1e-3",),
                "exclude_layers": ("['output']",),
                "exclude_embeddings": ("False",),
                "muon_a": ("3",),
                "muon_b": ("-4.5",),
                "muon_c": ("2",),
                "adam_lr_ratio": ("0.5",),
                "momentum": ("0.5",),
                "ns_steps": ("3",),
                "nesterov": ("False",),
                "rms_rate": ("None", "0.4"),
                **_OPTIMIZER,
            },
        ),
    },
    "regularizers": {
        "L1": ("", {"l1": ("0.5",)}),
        "L1L2": ("", {"l1": ("0.5",), "l2": ("1",)}),
        "L2": ("", {"l2": ("0",)}),
        "OrthogonalRegularizer": ("", {"factor": ("0.5",), "mode": ("'columns'",)}),
    },
    "schedules": {
        "CosineDecay": (
            "initial_learning_rate=0.1, decay_steps=10",
            {
                "alpha": ("0.5",),
                "name": ("'mine'",),
                "warmup_target": ("0.2",),
                "warmup_steps": ("5",),
            },
        ),
        "ExponentialDecay": (
            "initial_learning_rate=1, decay_steps=10, decay_rate=0.5",
            {"staircase": ("True",), "name": ("'mine'",)},
        ),
        "PiecewiseConstantDecay": (
            "boundaries=(1, 2), values=[3, 2, 1]",
            {"name": ("'mine'",)},
        ),
        "PolynomialDecay": (
            "initial_learning_rate=1, decay_steps=10",
            {
                "end_learning_rate": ("0.5",),
                "power": ("2",),
                "cycle": ("True",),
                "name": ("'mine'",),
            },
        ),
        "InverseTimeDecay": (
            "initial_learning_rate=1, decay_steps=10, decay_rate=0.5",
            {"staircase": ("True",), "name": ("'mine'",)},
        ),
        "CosineDecayRestarts": (
            "initial_learning_rate=1, first_decay_steps=10",
            {"t_mul": ("1.5",), "m_mul": ("0.5",), "alpha": ("0.1",), "name": ("'mine'",)},
        ),
    },
}
# Arguments beside which another one is given already.
_ALONE = (
    *("input_dim", "batch_input_shape", "clipvalue", "global_clipnorm"),
    *(*_AROUND, *_CONVENTION),
)
# How options end that came after the lines of all of them together.
_LATER = ("_regularizer", "_constraint")


def codes():
    """Walk the calls: none of the options, each value of each by itself, and all together."""
    for place, classes in MEMBERS.items():
        for name, (needed, options) in classes.items():
            given = [f"{option}={code}" for option, values in options.items() for code in values]
            together = ", ".join(
                f"{option}={values[-1]}"
                for option, values in options.items()
                if option not in _ALONE and not option.endswith(_LATER)
            )
            for extra in dict.fromkeys(("", *given, together)):
                arguments = _join(needed, extra)
                if place == "layers":  # the next free name depends on the layers before
                    arguments = _join(arguments, "name='layer'")
                yield f"{place}.{name}({arguments})"


def _join(needed, extra):
    """Return arguments, of which those that are given again replace what is needed."""
    if not needed or (extra and extra.startswith(needed.partition("=")[0] + "=")):
        return extra
    return f"{needed}, {extra}" if extra else needed


def make(code):
    """Make the member that a call stands for."""
    return eval(code, {"fanin": fanin, "functools": functools, **PLACES})


def words(code, member):
    """Return what a member says of itself: as text, in which 1, 1.0 and True differ."""
    shown = [repr(member)] if "schedules." not in code else []  # schedules had no repr
    told = [repr(member.settings())] if hasattr(member, "settings") else []
    return [repr(member.get_config()), *shown, *told]


def main():
    """Write the files."""
    members = {code: make(code) for code in codes()}
    lines = (
        f"{json.dumps(code)}: {json.dumps(words(code, member))}" for code, member in members.items()
    )
    JSON.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    before, added = pickle.loads(PICKLE.read_bytes()), pickle.loads(ADDED.read_bytes())
    new = {code: member for code, member in members.items() if code not in before | added}
    ADDED.write_bytes(pickle.dumps(added | new, protocol=4))


if __name__ == "__main__":
    main()
