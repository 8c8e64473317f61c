"""The shape of a database as a text that is alike, byte for byte, wherever the shape is; it only reads."""

import difflib
import json
from dataclasses import asdict
from typing import Any, Literal

from config.schema.dialects import dialect

Format = Literal["text", "json"]


def schema_dump(connection: Any, how: Format = "text") -> str:
    """What is there, as the engine's own SQL (`text`) or besides in words that are alike for all engines (`json`).

    Two databases of one engine that were made the same way have the same dump, whatever they hold. It names no server,
    database or user. Partitions are left out, as they come and go with the months.
    """
    answers = dialect(connection)
    statements = answers.definitions(connection)
    if how == "text":
        return "\n\n".join([f"-- The schema as {answers.name} has it", *(f"{each};" for each in statements)]) + "\n"
    tables = {
        name: {**asdict(table), "keys": _sorted(table.keys), "foreign_keys": _sorted(table.foreign_keys)}
        for name, table in answers.catalogue.read(connection).items()
        if not table.is_opaque
    }
    found = {"engine": answers.name, "tables": tables, "definitions": statements}
    return json.dumps(found, indent=2, sort_keys=True, default=sorted) + "\n"


def _sorted(keys: list[Any]) -> list[Any]:
    return sorted(map(asdict, keys), key=repr)


def dump_difference(kept: str, live: str, name: str) -> str:
    """What differs, as a unified diff from the dump that was kept under this name; empty where nothing does."""
    lines = difflib.unified_diff(kept.splitlines(), live.splitlines(), name, "the database", lineterm="")
    return "\n".join(lines)
