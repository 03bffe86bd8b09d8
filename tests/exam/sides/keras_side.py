"""Models of Keras, on the backend that KERAS_BACKEND names."""

import inspect
import math
import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import fanin
import keras
import numpy as np

from exam.network import Network, Part
from exam.sides.session import BATCH, Change, Session, clean, fused

if keras.backend.backend() == "torch":
    import torch

    torch.set_num_threads(1)

_LAYERS = keras.layers


def open_session(network: Network, x: Any, y: Any) -> Session:
    """Make a model, drawn from its seed, and what it is trained with."""
    keras.utils.set_random_seed(network.seed)
    keras.backend.clear_session()
    inputs = keras.Input(
        x.shape[1:], dtype="int32" if network.shape == "tokens" else "float32", name="samples"
    )
    if network.named("residual", "attention"):
        model = keras.Model(inputs, _run(network.parts, inputs))
    else:
        model = keras.Sequential([inputs, *(_layer(part) for part in fused(network.parts))])
    for name in network.frozen:
        model.get_layer(name).trainable = False
    x = x.astype("int32") if network.shape == "tokens" else x
    session = Session(network, model, x, y, _loss(network), _optimizer(network))
    _compile(session)
    return session


def change(session: Session, name: str, role: str, function: Change) -> None:
    """Put something else in the place of an array."""
    layer = session.model.get_layer(name)
    if isinstance(layer, (_LAYERS.GRU, _LAYERS.LSTM)):
        variable = layer.cell.recurrent_kernel if role == "recurrent" else layer.cell.kernel
    elif isinstance(layer, _LAYERS.MultiHeadAttention):
        for dense in (layer._query_dense, layer._key_dense):
            dense.kernel.assign(function(np.array(dense.kernel)))
        return
    else:
        variable = getattr(layer, role)
    variable.assign(function(np.array(keras.ops.convert_to_numpy(variable))))


def train(session: Session) -> list[float]:
    """Train, and return the mean loss of each epoch."""
    _compile(session)
    network = session.network
    try:
        history = session.model.fit(
            session.x,
            session.y,
            batch_size=network.batch,
            epochs=network.epochs,
            verbose=0,
            shuffle=False,
        )
    except RuntimeError:  # torch's cross-entropy takes no NaN: training has broken down
        return clean([math.nan] * network.epochs)
    return clean(history.history["loss"])


def diagnose(session: Session) -> fanin.diagnosis.Report:
    """Diagnose the first samples; the optimizer is handed over where it can be."""
    known = inspect.signature(fanin.diagnose).parameters
    options = {"optimizer": session.optimizer} if "optimizer" in known else {}
    return fanin.diagnose(session.model, session.x[:BATCH], session.y[:BATCH], **options)


def scope(session: Session) -> dict[str, Any]:
    """Return the names that a line of code may use."""
    return {"fanin": fanin, "keras": keras, "np": np}


def substitute(session: Session, name: str, new: Any) -> None:
    """Put new layers in the place of one, which keeps its name; others keep arrays that fit."""
    made = new if isinstance(new, list) else [new]
    old = session.model

    def copies(layer: Any) -> list[Any]:
        if layer.name != name:
            return [type(layer).from_config(layer.get_config())]
        names = [name if place == 0 else f"{name}_{place}" for place in range(len(made))]
        pairs = zip(made, names, strict=True)
        return [type(part).from_config(part.get_config() | {"name": own}) for part, own in pairs]

    if isinstance(old, keras.Sequential):
        rows = [copy for layer in old.layers for copy in copies(layer)]
        model = keras.Sequential([keras.Input(session.x.shape[1:]), *rows])
    else:
        model = keras.models.clone_model(
            old,
            clone_function=lambda layer: (
                keras.Sequential(copies(layer), name=name)
                if layer.name == name and len(made) > 1
                else copies(layer)[0]
            ),
        )
    for layer in model.layers:
        if layer.name != name and any(layer.name == other.name for other in old.layers):
            kept = old.get_layer(layer.name).get_weights()
            if [array.shape for array in kept] == [array.shape for array in layer.get_weights()]:
                layer.set_weights(kept)
    session.model = model
    _compile(session)


