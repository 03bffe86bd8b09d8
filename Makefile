# What people run. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
export CARGO_TERM_COLOR ?= auto
# The extension is built into this environment, whichever one the caller has active.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
unexport CONDA_PREFIX

TOOLS := $(VENV)/.tools
EXTENSION := $(VENV)/.extension
# The peers get an environment of their own: they are large, and bring their own ideas of NumPy.
PEERS := .venv-peers
PEER_PACKAGES := torch keras jax flax scikit-learn mkl_random
WHEELS := target/wheels-peers
# Likewise what builds, checks and tries packages. `wheel` is of this machine; `wheels` are those of a release, in dist.
PACKAGING := .venv-packaging
PACKAGING_BIN := $(subst $(VENV),$(PACKAGING),$(BIN))
PACKAGING_TOOLS := $(PACKAGING)/.tools
TARGETS ?= x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl
# The oldest NumPy for each CPython; the newest is tried too.
OLDEST := 3.11=1.26.0 3.12=1.26.0 3.13=2.1.0
ARM64 := target/debian/arm64
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find src -name '*.rs')

.DEFAULT_GOAL := help
.PHONY: help demo build test check lint types verify-types rust-tests loom python-tests docs notebooks metadata import-time wheel wheels try test-wheels test-wheels-x86_64 test-wheels-aarch64 test-sdist digests audit bench bench-products bench-own bench-memory bench-progress instructions pairs bench-peers test-peers exam exam-check peers statistics fmt clean

help: ## List the targets
	@grep -hE '^[a-z0-9_-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-20s %s\n", $$1, $$2}'

demo: build ## Compare the documents' four initializers on the embedded data, print a table, write a picture
	$(BIN)/fanin demo

test: check python-tests ## Everything CI runs, cheapest checks first

check: lint types verify-types rust-tests ## Lints, types, and the core's tests without Python

build: $(EXTENSION) ## Build the extension in release mode into .venv

lint: $(TOOLS) ## Formatting and lints, Rust and Python
	cargo fmt --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@! grep -rlE 'pyo3|numpy::' src --include='*.rs' | grep -v '^src/python/' || { echo 'pyo3 or numpy named outside src/python'; exit 1; }
	@! grep -rlw unsafe src --include='*.rs' | grep -vE '^src/(simd|linalg)(/|\.rs)|^src/parallel/team.rs' || { echo 'unsafe outside src/simd, src/linalg and src/parallel/team.rs'; exit 1; }
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --features python -- -D warnings

types: $(EXTENSION) ## Python types, and the stub of the extension against the extension
	$(BIN)/mypy
	MYPYPATH=python $(BIN)/python -m mypy.stubtest fanin._core --allowlist tests/stubtest_allowlist.txt

verify-types: $(EXTENSION) ## How much of the public names an editor knows the type of: at least 98 %
	$(BIN)/python scripts/types_report.py

rust-tests: ## The core's tests, without Python and without the `python` feature
	@! cargo tree --locked --edges normal | grep -q pyo3 || { echo 'the core depends on pyo3'; exit 1; }
	cargo test --locked --quiet

loom: ## The lock of networks and the team of threads in every order in which threads can run (tests/loom/planted.py plants faults in it)
	cd tests/loom && CARGO_TARGET_DIR=../../target/loom cargo test --locked --quiet --lib

python-tests: $(EXTENSION) ## pytest: laws, parity, documents, notebook, hostile input
	$(BIN)/python -m pytest -q

docs: $(EXTENSION) $(VENV)/.docs ## The site: docs/_build/index.html; warnings are errors
	$(BIN)/python -m sphinx -b html -W --keep-going -n -q -d docs/_build/.doctrees docs docs/_build
	@echo 'docs/_build/index.html'

notebooks: $(EXTENSION) ## Run the notebooks of examples/ and store them with their outputs (ONLY="name": these)
	$(BIN)/python scripts/notebooks.py $(ONLY)

