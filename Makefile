# The two commands of the README. Everything is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo

.PHONY: install demo test clean

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e ".[dev]" -c constraints.txt
	touch $@

install: $(VENV)/installed

demo: install
	$(BIN)/python train.py --total-steps 24000000 --out $(DEMO)
	$(BIN)/python evaluate.py $(DEMO) --gif $(DEMO)/episode.gif --json $(DEMO)/scores.json
	@echo "the learning curve is in $(DEMO)/learning_curve.png, an episode in $(DEMO)/episode.gif"

test: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

clean:
	rm -rf $(VENV) $(DEMO)
