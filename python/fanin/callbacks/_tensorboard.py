"""Files of events, as TensorBoard reads them."""

import itertools
import os
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fanin import _checks, _core, _optional
from fanin._files import _disk
from fanin.callbacks._base import PULSE_HOOKS, Callback, Logs
from fanin.callbacks._run import Run
from fanin.layers import InputLayer

if TYPE_CHECKING:
    from fanin.models._trainable import Trainable

_BINS = 30
_count = itertools.count()
"""Tells the files of one process apart, whose names have the time in seconds."""

_REFUSED = {
    "write_images": "weights are written as histograms: histogram_freq=1",
    "profile_batch": "compiled code has no steps that a profiler of TensorFlow would see",
    "embeddings_freq": "tables are weights like others: histogram_freq=1",
    "embeddings_metadata": "tables are weights like others: histogram_freq=1",
}


class TensorBoard(Callback):
    """Write losses, metrics, learning rates and histograms of weights for TensorBoard.

    The values of training go into ``log_dir/train``, those of validation into
    ``log_dir/validation``, under the names that Keras gives them: ``epoch_loss``,
    ``epoch_learning_rate``, ``batch_loss``, ``evaluation_loss_vs_iterations``. What an epoch gave
    is in the files when it ends. ``tensorboard --logdir logs`` shows them.

    Parameters
    ----------
    log_dir : str or path, default "logs"
        The folder; it is made where it is missing.
    histogram_freq : int, default 0
        Epochs between two histograms of the weights; 0 for none.
    write_graph : bool, default True
        Whether to write which layer reads which.
    write_images : bool, default False
        Here for Keras's signature.
    write_steps_per_second : bool, default False
        Whether to write how many steps an epoch did a second.
    update_freq : "epoch", "batch" or int, default "epoch"
        When to write the means since the epoch began: after each epoch alone, after each batch too,
        or after so many.
    profile_batch, embeddings_freq : int, default 0
        Here for Keras's signature.
    embeddings_metadata : None
        Here for Keras's signature.

    Raises
    ------
    ValueError
        If what an argument asks for is not there.
    ImportError
        By `fit`, before anything changes, if tensorboardX is not installed, which writes the files:
        ``pip install "fanin[tensorboard]"``.
    OSError
        By `fit`, before anything changes, if nothing can be written into the folder.

    Examples
    --------
    >>> TensorBoard("runs/first", histogram_freq=5).log_dir
    'runs/first'
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: None = None,
    ) -> None:
        super().__init__()
        self.log_dir: str = _disk.as_path("log_dir", log_dir)
        self.histogram_freq: int = _checks.count("histogram_freq", histogram_freq)
        self.write_graph: bool = _checks.flag("write_graph", write_graph)
        self.write_steps_per_second: bool = _checks.flag(
            "write_steps_per_second", write_steps_per_second
        )
        _refuse("write_images", _checks.flag("write_images", write_images))
        _refuse("profile_batch", profile_batch)
        _refuse("embeddings_freq", _checks.count("embeddings_freq", embeddings_freq))
        _refuse("embeddings_metadata", embeddings_metadata)
        self.update_freq = update_freq
        self.pulse_every = _frequency(update_freq)
        self._writers: dict[str, Any] = {}
        self._training = False
        self._since = (0.0, 0)

    def _check_run(self, run: Run) -> None:
        _optional.require("tensorboardX")
        _check_folder(self.log_dir)

    def overrides(self, hooks: Iterable[str]) -> bool:
        """Return whether any of `hooks` does something; pulses do where batches are written.

        Parameters
        ----------
        hooks : iterable of str
            Names of hooks.

        Returns
        -------
        bool
            Whether one does.
        """
        idle = PULSE_HOOKS if self.pulse_every is None else ()
        return super().overrides(hook for hook in hooks if hook not in idle)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin the files.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self._training = True
        writer = self._writer("train")
        if self.write_graph:
            writer.add_graph(self.model)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Look at the clock.

        Parameters
        ----------
        epoch : int
            Not used.
        logs : dict, optional
            Not used.
        """
        self._since = time.perf_counter(), self._steps()

    def on_train_pulse(self, batch: int, logs: Logs | None = None) -> None:
        """Write the means since the epoch began.

        Parameters
        ----------
        batch : int
            Not used.
        logs : dict, optional
            The means.
        """
        if self.pulse_every is not None and self._steps() % self.pulse_every == 0:
            values = {f"batch_{name}": value for name, value in (logs or {}).items()}
            self._writer("train").add(values, self._steps())

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write what an epoch gave.

        Parameters
        ----------
        epoch : int
            Its number.
        logs : dict, optional
            Its values.
        """
        given = dict(logs or {})
        began, before = self._since
        optimizer = self.model.optimizer
        (given["learning_rate"],) = optimizer.learning_rates(self._steps(), 1)
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - began, 1e-9)
            given["steps_per_second"] = (self._steps() - before) / seconds
        of_validation = {name: value for name, value in given.items() if name[:4] == "val_"}
        own = {f"epoch_{n}": value for n, value in given.items() if n not in of_validation}
        self._writer("train").add(own, epoch)
        if of_validation:
            others = {f"epoch_{name[4:]}": value for name, value in of_validation.items()}
            self._writer("validation").add(others, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for layer in self.model.computing:
                for role, array in layer.arrays.items():
                    name = f"{layer.name}/{role}/histogram"
                    self._writer("train").add_histogram(name, array, epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write what an evaluation or a validation gave.

        Parameters
        ----------
        logs : dict, optional
            Its values.
        """
        values = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._writer("validation").add(values, self._steps())
        if not self._training:
            self._close()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """End the files.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self._training = False
        self._close()

    def _steps(self) -> int:
        return int(self.model.optimizer.iterations)

    def _writer(self, part: str) -> "_Writer":
        if part not in self._writers:
            self._writers[part] = _Writer(os.path.join(self.log_dir, part))
        writer: _Writer = self._writers[part]
        return writer

    def _close(self) -> None:
        while self._writers:
            self._writers.popitem()[1].close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_writers": {}}  # files are not copied


def _refuse(name: str, value: object) -> None:
    """Refuse an argument that asks for something."""
    if value is None or value is False or (isinstance(value, int) and value == 0):
        return
    raise ValueError(f"{name}: expected nothing, as {_REFUSED[name]}, found {_checks.found(value)}")


def _frequency(update_freq: object) -> int | None:
    """Return after how many batches something is written; None for none."""
    if isinstance(update_freq, str):
        return {"epoch": None, "batch": 1}[
            _checks.one_of("update_freq", update_freq, ("epoch", "batch"))
        ]
    return _checks.integer("update_freq", update_freq, minimum=1)


def _check_folder(path: str) -> None:
    """Refuse a folder that cannot be made or written into; nothing is made."""
    there = os.path.abspath(path)
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    try:
        _disk.check_writable(os.path.join(there, "events"))
    except OSError as error:
        text = f"log_dir: expected a folder that can be written into ({error.strerror})"
        raise type(error)(error.errno, text, path) from error


class _Writer:
    """A file of events. What is added is in it after `flush`."""

    def __init__(self, folder: str) -> None:
        x = _optional.require("tensorboardX")
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto import event_pb2

        self._summary, self._event = x.summary, event_pb2.Event
        os.makedirs(folder, exist_ok=True)
        # The class that the library's own writers use, without their threads.
        suffix = f".{os.getpid()}.{next(_count)}"
        self._file = EventsWriter(os.path.join(folder, "events"), suffix)

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Add numbers."""
        for name, value in values.items():
            self._write(step, summary=self._summary.scalar(name, float(value)))

    def add_histogram(self, name: str, array: Any, step: int) -> None:
        """Add a histogram, if the numbers of an array are finite."""
        if _core.first_non_finite(array.ravel()) is None:
            self._write(step, summary=self._summary.histogram(name, array, _BINS))

    def add_graph(self, model: "Trainable") -> None:
        """Add the layers of a model, and what each reads."""
        from tensorboardX.proto.graph_pb2 import GraphDef
        from tensorboardX.proto.node_def_pb2 import NodeDef

        nodes = [NodeDef(name=n, op=kind, input=reads) for n, kind, reads in _layers(model)]
        self._write(0, graph_def=GraphDef(node=nodes).SerializeToString())

    def _write(self, step: int, **what: Any) -> None:
        self._file.write_event(self._event(wall_time=time.time(), step=step, **what))

    def flush(self) -> None:
        """Put all into the file."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()


def _layers(model: "Trainable") -> list[tuple[str, str, list[str]]]:
    """Return the layers of a model: name, class, and the names of those that each reads."""
    from fanin.models._summary import _reads

    operations = model.operations
    if model.chain:
        before = [[], *([layer.name] for layer in operations)]
        reads = {id(layer): names for layer, names in zip(operations, before, strict=False)}
    else:
        reads = _reads(model)
    return [(layer.name, _kind(layer), reads.get(id(layer), [])) for layer in operations]


def _kind(layer: Any) -> str:
    return "InputLayer" if isinstance(layer, InputLayer) else type(layer).__name__
