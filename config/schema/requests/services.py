"""What people do with a request: ask, approve, refuse, cancel, let go. Each is one conditional UPDATE."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config.schema.backfill import pause, read_backfills, resume
from config.schema.beside import ensure_beside
from config.schema.changes import is_reversible
from config.schema.direct import BROKEN_FILES_WAY, files_cannot_be_read, is_of_broken_files
from config.schema.exits import Refused
from config.schema.gate import Mode, check_gate, is_destructive, plan_digest
from config.schema.journal import Approval, Journal, Request
from config.schema.loss import LossClass
from config.schema.plan import PlannedMigration, read_plan, read_plan_back
from config.schema.recovery import diagnose
from config.schema.requests.actions import doing, reference
from config.schema.requests.columns import WAITING, Action, Status
from config.schema.rollback import back_to, newest_applied

DAYS = 7
"""So long a request waits to be approved and let go."""
BOUND = (Action.APPLY, Action.ROLLBACK)
"""What is bound to a plan."""
HELD = (*BOUND, Action.RECOVER)
"""What is looked at again before it goes on."""


@dataclass(frozen=True)
class Proposed:
    """What an action would do to this database now."""

    action: Action
    subject: str
    plan: tuple[PlannedMigration, ...]
    digest: str | None
    loses: bool
    needs_approval: bool
    why: str
    """Why it needs an approval, else empty."""
    words: tuple[str, ...] = ()
    """What is known beside the plan."""


def propose(connection: Any, action: str, subject: str = "") -> Proposed:
    """What an action would do now. Writes nothing.

    Raises Refused, with the way out, where there is nothing to do, or the subject is none.
    """
    try:
        return _propose(connection, _action(action), subject)
    except InconsistentMigrationHistory as error:
        raise Refused(f"{error} Recover that first.") from error
    except Exception as error:
        if not is_of_broken_files(error):
            raise
        raise Refused(f"{files_cannot_be_read(error)} {BROKEN_FILES_WAY}") from error


def _propose(connection: Any, kind: Action, subject: str) -> Proposed:
    words: tuple[str, ...] = ()
    plan: list[PlannedMigration] = []
    if kind is Action.APPLY:
        if not (plan := read_plan(connection)):
            raise Refused("Nothing is pending, so there is nothing to apply.")
    elif kind is Action.ROLLBACK:
        plan = _back(connection, subject)
    elif kind is Action.RECOVER:
        words = (_proposal(connection, subject),)
    elif kind in (Action.PAUSE, Action.RESUME):
        words = (str(_backfill(connection, subject)),)
    loses = any(each.loss.kind is not LossClass.NONE for each in plan)
    why = _why_approved(connection, kind, plan)
    digest = plan_digest(connection, plan) if kind in BOUND else None
    return Proposed(kind, subject, tuple(plan), digest, loses, bool(why), why, words)


def _action(said: str) -> Action:
    if said not in Action.values:
        raise Refused(f"{said[:40]} is nothing that can be asked for: {', '.join(Action.values)}.")
    return Action(said)


def _back(connection: Any, subject: str) -> list[PlannedMigration]:
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    match subject.split():
        case [count] if count.isdecimal() and 1 <= int(count) <= 1000:
            migrations = newest_applied(executor, int(count))
        case [app, name] if app in executor.loader.migrated_apps:
            if name != "zero" and (app, name) not in executor.loader.graph.nodes:
                raise Refused(f"{app} has no migration {name[:100]}; write its whole name, or zero.")
            migrations = back_to(executor, app, None if name == "zero" else name)
        case _:
            raise Refused("Say how many migrations to take back, or an app and the migration to go back to (or zero).")
    if stuck := [str(each) for each in migrations if not all(map(is_reversible, each.operations))]:
        raise Refused(f"There is no way back from {', '.join(stuck)}; restore a back-up instead.")
    if not migrations:
        raise Refused("Nothing is applied after it, so there is nothing to take back.")
    return read_plan_back(connection, migrations)


def _proposal(connection: Any, subject: str) -> str:
    found = next((each for each in diagnose(connection) if each.command == subject and not each.needs_person), None)
    if found is None or not subject:
        raise Refused("That is nothing which can be mended here (any more): read the state again.")
    return found.words


def _backfill(connection: Any, subject: str) -> Any:
    row = next((each for each in read_backfills(connection) if str(each.pk) == subject), None)
    if row is None or row.ended_at:
        raise Refused("That backfill has ended, or there is none of this number: read the page again.")
    return row


def _why_approved(connection: Any, kind: Action, plan: Sequence[PlannedMigration]) -> str:
    """Why another person has to approve it, in a sentence: as `SCHEMA_GATE` says of the same at a terminal."""
    gate: Mode = getattr(settings, "SCHEMA_GATE", "none")
    if not doing(kind).guarded or gate == "none":
        return ""
    if kind is Action.RECOVER:
        return f"SCHEMA_GATE is {gate}, and what was interrupted may lose data when it goes on."
    try:
        check_gate(plan, digest="", mode=gate, allow_destructive=False, approved=False)
    except Refused:
        steps = [str(each) for each in plan if gate == "all" or any(map(is_destructive, each.steps))]
        return f"SCHEMA_GATE is {gate}, which stops {', '.join(steps)}."
    if unknown := [str(each) for each in plan if each.backwards and each.loss.kind is LossClass.UNKNOWN]:
        # A rollback that a request runs says --yes-lose-data, with which the command asks no gate.
        return f"SCHEMA_GATE is {gate}, and nobody knows what taking back {', '.join(unknown)} does to rows."
    return ""


def request_work(
    connection: Any, action: str, subject: str = "", *, reason: str, by: str, digest: str | None = None
) -> Any:
    """Ask for work; returns the row. `digest`: of the plan that the person was shown.

    Raises Refused where the plan is another by now, where no reason is given or the same is open already, and what
    `propose` raises; what `ensure_beside` raises where the table had to be made.
    """
    if not reason.strip():
        raise Refused("Say why, for the journal.")
    proposed = propose(connection, action, subject)
    if digest != proposed.digest and proposed.digest is not None:
        raise Refused("The plan is another by now, so nothing was asked for: read it again.")
    ensure_beside(connection, Request)
    now = timezone.now()
    try:
        with transaction.atomic(using=connection.alias):
            row = _rows(connection).create(
                action=proposed.action,
                subject=proposed.subject,
                digest=proposed.digest,
                plan=json.dumps([_planned(each) for each in proposed.plan]),
                loses=proposed.loses,
                needs_approval=proposed.needs_approval,
                reason=reason.strip().replace("\0", ""),
                requested_by=by[:255],
                requested_at=now,
                expires_at=now + timedelta(days=DAYS),
                status=Status.REQUESTED,
                open_key=open_key(proposed.action, proposed.subject),
            )
    except IntegrityError:
        raise Refused("The same is asked for already and has not ended: see the requests.") from None
    return row


def _planned(migration: PlannedMigration) -> dict[str, Any]:
    return {
        "migration": str(migration),
        "backwards": migration.backwards,
        "loss": migration.loss.what if migration.loss.kind is not LossClass.NONE else "",
        "steps": [[each.description, each.verdict, each.blocking] for each in migration.steps],
    }


def open_key(action: str, subject: str) -> str:
    """The key of which only one request may be open."""
    return hashlib.sha256(f"{action} {subject}".encode()).hexdigest()


def approve_request(connection: Any, pk: int, *, digest: str, by: str) -> Any:
    """Say yes to a request and the plan that it is bound to; `migrate` then passes the gate with that plan.

    Raises Refused for the requester, for what does not wait for it, and where the plan has become another one: that
    ends the request, as nobody approved what would run now.
    """
    row = one(connection, pk)
    if row.requested_by == by:
        raise Refused("You asked for this yourself: another person has to approve it.")
    if not row.needs_approval or row.status != Status.REQUESTED:
        raise Refused(f"It is {words_of(row)} and waits for no approval, so nothing was changed.")
    if digest != (row.digest or ""):
        raise Refused("This is not the plan that you were shown: read the request again.")
    if why := why_void(connection, row):
        end_waiting(connection, row, Status.EXPIRED, said=why)
        raise Refused(f"{why} The request has ended; ask again for the plan as it is now.")
    now = timezone.now()
    with transaction.atomic(using=connection.alias):
        changed = _rows(connection).filter(pk=pk, status=Status.REQUESTED, needs_approval=True, digest=row.digest)
        changed = changed.exclude(requested_by=by)
        if not changed.update(status=Status.APPROVED, approved_by=by[:255], approved_at=now):
            raise Refused("Somebody has changed it at the same moment: read it again.")
        if row.digest:
            said = f"{reference(pk)} of {row.requested_by}: {row.reason}"
            Journal(connection).rows(Approval).create(
                digest=row.digest, approved_by=by[:255], reason=said, approved_at=now
            )
    return one(connection, pk)


def refuse_request(connection: Any, pk: int, *, reason: str, by: str) -> Any:
    """Say no to a request that waits. Raises Refused where it does not, or without a reason."""
    if not reason.strip():
        raise Refused("Say why, for who asked.")
    return _end(connection, pk, Status.REFUSED, said=reason.strip(), by=by)


def cancel_request(connection: Any, pk: int, *, by: str) -> Any:
    """Take a request back before it runs. Raises Refused where it runs or has ended."""
    return _end(connection, pk, Status.CANCELLED, said="It was taken back before it ran.", by=by)


def _end(connection: Any, pk: int, status: Status, *, said: str, by: str) -> Any:
    row = one(connection, pk)
    if not end_waiting(connection, row, status, said=said, by=by):
        raise Refused(f"It is {words_of(one(connection, pk))}, so nothing was changed.")
    return one(connection, pk)


def run_request(connection: Any, pk: int, *, by: str) -> Any:
    """Let a request go: the next free worker does it. Raises Refused where an approval is lacking, or it is void."""
    row = one(connection, pk)
    if row.status == Status.REQUESTED and row.needs_approval:
        raise Refused("It waits for the approval of another person than who asked.")
    if row.status not in (Status.REQUESTED, Status.APPROVED):
        raise Refused(f"It is {words_of(row)}, so nothing was changed.")
    if why := why_void(connection, row):
        end_waiting(connection, row, Status.EXPIRED, said=why)
        raise Refused(f"{why} The request has ended; ask again for the plan as it is now.")
    let_go = {"run_by": by[:255], "run_at": timezone.now()}
    if row.action in (Action.PAUSE, Action.RESUME):
        return _steer(connection, row, by=by, **let_go)
    ready = models.Q(status=Status.APPROVED) | models.Q(status=Status.REQUESTED, needs_approval=False)
    if not _rows(connection).filter(ready, pk=pk).update(status=Status.QUEUED, **let_go):
        raise Refused("Somebody has changed it at the same moment: read it again.")
    return one(connection, pk)


def _steer(connection: Any, row: Any, *, by: str, **let_go: Any) -> Any:
    """A worker may be busy with the very run that is to be paused, so this is done here and now."""
    backfill = _backfill(connection, row.subject)
    now = timezone.now()
    with transaction.atomic(using=connection.alias):
        ready = _rows(connection).filter(pk=row.pk, status=Status.REQUESTED)
        times = {"started_at": now, "heartbeat_at": now, "ended_at": now, "lease_seconds": 1}
        if not ready.update(status=Status.DONE, open_key=None, exit_code=0, **times, **let_go):
            raise Refused("Somebody has changed it at the same moment: read it again.")
        pauses = row.action == Action.PAUSE
        if not (pause(connection, backfill, by=by) if pauses else resume(connection, backfill)):
            raise Refused("That backfill has ended, so nothing was changed.")
    return one(connection, row.pk)


def why_void(connection: Any, row: Any) -> str:
    """Why a waiting request no longer holds, in a sentence; empty where it does. Reads the plan as it is now."""
    if row.expires_at <= timezone.now():
        return f"Nobody let it go within {DAYS} days."
    if row.action not in HELD:
        return ""
    try:
        now = propose(connection, row.action, row.subject)
    except Refused as error:
        return f"The database is not as it was when this was asked for: {error}"
    if now.digest != row.digest:
        return "The plan has changed since it was asked for, so no approval holds for it."
    is_given = row.status != Status.REQUESTED and row.needs_approval and row.digest
    if is_given and not Journal(connection).is_approved(row.digest):
        return "The approval of its plan was withdrawn."
    return ""


def end_waiting(connection: Any, row: Any, status: Status, *, said: str, by: str | None = None) -> bool:
    """End a request that has not begun; an approval of it is withdrawn. False where it has begun or ended."""
    now = timezone.now()
    with transaction.atomic(using=connection.alias):
        ended = _rows(connection).filter(pk=row.pk, status__in=WAITING)
        who = by[:255] if by else None
        if not ended.update(status=status, open_key=None, ended_at=now, ended_by=who, said=said):
            return False
        given = Journal(connection).rows(Approval).filter(digest=row.digest, withdrawn_at=None)
        given.filter(reason__startswith=f"{reference(row.pk)} of ").update(
            withdrawn_at=now, withdrawn_by=who or "the end of its request"
        )
    return True


def one(connection: Any, pk: int) -> Any:
    """The row. Raises Refused where there is none."""
    row = _rows(connection).filter(pk=pk).first()
    if row is None:
        raise Refused(f"There is no request {pk}.")
    return row


def words_of(row: Any) -> str:
    """Where a request stands, in a word."""
    return str(Status(row.status).label).lower()


def _rows(connection: Any) -> Any:
    return Journal(connection).rows(Request)