def take(session: Session, value: Any, names: tuple[str, ...]) -> None:
    """Use what an expression gave: an optimizer, a loss, or layers for those that were named."""
    if isinstance(value, keras.optimizers.Optimizer):
        session.optimizer = value
    elif isinstance(value, keras.losses.Loss):
        session.loss = value
    elif isinstance(value, list) or (isinstance(value, keras.Layer) and value is not session.model):
        for name in names:
            substitute(session, name, value)


def _compile(session: Session) -> None:
    # An optimizer that has seen another model's variables does not take these.
    optimizer = type(session.optimizer).from_config(session.optimizer.get_config())
    session.optimizer = optimizer
    session.model.compile(optimizer=optimizer, loss=session.loss, jit_compile=False)


def _run(parts: tuple[Part, ...], x: Any) -> Any:
    """Apply parts to a tensor one after the other."""
    for part in fused(parts):
        if part.what == "residual":
            x = _LAYERS.Add(name=part.name)([x, _run(part.inside, x)])
        elif part.what == "attention":
            width = x.shape[-1]
            layer = _LAYERS.MultiHeadAttention(
                part.options["heads"], width // part.options["heads"], name=part.name
            )
            x = layer(x, x)
        else:
            x = _layer(part)(x)
    return x


def _layer(part: Part) -> Any:
    options, name = part.options, part.name
    shared = {"use_bias": options.get("bias", True), "activation": options.get("act"), "name": name}
    match part.what:
        case "dense":
            return _LAYERS.Dense(
                options["units"], kernel_initializer=_initializer(options["init"]), **shared
            )
        case "conv" | "conv1d":
            kind = _LAYERS.Conv2D if part.what == "conv" else _LAYERS.Conv1D
            init = _initializer(options["init"])
            return kind(options["filters"], 3, padding="same", kernel_initializer=init, **shared)
        case "separable":
            return _LAYERS.SeparableConv2D(options["filters"], 3, padding="same", **shared)
        case "norm":
            return _norm(options["kind"], name)
        case "act":
            return _LAYERS.Activation(options["kind"], name=name)
        case "dropout":
            return _LAYERS.Dropout(options["rate"], name=name)
        case "pool":
            kind = {"max": _LAYERS.MaxPooling2D, "mean": _LAYERS.AveragePooling2D}[options["kind"]]
            return kind(2, name=name)
        case "flatten":
            return _LAYERS.Flatten(name=name)
        case "spatial_mean":
            return _LAYERS.GlobalAveragePooling2D(name=name)
        case "token_mean" | "time_mean":
            return _LAYERS.GlobalAveragePooling1D(name=name)
        case "embedding":
            return _LAYERS.Embedding(60, options["units"], name=name)
        case "gru" | "lstm":
            return {"gru": _LAYERS.GRU, "lstm": _LAYERS.LSTM}[part.what](
                options["units"], name=name
            )
    raise ValueError(f"Keras has no {part.what}")


def _norm(kind: str, name: str) -> Any:
    match kind:
        case "batch":
            return _LAYERS.BatchNormalization(name=name)
        case "layer":
            return _LAYERS.LayerNormalization(name=name)
        case "rms":
            return _LAYERS.RMSNormalization(name=name)
        case "group":
            return _LAYERS.GroupNormalization(4, name=name)
    raise ValueError(f"Keras has no {kind}")


def _initializer(init: Any) -> Any:
    if isinstance(init, tuple):
        kind, size = init
        known = keras.initializers
        return known.RandomNormal(stddev=size) if kind == "normal" else known.Constant(size)
    small = keras.initializers.VarianceScaling(0.01)
    return {"default": "glorot_uniform", "small": small}.get(init, init)


def _loss(network: Network) -> Any:
    logits = network.ending == "logits"
    if network.loss == "mse":
        return keras.losses.MeanSquaredError()
    if network.loss == "binary":
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


def _optimizer(network: Network) -> Any:
    rate = network.learning_rate
    if network.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    if network.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate)
    return keras.optimizers.SGD(rate, momentum=0.9 if network.optimizer == "momentum" else 0.0)
