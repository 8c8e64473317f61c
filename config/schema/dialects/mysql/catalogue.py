"""MariaDB and MySQL: information_schema, of the database that the connection is in."""

import copy
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any

from config.schema.dialects.catalogue import Check, Column, ForeignKey, Key, Table, bare_type, rows

ALIASES = {
    "bool": "tinyint",
    "boolean": "tinyint",
    "integer": "int",
    "integer unsigned": "int unsigned",
    "numeric": "decimal",
    "dec": "decimal",
    "double precision": "double",
    "real": "double",
}
TABLES = """
SELECT t.TABLE_NAME, t.TABLE_TYPE, t.CREATE_OPTIONS LIKE '%partitioned%', IF(e.TRANSACTIONS = 'NO', t.ENGINE, NULL)
FROM information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
WHERE t.TABLE_SCHEMA = DATABASE()"""
COLUMNS = """
SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, COLLATION_NAME, EXTRA
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION"""
KEYS = """
SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, INDEX_TYPE, SUB_PART
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"""
FOREIGN_KEYS = """
SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
FROM information_schema.KEY_COLUMN_USAGE
WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL
ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"""
RULES = """
SELECT TABLE_NAME, CONSTRAINT_NAME, REPLACE(DELETE_RULE, 'NO ACTION', 'RESTRICT')
FROM information_schema.REFERENTIAL_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = DATABASE()"""
"""InnoDB knows no difference between the two, and calls a RESTRICT that was added without a look NO ACTION."""
CHECKS = {
    True: """SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE, LEVEL = 'Column'
             FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()""",
    False: """SELECT t.TABLE_NAME, c.CONSTRAINT_NAME, c.CHECK_CLAUSE, 0 FROM information_schema.CHECK_CONSTRAINTS c
              JOIN information_schema.TABLE_CONSTRAINTS t ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA
              AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME WHERE c.CONSTRAINT_SCHEMA = DATABASE()""",
}
"""By whether it is MariaDB, whose names of checks are only different within a table."""

ESTIMATE = "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"


class MySQLCatalogue:
    rebuilds = False
    ignores_case_of_columns = True

    def __init__(self, *, mariadb: bool) -> None:
        self.mariadb = mariadb

    def read(self, connection: Any) -> dict[str, Table]:
        """This catalogue has no snapshots: of a table that comes or goes meanwhile only that it is there is told."""
        tables: dict[str, Table] = defaultdict(Table)
        for name, kind, partitioned, storage in rows(connection, TABLES):
            tables[name] = Table(is_opaque=kind == "VIEW", is_partitioned=bool(partitioned), storage=storage)
        listed = {*tables}
        self._read_into(connection, tables)
        return {
            name: tables[name] if name in listed else Table(is_opaque=True) for name, *_ in rows(connection, TABLES)
        }

    def _read_into(self, connection: Any, tables: dict[str, Table]) -> None:
        for table, name, clause, of_column in rows(connection, CHECKS[self.mariadb]):
            named = tuple(dict.fromkeys(re.findall(r"`([^`]+)`", clause)))
            # A column's check keeps the name that the column had before it was renamed.
            tables[table].checks[f"`{clause}`" if of_column else name] = Check(named, clause)
        for name, column, kind, nullable, default, collation, extra in rows(connection, COLUMNS):
            # MariaDB's JSON is a text with this check.
            is_json = f"`json_valid(`{column}`)`" in tables[name].checks
            generated = "GENERATED" in extra.replace("DEFAULT_GENERATED", "").upper()
            tables[name].columns[column] = Column(
                "json" if is_json else _type_of(kind),
                nullable == "YES",
                None if generated else self._default(default, extra),
                collation,
                "auto_increment" in extra.lower(),
                generated,
            )
        self._keys(connection, tables)
        # Of a table that this user may only read there is none.
        rules = {(table, name): rule for table, name, rule in rows(connection, RULES)}
        parts: dict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
        for table, name, column, other, other_column in rows(connection, FOREIGN_KEYS):
            parts[table, name, other].append((column, other_column))
        for (table, name, other), pairs in parts.items():
            own, to = (tuple(each) for each in zip(*pairs, strict=True))
            tables[table].foreign_keys.append(ForeignKey(own, other, to, rules.get((table, name)), name))

    def _default(self, default: str | None, extra: str) -> str | None:
        """MySQL tells strings without their quotes, MariaDB tells NULL as a word."""
        if default is None or (self.mariadb and default == "NULL"):
            return None
        if self.mariadb or "DEFAULT_GENERATED" in extra:
            return default
        return "'{}'".format(default.replace("'", "''"))

    def _keys(self, connection: Any, tables: dict[str, Table]) -> None:
        parts: dict[tuple[str, str, bool], list[tuple[str | None, bool]]] = defaultdict(list)
        for table, name, not_unique, column, kind, prefix in rows(connection, KEYS):
            parts[table, name, not int(not_unique)].append((column, kind == "BTREE" and prefix is None))
        for (table, name, unique), columns in parts.items():
            key = tuple(column or "" for column, _ in columns)
            if name == "PRIMARY":
                tables[table].primary_key = key
            else:
                tables[table].keys.append(Key(name, key, unique, plain=all(plain for _, plain in columns)))

    def estimate(self, connection: Any, table: str) -> int | None:
        found = rows(connection, ESTIMATE, table)
        return None if not found or found[0][0] is None else int(found[0][0])

    def type_of(self, declared: str) -> str:
        return _type_of(declared)

    def indexes(self, connection: Any, column: Any) -> bool:
        """A foreign key brings its own index, or uses another that begins with its column."""
        is_key = column.get_internal_type() == "ForeignKey" and column.db_constraint
        limited = str(column.db_type(connection)).lower() in connection._limited_data_types
        return bool(column.db_index and not column.unique and not is_key and not limited)

    def alter_column(self, editor: Any, model: Any, column: Any, kinds: set[str]) -> list[str]:
        """One MODIFY, which has to say all of the column again, and would make a second key of a UNIQUE in it."""
        alone = copy.copy(column)
        alone._unique = alone.primary_key = False
        sql, values = editor.column_sql(model, alone)
        check = column.db_parameters(connection=editor.connection)["check"]
        sql %= tuple(map(editor.quote_value, values))
        table, name = editor.quote_name(model._meta.db_table), editor.quote_name(column.column)
        return [f"ALTER TABLE {table} MODIFY {name} {sql}{f' CHECK ({check})' if check else ''}"]

    def move_table(self, editor: Any, model: Any) -> str:
        return f"ALTER TABLE {editor.quote_name(model._meta.db_table)} ENGINE = InnoDB"

    def rebuild_index(self, name: str) -> str:
        raise NotImplementedError("An index of this engine is always valid.")

    def rebuild_table(self, editor: Any, model: Any, values: Mapping[str, str]) -> list[str]:
        raise NotImplementedError("A table of this engine is changed in place.")


@cache
def _type_of(declared: str) -> str:
    kind = bare_type(re.sub(r"\s*auto_increment\b", "", declared, flags=re.I), ALIASES)
    kind = re.sub(r"^decimal\((\d+)\)", r"decimal(\1,0)", kind)
    # How wide a whole number is shown is no part of what it holds.
    return re.sub(r"^((?:tiny|small|medium|big)?int(?: unsigned)?)\(\d+\)", r"\1", kind)
