# What a contributor runs; `make` alone lists it. Needs GNU make, Python 3.11 or newer, Go and git.

.DEFAULT_GOAL := help
.PHONY: help venv binaries test test-fast check format demo bench lock changelog clean

PYTHON ?= python3
# Further arguments: make test ARGS="-k rotation"
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml
CACHES := .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

venv: $(READY) ## Create .venv with everything that is needed, at the locked versions

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Python 3.11 or newer is needed, which $(PYTHON) is not: name another one, as in make PYTHON=python3.12' >&2; \
	  exit 1; }
	@echo 'installing the locked requirements into .venv …'
	@$(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

binaries: venv ## Get the control plane of the tests; the first time builds it
	@cd tests && ../$(BIN)/python -m support.binaries

test: binaries ## Run all tests
	@$(BIN)/pytest $(ARGS)

test-fast: venv ## Run the tests that need no control plane
	@$(BIN)/pytest -m 'not cluster' $(ARGS)

check: venv ## Check format, rules, types, layers, lock, CRD and documents
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pytest --quiet tests/packaging

format: venv ## Format the code and mend what can be mended
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

demo: binaries ## See tokens kept fresh, in a minute or two; KEEP=1 stays up
	@KEEP='$(KEEP)' PYTHONPATH=tests $(BIN)/python -m demo

bench: binaries ## Measure the operator with many resources
	@PYTHONPATH=tests $(BIN)/python benchmarks $(ARGS)

lock: ## Lock the requirements again, with uv; ARGS=--upgrade for newer ones
	@$(COMPILE) --output-file requirements/run.txt $(ARGS)
	@$(COMPILE) --group dev --output-file requirements/dev.txt $(ARGS)

changelog: venv ## Show what the next release's changelog says
	@$(BIN)/towncrier build --draft --version next

clean: ## Remove what the other targets left in this folder
	@rm -rf .venv $(CACHES)
	@find operator tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
