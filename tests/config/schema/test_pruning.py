"""A question about a time reads the parts of that time alone, as the plan of the server says."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.jobs.models import JobEvent
from config.schema.keeping import database_now
from config.schema.monthly import Monthly
from inventory.models import HostMetric, VMMetric
from tests.config.schema.live import connected, execute

pytestmark = pytest.mark.every_engine
MARCH, APRIL = datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)
IN_MARCH = {"at__gte": MARCH, "at__lt": APRIL}
QUESTIONS = {
    "a month of a host": HostMetric.objects.filter(host_id=1, **IN_MARCH),
    "a day of a VM": VMMetric.objects.filter(vm_context_id="a", at__gte=MARCH, at__lt=MARCH + timedelta(days=1)),
    "a month of all VMs": VMMetric.objects.filter(**IN_MARCH),
    "a month of a job": JobEvent.objects.filter(job_id="a", **IN_MARCH),
    "a month of the jobs of a VM": JobEvent.objects.filter(vm_context_id="a", **IN_MARCH),
    "a month of all jobs": JobEvent.objects.filter(**IN_MARCH),
}
"""The tables are asked by their subject, by a time, or by both; Django's own order and fields come with it."""


def parts_read(engine: str, connection: Any, sql: str, values: Any) -> set[str]:
    """The months (or other) of the parts that the plan reads; none where MariaDB knows that there is no such row."""
    if engine == "postgresql":
        plan = "\n".join(line for (line,) in execute(connection, f"EXPLAIN {sql}", *values))
        return set(re.findall(r" on \w+?_(\d{4}_\d\d|other)\b", plan))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN PARTITIONS {sql}", values)
        columns = [column[0] for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return {
        part.removeprefix("p").removeprefix("_")
        for row in rows
        for part in (row["partitions"] or "").split(",")
        if part
    }


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_about_one_month_reads_one_part(
    engine: str, migrated: Callable[[str], str], question: str, django_db_blocker: Any
) -> None:
    if engine == "sqlite":
        return  # It has no parts.
    with django_db_blocker.unblock(), connected(migrated(engine)) as connection:
        sql, values = QUESTIONS[question].query.get_compiler(connection=connection).as_sql()
        assert parts_read(engine, connection, sql, values) == {"2027_03"}


def test_a_question_without_a_time_reads_all_parts(
    engine: str, migrated: Callable[[str], str], django_db_blocker: Any
) -> None:
    """So that the test above is known to see them."""
    if engine == "sqlite":
        return
    with django_db_blocker.unblock(), connected(migrated(engine)) as connection:
        asked = JobEvent.objects.filter(job_id="a").query.get_compiler(connection=connection).as_sql()
        assert {"2026_11", "2027_12", "other"} < parts_read(engine, connection, *asked)


def test_what_apply_retention_counts_reads_one_part_at_a_time(
    engine: str, migrated: Callable[[str], str], django_db_blocker: Any, settings: Any
) -> None:
    if engine == "sqlite":
        return
    settings.RETENTION_METRICS_DAYS = 1
    asked: list[tuple[str, Any]] = []

    def noting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "COUNT" in sql or "MIN(" in sql:
            asked.append((sql, params))
        return execute(sql, params, many, context)

    with django_db_blocker.unblock(), connected(migrated(engine)) as connection:
        now = database_now(connection)
        rule = Monthly("inventory.HostMetric", by="at", setting="RETENTION_METRICS_DAYS")
        with connection.execute_wrapper(noting):
            list(rule.steps(connection, now.replace(year=now.year + 3)))
        read = [parts_read(engine, connection, sql, values) for sql, values in asked]
        assert {len(parts) for parts in read} <= {0, 1}
        assert {"other"} in read
