"""Which metric is where, and by which names."""

# What `import fanin` need not pay for: metrics and functions, by module.
_LATE = {
    "_auc": "AUC",
    "_confusion": "FalseNegatives FalsePositives Precision Recall TrueNegatives TruePositives",
    "_best": (
        "PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity"
    ),
    "_errors": (
        "CosineSimilarity LogCoshError MeanAbsolutePercentageError MeanSquaredLogarithmicError "
        "R2Score RootMeanSquaredError"
    ),
    "_fscore": "F1Score FBetaScore",
    "_functions": (
        "binary_accuracy categorical_accuracy sparse_categorical_accuracy "
        "sparse_top_k_categorical_accuracy top_k_categorical_accuracy"
    ),
    "_margins": "CategoricalHinge Hinge SquaredHinge",
    "_probabilities": (
        "BinaryCrossentropy CategoricalCrossentropy KLDivergence Poisson "
        "SparseCategoricalCrossentropy"
    ),
    "_reductions": "Mean Sum",
    "_top": "Accuracy SparseTopKCategoricalAccuracy TopKCategoricalAccuracy",
}
_OF_LOSSES = (
    "binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
    "categorical_focal_crossentropy categorical_hinge hinge huber kl_divergence log_cosh "
    "mean_absolute_error mean_absolute_percentage_error mean_squared_error "
    "mean_squared_logarithmic_error poisson sparse_categorical_crossentropy squared_hinge"
)
"""Losses that are functions of this module too."""
LATER = {
    **{name: f"fanin.metrics.{home}" for home, names in _LATE.items() for name in names.split()},
    **dict.fromkeys(_OF_LOSSES.split(), "fanin.losses"),
}

ALIASES = {
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "bce": "BinaryCrossentropy",
    "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError",
}
FUNCTIONS = {
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "log_cosh": "LogCoshError",
    "poisson": "Poisson",
    "kl_divergence": "KLDivergence",
    "hinge": "Hinge",
    "squared_hinge": "SquaredHinge",
    "categorical_hinge": "CategoricalHinge",
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "binary_accuracy": "BinaryAccuracy",
    "categorical_accuracy": "CategoricalAccuracy",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
    "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy",
}
"""Functions, and the metrics that are means of what they return."""
