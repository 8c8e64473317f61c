"""The operations that `tests.benchmarks.online` measures: Django's own, and the online form of each."""

from datetime import UTC, datetime

from django.db import migrations as m
from django.db import models
from django.db.models.functions import Now

from config.schema.operations import (
    AddConstraintOnline,
    AddFieldOnline,
    AddIndexOnline,
    AlterFieldOnline,
    PartitionByMonth,
    PartitionByMonthOnline,
    SwapFields,
)
from tests.awkward.killed.corpus import Case, fk

__all__ = ["BEFORE", "OPERATIONS", "Case"]

BEFORE = [
    m.CreateModel("Parent", [("id", models.BigIntegerField(primary_key=True))]),
    m.CreateModel(
        "Thing",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=100, null=True)),
            ("size", models.IntegerField(null=True)),
            ("length", models.IntegerField(null=True)),
            ("length_too", models.BigIntegerField(null=True)),
            ("at", models.DateTimeField(db_default=Now())),
        ],
    ),
]
SEVEN = models.IntegerField(db_default=7)
INDEX = models.Index(fields=["size"], name="thing_by_size")
UNIQUE = models.UniqueConstraint(fields=["name"], name="thing_once")
CHECK = models.CheckConstraint(condition=models.Q(size__gte=0), name="thing_has_size")
NAME = models.CharField(max_length=100)
LARGER = models.BigIntegerField(null=True)
WRITTEN = "because the writers write neither"

OPERATIONS = {
    "column": (m.AddField("thing", "more", SEVEN), AddFieldOnline("thing", "more", SEVEN)),
    "index": (m.AddIndex("thing", INDEX), AddIndexOnline("thing", INDEX)),
    "unique": (m.AddConstraint("thing", UNIQUE), AddConstraintOnline("thing", UNIQUE)),
    "foreign key": (m.AddField("thing", "parent", fk()), AddFieldOnline("thing", "parent", fk())),
    "not null": (m.AlterField("thing", "name", NAME), AlterFieldOnline("thing", "name", NAME)),
    "type": (m.AlterField("thing", "length", LARGER), SwapFields("thing", "length", "length_too", locked_seconds=5)),
    "type, unlocked": (
        m.AlterField("thing", "length", LARGER),
        SwapFields("thing", "length", "length_too", unlocked=WRITTEN),
    ),
    "partitions": (
        PartitionByMonth("killed_thing", by="at", indexes={}, first=f"{datetime.now(UTC):%Y-%m}", months=4),
        PartitionByMonthOnline("thing", "at", executor="pt-osc"),
    ),
    "check": (m.AddConstraint("thing", CHECK), AddConstraintOnline("thing", CHECK)),
}
