"""Weights and whole models in one file, NumPy's npz: what is written, and what is believed."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core, losses, metrics, optimizers, random
from fanin._checks import warn
from fanin._files import _disk, _formats
from fanin._files._archive import Archive
from fanin.errors import ShapeError
from fanin.layers._arrays import write_all
from fanin.metrics import Metric
from fanin.models import _subclassed
from fanin.models._compiled import Compiled
from fanin.models._layered import Layered
from fanin.models._model import Model
from fanin.models._sequential import Sequential

Arrays: TypeAlias = dict[str, NDArray[Any]]

_CONFIG = "config"
_SLOTS = "optimizer/slots"
_MOST_STEPS = 10**15
"""More steps than any machine has done: thirty years of a million a second."""
_EXPANSION = 20
"""Weights hardly compress, and we do not compress them."""


def check_path(filepath: object) -> str:
    """Return the path of a file that is to be written, if its name says what is written.

    Parameters
    ----------
    filepath : str, bytes or path-like
        Where to; may be a pattern with fields, of which the suffix counts.

    Returns
    -------
    str
        The path.

    Raises
    ------
    TypeError
        If it is no path.
    ValueError
        If its suffix is that of a format which is not written.
    """
    return _formats.check_suffix("filepath", filepath, _formats.NPZ)


def save(model: Any, filepath: object, overwrite: object) -> None:
    """Do what `Model.save` says."""
    model.ready()
    path, overwrite = check_path(filepath), _checks.flag("overwrite", overwrite)
    with _whole(model) as arrays:
        _write(path, arrays, overwrite)


def save_weights(model: Any, filepath: object, overwrite: object) -> None:
    """Do what `Model.save_weights` says."""
    model.ready()
    path, overwrite = check_path(filepath), _checks.flag("overwrite", overwrite)
    weights = dict(model.named_weights())
    with _core.Reading(model.lock, list(weights.values())) as held:
        _write(path, dict(zip(weights, held, strict=True)), overwrite)


def _write(path: str, arrays: Arrays, overwrite: bool) -> None:
    """Write arrays to a file: it appears whole, or what was there stays."""
    # Array by array: no second copy of all of them.
    fill = functools.partial(np.savez, **arrays)  # type: ignore[arg-type]
    _disk.stream(path, fill, overwrite=overwrite)


# What is written.


def check_savable(model: Any) -> None:
    """Refuse a model with an argument that no file can hold; it may not be built yet."""
    _packed_config(model)


@contextmanager
def _whole(model: Model) -> Iterator[Arrays]:
    """Hold all that a model is, as arrays by name; warn of what a file does not keep."""
    compiled = model.compiled_with if model.compiled else None
    _warn_of_source(model)
    while True:
        weights = dict(model.named_weights())
        own = [] if compiled is None else compiled.arrays()
        with _core.Reading(model.lock, [*weights.values(), *own]) as held:
            # Another epoch, or other slots, may have begun while it waited for the end of a batch.
            if compiled is not None and not compiled.has(own):
                continue
            arrays = dict(zip(weights, held, strict=False))
            steps = 0
            if compiled is not None:
                progress, *slots = held[len(weights) :]
                steps = int(progress[0])
                if slots:
                    network = model.network
                    arranged = compiled.arranged(network.params, *slots)
                    arrays[_SLOTS] = network.gathered(arranged)
            arrays[_CONFIG] = _packed_config(model, steps)
            yield arrays
        return


def _warn_of_source(model: Model) -> None:
    if not isinstance(model.source, random.Stream):
        warn(
            f"the model's rng is a {type(model.source).__name__}, whose state is not saved: "
            "training that goes on from the file draws other shuffles and masks than this model "
            "would; make the model with rng=<a whole number>, or give fit its rng"
        )


def _packed_config(model: Model, steps: int = 0) -> NDArray[np.uint8]:
    compiled = model.compiled_with if model.compiled else None
    source = model.source
    config: dict[str, Any] = {
        "model": model._description(),
        # A stream goes on where it stopped.
        "rng": [_numbers(source.seed), source.path] if isinstance(source, random.Stream) else None,
        "compile": None,
        "done": [0, 0],
    }
    if compiled is not None:
        config["compile"] = _compile_config(compiled)
        config["done"] = [steps, compiled.epochs]
    return _pack(config)


def _compile_config(compiled: Compiled) -> dict[str, Any]:
    """Return the arguments of `compile`, in types that files can hold."""

    def written(given: list[str | Metric]) -> list[Any]:
        return [m if isinstance(m, str) else metrics.serialize(m) for m in given]

    def formed(parts: list[Any]) -> Any:
        return parts if compiled.several else parts[0]

    aims = compiled.aims
    of_losses = [None if aim.loss is None else losses.serialize(aim.loss) for aim in aims]
    loss = formed(of_losses)
    if compiled.several and compiled.ends.form == "dict":  # whose order counts
        named = zip(compiled.ends.names, of_losses, strict=True)
        places = {name: aim.place for name, aim in zip(compiled.ends.names, aims, strict=True)}
        loss = dict(sorted(named, key=lambda pair: places[pair[0]]))
    config = {
        "optimizer": optimizers.serialize(compiled.optimizer),
        "loss": loss,
        "metrics": formed([written(aim.metrics) for aim in aims]),
    }
    # Where nothing was said of these, an earlier version reads the file too.
    if any(aim.weight != 1.0 for aim in aims):
        config["loss_weights"] = formed([aim.weight for aim in aims])
    if any(aim.weighted for aim in aims):
        config["weighted_metrics"] = formed([written(aim.weighted) for aim in aims])
    return config


def _numbers(seed: str) -> list[int]:
    return [int(number) for number in seed.split(",")]


def to_json(model: Model, **kwargs: Any) -> str:
    """Return what makes an equal model as text, see `Model.to_json`."""
    import json

    described = model._description()
    if not _subclassed.is_described(described):
        kind = "Sequential" if is_sequential(described) else "Model"
        described = {"class_name": kind, "config": described}
    text = _text(described)
    if not kwargs:
        return text
    try:
        return json.dumps(described, **kwargs)
    except (TypeError, ValueError) as error:
        raise type(error)(f"to_json: expected arguments that json.dumps takes: {error}") from None


def _pack(config: dict[str, Any]) -> NDArray[np.uint8]:
    """Return a configuration as bytes that an archive of arrays can hold."""
    return np.frombuffer(_text(config).encode(), dtype=np.uint8)


def _text(config: dict[str, Any]) -> str:
    import json

    try:
        return json.dumps(config)
    except (TypeError, ValueError) as error:  # of a type; of what holds itself
        found = _unwritable(config, "the model", "") or str(error)
        raise ValueError(
            f"the model has an argument that a file cannot hold, such as a function: {found}"
        ) from None


def _unwritable(value: Any, owner: str, name: str, depth: int = 20) -> str | None:
    """Say what of a configuration no file can hold, and whose argument it is."""
    if not depth or isinstance(value, bool | int | float | str | type(None)):
        return None
    if isinstance(value, dict):
        inner = f"get_config of {value['class_name']}" if "class_name" in value else owner
        parts = [(part, str(key)) for key, part in value.items()]
    elif isinstance(value, list | tuple):
        inner, parts = owner, [(part, name) for part in value]
    else:
        hint = "; return its tolist()" if hasattr(value, "tolist") else ""
        return f"{_checks.found(value)} as {name!r} in {owner}{hint}"
    found = (_unwritable(part, inner, called, depth - 1) for part, called in parts)
    return next((one for one in found if one is not None), None)


# What is believed.


def is_sequential(config: Any) -> bool:
    """Whether a configuration is that of layers in a row."""
    return not isinstance(config, dict) or not {"calls", "class_name"} & config.keys()


def outline_of(config: Any) -> _core.Plan:
    """Return the plan of the network that a configuration describes, without making its arrays."""
    network: Model
    if _subclassed.is_described(config):
        network = _subclassed.described(config)
    else:
        kind = _SequentialOutline if is_sequential(config) else _ModelOutline
        network = kind.from_config(config)
    shape = network.known_shape()
    if shape is None:
        raise ValueError("the shape of a sample is not said")
    return network.plan_for(shape)


class _SequentialOutline(Sequential):
    """Layers in a row without arrays."""

    def _gather(self, shape: tuple[int, ...]) -> None:
        self._feature_shape = shape


class _ModelOutline(Model):
    """A graph of layers without arrays."""

    def _gather(self, shape: tuple[int, ...]) -> None:
        self._feature_shape = shape


class Saved(Archive):
    """An open file of `Sequential.save`; a context manager.

    Parameters
    ----------
    filepath : str, bytes or path-like
        The file.

    Attributes
    ----------
    model, compile : dict
        What makes an equal network, and what it was compiled with; None if it was not.
    rng : Stream or None
        Where its numbers come from.

    Raises
    ------
    ValueError
        If it is another file, or what it says cannot be true.
    OSError
        If it cannot be read.
    """

    def __init__(self, filepath: object) -> None:
        path = _disk.as_path("filepath", filepath)
        super().__init__(path, "a model that Sequential.save wrote", _EXPANSION)
        try:
            self._read_config()
        except BaseException:
            self.__exit__()
            raise

    def _read_config(self) -> None:
        import json

        if _CONFIG not in self.names:
            raise self.refusal(_describe(self.names))
        with self.guarded(f"damage in {_CONFIG}"):
            config = json.loads(self.read(_CONFIG).tobytes())
            self.model, self.compile = config["model"], config["compile"]
            self.rng = None if config["rng"] is None else random.Stream(*config["rng"])
            steps, epochs = config["done"]
            self._done = [
                _checks.integer(name, value, minimum=0, maximum=_MOST_STEPS)
                for name, value in (("steps", steps), ("epochs", epochs))
            ]

    def making(self) -> Any:
        """Make the file answer for whatever is raised while its configuration is followed."""
        return self.guarded("one that cannot be made")

    def check(self) -> None:
        """Refuse a file whose arrays are not those of its network, before there is a network."""
        with self.making():
            plan = outline_of(self.model)
        besides = {_CONFIG} if self.compile is None else {_CONFIG, _SLOTS}
        _check_arrays(self, plan, besides)

    def fill(self, model: Model) -> None:
        """Give a new model its arrays, and its optimizer where it stopped."""
        compiled = model.compiled_with if model.compiled else None
        slots = None if compiled is None else self._slots(compiled.optimizer, model.params)
        _fill(model, self)
        if compiled is not None:
            compiled.slots = slots
            compiled.iterations, compiled.epochs = self._done

    def _slots(self, optimizer: optimizers.Optimizer, params: NDArray[Any]) -> Any:
        """Return the optimizer's arrays, or None if it has not made a step."""
        names = optimizer.slot_names()
        if _SLOTS not in self.names:
            if names and self._done[0]:
                raise self._distrust(f"no arrays of the optimizer after {self._done[0]} steps")
            return None
        expected = ((len(names), params.size), params.dtype)
        found = self.header(_SLOTS)
        if found != expected:
            words = [f"shape {shape} and type {dtype}" for shape, dtype in (found, expected)]
            raise self._distrust(f"arrays of the optimizer of {words[0]} instead of {words[1]}")
        slots = self.read(_SLOTS)
        for name, slot in zip(names, slots, strict=True):
            wrong = slot < 0 if name in optimizer.squares else np.isinf(slot)
            wrong |= np.isnan(slot)
            if wrong.any():
                raise self._distrust(f"{slot[wrong][0]} in the array {name!r} of the optimizer")
        return slots

    def _distrust(self, found: str) -> ValueError:
        return self.refusal(f"{found}; load_model(filepath, compile=False) reads the weights alone")


