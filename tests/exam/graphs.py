"""Networks that are graphs, sound and with one fault: of the functional interface of this package.

The same rules as of the others: a name says everything, a sound network must train, a fault is a
function on a sound network that returns what a diagnosis should say, and marks are those of
`grade.py`. What is borderline in training is not counted.
"""

import contextlib
import copy
import io
import re
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import fanin
import numpy as np
from fanin import layers
from fanin.layers import Add, BatchNormalization, Concatenate, Dense, Input, Subtract

from exam.fault import Answer, Expectation
from exam.grade import (
    SHARE_THAT_IS_MENDED,
    SOUND,
    Mark,
    guessing,
    judge,
    judge_sound,
)

SAMPLES, CLASSES = 256, 4
STEPS = 60
"""Of Adam, on all samples at once: as long as `mend` trains."""


@dataclass
class Draft:
    """A network, and its data."""

    model: fanin.Model
    x: Any
    y: Any
    rng: np.random.Generator
    loss: Any = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Case:
    """An architecture, and a fault or none."""

    family: str
    seed: int
    fault: str = ""

    @property
    def name(self) -> str:
        return f"graph/{self.family}-{self.seed}" + (f"+{self.fault}" if self.fault else "")

    def draft(self) -> tuple[Draft, Expectation | None]:
        rng = np.random.default_rng(zlib.crc32(f"{self.family}/{self.seed}".encode()))
        draft = FAMILIES[self.family](rng, self.seed)
        expected = FAULTS[self.fault](draft) if self.fault else None
        return draft, expected


