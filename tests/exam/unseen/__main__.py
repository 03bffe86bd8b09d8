"""``python -m exam.unseen``: examine what the programs make."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from exam.show import misses, summary
from exam.sides import NAMES
from exam.unseen.run import examine_alone, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="exam.unseen", description=__doc__)
    parser.add_argument("--framework", choices=NAMES, action="append", help="only these")
    parser.add_argument("--only", default="", help="only networks whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each (2)")
    parser.add_argument("--misses", type=Path, help="where to list what fell short")
    parser.add_argument("--marks", type=Path, help="where to append marks as they come, one a line")
    options = parser.parse_args(arguments)
    names = [name for name in load(options.framework or NAMES) if options.only in name]
    marks = []
    # New processes: torch and JAX do not bear being forked.
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        waiting = {pool.submit(examine_alone, name): name for name in names}
        for done in as_completed(waiting):
            try:
                new = done.result()
            except Exception as error:
                print(f"{waiting[done]}: {type(error).__name__}: {error}", file=sys.stderr)
                continue
            marks += new
            with open(options.marks or os.devnull, "a", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(asdict(mark))}\n" for mark in new)
    print(summary(marks))
    if options.misses:
        options.misses.write_text(misses(marks), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
