"""scikit-learn's MLPClassifier; it has no BatchNormalization."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from peers.common import (
    ADAM_EPSILON,
    BETAS,
    LEARNING_RATE,
    Arm,
    Array,
    Network,
    network,
    training,
)

VERSION = sklearn.__version__


def model_of(net: Network, x: Array, y: Array, shuffle: bool) -> Any:
    model = MLPClassifier(
        net.widths[1:-1],
        alpha=0.0,
        batch_size=net.batch,
        learning_rate_init=LEARNING_RATE,
        beta_1=BETAS[0],
        beta_2=BETAS[1],
        epsilon=ADAM_EPSILON,
        shuffle=shuffle,
        random_state=0,
    )
    with warnings.catch_warnings():
        # That the batch is clipped to these few rows is what is wanted of them.
        warnings.simplefilter("ignore")
        model.partial_fit(x[:2], y[:2], classes=np.arange(net.widths[-1]))
    for have, kernel in zip(model.coefs_, net.kernels(), strict=True):
        # Two classes are one logistic output here.
        have[...] = kernel[:, : have.shape[1]]
    for bias in model.intercepts_:
        bias[...] = 0
    # The next call makes a new one, which has seen nothing.
    del model._optimizer
    return model


def train(widths: Sequence[int], normalized: bool, batch: int, steps: int) -> Arm:
    # A network with BatchNormalization is trained without it, and agrees with nobody.
    net = network(widths, False, batch, steps)
    x, y = net.data()
    models: list[Any] = []

    def start() -> None:
        models[:] = [model_of(net, x, y, shuffle=False)]

    def epoch(order: Array) -> float:
        models[0].partial_fit(x[order], y[order])
        return float(models[0].loss_)

    arm = training(net, start, epoch)
    # Timed with its own shuffle and gather: one pass over the data a call.
    timed: list[Any] = []
    arm.start = lambda: timed.__setitem__(slice(None), [model_of(net, x, y, shuffle=True)])
    arm.run = lambda: timed[0].partial_fit(x, y)
    if normalized:
        arm.check = None
    return arm


def predict(widths: Sequence[int], rows: int) -> Arm:
    net = Network(tuple(widths), False, rows, 1)
    classes = np.arange(net.widths[-1])
    x = net.data()[0]
    many = np.repeat(x[:1], len(classes), 0)
    model = model_of(net, many, classes, shuffle=False)
    return Arm(lambda: model.predict_proba(x), check=lambda: float(model.predict_proba(x).std()))
