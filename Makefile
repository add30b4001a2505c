PYTHON ?= python3
VENV ?= .venv
READY := $(VENV)/.ready
RUN := $(VENV)/bin/python
SHARED_DIR ?= ../shared
DEMO_TASK ?= udpos
RUNS ?= runs

ADAPTERHUB_VENV ?= .venv-adapterhub
ADAPTERHUB := $(ADAPTERHUB_VENV)/bin/python
EXCHANGE := $(ADAPTERHUB_VENV)/exchange
FUZZ ?= $(VENV)/fuzz
AUDIT_VENV ?= .venv-audit

# Where the study's backbone, text and labelled data lie.
REPLICA_BACKBONE ?= $(SHARED_DIR)/backbones/e5-small
REPLICA_TEXT ?= $(SHARED_DIR)/data/text
REPLICA_DATA ?= $(SHARED_DIR)/data

BOUNDS_VENV ?= .venv-bounds
BOUNDS := $(BOUNDS_VENV)/bin/python
# The rooms that meet other packages, and whole runs through them.
BOUNDS_TESTS := $(addprefix tests/,config data evaluation labelling model runs stages sweep training report/pictures report/statistics)

DEMO_BACKBONE := $(RUN) -c 'from pathlib import Path; from orthoadapters.demo import ensure_backbone; ensure_backbone(Path(".cache"))'
# The most seconds that a cell may take; on two cores none takes a sixth of it.
NOTEBOOK_SECONDS := 600

.PHONY: help setup demo report bench bench-adapters test test-real test-wheel test-adapterhub test-bounds test-browser
.PHONY: test-long test-faults test-faults-tenth test-slurm audit test-notebooks notebooks replica lint clean
.DEFAULT_GOAL := help

help: ## print this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

setup: $(READY) ## make .venv and install everything, pinned

$(READY): requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; make PYTHON=python3.11 names one")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	touch $@

demo: setup ## all seven variants on the embedded demo world, without a network; minutes on two cores
	$(RUN) train.py --multirun suite=demo task=$(DEMO_TASK) language_adapters.missing=train logger=csv \
	  variant=full_ft,t_noo,t_ort,lnoo_tnoo,lnoo_tort,lort_tnoo,lort_tort

report: setup ## tables, statistics and pictures of the finished runs in RUNS (default runs), into report/
	$(RUN) report.py "$(RUNS)" --paper --seeds --oracle --sizes

bench: setup ## iterations/s, memory and where the time goes, at XLM-R base's shape; a section for benchmarks/RESULTS.md
	$(RUN) benchmarks/bench.py --json .cache/bench.json

bench-adapters: setup $(ADAPTERHUB_VENV)/.ready ## the same iterations against those of `adapters`, in turn
	$(RUN) benchmarks/against_adapters.py $(ADAPTERHUB)

# Dozens of processes start: their bytecode is kept, even where the environment has it thrown away.
test: setup ## the tests: CPU, no network, minutes
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest -n 2 --dist worksteal

test-long: setup ## the tests that take long: sweeps, several processes, compiled encoders, simulations; two minutes
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest -m long -n 2 --dist worksteal

test-faults: setup $(FUZZ)/.ready ## faults, injected for real: FAULT_ROUNDS=N of each, SEED=N to repeat, FAULTS=NAME one kind
	OMP_NUM_THREADS=1 PYTHONPATH=$(FUZZ) $(RUN) -m tests.faults.campaign --jobs 2 \
	  $(if $(FAULT_ROUNDS),--rounds $(FAULT_ROUNDS)) $(if $(SEED),--seed $(SEED)) $(FAULTS)

test-faults-tenth: setup $(FUZZ)/.ready ## a part of test-faults, chosen by the date; all of it comes up within ten days
	OMP_NUM_THREADS=1 PYTHONPATH=$(FUZZ) $(RUN) -m tests.faults.campaign --jobs 2 --tenth $$(date -I)

# Not every Python has a wheel of it.
$(FUZZ)/.ready: tests/faults/requirements.txt | setup
	mkdir -p $(FUZZ)
	-$(RUN) -m pip install --quiet --disable-pip-version-check --upgrade --target $(FUZZ) -r $<
	touch $@

audit: setup ## known weaknesses of the installed packages, where a service of advisories can be reached
	@$(MAKE) --silent --no-print-directory $(AUDIT_VENV)/.ready 2>/dev/null || echo "Nothing was audited: pip-audit could not be installed."
	@if [ -e $(AUDIT_VENV)/.ready ]; then \
	  $(AUDIT_VENV)/bin/python tests/audit/advisories.py "$$($(RUN) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; fi

