"""The database is reset in development, after it was said what that destroys, and nowhere else."""

import json
from collections.abc import Iterator

import pytest

from tests.config.schema.manage import manage, run_manage
from tests.config.schema.processes import rows, run_sql
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine

VM = "SELECT count(*) FROM vm_replication_contexts"


@pytest.fixture(scope="module")
def seeded(engine: str) -> Iterator[str]:
    with fresh_database(engine) as url:
        manage(url, "migrate", "--verbosity=0")
        manage(url, "seed")
        yield url


def test_without_a_terminal_it_says_what_it_would_destroy_counted_and_does_nothing(seeded: str) -> None:
    [(count,)] = rows(seeded, VM)
    done = run_manage("resetdb", DATABASE_URL=seeded)
    assert (done.returncode, "say --yes" in done.stderr) == (4, True)
    assert f"vm_replication_contexts: {count}" in done.stdout
    assert rows(seeded, VM) == [(count,)]


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_it_refuses_outside_development_whatever_is_said(environment: str, seeded: str) -> None:
    keys = {"SECRET_KEY": "k" * 40, "FIELD_ENCRYPTION_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
    more = {"ALLOWED_HOSTS": "hub.example", "ALLOW_SQLITE_IN_PRODUCTION": "yes", "DEBUG": "no"}
    done = run_manage(
        "resetdb", "--yes", "--yes-lose-data", DATABASE_URL=seeded, ENVIRONMENT=environment, **keys, **more
    )
    assert (done.returncode, f"ENVIRONMENT is {environment}" in done.stderr) == (4, True)
    assert rows(seeded, VM) != [(0,)]


def test_it_refuses_a_database_that_others_use_too(seeded: str) -> None:
    run_sql(seeded, "CREATE TABLE invoices (id integer)")
    try:
        done = run_manage("resetdb", "--yes", "--yes-lose-data", DATABASE_URL=seeded)
    finally:
        run_sql(seeded, "DROP TABLE invoices")
    assert (done.returncode, "No migration of this code makes invoices" in done.stderr) == (4, True)
    assert rows(seeded, VM) != [(0,)]


def test_it_drops_migrates_and_seeds_so_that_a_second_time_gives_the_same(seeded: str) -> None:
    before = manage(seeded, "schema_dump")
    run_sql(seeded, "DELETE FROM seeded_rows")
    refused = run_manage("resetdb", "--yes", DATABASE_URL=seeded)
    assert (refused.returncode, "VMs were not made by seed" in refused.stderr) == (4, True)

    printed = manage(seeded, "resetdb", "--yes", "--yes-lose-data")
    assert "All tables were dropped and made anew." in printed and "Sign in as admin" in printed
    assert manage(seeded, "schema_dump") == before
    assert json.loads(manage(seeded, "schema_status", "--format=json"))["state"] == "ready"
    seeded_count = rows(seeded, VM)
    manage(seeded, "resetdb", "--yes", "--no-seed")
    assert (seeded_count == [(0,)], rows(seeded, VM)) == (False, [(0,)])


def test_an_empty_database_is_simply_made(engine: str) -> None:
    with fresh_database(engine) as url:
        manage(url, "resetdb", "--no-seed")
        assert json.loads(manage(url, "schema_status", "--format=json"))["state"] == "ready"


def test_the_test_database_is_made_migrated_and_dropped_beside_the_real_one(engine: str) -> None:
    with fresh_database(engine) as url:
        for _ in range(2):
            assert ("is there, and migrated" if engine != "sqlite" else "in memory") in manage(url, "testdb", "make")
        if engine != "sqlite":
            server, _, name = url.rpartition("/")
            assert rows(f"{server}/test_{name}", VM) == [(0,)]
        for _ in range(2):
            manage(url, "testdb", "drop")
        if engine != "sqlite":
            with pytest.raises(Exception, match=f"test_{name}"):
                rows(f"{server}/test_{name}", VM)
