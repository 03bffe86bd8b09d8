"""Making, training, diagnosing and mending what programs make, with the examination's marks."""

import importlib
import math
import re
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import fanin
import numpy as np

from exam import mend
from exam.grade import (
    SHARE_THAT_HURTS,
    SHARE_THAT_IS_MENDED,
    SOUND,
    Mark,
    course,
    grave,
    judge,
    judge_sound,
    lag,
    right,
)
from exam.sides import side
from exam.sides.session import BATCH, Session, clean
from exam.unseen.program import NETWORKS, Fault, Program

MODULES = {
    "torch": ("torch_images", "torch_sequences", "torch_sets", "torch_vectors", "torch_functions"),
    "keras": ("keras_nets",),
    "fanin": ("fanin_nets",),
}
"""Where the programs of each framework are."""


def load(frameworks: Sequence[str]) -> list[str]:
    """Import the programs of some frameworks, and return their networks' names."""
    for framework in frameworks:
        for module in MODULES[framework]:
            importlib.import_module(f"exam.unseen.{module}")
    return [name for name, made in NETWORKS.items() if made.framework in frameworks]


def make(name: str, fault: str = "") -> Program:
    """Run a program; the same name draws the same weights."""
    network = NETWORKS[name]
    seed = zlib.crc32(name.encode())
    if network.framework == "torch":
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(seed)
    elif network.framework == "keras":
        import keras

        keras.utils.set_random_seed(seed % 2**31)
    program: Program = network.make(fault)
    return program


def train(framework: str, program: Program) -> list[float]:
    """Train, and return the mean loss of each epoch."""
    if framework != "torch":
        return list(side(framework).train(_session(framework, program)))
    import torch

    torch.manual_seed(0)
    program.model.train()
    losses = []
    for _ in range(program.epochs):
        total, seen = 0.0, 0
        for x, y in zip(
            _batches(program.x, program.batch), program.y.split(program.batch), strict=True
        ):
            program.optimizer.zero_grad()
            loss = program.loss(program.model(*x), y)
            if loss.requires_grad:
                loss.backward()
                program.optimizer.step()
            total, seen = total + float(loss.detach()) * len(y), seen + len(y)
        losses.append(total / seen)
    return list(clean(losses))


def _batches(x: Any, size: int) -> Any:
    return zip(*(part.split(size) for part in (x if isinstance(x, list) else [x])), strict=True)


def _session(framework: str, program: Program) -> Session:
    kind: Any = SimpleNamespace(
        framework=framework, batch=program.batch, epochs=program.epochs, seed=0
    )
    return Session(kind, program.model, program.x, program.y, program.loss, program.optimizer)


def diagnose(framework: str, program: Program) -> Any:
    """Return a report, or what was raised: that is an outcome too."""
    x = [part[:BATCH] for part in program.x] if isinstance(program.x, list) else program.x[:BATCH]
    try:
        if framework == "torch":
            return fanin.diagnose(
                program.model, x, program.y[:BATCH], program.loss, optimizer=program.optimizer
            )
        return fanin.diagnose(program.model, x, program.y[:BATCH])
    except Exception as error:
        return error


def line(report: Any) -> str:
    """Return the findings, or the error, in a line."""
    if isinstance(report, Exception):
        return f"{type(report).__name__}: {report}".splitlines()[0]
    said = [f"{f.severity} {f.kind} [{' '.join(f.layers)}]" for f in report.findings]
    return "; ".join(said) or "nothing"


def examine(name: str) -> list[Mark]:
    """Examine a network without a fault, and with each of its faults."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        network = NETWORKS[name]
        twin = make(name)
        losses = train(network.framework, twin)
        sound, end = course(losses, twin.guessing()), losses[-1] / twin.guessing()
        marks = []
        if network.sound:
            report = diagnose(network.framework, make(name))
            refused = isinstance(report, Exception)
            outcome = "refused" if refused else judge_sound(report.findings)
            marks.append(
                Mark(name, network.framework, name.partition("/")[2], True, outcome, line(report),
                     bool(end <= SOUND), why=f"ends at {end:.2f} of guessing")
            )  # fmt: skip
        return [
            *marks,
            *(_faulty(name, word, fault, sound) for word, fault in network.faults.items()),
        ]


def examine_alone(name: str) -> list[Mark]:
    """Examine a network in a process of its own, which has one thread."""
    load([name.partition("/")[0]])
    fanin.set_num_threads(1)
    return examine(name)


def _faulty(name: str, word: str, fault: Fault, sound: float) -> Mark:
    framework = NETWORKS[name].framework
    behind = _lag(framework, make(name, word), sound)
    shown = bool(behind >= SHARE_THAT_HURTS) or not fault.hurts
    program = make(name, word)
    report = diagnose(framework, program)
    mark = Mark(
        f"{name}+{word}", framework, word, False, "", line(report), shown, why=f"lag {behind:.2f}"
    )
    if isinstance(report, Exception):
        named = fault.expected.error and re.search(fault.expected.error, str(report))
        return replace(mark, outcome="top" if named else "refused", mended=None if named else False)
    mark = replace(mark, outcome=judge(report.findings, fault.expected))
    if not fault.mendable:
        return mark
    mended = _mended(mark, name, word, report.findings, fault, sound)
    hurt = bool(behind > SHARE_THAT_IS_MENDED) or mark.outcome == "top"
    return replace(mended, mended=mended.mended and hurt)


def _mended(mark: Mark, name: str, word: str, findings: Any, fault: Fault, sound: float) -> Mark:
    """Apply the top fix to a new copy, diagnose that again, and train it."""
    code, layers = mend.top_fix(findings)
    if not code:
        return replace(mark, mended=False, why="no fix")
    framework = NETWORKS[name].framework
    program = make(name, word)
    session = _session(framework, program)
    try:
        mend.apply(session, code, layers)
        program = replace(program, model=session.model, x=session.x, y=session.y, loss=session.loss,
                          optimizer=session.optimizer)  # fmt: skip
        after = diagnose(framework, program)
    except Exception as error:
        return replace(mark, fix=code, ran=False, mended=False, why=line(error))
    if isinstance(after, Exception):
        return replace(mark, fix=code, ran=True, mended=False, why=line(after))
    gone = not any(right(finding, fault.expected) for finding in grave(after.findings))
    behind = _lag(framework, program, sound)
    mended = gone and bool(behind <= SHARE_THAT_IS_MENDED)
    why = f"lag {behind:.2f}" + ("" if gone else ", found again")
    return replace(mark, fix=code, ran=True, mended=mended, why=why)


def _lag(framework: str, program: Program, sound: float) -> float:
    """Train, and return how much worse than the sound network that goes."""
    try:
        losses = train(framework, program)
        return lag(course(losses, program.guessing()), sound)
    except (ValueError, RuntimeError, FloatingPointError, TypeError):
        return math.inf  # what is not finite is refused by some
