"""What the worker does every few minutes: looks, remembers, opens a task for each fault, and does what is approved."""

import hashlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.schema.journal import Probe, RecoveryTask
from config.schema.recovery import Proposal, diagnose
from config.schema.state import FOREIGN_LOCK, Issue, SchemaState, State, read_state

PASSING = (None, State.UNKNOWN, State.RUNNING, State.PAUSED, State.PENDING)
"""States that open no task: they cannot be written down, a deploy goes through them, or they are none at all."""


def probe(connection: Any, *, release: str, repair: Callable[[Proposal, str], None] | None = None) -> SchemaState:
    """Look at a database and store what is found; open a task for a new fault, close that of a fault that is gone.

    `repair` does what a proposal says, given it and the approver; it is called for approved tasks, and its error is
    kept with the task. What is returned is found after that. Stores nothing where the database cannot be asked or
    `migrate` has not made the tables.
    """
    found = _look(connection, release)
    if found.state is State.UNKNOWN or not _has_tables(connection):
        return found
    faults = [issue for issue in found.issues if issue.state not in PASSING]
    can_read = faults and "broken_files" not in {issue.id for issue in faults}
    proposals = {(each.fault, each.subject): each for each in diagnose(connection)} if can_read else {}
    _open_tasks(connection, faults, proposals)
    _close_tasks(connection, {open_key(issue.id, issue.subject) for issue in faults})
    if repair and found.state is not State.RUNNING and _do_approved(connection, proposals, repair):
        found = _look(connection, release)
    return found


def _look(connection: Any, release: str) -> SchemaState:
    """The state as it is now, which is also stored, where it can be."""
    began = time.monotonic()
    found = read_state(connection)
    if found.state is not State.UNKNOWN and _has_tables(connection):
        _remember(connection, found, release, round((time.monotonic() - began) * 1000))
    return found


def open_key(fault: str, subject: str) -> str:
    """The key of which only one task may be open."""
    return hashlib.sha256(f"{fault} {subject}".encode()).hexdigest()


def last_probe(connection: Any) -> Any:
    """The newest row of the probes; None where nobody has looked, or nobody can tell."""
    return _rows(connection, Probe).order_by("-last_at").first() if _has_tables(connection) else None


def approve(connection: Any, pk: int, *, by: str) -> bool:
    """Approve an open task that has a command; False where somebody has done so before, or there is nothing to do."""
    waiting = _rows(connection, RecoveryTask).filter(pk=pk, approved_at=None, ended_at=None, command__isnull=False)
    return bool(waiting.update(approved_by=by[:255], approved_at=timezone.now()))


def _remember(connection: Any, found: SchemaState, release: str, milliseconds: int) -> None:
    # What another database of the server goes through is not a finding about this one.
    faults = json.dumps(
        [
            {**asdict(issue), "state": issue.state and issue.state.value}
            for issue in found.issues
            if issue.id != FOREIGN_LOCK
        ]
    )
    here = {"state": found.state.value, "faults": faults, "release": release[:255], "host": platform.node()[:255]}
    now, last = timezone.now(), last_probe(connection)
    if last and all(getattr(last, name) == value for name, value in here.items()):
        _rows(connection, Probe).filter(pk=last.pk).update(last_at=now, milliseconds=milliseconds)
    else:
        _rows(connection, Probe).create(**here, milliseconds=milliseconds, first_at=now, last_at=now)


def _open_tasks(connection: Any, faults: Sequence[Issue], proposals: dict[tuple[str, str], Proposal]) -> None:
    known = set(_rows(connection, RecoveryTask).filter(ended_at=None).values_list("open_key", flat=True))
    for issue in faults:
        key, proposal = open_key(issue.id, issue.subject), proposals.get((issue.id, issue.subject))
        if key in known:
            continue
        try:
            with transaction.atomic(using=connection.alias):
                _rows(connection, RecoveryTask).create(
                    fault=issue.id,
                    subject=issue.subject[:255],
                    words=f"{issue.words} {issue.recommendation}",
                    command=(proposal and proposal.command) or None,
                    open_key=key,
                    opened_at=timezone.now(),
                )
        except IntegrityError:
            # Another worker has opened it at the same moment.
            continue


def _close_tasks(connection: Any, keys: set[str]) -> None:
    _rows(connection, RecoveryTask).filter(ended_at=None).exclude(open_key__in=keys).update(
        ended_at=timezone.now(), outcome="gone", open_key=None
    )


def _do_approved(
    connection: Any, proposals: dict[tuple[str, str], Proposal], repair: Callable[[Proposal, str], None]
) -> bool:
    """Returns whether anything was tried, so that what was found is no longer sure."""
    tried = False
    for task in _rows(connection, RecoveryTask).filter(ended_at=None, approved_at__isnull=False).order_by("pk"):
        proposal = proposals.get((task.fault, task.subject))
        if proposal is None:
            continue
        outcome: dict[str, Any] = {"outcome": "mended"}
        tried = True
        try:
            repair(proposal, task.approved_by)
        except Exception as error:
            # Whatever it was, the task must say so, and the worker goes on.
            outcome = {"outcome": "failed", "error": f"{type(error).__name__}: {error}".split("\n", 1)[0][:2000]}
        _rows(connection, RecoveryTask).filter(pk=task.pk).update(ended_at=timezone.now(), open_key=None, **outcome)
    return tried


def _has_tables(connection: Any) -> bool:
    present = set(connection.introspection.table_names())
    return {Probe._meta.db_table, RecoveryTask._meta.db_table} <= present


def _rows(connection: Any, model: Any) -> Any:
    return model._base_manager.using(connection.alias)
