"""Back-ups beside writers, and of what is no table: triggers, settings and rights of a database."""

import contextlib
import os
import threading
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.config.schema.processes import rows, run, script, wait_for
from tests.config.schema.test_backup import back_up, beside, name_of, visible, write
from tests.engines import connect, execute, fresh_database

pytestmark = pytest.mark.every_engine
PAIRS = ("CREATE TABLE one (id INTEGER PRIMARY KEY)", "CREATE TABLE two (id INTEGER PRIMARY KEY)")
TRIGGER = {
    "sqlite": "CREATE TRIGGER copies AFTER INSERT ON one BEGIN INSERT INTO two VALUES (new.id); END",
    "postgresql": "CREATE TRIGGER copies AFTER INSERT ON one FOR EACH ROW EXECUTE FUNCTION copies()",
    "mariadb": "CREATE TRIGGER copies AFTER INSERT ON one FOR EACH ROW INSERT INTO two VALUES (new.id)",
}
FUNCTION = (
    "CREATE FUNCTION copies() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN INSERT INTO two VALUES (new.id); RETURN new; END'"
)


def test_file_counts_and_checksums_are_of_one_moment_while_others_write(engine, tmp_path):
    ended = threading.Event()

    def write_pairs(url: str) -> None:
        with contextlib.closing(connect(url)) as connection:
            number = 0
            while not ended.is_set():
                number += 1
                for statement in ("BEGIN", *(f"INSERT INTO {name} VALUES ({number})" for name in ("one", "two"))):
                    connection.cursor().execute(statement)
                connection.cursor().execute("COMMIT")

    with fresh_database(engine) as url, fresh_database(engine) as other:
        assert run(url, "migrate", "-v0")[0] == 0
        write(url, *PAIRS)
        writer = threading.Thread(target=write_pairs, args=(url,))
        writer.start()
        try:
            file = back_up(url, tmp_path)
        finally:
            ended.set()
            writer.join()
        code, printed = run(other, "dbrestore", str(file))
        assert code == 0, printed
        one, two = (rows(other, f"SELECT id FROM {name} ORDER BY id") for name in ("one", "two"))
        assert one == two
        assert 0 < len(one) < len(rows(url, "SELECT id FROM one"))


@pytest.fixture
def triggered(engine: str, tmp_path: Path):
    """A database whose one table has a trigger, and its back-up."""
    with fresh_database(engine) as url:
        assert run(url, "migrate", "-v0")[0] == 0
        write(
            url, *PAIRS, *([FUNCTION] if engine == "postgresql" else []), TRIGGER[engine], "INSERT INTO one VALUES (1)"
        )
        yield url, back_up(url, tmp_path)
        for name in beside(engine, url) if engine != "sqlite" else ():
            execute(engine, f"DROP DATABASE {name}")


def test_a_trigger_works_after_a_restore(triggered, engine):
    _, file = triggered
    with fresh_database(engine) as other:
        code, printed = run(other, "dbrestore", str(file))
        assert code == 0, printed
        assert rows(other, "SELECT id FROM two") == [(1,)]
        write(other, "INSERT INTO one VALUES (2)")
        assert rows(other, "SELECT id FROM two ORDER BY 1") == [(1,), (2,)]
        assert beside(engine, other) == []


def test_tables_with_triggers_are_put_aside_only_where_the_engine_can(triggered, engine):
    url, file = triggered
    code, printed = run(url, "dbrestore", str(file), "--replace", "--yes")
    if engine == "mariadb":
        assert (code, "copies" in printed, "into a new database" in printed) == (4, True, True), printed
        assert beside(engine, url) == []
    else:
        assert code == 0, printed
    write(url, "INSERT INTO one VALUES (3)")
    assert rows(url, "SELECT id FROM two ORDER BY 1") == [(1,), (3,)]


