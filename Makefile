# What a contributor runs; `make` alone lists it. Needs GNU make, Python 3.11 or newer and Go; tests need git, curl and OpenSSL.

.DEFAULT_GOAL := help
.PHONY: help venv binaries tools test test-fast test-oldest test-node test-servers check format demo bench fuzz image publish version \
  chart lock changelog clean

PYTHON ?= python3
# Further arguments: make test ARGS="-k rotation"
ARGS ?=

# Where image and chart go, and for which processors the image is, as in linux/amd64,linux/arm64; else for this machine's.
IMAGE ?= ghcr.io/tokensync/tokensync
CHARTS ?= ghcr.io/tokensync/charts
PLATFORMS ?=
# How long each parser is fuzzed.
SECONDS ?= 60

BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml
PROVIDE := cd tests && ../$(BIN)/python -m support.binaries
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' operator/tokensync/__init__.py)
# What depends on the version of Kubernetes: CRD, watches, rights, garbage collection, the chart and its policies, tokens of
# ServiceAccounts, what a Secret of some type must hold.
OLDEST := kubernetes_version crd crd_kubectl crd_provider crd_credential crd_target crd_upgrade \
  rotation triggers rights restart claims deletion drift chart policies author_policy \
  client_secret service_account shapes
FUZZ := build/fuzz
FUZZERS := $(patsubst fuzz/fuzz_%.py,%,$(wildcard fuzz/fuzz_*.py))
CACHES := .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' Makefile

venv: $(READY) ## Create .venv with all that is needed, at the locked versions

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
	@$(PROVIDE)

tools: venv ## Get the other programs that tests run; the first time builds them
	@$(PROVIDE) helm promtool actionlint kstatus

test: binaries tools ## Run all tests that need no node
	@$(BIN)/pytest $(ARGS)

test-fast: venv ## Run the tests that need no control plane
	@$(BIN)/pytest -m 'not cluster' $(ARGS)

test-oldest: venv ## Run tests on the oldest Kubernetes that is supported
	@TEST_KUBERNETES=oldest KUBEBUILDER_ASSETS= $(BIN)/pytest $(OLDEST:%=tests/cluster/%_test.py) $(ARGS)

test-node: venv ## Run the tests on a node: KUBECONFIG's, or our own as root
	@$(BIN)/pytest tests/node -m node $(ARGS)

test-servers: venv ## Run the tests with servers that check passwords
	@$(BIN)/pytest tests/servers $(ARGS)

check: tools ## Check format, rules, types, layers, locks, chart and documents
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

fuzz: $(FUZZ)/.ready ## Fuzz what reads untrusted bytes, each for SECONDS
	@cd $(FUZZ) && for name in $(FUZZERS); do \
	  PYTHONPATH=../../operator venv/bin/python ../../fuzz/campaign.py $$name -max_total_time=$(SECONDS) $(ARGS) || exit 1; done

$(FUZZ)/.ready: requirements/run.txt fuzz/requirements.txt
	@$(PYTHON) -m venv $(FUZZ)/venv
	@$(FUZZ)/venv/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes \
	  --requirement requirements/run.txt --requirement fuzz/requirements.txt
	@touch $@

image: ## Build the image, with buildah
	@buildah build --timestamp "$$(git log -1 --format=%ct)" --build-arg CREATED="$$(git log -1 --format=%cI)" \
	  --build-arg REVISION="$$(git rev-parse HEAD)" --build-arg VERSION='$(VERSION)' \
	  $(if $(PLATFORMS),--platform '$(PLATFORMS)' --manifest,--tag) '$(IMAGE):$(VERSION)' .

publish: image tools ## Push image (of PLATFORMS) and chart; digests in dist/
	@mkdir -p dist
	@buildah manifest push --all --digestfile dist/image.digest '$(IMAGE):$(VERSION)' 'docker://$(IMAGE):$(VERSION)'
	@helm=$$($(PROVIDE) helm | cut -f2) && \
	  $$helm package charts/tokensync --destination dist && \
	  $$helm push 'dist/tokensync-$(VERSION).tgz' 'oci://$(CHARTS)' >dist/chart.log 2>&1; \
	  status=$$?; cat dist/chart.log; sed -n 's/^Digest: //p' dist/chart.log >dist/chart.digest; exit $$status

version: ## Say the version of this checkout
	@echo '$(VERSION)'

chart: tools ## Write the chart's README and its snapshots anew
	@cd tests && ../$(BIN)/python -m support.chart_readme && ../$(BIN)/python -m support.chart_snapshots

lock: ## Lock the requirements anew, with uv; ARGS=--upgrade for newer ones
	@$(COMPILE) --output-file requirements/run.txt $(ARGS)
	@$(COMPILE) --group dev --output-file requirements/dev.txt $(ARGS)
	@sed -n 's/^requires = \["\(.*\)"\]$$/\1/p' pyproject.toml \
	  | $(COMPILE:pyproject.toml=-) --constraint requirements/dev.txt --output-file requirements/build.txt

changelog: venv ## Show what the next release's changelog says
	@$(BIN)/towncrier build --draft --version next

clean: ## Remove what the other targets left in this folder
	@rm -rf .venv $(CACHES)
	@find operator tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
