"""Results as HTML: what a notebook shows of them, and whole pages.

All of it says the same without style, SVG and colour: untrusted notebooks show no more than that.
Text has the colour of the page, dark or light, or a background of its own.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from fanin.show import figures
from fanin.show.table import Table

_STYLE = """\
.fanin { max-width: 64rem; font-family: system-ui, sans-serif; line-height: 1.45; }
.fanin table { border-collapse: collapse; margin: .8rem 0; color: inherit; }
.fanin th, .fanin td { padding: .2rem 1.1rem .2rem 0; text-align: right; font-weight: inherit;
  font-variant-numeric: tabular-nums; white-space: nowrap; vertical-align: top;
  background: none; color: inherit; }
.fanin thead th { border-bottom: 1px solid currentColor; font-weight: 600; }
.fanin tbody th, .fanin tr > :first-child { text-align: left; white-space: normal; }
.fanin table.words td, .fanin table.words th { text-align: left; white-space: normal; }
.fanin .best, .fanin .outside { font-weight: 600; }
.fanin .swatch { display: inline-block; width: .8em; height: .8em; border-radius: 50%;
  margin-right: .5em; }
.fanin .severe, .fanin .warning { padding: .05rem .35rem; border-radius: 3px; color: #000; }
.fanin .severe { background: #f0884d; }
.fanin .warning { background: #f2c14e; }
.fanin .note { opacity: .8; font-size: .9em; }
.fanin code { padding: .1rem .3rem; border: 1px solid #8888; border-radius: 3px; color: inherit;
  background: none; }
.fanin svg { max-width: 100%; height: auto; }"""

_PAGE_STYLE = """\
:root { color-scheme: light dark; }
body { margin: 2rem auto; max-width: 66rem; padding: 0 1rem; font-family: system-ui, sans-serif; }
pre { white-space: pre-wrap; padding: .6rem .8rem; border: 1px solid #8888; border-radius: 4px; }
dl { display: grid; grid-template-columns: max-content auto; gap: .2rem 1.2rem; }
dt { opacity: .75; } dd { margin: 0; }"""


def fragment(*parts: str, kind: str = "result") -> str:
    """Put parts of a page into one element that brings its style.

    Parameters
    ----------
    *parts : str
        HTML.
    kind : str
        What it shows, for the element's class.

    Returns
    -------
    str
        What a notebook shows as a cell's output.
    """
    body = "\n".join(part for part in parts if part)
    return f'<div class="fanin fanin-{kind}"><style>{_STYLE}</style>\n{body}\n</div>'


def document(title: str, *parts: str) -> str:
    """Write a page that refers to no other file.

    Parameters
    ----------
    title : str
        Its title, as text.
    *parts : str
        HTML.

    Returns
    -------
    str
        The page.
    """
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_PAGE_STYLE}</style>\n</head>\n<body>"
    )
    return "\n".join([head, f"<h1>{escape(title)}</h1>", *parts, "</body>\n</html>\n"])


def part(shown: str | Table) -> str:
    """Write a paragraph or a table of a result."""
    if isinstance(shown, str):
        return paragraph(shown)
    rows = [("", [lines(cell) for cell in row]) for row in shown.rows]
    return table(shown.titles, rows, kind="words" if shown.words else "")


def lines(text: str) -> str:
    """Write a text of one or several lines, with the signs that ASCII lacks."""
    return escape(text).replace("\n", "<br>").replace("+/-", " ± ")


def paragraph(text: str, kind: str = "") -> str:
    """Write a paragraph; nothing for an empty text."""
    return f"<p{_class(kind)}>{lines(text)}</p>" if text else ""


def table(
    titles: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], *, kind: str = ""
) -> str:
    """Write a table.

    Parameters
    ----------
    titles : sequence of str
        Text of the columns' heads; no head if all are empty.
    rows : iterable of tuple (str, sequence of str)
        The class of each row (empty for none) and its cells, which are HTML.
    kind : str
        The table's class.

    Returns
    -------
    str
        A table that scrolls where the page is too narrow.
    """
    body = "\n".join(
        f'<tr{_class(of_row)}><th scope="row">{cells[0]}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells[1:])
        + "</tr>"
        for of_row, cells in rows
    )
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    above = f"<thead><tr>{head}</tr></thead>\n" if any(titles) else ""
    inner = f"{above}<tbody>\n{body}\n</tbody>"
    return f'<div style="overflow-x: auto"><table{_class(kind)}>\n{inner}\n</table></div>'


def definitions(items: Iterable[tuple[str, str]]) -> str:
    """Write a list of words and what they stand for."""
    return f"<dl>{''.join(f'<dt>{escape(k)}</dt><dd>{escape(v)}</dd>' for k, v in items)}</dl>"


def picture(draw: Callable[[], Any]) -> str:
    """Write a figure as an element, or how to get it where matplotlib is not installed."""
    if not figures.has_matplotlib():
        return paragraph('For the picture: pip install "fanin[plot]"', "note")
    return figures.inline_svg(draw)


def number(value: float) -> str:
    """Write a number with four digits behind the point, a very large one with three in all."""
    if math.isfinite(value) and abs(value) < 1e4:
        return f"{value:.4f}"
    return f"{value:.3g}"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
