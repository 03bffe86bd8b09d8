"""The pages of the API reference: one for each public module, class and function.

They are written into ``docs/reference`` before Sphinx reads its sources, from what the modules'
``__all__`` say, so that no public name can lack a page. A thing that several modules give, or that
has several names, has one page; its other names are in the table of their module and lead there.
"""

import functools
import importlib
import inspect
import pkgutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

from docutils import nodes
from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole
from sphinx.environment import BuildEnvironment
from sphinx.ext.autodoc.mock import mock
from sphinx.ext.autosummary import autosummary_table
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.logging import getLogger

# Modules that one of ours imports at its head, and that the pages are built without.
ABSENT = ["keras"]
# Modules whose names are other names of what is elsewhere.
SECOND = ("fanin.backend", "fanin.keras")
SPECIAL = ("__call__", "__len__", "__getitem__", "__iter__", "__contains__")


@dataclass
class Thing:
    """What a public name stands for, and all the names it has."""

    value: Any
    names: list[tuple[str, str]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Return the word that autodoc has for it."""
        if isinstance(self.value, ModuleType):
            return "module"
        if isinstance(self.value, type):
            return "exception" if issubclass(self.value, BaseException) else "class"
        return "function" if inspect.isroutine(self.value) else "data"

    @property
    def home(self) -> tuple[str, str]:
        """Return module and name of its page: the shortest path, by the name that it was given."""
        if self.kind == "module":
            return self.value.__name__, ""
        given = getattr(self.value, "__name__", None)
        return min(
            self.names, key=lambda at: (at[0] in SECOND, at[1] != given, at[0].count("."), at)
        )

    @property
    def path(self) -> str:
        """Return the full name."""
        return ".".join(self.home).rstrip(".")


@functools.cache
def modules() -> dict[str, ModuleType]:
    """Return the public modules by name: those that say what they give."""
    import fanin

    found = {"fanin": fanin}
    with mock(ABSENT):
        for entry in pkgutil.walk_packages(fanin.__path__, "fanin."):
            if not any(part.startswith("_") for part in entry.name.split(".")):
                module = importlib.import_module(entry.name)
                if hasattr(module, "__all__"):
                    found[entry.name] = module
    return found


@functools.cache
def things() -> list[Thing]:
    """Return what the public names stand for, each once."""
    from fanin._absences import _absent

    found: dict[Any, Thing] = {}
    for path, module in modules().items():
        for name in module.__all__:
            value = getattr(module, name)
            kept = inspect.isroutine(value) or isinstance(value, (type, ModuleType))
            # A guarded module wraps its functions: both are one thing.
            key = id(_absent._explained.get(value, value)) if kept else (path, name)
            found.setdefault(key, Thing(value)).names.append((path, name))
    return list(found.values())


@functools.cache
def pages() -> dict[str, str]:
    """Return the page of each full name of a class or function; constants are on their module's."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for thing in sorted(things(), key=lambda thing: thing.path):
        page = thing.path
        if thing.kind == "data":
            page = thing.home[0]
        elif page.lower() in taken:  # streams.Jax and streams.jax, where case is no difference
            page += f"-{thing.kind}"
        taken.add(page.lower())
        found[thing.path] = page
    return found


def _title(text: str) -> list[str]:
    return [text, "=" * len(text), ""]


def _summary(title: str, names: list[str]) -> list[str]:
    if not names:
        return []
    table = [f".. rubric:: {title}", "", ".. autosummary::", "   :nosignatures:", ""]
    return [*table, *(f"   ~{name}" for name in sorted(names)), ""]


def _data(thing: Thing) -> list[str]:
    """Return what describes a constant or a type."""
    path, name = thing.home
    if get_origin(thing.value) is None:
        return [f".. autodata:: {name}", "   :no-value:", ""]
    # autodoc writes out what an alias stands for, down to NumPy's private names.
    told = _comments(name, thing.value)
    if get_origin(thing.value) is Literal:
        told += ["One of " + ", ".join(f"``{value!r}``" for value in get_args(thing.value)) + "."]
    return [f".. py:data:: {name}", f"   :module: {path}", "", *(f"   {line}" for line in told), ""]


def _comments(name: str, value: Any) -> list[str]:
    """Return the lines of text that stand below a name where it is defined."""
    for path, module in list(sys.modules.items()):
        if path.split(".")[0] == "fanin" and vars(module).get(name) is value:
            lines = ModuleAnalyzer.for_module(path).find_attr_docs().get(("", name))
            if lines:
                return lines
    return []


def module_page(path: str) -> str:
    """Return the page of a module: what it is, and a table of what it gives."""
    here = [(thing, name) for thing in things() for module, name in thing.names if module == path]
    own = [thing for thing, name in here if thing.home == (path, name)]
    lines = [*_title(path), f".. automodule:: {path}", ""]
    for title, kinds in (("Classes", ("class", "exception")), ("Functions", ("function",))):
        lines += _summary(title, [thing.home[1] for thing in own if thing.kind in kinds])
    below = [name for thing, name in here if thing.kind == "module"]
    lines += _summary("Modules", [name for name in below if f"{path}.{name}" in modules()])
    data = [thing for thing in own if thing.kind == "data"]
    if data:
        lines += [".. rubric:: Constants and types", ""]
    for thing in data:
        lines += _data(thing)
    others = [(name, thing) for thing, name in here if thing.path != f"{path}.{name}"]
    if others:
        lines += [".. rubric:: Other names", "", ".. list-table::", "   :class: names", ""]
    for name, thing in sorted(others, key=lambda other: other[0]):
        role = "mod" if thing.kind == "module" else "obj"
        lines += [f"   * - ``{name}``", f"     - is :{role}:`{thing.path}`"]
    shown = sorted(pages()[thing.path] for thing in own if thing.kind not in ("data", "module"))
    if shown:
        lines += ["", ".. toctree::", "   :hidden:", ""]
        lines += [f"   {page.removeprefix(path + '.')} <{page}>" for page in shown]
    return "\n".join([*lines, ""])


def page(thing: Thing) -> str:
    """Return the page of a class or function."""
    module, name = thing.home
    lines = [*_title(name), f".. currentmodule:: {module}", ""]
    others = [".".join(at) for at in thing.names if at != thing.home]
    if others:
        lines += ["Other names: " + ", ".join(f"``{other}``" for other in sorted(others)) + ".", ""]
    lines += [f".. auto{thing.kind}:: {name}", ""]
    if isinstance(thing.value, type):
        own, inherited = members(thing.value)
        for member, kind in own:
            lines += [f"   .. auto{kind}:: {name}.{member}", ""]
        for base, names in inherited.items():
            path = f"{base.__module__}.{base.__qualname__}"
            links = ", ".join(f":py:obj:`~{path}.{member}`" for member in names)
            lines += [f"From :py:obj:`~{path}`: {links}.", ""]
    return "\n".join(lines)


def members(cls: type) -> tuple[list[tuple[str, str]], dict[type, list[str]]]:
    """Return what a class has of its own, with autodoc's words, and what it has from public bases.

    What private bases define is its own: they have no page.
    """
    public = {thing.value for thing in things() if isinstance(thing.value, type)}
    own: list[tuple[str, str]] = []
    inherited: dict[type, list[str]] = {}
    seen: set[str] = set()
    giver: type | None = None
    for base in cls.__mro__:
        if not base.__module__.startswith("fanin"):
            continue
        if base is not cls and base in public:
            giver = base
        for name, value in vars(base).items():
            kind = _kind(name, value)
            if kind is None or name in seen:
                continue
            seen.add(name)
            if giver is None:
                own.append((name, kind))
            else:
                inherited.setdefault(giver, []).append(name)
    return own, inherited


def _kind(name: str, value: Any) -> str | None:
    if isinstance(value, (property, functools.cached_property)) and not name.startswith("_"):
        return "property"
    routine = inspect.isroutine(value) or isinstance(value, (classmethod, staticmethod))
    if routine and (not name.startswith("_") or (name in SPECIAL and value.__doc__)):
        return "method"
    return None


def write(app: Sphinx) -> None:
    """Write all pages, change those that differ, remove those that are no more."""
    folder = Path(app.srcdir) / "reference"
    texts = {path: module_page(path) for path in modules()}
    for thing in things():
        if thing.kind not in ("data", "module"):
            texts[pages()[thing.path]] = page(thing)
    for old in folder.glob("*.rst"):
        if old.stem not in texts:
            old.unlink()
    for name, text in texts.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


@functools.cache
def _spellings() -> dict[str, str]:
    """Return every full name of every thing, and where it was defined, with that of its page."""
    found = {}
    for thing in things():
        found |= {".".join(at): thing.path for at in thing.names}
        if isinstance(thing.value, type) or inspect.isroutine(thing.value):
            found[f"{thing.value.__module__}.{thing.value.__qualname__}"] = thing.path
    return found


@functools.cache
def _described() -> dict[str, Thing]:
    """Return what each page of a class or function describes."""
    return {pages()[thing.path]: thing for thing in things() if thing.kind != "data"}


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, child: nodes.TextElement
) -> nodes.Node | None:
    """Find what a docstring refers to by another name, or by one that its own module knows."""
    if node.get("refdomain") != "py":
        return None
    spellings = _spellings()
    target = node["reftarget"]
    tries = [target, f"{node.get('py:module')}.{target}"]
    thing = _described().get(Path(node["refdoc"]).name)
    if thing is not None:  # a docstring speaks of what its own module knows
        home = importlib.import_module(getattr(thing.value, "__module__", thing.home[0]))
        first, _, rest = target.partition(".")
        meant = vars(home).get(first)
        if isinstance(meant, type) or inspect.isroutine(meant):
            tries.append(f"{meant.__module__}.{meant.__qualname__}" + (f".{rest}" if rest else ""))
    domain = env.domains["py"]
    for attempt in tries:
        head, tail = attempt, ""
        while head and head not in spellings:
            head, _, last = head.rpartition(".")
            tail = f".{last}{tail}"
        if head:
            path = spellings[head] + tail
            resolved = domain.resolve_xref(
                env, node["refdoc"], app.builder, "obj", path, node, child
            )
            if resolved is not None:
                return resolved
    return nodes.emphasis(text=child.astext()) if node.get("name_or_word") else None


