"""The result as a page, and as the output of a notebook's cell."""

import math
from collections.abc import Iterable
from html import escape

from fanin._pictures import has_matplotlib, require_matplotlib
from fanin.comparison import plot
from fanin.comparison.result import ArmResult, Comparison
from fanin.comparison.table import cells, describe, flag, footnote, headings

_STYLE = """\
.fanin-comparison { max-width: 62rem; font-family: system-ui, sans-serif; line-height: 1.45; }
.fanin-comparison table { border-collapse: collapse; margin: .8rem 0; color: inherit; }
.fanin-comparison th, .fanin-comparison td { padding: .25rem .9rem .25rem 0; text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; vertical-align: top;
  background: none; color: inherit; }
.fanin-comparison th { border-bottom: 1px solid currentColor; font-weight: 600; }
.fanin-comparison tr > :first-child { text-align: left; white-space: normal; }
.fanin-comparison .best td { font-weight: 600; }
.fanin-comparison .swatch { display: inline-block; width: .8em; height: .8em; border-radius: 50%;
  margin-right: .5em; }
.fanin-comparison .flag { color: #d55e00; }
.fanin-comparison .note { opacity: .75; font-size: .9em; }
.fanin-comparison svg { max-width: 100%; height: auto; }"""

_PAGE_STYLE = """\
:root { color-scheme: light dark; }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font-family: system-ui, sans-serif; }
pre { white-space: pre-wrap; padding: .6rem .8rem; border: 1px solid #8888; border-radius: 4px; }
dl { display: grid; grid-template-columns: max-content auto; gap: .2rem 1.2rem; }
dt { opacity: .75; } dd { margin: 0; }
.scroll { overflow-x: auto; }"""


def fragment(result: Comparison) -> str:
    """Write verdict, table and picture for a notebook.

    Parameters
    ----------
    result : Comparison
        The result.

    Returns
    -------
    str
        One element. Without matplotlib it says how to get the picture.
    """
    if not has_matplotlib():
        picture = '<p class="note">For the picture: pip install "fanin[plot]"</p>'
    else:
        picture = plot.inline_svg(result)
    return "\n".join(
        [
            f'<div class="fanin-comparison"><style>{_STYLE}</style>',
            f"<p>{_lines(result.verdict)}</p>",
            _main_table(result),
            f'<p class="note">{escape(describe(result))}<br>{_lines(footnote(result))}</p>',
            picture,
            "</div>",
        ]
    )


def page(result: Comparison) -> str:
    """Write the whole page.

    Parameters
    ----------
    result : Comparison
        The result.

    Returns
    -------
    str
        An HTML document that refers to no other.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    require_matplotlib()
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(_title(result))}</title>",
            f"<style>{_PAGE_STYLE}</style>\n</head>\n<body>",
            f"<h1>{escape(_title(result))}</h1>",
            fragment(result),
            "<h2>Trials</h2>",
            _trials(result),
            "<h2>Setting</h2>",
            _definitions(_setting(result)),
            "<h2>Machine</h2>",
            _definitions([*result.environment.items(), ("seconds", f"{result.seconds:.1f}")]),
            "<h2>Repeat it</h2>",
            _repeat(result),
            "</body>\n</html>\n",
        ]
    )


def _title(result: Comparison) -> str:
    return f"Initializers compared on {result.data.name}"


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>").replace("+/-", " ± ")


def _table(head: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Write a table; cells are HTML, each row comes with its class."""
    body = "\n".join(
        f"<tr{f' class={kind}' if kind else ''}>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>"
        for kind, row in rows
    )
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    table = f"<table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    return f'<div class="scroll" style="overflow-x: auto">{table}</div>'


def _main_table(result: Comparison) -> str:
    rows = []
    for arm in result.ranked:
        numbers = [_lines(cell) for cell in cells(result, arm, result.settings.target)]
        rows.append(("best" if arm is result.best else "", [_name(result, arm), *numbers]))
    return _table(["initializer", *headings(result)], rows)


def _name(result: Comparison, arm: ArmResult) -> str:
    colour = plot.PALETTE[result.arms.index(arm) % len(plot.PALETTE)]
    text = f'<span class="swatch" style="background: {colour}"></span>{escape(arm.label)}'
    note = flag(arm)
    return f'{text} <span class="flag">{escape(note)}</span>' if note else text


def _trials(result: Comparison) -> str:
    head = ["initializer", "seed", "test accuracy", "test loss", "loss at start", "last loss"]
    if result.data.validation:
        head += ["best val", "in epoch"]
    rows = []
    for arm in result.arms:
        for trial in arm.trials:
            row = [escape(arm.label), str(trial.seed)]
            row += [_number(trial.test_accuracy), _number(trial.test_loss)]
            row += [_number(trial.start_loss), _number(trial.loss[-1])]
            if result.data.validation:
                row += [_number(trial.best_val_accuracy), str(trial.best_epoch)]
            rows.append(("", [*row, f"{trial.seconds:.2f} s"]))
    return f'<div class="fanin-comparison">{_table([*head, "time"], rows)}</div>'


def _number(value: float) -> str:
    if math.isfinite(value) and abs(value) < 1e4:
        return f"{value:.4f}"
    return f"{value:.3g}"


def _setting(result: Comparison) -> list[tuple[str, str]]:
    settings = result.settings
    config = settings.optimizer["config"]
    optimizer = ", ".join(
        f"{key}={value}" for key, value in config.items() if value is not None and key != "name"
    )
    items = [
        ("data", str(result.data)),
        ("hidden layers", ", ".join(map(str, settings.hidden)) or "none"),
        ("activation", settings.activation_text),
        ("optimizer", f"{settings.optimizer['class_name']}({optimizer})"),
        ("batch size", str(settings.batch_size)),
        ("epochs", str(settings.epochs)),
        ("seeds", ", ".join(map(str, settings.seeds))),
        ("validation split", f"{settings.validation_split:g}"),
        ("layers an arm initializes", settings.initialize),
    ]
    if settings.target is not None:
        items.append(("target accuracy", f"{settings.target:g}"))
    return items


def _definitions(items: Iterable[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(k)}</dt><dd>{escape(v)}</dd>' for k, v in items)}</dl>"


def _repeat(result: Comparison) -> str:
    if result.command is None:
        return (
            "<p>Call <code>fanin.compare</code> with the setting above: this comparison used "
            "arrays or objects that a command line cannot name.</p>"
        )
    command = escape(result.command)
    return f"<p>The same numbers, apart from the times:</p>\n<pre>{command}</pre>"
