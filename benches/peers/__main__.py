"""``python -m peers``: measure, print a table, and write the documentation's page if asked."""

import argparse
import datetime
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers import catalogue, footprint, measure, page, peak, profile, report
from peers.crew import Crew
from peers.measure import Line, Settings

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    settings = Settings(quick=options.quick, seconds=0.01 if options.quick else 0.1)

    def wanted(key: str) -> bool:
        return not options.only or key in options.only

    lines: list[Line] = []
    ladders: list[dict[str, Any]] = []
    load_before = os.getloadavg()
    with Crew() as crew:
        for row in catalogue.rows():
            if wanted(row.key) and row.threads in options.threads:
                report.say(f"{row.label}, {row.threads} threads")
                lines += report.show(measure.lines_of(row, crew, settings))
        if wanted("import"):
            report.say("import")
            lines += report.show(footprint.imports(settings))
        if wanted("wheel"):
            lines += report.show([footprint.wheel(options.wheel)])
        if wanted("scaling"):
            for ladder in catalogue.ladders():
                report.say(f"scaling: {ladder.label}")
                ladders.append(measure.climb(ladder, crew, settings))
            lines += report.show([report.scaling(ladders)])
        limits = profile.limits(crew) if wanted("profile") else []
        peaks = peak.rates(ROOT) if wanted("peak") else {}
        versions = crew.versions()
    found = {
        "machine": machine(),
        "load": [load_before, os.getloadavg()],
        "versions": versions,
        "quick": options.quick,
        "lines": [line.as_dict() for line in lines],
        "ladders": ladders,
        "limits": limits,
        "peaks": peaks,
        "profile": profile.steps(ROOT) if wanted("profile") else [],
    }
    report.table(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if options.write:
        page.write(found, ROOT / "docs")
    return 0


def machine() -> dict[str, Any]:
    """Return where and when."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        pairs = (line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        fields = {key.strip(): value.strip() for key, value in pairs}
        name = fields.get("model name", name)
        levels = [f for f in ("avx2", "avx512f") if f in fields.get("flags", "").split()]
        name = " ".join([name, *levels])
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    keys = sorted(
        {row.key for row in catalogue.rows()} | {"import", "wheel", "scaling", "profile", "peak"}
    )
    parser = argparse.ArgumentParser(prog="peers", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", choices=keys, help=f"of: {', '.join(keys)}"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2), choices=(1, 2))
    parser.add_argument("--quick", action="store_true", help="one short round: does it all run?")
    parser.add_argument("--wheel", type=Path, help="the wheel to weigh")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all that was found")
    parser.add_argument(
        "--write", action="store_true", help="write docs/performance.md and its picture"
    )
    options = parser.parse_args(arguments)
    if options.write and (options.only or options.quick):
        parser.error("--write needs everything measured: neither --only nor --quick")
    if options.wheel is not None and not options.wheel.is_file():
        parser.error(f"--wheel: no such file: {options.wheel}")
    return options


if __name__ == "__main__":
    sys.exit(main())
