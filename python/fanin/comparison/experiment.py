"""Many trials over the cores."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fanin._checks import found
from fanin.comparison import arms as arms_module
from fanin.comparison.arms import Arm
from fanin.comparison.data import Data, load
from fanin.comparison.reproduce import cores, environment
from fanin.comparison.result import ArmResult, Comparison
from fanin.comparison.settings import (
    DEFAULT_EPOCHS,
    DEFAULT_SEEDS,
    Settings,
    count,
    make_settings,
)
from fanin.comparison.trial import Trial, run_trial
from fanin.show.progress import INTERVAL, Progress
from fanin.show.results import Result
from fanin.show.text import counted

Report = Callable[[Arm, int, int, float], Any]
_NAMED = 4  # arms whose accuracy the line of the progress says

if TYPE_CHECKING:
    from fanin.typing import ActivationLike, ArmLike, DataLike, OptimizerLike


def compare(
    arms: "ArmLike | Iterable[ArmLike] | Mapping[str, ArmLike] | None" = None,
    *,
    data: "DataLike" = "small",
    seeds: int | Iterable[int] = DEFAULT_SEEDS,
    epochs: int = DEFAULT_EPOCHS,
    hidden: int | Iterable[int] = (128,),
    activation: "ActivationLike" = "relu",
    optimizer: "OptimizerLike" = "adam",
    learning_rate: float | None = None,
    batch_size: int = 64,
    validation_split: float = 0.2,
    initialize: Literal["hidden", "all"] = "hidden",
    target: float | None = None,
    workers: int | None = None,
    progress: Literal["auto"] | bool | Report = "auto",
) -> Comparison:
    """Train one network with several initializers, and tell which does best.

    Everything but the initializer is the same: for one seed all arms see the same batches in the
    same order, and layers that an arm does not initialize start alike. The network is a chain of
    dense layers that ends in a softmax, trained on cross-entropy.

    Parameters
    ----------
    arms : arm, list of arms or dict of label to arm, optional
        What is compared. An arm is an initializer in any form that `fanin.initializers.get`
        takes, a text such as ``"he_normal+bn"`` or ``"random_normal(stddev=0.01)"`` (see
        `Arm.parse`), or an `Arm`. Default: Zeros, RandomNormal(stddev=1.0), GlorotNormal, HeNormal.
    data : {"small", "fashion-mnist"}, path or ((x_train, y_train), (x_test, y_test))
        ``"small"`` is a part of Fashion-MNIST that comes with the package. A path is that of a
        ``.npz`` file with arrays `x_train`, `y_train`, `x_test` and `y_test`. Labels are classes
        from 0 up, or one-hot; 8-bit inputs are divided by 255.
    seeds : int or iterable of int, default 3
        Number of seeds (0, 1, …), or the seeds. Each arm is trained once a seed.
    epochs : int, default 5
        Passes over the training rows.
    hidden : int or iterable of int, default (128,)
        Units of each hidden layer.
    activation : str or callable, default "relu"
        Activation of the hidden layers, one of `fanin.activations`.
    optimizer : str, dict or Optimizer, default "adam"
        Anything that `fanin.optimizers.get` takes.
    learning_rate : float, optional
        Default: the optimizer's.
    batch_size : int, default 64
        Rows a step.
    validation_split : float, default 0.2
        Share of the training rows, from their end, that is held out and measured after each epoch.
    initialize : {"hidden", "all"}, default "hidden"
        Which layers an arm initializes. With ``"hidden"`` the output layer starts as
        GlorotUniform in every arm.
    target : float, optional
        A validation accuracy; how many epochs and how long it takes to reach it is reported.
    workers : int, optional
        Trials at a time. Default: one for each core. The result does not depend on it.
    progress : "auto", bool or callable, default "auto"
        Whether to show a line that counts epochs, on the standard error outside of notebooks;
        ``"auto"`` does in a notebook and on a terminal, if the call takes longer than 100 ms. A
        callable is called after each epoch of each trial as
        ``progress(arm, seed, epochs_done, accuracy)``, one call at a time.

    Returns
    -------
    Comparison
        Prints as a table and says its `verdict`; `plot`, `save_html` and `to_dict` show more.

    Raises
    ------
    ValueError, TypeError
        For an argument that cannot be used, before anything is trained.
    KeyboardInterrupt
        On Ctrl-C, once all trials have stopped, which takes about a tenth of a second.

    Examples
    --------
    >>> import fanin
    >>> result = fanin.compare(["glorot_normal", "glorot_normal+bn"], seeds=2, epochs=1)
    >>> [arm.label for arm in result.arms]
    ['GlorotNormal', 'GlorotNormal + BN']
    """
    _check_progress(progress)
    experiment = prepare(
        arms,
        data=data,
        workers=workers,
        seeds=seeds,
        epochs=epochs,
        hidden=hidden,
        activation=activation,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
        validation_split=validation_split,
        initialize=initialize,
        target=target,
    )
    return experiment.run(progress)


@dataclass(frozen=True, eq=False, repr=False)
class Experiment(Result):
    """A comparison that is checked and loaded, and not yet run.

    Attributes
    ----------
    arms : tuple of Arm
        What is compared.
    settings : Settings
        What they have in common.
    data : Data
        The rows.
    workers : int
        Trials at a time.
    """

    arms: tuple[Arm, ...]
    settings: Settings
    data: Data
    workers: int

    def _says(self) -> str:
        arms = ", ".join(arm.label for arm in self.arms)
        return f"{self.data.name}, {counted(len(self.settings.seeds), 'seed')}: {arms}"

    def run(self, progress: Literal["auto"] | bool | Report = "auto") -> Comparison:
        """Run all trials.

        Parameters
        ----------
        progress : "auto", bool or callable
            As in `compare`.

        Returns
        -------
        Comparison
            The result.
        """
        started = time.perf_counter()
        report = progress if callable(progress) else None
        shown = Progress.aside("compare", report is None and progress, "epochs", "stderr")
        with shown.over(len(self.arms) * len(self.settings.seeds) * self.settings.epochs):
            trials = self._trials(_Tally(self.arms, report), shown)
        return Comparison(
            arms=tuple(
                ArmResult(
                    arm.label,
                    arm.spec,
                    tuple(trials[place, seed] for seed in self.settings.seeds),
                )
                for place, arm in enumerate(self.arms)
            ),
            settings=self.settings,
            data=self.data.summary,
            environment=environment(),
            seconds=time.perf_counter() - started,
        )

    def _trials(self, tally: "_Tally", shown: Progress) -> Mapping[tuple[int, int], Trial]:
        """Run the trials on threads: the core works without the interpreter's lock."""
        # A seed after the other, so that an early look at the progress compares arms fairly.
        jobs = [(place, seed) for seed in self.settings.seeds for place in range(len(self.arms))]
        workers = min(self.workers, len(jobs))
        threads = max(1, self.workers // len(jobs))  # fewer trials than cores: share the rest
        with _pool(workers) as (pool, stop):
            futures: dict[Future[Trial], tuple[int, int]] = {
                pool.submit(
                    run_trial,
                    self.arms[place],
                    seed,
                    self.settings,
                    self.data,
                    threads=threads,
                    report=tally.report,
                    stop=stop,
                ): (place, seed)
                for place, seed in jobs
            }
            trials: dict[tuple[int, int], Trial] = {}
            running = set(futures)
            while running:
                # Drawn by this thread alone: a kernel does not know what cell another belongs to.
                ended, running = wait(
                    running, INTERVAL if shown.live else None, return_when=FIRST_COMPLETED
                )
                for future in ended:
                    place, seed = futures[future]
                    trials[place, seed] = future.result()
                    tally.done[place, seed] = self.settings.epochs  # also where one diverged
                shown.update(*tally.so_far())
            return trials


class _Tally:
    """How far all trials are; they report from threads."""

    def __init__(self, arms: tuple[Arm, ...], told: Report | None) -> None:
        self.places = {arm.label: place for place, arm in enumerate(arms)}
        self.told = told
        self.lock = threading.Lock()
        self.done: dict[tuple[int, int], int] = {}
        """Epochs, by an arm's place and the seed; `accuracy` is the latest."""
        self.accuracy: dict[tuple[int, int], float] = {}

    def report(self, arm: Arm, seed: int, done: int, accuracy: float) -> None:
        """Note the end of an epoch, and tell whoever asked to be told."""
        with self.lock:
            trial = self.places[arm.label], seed
            self.done[trial], self.accuracy[trial] = done, accuracy
            if self.told is not None:
                self.told(arm, seed, done, accuracy)

    def so_far(self) -> tuple[int, str]:
        """Return the epochs that all have done, and the best arms with their mean accuracies."""
        with self.lock:
            done, latest = sum(self.done.values()), dict(self.accuracy)
        seen = {
            label: float(np.mean([value for trial, value in latest.items() if trial[0] == place]))
            for label, place in self.places.items()
            if any(trial[0] == place for trial in latest)
        }
        best = sorted(seen, key=lambda label: -seen[label])[:_NAMED]
        named = ", ".join(f"{label} {seen[label]:.3f}" for label in best)
        return done, f"accuracy: {named}" if named else ""


def _check_progress(progress: object) -> None:
    """Refuse what cannot be used, before anything is trained."""
    if callable(progress) or isinstance(progress, bool | np.bool_):
        return
    if not isinstance(progress, str) or progress != "auto":
        error = ValueError if isinstance(progress, str) else TypeError
        raise error(
            "progress: expected 'auto', True, False or a function of (arm, seed, epochs done, "
            f"accuracy), found {found(progress)}"
        )


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[tuple[ThreadPoolExecutor, threading.Event]]:
    """Open a pool of threads that stops what it runs when the caller fails or is interrupted."""
    stop = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="fanin-compare")
    try:
        yield pool, stop
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def prepare(
    arms: "ArmLike | Iterable[ArmLike] | Mapping[str, ArmLike] | None",
    *,
    data: "DataLike",
    workers: int | None,
    **settings: Any,
) -> Experiment:
    """Check all arguments of `compare`, then load the data.

    Parameters
    ----------
    arms, data, workers
        As in `compare`.
    **settings
        The other arguments of `compare`, except `progress`.

    Returns
    -------
    Experiment
        Ready to run.

    Raises
    ------
    ValueError, TypeError
        For an argument that cannot be used.
    """
    resolved = arms_module.resolve(arms)
    checked = make_settings(**settings)
    at_a_time = cores() if workers is None else count("workers", workers)
    return Experiment(resolved, checked, load(data, checked.validation_split), at_a_time)
