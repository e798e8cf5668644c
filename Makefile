# `make demo`, `make test`, `make test-fast`, `make bench`, `make lint`: each does its own set-up in .venv.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready

.PHONY: demo test test-fast test-slow test-versions bench lint setup clean

setup: $(READY)

$(INSTALLED): setup.cfg constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

# What the tests need beside the package: references such as torch, 1.2 GB.
$(READY): $(INSTALLED)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

demo: $(INSTALLED)
	$(RUN) -m tfgan_kit.demo --output demo

# make test TESTS=tests/export: a part of them.
test: $(READY)
	$(RUN) -m pytest -m "not slow" -n 2 --dist worksteal $(TESTS)

test-fast: $(READY)
	$(RUN) -m pytest -m "not slow and not thorough" -n 2 --dist worksteal $(TESTS)

test-slow: $(READY)
	$(RUN) -m pytest -m slow -n 2 --dist worksteal $(TESTS)

# Every TensorFlow from 2.19 with the Keras that goes with it, on Python 3.11 and 3.12, each in build/versions.
test-versions:
	$(PYTHON) -m tests.versions

bench: $(READY)
	$(RUN) -m benchmarks.training.train_step
	$(RUN) -m benchmarks.training.onednn
	$(RUN) -m benchmarks.training.penalty_cost
	$(RUN) -m benchmarks.training.memory --steps 5000
	$(RUN) -m benchmarks.training.step_scaling --replicas 2
	$(RUN) -m benchmarks.training.input
	$(RUN) -m benchmarks.metrics.feature_extraction
	$(RUN) -m benchmarks.metrics.distances
	$(RUN) -m benchmarks.metrics.neighbours
	$(RUN) -m benchmarks.metrics.scores
	$(RUN) -m benchmarks.export.passes
	$(RUN) -m benchmarks.serving.callers_against_direct
	$(RUN) -m benchmarks.serving.rest
	$(RUN) -m benchmarks.serving.soak --proof swaps
	$(RUN) -m benchmarks.serving.soak --proof overload
	$(RUN) -m benchmarks.serving.soak --proof restart

lint: $(READY)
	$(RUN) -m ruff check tfgan_kit tfgan_kit_client tests benchmarks
	$(RUN) -m ruff format --check tfgan_kit tfgan_kit_client tests benchmarks

clean:
	rm -rf $(VENV) demo build *.egg-info
