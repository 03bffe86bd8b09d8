"""`fanin.utils.plot_model`: what the boxes say, files, and what is refused."""

import re
import xml.etree.ElementTree as ET

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.errors import NotReadyError
from fanin.utils import plot_model


def siamese(name="twins"):
    left, right = (fanin.Input((3,), name=side) for side in ("left", "right"))
    shared = layers.Dense(4, "relu", name="shared")
    joined = layers.Add(name="sum")([shared(left), shared(right), shared(left)])
    return fanin.Model([left, right], layers.Dense(1, name="out")(joined), name=name)


def row():
    return fanin.Sequential(
        [fanin.Input((3,)), layers.Dense(4, "tanh", name="first"), layers.BatchNormalization()],
        name="row",
    )


def texts(svg):
    found = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [element.text for element in found]


def test_a_box_a_call_and_an_arrow_a_value_that_is_read():
    picture = plot_model(siamese(), to_file=None, show_shapes=True, show_layer_names=True)
    said = texts(picture.svg)
    assert said.count("InputLayer") == 2
    assert said.count("shared") == 3
    assert [f"shared, call {k} of 3" in said for k in (1, 2, 3)] == [True] * 3
    assert "(None, 3) \N{RIGHTWARDS ARROW} (None, 4)" in said
    assert len(picture.calls) == 7
    assert picture.calls[-1] == ("out (Dense)", "sum", "(None, 1)")
    # Edges, then an arrow head for each.
    assert len(re.findall(r'<path d="M[^"]*Z"', picture.svg)) == 7
    assert repr(picture) == "ModelPicture(twins: 7 boxes)"
    assert "sum (Add)" in picture._repr_html_()
    assert "<svg" in picture._repr_html_()


def test_what_is_said_is_what_is_asked_for():
    model = row()
    assert texts(plot_model(model, None).svg) == ["Dense", "BatchNormalization"]
    said = texts(
        plot_model(
            model, None, show_dtype=True, show_layer_activations=True, show_trainable=True
        ).svg
    )
    assert said == [
        "Dense", "activation: tanh", "dtype: float32", "trainable",
        "BatchNormalization", "dtype: float32", "trainable",
    ]  # fmt: skip
    model.layers[0].trainable = False
    assert "not trainable" in texts(plot_model(model, None, show_trainable=True).svg)
    many = fanin.Input((2,))
    joined = layers.Concatenate()([layers.Dense(1)(many) for _ in range(7)])
    said = texts(plot_model(fanin.Model(many, joined), None, show_shapes=True).svg)
    assert "and 3 more" in said


@pytest.mark.parametrize("direction", ["TB", "BT", "LR", "RL"])
def test_directions(direction):
    """Boxes follow each other where they should, and nothing is outside of the picture."""
    root = ET.fromstring(plot_model(siamese(), None, rankdir=direction).svg)
    width, height = float(root.get("width")), float(root.get("height"))
    rects = [r for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.get("class") is None]
    corners = [[float(r.get(k)) for k in ("x", "y", "width", "height")] for r in rects]
    for x, y, wide, high in corners:
        assert x >= 0
        assert y >= 0
        assert x + wide <= width + 1
        assert y + high <= height + 1
    first, last = corners[0], corners[-1]
    axis = 1 if direction in ("TB", "BT") else 0
    assert (first[axis] < last[axis]) == (direction in ("TB", "LR"))


def test_files(tmp_path, monkeypatch):
    model = siamese()
    picture = plot_model(model, tmp_path / "m.svg")
    written = (tmp_path / "m.svg").read_text(encoding="utf-8")
    assert written == picture.svg + "\n"
    assert "written to" in repr(picture)
    assert "prefers-color-scheme:dark" in written
    assert "<style>" not in picture._inline
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    plot_model(model)
    assert (tmp_path / "model.png").read_bytes()[:4] == b"\x89PNG"
    small, large = (plot_model(model, tmp_path / f"{dpi}.png", dpi=dpi) for dpi in (50, 200))
    sizes = [np.frombuffer((tmp_path / f"{d}.png").read_bytes()[16:24], ">u4") for d in (50, 200)]
    assert np.abs(sizes[1] / sizes[0] - 4).max() < 0.05
    assert small.svg == large.svg
    plot_model(model, tmp_path / "m.PDF")
    assert (tmp_path / "m.PDF").read_bytes()[:4] == b"%PDF"
    plot_model(model, tmp_path / "again.PDF")
    assert (tmp_path / "m.PDF").read_bytes() == (tmp_path / "again.PDF").read_bytes()


def test_names_that_xml_does_not_take():
    name = "<b>&\"'\x07\N{SNOWMAN}"
    inputs = fanin.Input((2,), name="i")
    model = fanin.Model(inputs, layers.Dense(1, name=name)(inputs), name=name)
    for svg in (plot_model(model, None, show_layer_names=True).svg,):
        assert "<b>&\"' \N{SNOWMAN}" in texts(svg)
        assert "\x07" not in svg


def test_what_is_refused(tmp_path, monkeypatch):
    model = siamese()
    with pytest.raises(TypeError, match=r"model: expected a fanin.Sequential or fanin.Model"):
        plot_model(layers.Dense(1))
    with pytest.raises(NotReadyError, match="is not built"):
        plot_model(fanin.Sequential([layers.Dense(2)]), None)
    for wrong, message in (
        ({"to_file": tmp_path / "m.dot"}, r"to_file: expected a name that ends in \.svg, \.png"),
        ({"rankdir": "UP"}, "rankdir: expected 'TB' or 'BT' or 'LR' or 'RL', found 'UP'"),
        ({"splines": "wild"}, "splines: expected"),
        ({"dpi": 0}, "dpi: expected a number above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            plot_model(model, **wrong)
    with pytest.raises(TypeError, match="show_shapes: expected True or False"):
        plot_model(model, None, show_shapes="yes")
    monkeypatch.setattr("fanin.show.figures.has_matplotlib", lambda: False)
    with pytest.raises(ImportError, match=r"needs matplotlib: .* an \.svg needs nothing"):
        plot_model(model, tmp_path / "m.png")
    assert not [*tmp_path.iterdir()]
    plot_model(model, tmp_path / "m.svg")
