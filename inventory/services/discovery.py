"""Discovery: the only writer of the inventory.

All or nothing per VM: a batch is one transaction; when the database refuses it, it is halved until the VM at fault
stands alone and is a failed outcome, while the rest goes on. Running the same estate again changes no inventory row.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from inventory.models import DiscoveryOutcome, DiscoveryRun, Outcome, RunStatus, SourceKind, Vcenter, VMContext
from inventory.services.hosts import HostBook
from inventory.services.writing import BatchPlanner, Plan, VMOutcome
from inventory.sources.records import Batch, Finding, Origin, Source, SourceError, VirtualMachine

FINDINGS_KEPT = 1_000
SILENT_FOR = timedelta(minutes=15)
"""A run that has written nothing for this long, though every wait of a source is shorter, was interrupted."""

Progress = Callable[[int, int | None], None]
"""Called with the number of VMs done and the number of all, where that is known."""


@dataclass
class Report:
    """What a discovery found and did, or, on a dry run, would do."""

    source_kind: str
    source_name: str
    dry_run: bool
    vcenters: list[str] = field(default_factory=list)
    run_ids: list[int] = field(default_factory=list)
    outcomes: list[VMOutcome] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(str(each.outcome) for each in self.outcomes)
        return {str(outcome): counted[str(outcome)] for outcome in Outcome if counted[str(outcome)]}

    @property
    def success(self) -> bool:
        """Whether every VM, and every name that was asked for, was found and stored."""
        return not any(each.outcome in (Outcome.FAILED, Outcome.CONFLICT) for each in self.outcomes) and not any(
            each.outcome == Outcome.MISSING and each.name in self.names for each in self.outcomes
        )

    names: Collection[str] = ()


def discover(
    source: Source,
    *,
    source_name: str,
    find_vcenter: Callable[[Origin], Vcenter],
    by: str,
    names: Collection[str] = (),
    dry_run: bool = False,
    on_progress: Progress = lambda done, total: None,
) -> Report:
    """Read the source and bring the inventory up to what it says; return one outcome per VM and per name asked for.

    `find_vcenter` says whose VMs they are: a stored vCenter, or on a dry run perhaps one that is not stored yet.
    `names` restricts discovery to the VMs of these names; only without it can a VM be found missing.
    Raises `SourceError` when the source cannot be read; what was stored before that stays, and so does the failed run.
    """
    discovery = _Discovery(
        Report(source.kind, source_name, dry_run, names=tuple(dict.fromkeys(names))), find_vcenter, by, on_progress
    )
    try:
        for batch in source.batches(discovery.report.names):
            discovery.take(batch, source.total)
    except BaseException as error:
        discovery.fail(error)
        raise
    discovery.finish()
    return discovery.report


@dataclass
class _Estate:
    """What one run knows of one vCenter."""

    vcenter: Vcenter
    run: DiscoveryRun
    hosts: HostBook
    taken: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def stored(self) -> bool:
        return self.vcenter.pk is not None


@dataclass
class _Discovery:
    report: Report
    find_vcenter: Callable[[Origin], Vcenter]
    by: str
    on_progress: Progress
    estates: dict[Origin, _Estate] = field(default_factory=dict)
    done: int = 0
    names_met: set[str] = field(default_factory=set)

    def take(self, batch: Batch, total: int | None) -> None:
        estate = self._estate(batch.origin)
        estate.hosts.take(batch.hosts, batch.vms, write=not self.report.dry_run)
        if batch.vms:
            self._take_vms(estate, batch.vms)
        self._take_findings(estate, batch.findings)
        self.done += len(batch.vms)
        self.names_met.update(vm.name for vm in batch.vms)
        self._save(estate)
        self.on_progress(self.done, total)

    def _estate(self, origin: Origin) -> _Estate:
        if origin not in self.estates:
            vcenter = self.find_vcenter(origin)
            same = [each for each in self.estates.values() if each.vcenter == vcenter and each.stored]
            self.estates[origin] = same[0] if same else self._begin(vcenter)
        return self.estates[origin]

    def _begin(self, vcenter: Vcenter) -> _Estate:
        run = DiscoveryRun(
            vcenter=vcenter if vcenter.pk else None,
            source_kind=self.report.source_kind,
            source_name=self.report.source_name[:255],
            added_by=self.by[:255],
            names_asked_for=list(self.report.names) or None,
            started_at=timezone.now(),
        )
        if not self.report.dry_run:
            _end_interrupted_runs(vcenter)
            run.save()
            self.report.run_ids.append(run.pk)
        self.report.vcenters.append(vcenter.name)
        return _Estate(vcenter, run, HostBook(vcenter))

    def _take_vms(self, estate: _Estate, vms: Sequence[VirtualMachine]) -> None:
        """Store the VMs in one transaction, or, where the database refuses them, in halves."""
        try:
            outcomes = self._store(estate, vms)
        except DatabaseError as error:
            if not _usable():
                raise
            if len(vms) > 1:
                middle = len(vms) // 2
                self._take_vms(estate, vms[:middle])
                self._take_vms(estate, vms[middle:])
                return
            outcomes = self._store_alone(estate, vms[0], error)
        self._note(estate, outcomes)

    def _store_alone(self, estate: _Estate, vm: VirtualMachine, error: DatabaseError) -> list[VMOutcome]:
        """Somebody else may have stored the same VM in between: look once more before it is called failed."""
        try:
            if isinstance(error, IntegrityError):
                return self._store(estate, [vm])
        except DatabaseError as again:
            error = again
        reason = f"The database refused this VM: {str(error).strip().splitlines()[0]}. Nothing of it was stored."
        outcome = VMOutcome(vm.name, Outcome.FAILED, reason=reason)
        if not self.report.dry_run:
            _record(estate.run, [outcome])
        return [outcome]

    def _store(self, estate: _Estate, vms: Sequence[VirtualMachine]) -> list[VMOutcome]:
        taken = dict(estate.taken)
        at = timezone.now()
        vcenter_id = estate.vcenter.pk or 0
        planner = BatchPlanner(vcenter_id, vms, estate.hosts.ids, taken, self.by[:255], at)
        if self.report.dry_run:
            plan = planner.plan()
        else:
            with transaction.atomic():
                plan = planner.plan()
                plan.write()
                _record(estate.run, plan.outcomes)
        estate.taken = taken
        return self._without_new_ids(plan)

    def _without_new_ids(self, plan: Plan) -> list[VMOutcome]:
        if not self.report.dry_run:
            return plan.outcomes
        return [replace(each, context_id=None) if each.outcome == Outcome.ADDED else each for each in plan.outcomes]

    def _note(self, estate: _Estate, outcomes: list[VMOutcome]) -> None:
        self.report.outcomes += outcomes
        estate.counts.update(str(each.outcome) for each in outcomes)
        estate.seen.update(each.context_id for each in outcomes if each.context_id)

    def _take_findings(self, estate: _Estate, findings: Sequence[Finding]) -> None:
        self.report.findings += findings
        estate.findings += findings
        outcomes = _failed_by(findings)
        self.names_met.update(each.name for each in outcomes)
        if outcomes and not self.report.dry_run:
            _record(estate.run, outcomes)
        self._note(estate, outcomes)

    def finish(self) -> None:
        """Say which VMs the source no longer has, and which names it never had; end the runs."""
        if not self.estates:
            self._estate(Origin())
        estates = list({id(each): each for each in self.estates.values()}.values())
        for estate in estates:
            if not self.report.names and estate.stored:
                self._note(estate, self._mark_missing(estate))
                estate.hosts.mark_missing(write=not self.report.dry_run)
        self._note(estates[0], self._names_not_found(estates[0]))
        for estate in estates:
            estate.run.status = RunStatus.COMPLETED
            estate.run.completed_at = timezone.now()
            self._save(estate)

    def _mark_missing(self, estate: _Estate) -> list[VMOutcome]:
        failed = {each.name for each in self.report.outcomes if each.context_id is None}
        known = VMContext.objects.filter(vcenter=estate.vcenter, archived_at__isnull=True)
        if self.report.source_kind == SourceKind.RVTOOLS:
            known = known.exclude(is_template=True)
        if self.report.source_kind == SourceKind.VCENTER and estate.vcenter.datacenter:
            known = known.filter(datacenter=estate.vcenter.datacenter.rpartition("/")[2])
        gone = [
            (context_id, name, since)
            for context_id, name, moref, since in known.values_list("context_id", "name", "moref", "missing_since")
            if context_id not in estate.seen and name not in failed and moref not in failed
        ]
        reason = f"{self.report.source_name} did not list this VM; archive it if it is gone for good."
        outcomes = [VMOutcome(name, Outcome.MISSING, context_id, reason=reason) for context_id, name, _ in gone]
        if outcomes and not self.report.dry_run:
            at = timezone.now()
            with transaction.atomic():
                for ids in _chunks([context_id for context_id, _, since in gone if since is None]):
                    VMContext.objects.filter(context_id__in=ids).update(missing_since=at, updated_at=at)
                _record(estate.run, outcomes)
        return outcomes

    def _names_not_found(self, estate: _Estate) -> list[VMOutcome]:
        reason = f"{self.report.source_name} has no VM of this name; check its spelling."
        not_found = [name for name in self.report.names if name not in self.names_met]
        outcomes = [VMOutcome(name, Outcome.MISSING, reason=reason) for name in not_found]
        if outcomes and not self.report.dry_run:
            _record(estate.run, outcomes)
        return outcomes

    def fail(self, error: BaseException) -> None:
        """End the runs as failed, with what stopped them; an unusable connection leaves them to `SILENT_FOR`."""
        if self.report.dry_run or not _usable():
            return
        if not self.estates and isinstance(error, SourceError):
            self._begin_failed()
        for estate in self.estates.values():
            estate.run.status = RunStatus.FAILED
            estate.run.completed_at = timezone.now()
            estate.run.error_code = error.code if isinstance(error, SourceError) else "interrupted"
            known = isinstance(error, SourceError)
            estate.run.error_message = str(error) if known else f"Stopped by {type(error).__name__}; run it again."
            self._save(estate)

    def _begin_failed(self) -> None:
        """A source that could not be read at all leaves a run too: silence would look like nobody tried."""
        run = DiscoveryRun(
            source_kind=self.report.source_kind,
            source_name=self.report.source_name[:255],
            added_by=self.by[:255],
            names_asked_for=list(self.report.names) or None,
            started_at=timezone.now(),
        )
        vcenter = Vcenter(name="")
        self.estates[Origin()] = _Estate(vcenter, run, HostBook(vcenter))

    def _save(self, estate: _Estate) -> None:
        if self.report.dry_run:
            return
        run = estate.run
        run.counts = dict(estate.counts)
        run.findings = [_finding_json(each) for each in estate.findings[:FINDINGS_KEPT]]
        run.findings_total = len(estate.findings)
        run.save()
        if run.pk not in self.report.run_ids:
            self.report.run_ids.append(run.pk)


def _end_interrupted_runs(vcenter: Vcenter) -> None:
    now = timezone.now()
    DiscoveryRun.objects.filter(vcenter=vcenter, status=RunStatus.RUNNING, updated_at__lt=now - SILENT_FOR).update(
        status=RunStatus.FAILED,
        completed_at=now,
        updated_at=now,
        error_code="interrupted",
        error_message="The run stopped without a word; a later one took over.",
    )


def _record(run: DiscoveryRun, outcomes: Sequence[VMOutcome]) -> None:
    DiscoveryOutcome.objects.bulk_create(
        [
            DiscoveryOutcome(
                run=run,
                vm_name=each.name[:255] or "(unnamed)",
                vm_context_id=each.context_id,
                outcome=each.outcome,
                reason=each.reason,
                changes=_plain(each.changes),
            )
            for each in outcomes
        ]
    )


def _failed_by(findings: Sequence[Finding]) -> list[VMOutcome]:
    """One failed outcome for each VM that a finding left out, with the first finding as the reason."""
    by_name: dict[str, list[Finding]] = {}
    for each in findings:
        if each.vm_name and each.severity == "error":
            by_name.setdefault(each.vm_name, []).append(each)
    return [
        VMOutcome(
            name,
            Outcome.FAILED,
            reason=of_vm[0].message + (f" ({len(of_vm) - 1} more findings)" if len(of_vm) > 1 else ""),
        )
        for name, of_vm in by_name.items()
    ]


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in Finding.__slots__ if getattr(finding, name) is not None}


def _plain(changes: Any) -> Any:
    """Times as text, so that a JSON column takes them."""
    if isinstance(changes, dict):
        return {key: _plain(value) for key, value in changes.items()}
    if isinstance(changes, list):
        return [_plain(value) for value in changes]
    return DjangoJSONEncoder().default(changes) if isinstance(changes, datetime) else changes


def _chunks(items: list[str], size: int = 500) -> list[list[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _usable() -> bool:
    if connection.in_atomic_block and connection.needs_rollback:
        return False
    return bool(connection.connection is not None and connection.is_usable())
