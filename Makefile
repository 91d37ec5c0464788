# make demo: the whole road on the starter publication. make test: the tests. Neither needs anything but Python 3.11.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO_TIME := 2026-11-20T08:10

.PHONY: demo test slow faults check catalogues serve judges clean

demo: $(VENV)/demo.stamp
	@$(BIN)/publisher subscribers import subscribers.csv
	@$(BIN)/publisher run --now $(DEMO_TIME)
	@echo
	@$(BIN)/publisher status
	@echo
	@echo "Look at:  public/index.html        the web pages; or: $(BIN)/publisher serve"
	@echo "          public/feeds/all.rss     a feed, made as feeds/all.toml says"
	@echo "          $$(ls mail/new/* mail/cur/* 2>/dev/null | head -n 1)"
	@echo "                                   a reader's message; its pictures would be on the web. To see it with them:"
	@echo "          $(BIN)/publisher preview all --open"

test: $(VENV)/test.stamp
	@$(BIN)/python -m pytest -n auto -q -rs -m "not slow"

# What `test` leaves out: kills at each commit, random histories, servers of others.
slow: $(VENV)/test.stamp
	@$(BIN)/python -m pytest -n auto -q -rs -m slow

# Kills, freezes, full disks and restarted databases at random points; make faults SEEDS=20 FIRST=300 for others.
SEEDS ?= 300
FIRST ?= 0
faults: $(VENV)/test.stamp
	$(BIN)/python -m tests.faults --seeds $(SEEDS) --first $(FIRST)

# Everything that continuous integration checks.
check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto -q -rs

# After a change of the fixed texts: brings the message catalogues up to date, and says what lacks a translation.
catalogues: $(VENV)/test.stamp
	$(BIN)/python -m tests.theme.texts

serve: $(VENV)/demo.stamp
	$(BIN)/publisher serve

# What others say of our mail: see CONTRIBUTING.md. Ten minutes; screenshots into screenshots/.
judges: $(VENV)/test.stamp tests/judges/node_modules
	$(BIN)/python -m tests.judges

tests/judges/node_modules: tests/judges/package.json
	npm install --prefix tests/judges --no-package-lock --no-fund --no-audit
	@touch $@

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: Python 3.11 or newer is needed; name it with: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "make: python3-venv is missing; install it with: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/demo.stamp: $(VENV)/python.stamp pyproject.toml constraints.txt
	@echo "installing publisher into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/test.stamp: $(VENV)/python.stamp pyproject.toml constraints.txt
	@echo "installing publisher and what its tests need into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/python.stamp pyproject.toml constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,dev]"
	@touch $@

clean:
	rm -rf $(VENV) public publisher.db publisher.db-* mail preview .publisher secrets.toml
