"""Goes through a table in the order of its primary key, from any key on, without looking at what is before it."""

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import F, Q

Key = tuple[Any, ...]


class Keyset:
    """The primary key of a model: whether it is fit for the way, and the conditions that cut a piece out of it."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.fields = tuple(model._meta.pk_fields)
        self.names = [field.attname for field in self.fields]

    def obstacle(self, connection: Any) -> str:
        """Why the live table cannot be gone through by this key, as the end of a sentence; empty where it can be."""
        columns = [field.column for field in self.fields]
        with connection.cursor() as cursor:
            table = self.model._meta.db_table
            found = connection.introspection.get_constraints(cursor, table).values()
            nullable = {each.name for each in connection.introspection.get_table_description(cursor, table) if each[6]}
        usable = [each for each in found if each["primary_key"] or each["index"] or each["unique"]]
        if not any(list(each["columns"] or ())[: len(columns)] == columns for each in usable):
            return f"no primary key or index of the table begins with {', '.join(columns)}"
        in_key = {column for each in found if each["primary_key"] for column in each["columns"]}
        if missing := sorted({*columns} & nullable - in_key):
            return f"{', '.join(missing)} may be NULL, and what is NULL stands nowhere in the order"
        return ""

    def order(self, *, backwards: bool = False) -> list[Any]:
        return [F(name).desc() if backwards else F(name).asc() for name in self.names]

    def after(self, key: Key) -> Q:
        """The rows behind this key."""
        return self._cut(key, "gt", "gt")

    def up_to(self, key: Key) -> Q:
        """The rows before this key, and its own."""
        return self._cut(key, "lt", "lte")

    def among(self, keys: Sequence[Key]) -> Q:
        """The rows of these keys."""
        return Q(pk__in=[key[0] if len(key) == 1 else key for key in keys])

    def _cut(self, key: Key, side: str, last: str) -> Q:
        if len(key) == 1:
            return Q(**{f"{self.names[0]}__{last}": key[0]})
        steps = Q()
        for number, name in enumerate(self.names):
            equal = Q(**dict(zip(self.names[:number], key, strict=False)))
            how = last if number == len(self.names) - 1 else side
            steps |= equal & Q(**{f"{name}__{how}": key[number]})
        # Said twice: PostgreSQL and SQLite use an index for the tuple only, MariaDB for the steps only.
        return Q(**{f"pk__{last}": key}) & steps

    def written(self, key: Key) -> str:
        """The key as text that `read` reads, by the same means as Django's fixtures."""
        row = self.model(**dict(zip(self.names, key, strict=True)))
        return json.dumps([field.value_to_string(row) for field in self.fields])

    def read(self, text: str) -> Key:
        said: Sequence[str] = json.loads(text)
        return tuple(field.to_python(each) for field, each in zip(self.fields, said, strict=True))
