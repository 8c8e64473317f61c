"""A database with tables and no history is adopted where they are as the migrations say, and only there."""

import json
from collections.abc import Iterator

import pytest

from tests.config.schema.manage import manage, run_manage
from tests.config.schema.processes import rows, run_sql
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine

JOURNAL = [f"schema_{name}" for name in ("answers", "statements", "operations", "steps", "runs", "claims")]


def forget(url: str) -> None:
    run_sql(url, *(f"DROP TABLE {name}" for name in ("django_migrations", *JOURNAL)))


@pytest.fixture(scope="module")
def unrecorded(engine: str) -> Iterator[str]:
    """All tables of this project, and no record of who made them."""
    with fresh_database(engine) as url:
        manage(url, "migrate", "--verbosity=0")
        forget(url)
        yield url


def test_a_database_without_history_is_adopted_once_and_then_nothing_is_to_be_done(unrecorded: str) -> None:
    printed = manage(unrecorded, "schema_baseline")
    assert "would be recorded" in printed and "contenttypes.0002_remove_content_type_name" in printed
    tables = manage(unrecorded, "schema_dump")
    assert "django_migrations" not in tables, "a dry run made a table"

    without_reason = run_manage("schema_baseline", "--apply", DATABASE_URL=unrecorded)
    assert (without_reason.returncode, "--reason" in without_reason.stderr) == (4, True)
    assert "django_migrations" not in manage(unrecorded, "schema_dump")

    manage(unrecorded, "schema_baseline", "--apply", "--reason", "made by hand in 2019")
    assert json.loads(manage(unrecorded, "schema_status", "--format=json"))["state"] == "ready"
    [run] = rows(unrecorded, 'SELECT command, reason, "by", outcome FROM schema_runs'.replace('"', quote(unrecorded)))
    assert (run[0], run[1], run[3]) == ("schema_baseline", "made by hand in 2019", "done") and run[2]
    assert rows(unrecorded, "SELECT DISTINCT faked, outcome FROM schema_steps") == [(1, "done")]

    count = rows(unrecorded, "SELECT count(*) FROM django_migrations")
    assert "nothing is to be done" in manage(unrecorded, "schema_baseline", "--apply", "--reason", "again")
    assert rows(unrecorded, "SELECT count(*) FROM django_migrations") == count
    assert "No migrations to apply" in manage(unrecorded, "migrate")


def quote(url: str) -> str:
    return "`" if url.startswith("mysql") else '"'


def test_only_one_app_is_adopted_up_to_a_migration_with_what_it_needs(engine: str) -> None:
    with fresh_database(engine) as url:
        manage(url, "migrate", "inventory", "0003", "--verbosity=0")
        forget(url)
        too_far = run_manage("schema_baseline", "inventory", "0004", DATABASE_URL=url)
        assert too_far.returncode == 4 and "The table vm_disks is not there." in too_far.stdout
        manage(url, "schema_baseline", "inventory", "0003", "--apply", "--reason", "adopted")
        recorded = {app for (app,) in rows(url, "SELECT app FROM django_migrations")}
        assert "inventory" in recorded and "failover" not in recorded
        manage(url, "migrate", "--verbosity=0")
        manage(url, "schema_status")


def test_what_differs_is_said_with_its_mend_and_nothing_is_recorded(engine: str) -> None:
    with fresh_database(engine) as url:
        manage(url, "migrate", "inventory", "0003", "--verbosity=0")
        forget(url)
        run_sql(url, "ALTER TABLE organizations ADD COLUMN extra integer NULL")
        for arguments in (("--apply", "--reason", "r"), ()):
            done = run_manage("schema_baseline", "inventory", "0003", *arguments, DATABASE_URL=url)
            assert done.returncode == 4
            assert "extra_column: The column organizations.extra is in no migration." in done.stdout
            assert "nothing was recorded" in done.stderr and "Traceback" not in done.stderr
        assert "django_migrations" not in manage(url, "schema_dump")
        run_sql(url, "ALTER TABLE organizations DROP COLUMN extra")
        manage(url, "schema_baseline", "inventory", "0003", "--apply", "--reason", "mended")


def test_the_script_that_mends_it_is_printed_and_does(engine: str) -> None:
    with fresh_database(engine) as url:
        manage(url, "migrate", "inventory", "0003", "--verbosity=0")
        forget(url)
        table = " ON vm_replication_contexts" if engine == "mariadb" else ""
        run_sql(url, f"DROP INDEX vm_contexts_moref{table}")
        done = run_manage("schema_baseline", "inventory", "0003", "--sql", DATABASE_URL=url)
        assert done.returncode == 4
        statements = [each for each in done.stdout.split(";\n") if "CREATE" in each]
        run_sql(url, *(line for each in statements for line in [each[each.index("CREATE") :].rstrip("; \n")]))
        assert "would be recorded" in manage(url, "schema_baseline", "inventory", "0003")


def test_an_empty_database_is_sent_to_migrate(engine: str) -> None:
    with fresh_database(engine) as url:
        if engine == "sqlite":
            run_sql(url, "VACUUM")
        done = run_manage("schema_baseline", DATABASE_URL=url)
        assert done.returncode == 4
        assert "run migrate" in done.stderr


def test_bad_words_are_usage_errors(engine: str, unrecorded: str) -> None:
    for words in (("nowhere",), ("inventory", "zero"), ("inventory", "9999")):
        done = run_manage("schema_baseline", *words, DATABASE_URL=unrecorded)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
