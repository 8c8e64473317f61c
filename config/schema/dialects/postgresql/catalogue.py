"""PostgreSQL: pg_class and its neighbours, of the tables that are found without naming a schema."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from config.schema.dialects.catalogue import Check, Column, ForeignKey, Key, Table, bare_type, one_moment, rows

ALIASES = {
    "varchar": "character varying",
    "char": "character",
    "bpchar": "character",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "smallserial": "smallint",
    "serial": "integer",
    "bigserial": "bigint",
    "float4": "real",
    "float8": "double precision",
    "float": "double precision",
    "bool": "boolean",
    "decimal": "numeric",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
    "varbit": "bit varying",
}
RULES = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
TABLES = """
SELECT oid, relname, relkind IN ('v', 'm', 'f') OR relispartition, relkind = 'p'
FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_table_is_visible(oid)
AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"""
COLUMNS = """
SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity <> '',
       a.attgenerated <> '', pg_get_expr(d.adbin, d.adrelid),
       c.collname
FROM pg_attribute a
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY(%s::oid[]) ORDER BY a.attrelid, a.attnum"""
CONSTRAINTS = """
SELECT o.conrelid, o.conname, o.contype, o.conkey, o.confrelid, o.confkey, o.confdeltype,
       coalesce(pg_get_expr(o.conbin, o.conrelid), '')
FROM pg_constraint o WHERE o.conrelid = ANY(%s::oid[])"""
INDEXES = """
SELECT i.indrelid, c.relname, i.indisunique, i.indisvalid, i.indkey::int2[], i.indnkeyatts,
       i.indpred IS NULL AND NOT EXISTS (
           SELECT 1 FROM pg_opclass o WHERE o.oid = ANY (i.indclass) AND o.opcname LIKE '%%_pattern_ops')
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT i.indisprimary AND i.indrelid = ANY(%s::oid[])"""

ESTIMATE = """
SELECT CASE WHEN min(c.reltuples) < 0 THEN NULL ELSE sum(c.reltuples) END FROM pg_class c
WHERE c.relkind <> 'p'
AND (c.oid = to_regclass(%s) OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass(%s))))"""
"""Negative is a table of which nobody has counted the rows yet."""


class PostgreSQLCatalogue:
    rebuilds = False
    ignores_case_of_columns = False

    def read(self, connection: Any) -> dict[str, Table]:
        with one_moment(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            return self._read(connection)

    def _read(self, connection: Any) -> dict[str, Table]:
        by_number: dict[int, Table] = {}
        names: dict[int, str] = {}
        for number, name, is_opaque, is_partitioned in rows(connection, TABLES):
            names[number] = name
            by_number[number] = Table(is_opaque, is_partitioned)
        whole = [number for number, table in by_number.items() if not table.is_opaque]
        columns: dict[tuple[int, int], str] = {}
        for number, place, name, kind, required, identity, generated, default, collation in rows(
            connection, COLUMNS, whole
        ):
            columns[number, place] = name
            numbered = identity or (default or "").startswith("nextval(")
            by_number[number].columns[name] = Column(
                self.type_of(kind), not required, None if generated else default, collation, numbered, generated
            )
        for number, name, kind, key, other, other_key, rule, sql in rows(connection, CONSTRAINTS, whole):
            table = by_number[number]
            own = tuple(columns.get((number, place), "") for place in key or () if place > 0)
            if kind == "p":
                table.primary_key = own
            elif kind == "c":
                table.checks[name] = Check(own, sql)
            elif kind == "f":
                to = tuple(columns.get((other, place), "") for place in other_key)
                table.foreign_keys.append(ForeignKey(own, names.get(other, ""), to, RULES[rule], name))
            elif kind != "u":
                table.others.add(name)
        for number, name, unique, valid, places, count, plain in rows(connection, INDEXES, whole):
            key = tuple(columns.get((number, place), "") for place in places[:count])
            by_number[number].keys.append(Key(name, key, unique, valid, plain))
        return {names[number]: table for number, table in by_number.items()}

    def estimate(self, connection: Any, table: str) -> int | None:
        name = connection.ops.quote_name(table)
        found = rows(connection, ESTIMATE, name, name)[0][0]
        return None if found is None else int(found)

    def type_of(self, declared: str) -> str:
        return _type_of(declared)

    def indexes(self, connection: Any, column: Any) -> bool:
        return bool(column.db_index and not column.unique)

    def alter_column(self, editor: Any, model: Any, column: Any, kinds: set[str]) -> list[str]:
        table, name = editor.quote_name(model._meta.db_table), editor.quote_name(column.column)
        parameters = column.db_parameters(connection=editor.connection)
        changes = []
        if kinds & {"type", "collation"}:
            kind = re.sub(r"^(small|big)?serial$", lambda found: f"{found[1] or ''}int", parameters["type"])
            collation = f" {editor._collate_sql(parameters['collation'])}" if parameters.get("collation") else ""
            # A default of the old type would have to be cast, which not every one can.
            if column.has_db_default():
                changes.append("DROP DEFAULT")
                kinds = kinds | {"default"}
            changes.append(f"TYPE {kind}{collation} USING {name}::{kind}")
        if "default" in kinds:
            sql, values = editor.db_default_sql(column)
            changes.append(f"SET DEFAULT {editor.connection.ops.compose_sql(sql, values)}")
        if "nullability" in kinds:
            changes.append("DROP NOT NULL" if column.null else "SET NOT NULL")
        if "identity" in kinds:
            changes.append("ADD GENERATED BY DEFAULT AS IDENTITY")
        statements = [f"ALTER TABLE {table} ALTER COLUMN {name} {change}" for change in changes]
        if "check" in kinds:
            check = editor._create_index_name(model._meta.db_table, [column.column], suffix="_check")
            statements.append(str(editor._create_check_sql(model, check, parameters["check"])))
        if "identity" in kinds:
            statements.append(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column.column}'), COALESCE(MAX({name}), 0) + 1, "
                f"false) FROM {table}"
            )
        return statements

    def move_table(self, editor: Any, model: Any) -> str:
        raise NotImplementedError("All tables of this engine are kept alike.")

    def rebuild_index(self, name: str) -> str:
        if re.search(r"_ccnew\d*$|_ccold\d*$", name):
            return f'DROP INDEX CONCURRENTLY "{name}"'
        return f'REINDEX INDEX CONCURRENTLY "{name}"'

    def rebuild_table(self, editor: Any, model: Any, values: Mapping[str, str]) -> list[str]:
        raise NotImplementedError("A table of this engine is changed in place.")


@cache
def _type_of(declared: str) -> str:
    kind = bare_type(declared, ALIASES)
    # The catalogue writes what Django leaves out.
    return "character(1)" if kind == "character" else re.sub(r"^numeric\((\d+)\)", r"numeric(\1,0)", kind)
