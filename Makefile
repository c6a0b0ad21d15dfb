# One command per task; `make` lists them. The environment lives in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
RUST := $(shell find rust benches/rust tests/rust -name '*.rs' -o -name Cargo.toml 2>/dev/null)
SOURCES := Cargo.toml Cargo.lock pyproject.toml README.md LICENSE $(RUST) \
	$(shell find python -name '*.py' -o -name '*.pyi' -o -name py.typed -o -name '*.html' -o -name '*.css' -o -name '*.js')

.DEFAULT_GOAL := help
CASES ?= 20000
SEED ?= 0

.PHONY: help demo test test-rust test-python test-wheel faults fuzz miri check wheel bench bench-study bench-pooled bench-smoke clean toolchain
.DELETE_ON_ERROR:

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

toolchain:
	@command -v cargo > /dev/null || { echo "aumann needs a stable Rust toolchain (cargo >= 1.89) on PATH: see https://rustup.rs" >&2; exit 1; }
	@command -v $(PYTHON) > /dev/null && $(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2> /dev/null \
		|| { echo "aumann needs Python >= 3.10 with its venv module: install it, or name one with make PYTHON=/path/to/python" >&2; exit 1; }

$(BIN)/uv: | toolchain
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8'

$(VENV)/.build: pyproject.toml | $(BIN)/uv
	@$(UV) -r pyproject.toml --extra cli --extra study 'maturin>=1.16,<2'
	@touch $@

$(VENV)/.develop: pyproject.toml $(VENV)/.build
	@$(UV) --group dev
	@touch $@

# What runs here is always the installed wheel, never the source tree.
$(VENV)/.wheel: $(SOURCES) $(VENV)/.build | toolchain
	@rm -f dist/*.whl
	@$(BIN)/maturin build --quiet --release --out dist
	@$(UV) --no-deps --reinstall dist/*.whl
	@touch $@

demo: $(VENV)/.wheel ## Attribute 1.67 million synthetic agents, study panels of them, write the report
	@$(BIN)/python -m aumann demo

test: test-rust test-python ## Run every test, Rust and Python, README included

test-rust: | toolchain
	cargo test --quiet --package aumann-core

test-python: $(VENV)/.wheel $(VENV)/.develop
	OMP_NUM_THREADS=1 $(BIN)/pytest --quiet -n auto tests/python
	$(BIN)/pytest --quiet --doctest-modules --pyargs aumann
	$(BIN)/pytest --quiet --doctest-glob='*.md' README.md docs

test-wheel: wheel $(VENV)/.develop ## Run the Python tests on wheel and sdist in empty environments
	$(BIN)/python scripts/test_wheel.py

faults: $(VENV)/.wheel $(VENV)/.develop ## Damage files, kill runs, fuzz readers: more of each than `make test` does
	AUMANN_FAULTS=$(or $(COUNT),400) $(BIN)/pytest --quiet -n auto tests/python/test_damaged_files.py tests/python/test_faulty_runs.py \
		tests/python/test_reader_fuzz.py

fuzz: $(VENV)/.wheel $(VENV)/.develop ## Call the verb on CASES random inputs of a SEED, beside its twins
	$(BIN)/python -W ignore tests/python/fuzz_verb.py --cases $(CASES) --seed $(SEED)

miri: ## Run the loops with unsafe code, and what stands on them, under Miri (nightly Rust)
	PROPTEST_CASES=8 MIRIFLAGS='-Zmiri-disable-isolation -Zmiri-ignore-leaks -Zmiri-tree-borrows' \
		cargo +nightly miri test --quiet --package aumann-core --lib -- buckets:: several_chunks both_ways_find

check: $(VENV)/.wheel $(VENV)/.develop ## Run formatters, linters, type checks and document checks
	cargo fmt --check
	cargo clippy --quiet --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --quiet --workspace --no-deps --document-private-items
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd $(VENV) && bin/stubtest aumann._core
	$(BIN)/python scripts/check_committed.py

wheel: $(VENV)/.wheel ## Build the abi3 wheel and the source distribution into dist/
	@rm -f dist/*.tar.gz
	@$(BIN)/maturin sdist --out dist
	@ls dist

bench: $(VENV)/.wheel $(VENV)/.develop ## Measure; prints one table of ratios
	cargo bench --quiet --package aumann-core
	$(BIN)/python benches/table.py

bench-study: $(VENV)/.wheel $(VENV)/.develop ## Measure the paper's whole grid of panels at full size
	$(BIN)/python benches/study.py

bench-pooled: $(VENV)/.wheel $(VENV)/.develop ## Measure a node of a pooled network beside a plain loop
	$(BIN)/python benches/pooled.py

bench-smoke: $(VENV)/.wheel $(VENV)/.develop
	cargo test --quiet --package aumann-core --benches
	$(BIN)/python benches/table.py --smoke
	$(BIN)/python benches/study.py --smoke
	$(BIN)/python benches/pooled.py --smoke
	@mkdir -p .asv
	cd benches/asv && export HOME=$(CURDIR)/.asv && ../../$(BIN)/asv machine --yes > /dev/null \
		&& ../../$(BIN)/asv run --quick --dry-run --python=same --bench 'time_(out|fresh|attribute|permutations).*(10000|Population|Games)'

clean: ## Remove everything that was built
	rm -rf target dist $(VENV) .asv .mypy_cache .ruff_cache .pytest_cache .hypothesis
