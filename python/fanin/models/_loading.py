"""Models from files and from other models."""

import os
from collections.abc import Mapping

from fanin import _checks
from fanin._members import _custom
from fanin.models._model import Model, as_model
from fanin.models._sequential import Sequential


def clone_model(model: Model, *, custom_objects: Mapping[str, object] | None = None) -> Model:
    """Make a model of the same layers with fresh weights, not compiled.

    Parameters
    ----------
    model : Sequential or Model
        The model.
    custom_objects : mapping of str to type, optional
        Classes of your own by name, as in `load_model`.

    Returns
    -------
    Sequential or Model
        The new one. `copy.deepcopy` keeps weights and optimizer.

    Raises
    ------
    TypeError
        If it is no model of this package.

    Examples
    --------
    >>> import fanin
    >>> model = fanin.Sequential([fanin.layers.Dense(1, input_dim=2)])
    >>> clone_model(model).count_params()
    3
    """
    if as_model("model", model)._traced:
        from fanin.models import _subclassed

        with _custom.custom_object_scope(custom_objects):
            scope = _custom.custom_object_scope({type(model).__name__: type(model)})
            with scope:
                clone: Model = _subclassed.described(model._description())
        if clone.known_shape() is not None:
            clone.build()
        return clone
    from fanin.layers import _inner

    kind = Sequential if isinstance(model, Sequential) else Model
    with _inner.functions_of(model.computing):
        return kind.from_config(model.get_config(), custom_objects)


def model_from_json(json_string: str, custom_objects: Mapping[str, object] | None = None) -> Model:
    """Make a model of what `Model.to_json` returned; its weights are fresh, and it is not compiled.

    Parameters
    ----------
    json_string : str
        The text.
    custom_objects : mapping of str to type, optional
        Classes of your own by name, as in `load_model`.

    Returns
    -------
    Sequential or Model
        The model.

    Raises
    ------
    TypeError
        If it is no text, or `custom_objects` is no mapping.
    ValueError
        If it is no JSON, or not that of a model of this package.

    Examples
    --------
    >>> import fanin
    >>> model = fanin.Sequential([fanin.layers.Dense(1, input_dim=2)])
    >>> model_from_json(model.to_json()).count_params()
    3
    """
    import json

    from fanin.models import _subclassed

    text = _checks.text("json_string", json_string)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"json_string: expected the JSON of model.to_json(), found {_checks.found(text)}: "
            f"{error}"
        ) from None
    if not isinstance(given, dict) or not {"class_name", "config"} <= given.keys():
        raise ValueError(
            "json_string: expected an object with class_name and config, as model.to_json() "
            f"writes it, found {_checks.found(given)}"
        )
    if "inputs" not in given:
        kinds: dict[object, type[Model]] = {"Sequential": Sequential, "Model": Model}
        name = given["class_name"]
        if not isinstance(name, str) or name not in kinds:
            raise ValueError(
                f"json_string: expected a Sequential or a Model, found {_checks.found(name)}"
            )
        return kinds[name].from_config(given["config"], custom_objects)
    with _custom.custom_object_scope(custom_objects):
        model: Model = _subclassed.described(given)
    if model.known_shape() is not None:
        model.build()
    return model


def load_model(
    filepath: str | os.PathLike[str],
    compile: bool = True,
    custom_objects: Mapping[str, object] | None = None,
) -> Model:
    """Read a model that `Sequential.save` wrote; it trains on where it stopped.

    Parameters
    ----------
    filepath : str or path
        The file.
    compile : bool, default True
        Whether to compile it as it was.
    custom_objects : mapping of str to type, optional
        Classes of your own by name, such as a schedule; those that are registered with
        `fanin.utils.register_keras_serializable` are found without.

    Returns
    -------
    Sequential or Model
        The model.

    Raises
    ------
    ValueError
        If the file is not one of `Sequential.save`, is damaged, or says what cannot be true, such
        as an optimizer's arrays of another shape. The message names the file and says what it is.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import fanin, tempfile, os
    >>> model = fanin.Sequential([fanin.layers.Dense(1, input_dim=2)], rng=0)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "model.npz")
    ...     model.save(path)
    ...     again = load_model(path)
    >>> bool((again.params == model.params).all())
    True
    """
    compile = _checks.flag("compile", compile)
    from fanin.models import _archive, _subclassed

    with _archive.Saved(filepath) as saved, _custom.custom_object_scope(custom_objects):
        saved.check()
        kind = Sequential if _archive.is_sequential(saved.model) else Model
        with saved.making():
            if _subclassed.is_described(saved.model):
                model: Model = _subclassed.described(saved.model, saved.rng)
                model.build()
            else:
                model = kind.from_config(saved.model, rng=saved.rng)
            if compile and saved.compile is not None:
                try:
                    model.compile(**saved.compile)
                except _custom.UnknownClassError as error:
                    raise ValueError(f"{error}; compile=False loads the model without it") from None
        saved.fill(model)
    return model
