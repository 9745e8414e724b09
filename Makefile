# What people type: `make demo` to see it work, `make test` to check everything.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The command and the tests share a folder and flags, so that nothing is built twice; debug has its own.
SCRATCH := .build-release
DEBUG_SCRATCH := .build-debug
FLAGS := -c release -Xswiftc -enable-testing --scratch-path $(SCRATCH)
PARTITA := $(SCRATCH)/release/partita

PYTHON := .deps/venv/bin/python

.PHONY: help deps build demo test unit-test lint check-documentation check-json check-onnx check-errors \
	check-determinism check-kernels check-training soak bench prediction unequal clean

help: ## Lists the targets.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 22

deps: ## Fills .deps with the checkers and example networks; does nothing when it is full.
	@scripts/prepare-dependencies.sh

build: ## Builds the command line in release.
	swift build --product partita $(FLAGS)

demo: deps build ## Plans, prices and simulates a real network, and trains a small one.
	@PATH="$(CURDIR)/$(SCRATCH)/release:$$PATH" scripts/demo.sh

test: deps lint unit-test check-documentation check-json check-onnx check-errors check-kernels check-training check-determinism ## Runs every check.
	@echo
	@echo "make test: everything passed"
	@grep -E 'Test run with' $(SCRATCH)/test.log

unit-test: deps build
	swift build --build-tests $(FLAGS)
	swift test --skip-build --disable-xctest $(FLAGS) 2>&1 | tee $(SCRATCH)/test.log

lint: ## Checks the format of every source file.
	swift format lint --strict --recursive Sources Tests Package.swift

# These run the binary, and only after the tests have ended: a build inside a test would wait for the build outside
# it for ever.
check-documentation: unit-test
	python3 scripts/check_documentation.py $(PARTITA)

check-json: unit-test
	$(PYTHON) scripts/check_json.py $(PARTITA)

check-onnx: unit-test
	$(PYTHON) scripts/check_onnx.py $(PARTITA)

check-errors: unit-test
	$(PYTHON) scripts/check_errors.py $(PARTITA)

# Says so and ends where PyTorch is not installed.
check-kernels: unit-test
	$(PYTHON) scripts/check_kernels.py $(PARTITA)

# Alone, since it says of times that they are short.
check-training: unit-test check-documentation check-json check-onnx check-errors check-kernels
	$(PYTHON) scripts/check_training.py $(PARTITA)

soak: deps build ## Kills ranks at random and resumes, for ten minutes.
	$(PYTHON) scripts/check_training.py $(PARTITA) --minutes 10

check-determinism: unit-test
	swift build --product partita --scratch-path $(DEBUG_SCRATCH)
	python3 scripts/check_determinism.py $(PARTITA) $(DEBUG_SCRATCH)/debug/partita

bench: deps build ## Measures start-up, planning and simulation.
	python3 Benchmarks/measure.py $(PARTITA)

prediction: deps build ## Compares predictions of this computer with the clock.
	python3 Benchmarks/prediction.py $(PARTITA)

unequal: deps build ## Trains on two unequal ranks: uneven shares against even ones and one device.
	python3 Benchmarks/unequal.py $(PARTITA)

clean: ## Removes what was built; .deps stays.
	rm -rf .build .build-release .build-test .build-debug
