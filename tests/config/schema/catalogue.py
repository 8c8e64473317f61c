"""The shape of a live database, read from the engine's own catalogue and said in words that all engines share.

Left out, because engines differ in it by nature and no rule hangs on it:

- PostgreSQL: the parts of partitioned tables, and the second index that Django makes for LIKE on a text;
- an index on the one column of a foreign key: InnoDB makes it or takes another that begins with the column;
- names of keys, indexes and foreign keys: SQLite has none for most of them (CHECKs are compared by name);
- checks without a name of their own: JSON_VALID, which MariaDB and SQLite make for a JSON column, and that of a
  positive number of Django's own, to which PostgreSQL gives a name of table and column;
- the default that numbers the rows, `sqlite_sequence`, and ON UPDATE, which nothing here uses;
- text and JSON are one kind: MariaDB has no JSON type.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Columns = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    kind: str
    length: int | None
    nullable: bool
    has_default: bool
    generated: bool


@dataclass
class Table:
    columns: dict[str, Column] = field(default_factory=dict)
    primary_key: Columns = ()
    unique: set[Columns] = field(default_factory=set)
    indexes: set[Columns] = field(default_factory=set)
    checks: set[str] = field(default_factory=set)
    foreign_keys: set[tuple[Columns, str, Columns, str]] = field(default_factory=set)
    """Columns, the table they name, its columns, and what ON DELETE does."""


Catalogue = dict[str, Table]
KINDS = {
    "flag": ("boolean", "bool", "tinyint"),
    "whole": ("bigint", "integer", "int", "smallint", "smallint unsigned", "integer unsigned"),
    "real": ("double precision", "double", "real"),
    "text": ("character varying", "varchar", "text", "longtext", "jsonb", "json", "char", "inet"),
    "time": ("timestamp with time zone", "datetime", "datetime(6)"),
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}


def read_catalogue(engine: str, connection: Any) -> Catalogue:
    """The tables of the database that a raw driver connection is connected to."""
    return READERS[engine](lambda statement, *values: _rows(connection, statement, values))


def _rows(connection: Any, statement: str, values: Iterable[Any]) -> list[Any]:
    cursor = connection.cursor()
    cursor.execute(statement, tuple(values))
    return list(cursor.fetchall())


def _without_those_of_foreign_keys(catalogue: Catalogue) -> Catalogue:
    for table in catalogue.values():
        table.indexes -= {columns for columns, *_ in table.foreign_keys} | table.unique | {table.primary_key}
    return catalogue


def _postgresql(query: Callable[..., list[Any]]) -> Catalogue:
    tables = """SELECT c.oid, c.relname FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""
    names = dict(query(tables))
    catalogue: Catalogue = {name: Table() for name in names.values()}
    numbers: dict[int, dict[int, str]] = defaultdict(dict)
    for oid, number, name, kind, length, required, default, identity, generated in query(
        f"""SELECT attrelid, attnum, attname, format_type(atttypid, NULL),
                   CASE WHEN atttypid = 'varchar'::regtype THEN atttypmod - 4 END,
                   attnotnull, atthasdef, attidentity, attgenerated
            FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
            AND attrelid IN (SELECT oid FROM ({tables}) AS t)"""
    ):
        numbers[oid][number] = name
        catalogue[names[oid]].columns[name] = Column(
            KIND_OF[kind], length, not required, default and not identity and not generated, bool(generated)
        )
    _constraints_in_postgresql(query, names, numbers, catalogue)
    for oid, unique, columns in query(
        """SELECT i.indrelid, i.indisunique, string_to_array(i.indkey::text, ' ')::int[] FROM pg_index i
           WHERE NOT EXISTS (SELECT 1 FROM pg_opclass o
                             WHERE o.oid = ANY (i.indclass) AND o.opcname LIKE '%%_pattern_ops')"""
    ):
        if oid in names:
            key = tuple(numbers[oid][number] for number in columns)
            if key != catalogue[names[oid]].primary_key:
                (catalogue[names[oid]].unique if unique else catalogue[names[oid]].indexes).add(key)
    return _without_those_of_foreign_keys(catalogue)


