"""What is put aside comes back with its rows, and is dropped only when it is empty or somebody says why."""

from typing import Any

import pytest
from django.db import models

from config.schema.changes import changes_of
from config.schema.exits import Refused
from config.schema.loss import LiveRows, LossClass
from config.schema.operations import DropQuarantined, QuarantineField, QuarantineModel
from tests.config.schema.live import execute, live_table
from tests.config.schema.story import Story, drift

pytestmark = pytest.mark.every_engine
BIG = models.BigAutoField(primary_key=True)
FIELDS = {
    "a text": (models.CharField(max_length=40, unique=True), "a"),
    "a number": (models.PositiveIntegerField(db_index=True), 7),
    "a foreign key": (models.ForeignKey("throwaway.parent", models.CASCADE, db_column="more"), 1),
    "what may be NULL": (models.IntegerField(null=True), None),
}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("atomic", [True, False])
def test_a_field_is_put_aside_and_comes_back(engine: str, empty: Any, story: Story, name: str, *, atomic: bool) -> None:
    field, value = FIELDS[name]
    story.atomic = atomic
    story.create("Parent", id=BIG)
    story.create("Thing", id=BIG, more=field, other=models.IntegerField())
    execute(empty, "INSERT INTO t_parent (id) VALUES (1)")
    execute(empty, "INSERT INTO t_thing (more, other) VALUES (%s, 1)", value)
    before = live_table(engine, empty, "t_thing")
    for _ in range(2):
        story.apply(QuarantineField("thing", "more"))
        execute(empty, "INSERT INTO t_thing (other) VALUES (2)")
        assert execute(empty, "SELECT gone_more FROM t_thing WHERE other = 1") == [(value,)]
        execute(empty, "DELETE FROM t_thing WHERE other = 2")
        story.undo()
        assert live_table(engine, empty, "t_thing") == before
        assert execute(empty, "SELECT more FROM t_thing") == [(value,)]


def test_a_field_does_not_come_back_over_rows_that_lack_it(engine: str, empty: Any, story: Story) -> None:
    story.create("Thing", id=BIG, more=models.IntegerField(), other=models.IntegerField())
    story.apply(QuarantineField("thing", "more"))
    execute(empty, "INSERT INTO t_thing (other) VALUES (2)")
    operation, before, after = story.past[-1]
    with empty.schema_editor(atomic=False) as editor, pytest.raises(Exception, match=r"(?i)null"):
        operation.database_backwards("throwaway", editor, after, before)
    # Here no transaction takes back what SQLite made to build the table anew.
    for table in empty.introspection.table_names():
        execute(empty, f"DROP TABLE {table}")
    story.past.clear()


def test_a_model_is_put_aside_and_comes_back_with_its_rows(engine: str, empty: Any, story: Story) -> None:
    story.create("Parent", id=BIG)
    story.create("Thing", id=BIG, parents=models.ManyToManyField("throwaway.parent"))
    execute(empty, "INSERT INTO t_thing (id) VALUES (4)")
    tables = set(empty.introspection.table_names())
    story.apply(QuarantineModel("Thing"))
    assert execute(empty, "SELECT id FROM gone_t_thing") == [(4,)]
    assert set(empty.introspection.table_names()) == {"t_parent", "gone_t_thing", "gone_t_thing_parents"}
    story.undo()
    assert set(empty.introspection.table_names()) == tables
    assert execute(empty, "SELECT id FROM t_thing") == [(4,)]


def test_what_is_put_aside_goes_with_no_other_row_and_keeps_none(engine: str, empty: Any, story: Story) -> None:
    """A foreign key of which no code knows would delete live rows with those that they once referred to."""
    story.create("Parent", id=BIG)
    story.create("Thing", id=BIG, owner=models.ForeignKey("throwaway.parent", models.CASCADE))
    story.create("Other", id=BIG, kept=models.ForeignKey("throwaway.parent", models.PROTECT))
    execute(empty, "INSERT INTO t_parent (id) VALUES (7)")
    execute(empty, "INSERT INTO t_thing (owner_id) VALUES (7)")
    execute(empty, "INSERT INTO t_other (kept_id) VALUES (7)")
    story.apply(QuarantineField("thing", "owner"), QuarantineField("other", "kept"))

    execute(empty, "DELETE FROM t_parent")

    assert execute(empty, "SELECT gone_owner_id FROM t_thing") == [(7,)]
    assert execute(empty, "SELECT gone_kept_id FROM t_other") == [(7,)]
    for table in ("t_other", "t_thing"):
        with pytest.raises(Refused, match=f"1 row of {table} refer with .* to rows that t_parent does not have"):
            story.undo()
    for table in ("t_other", "t_thing", "t_parent"):
        execute(empty, f"DROP TABLE {table}")
    story.past.clear()


