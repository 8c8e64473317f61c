"""The diagnosis tells what is heavy, unused or in the way, says what it cannot see, and writes nothing."""

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import DatabaseError

from config.schema.diagnose import diagnose
from config.schema.dialects import dialect
from tests.config.schema.live import empty_database, execute
from tests.config.schema.manage import manage, run_manage
from tests.config.schema.processes import wait_for
from tests.engines import connect, fresh_database

pytestmark = pytest.mark.every_engine

MADE = (
    "CREATE TABLE heavy (id integer NOT NULL PRIMARY KEY, kind integer, word varchar(200))",
    "CREATE INDEX heavy_by_kind ON heavy (kind)",
    "CREATE INDEX heavy_by_word ON heavy (word)",
    "CREATE TABLE light (id integer NOT NULL PRIMARY KEY)",
)
LONG_QUERY = {
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
    "mariadb": "SELECT count(*) FROM heavy a, heavy b, heavy c WHERE a.word <> b.word AND b.word <> c.word",
}


@pytest.fixture
def tables(engine: str, django_db_blocker: Any) -> Iterator[Any]:
    """A heavy table with 2000 rows of 4 kinds, and an empty one, counted by the engine."""
    with django_db_blocker.unblock(), empty_database(engine) as connection:
        for statement in MADE:
            execute(connection, statement)
        values = ", ".join(f"({number}, {number % 4}, '{'word' * 40}{number}')" for number in range(2000))
        execute(connection, f"INSERT INTO heavy VALUES {values}")
        execute(connection, "ANALYZE TABLE heavy, light" if engine == "mariadb" else "ANALYZE")
        yield connection


def look(connection: Any, **options: Any) -> Any:
    return diagnose(connection, **{"long": 60, "limit": 10} | options)


def test_tables_come_with_their_rows_and_sizes_the_heaviest_first(tables: Any) -> None:
    found = look(tables).tables.found
    assert [each.name for each in found] == ["heavy", "light"]
    assert 1500 < found[0].rows < 2500 and not found[1].rows
    assert found[0].data_bytes > 300_000 > found[1].data_bytes
    assert found[0].index_bytes > 300_000


def test_indexes_come_with_their_columns_and_how_many_keys_they_hold(tables: Any) -> None:
    found = {each.name: each for each in look(tables, table="heavy").indexes.found}
    assert (found["heavy_by_kind"].columns, found["heavy_by_kind"].unique) == (("kind",), False)
    assert 3 <= found["heavy_by_kind"].distinct <= 8
    assert found["heavy_by_word"].distinct > 1000


def test_an_index_that_nobody_uses_is_told_where_the_engine_counts_and_else_that_nobody_knows(
    engine: str, tables: Any
) -> None:
    def use_one() -> None:
        execute(tables, f"SELECT id FROM heavy WHERE word = '{'word' * 40}7'")

    if engine == "sqlite":
        found = look(tables)
        assert (found.unused, "does not count" in found.indexes.unseen) == ((), True)
    elif engine == "postgresql":
        use_one()
        wait_for(lambda: [each.name for each in look(tables).unused] == ["heavy_by_kind"], "the server's statistics")
        assert look(tables).indexes.unseen == ""
        execute(tables, "SET track_counts = off")
        found = look(tables)
        assert (found.unused, "Statistics are off: set track_counts" in found.indexes.unseen) == ((), True)
    else:
        found = look(tables)
        assert (found.unused, "Statistics are off" in found.indexes.unseen) == ((), True)
        execute(tables, "SET GLOBAL userstat = ON")
        try:
            use_one()
            assert [each.name for each in look(tables).unused] == ["heavy_by_kind"]
        finally:
            execute(tables, "SET GLOBAL userstat = OFF")


def test_nothing_can_be_written_while_it_looks(engine: str, tables: Any) -> None:
    for statement in ("INSERT INTO light VALUES (1)", "CREATE TABLE more (id integer)", "DROP TABLE light"):
        with pytest.raises(DatabaseError), dialect(tables).diagnosis.reading(tables, 5):
            execute(tables, statement)
    execute(tables, "INSERT INTO light VALUES (1)")
    assert execute(tables, "SELECT id FROM light") == [(1,)]


def test_a_query_ends_at_its_limit_and_the_session_has_its_own_again(engine: str, tables: Any) -> None:
    with pytest.raises(DatabaseError), dialect(tables).diagnosis.reading(tables, 0.3):
        execute(tables, LONG_QUERY[engine])
    names = {"postgresql": "SHOW statement_timeout", "mariadb": "SELECT @@SESSION.max_statement_time"}
    if engine in names:
        assert execute(tables, names[engine]) in ([("0",)], [(0,)])


