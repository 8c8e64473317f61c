"""The lock of the schema is waited for within a limit, let go whatever happens, and shared by nobody but its owner."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, load_command_class
from django.db.backends.sqlite3.base import DatabaseWrapper

from config.schema.dialects.sqlite.lock import FileLock
from tests.config.schema.processes import rows, run, script
from tests.engines import connect, fresh_database, present

pytestmark = pytest.mark.every_engine
SERVERS = [engine for engine in present() if engine != "sqlite"]
THAT_ROLL_BACK = [engine for engine in present() if engine in ("sqlite", "postgresql")]
HELD = {
    "sqlite": ("BEGIN IMMEDIATE",),
    "postgresql": ("BEGIN", "SELECT * FROM schema_claims FOR UPDATE"),
    "mariadb": ("LOCK TABLES schema_claims READ",),
}
"""What keeps others from writing the row that says who changes the schema."""
BEGIN = """
import os, threading, time
import django; django.setup()
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models.signals import post_migrate, pre_migrate
from config.schema.dialects import dialect
from tests.engines import connect

def hold(*statements):
    held = connect(os.environ["DATABASE_URL"].partition("?")[0])
    cursor = held.cursor()
    for each in statements:
        cursor.execute(each)
        cursor.fetchall() if cursor.description else None
    return held

