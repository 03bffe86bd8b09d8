"""`Sequential`: layers in a row that can be trained."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core, random
from fanin.callbacks import Callback, History
from fanin.callbacks._base import PREDICT_BATCH_HOOKS, CallbackList
from fanin.layers._base import Stacked
from fanin.models import _course, _samples, _step, _training
from fanin.models._compilable import Compilable
from fanin.show.progress import Progress, resolve_verbose

if TYPE_CHECKING:
    from fanin.typing import Evaluation, FloatArray, Validation, Verbose


class Sequential(Compilable):
    """A chain of layers that can be trained, as Keras's `Sequential`.

    All trainable parameters are one array, ``model.params``, and all running averages another,
    ``model.state``; each layer's ``kernel``, ``bias``, ``gamma``, … are views of them. Pickling and
    copying give an equal network that trains on identically.

    Parameters
    ----------
    layers : iterable of Layer, optional
        The layers, first to last; an `Input` may come first.
    name : str, optional
        Name of the network.
    rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
        Where initial values and shuffles come from. The same integer gives the same training
        everywhere; None draws afresh (see `fanin.utils.set_random_seed`).

    Attributes
    ----------
    history : History
        That of the last `fit`, also if it was interrupted.
    optimizer : Optimizer
        The optimizer, once compiled; ``optimizer.iterations`` are the steps it has done.
    epoch : int
        Whole epochs trained since `compile`.
    stop_training : bool
        Set by a callback to end training.

    Examples
    --------
    >>> import numpy as np, fanin
    >>> x = np.random.default_rng(0).normal(size=(256, 2))
    >>> y = (x[:, 0] * x[:, 1] > 0).astype(int)
    >>> model = fanin.Sequential(
    ...     [
    ...         fanin.layers.Dense(32, activation="relu", kernel_initializer="he_normal"),
    ...         fanin.layers.Dense(1, activation="sigmoid"),
    ...     ],
    ...     rng=0,
    ... )
    >>> model.compile(optimizer=fanin.optimizers.Adam(0.02), loss="bce", metrics=["accuracy"])
    >>> history = model.fit(x, y, epochs=30, verbose=0)
    >>> loss, accuracy = model.evaluate(x, y, verbose=0)
    >>> accuracy > 0.9
    True
    """

    def __init__(
        self,
        layers: Iterable[Stacked] | Stacked | None = None,
        name: str | None = None,
        *,
        rng: random.Rng = None,
    ) -> None:
        self.history: History | None = None
        self.stop_training = False
        super().__init__(layers, name, rng=rng)

    # Training.

    def fit(
        self,
        x: ArrayLike | None = None,
        y: ArrayLike | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: "Verbose" = "auto",
        callbacks: Iterable[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: "Validation | None" = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: ArrayLike | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: None = None,
        validation_steps: None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        *,
        rng: random.Rng = None,
        threads: int | None = None,
    ) -> History:
        """Train the network.

        Everything is checked before anything changes. Training goes on where an earlier `fit`
        stopped. Ctrl-C raises KeyboardInterrupt and leaves the network as it was after the last
        whole batch, with what was recorded in ``model.history``.

        Parameters
        ----------
        x : array_like of shape (n, ...)
            The samples; converted to the network's dtype, without a copy if they have it.
        y : array_like
            The targets: integers of shape (n,) for sparse losses, else like the outputs.
        batch_size : int, optional
            Samples of a batch; 32 if None. The last batch may be smaller.
        epochs : int, default 1
            Number of the last epoch.
        verbose : {"auto", 0, 1, 2}, default "auto"
            Nothing; one line for the whole call, which changes while it runs and stays with the
            last values; or a line an epoch. "auto" is 1 in a notebook and on a terminal, and 2
            where the output goes into a pipe or a file.
        callbacks : list of Callback, optional
            See `fanin.callbacks`.
        validation_split : float, default 0.0
            Share of the samples, the last ones, to validate on instead: .8 of 10 are 8.
        validation_data : tuple (x, y) or (x, y, sample_weight), optional
            What to validate on; comes before `validation_split`.
        shuffle : bool, default True
            Whether to draw a new order of the samples in each epoch.
        class_weight : dict of int to float, optional
            Weight of each class in the loss, at least 0; classes that are not named weigh 1. For
            training only: the validation loss is that of `evaluate`.
        sample_weight : array_like of shape (n,), optional
            Weight of each sample in the loss, at least 0, with `validation_split` in validation
            too. Metrics are not weighted.
        initial_epoch : int, default 0
            Number of the first epoch: `epoch` of a model that was loaded goes on where it stopped.
        steps_per_epoch, validation_steps : None
            Not supported: an epoch is one pass over the samples.
        validation_batch_size : int, optional
            Samples of a batch in validation; `batch_size` if None.
        validation_freq : int or sequence of int, default 1
            Validate every so many epochs, or after the epochs named (counted from 1).
        rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
            Where the shuffles come from: epoch e is that of path ``shuffle/e``, whatever was
            trained before. With None they come from the network's own `rng`, and a further `fit`
            goes on with further shuffles.
        threads : int, optional
            How many threads to use; the result is the same, bit for bit.

        Returns
        -------
        History
            Loss and metrics of each epoch.

        Raises
        ------
        ShapeError
            If a shape is wrong.
        ValueError
            If a value is (NaN, a class out of range, an empty split), or nothing is compiled.
        TypeError
            If something is not of a kind that can be used.
        FloatingPointError
            If after an epoch a parameter, a running average or a slot of the optimizer is infinite
            or NaN though the loss is finite, as with weights of 1e38. Steps that were done cannot
            be undone: the network is as the last batch left it. Callbacks have not seen the end of
            that epoch, so a `ModelCheckpoint` keeps the one before. (Where the loss is not finite
            either, the history shows it, and training goes on.)

        Warns
        -----
        UserWarning
            If the loss does not fit the last activation, once; see `compile`.
        """
        if steps_per_epoch is not None or validation_steps is not None:
            raise ValueError(
                "fit supports neither steps_per_epoch nor validation_steps: an epoch is one pass "
                "over the samples; slice x and y instead"
            )
        self._choices()  # refuses a network that is not compiled before it looks at anything else
        course = _course.course(
            epochs=epochs,
            initial_epoch=initial_epoch,
            batch_size=batch_size,
            validation_batch_size=validation_batch_size,
            validation_split=validation_split,
            validation_freq=validation_freq,
            shuffle=shuffle,
            verbose=verbose,
            threads=threads,
        )
        source = None if rng is None else random.resolve(rng)
        (history,) = _training.fit(
            [self],
            course,
            x,
            y,
            sample_weight,
            class_weight,
            validation_data,
            callbacks,
            source,
        )
        return history

    @overload
    def evaluate(
        self,
        x: ArrayLike | None = None,
        y: ArrayLike | None = None,
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        sample_weight: ArrayLike | None = None,
        steps: None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        return_dict: Literal[False] = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation": ...

    @overload
    def evaluate(
        self,
        x: ArrayLike | None = None,
        y: ArrayLike | None = None,
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        sample_weight: ArrayLike | None = None,
        steps: None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        *,
        return_dict: Literal[True],
        threads: int | None = None,
    ) -> dict[str, float]: ...

    @overload
    def evaluate(
        self,
        x: ArrayLike | None = None,
        y: ArrayLike | None = None,
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        sample_weight: ArrayLike | None = None,
        steps: None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        return_dict: bool = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation | dict[str, float]": ...

    def evaluate(
        self,
        x: ArrayLike | None = None,
        y: ArrayLike | None = None,
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        sample_weight: ArrayLike | None = None,
        steps: None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        return_dict: bool = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation | dict[str, float]":
        """Return loss and metrics on some samples.

        Parameters
        ----------
        x : array_like of shape (n, ...)
            The samples.
        y : array_like
            The targets.
        batch_size : int, optional
            Samples of a batch; 32 if None.
        verbose : {"auto", 0, 1, 2}, default "auto"
            Nothing, or a line; "auto" is a line.
        sample_weight : array_like of shape (n,), optional
            Weight of each sample in the loss, at least 0.
        steps : None
            Not supported: all samples count.
        callbacks : list of Callback, optional
            Their hooks of tests are called.
        return_dict : bool, default False
            Whether to return values by name.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        float, list of float or dict
            The loss; with metrics the list of the loss and the metrics; or both by name.
        """
        if steps is not None:
            raise ValueError("evaluate does not support steps: slice x and y instead")
        compiled = self._choices()
        size = _course.batch_rows("batch_size", batch_size)
        level = resolve_verbose(verbose)
        by_name = _checks.flag("return_dict", return_dict)
        data = _samples.samples(self, compiled.targets, x, y, sample_weight)
        threads = _checks.thread_count(threads)
        objective = compiled.objective(self.plan_for(data.x.shape[1:]))
        objective.check_weights(data)
        batches = -(-len(data) // size)
        called = CallbackList(callbacks, self, {"verbose": level, "epochs": 1, "steps": batches})
        with self._built_for(data.x), Progress(level, batches) as progress:
            network = _training.Network.of(self)
            self._warn_of_outputs(compiled, network.plan)
            called.begin()
            progress.begin()
            with objective.counting() as counted:
                logs = _step.evaluate(network, counted, data, size, threads, called)
            progress.end(logs)
        if by_name:
            return logs
        values = [logs[name] for name in objective.names]
        # Checkers are told one type, which has what users do with either.
        return values if len(values) > 1 else values[0]  # type: ignore[return-value]

    def predict(
        self,
        x: ArrayLike,
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        steps: None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        *,
        threads: int | None = None,
    ) -> "FloatArray":
        """Return the outputs for some samples.

        Parameters
        ----------
        x : array_like of shape (n, ...)
            The samples.
        batch_size : int, optional
            Samples of a batch for callbacks and progress; 32 if None. Samples are computed in
            larger blocks where those keep less than some megabytes.
        verbose : {"auto", 0, 1, 2}, default "auto"
            Nothing, or a line; "auto" is a line.
        steps : None
            Not supported: all samples count.
        callbacks : list of Callback, optional
            Their hooks of predictions are called.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        ndarray of shape (n, ...)
            The outputs.
        """
        if steps is not None:
            raise ValueError("predict does not support steps: slice x instead")
        size = _course.batch_rows("batch_size", batch_size)
        threads = _checks.thread_count(threads)
        level = resolve_verbose(verbose)
        inputs = self.take(x)
        batches = -(-len(inputs) // size)
        called = CallbackList(callbacks, self, {"verbose": level, "epochs": 1, "steps": batches})
        with self._built_for(inputs), Progress(level, batches) as progress:
            network = _training.Network.of(self)
            called.begin()
            called.call("on_predict_begin", {})
            progress.begin()
            if called.any_overrides(PREDICT_BATCH_HOOKS):
                parts = []
                for batch, start in enumerate(range(0, len(inputs), size)):
                    called.call("on_predict_batch_begin", batch, {})
                    part = inputs[start : start + size]
                    parts.append(_core.predict(network, part, size, threads))
                    called.call("on_predict_batch_end", batch, {"outputs": parts[-1]})
                outputs = np.concatenate(parts)
            else:
                outputs = _core.predict(network, inputs, size, threads)
            progress.end({})
            called.call("on_predict_end", {})
        return outputs

    def recalibrate(self, x: ArrayLike) -> None:
        """Set the running averages of every BatchNormalization to the exact statistics of `x`.

        Parameters
        ----------
        x : array_like of shape (n, ...)
            The training data, or a good part of it; see `fanin.normalization.recalibrate`.

        Raises
        ------
        ShapeError
            If `x` has the wrong shape.
        ValueError
            If `x`, or what a layer makes of it, is not finite; the model is as it was.
        """
        from fanin.normalization import recalibrate

        recalibrate(self, x)

    # Files.

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write all arrays to one file, in NumPy's npz format.

        Parameters
        ----------
        filepath : str or path
            The file, and what is refused, as for `save`.
        overwrite : bool, default True
            Whether a file that exists may be replaced.
        """
        self.ready()
        from fanin.models import _archive

        path, overwrite = _archive.check_path(filepath), _checks.flag("overwrite", overwrite)
        _archive.write(path, dict(self.named_weights()), overwrite)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Read all arrays from a file of `save_weights` or `save`.

        Arrays with NaN are read with a warning: failed trainings are looked into.

        Parameters
        ----------
        filepath : str or path
            The file.
        skip_mismatch : False
            Not supported: a file of another network is an error.

        Raises
        ------
        ValueError
            If the file is damaged or of another format, its names or shapes are not those of this
            network, or a number cannot be: too large for the dtype, a negative variance. The
            message names the file and says what it is. Nothing is changed. (NaN and infinity are
            read with a warning.)
        OSError
            If the file cannot be read, or is a folder, a pipe or a device.
        """
        if _checks.flag("skip_mismatch", skip_mismatch):
            raise ValueError("skip_mismatch is not supported: load into a network of the same kind")
        from fanin.models import _archive

        _archive.read_weights(filepath, self)

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the whole model to one file: layers, arrays, what was compiled, optimizer's arrays.

        The file is an npz archive of NumPy's. The state of an `rng` that is a NumPy generator is
        not saved; a warning says so, as training that goes on from the file then differs.

        Parameters
        ----------
        filepath : str or path
            The file, of a name that ends in ``.npz``, has no suffix or one that is no known
            format's. It appears whole; if writing fails, what was there stays. Of a symbolic link
            the target is written.
        overwrite : bool, default True
            Whether a file that exists may be replaced.

        Raises
        ------
        ValueError
            If the name is that of another format, such as ``model.h5``, or the model has an
            argument that no file can hold.
        TypeError
            If `filepath` is no path: a number, an open file.
        OSError
            If the file cannot be written, is read-only (root is refused too), or is a folder, a
            pipe, a socket or a device.
        """
        self.ready()
        from fanin.models import _archive

        path, overwrite = _archive.check_path(filepath), _checks.flag("overwrite", overwrite)
        _archive.write(path, _archive.whole(self, self._compiled), overwrite)


def as_sequential(name: str, model: object) -> Sequential:
    """Return `model` if it is a network of this package that can be trained.

    Parameters
    ----------
    name : str
        What a message calls it.
    model : object
        What was given.

    Returns
    -------
    Sequential
        The same.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(model, Sequential):
        return model
    hint = "; make one: it is a class" if isinstance(model, type) else ""
    raise TypeError(f"{name}: expected a fanin.Sequential, found {_checks.found(model)}{hint}")
