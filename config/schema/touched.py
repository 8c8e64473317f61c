"""Which tables a migration names, so that they can be waited for before it takes the first of them."""

import re
from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.backends.utils import truncate_name
from django.db.migrations.migration import Migration
from django.db.migrations.operations import (
    AlterModelManagers,
    AlterModelOptions,
    DeleteModel,
    RenameModel,
    RunPython,
    RunSQL,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import IndexOperation
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.utils import resolve_relation  # type: ignore[attr-defined]

from config.schema.dialects import dialect
from config.schema.dialects.waits import words_of
from config.schema.watched import flattened

TAKES_NOTHING = (AlterModelManagers, AlterModelOptions, RunPython)
"""Operations that change no table, or of which nobody knows what they change."""
MAY_RETRY = "may_retry"
"""The hint, or the attribute, by which code says that its migration may be rolled back and run again from its start."""
KNOWN = re.compile(r"(?:django|config\.schema)\.")
"""Whose operations do nothing outside the database; RunPython alone calls what others have written."""


def may_retry(operation: Operation) -> bool:
    """Whether an operation may run again after a rollback: what others have written only where it says so."""
    if KNOWN.match(type(operation).__module__) and not isinstance(operation, RunPython):
        return True
    hints = getattr(operation, "hints", None) or {}
    return bool(hints.get(MAY_RETRY) or getattr(operation, MAY_RETRY, False))


def names_touched(connection: Any, migration: Migration, state: ProjectState, *, backwards: bool) -> set[str]:
    """All words that may be tables whose shape the migration changes or that its foreign keys lead to.

    `state` is the one before the migration, in either direction. Data migrations name none. The catalogue has to tell
    which of the words are tables.
    """
    operations = [each for each in flattened(migration.operations) if not isinstance(each, TAKES_NOTHING)]
    if not operations:
        return set()
    if backwards:
        state = _after(migration, state)
    words: set[str] = set()
    for operation in operations:
        if isinstance(operation, RunSQL):
            for sql in _statements(connection, operation, backwards=backwards):
                words |= words_of(sql) if dialect(connection).waits.changes_shape(sql) else set()
        else:
            for name in _tables(connection, operation, migration.app_label, state):
                words |= words_of(name)
    return words


def _after(migration: Migration, state: ProjectState) -> ProjectState:
    """The state after the migration, made without rendering its models."""
    after = ProjectState({key: model.clone() for key, model in state.models.items()}, state.real_apps)
    for operation in migration.operations:
        operation.state_forwards(migration.app_label, after)
    return after


def _statements(connection: Any, operation: Any, *, backwards: bool) -> Iterator[str]:
    if hasattr(operation, "statements_for"):
        statements = operation.statements_for(connection)
        yield from statements.reverse if backwards else statements.forward
        return
    said = (operation.reverse_sql if backwards else operation.sql) or ""
    for each in [said] if isinstance(said, str) else said:
        yield str(each[0] if isinstance(each, list | tuple) else each)


def _tables(connection: Any, operation: Any, app_label: str, state: ProjectState) -> Iterator[str]:
    """By name, as third parties' operations follow the attributes of Django's."""
    named = [getattr(operation, name, None) for name in ("model_name", "old_name", "new_name", "name")]
    if isinstance(operation, FieldOperation | IndexOperation):
        named = named[:1]
    fields: list[Any] = []
    for name in {each.lower() for each in named if isinstance(each, str)}:
        if model := state.models.get((app_label, name)):
            changed = _fields(operation, model)
            yield _table(connection, model)
            yield from _many_to_many(connection, model, changed)
            fields += changed.values()
            if isinstance(operation, RenameModel | DeleteModel) or any(_is_key(each) for each in changed.values()):
                yield from _referring(connection, model, state)
    fields += [field for _, field in getattr(operation, "fields", ())]
    fields += [operation.field] if isinstance(getattr(operation, "field", None), models.Field) else []
    for field in fields:
        for related in _related(field, app_label, getattr(operation, "model_name", getattr(operation, "name", ""))):
            if target := state.models.get(related):
                yield _table(connection, target)


def _fields(operation: Any, model: ModelState) -> dict[str, Any]:
    """The model's fields that the operation changes."""
    if isinstance(operation, IndexOperation):
        return {}
    if isinstance(operation, FieldOperation):
        names = {getattr(operation, each, "") for each in ("name", "old_name", "new_name")}
        return {name: field for name, field in model.fields.items() if name in names}
    return dict(model.fields)


def _is_key(field: Any) -> bool:
    return bool(field.primary_key or field.unique)


def _related(field: Any, app_label: str, model_name: str) -> Iterator[tuple[str, str]]:
    """The models whose tables a field leads to or through."""
    if field.remote_field:
        for model in (field.remote_field.model, getattr(field.remote_field, "through", None)):
            if model:
                yield resolve_relation(model, app_label, model_name.lower())


def _referring(connection: Any, model: ModelState, state: ProjectState) -> Iterator[str]:
    key = (model.app_label, model.name_lower)
    for other in state.models.values():
        for field in other.fields.values():
            if field.remote_field and key in _related(field, other.app_label, other.name_lower):
                yield _table(connection, other)


def _table(connection: Any, model: ModelState) -> str:
    named = model.options.get("db_table") or f"{model.app_label}_{model.name_lower}"
    return _quoted(truncate_name(named, connection.ops.max_name_length()))


def _many_to_many(connection: Any, model: ModelState, fields: dict[str, Any]) -> Iterator[str]:
    """The tables that Django makes by itself for these fields."""
    table = _table(connection, model).strip('"')
    for name, field in fields.items():
        if isinstance(field, models.ManyToManyField) and not getattr(field.remote_field, "through", None):
            own: Any = getattr(field, "db_table", None)
            yield _quoted(own or truncate_name(f"{table}_{name}", connection.ops.max_name_length()))


def _quoted(name: str) -> str:
    return name if name.startswith('"') else f'"{name}"'
