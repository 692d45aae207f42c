.DEFAULT_GOAL := help
# make test JOBS=2: the tests in so many processes
SHARED = $(if $(JOBS),--numprocesses $(JOBS) --dist loadscope --no-loadscope-reorder --basetemp $(shell mktemp -d))
.PHONY: help demo up down test test-fast lint audit bench bench-rooms bench-pages replay disclosure-report bench-differencing redteam compose chaos pictures images lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## set up, then a system with public data, people and a guided tour
	@scripts/setup.sh
	@.venv/bin/sandbox demo

up: ## set up, then start the system
	@scripts/setup.sh
	@.venv/bin/sandbox up

down: ## stop the system
	@.venv/bin/sandbox down

test: ## set up, then every check and every test, with real containers, PostgreSQL, Spark and a browser
	@scripts/setup.sh
	@scripts/setup_tests.sh
	@scripts/lint.sh
	@.venv/bin/python -m pytest $(SHARED) --durations 30

test-fast: ## checks and tests that need no container
	@scripts/setup_venv.sh
	@scripts/lint.sh
	@.venv/bin/python -m pytest tests --ignore tests/e2e --ignore tests/privacy/engines --quiet $(SHARED)

lint: ## style and types
	@scripts/setup_venv.sh
	@scripts/lint.sh

audit: ## the privacy claims, measured for long (minutes); the report is kept in .sandbox/audit.md
	@scripts/setup_venv.sh
	@SANDBOX_AUDIT=long .venv/bin/python -m pytest tests/privacy/audit --quiet

bench: ## time, memory, error and answers for a budget, beside plain DuckDB and other libraries (make bench ROWS=10000000)
	@scripts/setup_venv.sh
	@benchmarks/peers/setup.sh
	@.venv/bin/python -m benchmarks $(if $(ROWS),--rows $(ROWS))

bench-pages: ## server time and size of every page with 10,000 datasets, 100,000 releases and a log of a million (tens of minutes)
	@scripts/setup_venv.sh
	@.venv/bin/python -m benchmarks.pages

bench-rooms: ## seconds to a notebook's first result, its memory, twenty at once, gVisor's slowdown (minutes)
	@scripts/setup.sh
	@.venv/bin/python -m benchmarks.rooms

replay: ## a recorded project of 400 questions from one budget: how many answers are near enough (tens of minutes)
	@scripts/setup_venv.sh
	@.venv/bin/python -m benchmarks.replay

disclosure-report: ## what the output checks find and miss on a corpus with the truth, beside ACRO in the same run
	@scripts/setup_venv.sh
	@benchmarks/peers/setup_acro.sh
	@.venv/bin/python -m benchmarks.disclosure

bench-differencing: ## seconds to hold a request against 10,000 earlier releases (make bench-differencing RELEASES=1000)
	@scripts/setup_venv.sh
	@.venv/bin/python -m benchmarks.differencing $(RELEASES)

redteam: ## set up, then attack it: every attack in every mode and runtime, each with its control (minutes)
	@scripts/setup.sh
	@.venv/bin/sandbox doctor --attack --fresh

chaos: ## set up, then kill its processes, and a container engine of its own, at random under load for two minutes: nothing is lost, nothing is left
	@scripts/setup.sh
	@scripts/setup_tests.sh
	@SANDBOX_CHAOS_S=$${SANDBOX_CHAOS_S:-120} .venv/bin/python -m pytest --quiet tests/e2e/test_chaos.py tests/e2e/test_engine_killed.py tests/e2e/test_revoked.py

compose: ## set up the images and settings that docker-compose.yml needs
	@scripts/compose.sh

pictures: ## set up, then take the documentation's pictures anew, from a system that runs
	@scripts/setup.sh
	@scripts/setup_tests.sh
	@SANDBOX_PICTURES=docs/images .venv/bin/python -m pytest --quiet tests/e2e/test_documentation_pictures.py

images: ## build the images whose inputs changed, remove those that nothing uses any more
	@scripts/setup_venv.sh
	@scripts/setup_engine.sh
	@.venv/bin/python images/build.py --prune

lock: ## pin the dependencies anew (make lock UPGRADE=--upgrade for newer versions)
	@scripts/lock.sh $(UPGRADE)

clean: ## remove what set-up made in this folder, but no data (.sandbox stays)
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
