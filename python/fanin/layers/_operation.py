"""Functions of values that are no layers of their own: what `fanin.ops` and operators make."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from fanin import _checks
from fanin.layers._keywords import auto_name
from fanin.layers._merging import Merge

if TYPE_CHECKING:
    from fanin.typing import LayerArguments

_MAPS = (
    "absolute arccos arccosh arcsin arcsinh arctan arctanh ceil clip cos cosh erf exp expm1 fill "
    "floor isfinite isinf isnan log log10 log1p log2 logical_not round rsqrt sign sin sinh sqrt "
    "square tan trunc"
)
_COMBINATIONS = (
    "add subtract multiply divide mod floor_divide power arctan2 maximum minimum equal not_equal "
    "greater greater_equal less less_equal logical_and logical_or where"
)
_REDUCTIONS = "sum mean prod max min argmax argmin"
_ALONG = "cumsum sort argsort"
_OTHERS = "broadcast cost matmul reshape stop_gradient take unit_norm"

KINDS = {
    **dict.fromkeys(_MAPS.split(), "map"),
    **dict.fromkeys(_COMBINATIONS.split(), "combine"),
    **dict.fromkeys(_REDUCTIONS.split(), "reduce"),
    **dict.fromkeys(_ALONG.split(), "along"),
    **{name: name for name in _OTHERS.split()},
}
"""What the core calls the kind of each operation."""


def _operation(name: str, value: Any) -> str:
    return _checks.one_of(name, value, KINDS)


def _options(name: str, value: Any) -> dict[str, Any]:
    """Return options as the core takes them: rows of numbers are tuples."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: expected a dict, found {_checks.found(value)}")
    return {_checks.text(name, key): _option(f"{name}[{key!r}]", one) for key, one in value.items()}


def _option(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _options(name, value)
    if isinstance(value, list | tuple):
        row = tuple(value)
        if not all(isinstance(one, int | float) for one in row):
            raise TypeError(f"{name}: expected numbers, found {_checks.found(value)}")
        return row
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"{name}: expected a number, a text or a row, found {_checks.found(value)}")
    return value


class Operation(Merge):
    """A function of values, which has no arrays: see `fanin.ops`.

    It stands among the layers of a model, which does not list it as one of them.

    Parameters
    ----------
    operation : str
        Its name.
    options : dict
        What the core is told besides: numbers, constant arrays, axes of samples.
    **kwargs
        `name`, `dtype`, `trainable`: see `Layer`.
    """

    kind = "operation"
    _of_ops = True
    _options: ClassVar[Mapping[str, Any]] = {"operation": _operation, "options": _options}

    def __init__(
        self,
        operation: str,
        options: Mapping[str, Any] | None = None,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.operation: str = operation
        self.options: dict[str, Any] = {} if options is None else options  # type: ignore[assignment]
        if kwargs.get("name") is None:
            kwargs["name"] = auto_name(self._title)
        super().__init__(**kwargs)

    @property
    def _title(self) -> str:
        """The class that Keras has for it: what a summary calls it."""
        return "".join(word.title() for word in self.operation.split("_"))

    @property
    def _is_cost(self) -> bool:
        """Whether it hands on what it reads first, and adds the rest to the loss."""
        return self.operation == "cost"

    def settings(self) -> dict[str, object]:
        """Return the settings for the core."""
        # With one exponent for all a power is a function of one number.
        kind = "map" if "exponent" in self.options else KINDS[self.operation]
        return {"kind": kind, "function": self.operation, **self.options, **self._demands()}

    def _check_shapes(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Leave shapes to the core, which knows what meets."""
