# A fresh machine needs Python 3.11 to 3.13 and make; `make run` or `make test` does the rest.

VENV := .venv
BIN := $(VENV)/bin
# Which build of PyTorch: pypi (pip's own: for NVIDIA cards on Linux, for Macs), or one of PyTorch's own indexes.
# What was chosen once stays, until another is named.
TORCH ?= $(or $(patsubst $(VENV)/.installed-%,%,$(firstword $(wildcard $(VENV)/.installed-*))),pypi)
TORCH_INDEXES := https://download.pytorch.org/whl
TORCH_cpu := $(TORCH_INDEXES)/cpu
TORCH_cuda := $(TORCH_INDEXES)/cu130
TORCH_rocm := $(TORCH_INDEXES)/rocm7.2
TORCH_xpu := $(TORCH_INDEXES)/xpu
NO_DRIVER := No NVIDIA driver is here. What comes now is the PyTorch for NVIDIA cards: 6.5 GB of disk, and without a card it computes on the processor. A much smaller one: stop with Ctrl-C, then make run TORCH=cpu. For AMD cards: TORCH=rocm.
STAMP := $(VENV)/.installed-$(TORCH)
TSC := node_modules/.bin/tsc
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PY ?= $(firstword $(foreach python,python3.13 python3.12 python3.11 python3 python,$(shell $(python) -c '$(SUPPORTED)' 2>/dev/null && echo $(python))))
ARGS ?=
# How many tests run at a time: on two cores three, as a test that waits for a browser uses none.
WORKERS ?= 3

.PHONY: help run test tests check bench soak doors errors requirements types screenshots

help:
	@echo "make run    start the studio and print its address   (ARGS='--port 8000' hands options on)"
	@echo "            TORCH=cpu, cuda, rocm or xpu takes that build of PyTorch"
	@echo "make test   lint, types and every test"
	@echo "make check  lint and types only"
	@echo "make bench  measure speed and memory                 (ARGS='--json')"
	@echo "make soak   the long tests: crowds, fuzz, exits      (under 40 minutes)"
	@echo "make doors  write the tables of what is served, and to whom, into docs/security.md"
	@echo "make errors write the table of errors into docs/errors.md"
	@echo "make requirements  write requirements.txt from pyproject.toml"
	@echo "make types  write what the page's scripts are checked against from the server's schemas"
	@echo "make screenshots  take the pictures of docs/ anew      (ARGS='page grid' takes these)"

run: $(STAMP)
	@$(BIN)/studio run $(ARGS)

# Both at once: the checks are done while a core waits for a test that waits.
test: $(STAMP)
	@$(MAKE) --no-print-directory --jobs=2 check tests

# Compiled once, and not by each of the processes that test and that tests start, wherever bytecode is not kept.
tests: export PYTHONDONTWRITEBYTECODE :=
tests: $(STAMP)
	@$(BIN)/python -m compileall -qq -j 0 studio starter_factory benchmarks
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

# The types of the page's scripts are checked where npm is; the studio itself needs nothing of it.
check: $(STAMP) $(if $(shell command -v npm 2>/dev/null),$(TSC))
	$(BIN)/ruff check .
	$(BIN)/mypy
	@test ! -x $(TSC) || $(TSC)

bench: $(STAMP)
	@$(BIN)/studio bench $(ARGS)

soak: $(STAMP)
	$(BIN)/python -m pytest -m soak $(ARGS)

doors: $(STAMP)
	$(BIN)/python tests/gate/test_doors.py
	$(BIN)/python -m tests.api.test_who_may_what

errors: $(STAMP)
	$(BIN)/python tests/test_errors.py

requirements: $(STAMP)
	$(BIN)/python tests/test_requirements.py

types: $(STAMP)
	$(BIN)/python tests/ui/test_types.py

# A Chromium takes them, of pictures that the starter makes meanwhile.
screenshots: $(STAMP)
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

$(TSC): package-lock.json
	@npm ci --silent --no-fund --no-audit && touch $@ || echo "TypeScript cannot be had, so the types of the page's scripts are not checked."

# The stamp is inside the environment, so removing .venv is all it takes to start anew.
$(STAMP): pyproject.toml
	@test -n "$(PY)" || { echo "Python 3.11, 3.12 or 3.13 is needed: install one, or name it with make PY=/path/to/python." >&2; exit 1; }
	@$(PY) -c '$(SUPPORTED)' || { echo "$(PY) is not Python 3.11, 3.12 or 3.13: name one with make PY=/path/to/python." >&2; exit 1; }
	@test "$(TORCH)" = pypi || test -n "$(TORCH_$(TORCH))" || { echo "TORCH=$(TORCH) is not known: take cpu, cuda, rocm or xpu, or leave it out." >&2; exit 1; }
	@test -x $(BIN)/python || $(PY) -m venv $(VENV) || { rm -rf $(VENV); echo "The environment could not be made; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
ifeq ($(TORCH),pypi)
	@test "$$(uname -s)" != Linux || command -v nvidia-smi >/dev/null || test -e /proc/driver/nvidia || echo "$(NO_DRIVER)"
endif
	@ls $(VENV)/.installed-* >/dev/null 2>&1 && test ! -e $@ && $(BIN)/python -m pip uninstall --quiet --yes torch torchvision || true
	@rm -f $(VENV)/.installed*
	$(if $(TORCH_$(TORCH)),$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile torch torchvision --index-url $(TORCH_$(TORCH)))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[test]'
	@# pip would compile one file after the other; what no Python can compile is an example of something else.
	@$(BIN)/python -W ignore -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@
