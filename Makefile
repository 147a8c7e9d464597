# Every target sets up what it needs: Python 3.11 to 3.13 and make are enough. One line a recipe; `make` lists them.

PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell $(name) -c 'import sys; (3,11) <= sys.version_info[:2] < (3,14) and print("$(name)")' 2>/dev/null)))
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"
# Where it is set, every process compiles every module anew: a service starts in four seconds instead of two.
unexport PYTHONDONTWRITEBYTECODE
# A stamp carries the digest of what it stands for, so a second call costs nothing and a changed lock file costs one install.
digest = $(shell cat $(1) pyproject.toml | cksum | cut -d' ' -f1)
DEMO_READY := .venv/ready-demo-$(call digest,requirements/embedded.txt)
TEST_READY := .venv/ready-test-$(call digest,requirements/embedded.txt requirements/test.txt)
AUDIT_READY := .venv/ready-audit-$(call digest,requirements/audit.txt)
# Folders with a package-lock.json of their own.
NODE_FOLDERS := partners/examples/node tests/catalogue tests/people/axe
# Debian's browser, in which the tests open every page.
CHROMIUM := /usr/bin/chromium
NODE_READY := $(foreach folder,$(NODE_FOLDERS),$(folder)/node_modules/.ready-$(call digest,$(folder)/package-lock.json))

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench figures generate catalogue lock audit clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DEMO_READY) ## the whole platform with four partners, on fictional cases; ends by itself
	@$(BIN)/siraba demo

test: $(TEST_READY) $(NODE_READY) $(CHROMIUM) ## every test in its short form, within each issue's share of time
	@$(BIN)/python -m pytest $(ARGS)

check: $(TEST_READY) ## format, lint, types, import walls, house rules, generated files, no break with a release
	@$(BIN)/python -m pytest -q tests/house/test_rules.py && $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports && $(BIN)/python -m contracts.generate --check && $(BIN)/python -m contracts.gate

format: $(TEST_READY) ## write what `make check` would ask for
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: $(TEST_READY) ## speeds on this machine, and the ratios we gate
	@$(BIN)/python -m tests.bench $(ARGS)

figures: $(TEST_READY) $(NODE_READY) $(CHROMIUM) ## the long form of every promised figure, then docs/figures.md (ISSUE=road for one issue)
	@$(BIN)/python -m tests.figures $(if $(ISSUE),--issue $(ISSUE))

generate: $(TEST_READY) ## write the JSON Schemas and the AsyncAPI documents from the contracts
	@$(BIN)/python -m contracts.generate

catalogue: $(DEMO_READY) ## the reference of all messages, codes and APIs, as pages in build/catalogue
	@$(BIN)/siraba catalogue --out build/catalogue

lock: $(TEST_READY) ## resolve pyproject.toml into requirements/*.txt (ARGS=--upgrade for newer releases)
	@$(COMPILE) $(ARGS) --all-extras --group build -o requirements/test.txt pyproject.toml
	@$(COMPILE) -c requirements/test.txt --extra embedded --group build -o requirements/embedded.txt pyproject.toml
	@$(COMPILE) -c requirements/test.txt -o requirements/runtime.txt pyproject.toml
	@$(COMPILE) -c requirements/test.txt --group image -o requirements/image.txt
	@$(COMPILE) -c requirements/test.txt --group audit -o requirements/audit.txt

audit: $(AUDIT_READY) ## ask for known holes in what is locked; needs a line to the outside
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements/embedded.txt

clean: ## forget the environment, build products and every embedded state
	@rm -rf .venv .siraba build dist $(NODE_FOLDERS:%=%/node_modules) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Siraba needs Python 3.11, 3.12 or 3.13 as python3 on PATH (or: make PYTHON=/path/to/python3)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv .venv

$(DEMO_READY): | .venv/bin/python
	@echo "Installing what the demo needs (hashes checked)"; $(PIP) --require-hashes -r requirements/embedded.txt
	@$(PIP) --no-build-isolation -e .
	@echo "Writing the reference"; $(BIN)/siraba catalogue --out build/catalogue && rm -f .venv/ready-demo-* && touch $@

$(TEST_READY): $(DEMO_READY) | .venv/bin/python
	@echo "Installing what the tests need (hashes checked)"; $(PIP) --require-hashes -r requirements/test.txt && rm -f .venv/ready-test-* && touch $@

$(AUDIT_READY): $(DEMO_READY) | .venv/bin/python
	@echo "Installing what the audit needs (hashes checked)"; $(PIP) --require-hashes -r requirements/audit.txt && rm -f .venv/ready-audit-* && touch $@

$(NODE_READY):
	@command -v npm >/dev/null || deploy/system-packages nodejs npm
	@echo "Installing what $(firstword $(subst /node_modules, ,$@)) needs (hashes checked)"; cd $(firstword $(subst /node_modules, ,$@)) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch $(abspath $@)

$(CHROMIUM):
	@deploy/system-packages chromium
