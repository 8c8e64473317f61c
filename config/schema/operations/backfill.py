"""Operations that fill a column of a table in use, and that wait for it. A migration imports them from `operations`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import router
from django.db.migrations.operations.base import Operation
from django.db.models import Q

from config.schema.exits import Refused
from config.schema.filling import FIRST_ROWS, Filling, Work
from config.schema.journal import Backfill as BackfillRow
from config.schema.place import place

BATCH_SECONDS = 0.2
NAME_LENGTH = 255


class Backfill(Operation):
    """Fill columns of a table row by row, in batches that commit by themselves, while the application writes.

    It needs a migration with `atomic = False`. It can be killed, paused (`schema_backfill`) and gone on with at any
    time: no row is left out, and none is filled twice. Rows that `where` does not match are left as they are, also
    where somebody fills them meanwhile. It ends when a query finds no row that matches `where`.
    """

    keeps_its_place = True
    """`config.schema.resume` leaves its statements alone."""
    reduces_to_sql = False
    first_rows = FIRST_ROWS
    """How many rows the first batch has; the following ones take `batch_seconds`."""

    def __init__(
        self,
        model: str,
        *,
        set: Mapping[str, Any] | None = None,  # noqa: A002
        compute: Callable[[Sequence[Any]], None] | None = None,
        fields: Sequence[str] = (),
        where: Q | None = None,
        verify: bool = True,
        reverse: Mapping[str, Any] | None = None,
        reverse_where: Q | None = None,
        irreversible: str = "",
        name: str = "",
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        """Say either `set`, expressions by field, or `compute`, which sets `fields` of a list of rows that it is given.

        `where`: which rows; a filled row must not match it any longer, or say `verify=False`: then, as without a
        `where`, each row is filled once and nothing is verified. `reverse`: as `set`, for the way back, `{}` where
        nothing has to be done; or say in `irreversible` why there is none. Raises ValueError where these contradict.
        """
        self.model, self.set, self.compute, self.where, self.verify = model, set, compute, where, verify
        self.filled = list(set if set is not None else fields)
        self.reverse, self.reverse_where, self.irreversible = reverse, reverse_where, irreversible
        self.name = name or f"{model.lower()}.{'_'.join(self.filled)}"
        self.batch_seconds = batch_seconds
        if (set is None) is (compute is None):
            raise ValueError(f"Backfill {self.name}: say either set= or compute=.")
        if not self.filled or (set is not None and fields):
            raise ValueError(f"Backfill {self.name}: name what it fills, in set=, or with compute= in fields=.")
        if (reverse is None) is not bool(irreversible):
            raise ValueError(
                f"Backfill {self.name}: say its way back in reverse= ({{}} where nothing has to be undone), or why "
                "there is none in irreversible=."
            )
        if len(self.name) > NAME_LENGTH:
            raise ValueError(f"Backfill {self.name[:60]}...: give it a name= of {NAME_LENGTH} characters at most.")
        if batch_seconds <= 0:
            raise ValueError(f"Backfill {self.name}: batch_seconds={batch_seconds} is no time; say 0.2.")

    @property
    def locks(self) -> str:
        """Whom it makes wait."""
        return f"it locks the rows of one batch at a time, for about {self.batch_seconds} s"

    @property
    def reversible(self) -> bool:  # type: ignore[override]
        return not self.irreversible

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        said = {
            "set": self.set,
            "compute": self.compute,
            "fields": self.filled if self.compute else [],
            "where": self.where,
            "verify": self.verify,
            "reverse": self.reverse,
            "reverse_where": self.reverse_where,
            "irreversible": self.irreversible,
            "name": self.name,
            "batch_seconds": self.batch_seconds,
        }
        defaults = {"verify": True, "batch_seconds": BATCH_SECONDS}
        kept = {key: value for key, value in said.items() if value not in (None, "", []) and value != defaults.get(key)}
        return type(self).__qualname__, [self.model], kept

    def describe(self) -> str:
        return f"Fill {', '.join(self.filled)} of {self.model} in batches"

    def why_not_in_a_transaction(self) -> str:
        """What to say where one transaction holds the migration, or something else than our `migrate` runs it."""
        return (
            f"{self.describe()}: its batches have to commit one by one, and one transaction would hold them all, so "
            "that nobody else could write to the rows, on SQLite to nothing at all. Say atomic = False in the class "
            "of the migration, and run it with this project's migrate."
        )

    def does_nothing(self, *, forwards: bool) -> bool:
        """Whether this way changes no row."""
        return not forwards and self.reverse is not None and not self.reverse

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model)
        self._fill(schema_editor.connection, app_label, model, self.set or {}, self.compute, self.where, self.verify)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if self.irreversible:
            raise NotImplementedError(f"{self.describe()} cannot be undone: {self.irreversible}")
        if self.reverse:
            model = to_state.apps.get_model(app_label, self.model)
            self._fill(schema_editor.connection, app_label, model, self.reverse, None, self.reverse_where, True)

    def _fill(
        self,
        connection: Any,
        app_label: str,
        model: Any,
        values: Mapping[str, Any],
        compute: Callable[[Sequence[Any]], None] | None,
        where: Q | None,
        verify: bool,
    ) -> None:
        if model._meta.swapped or not router.allow_migrate_model(connection.alias, model):
            return
        # A proxy has no column of its own.
        model = model._meta.concrete_model
        here = place.get()
        if connection.in_atomic_block or here is None:
            raise Refused(self.why_not_in_a_transaction())
        self._refuse_other_tables(model, list(values) or self.filled, where)
        work = Work(
            name=self.name,
            model=model,
            values=values,
            compute=compute,
            fields=self.filled,
            where=where,
            verifies=verify and where is not None,
            seconds=self.batch_seconds,
            first_rows=self.first_rows,
        )
        Filling(work, connection, here).run()

    def _refuse_other_tables(self, model: Any, fields: Sequence[str], where: Q | None) -> None:
        """Django would look first which rows match and then change those, whatever became of them in between."""
        own = {field.name for field in model._meta.local_concrete_fields}
        query = model._base_manager.filter(where or Q()).query
        if strange := sorted({*fields} - own):
            raise Refused(f"{self.describe()}: {', '.join(strange)} is no column of this model's own table.")
        if sum(1 for count in query.alias_refcount.values() if count) > 1:
            raise Refused(
                f"{self.describe()}: its where joins other tables, and a row could change between the look and the "
                "change. Say it with Exists(...) or with columns of its own table."
            )


class AfterBackfill(Operation):
    """Refuse to go on while any row of the table still lacks what a backfill fills; before a NOT NULL, or a removal.

    It looks at the table as it is now, whatever was recorded. Put it first in the migration that needs the values.
    """

    locks = "it reads the table"

    def __init__(self, model: str, where: Q, *, backfill: str = "") -> None:
        """`where`: matches the rows that are not filled. `backfill`: the name of the backfill, for the message."""
        self.model, self.where, self.backfill = model, where, backfill

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__qualname__, [self.model, self.where], {"backfill": self.backfill} if self.backfill else {}

    def describe(self) -> str:
        return f"See that all rows of {self.model} are filled"

    def does_nothing(self, *, forwards: bool) -> bool:
        return True

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        connection = schema_editor.connection
        model = from_state.apps.get_model(app_label, self.model)
        if schema_editor.collect_sql or model._meta.swapped:
            return
        if not router.allow_migrate_model(connection.alias, model):
            return
        unfilled = model._base_manager.using(connection.alias).filter(self.where)
        known = self._known(connection, app_label)
        if known is not None and not known.ended_at:
            raise Refused(f"{self.describe()}: the backfill {self.backfill} has not ended. {WAY_OUT}")
        if unfilled.exists():
            raise Refused(f"{self.describe()}: {unfilled.count():,} are not. {WAY_OUT}")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        pass

    def _known(self, connection: Any, app_label: str) -> Any:
        """What the journal knows of the backfill; None where it was run before there was one, or not at all."""
        if not self.backfill or BackfillRow._meta.db_table not in connection.introspection.table_names():
            return None
        rows = BackfillRow._base_manager.using(connection.alias).filter(app=app_label, name=self.backfill)
        return rows.filter(backwards=False).order_by("-pk").first()


WAY_OUT = (
    "schema_backfill shows how far each came. Let nothing run that writes rows without the value, fill those that are "
    "left, by the same Backfill before this step or by hand, and run migrate again."
)
