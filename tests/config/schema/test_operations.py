"""Operations that say what they do on each engine."""

import re
from typing import Any

import pytest
from django.db import models, router
from django.db.migrations import Migration
from django.db.migrations.operations import AddField, CreateModel
from django.db.migrations.writer import MigrationWriter, OperationWriter

from config.schema.dialects import NAMES
from config.schema.exits import Refused
from config.schema.operations import UNCHANGED, DialectSQL, PartitionByMonth, Statements, month_bounds
from tests.config.schema.live import execute, live_table
from tests.config.schema.story import Story

each_engine = pytest.mark.every_engine
NOTHING = dict.fromkeys(NAMES, UNCHANGED)
NOTE = Statements(
    forward=["CREATE TABLE t_notes (id INTEGER)", "INSERT INTO t_notes VALUES (1)", "INSERT INTO t_notes VALUES (2)"],
    reverse=["DELETE FROM t_notes WHERE id = 2", "DROP TABLE t_notes"],
)


def notes(connection: Any) -> list[int]:
    if "t_notes" not in connection.introspection.table_names():
        return []
    return [number for [number] in execute(connection, "SELECT id FROM t_notes ORDER BY id")]


@each_engine
def test_statements_run_in_order_and_back(empty: Any, story: Story) -> None:
    operation = DialectSQL("Make notes", **dict.fromkeys(NAMES, NOTE))
    for _ in range(2):
        story.apply(operation)
        assert notes(empty) == [1, 2]
        story.undo()
        assert "t_notes" not in empty.introspection.table_names()


@each_engine
def test_only_the_statements_of_the_engine_run(engine: str, empty: Any, story: Story) -> None:
    wrong = Statements(forward=["THIS IS NOT SQL"], reverse=["NOR IS THIS"])
    story.apply(DialectSQL("Make notes", **dict.fromkeys(NAMES, wrong) | {engine: NOTE}))
    assert notes(empty) == [1, 2]


