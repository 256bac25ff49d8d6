# Footnote. `make run` starts it; `make` alone lists everything else.

SHELL := /bin/sh
SET_UP := sh scripts/set_up.sh
VENV_PYTHON := .venv/bin/python
RUN := $(VENV_PYTHON) -m
WORKERS ?= 2
PYTEST := $(RUN) pytest -n $(WORKERS) --dist loadscope

.DEFAULT_GOAL := help
.PHONY: help run test check lint types contracts deps test-services test-models e2e fuzz bench \
        front front-check messages models configuration clean

help:                ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run:                 ## install what is missing, fetch the models, start everything, print the address
	@$(SET_UP) venv front messages models
	@exec $(RUN) workers.supervise

test:                ## the tests that need nothing but this checkout
	@$(SET_UP) venv-dev messages
	@$(PYTEST) -m "not e2e and not gpu and not services and not models"

check: lint types contracts test   ## what CI asks first, in the order that fails fastest

lint:                ## style of code, templates and scripts
	@$(SET_UP) venv-dev
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@.venv/bin/djade --check $$(git ls-files 'templates/*.html')
	@$(SET_UP) front-check

types:               ## mypy --strict
	@$(SET_UP) venv-dev
	@$(RUN) mypy apps kb_platform workers scripts
	@$(RUN) mypy clients/python/src

contracts:           ## who may import whom, migrations, Django's checks, documents that must agree
	@$(SET_UP) venv-dev
	@.venv/bin/lint-imports
	@$(VENV_PYTHON) scripts/throwaway.py manage.py makemigrations --check --dry-run
	@$(VENV_PYTHON) scripts/throwaway.py manage.py check --fail-level WARNING
	@$(VENV_PYTHON) scripts/configuration.py --check
	@$(RUN) deptry .

# Real servers and a browser keep their own time: what fails there is asked once more, alone.
test-services:       ## the tests again on PostgreSQL, Redis and RabbitMQ, and those that need them
	@$(SET_UP) venv-dev messages
	@$(VENV_PYTHON) scripts/services.py -- $(PYTEST) -m "not e2e and not gpu and not models" tests/apps tests/contracts \
	  || $(VENV_PYTHON) scripts/services.py -- $(RUN) pytest --last-failed --last-failed-no-failures none -m "not e2e and not gpu and not models" tests/apps tests/contracts

test-models:         ## the tests that need the real models
	@$(SET_UP) venv-dev messages models
	@$(RUN) pytest -m models

e2e:                 ## the whole story in a browser
	@$(SET_UP) venv-dev front messages chromium
	@$(RUN) pytest -m e2e -p no:randomly || $(RUN) pytest -m e2e -p no:randomly --last-failed --last-failed-no-failures none

fuzz:                ## requests made up from the API's schema, as several callers (minutes)
	@$(SET_UP) venv-dev messages
	@$(RUN) tests.fuzz

bench:               ## the measurements of docs/benchmarks.md
	@$(SET_UP) venv-dev front messages models
	@$(RUN) bench

front:               ## build the scripts of the pages
	@$(SET_UP) venv front

front-check:         ## types, style and tests of the scripts of the pages
	@$(SET_UP) venv front-check

messages:            ## compile the translations
	@$(SET_UP) venv messages

models:              ## fetch and verify the models
	@$(SET_UP) venv models

configuration:       ## write docs/configuration.md anew
	@$(SET_UP) venv-dev
	@$(VENV_PYTHON) scripts/configuration.py

api-docs:            ## write docs/openapi.yaml and the errors in docs/api.md anew
	@$(SET_UP) venv-dev
	@$(VENV_PYTHON) scripts/api_reference.py

clean:               ## remove what was built here; data (var/) and fetched models stay
	rm -rf .venv static/dist frontend/node_modules .mypy_cache .ruff_cache .pytest_cache \
	       .import_linter_cache .hypothesis .coverage htmlcov
	find locale -name '*.mo' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
