"""The ON DELETE rule of a foreign key is in the live table, whatever operation made or changed it."""

from typing import Any

import pytest
from django.db import IntegrityError, models
from django.db.migrations.operations import AddField, AlterField, AlterModelTable, RenameModel

from config.schema.dialects.on_delete import add_rule
from config.schema.fields import CodeField, UtcNow
from tests.config.schema.live import empty_database, execute, live_table
from tests.config.schema.story import APP, Story

each_engine = pytest.mark.every_engine


def key(to: str, on_delete: Any, **options: Any) -> Any:
    return models.ForeignKey(to if to == "self" else f"{APP}.{to}", on_delete, related_name="+", **options)


def rule_of(engine: str, connection: Any, table: str, column: str) -> str:
    foreign_keys = live_table(engine, connection, table).foreign_keys
    [found] = [action for columns, _, _, action in foreign_keys if columns == (column,)]
    return found


RULES = [
    (models.CASCADE, {}, "CASCADE"),
    (models.SET_NULL, {"null": True}, "SET NULL"),
    (models.PROTECT, {}, "RESTRICT"),
    (models.RESTRICT, {}, "RESTRICT"),
    (models.DO_NOTHING, {}, "RESTRICT"),
    (models.SET_DEFAULT, {"null": True, "default": None}, "RESTRICT"),
]


@each_engine
@pytest.mark.parametrize(("on_delete", "options", "expected"), RULES)
def test_a_new_table_has_the_rule(
    on_delete: Any, options: Any, expected: str, engine: str, empty: Any, story: Story
) -> None:
    story.create("Parent")
    story.create("Child", parent=key("Parent", on_delete, **options))
    assert rule_of(engine, empty, "t_child", "parent_id") == expected


@each_engine
@pytest.mark.parametrize(("on_delete", "options", "expected"), RULES)
def test_an_added_column_has_the_rule(
    on_delete: Any, options: Any, expected: str, engine: str, empty: Any, story: Story
) -> None:
    story.create("Parent")
    story.create("Child", name=models.CharField(max_length=10))
    story.apply(AddField("child", "parent", key("Parent", on_delete, **{"null": True, **options})))
    assert rule_of(engine, empty, "t_child", "parent_id") == expected


@each_engine
def test_a_changed_rule_is_changed_in_the_table_and_back(engine: str, empty: Any, story: Story) -> None:
    story.create("Parent")
    story.create("Child", parent=key("Parent", models.CASCADE, null=True))
    expected = ["CASCADE"]
    for on_delete, rule in ((models.SET_NULL, "SET NULL"), (models.PROTECT, "RESTRICT"), (models.CASCADE, "CASCADE")):
        story.apply(AlterField("child", "parent", key("Parent", on_delete, null=True)))
        expected.append(rule)
        assert rule_of(engine, empty, "t_child", "parent_id") == rule
    for rule in expected[-2::-1]:
        story.undo()
        assert rule_of(engine, empty, "t_child", "parent_id") == rule


@each_engine
def test_the_rule_outlives_a_later_change_of_another_column_and_of_its_own(
    engine: str, empty: Any, story: Story
) -> None:
    story.create("Parent")
    story.create("Child", parent=key("Parent", models.SET_NULL, null=True), name=models.CharField(max_length=10))
    execute(empty, "INSERT INTO t_parent (id) VALUES (1)")
    execute(empty, "INSERT INTO t_child (id, parent_id, name) VALUES (1, 1, 'a')")
    story.apply(
        AlterField("child", "name", models.TextField(null=True)),
        AlterField("child", "parent", key("Parent", models.SET_NULL, null=True, db_index=False)),
        AddField("child", "size", models.IntegerField(default=3)),
    )
    assert rule_of(engine, empty, "t_child", "parent_id") == "SET NULL"
    execute(empty, "DELETE FROM t_parent")
    assert [list(row) for row in execute(empty, "SELECT id, parent_id, size FROM t_child")] == [[1, None, 3]]


@each_engine
def test_the_database_itself_keeps_the_rule(engine: str, empty: Any, story: Story) -> None:
    story.create("Parent")
    story.create("Kept", parent=key("Parent", models.PROTECT))
    story.create("Gone", parent=key("Parent", models.CASCADE))
    execute(empty, "INSERT INTO t_parent (id) VALUES (1), (2)")
    execute(empty, "INSERT INTO t_kept (id, parent_id) VALUES (1, 1)")
    execute(empty, "INSERT INTO t_gone (id, parent_id) VALUES (1, 2)")
    with pytest.raises(IntegrityError):
        execute(empty, "DELETE FROM t_parent WHERE id = 1")
    execute(empty, "DELETE FROM t_parent WHERE id = 2")
    assert execute(empty, "SELECT COUNT(*) FROM t_gone")[0][0] == 0


