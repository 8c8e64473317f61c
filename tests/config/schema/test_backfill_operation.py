"""What a migration may say of a backfill, and what the documents say of it."""

import io
import os
import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management.base import OutputWrapper
from django.db import migrations, models
from django.db.migrations.writer import OperationWriter
from django.db.models import F, Q

from config.schema import ticker
from config.schema.backfill import fraction, seconds_left, words_of
from config.schema.digest import operation_digest
from config.schema.health import serves
from config.schema.keyset import Keyset
from config.schema.operations import AfterBackfill, Backfill
from config.schema.state import SchemaState
from config.schema.ticker import Ticker
from tests.checkout import ROOT
from tests.config.schema.processes import rows, script
from tests.engines import fresh_database

COPY = {"set": {"new": F("old")}, "where": Q(new=None), "reverse": {}}


def double(rows: Any) -> None:
    for row in rows:
        row.new = row.old * 2


def quadruple(rows: Any) -> None:
    for row in rows:
        row.new = row.old * 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"reverse": {}}, "say either set= or compute="),
        ({"set": {"new": 1}, "compute": double, "reverse": {}}, "say either set= or compute="),
        ({"compute": double, "reverse": {}}, "with compute= in fields="),
        ({"set": {"new": 1}}, "say its way back in reverse="),
        ({"set": {"new": 1}, "reverse": {}, "irreversible": "gone"}, "say its way back in reverse="),
        ({"set": {"new": 1}, "reverse": {}, "batch_seconds": 0}, "batch_seconds=0 is no time"),
        ({"set": {"new": 1}, "reverse": {}, "name": "n" * 256}, "give it a name= of 255 characters at most"),
    ],
)
def test_what_contradicts_itself_is_refused_where_it_is_written(words, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        Backfill("Row", **words)


@pytest.mark.parametrize(
    "operation",
    [
        Backfill("Row", **COPY),
        Backfill("Row", compute=double, fields=["new"], where=Q(new=None), irreversible="gone", name="doubles"),
        Backfill("Row", set={"n": F("n") + 1}, reverse={"n": F("n") - 1}, reverse_where=Q(n__gt=0), batch_seconds=1.0),
        Backfill("Row", set={"n": None}, where=Q(kind="a"), verify=False, reverse={}),
        AfterBackfill("Row", Q(new=None), backfill="row.new"),
    ],
    ids=["set", "compute", "both ways", "unverified", "after"],
)
def test_it_comes_back_from_the_file_that_it_is_written_to(operation):
    written, imports = OperationWriter(operation, indentation=0).serialize()
    namespace: dict[str, Any] = {}
    exec("\n".join(["import django.db.models", "from django.db import models", *imports]), namespace)
    read = eval(written.strip().rstrip(","), namespace)
    assert OperationWriter(read).serialize() == OperationWriter(operation).serialize()
    assert operation_digest(read) == operation_digest(operation)


def test_its_digest_tells_what_it_does():
    first, second = (
        operation_digest(Backfill("Row", compute=each, fields=["new"], reverse={})) for each in (double, quadruple)
    )
    assert first != second
    assert operation_digest(Backfill("Row", **COPY)) != operation_digest(Backfill("Row", **COPY | {"where": Q(new=0)}))


def test_without_a_way_back_it_says_why():
    operation = Backfill("Row", set={"new": 1}, irreversible="the old values are gone")
    assert not operation.reversible
    with pytest.raises(NotImplementedError, match="the old values are gone"):
        operation.database_backwards("app", None, None, None)


def test_a_key_of_several_columns_is_written_and_read_as_it_was(db):
    state = migrations.state.ProjectState()
    migrations.CreateModel(
        "Row",
        [
            ("pk", models.CompositePrimaryKey("at", "id")),
            ("at", models.DateTimeField()),
            ("id", models.UUIDField()),
        ],
    ).state_forwards("app", state)
    keys = Keyset(state.apps.get_model("app", "Row"))
    key = keys.read('["2026-11-21T12:00:00.123456+00:00", "a3f1b2c4-0000-4000-8000-000000000000"]')
    assert keys.read(keys.written(key)) == key
    assert key[0].microsecond == 123456


def row(**columns: Any) -> Any:
    nothing = dict.fromkeys(("ended_at", "verified_at", "paused_at", "total"))
    return SimpleNamespace(
        **{"name": "row.new", "filled": 0, "seen": 0, "seen_in_all": 0, "milliseconds": 0, "sweep": 1}
        | nothing
        | columns
    )


def test_what_nobody_knows_is_not_told():
    begun = row(seen=500, seen_in_all=500, filled=400, milliseconds=1000)
    assert (fraction(begun), seconds_left(begun)) == (None, None)
    assert words_of(begun) == "row.new: 400 rows filled, 500 gone through, 500 rows/s"
    begun.total = 200_000
    assert words_of(begun) == (
        "row.new: 400 rows filled, 500 of about 200,000 gone through (0%), 500 rows/s, 6 min 39 s left"
    )
    begun.seen = 250_000
    assert fraction(begun) == 0.99


def test_what_only_fills_keeps_no_release_from_serving_and_what_comes_after_it_does():
    known = {"database": "hub", "issues": (), "tables_expected": 1}
    assert serves(SchemaState(**known, pending=("a.2",), filling=("a.2",)))
    assert not serves(SchemaState(**known, pending=("a.2", "a.3"), filling=("a.2",)))
    assert not serves(SchemaState(**known, pending=("a.2",)))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_progress_is_one_line_and_else_a_line_now_and_then(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(ticker.time, "monotonic", lambda: now[0])
    for stream, expected in (
        (Terminal(), "\rlong 2\rn 4   \rend\n"),
        (io.StringIO(), "n 4\nn 12\nend\n"),
    ):
        told = Ticker(OutputWrapper(stream).write)
        words = {2: "long 2", 4: "n 4"} if stream.isatty() else {2: "long 2", 4: "n 4", 12: "n 12"}
        for second, each in words.items():
            now[0] += second
            told.tell(each)
            told.tell("too soon")
        told.end("end")
        assert stream.getvalue() == expected


EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "backfill.md").read_text(), re.MULTILINE | re.DOTALL)


