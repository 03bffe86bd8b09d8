"""Evaluations of the average of the weights that the optimizer keeps."""

from typing import Any

from fanin import _checks
from fanin.callbacks._base import Callback, Logs
from fanin.callbacks._run import Run


class SwapEMAWeights(Callback):
    """Let the model have the average of its weights while it is evaluated.

    The optimizer keeps the average, with ``use_ema=True``. Validations within `fit`, and
    `evaluate` and `predict` that are given this callback, are then those of the average; training
    goes on with the weights. At its end `fit` leaves the average in the model, with this callback
    or without.

    Parameters
    ----------
    swap_on_epoch : bool, default False
        Whether the model has the average from the end of an epoch to the beginning of the next too,
        for callbacks that come after this one, such as `ModelCheckpoint`.

    Raises
    ------
    ValueError
        By `fit`, before anything changes, if the optimizer keeps no average.

    Examples
    --------
    >>> import fanin
    >>> from fanin.layers import Dense
    >>> model = fanin.Sequential([Dense(1, input_dim=1)], rng=0)
    >>> model.compile(fanin.optimizers.Adam(use_ema=True), "mse")
    >>> history = model.fit(
    ...     [[0.0], [1.0]],
    ...     [0.0, 1.0],
    ...     validation_data=([[2.0]], [2.0]),
    ...     verbose=0,
    ...     callbacks=[SwapEMAWeights()],
    ... )
    >>> list(history.history)
    ['loss', 'val_loss']
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch: bool = _checks.flag("swap_on_epoch", swap_on_epoch)
        self._kept: Any = None
        """The weights, while the model has the average."""

    def _check_run(self, run: Run) -> None:
        self._check(run.model)
        self._kept = None

    def _check(self, model: Any) -> None:
        if not model.optimizer.use_ema:
            raise ValueError(
                f"{type(self).__name__}: expected an optimizer with use_ema=True, found "
                f"{model.optimizer!r}"
            )

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Go on with the weights.

        Parameters
        ----------
        epoch : int
            Not used.
        logs : dict, optional
            Not used.
        """
        self._put_back()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Let the model have the average, with `swap_on_epoch`.

        Parameters
        ----------
        epoch : int
            Not used.
        logs : dict, optional
            Not used.
        """
        if self.swap_on_epoch:
            self._take_average()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Leave the average in the model, where `fit` has put it.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self._kept = None

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Let the model have the average.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self._take_average()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Give it its weights back.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self._put_back()

    on_predict_begin = on_test_begin
    on_predict_end = on_test_end

    def _abandon(self) -> None:
        self._put_back()

    def _take_average(self) -> None:
        self._check(self.model)
        if self._kept is None:
            network = self.model.network
            kept = network.params.copy()
            self.model.compiled_with.finish(network)
            self._kept = kept

    def _put_back(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            self.model.compiled_with.restore(self.model.network, kept)
