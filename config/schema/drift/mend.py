"""The SQL that mends a difference on its engine, rendered by Django's schema editor and never run here."""

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from config.schema.dialects import dialect
from config.schema.dialects.catalogue import Table
from config.schema.drift.difference import Difference, Found
from config.schema.drift.expected import ExpectedTable

OF_COLUMN = {"type", "collation", "identity", "default", "nullability"}
NO_SQL = {"extra_column", "generated"}
FILL_IN = "-- Before this give each row a value:"


def mended(connection: Any, found: Iterable[Found], live: Mapping[str, Table]) -> list[Difference]:
    """The differences, each with the statements that mend it; they are run in this order, each by itself."""
    found = list(found)
    rebuilt = _rebuilt(connection, found, live) if dialect(connection).catalogue.rebuilds else {}
    differences = []
    for each in found:
        words, sql = each.words, rebuilt.get(each.table)
        if each.kind in NO_SQL:
            sql = ()
        elif sql is None:
            sql = rendered(connection, partial(_mend, each, live.get(each.table)))
        elif not sql:
            words += (
                " This engine rebuilds the table for that, which holds what no migration knows, so a person does it."
            )
        if sql and each.kind == "missing_column" and _needs_values(connection.schema_editor(), each.source):
            words += " It takes no NULL and has no default, so each row has to be given a value in between."
        differences.append(Difference(each.kind, each.table, each.name, words, sql))
    return differences


def rendered(connection: Any, change: Callable[[Any], Iterable[Any]]) -> tuple[str, ...]:
    """The statements that a schema editor would run, and after them those that the change returns."""
    editor = connection.schema_editor(collect_sql=True, atomic=False)
    # Entering the editor would begin a transaction or change the session.
    editor.deferred_sql = []
    after = [str(sql) for sql in change(editor)]
    for sql in editor.deferred_sql:
        editor.execute(sql, None)
    return tuple(sql.rstrip("; ") for sql in [*editor.collected_sql, *after])


def _mend(found: Found, live: Table | None, editor: Any) -> list[Any]:
    table: ExpectedTable = found.expected
    source, model = found.source, table.model
    catalogue = dialect(editor.connection).catalogue
    match found.kind:
        case "missing_table":
            create_table(editor, model)
            return []
        case "storage":
            return [catalogue.move_table(editor, model)]
        case "missing_column":
            return _add_column(editor, table, source)
        case kind if kind in OF_COLUMN or (kind == "check" and found.column):
            return catalogue.alter_column(editor, model, source, {kind})
        case "primary_key":
            single = hasattr(source, "column") and source.column and live and not live.primary_key
            return [editor._create_primary_key_sql(model, source)] if single else []
        case "invalid_index":
            return [] if live and live.is_partitioned else [catalogue.rebuild_index(found.name or "")]
        case "unique" if isinstance(source, tuple):
            return [editor._create_unique_sql(model, list(source))]
        case "missing_index" if isinstance(source, tuple):
            return [editor._create_index_sql(model, fields=list(source))]
        case "foreign_key" | "on_delete":
            gone = [editor._delete_fk_sql(model, editor.quote_name(found.live.name))] if found.live else []
            return [*gone, editor._create_fk_sql(model, source, "_fk_%(to_table)s_%(to_column)s")]
        case _:
            gone = [source.remove_sql(model, editor)] if found.live else []
            return [*gone, source.create_sql(model, editor)]


def _needs_values(editor: Any, column: Any) -> bool:
    """Whether a column cannot be added to rows, as it takes no NULL and nothing says what it holds."""
    has_value = column.null or column.primary_key or column.generated or column.has_db_default()
    return not has_value and editor.effective_default(column) is None


def _with_null(column: Any) -> Any:
    column = copy.copy(column)
    column.null = True
    return column


