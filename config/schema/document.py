"""The database in words and tables, from the models, as `docs/database.md` has it; alike for every engine."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.db.models import CheckConstraint, Field, Model, UniqueConstraint

from config.schema.dialects.on_delete import on_delete_rule
from config.schema.fields import CodeField, UtcNow

HEAD = """\
# The database

Written by `manage.py schema_document --write` from the models; do not edit it. The tables are the same on every
engine. A code is a text that is equal to another only if it is the same characters; sizes are bytes; times are UTC;
unknown is NULL. Defaults and ON DELETE rules are in the database itself, so that they hold for every client.
"""
STORY = "database.md"
"""A text of this name in an app's folder stands before the tables of the app."""
TYPES = {
    "AutoField": "number of the row",
    "BigAutoField": "number of the row",
    "BigIntegerField": "whole number, 64 bits",
    "BooleanField": "flag",
    "CharField": "text",
    "DateTimeField": "time",
    "FloatField": "number",
    "IntegerField": "whole number",
    "JSONField": "JSON",
    "TextField": "long text",
}


def database_document(app_configs: Iterable[AppConfig] | None = None) -> str:
    """The whole document; by default of every installed app that is not Django's own."""
    if app_configs is None:
        app_configs = (config for config in apps.get_app_configs() if not config.name.startswith("django."))
    sections = [HEAD, *(section for config in app_configs for section in _app(config))]
    return "\n".join(sections)


def _app(config: AppConfig) -> Iterator[str]:
    models = [model for model in config.get_models() if model._meta.managed]
    if models:
        yield f"## {config.verbose_name}\n"
        story = Path(config.path) / STORY
        if story.exists():
            yield story.read_text()
        for model in models:
            yield from _table(model)


def _table(model: Any) -> Iterator[str]:
    yield f"### `{model._meta.db_table}`\n"
    yield f"{_meaning(model)}\n"
    yield "| column | type | NULL | default | meaning |\n|---|---|---|---|---|"
    for field in model._meta.local_fields:
        cells = (f"`{field.column}`", _type(field), _null(field), _default(field), _help(field))
        yield "| " + " | ".join(cells) + " |"
    yield ""
    for title, lines in (
        ("Keys", list(_keys(model))),
        ("Checks", list(_checks(model))),
        ("Indexes", [f"`{index.name}`: {_columns(model, index.fields)}" for index in model._meta.indexes]),
        ("Moves", list(_moves(model))),
    ):
        if lines:
            yield f"{title}:\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"
    for relation in model._meta.local_many_to_many:
        through = relation.remote_field.through._meta
        yield f"`{through.db_table}` joins it with `{relation.related_model._meta.db_table}`.\n"


def _meaning(model: type[Model]) -> str:
    return " ".join((model.__doc__ or "").split())


def _type(field: Any) -> str:
    if field.remote_field:
        kind = f"`{field.related_model._meta.db_table}`"
        return f"{kind}, {rule}" if (rule := on_delete_rule(field)) else kind
    if getattr(field, "generated", False):
        return f"{_type(field.output_field)}, derived"
    kind = "code" if isinstance(field, CodeField) else TYPES.get(field.get_internal_type(), field.get_internal_type())
    return f"{kind} ({field.max_length})" if field.max_length else kind


def _null(field: Any) -> str:
    derived = getattr(field, "generated", False)
    return "yes" if (field.output_field if derived else field).null else ""


def _default(field: Any) -> str:
    if not field.has_db_default():
        return ""
    if isinstance(field.db_default, UtcNow):
        return "now"
    value = getattr(field.db_default, "value", field.db_default)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _help(field: "Field[Any, Any]") -> str:
    choices = ", ".join(f"`{value}`" for value, _ in field.flatchoices)
    sentences = [str(field.help_text), f"One of: {choices}." if choices else ""]
    return " ".join(sentence for sentence in sentences if sentence)


def _keys(model: type[Model]) -> Iterator[str]:
    for field in model._meta.local_fields:
        if field.primary_key:
            yield f"`{field.column}` is the primary key"
        elif field.unique:
            yield f"`{field.column}` is unique"
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield f"`{constraint.name}`: {_columns(model, constraint.fields)} together are unique"


def _checks(model: type[Model]) -> Iterator[str]:
    for constraint in model._meta.constraints:
        if isinstance(constraint, CheckConstraint):
            yield f"`{constraint.name}`: {constraint.get_violation_error_message()}"


def _columns(model: Any, names: Iterable[str]) -> str:
    def column(name: str) -> str:
        backwards = " (newest first)" if name.startswith("-") else ""
        return f"`{model._meta.get_field(name.lstrip('-')).column}`{backwards}"

    return ", ".join(map(column, names))


def _moves(model: type[Model]) -> Iterator[str]:
    """The legal moves that a model declares in `LIFECYCLE.moves` and, of other columns, in `OTHER_MOVES`."""
    lifecycle = getattr(model, "LIFECYCLE", None)
    declared = {"status": lifecycle.moves} if lifecycle else {}
    for name, moves in {**declared, **getattr(model, "OTHER_MOVES", {})}.items():
        for before, after in moves.items():
            ends = ", ".join(f"`{status}`" for status in after) or "the end"
            yield f"{name} `{before}` -> {ends}"