@each_engine
def test_an_engine_that_is_not_named_is_refused_forwards_and_backwards(
    engine: str, empty: Any, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {name: UNCHANGED for name in NAMES if name != engine}
    operation = DialectSQL("Make notes", **others)
    with pytest.raises(Refused, match=f"does not say what to do on {engine}"):
        story.apply(operation)
    with empty.schema_editor() as editor, pytest.raises(Refused, match=f"add {engine}= to it"):
        operation.database_backwards("throwaway", editor, story.state, story.state)


@each_engine
def test_a_database_that_the_router_keeps_out_is_left_alone_and_need_not_be_named(
    engine: str, empty: Any, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def allow_migrate(alias: str, app_label: str, **hints: Any) -> bool:
        asked.append((alias, app_label, hints))
        return False

    monkeypatch.setattr(router, "allow_migrate", allow_migrate)
    others = {name: UNCHANGED for name in NAMES if name != engine}
    story.apply(DialectSQL("Make notes", **others, hints={"tables": "notes"}))
    story.undo()
    assert asked == [("default", "throwaway", {"tables": "notes"})] * 2


@each_engine
def test_sql_is_shown_and_not_run_when_it_is_only_collected(empty: Any, story: Story) -> None:
    operation = DialectSQL("Make notes", **dict.fromkeys(NAMES, NOTE))
    with empty.schema_editor(collect_sql=True) as editor:
        operation.database_forwards("throwaway", editor, story.state, story.state)
    assert [statement.rstrip(";") for statement in editor.collected_sql] == list(NOTE.forward)
    assert "t_notes" not in empty.introspection.table_names()


def test_sql_without_a_way_back_needs_a_reason() -> None:
    one_way = Statements(forward=["DELETE FROM notes"], reverse=())
    with pytest.raises(ValueError, match="sqlite cannot be undone; give the reverse, or say why"):
        DialectSQL("Forget", **NOTHING | {"sqlite": one_way})
    assert not DialectSQL("Forget", **NOTHING | {"sqlite": one_way}, irreversible="the notes are gone").reversible


@each_engine
def test_what_cannot_be_undone_says_why(engine: str, empty: Any, story: Story) -> None:
    operation = DialectSQL("Forget", **NOTHING, irreversible="the notes are gone")
    with empty.schema_editor() as editor, pytest.raises(NotImplementedError, match="the notes are gone"):
        operation.database_backwards("throwaway", editor, story.state, story.state)


def test_sql_with_a_way_back_is_reversible_and_describes_itself() -> None:
    operation = DialectSQL("Make notes", **dict.fromkeys(NAMES, NOTE))
    assert operation.reversible
    assert operation.describe() == "Make notes"


@pytest.mark.parametrize(
    "operation",
    [
        DialectSQL("Make notes", **dict.fromkeys(NAMES, NOTE)),
        DialectSQL("Only here", sqlite=NOTE),
        DialectSQL("Forget", sqlite=Statements(["DELETE FROM notes"], []), irreversible="gone", hints={"a": 1}),
        DialectSQL(
            "Add", **NOTHING, state_operations=[AddField("note", "text", models.TextField(null=True))]
        ),
        PartitionByMonth("events", by="at", indexes={"events_of_job": "job_id, at"}, first="2026-11", months=3),
    ],
    ids=lambda operation: operation.describe(),
)  # fmt: skip
def test_an_operation_comes_back_from_the_file_that_it_is_written_to(operation: Any) -> None:
    migration = type("Migration", (Migration,), {"operations": [operation], "dependencies": []})("0001_x", "app")
    namespace: dict[str, Any] = {}
    exec(MigrationWriter(migration).as_string(), namespace)
    [read] = namespace["Migration"].operations
    assert OperationWriter(read).serialize() == OperationWriter(operation).serialize()
    assert read.__dict__.keys() == operation.__dict__.keys()


def test_state_operations_change_the_state_of_the_models() -> None:
    story = Story(None)
    CreateModel("Note", [("id", models.BigAutoField(primary_key=True))]).state_forwards("throwaway", story.state)
    operation = DialectSQL(
        "Add", **NOTHING, state_operations=[AddField("note", "text", models.TextField(null=True))]
    )  # fmt: skip
    operation.state_forwards("throwaway", story.state)
    assert "text" in story.state.models["throwaway", "note"].fields


PARTITION = PartitionByMonth("t_event", by="at", indexes={"t_event_of_job": "job, at"}, first="2026-12", months=2)
PARTS = {"sqlite": [], "postgresql": [1, 1, 2], "mariadb": [2, 1, 1]}
"""Rows in each part. Those from before the first month lie in the last part on PostgreSQL, in the first on MariaDB."""
TIMES = ["2026-11-30 23:59:59.999999", "2026-12-01 00:00:00", "2027-01-31 23:59:59.999999", "2027-02-01 00:00:00"]


@each_engine
def test_a_table_is_partitioned_and_back_and_again_with_its_rows(engine: str, empty: Any, story: Story) -> None:
    story.apply(
        CreateModel(
            "Event",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("at", models.DateTimeField()),
                ("job", models.CharField(max_length=20)),
            ],
            options={
                "db_table": "t_event",
                "indexes": [models.Index(fields=["job", "at"], name="t_event_of_job")],
                "constraints": [models.CheckConstraint(condition=~models.Q(job=""), name="t_event_has_job")],
            },
        )
    )
    for at in TIMES:
        execute(empty, "INSERT INTO t_event (at, job) VALUES (%s, 'a')", at)
    before = execute(empty, "SELECT * FROM t_event ORDER BY id")
    plain = live_table(engine, empty, "t_event")
    for _ in range(2):
        story.apply(PARTITION)
        partitioned = live_table(engine, empty, "t_event")
        assert partitioned.primary_key == (("id",) if engine == "sqlite" else ("id", "at"))
        assert partitioned.checks == {"t_event_has_job"}
        assert partitioned.indexes == plain.indexes
        assert execute(empty, "SELECT * FROM t_event ORDER BY id") == before
        assert parts_of(engine, empty) == PARTS[engine]
        story.undo()
        assert live_table(engine, empty, "t_event") == plain
        assert execute(empty, "SELECT * FROM t_event ORDER BY id") == before


def parts_of(engine: str, connection: Any) -> list[int]:
    """How many rows each part of the table has."""
    if engine == "postgresql":
        parts = execute(
            connection, "SELECT oid::regclass::text FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY 1"
        )
        return [execute(connection, f"SELECT COUNT(*) FROM {name}")[0][0] for [name] in parts]
    if engine == "mariadb":
        names = execute(
            connection,
            "SELECT PARTITION_NAME FROM information_schema.PARTITIONS WHERE TABLE_NAME = 't_event' "
            "AND TABLE_SCHEMA = DATABASE() ORDER BY PARTITION_ORDINAL_POSITION",
        )
        return [execute(connection, f"SELECT COUNT(*) FROM t_event PARTITION ({name})")[0][0] for [name] in names]
    return []


def test_months_go_on_over_the_end_of_a_year() -> None:
    assert list(month_bounds("2026-11", 4)) == [
        ("2026_11", "2026-11-01", "2026-12-01"),
        ("2026_12", "2026-12-01", "2027-01-01"),
        ("2027_01", "2027-01-01", "2027-02-01"),
        ("2027_02", "2027-02-01", "2027-03-01"),
    ]
    assert list(month_bounds("2027-01", 0)) == []
    names = [name for name, _, _ in month_bounds("2026-12", 30)]
    assert all(re.fullmatch(r"20\d\d_(0[1-9]|1[0-2])", name) for name in names)
    assert names == sorted(set(names))
