"""Layers of whole numbers: rows of a table that they stand for, or categories."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

from numpy.typing import ArrayLike, DTypeLike

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers._arrays import Array, Weight
from fanin.layers._base import Layer, Shape
from fanin.layers._indices import refuse_others
from fanin.layers._options import constraint_option, initializer_option, regularizer_option

if TYPE_CHECKING:
    from fanin._members._member import Option
    from fanin.constraints import Constraint
    from fanin.initializers import Initializer
    from fanin.regularizers import Regularizer
    from fanin.typing import ConstraintLike, InitializerLike, LayerArguments, RegularizerLike


class Lookup(Layer):
    """A layer whose inputs are whole numbers from 0 on."""

    def _below(self) -> int:
        """Return the number that all inputs are below."""
        raise NotImplementedError

    def _inputs(self, x: Any) -> tuple[Array, Shape]:
        dtype = self.dtype if self._network is None else self._network.dtype
        inputs = _checks.floats("x", x, dtype, finite=False)
        if inputs.ndim > 1:  # else it is refused below
            refuse_others("x", x, self._below(), self.name)
            shape = inputs.shape[1:]
            if self.owner is None and self._feature_shape not in (None, shape):
                # What there is of arrays fits samples of any shape; a plan does not.
                network = self.network
                plan = self.plan_for(shape, network.dtype)
                self.tie(shape, plan, network.params, network.state)
        return super()._inputs(inputs)


class _EmbeddingArguments(TypedDict, total=False):
    """What every layer takes by name, but `input_dim`, which means something else here."""

    name: str | None
    dtype: DTypeLike | None
    trainable: bool
    input_shape: Sequence[int] | int | None
    batch_input_shape: Sequence[int | None] | None
    activity_regularizer: "RegularizerLike | None"


class Embedding(Lookup):
    """A vector for each whole number, looked up in a table: ``y = embeddings[x]``.

    In training, a batch has gradients for the rows that it looks up alone, summed over the samples
    in their order; whatever it costs depends on the batch, not on the number of rows. So does a
    step of `SGD` without momentum and of `Adagrad`, without weight decay and clipping: the bits are
    those of a step that visits all rows. A penalty or a constraint on the table has all of them
    visited, too. All other optimizers visit them, as their formulas move
    rows without a gradient too, and so do decay and clipping.

    Parameters
    ----------
    input_dim : int
        How many rows there are: the inputs are whole numbers from 0 to ``input_dim - 1``. At most
        2**24 in float32 and 2**53 in float64, as inputs come in the network's dtype.
    output_dim : int
        Length of a vector.
    embeddings_initializer : str, dict or Initializer, default "uniform"
        How the table starts. As in Keras, its shape counts as that of a kernel: "glorot_uniform"
        takes `input_dim` for the fan-in. A lookup sums up nothing, so `fanin.initialize` takes 1.
    embeddings_regularizer : str, dict or Regularizer, optional
        Penalty on the table, which is part of the loss: see `fanin.regularizers`.
    embeddings_constraint : str, dict or Constraint, optional
        Where the table is put back to after each step: see `fanin.constraints`.
    weights : array_like of shape (input_dim, output_dim), optional
        The table to start with; or a list of that one array.
    input_length : int, optional
        Of Keras 2; not needed, as the input says it, and ignored with a warning.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`: see `Layer`. `mask_zero` and what else is not
        implemented is refused, unless it asks for nothing.

    Attributes
    ----------
    embeddings : ndarray of shape (input_dim, output_dim)
        The table; a view of the network's parameters.

    Raises
    ------
    ValueError
        If `input_dim` is more than the dtype tells apart; when called or trained, if an input is
        not a row's number. In a model, if other layers compute what is looked up.

    Notes
    -----
    Inputs are converted to the network's dtype as all data are, and are exact there. They are
    checked before anything is computed, so a model looks up only what it is given: an input, or a
    part, a reshape or a concatenation of inputs. Their gradient is 0.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Embedding(3, 2, weights=[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> layer(np.array([[2, 0]]))
    array([[[4., 5.],
            [0., 1.]]], dtype=float32)
    >>> layer(np.array([[3, 0]]))
    Traceback (most recent call last):
        ...
    ValueError: x: expected whole numbers from 0 to 2 for layer 'embedding', found 3 at [0, 0]
    """

    embeddings: Weight = Weight("Table of shape (input_dim, output_dim).")
    embeddings_initializer: "Option[Initializer, InitializerLike]"
    if TYPE_CHECKING:
        embeddings_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
        embeddings_constraint: "Option[Constraint | None, ConstraintLike | None]"
    else:  # of layers that were pickled before
        embeddings_regularizer = None
        embeddings_constraint = None

    kind = "embedding"
    _fixed = ("input_dim", "output_dim")
    _left_out = ("weights", "input_length")
    _options: ClassVar[Mapping[str, Any]] = {
        "input_dim": partial(_checks.count, minimum=1),
        "output_dim": partial(_checks.count, minimum=1),
        "embeddings_initializer": initializer_option,
        "embeddings_regularizer": regularizer_option,
        "embeddings_constraint": constraint_option,
    }

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: "InitializerLike" = "uniform",
        *,
        embeddings_regularizer: "RegularizerLike | None" = None,
        embeddings_constraint: "ConstraintLike | None" = None,
        weights: ArrayLike | Sequence[ArrayLike] | None = None,
        input_length: int | None = None,
        **kwargs: Unpack[_EmbeddingArguments],
    ) -> None:
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = embeddings_initializer
        self.embeddings_regularizer = embeddings_regularizer
        self.embeddings_constraint = embeddings_constraint
        super().__init__(**kwargs)
        if input_length is not None:
            _checks.integer("input_length", input_length, minimum=1)
            _checks.warn("input_length: not needed, as the input says how long it is; leave it out")
        if weights is not None:
            self._start_with(weights)

    def _start_with(self, weights: Any) -> None:
        """Make the arrays of these values."""
        alone = isinstance(weights, list | tuple) and len(weights) == 1
        table = weights[0] if alone else weights
        array = _checks.numeric("weights", table)
        if alone and array.ndim == 1:  # a table of one row
            array = _checks.numeric("weights", weights)
        shape = self.input_dim, self.output_dim
        if array.shape != shape:
            raise ShapeError(f"weights: expected shape {shape}, found {array.shape}")
        self._build(self.declared_shape or (1,), 0)
        self.set_weights([array])

    def _below(self) -> int:
        return self.input_dim


class CategoryEncoding(Lookup):
    """Vectors of zeros and ones, or of counts, for whole numbers that are categories.

    Parameters
    ----------
    num_tokens : int
        How many categories there are: the inputs are whole numbers from 0 to ``num_tokens - 1``.
    output_mode : {"multi_hot", "one_hot", "count"}, default "multi_hot"
        "multi_hot": a one for each category that is among the numbers of the last axis; "count":
        how often it is; "one_hot": a vector for each number, where a last axis of length 1 is
        dropped.
    **kwargs
        `name`, `dtype`, `input_shape`, `input_dim`: see `Layer`. `sparse` is refused.

    Raises
    ------
    ValueError
        As from `Embedding`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0, 1], [2, 2]])
    >>> CategoryEncoding(3)(x)
    array([[1., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    >>> CategoryEncoding(3, output_mode="count")(x)
    array([[1., 1., 0.],
           [0., 0., 2.]], dtype=float32)
    """

    kind = "category_encoding"
    _fixed = ("num_tokens", "output_mode")
    _options: ClassVar[Mapping[str, Any]] = {
        "num_tokens": partial(_checks.count, minimum=1),
        "output_mode": lambda name, value: _mode(name, value),
    }

    def __init__(
        self, num_tokens: int, output_mode: str = "multi_hot", **kwargs: "Unpack[LayerArguments]"
    ) -> None:
        self.num_tokens = num_tokens
        self.output_mode = output_mode
        super().__init__(**kwargs)

    def _below(self) -> int:
        return self.num_tokens


def _mode(name: str, value: Any) -> str:
    if isinstance(value, str) and value == "binary":  # as Keras called it
        return "multi_hot"
    return _checks.one_of(name, value, ("multi_hot", "one_hot", "count"))
