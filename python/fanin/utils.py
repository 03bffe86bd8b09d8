"""Small helpers of scripts: one-hot targets, pictures of models, seeds, threads."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks
from fanin._absences import _absent
from fanin._checks import FloatArray
from fanin._core import get_num_threads, set_num_threads
from fanin._members._custom import (
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
)
from fanin.losses import _targets
from fanin.random import set_random_seed

if TYPE_CHECKING:  # with what `_LATER` has
    from os import PathLike

    from fanin._batches._arrow import ArrowBatches
    from fanin._batches._dataset import PyDataset, Sequence
    from fanin.datasets._files import get_file
    from fanin.models import Model
    from fanin.models._picture import ModelPicture
    from fanin.show.progbar import Progbar

CustomObjectScope = custom_object_scope

# What is imported when it is first used.
_LATER = {
    "Progbar": "fanin.show.progbar",
    "ArrowBatches": "fanin._batches._arrow",
    "PyDataset": "fanin._batches._dataset",
    "Sequence": "fanin._batches._dataset",
    "get_file": "fanin.datasets._files",
}

__all__ = [
    "ArrowBatches",
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "custom_object_scope",
    "get_custom_objects",
    "get_file",
    "get_num_threads",
    "normalize",
    "plot_model",
    "register_keras_serializable",
    "set_num_threads",
    "set_random_seed",
    "to_categorical",
]


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """Return integer classes as one-hot rows.

    Parameters
    ----------
    x : array_like of int
        Classes from 0; a last axis of length 1 is dropped.
    num_classes : int, optional
        Length of the rows; one more than the largest class if not given.

    Returns
    -------
    ndarray of shape (..., num_classes)
        Zeros, and a one at each class; float64 as in Keras.

    Raises
    ------
    ValueError
        If a class is negative, not an integer, or too large for `num_classes`.

    Examples
    --------
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    given = _checks.numeric("x", x)
    if given.size == 0:
        raise ValueError(f"x: expected some classes, found an empty array of shape {given.shape}")
    if given.dtype.kind == "f":
        whole = np.isfinite(given) & (given == np.floor(given))
        _targets.refuse_where("x", given, ~whole, "integer classes")
    if given.ndim > 1 and given.shape[-1] == 1:
        given = given[..., 0]
    length = int(given.max()) + 1
    if num_classes is not None:
        length = _checks.integer("num_classes", num_classes, minimum=1)
    _targets.refuse_where(
        "x", given, (given < 0) | (given >= length), f"classes from 0 to {length - 1}"
    )
    classes = given.astype(np.int64)
    rows = np.zeros((classes.size, length))
    rows[np.arange(classes.size), classes.reshape(-1)] = 1.0
    return rows.reshape(*classes.shape, length)


def normalize(x: ArrayLike, axis: int = -1, order: float = 2) -> FloatArray:
    """Return `x` divided by its norms along an axis; zeros stay zeros.

    Parameters
    ----------
    x : array_like
        The numbers.
    axis : int, default -1
        Along which to take norms.
    order : float, default 2
        Of the norm.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Examples
    --------
    >>> normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    array = _checks.numeric("x", x)
    power = _checks.number_or_infinity("order", order)
    norms = np.asarray(np.linalg.norm(array, power, _checks.axis_of(array, axis), keepdims=True))
    norms[norms == 0] = 1
    return np.asarray(array / norms)


def plot_model(
    model: "Model",
    to_file: "str | PathLike[str] | None" = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> "ModelPicture":
    """Draw the layers of a model as boxes, and what each reads as arrows.

    A layer that is called several times has a box for each call, which says so: what is drawn is
    what is computed. Graphviz is not needed.

    Parameters
    ----------
    model : Model
        The model, built.
    to_file : str or path-like, default "model.png"
        The file to write: an SVG, or with matplotlib a PNG or PDF; which one its name says. None
        writes none: the result shows itself in a notebook.
    show_shapes : bool, default False
        Whether to say what shapes go in and which comes out.
    show_dtype : bool, default False
        Whether to say the dtypes of outputs.
    show_layer_names : bool, default False
        Whether to say the layers' names.
    rankdir : {"TB", "BT", "LR", "RL"}, default "TB"
        Where to: from the top to the bottom, or from the left to the right, or back.
    expand_nested : bool, default False
        Here for Keras's signature: layers of a network in a network are its own layers.
    dpi : float, default 200
        Dots per inch of a PNG.
    show_layer_activations : bool, default False
        Whether to say the layers' activations.
    show_trainable : bool, default False
        Whether to say of layers with arrays if they are trainable.
    splines : {"ortho", "curved", "polyline", "spline", "line"}, default "ortho"
        Here for Keras's signature: arrows are curves.

    Returns
    -------
    ModelPicture
        The picture; its ``svg`` is an SVG file's content.

    Raises
    ------
    ImportError
        If a PNG or PDF is asked for, and matplotlib is not installed.
    NotReadyError
        If the model is not built.
    ValueError
        If the file's name ends in something else, or a word is unknown.

    Examples
    --------
    >>> import fanin
    >>> inputs = fanin.Input((4,))
    >>> hidden = fanin.layers.Dense(4, name="inner")(inputs)
    >>> output = fanin.layers.Add(name="sum")([inputs, hidden])
    >>> model = fanin.Model(inputs, output, name="residual")
    >>> picture = plot_model(model, to_file=None, show_shapes=True)
    >>> picture
    ModelPicture(residual: 3 boxes)
    >>> picture.svg[:4]
    '<svg'
    """
    from fanin._files import _disk
    from fanin.models import _picture
    from fanin.models._model import as_model
    from fanin.show.boxes import DIRECTIONS

    network = as_model("model", model)
    path = None if to_file is None else _disk.as_path("to_file", to_file)
    look = _picture.Look(
        shapes=_checks.flag("show_shapes", show_shapes),
        dtype=_checks.flag("show_dtype", show_dtype),
        names=_checks.flag("show_layer_names", show_layer_names),
        activations=_checks.flag("show_layer_activations", show_layer_activations),
        trainable=_checks.flag("show_trainable", show_trainable),
    )
    _checks.flag("expand_nested", expand_nested)
    _checks.one_of("splines", splines, ("ortho", "curved", "polyline", "spline", "line"))
    direction = _checks.one_of("rankdir", rankdir, DIRECTIONS)
    dots = _checks.number("dpi", dpi, above=0, at_most=2400)
    return _picture.picture(network, path, look, direction, dots)


_absent.guard(__name__, _LATER)
