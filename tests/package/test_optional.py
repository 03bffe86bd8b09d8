"""What is optional may be absent, old or broken: one line says so, and what to install."""

import sys
import types

import fanin
import numpy as np
import pytest
from fanin import _optional
from fanin.layers import Dense

INSTALL = {
    name: f'pip install "fanin[{extra}]"' for name, (_, extra, _) in _optional._MODULES.items()
}


def stub(name, **names):
    module = types.ModuleType(name)
    vars(module).update(names)
    return module


def test_the_oldest_versions_are_those_of_the_extras():
    import tomllib
    from pathlib import Path

    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    everything = extras.pop("all")
    wanted = {extra: [f"{n}>={oldest}"] for n, (oldest, extra, _) in _optional._MODULES.items()}
    assert extras == wanted
    assert everything == [f"fanin[{','.join(extras)}]"]


@pytest.mark.parametrize("name", INSTALL)
def test_what_is_there_lacks_nothing(name):
    pytest.importorskip(name)
    assert _optional.lack(name) is None
    assert _optional.require(name).__name__ == name


@pytest.mark.parametrize(
    ("version", "enough"),
    [("3.8", 1), ("3.10.0rc1", 1), ("v4", 1), ("3.7.9", 0), ("3", 0), ("0+unknown", 0), ("x", 0)],
)
def test_versions_are_compared_as_numbers(version, enough, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", stub("matplotlib", __version__=version))
    reason = _optional.lack("matplotlib")
    assert (reason is None) == bool(enough)
    if reason is not None:
        assert f"matplotlib 3.8 or newer, found {version}: pip install" in reason


@pytest.mark.parametrize("name", INSTALL)
@pytest.mark.parametrize("kind", ["absent", "old", "without a version", "broken"])
def test_what_cannot_be_used_is_one_line(name, kind, monkeypatch, tmp_path):
    if kind == "broken":
        (tmp_path / f"{name}.py").write_text("import numpy\nnumpy.no_such_name\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
    else:
        old = {"__version__": "0.1"} if kind == "old" else {}
        module = None if kind == "absent" else stub(name, **old)
        monkeypatch.setitem(sys.modules, name, module)
    said = {"absent": "not installed", "old": "found 0.1", "broken": "no_such_name"}
    with pytest.raises(ImportError) as caught:
        _optional.require(name)
    assert caught.value.name == name
    text = str(caught.value)
    assert text.count("\n") == 0
    assert text.endswith(INSTALL[name])
    assert said.get(kind, "found one without a version") in text


def results():
    model = fanin.Sequential([Dense(4, "relu", input_dim=3), Dense(1)], rng=0)
    x = np.random.default_rng(0).normal(size=(8, 3))
    return {
        "a report": fanin.diagnose(model, x),
        "a comparison": fanin.compare("zeros", seeds=1, epochs=1, hidden=4),
    }


@pytest.mark.parametrize("module", [None, stub("matplotlib", __version__="3.1.0")])
def test_pictures_say_what_they_need_and_pages_in_cells_do_without(module, monkeypatch):
    shown = results()
    monkeypatch.setitem(sys.modules, "matplotlib", module)
    for result in shown.values():
        with pytest.raises(ImportError, match="matplotlib") as caught:
            result.plot()
        assert str(caught.value).endswith(INSTALL["matplotlib"])
        page = result._repr_html_()
        assert "<table" in page
        assert "fanin[plot]" in page
