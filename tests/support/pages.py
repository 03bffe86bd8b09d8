"""Pages in Markdown as their tests see them: blocks of code, what they print, links."""

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]

_NOTE = re.compile(r"<!-- (?P<continues>continues)?(?:, )?(?:needs: (?P<needs>[\w, ]+))? -->")


@dataclass(frozen=True)
class Block:
    """A block of Python, and the text that the page shows as its output."""

    line: int
    code: str
    shown: str | None


@dataclass(frozen=True)
class Chain:
    """Blocks that run one after the other in one process, which starts empty.

    A block starts a new chain, unless ``<!-- continues -->`` stands before it. With ``<!-- needs:
    torch -->`` the chain runs only where these packages are.
    """

    page: str
    blocks: tuple[Block, ...]
    needs: tuple[str, ...]

    def __str__(self) -> str:
        needs = "".join(f"-{name}" for name in self.needs)
        return f"{self.page}:{self.blocks[0].line}{needs}"


def chains(page: Path) -> list[Chain]:
    """Return the chains of a page."""
    found: list[tuple[list[Block], list[str]]] = []
    note, previous = None, None
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "html_block":
            note = _NOTE.fullmatch(token.content.strip())
            continue
        if token.type == "fence" and token.info == "python":
            assert token.map is not None
            block = Block(token.map[0] + 1, token.content, None)
            needs = re.findall(r"\w+", (note and note["needs"]) or "")
            if note and note["continues"]:
                found[-1][0].append(block)
                found[-1][1].extend(needs)
            else:
                found.append(([block], needs))
        elif token.type == "fence" and token.info == "text" and previous == "python":
            blocks = found[-1][0]
            blocks[-1] = Block(blocks[-1].line, blocks[-1].code, token.content)
        note, previous = None, token.info
    name = page.relative_to(ROOT).as_posix()
    return [Chain(name, tuple(blocks), tuple(needs)) for blocks, needs in found]


def commands(page: Path) -> list[str]:
    """Return the lines that call the command ``fanin``."""
    text = page.read_text(encoding="utf-8")
    fences = [token for token in MarkdownIt().parse(text) if token.type == "fence"]
    lines = [line for token in fences if not token.info for line in token.content.splitlines()]
    return [line for line in lines if line.startswith("fanin ")]


def links(page: Path) -> list[str]:
    """Return where the links and pictures of a page lead to."""
    found = []
    for token in MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
        for part in [token, *(token.children or [])]:
            target = part.attrGet("href") or part.attrGet("src")
            if target:
                found.append(str(target))
            elif part.type.startswith("html_"):
                found += re.findall(r'(?:href|src)="([^"]+)"', part.content)
    return found


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: its headings as GitHub and MyST spell them, and its own."""
    text = page.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    bare = [re.sub(r"<[^>]*>|[^\w\- ]", "", head) for head in heads]
    return {head.strip().lower().replace(" ", "-") for head in bare} | set(
        re.findall(r'<a name="([^"]+)">', text)
    )
