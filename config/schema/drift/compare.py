"""Compares the tables of a migration state with those that are there. A doubt is no difference."""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from config.schema.dialects.catalogue import Column, Key, Table, strings_in, unquoted
from config.schema.drift.difference import ORDER, Found
from config.schema.drift.expected import ExpectedColumn, ExpectedTable
from config.schema.operations.quarantine import PREFIX


def compare(
    expected: Mapping[str, ExpectedTable], live: Mapping[str, Table], tables: Collection[str] | None = None
) -> list[Found]:
    """What differs in these tables, by default in all that are expected, in the order in which it can be mended."""
    found: list[Found] = []
    for name in _in_order_of_making(expected):
        if tables is not None and name not in tables:
            continue
        there = live.get(name)
        if there is None:
            words = f"The table {name} is not there."
            found.append(Found("missing_table", name, None, words, expected[name]))
        elif not there.is_opaque:
            found += _Comparison(name, expected[name], there).differences()
    return sorted(found, key=lambda each: ORDER.index(each.kind))


def _in_order_of_making(expected: Mapping[str, ExpectedTable]) -> list[str]:
    """The tables by name, but none before one that it refers to, as far as they do not do so in a circle."""
    order: dict[str, None] = {}
    begun: set[str] = set()

    def add(name: str) -> None:
        if name in begun or name not in expected:
            return
        begun.add(name)
        for other in sorted(key.table for key, _ in expected[name].foreign_keys):
            add(other)
        order[name] = None

    for name in sorted(expected):
        add(name)
    return list(order)


class _Comparison:
    def __init__(self, name: str, expected: ExpectedTable, live: Table) -> None:
        self.name, self.expected, self.live = name, expected, live

    def differences(self) -> Iterator[Found]:
        if self.live.storage:
            words = f"{self.name} is kept by {self.live.storage}, which has no transactions and no foreign keys."
            yield self._found("storage", None, words)
        yield from self._columns()
        key, there = self.expected.primary_key, self.live.primary_key
        # The key of a partitioned table holds the column that it is partitioned by, too.
        if key != there and not (self.live.is_partitioned and {*key} <= {*there}) and self._are_there(key):
            words = f"The primary key of {self.name} is ({', '.join(there)}) and not ({', '.join(key)})."
            yield self._found("primary_key", None, words, self.expected.model._meta.pk)
        yield from self._keys()
        yield from self._checks()
        yield from self._foreign_keys()

    def _found(self, kind: str, name: str | None, words: str, source: Any = None, live: Any = None) -> Found:
        return Found(kind, self.name, name, words, self.expected, source, live)

    def _are_there(self, columns: Collection[str]) -> bool:
        return {*columns} <= {*self.live.columns}

    def _columns(self) -> Iterator[Found]:
        for name, column in self.expected.columns.items():
            there = self.live.columns.get(name)
            if there is None:
                words = f"The column {self.name}.{name} is not there."
                yield self._found("missing_column", name, words, column.field)
            else:
                for kind, words in _column_differences(column, there):
                    yield self._found(kind, name, f"The column {self.name}.{name} {words}.", column.field, there)
        for name, there in self.live.columns.items():
            if name not in self.expected.columns and not name.startswith(PREFIX):
                words = f"The column {self.name}.{name} is in no migration"
                if not there.nullable and there.default is None and not there.generated and not there.numbered:
                    words += "; it takes no NULL and has no default, so that no row can be added"
                yield self._found("extra_column", name, f"{words}.", None, there)

    def _keys(self) -> Iterator[Found]:
        for key in self.live.keys:
            if not key.valid:
                words = f"The index {key.name} of {self.name} is invalid: it was not built to its end."
                yield self._found("invalid_index", key.name, words, None, key)
        for each in self.expected.keys:
            wanted = each.key
            if wanted.name is None and not self._are_there(wanted.columns or ()):
                continue
            named = next((key for key in self.live.keys if wanted.name and key.name == wanted.name), None)
            if named and (named.unique != wanted.unique or not _same_columns(named, wanted)):
                words = f"The index {named.name} of {self.name} is {_said(named)} and not {_said(wanted)}."
                yield self._found("index", named.name, words, each.source, named)
            elif named is None and not any(_stands_for(key, wanted) for key in self.live.keys):
                words = f"{self.name} has no {_said(wanted)}{f' with the name {wanted.name}' if wanted.name else ''}."
                yield self._found("unique" if wanted.unique else "missing_index", wanted.name, words, each.source)

    def _checks(self) -> Iterator[Found]:
        for name, check in self.expected.checks.items():
            there = self.live.checks.get(name)
            if there is None:
                words = f"The check {name} of {self.name} is not there."
                yield self._found("check", name, words, check.constraint)
            elif check.strings is not None and strings_in(there.sql) != check.strings:
                more, less = strings_in(there.sql) - check.strings, check.strings - strings_in(there.sql)
                words = "; ".join(
                    f"{verb} {', '.join(sorted(values))}"
                    for verb, values in (("admits", more), ("lacks", less))
                    if values
                )
                words = f"The check {name} of {self.name} has other values than the migrations: it {words}."
                yield self._found("check", name, words, check.constraint, there)
        for column, source in self.expected.column_checks.items():
            others = (check for name, check in self.live.checks.items() if name not in self.expected.checks)
            if self._are_there([column]) and not any(check.columns == (column,) for check in others):
                words = f"The column {self.name}.{column} lacks the check of its values."
                yield self._found("check", column, words, source)
        names = {*self.live.others, *self.live.checks, *(key.name for key in self.live.keys)}
        for name, constraint in self.expected.constraints.items():
            if name not in names:
                yield self._found("constraint", name, f"The constraint {name} of {self.name} is not there.", constraint)

    def _foreign_keys(self) -> Iterator[Found]:
        for key, source in self.expected.foreign_keys:
            if not self._are_there(key.columns):
                continue
            column = key.columns[0]
            same = [each for each in self.live.foreign_keys if (each.columns, each.table) == (key.columns, key.table)]
            same = [each for each in same if each.to == key.to]
            if not same:
                words = f"{self.name}.{column} has no foreign key to {key.table}."
                yield self._found("foreign_key", column, words, source)
            elif key.on_delete and not {key.on_delete, None} & {each.on_delete for each in same}:
                words = (
                    f"The foreign key of {self.name}.{column} is ON DELETE {same[0].on_delete}, not {key.on_delete}."
                )
                yield self._found("on_delete", column, words, source, same[0])


