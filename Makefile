# Every target uses .venv, which is made from constraints.txt and made again when that file or pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
ARGS ?=
PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help install run test faults bench bench-quick lint format

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

install: $(VENV)/.dev  ## Make .venv with everything that developing and testing need

run: $(VENV)/.runtime  ## Run all of Sluice in one process: make run ARGS="--port 9000"
	$(BIN)/sluice up $(ARGS)

test: $(VENV)/.dev  ## Run every test, two files at a time: make test ARGS="tests/unit -k ids"
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile $(ARGS)

faults: $(VENV)/.dev  ## Break everything under load and count what was lost: make faults ARGS="--only writer --scale 5"
	$(BIN)/python -m tests.faults $(ARGS)

bench: $(VENV)/.dev  ## Measure it beside what the machine can do, in 15 minutes: make bench ARGS="--only writer"
	$(BIN)/python -m tests.bench $(ARGS)

bench-quick: $(VENV)/.dev  ## The same in 3 minutes, with fewer rounds and smaller stores
	$(BIN)/python -m tests.bench --quick $(ARGS)

lint: $(VENV)/.dev  ## Check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev  ## Format, and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sluice needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $(VENV)/.runtime $@
