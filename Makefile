# `make demo` trains a small model on the bundled corpus; `make test` runs the tests. Both set up .venv first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
RUNS   ?= $(wildcard runs/*/)
SPLITS ?= valid test
TABLE  ?= runs/evaluation

.DEFAULT_GOAL := help
.PHONY: help setup demo test promises check evaluate bench quality clean

help:  ## Show these targets
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## Make .venv with s2s and its development tools

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "s2s needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' \
		|| { echo "Python lacks venv; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV): this downloads PyTorch and a few others, once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## Train, score and try a small model in a few minutes
	$(BIN)/python -m s2s train configs/demo.yaml
	@echo; echo "Five sentences that it has never seen:"
	@for n in 100 300 500 700 900; do sed -n "$${n}p" data/test.en; done > runs/demo/five.en
	@$(BIN)/python -m s2s translate --model runs/demo --input runs/demo/five.en > runs/demo/five.de
	@paste -d '\n' runs/demo/five.en runs/demo/five.de | sed 'n; s/^/    → /'
	@echo; echo 'Now try your own:  $(BIN)/s2s translate "The old woman is reading a book in the garden."'

test: $(READY)  ## Run the tests
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile

promises: $(READY)  ## Prove what docs/promises.md promises, at full size: about half an hour
	$(BIN)/python -m pytest tests/promises --full

check: $(READY)  ## Everything that must pass: format, lint, types, advisories, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tests/audit.py
	@$(MAKE) --no-print-directory test

evaluate: $(READY)  ## Score RUNS (default: all under runs/) on SPLITS in one table, also written to runs/evaluation.md .tsv .html
	$(BIN)/python -m s2s evaluate $(RUNS) $(SPLITS:%=--split %) $(foreach form,md tsv html,--write $(TABLE).$(form))

bench: $(READY)  ## Measure training and decoding, also part by part; CORPUS=folder with train.en, train.de for real text
	$(BIN)/python benchmarks/train_speed.py $(CORPUS)
	$(BIN)/python benchmarks/train_profile.py $(CORPUS)
	$(BIN)/python benchmarks/decode_speed.py $(CORPUS)
	$(BIN)/python benchmarks/startup.py

quality: $(READY)  ## Train and score rows of benchmarks/quality.md: ROW=init-29000 CORPUS=folder of Multi30k [QUALITY=--seeds 1]
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/quality.py $(CORPUS) $(ROW) $(QUALITY)

clean:  ## Remove .venv, caches and build products; runs/ stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
