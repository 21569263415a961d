# Two commands matter: `make demo` and `make test`. Both make .venv when it is missing.
PYTHON ?= python3.11
PY := $(shell command -v $(PYTHON) 2>/dev/null || command -v python3)
BIN := .venv/bin

.PHONY: demo test lint bench venv browser clean

demo: venv
	$(BIN)/anlan demo --out out/demo

test: venv browser
	$(BIN)/python -m pytest -n 2

lint: venv
	$(BIN)/ruff check engine city_models scenarios viz benches tests
	$(BIN)/mypy

bench: venv
	$(BIN)/python -m benches.spine --fresh-sea
	$(BIN)/python -m benches.trees
	$(BIN)/python -m benches.scaling

venv: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	$(PY) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch .venv/ready

# Page tests need a browser; without one they skip and say so.
browser:
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 \
	  || command -v google-chrome >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 \
	       && apt-get update -qq >/dev/null && apt-get install -y -qq chromium >/dev/null ; } \
	  || echo "no browser found: page tests will be skipped"

clean:
	rm -rf .venv out build .pytest_cache .mypy_cache .ruff_cache .hypothesis
