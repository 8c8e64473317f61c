"""What differs between the migrations and the live catalogue is found, told apart and mended; and nothing else is."""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    CreateModel,
    DeleteModel,
    RemoveConstraint,
    RemoveField,
    RemoveIndex,
)
from django.db.migrations.operations.base import Operation
from django.test.utils import CaptureQueriesContext

from config.schema.drift import Difference, catalogue_differences
from config.schema.fields import CodeField, UtcNow
from tests.config.schema.live import empty_database, execute, live_table
from tests.config.schema.story import APP, Story

pytestmark = pytest.mark.every_engine

STATUSES = ["begun", "done"]
KNOWN = models.CheckConstraint(condition=models.Q(status__in=STATUSES), name="child_status_known")


def key(on_delete: Any = models.CASCADE, **options: Any) -> Any:
    return models.ForeignKey(f"{APP}.Parent", on_delete, null=True, **options)


def text(max_length: int = 40, **options: Any) -> Any:
    return models.CharField(max_length=max_length, **options)


def real(**options: Any) -> Any:
    return models.FloatField(null=True, **options)


def number(kind: Any = models.IntegerField) -> Any:
    return kind(null=True, db_index=True)


PARENT = CreateModel(
    "Parent",
    [("id", models.BigAutoField(primary_key=True)), ("code", CodeField(max_length=40, unique=True))],
    options={"db_table": "t_parent"},
)
CHILD = CreateModel(
    "Child",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("parent", key()),
        ("status", text(max_length=20, db_default="begun")),
        ("name", text()),
        ("size", models.IntegerField(db_default=7)),
        ("factor", real(db_default=-1.5)),
        ("flag", models.BooleanField(db_default=True)),
        ("at", models.DateTimeField(db_default=UtcNow())),
        ("many", models.PositiveIntegerField(default=1)),
        ("rank", number()),
        ("word", text(null=True, unique=True)),
        ("note", models.TextField(null=True)),
        ("data", models.JSONField(default=dict)),
        (
            "double",
            models.GeneratedField(expression=models.F("size") * 2, output_field=models.IntegerField(), db_persist=True),
        ),
    ],
    options={
        "db_table": "t_child",
        "indexes": [models.Index(fields=["name", "-size"], name="child_by_name")],
        "constraints": [
            models.UniqueConstraint(fields=["name", "size"], name="child_name_and_size"),
            models.CheckConstraint(condition=models.Q(size__gt=0), name="child_size"),
            KNOWN,
        ],
    },
)
LEAF = CreateModel(
    "Leaf",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("child", models.ForeignKey(f"{APP}.Child", models.CASCADE)),
        ("kind", text(max_length=20, db_index=True)),
    ],
    options={"db_table": "t_leaf"},
)


@pytest.fixture
def family(story: Story) -> Story:
    """Three tables, each with a row that refers to one of the table before."""
    story.apply(PARENT, CHILD, LEAF)
    execute(story.connection, "INSERT INTO t_parent (id, code) VALUES (1, 'a')")
    execute(
        story.connection,
        "INSERT INTO t_child (id, parent_id, status, name, many, data) VALUES (1, 1, 'done', 'n', 1, '{}')",
    )
    execute(story.connection, "INSERT INTO t_leaf (id, child_id, kind) VALUES (1, 1, 'k')")
    return story


def differences(story: Story) -> list[Difference]:
    return catalogue_differences(story.connection, story.state)


def happen(story: Story, *operations: Operation) -> None:
    """Do to the database what migrations would do, and tell no migration of it."""
    before = story.state
    for operation in operations:
        after = before.clone()
        operation.state_forwards(APP, after)
        with story.connection.schema_editor() as editor:
            operation.database_forwards(APP, editor, before, after)
        before = after


def mend(story: Story) -> None:
    for difference in differences(story):
        assert difference.sql, difference
        for statement in difference.sql:
            execute(story.connection, statement)


