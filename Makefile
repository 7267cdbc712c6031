# The two commands:   make demo   plays the project's main job on this machine
#                     make test   checks everything
# Both set themselves up first, in .venv, from requirements/*.txt with hashes. `make help` lists the rest.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-test clients demo test lint types contracts tests coverage format docs bench soak lock wheels clean

VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet
# A locked file names everything there is, so nothing is left to be resolved; older pips resolve an extra anew and then
# stumble over a release that came out after the lock.
LOCKED := $(PIP) --no-deps --require-hashes

# The first interpreter that is new enough and can make a virtual environment; PYTHON=… overrides the search.
CAN := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	if "$$each" -c '$(CAN)' >/dev/null 2>&1; then echo "$$each"; break; fi; done)

help:
	@echo 'make demo    set up, then play 2016: a portal changes its CA, a firewall loses it, and gets it back'
	@echo 'make test    set up, then lint, types, import contracts, tests, executable documentation'
	@echo
	@echo 'make setup   only set up the program, in .venv'
	@echo 'make format  let ruff rewrite what it can'
	@echo 'make coverage  the tests again, counting which lines they reach'
	@echo 'make docs    write the generated parts of the documentation again'
	@echo 'make bench   compare our times and memory with a reference run beside them'
	@echo 'make soak    the laws on many more worlds, and what runs for minutes'
	@echo 'make lock    resolve the dependencies again (UPGRADE=--upgrade for newer ones)'
	@echo 'make wheels  a folder of wheels, dist/wheels, to install from without a network'
	@echo 'make clean   remove what the above made'

# ---------------------------------------------------------------------------------------------- set up

setup: $(VENV)/.runtime
setup-test: $(VENV)/.test

$(VENV)/.made:
	@test -n "$(PYTHON)" || { \
		echo 'error: no Python 3.11 or newer that can make a virtual environment was found'; \
		echo 'hint: install Python 3.11 (on Debian also its package python3-venv), or say PYTHON=/path/to/python'; \
		exit 3; } >&2
	@echo '== setting up: $(VENV)'
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements/runtime.txt requirements/build.txt pyproject.toml
	@echo '== setting up: what anchorwatch runs on'
	@$(LOCKED) -r requirements/runtime.txt -r requirements/build.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime requirements/test.txt
	@echo '== setting up: what it is tested with'
	@$(LOCKED) -r requirements/test.txt
	@touch $@

# Clients that must be able to drive the lab's devices, each set in an environment of its own.
CLIENTS := .clients/classic/.made .clients/rewritten/.made
clients: $(CLIENTS)

.clients/%/.made: requirements/clients-%.txt $(VENV)/.made
	@echo '== setting up: clients for the lab, $*'
	@$(PY) -m venv --clear .clients/$*
	@.clients/$*/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r $<
	@touch $@

# ------------------------------------------------------------------------------------ the two commands

demo: setup
	@$(BIN)/anchorwatch demo

# In the order of how soon each can fail; the last line is pytest's.
test: setup-test
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory contracts
	@$(MAKE) --no-print-directory tests

lint: setup-test
	@echo '== lint'
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup-test
	@echo '== types'
	@$(BIN)/mypy

contracts: setup-test
	@echo '== import contracts'
	@$(BIN)/lint-imports --no-logo

# TESTS=tests/pki and ARGS='-k name' narrow a run.
# Two workers a core: much of what is tested waits for a socket.
TESTS ?= tests
WORKERS := $(shell $(PYTHON) -c 'import os; print(min(8, 2 * (os.cpu_count() or 1)))')
ARGS ?= -n $(WORKERS) --dist worksteal
tests: setup-test clients
	@echo '== tests and executable documentation'
	@$(PY) -m pytest -q $(ARGS) $(TESTS)

# ------------------------------------------------------------------------------------------ the others

coverage: setup-test clients
	@$(PY) -m pytest -q $(ARGS) --cov --cov-report=term $(TESTS)

format: setup-test
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: setup-test
	@$(PY) tools/write_docs.py

bench: setup-test
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(PY) $$script; done

soak: setup-test
	@echo '== soak: the laws on 5,000 worlds each'
	@ANCHORWATCH_LAWS=soak $(PY) -m pytest -q -n auto --maxprocesses 8 --dist worksteal -m 'soak or hypothesis' $(TESTS)

# One resolution for Linux, macOS and Windows, for every supported Python. test.txt first, so that what is
# tested and what is shipped are the same versions. The files name no index: pip uses the one it is set up with.
UPGRADE ?=
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links --annotation-style line $(UPGRADE)
lock: setup
	@$(LOCKED) -r requirements/lock.txt
	$(COMPILE) pyproject.toml --group test -o requirements/test.txt
	$(COMPILE) pyproject.toml -c requirements/test.txt -o requirements/runtime.txt
	$(COMPILE) --group build -c requirements/test.txt -o requirements/build.txt
	$(COMPILE) --group lock -o requirements/lock.txt
	$(COMPILE) --group clients-classic -o requirements/clients-classic.txt
	$(COMPILE) --group clients-rewritten -o requirements/clients-rewritten.txt

wheels: setup
	@echo '== a folder of wheels: dist/wheels'
	@rm -rf dist/wheels
	@$(PY) -m pip --disable-pip-version-check wheel --quiet --no-deps --require-hashes -r requirements/runtime.txt -w dist/wheels
	@$(PY) -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation -w dist/wheels .
	@cp requirements/runtime.txt dist/wheels/
	@echo 'on a machine without a network:'
	@echo '    pip install --no-index --find-links wheels anchorwatch'
	@echo '    pipx install --pip-args="--no-index --find-links=$$PWD/wheels" anchorwatch'

clean:
	@rm -rf $(VENV) .engines .clients dist build .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
