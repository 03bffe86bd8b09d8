"""Initialize a neural network, see what that does to it, and train it.

Modules and names are those of Keras: a script that fits a dense `Sequential` to arrays runs with
only its import lines changed, if all that it uses is here (``docs/coming_from/keras.md``).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fanin import (
    activations,
    backend,
    callbacks,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    random,
    streams,
    utils,
)
from fanin._absences import _absent
from fanin._core import get_num_threads, set_num_threads
from fanin.initializers import he_init, xavier_init, zeros_initializer
from fanin.layers import Input
from fanin.models import Model, Sequential
from fanin.random import set_random_seed

if TYPE_CHECKING:  # what `_LAZY` finds when it is first used
    import fanin as keras
    from fanin import (
        comparison,
        constraints,
        data_dependent,
        datasets,
        diagnosis,
        frameworks,
        init,
        normalization,
        ops,
        regularizers,
        saving,
        theory,
        typing,
    )
    from fanin import foreign as foreign
    from fanin.comparison import compare
    from fanin.data_dependent import lsuv
    from fanin.diagnosis import diagnose, recommend, symmetry, watch
    from fanin.initialization import initialize
    from fanin.many import fit_many
    from fanin.normalization import batch_norm_report, fold_batch_norm
    from fanin.theory import gain, phase_diagram

    __version__: str

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "__version__",
    "activations",
    "backend",
    "batch_norm_report",
    "callbacks",
    "compare",
    "comparison",
    "constraints",
    "data_dependent",
    "datasets",
    "diagnose",
    "diagnosis",
    "errors",
    "fit_many",
    "fold_batch_norm",
    "frameworks",
    "gain",
    "get_num_threads",
    "he_init",
    "init",
    "initialize",
    "initializers",
    "keras",
    "layers",
    "losses",
    "lsuv",
    "metrics",
    "models",
    "normalization",
    "ops",
    "optimizers",
    "phase_diagram",
    "random",
    "recommend",
    "regularizers",
    "saving",
    "set_num_threads",
    "set_random_seed",
    "streams",
    "symmetry",
    "theory",
    "typing",
    "utils",
    "watch",
    "xavier_init",
    "zeros_initializer",
]

# What `import fanin` need not pay for: the module that each name is found in when first used.
_LAZY = {
    "batch_norm_report": "fanin.normalization",
    "compare": "fanin.comparison",
    "comparison": "fanin.comparison",
    "constraints": "fanin.constraints",
    "data_dependent": "fanin.data_dependent",
    "datasets": "fanin.datasets",
    "diagnose": "fanin.diagnosis",
    "diagnosis": "fanin.diagnosis",
    "fit_many": "fanin.many",
    "fold_batch_norm": "fanin.normalization",
    "foreign": "fanin.foreign",  # deprecated
    "frameworks": "fanin.frameworks",
    "gain": "fanin.theory",
    "init": "fanin.init",
    "initialize": "fanin.initialization",
    "keras": "fanin.keras",
    "lsuv": "fanin.data_dependent",
    "normalization": "fanin.normalization",
    "ops": "fanin.ops",
    "phase_diagram": "fanin.theory",
    "recommend": "fanin.diagnosis",
    "regularizers": "fanin.regularizers",
    "saving": "fanin.saving",
    "symmetry": "fanin.diagnosis",
    "theory": "fanin.theory",
    "typing": "fanin.typing",
    "watch": "fanin.diagnosis",
}


if not TYPE_CHECKING:  # a name that is not above is an error in an editor

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            # Reading the installed package's metadata takes longer than all of the rest.
            return import_module("importlib.metadata").version("fanin")
        if name not in _LAZY:
            return _absent.find(__name__, name)
        module = import_module(_LAZY[name])
        value = module if module.__name__ == f"fanin.{name}" else getattr(module, name)
        globals()[name] = value
        return value


_absent.guard(__name__)
_absent.guard(errors.__name__)  # which imports nothing
_absent.install_finders()
