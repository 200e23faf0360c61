# The README's commands. They need make and Python 3.11, 3.12 or 3.13; another interpreter: make demo PYTHON=python3.12
# An environment is created once. It is installed again only when setup.cfg, pyproject.toml or the Python version changes.

PYTHON ?= python3
JOBS ?= 2
DEMO ?= demo
MODEL_VERSION ?= 3

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
USER_ENV := .venv
TEST_ENV := .venv-test
PYTEST := TF_CPP_MIN_LOG_LEVEL=2 TF_NUM_INTRAOP_THREADS=1 $(TEST_ENV)/bin/python -m pytest
NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
# config.py and two_checkouts.py measure what their arguments name.
NEED_ARGUMENTS := $(patsubst %,benchmarks/%.py,between_conditions config two_checkouts walk_length)
BENCHMARKS := $(sort $(filter-out benchmarks/_% $(NEED_ARGUMENTS),$(wildcard benchmarks/*.py)))

.PHONY: help demo model lint test test-quick test-addons test-engines notebooks docs docs-reference bench clean check-python
.DEFAULT_GOAL := help

help:
	@echo 'make demo        install, then draw walkers, train, print the rank-1 table, export, identify (writes $(DEMO)/)'
	@echo 'make model       draw 170 varied synthetic people, train on them, export saved_models/walkers_wide (an hour)'
	@echo 'make lint        check format and style with ruff'
	@echo 'make test        lint, then all tests and the notebooks, in a separate environment'
	@echo 'make test-quick  lint, then the tests that take seconds'
	@echo 'make test-addons compare the triplet losses with tensorflow-addons 0.23, in a third environment (Python 3.11, 2 GB)'
	@echo 'make test-engines  give an export to TensorFlow 2.15 and OpenVINO, in environments with Python 3.11'
	@echo 'make notebooks   execute the notebooks and save their outputs'
	@echo 'make docs        build the documentation site into build/site, from the notebooks as they are stored'
	@echo 'make docs-reference  write the reference pages in docs/ from the code'
	@echo 'make bench       measure every part on this machine, compared with PyTorch; QUICK=1 for a first look'
	@echo 'make clean       remove the environments (not $(DEMO)/ and not runs/)'
	@echo 'Another interpreter: PYTHON=python3.12   parallel tests: JOBS=$(JOBS)   demo folder: DEMO=$(DEMO)   version: MODEL_VERSION=$(MODEL_VERSION)'

demo: $(USER_ENV)/installed-$(VERSION)
	$(USER_ENV)/bin/tf3dlocal demo $(DEMO)

# Every step is resumed where it was interrupted. The export never replaces a version: it is the next one.
model: $(USER_ENV)/installed-$(VERSION)
	$(USER_ENV)/bin/tf3dlocal walkers wide/raw --subjects 170 --frames 36 --variety wide
	$(USER_ENV)/bin/tf3dlocal prepare wide/raw wide/prepared
	$(USER_ENV)/bin/tf3dlocal train configs/three_d_local_walkers_wide.yaml --data wide/prepared
	$(USER_ENV)/bin/tf3dlocal evaluate runs/three_d_local_walkers_wide --data wide/prepared \
	  --protocol configs/protocols/walkers_wide.yaml
	$(USER_ENV)/bin/tf3dlocal export runs/three_d_local_walkers_wide saved_models/walkers_wide --version $(MODEL_VERSION)

# Seconds. It runs before the tests, so that a style error is reported at once.
lint: $(TEST_ENV)/installed-$(VERSION)
	$(TEST_ENV)/bin/ruff format --check .
	$(TEST_ENV)/bin/ruff check .

# One worker per core with one thread each. loadfile keeps the tests of a file together, because they share costly fixtures.
test: lint
	$(PYTEST) -n $(JOBS) --dist loadfile --nbmake --nbmake-kernel=python3 --nbmake-timeout=1200 tests $(NOTEBOOKS)

test-quick: lint
	$(PYTEST) -n $(JOBS) --dist loadfile -m "not slow" tests

# TensorFlow 2.15 is the last that tensorflow-addons imports, and 3.11 the last Python that it runs on.
PYTHON311 ?= python3.11
ADDONS_ENV := .venv-addons
OPENVINO_ENV := .venv-openvino
SEED ?= 1

test-addons: $(TEST_ENV)/installed-$(VERSION) $(ADDONS_ENV)/installed
	mkdir -p build
	TF_CPP_MIN_LOG_LEVEL=2 $(ADDONS_ENV)/bin/python tests/losses/addons_vectors.py build/addons_vectors.npz $(SEED)
	ADDONS_VECTORS=build/addons_vectors.npz $(PYTEST) tests/losses/test_hard_and_semihard_losses.py

test-engines: $(TEST_ENV)/installed-$(VERSION) $(ADDONS_ENV)/installed $(OPENVINO_ENV)/installed
	mkdir -p build
	TF_CPP_MIN_LOG_LEVEL=2 $(TEST_ENV)/bin/python tests/serving/other_engines.py write build/engines
	TF_CPP_MIN_LOG_LEVEL=2 $(ADDONS_ENV)/bin/python tests/serving/other_engines.py tensorflow build/engines
	$(OPENVINO_ENV)/bin/python tests/serving/other_engines.py openvino build/engines

$(ADDONS_ENV)/installed:
	$(PYTHON311) -m venv --clear $(ADDONS_ENV)
	$(ADDONS_ENV)/bin/python -m pip install 'tensorflow==2.15.*' 'tensorflow-addons==0.23.*' 'numpy<2'
	@touch $@

$(OPENVINO_ENV)/installed:
	$(PYTHON311) -m venv --clear $(OPENVINO_ENV)
	$(OPENVINO_ENV)/bin/python -m pip install openvino numpy
	@touch $@

notebooks: $(TEST_ENV)/installed-$(VERSION)
	$(PYTEST) --nbmake --nbmake-kernel=python3 --nbmake-timeout=1200 --overwrite $(or $(NOTEBOOKS),$(error no notebooks/*.ipynb))

# Less than a minute. Warnings are errors, such as a link that leads nowhere. Nothing is fetched and no notebook is run.
docs: $(TEST_ENV)/installed-$(VERSION)
	TF_CPP_MIN_LOG_LEVEL=2 $(TEST_ENV)/bin/python -m sphinx --fail-on-warning --fresh-env --write-all --quiet -c docs/site . build/site
	@echo 'written: build/site/index.html'

docs-reference: $(TEST_ENV)/installed-$(VERSION)
	TF_CPP_MIN_LOG_LEVEL=2 $(TEST_ENV)/bin/python docs/make_reference.py

# All scripts in alphabetical order, in the environment with PyTorch, which the library is compared with.
bench: $(TEST_ENV)/installed-$(VERSION)
	set -e; for script in $(or $(BENCHMARKS),$(error no benchmarks/*.py)); do \
	  $(if $(QUICK),grep -q -e --quick $$script || { echo "== $$script has no --quick: left out"; continue; };) \
	  echo "== $$script"; TF_CPP_MIN_LOG_LEVEL=2 $(TEST_ENV)/bin/python $$script $(if $(QUICK),--quick); done

clean:
	rm -rf $(USER_ENV) $(TEST_ENV) $(ADDONS_ENV) $(OPENVINO_ENV) build *.egg-info .pytest_cache .ruff_cache

check-python:
	@case "$(VERSION)" in \
	  3.11|3.12|3.13) ;; \
	  '') echo "error: cannot run '$(PYTHON)'. Install Python 3.11, 3.12 or 3.13, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1 ;; \
	  *) echo "error: '$(PYTHON)' is Python $(VERSION), and TensorFlow 2.21 needs 3.11, 3.12 or 3.13. Name one: make PYTHON=python3.12" >&2; exit 1 ;; \
	esac

# $(1) is the folder, $(2) what to install. The marker files carry the Python version, so that another interpreter creates
# the environment again.
define environment
$(1)/installed-$(VERSION): setup.cfg pyproject.toml | check-python
	@test -f $(1)/made-with-$(VERSION) || { \
	  echo "creating $(1) with Python $(VERSION)"; $$(PYTHON) -m venv --clear $(1) && touch $(1)/made-with-$(VERSION); }
	@echo "installing into $(1) (about 2 GB with TensorFlow; minutes the first time)"
	$(1)/bin/python -m pip install --disable-pip-version-check -e '$(2)'
	@touch $$@
endef
$(eval $(call environment,$(USER_ENV),.))
$(eval $(call environment,$(TEST_ENV),.[test]))
