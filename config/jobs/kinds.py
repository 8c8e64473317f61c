"""The kinds of job: what each does at the moves that all of them make.

An app registers its own when it is ready, so that nothing here imports it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import CharField, Value

from config.jobs.models import Job
from config.refusals import Invalid, NotFound


class Kind:
    """What one kind of job does at its moves, beside moving. A subclass says what differs."""

    model: type[Any]
    begins_with: str
    """The status of a job that an engine has just taken."""

    @property
    def name(self) -> str:
        return str(self.model.KIND)

    def check(self, job: Any, field: str, to: str) -> None:
        """Refuse a legal move that the records of the job do not allow yet. Raises Refusal."""

    def columns(self, job: Any, field: str, to: str) -> Mapping[str, Any]:
        """What is written to the job's row together with a move."""
        return {}

    def moved(self, job: Any, field: str, before: str, by: str) -> None:
        """What follows from a move, in its transaction; `job` is as it is now."""

    def report(self, job: Any, disks: Iterable[Mapping[str, Any]]) -> None:
        """Write how far each disk has come, in the transaction of the report. Raises Refusal."""
        if list(disks):
            raise Invalid(f"A {self.name} job reports no disks: leave them out.")

    def work(self, job: Any) -> Mapping[str, Any]:
        """What an engine is to copy: `type`, the restore point that it `builds_on`, or None, and `disks`, each as
        `record_disk` returns it. Raises Refusal.
        """
        raise Invalid(f"A {self.name} job copies no disks.")

    def record_disk(
        self, job_id: str, fence: int, disk_id: str, said: Mapping[str, Any], organization: Any
    ) -> Mapping[str, Any]:
        """Write how the copy of one disk stands, and return that. Raises Refusal."""
        raise Invalid(f"A {self.name} job copies no disks.")

    def record_snapshot(self, job_id: str, fence: int, at: datetime, organization: Any) -> None:
        """Write which instant of the source the job copies. Raises Refusal."""
        raise Invalid(f"A {self.name} job takes no snapshot of the source: leave snapshot_at out.")

    def success(self, job: Any) -> tuple[str, str]:
        """The column and the value of it with which what the engine does now has succeeded."""
        return "status", "completed"

    def failure(self, job: Any) -> tuple[str, str]:
        """The same, where it has failed."""
        return "status", "failed"


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind of job known; for `AppConfig.ready`."""
    _kinds[kind.name] = kind


def kinds() -> list[Kind]:
    """All kinds of job, in the order of their apps."""
    return list(_kinds.values())


def kind_named(name: str) -> Kind:
    """Raises Invalid, which names those that there are."""
    try:
        return _kinds[name]
    except KeyError:
        raise Invalid(f"{name} is no kind of job; there are {', '.join(_kinds)}.") from None


def kind_of(job: Job) -> Kind:
    return _kinds[job.KIND]


def find_kind(job_id: str, *, organization: Any = None) -> Kind:
    """The kind of the job of this public id, by one query; with an organisation, only of its VMs. Raises NotFound."""
    first, *others = (
        kind.model.objects.of(organization)
        .filter(**{kind.model.PUBLIC_ID: job_id})
        .order_by()
        .values_list(Value(kind.name, output_field=CharField()))
        for kind in kinds()
    )
    for (name,) in first.union(*others, all=True):
        return _kinds[name]
    raise NotFound(f"There is no job {job_id}.")


def find_job(job_id: str, *models: type[Any], organization: Any = None) -> Any:
    """The job of this public id, of whichever kind; with an organisation, only one of its VMs.

    `models` are the kinds that what is asked for is about. Raises NotFound, and Invalid for a job of another.
    """
    kind = find_kind(job_id, organization=organization)
    if models and kind.model not in models:
        wanted = " or ".join(model.KIND for model in models)
        raise Invalid(f"{job_id} is a {kind.name} job: only a {wanted} job has this.")
    if job := kind.model.objects.filter(**{kind.model.PUBLIC_ID: job_id}).first():
        return job
    raise NotFound(f"There is no job {job_id}.")
