# Two commands are enough: `make run` and `make test`. `make help` lists the others.

VENV ?= .venv
PORT ?= 8000
ENGINES ?= sqlite,postgresql,mariadb
PYTHON := $(VENV)/bin/python
MANAGE := $(PYTHON) manage.py
INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes

comma := ,
engines := $(subst $(comma), ,$(ENGINES))
servers := $(filter postgresql mariadb,$(engines)) $(if $(filter postgresql,$(engines)),pgbouncer)
# The MySQL driver is built from source, so only those who need it get it.
database := $(or $(DATABASE_URL),$(shell sed -n 's/^DATABASE_URL=//p' .env 2>/dev/null))
driver := $(if $(filter mysql% mariadb%,$(database)),mysql)
test_driver := $(if $(filter mariadb,$(engines)),mysql)

exit_0_if_empty := from inventory.models import VMContext; raise SystemExit(VMContext.objects.exists())
installed = $(1:%=$(VENV)/installed-%)

.DEFAULT_GOAL := help
.PHONY: help run test setup lint format bench test-kill test-cluster test-jobs test-readiness test-api test-django docs lock \
	db-migrate db-rollback db-migrate-create db-version db-status db-seed db-clean db-reset db-test-setup \
	db-test-clean db-validate db-console db-backup db-restore \
	packages-for-run packages-for-test packages-for-cluster ready-for-test

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: db-migrate ## the hub on 127.0.0.1, PORT=8000, with its worker, and a demonstration estate if its database is empty
	@if $(MANAGE) shell -v0 -c "$(exit_0_if_empty)"; then $(MANAGE) seed; \
		else echo "There are VMs already, so none is seeded. $(MANAGE) changepassword admin sets a new password."; fi \
		|| { echo "Next: read the message above; make db-status shows the database."; exit 1; }
	@echo "Recovery Hub on http://127.0.0.1:$(PORT)/ (Ctrl-C ends it)"
	@trap 'kill $$worker $$! 2>/dev/null; wait' EXIT; trap 'exit 0' INT TERM HUP; \
		$(MANAGE) worker & worker=$$!; $(MANAGE) runserver 127.0.0.1:$(PORT) & server=$$!; \
		while kill -0 $$worker && kill -0 $$server; do sleep 1; done 2>/dev/null; \
		echo "The server or its worker has ended, and the other with it."; \
		echo "Next: read the message above; if the port is taken, say make run PORT=8001."; exit 1

test: ready-for-test lint ## lint and the whole suite; ENGINES=sqlite for one engine, ARGS for pytest
	@echo "Tests on: $(engines)"
	@REQUIRE_BROWSER=1 $(PYTHON) -m tests.run --engines "$(ENGINES)" $(ARGS) \
		|| { echo "Next: run a failed test alone with $(PYTHON) -m pytest PATH::NAME"; exit 1; }

setup: packages-for-run $(call installed,dev) ## the virtual environment with all that development needs

lint: setup ## ruff and mypy
	@$(PYTHON) -m ruff check . || { echo "Next: mend what is listed; make format mends some of it."; exit 1; }
	@$(PYTHON) -m ruff format --check . || { echo "Next: make format"; exit 1; }
	@$(PYTHON) -m mypy || { echo "Next: mend the types listed above."; exit 1; }

format: setup ## lay the code out
	@$(PYTHON) -m ruff check --fix-only .
	@$(PYTHON) -m ruff format .

test-kill: ready-for-test ## kill migrate at every boundary between statements, on every engine (hours)
	@$(PYTHON) -m tests.awkward --engines "$(ENGINES)"

test-jobs: setup ## 32 clients at once that want the same 8 VMs, 10,000 times (minutes)
	@$(PYTHON) -m pytest -s -m slow tests/config/jobs/test_colliding.py $(ARGS)

test-readiness: setup ## readiness of 500 estates of chance, against a person's way of looking it up (minutes)
	@$(PYTHON) -m pytest -m slow tests/failover/test_readiness_estates.py $(ARGS)

test-api: ready-for-test ## the API against its OpenAPI document, with many calls of chance, on every engine (minutes)
	@$(PYTHON) -m tests.run --slow --engines "$(ENGINES)" tests/config/api/test_as_declared.py $(ARGS)

test-django: ready-for-test ## Django's own tests of migrations, with our migrate in the place of Django's
	@$(PYTHON) -m tests.django_suite --engines "$(ENGINES)"

test-cluster: packages-for-cluster setup $(call installed,mysql) ## the lock of migrate on a Galera cluster (two minutes)
	@$(PYTHON) -m pytest -m slow tests/config/schema/test_cluster.py $(ARGS)

