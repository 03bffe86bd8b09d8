"""Networks of this package."""

from typing import Any

import fanin
import numpy as np
from fanin import layers
from fanin.initializers import Constant, RandomNormal, VarianceScaling

from exam.network import Network, Part
from exam.sides.session import BATCH, Change, Session, clean, fused

RATES = {"adam": fanin.optimizers.Adam, "rmsprop": fanin.optimizers.RMSprop}


def open_session(network: Network, x: Any, y: Any) -> Session:
    """Make a network, drawn from its seed, and what it is trained with."""
    model = fanin.Sequential([_layer(part) for part in fused(network.parts)], rng=network.seed)
    model.build((None, *x.shape[1:]))
    for name in network.frozen:
        model.get_layer(name).trainable = False
    session = Session(network, model, x, y, _loss(network), _optimizer(network))
    _compile(session)
    return session


def change(session: Session, name: str, role: str, function: Change) -> None:
    """Put something else in the place of an array."""
    array = session.model.get_layer(name).arrays[role]
    array[...] = function(array.copy())


def train(session: Session) -> list[float]:
    """Train, and return the mean loss of each epoch."""
    _compile(session)
    network = session.network
    history = session.model.fit(
        session.x, session.y, network.batch, network.epochs, verbose=0, shuffle=False, rng=0
    )
    return clean(history.history["loss"])


def diagnose(session: Session) -> fanin.diagnosis.Report:
    """Diagnose the first samples."""
    return fanin.diagnose(session.model, session.x[:BATCH], session.y[:BATCH])


def scope(session: Session) -> dict[str, Any]:
    """Return the names that a line of code may use."""
    return {name: getattr(layers, name) for name in layers.__all__} | {"fanin": fanin, "np": np}


def substitute(session: Session, name: str, new: Any) -> None:
    """Put new layers in the place of one; they keep its name, others their weights if they fit."""
    made = new if isinstance(new, list) else [new]
    old = session.model
    rows, kept = [], {}
    for layer in old.layers:
        if layer.name != name:
            config = layer.get_config()
            rows.append(type(layer).from_config(config))
            kept[layer.name] = {role: array.copy() for role, array in layer.arrays.items()}
            continue
        for place, part in enumerate(made):
            config = part.get_config()
            config["name"] = name if place == 0 else f"{name}_{place}"
            rows.append(type(part).from_config(config))
    model = fanin.Sequential(rows, rng=session.network.seed + 1)
    model.build((None, *session.x.shape[1:]))
    for layer in model.layers:
        for role, values in kept.get(layer.name, {}).items():
            if layer.arrays[role].shape == values.shape:
                layer.arrays[role][...] = values
    session.model = model
    _compile(session)


def take(session: Session, value: Any, names: tuple[str, ...]) -> None:
    """Use what an expression gave: an optimizer, a loss, or layers for those that were named."""
    if isinstance(value, fanin.optimizers.Optimizer):
        session.optimizer = value
    elif isinstance(value, fanin.losses.Loss):
        session.loss = value
    elif isinstance(value, fanin.Sequential):
        session.model = value
    elif isinstance(value, layers.Layer) or (isinstance(value, list) and value):
        for place, name in enumerate(names):
            substitute(session, name, value if place == 0 else _as_wide(value, session, name))
    _compile(session)


def _as_wide(value: Any, session: Session, name: str) -> Any:
    """Return layers for a further place, of its own width."""
    old = session.model.get_layer(name)
    if not isinstance(value, layers.Dense) or not isinstance(old, layers.Dense):
        return value
    own = old.get_config()
    config = value.get_config() | {"units": own["units"], "activation": own["activation"]}
    return layers.Dense.from_config(config)


def _compile(session: Session) -> None:
    session.model.compile(optimizer=session.optimizer, loss=session.loss)


def _layer(part: Part) -> Any:
    options = part.options
    match part.what:
        case "dense":
            return layers.Dense(
                options["units"],
                options.get("act"),
                use_bias=options["bias"],
                kernel_initializer=_initializer(options["init"]),
                name=part.name,
            )
        case "norm":
            return layers.BatchNormalization(name=part.name)
        case "act":
            return layers.Activation(options["kind"], name=part.name)
        case "dropout":
            return layers.Dropout(options["rate"], name=part.name)
    raise ValueError(f"fanin has no {part.what}")


def _initializer(init: Any) -> Any:
    if isinstance(init, tuple):
        kind, size = init
        return RandomNormal(stddev=size) if kind == "normal" else Constant(size)
    return {"default": "glorot_uniform", "small": VarianceScaling(0.01)}.get(init, init)


def _loss(network: Network) -> Any:
    logits = network.ending == "logits"
    if network.loss == "mse":
        return fanin.losses.MeanSquaredError()
    if network.loss == "binary":
        return fanin.losses.BinaryCrossentropy(from_logits=logits)
    return fanin.losses.SparseCategoricalCrossentropy(from_logits=logits)


def _optimizer(network: Network) -> Any:
    if network.optimizer in RATES:
        return RATES[network.optimizer](network.learning_rate)
    momentum = 0.9 if network.optimizer == "momentum" else 0.0
    return fanin.optimizers.SGD(network.learning_rate, momentum=momentum)
