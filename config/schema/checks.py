"""System checks: what must hold of every model so that each engine holds the same rules."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db.models import UniqueConstraint


@register(Tags.models)
def check_unique_constraints_exist_on_every_engine(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """schema.E001: MariaDB and MySQL silently leave out every unique constraint but a plain one.

    Django only warns of it (models.W036, W038, W039, W044, W047), and only while connected to such a server.
    """
    configs = apps.get_app_configs() if app_configs is None else app_configs
    return [message for config in configs for model in config.get_models() for message in _not_portable(model)]


def _not_portable(model: Any) -> Iterator[CheckMessage]:
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and (extra := _beyond_plain(constraint)):
            yield Error(
                f"The unique constraint {constraint.name} has {extra}; MariaDB and MySQL do not create it.",
                hint="Use a nullable column that is set while the rule applies, in a plain unique constraint, "
                "and a check that ties it to the status.",
                obj=model,
                id="schema.E001",
            )


@register(Tags.models)
def check_names_have_no_percent_sign(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """schema.E002: Django puts names into SQL that its drivers take for a format, and quotes no % in them.

    On SQLite some of it works, so that the mistake shows on PostgreSQL and MariaDB only, and there in the middle.
    """
    configs = apps.get_app_configs() if app_configs is None else app_configs
    models = [model for config in configs for model in config.get_models(include_auto_created=True)]
    return [
        Error(
            f"The {kind} {name} has a % in its name, with which Django can neither read nor change it on every engine.",
            hint="Give it a name without a %.",
            obj=model,
            id="schema.E002",
        )
        for model in models
        for kind, name in _names(model)
        if "%" in name
    ]


def _names(model: Any) -> Iterator[tuple[str, str]]:
    """What the database knows by a name that the model gives it."""
    yield "table", model._meta.db_table
    yield from (("column", field.column) for field in model._meta.local_fields if field.column)
    yield from (("index", index.name) for index in model._meta.indexes)
    yield from (("constraint", constraint.name) for constraint in model._meta.constraints)


def _beyond_plain(constraint: Any) -> str:
    """What such a constraint has that MariaDB and MySQL lack."""
    extras = {
        "a condition": constraint.condition,
        "an expression": constraint.expressions,
        "a deferrable check": constraint.deferrable,
        "included columns": constraint.include,
        "a rule for NULLs": constraint.nulls_distinct is not None,
    }
    return " and ".join(extra for extra, given in extras.items() if given)
