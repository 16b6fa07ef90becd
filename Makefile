# make demo    train on real photographs, predict, report
# make test    all tests but the slow ones      make test-all   those too
# make check   style, types, layers, docs       make bench      accuracy, speed, memory, copies found, scale
#
# Needs make and Python 3.11, 3.12 or 3.13 (PYTHON=python3.12 picks one); everything else goes into .venv.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN = .venv/bin
INSTALLED = .venv/.installed

.PHONY: demo test test-all check bench docs clean

demo: $(INSTALLED)
	$(BIN)/sfumato demo

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow and not gpu"

test-all: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist loadfile

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/mkdocs build --strict --quiet

bench: $(INSTALLED)
	$(BIN)/python benchmarks/solar_cells.py
	$(BIN)/python benchmarks/allocator.py
	$(BIN)/python benchmarks/duplicates.py
	$(BIN)/python benchmarks/planted_check.py
	$(BIN)/python benchmarks/init_unedited.py
	$(BIN)/python benchmarks/scale.py --most 100000

# files made from the code; a test says when they are stale
docs: $(INSTALLED)
	$(BIN)/python docs/make_reference.py

clean:
	rm -rf .venv site build

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11, 3.12 or 3.13 found; name one: make PYTHON=/path/to/python $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,dev]'
	touch $@
