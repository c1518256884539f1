# Two commands are all one needs: `make check` and `make test`. Both set up .venv by themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the interop tests drive; they skip, and say so, where a tool is missing and cannot be installed.
CLIENTS := curl swaks libnet-ssleay-perl isync
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
# Seconds for each target of `make fuzz`.
FUZZ_SECONDS ?= 60
# Processes that test; for half of their time they wait for servers, so that four keep two cores busy.
JOBS ?= 4
.PHONY: help check test proof kill bench bench-load fuzz lint format clients clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/installed-for-bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

check: $(VENV)/installed ## judge the embedded reference server; report in mailspec-report/
	$(BIN)/mailspec check --profile quick

test: $(VENV)/installed-for-tests clients ## all tests, the proof of the checks and the interop tests among them
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests

proof: $(VENV)/installed-for-tests ## the whole proof: every check against every fault and variant (half an hour)
	MAILSPEC_PROOF=whole $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/proof

$(VENV)/installed-for-fuzz: $(VENV)/installed-for-tests
	$(BIN)/python -m pip install --quiet --only-binary atheris --editable '.[fuzz]' \
	  || { echo "atheris has no wheel for $$($(BIN)/python --version): the fuzz tests of 'make test' run without it"; exit 1; }
	touch $@

fuzz: $(VENV)/installed-for-fuzz ## coverage-guided fuzzing of every core, FUZZ_SECONDS each; keeps its corpus in .fuzz/
	$(BIN)/python -m tests.fuzz.guided --seconds $(FUZZ_SECONDS)

bench: $(VENV)/installed-for-bench ## the reference server's speed and size beside its peers; writes docs/benchmarks.md
	$(BIN)/python -m tests.bench --write-docs

bench-load: $(VENV)/installed-for-bench ## the load generator's speed beside its peers; writes docs/benchmarks-load.md
	$(BIN)/python -m tests.bench.load --write-docs

kill: $(VENV)/installed-for-tests ## kill the reference server 300 times and account for every acknowledgement
	MAILSPEC_KILL_ROUNDS=300 $(BIN)/python -m pytest -s tests/reference_server/test_kill.py

lint: $(VENV)/installed-for-tests ## the static gates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-for-tests ## write the code as the gates want it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clients: ## Debian's mail clients, where they are missing and this is Debian and root
	@missing=; for tool in curl swaks mbsync; do command -v $$tool >/dev/null || missing=yes; done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { apt-get -qq update && apt-get -qq -y --no-install-recommends install $(CLIENTS); } >/dev/null 2>&1 \
	  || echo "note: $(CLIENTS) could not be installed; the tests that drive them will skip"; \
	fi

clean: ## remove what the targets above made
	rm -rf $(VENV) .fuzz mailspec-report .mypy_cache .ruff_cache .import_linter_cache
