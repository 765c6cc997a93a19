# `make help` lists the targets. Everything runs in .venv, which the first target that needs it creates.

.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
JOBS ?= auto
export TRTC_VENV := $(abspath $(VENV))

.PHONY: help demo test filecheck test-gpu test-zoo sanitize digests conformance exports fuzz mutants bench report lint format docs clean setup-demo setup-test setup-lint

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup-demo ## Compile a real model, run it, show every level (sets everything up)
	@$(BIN)/python -m trtc.compiler.tools.demo

test: setup-test ## Every test that needs no GPU
	CUDA_VISIBLE_DEVICES= $(PYTEST) test -m "not gpu" -n $(JOBS) -q
	$(BIN)/lit -q test/filecheck

filecheck: setup-test ## Every pass against its .mlir file
	$(BIN)/lit -q test/filecheck

test-gpu: setup-test ## Tests that need a GPU (sm_80 or newer)
	$(PYTEST) test -m gpu -q --ignore test/gpu/test_zoo.py
	$(MAKE) test-zoo
	TRTC_TEST_GPU=1 $(PYTEST) test/unit/schedules test/numerics/random/test_graphs.py test/numerics/test_small_graphs.py -q

test-zoo: setup-test ## The models that are tested on a GPU only, in parallel (first: python -m trtc.compiler.tools.fetch_models)
	$(PYTEST) test/gpu/test_zoo.py -m gpu -n $(JOBS) -q -rs

sanitize: setup-test ## Each kernel family under compute-sanitizer: memcheck and racecheck (needs a GPU)
	$(BIN)/python test/gpu/sanitize.py

digests: setup-test ## What the compiler makes of the zoo, against golden digests (UPDATE=1 rewrites these)
	$(BIN)/python test/digests/digests.py $(if $(UPDATE),--update) $(CASE)

conformance: setup-test ## The backend suite of ONNX through trtc, on a GPU or the simulator (K=topk for cases of that name)
	$(BIN)/python test/conformance/suite.py -j $(JOBS) $(if $(K),-v -k $(K))

exports: setup-test ## Functions and networks of torch through both of its exporters and trtc (needs torch; K=conv for cases of that name)
	$(BIN)/python test/models/torch_exports/main.py -j $(JOBS) $(if $(K),-v -k $(K))

N ?= 2000
fuzz: setup-test ## Seeded inputs to every fuzz target: N=100000 for more of them, TARGET=cli for one
	$(BIN)/python test/fuzz/harness.py $(TARGET) -n $(N) $(if $(TARGET),,--record)

mutants: setup-test ## Put in small mistakes, one at a time, and list those that no test notices (AREA=graph for one area)
	$(BIN)/python test/mutants/run.py -j $(JOBS) $(AREA)

bench: setup-test ## Measure kernels and models beside their peers, into test/bench/results (needs a GPU)
	@set -e; for script in test/bench/bench_*.py; do echo "$$script"; $(BIN)/python $$script; done

report: setup-test ## One page from the newest records of test/bench/results
	$(BIN)/python test/bench/report.py

lint: setup-lint ## ruff, pyright strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: setup-test ## Write the generated pages: the reference, the operators, the tutorial's levels
	$(BIN)/python -m trtc.compiler.tools.reference.docs
	$(BIN)/python -m trtc.compiler.tools.reference.operators
	$(BIN)/python -m trtc.compiler.tools.reference.levels

format: setup-lint ## Format and fix what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove build products and the virtual environment
	rm -rf build dist *.egg-info $(VENV) .pytest_cache .ruff_cache .import_linter_cache

setup-demo:
	@sh scripts/setup.sh demo

setup-test:
	@sh scripts/setup.sh test

setup-lint:
	@sh scripts/setup.sh test lint
