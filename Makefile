# make demo | test | check | e2e | bench | lock        Everything lives in .venv; nothing outside this folder is touched.

# The first Python of this machine that the desk supports (3.11 to 3.13); PYTHON=… names another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# More than one core: share the tests out; whoever is done first takes over from the others.
WORKERS ?= auto
ARGS ?=

.PHONY: help demo test check lint coverage e2e screenshot bench lock clean

help:
	@echo "make demo    fill a throw-away database with sample data and open the playground"
	@echo "make test    the test suite, on SQLite and a real PostgreSQL"
	@echo "make check   lint, types, import contract, tests with coverage"
	@echo "make e2e     the playground in a real browser (chromium)"
	@echo "make bench   speed, each figure against a floor taken in the same run"
	@echo "make lock    write requirements*.lock anew"

demo: $(VENV)/installed
	@$(BIN)/earnings-desk demo $(ARGS)

test: $(VENV)/installed-dev
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: lint coverage

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Branches of core/ alone, too: the common figure mixes them with lines.
coverage: $(VENV)/installed-dev
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --cov=core --cov-report= $(ARGS)
	$(BIN)/coverage report --include='core/*' --skip-covered --fail-under=95
	@$(BIN)/coverage json --quiet --include='core/*' -o .coverage.json
	@$(BIN)/python -c 'import json, sys; t = json.load(open(".coverage.json"))["totals"]; \
	p = 100 * t["covered_branches"] / t["num_branches"]; print(f"core/: {p:.1f} % of branches covered (needed: 95 %)"); sys.exit(p < 95)'

e2e: $(VENV)/installed-dev
	$(BIN)/pytest -m e2e tests/e2e $(ARGS)

# The README's picture of the playground.
screenshot: $(VENV)/installed-dev
	$(BIN)/python -m tests.e2e.screenshot

bench: $(VENV)/installed-dev
	$(BIN)/earnings-desk bench $(ARGS)

lock:
	$(PYTHON) .ci/lock.py

clean:
	rm -rf $(VENV) .coverage .coverage.json .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; name one with PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Could not make $(VENV); on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# The stamps say which lock a virtual environment was filled from; a newer lock fills it again.
$(VENV)/installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV); once, and it takes half a minute …"
	@$(PIP) install --quiet --no-deps --no-compile -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need into $(VENV); once, and it takes a minute …"
	@$(PIP) install --quiet --no-deps --no-compile -r requirements-dev.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $(VENV)/installed $@
