"""The table that `summary` of a model prints."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fanin import _checks
from fanin.layers import InputLayer
from fanin.show import text
from fanin.show.table import Table

if TYPE_CHECKING:
    from fanin.models._layered import Layered

_WIDTH = 80
_WIDEST = 10_000  # characters: each line is filled up with blanks


def check_form(positions: None, layer_range: None) -> None:
    """Refuse arguments of Keras's that ask for a table of another form."""
    if positions is not None or layer_range is not None:
        raise ValueError(
            "positions and layer_range: expected None, since the table has one form, found "
            f"{_checks.found(positions)} and {_checks.found(layer_range)}"
        )


def show(
    network: "Layered",
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
        print_fn(text.as_text(*parts, width=line_length or _WIDTH))


def html(network: "Layered") -> str:
    """Write the summary of a network for a notebook."""
    from fanin.show import page

    table = Table(*_TITLES, *([] if network.chain else [_CONNECTED]))
    for name, kind, shape, count, _, reads in _rows(network):
        row = (f"{name} ({kind})", shape, count)
        table.add(*row, *([] if network.chain else [reads]))
    totals = "\n".join(f"{title}: {count} ({size})" for title, count, size in _totals(network))
    title = f'Model: "{network.name}"'
    return page.fragment(
        page.paragraph(title), page.part(table), page.paragraph(totals), kind="summary"
    )


_TITLES = ("Layer (type)", "Output Shape", "Param #")
_CONNECTED = "Connected to"


def _parts(network: "Layered", show_trainable: bool) -> list[Any]:
    from rich import box
    from rich import table as rich_table
    from rich.text import Text

    table = rich_table.Table(box=box.HEAVY_HEAD, expand=True)
    table.add_column(_TITLES[0], ratio=5, overflow="fold")
    table.add_column(_TITLES[1], ratio=4, overflow="fold")
    table.add_column(_TITLES[2], ratio=3, justify="right", overflow="fold")
    if not network.chain:
        table.add_column(_CONNECTED, ratio=4, overflow="fold")
    if show_trainable:
        table.add_column("Trainable", justify="center")
    for name, kind, shape, count, mark, reads in _rows(network):
        shown = Text.assemble(text.printable(f"{name} ("), (kind, "cyan"), ")")
        marks = [Text(mark)] if show_trainable else []
        connected = [] if network.chain else [Text(text.printable(reads))]
        table.add_row(shown, Text(shape), Text(count), *connected, *marks)
    return [
        Text.assemble('Model: "', (text.printable(network.name), "bold"), '"'),
        table,
        *(
            Text.assemble((f" {title}: ", "bold"), (count, "green"), f" ({size})")
            for title, count, size in _totals(network)
        ),
    ]


def _rows(network: "Layered") -> Iterator[tuple[str, str, str, str, str, str]]:
    """Walk the layers: name, type, shape, parameters, whether they are trained, what they read."""
    reads = {} if network.chain else _reads(network)
    for layer in network.operations:
        if isinstance(layer, InputLayer):
            yield layer.name, "InputLayer", str((None, *layer.shape)), "0", "-", "-"
            continue
        shape, count = "?", "0 (unbuilt)"
        if layer.built:
            shape, count = str(layer.output_shape), f"{layer.count_params():,}"
        # A layer without parameters is neither.
        mark = "-" if not layer.weights else "Y" if layer.trainable else "N"
        connected = ", ".join(reads.get(id(layer), []))
        kind = getattr(layer, "_title", type(layer).__name__)
        yield layer.name, kind, shape, count, mark, connected


def _reads(network: "Layered") -> dict[int, list[str]]:
    """Return what each layer reads, call after call, by the names of the layers that make it."""
    assert network._wiring is not None
    names = [layer.name for layer in network._wiring.inputs]
    found: dict[int, list[str]] = {}
    for place, reads in network.calls:
        layer = network.computing[place]
        found.setdefault(id(layer), []).extend(names[number] for number in reads)
        names.append(layer.name)
    return found


def _totals(network: "Layered") -> Iterator[tuple[str, str, str]]:
    """Walk the sums: title, number of parameters, and their size."""
    trainable, frozen = network.trainable_weights, network.non_trainable_weights
    for title, arrays in (
        ("Total params", [*trainable, *frozen]),
        ("Trainable params", trainable),
        ("Non-trainable params", frozen),
    ):
        size = memory(sum(array.nbytes for array in arrays))
        yield title, f"{sum(array.size for array in arrays):,}", size


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
