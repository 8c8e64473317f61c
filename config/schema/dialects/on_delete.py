"""Foreign keys whose ON DELETE rule the database itself keeps.

Django enforces `on_delete` in Python only. A schema editor with this mixin writes the rule into every foreign key it
makes, so that it also survives the tables that SQLite rebuilds and the keys that AlterField drops and makes again.
"""

from typing import Any

from django.db.models import CASCADE, SET_NULL, Field, Model

RULES: dict[Any, str] = {CASCADE: "CASCADE", SET_NULL: "SET NULL"}


def on_delete_rule(field: "Field[Any, Any]") -> str | None:
    """The SQL rule of a foreign key: CASCADE, SET NULL, else RESTRICT; None for a field that is no foreign key."""
    if not field.remote_field or not getattr(field, "db_constraint", False):
        return None
    return RULES.get(field.remote_field.on_delete, "RESTRICT")


class OnDeleteMixin:
    """Put before a backend's own schema editor."""

    _field: "Field[Any, Any] | None" = None

    def column_sql(self, model: type[Model], field: "Field[Any, Any]", include_default: bool = False) -> Any:
        # Django fills its inline templates right after this call and does not hand them the field.
        self._field = field
        return super().column_sql(model, field, include_default)  # type: ignore[misc]

    @property
    def sql_create_inline_fk(self) -> str | None:
        return self._with_rule(super().sql_create_inline_fk)  # type: ignore[misc]

    @property
    def sql_create_column_inline_fk(self) -> str | None:
        return self._with_rule(super().sql_create_column_inline_fk)  # type: ignore[misc]

    def _with_rule(self, template: str | None) -> str | None:
        rule = on_delete_rule(self._field) if self._field else None
        return add_rule(template, rule) if template and rule else template

    def _create_fk_sql(self, model: type[Model], field: "Field[Any, Any]", suffix: str) -> Any:
        statement = super()._create_fk_sql(model, field, suffix)  # type: ignore[misc]
        statement.template = add_rule(statement.template, on_delete_rule(field) or "RESTRICT")
        return statement

    def _field_should_be_altered(
        self, old_field: "Field[Any, Any]", new_field: "Field[Any, Any]", ignore: Any = None
    ) -> bool:
        return on_delete_rule(old_field) != on_delete_rule(new_field) or super()._field_should_be_altered(  # type: ignore[misc]
            old_field, new_field, ignore
        )


def add_rule(template: str, rule: str) -> str:
    """Insert ON DELETE before the DEFERRABLE part of a foreign key's SQL, else at its end."""
    for deferrable in ("%(deferrable)s", " DEFERRABLE"):
        if deferrable in template:
            return template.replace(deferrable, f" ON DELETE {rule}{deferrable}", 1)
    return f"{template} ON DELETE {rule}"
