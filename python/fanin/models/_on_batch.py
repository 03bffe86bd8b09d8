"""`OnBatch`: training, evaluation and prediction of one batch a call."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, overload

from fanin import _checks
from fanin.models._trainable import Trainable

if TYPE_CHECKING:
    from fanin.typing import Evaluation, FloatArray, InputsLike, TargetsLike, WeightsLike


class OnBatch(Trainable):
    """A model that can be trained a batch at a time, in loops of the user's."""

    @overload
    def train_on_batch(
        self,
        x: "InputsLike",
        y: "TargetsLike | None" = None,
        sample_weight: "WeightsLike | None" = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: Literal[False] = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation": ...

    @overload
    def train_on_batch(
        self,
        x: "InputsLike",
        y: "TargetsLike | None" = None,
        sample_weight: "WeightsLike | None" = None,
        class_weight: Mapping[int, float] | None = None,
        *,
        return_dict: Literal[True],
        threads: int | None = None,
    ) -> dict[str, float]: ...

    @overload
    def train_on_batch(
        self,
        x: "InputsLike",
        y: "TargetsLike | None" = None,
        sample_weight: "WeightsLike | None" = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation | dict[str, float]": ...

    def train_on_batch(
        self,
        x: "InputsLike",
        y: "TargetsLike | None" = None,
        sample_weight: "WeightsLike | None" = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation | dict[str, float]":
        """Take one step of the optimizer on a batch.

        The step is that of a `fit` of these samples in one batch, bit for bit; the optimizer goes
        on where it was. No epoch is counted, no callback called, and ``model.history`` stays as it
        is. An average of the weights that the optimizer keeps (`use_ema`) is put into the network
        by `fit` only.

        Parameters
        ----------
        x : array_like of shape (n, ...), or list or dict of them
            The samples of the batch, as for `fit`.
        y : array_like, or list or dict of them
            The targets.
        sample_weight : array_like of shape (n,), or list or dict of them, optional
            Weight of each sample in the loss, at least 0.
        class_weight : dict of int to float, optional
            Weight of each class in the loss, at least 0; classes that are not named weigh 1. Not
            beside `sample_weight`.
        return_dict : bool, default False
            Whether to return values by name.
        threads : int, optional
            How many threads to use; the result is the same, bit for bit.

        Returns
        -------
        float, list of float or dict
            The loss, with metrics the list of both, or both by name, as `evaluate` returns them:
            those of this batch alone, from before the step, as in Keras 3.15.

        Raises
        ------
        ShapeError
            If a shape is wrong.
        ValueError
            If a value is, or nothing is compiled. Nothing is changed.
        TypeError
            If something is not of a kind that can be used.
        RuntimeError
            If the network is in training, in another thread or by the callback's own `fit`.
        FloatingPointError
            If the step makes numbers infinite or NaN though the loss is finite, see `fit`.

        Examples
        --------
        >>> import fanin
        >>> import numpy as np
        >>> x = np.eye(4)
        >>> model = fanin.Sequential([fanin.layers.Dense(1, input_shape=(4,))], rng=0)
        >>> model.compile(fanin.optimizers.SGD(0.1), "mse")
        >>> values = [model.train_on_batch(x, np.ones(4)) for _ in range(3)]
        >>> values[0] > values[1] > values[2]
        True
        >>> model.optimizer.iterations
        3
        """
        from fanin.models._evaluation import in_order
        from fanin.models._training import train_on_batch

        self._know_outputs(x)
        by_name = _checks.flag("return_dict", return_dict)
        threads = _checks.thread_count(threads)
        logs, names = train_on_batch(self, x, y, sample_weight, class_weight, threads)
        return logs if by_name else in_order(logs, names)

    @overload
    def test_on_batch(
        self,
        x: "InputsLike",
        y: "TargetsLike | None" = None,
        sample_weight: "WeightsLike | None" = None,
        return_dict: Literal[False] = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation": ...

    @overload
    def test_on_batch(
        self,
        x: "InputsLike",
        y: "TargetsLike | None" = None,
        sample_weight: "WeightsLike | None" = None,
        *,
        return_dict: Literal[True],
        threads: int | None = None,
    ) -> dict[str, float]: ...

    @overload
    def test_on_batch(
        self,
        x: "InputsLike",
        y: "TargetsLike | None" = None,
        sample_weight: "WeightsLike | None" = None,
        return_dict: bool = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation | dict[str, float]": ...

    def test_on_batch(
        self,
        x: "InputsLike",
        y: "TargetsLike | None" = None,
        sample_weight: "WeightsLike | None" = None,
        return_dict: bool = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation | dict[str, float]":
        """Return loss and metrics of a batch; nothing is trained.

        It is `evaluate` of these samples in one batch.

        Parameters
        ----------
        x : array_like of shape (n, ...), or list or dict of them
            The samples of the batch.
        y : array_like, or list or dict of them
            The targets.
        sample_weight : array_like of shape (n,), or list or dict of them, optional
            Weight of each sample in the loss, at least 0.
        return_dict : bool, default False
            Whether to return values by name.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        float, list of float or dict
            The loss, with metrics the list of both, or both by name, of this batch alone, as
            `evaluate` returns them.

        Raises
        ------
        ShapeError
            If a shape is wrong.
        ValueError
            If a value is, or nothing is compiled.

        Examples
        --------
        >>> import fanin
        >>> import numpy as np
        >>> model = fanin.Sequential([fanin.layers.Dense(1, input_shape=(4,))], rng=0)
        >>> model.compile("sgd", "mse", metrics=["mae"])
        >>> sorted(model.test_on_batch(np.eye(4), np.ones(4), return_dict=True))
        ['loss', 'mae']
        """
        from fanin.models import _samples
        from fanin.models._evaluation import evaluate, in_order

        self._know_outputs(x)
        targets = self.compiled_with.targets
        by_name = _checks.flag("return_dict", return_dict)
        samples = _samples.samples(self, targets, x, y, sample_weight)
        threads = _checks.thread_count(threads)
        logs, names = evaluate(self, samples, len(samples), 0, None, threads)
        return logs if by_name else in_order(logs, names)

    def predict_on_batch(self, x: "InputsLike", *, threads: int | None = None) -> "FloatArray":
        """Return the outputs for a batch.

        It is `predict` of these samples in one batch.

        Parameters
        ----------
        x : array_like of shape (n, ...), or list or dict of them
            The samples of the batch.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        ndarray of shape (n, ...)
            The outputs; of several a list, tuple or dict of arrays, as they were given to `Model`.

        Raises
        ------
        ShapeError
            If a shape is wrong.
        ValueError
            If a value is.

        Examples
        --------
        >>> import fanin
        >>> import numpy as np
        >>> model = fanin.Sequential([fanin.layers.Dense(3, input_shape=(4,))], rng=0)
        >>> model.predict_on_batch(np.eye(4)).shape
        (4, 3)
        """
        from fanin.models._evaluation import predict

        threads = _checks.thread_count(threads)
        inputs = self.take(x, keep_bytes=True)
        # Checkers are told one type, as by `predict`.
        found: FloatArray = predict(self, inputs, len(inputs), 0, None, threads)
        return found
