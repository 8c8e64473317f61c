"""The rules that the models hold, and those that docs/invariants.md lists."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models

from config.schema.dialects.on_delete import on_delete_rule

APPS = ("inventory", "jobs", "replication", "failover", "backups", "demo", "schema", "staff", "access")
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "invariants.md"
TABLE = re.compile(r"### `(\w+)`")
LINE = re.compile(r"\| (?P<id>INV-[A-Z]+-\d\d) \| (?P<sentence>.+) \| (?P<holder>.+) \|")


@dataclass(frozen=True, order=True)
class Rule:
    """One rule: who holds it ("key", "check", "foreign key" or "service"), its table and what it is called there."""

    holder: str
    table: str
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def column_of_table(self) -> str:
        """Of a foreign key: table.column."""
        return self.name.partition(" ")[0]

    @property
    def column(self) -> str:
        """Of a foreign key."""
        return self.column_of_table.rpartition(".")[2]

    @property
    def on_delete(self) -> str:
        """Of a foreign key: what becomes of the row when the one it names is deleted."""
        return self.name.rpartition(", ")[2]


@dataclass(frozen=True)
class Line:
    """One line of the document."""

    id: str
    sentence: str
    table: str
    holder: str


def project_models() -> list[Any]:
    """All models with a table of their own, those of many-to-many relations too."""
    found = apps.get_models(include_auto_created=True)
    return sorted(
        (model for model in found if model._meta.app_label in APPS and model._meta.managed),
        key=lambda model: model._meta.db_table,
    )


def guarded_models() -> list[Any]:
    """The same, and those of `config.schema` that hold CHECKs: it makes their tables itself, so no migration does."""
    own = apps.get_app_config("schema").get_models()
    return project_models() + [model for model in own if not model._meta.managed and model._meta.constraints]


def rules_of_models() -> list[Rule]:
    return [rule for model in guarded_models() for rule in rules_of(model)]


def rules_of(model: Any) -> Iterator[Rule]:
    """Keys, checks and foreign keys; not the numbers that tables count their rows with."""
    table = model._meta.db_table
    for constraint in model._meta.constraints:
        holder = "check" if isinstance(constraint, models.CheckConstraint) else "key"
        yield Rule(holder, table, constraint.name)
    for together in model._meta.unique_together:
        yield Rule("key", table, " ".join(f"{table}.{model._meta.get_field(name).column}" for name in together))
    for field in model._meta.local_fields:
        if field.unique and not isinstance(field, models.AutoField):
            yield Rule("key", table, f"{table}.{field.column}")
        if rule := on_delete_rule(field):
            yield Rule("foreign key", table, f"{table}.{field.column} to {field.related_model._meta.db_table}, {rule}")


def lines_of_document() -> list[Line]:
    lines, table = [], ""
    for text in DOCUMENT.read_text().splitlines():
        if heading := TABLE.fullmatch(text):
            table = heading[1]
        elif match := LINE.fullmatch(text):
            lines.append(Line(match["id"], match["sentence"], table, match["holder"]))
    return lines


def rule_of(line: Line) -> Rule:
    """What a line of the document says holds its rule."""
    holder, _, name = line.holder.partition(" `")
    return Rule(holder, line.table, name.replace("`", ""))