bench: ready-for-test ## the benchmarks; ENGINES and ARGS as for test
	@$(PYTHON) -m tests.benchmarks --engines "$(ENGINES)" $(ARGS)

docs: packages-for-test setup ## the generated pages and pictures of docs/
	@$(MANAGE) schema_document --write
	@$(MANAGE) jobs_document --write
	@UPDATE_PICTURES=1 REQUIRE_BROWSER=1 $(PYTHON) -m pytest -q tests/browser

db-migrate: packages-for-run $(call installed,demo $(driver)) ## bring the database up to date
	@echo "Bringing the database up to date"
	@$(MANAGE) migrate --verbosity 0 || { echo "Next: read the message above; make db-status shows what is applied."; exit 1; }

db-rollback: $(call installed,demo $(driver)) ## take back the last migration, after saying what is lost; ARGS=3 takes three
	@$(MANAGE) rollback $(ARGS)

db-migrate-create: $(call installed,demo $(driver)) ## a new, empty migration; APP=inventory NAME=add_rack
	@name="$(NAME)"; [ -n "$$name" ] || { printf 'Name of the migration: '; read -r name; }; \
		$(MANAGE) makemigrations $(or $(APP),inventory) --empty --name "$$name"

db-version: $(call installed,demo $(driver)) ## which migration was recorded last, and whether all is well
	@$(MANAGE) schema_health

db-seed: db-migrate ## fill the database with the demonstration estate
	@$(MANAGE) seed

db-clean: $(call installed,demo $(driver)) ## remove what seed made
	@$(MANAGE) seed --clear

db-reset: packages-for-run $(call installed,demo $(driver)) ## drop all tables, migrate and seed; says first what that destroys
	@$(MANAGE) resetdb $(ARGS)

db-test-setup: packages-for-run $(call installed,demo $(driver)) ## make the test database of the server; tests make their own, too
	@$(MANAGE) testdb make

db-test-clean: $(call installed,demo $(driver)) ## drop the test database
	@$(MANAGE) testdb drop

db-backup: $(call installed,demo $(driver)) ## a back-up under BACKUP_DIR
	@$(MANAGE) dbbackup $(ARGS)

db-restore: $(call installed,demo $(driver)) ## restore a back-up; FILE=var/backups/... ARGS="--replace --yes"
	@$(MANAGE) dbrestore $(FILE) $(ARGS)

db-status: $(call installed,demo $(driver)) ## which migrations are applied, and in which state the schema is
	@$(MANAGE) schema_status; state=$$?; [ $$state = 6 ] || $(MANAGE) showmigrations; exit $$state

db-validate: $(call installed,demo $(driver)) ## whether models, migrations and settings fit together
	@$(MANAGE) makemigrations --check --dry-run
	@$(MANAGE) check
	@$(MANAGE) schema_check

db-console: $(call installed,demo $(driver)) ## the database's own shell
	@$(MANAGE) dbshell

lock: setup ## write requirements/*.txt anew from pyproject.toml; ARGS=--upgrade takes newer releases
	@for want in "dev --extra=demo --extra=dev" base "demo --extra=demo" "mysql --extra=mysql" \
		"build --only-build-deps --build-deps-for=wheel"; do \
		set -- $$want; file=requirements/$$1.txt; shift; echo "writing $$file"; \
		[ $$file = requirements/dev.txt ] || set -- "$$@" --constraint=requirements/dev.txt; \
		CUSTOM_COMPILE_COMMAND="make lock" $(PYTHON) -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras \
			--no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(ARGS) "$$@" --output-file=$$file pyproject.toml \
			|| exit 1; \
	done

# Each lock file is installed once, and again when it changes.
$(VENV)/installed-%: requirements/%.txt | $(PYTHON)
	@echo "Installing $< (its hashes are checked)"
	@$(INSTALL) -r $< || { echo "Next: see above; without a network, point pip at a mirror (PIP_INDEX_URL)."; exit 1; }
	@touch $@

$(VENV)/installed-mysql: INSTALL += --no-build-isolation
$(VENV)/installed-mysql: $(VENV)/installed-build

$(PYTHON): | packages-for-run
	@echo "Making $(VENV) with $$(.ci/python)"
	@"$$(.ci/python)" -m venv --clear $(VENV)

packages-for-run:
	@.ci/packages python $(driver)

# The packages first: the driver is built with them.
packages-for-test:
	@.ci/packages python $(servers) $(test_driver) vcsim browser

packages-for-cluster:
	@.ci/packages python mysql mariadb galera

ready-for-test: packages-for-test setup $(call installed,$(test_driver))
