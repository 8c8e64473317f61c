"""Migrations that a kill may meet: what is there before, and the operations of the migration that is killed.

Each has a way back, and leaves rows by which a thing that is done twice, or not at all, is seen.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import DatabaseError, models
from django.db import migrations as m
from django.db.migrations.operations.base import Operation

from config.schema.operations import (
    AddConstraintOnline,
    AddFieldOnline,
    AddIndexOnline,
    AfterBackfill,
    AlterConstraintOnline,
    AlterFieldOnline,
    Backfill,
    PartitionByMonthOnline,
    QuarantineField,
    QuarantineModel,
    SwapFields,
)

APP = "killed"


@dataclass(frozen=True)
class Case:
    """`quick`: among those that every run of the tests kills. `engines`: where it can exist at all."""

    before: Sequence[Operation]
    change: Sequence[Operation]
    quick: bool = False
    atomic: tuple[bool, ...] = (True, False)
    engines: tuple[str, ...] = ("sqlite", "postgresql", "mariadb")


def pk() -> tuple[str, Any]:
    return ("id", models.BigIntegerField(primary_key=True))


def named(length: int = 40, **more: Any) -> tuple[str, Any]:
    return ("name", models.CharField(max_length=length, **more))


def fk(to: str = "parent", **more: Any) -> Any:
    return models.ForeignKey(f"killed.{to}", on_delete=models.CASCADE, null=True, **more)


def rows(model: str, **values: Any) -> Operation:
    """Two rows of the model, whose keys are 1 and 2."""

    def add(apps: Any, editor: Any) -> None:
        manager = apps.get_model(APP, model).objects.using(editor.connection.alias)
        manager.bulk_create(apps.get_model(APP, model)(id=number, **values) for number in (1, 2))

    def remove(apps: Any, editor: Any) -> None:
        apps.get_model(APP, model).objects.using(editor.connection.alias).filter(id__in=(1, 2)).delete()

    return m.RunPython(add, remove)


def count(what: str) -> Operation:
    """Adds 1 to the row of the table of counts that bears this name; going back takes 1 away."""

    def step(by: int) -> Callable[[Any, Any], None]:
        def work(apps: Any, editor: Any) -> None:
            model = apps.get_model(APP, "Tally")
            row, _ = model.objects.using(editor.connection.alias).get_or_create(what=what, defaults={"times": 0})
            model.objects.using(editor.connection.alias).filter(pk=row.pk).update(times=row.times + by)

        return work

    return m.RunPython(step(1), step(-1))


TALLY = m.CreateModel(
    "Tally",
    [("what", models.CharField(max_length=40, primary_key=True)), ("times", models.IntegerField())],
)
THING = [m.CreateModel("Thing", [pk(), named()]), rows("Thing", name="first")]
PAIR = [
    m.CreateModel("Parent", [pk()]),
    rows("Parent"),
    m.CreateModel("Child", [pk(), ("parent", fk())]),
    rows("Child", parent_id=1),
]
KEPT = [
    m.CreateModel("Kept", [pk(), ("old", models.IntegerField()), ("new", models.IntegerField(null=True))]),
    m.RunPython(
        lambda apps, editor: (
            apps.get_model(APP, "Kept")
            .objects.using(editor.connection.alias)
            .bulk_create(apps.get_model(APP, "Kept")(id=number, old=0) for number in range(1, 251))
        ),
        m.RunPython.noop,
    ),
]
"""More rows than the least batch has."""
TYPED = [
    m.CreateModel(
        "Typed",
        [pk(), ("code", models.CharField(max_length=20, unique=True)), ("code_too", models.IntegerField(unique=True))],
    ),
    m.RunPython(
        lambda apps, editor: (
            apps.get_model(APP, "Typed")
            .objects.using(editor.connection.alias)
            .bulk_create(
                apps.get_model(APP, "Typed")(id=number, code=str(number), code_too=number) for number in (1, 2)
            )
        ),
        m.RunPython.noop,
    ),
]
"""The same value in two columns of different types."""
INDEX = models.Index(fields=["name"], name="thing_by_name")
UNIQUE = models.UniqueConstraint(fields=["id", "name"], name="thing_id_and_name")
CHECK = models.CheckConstraint(condition=models.Q(name__gt=""), name="thing_has_name")
OTHER_CHECK = models.CheckConstraint(condition=models.Q(name__gte="a"), name="thing_has_name")


class Tolerant(m.RunSQL):
    """SQL that the database may refuse."""

    def database_forwards(self, *arguments: Any) -> None:
        with contextlib.suppress(DatabaseError):
            super().database_forwards(*arguments)


class SmallBatches(Backfill):
    """As a kill has to meet several of them."""

    first_rows = 100


def insert(number: int) -> str:
    return f"INSERT INTO killed_thing (id, name) VALUES ({number}, 'by SQL')"


def delete(number: int) -> str:
    return f"DELETE FROM killed_thing WHERE id = {number}"


TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
IN_A_QUARTER = TODAY + timedelta(days=100)
"""In a month that has a part of its own by then."""
DATED = [
    m.CreateModel("Dated", [pk(), ("at", models.DateTimeField(db_index=True))]),
    rows("Dated", at=TODAY.replace(tzinfo=UTC)),
]


def at(number: int, when: datetime) -> Operation:
    """Moves a row to another time, and leaves it there on the way back."""
    return m.RunSQL(f"UPDATE killed_dated SET at = '{when}' WHERE id = {number}", m.RunSQL.noop)


CASES: dict[str, Case] = {
    "empty": Case([], []),
    "create": Case([], [m.CreateModel("Thing", [pk(), named()])]),
    "create_two_that_refer_to_each_other": Case(
        [],
        [
            m.CreateModel("Parent", [pk()]),
            m.CreateModel("Child", [pk(), ("parent", fk())]),
            m.AddField("Parent", "favourite", fk("child", related_name="+")),
        ],
        quick=True,
    ),
    "create_many_to_many": Case(
        [],
        [
            m.CreateModel("Parent", [pk()]),
            m.CreateModel("Child", [pk(), ("parents", models.ManyToManyField("killed.parent"))]),
        ],
    ),
    "create_with_everything": Case(
        [m.CreateModel("Parent", [pk()])],
        [
            m.CreateModel(
                "Thing",
                [pk(), named(db_index=True, unique=True), ("parent", fk()), ("many", models.PositiveIntegerField())],
                options={"indexes": [INDEX], "constraints": [UNIQUE, CHECK]},
            )
        ],
    ),
    "create_proxy": Case(THING, [m.CreateModel("Proxy", [], options={"proxy": True}, bases=("killed.thing",))]),
    "create_unmanaged": Case([], [m.CreateModel("Thing", [pk()], options={"managed": False})]),
    "create_heir": Case(
        THING,
        [
            m.CreateModel(
                "Heir",
                [
                    (
                        "thing_ptr",
                        models.OneToOneField("killed.thing", models.CASCADE, parent_link=True, primary_key=True),
                    )
                ],
                bases=("killed.thing",),
            )
        ],
    ),
    "delete": Case(THING, [m.DeleteModel("Thing")]),
    "delete_that_refers": Case(PAIR, [m.DeleteModel("Child")]),
    "rename_model": Case(THING, [m.RenameModel("Thing", "Matter")]),
    "rename_model_that_is_referred_to": Case(PAIR, [m.RenameModel("Parent", "Ancestor")]),
    "rename_table": Case(THING, [m.AlterModelTable("Thing", "killed_other")]),
    "add_nullable": Case(THING, [m.AddField("Thing", "more", models.IntegerField(null=True))]),
    "add_with_default": Case(THING, [m.AddField("Thing", "more", models.IntegerField(default=7))]),
    "add_with_database_default": Case(THING, [m.AddField("Thing", "more", models.IntegerField(db_default=7))]),
    "add_indexed": Case(THING, [m.AddField("Thing", "more", models.IntegerField(null=True, db_index=True))]),
    "add_unique": Case(THING, [m.AddField("Thing", "more", models.IntegerField(null=True, unique=True))]),
    "add_positive": Case(THING, [m.AddField("Thing", "more", models.PositiveIntegerField(default=1))]),
    "add_json": Case(THING, [m.AddField("Thing", "more", models.JSONField(default=dict))]),
    "add_foreign_key": Case([*THING, m.CreateModel("Parent", [pk()])], [m.AddField("Thing", "parent", fk())]),
    "add_many_to_many": Case(PAIR, [m.AddField("Child", "others", models.ManyToManyField("killed.parent"))]),
    "remove": Case(
        [m.CreateModel("Thing", [pk(), named(default="first")]), rows("Thing")], [m.RemoveField("Thing", "name")]
    ),
    "remove_foreign_key": Case(PAIR, [m.RemoveField("Child", "parent")]),
    "rename_field": Case(THING, [m.RenameField("Thing", "name", "title")]),
    "rename_foreign_key": Case(PAIR, [m.RenameField("Child", "parent", "elder")]),
    "widen": Case(THING, [m.AlterField("Thing", "name", models.CharField(max_length=90))]),
    "text": Case(THING, [m.AlterField("Thing", "name", models.TextField())]),
    "nullable": Case(THING, [m.AlterField("Thing", "name", models.CharField(max_length=40, null=True))]),
    "not_null": Case(
        [m.CreateModel("Thing", [pk(), named(null=True)]), rows("Thing")],
        [m.AlterField("Thing", "name", models.CharField(max_length=40, default="filled"))],
        quick=True,
    ),
    "unique": Case(
        [m.CreateModel("Thing", [pk(), named(null=True)]), rows("Thing")],
        [m.AlterField("Thing", "name", models.CharField(max_length=40, null=True, unique=True))],
    ),
    "not_unique": Case(
        [m.CreateModel("Thing", [pk(), named(unique=True)])],
        [m.AlterField("Thing", "name", models.CharField(max_length=40))],
    ),
    "indexed": Case(THING, [m.AlterField("Thing", "name", models.CharField(max_length=40, db_index=True))]),
    "database_default": Case(THING, [m.AlterField("Thing", "name", models.CharField(max_length=40, db_default="x"))]),
    "larger_key_that_is_referred_to": Case(
        [
            m.CreateModel("Parent", [("id", models.IntegerField(primary_key=True))]),
            rows("Parent"),
            m.CreateModel("Child", [pk(), ("parent", fk())]),
            rows("Child", parent_id=1),
        ],
        [m.AlterField("Parent", "id", models.BigIntegerField(primary_key=True))],
        quick=True,
    ),
    "number_to_foreign_key": Case(
        [
            m.CreateModel("Parent", [pk()]),
            m.CreateModel("Child", [pk(), ("parent", models.BigIntegerField(null=True))]),
        ],
        [m.AlterField("Child", "parent", fk(db_column="parent"))],
    ),
    "other_column": Case(THING, [m.AlterField("Thing", "name", models.CharField(max_length=40, db_column="called"))]),
    "add_index": Case(THING, [m.AddIndex("Thing", INDEX)]),
    "remove_index": Case([*THING, m.AddIndex("Thing", INDEX)], [m.RemoveIndex("Thing", "thing_by_name")]),
    "rename_index": Case(
        [*THING, m.AddIndex("Thing", INDEX)], [m.RenameIndex("Thing", new_name="by_name", old_name="thing_by_name")]
    ),
    "add_unique_constraint": Case(THING, [m.AddConstraint("Thing", UNIQUE)]),
    "add_check": Case(THING, [m.AddConstraint("Thing", CHECK)]),
    "remove_check": Case([*THING, m.AddConstraint("Thing", CHECK)], [m.RemoveConstraint("Thing", "thing_has_name")]),
    "unique_together": Case(THING, [m.AlterUniqueTogether("Thing", {("id", "name")})]),
    "order_with_respect_to": Case(PAIR, [m.AlterOrderWithRespectTo("Child", "parent")]),
    "options": Case(THING, [m.AlterModelOptions("Thing", {"ordering": ["name"]})]),
    "sql": Case(THING, [m.RunSQL(insert(7), delete(7))]),
    "sql_of_several_statements": Case(
        THING,
        [m.RunSQL([insert(7), insert(8), insert(9)], [delete(9), delete(8), delete(7)])],
    ),
    "sql_of_both_kinds": Case(
        THING,
        [
            m.RunSQL(
                [
                    insert(7),
                    "CREATE TABLE killed_byhand (id integer)",
                    "INSERT INTO killed_byhand (id) VALUES (1)",
                    insert(8),
                ],
                [delete(8), "DELETE FROM killed_byhand", "DROP TABLE killed_byhand", delete(7)],
            )
        ],
        quick=True,
    ),
    "sql_that_is_refused": Case(
        THING,
        [
            Tolerant("ALTER TABLE killed_thing DROP COLUMN more", m.RunSQL.noop),
            m.RunSQL(
                "ALTER TABLE killed_thing ADD COLUMN more integer",
                "ALTER TABLE killed_thing DROP COLUMN more",
                state_operations=[m.AddField("Thing", "more", models.IntegerField(null=True))],
            ),
            m.AddIndex("Thing", INDEX),
        ],
        atomic=(True,),
        engines=("mariadb",),
    ),
    "sql_with_parameters": Case(
        THING,
        [
            m.RunSQL(
                [("INSERT INTO killed_thing (id, name) VALUES (%s, %s)", [7, "by SQL"])],
                [("DELETE FROM killed_thing WHERE id = %s", [7])],
            )
        ],
    ),
    "sql_that_makes_a_view": Case(
        THING, [m.RunSQL("CREATE VIEW killed_view AS SELECT id FROM killed_thing", "DROP VIEW killed_view")]
    ),
    "code": Case([TALLY], [count("code")], atomic=(True,)),
    "backfill": Case(
        KEPT,
        [
            SmallBatches(
                "Kept", set={"old": models.F("old") + 1}, reverse={"old": models.F("old") - 1}, batch_seconds=1e-9
            ),
            SmallBatches(
                "Kept",
                set={"new": models.F("old")},
                where=models.Q(new=None),
                reverse={"new": None},
                name="copy",
                batch_seconds=1e-9,
            ),
            AfterBackfill("Kept", models.Q(new=None), backfill="copy"),
        ],
        quick=True,
        atomic=(False,),
    ),
    "backfill_among_tables": Case(
        KEPT,
        [
            m.AddField("Kept", "more", models.IntegerField(null=True)),
            SmallBatches(
                "Kept",
                set={"more": models.F("id") * 2, "old": models.F("old") + 1},
                where=models.Q(more=None),
                reverse={"more": None, "old": models.F("old") - 1},
                reverse_where=models.Q(more__isnull=False),
                batch_seconds=1e-9,
            ),
            m.AlterField("Kept", "more", models.IntegerField(default=0)),
        ],
        atomic=(False,),
    ),
    "code_among_tables": Case(
        [TALLY, *PAIR],
        [
            m.AddField("Child", "more", models.IntegerField(default=3)),
            count("among tables"),
            m.AddField("Child", "other", fk(related_name="+")),
            count("at the end"),
        ],
        quick=True,
        atomic=(True,),
    ),
    "state_and_database_apart": Case(
        [TALLY, *THING],
        [
            m.SeparateDatabaseAndState(
                database_operations=[m.AddField("Thing", "more", models.IntegerField(default=3)), count("apart")],
                state_operations=[m.AddField("Thing", "more", models.IntegerField(default=3))],
            )
        ],
        atomic=(True,),
    ),
    "many_operations": Case(
        THING,
        [
            m.CreateModel("Parent", [pk()]),
            m.AddField("Thing", "parent", fk()),
            m.AddIndex("Thing", INDEX),
            m.RenameField("Thing", "parent", "elder"),
            m.RunSQL("INSERT INTO killed_parent (id) VALUES (1)", "DELETE FROM killed_parent"),
            m.AlterField("Thing", "name", models.CharField(max_length=90, null=True)),
            m.RenameModel("Parent", "Ancestor"),
        ],
    ),
    "index_concurrently": Case(
        THING, [AddIndexConcurrently("Thing", INDEX)], quick=True, atomic=(False,), engines=("postgresql",)
    ),
    "no_index_concurrently": Case(
        [*THING, m.AddIndex("Thing", INDEX)],
        [RemoveIndexConcurrently("Thing", "thing_by_name")],
        atomic=(False,),
        engines=("postgresql",),
    ),
    "index_online": Case(THING, [AddIndexOnline("Thing", INDEX)], atomic=(False,)),
    "unique_constraint_online": Case(THING, [AddConstraintOnline("Thing", UNIQUE)], quick=True, atomic=(False,)),
    "check_online": Case(THING, [AddConstraintOnline("Thing", CHECK, blocking="so small a table")], atomic=(False,)),
    "other_check_online": Case(
        [*THING, m.AddConstraint("Thing", CHECK)],
        [AlterConstraintOnline("Thing", "thing_has_name", OTHER_CHECK, blocking="so small a table")],
        atomic=(False,),
    ),
    "add_online": Case(
        THING, [AddFieldOnline("Thing", "more", models.PositiveIntegerField(db_default=7))], atomic=(False,)
    ),
    "add_unique_online": Case(
        THING,
        [AddFieldOnline("Thing", "more", models.CharField(max_length=40, null=True, unique=True))],
        atomic=(False,),
    ),
    "add_foreign_key_online": Case(
        [*THING, m.CreateModel("Parent", [pk()])],
        [AddFieldOnline("Thing", "parent", fk())],
        quick=True,
        atomic=(False,),
    ),
    "number_to_foreign_key_online": Case(
        [
            m.CreateModel("Parent", [pk()]),
            rows("Parent"),
            m.CreateModel("Child", [pk(), ("parent", models.BigIntegerField(null=True))]),
            rows("Child", parent=1),
        ],
        [AlterFieldOnline("Child", "parent", fk(db_column="parent"))],
        atomic=(False,),
    ),
    "not_null_online": Case(
        [m.CreateModel("Thing", [pk(), named(null=True)]), rows("Thing", name="first")],
        [AlterFieldOnline("Thing", "name", models.CharField(max_length=40))],
        quick=True,
        atomic=(False,),
    ),
    "unique_and_not_null_online": Case(
        [m.CreateModel("Thing", [pk(), ("more", models.IntegerField(null=True))])],
        [AlterFieldOnline("Thing", "more", models.IntegerField(unique=True))],
        atomic=(False,),
    ),
    "several_online": Case(
        [*THING, m.CreateModel("Parent", [pk()])],
        [
            AddIndexOnline("Thing", INDEX),
            AddFieldOnline("Thing", "parent", fk()),
            AddConstraintOnline("Thing", UNIQUE),
            AddFieldOnline("Thing", "more", models.IntegerField(null=True, db_index=True)),
        ],
        atomic=(False,),
    ),
    "check_in_a_copy": Case(
        THING, [AddConstraintOnline("Thing", CHECK, executor="pt-osc")], atomic=(False,), engines=("mariadb",)
    ),
    "longer_in_a_copy": Case(
        THING,
        [AlterFieldOnline("Thing", "name", models.CharField(max_length=100), executor="pt-osc")],
        atomic=(False,),
        engines=("mariadb",),
    ),
    "partition_by_month": Case(
        DATED,
        [at(2, TODAY), PartitionByMonthOnline("Dated", "at", blocking="nobody writes"), at(2, IN_A_QUARTER)],
        quick=True,
        atomic=(False,),
    ),
    "partition_in_a_copy": Case(
        DATED, [PartitionByMonthOnline("Dated", "at", executor="pt-osc")], atomic=(False,), engines=("mariadb",)
    ),
    "quarantine_field": Case(THING, [QuarantineField("Thing", "name")]),
    "quarantine_model": Case(THING, [QuarantineModel("Thing")]),
    "swap": Case(TYPED, [SwapFields("Typed", "code", "code_too")], quick=True, atomic=(False,)),
    "swap_unlocked_among_others": Case(
        TYPED,
        [
            AddFieldOnline("Typed", "more", models.IntegerField(null=True)),
            SwapFields("Typed", "code", "code_too", unlocked="because nobody writes"),
            QuarantineField("Typed", "code_too"),
        ],
        atomic=(False,),
    ),
    "swap_in_a_transaction": Case(
        TYPED, [SwapFields("Typed", "code", "code_too")], atomic=(True,), engines=("sqlite", "mariadb")
    ),
    "quarantine_foreign_key": Case(PAIR, [QuarantineField("Child", "parent")]),
    "quarantine_model_with_key": Case(PAIR, [QuarantineModel("Child")]),
}
