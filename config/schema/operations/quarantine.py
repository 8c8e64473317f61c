"""What the code no longer uses is put aside under another name first, so that a mistake costs no row."""

from collections.abc import Iterable
from typing import Any

from django.db import router
from django.db.backends.utils import truncate_name
from django.db.migrations.operations import DeleteModel, RemoveField
from django.db.migrations.operations.base import Operation, OperationCategory

from config.schema.dialects import dialect
from config.schema.dialects.online import without_keys
from config.schema.exits import Refused
from config.schema.operations.looks import may_look, refuse_nulls, refuse_orphans
from config.schema.operations.online import refers

PREFIX = "gone_"


def name_in_quarantine(connection: Any, name: str) -> str:
    """What a table or a column is called while it is put aside."""
    return truncate_name(f"{PREFIX}{name}", connection.ops.max_name_length())


class QuarantineField(RemoveField):
    """RemoveField, but the column stays, as `gone_` and its name, and takes NULL; the way back loses no value.

    Its foreign key goes, as it would delete rows, or keep others from being deleted, for which no code looks any more;
    the way back is refused while a value leads to a row that has gone meanwhile. A field of many puts its table aside.
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
        if field.many_to_many:
            _put_aside(schema_editor, _own_joins([field]))
            return
        aside, answers = _aside(schema_editor, field), dialect(schema_editor.connection)
        if answers.online is None:
            schema_editor.alter_field(model, field, aside)
            return
        answers.references.drop(schema_editor, model, _referring([field]))
        _rename(schema_editor, model, field, aside)
        if not field.null:
            answers.online.allow_null(schema_editor, model, aside)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        field = model._meta.get_field(self.name)
        if field.many_to_many:
            _bring_back(schema_editor, _own_joins([field]))
            return
        aside, answers = _aside(schema_editor, field), dialect(schema_editor.connection)
        if answers.online is None:
            schema_editor.alter_field(model, aside, field)
            _refuse_orphans(schema_editor, model, _referring([field]))
            return
        _rename(schema_editor, model, aside, field)
        if not field.null:
            # Only under its own name is the column sure to be there, also after a kill.
            if may_look(schema_editor, model):
                refuse_nulls(schema_editor, model, field)
            answers.online.set_not_null(schema_editor, model, field)
        _refer_again(schema_editor, model, _referring([field]))


class QuarantineModel(DeleteModel):
    """DeleteModel, but the table stays, as `gone_` and its name; the way back loses no row.

    Its foreign keys go, as those of `QuarantineField` do. Nobody uses the table by then: it belongs into a migration
    with `stage = "after"`. Later `DropQuarantined` drops it.
    """

    keeps_rows = True

    def describe(self) -> str:
        return f"Put model {self.name} aside"

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            _put_aside(schema_editor, [model, *_own_joins(model._meta.local_many_to_many)])

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            _bring_back(schema_editor, [model, *_own_joins(model._meta.local_many_to_many)])


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
    # SQLite drops no column that has a key or an index; the servers keep the index for the way back.
    aside = without_keys(field)
    aside.null = True
    aside.db_column = name_in_quarantine(editor.connection, field.column)
    aside.set_attributes_from_name(field.name)
    return aside


def _rename(editor: Any, model: Any, old: Any, new: Any) -> None:
    editor.execute(editor._rename_field_sql(model._meta.db_table, old, new, new.db_type(editor.connection)))


def _put_aside(editor: Any, models: list[Any]) -> None:
    for each in models:
        table = each._meta.db_table
        dialect(editor.connection).references.drop(editor, each, _referring(each._meta.local_concrete_fields))
        editor.alter_db_table(each, table, name_in_quarantine(editor.connection, table))


def _bring_back(editor: Any, models: list[Any]) -> None:
    for each in models:
        table = each._meta.db_table
        editor.alter_db_table(each, name_in_quarantine(editor.connection, table), table)
    for each in models:
        _refer_again(editor, each, _referring(each._meta.local_concrete_fields))


def _refer_again(editor: Any, model: Any, fields: list[Any]) -> None:
    """Give back the foreign keys; refused while a value leads to a row that is not there."""
    _refuse_orphans(editor, model, fields)
    dialect(editor.connection).references.add(editor, model, fields)
    _refuse_orphans(editor, model, fields)


def _refuse_orphans(editor: Any, model: Any, fields: list[Any]) -> None:
    for field in fields if may_look(editor, model) else ():
        refuse_orphans(editor, model, field)


def _referring(fields: Iterable[Any]) -> list[Any]:
    return [field for field in fields if refers(field)]


def _own_joins(fields: Iterable[Any]) -> list[Any]:
    """Of fields of many, the models whose tables were made with them."""
    return [each for each in (field.remote_field.through for field in fields) if each._meta.auto_created]