def _same_columns(live: Key, wanted: Key) -> bool:
    return wanted.columns is None or live.columns is None or wanted.columns == live.columns


def _stands_for(live: Key, wanted: Key) -> bool:
    """Whether a key that is there does what is wanted; SQLite has no names for unique constraints."""
    if wanted.name and live.name:
        return False
    return live.plain and live.unique == wanted.unique and live.columns == wanted.columns


def _said(key: Key) -> str:
    columns = ", ".join(each or "an expression" for each in key.columns) if key.columns else "an expression"
    return f"{'unique key' if key.unique else 'index'} on ({columns})"


def _column_differences(wanted: ExpectedColumn, live: Column) -> Iterator[tuple[str, str]]:
    column = wanted.column
    if column.generated != live.generated:
        yield "generated", f"is {'not ' if column.generated else ''}generated"
        return
    if column.type != live.type:
        yield "type", f"is {live.type} and not {column.type}"
    if column.collation and live.collation and column.collation != live.collation:
        yield "collation", f"has the collation {live.collation} and not {column.collation}"
    if column.numbered and live.numbered is False:
        yield "identity", "does not number the rows"
    if column.default is not None:
        if live.default is None:
            yield "default", "lacks its default"
        elif wanted.literal is not None and not is_literal(live.default, wanted.literal):
            yield "default", f"has the default {live.default} and not {wanted.literal!r}"
    if column.nullable is not None and column.nullable != live.nullable:
        yield "nullability", "takes NULL" if live.nullable else "takes no NULL"


def is_literal(sql: str, value: Any) -> bool:
    """Whether the SQL of a default is this value; in doubt it is."""
    said = _without_casts(sql)
    if re.match(r"[eE]'", said):
        return True
    text = unquoted(said) if len(said) > 1 and said[0] == said[-1] == "'" else None
    if isinstance(value, str):
        return text == value or ("\\" in value and text is not None)
    number = {"true": "1", "false": "0", "b'1'": "1", "b'0'": "0"}.get(said.lower(), said if text is None else text)
    try:
        return Decimal(number) == Decimal(str(int(value) if isinstance(value, bool) else value))
    except InvalidOperation:
        return False


def _without_casts(sql: str) -> str:
    while True:
        inner = re.sub(r"^\((.*)\)$", r"\1", re.sub(r"^_utf8mb[34](?=')", "", sql.strip()), flags=re.S)
        inner = re.sub(r"""(?<=['\d)e])::[\w ."]+(\(\d+(,\s*\d+)?\))?$""", "", inner)
        inner = re.sub(r"^cast\((.*) as [\w ]+\)$", r"\1", inner, flags=re.I | re.S)
        if inner == sql:
            return sql
        sql = inner
