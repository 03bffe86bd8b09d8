"""Where faults can be: what a network must have for one to fit."""

from collections.abc import Callable

from exam import data
from exam.network import Network, Part


def anywhere(network: Network) -> bool:
    """Take any network."""
    return True


def plain(network: Network) -> bool:
    """Take what nothing normalizes, and where nothing leads past a layer."""
    return network.plain and bool(network.kernels)


def dense(network: Network) -> bool:
    """Take plain rows of dense layers."""
    return plain(network) and not network.named("conv", "conv1d", "separable")


def vectors(network: Network) -> bool:
    """Take samples that are vectors, and targets of their own."""
    return network.shape == "vector" and network.family != "autoencoder"


def numbers(network: Network) -> bool:
    """Take samples that are numbers, and targets of their own."""
    return network.shape != "tokens" and network.family != "autoencoder"


def classes(network: Network) -> bool:
    """Take more than two classes."""
    return network.loss == "cross_entropy"


def regression(network: Network) -> bool:
    """Take data with targets that are numbers."""
    return network.data in data.REGRESSION


def normalized(network: Network) -> bool:
    """Take what has a normalization."""
    return bool(network.named("norm"))


def activated_by(*kinds: str) -> Callable[[Network], bool]:
    """Take plain networks that have one of these activations."""

    def fits(network: Network) -> bool:
        return network.plain and bool(activated(network, *kinds))

    return fits


def activated(network: Network, *kinds: str) -> list[Part]:
    """Return the hidden layers that end with one of these activations."""
    return [part for part in network.kernels if network.activation_at(part.place) in kinds]


def deep(depth: int, *kinds: str) -> Callable[[Network], bool]:
    """Take plain rows of so many layers with one of these activations, or more."""

    def fits(network: Network) -> bool:
        return network.plain and len(activated(network, *kinds)) >= depth

    return fits


BOUNDED = ("tanh", "sigmoid")
RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu", "selu")
