"""Faults seen in use, subclasses (T3): each method of ours may be overridden, or refuses to be."""

import inspect

import fanin
import pytest
from fanin import initializers, layers, losses, metrics, optimizers
from refusals import outcome

BASES = {
    "layers": (layers, layers.Layer),
    "losses": (losses, losses.Loss),
    "metrics": (metrics, metrics.Metric),
    "optimizers": (optimizers, optimizers.Optimizer),
    "initializers": (initializers, initializers.RandomInitializer),
    "models": (fanin.models, fanin.Sequential),
}
# What compiled code does without the object, and what Keras would call.
REFUSED = {
    "layers": [
        *("build", "__call__", "forward", "backward", "compute_output_shape", "add_weight"),
        *("compute_mask", "compute_output_spec", "compute_output_signature", "build_from_config"),
        *("load_own_variables", "save_own_variables"),
        *("get_weights", "set_weights", "count_params", "is_trained", "weights", "variables"),
        *("trainable_weights", "non_trainable_weights", "trainable_variables"),
        *("non_trainable_variables", "built", "dtype", "owner", "input_shape", "output_shape"),
        *("network", "input", "output", "shape_after", "shape_of_inputs", "losses", "add_loss"),
    ],
    "losses": ["__call__", "rows"],
    "metrics": ["__call__", "call", "reset_states", "merge_state"],
    "optimizers": [
        *("step", "update_step", "apply_gradients", "apply", "build", "minimize", "get_updates"),
        *("_resource_apply_dense", "_resource_apply_sparse", "_create_slots"),
        *("learning_rate", "iterations"),
    ],
    "initializers": ["__call__", "fill", "for_parameter"],
    "models": [
        *("train_step", "test_step", "predict_step", "call", "compute_loss", "compute_metrics"),
        *("make_train_function", "make_test_function", "make_predict_function"),
        *("compute_mask", "compute_output_spec"),
        *("__call__", "forward", "backward", "build", "compute_output_shape"),
        *("params", "state", "slots", "weights", "trainable_weights", "non_trainable_weights"),
        *("variables", "trainable_variables", "non_trainable_variables", "trainable", "built"),
        *("compiled", "optimizer", "loss", "metrics", "metrics_names", "layers", "source"),
        *("dtype", "input_shape", "output_shape", "known_shape", "plan_for", "ready", "take"),
        *("epoch", "network", "lock", "compiled_with", "built_for", "restoring"),
        *("inputs", "outputs", "input", "output", "input_names", "values", "calls", "calls_of"),
        *("chain", "computing", "ending", "of_each_input", "output_names", "operations"),
        *("formed_outputs", "losses", "add_loss"),
    ],
}
# What Python calls: a subclass may override these.
HONOURED = {
    "layers": [
        *("settings", "check_input", "draw_from", "plan_for", "fill", "tie"),
        *("get_config", "from_config", "activation_settings", "call"),
    ],
    "losses": ["call", "value_and_gradient", "settings", "get_config", "from_config"],
    "metrics": [
        *("update_state", "result", "reset_state"),
        *("settings", "get_config", "from_config"),
    ],
    "optimizers": [
        "exclude_from_weight_decay",
        *("learning_rates", "settings", "slot_names", "init", "get_config", "from_config"),
    ],
    "initializers": [
        *("get_config", "from_config", "clone", "explain", "as_keras", "as_jax"),
        *("for_activation",),
    ],
    "models": [
        *("add", "pop", "get_layer", "get_weights", "set_weights", "count_params", "summary"),
        *("named_weights", "get_config", "from_config", "compile", "fit", "evaluate", "predict"),
        *("recalibrate", "save", "save_weights", "load_weights"),
        *("train_on_batch", "test_on_batch", "predict_on_batch", "to_json"),
    ],
}
# What the network has of each layer: arrays, which are no methods.
ARRAYS = {
    *("embeddings", "kernel", "bias", "alpha", "gamma", "beta"),
    *("moving_mean", "moving_variance", "moving_count", "scale", "mean", "variance"),
}
OF_ONE = {"adapt"}  # of one class alone, which refuses that it is overridden


def classes(kind):
    """Return the public classes of a kind."""
    module, base = BASES[kind]
    found = {getattr(module, name) for name in module.__all__}
    found -= {fanin.layers.Lambda}  # its subclasses are classes of users' own: all is called
    return sorted(
        (cls for cls in found if inspect.isclass(cls) and issubclass(cls, base)), key=repr
    )


@pytest.mark.parametrize("kind", REFUSED)
def test_field_T3_no_method_is_overridden_in_silence(kind):
    silent = []
    for cls in classes(kind):
        for name in REFUSED[kind]:
            body = {"__module__": __name__, name: lambda self, *args, **kwargs: None}
            error = outcome(lambda c=cls, b=body: type("Mine", (c,), b))
            if not isinstance(error, TypeError) or f"Mine.{name} cannot" not in str(error):
                silent.append(f"{cls.__name__}.{name}: {error!r}")
    assert not silent


@pytest.mark.parametrize("kind", HONOURED)
def test_what_python_calls_can_be_overridden(kind):
    for cls in classes(kind):
        for name in HONOURED[kind]:
            body = {"__module__": __name__, name: lambda self, *args, **kwargs: None}
            assert issubclass(type("Mine", (cls,), body), cls)


def test_every_method_is_in_one_of_the_tables():
    for kind in REFUSED:
        assert not set(REFUSED[kind]) & set(HONOURED[kind])
        for cls in classes(kind):
            found = {
                name
                for base in cls.__mro__
                if base.__module__.startswith("fanin")
                for name, value in vars(base).items()
                if (name[0] != "_" or name == "__call__") and hasattr(value, "__get__")
            }
            unknown = found - {*REFUSED[kind], *HONOURED[kind], *ARRAYS, *OF_ONE}
            assert not unknown, f"{cls.__name__}: say in a table what becomes of {unknown}"
