"""Modules and recorded values of Keras 1 and 2 under their old names: they work, with a warning.

What an old module had and fanin has not is absent for the reason of the new module.
`_calls.OLD` has the arguments.
"""

# An old module, without "fanin.": the one that has its names.
MODULES: dict[str, str] = {
    **dict.fromkeys(
        (
            "layers.core",
            "layers.advanced_activations",
            "layers.embeddings",
            "layers.experimental",
            "layers.merge",
            "layers.merging",
            "layers.noise",
            "layers.normalization",
            "layers.preprocessing",
        ),
        "layers",
    ),
    **dict.fromkeys(
        (
            "utils.np_utils",
            "utils.numerical_utils",
            "utils.vis_utils",
            "utils.visualize_util",
            "utils.generic_utils",
            "utils.layer_utils",
        ),
        "utils",
    ),
    **dict.fromkeys(
        (
            "optimizers.legacy",
            "optimizers.experimental",
            "optimizers.optimizer_v2",
            "optimizers.adam",
            "optimizers.sgd",
            "optimizers.rmsprop",
            "optimizers.adagrad",
        ),
        "optimizers",
    ),
    "optimizers.learning_rate_schedule": "optimizers.schedules",
    "objectives": "losses",
    "initializations": "initializers",
}

_ACCURACIES = ("accuracy", "acc")

# What is recorded under a new name: the names that one may be asked for by, in their order.
RECORDS: dict[str, tuple[str, ...]] = {
    "acc": _ACCURACIES,
    "accuracy": _ACCURACIES,
    "lr": ("learning_rate",),
}
