"""The dump of a database is the same bytes for the same shape, other ones for another, and names nobody."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.schema.dump import dump_difference, schema_dump
from tests.config.schema.live import execute
from tests.config.schema.manage import manage, run_manage
from tests.config.schema.processes import run_sql
from tests.config.schema.story import Story
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine

Migrated = Callable[[str], str]
SHAPES = {
    "a column": "ALTER TABLE t ADD COLUMN c integer",
    "an index": "CREATE INDEX t_by_b ON t (b)",
    "a unique index": "CREATE UNIQUE INDEX t_one_b ON t (b)",
    "a descending index": "CREATE INDEX t_by_b ON t (b DESC)",
    "a view": "CREATE VIEW v AS SELECT a FROM t",
}


def test_two_databases_made_the_same_way_have_the_same_dump_and_rows_change_nothing(engine: str) -> None:
    with fresh_database(engine) as one, fresh_database(engine) as other:
        for url in (one, other):
            manage(url, "migrate", "inventory", "0003", "--verbosity=0")
        shape = manage(one, "schema_dump")
        assert "vm_replication_contexts" in shape
        run_sql(other, "INSERT INTO organizations (name, slug) VALUES ('a', 'a')")
        assert manage(other, "schema_dump") == shape
        both = [manage(url, "schema_dump", "--format=json") for url in (one, other)]
        assert both[0] == both[1]
        found = json.loads(both[0])
        assert found["engine"] == engine
        assert "name" in found["tables"]["organizations"]["columns"]
        name, password = urlsplit(other).path.rpartition("/")[2], urlsplit(other).password
        assert [each for each in (name, password, "127.0.0.1") if each and each in shape + both[1]] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_another_shape_has_another_dump(shape: str, story: Story) -> None:
    execute(story.connection, "CREATE TABLE t (a integer NOT NULL PRIMARY KEY, b integer)")
    try:
        before = schema_dump(story.connection)
        execute(story.connection, SHAPES[shape])
        assert any(
            line.startswith("+") for line in dump_difference(before, schema_dump(story.connection), "t").split("\n")
        )
    finally:
        execute(story.connection, "DROP VIEW IF EXISTS v")
        execute(story.connection, "DROP TABLE t")


def test_the_check_shows_what_differs_with_exit_code_4(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "schema.sql"
    with fresh_database(engine) as url:
        run_sql(url, "CREATE TABLE t (a integer NOT NULL PRIMARY KEY, b integer)")
        file.write_text(manage(url, "schema_dump"))
        assert "is as" in manage(url, "schema_dump", "--check", str(file))
        run_sql(url, SHAPES["a column"])
        done = run_manage("schema_dump", "--check", str(file), DATABASE_URL=url)
    assert done.returncode == 4
    assert any(line.startswith("+") for line in done.stdout.splitlines()[2:])
    assert done.stderr.startswith("Refused: The database is not as")


def test_it_holds_what_only_the_engine_can_say(engine: str) -> None:
    """Conditions of indexes, triggers, functions and comments."""
    special = {
        "sqlite": [
            "CREATE INDEX part ON t (a) WHERE a > 7",
            "CREATE TRIGGER turn AFTER INSERT ON t BEGIN SELECT 1; END",
        ],
        "postgresql": [
            "CREATE INDEX part ON t (a) WHERE a > 7",
            "CREATE FUNCTION turn() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER turn AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION turn()",
            "COMMENT ON COLUMN t.a IS 'it''s a'",
        ],
        "mariadb": [
            "CREATE INDEX part ON t (a)",
            "CREATE TRIGGER turn BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a + 7",
            "CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2",
        ],
    }
    words = {
        "sqlite": ["a > 7", "TRIGGER turn"],
        "postgresql": [
            "(a > 7)",
            "CREATE TRIGGER turn",
            "FUNCTION public.turn()",
            "COMMENT ON COLUMN t.a IS 'it''s a'",
        ],
        "mariadb": ["KEY `part`", "CREATE TRIGGER `turn`", "RETURN n * 2"],
    }
    with fresh_database(engine) as url:
        run_sql(url, "CREATE TABLE t (a integer)", *special[engine])
        shape = manage(url, "schema_dump")
    assert [each for each in words[engine] if each not in shape] == []


def test_partitions_come_and_go_without_another_dump(engine: str, migrated: Migrated) -> None:
    shape = manage(migrated(engine), "schema_dump")
    if engine != "sqlite":
        assert "PARTITION BY RANGE" in shape
    assert "PARTITION OF" not in shape and "VALUES LESS THAN" not in shape


def test_a_file_that_is_not_there_is_named_with_exit_code_2(engine: str, migrated: Migrated, tmp_path: Path) -> None:
    done = run_manage("schema_dump", "--check", str(tmp_path / "gone"), DATABASE_URL=migrated(engine))
    assert done.returncode == 2
    assert "gone cannot be read" in done.stderr and "Traceback" not in done.stderr
