"""A migration that has to wait for a table stands in nobody's way, says for whom it waits, and ends in time."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.schema.waits import Waits
from tests.config.schema.live import connected
from tests.config.schema.processes import LIMIT, rows, run, start, wait_for
from tests.config.schema.queue import READ, Reader, holding
from tests.engines import connect, execute, fresh_database, present

pytestmark = pytest.mark.every_engine
SERVERS = [engine for engine in present() if engine != "sqlite"]
STANDS_ASIDE = 1.0
HELD = 3.0
MORE = "SELECT COUNT(more) FROM queued_{}"


@pytest.fixture
def url(server: str) -> Iterator[str]:
    with fresh_database(server) as address:
        assert run(address, "migrate", "queued", "0001", apps="queued")[0] == 0
        yield address


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def postgresql() -> Iterator[str]:
    with fresh_database("postgresql") as address:
        assert run(address, "migrate", "queued", "0001", apps="queued")[0] == 0
        yield address


only_postgresql = pytest.mark.skipif("postgresql" not in present(), reason="no PostgreSQL in this run")
only_mariadb = pytest.mark.skipif("mariadb" not in present(), reason="no MariaDB in this run")


def behind_a_reader(url: str, what: str, *held: str, say: str = "waits for", **environment: str) -> tuple[float, str]:
    """Migrate while the tables are held, and let go of them; the worst read of another client, and what was said."""
    with contextlib.ExitStack() as holders, Reader(url, "first", "second") as reader:
        cursors = [holders.enter_context(holding(url, table)) for table in held]
        process = start(url, "migrate", apps="queued", QUEUED=what, **environment)
        said: list[str] = []
        assert process.stderr
        while not said or say not in said[-1]:
            line = process.stderr.readline()
            assert line, (said, process.stdout and process.stdout.read())
            said.append(line)
        time.sleep(HELD)
        assert process.poll() is None
        for cursor in cursors:
            cursor.execute("COMMIT")
        printed, complained = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, printed + complained
    return reader.worst, "".join(said)


@pytest.mark.parametrize("stock", ["", "1"])
def test_behind_a_reader_no_other_reader_waits_and_the_migration_completes_after_it(url, stock):
    worst, said = behind_a_reader(url, "one", "first", STOCK=stock)
    assert worst < STANDS_ASIDE
    assert "Applying queued.0002_change waits for" in said
    assert rows(url, MORE.format("first")) == [(0,)]


def test_a_migration_of_two_tables_holds_none_while_it_waits_for_the_other(url):
    worst, _ = behind_a_reader(url, "two", "second")
    assert worst < STANDS_ASIDE
    assert rows(url, MORE.format("first")) + rows(url, MORE.format("second")) == [(0,), (0,)]


@pytest.mark.parametrize("what", ["sql", "sql_alone"])
def test_sql_of_a_migration_waits_outside_too(url, what):
    worst, _ = behind_a_reader(url, what, "first")
    assert worst < STANDS_ASIDE
    assert rows(url, MORE.format("first")) == [(0,)]


def test_beyond_the_limit_it_exits_with_3_names_the_blocker_and_leaves_nothing_half_done(url):
    with holding(url, "second") as cursor:
        cursor.execute("SELECT COUNT(*) FROM queued_second WHERE what = 'a secret' AND id = 4711")
        cursor.fetchall()
        began = time.monotonic()
        code, said = run(url, "migrate", "--lock-timeout", "1.5", apps="queued", QUEUED="two")
        assert (code, time.monotonic() - began < 30) == (3, True), said
        assert "Applying queued.0002_change did not get the lock of" in said
        assert f"of {urlsplit(url).username}, for " in said
        assert "Traceback" not in said and "a secret" not in said and "4711" not in said
        assert ("1205" in said, urlsplit(url).password in said) == (False, False)
    assert rows(url, "SELECT name FROM django_migrations WHERE app = 'queued'") == [("0001_tables",)]
    assert rows(url, "SELECT outcome FROM schema_runs ORDER BY id DESC")[0] == ("failed",)

    code, said = run(url, "migrate", apps="queued", QUEUED="two")
    assert code == 0, said
    assert rows(url, MORE.format("first")) + rows(url, MORE.format("second")) == [(0,), (0,)]


def test_who_does_not_want_to_wait_for_tables_does_not(url):
    with holding(url):
        assert run(url, "migrate", "--lock-timeout", "0", apps="queued")[0] == 3


def test_a_table_that_somebody_reads_at_every_moment_is_changed_all_the_same(server, url):
    wait = {"postgresql": "pg_sleep(0.2)", "mariadb": "SLEEP(0.2)"}[server]
    with contextlib.ExitStack() as readers:
        for begins_later in (0, 0.05, 0.1):
            readers.enter_context(Reader(url, f"first WHERE {wait} IS NOT NULL"))
            time.sleep(begins_later)
        code, said = run(url, "migrate", "--lock-timeout", "20", apps="queued", QUEUED="one")
    assert code == 0, said


@only_postgresql
def test_beyond_the_limit_on_postgresql_the_first_of_two_tables_is_as_it_was(postgresql):
    with holding(postgresql, "second"):
        assert run(postgresql, "migrate", "--lock-timeout", "1", apps="queued", QUEUED="two")[0] == 3
        assert rows(postgresql, "SELECT 1 FROM pg_attribute WHERE attname = 'more'") == []


@only_postgresql
def test_code_that_needs_a_table_in_use_is_run_once_rolled_back_and_the_blocker_named(postgresql, tmp_path):
    ran = tmp_path / "ran"
    with holding(postgresql, "second"):
        code, said = run(postgresql, "migrate", apps="queued", QUEUED="code", RAN=str(ran))
    assert code == 3, said
    assert "did not get the lock of ALTER TABLE queued_second" in said
    assert ran.read_text() == "ran\n"
    assert run(postgresql, "migrate", apps="queued", QUEUED="code", RAN=str(ran))[0] == 0


@only_postgresql
def test_code_that_says_that_it_may_be_run_again_is(postgresql, tmp_path):
    ran = tmp_path / "ran"
    worst, _ = behind_a_reader(postgresql, "code_again", "second", RAN=str(ran))
    assert worst < STANDS_ASIDE
    assert len(ran.read_text().splitlines()) > 1
    assert rows(postgresql, MORE.format("second")) == [(0,)]


ALTERED = [
    # a statement, and for how many seconds its first attempt waits
    ("CREATE INDEX by_what ON queued_first (id) ALGORITHM=NOCOPY LOCK=NONE", 1),
    ("CREATE INDEX by_what ON queued_first (id)", 1),
    ("ALTER TABLE queued_first MODIFY what varchar(80) NULL, ALGORITHM=INPLACE, LOCK=NONE", 1),
    ("ALTER TABLE queued_first ADD COLUMN one int NULL, ALGORITHM=INSTANT, LOCK=NONE", 0),
]


@only_mariadb
@pytest.mark.parametrize(("sql", "seconds"), ALTERED)
def test_on_mariadb_what_builds_is_patient_from_the_first_attempt_as_its_end_may_not_fail(
    sql: str, seconds: int, django_db_blocker
):
    said: list[str] = []
    with (
        django_db_blocker.unblock(),
        fresh_database("mariadb") as url,
        connected(url) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE TABLE queued_first (id int PRIMARY KEY, what varchar(80))")
        Waits(connection, limit=20).statement(sql, lambda text: (said.append(text), cursor.execute(text)))
    assert said == [f"SET STATEMENT lock_wait_timeout = {seconds} FOR {sql}"]


@only_mariadb
def test_on_mariadb_a_statement_of_code_outside_a_transaction_waits_by_itself_and_the_code_runs_once(tmp_path):
    with fresh_database("mariadb") as url:
        assert run(url, "migrate", "queued", "0001", apps="queued")[0] == 0
        ran = tmp_path / "ran"
        worst, _ = behind_a_reader(url, "code_outside", "second", RAN=str(ran))
        assert worst < STANDS_ASIDE
        assert ran.read_text() == "ran\n"


@only_postgresql
def test_an_index_built_concurrently_waits_for_a_reader_and_is_valid_after_it(postgresql):
    write = "UPDATE queued_{} SET what = 'b'"
    with holding(postgresql, statement=write) as cursor, Reader(postgresql, "first") as reader:
        process = start(postgresql, "migrate", apps="queued", QUEUED="concurrently")
        wait_for(lambda: rows(postgresql, "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%'"), "it")
        time.sleep(1)
        assert process.poll() is None
        cursor.execute("COMMIT")
        printed, complained = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, printed + complained
    assert "waits up to 60 s for session" in complained
    assert reader.worst < STANDS_ASIDE
    assert rows(postgresql, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'queued_what'::regclass") == [(True,)]


@only_postgresql
def test_an_index_built_concurrently_that_waits_too_long_is_built_by_the_next_migrate(postgresql):
    with holding(postgresql, statement="UPDATE queued_{} SET what = 'b'"):
        code, said = run(postgresql, "migrate", "--lock-timeout", "1", apps="queued", QUEUED="concurrently")
        assert (code, "did not get the lock of CREATE INDEX CONCURRENTLY" in said) == (3, True), said
    assert run(postgresql, "migrate", apps="queued", QUEUED="concurrently")[0] == 0
    assert rows(postgresql, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'queued_what'::regclass") == [(True,)]


def test_rows_that_somebody_holds_are_waited_for_within_their_own_limit(url):
    with holding(url, statement="UPDATE queued_{} SET what = 'b'"):
        began = time.monotonic()
        code, said = run(url, "migrate", apps="queued", QUEUED="rows")
        assert (code, 5 <= time.monotonic() - began < 30) == (3, True), said
        assert "did not get the lock of UPDATE" in said
    assert run(url, "migrate", apps="queued", QUEUED="rows")[0] == 0
    assert rows(url, "SELECT what FROM queued_first") == [("counted",)]


@only_mariadb
def test_on_mariadb_the_right_that_is_missing_to_see_who_is_named():
    with fresh_database("mariadb") as url:
        assert run(url, "migrate", "queued", "0001", apps="queued")[0] == 0
        parts = urlsplit(url)
        name = f"low_{os.urandom(4).hex()}"
        execute("mariadb", f"CREATE USER {name}@'%' IDENTIFIED BY 'low'")
        try:
            execute("mariadb", f"GRANT ALL ON {parts.path[1:]}.* TO {name}@'%'")
            low = parts._replace(netloc=f"{name}:low@{parts.hostname}:{parts.port}").geturl()
            with holding(url):
                code, said = run(low, "migrate", "--lock-timeout", "1", apps="queued")
            assert (code, "give this user the right PROCESS" in said) == (3, True), said
            assert run(low, "migrate", apps="queued")[0] == 0
        finally:
            execute("mariadb", f"DROP USER {name}@'%'")


def test_on_sqlite_a_file_in_use_is_an_error_that_says_what_to_do(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'hub.sqlite3'}?timeout=1"
    assert run(url, "migrate", "queued", "0001", apps="queued")[0] == 0
    plain = url.partition("?")[0]
    with contextlib.closing(connect(plain)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        code, said = run(url, "migrate", "--lock-timeout", "1", apps="queued")
        assert (code, "SQLite's file tells nobody who writes to it" in said, "Traceback" in said) == (3, True, False), (
            said
        )
        connection.execute("ROLLBACK")
    assert run(url, "migrate", apps="queued")[0] == 0
    assert rows(plain, READ.format("first")) == [(1,)]


LIMITS = {
    "postgresql": "SELECT current_setting('lock_timeout')",
    "mariadb": "SELECT @@lock_wait_timeout, @@innodb_lock_wait_timeout",
}


def test_the_session_gets_its_own_limits_back(server, url):
    script = f"""
import django; django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import post_migrate
def limits():
    with connection.cursor() as cursor:
        cursor.execute({LIMITS[server]!r})
        return cursor.fetchone()
seen = []
post_migrate.connect(lambda **_: seen.append(limits()), weak=False)
before = limits()
call_command("migrate", verbosity=0)
print(before == limits(), set(seen))
"""
    code, printed = run(url, "shell", "--no-imports", "-c", script, apps="queued")
    during = {"postgresql": "{('5s',)}", "mariadb": "{(5, 5)}"}[server]
    assert (code, f"True {during}" in printed) == (0, True), printed
