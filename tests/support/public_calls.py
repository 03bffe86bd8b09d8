"""Every public callable with arguments that it accepts, or the reason why it has none here.

A new public callable needs a row in `ARGUMENTS` (if it has arguments that no default serves), an
object in `OBJECTS` (if it is a method), or a reason in `EXEMPT`.
"""

import copy
import importlib
import inspect
import pkgutil
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import fanin
import numpy as np
from fanin import (
    callbacks,
    comparison,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    regularizers,
)
from fanin import optimizers as opt

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.integers(0, 3, 12)
P = np.abs(X[:, :3]) / np.abs(X[:, :3]).sum(1, keepdims=True)
HOT = np.eye(3, dtype="float32")[Y]


class Call(NamedTuple):
    """One callable: what it is called, and how to make it with arguments that it accepts."""

    name: str
    owner: Callable[[], Any] | None
    function: Callable[..., Any]
    """Of the owner, if there is one, then of the arguments."""
    arguments: Callable[[], dict[str, Any]]
    parameters: tuple[str, ...]


# Objects whose methods are walked. A method that several have is walked once, on the first.


def compiled(*members, optimizer="adam", loss="sparse_categorical_crossentropy"):
    model = fanin.Sequential(list(members), rng=0)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def stack(**first):
    # No argument that a file cannot hold, and one of everything that has arrays or draws.
    return (
        layers.Dense(5, "relu", kernel_initializer="he_normal", name="first", **first),
        layers.BatchNormalization(name="second"),
        layers.Dropout(0.3, name="third"),
        layers.Dense(3, "softmax", name="fourth"),
    )


FITTED = compiled(*stack(input_dim=4))
FITTED.fit(X, Y, verbose=0, epochs=1)


def fitted():
    return copy.deepcopy(FITTED)


def not_built():
    return compiled(*stack())


def built(layer):
    layer.build((None, 4), rng=0)
    return layer


COMPARED = fanin.compare(
    ["he_normal"], data=((X, Y), (X, Y)), seeds=1, epochs=1, hidden=(4,), progress=False
)
REPORT = fanin.diagnose(fitted(), X, Y)
RECORDED = fitted().fit(X, Y, verbose=0, callbacks=[callbacks.SignalMonitor(X, Y, every=1)])


def wired():
    inputs = layers.Input((4,))
    return {"inputs": inputs, "outputs": layers.Dense(3)(inputs)}


def graph():
    model = fanin.Model(**wired(), rng=0)
    model.compile("sgd", "mse")
    return model


