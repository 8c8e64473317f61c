"""Looks at the rows before a table is told to refuse such; they only read, so they may be repeated after a kill.

Each raises Refused, with how many rows stand in the way and the keys of one or two of them.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import (
    Case,
    CharField,
    CheckConstraint,
    Count,
    F,
    IntegerField,
    Model,
    OrderBy,
    Q,
    QuerySet,
    TextField,
    UniqueConstraint,
    Value,
    When,
)
from django.db.models.functions import Collate, Length
from django.db.models.lookups import Exact

from config.schema.dialects import dialect
from config.schema.exits import Refused

AGAIN = "Mend them, and run migrate again: it goes on from here."


def refuse_duplicates(editor: Any, model: type[Model], constraint: UniqueConstraint) -> None:
    """Refuse rows that are alike in what has to be unique; NULL is like nothing unless the constraint says so."""
    rows: QuerySet[Any, Any] = model._base_manager.order_by()
    if constraint.condition:
        rows = rows.filter(constraint.condition)
    parts = [F(name) for name in constraint.fields] or [_plain(each) for each in constraint.expressions]
    names = [f"part{number}" for number in range(len(parts))]
    rows = rows.alias(**dict(zip(names, parts, strict=True)))
    if constraint.nulls_distinct is not False:
        rows = rows.filter(**{f"{name}__isnull": False for name in names})
    alike = rows.annotate(**dict(zip(names, parts, strict=True))).values(*names).annotate(times=Count("*"))
    alike = alike.filter(times__gt=1)
    compiler = alike.query.get_compiler(connection=editor.connection)
    sql, parameters = compiler.as_sql()
    if steps := dialect(editor.connection).online:
        sql = steps.groups_many(sql)
    with editor.connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({sql}) alike", parameters)  # noqa: S608, Django's own rendering
        [count] = cursor.fetchone()
        if not count:
            return
        cursor.execute(f"{sql} LIMIT 1", parameters)
        [example] = compiler.apply_converters(
            cursor.fetchall(), compiler.get_converters(each for each, *_ in compiler.select)
        )
        same = {
            (f"{name}__isnull" if value is None else name): True if value is None else value
            for name, value in zip(names, example, strict=False)
        }
        cursor.execute(*_compiled(editor.connection, rows.filter(**same).values(*_key_names(model))[:2]))
        # None where a text of JSON is the same and was written otherwise.
        keys = [_words(key) for key in cursor.fetchall()]
    what = ", ".join(constraint.fields) or constraint.name
    such_as = f", such as in those with the keys {' and '.join(keys)}" if keys else ""
    raise Refused(
        f"{count} {'value' if count == 1 else 'values'} of {model._meta.db_table} ({what}) stand in more than one "
        f"row{such_as}. {AGAIN}"
    )


def refuse_nulls(editor: Any, model: type[Model], field: Any) -> None:
    """Refuse rows in which the column is NULL."""
    column = editor.quote_name(field.column)
    _refuse(editor, model, f"{column} IS NULL", f"hold NULL in {field.column}")


def refuse_violations(editor: Any, model: type[Model], constraint: CheckConstraint) -> None:
    """Refuse rows for which the check is false; it lets pass what is unknown."""
    check = constraint._get_check_sql(model, editor)  # type: ignore[attr-defined]
    _refuse(editor, model, f"NOT ({check})", f"do not hold {constraint.name}")


def refuse_orphans(editor: Any, model: type[Model], field: Any) -> None:
    """Refuse rows that refer to a row that is not there."""
    quote = editor.quote_name
    target = field.target_field
    table, parent = quote(model._meta.db_table), quote(target.model._meta.db_table)
    there = f"SELECT 1 FROM {parent} there WHERE there.{quote(target.column)} = {table}.{quote(field.column)}"  # noqa: S608
    _refuse(
        editor,
        model,
        f"{quote(field.column)} IS NOT NULL AND NOT EXISTS ({there})",
        f"refer with {field.column} to rows that {target.model._meta.db_table} does not have",
    )


def refuse_differences(connection: Any, model: type[Model], name: str, value: Any) -> None:
    """Refuse rows whose field `name` does not hold what the expression `value` makes of the row."""
    rows = _that_differ(connection, model, name, value)
    with connection.cursor() as cursor:
        cursor.execute(*_compiled(connection, rows.values("pk")[:1]))
        example = cursor.fetchone()
        if not example:
            return
        cursor.execute(*_compiled(connection, rows.order_by().values("marked").annotate(times=Count("*"))))
        count = cursor.fetchone()[-1]
    raise Refused(
        f"{count} {'row' if count == 1 else 'rows'} of {model._meta.db_table} {'holds' if count == 1 else 'hold'} "
        f"another value in {name} than they should, such as the one with the key {example[0]}. {AGAIN}"
    )


def any_differs(connection: Any, model: type[Model], name: str, value: Any) -> bool:
    """Whether any row is one that `refuse_differences` refuses."""
    with connection.cursor() as cursor:
        cursor.execute(*_compiled(connection, _that_differ(connection, model, name, value).values("pk")[:1]))
        return cursor.fetchone() is not None


def _that_differ(connection: Any, model: type[Model], name: str, value: Any) -> QuerySet[Any, Any]:
    """NULL is like NULL here, and of texts every character counts."""
    is_text = isinstance(model._meta.get_field(name), CharField | TextField)
    collation = dialect(connection).identifier_collation if is_text else None
    held, wanted = (Collate(each, collation) if collation else each for each in (F(name), F("wanted")))
    same = Q(Exact(held, wanted))
    if is_text:
        same &= Q(Exact(Length(name), Length("wanted")))
    rows = model._base_manager.order_by().alias(wanted=value)
    marked = Case(
        When(same, then=Value(0)),
        When(**{f"{name}__isnull": True, "wanted__isnull": True, "then": Value(0)}),
        default=Value(1),
        output_field=IntegerField(),
    )
    return rows.annotate(marked=marked).filter(marked=1)


def may_look(editor: Any, model: type[Model]) -> bool:
    """Whether there are rows to be looked at; not where statements are only shown.

    A table that SQLite was killed in the middle of building anew is not there; it was looked at before that.
    """
    if editor.collect_sql or dialect(editor.connection).online is not None:
        return not editor.collect_sql
    names = {name.casefold() for name in editor.connection.introspection.table_names()}
    return model._meta.db_table.casefold() in names


def _refuse(editor: Any, model: type[Model], condition: str, words: str) -> None:
    table = editor.quote_name(model._meta.db_table)
    key = ", ".join(editor.quote_name(field.column) for field in model._meta.pk_fields)
    with editor.connection.cursor() as cursor:
        # Without parameters, so that a % is one.
        cursor.execute(f"SELECT {key} FROM {table} WHERE {condition} LIMIT 1")  # noqa: S608
        example = cursor.fetchone()
        if not example:
            return
        cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE {condition}")  # noqa: S608
        [count] = cursor.fetchone()
    raise Refused(
        f"{count} {'row' if count == 1 else 'rows'} of {model._meta.db_table} {words}, "
        f"such as the one with the key {_words(example)}. {AGAIN}"
    )


def _key_names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.pk_fields]


def _words(key: Sequence[Any]) -> str:
    """A key, of one column or of several, as somebody looks for it."""
    return str(key[0]) if len(key) == 1 else f"({', '.join(map(str, key))})"


def _plain(expression: Any) -> Any:
    return expression.expression if isinstance(expression, OrderBy) else expression


def _compiled(connection: Any, rows: QuerySet[Any, Any]) -> tuple[str, Sequence[Any]]:
    return rows.query.get_compiler(connection=connection).as_sql()
