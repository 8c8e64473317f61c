"""Django's operations, done while others write: the same tables come of them, and rows in the way are told first."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, models
from django.db import migrations as m
from django.db.models.functions import Lower

from config.schema.exits import Refused
from config.schema.operations import (
    AddConstraintOnline,
    AddFieldOnline,
    AddIndexOnline,
    AlterConstraintOnline,
    AlterFieldOnline,
)
from tests.config.schema.live import connected, execute, live_table
from tests.config.schema.processes import wait_for
from tests.config.schema.story import Story, drift
from tests.engines import connect, fresh_database

pytestmark = pytest.mark.every_engine
WINDOW = "the table is small"
BIG = models.BigAutoField(primary_key=True)
INDEX = models.Index(fields=["name", "-size"], name="t_thing_by_name")
UNIQUE = models.UniqueConstraint(fields=["name", "size"], name="t_thing_once")
CHECK = models.CheckConstraint(condition=models.Q(size__gte=0) & ~models.Q(name="%"), name="t_thing_has_size")


def parent(**more: Any) -> Any:
    return models.ForeignKey("throwaway.parent", models.CASCADE, null=True, **more)


def text(**more: Any) -> Any:
    return models.CharField(max_length=40, **more)


SAME = {
    "index": (m.AddIndex("thing", INDEX), AddIndexOnline("thing", INDEX)),
    "unique": (m.AddConstraint("thing", UNIQUE), AddConstraintOnline("thing", UNIQUE)),
    "check": (m.AddConstraint("thing", CHECK), AddConstraintOnline("thing", CHECK, blocking=WINDOW)),
    **{
        f"column {name}": (m.AddField("thing", "more", field), AddFieldOnline("thing", "more", field))
        for name, field in {
            "nullable": models.IntegerField(null=True),
            "with a default": models.IntegerField(db_default=7),
            "with a Python default": models.IntegerField(null=True, default=7),
            "text with a default": text(db_default="a 100%"),
            "json": models.JSONField(null=True),
            "positive": models.PositiveIntegerField(db_default=7),
            "indexed": models.IntegerField(null=True, db_index=True),
            "indexed text": text(null=True, db_index=True),
            "unique": text(null=True, unique=True),
            "that refers": parent(),
            "that refers and protects": models.ForeignKey("throwaway.parent", models.PROTECT, null=True),
            "that refers without an index": parent(db_index=False),
            "that refers to one": models.OneToOneField("throwaway.parent", models.CASCADE, null=True),
            "that refers without a key": parent(db_constraint=False),
            "of many": models.ManyToManyField("throwaway.parent"),
        }.items()
    },
    **{
        f"alter {name}": (m.AlterField("thing", *change), AlterFieldOnline("thing", *change))
        for name, change in {
            "not null": ("name", text()),
            "not null with a default": ("kind", text(db_default="a")),
            "not null and positive": ("count", models.PositiveIntegerField()),
            "unique": ("name", text(null=True, unique=True)),
            "unique and not null": ("name", text(unique=True)),
            "indexed": ("size", models.IntegerField(null=True, db_index=True)),
            "to a foreign key": ("other", parent(db_column="other")),
            "nothing": ("size", models.IntegerField(null=True, verbose_name="how large")),
        }.items()
    },
}
Things = dict[str, Any]


def things(story: Story) -> None:
    story.atomic = False
    story.create("Parent", id=BIG)
    story.create(
        "Thing",
        id=BIG,
        name=text(null=True),
        kind=text(null=True, db_default="a"),
        size=models.IntegerField(null=True),
        count=models.PositiveIntegerField(null=True),
        other=models.BigIntegerField(null=True),
    )


def add(connection: Any, **values: Any) -> None:
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    execute(connection, f"INSERT INTO t_thing ({names}) VALUES ({marks})", *values.values())


def shape(engine: str, story: Story) -> Any:
    """The table; of the check of a column the engines make names of their own."""
    table = live_table(engine, story.connection, "t_thing")
    table.checks = {"some"} if table.checks else set()
    return table


@pytest.mark.parametrize("name", SAME)
def test_the_same_comes_of_it_as_of_djangos_operation_and_it_can_be_undone(
    engine: str, empty: Any, story: Story, name: str
) -> None:
    djangos, online = SAME[name]
    things(story)
    add(empty, name="a", kind="b", size=1, count=2)
    add(empty, name="b", kind="b", size=2, count=2)
    before = shape(engine, story)
    story.apply(djangos)
    expected, state = shape(engine, story), story.state
    story.undo()
    for _ in range(2):
        story.apply(online)
        assert shape(engine, story) == expected
        assert story.state == state
        assert drift(story) == []
        assert execute(empty, "SELECT name, size FROM t_thing ORDER BY id") == [("a", 1), ("b", 2)]
        story.undo()
        assert shape(engine, story) == before


ALIKE = {
    "a time": (models.DateTimeField(), "2020-01-01 12:00:00"),
    "a day": (models.DateField(), "2020-01-01"),
    "uuid": (models.UUIDField(), "a3f1b2c400004000800000000000000a"),
    "decimal": (models.DecimalField(max_digits=8, decimal_places=2), "1.10"),
    "yes or no": (models.BooleanField(), True),
    "bytes": (models.BinaryField(max_length=20), b"abc"),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_rows_that_are_alike_are_named_whatever_kind_of_value_they_hold(
    engine: str, empty: Any, story: Story, kind: str
) -> None:
    field, value = ALIKE[kind]
    story.atomic = False
    story.create("Thing", id=BIG, what=field)
    execute(empty, "INSERT INTO t_thing (id, what) VALUES (7, %s), (8, %s)", value, value)
    with pytest.raises(Refused, match=r"1 value of t_thing .* keys 7 and 8"):
        story.apply(AddConstraintOnline("thing", models.UniqueConstraint(fields=["what"], name="t_thing_once")))


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (AlterFieldOnline("thing", "size", models.IntegerField()), r"1 row of .* with the key \(1, 4\)"),
        (
            AddConstraintOnline(
                "thing", models.CheckConstraint(condition=models.Q(size__gt=2), name="t_thing_big"), blocking=WINDOW
            ),
            r"2 rows of .* with the key \(1, [23]\)",
        ),
        (
            AddConstraintOnline("thing", models.UniqueConstraint(fields=["size"], name="t_thing_once")),
            r"1 value of .* keys \(1, [23]\) and \(1, [23]\)",
        ),
    ],
    ids=["null", "check", "alike"],
)
def test_rows_in_the_way_are_named_by_a_key_of_several_columns(
    engine: str, empty: Any, story: Story, operation: Any, words: str
) -> None:
    story.atomic = False
    story.create(
        "Thing",
        pk=models.CompositePrimaryKey("tenant", "number"),
        tenant=models.IntegerField(),
        number=models.IntegerField(),
        size=models.IntegerField(null=True),
    )
    execute(empty, "INSERT INTO t_thing (tenant, number, size) VALUES (1, 2, 2), (1, 3, 2), (1, 4, NULL)")
    with pytest.raises(Refused, match=words):
        story.apply(operation)


def test_a_unique_column_has_one_unique_index(engine: str, empty: Any, story: Story) -> None:
    things(story)
    story.apply(AlterFieldOnline("thing", "name", text(unique=True)))
    with empty.cursor() as cursor:
        found = empty.introspection.get_constraints(cursor, "t_thing").values()
    assert [each["columns"] for each in found if each["unique"] and not each["primary_key"]] == [["name"]]


IN_THE_WAY = [
    (
        AddConstraintOnline("thing", UNIQUE),
        [{"name": "a", "size": 1}] * 2 + [{"name": "b", "size": 1}] * 3 + [{"name": "c", "size": None}] * 2,
        r"2 values of t_thing \(name, size\) stand in more than one row, such as in those with the keys \d and \d",
    ),
    (
        AddConstraintOnline("thing", CHECK, blocking=WINDOW),
        [{"size": 1}, {"size": -1}, {"size": None}, {"size": -2}],
        r"2 rows of t_thing do not hold t_thing_has_size, such as the one with the key [24]\.",
    ),
    (
        AlterFieldOnline("thing", "name", text()),
        [{"name": "a"}, {"size": 1}],
        r"1 row of t_thing hold NULL in name, such as the one with the key 2\.",
    ),
    (
        AlterFieldOnline("thing", "name", text(null=True, unique=True)),
        [{"name": "a"}, {"name": "a"}],
        r"1 value of t_thing \(name\) stand in more than one row",
    ),
    (
        AlterFieldOnline("thing", "other", parent(db_column="other")),
        [{"other": None}, {"other": 7}],
        r"1 row of t_thing refer with other to rows that t_parent does not have, such as the one with the key 2\.",
    ),
]


@pytest.mark.parametrize(("operation", "rows", "words"), IN_THE_WAY, ids=["unique", "check", "null", "alike", "orphan"])
def test_rows_in_the_way_are_counted_and_one_is_named_and_nothing_is_changed(
    engine: str, empty: Any, story: Story, operation: Any, rows: list[Any], words: str
) -> None:
    things(story)
    before = shape(engine, story)
    for row in rows:
        add(empty, **row)
    with pytest.raises(Refused, match=words):
        story.apply(operation)
    assert shape(engine, story) == before


def test_a_unique_expression_with_a_condition_is_looked_at_too(engine: str, empty: Any, story: Story) -> None:
    things(story)
    for row in ({"name": "A", "size": 1}, {"name": "a", "size": 2}, {"name": "a", "size": -1}):
        add(empty, **row)
    once = models.UniqueConstraint(Lower("name"), condition=models.Q(size__gt=0), name="t_thing_lower_once")
    operation = AddConstraintOnline("thing", once)
    with pytest.raises(Refused, match=r"t_thing_lower_once.* keys 1 and 2"):
        story.apply(operation)
    execute(empty, "DELETE FROM t_thing WHERE size = 2")
    story.apply(operation)


def test_in_a_transaction_it_is_refused_where_that_would_block(engine: str, empty: Any, story: Story) -> None:
    things(story)
    story.atomic = True
    told = pytest.raises(Refused, match="say atomic = False in its migration") if engine == "postgresql" else None
    with told or contextlib.nullcontext():
        story.apply(AddIndexOnline("thing", INDEX))


def test_a_check_is_refused_where_the_server_would_copy_unless_there_is_a_window(
    engine: str, empty: Any, story: Story
) -> None:
    things(story)
    told = (
        pytest.raises(Refused, match=r"copies the table.*give the operation blocking=") if engine == "mariadb" else None
    )
    with told or contextlib.nullcontext():
        story.apply(AddConstraintOnline("thing", CHECK))


def test_what_the_server_could_only_copy_is_refused_and_done_in_a_window(engine: str, empty: Any, story: Story) -> None:
    things(story)
    stored = models.GeneratedField(expression=models.F("size") + 1, output_field=models.IntegerField(), db_persist=True)
    told = contextlib.nullcontext() if engine == "sqlite" else pytest.raises(Refused, match=r"would block.*blocking=")
    if engine != "sqlite":
        with told:
            story.apply(AddFieldOnline("thing", "more", stored))
        story.apply(AddFieldOnline("thing", "more", stored, blocking=WINDOW))
        add(story.connection, size=4)
        assert execute(empty, "SELECT more FROM t_thing") == [(5,)]


def one_of(*names: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(name__in=names), name="t_thing_name_known")


def test_a_list_of_choices_changes_and_no_value_in_use_is_taken_from_it(engine: str, empty: Any, story: Story) -> None:
    things(story)
    story.apply(m.AddConstraint("thing", one_of("a", "b")))
    before = live_table(engine, empty, "t_thing")
    add(empty, name="a")
    story.apply(AlterConstraintOnline("thing", "t_thing_name_known", one_of("a", "b", "c"), blocking=WINDOW))
    add(empty, name="c")
    in_use = pytest.raises(Refused, match=r"1 row of t_thing do not hold t_thing_name_known.* the key 2")
    with in_use:
        story.apply(AlterConstraintOnline("thing", "t_thing_name_known", one_of("a"), blocking=WINDOW))
    operation, state_before, state_after = story.past[-1]
    with empty.schema_editor(atomic=False) as editor, in_use:
        operation.database_backwards("throwaway", editor, state_after, state_before)
    execute(empty, "DELETE FROM t_thing WHERE name = 'c'")
    story.undo()
    assert live_table(engine, empty, "t_thing") == before
    with pytest.raises(IntegrityError):
        add(empty, name="c")


def test_another_change_of_the_column_is_refused(engine: str, empty: Any, story: Story) -> None:
    things(story)
    operation = AlterFieldOnline("thing", "size", models.BigIntegerField(null=True))
    told = contextlib.nullcontext() if engine == "sqlite" else pytest.raises(Refused, match="would change the type")
    with told:
        story.apply(operation)


def test_a_column_that_the_running_release_does_not_fill_is_no_online_change() -> None:
    with pytest.raises(ValueError, match="give a db_default and keep it until after the deploy"):
        AddFieldOnline("thing", "more", models.IntegerField(default=7))


@contextlib.contextmanager
def writers(url: str) -> Iterator[list[int]]:
    """Within it, two sessions add rows one after another; it yields how many each has added so far."""
    done, over, errors = [0, 0], threading.Event(), []

    def write(number: int) -> None:
        try:
            with contextlib.closing(connect(url)) as connection:
                cursor = connection.cursor()
                while not over.is_set():
                    done[number] += 1
                    size = 2 * done[number] + number
                    cursor.execute(f"INSERT INTO t_thing (name, size, count) VALUES ('w', {size}, 1)")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=[number]) for number in (0, 1)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
    assert errors == []


WRITTEN = {
    name: SAME[name][1]
    for name in ("index", "column unique", "column that refers", "alter not null", "alter to a foreign key")
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_meanwhile_stays_and_nobody_is_refused(engine: str, name: str, django_db_blocker: Any) -> None:
    if engine == "sqlite":
        return  # It has one writer.
    with django_db_blocker.unblock(), fresh_database(engine) as url, connected(url) as connection:
        story = Story(connection)
        things(story)
        rows = ", ".join(f"('before', {-number})" for number in range(1, 5_001))
        execute(connection, f"INSERT INTO t_thing (name, size) VALUES {rows}")
        with writers(url) as done:
            wait_for(lambda: min(done) > 5, "the writers")
            story.apply(WRITTEN[name])
            after = list(done)
            wait_for(lambda: all(now > then for now, then in zip(done, after, strict=True)), "the writers, again")
        assert execute(connection, "SELECT COUNT(*) FROM t_thing") == [(5_000 + sum(done),)]
