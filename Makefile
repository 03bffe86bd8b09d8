# What people run. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
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
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find src -name '*.rs')

.DEFAULT_GOAL := help
.PHONY: help demo build test check lint types verify-types rust-tests python-tests docs notebooks bench bench-progress instructions bench-peers test-peers peers statistics fmt clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

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
	@! grep -rlw unsafe src --include='*.rs' | grep -vE '^src/(simd|linalg)(/|\.rs)' || { echo 'unsafe outside src/simd and src/linalg'; exit 1; }
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

python-tests: $(EXTENSION) ## pytest: laws, parity, documents, notebook, hostile input
	$(BIN)/python -m pytest -q

docs: $(EXTENSION) $(VENV)/.docs ## The site: docs/_build/index.html; warnings are errors
	$(BIN)/python -m sphinx -b html -W --keep-going -n -q -d docs/_build/.doctrees docs docs/_build
	@echo 'docs/_build/index.html'

notebooks: $(EXTENSION) ## Run the notebooks of examples/ and store them with their outputs (ONLY="name": these)
	$(BIN)/python scripts/notebooks.py $(ONLY)

bench: ## Rust benches of the kernels
	cargo bench --locked

bench-progress: $(EXTENSION) ## What the progress of fit costs in a Jupyter kernel, a terminal and a pipe
	$(BIN)/python benches/progress.py

instructions: $(EXTENSION) ## Instructions of the bench rows step, predict and adam (AGAINST=../before/python: beside another build)
	@command -v valgrind > /dev/null || { echo 'install valgrind first: apt-get install valgrind'; exit 1; }
	$(BIN)/python benches/instructions.py $(AGAINST) python

test-peers: peers ## Initializers, streams and whole models against torch, Keras, JAX and Flax themselves
	$(PEERS)/bin/python -m pip install --quiet 'pytest>=8' 'hypothesis>=6.100'
	KERAS_BACKEND=jax $(PEERS)/bin/python -c 'import torch, keras, jax'  # a test of what is missing would be skipped
	KERAS_BACKEND=jax $(PEERS)/bin/python -m pytest -q tests/peers
	KERAS_BACKEND=torch $(PEERS)/bin/python -m pytest -q tests/peers/test_models.py tests/peers/test_adapters.py tests/peers/test_traces.py tests/peers/test_data_dependent.py
	$(PEERS)/bin/python -m pip install --quiet optuna safetensors tensorboard mlflow-skinny
	$(PEERS)/bin/python -m pytest -q tests/test_readme.py  # the blocks of pages that need them

bench-peers: peers ## Us against torch, JAX, Keras, …: docs/performance.md (ONLY="step adam": these rows, written nowhere)
	cd benches && ../$(PEERS)/bin/python -m peers --wheel ../$(WHEELS)/*.whl --json ../target/peers.json $(if $(ONLY),--only $(ONLY),--write)

# The package as users get it, beside the peers.
peers: $(PEERS)/.installed
	rm -rf $(WHEELS)
	VIRTUAL_ENV=$(CURDIR)/$(PEERS) $(PEERS)/bin/maturin build --release --locked --quiet --out $(WHEELS)
	$(PEERS)/bin/python -m pip install --quiet --force-reinstall --no-deps $(WHEELS)/*.whl

statistics: $(EXTENSION) ## dieharder on the raw stream (hours; goes on where it was stopped): docs/stream.md
	@command -v dieharder > /dev/null || { echo 'install dieharder first: apt-get install dieharder'; exit 1; }
	$(BIN)/python scripts/stream_statistics.py run

fmt: $(TOOLS) ## Format everything
	cargo fmt
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

clean: ## Remove what was built
	rm -rf target $(VENV) $(PEERS) docs/_build docs/notebooks docs/reference/fanin*.rst python/fanin/_core*.so

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(TOOLS): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet 'maturin>=1.9,<2' --group test --group lint
	@touch $@

$(VENV)/.docs: $(TOOLS) pyproject.toml
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

$(EXTENSION): $(TOOLS) $(SOURCES)
	$(BIN)/maturin develop --release --locked --quiet
	@touch $@

# A peer that cannot be installed here is said to be missing in each of its rows.
$(PEERS)/.installed:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --upgrade pip
	$(PEERS)/bin/python -m pip install --quiet 'maturin>=1.9,<2' 'numpy>=1.26' 'rich>=13' 'matplotlib>=3.8'
	@for peer in $(PEER_PACKAGES); do $(PEERS)/bin/python -m pip install --quiet $$peer || echo "cannot install $$peer"; done
	@touch $@
