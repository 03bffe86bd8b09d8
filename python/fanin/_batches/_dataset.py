"""Batches by number: the base class of users' data sets."""

from collections.abc import Iterator
from typing import Any

from fanin import _checks


class PyDataset:
    """Batches of samples by number, for `fit`, `evaluate` and `predict`.

    A class of yours has ``__len__``, the number of batches, and ``__getitem__``, which returns a
    batch: ``(x, y)``, ``(x, y, sample_weight)`` or, to predict, ``(x,)``. `fit` asks for them in a
    new order each epoch, unless it is told ``shuffle=False``.

    Parameters
    ----------
    workers : int, default 1
        Threads that make batches ahead; with 1 or less they are made where they are used. Batches
        come in the same order, so the result is the same.
    use_multiprocessing : bool, default False
        Refused where it is True: batches are made in threads.
    max_queue_size : int, default 10
        How many batches are made ahead at most.

    Raises
    ------
    TypeError
        If an argument is not of its kind.
    ValueError
        If batches are to be made in other processes.

    Examples
    --------
    >>> import fanin
    >>> import numpy as np
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 4
    ...
    ...     def __getitem__(self, index):
    ...         x = np.arange(8.0).reshape(8, 1) + 8 * index
    ...         return x / 32, (x / 32) ** 2
    >>> model = fanin.Sequential([fanin.layers.Dense(1, input_shape=(1,))], rng=0)
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(Squares(), epochs=3, verbose=0)
    >>> model.optimizer.iterations
    12
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = _checks.integer("workers", workers, minimum=0)
        self.use_multiprocessing = _checks.flag("use_multiprocessing", use_multiprocessing)
        self.max_queue_size = _checks.integer("max_queue_size", max_queue_size, minimum=1)
        if self.use_multiprocessing:
            raise ValueError(
                "use_multiprocessing: expected False, found True; batches are made in threads: "
                "give workers alone, or a torch DataLoader, which has processes"
            )

    def __getitem__(self, index: int) -> Any:
        """Return batch number `index`."""
        raise NotImplementedError(f"{type(self).__name__} needs a __getitem__(index)")

    def __iter__(self) -> Iterator[Any]:
        """Go through the batches in their order.

        Yields
        ------
        tuple
            The next batch.
        """
        count, index = self.num_batches, 0
        while count is None or index < count:
            yield self[index]
            index += 1

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None if there is no end to them."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} needs a __len__ or num_batches")

    def on_epoch_begin(self) -> None:
        """Do something before the batches of an epoch are asked for."""

    def on_epoch_end(self) -> None:
        """Do something after an epoch, such as another choice of samples."""


Sequence = PyDataset
"""What older scripts call it."""