FAULTS: dict[str, tuple[Operation, str, str, str | None]] = {
    "table": (DeleteModel("Leaf"), "missing_table", "t_leaf", None),
    "nullable column": (RemoveField("Child", "note"), "missing_column", "t_child", "note"),
    "column with a rule": (RemoveField("Child", "many"), "missing_column", "t_child", "many"),
    "indexed column": (RemoveField("Child", "rank"), "missing_column", "t_child", "rank"),
    "referring column": (RemoveField("Child", "parent"), "missing_column", "t_child", "parent_id"),
    "length": (AlterField("Child", "name", text(max_length=30)), "type", "t_child", "name"),
    "text": (AlterField("Child", "note", text(max_length=9, null=True)), "type", "t_child", "note"),
    "number": (AlterField("Child", "rank", number(models.BigIntegerField)), "type", "t_child", "rank"),
    "NULL": (AlterField("Child", "name", text(null=True)), "nullability", "t_child", "name"),
    "no NULL": (AlterField("Child", "note", models.TextField(default="")), "nullability", "t_child", "note"),
    "whole default": (AlterField("Child", "size", models.IntegerField(db_default=8)), "default", "t_child", "size"),
    "flag default": (AlterField("Child", "flag", models.BooleanField(db_default=False)), "default", "t_child", "flag"),
    "real default": (AlterField("Child", "factor", real(db_default=2.5)), "default", "t_child", "factor"),
    "text default": (
        AlterField("Child", "status", text(max_length=20, db_default="done")),
        "default",
        "t_child",
        "status",
    ),
    "no default": (AlterField("Child", "size", models.IntegerField()), "default", "t_child", "size"),
    "no time": (AlterField("Child", "at", models.DateTimeField()), "default", "t_child", "at"),
    "foreign key": (AlterField("Child", "parent", key(db_constraint=False)), "foreign_key", "t_child", "parent_id"),
    "ON DELETE": (AlterField("Child", "parent", key(models.SET_NULL)), "on_delete", "t_child", "parent_id"),
    "unique": (AlterField("Child", "word", text(null=True)), "unique", "t_child", None),
    "unique code": (AlterField("Parent", "code", CodeField(max_length=40)), "unique", "t_parent", None),
    "unique constraint": (
        RemoveConstraint("Child", "child_name_and_size"),
        "unique",
        "t_child",
        "child_name_and_size",
    ),
    "check": (RemoveConstraint("Child", "child_size"), "check", "t_child", "child_size"),
    "index": (RemoveIndex("Child", "child_by_name"), "missing_index", "t_child", "child_by_name"),
    "column index": (AlterField("Leaf", "kind", text(max_length=20)), "missing_index", "t_leaf", None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_difference_and_its_sql_mends_it_without_losing_a_row(
    fault: str, engine: str, family: Story
) -> None:
    operation, *expected = FAULTS[fault]
    tables = ("t_parent", "t_child", "t_leaf")
    before = {name: live_table(engine, family.connection, name) for name in tables}
    assert differences(family) == []

    happen(family, operation)
    assert [[each.kind, each.table, each.name] for each in differences(family)] == [expected]

    mend(family)
    assert differences(family) == []
    assert {name: live_table(engine, family.connection, name) for name in tables} == before
    for name in ("t_parent", "t_child", *([] if fault == "table" else ["t_leaf"])):
        assert execute(family.connection, f"SELECT COUNT(*) FROM {name}")[0][0] == 1, name


def test_many_faults_are_mended_together(engine: str, family: Story) -> None:
    before = live_table(engine, family.connection, "t_child")
    together = ("nullable column", "indexed column", "NULL", "no time", "check", "index", "unique")
    happen(family, *(FAULTS[fault][0] for fault in together))
    assert {(each.kind, each.table, each.name) for each in differences(family)} == {
        FAULTS[fault][1:] for fault in together
    }

    mend(family)
    assert differences(family) == []
    assert live_table(engine, family.connection, "t_child") == before


def test_a_column_that_no_migration_knows_is_told_and_never_dropped(engine: str, family: Story) -> None:
    happen(family, AddField("Child", "extra", models.IntegerField(db_default=3)), RemoveConstraint("Child", KNOWN.name))

    extra, lost = differences(family)
    assert (extra.kind, extra.name, extra.sql) == ("extra_column", "extra", ())
    assert (lost.kind, lost.name, bool(lost.sql)) == ("check", KNOWN.name, engine != "sqlite")
    assert ("a person does it" in lost.words) == (engine == "sqlite")
    for statement in lost.sql:
        execute(family.connection, statement)
        assert [each.kind for each in differences(family)] == ["extra_column"]


def test_a_column_without_which_no_row_can_be_added_is_told_as_such(family: Story) -> None:
    happen(family, AddField("Leaf", "extra", models.IntegerField(default=3)))
    [difference] = differences(family)
    assert "no row can be added" in difference.words


def test_a_check_that_admits_other_choices_is_told_and_mended(family: Story) -> None:
    other = models.CheckConstraint(condition=models.Q(status__in=["begun", "lost"]), name=KNOWN.name)
    execute(family.connection, "UPDATE t_child SET status = 'begun'")
    happen(family, RemoveConstraint("Child", KNOWN.name), AddConstraint("Child", other))

    [difference] = differences(family)
    assert (difference.kind, difference.name) == ("check", KNOWN.name)
    assert "admits lost; lacks done" in difference.words
    mend(family)
    assert differences(family) == []


def test_another_collation_is_told_and_mended(engine: str, story: Story) -> None:
    collation = {"postgresql": "C", "mariadb": "utf8mb4_bin", "sqlite": "NOCASE"}[engine]
    story.create("Named", id=models.BigAutoField(primary_key=True), name=text(db_collation=collation))
    happen(story, AlterField("Named", "name", text()))

    # SQLite tells a column's collation nowhere but in the table's SQL, which is not compared.
    assert [each.kind for each in differences(story)] == ([] if engine == "sqlite" else ["collation"])
    mend(story)
    assert differences(story) == []


def test_an_index_on_other_columns_is_told_and_mended(family: Story) -> None:
    other = models.Index(fields=["size"], name="child_by_name")
    happen(family, RemoveIndex("Child", "child_by_name"), AddIndex("Child", other))

    [difference] = differences(family)
    assert (difference.kind, difference.name) == ("index", "child_by_name")
    mend(family)
    assert differences(family) == []


BY_HAND: dict[str, tuple[dict[str, str], tuple[str, str, str | None]]] = {
    "numbering": (
        {
            "postgresql": "ALTER TABLE t_leaf ALTER COLUMN id DROP IDENTITY",
            "mariadb": "ALTER TABLE t_leaf MODIFY id bigint NOT NULL",
        },
        ("identity", "t_leaf", "id"),
    ),
    "check of a positive number": (
        {"postgresql": "ALTER TABLE t_child DROP CONSTRAINT t_child_many_check"},
        ("check", "t_child", "many"),
    ),
    "check of JSON": (
        {"mariadb": "ALTER TABLE t_child MODIFY data longtext NOT NULL"},
        ("type", "t_child", "data"),
    ),
    "collation": (
        {
            "mariadb": "ALTER TABLE t_parent MODIFY code varchar(40) COLLATE utf8mb4_unicode_ci NOT NULL",
        },
        ("collation", "t_parent", "code"),
    ),
    "primary key": (
        {
            "postgresql": "ALTER TABLE t_leaf DROP CONSTRAINT t_leaf_pkey",
            "mariadb": "ALTER TABLE t_leaf MODIFY id bigint NOT NULL, DROP PRIMARY KEY",
        },
        ("primary_key", "t_leaf", None),
    ),
    "expression of a column": (
        {
            "postgresql": "ALTER TABLE t_child ALTER COLUMN double DROP EXPRESSION",
            "mariadb": "ALTER TABLE t_child MODIFY `double` int",
        },
        ("generated", "t_child", "double"),
    ),
}


@pytest.mark.parametrize("fault", BY_HAND)
def test_a_fault_that_only_a_hand_makes_is_told(fault: str, engine: str, family: Story) -> None:
    statements, expected = BY_HAND[fault]
    if engine not in statements:
        assert differences(family) == []
        return
    execute(family.connection, statements[engine])
    assert expected in [(each.kind, each.table, each.name) for each in differences(family)]


def test_what_sql_makes_beside_the_migrations_is_no_drift(engine: str, family: Story) -> None:
    for statement in (
        "CREATE TABLE t_other (id integer)",
        "CREATE VIEW t_view AS SELECT id FROM t_child",
        "CREATE INDEX t_more ON t_child (size, name)",
    ):
        execute(family.connection, statement)
    found = differences(family)
    for statement in (
        "DROP TABLE t_other",
        "DROP VIEW t_view",
        f"DROP INDEX t_more{' ON t_child' * (engine == 'mariadb')}",
    ):
        execute(family.connection, statement)
    assert found == []


def test_an_invalid_index_is_told_and_rebuilt(engine: str, family: Story) -> None:
    if engine != "postgresql":
        assert not any(each.kind == "invalid_index" for each in differences(family))
        return
    execute(family.connection, "INSERT INTO t_parent (id, code) VALUES (2, 'b')")
    execute(family.connection, "INSERT INTO t_leaf (id, child_id, kind) VALUES (2, 1, 'k')")
    with pytest.raises(Exception, match="could not create unique index"):
        execute(family.connection, "CREATE UNIQUE INDEX CONCURRENTLY t_invalid ON t_leaf (kind)")

    [difference] = differences(family)
    assert (difference.kind, difference.table, difference.name) == ("invalid_index", "t_leaf", "t_invalid")

    execute(family.connection, "DELETE FROM t_leaf WHERE id = 2")
    mend(family)
    assert differences(family) == []


def test_the_number_of_queries_does_not_grow_with_the_tables(family: Story) -> None:
    with CaptureQueriesContext(family.connection) as few:
        differences(family)
    for count in range(5):
        family.create(
            f"More{count}",
            id=models.BigAutoField(primary_key=True),
            word=models.CharField(max_length=9, db_index=True),
        )
    with CaptureQueriesContext(family.connection) as many:
        assert differences(family) == []
    assert len(many) == len(few) <= 7


def test_on_djangos_own_backend_no_rule_of_a_foreign_key_is_expected(engine: str, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), empty_database(engine, stock=True) as connection:
        story = Story(connection)
        story.apply(PARENT, CHILD, LEAF)
        assert differences(story) == []
        happen(story, FAULTS["foreign key"][0])
        assert [each.kind for each in differences(story)] == ["foreign_key"]
        mend(story)
        assert differences(story) == []


def at_query(story: Story, number: int, *statements: str) -> Any:
    """Before this query of a look somebody else runs these statements."""
    asked = itertools.count()

    def between(execute_it: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if next(asked) == number:
            with contextlib.closing(story.connection.copy()) as other:
                for statement in statements:
                    execute(other, statement)
        return execute_it(sql, params, many, context)

    return story.connection.execute_wrapper(between)


@pytest.mark.parametrize("number", range(8))
def test_a_table_that_comes_or_goes_while_the_catalogue_is_read_is_no_drift_and_no_error(
    number: int, family: Story
) -> None:
    come = (
        "CREATE TABLE t_passing (id integer PRIMARY KEY, size integer UNIQUE, CHECK (size > 0))",
        "CREATE INDEX t_passing_more ON t_passing (size, id)",
    )
    with at_query(family, number, *come):
        assert differences(family) == []
    execute(family.connection, "DROP TABLE IF EXISTS t_passing")
    for statement in come:
        execute(family.connection, statement)
    with at_query(family, number, "DROP TABLE t_passing"):
        assert differences(family) == []
    execute(family.connection, "DROP TABLE IF EXISTS t_passing")


@pytest.mark.parametrize("number", range(8))
def test_of_a_table_that_goes_while_the_catalogue_is_read_nothing_else_is_told(number: int, family: Story) -> None:
    with at_query(family, number, "DROP TABLE t_leaf"):
        assert {(each.kind, each.table) for each in differences(family)} <= {("missing_table", "t_leaf")}
    execute(family.connection, "DROP TABLE IF EXISTS t_leaf")
    mend(family)


@pytest.fixture
def reader(engine: str, family: Story) -> Iterator[Story]:
    """The same by a user who may only read."""
    if engine == "sqlite":
        yield family
        return
    name, (host, new, drop) = (
        family.connection.settings_dict["NAME"],
        {
            "postgresql": ("", "LOGIN PASSWORD", ("DROP OWNED BY {}", "DROP ROLE {}")),
            "mariadb": ("@'%%'", "IDENTIFIED BY", ("DROP USER {}",)),
        }[engine],
    )
    user, tables = f"reader_of_{name[:20]}", "ALL TABLES IN SCHEMA public" if engine == "postgresql" else f"{name}.*"
    execute(family.connection, f"CREATE USER {user}{host} {new} 'only-reads'")
    execute(family.connection, f"GRANT SELECT ON {tables} TO {user}{host}")
    other = family.connection.copy()
    other.settings_dict = {**other.settings_dict, "USER": user, "PASSWORD": "only-reads"}
    reads = Story(other)
    reads.state = family.state
    try:
        yield reads
    finally:
        other.close()
        for statement in drop:
            execute(family.connection, statement.format(f"{user}{host}"))


def test_what_a_user_without_rights_is_not_shown_is_no_drift(reader: Story) -> None:
    assert differences(reader) == []


def test_a_user_who_may_only_read_is_told_of_what_is_lacking(reader: Story, family: Story) -> None:
    happen(family, *(FAULTS[fault][0] for fault in ("check", "foreign key", "no default", "NULL", "unique")))
    expected = {"check", "foreign_key", "default", "nullability", "unique"}
    assert {each.kind for each in differences(reader)} == expected


ADDED = {
    "a text": models.CharField(max_length=9),
    "a text that is unique": models.CharField(max_length=9, unique=True),
    "a number that is indexed": models.IntegerField(db_index=True),
    "a positive number": models.PositiveIntegerField(),
    "a reference": models.ForeignKey(f"{APP}.Parent", models.CASCADE, related_name="+"),
}


@pytest.mark.parametrize("kind", ADDED)
def test_a_column_that_takes_no_null_is_made_anew_once_its_values_are_given(kind: str, story: Story) -> None:
    story.apply(PARENT)
    fields = [("id", models.BigAutoField(primary_key=True)), ("added", ADDED[kind])]
    story.apply(CreateModel("Full", fields, options={"db_table": "t_full"}))
    happen(story, RemoveField("Full", "added"))
    execute(story.connection, "INSERT INTO t_parent (id, code) VALUES (1, 'a')")
    execute(story.connection, "INSERT INTO t_full (id) VALUES (1)")

    [difference] = differences(story)
    assert "each row has to be given a value in between" in difference.words
    column = story.state.apps.get_model(APP, "Full")._meta.get_field("added").column
    given = False
    for statement in difference.sql:
        if statement.startswith("-- "):
            assert "UPDATE" in statement and column in statement.partition("\n")[0]
            execute(story.connection, f"UPDATE t_full SET {column} = 1")
            given = True
        execute(story.connection, statement)
    assert given
    assert differences(story) == []
    assert execute(story.connection, f"SELECT id, {column} FROM t_full")[0][1] in (1, "1")


def test_a_default_that_no_migration_made_is_beside_them_and_no_drift(engine: str, family: Story) -> None:
    if engine != "sqlite":
        execute(family.connection, "ALTER TABLE t_leaf ALTER kind SET DEFAULT 'k'")
    assert differences(family) == []


def test_a_table_without_transactions_is_told_and_mended(engine: str, family: Story) -> None:
    if engine != "mariadb":
        assert differences(family) == []
        return
    before = live_table(engine, family.connection, "t_leaf")
    loose = models.ForeignKey(f"{APP}.Child", models.CASCADE, db_constraint=False)
    happen(family, AlterField("Leaf", "child", loose))
    execute(family.connection, "ALTER TABLE t_leaf ENGINE = MyISAM")
    assert [each.kind for each in differences(family)] == ["storage", "foreign_key"]
    mend(family)
    assert (differences(family), live_table(engine, family.connection, "t_leaf")) == ([], before)
