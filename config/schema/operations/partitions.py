"""Tables partitioned by month."""

from collections.abc import Mapping
from typing import Any

from django.db import router
from django.db.migrations.operations.base import Operation
from django.db.models import DateTimeField, UniqueConstraint

from config.schema.dialects import dialect
from config.schema.dialects.costs import COPIED, Cost
from config.schema.dialects.mysql import partitions as mysql
from config.schema.dialects.partitions import Populated
from config.schema.dialects.postgresql import partitions as postgresql
from config.schema.exits import Refused
from config.schema.keeping import database_now
from config.schema.months import month_bounds
from config.schema.operations.looks import refuse_duplicates
from config.schema.operations.online import known_executor
from config.schema.operations.statements import UNCHANGED, DialectSQL, Statements
from config.schema.place import place


class PartitionByMonth(DialectSQL):
    """Partition a table by month on the servers, and back, keeping its rows; SQLite has no partitions.

    The key in the database becomes (id, `by`): a partitioned table's key holds the column that it is partitioned by.
    No foreign key may lead in or out. Rows of later months lie in one last part, those of earlier ones there too on
    PostgreSQL and in the first on MariaDB. It rewrites the table under a lock, so it is for a table still small.
    """

    def __init__(self, table: str, *, by: str, indexes: Mapping[str, str], first: str, months: int) -> None:
        """`indexes`: the columns of each index by its name; `first`: the first month, as YYYY-MM."""
        self.arguments = {"by": by, "indexes": dict(indexes), "first": first, "months": months}
        self.table = table
        names = list(month_bounds(first, months))
        on_mysql = Statements(forward=mysql.partition(table, by, names), reverse=mysql.unpartition(table))
        super().__init__(
            f"Partition {table} by month",
            postgresql=Statements(
                forward=postgresql.partition(table, by, indexes, names), reverse=postgresql.unpartition(table, indexes)
            ),
            mariadb=on_mysql,
            mysql=on_mysql,
            sqlite=UNCHANGED,
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__qualname__, [self.table], self.arguments


class PartitionByMonthOnline(Operation):
    """Partition a table with rows by month while others read and write it, and back, keeping every row.

    It needs a migration with `atomic = False`. The state of the models stays as it is; the key in the database becomes
    (key, field), as a partitioned table's key holds the column that it is partitioned by. Killed anywhere, the next
    `migrate` goes on. On MariaDB the server would copy the table while writes wait: there give `executor="pt-osc"`, or
    say in `blocking` why they may wait. SQLite has no partitions.

    Raises Refused, with the way out, for what a partitioned table cannot have: foreign keys, something unique without
    the field, a field that takes NULL.
    """

    is_online = True
    keeps_its_place = True
    """`config.schema.resume` leaves its statements alone: the catalogue tells how far it came."""
    reduces_to_sql = False

    def __init__(self, model: str, field: str, *, executor: str = "", blocking: str = "") -> None:
        """`field`: the DateTimeField that says when a row was written. Raises ValueError for an unknown executor."""
        self.model, self.field = model, field
        self.executor, self.blocking = known_executor(executor), blocking

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        said = {"executor": self.executor, "blocking": self.blocking}
        return type(self).__qualname__, [self.model, self.field], {key: value for key, value in said.items() if value}

    def describe(self) -> str:
        return f"Partition {self.model} by the month of {self.field} online"

    def why_not_in_a_transaction(self) -> str:
        """What to say where one transaction holds the migration, or something else than our `migrate` runs it."""
        return (
            f"{self.describe()}: its steps have to commit one by one, so that nobody waits for all of them. Say "
            "atomic = False in the class of the migration, and run it with this project's migrate."
        )

    def does_nothing(self, *, forwards: bool) -> bool:
        """Whether this way changes no row; parts are no rows."""
        return True

    def cost(self, engine: str, *, backwards: bool) -> Cost:
        """What it costs those who use the table meanwhile, on one of `config.schema.dialects.NAMES`."""
        if engine == "sqlite":
            return Cost(blocks=False, why="SQLite has no partitions: nothing is done")
        if engine == "postgresql":
            moved = "what lies in later parts is moved back in batches; updates wait for one at a time"
            there = "the table becomes the first part; nobody can use it for a moment, when it is attached"
            why = moved if backwards else there
            return Cost(blocks=backwards and bool(self.blocking), why=why)
        if self.executor:
            return COPIED
        instead = "give it executor='pt-osc' (MariaDB), or blocking='because ...' in a window that is announced"
        return Cost(blocks=True, why="the server copies the table while writes wait", instead=instead)

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models know nothing of parts."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if found := self._native(app_label, schema_editor, to_state):
            native, populated = found
            native.partition(populated, database_now(schema_editor.connection))

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if found := self._native(app_label, schema_editor, to_state):
            native, populated = found
            native.unpartition(populated)

    def _native(self, app_label: str, editor: Any, state: Any) -> tuple[Any, Populated] | None:
        """The engine's parts, and the table; None where nothing is to be done."""
        connection, model, here = editor.connection, state.apps.get_model(app_label, self.model), place.get()
        native = dialect(connection).partitions
        if native is None or not router.allow_migrate_model(connection.alias, model):
            return None
        if connection.in_atomic_block or here is None:
            raise Refused(self.why_not_in_a_transaction())
        field = model._meta.get_field(self.field)
        if not isinstance(field, DateTimeField) or field.null:
            raise Refused(
                f"{self.describe()}: {self.field} has to be a DateTimeField without NULL; fill it in batches and "
                "forbid NULL by AlterFieldOnline first."
            )
        alone = UniqueConstraint(fields=[model._meta.pk.name], name="key")
        return native, Populated(
            connection=connection,
            waits=here.waits,
            table=model._meta.db_table,
            key=model._meta.pk.column,
            column=field.column,
            guard=here.journal.check,
            refuse_alike=lambda: refuse_duplicates(editor, model, alone),
            executor=self.executor,
            blocking=self.blocking,
        )
