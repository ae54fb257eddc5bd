# All commands need Python ≥ 3.11 only: the first call makes an environment in .venv (by uv if it is installed, else
# by venv and pip); later calls use it until pyproject.toml or constraints.txt change.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2

BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
CHAPTERS ?=

.DEFAULT_GOAL := help
.PHONY: help environment book live test unit mutants variants notebooks exercises slides format clean

help:  ## list the targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

environment:  ## make or update the environment in .venv
	@set -e; \
	wanted=$$(cat pyproject.toml constraints.txt | cksum); \
	if [ "$$(cat "$(VENV)/stamp" 2>/dev/null)" = "$$wanted" ]; then exit 0; fi; \
	if command -v uv >/dev/null 2>&1; then \
		[ -x "$(BIN)/python" ] || uv venv --quiet --python '>=3.11' "$(VENV)"; \
		uv pip install --python "$(BIN)/python" --constraint constraints.txt --editable '.[book,test]'; \
	else \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
			{ echo "make: $(PYTHON) is missing or older than 3.11; install Python 3.11 or newer, or run make PYTHON=python3.12" >&2; exit 1; }; \
		[ -x "$(BIN)/python" ] || $(PYTHON) -m venv "$(VENV)"; \
		"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[book,test]'; \
	fi; \
	echo "$$wanted" > "$(VENV)/stamp"

book: environment  ## build the book from the stored outputs: _build/html/index.html
	@python book/live.py
	jupyter-book build book/

live: environment  ## let `make book` put a generator into the page: ONNX's packages, onnxruntime-web by npm
	@if command -v uv >/dev/null 2>&1; then \
		uv pip install --quiet --python "$(BIN)/python" --constraint constraints.txt --editable '.[live]'; \
	else \
		"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[live]'; \
	fi
	python book/live.py --strict

test: environment  ## run all tests: unit tests, doctests, every cell of every chapter, the built book
	pytest --nbval -n $(JOBS) --dist loadfile

unit: environment  ## run the tests without chapters and slow tests
	pytest gancourse tests -m "not slow" -n $(JOBS) --dist loadfile

mutants: environment  ## put small mistakes into the package for 40 minutes, and list those that no test notices
	@if command -v uv >/dev/null 2>&1; then \
		uv pip install --quiet --python "$(BIN)/python" --constraint constraints.txt --editable '.[mutants]'; \
	else \
		"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[mutants]'; \
	fi
	python -m benchmarks.mutants --jobs $(JOBS)

variants: environment  ## run the cells with other thread counts and CPU instruction sets, and compare outputs
	OMP_NUM_THREADS=1 pytest --nbval book
	ATEN_CPU_CAPABILITY=avx2 pytest --nbval book
	ATEN_CPU_CAPABILITY=default pytest --nbval book

notebooks: environment  ## run changed chapters and store their outputs (CHAPTERS=02_gan_game: only that one)
	python book/execute.py $(CHAPTERS)

exercises: environment  ## make the students' notebooks from their sources with solutions
	python exercises/generate.py

slides: environment  ## make the slides, one folder per chapter; they work offline (PDF=1: and as PDF)
	python book/slides/build.py $(CHAPTERS)
	$(if $(PDF),python book/slides/pdf.py --notes $(addprefix _build/slides/,$(CHAPTERS)))

format: environment  ## format and lint code and tests; notebooks are only checked (edit their sources instead)
	ruff format --extend-exclude '*.ipynb' .
	ruff check --fix --extend-exclude '*.ipynb' .
	ruff check .
	ruff format --check .

clean:  ## delete build outputs, but not the environment
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
