#!/usr/bin/env bash
# Looks at what fanin depends on, and says what could not be looked at:
#   scripts/audit.sh FOLDER     (where pip-audit is)
# Rust: licences, sources and duplicates (deny.toml), and advisories. Python: vulnerabilities that PyPI knows.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=$1
failed=0 unchecked=()

if cargo deny --version > /dev/null 2>&1; then
    cargo deny --locked check licenses bans sources || failed=1
    # The advisories are a repository of their own, which not every machine reaches.
    if cargo deny --locked fetch db > /dev/null 2>&1; then
        cargo deny --locked check --disable-fetch advisories || failed=1
    else
        unchecked+=("advisories of Rust: their database cannot be fetched from here")
    fi
else
    unchecked+=("Rust: install it first: cargo install --locked cargo-deny")
fi

needed=$(mktemp)
trap 'rm -f "$needed"' EXIT
python3 - > "$needed" << 'END'
import tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
extras = project["optional-dependencies"]
print(*project["dependencies"], *(name for kind in ("plot", "data") for name in extras[kind]), sep="\n")
END
answered=yes
report=$("$bin/pip-audit" --requirement "$needed" --progress-spinner off 2>&1) || answered=
printf '%s\n' "$report"
case $report in
    *Found*"known vulnerabilit"*) failed=1 answered=yes ;;
    *"could not be audited"*) answered= ;;
esac
[ -n "$answered" ] || unchecked+=("vulnerabilities of Python packages: PyPI does not say them here")

for what in "${unchecked[@]}"; do
    echo "audit: NOT CHECKED: $what"
done
[ "$failed" = 0 ] && echo "audit: nothing found in what was checked"
exit "$failed"