def _constraints_in_postgresql(
    query: Callable[..., list[Any]], names: dict[int, str], numbers: dict[int, dict[int, str]], catalogue: Catalogue
) -> None:
    actions = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
    for oid, name, kind, columns, other, other_columns, action in query(
        "SELECT conrelid, conname, contype, conkey, confrelid, confkey, confdeltype FROM pg_constraint"
    ):
        if oid not in names:
            continue
        table, key = catalogue[names[oid]], tuple(numbers[oid][number] for number in columns or ())
        match kind:
            case "p":
                table.primary_key = key
            case "u":
                table.unique.add(key)
            case "c" if name not in {f"{names[oid]}_{column}_check" for column in key}:
                table.checks.add(name)
            case "f":
                named = tuple(numbers[other][number] for number in other_columns)
                table.foreign_keys.add((key, names[other], named, actions[action]))


def _mariadb(query: Callable[..., list[Any]]) -> Catalogue:
    here = "TABLE_SCHEMA = DATABASE()"
    catalogue: Catalogue = {
        name: Table() for [name] in query(f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE {here}")
    }
    for table, name, kind, length, nullable, default, extra in query(
        f"""SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, IS_NULLABLE, COLUMN_DEFAULT, EXTRA
            FROM information_schema.COLUMNS WHERE {here}"""
    ):
        catalogue[table].columns[name] = Column(
            KIND_OF[kind],
            length if kind == "varchar" else None,
            nullable == "YES",
            default not in (None, "NULL"),
            "GENERATED" in extra,
        )
    for table, name, not_unique, columns in query(
        f"""SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX)
            FROM information_schema.STATISTICS WHERE {here} GROUP BY TABLE_NAME, INDEX_NAME, NON_UNIQUE"""
    ):
        key = tuple(columns.split(","))
        if name == "PRIMARY":
            catalogue[table].primary_key = key
        else:
            (catalogue[table].indexes if int(not_unique) else catalogue[table].unique).add(key)
    for table, columns, other, other_columns, action in query(
        f"""SELECT k.TABLE_NAME, GROUP_CONCAT(k.COLUMN_NAME ORDER BY k.ORDINAL_POSITION), k.REFERENCED_TABLE_NAME,
                   GROUP_CONCAT(k.REFERENCED_COLUMN_NAME ORDER BY k.ORDINAL_POSITION),
                   REPLACE(r.DELETE_RULE, 'NO ACTION', 'RESTRICT')
            FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
            ON r.CONSTRAINT_SCHEMA = k.TABLE_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
            AND r.TABLE_NAME = k.TABLE_NAME
            WHERE k.{here} GROUP BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.REFERENCED_TABLE_NAME, r.DELETE_RULE"""
    ):
        catalogue[table].foreign_keys.add((tuple(columns.split(",")), other, tuple(other_columns.split(",")), action))
    for table, name in query(
        """SELECT TABLE_NAME, CONSTRAINT_NAME FROM information_schema.CHECK_CONSTRAINTS
           WHERE CONSTRAINT_SCHEMA = DATABASE() AND LEVEL = 'Table'"""
    ):
        catalogue[table].checks.add(name)
    return _without_those_of_foreign_keys(catalogue)


def _sqlite(query: Callable[..., list[Any]]) -> Catalogue:
    catalogue: Catalogue = {}
    for name, sql in query("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
        table = catalogue[name] = Table(checks=set(re.findall(r'CONSTRAINT "(\w+)" CHECK', sql)))
        key: dict[int, str] = {}
        for _, column, declared, required, default, place, hidden in query(f"PRAGMA table_xinfo({name})"):
            kind, _, length = re.sub(r"\s*GENERATED ALWAYS$", "", declared.lower()).rstrip(")").partition("(")
            table.columns[column] = Column(
                KIND_OF[kind.strip()], int(length) if length else None, not required, default is not None, hidden > 1
            )
            if place:
                key[place] = column
        table.primary_key = tuple(key[place] for place in sorted(key))
        for _, index, unique, origin, _ in query(f"PRAGMA index_list({name})"):
            columns = tuple(each[2] for each in query(f"PRAGMA index_info({index})"))
            if origin != "pk":
                (table.unique if unique else table.indexes).add(columns)
        foreign_keys: dict[int, list[Any]] = defaultdict(list)
        for number, _, *parts in query(f"PRAGMA foreign_key_list({name})"):
            foreign_keys[number].append(parts)
        for parts in foreign_keys.values():
            other, action = parts[0][0], parts[0][4]
            columns, named = zip(*((part[1], part[2]) for part in parts), strict=True)
            table.foreign_keys.add((columns, other, named, action))
    return _without_those_of_foreign_keys(catalogue)


READERS: dict[str, Callable[[Callable[..., list[Any]]], Catalogue]] = {
    "postgresql": _postgresql,
    "mariadb": _mariadb,
    "sqlite": _sqlite,
}