def ask(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None

def migrate(*arguments, **options):
    began = time.monotonic()
    try:
        call_command("migrate", *arguments, verbosity=0, **options)
    except Exception as error:
        print(getattr(error, "returncode", 1), type(error).__name__, error, end=" ")
    else:
        print(0, end=" ")
    return time.monotonic() - began

def is_taken():
    other = connection.copy()
    try:
        other.ensure_connection()
        return dialect(other).lock.is_taken(other)
    finally:
        other.close()
"""


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        yield address


def said_by(url: str, code: str, apps: str = "counted") -> str:
    """What a process prints that runs the code after `BEGIN`."""
    done = script(url, BEGIN + code, apps)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@contextlib.contextmanager
def held(url: str, *statements: str) -> Iterator[Any]:
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        for each in statements:
            cursor.execute(each)
        yield cursor


@pytest.mark.parametrize("how", ["", "--run-syncdb", "--prune counted"])
def test_the_row_of_the_holder_is_waited_for_within_the_limit(engine, url, how):
    assert run(url, "migrate", "counted", "0001")[0] == 0
    with held(url, *HELD[engine]):
        began = time.monotonic()
        code, said = run(url, "migrate", *how.split(), "--lock-timeout", "1")
        assert (code, time.monotonic() - began < 12) == (3, True), said
        assert "The row of schema_claims that says who changes the schema of" in said
        assert "give --lock-timeout more seconds" in said
        assert "Traceback" not in said
    code, said = run(url, "migrate")
    assert code == 0, said


def test_a_row_that_cannot_be_written_neither_fails_what_was_done_nor_keeps_the_lock(server):
    with fresh_database(server) as url:
        said = said_by(
            url,
            f"""
migrate("counted", "0001")
type(dialect(connection).waits).begin.__defaults__ = (1,)
held = []
pre_migrate.connect(lambda **_: held or held.append(hold(*{HELD[server]!r})), weak=False)
print(migrate("counted", "0002") < 20)
print("taken", is_taken())
""",
        )
        assert "0 True" in said and "taken False" in said, said
        assert (rows(url, "SELECT name FROM django_migrations WHERE name LIKE '0002%'")) == [("0002_count",)]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    return request.param


def test_on_sqlite_a_writer_that_comes_after_the_lock_is_what_the_error_tells_of():
    with fresh_database("sqlite") as url:
        said = said_by(
            url,
            """
migrate("counted", "0001")
held = []
pre_migrate.connect(lambda **_: held or held.append(hold("BEGIN IMMEDIATE")), weak=False)
print("soon", migrate(lock_timeout=1) < 5)
print("taken", is_taken())
held[0].rollback()
migrate()
""",
        )
        assert "3 LockNotObtained Applying counted.0002_count did not get a lock" in said, said
        assert "soon True" in said and "taken False" in said and said.rstrip().endswith("0"), said


def test_on_sqlite_the_limit_is_that_of_the_command_and_not_that_of_the_driver():
    with fresh_database("sqlite") as url:
        code = """
migrate("counted", "0001")
begun = threading.Event()
def write():
    other = hold("BEGIN IMMEDIATE")
    begun.set()
    time.sleep({held})
    other.close()
def come(**_):
    pre_migrate.disconnect(come)
    threading.Thread(target=write).start()
    begun.wait()
pre_migrate.connect(come, weak=False)
before = ask("PRAGMA busy_timeout")
took = migrate(lock_timeout={limit})
print(took < 4.5, before == ask("PRAGMA busy_timeout"))
"""
        said = said_by(f"{url}?timeout=1", code.format(held=2.5, limit=100))
        assert "0 0 True True" in said, said
        assert run(url, "migrate", "counted", "zero")[0] == 0
        said = said_by(f"{url}?timeout=8", code.format(held=5, limit=1))
        assert "3 LockNotObtained" in said and "True True" in said, said


class TestTheFileOfSQLite:
    @pytest.fixture
    def wrapper(self, tmp_path) -> Iterator[Any]:
        with contextlib.ExitStack() as opened:

            def open_(name: str) -> DatabaseWrapper:
                settings: Any = {"NAME": name, "OPTIONS": {}, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
                settings |= {"AUTOCOMMIT": True, "TIME_ZONE": None, "ATOMIC_REQUESTS": False}
                made = DatabaseWrapper(settings)
                opened.callback(made.close)
                return made

            yield open_

    def test_has_one_lock_by_whatever_name(self, tmp_path, wrapper, django_db_blocker):
        file, link = tmp_path / "hub.sqlite3", tmp_path / "link.sqlite3"
        sqlite3.connect(file).close()
        link.symlink_to(file)
        names = [str(file), str(link), f"file:{file}?mode=rwc", f"file://{file}", os.path.relpath(file)]
        with django_db_blocker.unblock():
            for name in names:
                lock, other = FileLock(), FileLock()
                first, second = wrapper(str(file)), wrapper(name)
                assert lock.try_take(first)
                assert (other.try_take(second), other.is_taken(second)) == (False, True), name
                assert lock.release(first)
                assert other.try_take(second) and other.release(second), name
        assert len(list(tmp_path.glob("*.schema-lock"))) == 1

    def test_in_memory_needs_none(self, wrapper, django_db_blocker):
        with django_db_blocker.unblock():
            for name in (":memory:", "file:x?mode=memory&cache=shared", "file::memory:", "file:/x?vfs=memdb"):
                assert FileLock().try_take(wrapper(name)), name

    def test_is_shared_by_no_two_connections_of_a_process(self, tmp_path, wrapper, django_db_blocker):
        lock, name = FileLock(), str(tmp_path / "hub.sqlite3")
        first, second = wrapper(name), wrapper(name)
        with django_db_blocker.unblock():
            assert [lock.try_take(first), lock.try_take(first), lock.try_take(second)] == [True, True, False]
            assert [lock.is_held(second), lock.release(second), lock.is_held(first)] == [False, False, True]
            assert lock.release(first) and lock.try_take(second) and lock.release(second)


@pytest.mark.parametrize("command", ["migrate", "rollback", "schema_recover", "schema_wait"])
@pytest.mark.parametrize("said", ["nan", "inf", "-1", "3000000", "soon"])
def test_what_is_no_number_of_seconds_is_an_error_of_usage(command, said, settings):
    option = "--timeout" if command == "schema_wait" else "--lock-timeout"
    parser = load_command_class("config.schema", command).create_parser("manage.py", command)
    with pytest.raises(CommandError, match="is no number of seconds"):
        parser.parse_args([option, said])
    assert vars(parser.parse_args([option, "2.5"]))[option[2:].replace("-", "_")] == 2.5
    if option == "--lock-timeout":
        settings.SCHEMA_LOCK_TIMEOUT = said
        parser = load_command_class("config.schema", command).create_parser("manage.py", command)
        with pytest.raises(CommandError, match="is no number of seconds"):
            parser.parse_args([])


def test_a_handler_of_post_migrate_that_has_to_wait_is_named_with_its_statement_and_its_holder(server):
    with fresh_database(server) as url:
        said = said_by(
            url,
            """
migrate("counted", "0002")
other = hold("BEGIN", "UPDATE counted_count SET what = 'b'")
def change(**_):
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 500" if connection.vendor == "postgresql"
                       else "SET innodb_lock_wait_timeout = 1")
        cursor.execute("UPDATE counted_count SET what = 'c'")
