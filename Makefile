PYTHON ?= python3
BIN := .venv/bin
# DVC calls `python -m ilkit`: the environment's own Python must come first.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Every process that a test or a stage starts would compile ilkit's source again.
unexport PYTHONDONTWRITEBYTECODE

# A kill can leave DVC's lock empty, and DVC then fails to read it.
UNLOCK := find .dvc/tmp -name rwlock -empty -delete 2>/dev/null || true

.PHONY: help setup repro explore test lint style types pytest docs clean

help:  ## List the targets.
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST)

setup: $(BIN)/.installed  ## Make .venv and install ilkit and its plug-ins with pinned versions.

$(BIN)/.installed: pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ilkit needs Python 3.11 or later, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]' $(patsubst %/,-e %,$(dir $(wildcard plugins/*/pyproject.toml)))
	@touch $@

repro: setup  ## Run the main pipeline and print its result.
	@$(UNLOCK)
	$(BIN)/dvc repro
	@echo && cat artifacts/evaluate/summary.txt && echo && echo "Report: artifacts/evaluate/report.html"

explore: setup  ## Run the second pipeline: does exploring where the clones disagree help?
	@$(UNLOCK)
	$(BIN)/dvc repro pipelines/exploration/dvc.yaml
	@echo && cat pipelines/exploration/artifacts/evaluate/summary.txt && echo && echo "Report: pipelines/exploration/artifacts/evaluate/report.html"

lint: style types  ## Check the style and the types.

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

pytest: setup
	NPROC=1 $(BIN)/python -m pytest -n 2

test: style  ## Check the style, the types and the pipelines, and run the tests.
	$(BIN)/ilkit compile --check
	$(MAKE) --jobs=2 types pytest

clean:  ## Remove the environment and what stages left beside their outputs.
	rm -rf .venv .ilkit
