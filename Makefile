# The two commands of the README are `make run` and `make test`; `make help` lists the rest.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PAGE   := goip/static/index.html

.DEFAULT_GOAL := help
.PHONY: help install page run demo test test-fast fuzz nightly lint fmt schema types bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(READY) $(PAGE) ## Make .venv, install everything, build the page

$(READY): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "goip needs Python 3.11 or newer; set PYTHON=python3.11 or so"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json | $(READY)
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm install --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGE): web/node_modules/.package-lock.json $(wildcard web/*.ts web/*.json web/*.html) $(shell find web/src web/public -type f 2>/dev/null)
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build
	@touch $@

page: $(PAGE) ## Build the page

run: install ## Install, build, migrate and serve
	$(BIN)/goip serve

demo: install ## Serve with a simulated fleet, on a database of its own
	$(BIN)/python -m tests.demo

test: install ## Run everything, and say loudly what had to be left out
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.everything

test-fast: $(READY) ## Run the Python tests that need neither a browser nor minutes
	$(BIN)/python -m pytest -q -m "not browser and not crash and not fuzz"

fuzz: $(READY) ## Fuzz every decoder for SECONDS=600, guided by coverage; DECODER=dbl that one, INPUT=path that input again
	$(BIN)/python -m tests.guided --seconds $(or $(SECONDS),600) --decoder '$(DECODER)' $(if $(INPUT),--input '$(INPUT)')

nightly: install ## Break 10,000 connections of the stream at random moments
	PATH="$(CURDIR)/$(BIN):$$PATH" GOIP_TEST_DROPS=10000 $(BIN)/python -m pytest -s tests/streams/test_random_drops.py

lint: install ## Lint Python and the page, and check formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent lint

fmt: $(READY) ## Format Python
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

schema: install ## Write the page's types from the server's own OpenAPI document
	$(BIN)/python -m goip.api.openapi > web/node_modules/.openapi.json
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent schema

types: install ## Check types of Python and the page, and that the page's are those of the server
	$(BIN)/mypy
	$(BIN)/python -m goip.api.openapi > web/node_modules/.openapi.json
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent schema -- --check
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent typecheck

bench: install ## Print ratios measured side by side in one run
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.bench

clean: ## Remove what was built and installed (not data/)
	rm -rf $(VENV) web/node_modules goip/static build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .fuzz