def read_weights(filepath: object, model: Any) -> None:
    """Give a network the arrays of a file of `save_weights` or `save`: all of them, or none."""
    plan = model.ready()
    path = _disk.as_path("filepath", filepath)
    with Archive(path, "weights that fanin saved", _EXPANSION) as archive:
        _check_arrays(archive, plan, {_CONFIG, _SLOTS})
        _fill(model, archive)


def _fill(model: Layered, archive: Archive) -> None:
    """Write the arrays of a file into those of a network."""
    named = model.named_weights()
    dtype = model.dtype
    values = [_read(archive, name, dtype) for name, _ in named]
    write_all(named, values, model.network.writing(model.name), archive.path)


def _describe(names: list[str]) -> str:
    """Say what an archive of arrays without a configuration is."""
    if names and all(name.partition("/")[0].isdecimal() for name in names):
        return "weights only; make the model and call its load_weights"
    return f"an npz archive of other arrays: {_formats.listed(names)}"


def _shapes(plan: _core.Plan) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a network's arrays, by the names of `Layered.named_weights`."""
    entries = [*plan.parameters, *plan.state]
    places = {layer: i for i, layer in enumerate(sorted({entry[0] for entry in entries}))}
    return {f"{places[layer]}/{role}": shape for layer, role, _, shape in entries}


