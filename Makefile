# `make demo` and `make test` are all one needs; both bring .venv up to date first.
PYTHON ?= python3
VENV := .venv
IN_ENV := . $(VENV)/local_setup.sh &&
# Tests that open DDS are one group, which comes last.
IN_PARALLEL := -n auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder

.PHONY: env demo test lint clean

env:
	@$(PYTHON) scripts/make_env.py

demo: env
	@$(IN_ENV) $(VENV)/bin/python -m depth_nn_transport demo $(if $(FRAMES),--frames $(FRAMES)) $(ARGS)

lint: env
	@$(IN_ENV) $(VENV)/bin/python scripts/lint.py

test: lint
	@$(IN_ENV) $(VENV)/bin/python -m pytest $(IN_PARALLEL) $(ARGS)

clean:
	rm -rf $(VENV) demo_output
