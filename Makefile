# Everything from a bare Python ≥ 3.11: the first call makes an environment in .venv (uv if it is there, else venv and
# pip); later calls use it until pyproject.toml or constraints.txt change.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2

BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
CHAPTERS ?=

.DEFAULT_GOAL := help
.PHONY: help environment book test unit variants notebooks exercises slides format clean

help:  ## say what there is to make
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

environment:  ## make or refresh the environment in .venv
	@set -e; \
	wanted=$$(cat pyproject.toml constraints.txt | cksum); \
	if [ "$$(cat "$(VENV)/stamp" 2>/dev/null)" = "$$wanted" ]; then exit 0; fi; \
	if command -v uv >/dev/null 2>&1; then \
		[ -x "$(BIN)/python" ] || uv venv --quiet --python '>=3.11' "$(VENV)"; \
		uv pip install --python "$(BIN)/python" --constraint constraints.txt --editable '.[book,test]'; \
	else \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
			{ echo "make: $(PYTHON) is missing or older than 3.11; install Python 3.11 or newer, or say make PYTHON=python3.12" >&2; exit 1; }; \
		[ -x "$(BIN)/python" ] || $(PYTHON) -m venv "$(VENV)"; \
		"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[book,test]'; \
	fi; \
	echo "$$wanted" > "$(VENV)/stamp"

book: environment  ## build the book from the stored outputs: _build/html/index.html
	jupyter-book build book/

test: environment  ## run everything: unit tests, doctests, every cell of every chapter, the built book
	pytest --nbval -n $(JOBS) --dist loadfile

unit: environment  ## run the tests of the package only, without chapters and slow tests
	pytest gancourse tests -m "not slow" -n $(JOBS) --dist loadfile

variants: environment  ## run the chapters' cells under other thread counts and processor levels, and compare
	OMP_NUM_THREADS=1 pytest --nbval book
	ATEN_CPU_CAPABILITY=avx2 pytest --nbval book
	ATEN_CPU_CAPABILITY=default pytest --nbval book

notebooks: environment  ## run the chapters whose text changed and store their outputs (CHAPTERS=02_gan_game: that one)
	python book/execute.py $(CHAPTERS)

exercises: environment  ## make the students' notebooks from their sources with solutions
	python exercises/generate.py

slides: environment  ## make one folder of slides per chapter, which open offline (PDF=1: slides.pdf and handout.pdf too)
	python book/slides/build.py $(CHAPTERS)
	$(if $(PDF),python book/slides/pdf.py --notes $(addprefix _build/slides/,$(CHAPTERS)))

format: environment  ## format and lint code and tests; notebooks are checked too, but mended in their texts
	ruff format --extend-exclude '*.ipynb' .
	ruff check --fix --extend-exclude '*.ipynb' .
	ruff check .
	ruff format --check .

clean:  ## delete what was built, but not the environment
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
