"""Gives the role of SCHEMA_GRANT_TO its rights on the tables that migrations make."""

from typing import Any

from django.db.migrations.recorder import MigrationRecorder

from config.schema.claim import Claim
from config.schema.dialects import dialect
from config.schema.dialects.grants import READ, WRITE, Rights
from config.schema.exits import Refused
from config.schema.journal import TABLES

READ_ONLY = {model._meta.db_table for model in (Claim, MigrationRecorder.Migration, *TABLES)}
"""What the application reads and only schema commands write: who changes the schema, and what was done to it."""


class Grants:
    """The rights of one role in one database; without a role, none.

    The role may read and write the rows of every table, and only read what is `READ_ONLY`. What it has is asked of the
    database each time, so that a run which was killed before it gave them leaves the rest to the next one.
    """

    def __init__(self, connection: Any, role: str) -> None:
        self.connection, self.role = connection, role
        self._given: set[str] = set()
        """The tables on which this run has given them: some users may not ask who has which."""

    def check(self) -> None:
        """Raise Refused where there is no such role, or it cannot be given anything."""
        if not self.role:
            return
        rights = dialect(self.connection).rights
        if rights is None:
            raise Refused(f"SCHEMA_GRANT_TO is {self.role!r}, and this engine has no roles: leave it unset.")
        if why := rights.refusal(self.connection, self.role):
            raise Refused(f"SCHEMA_GRANT_TO is {self.role!r}, and {why}. Nothing was run.")

    def give(self) -> None:
        """Give what is lacking; under the lock, where the engine can in the transaction that makes the table."""
        if not self.role:
            return
        rights = dialect(self.connection).rights
        if rights is None:
            self.check()
            return
        wanted = {name: _rights(name) for name in rights.tables(self.connection) if name not in self._given}
        lacking = rights.lacking(self.connection, self.role, wanted)
        if lacking and not self._given:
            self.check()
        for kind in (READ, WRITE):
            if tables := [name for name, needed in lacking.items() if needed == kind]:
                rights.give(self.connection, self.role, tables, kind)
                if not rights.in_transaction:
                    self._given.update(tables)
        rights.give_numbers(self.connection, self.role)


def _rights(table: str) -> Rights:
    return READ if table in READ_ONLY else WRITE
