"""How a table lets its foreign keys go while its columns stay, and gets them back."""

from collections.abc import Sequence
from typing import Any, Protocol

from config.schema.dialects.online import Online

NAME = "_fk_%(to_table)s_%(to_column)s"
"""How Django names a foreign key."""


class References(Protocol):
    """The foreign keys of some fields of one table."""

    def drop(self, editor: Any, model: Any, fields: Sequence[Any]) -> None:
        """Drop the keys; the columns keep their values and indexes."""

    def add(self, editor: Any, model: Any, fields: Sequence[Any]) -> None:
        """Add the keys, which new rows are held to at once; the caller looks for orphans before and after."""


class ServerReferences:
    """Where a foreign key is dropped and added by itself."""

    def __init__(self, online: Online) -> None:
        self.online = online

    def drop(self, editor: Any, model: Any, fields: Sequence[Any]) -> None:
        for field in fields:
            for name in editor._constraint_names(model, [field.column], foreign_key=True):
                editor.execute(editor._delete_fk_sql(model, name))

    def add(self, editor: Any, model: Any, fields: Sequence[Any]) -> None:
        for field in fields:
            self.online.add_foreign_key(editor, editor._create_fk_sql(model, field, NAME))
