"""SQLite has foreign keys only in the definition of a table, so that the table is built anew without them."""

import copy
from collections.abc import Sequence
from typing import Any


class SQLiteReferences:
    def drop(self, editor: Any, model: Any, fields: Sequence[Any]) -> None:
        if fields:
            editor._remake_table(model, alter_fields=[(field, _loose(field)) for field in fields])

    def add(self, editor: Any, model: Any, fields: Sequence[Any]) -> None:
        if fields:
            editor._remake_table(model, alter_fields=[(_loose(field), field) for field in fields])


def _loose(field: Any) -> Any:
    loose = copy.copy(field)
    loose.db_constraint = False
    return loose
