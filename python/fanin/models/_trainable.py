"""What every model can: compile, fit, evaluate, predict."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from fanin import _checks, losses, optimizers, random
from fanin.callbacks import Callback, History
from fanin.errors import NotReadyError
from fanin.layers._arrays import Array
from fanin.losses._targets import width_of
from fanin.metrics import Metric
from fanin.models._compiled import Compiled
from fanin.models._files import WithFiles
from fanin.models._layered import Layered

if TYPE_CHECKING:
    from fanin.typing import (
        BatchesLike,
        Evaluation,
        FloatArray,
        InputsLike,
        LossesLike,
        LossWeightsLike,
        MetricsLike,
        OptimizerLike,
        TargetsLike,
        Validation,
        Verbose,
        WeightsLike,
    )


class Trainable(WithFiles, Layered):
    """Layers with a plan that can be trained.

    Parameters
    ----------
    name : str, optional
        Name of the network.
    rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
        Where initial values and shuffles come from.
    """

    _compiled: Compiled | None = None

    def __init__(self, name: str | None = None, *, rng: random.Rng = None) -> None:
        self.history: History | None = None
        self.stop_training = False
        super().__init__(name, rng=rng)

    # What training is for.

    def compile(
        self,
        optimizer: "OptimizerLike" = "rmsprop",
        loss: "LossesLike | None" = None,
        loss_weights: "LossWeightsLike | None" = None,
        metrics: "MetricsLike | None" = None,
        weighted_metrics: "MetricsLike | None" = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose the optimizer, the loss and the metrics; the optimizer starts anew.

        Of several outputs each has its own, given in a list in the order of the outputs or in a
        dict by name; logs then have ``"loss"``, the sum, and ``"a_loss"``, ``"a_accuracy"``, ….

        Parameters
        ----------
        optimizer : str, dict or Optimizer, default "rmsprop"
            One of `fanin.optimizers`. Its numbers can be changed later, also by a callback. Where
            it then wants other arrays (`slots`), those whose name stays keep their values, and
            others start anew.
        loss : str, dict, function or Loss, or list or dict of them
            One of `fanin.losses`, or any object with `value_and_gradient`, see `losses.Loss`. A
            single one is that of each output; None of an output in a list or dict is no loss.
        loss_weights : list or dict of float, optional
            What the loss of each output is multiplied by in their sum; of one output a number too.
        metrics : list of str, Metric or callable, or list or dict of such lists, optional
            Of `fanin.metrics`; ``"accuracy"`` is the one that fits loss and outputs, see
            `fanin.metrics.resolve`. A function ``f(y_true, y_pred)`` of yours is one too.
        weighted_metrics : list, or list or dict of lists, optional
            Metrics in which samples weigh what `sample_weight` says: the sum of weight times value
            by the sum of weights.
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss : optional
            Here for Keras's signature: they say how Keras runs, not what it computes.

        Raises
        ------
        ValueError
            If a name is unknown; the message suggests the close match. If there are too few or too
            many losses, weights or metrics for the outputs, or they have other names.
        TypeError
            If something is not of a kind that can be used.

        Warns
        -----
        UserWarning
            If the loss does not fit the last activation, such as logits to a softmax. An unbuilt
            network warns when it is trained or evaluated.
        """
        given = loss_weights if isinstance(loss_weights, list | tuple) else [loss_weights]
        if any(isinstance(weight, str) or callable(weight) for weight in given):
            # Keras has loss_weights in the third place, where many a script has its metrics.
            raise ValueError(
                f"loss_weights: expected numbers, found {_checks.found(loss_weights)}; metrics are "
                "given by name: metrics=[...]"
            )
        shapes = self.ready().shapes_of_outputs if self.built else None
        widths = None if shapes is None else [width_of(shape) for shape in shapes]
        choice = loss, loss_weights, metrics, weighted_metrics
        compiled, waiting = None, None
        if self._traced and self._wiring is None:  # nobody knows which outputs there will be
            optimizer = optimizers.get(optimizer)
            waiting = optimizer, *choice
        if waiting is None or not _by_output(choice[:2], choice[2:]):
            compiled = Compiled.of(optimizer, self._ends, *choice, widths)
        if self.built and compiled is not None:
            compiled.check_outputs(self)
        with self._changing(alone=True):
            if self._compiled is not None:
                self._compiled.end()
            self._waiting = waiting
            self._compiled = None if compiled is None else compiled.begin()

    _waiting: "tuple[Any, ...] | None" = None
    """What `compile` was given before it was known which outputs there are."""

    def _complete_compile(self) -> None:
        """Do what `compile` left, once it is known which outputs there are."""
        if self._waiting is None:
            return
        (optimizer, *choice), self._waiting = self._waiting, None
        if self._compiled is None or self._ends.form != "one":
            loss, weights, metrics, weighted = choice
            compiled = Compiled.of(optimizer, self._ends, loss, weights, metrics, weighted, None)
            self._compiled = compiled.begin()

    def _know_outputs(self, x: Any) -> Any:
        """Find which outputs there are for `x`, where `compile` waits for that; return `x`.

        What gives batches is returned with the first of them, which was looked at.
        """
        if self._waiting is None:
            return x
        from fanin.models import _subclassed
        from fanin.models._feeds import looked_at

        x, first = looked_at(x)
        _subclassed.settle_for(self, "x", first)
        return x

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled is not None or self._waiting is not None

    @property
    def compiled_with(self) -> Compiled:
        """What `compile` chose; an AttributeError before."""
        if self._compiled is None and self._waiting is not None:
            raise NotReadyError(
                f"network {self.name!r} is compiled for outputs that are not known yet: call it, "
                "fit it, or call build(input_shape)"
            )
        if self._compiled is None:
            raise NotReadyError("the model is not compiled: call compile(optimizer, loss) first")
        return self._compiled

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimizer; an AttributeError before `compile`."""
        return self.compiled_with.optimizer

    @property
    def loss(self) -> losses.Loss:
        """The loss, of several outputs a list of them; an AttributeError before `compile`."""
        found: losses.Loss = self.compiled_with.loss  # what checkers are told is that of one output
        return found

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, once the network is built: before, "accuracy" has no meaning."""
        if self._compiled is None or not self.built:
            return []
        widths = [width_of(shape) for shape in self.ready().shapes_of_outputs]
        both = self._compiled.metrics_for(widths)
        return [metric for each in both for part in each for metric in part]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns: losses and metrics; empty before `compile`."""
        return [] if self._compiled is None else self._compiled.names

    @property
    def epoch(self) -> int:
        """Whole epochs trained since `compile`; kept in files and copies.

        ``fit(..., epochs=20, initial_epoch=model.epoch)`` goes on where training stopped.
        """
        return 0 if self._compiled is None else self._compiled.epochs

    @property
    def slots(self) -> dict[str, Array]:
        """The optimizer's arrays by name, each of the layout of `params`; empty before training."""
        compiled = self.compiled_with
        if compiled.slots is None:
            return {}
        network = self.network
        slots = network.gathered(compiled.arranged(network.params))
        return dict(zip(compiled.optimizer.slot_names(), slots, strict=True))

    def _forget_slots(self) -> None:
        if self._compiled is not None:
            self._compiled.forget_slots()

    def _parts(self) -> list[object]:
        return [*super()._parts(), *([] if self._compiled is None else [self._compiled])]

    def __getstate__(self) -> dict[str, Any]:
        network, compiled = self._network, self._compiled
        if network is None or compiled is None:
            return super().__getstate__()
        network, compiled = compiled.copied_with(network)
        return {**self._state_with(network), "_compiled": compiled}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        network, compiled = self._network, self._compiled
        if network is not None and compiled is not None and not network.whole:
            compiled.spread_over(network)

    # Training.

    def fit(
        self,
        x: "InputsLike | BatchesLike | None" = None,
        y: "TargetsLike | None" = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: "Verbose" = "auto",
        callbacks: Iterable[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: "Validation | None" = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: "WeightsLike | None" = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
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
        x : array_like of shape (n, ...), or list or dict of them, or what gives batches
            The samples, of several inputs as many arrays, or a data frame with a column for each;
            converted to the network's dtype, without a copy if they are one array of it. Arrays in
            files (`numpy.memmap`, h5py, zarr), sparse matrices of SciPy and tables of Arrow are
            read some batches at a time. Or a generator, `fanin.utils.PyDataset`, torch DataLoader
            or other iterable, whose batches are ``(x, y)`` or ``(x, y, sample_weight)``; or a torch
            Dataset of such samples. See the page about data.
        y : array_like, or list or dict of them
            The targets: integers of shape (n,) for sparse losses, else like the outputs. Of several
            outputs as many arrays; those without a loss and metrics have none, or None. None where
            `x` gives batches.
        batch_size : int, optional
            Samples of a batch; if None 32, or with `steps_per_epoch` as many as make all samples
            so many batches, and all of them with `LBFGS`. The last batch may be smaller. Not used
            where `x` gives batches.
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
        validation_data : tuple (x, y) or (x, y, sample_weight), or what gives batches, optional
            What to validate on, of all kinds that `x` may be; comes before `validation_split`.
        shuffle : bool, default True
            Whether to draw a new order of the samples in each epoch; of the batches, where `x` is
            a `fanin.utils.PyDataset`. Iterables give their batches in their own order.
        class_weight : dict of int to float, optional
            Weight of each class in the loss, at least 0; classes that are not named weigh 1. For
            training only: the validation loss is that of `evaluate`. For one output only.
        sample_weight : array_like of shape (n,), or list or dict of them, optional
            Weight of each sample in the loss, at least 0, with `validation_split` in validation
            too. Only `weighted_metrics` are weighted. One array is for all outputs.
        initial_epoch : int, default 0
            Number of the first epoch: `epoch` of a model that was loaded goes on where it stopped.
        steps_per_epoch : int, optional
            Batches of an epoch, where it is not one pass over the samples: the next epoch goes on
            where this one stopped. Data that run out end an epoch, with a warning; where they do
            not begin anew, as those of a generator, training ends.
        validation_steps : int, optional
            Batches of a validation, the first ones, or the next of a generator; all if None.
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
        RuntimeError
            If another thread trains the network, or changes its weights; or if it is called by a
            callback of its own `fit`. Other threads can use the network meanwhile: they see it as
            it is after some whole batch.
        FloatingPointError
            If after an epoch a parameter, a running average or a slot of the optimizer is infinite
            or NaN though the loss is finite, as with weights of 1e38. Steps that were done cannot
            be undone: the network is as the last batch left it. Callbacks have not seen the end of
            that epoch, so a `ModelCheckpoint` keeps the one before. (Where the loss is not finite
            either, the history shows it, and training goes on.)

        Warns
        -----
        UserWarning
            If the loss does not fit the last activation, once; see `compile`. If data run out
            before the steps that were asked for.
        """
        # Here and below: what `import fanin` need not pay for. A fork must not meet such an import,
        # see `first_use.rs`. Out of modules: out of a package an import is slow at every call.
        from fanin.models._course import course as checked
        from fanin.models._training import fit

        x = self._know_outputs(x)
        _ = self.compiled_with  # refuses a network that is not, before it looks at anything else
        course = checked(
            epochs=epochs,
            initial_epoch=initial_epoch,
            batch_size=batch_size,
            validation_batch_size=validation_batch_size,
            validation_split=validation_split,
            validation_freq=validation_freq,
            shuffle=shuffle,
            verbose=verbose,
            threads=threads,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
        )
        source = None if rng is None else random.resolve(rng)
        (history,) = fit(
            [self], course, x, y, sample_weight, class_weight, validation_data, callbacks, source
        )
        return history

    @overload
    def evaluate(
        self,
        x: "InputsLike | BatchesLike | None" = None,
        y: "TargetsLike | None" = None,
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        sample_weight: "WeightsLike | None" = None,
        steps: int | None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        return_dict: Literal[False] = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation": ...

    @overload
    def evaluate(
        self,
        x: "InputsLike | BatchesLike | None" = None,
        y: "TargetsLike | None" = None,
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        sample_weight: "WeightsLike | None" = None,
        steps: int | None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        *,
        return_dict: Literal[True],
        threads: int | None = None,
    ) -> dict[str, float]: ...

    @overload
    def evaluate(
        self,
        x: "InputsLike | BatchesLike | None" = None,
        y: "TargetsLike | None" = None,
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        sample_weight: "WeightsLike | None" = None,
        steps: int | None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        return_dict: bool = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation | dict[str, float]": ...

    def evaluate(
        self,
        x: "InputsLike | BatchesLike | None" = None,
        y: "TargetsLike | None" = None,
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        sample_weight: "WeightsLike | None" = None,
        steps: int | None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        return_dict: bool = False,
        *,
        threads: int | None = None,
    ) -> "Evaluation | dict[str, float]":
        """Return loss and metrics on some samples.

        Parameters
        ----------
        x : array_like of shape (n, ...), or list or dict of them, or what gives batches
            The samples, as `fit` takes them.
        y : array_like, or list or dict of them
            The targets; None where `x` gives batches.
        batch_size : int, optional
            Samples of a batch; if None 32, or with `steps` as many as make all samples so many.
        verbose : {"auto", 0, 1, 2}, default "auto"
            Nothing, or a line; "auto" is a line.
        sample_weight : array_like of shape (n,), or list or dict of them, optional
            Weight of each sample in the loss, at least 0.
        steps : int, optional
            How many batches count, the first ones; all if None.
        callbacks : list of Callback, optional
            Their hooks of tests are called.
        return_dict : bool, default False
            Whether to return values by name.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        float, list of float or dict
            The loss; with metrics the list of the loss and the metrics; or both by name. Of several
            outputs the whole loss, that of each, and metrics in alphabetical order.
        """
        from fanin.models import _evaluation as run

        x = self._know_outputs(x)
        _ = self.compiled_with  # refuses a network that is not, before it looks at anything else
        size = None if batch_size is None else run.batch_rows("batch_size", batch_size)
        count = run.step_count("steps", steps)
        level, by_name = run.resolve_verbose(verbose), _checks.flag("return_dict", return_dict)
        threads = _checks.thread_count(threads)
        data, size = run.samples_of(self, (x, y, sample_weight), size, count)
        logs, names = run.evaluate(self, data, size, level, callbacks, threads)
        return logs if by_name else run.in_order(logs, names)

    def predict(
        self,
        x: "InputsLike | BatchesLike",
        batch_size: int | None = None,
        verbose: "Verbose" = "auto",
        steps: int | None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        *,
        threads: int | None = None,
    ) -> "FloatArray":
        """Return the outputs for some samples.

        Parameters
        ----------
        x : array_like of shape (n, ...), or list or dict of them, or what gives batches
            The samples, as `fit` takes them; of batches with targets these are not looked at.
        batch_size : int, optional
            Samples of a batch for callbacks and progress; 32 if None. Samples are computed in
            larger blocks where those keep less than some megabytes.
        verbose : {"auto", 0, 1, 2}, default "auto"
            Nothing, or a line; "auto" is a line.
        steps : int, optional
            How many batches to predict, the first ones; all if None.
        callbacks : list of Callback, optional
            Their hooks of predictions are called.
        threads : int, optional
            How many threads to use.

        Returns
        -------
        ndarray of shape (n, ...)
            The outputs; of several a list, tuple or dict of arrays, as they were given to `Model`.
        """
        from fanin.models import _evaluation as run

        size = None if batch_size is None else run.batch_rows("batch_size", batch_size)
        threads = _checks.thread_count(threads)
        level = run.resolve_verbose(verbose)
        inputs, size = run.inputs_of(self, x, size, run.step_count("steps", steps))
        # Checkers are told one type, with which users can do what they do with several outputs.
        found: FloatArray = run.predict(self, inputs, size, level, callbacks, threads)
        return found

    def recalibrate(self, x: "InputsLike") -> None:
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


def _by_output(losses: Sequence[Any], metrics: Sequence[Any]) -> bool:
    """Whether losses and their weights, or metrics, are given for each of several outputs."""
    rows = (list, tuple)
    return any(
        isinstance(given, rows) or (isinstance(given, Mapping) and "class_name" not in given)
        for given in losses
    ) or any(
        isinstance(given, Mapping)
        or (isinstance(given, rows) and any(isinstance(part, rows) for part in given))
        for given in metrics
    )
