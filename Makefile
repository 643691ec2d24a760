# Everything the targets make lies in .venv, _build and the user's cache folder.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: book test lint refresh bench clean help setup corpus

# Set PYTHON to choose the interpreter that makes .venv.
PYTHON ?= $(shell for python in python3.11 python3 python3.12; do \
  $$python -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
    2>/dev/null && echo $$python && break; done)

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
# cksum and not sha256sum: every POSIX machine has it.
STAMP := .venv/.installed-$(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
# What an executed chapter depends on besides its own text. Sphinx and jupyter-cache see none of it.
INPUTS := $(shell find serlib notebooks/params book/claims book/results pyproject.toml \
  constraints.txt -type f -not -name '*.pyc' 2>/dev/null | LC_ALL=C sort | xargs cksum | cksum \
  | cut -d' ' -f1)
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

# Jupyter, IPython and Matplotlib would otherwise read and write the user's own configuration.
export PYTHONNOUSERSITE := 1
export JUPYTER_PREFER_ENV_PATH := 1
export JUPYTER_CONFIG_DIR := $(VENV)/var/jupyter/config
export JUPYTER_DATA_DIR := $(VENV)/var/jupyter/data
export JUPYTER_RUNTIME_DIR := $(VENV)/var/jupyter/runtime
export IPYTHONDIR := $(VENV)/var/ipython
export MPLCONFIGDIR := $(VENV)/var/matplotlib
export NUMBA_CACHE_DIR := $(VENV)/var/numba

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST)

book: setup corpus ## Set up, execute the chapters, build the HTML book
	@if [ ! -e _build/.inputs-$(INPUTS) ]; then \
	  rm -rf _build && mkdir -p _build && touch _build/.inputs-$(INPUTS); fi
	@$(BIN)/jupyter-book build . -W --keep-going || { \
	  find _build/html/reports -name '*.log' -exec cat {} + 2>/dev/null || true; \
	  rm -rf _build/.doctrees; \
	  echo "make book: failed; the warnings above are errors" >&2; exit 1; }
	@echo "The book is ready: open file://$(CURDIR)/_build/html/index.html"

test: setup ## Set up, run every test and re-run every chapter
	@$(BIN)/python -m pytest -rs --nbval-lax --nbval-current-env --nbval-cell-timeout=600 \
	  tests $(NOTEBOOKS)

lint: setup ## Check style, notebooks included
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@for notebook in $(NOTEBOOKS); do $(BIN)/nbstripout --keep-count --verify $$notebook || { \
	  echo "$$notebook: holds outputs; run: make refresh" >&2; exit 1; }; done

refresh: setup ## Execute the notebooks, keep only the outputs that tests compare
	@$(BIN)/python tests/notebooks/refresh.py $(NOTEBOOKS)

bench: setup ## Measure speed and memory
	@$(BIN)/python -m pytest tests/bench --benchmark-only

clean: ## Remove everything the other targets made here
	rm -rf .venv _build .ruff_cache .benchmarks *.egg-info
	find serlib tests -name __pycache__ -type d -exec rm -rf {} +

setup: $(STAMP)

# pip shows its own progress bars, and follows the reader's own pip settings.
$(STAMP):
	@if [ -z "$(PYTHON)" ]; then echo "make: Python 3.11 or 3.12 not found on the PATH;" \
	  "install it, or say where it is: make PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[book,test]'
	@rm -f .venv/.installed-* && touch $@

corpus: setup
	@$(BIN)/python -c 'from serlib.corpora import load_corpus; \
	  corpus = load_corpus("emosynth", progress=True); \
	  print(f"EmoSynth: {len(corpus.table)} utterances in {corpus.root}")'
