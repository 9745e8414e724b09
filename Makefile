# What people type: `make demo` to see it work, `make test` to check everything.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Each configuration has its own folder, so that switching between them rebuilds nothing.
SCRATCH := .build-release
TEST_SCRATCH := .build-test
DEBUG_SCRATCH := .build-debug
TEST_FLAGS := -c release -Xswiftc -enable-testing --scratch-path $(TEST_SCRATCH)

PYTHON := .deps/venv/bin/python

.PHONY: help deps build demo test unit-test lint check-documentation check-json check-determinism bench clean

help: ## Lists the targets.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 22

deps: ## Fills .deps with the checkers and example networks; does nothing when it is full.
	@scripts/prepare-dependencies.sh

build: ## Builds the command line in release.
	swift build -c release --product partita --scratch-path $(SCRATCH)

demo: deps build ## Plans, prices and simulates a real network.
	@PATH="$(CURDIR)/$(SCRATCH)/release:$$PATH" scripts/demo.sh

test: deps unit-test lint check-documentation check-json check-determinism ## Runs every check.
	@echo
	@echo "make test: everything passed"
	@grep -E 'Test run with|Executed [1-9]' $(TEST_SCRATCH)/test.log || true

unit-test: deps
	swift build --build-tests $(TEST_FLAGS)
	swift test --skip-build --disable-xctest $(TEST_FLAGS) 2>&1 | tee $(TEST_SCRATCH)/test.log

lint: ## Checks the format of every source file.
	swift format lint --strict --recursive Sources Tests Package.swift

# These three run the binary that the tests were built with, and only after the tests have ended: a build
# inside a test would wait for the build outside it for ever.
check-documentation: unit-test
	python3 scripts/check_documentation.py $(TEST_SCRATCH)/release/partita

check-json: deps unit-test
	$(PYTHON) scripts/check_json.py $(TEST_SCRATCH)/release/partita

check-determinism: unit-test
	swift build --product partita --scratch-path $(DEBUG_SCRATCH)
	python3 scripts/check_determinism.py $(TEST_SCRATCH)/release/partita $(DEBUG_SCRATCH)/debug/partita

bench: deps build ## Measures start-up, planning and simulation.
	python3 scripts/measure.py $(SCRATCH)/release/partita

clean: ## Removes what was built; .deps stays.
	rm -rf .build .build-release .build-test .build-debug
