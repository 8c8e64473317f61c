"""Every move that a kind of job may make, and every one that it may not, through the services."""

from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from config.demo.factories import (
    BackupDiskFactory,
    BackupJobFactory,
    FailoverJobFactory,
    ReplicationJobFactory,
    RestoreJobFactory,
)
from config.jobs import claims
from config.jobs.kinds import Kind, find_job, kinds
from config.jobs.models import JobEvent
from config.jobs.moves import By, move
from config.jobs.refusals import IllegalMove, JobEnded
from config.refusals import Conflict, Refusal
from failover.models import AFTERMATH_MOVES, Aftermath, FailoverStatus
from inventory.models import OperationClaim
from tests.config.jobs.holding import hold

pytestmark = pytest.mark.django_db
BY = By("tests", "request-1")
FACTORIES = {
    "replication": ReplicationJobFactory,
    "failover": FailoverJobFactory,
    "backup": BackupJobFactory,
    "restore": RestoreJobFactory,
}


NOT_OF_MODE = {"restore": ("mounted", "unmounted"), "mount": ("completed",)}


def cases() -> list[Any]:
    """Each status of every kind, a mount as a kind of its own."""
    found = []
    for kind in kinds():
        for mode in ("restore", "mount") if kind.name == "restore" else (None,):
            for status in kind.model.LIFECYCLE.moves:
                if status not in NOT_OF_MODE.get(mode or "", ()):
                    columns = {"mode": mode} if mode else {}
                    found.append(pytest.param(kind, columns, status, id=f"{mode or kind.name}-{status}"))
    return found


def job_in(kind: Kind, status: str, **columns: Any) -> Any:
    """A job in this status, which holds what an active one holds, and has all that its kind wants before an end."""
    job = FACTORIES[kind.name].create(status=status, **columns)
    if job.is_active:
        hold(job)
    return job


@pytest.mark.parametrize(("kind", "columns", "before"), cases())
def test_each_legal_move_is_made_with_its_event_and_any_other_changes_nothing(kind, columns, before):
    job = job_in(kind, before, **columns)
    lifecycle = kind.model.LIFECYCLE
    for after in lifecycle.moves:
        with transaction.atomic():
            complete(job, after)
            if after in lifecycle.moves[before] and after not in NOT_OF_MODE.get(columns.get("mode"), ()):
                is_made(find_job(job.public_id), before, after)
            else:
                is_refused(find_job(job.public_id), after)
            transaction.set_rollback(True)


def is_made(job: Any, before: str, after: str) -> None:
    version = job.version
    move(job, after, by=BY, reason="because")
    [event] = JobEvent.objects.filter(job_id=job.public_id)
    assert (event.from_status, event.to_status, event.actor, event.reason) == (before, after, "tests", "because")
    assert (event.job_kind, event.vm_context_id, event.request_id) == (job.KIND, job.vm.pk, "request-1")
    now = find_job(job.public_id)
    assert (now.status, now.version) == (after, version + 1)
    assert (now.completed_at is not None) == (after in job.LIFECYCLE.terminal)
    if job.HOLDS_CLAIM:
        holder = OperationClaim.objects.get(pk=job.vm.pk).holder_id
        assert holder == (now.public_id if now.is_active else None)


def is_refused(job: Any, after: str) -> None:
    with pytest.raises(Refusal) as refused:
        move(job, after, by=BY)
    assert isinstance(refused.value, Conflict if job.is_active else JobEnded)
    assert find_job(job.public_id).version == job.version
    assert not JobEvent.objects.filter(job_id=job.public_id).exists()


@pytest.mark.parametrize(
    ("purpose", "before"),
    [(purpose, before) for purpose, moves in AFTERMATH_MOVES.items() for before in moves if before != Aftermath.NONE],
)
def test_what_follows_a_failover_follows_its_own_moves(purpose, before):
    moves = AFTERMATH_MOVES[purpose]
    job = job_in(kind_failover(), FailoverStatus.COMPLETED, job_type=purpose, aftermath=before)
    for after in Aftermath.values:
        with transaction.atomic():
            now = find_job(job.job_id)
            if after in moves[before]:
                move(now, after, field="aftermath", by=BY)
                assert (now.aftermath, now.status) == (after, "completed")
                assert (now.aftermath_completed_at is not None) == (not moves[after])
                lease = claims.lease_of(now)
                assert lease is None if not moves[after] else lease.fence == 7
            else:
                with pytest.raises((IllegalMove, JobEnded)):
                    move(now, after, field="aftermath", by=BY)
                assert not JobEvent.objects.filter(job_id=job.job_id).exists()
            transaction.set_rollback(True)


@pytest.mark.parametrize("status", FailoverStatus.values)
def test_a_failover_that_fails_after_it_has_made_something_waits_for_a_decision(status):
    if "failed" not in kind_failover().model.LIFECYCLE.moves[status]:
        return
    job = job_in(kind_failover(), status)
    move(job, "failed", by=BY, error_code="engine_error", error_message="The cloud is away.")
    made_something = status not in ("pending", "validating")
    assert (job.aftermath, job.is_active) == (("due", True) if made_something else ("none", False))
    assert (OperationClaim.objects.get(pk=job.vm.pk).holder_id is not None) == made_something


def test_a_job_that_changed_since_it_was_read_is_not_moved():
    [kind] = [each for each in kinds() if each.name == "replication"]
    read, other = (lambda job: (job, find_job(job.public_id)))(job_in(kind, "pending"))
    move(other, "running", by=BY)
    with pytest.raises(Conflict, match="has changed meanwhile"):
        move(read, "failed", by=BY)
    assert find_job(read.id).status == "running"


def kind_failover() -> Kind:
    return next(kind for kind in kinds() if kind.name == "failover")


def complete(job: Any, status: str) -> None:
    """Give a job what its kind wants before this status."""
    if status == "completed" and job.KIND == "backup":
        type(job).objects.filter(pk=job.pk).update(snapshot_at=timezone.now())
        BackupDiskFactory.create(job=job, status="completed")