post_migrate.connect(change, weak=False)
migrate("counted", "0002")
""",
        )
        assert "3 LockNotObtained post_migrate did not get the lock of UPDATE counted_count SET what" in said, said
        assert "from session" in said or "one of these, as far as can be seen: session" in said, said


def test_a_migrate_of_a_handler_is_part_of_the_same_work(url):
    said = said_by(
        url,
        """
within = []
def nested(**_):
    if not within:
        within.append(1)
        migrate("counted", "0002")
        within.append(is_taken())
post_migrate.connect(nested, weak=False)
migrate("counted", "0001")
print(within, is_taken())
migrate()
""",
    )
    assert "0 0 [1, True] False\n0" in said, said
    assert rows(url, "SELECT arguments, outcome FROM schema_runs ORDER BY id") == [
        ("counted 0001", "done"),
        ("counted 0002", "done"),
        ("", "done"),
    ]
    assert rows(url, "SELECT owner, epoch FROM schema_claims") == [(None, 2)]


@pytest.mark.parametrize("engine_that_rolls_back", THAT_ROLL_BACK)
@pytest.mark.parametrize("ends", ["COMMIT", "ROLLBACK"])
def test_inside_a_transaction_the_lock_goes_when_that_has_ended(engine_that_rolls_back, ends):
    with fresh_database(engine_that_rolls_back) as url:
        said = said_by(
            url,
            f"""
LIMIT = "SHOW lock_timeout" if connection.vendor == "postgresql" else "PRAGMA busy_timeout"
connection.disable_constraint_checking() if connection.vendor == "sqlite" else None
before = ask(LIMIT)
print("then", is_taken(), end=" ")
with transaction.atomic():
    migrate()
    print(is_taken(), ask("SELECT owner FROM schema_claims"), ask(LIMIT) == before, end=" ")
    transaction.set_rollback({ends == "ROLLBACK"})
print(is_taken(), ask(LIMIT) == before)
migrate("counted", "zero" if {ends == "COMMIT"} else "0003")
""",
        )
        assert "then False 0 True (None,) True False True\n0" in said, said


@pytest.mark.skipif("postgresql" not in present(), reason="no PostgreSQL in this run")
def test_inside_a_transaction_that_has_failed_the_error_is_the_one_of_the_lock():
    with fresh_database("postgresql") as url:
        said = said_by(
            url,
            f"""
migrate("counted", "0001")
other = hold(*{HELD["postgresql"]!r})
try:
    with transaction.atomic():
        call_command("migrate", verbosity=0, lock_timeout=1)
except Exception as error:
    print(error.returncode, error)
print(is_taken())
""",
        )
        assert "3 The row of schema_claims that says" in said and said.rstrip().endswith("False"), said


def test_two_threads_are_two_runners_and_leave_the_command_of_django_as_it_was(url):
    said = said_by(
        url,
        """
from django.core.management.commands import migrate as module
from django.db.migrations.executor import MigrationExecutor
ask("SELECT 1")
barrier, ended = threading.Barrier(2), []
def work():
    barrier.wait()
    try:
        call_command("migrate", verbosity=0)
        ended.append(0)
    except BaseException as error:
        ended.append(repr(error))
    finally:
        connections.close_all()
threads = [threading.Thread(target=work) for _ in range(2)]
[each.start() for each in threads]
[each.join() for each in threads]
print(ended, type(module.MigrationExecutor(connection)) is MigrationExecutor, is_taken())
""",
    )
    assert "[0, 0] True False" in said, said
    assert len(rows(url, "SELECT 1 FROM django_migrations")) == 3
