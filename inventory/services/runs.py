"""The record of a discovery: begun, kept up to date after each batch, and ended whatever happens."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, connection
from django.utils import timezone

from inventory.models import SILENT_FOR, DiscoveryRun, RunStatus, Vcenter
from inventory.services.hosts import HostBook
from inventory.services.reports import Report, finding_as_json
from inventory.services.writing import VMOutcome
from inventory.sources.facts import storable
from inventory.sources.records import Finding, SourceError

FINDINGS_KEPT = 1_000


@dataclass
class LeftOut:
    """What is in the source and was not stored, so that it is not called missing."""

    uuids: set[str] = field(default_factory=set)
    morefs: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    only_names: set[str] = field(default_factory=set)
    """Of those of which nothing else is known."""

    def add(self, vm: object) -> None:
        """`vm`: a record, or a finding."""
        uuid, moref = getattr(vm, "instance_uuid", None), getattr(vm, "moref", None)
        name = getattr(vm, "name", None) or getattr(vm, "vm_name", None)
        self.uuids.update(filter(None, [uuid]))
        self.morefs.update(filter(None, [moref]))
        self.names.update(filter(None, [name]))
        if not uuid and not moref and name:
            self.only_names.add(name)

    def has(self, uuid: str | None, moref: str | None, name: str) -> bool:
        """Whether a stored VM may be one of these; its name counts where one of the two sides knows nothing else."""
        return (
            uuid in self.uuids
            or moref in self.morefs
            or name in self.only_names
            or (uuid is None and moref is None and name in self.names)
        )


@dataclass
class Estate:
    """What one discovery knows of one vCenter, and its run there."""

    vcenter: Vcenter
    run: DiscoveryRun
    hosts: HostBook
    covers: frozenset[str] | None = frozenset()
    taken: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    left_out: LeftOut = field(default_factory=LeftOut)
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_stored(self) -> bool:
        return self.vcenter.pk is not None

    def note(self, outcomes: list[VMOutcome]) -> None:
        self.counts.update(str(each.outcome) for each in outcomes)
        self.seen.update(each.context_id for each in outcomes if each.context_id)
        for each in outcomes:
            if each.of is not None:
                self.left_out.add(each.of)


def new_run(report: Report, vcenter: Vcenter | None, by: str) -> DiscoveryRun:
    """A run that begins now; not stored yet."""
    return DiscoveryRun(
        vcenter=vcenter if vcenter and vcenter.pk else None,
        source_kind=report.source_kind,
        source_name=storable(report.source_name)[:255],
        added_by=storable(by)[:255],
        names_asked_for=[storable(name) for name in report.names] or None,
        started_at=timezone.now(),
    )


def keep(estate: Estate) -> None:
    """Bring the stored run up to what happened. Raises SourceError where another has ended it; it stays ended."""
    run = estate.run
    values = {name: getattr(run, name) for name in ("status", "completed_at", "error_code", "error_message")}
    values |= {"counts": dict(estate.counts), "updated_at": timezone.now()}
    if run.findings_total != len(estate.findings):
        values["findings"] = [finding_as_json(each) for each in estate.findings[:FINDINGS_KEPT]]
        values["findings_total"] = len(estate.findings)
    if run.pk is not None:
        _write(run, values)
    for name, value in values.items():
        setattr(run, name, value)
    if run.pk is None:
        run.save()


def hold(run: DiscoveryRun) -> None:
    """Have nobody end the run before the transaction ends. Raises SourceError where somebody has."""
    _write(run, {"updated_at": timezone.now()})


def _write(run: DiscoveryRun, values: dict[str, Any]) -> None:
    if not DiscoveryRun.objects.filter(pk=run.pk, status=RunStatus.RUNNING).update(**values):
        raise SourceError(
            "run_ended",
            "The run was ended as lost while its source was read, so nothing more of it is stored:"
            " look at the run that came after it.",
        )


def end(estate: Estate, *, code: str | None = None, message: str | None = None) -> None:
    """End the run: completed, or failed with a code and a sentence."""
    estate.run.status = RunStatus.FAILED if code else RunStatus.COMPLETED
    estate.run.completed_at = timezone.now()
    estate.run.error_code, estate.run.error_message = code, message and storable(message)
    keep(estate)


def end_interrupted(vcenter: Vcenter) -> None:
    """End the runs of this vCenter that stopped without a word."""
    now = timezone.now()
    DiscoveryRun.objects.filter(vcenter=vcenter, status=RunStatus.RUNNING, updated_at__lt=now - SILENT_FOR).update(
        status=RunStatus.FAILED,
        completed_at=now,
        updated_at=now,
        error_code="interrupted",
        error_message="The run stopped without a word; a later one took over.",
    )


def usable() -> bool:
    """Whether the database can still be written to, on a new connection if need be."""
    if connection.in_atomic_block:
        return not connection.needs_rollback
    try:
        if connection.connection is None or not connection.is_usable():
            connection.close()
            connection.ensure_connection()
    except DatabaseError:
        return False
    return True
