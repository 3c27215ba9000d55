# Two commands: `make demo` and `make test`. `make` alone prints this list.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && { command -v $$p; break; }; done)
BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-spark fmt check docs bench clean

help: ## print this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */make \1|/' | column -t -s '|'

setup: $(READY) ## make .venv with all that the demo, the tests and the README need

$(READY): pyproject.toml constraints.txt
	@scripts/setup "$(PYTHON)"

demo: $(READY) ## make images with known faults, find them, write demo/report.html
	@$(BIN)/dataeval-spark demo

test: $(READY) ## run all checks and tests
	@scripts/test $(ARGS)

test-spark: $(READY) ## run every test on Spark, and compare the tables of both engines
	@scripts/test-spark $(ARGS)

fmt: $(READY) ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

check: $(READY) ## lint, types and layers
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

docs: $(READY) ## generate docs/tables.md, docs/options.md, docs/contract.txt and conf/default.toml
	@$(BIN)/python scripts/generate_docs.py

bench: $(READY) ## run the benchmarks and write benchmarks/results
	@$(BIN)/python benchmarks/demo.py && $(BIN)/python benchmarks/profile_kernels.py

clean: ## remove .venv and the demo
	rm -rf .venv demo
