"""Discovery: the only writer of the inventory.

All or nothing per VM: a batch is one transaction; when the database refuses it, it is halved until the VM at fault
stands alone and is a failed outcome, while the rest goes on. Running the same estate again changes no inventory row.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import DataError, IntegrityError, OperationalError, transaction
from django.utils import timezone

from inventory.models import DiscoveryRun, Outcome, SourceKind, Vcenter, VMContext
from inventory.services import runs
from inventory.services.hosts import HostBook
from inventory.services.reports import Report, left_out, record
from inventory.services.runs import Estate
from inventory.services.writing import BatchPlanner, Plan, VMOutcome
from inventory.sources.facts import storable
from inventory.sources.records import Batch, Finding, Origin, Source, SourceError, VirtualMachine

LATE_BATCH = 500
BUSY_ATTEMPTS = 5
BUSY_SECONDS = 0.2

Progress = Callable[[int, int | None], None]
"""Called with the number of VMs done and the number of all, where that is known."""


def discover(
    source: Source,
    *,
    source_name: str,
    find_vcenter: Callable[[Origin], Vcenter],
    by: str,
    names: Collection[str] = (),
    dry_run: bool = False,
    on_progress: Progress = lambda done, total: None,
    run: DiscoveryRun | None = None,
) -> Report:
    """Read the source and bring the inventory up to what it says; return one outcome per VM and per name asked for.

    `find_vcenter` says whose VMs they are: a stored vCenter, or on a dry run perhaps one that is not stored yet.
    `names` restricts discovery to the VMs of these names; only without it can a VM be found missing. `run` is the
    record of a discovery of one vCenter that has begun already; without it one is made.
    Raises `SourceError` when the source cannot be read, or the database stays busy; what was stored before that stays,
    and so does the failed run.
    """
    report = Report(source.kind, storable(source_name), dry_run, names=tuple(dict.fromkeys(names)))
    discovery = _Discovery(report, find_vcenter, by, on_progress, run)
    try:
        for batch in source.batches(report.names):
            discovery.take(batch, source.total)
        discovery.finish()
    except BaseException as error:
        discovery.fail(error)
        raise
    return report


@dataclass
class _Discovery:
    report: Report
    find_vcenter: Callable[[Origin], Vcenter]
    by: str
    on_progress: Progress
    run: DiscoveryRun | None = None
    estates: dict[Origin, Estate] = field(default_factory=dict)
    done: int = 0
    names_met: Counter[str] = field(default_factory=Counter)
    postponed: list[tuple[Estate, VirtualMachine]] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        return not self.report.dry_run

    def take(self, batch: Batch, total: int | None) -> None:
        estate = self._estate(batch.origin)
        estate.covers = None if batch.covers is None or estate.covers is None else estate.covers | batch.covers
        self.names_met.update(vm.name for vm in batch.vms)
        self._take_findings(estate, [*estate.hosts.take(batch.hosts, batch.vms), *batch.findings])
        if batch.vms:
            self._take_vms(estate, batch.vms, None)
        self.done += len(batch.vms)
        self._keep(estate)
        self.on_progress(self.done, total)

    def _estate(self, origin: Origin) -> Estate:
        if origin not in self.estates:
            vcenter = self.find_vcenter(origin)
            same = [each for each in self.estates.values() if each.is_stored and each.vcenter == vcenter]
            self.estates[origin] = same[0] if same else self._begin(vcenter)
        return self.estates[origin]

    def _begin(self, vcenter: Vcenter) -> Estate:
        hosts = HostBook(vcenter, self.report.source_kind, write=self.writes)
        estate = Estate(vcenter, self.run or runs.new_run(self.report, vcenter, self.by), hosts)
        if vcenter.pk and self.writes:
            runs.end_interrupted(vcenter)
        if vcenter.name:
            self.report.vcenters.append(vcenter.name)
        self._keep(estate)
        return estate

    def _keep(self, estate: Estate) -> None:
        if not self.writes:
            return
        is_new = estate.run.pk is None
        runs.keep(estate)
        if is_new:
            self.report.run_ids.append(estate.run.pk)

    def _take_vms(self, estate: Estate, vms: Sequence[VirtualMachine], names: Mapping[str, int] | None) -> None:
        """Store the VMs in one transaction, or, where the database refuses them, in halves.

        A key that is taken may be another run's doing: that batch is tried once more before it is halved.
        """
        try:
            try:
                outcomes = self._store(estate, vms, names)
            except IntegrityError:
                outcomes = self._store(estate, vms, names)
        except (DataError, IntegrityError) as error:
            if len(vms) > 1:
                middle = len(vms) // 2
                self._take_vms(estate, vms[:middle], names)
                self._take_vms(estate, vms[middle:], names)
                return
            reason = f"The database refused this VM: {str(error).strip().splitlines()[0]}. Nothing of it was stored."
            outcomes = [VMOutcome(vms[0].name, Outcome.FAILED, reason=storable(reason), of=vms[0])]
            if self.writes:
                record(estate.run, outcomes)
        self._note(estate, outcomes)

    def _store(self, estate: Estate, vms: Sequence[VirtualMachine], names: Mapping[str, int] | None) -> list[VMOutcome]:
        """Try again while the database is busy with somebody else; raises SourceError when it stays so."""
        for attempt in range(BUSY_ATTEMPTS):
            try:
                return self._store_once(estate, vms, names)
            except OperationalError:
                if not runs.usable():
                    raise
                time.sleep(BUSY_SECONDS * 2**attempt)
        raise SourceError("database_busy", "The database is too busy with other writers; run discovery again later.")

    def _store_once(
        self, estate: Estate, vms: Sequence[VirtualMachine], names: Mapping[str, int] | None
    ) -> list[VMOutcome]:
        if self.writes:
            with transaction.atomic():
                runs.hold(estate.run)
                plan = self._plan(estate, vms, names)
                if plan.touched:
                    self._lock(plan.touched)
                    plan = self._plan(estate, vms, names)
                plan.write()
                record(estate.run, plan.outcomes)
        else:
            plan = self._plan(estate, vms, names)
        estate.taken |= plan.taken
        self.postponed += [(estate, vm) for vm in plan.postponed]
        if self.writes:
            return plan.outcomes
        return [replace(each, context_id=None) if each.outcome == Outcome.ADDED else each for each in plan.outcomes]

    def _lock(self, context_ids: Collection[str]) -> None:
        """Somebody else may change the same VMs: under a lock of their rows, what is compared is read once more."""
        rows = VMContext.objects.select_for_update().filter(pk__in=context_ids).order_by("pk")
        list(rows.values_list("pk"))

    def _plan(self, estate: Estate, vms: Sequence[VirtualMachine], names: Mapping[str, int] | None) -> Plan:
        return BatchPlanner(
            estate.vcenter.pk or 0, vms, estate.hosts, estate.taken, names, storable(self.by)[:255], timezone.now()
        ).plan()

    def _note(self, estate: Estate, outcomes: list[VMOutcome]) -> None:
        self.report.outcomes += outcomes
        estate.note(outcomes)

    def _take_findings(self, estate: Estate, findings: Sequence[Finding]) -> None:
        self.report.findings += findings
        estate.findings += findings
        for each in findings:
            if each.leaves_out_a_vm:
                estate.left_out.add(each)
                self.names_met.update(filter(None, [each.vm_name]))
        outcomes = left_out(findings)
        if outcomes and self.writes:
            record(estate.run, outcomes)
        self._note(estate, outcomes)

    def finish(self) -> None:
        """Store what had to wait for the end, say which VMs the source no longer has and which names it never had."""
        if not self.estates:
            self.estates[Origin()] = self._begin(Vcenter(name=""))
        estates = list({id(each): each for each in self.estates.values()}.values())
        for estate in estates:
            late = [vm for of, vm in self.postponed if of is estate]
            for start in range(0, len(late), LATE_BATCH):
                self._take_vms(estate, late[start : start + LATE_BATCH], self.names_met)
            if not self.report.names and estate.is_stored:
                self._note_missing(estate)
        self._note(estates[0], self._names_not_found(estates[0]))
        for estate in estates:
            if self.writes:
                runs.end(estate)

    def _note_missing(self, estate: Estate) -> None:
        with transaction.atomic():
            if self.writes:
                runs.hold(estate.run)
            self._note(estate, self._mark_missing(estate))
            if estate.covers is None and estate.hosts.was_told:
                estate.hosts.mark_missing()

    def _mark_missing(self, estate: Estate) -> list[VMOutcome]:
        known = VMContext.objects.filter(vcenter=estate.vcenter, archived_at__isnull=True)
        if self.report.source_kind == SourceKind.RVTOOLS:
            # Some exports leave templates out.
            known = known.exclude(is_template=True)
        gone = [
            (context_id, name, since)
            for context_id, name, uuid, moref, datacenter, since in known.values_list(
                "context_id", "name", "instance_uuid", "moref", "datacenter", "missing_since"
            )
            if context_id not in estate.seen
            and (estate.covers is None or datacenter in estate.covers)
            and not estate.left_out.has(uuid, moref, name)
        ]
        reason = f"{self.report.source_name} did not list this VM; archive it if it is gone for good."
        outcomes = [VMOutcome(name, Outcome.MISSING, context_id, reason=reason) for context_id, name, _ in gone]
        newly = [context_id for context_id, _, since in gone if since is None]
        if outcomes and self.writes:
            at = timezone.now()
            with transaction.atomic():
                for start in range(0, len(newly), LATE_BATCH):
                    chunk = VMContext.objects.filter(context_id__in=newly[start : start + LATE_BATCH])
                    chunk.update(missing_since=at, updated_at=at)
                record(estate.run, outcomes)
        return outcomes

    def _names_not_found(self, estate: Estate) -> list[VMOutcome]:
        reason = f"{self.report.source_name} has no VM of this name; check its spelling."
        not_found = [name for name in self.report.names if not self.names_met[name]]
        outcomes = [VMOutcome(name, Outcome.MISSING, reason=reason) for name in not_found]
        if outcomes and self.writes:
            record(estate.run, outcomes)
        return outcomes

    def fail(self, error: BaseException) -> None:
        """End the runs as failed, with what stopped them; where the database is gone, `runs.SILENT_FOR` ends them."""
        if not self.writes or not runs.usable():
            return
        is_known = isinstance(error, SourceError)
        if not self.estates and is_known:
            # A source that could not be read at all leaves a run too: silence would look like nobody tried.
            self.estates[Origin()] = self._begin(Vcenter(name=""))
        for estate in self.estates.values():
            code: Any = getattr(error, "code", None) if is_known else "interrupted"
            message = str(error) if is_known else f"Stopped by {type(error).__name__}; run it again."
            with suppress(SourceError):  # somebody else has ended it, and said why
                runs.end(estate, code=code, message=message)
