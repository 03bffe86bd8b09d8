"""The result as a page, and as the output of a notebook's cell."""

from html import escape

from fanin.comparison import plot
from fanin.comparison.result import ArmResult, Comparison
from fanin.comparison.table import cells, describe, flag, footnote, headings
from fanin.show import page as pages
from fanin.show.figures import PALETTE, require_matplotlib


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
    return pages.fragment(
        pages.paragraph(result.verdict),
        _main_table(result),
        pages.paragraph(f"{describe(result)}\n{footnote(result)}", "note"),
        pages.picture(lambda: plot.draw(result)),
        kind="comparison",
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
    return pages.document(
        f"Initializers compared on {result.data.name}",
        fragment(result),
        "<h2>Trials</h2>",
        _trials(result),
        "<h2>Setting</h2>",
        pages.definitions(_setting(result)),
        "<h2>Machine</h2>",
        pages.definitions([*result.environment.items(), ("seconds", f"{result.seconds:.1f}")]),
        "<h2>Repeat it</h2>",
        _repeat(result),
    )


def _main_table(result: Comparison) -> str:
    rows = []
    for arm in result.ranked:
        numbers = [pages.lines(cell) for cell in cells(result, arm, result.settings.target)]
        rows.append(("best" if arm is result.best else "", [_name(result, arm), *numbers]))
    return pages.table(["initializer", *headings(result)], rows)


def _name(result: Comparison, arm: ArmResult) -> str:
    colour = PALETTE[result.arms.index(arm) % len(PALETTE)]
    text = f'<span class="swatch" style="background: {colour}"></span>{escape(arm.label)}'
    note = flag(arm)
    return f'{text} <span class="severe">{escape(note)}</span>' if note else text


def _trials(result: Comparison) -> str:
    head = ["initializer", "seed", "test accuracy", "test loss", "loss at start", "last loss"]
    if result.data.validation:
        head += ["best val", "in epoch"]
    rows = []
    for arm in result.arms:
        for trial in arm.trials:
            row = [escape(arm.label), str(trial.seed)]
            row += [pages.number(trial.test_accuracy), pages.number(trial.test_loss)]
            row += [pages.number(trial.start_loss), pages.number(trial.loss[-1])]
            if result.data.validation:
                row += [pages.number(trial.best_val_accuracy), str(trial.best_epoch)]
            rows.append(("", [*row, f"{trial.seconds:.2f} s"]))
    return pages.fragment(pages.table([*head, "time"], rows), kind="comparison")


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


def _repeat(result: Comparison) -> str:
    if result.command is None:
        return (
            "<p>Call <code>fanin.compare</code> with the setting above: this comparison used "
            "arrays or objects that a command line cannot name.</p>"
        )
    command = escape(result.command)
    return f"<p>The same numbers, apart from the times:</p>\n<pre>{command}</pre>"