$(AUDIT_VENV)/.ready: tests/audit/requirements.txt
	$(PYTHON) -m venv $(AUDIT_VENV)
	$(AUDIT_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

test-real: setup ## the checks that need real data in SHARED_DIR (default ../shared)
	@if [ -d "$(SHARED_DIR)/data" ]; then SHARED_DIR="$(SHARED_DIR)" OMP_NUM_THREADS=2 $(RUN) -m pytest -m real tests/real; \
	else echo "test-real: no real data in $(SHARED_DIR)/data, nothing was checked; SHARED_DIR=DIR names another place"; fi

test-wheel: setup ## builds the wheel, installs it into an empty environment, and uses it from another folder
	$(DEMO_BACKBONE)
	OMP_NUM_THREADS=1 $(RUN) -m pytest -m wheel tests/wheel

$(ADAPTERHUB_VENV)/.ready: tests/adapterhub/requirements.txt
	$(PYTHON) -m venv $(ADAPTERHUB_VENV)
	$(ADAPTERHUB) -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

test-adapterhub: setup $(ADAPTERHUB_VENV)/.ready ## adapters and heads to and fro between this project and `adapters`
	rm -rf $(EXCHANGE)
	$(ADAPTERHUB) tests/adapterhub/theirs.py write $(EXCHANGE)/theirs
	$(RUN) tests/adapterhub/ours.py check $(EXCHANGE)/theirs
	$(RUN) tests/adapterhub/ours.py write $(EXCHANGE)/theirs $(EXCHANGE)/ours
	$(ADAPTERHUB) tests/adapterhub/theirs.py check $(EXCHANGE)/ours
	$(ADAPTERHUB) tests/adapterhub/iterations.py

$(BOUNDS_VENV)/.ready: pyproject.toml requirements-dev.txt tests/helpers/lowest.py
	$(PYTHON) -m venv $(BOUNDS_VENV)
	$(BOUNDS) tests/helpers/lowest.py > $(BOUNDS_VENV)/lowest.txt
	grep -E '^(pytest|pytest-xdist|hypothesis|seqeval)==' requirements-dev.txt >> $(BOUNDS_VENV)/lowest.txt
	$(BOUNDS) -m pip install --quiet --disable-pip-version-check -r $(BOUNDS_VENV)/lowest.txt
	$(BOUNDS) -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

test-bounds: $(BOUNDS_VENV)/.ready ## a part of the tests with the oldest packages that pyproject.toml allows
	OMP_NUM_THREADS=1 $(BOUNDS) -m pytest -m "" -n 2 --dist worksteal $(BOUNDS_TESTS)

test-browser: setup ## the report's page in a headless Chromium, the system's own or CHROMIUM=PATH
	@$(RUN) tests/browser/chromium.py
	OMP_NUM_THREADS=1 $(RUN) -m pytest -m browser tests/browser

test-slurm: setup ## sweeps through a SLURM of one node, this machine, in a temporary folder: a quarter of an hour on two cores
	@$(RUN) -m tests.slurm.cluster
	OMP_NUM_THREADS=1 $(RUN) -m pytest -m slurm tests/slurm

test-notebooks: setup ## the notebooks in docs/notebooks, run from top to bottom; the demo backbone is pretrained first
	$(DEMO_BACKBONE)
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --nbmake --nbmake-timeout=$(NOTEBOOK_SECONDS) docs/notebooks

notebooks: setup ## run the notebooks and keep their outputs
	$(DEMO_BACKBONE)
	OMP_NUM_THREADS=1 $(RUN) -m pytest --nbmake --overwrite --nbmake-timeout=$(NOTEBOOK_SECONDS) docs/notebooks
	$(RUN) -m tests.helpers.notebooks docs/notebooks/*.ipynb

replica: setup ## a part of the study on a real backbone again, against its records: SHARED_DIR or REPLICA_BACKBONE, _TEXT, _DATA
	$(RUN) experiments/replica/repeat.py --backbone "$(REPLICA_BACKBONE)" --text "$(REPLICA_TEXT)" --data "$(REPLICA_DATA)"

lint: setup ## ruff (format and rules) and mypy
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

clean: ## remove .venv, caches, and nothing that was trained
	rm -rf $(VENV) $(ADAPTERHUB_VENV) $(BOUNDS_VENV) $(AUDIT_VENV) .mypy_cache .ruff_cache .hypothesis