def _check_arrays(archive: Archive, plan: _core.Plan, besides: set[str]) -> None:
    """Compare the names and shapes in a file with those of a network; nothing is unpacked."""
    expected = _shapes(plan)
    found = set(archive.names) - besides
    if found != expected.keys():
        missing = _formats.listed(sorted(expected.keys() - found)) or "nothing"
        extra = _formats.listed(sorted(found - expected.keys())) or "nothing"
        raise archive.refusal(
            f"those of another network, which lack {missing} and have {extra} besides"
        )
    for name, shape in expected.items():
        other, _ = archive.header(name)
        if other != shape:
            raise ShapeError(
                f"{archive.path}: expected weights of this network, found those of another "
                f"network: {name} has shape {other} there and {shape} here"
            )


def _read(archive: Archive, name: str, dtype: str) -> NDArray[Any]:
    array = archive.read(name)
    with np.errstate(over="ignore"):
        converted: NDArray[Any] = array.astype(dtype, copy=False)
    lost = np.isinf(converted) & np.isfinite(array)
    if lost.any():
        raise archive.refusal(f"{array[lost][0]} in {name}, which {dtype} cannot hold")
    if name.endswith("/moving_variance") and (converted < 0).any():
        raise archive.refusal(f"{converted.min()} in {name}, and no variance is negative")
    return converted
