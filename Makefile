# The two commands of the README. Everything is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
LOWEST := .venv-lowest

.PHONY: install demo test test-lowest clean

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e ".[dev]" -c constraints.txt
	touch $@

install: $(VENV)/installed

demo: install  # goes on where it was stopped; once trained, the agent is only shown
	@if [ ! -e $(DEMO) ]; then $(BIN)/python train.py --total-steps 24000000 --out $(DEMO); \
	elif [ ! -e $(DEMO)/agent.safetensors ]; then $(BIN)/python train.py --resume $(DEMO); \
	else echo "$(DEMO) is trained already (make clean removes it)"; fi
	$(BIN)/python evaluate.py $(DEMO) --gif $(DEMO)/episode.gif --json $(DEMO)/scores.json
	@echo "the learning curve is in $(DEMO)/learning_curve.png, an episode in $(DEMO)/episode.gif"

test: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m agents.cores.kernels  # compiled once, not by each process of pytest
	$(BIN)/pytest -n auto

$(LOWEST)/installed: pyproject.toml  # the lower bounds stand there alone
	$(PYTHON) -m venv $(LOWEST)
	sed -n 's/^ *"\([a-z0-9-]*\)>=\([0-9.]*\)".*/\1==\2/p' pyproject.toml > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet -e ".[dev]" -c $(LOWEST)/constraints.txt
	touch $@

test-lowest: $(LOWEST)/installed  # with the lowest versions that pyproject.toml allows
	NUMBA_CACHE_DIR=$(CURDIR)/$(LOWEST)/numba $(LOWEST)/bin/pytest -n auto

clean:
	rm -rf $(VENV) $(LOWEST) $(DEMO)
