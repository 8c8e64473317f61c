"""A router that asks the model itself, as Django's operations hand it over."""

from typing import Any


class Router:
    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        model = hints.get("model")
        return False if model is not None and model._meta.db_table == "ruled_more" else None