OBJECTS: dict[str, Callable[[], Any]] = {
    "Sequential": fitted,
    "Sequential, not built": not_built,
    "Dense of a network": lambda: fitted().layers[0],
    "Dense": lambda: built(layers.Dense(3)),
    "BatchNormalization": lambda: built(layers.BatchNormalization()),
    "Dropout": lambda: built(layers.Dropout(0.5, seed=1)),
    "Flatten": lambda: built(layers.Flatten()),
    "Progbar": lambda: fanin.utils.Progbar(3, verbose=0),
    "ActivityRegularization": lambda: built(layers.ActivityRegularization(l2=0.1)),
    "Activation": lambda: built(layers.Activation("relu")),
    "Softmax": lambda: built(layers.Softmax()),
    "ReLU": lambda: built(layers.ReLU()),
    "LeakyReLU": lambda: built(layers.LeakyReLU()),
    "ELU": lambda: built(layers.ELU()),
    "RMSNormalization": lambda: built(layers.RMSNormalization()),
    "Normalization": lambda: built(layers.Normalization()),
    "LayerNormalization": lambda: built(layers.LayerNormalization()),
    "GroupNormalization": lambda: built(layers.GroupNormalization(1)),
    "UnitNormalization": lambda: built(layers.UnitNormalization()),
    "PReLU": lambda: built(layers.PReLU()),
    "InputLayer": lambda: layers.InputLayer((4,)),
    "Model": graph,
    "Add": layers.Add,
    "Dot": lambda: layers.Dot(1),
    "CategoricalCrossentropy": losses.CategoricalCrossentropy,
    "BinaryCrossentropy": losses.BinaryCrossentropy,
    "SparseCategoricalCrossentropy": losses.SparseCategoricalCrossentropy,
    "MeanSquaredError": losses.MeanSquaredError,
    "MeanAbsoluteError": losses.MeanAbsoluteError,
    "metrics.CategoricalAccuracy": metrics.CategoricalAccuracy,
    "metrics.BinaryAccuracy": metrics.BinaryAccuracy,
    "metrics.SparseCategoricalAccuracy": metrics.SparseCategoricalAccuracy,
    "metrics.MeanSquaredError": metrics.MeanSquaredError,
    "metrics.MeanAbsoluteError": metrics.MeanAbsoluteError,
    "metrics.AUC": metrics.AUC,
    "metrics.Precision": metrics.Precision,
    "metrics.PrecisionAtRecall": lambda: metrics.PrecisionAtRecall(0.5),
    "metrics.F1Score": metrics.F1Score,
    "metrics.R2Score": metrics.R2Score,
    "metrics.Mean": metrics.Mean,
    "metrics.Sum": metrics.Sum,
    "Adam": opt.Adam,
    "SGD": lambda: opt.SGD(momentum=0.9),
    "RMSprop": opt.RMSprop,
    "Adagrad": opt.Adagrad,
    **{
        kind.__name__: kind
        for module in (regularizers, constraints)
        for kind in module._REGISTRY.members
    },
    **{
        name: getattr(opt, name)
        for name in (
            *("Adadelta", "Adafactor", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion"),
            *("LBFGS", "Muon", "Nadam"),
        )
    },
    "InverseTimeDecay": lambda: opt.schedules.InverseTimeDecay(0.1, 10, 0.5),
    "PolynomialDecay": lambda: opt.schedules.PolynomialDecay(0.1, 10),
    "CosineDecayRestarts": lambda: opt.schedules.CosineDecayRestarts(0.1, 10),
    "CosineDecay": lambda: opt.schedules.CosineDecay(0.1, 10),
    "ExponentialDecay": lambda: opt.schedules.ExponentialDecay(0.1, 10, 0.5),
    "PiecewiseConstantDecay": lambda: opt.schedules.PiecewiseConstantDecay([5], [0.1, 0.01]),
    "HeNormal": lambda: initializers.HeNormal(seed=1),
    "StudentT": lambda: initializers.StudentT(4.0, seed=1),
    "Beta": lambda: initializers.Beta(2.0, 5.0, seed=1),
    "Orthogonal": lambda: initializers.Orthogonal(seed=1),
    "DeltaOrthogonal": lambda: initializers.DeltaOrthogonal(seed=1),
    "Constant": lambda: initializers.Constant(0.5),
    "Stream": lambda: fanin.random.Stream(1),
    "SeedGenerator": lambda: fanin.random.SeedGenerator(1),
    "Jax": lambda: fanin.streams.jax(1),
    "TorchCpu": lambda: fanin.streams.torch_cpu(1),
    "Comparison": lambda: COMPARED,
    "Arm": lambda: comparison.Arm("he_normal"),
    "Trial": lambda: COMPARED.arms[0].trials[0],
    "Report": lambda: REPORT,
    "Signals": lambda: RECORDED.signals,
    "History": lambda: RECORDED,
}


def _initializer(kind):
    return kind(**ARGUMENTS.get(kind.__name__, dict)())


for _name in dir(initializers):
    _kind = getattr(initializers, _name)
    if isinstance(_kind, type) and issubclass(_kind, initializers.Initializer):
        OBJECTS.setdefault(
            _kind.__name__, lambda kind=_kind: kind(**ARGUMENTS.get(kind.__name__, dict)())
        )
for _name in ("Initializer", "RandomInitializer"):
    OBJECTS.pop(_name, None)

# Arguments that a callable needs: by name for all, or for one callable.
COMMON: dict[str, Callable[[], Any]] = {
    "inputs": lambda: [X.copy(), X.copy()],
    "model": fitted,
    "x": X.copy,
    "x1": X.copy,
    "x2": X.copy,
    "condition": lambda: X > 0,
    "y": Y.copy,
    "y_true": HOT.copy,
    "y_pred": P.copy,
    "shape": lambda: (4, 3),
    "input_shape": lambda: (None, 4),
    "tensor": lambda: np.full((4, 3), 0.5, "float32"),
    "activation": lambda: "relu",
    "identifier": lambda: "relu",
    "seed": lambda: 1,
    "filename": lambda: "log.csv",
    "filepath": lambda: "file.npz",
    "folder": lambda: "runs",
    "path": lambda: "file.html",
    "units": lambda: 3,
    "rate": lambda: 0.5,
    **dict.fromkeys(("recall", "precision", "sensitivity", "specificity"), lambda: 0.5),
    "values": lambda: [1.0, 2.0],
    "sparsity": lambda: 0.5,
    "val": lambda: 0.5,
    "schedule": lambda: _halve,
    "initializer": lambda: initializers.HeNormal(seed=1),
    "learning_rate": lambda: 0.1,
    "initial_learning_rate": lambda: 0.1,
    "decay_steps": lambda: 10,
    "first_decay_steps": lambda: 10,
    "decay_rate": lambda: 0.5,
    "count": lambda: 1,
    "sigma_w2": lambda: 2.0,
    "dtype": lambda: "float32",
    "n": lambda: 3,
    "mean": lambda: 0.0,
    "std": lambda: 1.0,
    "low": lambda: -1.0,
    "high": lambda: 1.0,
    "variance": lambda: 1.0,
    "distribution": lambda: "truncated_normal",
    "rows": lambda: 4,
    "columns": lambda: 3,
    "step": lambda: 3,
    "target": lambda: 0.5,
    "layer": lambda: REPORT.layers[0],
    "out": lambda: np.ones((4, 3), "float32"),
    "config": lambda: {"class_name": "HeNormal", "config": {}},
}


def _halve(epoch, rate):
    return rate / 2


def with_slots():
    params = np.ones(6, "float32")
    return {"params": params, "grads": np.ones(6, "float32"), "slots": opt.Adam().init(params)}


def passed(owner):
    """Return the arguments of `backward` for an owner, which it changes no more."""

    def arguments():
        made = owner()
        outputs, cache = made.forward(X)
        return {"dy": np.ones_like(outputs), "cache": cache}

    return arguments


def saved():
    fitted().save("saved.npz")
    return {"filepath": "saved.npz"}


def configured(make):
    return lambda: {"config": make().get_config()}


ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "fanin.Input": lambda: {"shape": (4,)},
    "fanin.layers.InputLayer": lambda: {"shape": (4,)},
    "Sequential.build": lambda: {"input_shape": (None, 4)},
    "Sequential.call": lambda: {"inputs": X.copy()},
    "fanin.Model": lambda: wired(),
    "fanin.layers.CategoryEncoding": lambda: {"num_tokens": 4},
    "fanin.layers.AlphaDropout": lambda: {"rate": 0.5},
    "fanin.layers.GaussianDropout": lambda: {"rate": 0.5},
    "fanin.layers.GaussianNoise": lambda: {"stddev": 0.5},
    "fanin.activations.threshold": lambda: {
        "x": X.copy(),
        "threshold": 0.5,
        "default_value": 0.0,
    },
    "fanin.layers.Embedding": lambda: {"input_dim": 4, "output_dim": 2},
    "fanin.layers.Lambda": lambda: {"function": fanin.ops.square},
    "fanin.layers.Permute": lambda: {"dims": (2, 1)},
    "fanin.layers.RepeatVector": lambda: {"n": 2},
    "fanin.layers.Rescaling": lambda: {"scale": 2.0},
    "fanin.layers.Reshape": lambda: {"target_shape": (2, 2)},
    "fanin.Sequential": lambda: {"layers": list(stack(input_dim=4)), "rng": 0},
    "fanin.utils.plot_model": lambda: {"model": fitted(), "to_file": "model.svg"},
    "fanin.compare": lambda: {
        "arms": ["zeros"],
        "data": ((X, Y), (X, Y)),
        "seeds": 1,
        "epochs": 1,
        "hidden": (4,),
        "progress": False,
    },
    "fanin.fit_many": lambda: {"models": [fitted()], "x": X.copy(), "y": Y.copy(), "verbose": 0},
    "fanin.recommend": lambda: {"model": [4, 5, 3], "activation": "relu"},
    "fanin.initialize": lambda: {"model": {"kernel": np.ones((4, 3)), "bias": np.ones(3)}},
    "fanin.phase_diagram": lambda: {"activation": "relu"},
    "fanin.activations.serialize": lambda: {"activation": fanin.activations.relu},
    "fanin.activations.deserialize": lambda: {"config": "relu"},
    "fanin.diagnosis.findings.find": lambda: {"report": REPORT},
    "fanin.frameworks.opened": lambda: {"model": {"kernel": np.ones((4, 3))}},
    "fanin.init.calculate_gain": lambda: {"nonlinearity": "relu"},
    "fanin.init.dirac": lambda: {"tensor": np.ones((4, 3, 3), "float32")},
    "fanin.init.dirac_": lambda: {"tensor": np.ones((4, 3, 3), "float32")},
    **dict.fromkeys(
        ("fanin.initializers.Beta", "fanin.initializers.beta"), lambda: {"a": 2.0, "b": 5.0}
    ),
    **dict.fromkeys(
        ("fanin.initializers.StudentT", "fanin.initializers.student_t"), lambda: {"df": 4.0}
    ),
    "fanin.initializers.get": lambda: {"identifier": "he_normal"},
    "fanin.layers.serialize": lambda: {"layer": layers.Dense(3)},
    "fanin.layers.deserialize": lambda: {"config": layers.serialize(layers.Dense(3))},
    "fanin.losses.get": lambda: {"identifier": "mse"},
    "fanin.losses.resolve": lambda: {"identifier": "mse"},
    "fanin.losses.serialize": lambda: {"loss": losses.MeanSquaredError()},
    "fanin.losses.deserialize": lambda: {"name": "mse"},
    "fanin.losses.sparse_categorical_crossentropy": lambda: {
        "y_true": Y.copy(),
        "y_pred": P.copy(),
    },
    **dict.fromkeys(
        (
            "fanin.metrics.sparse_categorical_accuracy",
            "fanin.metrics.sparse_categorical_crossentropy",
            "fanin.metrics.sparse_top_k_categorical_accuracy",
        ),
        lambda: {"y_true": Y.copy(), "y_pred": P.copy()},
    ),
    "fanin.metrics.get": lambda: {"identifier": "mse"},
    "fanin.metrics.resolve": lambda: {
        "identifier": "mse",
        "loss": "mean_squared_error",
        "outputs": 1,
    },
    "fanin.metrics.serialize": lambda: {"metric": metrics.MeanSquaredError()},
    "fanin.metrics.deserialize": lambda: {
        "config": {"class_name": "MeanSquaredError", "config": {}}
    },
    "fanin.models.load_model": saved,
    "fanin.ops.arctan2": lambda: {"x1": X.copy(), "x2": X.copy()},
    "fanin.ops.broadcast_to": lambda: {"x": X.copy(), "shape": (2, *X.shape)},
    "fanin.ops.dot": lambda: {"x1": X.copy(), "x2": X.T.copy()},
    "fanin.ops.eye": lambda: {"N": 3},
    "fanin.ops.in_top_k": lambda: {"targets": Y.copy(), "predictions": P.copy(), "k": 2},
    "fanin.ops.linspace": lambda: {"start": 0.0, "stop": 1.0},
    "fanin.ops.moments": lambda: {"x": X.copy(), "axes": 0},
    "fanin.ops.outer": lambda: {"x1": X.copy(), "x2": X.copy()},
    "fanin.ops.pad": lambda: {"x": X.copy(), "pad_width": 1},
    "fanin.ops.repeat": lambda: {"x": X.copy(), "repeats": 2},
    "fanin.ops.roll": lambda: {"x": X.copy(), "shift": 1},
    "fanin.ops.take_along_axis": lambda: {
        "x": X.copy(),
        "indices": np.zeros((len(X), 1), int),
        "axis": 1,
    },
    "fanin.ops.tensordot": lambda: {"x1": X.copy(), "x2": X.T.copy(), "axes": 1},
    "fanin.ops.tile": lambda: {"x": X.copy(), "repeats": 2},
    "fanin.ops.top_k": lambda: {"x": X.copy(), "k": 2},
    "fanin.backend.clip": lambda: {"x": X.copy(), "min_value": -0.5, "max_value": 0.5},
    "fanin.backend.concatenate": lambda: {"tensors": [X.copy(), X.copy()]},
    "fanin.backend.dot": lambda: {"x": X.copy(), "y": X.T.copy()},
    "fanin.backend.permute_dimensions": lambda: {"x": X.copy(), "pattern": (1, 0)},
    "fanin.backend.pow": lambda: {"x": np.abs(X), "a": 1.5},
    "fanin.backend.repeat_elements": lambda: {"x": X.copy(), "rep": 2, "axis": 1},
    "fanin.backend.reverse": lambda: {"x": X.copy(), "axes": 1},
    "fanin.utils.Progbar": lambda: {"target": 3},
    "Progbar.update": lambda: {"current": 2, "values": [("loss", 0.5)]},
    "Progbar.add": lambda: {"n": 1, "values": [("loss", 0.5)]},
    "fanin.backend.set_value": lambda: {"x": X.copy(), "value": X + 1},
    "fanin.ops.arange": lambda: {"start": 3},
    "fanin.ops.clip": lambda: {"x": X.copy(), "x_min": -0.5, "x_max": 0.5},
    "fanin.ops.concatenate": lambda: {"xs": [X.copy(), X.copy()]},
    "fanin.ops.expand_dims": lambda: {"x": X.copy(), "axis": 0},
    "fanin.ops.full": lambda: {"shape": (2,), "fill_value": 0.5},
    "fanin.ops.full_like": lambda: {"x": X.copy(), "fill_value": 0.5},
    "fanin.ops.matmul": lambda: {"x1": X.copy(), "x2": X.T.copy()},
    "fanin.ops.moveaxis": lambda: {"x": X.copy(), "source": 0, "destination": 1},
    "fanin.ops.one_hot": lambda: {"x": Y.copy(), "num_classes": 3},
    "fanin.ops.power": lambda: {"x1": np.abs(X), "x2": 1.5},
    "fanin.ops.reshape": lambda: {"x": X.copy(), "newshape": (-1, 2)},
    "fanin.ops.split": lambda: {"x": X.copy(), "indices_or_sections": 2},
    "fanin.ops.stack": lambda: {"x": [X.copy(), X.copy()]},
    "fanin.ops.stop_gradient": lambda: {"variable": X.copy()},
    "fanin.ops.swapaxes": lambda: {"x": X.copy(), "axis1": 0, "axis2": 1},
    "fanin.ops.take": lambda: {"x": X.copy(), "indices": [1, 0]},
    "fanin.regularizers.get": lambda: {"identifier": "l2"},
    "fanin.regularizers.serialize": lambda: {"regularizer": regularizers.L2()},
    "fanin.regularizers.deserialize": lambda: {"config": regularizers.serialize(regularizers.L2())},
    "fanin.constraints.get": lambda: {"identifier": "non_neg"},
    "fanin.constraints.serialize": lambda: {"constraint": constraints.NonNeg()},
    "fanin.constraints.deserialize": lambda: {
        "config": constraints.serialize(constraints.NonNeg())
    },
    "fanin.optimizers.get": lambda: {"identifier": "adam"},
    "fanin.optimizers.serialize": lambda: {"optimizer": opt.Adam()},
    "fanin.optimizers.deserialize": lambda: {"config": opt.serialize(opt.Adam())},
    **dict.fromkeys(
        ("fanin.saving.CustomObjectScope", "fanin.saving.custom_object_scope"),
        lambda: {"custom_objects": {"Mine": opt.SGD}},
    ),
    "fanin.optimizers.schedules.serialize": lambda: {
        "learning_rate_schedule": opt.schedules.CosineDecay(0.1, 10)
    },
    "fanin.optimizers.schedules.deserialize": lambda: {
        "config": opt.schedules.serialize(opt.schedules.CosineDecay(0.1, 10))
    },
    "fanin.optimizers.schedules.PiecewiseConstantDecay": lambda: {
        "boundaries": [5],
        "values": [0.1, 0.01],
    },
    "fanin.theory.correlation_map": lambda: {"activation": "relu", "c": 0.5, "sigma_w2": 2.0},
    "fanin.theory.length_map": lambda: {"activation": "relu", "q": 1.0, "sigma_w2": 2.0},
    "fanin.theory.predict": lambda: {"network": fitted(), "x": X.copy()},
    "fanin.utils.to_categorical": lambda: {"x": Y.copy()},
    "Sequential.fit": lambda: {"x": X.copy(), "y": Y.copy(), "verbose": 0},
    "Sequential.evaluate": lambda: {"x": X.copy(), "y": Y.copy(), "verbose": 0},
    "Sequential.predict": lambda: {"x": X.copy(), "verbose": 0},
    "fanin.models.model_from_json": lambda: {"json_string": fitted().to_json()},
    "Sequential.to_json": lambda: {"indent": 2},
    "Sequential.train_on_batch": lambda: {"x": X.copy(), "y": Y.copy()},
    "Sequential.test_on_batch": lambda: {"x": X.copy(), "y": Y.copy()},
    "Sequential.forward": lambda: {"x": X.copy(), "training": True},
    "Sequential.__call__": lambda: {"x": X.copy(), "training": True},
    "Dense of a network.forward": lambda: {"x": X.copy(), "training": True},
    "Sequential.add": lambda: {"layer": layers.Dense(2)},
    "Sequential.compile": lambda: {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"},
    "Sequential.backward": passed(fitted),
    "Sequential.get_layer": lambda: {"name": "first"},
    "Sequential.load_weights": saved,
    "Sequential.set_weights": lambda: {"weights": fitted().get_weights()},
    "Sequential.summary": lambda: {"print_fn": str},
    "Sequential.from_config": configured(fitted),
    "Dense of a network.from_config": configured(lambda: layers.Dense(3)),
    "Dense of a network.backward": passed(lambda: built(layers.Dense(5))),
    "Dense of a network.set_weights": lambda: {"weights": fitted().layers[0].get_weights()},
    "Model.from_config": configured(graph),
    "Add.compute_output_shape": lambda: {"input_shape": [(None, 4), (None, 4)]},
    "Add.build": lambda: {"input_shape": [(None, 4), (None, 4)]},
    "Normalization.is_trained": lambda: {"role": "mean"},
    "Normalization.adapt": lambda: {"data": np.ones((3, 4))},
    "InputLayer.from_config": configured(lambda: layers.InputLayer((4,))),
    "CategoricalCrossentropy.from_config": configured(losses.CategoricalCrossentropy),
    "metrics.CategoricalAccuracy.from_config": configured(metrics.CategoricalAccuracy),
    "Adam.from_config": configured(opt.Adam),
    "Adam.init": lambda: {"params": np.ones(6, "float32")},
    "Adagrad.init": lambda: {"params": np.ones(6, "float32")},
    "Ftrl.init": lambda: {"params": np.ones(6, "float32")},
    "Adam.step": with_slots,
    "Adam.learning_rates": lambda: {"start": 0, "count": 3},
    "L1.from_config": configured(regularizers.L1),
    "MaxNorm.from_config": configured(constraints.MaxNorm),
    "MaxNorm.__call__": lambda: {"w": X.copy()},
    "CosineDecay.from_config": configured(lambda: opt.schedules.CosineDecay(0.1, 10)),
    "HeNormal.from_config": configured(lambda: initializers.HeNormal(seed=1)),
    "Orthogonal.from_config": configured(lambda: initializers.Orthogonal(seed=1)),
    "DeltaOrthogonal.fill": lambda: {"out": np.ones((3, 3, 4, 4), "float32")},
    "DeltaOrthogonal.__call__": lambda: {"shape": (3, 3, 4, 4)},
    "Stream.at": lambda: {"path": "kernel"},
    "Jax.at": lambda: {"path": "kernel"},
    "Jax.fold_in": lambda: {"data": 3},
    "TorchCpu.trunc_normal": lambda: {
        "shape": (4, 3),
        "mean": 0.0,
        "std": 1.0,
        "a": -2.0,
        "b": 2.0,
        "dtype": "float32",
    },
    "Comparison.__getitem__": lambda: {"label": "HeNormal"},
    "Comparison.behind_best": lambda: {"arm": COMPARED.arms[0]},
    "Comparison.from_dict": lambda: {"plain": COMPARED.to_dict()},
    "Comparison.save_plot": lambda: {"path": "plot.png"},
    "Arm.parse": lambda: {"text": "he_normal+bn"},
    "Report.__getitem__": lambda: {"layer": 0},
    "Signals.__getitem__": lambda: {"statistic": "mean"},
    "Sparse": lambda: {"sparsity": 0.5},
}

_RECORD = "a record: its constructor stores what a function of the package has measured"
_HOOK = "called by `fit` with what it made itself"
_INNER = "called by a network with arrays and plans that it made itself"
_BASE = "a base class that is never made"
EXEMPT: dict[str, str] = {
    **dict.fromkeys(
        ("fanin.errors.NotReadyError", "fanin.errors.ShapeError"),
        "an error, with the arguments of all errors",
    ),
    **dict.fromkeys(
        (
            "fanin.callbacks.Signals",
            "fanin.comparison.ArmResult",
            "fanin.comparison.Comparison",
            "fanin.comparison.Trial",
            "fanin.data_dependent.LayerScale",
            "fanin.data_dependent.Scales",
            "fanin.datasets.fashion_mnist.Source",
            "fanin.diagnosis.Candidate",
            "fanin.diagnosis.Curvature",
            "fanin.diagnosis.Finding",
            "fanin.diagnosis.FirstStep",
            "fanin.diagnosis.AttentionReport",
            "fanin.diagnosis.RecurrenceReport",
            "fanin.diagnosis.LayerReport",
            "fanin.diagnosis.LayerSymmetry",
            "fanin.diagnosis.Recommendation",
            "fanin.diagnosis.Report",
            "fanin.diagnosis.Signal",
            "fanin.diagnosis.Slopes",
            "fanin.diagnosis.SymmetryReport",
            "fanin.diagnosis.Weights",
            "fanin.diagnosis.findings.counted",
            "fanin.frameworks.Layer",
            "fanin.frameworks.Model",
            "fanin.frameworks.Parameter",
            "fanin.initializers.Explanation",
            "fanin.normalization.BatchNormReport",
            "fanin.normalization.LayerStatistics",
            "fanin.streams.Jax",
            "fanin.streams.TorchCpu",
            *(
                f"fanin.theory.{name}"
                for name in (
                    "ActivationStep",
                    "Band",
                    "BatchNormStep",
                    "DenseStep",
                    "DropoutStep",
                    "FixedPoint",
                    "LayerPrediction",
                    "LayerSteps",
                    "MeanField",
                    "Nonlinearity",
                    "OtherStep",
                    "Prediction",
                    "RowNormStep",
                    "WeightLaw",
                )
            ),
        ),
        _RECORD,
    ),
    **dict.fromkeys(
        (
            *(
                f"fanin.datasets.{name}.load_data"
                for name in (
                    "boston_housing",
                    "california_housing",
                    "cifar100",
                    "imdb",
                    "mnist",
                    "reuters",
                )
            ),
            "fanin.datasets.imdb.get_word_index",
            "fanin.datasets.reuters.get_word_index",
        ),
        "needs a file that is not everywhere: tests/datasets has its tests",
    ),
    "fanin.watch": "needs torch; tests/diagnosis/test_watch.py has its tests",
    "fanin.diagnosis.Watch": "the same",
    "Signals.add": "called with what was measured",
    "fanin.initializers.keras.FaninInitializer": "needs Keras; tests/peers has its tests",
    **dict.fromkeys(
        (
            "fanin.layers.Layer",
            "fanin.losses.Loss",
            "fanin.metrics.Metric",
            "fanin.optimizers.Optimizer",
            "fanin.optimizers.schedules.LearningRateSchedule",
            "fanin.initializers.Initializer",
            "fanin.initializers.RandomInitializer",
            "fanin.streams.Replay",
            "fanin.regularizers.Regularizer",
            "fanin.constraints.Constraint",
        ),
        _BASE,
    ),
    **dict.fromkeys(
        (
            "Dense of a network.fill",
            "Dense of a network.tie",
            "Dense of a network.plan_for",
            "Dense of a network.is_trained",
            "Sequential.plan_for",
            "Sequential.built_for",
            "Sequential.restoring",
            "Sequential.calls_of",
            "Sequential.of_each_input",
            "Dense of a network.shape_after",
            "Dense of a network.shape_of_inputs",
        ),
        _INNER,
    ),
}
EXEMPT["fanin.utils.ArrowBatches"] = "needs pyarrow: tests/models/test_columns.py"
EXEMPT["fanin.ops.einsum"] = "its operands have no names: tests/models/test_more_ops.py"
EXEMPT["Sequential.add_loss"] = "for calls of users' classes: tests/models/test_add_loss.py"
EXEMPT["Dense of a network.add_weight"] = "for classes of users': tests/layers/test_own_layers.py"
EXEMPT_METHODS: dict[str, str] = {
    **{name: _HOOK for name in dir(callbacks.Callback) if name.startswith("on_")},
    **dict.fromkeys(("set_model", "set_params", "overrides"), _HOOK),
    **dict.fromkeys(("get_monitor_value", "improves", "larger_is_better"), _HOOK),
    **dict.fromkeys(("for_parameter", "draw_from", "check_input", "restore"), _INNER),
    **dict.fromkeys(("shape_of_inputs", "shape_after", "of_each_input"), _INNER),
    **dict.fromkeys(("prediction", "bands", "outside"), "of a layer of the report itself"),
}


# What is given what a user gave, though it is not public.
BESIDE: dict[str, Any] = {
    f"fanin.random.{name}": function
    for name in ("simplify",)
    if (function := getattr(fanin.random, name, None)) is not None
}


SECOND = ("fanin.backend", "fanin.keras")  # other names of what is elsewhere


def public_modules() -> Iterator[types.ModuleType]:
    """Walk the modules that say what is public in them."""
    yield fanin
    infos = pkgutil.walk_packages(fanin.__path__, "fanin.")
    for info in sorted(infos, key=lambda info: info.name in SECOND):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        try:
            module = importlib.import_module(info.name)
        except ImportError:  # Keras is not there
            continue
        # `fanin.typing` has types for annotations, which nobody calls.
        if hasattr(module, "__all__") and info.name != "fanin.typing":
            yield module


def functions() -> dict[str, Any]:
    """Return all public functions and classes by name; the first of several names counts."""
    found: dict[int, tuple[str, Any]] = {}
    for module in public_modules():
        for name in module.__all__:
            member = getattr(module, name)
            if callable(member) and not isinstance(member, types.ModuleType):
                found.setdefault(id(member), (f"{module.__name__}.{name}", member))
    return {**dict(found.values()), **BESIDE}


def methods_of(kind: type) -> Iterator[tuple[str, Any]]:
    """Walk the public methods of a class: name, and the function by which it is known again."""
    for name in dir(kind):
        if name.startswith("_") and name not in ("__call__", "__getitem__"):
            continue
        member = inspect.getattr_static(kind, name)
        member = getattr(member, "__func__", member)
        if inspect.isfunction(member):
            yield name, member


def methods() -> Iterator[tuple[str, Callable[[], Any], Any]]:
    """Walk the public methods of `OBJECTS`: name, how to make the object, and the method's own."""
    seen = set()
    for label, make in OBJECTS.items():
        for name, function in methods_of(type(make())):
            if function not in seen or "," in label:
                seen.add(function)
                yield f"{label}.{name}", make, name


def parameters(function: Any) -> list[inspect.Parameter]:
    """Return what a function takes, without its object."""
    return [p for p in inspect.signature(function).parameters.values() if p.name != "self"]


def needed(name: str, function: Any) -> Callable[[], dict[str, Any]]:
    """Return how to make the arguments that a callable needs."""
    given = ARGUMENTS.get(name) or ARGUMENTS.get(name.replace(", not built", ""))
    if given is not None:
        return given
    names = [
        p.name
        for p in parameters(function)
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    missing = [argument for argument in names if argument not in COMMON]
    assert not missing, f"{name}: no value for {missing}; give it a row, or an exemption"
    return lambda: {argument: COMMON[argument]() for argument in names}


def calls() -> Iterator[Call]:
    """Walk all public callables that take arguments and are not exempt."""
    found = [(name, None, member) for name, member in functions().items()]
    for name, owner, member in [*found, *methods()]:
        if name.replace(", not built", "") in EXEMPT or (owner and member in EXEMPT_METHODS):
            continue
        function = member if owner is None else getattr(owner(), member)
        taken = tuple(p.name for p in parameters(function))
        if taken:
            yield Call(
                name, owner, function if owner is None else member, needed(name, function), taken
            )