def test_a_model_that_is_put_aside_goes_with_no_other_row_and_keeps_none(engine: str, empty: Any, story: Story) -> None:
    story.create("Parent", id=BIG)
    story.create(
        "Thing",
        id=BIG,
        owner=models.ForeignKey("throwaway.parent", models.CASCADE, related_name="+"),
        kept=models.ForeignKey("throwaway.parent", models.PROTECT, related_name="+"),
        many=models.ManyToManyField("throwaway.parent", related_name="+"),
    )
    before = {table: live_table(engine, empty, table) for table in ("t_thing", "t_thing_many")}
    execute(empty, "INSERT INTO t_parent (id) VALUES (1), (2), (3)")
    execute(empty, "INSERT INTO t_thing (id, owner_id, kept_id) VALUES (5, 1, 2)")
    execute(empty, "INSERT INTO t_thing_many (thing_id, parent_id) VALUES (5, 3)")
    story.apply(QuarantineModel("Thing"))

    execute(empty, "DELETE FROM t_parent")
    assert execute(empty, "SELECT id, owner_id, kept_id FROM gone_t_thing") == [(5, 1, 2)]
    assert execute(empty, "SELECT thing_id, parent_id FROM gone_t_thing_many") == [(5, 3)]

    execute(empty, "INSERT INTO t_parent (id) VALUES (1), (2), (3)")
    story.undo()
    assert {table: live_table(engine, empty, table) for table in before} == before
    execute(empty, "DELETE FROM t_thing_many")


@pytest.mark.parametrize(
    ("field", "column"),
    [
        (models.ForeignKey("throwaway.parent", models.CASCADE), "more_id"),
        (models.OneToOneField("throwaway.parent", models.PROTECT), "more_id"),
        (models.CharField(max_length=40, unique=True), "more"),
        (models.IntegerField(db_index=True), "more"),
        (models.PositiveIntegerField(), "more"),
        (models.JSONField(), "more"),
    ],
    ids=["a foreign key", "one to one", "unique", "indexed", "positive", "json"],
)
def test_a_field_of_any_kind_is_dropped_once_it_was_put_aside(
    engine: str, empty: Any, story: Story, field: Any, column: str
) -> None:
    story.create("Parent", id=BIG)
    story.create("Thing", id=BIG, more=field)
    story.apply(QuarantineField("thing", "more"), DropQuarantined("t_thing", column))
    assert set(live_table(engine, empty, "t_thing").columns) == {"id"}
    del story.past[-2:]


def test_the_table_of_a_field_of_many_is_put_aside_and_comes_back(engine: str, empty: Any, story: Story) -> None:
    story.create("Parent", id=BIG)
    story.create("Thing", id=BIG, many=models.ManyToManyField("throwaway.parent"))
    execute(empty, "INSERT INTO t_parent (id) VALUES (1)")
    execute(empty, "INSERT INTO t_thing (id) VALUES (1)")
    execute(empty, "INSERT INTO t_thing_many (thing_id, parent_id) VALUES (1, 1)")
    before = live_table(engine, empty, "t_thing_many")
    story.apply(QuarantineField("thing", "many"))
    assert execute(empty, "SELECT thing_id, parent_id FROM gone_t_thing_many") == [(1, 1)]
    story.undo()
    assert live_table(engine, empty, "t_thing_many") == before


def test_what_holds_rows_or_values_is_dropped_only_with_a_reason(engine: str, empty: Any, story: Story) -> None:
    story.create("Thing", id=BIG, more=models.IntegerField(null=True))
    execute(empty, "INSERT INTO t_thing (more) VALUES (1), (NULL), (2)")
    story.apply(QuarantineField("thing", "more"))
    with pytest.raises(Refused, match=r"t_thing\.more, which was put aside would lose 2 values.*lossy='because"):
        story.apply(DropQuarantined("t_thing", "more"))
    story.apply(DropQuarantined("t_thing", "more", lossy="because nobody asked for them in a year"))
    assert set(live_table(engine, empty, "t_thing").columns) == {"id"}
    story.apply(QuarantineModel("Thing"))
    with pytest.raises(Refused, match="would lose 3 rows"):
        story.apply(DropQuarantined("t_thing"))
    execute(empty, "DELETE FROM gone_t_thing")
    story.apply(DropQuarantined("t_thing"))
    assert empty.introspection.table_names() == []
    story.past.clear()


def test_what_is_put_aside_loses_nothing_and_is_no_drift(engine: str, empty: Any, story: Story) -> None:
    story.create("Thing", id=BIG, more=models.IntegerField(null=True))
    execute(empty, "INSERT INTO t_thing (more) VALUES (1)")
    field, model = QuarantineField("thing", "more"), QuarantineModel("Thing")
    for operation in (field, model):
        after = story.state.clone()
        operation.state_forwards("throwaway", after)
        changes = list(changes_of(operation, "throwaway", story.state, after))
        assert LiveRows(empty).lose(changes).kind is LossClass.NONE
    story.apply(field)
    assert drift(story) == []
