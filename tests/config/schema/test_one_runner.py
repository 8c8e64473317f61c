"""One process at a time changes a database: several real processes, on each engine."""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.config.schema.processes import LIMIT, rows, run, script, start, wait_for
from tests.engines import connect, fresh_database, present
from tests.servers import pgbouncer
from tests.warm import Process

pytestmark = pytest.mark.every_engine


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        yield address


def test_six_at_once_on_an_empty_database_all_succeed_and_nothing_runs_twice(engine):
    for _ in range(5):
        with fresh_database(engine) as url:
            processes = [start(url, "migrate") for _ in range(6)]
            answers = [process.communicate(timeout=LIMIT) for process in processes]

            assert [process.returncode for process in processes] == [0] * 6, answers
            applied = rows(url, "SELECT app, name FROM django_migrations ORDER BY id")
            assert applied == [("counted", "0001_table"), ("counted", "0002_count"), ("counted", "0003_count")]
            assert rows(url, "SELECT what FROM counted_count ORDER BY id") == [("0002",), ("0003",)]
            assert rows(url, "SELECT owner, step FROM schema_claims") == [(None, None)]


@contextlib.contextmanager
def holder(url: str, seconds: float) -> Iterator[Process]:
    """A run that is in the middle of a statement of so many seconds."""
    process = start(url, "migrate", apps="slow", SLEEP_SECONDS=str(seconds))
    try:
        wait_for(lambda: rows(url, "SELECT 1 FROM schema_claims WHERE step LIKE '%slow%'"), "the holder to begin")
        time.sleep(0.3)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def test_who_does_not_want_to_wait_exits_with_3_and_names_the_holder(url):
    with holder(url, 20) as process:
        began = time.monotonic()
        code, printed = run(url, "migrate", "--lock-timeout", "0", apps="slow")

        assert code == 3
        assert f"process {process.pid} on " in printed
        assert "applying slow.0001_sleep" in printed
        assert "give --lock-timeout more seconds" in printed
        assert time.monotonic() - began < 15
        assert process.poll() is None


def test_reading_does_not_wait(url):
    with holder(url, 20):
        code, printed = run(url, "migrate", "--plan", apps="slow")
        assert (code, "slow.0001_sleep" in printed) == (0, True)
        assert run(url, "migrate", "--check", apps="slow")[0] == 1


def test_reading_makes_no_table(url):
    assert run(url, "migrate", "--plan")[0] == 0
    assert run(url, "migrate", "--check")[0] == 1

    with pytest.raises(Exception, match="schema_claims"):
        rows(url, "SELECT * FROM schema_claims")


def test_a_holder_that_is_killed_is_waited_for_until_its_statement_has_ended(engine, url):
    with holder(url, 10) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        began = time.monotonic()
        if engine != "sqlite":
            # The server still runs the statement of the dead.
            assert run(url, "migrate", "--lock-timeout", "0", apps="slow")[0] == 3
        code, printed = run(url, "migrate", apps="slow", SLEEP_SECONDS="0")

        assert code == 0, printed
        assert time.monotonic() - began < 60
        assert rows(url, "SELECT name FROM django_migrations WHERE app = 'slow'") == [("0001_sleep",)]
        assert rows(url, "SELECT owner, epoch FROM schema_claims") == [(None, 2)]


def test_a_waiter_says_for_whom_it_waits(url):
    with holder(url, 8) as process:
        waiting = start(url, "migrate", apps="slow", SLEEP_SECONDS="0")
        printed, complained = waiting.communicate(timeout=LIMIT)

    assert waiting.returncode == 0
    assert re.search(rf"Waiting for process {process.pid} on .* at applying slow.0001_sleep", complained)
    assert "No migrations to apply" in printed


def test_a_migration_that_fails_frees_the_lock(url):
    assert run(url, "migrate", "counted", "0001")[0] == 0
    with contextlib.closing(connect(url)) as connection:
        connection.cursor().execute("DROP TABLE counted_count")

    code, _ = run(url, "migrate")

    assert code == 1
    assert rows(url, "SELECT owner FROM schema_claims") == [(None,)]
    assert run(url, "migrate", "counted", "zero", "--fake", "--lock-timeout", "0")[0] == 0


BY_HAND = """
import django; django.setup()
from django.core.management import call_command
from config.schema.management.commands.migrate import Command
call_command(Command(), verbosity=0)
"""


def test_it_works_in_a_project_that_has_not_installed_the_app(url):
    done = script(url, BY_HAND, SCHEMA_APP="")

    assert done.returncode == 0, done.stderr
    assert rows(url, "SELECT command, outcome FROM schema_runs") == [("migrate", "done")]
    assert rows(url, "SELECT owner, epoch FROM schema_claims") == [(None, 1)]
    assert len(rows(url, "SELECT 1 FROM django_migrations")) == 3


def test_a_database_of_tests_is_made_on_its_own_connection_and_says_so(engine, url):
    elsewhere = f"{url}?timeout=7" if engine == "sqlite" else url.replace("127.0.0.1", "localhost")
    make = (
        "from django.db import connection as c; name = c.settings_dict['NAME'];"
        "c.creation.create_test_db(verbosity=0); c.creation.destroy_test_db(name, verbosity=0)"
    )
    code, printed = run(url, "shell", "-v0", "-c", make, DATABASE_MIGRATE_URL=elsewhere)

    assert (code, "DATABASE_MIGRATE_URL is ignored" in printed) == (0, True), printed
    with pytest.raises(Exception, match="django_migrations"):
        rows(url, "SELECT 1 FROM django_migrations")


@pytest.mark.skipif("postgresql" not in present(), reason="no PostgreSQL in this run")
class TestBehindAPooler:
    def test_that_gives_each_transaction_another_session_nothing_is_run(self):
        with fresh_database("postgresql") as url, pgbouncer(url, "transaction") as pooler:
            code, printed = run(pooler.url, "migrate")

            assert code == 4
            assert "set DATABASE_MIGRATE_URL to a direct address" in printed
            assert urlsplit(url).password not in printed
            assert rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []

    def test_that_gives_each_transaction_another_session_migrate_goes_past_it(self):
        with fresh_database("postgresql") as url, pgbouncer(url, "transaction") as pooler:
            code, printed = run(pooler.url, "migrate", DATABASE_MIGRATE_URL=url)

            assert code == 0, printed
            assert len(rows(url, "SELECT 1 FROM django_migrations")) == 3

    def test_that_keeps_sessions_the_operator_may_vouch_for_it(self):
        with fresh_database("postgresql") as url, pgbouncer(url, "session") as pooler:
            assert run(pooler.url, "migrate")[0] == 4
            assert run(pooler.url, "migrate", SCHEMA_POOL="session")[0] == 0
            assert len(rows(url, "SELECT 1 FROM django_migrations")) == 3

    def test_under_whose_other_name_for_the_database_the_lock_is_the_same(self):
        with fresh_database("postgresql") as url, pgbouncer(url, "session", alias="other") as pooler, holder(url, 6):
            address = urlsplit(pooler.url)._replace(path="/other").geturl()
            code, printed = run(address, "migrate", "--lock-timeout", "0", apps="slow", SCHEMA_POOL="session")

            assert code == 3, printed
            assert "is being changed by process" in printed
