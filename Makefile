PYTHON ?= python3
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
PINNED := .venv/pinned.stamp
READY := .venv/ready.stamp
PACKAGES := samentel node aggregator desk flows rehearsal
LINTED := $(PACKAGES) tests $(wildcard bench)
# Long tests of this tier that start no servers; the others have the machine to themselves.
SIDE_BY_SIDE = tests/simulation tests/explorer tests/pitfalls tests/system/test_plants.py
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# Where this is set, each of the processes that the tests start would compile the whole project again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test system soak check bench proto requirements clean help

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  %-13s %s\n' "$$name" "$$text"; done

demo: $(READY)  ## a whole federation on this machine, two releases
	$(BIN)/samentel demo

test: $(READY)  ## the tests that need Python alone
	@status=0; $(BIN)/python -m pytest -n 2 --dist loadfile -m "not system and not soak" || status=$$?; \
	echo "left out: system tests (clean environments, servers, browser): make system"; \
	echo "left out: soak tests (may take hours): make soak"; \
	exit $$status

system: $(READY)  ## the wheel in clean environments, and whatever needs more than Python
	@status=0; $(BIN)/python -m pytest -n 2 --dist worksteal -m "system and not soak" $(SIDE_BY_SIDE) || status=$$?; \
	$(BIN)/python -m pytest -m "system and not soak" $(SIDE_BY_SIDE:%=--ignore=%) || status=$$?; \
	exit $$status

soak: $(READY)  ## tests that may take hours: simulated rounds, and fuzzing (on Linux, Python below 3.14)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m soak

check: $(READY)  ## format, lint, types, import contracts, wire contract, stubs
	$(BIN)/ruff format --check $(LINTED)
	$(BIN)/ruff check $(LINTED)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf format -d --exit-code
	$(BIN)/python -m pytest -q tests/test_architecture.py -k stubs

bench: $(READY)  ## each benchmark prints one line of JSON
	@for bench in $(sort $(wildcard bench/*.py)); do $(BIN)/python -P "$$bench"; done  # -P: bench/node.py is not the package node

proto: $(READY)  ## regenerate the checked-in stubs of proto/ into samentel/wire/
	rm -f samentel/wire/*_pb2.py samentel/wire/*_pb2.pyi
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -Iproto \
	  --python_out=. --mypy_out=quiet:. proto/samentel/wire/*.proto

requirements:  ## recompile the pinned requirements from pyproject.toml (needs uv)
	$(COMPILE) pyproject.toml --all-extras -o requirements/all.txt
	$(COMPILE) pyproject.toml --extra aggregator --extra flows --extra publish -c requirements/all.txt -o requirements/national.txt
	$(COMPILE) pyproject.toml -c requirements/all.txt -o requirements/node.txt
	printf '%s\n' build editables hatchling | $(COMPILE) - -c requirements/all.txt -o requirements/build.txt

clean:  ## remove the environment, caches and build output
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find $(wildcard $(PACKAGES) tests bench) -name __pycache__ -type d -prune -exec rm -rf {} +

$(PINNED): requirements/all.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Samentel needs Python 3.11 or newer, and $(PYTHON) is not; try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/all.txt
	@touch $@

$(READY): $(PINNED) pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
