"""Pages: blocks of code run and print what is shown, and links lead somewhere.

Each chain of blocks (`pages.Chain`) runs in a Python process of its own, in an empty folder.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import fanin
import numpy as np
import pages
import pytest
from fanin.layers import Dense

CHAINS = [chain for page in pages.PAGES for chain in pages.chains(page)]

# The blocks of one chain in one namespace; errors name the page's own lines.
RUNNER = """
import json, sys
page, blocks, end = json.loads(sys.argv[1])
for line, code in blocks:
    exec(compile("\\n" * line + code, page, "exec"), globals())
    print(end, flush=True)
"""
END = "---- end of block ----"
NUMBER = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.]*\w)")


def run(chain, folder):
    blocks = [(block.line, block.code) for block in chain.blocks]
    warnings = [] if chain.needs else ["-W", "error"]
    return subprocess.run(
        [sys.executable, *warnings, "-c", RUNNER, json.dumps([chain.page, blocks, END])],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", "KERAS_BACKEND": "jax", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def lacks(chain):
    return [name for name in chain.needs if find_spec(name) is None]


@pytest.fixture(scope="module")
def outcomes(request, tmp_path_factory):
    """All chains that were asked for, run side by side."""
    asked = [item.callspec.params["chain"] for item in request.session.items if _runs(item)]
    asked = [chain for chain in asked if not lacks(chain)]
    folders = [tmp_path_factory.mktemp("page") for _ in asked]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(asked, pool.map(run, asked, folders), strict=True))


def _runs(item):
    return getattr(item, "originalname", "") == "test_blocks_run"


def same_text(shown, printed):
    """Whether both say the same: words alike, numbers to 10 % (CPUs differ in the last places).

    The number of blanks does not count, and a line of ``...`` stands for any lines.
    """
    parts = [" ".join(part.split()) for part in re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)]
    pattern = ".*".join(
        "".join(r"(\S+)" if i % 2 else re.escape(p) for i, p in enumerate(NUMBER.split(part)))
        for part in parts
    )
    found = re.fullmatch(pattern, " ".join(printed.split()), re.DOTALL)
    if found is None:
        return False
    expected = [float(number) for part in parts for number in NUMBER.findall(part)]
    try:
        values = [float(text) for text in found.groups()]
    except ValueError:
        return False
    return values == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("chain", CHAINS, ids=str)
def test_blocks_run(chain, outcomes):
    if missing := lacks(chain):
        pytest.skip(f"needs {', '.join(missing)}")
    outcome = outcomes[chain]
    assert outcome.returncode == 0, outcome.stderr
    printed = outcome.stdout.split(END)[:-1]
    for block, text in zip(chain.blocks, printed, strict=True):
        if block.shown is not None:
            assert same_text(block.shown, text), f"line {block.line} prints:\n{text}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the lines of shells find: the command, a network, its data, and folders of a home."""
    folder = tmp_path_factory.mktemp("shell")
    for name in ("bin", ".zfunc", ".config/fish/completions"):
        (folder / name).mkdir(parents=True)
    (folder / ".local/share/bash-completion/completions").mkdir(parents=True)
    command = folder / "bin" / "fanin"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fanin "$@"\n')
    command.chmod(0o755)
    x = np.random.default_rng(0).normal(size=(150, 4))
    y = np.arange(150) % 3
    hidden = Dense(16, "relu", kernel_initializer="he_normal", input_dim=4)
    model = fanin.Sequential([hidden, Dense(3, "softmax")], rng=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(folder / "model.npz")
    np.savez(folder / "batch.npz", x=x, y=y)
    names = "sepal_length,sepal_width,petal_length,petal_width,species"
    np.savetxt(folder / "iris.csv", np.c_[x, y], "%.5g", delimiter=",", header=names, comments="")
    return folder


@pytest.mark.parametrize(
    "command", [line for page in pages.PAGES for line in pages.commands(page)], ids=str
)
def test_commands_run(command, folder):
    path = os.pathsep.join(
        [str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    outcome = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "HOME": str(folder)},
        capture_output=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr.decode()
    to = re.search(r"> ~/(\S+)", command)
    assert (folder / to[1]).read_text(encoding="utf-8") if to else outcome.stdout


def test_each_block_of_the_readme_stands_alone():
    """It runs by itself with what a plain install brings, or matplotlib."""
    blocks = [chain for chain in CHAINS if chain.page == "README.md"]
    assert len(blocks) >= 5
    for chain in blocks:
        assert len(chain.blocks) == 1, chain
        assert set(chain.needs) <= {"matplotlib"}, chain


def test_pages_are_found():
    names = {path.relative_to(pages.ROOT).as_posix() for path in pages.PAGES}
    assert {"README.md", "docs/tutorial.md", "docs/coming_from/keras.md"} <= names
    for path in pages.PAGES:
        fences = re.findall(r"^```python$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == sum(len(chain.blocks) for chain in pages.chains(path)), path


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("loss 0.50", "loss  0.52\n", True),
        ("loss 0.50", "loss 0.60", False),
        ("loss 0.50", "lost 0.50", False),
        ("a\n...\nz 1", "a\nb\nz 1\n", True),
        ("a\n...\nz", "a\nb\n", False),
        ("he_2 x", "he_3 x", False),
    ],
)
def test_comparison_of_texts(shown, printed, same):
    assert same_text(shown, printed) is same


# Links

REPOSITORY = tomllib.loads((pages.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "urls"
]["Repository"]


def test_links_of_the_readme():
    """PyPI shows the page alone: every link is absolute, and what it names is here.

    The repository's address is the one in pyproject.toml.
    """
    found = pages.links(pages.README)
    assert len(found) > 15
    ours = re.compile(re.escape(REPOSITORY) + r"/(?:blob|tree|raw)/main/([^#]+)$")
    inside = []
    for link in found:
        assert link.startswith("https://"), link
        if "fanin" in link:
            path = ours.match(link)
            assert path, f"{link} is not in {REPOSITORY}"
            assert (pages.ROOT / path[1]).exists(), link
            inside.append(path[1])
    assert any(path.endswith(".png") for path in inside)


@pytest.mark.parametrize("page", pages.PAGES[1:], ids=lambda page: page.name)
def test_links_of_a_page(page):
    """A relative link leads to a file that is here, and to an anchor that it has."""
    for link in pages.links(page):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(pages.ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in pages.anchors(target), link
