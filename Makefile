# Everything a developer and CI do. Each target is enough by itself on a fresh machine with Python 3.11+, git and make.
#   make setup      the environment in .venv (quick when nothing changed)
#   make demo       two sandboxed vendors and the daemon between them
#   make test       everything CI runs: all tests, layers, lint, types, docs
#   make test-long  the same, with the long tests
#   make check      layers, lint, types, docs; no tests; each of these is a target too
#   make matching   how well people are matched, measured on two invented address books of 5,000
#   make bench      syncd beside what a user would otherwise run, 15 goals; hours with a million links
#   make bench-quick  the same in small worlds, in two minutes
#   make mutants    the engine with one rule taken out at a time, and the test that notices each
#   make screenshots  a picture of every page of the console, in docs/console
#   make docs       the documentation as a site in site/
#   make reference  docs/reference/cli.md, written anew from the commands' own help
#   make lock       requirements/ and NOTICE written anew (UPGRADE=--upgrade for newer versions)
PYTEST = .venv/bin/python -m pytest
STAMP = .venv/.setup-done
COVERING = $(filter-out %/test_plan_laws.py,$(wildcard tests/core/test_*.py))

# The tests start a few hundred processes: each of them reads what was compiled once.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long core-and-check check layers lint types docs reference lock browser postgres systemd peers core-tests other-tests matching mutants bench bench-quick screenshots newcomer

help:
	@sed -n 's/^#   //p' Makefile

setup: $(STAMP)

$(STAMP): requirements/dev.txt requirements/uv.txt pyproject.toml tools/setup
	@PYTHON="$(PYTHON)" tools/setup
	@touch $@

demo: setup
	@.venv/bin/syncd demo

# The pure core must be covered in every branch, by its own tests. To be watched makes them twice as slow: the laws of
# planning, which cover nothing that the others do not, are played with the rest.
core-tests: setup
	$(PYTEST) -n 2 $(COVERING) --cov=syncd/core --cov-branch --cov-report=term-missing --cov-fail-under=100

other-tests: setup browser postgres systemd
	$(PYTEST) -n 6 --dist worksteal $(addprefix --ignore=,$(COVERING))

# Many of the other tests wait, or are the last of their process: the rest is done meanwhile.
test: setup browser postgres systemd
	@$(MAKE) --no-print-directory -j 2 other-tests core-and-check

core-and-check: setup
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory core-tests

test-long: export SYNCD_LONG = 1
test-long: export PYTEST_TIMEOUT = 1800
test-long: newcomer test

check: layers lint types docs

layers: setup
	.venv/bin/lint-imports

lint: setup
	.venv/bin/ruff check

types: setup
	.venv/bin/mypy

matching: setup
	@.venv/bin/python -m syncd.lab.matching

bench: setup postgres peers
	@.venv/bin/python -m tests.bench

bench-quick: setup postgres peers
	@.venv/bin/python -m tests.bench --quick

# A line per mutant: what was taken out, <-, the test that fails for it.
mutants: setup
	$(PYTEST) -v -p no:cacheprovider tests/engine/test_mutants.py

screenshots: setup browser
	SYNCD_SCREENSHOTS=docs/console $(PYTEST) -q -n 0 tests/console/test_screenshots.py

docs: setup
	.venv/bin/mkdocs build --strict --quiet

reference: setup
	.venv/bin/python tools/reference.py

browser:
	@tools/browser

postgres:
	@tools/postgres

systemd:
	@tools/systemd

# Debian's debootstrap: the newcomer's drill begins on a bare system.
newcomer:
	@tools/newcomer

peers: setup
	@tools/peers

lock: setup
	@tools/lock
	@.venv/bin/python tools/notice.py
