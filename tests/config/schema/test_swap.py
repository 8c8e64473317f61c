"""Two columns exchange their names: what each holds and what guards it goes along, and nothing is lost on the way."""

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connections, models
from django.db import migrations as m
from django.db.migrations.optimizer import MigrationOptimizer
from django.db.models import F, Q
from django.db.models.functions import Cast

from config.schema.changes import changes_of
from config.schema.dialects.costs import Kind, costs, kinds_of
from config.schema.exits import Refused
from config.schema.loss import LiveRows, LossClass
from config.schema.operations import SwapFields
from tests.config.schema.checked import default_database
from tests.config.schema.live import connected, execute, live_table
from tests.config.schema.processes import run_sql
from tests.config.schema.story import Story, drift
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
BIG = models.BigAutoField(primary_key=True)


@pytest.fixture(scope="module")
def empty(engine: str, django_db_blocker: Any) -> Iterator[Any]:
    """The default connection, as a transaction is one of that."""
    with django_db_blocker.unblock(), default_database(engine) as connection:
        yield connection


def parent(**more: Any) -> Any:
    return models.ForeignKey("throwaway.parent", models.CASCADE, related_name="+", **more)


PAIRS = {
    # what it was, what it becomes, and a value as it is in each
    "number to a larger number": (models.IntegerField(), models.BigIntegerField(), 7, 7),
    "positive number": (models.PositiveIntegerField(), models.BigIntegerField(), 7, 7),
    "text to a longer text": (models.CharField(max_length=50), models.TextField(), "Some 100% ", "Some 100% "),
    "text to a number": (models.CharField(max_length=20), models.IntegerField(), "12", 12),
    "number to a text": (models.IntegerField(), models.CharField(max_length=20), 12, "12"),
    "unique": (models.IntegerField(unique=True), models.BigIntegerField(unique=True), 7, 7),
    "unique text": (
        models.CharField(max_length=50, unique=True),
        models.CharField(max_length=100, unique=True),
        "a",
        "a",
    ),
    "indexed": (models.IntegerField(db_index=True), models.BigIntegerField(db_index=True), 7, 7),
    "with a default": (models.IntegerField(db_default=7), models.BigIntegerField(db_default=7), 7, 7),
    "what may be NULL": (models.IntegerField(null=True), models.BigIntegerField(null=True), None, None),
    "foreign key": (parent(), parent(), 1, 1),
    "foreign key of a column of its own name": (parent(db_column="owner"), parent(null=False), 1, 1),
}


def things(story: Story, old: Any, new: Any, **options: Any) -> None:
    story.atomic = False
    story.create("Parent", id=BIG)
    fields = [("id", BIG), ("amount", old), ("amount_too", new), ("kind", models.IntegerField(db_default=1))]
    story.apply(m.CreateModel("Thing", fields, options={"db_table": "t_thing", **options}))


def columns(story: Story) -> list[str]:
    model = story.state.apps.get_model("throwaway", "thing")
    return [story.connection.ops.quote_name(model._meta.get_field(name).column) for name in ("amount", "amount_too")]


def add(story: Story, *values: Any) -> None:
    execute(story.connection, f"INSERT INTO t_thing ({', '.join(columns(story))}) VALUES (%s, %s)", *values)


def held(story: Story) -> list[Any]:
    return execute(story.connection, f"SELECT {', '.join(columns(story))} FROM t_thing ORDER BY id")


@pytest.mark.parametrize("name", PAIRS)
def test_each_column_takes_along_what_it_holds_and_what_guards_it(
    engine: str, empty: Any, story: Story, name: str
) -> None:
    old, new, was, becomes = PAIRS[name]
    things(story, old, new)
    if "foreign key" in name:
        execute(empty, "INSERT INTO t_parent (id) VALUES (1)")
    add(story, was, becomes)
    before, names = live_table(engine, empty, "t_thing"), columns(story)
    for _ in range(2):
        story.apply(SwapFields("thing", "amount", "amount_too"))
        assert columns(story) == names
        assert drift(story) == []
        assert held(story) == [(becomes, was)]
        story.undo()
        assert live_table(engine, empty, "t_thing") == before
        assert held(story) == [(was, becomes)]


