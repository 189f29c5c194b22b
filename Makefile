# Each target makes its own environment in .venv and changes nothing outside of this folder.

BIN := .venv/bin

help:
	@echo "make demo    install into .venv and see the hooks at work; needs no agent, touches no settings"
	@echo "make test    ruff, mypy and every test"
	@echo "make interleavings   1,000 random interleavings of calls through the real hooks (minutes)"
	@echo "make matrix  every cell of the crash matrix, also those that make test leaves out (minutes)"
	@echo "make chaos   10,000 hooks killed at random; started again it goes on where it was (an hour or two)"
	@echo "make tamper  a ledger changed 2,000 times at random: each change that means something is found (minutes)"
	@echo "make bench   what a hook costs, alone and with many at once, and reading a long ledger (minutes)"
	@echo "make clean   remove .venv and all caches"

demo: .venv/installed
	@$(BIN)/python demo/run.py

test: .venv/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

interleavings: .venv/installed-for-tests
	PYTHONPATH=src:tests $(BIN)/python -m hooks.interleavings 1000

matrix: .venv/installed-for-tests
	EVERY_CELL=1 $(BIN)/pytest -n 2 tests/test_chaos.py tests/test_chaos_jobs.py

chaos: .venv/installed-for-tests
	PYTHONPATH=src:tests $(BIN)/python -m chaos 10000

tamper: .venv/installed-for-tests
	PYTHONPATH=src:tests:tests/evidence $(BIN)/python -m tampering 2000

bench: .venv/installed
	$(BIN)/python bench/hook_start.py
	$(BIN)/python bench/breakdown.py
	$(BIN)/python bench/concurrency.py
	$(BIN)/python bench/read.py

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build

.venv/installed: pyproject.toml scripts/environment
	@scripts/environment .
	@touch $@

.venv/installed-for-tests: pyproject.toml scripts/environment
	@scripts/environment '.[test]'
	@touch $@ .venv/installed

.PHONY: help demo test interleavings matrix chaos tamper bench clean
