"""The picture that `fanin.utils.plot_model` draws: a box a call of a layer, in ranks."""

import io
import os
from dataclasses import dataclass
from typing import Any

from fanin._files import _disk
from fanin.layers._dropout import DRAWING
from fanin.models._model import Model
from fanin.show import boxes, figures, page
from fanin.show.results import Result
from fanin.show.table import Table

_DRAWN = ("png", "pdf")
"""What matplotlib draws."""
_HUES = {  # places in the palette
    "dense": 0,
    "activation": 1,
    **dict.fromkeys(
        (
            *("batch_normalization", "layer_normalization", "group_normalization"),
            *("rms_normalization", "unit_normalization"),
        ),
        2,
    ),
    "prelu": 1,
    "embedding": 4,
    "category_encoding": 4,
    **dict.fromkeys(DRAWING, 6),
    **dict.fromkeys(
        ("flatten", "reshape", "permute", "repeat_vector", "rescaling", "normalization"), 6
    ),
    **dict.fromkeys(
        ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "dot"), 5
    ),
}
_MOST_SHAPES = 4


@dataclass(repr=False)
class ModelPicture(Result):
    """A network as boxes and arrows, which a notebook shows.

    Parameters
    ----------
    name : str
        That of the network.
    svg : str
        The picture: an SVG file's content.
    calls : list of (str, str, str)
        What each box is, what it reads, and the shape of what it makes.
    path : str or None
        The file that it was written to.
    """

    name: str
    svg: str
    calls: list[tuple[str, str, str]]
    path: str | None
    _inline: str = ""
    """The picture for a page, in the colour of its text."""

    def _says(self) -> str:
        written = "" if self.path is None else f", written to {self.path}"
        return f"{self.name}: {len(self.calls)} boxes{written}"

    def _contents(self) -> "list[str | Table]":
        table = Table("layer", "reads", "output shape", words=True)
        for row in self.calls:
            table.add(*row)
        return [f"Model: {self.name}", table]

    def _repr_html_(self) -> str:
        told = [page.part(part) for part in self._contents()]
        return page.fragment(told[0], self._inline, *told[1:], kind="model")


@dataclass(eq=False)
class Look:
    """What of each layer is shown."""

    shapes: bool = False
    dtype: bool = False
    names: bool = False
    activations: bool = False
    trainable: bool = False


def drawn(model: Model, look: Look, direction: str) -> tuple[boxes.Drawing, list[Any]]:
    """Lay the boxes of a network out; return the drawing and what `ModelPicture.calls` has."""
    model.ready()
    values = model.values()
    inputs, calls = len(values) - len(model.calls), model.calls
    chain = model._wiring is None  # as in Keras, a Sequential's input is no box
    hidden = inputs if chain else 0
    made = [_box(value, look, "") for value in values[hidden:inputs]]
    told = [(_title(value.layer), "", str(value.shape)) for value in values[hidden:inputs]]
    times: dict[int, int] = {}
    several = [place for place, _ in calls]
    edges = []
    for number, (place, reads) in enumerate(calls):
        value = values[inputs + number]
        times[place] = times.get(place, 0) + 1
        count = several.count(place)
        shared = f"shared, call {times[place]} of {count}" if count > 1 else ""
        made.append(_box(value, look, shared))
        names = ", ".join(dict.fromkeys(values[read].layer.name for read in reads))
        told.append((_title(value.layer), names, str(value.shape)))
        mine = len(made) - 1
        edges += [(read - hidden, mine) for read in dict.fromkeys(reads) if read >= hidden]
    return boxes.draw(made, edges, range(inputs - hidden), direction), told


def _title(layer: Any) -> str:
    return f"{layer.name} ({type(layer).__name__})"


def _box(value: Any, look: Look, shared: str) -> boxes.Box:
    """Return what the box of a call, or of an input, says."""
    layer, lines = value.layer, []
    if look.names:
        lines.append(layer.name)
    activation = getattr(layer, "activation", None) if "activation" in layer._options else None
    if look.activations and activation is not None:
        lines.append(f"activation: {getattr(activation, '__name__', None) or activation}")
    if look.shapes:
        lines += _shapes([read.shape for read in value.reads], value.shape)
    if look.dtype:
        lines.append(f"dtype: {value.dtype}")
    if look.trainable and layer.weights:
        lines.append("trainable" if layer.trainable else "not trainable")
    if shared:
        lines.append(shared)
    kind = layer.settings()["kind"] if value.reads else ""
    hue = _HUES.get(str(kind))
    return boxes.Box(type(layer).__name__, tuple(lines), hue)


def _shapes(given: list[Any], made: Any) -> list[str]:
    """Return lines that say what shapes go in and which comes out."""
    arrow = "\N{RIGHTWARDS ARROW}"
    if len(given) < 2:
        return [f"{given[0]} {arrow} {made}" if given else str(made)]
    lines = [f"{shape}" for shape in given[:_MOST_SHAPES]]
    if len(given) > _MOST_SHAPES:
        lines.append(f"and {len(given) - _MOST_SHAPES} more")
    return [*lines, f"{arrow} {made}"]


def picture(model: Model, path: str | None, look: Look, direction: str, dpi: float) -> ModelPicture:
    """Draw a network, into a file if there is a path."""
    kind = None if path is None else _kind(path)
    if kind in _DRAWN and not figures.has_matplotlib():
        raise ImportError(
            f'to_file: a {kind} needs matplotlib: pip install "fanin[plot]"; an .svg needs nothing'
        )
    drawing, told = drawn(model, look, direction)
    alt = f"The layers of {model.name} as boxes, and arrows to what reads what they make"
    svg = boxes.as_svg(drawing, alt, alone=True)
    if path is not None:
        content = f"{svg}\n".encode() if kind == "svg" else _rendered(drawing, alt, str(kind), dpi)
        _disk.write(path, content)
    inline = boxes.as_svg(drawing, alt, alone=False)
    return ModelPicture(model.name, svg, told, path, inline)


def _kind(path: str) -> str:
    """Return the format that a file's name asks for: png, as in Keras, if it has no ending."""
    ending = os.path.splitext(path)[1][1:].lower() or "png"
    if ending not in ("svg", *_DRAWN):
        raise ValueError(
            f"to_file: expected a name that ends in .svg, .png or .pdf, found {path!r}"
        )
    return ending


def _rendered(drawing: boxes.Drawing, alt: str, kind: str, dpi: float) -> bytes:
    stream = io.BytesIO()
    # Without the date, the same network gives the same bytes.
    metadata: Any = {"CreationDate": None} if kind == "pdf" else None
    boxes.as_figure(drawing, alt).savefig(stream, format=kind, dpi=dpi, metadata=metadata)
    return stream.getvalue()
