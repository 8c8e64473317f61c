"""System checks: what must hold of every model so that each engine holds the same rules."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db.models import UniqueConstraint


@register(Tags.models)
def check_unique_constraints_exist_on_every_engine(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """schema.E001: MariaDB and MySQL silently leave out conditional and expression unique constraints.

    Django only warns of it (models.W036, models.W044), and only while connected to such a server.
    """
    configs = apps.get_app_configs() if app_configs is None else app_configs
    return [message for config in configs for model in config.get_models() for message in _not_portable(model)]


def _not_portable(model: Any) -> Iterator[CheckMessage]:
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and (constraint.condition or constraint.expressions):
            yield Error(
                f"The unique constraint {constraint.name} has a condition or an expression, "
                "which MariaDB and MySQL do not create.",
                hint="Use a nullable column that is set while the rule applies, in a plain unique constraint, "
                "and a check that ties it to the status.",
                obj=model,
                id="schema.E001",
            )
