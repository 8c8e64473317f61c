"""What a worker does, in the order in which it looks for work."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from backups.services.schedules import start_due_backups
from config.jobs.lost import end_lost_jobs
from config.schema.keeping import database_now
from config.schema.probe import last_probe
from config.schema.requests.work import do_one as do_schema_request
from config.staff.survey import survey_if_due
from failover.services.plan_advance import advance_plan_runs
from inventory.services.queue import do_next_run
from replication.services.schedules import start_due_replications


@dataclass(frozen=True)
class Duty:
    """One kind of work.

    `do` looks for one piece of it, does it and says whether there was one. The piece is a row that people see, and it
    is taken by one conditional UPDATE and a lease: any number of workers may look at once, and what a worker that was
    killed had in its hands is seen as lost and taken by another. `every` is the pause in seconds after a look that
    found nothing.
    """

    name: str
    do: Callable[[], bool]
    every: float = 1.0


def replicate() -> bool:
    return bool(start_due_replications(database_now(connection)))


def back_up() -> bool:
    return bool(start_due_backups(database_now(connection)))


def end_lost() -> bool:
    return bool(end_lost_jobs(settings.LOST_JOB_TAKE_OVER_MINUTES))


def apply_retention() -> bool:
    """Says that there was nothing, so that the next look is a pause later: the command has done all that there was."""
    call_command("apply_retention", apply=True)
    return False


def probe_schema() -> bool:
    """Look at the schema, unless somebody has within SCHEMA_PROBE_SECONDS; says as `apply_retention` what it says."""
    last = last_probe(connection)
    if last is None or timezone.now() - last.last_at >= timedelta(seconds=settings.SCHEMA_PROBE_SECONDS):
        with suppress(SystemExit):  # its exit code says what it has stored
            call_command("schema_probe", stdout=StringIO())
    return False


DUTIES: tuple[Duty, ...] = (
    Duty("schema-requests", do_schema_request),
    Duty("replications-by-schedule", replicate, every=5),
    Duty("backups-by-schedule", back_up, every=5),
    Duty("lost-jobs", end_lost, every=15),
    Duty("plan-runs", advance_plan_runs, every=2),
    Duty("discovery", do_next_run, every=2),
    Duty("survey", survey_if_due, every=5),
    Duty("schema-probe", probe_schema, every=10),
    *(
        [Duty("retention", apply_retention, every=3600 * settings.RETENTION_EVERY_HOURS)]
        if settings.RETENTION_EVERY_HOURS
        else []
    ),
)