ORDERS = """
from django.db import migrations, models

def add(apps, editor):
    order = apps.get_model("shop", "Order")
    order.objects.bulk_create(order(price=n, pieces=2) for n in range(1, 11))

class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel("Order", [
            ("id", models.BigAutoField(primary_key=True)),
            ("price", models.IntegerField()),
            ("pieces", models.IntegerField()),
            ("total", models.IntegerField(null=True)),
        ]),
        migrations.RunPython(add, migrations.RunPython.noop),
    ]
"""
MIGRATE = """
import django
from django.conf import settings
settings.INSTALLED_APPS.append("shop")
django.setup()
from django.core.management import call_command
call_command("migrate", "shop", verbosity=0)
call_command("migrate", "shop", "0001", verbosity=0)
call_command("migrate", "shop", verbosity=0)
"""


@pytest.mark.every_engine
def test_the_examples_of_the_document_run_as_they_stand(engine, tmp_path):
    folder = tmp_path / "shop" / "migrations"
    folder.mkdir(parents=True)
    for name, text in zip(("0001_orders", "0002_fill", "0003_contract"), (ORDERS, *EXAMPLES), strict=True):
        (folder / f"{name}.py").write_text(text)
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    with fresh_database(engine) as url:
        done = script(url, MIGRATE, apps="", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
        assert done.returncode == 0, done.stderr
        assert rows(url, "SELECT SUM(total), COUNT(total) FROM shop_order") == [(110, 10)]
        assert rows(url, "SELECT name, filled FROM schema_backfills WHERE filled > 0") == [("order.total", 10)] * 3
