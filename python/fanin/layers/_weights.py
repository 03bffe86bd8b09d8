"""The arrays of a layer as weights: lists of them, copies, values written into them."""

from collections.abc import Sequence

from numpy.typing import ArrayLike

from fanin._members._registry import CoreMember
from fanin.layers._arrays import Array, write_all


class WithWeights(CoreMember):
    """A member with named arrays, once it is built."""

    name: str
    arrays: dict[str, Array]
    trainable: bool

    @property
    def built(self) -> bool:
        """Whether the arrays exist."""
        raise NotImplementedError

    @property
    def weights(self) -> list[Array]:
        """All arrays, parameters first."""
        return list(self.arrays.values())

    @property
    def trainable_weights(self) -> list[Array]:
        """The arrays that training changes by gradients."""
        return [a for role, a in self.arrays.items() if self.is_trained(role)]

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The other arrays: running averages, and everything if not `trainable`."""
        return [a for role, a in self.arrays.items() if not self.is_trained(role)]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def is_trained(self, role: str) -> bool:
        """Whether gradients change the array called `role`."""
        return self.trainable and not role.startswith("moving_")

    def get_weights(self) -> list[Array]:
        """Return copies of all arrays.

        Returns
        -------
        list of ndarray
            In the order of `weights`.
        """
        return [array.copy() for array in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Write values into the arrays, all or none; NaN and infinity with a warning.

        Parameters
        ----------
        weights : sequence of array_like
            In the order of `weights`.

        Raises
        ------
        ValueError
            If their number is wrong, or a number is too large for the dtype; nothing is changed.
        ShapeError
            If a shape is wrong; nothing is changed.
        """
        write_all([(f"{self.name}/{role}", a) for role, a in self.arrays.items()], weights)

    def count_params(self) -> int:
        """Return the number of elements of all arrays.

        Returns
        -------
        int
            Trainable and not.
        """
        if not self.built:
            raise ValueError(f"layer {self.name!r} has no parameters before it is built")
        return sum(array.size for array in self.weights)
