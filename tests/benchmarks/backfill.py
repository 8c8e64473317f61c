"""A backfill of 1,000,000 rows beside one UPDATE statement, and its first batches beside its last.

    DATABASE_URL=... python -m tests.benchmarks.backfill [--rows N]

Prints JSON. Two tables with the same rows, so that neither has the other's dead rows in its way.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import time
from typing import Any
from unittest.mock import patch

os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.awkward.settings", "AWKWARD_APPS": "filled", "ROWS": "0"}

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from config.schema.filling import Filling  # noqa: E402

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
FILL = (
    "INSERT INTO filled_row (id, old, times) " + NUMBERS + " "
    "SELECT (a.i - 1) * 1000 + b.i, b.i, 0 FROM n a CROSS JOIN n b WHERE (a.i - 1) * 1000 + b.i <= {}"
)


def execute(sql: str) -> float:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(sql)
    return time.perf_counter() - began


def one_update(rows: int) -> float:
    """Seconds of one statement that fills all rows, in a table of its own."""
    call_command("migrate", "filled", "0001", verbosity=0)
    execute(FILL.format(rows))
    seconds = execute("UPDATE filled_row SET new = old WHERE new IS NULL")
    call_command("migrate", "filled", "zero", verbosity=0)
    return seconds


def backfill(rows: int) -> tuple[float, list[tuple[int, float]]]:
    """Seconds of the same by a migration, and of each of its batches the rows and the seconds."""
    call_command("migrate", "filled", "0001", verbosity=0)
    execute(FILL.format(rows))
    batches: list[tuple[int, float]] = []
    batch = Filling._batch

    def timed(filling: Filling) -> bool:
        before, began = filling.row.seen, time.perf_counter()
        more = batch(filling)
        if more:
            batches.append((filling.row.seen - before, time.perf_counter() - began))
        return more

    began = time.perf_counter()
    with patch.object(Filling, "_batch", timed), contextlib.redirect_stderr(io.StringIO()):
        call_command("migrate", "filled", "0002", verbosity=0)
    seconds = time.perf_counter() - began
    call_command("migrate", "filled", "zero", verbosity=0)
    return seconds, batches


def report(rows: int) -> dict[str, Any]:
    update = one_update(rows)
    seconds, batches = backfill(rows)
    tenth = max(1, len(batches) // 10)
    first, last = batches[:tenth], batches[-tenth - 1 : -1] or batches[-tenth:]
    return {
        "rows": rows,
        "update": round(rows / update),
        "backfill": round(rows / seconds),
        "ratio": round(update / seconds, 2),
        "batches": len(batches),
        "first": speed(first),
        "last": speed(last),
        "flat": round(speed(last) / speed(first), 2),
        "longest": round(max(took for _, took in batches), 3),
    }


def speed(batches: list[tuple[int, float]]) -> int:
    return round(sum(count for count, _ in batches) / sum(took for _, took in batches))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    json.dump(report(parser.parse_args().rows), sys.stdout)


if __name__ == "__main__":
    main()