BY_AMOUNT = models.Index(fields=["-amount", "kind"], name="t_by_amount")
BY_AMOUNT_TOO = models.Index(fields=["-amount_too", "kind"], name="t_by_amount_too")
GUARDS = {
    "indexes": ([BY_AMOUNT, BY_AMOUNT_TOO], []),
    "unique constraints": (
        [],
        [
            models.UniqueConstraint(fields=["amount", "kind"], name="t_once"),
            models.UniqueConstraint(fields=["amount_too", "kind"], name="t_once_too"),
        ],
    ),
    "expressions and conditions": (
        [
            models.Index(F("amount").desc(), "kind", name="t_by", condition=Q(amount__gt=0) & ~Q(kind=2)),
            models.Index(F("amount_too").desc(), "kind", name="t_by_too", condition=Q(amount_too__gt=0) & ~Q(kind=2)),
        ],
        [],
    ),
    "checks": (
        [],
        [
            models.CheckConstraint(condition=Q(amount__gte=0) | Q(kind=F("amount")), name="t_positive"),
            models.CheckConstraint(condition=Q(amount_too__gte=0) | Q(kind=F("amount_too")), name="t_positive_too"),
        ],
    ),
    "a rule about both": ([], [models.CheckConstraint(condition=Q(amount=F("amount_too")), name="t_alike")]),
}


@pytest.mark.parametrize("name", GUARDS)
def test_indexes_and_constraints_go_with_their_columns_in_the_state_too(
    engine: str, empty: Any, story: Story, name: str
) -> None:
    indexes, constraints = GUARDS[name]
    things(story, models.IntegerField(), models.BigIntegerField(), indexes=indexes, constraints=constraints)
    add(story, 1, 1)
    story.apply(SwapFields("thing", "amount", "amount_too"))
    assert drift(story) == []
    named = [
        *story.state.models["throwaway", "thing"].options["indexes"],
        *story.state.models["throwaway", "thing"].options["constraints"],
    ]
    assert [each.name for each in named] == [each.name for each in (*indexes, *constraints)]
    assert all("amount_too" in repr(each) for each in named[:1])
    story.undo()
    assert drift(story) == []


UNGUARDED = {
    "unique": (
        models.IntegerField(unique=True),
        models.BigIntegerField(),
        {},
        r"amount is unique, and amount_too has none like it: AlterFieldOnline",
    ),
    "index": (models.IntegerField(db_index=True), models.BigIntegerField(), {}, r"has an index"),
    "foreign key": (parent(), models.BigIntegerField(db_index=True), {}, r"has a foreign key"),
    "null": (models.IntegerField(), models.BigIntegerField(null=True), {}, r"takes no NULL.* AlterFieldOnline"),
    "default": (models.IntegerField(db_default=1), models.BigIntegerField(), {}, r"has a default"),
    "index of Meta": (
        models.IntegerField(),
        models.BigIntegerField(),
        {"indexes": [BY_AMOUNT]},
        r"t_by_amount is about amount, and nothing like it about amount_too",
    ),
    "together": (
        models.IntegerField(),
        models.BigIntegerField(),
        {"unique_together": {("amount", "kind")}},
        r"amount, kind is about amount",
    ),
    "key": (models.IntegerField(), models.ManyToManyField("throwaway.parent"), {}, r"is no column of this table"),
    "generated": (
        models.IntegerField(),
        models.GeneratedField(expression=F("kind") + 1, output_field=models.IntegerField(), db_persist=True),
        {},
        r"is no column of this table",
    ),
}


@pytest.mark.parametrize("name", UNGUARDED)
def test_it_is_refused_while_something_guards_the_old_column_alone(
    engine: str, empty: Any, story: Story, name: str
) -> None:
    old, new, options, words = UNGUARDED[name]
    things(story, old, new, **options)
    before = live_table(engine, empty, "t_thing")
    with pytest.raises(Refused, match=words):
        story.apply(SwapFields("thing", "amount", "amount_too"))
    assert live_table(engine, empty, "t_thing") == before


