"""manage.py schema_diagnose: how heavy the tables are, which indexes are used, and who stands in whose way."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.diagnose import Diagnosed, diagnose, one_table
from config.schema.dialects.catalogue import Table
from config.schema.dialects.diagnosis import IndexUse, Seen, TableWeight
from config.schema.direct import OnDirectConnection
from config.schema.exits import USAGE
from config.schema.seconds import seconds

UNKNOWN = "?"


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Show the size of the tables, the use of the indexes, long transactions and who waits for whom; it only reads. "
        "Example: schema_diagnose --table alerts"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--table", metavar="NAME", help="The columns and keys of one table, and its indexes.")
        parser.add_argument(
            "--long", type=seconds, default=60, metavar="SECONDS", help="What makes a transaction a long one."
        )
        parser.add_argument("--limit", type=seconds, default=10, metavar="SECONDS", help="The most for one query.")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        connection, name = connections[options["database"]], options["table"]
        if not options["limit"]:
            raise CommandError("--limit 0 would let no query end; say more than 0 seconds.", returncode=USAGE)
        table = one_table(connection, name) if name else None
        if name and table is None:
            raise CommandError(f"There is no table {name}; schema_diagnose lists all.", returncode=USAGE)
        found = diagnose(connection, long=options["long"], limit=options["limit"], table=name)
        if options["format"] == "json":
            self.stdout.write(json.dumps(as_json(found, table), indent=2, default=sorted))
        else:
            self.stdout.write("\n".join(as_text(found, table)))


def as_json(found: Diagnosed, table: Table | None) -> dict[str, Any]:
    shown = dataclasses.asdict(found) | {"unused": [f"{each.table}.{each.name}" for each in found.unused]}
    return shown | ({"table": dataclasses.asdict(table)} if table else {})


def as_text(found: Diagnosed, table: Table | None) -> Iterator[str]:
    """One section for each thing that was looked at; one that nobody could see says why."""
    yield from _section(
        "Tables, the heaviest first",
        found.tables,
        lambda each: f"{each.name}: {_weight(each)}, about {_number(each.rows)} rows",
    )
    if table is not None:
        yield from _shape(table)
    yield from _section("Indexes", dataclasses.replace(found.indexes, unseen=""), _index)
    if table is None:
        unused = Seen(found.unused, found.indexes.unseen)
        yield from _section("Unused indexes that hold no rule", unused, lambda each: f"{each.name} of {each.table}")
        yield from _section("Long transactions", found.transactions, str)
        yield from _section(
            "Who waits for whom",
            found.blocked,
            lambda each: f"{each.waiting}\n    waits for {'; '.join(map(str, each.by)) or 'somebody who is not shown'}",
        )


def _section(title: str, seen: Seen[Any], words: Callable[[Any], str]) -> Iterator[str]:
    yield f"{title}:"
    yield from (f"  {words(each)}" for each in seen.found)
    if seen.unseen:
        yield f"  {seen.unseen}"
    elif not seen.found:
        yield "  none"


def _index(each: IndexUse) -> str:
    kind = "unique" if each.unique else "index"
    used = "" if each.used is None else f", used {each.used} times"
    size = "" if each.bytes is None else f", {_bytes(each.bytes)}"
    columns = ", ".join(column or "an expression" for column in each.columns)
    return f"{each.table}.{each.name}: {kind} on ({columns}), about {_number(each.distinct)} keys{size}{used}"


def _shape(table: Table) -> Iterator[str]:
    yield "Columns:"
    for name, column in table.columns.items():
        facts: Iterable[str] = filter(
            None,
            (
                column.type,
                "NULL" if column.nullable else "NOT NULL",
                f"default {column.default}" if column.default is not None else "",
                "generated" if column.generated else "",
            ),
        )
        yield f"  {name}: {', '.join(facts)}"
    yield "Keys and rules:"
    yield f"  primary key ({', '.join(table.primary_key)})"
    for key in table.foreign_keys:
        rule = f", ON DELETE {key.on_delete}" if key.on_delete else ""
        yield f"  ({', '.join(key.columns)}) refers to {key.table} ({', '.join(key.to)}){rule}"
    for name, check in sorted(table.checks.items()):
        yield f"  check {name}: {check.sql}"


def _weight(each: TableWeight) -> str:
    return f"{_bytes(each.data_bytes)}, indexes {_bytes(each.index_bytes)}"


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)


def _bytes(value: int | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value} bytes" if value < 10_000 else f"{value / 1_000_000:.2f} MB"
