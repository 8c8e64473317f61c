"""Requests whose worker has gone silent. They are not run again: the journal tells what became of them.

A command goes on where its worker was killed. So a lost request ends only when its command cannot be at work any more.
"""

import os
import platform
from pathlib import Path
from typing import Any

from django.db.models import F
from django.utils import timezone

from config.schema.claim import ClaimRow
from config.schema.exclusion import exclusion_of
from config.schema.exits import DONE, ERROR, INTERRUPTED
from config.schema.fields import SecondsSince
from config.schema.journal import Journal, Request, Run
from config.schema.requests.actions import LOCK_SECONDS, doing, reference
from config.schema.requests.columns import Status

STARTED = 18
"""Which word of /proc/PID/stat, counted after the state, is when the process began."""
CLOCKS_DIFFER_SECONDS = 5
START_SECONDS = 30
"""How long a command may take from its start until it waits for the lock."""


def lost_requests(connection: Any) -> list[Any]:
    """Those that run, as far as anybody said, and whose heartbeat is older than its lease, by the database's clock.

    Each with `silent`: for how many seconds.
    """
    running = Journal(connection).rows(Request).filter(status=Status.RUNNING)
    silent = running.annotate(silent=SecondsSince("heartbeat_at")).filter(silent__gt=F("lease_seconds"))
    return list(silent.order_by("pk"))


def settle_lost(connection: Any) -> int:
    """End the lost requests whose command has ended, with what the journal knows of it; how many were ended."""
    count = 0
    for row in lost_requests(connection):
        if _may_be_at_work(connection, row):
            continue
        status, code, said = ending(connection, row)
        running = Journal(connection).rows(Request).filter(pk=row.pk, status=Status.RUNNING)
        count += running.filter(heartbeat_at=row.heartbeat_at).update(
            status=status, exit_code=code, said=said, open_key=None, ended_at=timezone.now()
        )
    return count


def _may_be_at_work(connection: Any, row: Any) -> bool:
    if exclusion_of(ClaimRow(connection, "")).is_taken():
        return True
    if row.host == platform.node()[:255] and row.pid:
        return _lives(row.pid, row.heartbeat_at.timestamp())
    # Elsewhere nobody sees the process: by then it has taken the lock, or given up.
    return bool(row.silent < row.lease_seconds + START_SECONDS + LOCK_SECONDS)


def _lives(pid: int, reported: float) -> bool:
    """Whether the process of this host that reported then works on.

    One that has ended and that nobody has asked how is none, and one that began later is another of the same number.
    """
    try:
        os.kill(pid, 0)
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        since_boot = int(fields[STARTED]) / os.sysconf("SC_CLK_TCK")
        booted = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
        return state != "Z" and int(booted.split()[1]) + since_boot <= reported + CLOCKS_DIFFER_SECONDS
    except ProcessLookupError:
        return False
    except OSError:
        return True


def ending(connection: Any, row: Any) -> tuple[Status, int | None, str]:
    """What the journal says of a request whose worker is gone: how it ended, its exit code and a sentence."""
    gone = "Its worker was lost"
    run = newest_run(connection, row)
    if run is None:
        if doing(row.action).guarded:
            return (
                Status.FAILED,
                ERROR,
                f"{gone} before anything was begun, as the journal has nothing of it. Ask again.",
            )
        return Status.FAILED, None, f"{gone}, and nothing tells how far it came. Ask again."
    if run.outcome == "done":
        return Status.DONE, DONE, f"{gone}; the journal says that run {run.pk} ended well."
    if run.outcome == "failed":
        return Status.FAILED, ERROR, f"{gone}; run {run.pk} failed: {run.error}"
    if run.outcome == "paused":
        return Status.FAILED, INTERRUPTED, f"{gone}; run {run.pk} was paused: resume the backfill, then apply."
    words = "Read the state of the schema, and recover what was interrupted."
    return Status.FAILED, INTERRUPTED, f"{gone}, and run {run.pk} with it, in the middle. {words}"


def newest_run(connection: Any, row: Any) -> Any:
    """The newest run of the journal that did this request; None where none is known."""
    runs = Journal(connection).rows_if_any(Run, reason__startswith=f"{reference(row.pk)} of ")
    return runs[-1] if runs else None
