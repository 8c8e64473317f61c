"""Makes this app's own tables, from models that no app registry knows, also where the app is not installed."""

from typing import Any

from django.db import models


def ensure_tables(connection: Any, *wanted: type[models.Model]) -> None:
    """Make those of the tables that are missing. Call it under the native lock only; readers never make a table."""
    present = set(connection.introspection.table_names())
    missing = [model for model in wanted if model._meta.db_table not in present]
    if missing:
        with connection.schema_editor() as editor:
            for model in missing:
                editor.create_model(model)