def test_what_is_not_answered_in_time_is_unseen_and_the_rest_is_told(
    tables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = dialect(tables).name
    monkeypatch.setattr(dialect(tables).diagnosis, "tables", lambda connection: execute(connection, LONG_QUERY[engine]))
    found = look(tables, limit=0.3)
    assert found.tables.found == () and "not answered within 0.3 s" in found.tables.unseen
    assert [each.name for each in found.indexes.found if each.name == "heavy_by_kind"] == ["heavy_by_kind"]


@contextlib.contextmanager
def contention(url: str) -> Iterator[None]:
    """One session in a transaction has a row, and another waits for it."""
    with contextlib.closing(connect(url)) as holder, contextlib.closing(connect(url)) as waiter:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE heavy SET kind = 9 WHERE id = 1")
        waits = threading.Thread(target=lambda: waiter.cursor().execute("UPDATE heavy SET kind = 8 WHERE id = 1"))
        waits.start()
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
            waits.join(30)


def test_who_waits_for_whom_and_who_is_long_in_a_transaction(engine: str) -> None:
    with fresh_database(engine) as url:
        with contextlib.closing(connect(url)) as connection:
            cursor = connection.cursor()
            for statement in (*MADE, "INSERT INTO heavy VALUES (1, 1, 'secret')"):
                cursor.execute(statement)
        if engine == "sqlite":
            assert manage(url, "schema_diagnose").count("SQLite keeps no list of sessions") == 2
            return
        with contention(url):
            shown: dict[str, Any] = {}

            def seen() -> bool:
                shown.update(json.loads(manage(url, "schema_diagnose", "--long", "0", "--format=json")))
                return bool(shown["blocked"]["found"]) and bool(shown["transactions"]["found"])

            wait_for(seen, "the one who waits", limit=60)
        [blocked] = shown["blocked"]["found"]
        assert blocked["waiting"]["query"].startswith("UPDATE heavy SET kind = ?")
        long = {each["session"] for each in shown["transactions"]["found"]}
        assert {each["session"] for each in blocked["by"]} <= long


@contextlib.contextmanager
def only_reader(engine: str, url: str) -> Iterator[str]:
    """The URL of a user who may read, and nothing else."""
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    user = f"looks_{name}"
    host, make, drop = {
        "postgresql": ("", "LOGIN PASSWORD", ("DROP OWNED BY {}", "DROP ROLE {}")),
        "mariadb": ("@'%'", "IDENTIFIED BY", ("DROP USER {}",)),
    }[engine]
    tables = "ALL TABLES IN SCHEMA public" if engine == "postgresql" else f"{name}.*"
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE USER {user}{host} {make} 'only-looks'")
        cursor.execute(f"GRANT SELECT ON {tables} TO {user}{host}")
        try:
            yield urlunsplit(parts._replace(netloc=f"{user}:only-looks@{parts.hostname}:{parts.port}"))
        finally:
            for statement in drop:
                cursor.execute(statement.format(f"{user}{host}"))


def test_a_user_who_may_only_read_gets_an_answer_and_is_told_which_right_shows_more(engine: str) -> None:
    with fresh_database(engine) as url:
        with contextlib.closing(connect(url)) as connection:
            cursor = connection.cursor()
            for statement in MADE:
                cursor.execute(statement)
        if engine == "sqlite":
            assert "heavy" in manage(url, "schema_diagnose")
            return
        with only_reader(engine, url) as reads:
            shown = manage(reads, "schema_diagnose")
        assert "heavy_by_kind" in shown
        right = {"postgresql": "grant this user pg_read_all_stats", "mariadb": "give this user the right PROCESS"}
        assert right[engine] in shown


def test_one_table_is_shown_with_its_columns_keys_and_rules(engine: str, migrated: Any) -> None:
    url = migrated(engine)
    shown = manage(url, "schema_diagnose", "--table", "vm_disks")
    assert "device_key: int" in shown
    assert "(vm_context_id) refers to vm_replication_contexts (context_id), ON DELETE CASCADE" in shown
    assert "vm_disks_sync_status" in shown and "Long transactions" not in shown
    found = json.loads(manage(url, "schema_diagnose", "--table", "vm_disks", "--format=json"))
    assert {each["table"] for each in found["indexes"]["found"]} == {"vm_disks"}
    assert "device_key" in found["table"]["columns"]
    done = run_manage("schema_diagnose", "--table", "nowhere", DATABASE_URL=url)
    assert (done.returncode, "There is no table nowhere" in done.stderr) == (2, True)