metadata: $(PACKAGING_TOOLS) ## What PyPI and GitHub read: metadata, workflows, issue forms, citation
	$(PACKAGING_BIN)/pyroma --min 10 .
	$(PACKAGING_BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(PACKAGING_BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(PACKAGING_BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(PACKAGING_BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(PACKAGING_BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	$(PACKAGING_BIN)/zizmor --offline --persona pedantic .github

import-time: $(EXTENSION) ## `import fanin` takes at most 0.45 of `import numpy`
	$(BIN)/python benches/footprint.py import

# The extension of `build` is packed, not built again.
wheel: $(EXTENSION) $(PACKAGING_TOOLS) ## The wheel of this machine: its size, its ABI, and tried in an empty environment
	rm -rf target/wheel
	$(BIN)/maturin build --release --locked --quiet --compression-level 9 --out target/wheel
	$(BIN)/python benches/footprint.py wheels target/wheel/*.whl
	$(PACKAGING_BIN)/twine check --strict target/wheel/*.whl
	$(PACKAGING_BIN)/abi3audit --strict --summary target/wheel/*.whl
	$(PACKAGING_BIN)/python scripts/try_package.py target/wheel/*.whl

wheels: $(PACKAGING_TOOLS) ## The sdist and the wheels of a release for Linux, into dist, checked (TARGETS="...": some)
	rm -rf dist
	$(PACKAGING_BIN)/maturin sdist --out dist
	for target in $(TARGETS); do PATH=$(CURDIR)/$(PACKAGING_BIN):$$PATH scripts/build_wheel.sh $$target dist || exit 1; done
	$(PACKAGING_BIN)/pyroma --min 10 --file dist/*.tar.gz
	$(PACKAGING_BIN)/twine check --strict dist/*
	$(PACKAGING_BIN)/abi3audit --strict --summary dist/*.whl
	for wheel in $$(ls dist/*manylinux*.whl 2> /dev/null); do $(PACKAGING_BIN)/auditwheel show $$wheel || exit 1; done
# zig calls musl `libc.so`, which musl's loader takes for itself, and auditwheel does not know.
	for wheel in $$(ls dist/*musllinux*.whl 2> /dev/null); do echo $$wheel; \
	    unzip -p $$wheel fanin/_core.abi3.so > target/musl.so; readelf --dynamic target/musl.so | grep NEEDED; \
	    test "$$(readelf --dynamic target/musl.so | grep NEEDED | sed 's/.*\[//')" = 'libc.so]' || exit 1; \
	done
	cd benches && ../$(PACKAGING_BIN)/python footprint.py wheels ../dist/*.whl

try: ## Install PACKAGE="dist/….whl" in an empty environment and try it there
	$(PYTHON) scripts/try_package.py $(PACKAGE)

test-wheels: test-wheels-x86_64 test-wheels-aarch64 ## Try what `make wheels` built

# pyenv's commands find all its versions when all are named.
test-wheels-x86_64: export PYENV_VERSION := $(shell pyenv versions --bare 2> /dev/null | grep -E '^3\.1[1-3]\.' | paste -sd:)
test-wheels-x86_64: ## Try the wheel of x86-64 on each CPython, with the oldest and the newest dependencies
	@for pair in $(OLDEST); do for requirements in "numpy==$${pair#*=} rich==13.0.0" "numpy rich"; do \
	    echo "CPython $${pair%=*}, $$requirements"; \
	    $(PYTHON) scripts/try_package.py dist/*manylinux*_x86_64.whl --python python$${pair%=*} $$requirements || exit 1; \
	done; done

test-wheels-aarch64: $(ARM64) ## Try the wheel of aarch64 on an arm64 Debian under QEMU
	$(PYTHON) scripts/try_package.py dist/*manylinux*_aarch64.whl --root $(ARM64)

test-sdist: ## Build and try the sdist alone, in an empty environment
	$(PYTHON) scripts/try_package.py dist/*.tar.gz

digests: $(EXTENSION) $(ARM64) ## Digests of all that a seed gives, on x86-64 and on aarch64, compared; and one ulp that is seen
	$(PYTHON) scripts/try_package.py dist/*manylinux*_x86_64.whl --digests target/digests-x86_64.txt
	$(PYTHON) scripts/try_package.py dist/*manylinux*_aarch64.whl --root $(ARM64) --digests target/digests-aarch64.txt
	$(BIN)/python scripts/digests.py compare target/digests-x86_64.txt target/digests-aarch64.txt
	$(BIN)/python scripts/digests.py write target/digests-nudged.txt --nudge 'model params float32'
	! $(BIN)/python scripts/digests.py compare target/digests-aarch64.txt target/digests-nudged.txt

$(ARM64):
	scripts/debian_unpack.sh arm64 $@.part python3 libstdc++6
	mv $@.part $@

audit: $(PACKAGING_TOOLS) ## Licences, sources and known vulnerabilities of what is depended on
	scripts/audit.sh $(PACKAGING_BIN)

bench: ## Rust benches of the kernels
	cargo bench --locked

bench-products: $(EXTENSION) ## GFLOP/s of our matrix products beside NumPy's, and torch's where it is installed
	$(BIN)/python benches/products.py
	$(BIN)/python benches/products.py --threads 2

bench-own: $(EXTENSION) ## What a loss or a metric written in Python costs a batch
	$(BIN)/python benches/own_losses.py
	$(BIN)/python benches/batches.py

bench-memory: $(EXTENSION) ## What fit, evaluate, predict and diagnose need of memory beside their data
	$(BIN)/python benches/memory.py

bench-progress: $(EXTENSION) ## What the progress of fit costs in a Jupyter kernel, a terminal and a pipe
	$(BIN)/python benches/progress.py

instructions: $(EXTENSION) ## Instructions of the bench rows step, predict and adam (AGAINST=../before/python: beside another build)
	@command -v valgrind > /dev/null || { echo 'install valgrind first: apt-get install valgrind'; exit 1; }
	$(BIN)/python benches/instructions.py $(AGAINST) python

pairs: $(EXTENSION) ## Whether rows of the benches take longer than in another build (AGAINST=../before/python), in 30 pairs
	cd benches && ../$(BIN)/python -m peers.pairs $(abspath $(AGAINST)) ../python

test-peers: peers ## Initializers, streams and whole models against torch, Keras, JAX and Flax themselves
	$(PEERS)/bin/python -m pip install --quiet 'pytest>=8' 'hypothesis>=6.100'
	KERAS_BACKEND=jax $(PEERS)/bin/python -c 'import torch, keras, jax'  # a test of what is missing would be skipped
	KERAS_BACKEND=jax $(PEERS)/bin/python -m pytest -q tests/peers
	KERAS_BACKEND=torch $(PEERS)/bin/python -m pytest -q tests/peers/test_models.py tests/peers/test_adapters.py tests/peers/test_traces.py tests/peers/test_data_dependent.py tests/peers/test_keras_endings.py tests/peers/test_keras_graphs.py tests/peers/test_running_averages.py tests/peers/test_keras_models.py
	$(PEERS)/bin/python -m pytest -q tests/diagnosis/test_watch.py
	$(PEERS)/bin/python -m pip install --quiet optuna safetensors tensorboard mlflow-skinny
	$(PEERS)/bin/python -m pytest -q tests/package/test_readme.py  # the blocks of pages that need them

exam: peers ## What diagnose says of networks with one fault, and of sound ones (SET=held, ONLY=dead, FRAMEWORK=torch): tests/exam/README.md
	cd tests && KERAS_BACKEND=torch ../$(PEERS)/bin/python -m exam --set $(or $(SET),open) $(if $(ONLY),--only $(ONLY)) $(if $(FRAMEWORK),--framework $(FRAMEWORK)) --misses ../target/exam-$(or $(SET),open).txt

exam-check: peers ## Train all networks of the examination, and write down which do not bear it out
	cd tests && KERAS_BACKEND=torch ../$(PEERS)/bin/python -m exam --check

bench-peers: peers ## Us against torch, JAX, Keras, …: docs/performance.md (ONLY="step adam": these rows, written nowhere)
	cd benches && ../$(PEERS)/bin/python -m peers --wheel ../$(WHEELS)/*.whl --json ../target/peers.json $(if $(ONLY),--only $(ONLY),--write)

# The package as users get it, beside the peers.
peers: $(PEERS)/.installed
	rm -rf $(WHEELS)
	VIRTUAL_ENV=$(CURDIR)/$(PEERS) $(PEERS)/bin/maturin build --release --locked --quiet --compression-level 9 --out $(WHEELS)
	$(PEERS)/bin/python -m pip install --quiet --force-reinstall --no-deps $(WHEELS)/*.whl

statistics: $(EXTENSION) ## dieharder on the raw stream (hours; goes on where it was stopped): docs/stream.md
	@command -v dieharder > /dev/null || { echo 'install dieharder first: apt-get install dieharder'; exit 1; }
	$(BIN)/python scripts/stream_statistics.py run

fmt: $(TOOLS) ## Format everything
	cargo fmt
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

clean: ## Remove what was built
	rm -rf target dist $(VENV) $(PEERS) $(PACKAGING) docs/_build docs/notebooks docs/reference/fanin*.rst python/fanin/_core*.so

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(TOOLS): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet 'maturin>=1.16,<2' --group test --group lint
	@touch $@

$(VENV)/.docs: $(TOOLS) pyproject.toml
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

$(EXTENSION): $(TOOLS) $(SOURCES)
	$(BIN)/maturin develop --release --locked --quiet
	@touch $@

$(PACKAGING_TOOLS): pyproject.toml
	$(PYTHON) -m venv $(PACKAGING)
	$(PACKAGING_BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(PACKAGING_BIN)/python -m pip install --quiet --group packaging
	@touch $@

# A peer that cannot be installed here is said to be missing in each of its rows.
$(PEERS)/.installed:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --upgrade pip
	$(PEERS)/bin/python -m pip install --quiet 'maturin>=1.16,<2' 'numpy>=1.26' 'rich>=13' 'matplotlib>=3.8'
	@for peer in $(PEER_PACKAGES); do $(PEERS)/bin/python -m pip install --quiet $$peer || echo "cannot install $$peer"; done
	@touch $@
