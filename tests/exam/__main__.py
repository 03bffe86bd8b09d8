"""``python -m exam``: run the examination, or look at what training bears out."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from exam.cases import VOID, Case, cases, every_faulty, every_sound
from exam.examine import examine_all
from exam.grade import Mark
from exam.show import misses, summary
from exam.sides import NAMES, installed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="exam", description=__doc__)
    parser.add_argument(
        "--set", choices=("open", "held"), default="open", help="which cases (open)"
    )
    parser.add_argument("--framework", choices=NAMES, action="append", help="only these")
    parser.add_argument("--only", default="", help="only cases whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each (2)")
    parser.add_argument("--misses", type=Path, help="where to list what fell short")
    parser.add_argument("--resume", type=Path, help="where marks are kept, so that a run can go on")
    parser.add_argument(
        "--check", action="store_true", help="write void.txt: what training does not bear out"
    )
    options = parser.parse_args(arguments)
    wanted = tuple(options.framework or NAMES)
    missing = [name for name in wanted if not installed(name)]
    if missing:
        parser.error(
            f"not installed: {', '.join(missing)}; see `make peers`, or choose --framework"
        )
    if options.check:
        every = (case for case in (*every_sound(), *every_faulty()) if options.only in case.name)
        return _check([case for case in every if case.sound.framework in wanted], options)
    chosen = [case for case in cases(options.set == "held", wanted) if options.only in case.name]
    marks = _run(chosen, options)
    print(summary(marks))
    if options.misses:
        options.misses.parent.mkdir(parents=True, exist_ok=True)
        options.misses.write_text(misses(marks), encoding="utf-8")
        print(f"\nwhat fell short: {options.misses}")
    return 0


def _run(
    chosen: Sequence[Case], options: argparse.Namespace, diagnosing: bool = True
) -> list[Mark]:
    """Examine what has no mark yet; marks are kept one by one, as a run may be long."""
    kept: Path | None = options.resume
    lines = kept.read_text(encoding="utf-8").splitlines() if kept and kept.exists() else []
    marks = [Mark(**json.loads(line)) for line in lines]
    done = {mark.name for mark in marks}
    waiting = [case for case in chosen if case.name not in done]
    with open(kept or os.devnull, "a", encoding="utf-8") as file:
        for mark in examine_all(waiting, options.jobs, diagnosing):
            marks.append(mark)
            file.write(json.dumps(asdict(mark)) + "\n")
            file.flush()
            if sys.stderr.isatty() or len(marks) % 50 == 0:
                print(f"\r{len(marks)} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return marks


def _check(chosen: Sequence[Case], options: argparse.Namespace) -> int:
    """Write the names that training does not bear out; nothing is diagnosed."""
    names = {case.name for case in chosen}
    lines = VOID.read_text(encoding="utf-8").splitlines()[1:] if VOID.exists() else []
    others = [line for line in lines if line.split()[0] not in names]
    found = [f"{m.name}  {m.why}" for m in _run(chosen, options, diagnosing=False) if not m.shown]
    head = "# What training does not bear out: `python -m exam --check` writes it.\n"
    VOID.write_text(
        head + "".join(f"{line}\n" for line in sorted(others + found)), encoding="utf-8"
    )
    print(f"{len(found)} of {len(chosen)} are void")
    return 0


if __name__ == "__main__":
    sys.exit(main())