def test_a_primary_key_and_what_others_refer_to_is_refused(engine: str, empty: Any, story: Story) -> None:
    things(story, models.IntegerField(unique=True), models.BigIntegerField(unique=True))
    with pytest.raises(Refused, match="a primary key"):
        story.apply(SwapFields("thing", "id", "amount_too"))
    story.create("Heir", id=BIG, of=models.ForeignKey("throwaway.thing", models.CASCADE, to_field="amount"))
    with pytest.raises(Refused, match=r"throwaway\.Heir\.of refers to it"):
        story.apply(SwapFields("thing", "amount", "amount_too"))


DIFFERING = [
    (
        models.IntegerField(null=True),
        models.BigIntegerField(null=True),
        [(1, 1), (2, 3), (None, None), (4, None), (None, 5)],
        3,
    ),
    (models.CharField(max_length=9), models.TextField(), [("a", "a"), ("A", "a"), ("b", "b ")], 2),
    (models.CharField(max_length=9), models.CharField(max_length=3), [("abc", "abc"), ("abcd", "abc")], 1),
]


@pytest.mark.parametrize(("old", "new", "rows", "count"), DIFFERING)
def test_rows_that_differ_are_counted_and_one_is_named_in_both_directions(
    engine: str, empty: Any, story: Story, old: Any, new: Any, rows: list[Any], count: int
) -> None:
    things(story, old, new)
    for row in rows:
        add(story, *row)
    words = (
        f"{count} rows? of t_thing holds? another value in amount_too than they should, such as the one with the key 2"
    )
    with pytest.raises(Refused, match=words):
        story.apply(SwapFields("thing", "amount", "amount_too"))
    execute(empty, "DELETE FROM t_thing WHERE id > 1")
    story.apply(SwapFields("thing", "amount", "amount_too"))
    add(story, *reversed(rows[1]))
    with pytest.raises(Refused, match="1 row of t_thing holds another value in amount than they should"):
        story.undo()
    assert drift(story) == []


def test_the_value_is_what_one_says_that_it_is(engine: str, empty: Any, story: Story) -> None:
    things(story, models.IntegerField(), models.BigIntegerField())
    add(story, 2, 2000)
    thousand = Cast("amount", models.BigIntegerField()) * 1000
    swap = SwapFields("thing", "amount", "amount_too", value=thousand)
    story.apply(swap)
    assert held(story) == [(2000, 2)]
    story.undo()
    assert held(story) == [(2, 2000)]
    with pytest.raises(Refused, match="another value in amount_too"):
        story.apply(SwapFields("thing", "amount", "amount_too"))


