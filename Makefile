# One entry for everything; `make` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROGRAMME ?= baoding-2017
UNTIL ?= 2017-09-29
SEED ?= 1
ROUNDS ?= 50
TEST_PROCESSES ?= 2
BROKERS ?= 1
LOCAL ?= $(CURDIR)/var-local
export BIZENV_DATA ?= $(CURDIR)/var
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-unit lint fmt contracts bench storm rules requirements clean env dev browser servers up-local down-local

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: $(VENV)/.runtime ## Serve the city in $BIZENV_DATA (./var); a fresh folder gets a rehearsal first
	@$(BIN)/bizenv rehearse --if-missing --programme $(PROGRAMME) --until $(UNTIL) --seed $(SEED)
	@exec $(BIN)/bizenv serve

up-local: $(VENV)/.runtime ## The same in several processes, on PostgreSQL and Kafka in $LOCAL (REPLICAS=project_tracking=2 PORTS=free)
	@$(BIN)/python -m deploy.local check --folder $(LOCAL)
	@PYTHON=$(PYTHON) deploy/install_servers.sh
	@$(BIN)/python -m deploy.local up --folder $(LOCAL) --replicas "$(REPLICAS)" --ports "$(PORTS)" --programme $(PROGRAMME) --until $(UNTIL) --seed $(SEED)

down-local: $(VENV)/.runtime ## End what up-local started, never anything else; data stay (SERVICE=project_tracking SERVICES_ONLY=1: not the servers)
	@$(BIN)/python -m deploy.local down --folder $(LOCAL) --services "$(or $(SERVICE),$(if $(SERVICES_ONLY),all))"

test: $(VENV)/.dev browser servers ## Run everything: unit, contract, integration, faults, end to end in a real browser
	$(BIN)/pytest tests -n $(TEST_PROCESSES) --dist loadfile

test-unit: $(VENV)/.dev ## Run the pure tests, in half a minute
	$(BIN)/pytest tests/unit -x -n $(TEST_PROCESSES) --dist loadfile

lint: $(VENV)/.dev ## Check style, types, architecture and contracts; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m services.chassis.contracts check
	$(BIN)/buf lint proto
	$(BIN)/buf breaking proto --against proto/released

fmt: $(VENV)/.dev ## Format the code and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

contracts: $(VENV)/.dev ## Write protos, schemas, AsyncAPI and OpenAPI anew from the code
	$(BIN)/python -m services.chassis.contracts write

bench: $(VENV)/.dev ## Measure speed against peers and limits, also on PostgreSQL and Kafka; writes build/bench.json (LEGS=…)
	$(BIN)/python -m tests.bench --legs "$(LEGS)"

storm: $(VENV)/.dev ## Faults at random under load, then check that nothing is lost (SEED=… ROUNDS=…; real servers: MINUTES=… BROKERS=3)
	$(if $(MINUTES),PYTHON=$(PYTHON) deploy/install_servers.sh && $(BIN)/python -m tests.faults.distributed.storm --seed $(SEED) --minutes $(MINUTES) --brokers $(BROKERS),$(BIN)/python -m tests.faults.storm --seed $(SEED) --rounds $(ROUNDS))

rules: ## Check Prometheus' alert rules and try them, by promtool of Debian's package (unpacked, not installed)
	@deploy/install_promtool.sh
	@PATH="$$PATH:$(CURDIR)/build"; cd deploy/prometheus && promtool check config prometheus.yml && promtool test rules rules_test.yml

requirements: $(VENV)/.dev ## Write the hashed requirements anew from requirements/*.in
	$(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header requirements/runtime.in -o requirements/runtime.txt
	$(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header requirements/dev.in -o requirements/dev.txt

clean: ## Remove the environment and what was built, never your data in var/ and var-local/
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

env: $(VENV)/.runtime ## Make the environment that the city runs in
dev: $(VENV)/.dev ## Make the environment for work on the code

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml deploy/setup_env.py
	@$(PYTHON) deploy/setup_env.py $(VENV) requirements/runtime.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@$(PYTHON) deploy/setup_env.py $(VENV) requirements/dev.txt
	@touch $@

browser: ## Install Debian's Chromium and Chinese fonts, for the end-to-end tests
	@deploy/install_browser.sh

servers: ## Install Debian's PostgreSQL, Java and Maven where missing, and fetch Kafka by Maven
	@PYTHON=$(PYTHON) deploy/install_servers.sh
