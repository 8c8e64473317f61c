"""Makes this app's own tables, from models that no app registry knows, also where the app is not installed."""

from typing import Any

from django.apps.registry import Apps
from django.db import models


def unregistered(columns: type[models.Model], registry: Apps) -> Any:
    """A model of these columns in a registry of its own, as the recorder of Django's migrations has one."""
    name = columns.__name__.removesuffix("Columns")
    own = {"db_table": columns._meta.db_table, "constraints": columns._meta.constraints}
    meta = type("Meta", (), {"apps": registry, "app_label": "schema", **own})
    return type(name, (columns,), {"__module__": columns.__module__, "__doc__": columns.__doc__, "Meta": meta})


def ensure_tables(connection: Any, *wanted: Any) -> None:
    """Make those of the tables that are missing. Call it under the native lock only; readers never make a table.

    Where DDL cannot be rolled back, a kill may have left them without their foreign keys, which are made last: as long
    as the first of them has no row, those that are there are made anew.
    """
    present = set(connection.introspection.table_names())
    there = [model for model in wanted if model._meta.db_table in present]
    anew = there if not connection.features.can_rollback_ddl and _may_be_half_made(connection, wanted, there) else []
    missing = [model for model in wanted if model not in there or model in anew]
    if missing:
        with connection.schema_editor() as editor:
            for model in reversed(anew):
                editor.delete_model(model)
            for model in missing:
                editor.create_model(model)


def _may_be_half_made(connection: Any, wanted: Any, there: list[Any]) -> bool:
    if not any(field.remote_field for model in there for field in model._meta.local_fields):
        return False
    first = wanted[0]
    return first not in there or not first._base_manager.using(connection.alias).exists()
