"""What a migration leaves in its session, and what no catalogue tells, is never lost or done twice without a word."""

import pytest

from config.schema.dialects.mysql.statements import MySQLStatements
from config.schema.dialects.postgresql.statements import PostgreSQLStatements
from config.schema.dialects.sqlite.statements import SQLiteStatements
from config.schema.dialects.statements import Kind
from tests.config.schema.processes import rows, run
from tests.engines import fresh_database, present

pytestmark = pytest.mark.every_engine
STATEMENTS = {"sqlite": SQLiteStatements(), "postgresql": PostgreSQLStatements(), "mariadb": MySQLStatements()}


@pytest.mark.parametrize(
    ("engines", "sql", "kind"),
    [
        ("mariadb", "ALTER TABLE p EXCHANGE PARTITION p0 WITH TABLE x", "UNKNOWABLE"),
        ("mariadb", "ALTER TABLE `p` TRUNCATE PARTITION p0", "UNKNOWABLE"),
        ("mariadb", "RENAME TABLE a TO t, b TO a, t TO b", "UNKNOWABLE"),
        ("mariadb", "RENAME TABLE `a` TO `t`, `b` TO `a`, `t` TO `b`;", "UNKNOWABLE"),
        ("mariadb", "RENAME TABLE a TO old, b TO a", "COMMITS"),
        ("mariadb", "RENAME TABLE a TO b", "COMMITS"),
        ("mariadb", "SELECT MAX(n) INTO @m FROM t", "SESSION"),
        ("mariadb", "SELECT write_it() INTO @m", "READ"),
        ("mariadb", "SET STATEMENT max_statement_time=5 FOR INSERT INTO t VALUES (1)", "WITH_OUTCOME"),
        ("mariadb", "LOCK TABLES t WRITE", "UNKNOWABLE"),
        ("mariadb", "BEGIN NOT ATOMIC INSERT INTO t VALUES (1); END", "UNKNOWABLE"),
        ("mariadb", "INSERT INTO t VALUES (1); ALTER TABLE t ADD n int", "UNKNOWABLE"),
        ("mariadb", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.n = 1; END", "COMMITS"),
        ("mariadb", r"INSERT INTO t VALUES ('it\'s; COMMIT')", "WITH_OUTCOME"),
        ("mariadb,postgresql,sqlite", "CREATE TEMPORARY TABLE tt AS SELECT 5 AS n", "SESSION"),
        ("mariadb", "DROP TEMPORARY TABLE tt", "SESSION"),
        ("postgresql,sqlite", "CREATE TEMP TABLE tt (n int)", "SESSION"),
        ("postgresql", "CREATE TABLE pg_temp.tt (n int)", "SESSION"),
        ("sqlite", "CREATE TABLE temp.tt (n int)", "SESSION"),
        ("postgresql", "SELECT set_config('my.tenant', 'acme', false)", "SESSION"),
        ("postgresql", "SELECT set_config('my.tenant', write_it(), false)", "READ"),
        ("postgresql", "SELECT n FROM t", "READ"),
        ("postgresql,mariadb", "BEGIN; INSERT INTO t VALUES (1); COMMIT;", "UNKNOWABLE"),
        ("postgresql,mariadb", "BEGIN;INSERT INTO t VALUES (1);COMMIT", "UNKNOWABLE"),
        ("postgresql", "INSERT INTO t VALUES (1); END", "UNKNOWABLE"),
        ("postgresql,mariadb,sqlite", "INSERT INTO t VALUES ('BEGIN; x; COMMIT;')", "WITH_OUTCOME"),
        ("postgresql", "UPDATE t SET n = CASE WHEN n > 1 THEN 1 END; UPDATE t SET n = 2", "WITH_OUTCOME"),
        ("postgresql", "CREATE FUNCTION f() RETURNS int AS $f$BEGIN; COMMIT; END;$f$ LANGUAGE plpgsql", "WITH_OUTCOME"),
        ("postgresql", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END", "WITH_OUTCOME"),
        ("postgresql", "DO $$ BEGIN INSERT INTO t VALUES (1); ROLLBACK; END $$", "UNKNOWABLE"),
        ("postgresql", "SET CONSTRAINTS c IMMEDIATE; ALTER TABLE t DROP CONSTRAINT c", "WITH_OUTCOME"),
        ("postgresql", "ANALYZE t; INSERT INTO t VALUES (1)", "WITH_OUTCOME"),
        ("postgresql,mariadb,sqlite", "BEGIN;", "SESSION"),
        ("postgresql,sqlite", "REINDEX TABLE t", "REPEATABLE"),
        ("postgresql", "REINDEX TABLE CONCURRENTLY t", "COMMITS"),
        ("sqlite", "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END", "WITH_OUTCOME"),
    ],
)
def test_a_statement_is_journalled_as_what_it_is(engines, sql, kind):
    for engine in engines.split(","):
        assert STATEMENTS[engine].kind(sql) is Kind[kind], engine


ALL, SERVER = ("sqlite", "postgresql", "mariadb"), ("postgresql", "mariadb")


CASES = [
    (engine, case, expected)
    for engines, case, expected in [
        (("mariadb",), "exchange", [2]),
        (("mariadb",), "variable", [7, 8]),
        (("mariadb",), "last_id_at_once", [1, 2]),
        (("postgresql",), "setting", [5]),
        (ALL, "temporary", [1, 5]),
        (ALL, "transaction", [1, 2, 3]),
        (ALL, "transaction_taken_back", [3]),
        (SERVER, "script", [1, 3]),
        (("mariadb",), "locked", [1, 2, 3]),
        (("postgresql",), "reindex", [3]),
    ]
    for engine in engines
    if engine in present()
]


@pytest.mark.parametrize(("server", "case", "expected"), CASES)
def test_after_an_error_it_brings_what_an_uninterrupted_one_brings(server, case, expected):
    with fresh_database(server) as url:
        code, printed = run(url, "migrate", apps="halved", HALVED=case, FAILS="1")
        assert (code, "halfway" in printed) == (1, True), printed
        code, printed = run(url, "migrate", apps="halved", HALVED=case)
        assert code == 0, printed
        assert rows(url, "SELECT n FROM halved_row ORDER BY n") == [(n,) for n in expected]


@pytest.mark.parametrize(
    ("server", "case", "left"),
    [
        (engine, case, left)
        for engine, case, left in [
            ("mariadb", "variable_of_what_was", [7, 8]),
            ("mariadb", "last_id", []),
            *((engine, "temporary_of_what_was", [7, 8]) for engine in ALL),
        ]
        if engine in present()
    ],
)
def test_what_only_the_session_knew_stops_it_with_words(server, case, left):
    with fresh_database(server) as url:
        assert run(url, "migrate", apps="halved", HALVED=case, FAILS="1")[0] == 1
        code, printed = run(url, "migrate", apps="halved", HALVED=case)
        assert (code, "left in a session that is gone" in printed) == (5, True), printed
        assert rows(url, "SELECT n FROM halved_row ORDER BY n") == [(n,) for n in left]


@pytest.mark.parametrize(
    ("server", "case"),
    [each for each in (("postgresql", "last_value"), ("sqlite", "last_row")) if each[0] in present()],
)
def test_what_the_journal_stands_between_is_refused_with_words(server, case):
    with fresh_database(server) as url:
        code, printed = run(url, "migrate", apps="halved", HALVED=case)
        assert (code, "between them stands the journal" in printed) == (4, True), printed
        assert rows(url, "SELECT n FROM halved_row") == [(1,)]


@pytest.mark.parametrize("mistake", ["first", "second"])
def test_a_statement_that_the_database_refused_may_be_mended_in_its_file(mistake, engine):
    with fresh_database(engine) as url:
        code, printed = run(url, "migrate", apps="typed", TYPO=mistake)
        assert (code, "Traceback" in printed) == (1, False), printed
        code, printed = run(url, "migrate", apps="typed")
        assert code == 0, printed
        assert rows(url, "SELECT column_0, column_1 FROM typed_row") == []