def test_settings_and_rights_of_the_database_itself_are_those_of_the_one_that_is_replaced(engine, tmp_path):
    if engine != "postgresql":
        return  # the database itself has none that a restore could lose: its character set is taken along
    with fresh_database(engine) as url:
        name = name_of(url)
        assert run(url, "migrate", "-v0")[0] == 0
        execute(engine, f"ALTER DATABASE {name} SET search_path TO public, pg_catalog")
        execute(engine, f"ALTER DATABASE {name} SET statement_timeout TO '77s'")
        execute(engine, f"ALTER DATABASE {name} CONNECTION LIMIT 50")
        execute(engine, f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
        query = (
            "SELECT (SELECT array_agg(each::text ORDER BY each::text) FROM unnest(datacl) AS each),"
            " (SELECT array_agg(each ORDER BY each)::text FROM pg_db_role_setting s,"
            " unnest(setconfig) AS each WHERE setdatabase = d.oid), datcollate, encoding, datdba, datconnlimit"
            f" FROM pg_database d WHERE datname = '{name}'"
        )
        before = rows(url, query)
        code, printed = run(url, "dbrestore", str(back_up(url, tmp_path)), "--replace", "--yes")
        assert code == 0, printed
        assert rows(url, query) == before
        for each in beside(engine, url):
            execute(engine, f"DROP DATABASE {each}")


def test_a_restore_does_not_wait_for_ever_for_who_uses_a_table(engine, tmp_path):
    with fresh_database(engine) as url:
        assert run(url, "migrate", "-v0")[0] == 0
        file = back_up(url, tmp_path)
        write(url, "DELETE FROM counted_count")
        with contextlib.closing(connect(url)) as session:
            session.cursor().execute("BEGIN")
            session.cursor().execute("SELECT * FROM counted_count")
            code, printed = run(
                url, "dbrestore", str(file), *(() if engine == "postgresql" else ("--replace", "--yes"))
            )
        assert (code, "nothing was changed" in printed) == (4, True), printed
        assert rows(url, "SELECT * FROM counted_count") == []
        assert beside(engine, url) == []


IMPATIENT = """
import django, sys
django.setup()
import config.schema.dialects.mysql.backup, config.schema.dialects.postgresql.backup
config.schema.dialects.mysql.backup.PATIENCE = config.schema.dialects.postgresql.backup.PATIENCE = 1
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "dbbackup"])
"""


def test_a_back_up_does_not_wait_for_ever_for_who_keeps_a_table_and_names_it(engine, tmp_path):
    if engine == "sqlite":
        return  # nobody is kept from reading there
    with fresh_database(engine) as url, contextlib.closing(connect(url)) as session:
        assert run(url, "migrate", "-v0")[0] == 0
        session.cursor().execute("BEGIN")
        changing = None
        if engine == "postgresql":
            session.cursor().execute("LOCK TABLE counted_count")
        else:
            session.cursor().execute("SELECT * FROM counted_count")
            changing = threading.Thread(target=write, args=(url, "ALTER TABLE counted_count ADD more INTEGER"))
            changing.start()
            waiting = "SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata%'"
            wait_for(lambda: rows(url, waiting), "the one who changes the table")
        number = session.info.backend_pid if engine == "postgresql" else session.thread_id()
        done = script(url, IMPATIENT, BACKUP_DIR=str(tmp_path))
        session.rollback()
        if changing:
            changing.join()
        assert (done.returncode, f"session {number}" in done.stderr) == (1, True), done.stderr
        assert "has waited 1 s for a table that is held by" in done.stderr
        assert visible(tmp_path) == []


def test_events_sequences_and_the_history_of_tables_are_as_they_were_after_a_restore(engine, tmp_path):
    if engine != "mariadb":
        return  # the others have no events, and what they have of the rest is in their file
    with fresh_database(engine) as url, fresh_database(engine) as other:
        assert run(url, "migrate", "-v0")[0] == 0
        write(
            url,
            "CREATE SEQUENCE numbers START 5",
            "SELECT NEXTVAL(numbers)",
            "CREATE TABLE prices (id INTEGER PRIMARY KEY, price INTEGER) WITH SYSTEM VERSIONING",
            "INSERT INTO prices VALUES (1, 10), (2, 20)",
            "UPDATE prices SET price = 11 WHERE id = 1",
            "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM prices WHERE id = 2",
        )
        history = "SELECT id, price, row_start, row_end FROM prices FOR SYSTEM_TIME ALL ORDER BY 1, 2"
        before, number = rows(url, history), rows(url, "SELECT next_not_cached_value FROM numbers")
        file = back_up(url, tmp_path)
        write(url, "DROP EVENT nightly", "DELETE FROM prices", "SELECT NEXTVAL(numbers)")
        for target in (url, other):
            code, printed = run(target, "dbrestore", str(file), "--replace", "--yes")
            assert code == 0, printed
            assert (rows(target, history), rows(target, "SELECT next_not_cached_value FROM numbers")) == (
                before,
                number,
            )
            events = f"SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{name_of(target)}'"
            assert rows(target, events) == [("nightly",)]
        for each in beside(engine, url):
            execute(engine, f"DROP DATABASE {each}")


def test_a_rehearsal_lets_no_event_run_on_its_clone(engine):
    if engine != "mariadb":
        return  # the others have none
    with fresh_database(engine) as url:
        assert run(url, "migrate", "counted", "0001", "-v0")[0] == 0
        write(url, "CREATE TABLE ran (base VARCHAR(64))")
        write(url, f"CREATE EVENT often ON SCHEDULE EVERY 1 SECOND DO INSERT INTO {name_of(url)}.ran SELECT DATABASE()")
        made = "SELECT EVENT_SCHEMA FROM information_schema.EVENTS WHERE EVENT_NAME = 'often'"
        seen = (
            f"import django; django.setup(); from config.schema import rehearsal; up = rehearsal._up_and_down\n{EVENTS}"
        )
        done = script(url, seen.format(query=made))
        assert done.stdout.splitlines()[-1] == str([(name_of(url),)]), done.stdout + done.stderr


EVENTS = """
import django
django.setup()
from config.schema import rehearsal

def look(clone, *arguments):
    with clone.cursor() as cursor:
        cursor.execute({query!r})
        print([tuple(row) for row in cursor.fetchall()])
rehearsal._up_and_down = look
from django.db import connection
rehearsal.rehearse(connection)
"""


def test_a_default_that_leads_to_a_sequence_is_refused_before_anything_is_done(engine, tmp_path):
    if engine != "mariadb":
        return  # only there it leads to the database by its name
    with fresh_database(engine) as url:
        assert run(url, "migrate", "-v0")[0] == 0
        file = back_up(url, tmp_path)
        write(
            url, "CREATE SEQUENCE numbers", "CREATE TABLE orders (id INTEGER, number INTEGER DEFAULT NEXTVAL(numbers))"
        )
        for arguments in (("dbbackup",), ("dbrestore", str(file), "--replace", "--yes")):
            code, printed = run(url, *arguments, BACKUP_DIR=str(tmp_path))
            assert (code, "orders.number" in printed, "AUTO_INCREMENT" in printed) == (4, True, True), printed
        assert visible(tmp_path) == [file.name, f"{file.name}.json"]
        assert beside(engine, url) == []


def test_a_session_that_may_not_be_ended_is_named_before_anything_is_loaded(engine, tmp_path):
    if engine != "postgresql":
        return  # nobody has to be ended there, or can be
    user = "hub_" + os.urandom(4).hex()
    with fresh_database(engine) as url:
        execute(engine, f"CREATE USER {user} CREATEDB PASSWORD 'word'")
        try:
            execute(engine, f"ALTER DATABASE {name_of(url)} OWNER TO {user}")
            parts = urlsplit(url)
            theirs = urlunsplit(parts._replace(netloc=f"{user}:word@{parts.hostname}:{parts.port}"))
            assert run(theirs, "migrate", "-v0")[0] == 0
            file = back_up(theirs, tmp_path)
            with contextlib.closing(connect(url)) as session:
                code, printed = run(theirs, "dbrestore", str(file), "--replace", "--yes")
                assert (code, f"session {session.info.backend_pid}" in printed) == (4, True), printed
                assert "pg_signal_backend" in printed
                assert session.execute("SELECT COUNT(*) FROM counted_count").fetchone() == (2,)
            assert beside(engine, url) == []
            code, printed = run(theirs, "dbrestore", str(file), "--replace", "--yes")
            assert code == 0, printed
        finally:
            write(url, f"REASSIGN OWNED BY {user} TO CURRENT_USER", f"DROP OWNED BY {user}")
            for each in beside(engine, url):
                execute(engine, f"DROP DATABASE {each}")
            execute(engine, f"DROP USER {user}")
