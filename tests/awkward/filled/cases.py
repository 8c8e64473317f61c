"""What the backfill of this app does, by the name in the setting FILLED."""

import time
from uuid import UUID, uuid5

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from config.schema.operations import AfterBackfill, Backfill

NAMESPACE = UUID("a3f1b2c4-0000-4000-8000-000000000000")
KEYS = {
    "number": lambda: [("id", models.BigIntegerField(primary_key=True))],
    "uuid": lambda: [("id", models.UUIDField(primary_key=True))],
    "text": lambda: [("id", models.CharField(max_length=40, primary_key=True))],
    "pair": lambda: [
        ("pk", models.CompositePrimaryKey("tenant", "id")),
        ("tenant", models.IntegerField()),
        ("id", models.UUIDField()),
    ],
}


def key(kind: str, number: int) -> dict:
    """The key of a row; text in both cases and with an apostrophe, in no order of its own."""
    if kind == "pair":
        return {"tenant": number % 3, "id": uuid5(NAMESPACE, str(number))}
    values = {"number": number, "uuid": uuid5(NAMESPACE, str(number)), "text": f"{'xX'[number % 2]}'{number * 7919}"}
    return {"id": values[kind]}


def double(rows):
    time.sleep(settings.BATCH_SLEEP)
    for row in rows:
        row.new = row.old * 2


def count(rows):
    time.sleep(settings.BATCH_SLEEP)
    for row in rows:
        row.times += 1


class InSmallBatches(Backfill):
    """So that whoever kills it after its first batch finds the greater part still to do."""

    first_rows = 200


FILL = {
    "copy": lambda: Backfill("Row", set={"new": F("old")}, where=Q(new=None), reverse={"new": None}, **pace()),
    "increment": lambda: Backfill("Row", set={"times": F("times") + 1}, reverse={"times": F("times") - 1}, **pace()),
    "code": lambda: Backfill("Row", compute=double, fields=["new"], where=Q(new=None), reverse={}, **pace()),
    "count": lambda: InSmallBatches("Row", compute=count, fields=["times"], reverse={}, **pace()),
    "never": lambda: Backfill("Row", set={"new": None}, where=Q(new=None), reverse={}, name="never"),
    "partly": lambda: Backfill(
        "Row", set={"new": F("nothing")}, where=Q(new=None), reverse={}, name="partly", batch_seconds=10
    ),
    "some twice": lambda: Backfill(
        "Row",
        set={"times": F("times") + 1},
        where=Q(times=0) | Q(times=1, old__gt=90),
        reverse={},
        name="some twice",
    ),
    "after": lambda: AfterBackfill("Row", Q(new=None), backfill="row.new"),
    "joined": lambda: Backfill("Row", set={"new": 1}, where=Q(friend__new=None), reverse={}),
    "strange": lambda: Backfill("Row", set={"renewed": 1}, where=Q(new=None), reverse={}),
}


def pace() -> dict:
    return {"batch_seconds": settings.BATCH_SECONDS}
