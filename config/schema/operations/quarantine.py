"""What the code no longer uses is put aside under another name first, so that a mistake costs no row."""

import copy
from typing import Any

from django.db import router
from django.db.backends.utils import truncate_name
from django.db.migrations.operations import DeleteModel, RemoveField
from django.db.migrations.operations.base import Operation, OperationCategory

from config.schema.dialects import dialect
from config.schema.exits import Refused
from config.schema.operations.looks import refuse_nulls

PREFIX = "gone_"


def name_in_quarantine(connection: Any, name: str) -> str:
    """What a table or a column is called while it is put aside."""
    return truncate_name(f"{PREFIX}{name}", connection.ops.max_name_length())


class QuarantineField(RemoveField):
    """RemoveField, but the column stays, as `gone_` and its name, and takes NULL; the way back loses no value.

    Nobody uses the column by then: it is for a migration with `stage = "after"`. `DropQuarantined` drops it later.
    """

    keeps_rows = True

    def describe(self) -> str:
        return f"Put field {self.name} of {self.model_name} aside"

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        field = model._meta.get_field(self.name)
        aside, steps = _aside(schema_editor, field), dialect(schema_editor.connection).online
        if steps is None:
            schema_editor.alter_field(model, field, aside)
            return
        _rename(schema_editor, model, field, aside)
        if not field.null:
            steps.allow_null(schema_editor, model, aside)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        field = model._meta.get_field(self.name)
        aside, steps = _aside(schema_editor, field), dialect(schema_editor.connection).online
        if steps is None:
            schema_editor.alter_field(model, aside, field)
            return
        _rename(schema_editor, model, aside, field)
        if not field.null:
            # Only under its own name is the column sure to be there, also after a kill.
            if not schema_editor.collect_sql:
                refuse_nulls(schema_editor, model, field)
            steps.set_not_null(schema_editor, model, field)


class QuarantineModel(DeleteModel):
    """DeleteModel, but the table stays, as `gone_` and its name; the way back loses no row.

    Nobody uses the table by then: it belongs into a migration with `stage = "after"`. Later `DropQuarantined` drops it.
    """

    keeps_rows = True

    def describe(self) -> str:
        return f"Put model {self.name} aside"

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            for each, table in _tables(model):
                schema_editor.alter_db_table(each, table, name_in_quarantine(schema_editor.connection, table))

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            for each, table in _tables(model):
                schema_editor.alter_db_table(each, name_in_quarantine(schema_editor.connection, table), table)


class DropQuarantined(Operation):
    """Drop a table or a column that was put aside; `table` and `column` are its names from before.

    Refused while it holds rows or values, with their number, unless `lossy` says why they may go.
    """

    reversible = False
    category = OperationCategory.REMOVAL

    def __init__(self, table: str, column: str = "", lossy: str = "") -> None:
        self.table, self.column, self.lossy = table, column, lossy
        self.irreversible = lossy or "it was empty"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        given = {name: value for name in ("column", "lossy") if (value := getattr(self, name))}
        return type(self).__qualname__, [self.table], given

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models have forgotten it already."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        connection, quote = schema_editor.connection, schema_editor.quote_name
        if not router.allow_migrate(connection.alias, app_label):
            return
        put_aside = quote(name_in_quarantine(connection, self.column or self.table))
        table = quote(self.table) if self.column else put_aside
        if not self.lossy and not schema_editor.collect_sql:
            self._refuse_what_is_held(connection, f"{table} WHERE {put_aside} IS NOT NULL" if self.column else table)
        if self.column and dialect(connection).online is None:
            for name in self._indexes(connection):
                schema_editor.execute(f"DROP INDEX {quote(name)}", None)
        drop = f"ALTER TABLE {table} DROP COLUMN {put_aside}" if self.column else f"DROP TABLE {table}"
        schema_editor.execute(drop, None)

    def _indexes(self, connection: Any) -> list[str]:
        """The indexes that have to go before the column, where they do not go with it."""
        column = name_in_quarantine(connection, self.column)
        with connection.cursor() as cursor:
            there = connection.introspection.get_constraints(cursor, self.table)
        return sorted(name for name, each in there.items() if each["index"] and column in each["columns"])

    def _refuse_what_is_held(self, connection: Any, source: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {source}")  # noqa: S608, the names are quoted
            [count] = cursor.fetchone()
        if count:
            held = f"{count} {'values' if self.column else 'rows'}"
            raise Refused(f"{self.describe()} would lose {held}: back them up, then say lossy='because ...'.")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        raise NotImplementedError(f"{self.describe()} cannot be undone: {self.irreversible}")

    def describe(self) -> str:
        return f"Drop {self.table}{f'.{self.column}' if self.column else ''}, which was put aside"


def _aside(editor: Any, field: Any) -> Any:
    aside = copy.copy(field)
    aside.null = True
    aside.db_column = name_in_quarantine(editor.connection, field.column)
    aside.set_attributes_from_name(field.name)
    return aside


def _rename(editor: Any, model: Any, old: Any, new: Any) -> None:
    editor.execute(editor._rename_field_sql(model._meta.db_table, old, new, new.db_type(editor.connection)))


def _tables(model: Any) -> list[tuple[Any, str]]:
    """The model's own table, and those that join it with others and were made with it."""
    joins = [each.remote_field.through for each in model._meta.local_many_to_many]
    return [(each, each._meta.db_table) for each in (model, *joins) if each is model or each._meta.auto_created]
