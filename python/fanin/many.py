"""Several networks trained at once on the same samples: `fit_many`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fanin import _checks, random
from fanin._absences import _absent
from fanin.callbacks import History
from fanin.errors import NotReadyError
from fanin.models import Model, _course, _training
from fanin.models._model import as_model

if TYPE_CHECKING:
    from fanin.typing import InputsLike, TargetsLike, Validation, Verbose, WeightsLike

__all__ = ["fit_many"]


def fit_many(
    models: Iterable[Model],
    x: "InputsLike",
    y: "TargetsLike",
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: "Verbose" = "auto",
    callbacks: None = None,
    validation_split: float = 0.0,
    validation_data: "Validation | None" = None,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: "WeightsLike | None" = None,
    initial_epoch: int = 0,
    validation_batch_size: int | None = None,
    validation_freq: int | Sequence[int] = 1,
    *,
    threads: int | None = None,
) -> list[History]:
    """Train several networks on the same samples, side by side.

    What becomes of each network is, bit for bit, what ``model.fit`` with the same arguments makes
    of it. An epoch of all of them is one call of the compiled core, which trains as many at a
    time as there are threads: for many small networks, such as one for each of several seeds and
    initializers, that uses all cores where a single network cannot.

    Everything is checked before anything changes. Ctrl-C raises KeyboardInterrupt and leaves each
    network as it was after a whole batch, with what was recorded in its ``history``.

    Parameters
    ----------
    models : iterable of Sequential or Model
        The networks, compiled. Layers and optimizers may differ; the shapes of inputs and outputs,
        the dtype, the loss and the metrics may not.
    x : array_like of shape (n, ...), or list or dict of them
        The samples.
    y : array_like, or list or dict of them
        The targets: integers of shape (n,) for sparse losses, else like the outputs.
    batch_size : int, optional
        Samples of a batch; 32 if None. The last batch may be smaller.
    epochs : int, default 1
        Number of the last epoch.
    verbose : {"auto", 0, 1, 2}, default "auto"
        As in `fit`; the values are means over the networks.
    callbacks : None
        Not supported: a callback belongs to one network. Use its `fit`.
    validation_split : float, default 0.0
        Share of the samples, the last ones, to validate on instead.
    validation_data : tuple (x, y) or (x, y, sample_weight), optional
        What to validate on; comes before `validation_split`.
    shuffle : bool, default True
        Whether each network draws a new order of the samples, from its own `rng`, in each epoch.
    class_weight : dict of int to float, optional
        Weight of each class in the loss, at least 0, for training only; classes that are not named
        weigh 1.
    sample_weight : array_like of shape (n,), optional
        Weight of each sample in the loss, at least 0; with `validation_split` in validation too.
        Metrics are not weighted.
    initial_epoch : int, default 0
        Number of the first epoch, to resume.
    validation_batch_size : int, optional
        Samples of a batch in validation; `batch_size` if None.
    validation_freq : int or sequence of int, default 1
        Validate every so many epochs, or after the epochs named (counted from 1).
    threads : int, optional
        How many networks to train at a time; the result is the same, bit for bit.

    Returns
    -------
    list of History
        Loss and metrics of each epoch, one History a network.

    Raises
    ------
    ShapeError
        If a shape is wrong.
    ValueError
        If a value is, networks do not fit together, one is given twice or is not compiled.
    TypeError
        If something is not of a kind that can be used.
    FloatingPointError
        If numbers of a network became infinite behind a finite loss, as in `fit`. It names the
        first such network; the others have finished the epoch.

    Examples
    --------
    >>> import numpy as np, fanin
    >>> x = np.random.default_rng(0).normal(size=(256, 2))
    >>> y = (x[:, 0] * x[:, 1] > 0).astype(int)
    >>> models = []
    >>> for seed in range(8):
    ...     layers = [fanin.layers.Dense(16, "relu"), fanin.layers.Dense(1, "sigmoid")]
    ...     model = fanin.Sequential(layers, rng=seed)
    ...     model.compile(fanin.optimizers.Adam(0.02), "bce", metrics=["accuracy"])
    ...     models.append(model)
    >>> histories = fanin.fit_many(models, x, y, epochs=30, verbose=0)
    >>> min(history.history["accuracy"][-1] for history in histories) > 0.9
    True
    """
    if callbacks is not None:
        raise ValueError(
            "callbacks: expected None, since fit_many supports no callbacks, found "
            f"{_checks.found(callbacks)}; use the fit of each model"
        )
    networks = _networks(models)
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
    whose = [f"models[{place}]: " for place in range(len(networks))]
    return _training.fit(
        networks, course, x, y, sample_weight, class_weight, validation_data, whose=whose
    )


def _networks(models: Any) -> list[Model]:
    """Return the networks, if they can be trained side by side."""
    if isinstance(models, Model) or not isinstance(models, Iterable):
        raise TypeError(
            f"models: expected a list of fanin.Sequential, found {_checks.found(models)}"
        )
    networks = [as_model(f"models[{place}]", model) for place, model in enumerate(models)]
    if not networks:
        raise ValueError("models: expected at least one, found none")
    for place, model in enumerate(networks):
        if not model.compiled:
            raise NotReadyError(
                f"models[{place}] is not compiled: call its compile(optimizer, loss) first"
            )
    places: dict[int, int] = {}
    for place, model in enumerate(networks):
        before = places.setdefault(id(model), place)
        if before != place:
            raise ValueError(f"models[{place}]: expected another network, found models[{before}]")
    # Shuffles drawn from one generator in turns would not be those of one `fit` after the other.
    sources = [model.source for model in networks]
    drawn = [s for s in sources if s is not None and not isinstance(s, random.Stream)]
    if len({id(source) for source in drawn}) < len(drawn):
        raise ValueError(
            "models: expected a random generator for each, found one that is shared, which would "
            "mix up their shuffles; give each its own rng, such as an integer"
        )
    return networks


_absent.guard(__name__)
