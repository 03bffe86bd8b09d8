"""Names: of layers, and of the keyword arguments that layers take."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator

from fanin import _checks

UNSUPPORTED = {
    "kernel_regularizer": "weight penalties are not implemented; optimizers have weight_decay",
    "bias_regularizer": "weight penalties are not implemented; optimizers have weight_decay",
    "beta_regularizer": "weight penalties are not implemented",
    "gamma_regularizer": "weight penalties are not implemented",
    "alpha_regularizer": "weight penalties are not implemented",
    "alpha_constraint": "constraints are not implemented",
    "activity_regularizer": "activity penalties are not implemented",
    "kernel_constraint": "constraints are not implemented",
    "bias_constraint": "constraints are not implemented",
    "beta_constraint": "constraints are not implemented",
    "gamma_constraint": "constraints are not implemented",
    "embeddings_regularizer": "weight penalties are not implemented; optimizers have weight_decay",
    "embeddings_constraint": "constraints are not implemented",
    "mask_zero": "masks are not implemented",
    "lora_rank": "low-rank adaptation is not implemented",
    "lora_alpha": "low-rank adaptation is not implemented",
    "quantization_config": "quantization is not implemented",
    "autocast": "a network has one dtype",
    "weights": "call set_weights after build",
    "rms_scaling": "RMSNormalization divides by the root mean square",
    "renorm": "batch renormalization is not implemented",
    "virtual_batch_size": "virtual batches are not implemented",
    "fused": "everything is fused already",
    "synchronized": "there is one process to normalize in",
    "sparse": "sparse arrays are not implemented",
    "ragged": "ragged arrays are not implemented",
    "tensor": "Input makes a value of a shape, of nothing else",
    "optional": "a network needs all of its inputs",
}
_counters: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)


def auto_name(kind: str) -> str:
    """Return the next name for a class, as Keras counts them: dense, dense_1, …, re_lu."""
    kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)).lower()
    count = next(_counters[kind])
    return f"{kind}_{count}" if count else kind


def restart_names() -> None:
    """Count names from the beginning again."""
    _counters.clear()


def only_one(**arguments: object) -> None:
    """Refuse two arguments that say the same thing."""
    given = [name for name, value in arguments.items() if value is not None]
    if len(given) > 1:
        first, second = given[:2]
        found = _checks.found(arguments[second])
        raise ValueError(f"{second}: expected nothing beside {first}, found {found}")


def asks_for_nothing(name: str, value: object) -> bool:
    """Whether an argument that is not implemented is given at the value that asks for nothing."""
    return name in UNSUPPORTED and (value is None or value is False)
