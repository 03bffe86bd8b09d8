"""The table that `Sequential.summary` prints."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fanin import _checks, _text

if TYPE_CHECKING:
    from fanin._network import Network

_WIDTH = 80
_WIDEST = 10_000  # characters: each line is filled up with blanks


def show(
    network: "Network",
    line_length: int | None,
    print_fn: Callable[[str], object] | None,
    show_trainable: bool,
) -> None:
    """Print the summary of a network, or hand its text to `print_fn`."""
    if line_length is not None:
        line_length = _checks.integer("line_length", line_length, minimum=1, maximum=_WIDEST)
    if print_fn is not None and not callable(print_fn):
        raise TypeError(f"print_fn: expected a function of text, found {_checks.found(print_fn)}")
    show_trainable = _checks.flag("show_trainable", show_trainable)
    parts = _parts(network, show_trainable)
    if print_fn is None:
        from rich.console import Console

        console = Console()
        width = line_length or (min(_WIDTH, console.width) if console.is_terminal else _WIDTH)
        console = Console(width=width)
        for part in parts:
            console.print(part, highlight=False)
    else:
        print_fn(_text.as_text(*parts, width=line_length or _WIDTH))


def _parts(network: "Network", show_trainable: bool) -> list[Any]:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.HEAVY_HEAD, expand=True)
    table.add_column("Layer (type)", ratio=5, overflow="fold")
    table.add_column("Output Shape", ratio=4, overflow="fold")
    table.add_column("Param #", ratio=3, justify="right", overflow="fold")
    if show_trainable:
        table.add_column("Trainable", justify="center")
    for layer in network.layers:
        name = Text.assemble(
            _text.printable(f"{layer.name} ("), (type(layer).__name__, "cyan"), ")"
        )
        if layer.built:
            row = [name, Text(str(layer.output_shape)), Text(f"{layer.count_params():,}")]
        else:
            row = [name, Text("?"), Text("0 (unbuilt)")]
        if show_trainable:
            # A layer without parameters is neither.
            mark = "-" if not layer.weights else "Y" if layer.trainable else "N"
            row.append(Text(mark))
        table.add_row(*row)
    trainable, frozen = network.trainable_weights, network.non_trainable_weights
    return [
        Text.assemble('Model: "', (_text.printable(network.name), "bold"), '"'),
        table,
        _total("Total params", [*trainable, *frozen]),
        _total("Trainable params", trainable),
        _total("Non-trainable params", frozen),
    ]


def _total(title: str, arrays: list[Any]) -> Any:
    from rich.text import Text

    count = sum(array.size for array in arrays)
    size = memory(sum(array.nbytes for array in arrays))
    return Text.assemble((f" {title}: ", "bold"), (f"{count:,}", "green"), f" ({size})")


def memory(size: float) -> str:
    """Return a number of bytes in words.

    Examples
    --------
    >>> memory(0), memory(407080)
    ('0.00 B', '397.54 KB')
    """
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} TB"
