"""The stories of initialization, one call each: writes docs/stories and docs/gallery.md.

python scripts/stories.py
"""

import re
from dataclasses import dataclass
from pathlib import Path

import fanin
from fanin.initializers import RandomNormal
from fanin.layers import Activation, BatchNormalization, Dense

DOCS = Path(__file__).parent.parent / "docs"
PAGE, GALLERY = DOCS / "stories", DOCS / "gallery.md"
GALLERY_HEAD = """# Gallery

What `fanin.diagnose` draws, before any training, for eight ways to start the same deep network:
the size of signals and of gradients layer by layer beside what theory predicts, the distribution
of each layer's outputs, and the state of each unit. A picture leads to its story.

::::{grid} 1 1 2 2
:gutter: 3

"""
DEPTH, WIDTH, SAMPLES, EPOCHS = 10, 128, 256, 5


@dataclass(frozen=True)
class Story:
    """An initialization, what is known of it, and what the diagnosis should find."""

    name: str
    title: str
    activation: str
    initializer: object
    told: str
    finding: str | None
    normalized: bool = False


STORIES = [
    Story(
        "zeros",
        "All weights zero",
        "tanh",
        "zeros",
        "Every unit of a layer computes the same and gets the same gradient, so all stay equal.",
        "symmetric",
    ),
    Story(
        "constant",
        "All weights one constant",
        "tanh",
        fanin.initializers.Constant(0.05),
        "Not being zero does not help: what matters is that units differ.",
        "symmetric",
    ),
    Story(
        "too_small",
        "Weights too small",
        "tanh",
        RandomNormal(stddev=0.01),
        "Each layer passes on a tenth of what comes in, forward and back: nothing arrives.",
        "vanishing",
    ),
    Story(
        "too_large",
        "Weights too large",
        "tanh",
        RandomNormal(stddev=1.0),
        "tanh is flat for nearly every input, and what gradient is left grows from layer to layer.",
        "saturated",
    ),
    Story(
        "xavier_tanh",
        "Xavier with tanh",
        "tanh",
        "glorot_normal",
        "Weights of variance 2 / (fan_in + fan_out) keep signals and gradients nearly their size.",
        None,
    ),
    Story(
        "xavier_relu",
        "Xavier with ReLU",
        "relu",
        "glorot_normal",
        "ReLU passes on half of the second moment, which Xavier does not make up for.",
        "vanishing",
    ),
    Story(
        "he_relu",
        "He with ReLU",
        "relu",
        "he_normal",
        "Twice the variance makes up for the half that ReLU drops.",
        None,
    ),
    Story(
        "batch_norm",
        "Too small, with BatchNormalization",
        "tanh",
        RandomNormal(stddev=0.01),
        "Normalization puts each signal back to size: the scale of the weights is no matter.",
        None,
        normalized=True,
    ),
]


def network(story, depth=DEPTH, seed=0):
    """Make the network of a story."""
    layers = []
    for number in range(1, depth + 1):
        layers.append(Dense(WIDTH, kernel_initializer=story.initializer, name=f"dense {number}"))
        if story.normalized:
            layers.append(BatchNormalization(name=f"norm {number}"))
        layers.append(Activation(story.activation, name=f"{story.activation} {number}"))
    return fanin.Sequential([*layers, Dense(10, "softmax", name="output")], rng=seed)


def data():
    """Return images as rows, centred and scaled, with their classes."""
    (x, y), _ = fanin.datasets.fashion_mnist.load_data("small")
    x = x.reshape(len(x), -1).astype("float32")
    return (x - x.mean()) / x.std(), y


def trained(story, x, y):
    """Return the accuracy after some epochs."""
    model = network(story)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.fit(x, y, epochs=EPOCHS, verbose=0, rng=0).history["accuracy"][-1]


def anchor(title):
    """Return what a heading is called in a link, on GitHub and on the site."""
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")


def card(story, kind, accuracy):
    """Return the picture of a story in the gallery, with what it shows."""
    return f""":::{{grid-item-card}} {story.title}
:img-top: stories/{story.name}.png
:img-alt: {story.title}: what the diagnosis draws
:link: stories/README.html#{anchor(story.title)}
:link-type: url

{story.told}
```{{card-footer}}
The diagnosis finds {kind}; accuracy in training {accuracy:.0%}
```
:::
"""


def main():
    """Write the pictures and the pages."""
    x, y = data()
    rows, parts, cards = [], [], []
    for story in STORIES:
        report = fanin.diagnose(network(story), x[:SAMPLES], y[:SAMPLES])
        report.plot().savefig(PAGE / f"{story.name}.png", dpi=80)
        accuracy = trained(story, x, y)
        kind = report.findings[0].kind if not report.healthy else "nothing"
        rows.append(f"| [{story.title}](#{anchor(story.title)}) | {kind} | {accuracy:.0%} |")
        parts.append(
            f"## {story.title}\n\n{story.told}\n\n"
            f"> {report.verdict}\n\n![{story.title}]({story.name}.png)\n"
        )
        cards.append(card(story, kind, accuracy))
        print(f"{story.title}: {report.verdict} ({accuracy:.0%})", flush=True)
    head = f"""# Stories

What each initialization does to a network of {DEPTH} hidden layers of {WIDTH} units, before it
is trained: `fanin.diagnose(model, x, y)` on {SAMPLES} images, and the accuracy on the {len(x)}
images that it was then trained on for {EPOCHS} epochs. `python scripts/stories.py` makes this page.

| initialization | the diagnosis finds | accuracy in training |
|---|---|---|
"""
    (PAGE / "README.md").write_text(head + "\n".join(rows) + "\n\n" + "\n".join(parts))
    GALLERY.write_text(GALLERY_HEAD + "\n".join(cards) + "::::\n")


if __name__ == "__main__":
    main()
