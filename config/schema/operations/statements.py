"""SQL that says what it is on each engine, and how it is undone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import router
from django.db.migrations.operations import RunSQL
from django.db.migrations.operations.base import Operation

from config.schema.dialects import NAMES, dialect
from config.schema.exits import Refused


@dataclass(frozen=True)
class Statements:
    """The SQL of one engine: `forward` in order, and `reverse`, which undoes it and loses no row."""

    forward: Sequence[str]
    reverse: Sequence[str]

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """How a migration writes it."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            [],
            {"forward": list(self.forward), "reverse": list(self.reverse)},
        )


UNCHANGED = Statements(forward=(), reverse=())
"""This engine needs nothing here."""


class DialectSQL(RunSQL):
    """Run the statements of the engine that the migration runs on.

    Every engine has to be named (`UNCHANGED` where it needs nothing). Without a way back, `irreversible` says why.
    Statements are single ones, in lists, so that no SQL is ever split by guessing.
    """

    def __init__(
        self,
        description: str,
        *,
        postgresql: Statements | None = None,
        mariadb: Statements | None = None,
        mysql: Statements | None = None,
        sqlite: Statements | None = None,
        irreversible: str = "",
        state_operations: Sequence[Operation] = (),
        hints: dict[str, Any] | None = None,
    ) -> None:
        """Raises ValueError where an engine named here has SQL to run, no SQL to undo it, and no reason for that."""
        self.description = description
        self.by_engine = {
            name: statements
            for name, statements in zip(NAMES, (postgresql, mariadb, mysql, sqlite), strict=True)
            if statements is not None
        }
        self.irreversible = irreversible
        one_way = [name for name, each in self.by_engine.items() if each.forward and not each.reverse]
        if one_way and not irreversible:
            raise ValueError(
                f"{description}: {', '.join(one_way)} cannot be undone; give the reverse, or say why in irreversible=."
            )
        super().__init__(
            sql=RunSQL.noop,
            reverse_sql=None if irreversible else RunSQL.noop,
            state_operations=list(state_operations),
            hints=hints,
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        kwargs: dict[str, Any] = dict(self.by_engine)
        if self.irreversible:
            kwargs["irreversible"] = self.irreversible
        if self.state_operations:
            kwargs["state_operations"] = self.state_operations
        if self.hints:
            kwargs["hints"] = self.hints
        return type(self).__qualname__, [self.description], kwargs

    def describe(self) -> str:
        return self.description

    def statements_for(self, connection: Any) -> Statements:
        """The statements of this connection's engine; Refused where the operation does not name that engine."""
        name = dialect(connection).name
        if name not in self.by_engine:
            raise Refused(f"{self.description}: the operation does not say what to do on {name}; add {name}= to it.")
        return self.by_engine[name]

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        # The router first: a database that it keeps out may be of an engine that is not named.
        if router.allow_migrate(schema_editor.connection.alias, app_label, **self.hints):
            _execute(schema_editor, self.statements_for(schema_editor.connection).forward)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if self.irreversible:
            raise NotImplementedError(f"{self.description} cannot be undone: {self.irreversible}")
        if router.allow_migrate(schema_editor.connection.alias, app_label, **self.hints):
            _execute(schema_editor, self.statements_for(schema_editor.connection).reverse)


def _execute(schema_editor: Any, statements: Sequence[str]) -> None:
    for statement in statements:
        schema_editor.execute(statement, params=None)
