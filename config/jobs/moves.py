"""How a job is made and moves: each is one conditional UPDATE and one event, in one transaction."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from config.jobs import claims
from config.jobs.kinds import kind_of
from config.jobs.models import JobEvent
from config.jobs.refusals import IllegalMove, JobEnded
from config.refusals import Conflict, Invalid
from config.schema.fields import UtcNow

NAMES = 3
"""How many public ids are tried: two alike of twelve random digits are a wonder, and no reason to refuse a job."""


@dataclass(frozen=True)
class By:
    """Who asks for something, and by which request, as the events of a job keep it."""

    actor: str
    request_id: str | None = None


def given(reason: str, *, kept_with: str = "the job") -> str:
    """The reason that a person gives for something. Raises Invalid where it says nothing."""
    if not reason.strip():
        raise Invalid(f"Say why: the reason is kept with {kept_with}.")
    return reason


def create_job(make: Callable[[], Any], *, by: By, reason: str | None = None) -> Any:
    """Store a new job with the claim of its VM, inside a transaction; `make` gives it unsaved, each time with a new id.

    Raises ClaimHeld, with the holder.
    """
    for attempt in range(1, NAMES + 1):
        job = make()
        try:
            with transaction.atomic():
                claims.occupy(job)
                job.created_by = by.actor
                job.save(force_insert=True)
        except IntegrityError:
            taken = type(job)._base_manager.filter(**{job.PUBLIC_ID: job.public_id}).exists()
            if attempt == NAMES or not taken:
                raise
        else:
            break
    note(job, None, job.status, by=by, reason=reason)
    return job


def move(job: Any, to: str, *, by: By, field: str = "status", reason: str | None = None, **columns: Any) -> None:
    """Make one legal move of a job whose lock is held, write what belongs to it, and give the claim back at its end.

    Raises JobEnded, IllegalMove, and what its kind refuses.
    """
    kind, before = kind_of(job), getattr(job, field)
    following = job.following(field)
    if to not in following:
        if not job.is_active:
            raise JobEnded(f"Job {job.public_id} has ended as {job.shown_status}: a retry is a new job.")
        may = ", ".join(following) or "nothing"
        raise IllegalMove(f"{field} {before} of job {job.public_id} is followed by {may}, not by {to}.")
    kind.check(job, field, to)
    written = {field: to, **job.times(field, to), **kind.columns(job, field, to), **columns}
    if not _changed(job, {field: before}, written):
        raise Conflict(f"Job {job.public_id} has changed meanwhile: look at it, and say this again.")
    note(job, before, to, by=by, reason=reason)
    job.refresh_from_db()
    kind.moved(job, field, before, by.actor)
    if not job.is_active:
        claims.vacate(job)


def change(job: Any, **columns: Any) -> None:
    """Write columns of a job that is locked, other than those that move."""
    _changed(job, {}, columns)
    job.refresh_from_db()


def note(job: Any, before: str | None, to: str, *, by: By, reason: str | None = None) -> None:
    """Add an event. One with the same status before and after tells that the job changed hands, or its fate."""
    _event(job, before, to, by=by, reason=reason, vm=job.vm.pk).save(force_insert=True)


def note_all(jobs: Iterable[Any], *, by: By, reasons: Mapping[Any, str]) -> None:
    """Add to each of these jobs of VMs an event that tells of its fate, with its reason by its key."""
    JobEvent.objects.bulk_create(
        _event(job, job.status, job.status, by=by, reason=reasons[job.pk], vm=job.vm_context_id) for job in jobs
    )


def _event(job: Any, before: str | None, to: str, *, by: By, reason: str | None, vm: str) -> JobEvent:
    return JobEvent(
        job_kind=job.KIND,
        job_id=job.public_id,
        vm_context_id=vm,
        from_status=before,
        to_status=to,
        actor=by.actor,
        reason=reason or None,
        request_id=by.request_id,
    )


def _changed(job: Any, only_if: dict[str, Any], columns: dict[str, Any]) -> bool:
    row = type(job)._base_manager.filter(pk=job.pk, **only_if)
    return bool(row.update(version=F("version") + 1, updated_at=UtcNow(), **columns))
