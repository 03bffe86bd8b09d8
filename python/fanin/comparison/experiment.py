"""Many trials over the cores."""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fanin.comparison import arms as arms_module
from fanin.comparison.arms import Arm
from fanin.comparison.data import Data, load
from fanin.comparison.progress import Report, check_progress, watch
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
        Whether to show bars; ``"auto"`` does on a terminal. A callable is called after each epoch
        of each trial as ``progress(arm, seed, epochs_done, accuracy)``, one call at a time.

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
    check_progress(progress)
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


@dataclass(frozen=True, eq=False)
class Experiment:
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
        total = len(self.settings.seeds) * self.settings.epochs
        with watch(progress, self.arms, total) as report:
            trials = self._trials(report)
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

    def _trials(self, report: Report | None) -> Mapping[tuple[int, int], Trial]:
        """Run the trials on threads: the core works without the interpreter's lock."""
        # A seed after the other, so that an early look at the bars compares arms fairly.
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
                    report=report,
                    stop=stop,
                ): (place, seed)
                for place, seed in jobs
            }
            return {futures[done]: done.result() for done in as_completed(futures)}


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
