PYTHON ?= python3
UV ?= uv
PY := .venv/bin/python
prepare = @$(PYTHON) -B -c 'import proxy; proxy.prepare("$(1)")'
compile = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header $(ARGS) pyproject.toml

# Twice as many workers as the two cores of a small machine: the tests of commands and shells wait for other processes.
SPREAD := -n 4 --dist worksteal

# Kept bytecode saves each worker the rewriting of all assertions, and each command that a test runs its compiling.
unexport PYTHONDONTWRITEBYTECODE

# A venv beside the .venv, with the lowest versions
LOWEST ?= .cache/lowest
# What other versions write in other words, and what starts `proxy.py`, which takes the pinned ones.
OF_PINNED := tests/config/test_schema.py::test_the_shipped_file_is_up_to_date \
	tests/test_docs.py::test_the_generated_tables_are_up_to_date \
	tests/cli/output/test_program.py::test_hints_in_a_clone_name_proxy_py \
	tests/cli/output/test_program.py::test_the_background_process_names_the_clone_by_its_path

.PHONY: help test test-lowest lint coverage bench faults pause soak fuzz lock prices otel schema docs picture

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1 - /p' $(MAKEFILE_LIST)

test: ## Run the tests (ARGS="-k name" runs some of them, in one process)
	$(call prepare,test)
	$(PY) -m pytest $(if $(ARGS),,$(SPREAD)) $(ARGS)

test-lowest: ## Run the tests on the lowest versions that pyproject.toml accepts, in a venv of its own (LOWEST)
	@cmp -s requirements/lowest.txt $(LOWEST)/lowest.txt || { \
	  $(PYTHON) -m venv --clear $(LOWEST) && \
	  $(LOWEST)/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements/lowest.txt && \
	  cp requirements/lowest.txt $(LOWEST)/; }
	$(LOWEST)/bin/python -m pytest -p no:cacheprovider $(OF_PINNED:%=--deselect %) $(if $(ARGS),,$(SPREAD)) $(ARGS)

lint: ## Check style and types
	$(call prepare,lint)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

coverage: ## Hold that the core's own tests reach every branch of it
	$(call prepare,test)
	@mkdir -p .cache
	$(PY) -m coverage run -m pytest -q tests/core
	$(PY) -m coverage report --include='*/claude_proxy/core/*' --fail-under=100

bench: ## Measure against nginx and a direct connection; writes bench/RESULTS.md
	$(call prepare,test)
	$(PY) -m bench.run

faults: ## Try every fault of a provider through gateways and the real Claude Code; writes bench/FAULTS.md (ARGS=--help)
	$(call prepare,test)
	PYTHONPATH=tests $(PY) -m bench.faults.run $(ARGS)

TIME ?= 300
fuzz: ## Look for inputs that break the parsers, for TIME seconds in all (ARGS="sse limits" takes some targets)
	$(PYTHON) -B -m fuzz.run --time $(TIME) $(ARGS)

pause: ## Measure what a pause in a conversation costs with a provider far away; writes bench/PAUSE.md
	$(call prepare,test)
	PYTHONPATH=tests $(PY) -m bench.pause

soak: ## Hold the proxy under load that goes wrong; writes bench/SOAK.md (ARGS="--streams 500 --slow 20 --hold 10": shorter)
	$(call prepare,test)
	PYTHONPATH=tests $(PY) -m bench.soak.run $(ARGS)

lock: ## Make requirements/*.txt anew (ARGS=--upgrade takes the newest versions); needs uv
	$(compile) -o requirements/runtime.txt
	$(compile) --extra otel -c requirements/runtime.txt -o requirements/otel.txt
	$(compile) --extra otel --group test -c requirements/otel.txt -o requirements/test.txt
	$(compile) --extra otel --group lint -c requirements/test.txt -o requirements/lint.txt
	$(compile) --extra otel --group test --resolution lowest-direct -o requirements/lowest.txt
	$(compile) --group fuzz -c requirements/runtime.txt -o requirements/fuzz.txt
	$(compile) --group prices -c requirements/runtime.txt -o requirements/prices.txt

# A venv beside the .venv, with the package that holds the prices
PRICES := .cache/prices-venv
prices: ## Make config/prices.json anew from the package genai-prices (make lock ARGS="-P genai-prices" takes a newer one)
	@$(PYTHON) -B -c 'import proxy; proxy.prepare("prices", "$(PRICES)")'
	$(PRICES)/bin/python -B -m prices.make

otel: ## Install what sends traces to OpenTelemetry (`otel` in config.json); the tests' packages have it already
	$(call prepare,otel)

schema: ## Make config.schema.json anew from the settings' types
	$(call prepare,runtime)
	$(PY) -m claude_proxy.config.schema

docs: ## Make the tables in docs/*.md anew from the settings, the catalogue, the commands and the rules
	$(call prepare,runtime)
	$(PY) -m docs.tables

picture: ## Make the README's picture of the demo anew
	$(call prepare,runtime)
	$(PY) docs/picture.py