class NameRole(PyXRefRole):
    """What stands in single backticks: a name that has a page, or a word such as an argument."""

    def process_link(self, env: BuildEnvironment, refnode: Element, *args: Any) -> tuple[str, str]:
        """Mark the reference, so that it is no error if it leads nowhere."""
        refnode["name_or_word"] = True
        refnode["refdomain"], refnode["reftype"] = "py", "obj"
        return super().process_link(env, refnode, *args)


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that no page describes, and of public modules without ``__all__``."""
    import fanin

    described = env.domains["py"].objects
    for thing in things():
        if thing.path not in described:
            getLogger(__name__).warning("no page describes %s", thing.path)
    for name in fanin.__all__:
        value = getattr(fanin, name)
        if isinstance(value, ModuleType) and value.__name__ not in modules():
            getLogger(__name__).warning("%s has no __all__", value.__name__)


def without_citations(app: Sphinx, doctree: nodes.document) -> None:
    """Take the marks of citations out of summaries: what they cite is on the page of the name."""
    for table in doctree.findall(autosummary_table):
        for mark in [m for m in table.findall(pending_xref) if m["refdomain"] == "citation"]:
            paragraph, at = mark.parent, mark.parent.index(mark)
            paragraph[at - 1] = nodes.Text(paragraph[at - 1].astext().rstrip(" ,"))
            paragraph.remove(mark)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect them to Sphinx."""
    app.connect("builder-inited", write, priority=100)
    app.add_role("name", NameRole(innernodeclass=nodes.emphasis))
    app.connect("doctree-read", without_citations)
    app.connect("missing-reference", resolve)
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
