"""Modules of torch."""

import inspect
from collections import OrderedDict
from typing import Any

import fanin
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from exam.network import Network, Part
from exam.sides.session import BATCH, Change, Session, clean

torch.set_num_threads(1)


class Residual(nn.Module):
    """Adds what a branch makes of its inputs to them."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Any) -> Any:
        return x + self.branch(x)


class SelfAttention(nn.Module):
    """Attention of a sequence to itself."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.attention(x, x, x, need_weights=False)[0]


class LastState(nn.Module):
    """The outputs of a recurrent layer at the last step."""

    def __init__(self, cells: nn.Module) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, x: Any) -> Any:
        return self.cells(x)[0][:, -1]


class Mean(nn.Module):
    """The mean over axes."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Any) -> Any:
        return x.mean(self.axes)


class Turn(nn.Module):
    """From (samples, steps, features) to (samples, features, steps)."""

    def forward(self, x: Any) -> Any:
        return x.transpose(1, 2)


_ACTIVATIONS = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "silu": nn.SiLU,
    "elu": nn.ELU, "selu": nn.SELU, "leaky_relu": nn.LeakyReLU,
    "softmax": lambda: nn.Softmax(-1), "log_softmax": lambda: nn.LogSoftmax(-1),
}  # fmt: skip


def open_session(network: Network, x: Any, y: Any) -> Session:
    """Make a module, drawn from its seed, and what it is trained with."""
    torch.manual_seed(network.seed)
    inputs = torch.from_numpy(
        x.transpose(0, 3, 1, 2).copy() if network.shape == "image" else x.copy()
    )
    shape = tuple(inputs.shape[1:])
    parts = network.parts
    if parts[0].what == "conv1d":
        shape, parts = shape[::-1], (Part("turn", "turn"), *parts)
    model, _ = _row(parts, shape)
    modules = _modules(model)
    for name in network.frozen:
        for parameter in modules[name].parameters():
            parameter.requires_grad_(False)
    targets = torch.from_numpy(y.copy())
    if network.loss != "cross_entropy":
        targets = targets.float()
        # Faults of shape come with two axes or with one that is meant.
        targets = targets[:, None] if targets.ndim == 1 else targets
    if network.flat_targets:
        targets = targets[:, 0]
    session = Session(network, model, inputs, targets, _loss(network), None)
    session.optimizer = _optimizer(network, model)
    return session


def change(session: Session, name: str, role: str, function: Change) -> None:
    """Put something else in the place of an array."""
    tensor = _tensor(_modules(session.model)[name], role)
    with torch.no_grad():
        array = tensor.numpy()
        turned = np.moveaxis(array, 0, -1) if role == "kernel" and array.ndim > 1 else array
        new = np.asarray(function(turned.copy()), array.dtype)
        tensor.copy_(torch.from_numpy(np.moveaxis(new, -1, 0) if turned is not array else new))


def train(session: Session) -> list[float]:
    """Train, and return the mean loss of each epoch."""
    torch.manual_seed(0)
    model, network = session.model, session.network
    model.train()
    losses = []
    for _ in range(network.epochs):
        total = 0.0
        for x, y in zip(
            session.x.split(network.batch), session.y.split(network.batch), strict=True
        ):
            session.optimizer.zero_grad()
            loss = session.loss(model(x), y)
            if loss.requires_grad:
                loss.backward()
                session.optimizer.step()
            total += float(loss.detach()) * len(x)
        losses.append(total / len(session.x))
    return clean(losses)


def diagnose(session: Session) -> fanin.diagnosis.Report:
    """Diagnose the first samples; the optimizer is handed over where it can be."""
    known = inspect.signature(fanin.diagnose).parameters
    options = {"optimizer": session.optimizer} if "optimizer" in known else {}
    return fanin.diagnose(
        session.model, session.x[:BATCH], session.y[:BATCH], session.loss, **options
    )


def scope(session: Session) -> dict[str, Any]:
    """Return the names that a line of code may use."""
    return {"fanin": fanin, "torch": torch, "nn": nn, "F": functional, "np": np}


def substitute(session: Session, name: str, new: Any) -> None:
    """Put a new module in the place of one."""
    parent, _, own = name.rpartition(".")
    setattr(session.model.get_submodule(parent), own, new)
    session.model(session.x[:2])  # lazy modules get their sizes
    _follow(session)


def take(session: Session, value: Any, names: tuple[str, ...]) -> None:
    """Use what an expression gave: an optimizer, a module for one that was named."""
    if isinstance(value, torch.optim.Optimizer):
        session.optimizer = value
    elif isinstance(value, nn.Module) and value is not session.model:
        for name in names:
            substitute(session, name, value)


def _follow(session: Session) -> None:
    """Let the optimizer see the parameters that the model has now."""
    settings = {
        k: v for k, v in session.optimizer.param_groups[0].items() if k in ("lr", "momentum")
    }
    session.optimizer = type(session.optimizer)(session.model.parameters(), **settings)


def _modules(model: nn.Module) -> dict[str, nn.Module]:
    """Return all modules by the last word of their paths, which is theirs alone."""
    return {path.rpartition(".")[2]: module for path, module in model.named_modules()}


def _tensor(module: Any, role: str) -> Any:
    if isinstance(module, SelfAttention):
        return module.attention.in_proj_weight
    if isinstance(module, LastState):
        return module.cells.weight_hh_l0 if role == "recurrent" else module.cells.weight_ih_l0
    names = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias",
             "moving_mean": "running_mean", "moving_variance": "running_var"}  # fmt: skip
    return getattr(module, names.get(role, role))


def _row(parts: tuple[Part, ...], shape: tuple[int, ...]) -> tuple[nn.Sequential, tuple[int, ...]]:
    """Make modules one behind the other, for samples of a shape; return the outputs' shape too."""
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for part in parts:
        modules[part.name], shape = _module(part, shape)
    return nn.Sequential(modules), shape