def clusters(rng: np.random.Generator, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples around a centre for each class, with mean 0 and variance 1."""
    y = rng.integers(0, CLASSES, SAMPLES)
    x = 1.2 * rng.normal(size=(CLASSES, features))[y] + rng.normal(size=(SAMPLES, features))
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def he(units: int, name: str) -> Dense:
    return Dense(units, "relu", kernel_initializer="he_normal", name=name)


def residual(rng: np.random.Generator, seed: int) -> Draft:
    """Blocks that add to what they get, with a normalization in front of each (He et al. 2016)."""
    features, units = int(rng.integers(8, 30)), int(rng.choice([24, 48, 64]))
    x = Input((features,))
    h = he(units, "stem")(x)
    for block in range(int(rng.integers(2, 6))):
        inner = he(units, f"wide_{block}")(BatchNormalization(name=f"norm_{block}")(h))
        h = Add(name=f"sum_{block}")([h, Dense(units, name=f"narrow_{block}")(inner)])
    h = BatchNormalization(name="last_norm")(h)
    return Draft(ended(x, h, seed), *clusters(rng, features), rng)


def wide_and_deep(rng: np.random.Generator, seed: int) -> Draft:
    """A tower, and beside it features that go to the end as they are (Cheng et al. 2016)."""
    few, many = int(rng.integers(4, 10)), int(rng.integers(10, 30))
    wide, deep = Input((few,), name="wide"), Input((many,), name="deep")
    h = deep
    for k in range(int(rng.integers(2, 6))):
        h = he(int(rng.choice([32, 48, 64])), f"deep_{k}")(h)
    samples, y = clusters(rng, few + many)
    x = {"wide": samples[:, :few], "deep": samples[:, few:]}
    both = Concatenate(name="both")([wide, h])
    return Draft(ended({"wide": wide, "deep": deep}, both, seed), x, y, rng)


def siamese(rng: np.random.Generator, seed: int) -> Draft:
    """One encoder of two inputs, and a head of what tells them apart (Bromley et al. 1993)."""
    features, units = int(rng.integers(8, 24)), int(rng.choice([32, 48]))
    one, other = Input((features,), name="one"), Input((features,), name="other")
    encoder = [he(units, f"encoder_{k}") for k in range(int(rng.integers(1, 3)))]
    encoder.append(Dense(units, name="code"))

    def encoded(value: Any) -> Any:
        for layer in encoder:
            value = layer(value)
        return value

    first, second = encoded(one), encoded(other)
    if rng.integers(2):
        both = Concatenate(name="both")([first, second])
    else:
        both = Subtract(name="apart")([first, second])
    h = he(units, "head")(both)
    samples, y = clusters(rng, features)
    noise = rng.normal(size=samples.shape)
    return Draft(ended([one, other], h, seed), [samples, noise], y, rng)


def nested(rng: np.random.Generator, seed: int) -> Draft:
    """Models within a model: an encoder with a normalization, a block that is called twice."""
    features, units = int(rng.integers(8, 30)), int(rng.choice([32, 48, 64]))
    inner = Input((features,))
    h = he(units, "encoder_0")(inner)
    h = BatchNormalization(name="encoder_norm")(Dense(units, name="encoder_1")(h))
    encoder = fanin.Model(inner, layers.Activation("relu", name="encoder_relu")(h))
    value = Input((units,))
    block = fanin.Model(value, he(units, "block_1")(he(units, "block_0")(value)))
    x = Input((features,))
    h = encoder(x)
    for _ in range(int(rng.integers(1, 3))):
        h = block(h)
    return Draft(ended(x, h, seed), *clusters(rng, features), rng)


def two_heads(rng: np.random.Generator, seed: int) -> Draft:
    """One trunk of two ends, a class and a number, whose losses are added up (Caruana 1997)."""
    features, units = int(rng.integers(8, 24)), int(rng.choice([32, 48]))
    x = Input((features,))
    h = x
    for k in range(int(rng.integers(1, 4))):
        h = he(units, f"trunk_{k}")(h)
    end = Dense(CLASSES, "softmax", name="out")(he(24, "of_kind")(h))
    size = Dense(1, name="size")(he(24, "of_size")(h) if rng.integers(2) else h)
    samples, y = clusters(rng, features)
    values = samples[:, :1] - 0.5 * samples[:, 1:2]
    model = fanin.Model(x, [end, size], rng=seed)
    losses = ["sparse_categorical_crossentropy", "mse"]
    return Draft(model, samples, [y, values / values.std()], rng, losses)


def ended(inputs: Any, h: Any, seed: int) -> fanin.Model:
    return fanin.Model(inputs, Dense(CLASSES, "softmax", name="out")(h), rng=seed)


FAMILIES: dict[str, Callable[[np.random.Generator, int], Draft]] = {
    made.__name__: made for made in (residual, wide_and_deep, siamese, nested, two_heads)
}


def said(kinds: str, *names: str) -> Expectation:
    return Expectation((Answer(frozenset(kinds.split()), frozenset(names)),))


ENDS = ("out", "size")


def hidden(draft: Draft, rectified: bool = False) -> list[Dense]:
    """Kernels that are not the last, and have no normalization behind them."""
    behind = {"encoder_1"}  # it is normalized
    dense = [la for la in draft.model.computing if isinstance(la, Dense) and la.name not in ENDS]
    return [
        la
        for la in dense
        if la.name not in behind
        and (not rectified or la.settings()["activation"]["kind"] == "relu")
    ]


def pick(draft: Draft, listed: list[Any]) -> Any:
    return listed[int(draft.rng.integers(len(listed)))]


def too_large(draft: Draft) -> Expectation:
    layer = pick(draft, hidden(draft))
    layer.kernel[...] *= 30
    return said("scale", layer.name)


def too_small(draft: Draft) -> Expectation:
    # What ends a branch may be small.
    layer = pick(draft, [la for la in hidden(draft) if not la.name.startswith("narrow")])
    layer.kernel[...] /= 100
    return said("scale vanishing", layer.name)


def dead_units(draft: Draft) -> Expectation:
    layer = pick(draft, hidden(draft, rectified=True))
    layer.bias[...] = -40
    return said("dead bias", layer.name)


def gamma_zero(draft: Draft) -> Expectation | None:
    norms = [la for la in draft.model.computing if isinstance(la, BatchNormalization)]
    if not norms:
        return None
    layer = pick(draft, norms)
    layer.gamma[...] = 0
    return said("normalization", layer.name)


def wrong_ending(draft: Draft) -> Expectation:
    wrong = fanin.losses.SparseCategoricalCrossentropy(from_logits=True)
    draft.loss = [wrong, "mse"] if isinstance(draft.y, list) else wrong
    return said("softmax_twice", "out")


def unscaled_input(draft: Draft) -> Expectation:
    if isinstance(draft.x, dict):
        name = pick(draft, sorted(draft.x))
        draft.x[name] = 500 * draft.x[name]
    elif isinstance(draft.x, list):
        draft.x[1] = 500 * draft.x[1]
    else:
        draft.x = 500 * draft.x
    return said("unscaled_input feature_scale")


def unscaled_targets(draft: Draft) -> Expectation | None:
    if not isinstance(draft.y, list):
        return None
    draft.y[1] = 300 * draft.y[1]
    return said("target_scale")


FAULTS: dict[str, Callable[[Draft], Expectation | None]] = {
    made.__name__: made
    for made in (
        *(too_large, too_small, dead_units, gamma_zero, wrong_ending, unscaled_input),
        unscaled_targets,
    )
}


def sound_cases(seeds: int) -> list[Case]:
    """So many networks of each family."""
    return [Case(family, seed) for family in FAMILIES for seed in range(seeds)]


def faulty_cases(seeds: int) -> list[Case]:
    """Each fault in so many networks of each family that has a place for it."""
    cases = [
        Case(family, seed, fault)
        for family in FAMILIES
        for seed in range(seeds)
        for fault in FAULTS
    ]
    return [case for case in cases if case.draft()[1] is not None]


def loss_after(draft: Draft) -> float:
    """Train a copy on all samples at once, and return its last loss."""
    twin = copy.deepcopy(draft.model)
    twin.compile("adam", draft.loss)
    with np.errstate(all="ignore"):
        done = twin.fit(
            draft.x, draft.y, batch_size=SAMPLES, epochs=STEPS + 1, shuffle=False, verbose=0
        )
    return float(done.history["loss"][-1])


def examine(case: Case) -> Mark:
    """Diagnose one, and mend it if it is faulty."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # compile says of some faults what they are
        return _examined(case)


def _examined(case: Case) -> Mark:
    draft, expected = case.draft()
    draft.model.compile("adam", draft.loss)
    report = fanin.diagnose(draft.model, draft.x, draft.y, draft.loss)
    several = isinstance(draft.y, list)
    line = "; ".join(f"{f.severity} {f.kind} {','.join(f.layers)}" for f in report.findings)
    mark = Mark(case.name, "fanin", case.fault or case.family, expected is None, "", line, True)
    sound = loss_after(Case(case.family, case.seed).draft()[0])
    # Of numbers guessing has their variance, which is 1 as they are made.
    guess = guessing("", draft.y[0]) + 1.0 if several else guessing("", draft.y)
    why = f"sound {sound:.3g} of {guess:.3g}"
    if expected is None:
        shown = sound < SOUND * guess
        return replace(mark, outcome=judge_sound(report.findings), shown=shown, why=why)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        report.mend(STEPS)
    after = float(re.findall(r"tried: loss after \d+ steps (\S+),", out.getvalue())[0])
    mended = (after - sound) / (guess - sound) <= SHARE_THAT_IS_MENDED
    outcome, why = judge(report.findings, expected), f"{why}, mended {after:.3g}"
    return replace(mark, outcome=outcome, mended=mended, fix=out.getvalue(), why=why)