def _fill_in(editor: Any, table: ExpectedTable, column: Any) -> str:
    name, where = editor.quote_name(column.column), editor.quote_name(table.model._meta.db_table)
    return f"{FILL_IN} {editor.sql_update_with_default % {'table': where, 'column': name, 'default': '...'}}"


def _add_column(editor: Any, table: ExpectedTable, column: Any) -> list[str]:
    if not _needs_values(editor, column):
        editor.add_field(table.model, column)
        return []
    editor.add_field(table.model, _with_null(column))
    first, *more = dialect(editor.connection).catalogue.alter_column(editor, table.model, column, {"nullability"})
    return [f"{_fill_in(editor, table, column)}\n{first}", *more]


def create_table(editor: Any, model: Any) -> None:
    """Make the model's own table, without those that join it with others."""
    joins, model._meta.local_many_to_many = model._meta.local_many_to_many, []
    try:
        editor.create_model(model)
    finally:
        model._meta.local_many_to_many = joins


def _rebuilt(connection: Any, found: list[Found], live: Mapping[str, Table]) -> dict[str, tuple[str, ...]]:
    """For each table that has to be rebuilt, how; nothing where something would be lost that no migration knows."""
    statements = {}
    for name, group in groupby(sorted(found, key=attrgetter("table")), key=attrgetter("table")):
        differences = [each for each in group if each.kind not in NO_SQL]
        if name in live and differences and not all(_is_simple(connection, each) for each in differences):
            table, there = differences[0].expected, live[name]
            kept = not _unknown(table, there)
            statements[name] = _rebuild(connection, table, there) if kept else ()
    return statements


def _is_simple(connection: Any, found: Found) -> bool:
    """Whether it can be mended without a rebuild: an index, and a column that may be NULL."""
    match found.kind:
        case "missing_index":
            return True
        case "unique":
            return not isinstance(found.source, tuple) and (
                bool(found.source.contains_expressions) or found.source.condition is not None
            )
        case "missing_column":
            statements = rendered(connection, lambda editor: editor.add_field(found.expected.model, found.source) or ())
            return statements[0].startswith("ALTER TABLE")
    return False


def _unknown(table: ExpectedTable, live: Table) -> bool:
    names = {each.key.name for each in table.keys}
    columns = {each.key.columns for each in table.keys}
    return bool(
        {*live.columns} - {*table.columns}
        or live.others
        or any(key.name not in names and key.columns not in columns for key in live.keys)
        or {name for name in live.checks if name[0] != "("} - {*table.checks}
    )


def _rebuild(connection: Any, table: ExpectedTable, live: Table) -> tuple[str, ...]:
    """The table made anew as the state has it, filled from the old one, and a missing column as AddField does it."""
    editor = connection.schema_editor(collect_sql=True, atomic=False)
    editor.deferred_sql = []
    values: dict[str, str] = {}
    added: list[str] = []
    for name, column in table.columns.items():
        if name not in live.columns and _needs_values(editor, column.field):
            bare = _with_null(column.field)
            bare._unique = bare.db_index = False
            added += rendered(connection, partial(_added, table.model, bare))
            added.append(_fill_in(editor, table, bare))
            values[name] = editor.quote_name(name)
        elif not column.field.generated and name in live.columns:
            values[name] = editor.quote_name(name)
        elif not column.field.generated and not column.field.has_db_default():
            default = editor.effective_default(column.field)
            if default is not None:
                values[name] = editor.quote_value(default)
    return _joined((*added, *dialect(connection).catalogue.rebuild_table(editor, table.model, values)))


def _added(model: Any, column: Any, editor: Any) -> tuple[()]:
    editor.add_field(model, column)
    return ()


def _joined(statements: Iterable[str]) -> tuple[str, ...]:
    """The statements, each with the lines before it that are no statements."""
    joined, lines = [], ""
    for each in statements:
        lines += each
        if each.startswith(FILL_IN):
            lines += "\n"
        else:
            joined.append(lines)
            lines = ""
    return tuple(joined)