def _module(part: Part, shape: tuple[int, ...]) -> tuple[nn.Module, tuple[int, ...]]:
    options, what = part.options, part.what
    match what:
        case "dense":
            units = options["units"]
            return _drawn(nn.Linear(shape[-1], units, bias=options["bias"]), options["init"]), (
                *shape[:-1],
                units,
            )
        case "conv" | "conv1d":
            kind = nn.Conv2d if what == "conv" else nn.Conv1d
            filters = options["filters"]
            conv = kind(shape[0], filters, 3, padding=1, bias=options["bias"])
            return _drawn(conv, options["init"]), (filters, *shape[1:])
        case "separable":
            filters = options["filters"]
            depthwise = nn.Conv2d(shape[0], shape[0], 3, padding=1, groups=shape[0])
            pointwise = nn.Conv2d(shape[0], filters, 1, bias=options["bias"])
            both = OrderedDict(
                depthwise=_drawn(depthwise, "lecun_normal"),
                pointwise=_drawn(pointwise, options["init"]),
            )
            return nn.Sequential(both), (filters, *shape[1:])
        case "norm":
            return _norm(options["kind"], shape), shape
        case "act":
            return _ACTIVATIONS[options["kind"]](), shape
        case "dropout":
            return nn.Dropout(options["rate"]), shape
        case "pool":
            kind = {"max": nn.MaxPool2d, "mean": nn.AvgPool2d}[options["kind"]]
            return kind(2), (shape[0], shape[1] // 2, shape[2] // 2)
        case "flatten":
            return nn.Flatten(), (int(np.prod(shape)),)
        case "spatial_mean" | "time_mean":
            return Mean(*range(2, 1 + len(shape))), shape[:1]
        case "token_mean":
            return Mean(1), shape[1:]
        case "turn":
            return Turn(), shape
        case "embedding":
            embedding = nn.Embedding(options.get("words", 60), options["units"])
            return embedding, (*shape, options["units"])
        case "attention":
            return SelfAttention(shape[-1], options["heads"]), shape
        case "gru" | "lstm":
            kind = {"gru": nn.GRU, "lstm": nn.LSTM}[what]
            return LastState(kind(shape[-1], options["units"], batch_first=True)), (
                options["units"],
            )
        case "residual":
            branch, _ = _row(part.inside, shape)
            return Residual(branch), shape
    raise ValueError(f"torch has no {what}")


def _norm(kind: str, shape: tuple[int, ...]) -> nn.Module:
    match kind:
        case "batch":
            # One axis: units. Two: channels and steps. Three: channels and places.
            return (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d)[len(shape) - 1](shape[0])
        case "layer":
            return nn.LayerNorm(shape[-1])
        case "rms":
            return nn.RMSNorm(shape[-1])
        case "group":
            return nn.GroupNorm(4, shape[0])
    raise ValueError(f"torch has no {kind}")


def _drawn(module: Any, init: Any) -> Any:
    if init == "default":
        return module
    weight = module.weight
    fan_in = weight[0].numel()
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    match init:
        case "he_normal":
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
        case "glorot_uniform":
            nn.init.xavier_uniform_(weight)
        case "lecun_normal":
            nn.init.normal_(weight, std=fan_in**-0.5)
        case "orthogonal":
            nn.init.orthogonal_(weight)
        case "zeros":
            nn.init.zeros_(weight)
        case "small":
            nn.init.normal_(weight, std=0.1 * fan_in**-0.5)
        case ("normal", size):
            nn.init.normal_(weight, std=size)
        case ("constant", size):
            nn.init.constant_(weight, size)
        case _:
            raise ValueError(f"torch has no {init}")
    return module


def _loss(network: Network) -> Any:
    if network.loss == "mse":
        return functional.mse_loss
    if network.loss == "binary":
        return functional.binary_cross_entropy_with_logits
    return functional.nll_loss if network.ending == "log" else functional.cross_entropy


def _optimizer(network: Network, model: nn.Module) -> Any:
    rate = network.learning_rate
    parameters = [p for p in model.parameters() if p.requires_grad] or list(model.parameters())
    if network.optimizer == "adam":
        return torch.optim.Adam(parameters, rate)
    if network.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, rate)
    return torch.optim.SGD(
        parameters, rate, momentum=0.9 if network.optimizer == "momentum" else 0.0
    )