@each_engine
def test_a_many_to_many_table_goes_with_either_side(engine: str, empty: Any, story: Story) -> None:
    story.create("Tag")
    story.create("Page", tags=models.ManyToManyField(f"{APP}.Tag", db_table="t_page_tags"))
    assert rule_of(engine, empty, "t_page_tags", "page_id") == "CASCADE"
    assert rule_of(engine, empty, "t_page_tags", "tag_id") == "CASCADE"


@each_engine
def test_a_table_that_refers_to_itself_has_the_rule(engine: str, empty: Any, story: Story) -> None:
    story.create("Node", parent=key("self", models.PROTECT, null=True), name=models.CharField(max_length=10))
    assert rule_of(engine, empty, "t_node", "parent_id") == "RESTRICT"
    story.apply(AlterField("node", "name", models.CharField(max_length=200, null=True)))
    assert rule_of(engine, empty, "t_node", "parent_id") == "RESTRICT"


@each_engine
def test_a_key_that_is_a_code_is_referred_to_with_the_rule_and_its_collation(
    engine: str, empty: Any, story: Story
) -> None:
    story.create("Job", id=CodeField(max_length=64, primary_key=True))
    story.create("Disk", job=key("Job", models.SET_NULL, null=True))
    assert rule_of(engine, empty, "t_disk", "job_id") == "SET NULL"
    execute(empty, "INSERT INTO t_job (id) VALUES ('job-1')")
    with pytest.raises(IntegrityError):
        execute(empty, "INSERT INTO t_disk (id, job_id) VALUES (1, 'JOB-1')")


@each_engine
def test_the_rule_outlives_a_change_of_the_key_it_names(engine: str, empty: Any, story: Story) -> None:
    story.create("Job", id=CodeField(max_length=64, primary_key=True))
    story.create("Disk", job=models.ForeignKey(f"{APP}.Job", models.SET_NULL, null=True))
    story.apply(AlterField("job", "id", CodeField(max_length=128, primary_key=True)))
    assert rule_of(engine, empty, "t_disk", "job_id") == "SET NULL"
    assert live_table(engine, empty, "t_disk").columns["job_id"].length == 128


@each_engine
def test_the_rule_outlives_new_names(engine: str, empty: Any, story: Story) -> None:
    story.create("Parent")
    story.create("Child", parent=models.ForeignKey(f"{APP}.Parent", models.CASCADE))
    story.apply(
        RenameModel("Parent", "Elder"), AlterModelTable("elder", "t_elder"), AlterModelTable("child", "t_young")
    )
    assert rule_of(engine, empty, "t_young", "parent_id") == "CASCADE"


@each_engine
def test_a_foreign_key_that_is_none_in_the_database_has_no_rule(engine: str, empty: Any, story: Story) -> None:
    story.create("Parent")
    story.create("Child", parent=key("Parent", models.CASCADE, db_constraint=False))
    assert live_table(engine, empty, "t_child").foreign_keys == set()


@each_engine
def test_fields_work_on_djangos_own_backend_too(engine: str, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), empty_database(engine, stock=True) as connection:
        Story(connection).create(
            "Plain",
            id=models.BigAutoField(primary_key=True),
            code=CodeField(max_length=64),
            at=models.DateTimeField(db_default=UtcNow()),
        )
        execute(connection, "INSERT INTO t_plain (code) VALUES ('a')")
        assert execute(connection, "SELECT id FROM t_plain WHERE code = 'A'") == []
        assert execute(connection, "SELECT id FROM t_plain WHERE at IS NOT NULL")


@pytest.mark.parametrize(
    "template",
    [
        "REFERENCES a (b) -",
        "REFERENCES a (b) -%(deferrable)s",
        "REFERENCES a (b) - DEFERRABLE INITIALLY DEFERRED",
        "REFERENCES a (b) -%(deferrable)s; SET CONSTRAINTS x IMMEDIATE",
    ],
)
def test_the_rule_stands_before_what_says_when_it_is_checked(template: str) -> None:
    assert add_rule(template.replace(" -", ""), "CASCADE") == template.replace("-", "ON DELETE CASCADE")
