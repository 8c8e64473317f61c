"""Back-ups beside writers, and of what is no table: triggers, settings and rights of a database."""

import contextlib
import threading
from pathlib import Path

import pytest

from tests.config.schema.processes import rows, run
from tests.config.schema.test_backup import back_up, beside, name_of, write
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
        execute(engine, f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
        query = (
            "SELECT (SELECT array_agg(each::text ORDER BY each::text) FROM unnest(datacl) AS each),"
            " (SELECT array_agg(each ORDER BY each)::text FROM pg_db_role_setting s,"
            " unnest(setconfig) AS each WHERE setdatabase = d.oid), datcollate, encoding, datdba"
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
