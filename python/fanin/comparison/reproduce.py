"""How to repeat a comparison, and on what it ran."""

import os
import platform
import shlex
from collections.abc import Mapping
from importlib.metadata import version

import numpy as np

from fanin import _core, optimizers
from fanin.comparison.result import Comparison


def command(result: Comparison) -> str | None:
    """Spell a comparison as a shell command.

    Parameters
    ----------
    result : Comparison
        The comparison.

    Returns
    -------
    str or None
        The command, with every setting; None if an arm, the optimizer, the activation or the data
        cannot be spelled on a command line.
    """
    settings, specs = result.settings, [arm.spec for arm in result.arms]
    rate = settings.optimizer["config"].get("learning_rate")
    if (
        None in specs
        or result.data.name == "arrays"
        or isinstance(settings.activation, Mapping)
        or isinstance(rate, Mapping)
        or not _is_plain_optimizer(settings.optimizer)
    ):
        return None
    seeds = settings.seeds
    counted = seeds == tuple(range(len(seeds)))
    words = ["fanin", "compare", "--data", result.data.name]
    words += ["--arms", *(spec for spec in specs if spec is not None)]
    words += ["--seeds", str(len(seeds)) if counted else ",".join(map(str, seeds)) + ","]
    words += ["--epochs", str(settings.epochs)]
    words += ["--hidden", *map(str, settings.hidden)]
    words += ["--activation", settings.activation]
    words += ["--optimizer", str(settings.optimizer["class_name"]).lower()]
    words += ["--learning-rate", repr(rate), "--batch-size", str(settings.batch_size)]
    words += ["--validation-split", repr(settings.validation_split)]
    words += ["--initialize", settings.initialize]
    if settings.target is not None:
        words += ["--target", repr(settings.target)]
    return shlex.join(words)


def _is_plain_optimizer(recipe: Mapping[str, object]) -> bool:
    """Tell whether only the learning rate differs from the optimizer's defaults."""
    config = dict(recipe["config"])  # type: ignore[call-overload]
    usual = optimizers.get(str(recipe["class_name"])).get_config()
    config.pop("learning_rate")
    return all(usual.get(key) == value for key, value in config.items())


def environment() -> dict[str, str]:
    """Describe what a comparison runs on.

    Returns
    -------
    dict of str to str
        Versions and machine.
    """
    return {
        "fanin": version("fanin"),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(cores()),
        "simd": _core.simd_level(),
    }


def cores() -> int:
    """Count the cores that this process may use.

    Returns
    -------
    int
        At least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
