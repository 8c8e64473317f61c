"""SQLite: its pragmas as tables, and the SQL of the tables for the checks, of which no pragma tells."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from config.schema.dialects.catalogue import Check, Column, ForeignKey, Key, Table, bare_type, one_moment, rows

TABLES = "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
EACH = "FROM sqlite_master m JOIN pragma_{} WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
COLUMNS = (
    'SELECT m.name, p.name, p.type, p."notnull", p.dflt_value, p.pk, p.hidden '
    f"{EACH.format('table_xinfo(m.name) p')} ORDER BY m.name, p.cid"
)
KEYS = (
    'SELECT m.name, l.name, l."unique", l.origin, l.partial, i.name '
    f"{EACH.format('index_list(m.name) l JOIN pragma_index_info(l.name) i')} ORDER BY m.name, l.name, i.seqno"
)
FOREIGN_KEYS = (
    'SELECT m.name, p.id, p."table", p."from", p."to", p.on_delete '
    f"{EACH.format('foreign_key_list(m.name) p')} ORDER BY m.name, p.id, p.seq"
)
TRIGGERS = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
TOKENS = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*'|`[^`]*`|\[[^\]]*\]|[(),]|[^\s"'`(),]+)""")


class SQLiteCatalogue:
    rebuilds = True
    ignores_case_of_columns = True

    def read(self, connection: Any) -> dict[str, Table]:
        with one_moment(connection, "BEGIN"):
            return self._read(connection)

    def _read(self, connection: Any) -> dict[str, Table]:
        tables = {}
        for name, kind, sql in rows(connection, TABLES):
            tables[name] = Table(is_opaque=kind == "view", checks=dict(checks_of(sql)) if kind == "table" else {})
        _read_columns(connection, tables)
        _read_keys(connection, tables)
        _read_foreign_keys(connection, tables)
        for table, name in rows(connection, TRIGGERS):
            tables[table].others.add(name)
        return tables

    def estimate(self, connection: Any, table: str) -> int | None:
        """Counted: the catalogue does not know, and there is no application beside it that would wait."""
        return int(rows(connection, f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")[0][0])

    def type_of(self, declared: str) -> str:
        return _type_of(declared)

    def indexes(self, connection: Any, column: Any) -> bool:
        return bool(column.db_index and not column.unique)

    def alter_column(self, editor: Any, model: Any, column: Any, kinds: set[str]) -> list[str]:
        raise NotImplementedError("A column of this engine changes with its table.")

    def move_table(self, editor: Any, model: Any) -> str:
        raise NotImplementedError("All tables of this engine are kept alike.")

    def rebuild_index(self, name: str) -> str:
        raise NotImplementedError("An index of this engine is always valid.")

    def rebuild_table(self, editor: Any, model: Any, values: Mapping[str, str]) -> list[str]:
        """With its own transaction. Foreign keys are off meanwhile: they would delete the rows that refer to a table
        that is dropped.
        """
        editor._remake_table(model)
        name = editor.quote_name(model._meta.db_table)
        columns = ", ".join(map(editor.quote_name, values))
        statements = [
            f"{sql.partition(' (')[0]} ({columns}) SELECT {', '.join(values.values())} FROM {name}"
            if sql.startswith("INSERT INTO ")
            else sql.rstrip(";")
            for sql in editor.collected_sql
        ]
        return ["PRAGMA foreign_keys = OFF", "BEGIN IMMEDIATE", *statements, "COMMIT", "PRAGMA foreign_keys = ON"]


def _read_columns(connection: Any, tables: dict[str, Table]) -> None:
    places: dict[str, dict[int, str]] = defaultdict(dict)
    for table, name, kind, required, default, place, hidden in rows(connection, COLUMNS):
        declared = re.sub(r"\s*generated always$", "", kind.lower())
        # The rows of a table are numbered by any key that is one integer.
        tables[table].columns[name] = Column(
            _type_of(declared), not required and not place, default, generated=hidden > 1
        )
        if place:
            places[table][place] = name
    for table, numbers in places.items():
        tables[table].primary_key = tuple(numbers[place] for place in sorted(numbers))


def _read_keys(connection: Any, tables: dict[str, Table]) -> None:
    keys: dict[tuple[str, str, bool, str, bool], list[str]] = defaultdict(list)
    for table, name, unique, origin, partial, column in rows(connection, KEYS):
        keys[table, name, bool(unique), origin, not partial].append(column or "")
    for (table, name, unique, origin, plain), columns in keys.items():
        if origin != "pk":
            named = None if origin == "u" else name
            tables[table].keys.append(Key(named, tuple(columns), unique, plain=plain))


def _read_foreign_keys(connection: Any, tables: dict[str, Table]) -> None:
    parts: dict[tuple[str, int, str, str], list[tuple[str, str]]] = defaultdict(list)
    for table, number, other, column, other_column, rule in rows(connection, FOREIGN_KEYS):
        parts[table, number, other, rule].append((column, other_column))
    for (table, _, other, rule), pairs in parts.items():
        own = tuple(column for column, _ in pairs)
        key = tables[other].primary_key if other in tables else ()
        to = key if pairs[0][1] is None else tuple(column for _, column in pairs)
        tables[table].foreign_keys.append(ForeignKey(own, other, to, rule))


def checks_of(sql: str) -> Iterator[tuple[str, Check]]:
    """The checks in the SQL of a table; one without a name has its number in brackets instead."""
    words = [each.group() for each in TOKENS.finditer(sql)]
    for place, word in enumerate(words[:-1]):
        if word.upper() == "CHECK" and words[place + 1] == "(":
            inside = list(_inside(words, place + 1))
            has_name = place > 1 and words[place - 2].upper() == "CONSTRAINT"
            name = _plain(words[place - 1]) if has_name else f"({place})"
            # A word in quotation marks is a column; others are functions and operators.
            columns = tuple(dict.fromkeys(_plain(each) for each in inside if each[0] in '"`['))
            yield name, Check(columns, " ".join(inside))


def _inside(words: list[str], place: int) -> Iterator[str]:
    """The words from an opening bracket to the one that closes it, without both."""
    depth = 0
    for word in words[place:]:
        depth += (word == "(") - (word == ")")
        if depth == 0:
            return
        yield word


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name[0] in '"`[' else name


@cache
def _type_of(declared: str) -> str:
    return bare_type(declared, {})