@contextlib.contextmanager
def writing_before(connection: Any, url: str, what: str, *statements: str) -> Iterator[None]:
    """Within it, another session runs these just before the connection runs a statement with `what` in it."""
    done: list[str] = []

    def wrapper(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if what in str(sql) and not done:
            done.append(str(sql))
            run_sql(url, *statements)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield
    assert done


def test_a_row_that_is_written_after_the_comparison_is_seen_under_the_lock(engine: str, django_db_blocker: Any) -> None:
    if engine == "sqlite":
        return  # It has one writer, from before the comparison on.
    with django_db_blocker.unblock(), fresh_database(engine) as url, connected(url) as connection:
        connections["default"], before = connection, connections["default"]
        try:
            story = Story(connection)
            things(story, models.IntegerField(), models.BigIntegerField())
            add(story, 1, 1)
            shape = live_table(engine, connection, "t_thing")
            straggler = writing_before(connection, url, "LOCK TABLE", "UPDATE t_thing SET amount = 2")
            with pytest.raises(Refused, match="written one column alone since the rows were compared"), straggler:
                story.apply(SwapFields("thing", "amount", "amount_too"))
            assert live_table(engine, connection, "t_thing") == shape
            run_sql(url, "UPDATE t_thing SET amount_too = 2")
            story.apply(SwapFields("thing", "amount", "amount_too"))
        finally:
            connections["default"] = before


def test_what_would_take_too_long_under_the_lock_needs_more_time_or_a_reason(
    engine: str, empty: Any, story: Story
) -> None:
    if engine == "sqlite":
        return
    things(story, models.IntegerField(), models.BigIntegerField())
    add(story, 1, 1)
    with pytest.raises(Refused, match=r"comparing all rows took .* locked_seconds= more in a window, or unlocked="):
        story.apply(SwapFields("thing", "amount", "amount_too", locked_seconds=1e-9))
    story.apply(SwapFields("thing", "amount", "amount_too", unlocked="because nobody writes"))


def test_who_may_not_lock_the_table_on_mariadb_is_told(engine: str, django_db_blocker: Any) -> None:
    if engine != "mariadb":
        return  # Elsewhere who may change a table may lock it.
    with django_db_blocker.unblock(), fresh_database(engine) as url, connected(url) as connection:
        story = Story(connection)
        things(story, models.IntegerField(), models.BigIntegerField())
        user = f"u{secrets.token_hex(6)}"
        run_sql(
            url, f"CREATE USER {user} IDENTIFIED BY 'x'", f"GRANT SELECT, ALTER, INSERT, CREATE, DROP ON *.* TO {user}"
        )
        try:
            parts = urlsplit(url)
            weak = urlunsplit(parts._replace(netloc=f"{user}:x@{parts.hostname}:{parts.port}"))
            with connected(weak) as story.connection, pytest.raises(Refused, match=r"grant it LOCK TABLES.* unlocked="):
                story.apply(SwapFields("thing", "amount", "amount_too"))
        finally:
            run_sql(url, f"DROP USER {user}")


def test_a_view_on_postgresql_would_go_on_with_the_old_column_so_it_is_in_the_way(
    engine: str, empty: Any, story: Story
) -> None:
    if engine != "postgresql":
        return  # Elsewhere a view asks for a column by its name.
    things(story, models.IntegerField(), models.BigIntegerField())
    execute(empty, "CREATE VIEW t_view AS SELECT id, amount FROM t_thing")
    with pytest.raises(Refused, match=r"would go on with the old one: .*view t_view\. Drop them first"):
        story.apply(SwapFields("thing", "amount", "amount_too"))
    execute(empty, "DROP VIEW t_view")
    story.apply(SwapFields("thing", "amount", "amount_too"))


def test_in_a_transaction_it_is_refused_where_that_would_block(engine: str, empty: Any, story: Story) -> None:
    things(story, models.IntegerField(), models.BigIntegerField())
    story.atomic = True
    told = pytest.raises(Refused, match="say atomic = False") if engine == "postgresql" else contextlib.nullcontext()
    with told:
        story.apply(SwapFields("thing", "amount", "amount_too"))
    story.atomic = False


def test_a_plan_and_a_check_know_that_it_loses_nothing_and_blocks_nobody(engine: str, empty: Any, story: Story) -> None:
    things(story, models.IntegerField(), models.BigIntegerField())
    add(story, 1, 1)
    operation, after = SwapFields("thing", "amount", "amount_too"), story.state.clone()
    operation.state_forwards("throwaway", after)
    changes = list(changes_of(operation, "throwaway", story.state, after))
    assert [kind for change in changes for kind in kinds_of(change)] == [Kind.EXCHANGE]
    assert not costs(engine)[Kind.EXCHANGE].blocks
    live = LiveRows(empty)
    assert live.lose(changes).kind is LossClass.NONE
    then = after.clone()
    remove = m.RemoveField("thing", "amount_too")
    remove.state_forwards("throwaway", then)
    # After it, under this name, is the old column.
    execute(empty, f"UPDATE t_thing SET {columns(story)[1]} = 5")
    assert live.lose(list(changes_of(remove, "throwaway", after, then))).what == "1 filled values of t_thing.amount"


def test_it_is_written_into_a_migration_as_it_is_and_nothing_is_moved_past_it() -> None:
    swap = SwapFields("thing", "amount", "amount_too", value=F("amount") * 2, unlocked="because nobody writes")
    name, arguments, keywords = swap.deconstruct()
    assert SwapFields(*arguments, **keywords).deconstruct() == (name, arguments, keywords)
    changed = [m.AlterField("thing", "amount_too", field) for field in (models.IntegerField(), models.TextField())]
    between = [changed[0], swap, changed[1]]
    assert MigrationOptimizer().optimize(between, "throwaway") == between
    with pytest.raises(ValueError, match="is not swapped with itself"):
        SwapFields("thing", "amount", "amount")
    with pytest.raises(ValueError, match=r"locked_seconds=0 is no time"):
        SwapFields("thing", "amount", "amount_too", locked_seconds=0)
