# One entry for everything. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export BIZENV_DATA ?= $(CURDIR)/var
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-unit lint fmt contracts bench storm requirements clean env dev browser

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# --- environments -----------------------------------------------------------------------------------------------

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON) deploy/setup_env.py $(VENV) requirements/runtime.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@$(PYTHON) deploy/setup_env.py $(VENV) requirements/dev.txt
	@touch $@

env: $(VENV)/.runtime
dev: $(VENV)/.dev

requirements: dev ## Write the hashed requirements anew from requirements/*.in
	$(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header requirements/runtime.in -o requirements/runtime.txt
	$(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header requirements/dev.in -o requirements/dev.txt

clean: ## Remove the environment and what was built (never your data in var/)
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
