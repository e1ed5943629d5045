# `make repro` and `make test` need git, make and Python 3.11 or 3.12, nothing else.
.DEFAULT_GOAL := help
.PHONY: help install repro new use page look experiments search test longtest check lock schema agreement review runs merge migrate register promote clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 12

install: $(VENV)/installed ## create .venv and install what pyproject.toml names, in the versions of .ci/constraints.txt

$(VENV)/installed: pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(f"Python 3.11 or 3.12 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...") if not (3, 11) <= v < (3, 13) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[dev]'
	@touch $@

repro: install ## run the line, then show the results
	dvc repro
	@python -m review.results

use: install ## RECIPE=sst2: params.yaml from a recipe; DATA=folder reads that in place of the recipe's source
	@python -m workbench.use "$(RECIPE)" "$(DATA)"

page: install ## this run as one HTML page to look at, offline: .groundwork/page.html
	@python -m workbench.page

look: install ## WHAT=rejected|dropped|derived|mistakes|CLASS: samples to look at (LIMIT=20 SPLIT=test SHEET=look.html)
	@python -m workbench.look "$(WHAT)" $(if $(LIMIT),--limit "$(LIMIT)") $(if $(SPLIT),--split "$(SPLIT)") $(if $(SHEET),--sheet "$(SHEET)")

experiments: install ## the last commit's experiments: what differs, scores, and on what the next one builds
	@python -m workbench.experiments

search: install ## try the values of the block search in params.yaml; NEW=1 begins anew
	@python -m review.search $(if $(NEW),--new)

test: install ## run the tests, on all cores
	python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

longtest: install ## the search, the queue and twenty kills end to end: half an hour
	python -m pytest -m long

check: install ## lint, types, workflows and params, as the pre-commit hooks do
	ruff check .
	ruff format --check .
	mypy
	zizmor --offline --quiet .github
	python -m review.params

lock: ## choose the newest versions that pyproject.toml allows, into .ci/constraints.txt
	@$(PYTHON) -m workbench.lock

schema: install ## write the JSON schema of params.yaml that editors use
	python -m review.params --write-schema

agreement: install ## do params, code, dvc.lock and metrics belong together? Needs no data
	@python -m review.agreement

review: install ## what changed: BASE (default: where HEAD left the main branch) against HEAD (default: the workspace)
	@python -m review $(BASE) $(HEAD)

runs: install ## bring the runs that others have pushed: dvc repro --pull then makes none of them again
	@python -m workbench.runs

migrate: install ## after git merge upstream/main: params.yaml, recipes and results of a fork in the new version
	@python -m workbench.migrate

merge: install ## take this branch onto the main branch (or BRANCH=name), and settle dvc.lock from runs on record
	@python -m workbench.merge $(BRANCH)

register: install ## VERSION=v1.2.0: tag this commit as a version of the model, if the gates pass (against BASE)
	@python -m review.register "$(VERSION)" $(if $(BASE),--base "$(BASE)")

promote: install ## VERSION=v1.2.0 STAGE=staging|prod: assign a stage to a registered version
	@python -m review.register "$(VERSION)" --stage "$(STAGE)"

clean: ## remove the environment and caches; data, models and the DVC cache stay
	rm -rf $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
