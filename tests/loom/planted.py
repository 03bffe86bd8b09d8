"""Plant faults in copies of the lock and the team, one at a time: the models must find each.

python tests/loom/planted.py            # all
python tests/loom/planted.py fork wait  # those with one of these words
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SRC = HERE.parents[1] / "src"
SOURCES = {"lock": "network/lock.rs", "team": "parallel/team.rs"}

# What a source says, what it says instead. Each is found in its text once.
OF_LOCK = {
    "the end of a turn wakes nobody": (
        "                held.ended += 1;\n            });\n        }\n        self.notify(table);",
        "                held.ended += 1;\n            });\n        }\n        drop(table);",
    ),
    "the end of a reading wakes nobody": (
        "held.copying -= 1,\n        });\n        self.notify(table);",
        "held.copying -= 1,\n        });\n        drop(table);",
    ),
    "the end of a fork wakes nobody": (
        "self.awaited.fetch_sub(1, Ordering::Relaxed);\n        self.notify(table);\n    }\n\n"
        "    /// Whether a reader",
        "self.awaited.fetch_sub(1, Ordering::Relaxed);\n        drop(table);\n    }\n\n"
        "    /// Whether a reader",
    ),
    "one thread is woken where several sleep": (
        "self.changed.notify_all()",
        "self.changed.notify_one()",
    ),
    "a reader does not look whether a turn is on": (
        "(Some(_), Turn::Off) =>",
        "(Some(_), Turn::Off | Turn::On) =>",
    ),
    "a reader does not look whether a turn is wanted": (
        "(Some(_), Turn::Off) =>",
        "(Some(_), Turn::Off | Turn::Wanted) =>",
    ),
    "a reader does not look whether the network is claimed": (
        "(None, _) =>",
        "(None, _) | (Some(_), Turn::Off) =>",
    ),
    "a turn does not wait for readers": (
        "held.all(|held| held.copying == 0)",
        "held.all(|_| true)",
    ),
    "a claim does not wait for readers in place": (
        "held.all(|held| held.in_place == 0)",
        "held.all(|_| true)",
    ),
    "a second claim is granted": (
        "held.get(id).and_then(|held| held.claim)",
        "held.get(id).and_then(|held| held.claim.filter(|&owner| owner == who))",
    ),
    "a claim of several is granted in part": (
        "let mut table = self.lock();\n        for (place, id) in ids.iter().enumerate() {",
        "let mut table = self.lock();\n        for (place, id) in ids.iter().enumerate() {\n"
        "            let free = table.held.get(id).is_none_or(|held| held.claim.is_none());\n"
        "            if place + 1 < ids.len() && free {\n"
        "                table.held.entry(*id).or_default().claim = Some(who);\n"
        "                continue;\n            }",
    ),
    "anybody can release a claim": (
        "held.claim.filter(|&owner| owner != who)",
        "held.claim.filter(|&owner| owner != who && false)",
    ),
    "readers that wait are not let in": (
        "held.copying += std::mem::take(&mut held.waiting);",
        "",
    ),
    "a turn that is given up stays wanted": (
        "            self.let_in(table, ids);\n            return false;",
        "            drop(table);\n            return false;",
    ),
    "who gives up waiting is still waited for": (
        "                held.waiting -= 1;\n                self.awaited.fetch_sub",
        "                self.awaited.fetch_sub",
    ),
    "who gives up waiting still asks for the end of turns": (
        "                held.waiting -= 1;\n"
        "                self.awaited.fetch_sub(1, Ordering::Relaxed);",
        "                held.waiting -= 1;",
    ),
    "a fork does not wait for the turn": (
        "held.turn != Turn::On || held.claim == Some(who)",
        "held.turn != Turn::On || held.claim != Some(who)",
    ),
    "a turn begins during a fork": ("table.forks == 0 && ", ""),
    "a reader does not say that it waits": (
        "                self.awaited.fetch_add(1, Ordering::Relaxed);\n"
        "                Reading::Waiting(held.ended)",
        "                Reading::Waiting(held.ended)",
    ),
}
OF_TEAM = {
    "a job is open before it is told": (
        "team.open.0.store(open, Ordering::Release)",
        "team.open.0.store(open, Ordering::Relaxed)",
    ),
    "a piece is done before its work is seen": (
        "self.left.0.fetch_sub(1, Ordering::Release)",
        "self.left.0.fetch_sub(1, Ordering::Relaxed)",
    ),
    "the leader does not see what was done": (
        "self.team.left.0.load(Ordering::Acquire) > 0",
        "self.team.left.0.load(Ordering::Relaxed) > 0",
    ),
    "the leader does not wait": ("        self.wait(begin);\n", ""),
    "a piece is taken twice": (
        "match (self.open.0).compare_exchange(open, open - 1,",
        "match (self.open.0).compare_exchange(open, open,",
    ),
    "a job has the number of the one before": (
        "(team.open.0.load(Ordering::Relaxed) >> 32) + 1",
        "team.open.0.load(Ordering::Relaxed) >> 32",
    ),
    "pieces are told after the job": (
        "team.left.0.store(count, Ordering::Relaxed);",
        "team.open.0.store(u64::from(pieces), Ordering::Release);\n"
        "        team.left.0.store(count, Ordering::Relaxed);",
    ),
}
FAULTS = {"lock": OF_LOCK, "team": OF_TEAM}
HANGS = 120
"""Seconds: a model that never ends counts as one that found the fault."""


def found(crate: Path, source: str, text: str) -> bool:
    """Return whether the models fail where a source says this."""
    (crate / "src" / f"{source}.rs").write_text(text)
    built = run(crate, "--no-run", None)
    if built.returncode:
        raise SystemExit(f"the planted text is no program:\n{built.stderr}")
    try:
        return run(crate, "--quiet", HANGS).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def run(crate: Path, option: str, seconds: int | None) -> subprocess.CompletedProcess[str]:
    """Run the models of a copy."""
    command = ["cargo", "test", "--locked", option]
    environment = {**os.environ, "RUST_BACKTRACE": "0", "RUSTFLAGS": "-Awarnings"}
    return subprocess.run(
        command, cwd=crate, env=environment, capture_output=True, text=True, timeout=seconds
    )


def main(words: list[str]) -> None:
    """Plant all, or those that are asked for."""
    missed: list[str] = []
    texts = {name: (SRC / path).read_text() for name, path in SOURCES.items()}
    with tempfile.TemporaryDirectory() as folder:
        crate = Path(folder) / "loom"
        shutil.copytree(HERE, crate, ignore=shutil.ignore_patterns("target"))
        library = crate / "src" / "lib.rs"
        for name, path in SOURCES.items():
            attribute = f'#[path = "../../../src/{path}"]\n'
            library.write_text(library.read_text().replace(attribute, ""))
            (crate / "src" / f"{name}.rs").write_text(texts[name])
        if found(crate, "lock", texts["lock"]):
            raise SystemExit("the models fail with the sources as they are")
        for source, faults in FAULTS.items():
            text = texts[source]
            for name, (old, new) in faults.items():
                if words and not any(word in name for word in words):
                    continue
                if text.count(old) != 1:
                    raise SystemExit(f"{name}: {source}.rs has its text {text.count(old)} times")
                seen = found(crate, source, text.replace(old, new))
                print("found " if seen else "missed", name, flush=True)
                missed += [] if seen else [name]
            (crate / "src" / f"{source}.rs").write_text(text)
    if missed:
        raise SystemExit(f"the models miss {len(missed)}: {', '.join(missed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
