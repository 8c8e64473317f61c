"""Fields and expressions that mean the same on every engine. A migration may import this module."""

from typing import Any

from django.db import models
from django.db.models import lookups
from django.db.models.functions import Now

from config.schema.dialects import dialect


class CodeField(models.CharField):
    """Text that a program compares: status, kind, code, identifier, key.

    Two values are equal only if they are the same characters: on MariaDB and MySQL an ordinary collation takes
    'PENDING', 'pending ' and 'pendíng' for 'pending', in a CHECK and in a unique key alike.
    """

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        parameters: dict[str, Any] = dict(super().db_parameters(connection))
        parameters["collation"] = getattr(self, "db_collation", None) or dialect(connection).identifier_collation
        return parameters


class _SearchMixin:
    """A lookup that ignores case where the column's own collation does not."""

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> Any:
        sql, parameters = super().process_lhs(compiler, connection, lhs)  # type: ignore[misc]
        collation = dialect(connection).search_collation
        return (f"{sql} COLLATE {collation}" if collation else sql), parameters


for _lookup in (lookups.IContains, lookups.IExact, lookups.IStartsWith, lookups.IEndsWith, lookups.IRegex):
    CodeField.register_lookup(type(_lookup.__name__, (_SearchMixin, _lookup), {}))


class UtcNow(Now):
    """The present instant as a column default, in UTC also for a raw client whose session has another time zone."""

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # type: ignore[override]
        # The template is formatted once here and once more with the statement's parameters.
        template = dialect(connection).utc_now.replace("%", "%%%%")
        return super(Now, self).as_sql(compiler, connection, template=template)

    as_postgresql = as_mysql = as_sqlite = as_sql


class SecondsSince(models.Func):
    """How many seconds ago a time was, by the database's clock, so that the clocks of the hosts may differ."""

    arity = 1
    output_field = models.FloatField()

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # type: ignore[override]
        template = dialect(connection).seconds_since.replace("%", "%%").replace("{}", "%(expressions)s")
        return super().as_sql(compiler, connection, template=template)
