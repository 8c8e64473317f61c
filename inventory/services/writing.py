"""Writes one batch of records in set-based statements: all of a VM, with all its disks and interfaces, or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from django.db.models import F, Model

from inventory.models import OperationClaim, Outcome, VMContext, VMDisk, VMNetworkInterface, new_context_id
from inventory.services.differences import DISK, NIC, VM, Changes, Columns, pair_interfaces, stronger_nic_key
from inventory.services.hosts import HostBook
from inventory.services.matching import Conflict, Matcher, Postponed, Stored, identities, read_candidates, strength
from inventory.sources.facts import storable
from inventory.sources.records import VirtualMachine

STATE = ("host_id", "missing_since", "archived_at", "operation_claim")
"""What discovery needs to know of a VM besides the columns that a record fills."""
NIC_STORED = ("id", *NIC.names, "removed_at")
DISK_STORED = ("id", *DISK.names, "removed_at")


@dataclass(frozen=True, slots=True)
class VMOutcome:
    """What became of one VM, or of one name that was asked for."""

    name: str
    outcome: str
    context_id: str | None = None
    reason: str | None = None
    changes: dict[str, Any] | None = None
    of: Any = None
    """The record, or the finding, of a VM that was not stored."""


@dataclass
class Plan:
    """The rows that a batch adds and changes. Nothing is written before `write`."""

    at: datetime
    touched: set[str] = field(default_factory=set)
    """The VMs, by context id, of which something changes."""
    taken: dict[str, str] = field(default_factory=dict)
    """By context id or identity: the name of the record that is it."""
    postponed: list[VirtualMachine] = field(default_factory=list)
    """VMs to be matched once all names of the source are known."""
    added: list[Model] = field(default_factory=list)
    changed: dict[type[Model], list[tuple[Model, set[str]]]] = field(default_factory=dict)
    outcomes: list[VMOutcome] = field(default_factory=list)

    def add(self, row: Model) -> None:
        self.added.append(row)

    def change(self, row: Model, columns: Iterable[str]) -> None:
        self.changed.setdefault(type(row), []).append((row, set(columns)))

    def write(self) -> None:
        """A fixed number of statements per table, whatever the number of VMs."""
        in_order: tuple[type[Model], ...] = (VMContext, OperationClaim, VMDisk, VMNetworkInterface)
        for model in in_order:
            if rows := [row for row in self.added if type(row) is model]:
                model._default_manager.bulk_create(rows)
        for model, changes in self.changed.items():
            columns: set[str] = {"updated_at"}.union(*(names for _, names in changes))
            for row, _ in changes:
                row.updated_at = self.at  # type: ignore[attr-defined]
            model._default_manager.bulk_update([row for row, _ in changes], sorted(columns))


@dataclass
class BatchPlanner:
    """Compares the records of one batch with what is stored of them."""

    vcenter_id: int
    vms: Sequence[VirtualMachine]
    hosts: HostBook
    taken: Mapping[str, str]
    """What earlier batches of the run have taken."""
    names: Mapping[str, int] | None
    """How many VMs of the source bear each name; None while it is still being read."""
    added_by: str | None
    at: datetime

    def plan(self) -> Plan:
        """Reads what is stored in three or four queries. A VM that cannot be stored is an outcome only."""
        plan = Plan(self.at)
        stored = read_candidates(self.vcenter_id, self.vms, (*VM.names, *STATE))
        matcher = Matcher(stored, self.vms, self.taken, self.names)
        matched: list[tuple[VirtualMachine, Stored]] = []
        for vm in self.vms:
            if reason := _unstorable(vm):
                plan.outcomes.append(VMOutcome(storable(vm.name), Outcome.FAILED, reason=reason, of=vm))
                continue
            try:
                found = matcher.match(vm)
            except Postponed:
                plan.postponed.append(vm)
                continue
            except Conflict as conflict:
                plan.outcomes.append(VMOutcome(vm.name, Outcome.CONFLICT, reason=str(conflict), of=vm))
                continue
            if found is None:
                self._add(plan, vm)
            else:
                matched.append((vm, found))
        plan.taken = matcher.taken
        disks = _children(VMDisk, DISK_STORED, [found.context_id for _, found in matched])
        nics = _children(VMNetworkInterface, NIC_STORED, [found.context_id for _, found in matched])
        for vm, found in matched:
            self._compare(plan, vm, found, disks.get(found.context_id, []), nics.get(found.context_id, []))
        return plan

    def _add(self, plan: Plan, vm: VirtualMachine) -> None:
        context_id = new_context_id(vm.name)
        plan.add(
            VMContext(
                context_id=context_id,
                vcenter_id=self.vcenter_id,
                identity=identities(vm)[0],
                host_id=self.hosts.find(vm.host),
                added_by=self.added_by,
                **VM.given(VM.read(vm)),
            )
        )
        plan.add(OperationClaim(vm_context_id=context_id))
        for disk in vm.disks or ():
            plan.add(_new_disk(context_id, disk))
        for nic in vm.interfaces or ():
            plan.add(VMNetworkInterface(vm_context_id=context_id, **NIC.given(NIC.read(nic))))
        plan.outcomes.append(VMOutcome(vm.name, Outcome.ADDED, context_id))

    def _compare(self, plan: Plan, vm: VirtualMachine, found: Stored, disks: list[Any], nics: list[Any]) -> None:
        *facts, host_id, missing_since, archived_at, claim = found.facts
        columns = self._vm_columns(vm, found, tuple(facts), host_id, missing_since)
        changes: dict[str, Any] = dict(columns)
        if columns:
            before = {**VM.given(tuple(facts)), "host_id": host_id, "missing_since": missing_since}
            after = {name: value for name, (_, value) in columns.items()}
            row = VMContext(
                context_id=found.context_id,
                version=F("version") + 1,
                **{**before, "identity": found.identity, **after},
            )
            plan.change(row, {*after, "version"})
        if "host_id" in changes:
            changes["host"] = [self.hosts.name_of(each) for each in changes.pop("host_id")]
        if claim is None:
            plan.add(OperationClaim(vm_context_id=found.context_id))
            changes["operation_claim"] = "added"
        children = {
            "disks": self._disk_changes(plan, vm, found.context_id, disks),
            "network_interfaces": self._nic_changes(plan, vm, found.context_id, nics),
        }
        changes |= {name: of_children for name, of_children in children.items() if of_children}
        if changes:
            plan.touched.add(found.context_id)
        outcome = Outcome.UPDATED if changes else Outcome.UNCHANGED
        archived = "This VM is archived; take it out of the archive to manage it again." if archived_at else None
        plan.outcomes.append(VMOutcome(vm.name, outcome, found.context_id, archived, changes or None))

    def _vm_columns(
        self, vm: VirtualMachine, found: Stored, facts: tuple[Any, ...], host_id: int | None, missing_since: Any
    ) -> Changes:
        changes = VM.changes(facts, VM.read(vm))
        if _says_less(*changes.get("os_type", (None, None))):
            del changes["os_type"]
        best = identities(vm)[0]
        if best != found.identity and strength(best) > strength(found.identity):
            changes["identity"] = [found.identity, best]
        new_host = self.hosts.find(vm.host)
        if new_host is not None and new_host != host_id:
            changes["host_id"] = [host_id, new_host]
        if missing_since is not None:
            changes["missing_since"] = [missing_since, None]
        return changes

    def _disk_changes(self, plan: Plan, vm: VirtualMachine, context_id: str, stored: list[Any]) -> Changes:
        if vm.disks is None:
            return {}
        changes: dict[str, Any] = {}
        left = {each.device_key: each for each in stored}
        for disk in vm.disks:
            row = left.pop(disk.device_key, None)
            if row is None:
                plan.add(_new_disk(context_id, disk))
                changes[f"disk-{disk.device_key}"] = "added"
            elif of_disk := _child_changes(plan, VMDisk, DISK, row, DISK.read(disk)):
                changes[f"disk-{disk.device_key}"] = of_disk
        for key, row in left.items():
            if self._remove(plan, VMDisk, row):
                changes[f"disk-{key}"] = "removed"
        return changes

    def _nic_changes(self, plan: Plan, vm: VirtualMachine, context_id: str, stored: list[Any]) -> Changes:
        if vm.interfaces is None:
            return {}
        changes: dict[str, Any] = {}
        left = {each.nic_key: each for each in stored}
        for row, nic in pair_interfaces(stored, vm.interfaces):
            if row is None:
                plan.add(VMNetworkInterface(vm_context_id=context_id, **NIC.given(NIC.read(nic))))
                changes[nic.nic_key] = "added"
                continue
            del left[row.nic_key]
            values = (stronger_nic_key(row.nic_key, nic.nic_key), *NIC.read(nic)[1:])
            if of_nic := _child_changes(plan, VMNetworkInterface, NIC, row, values):
                changes[row.nic_key] = of_nic
        for key, row in left.items():
            if self._remove(plan, VMNetworkInterface, row):
                changes[key] = "removed"
        return changes

    def _remove(self, plan: Plan, model: type[Model], row: Any) -> bool:
        """Mark a disk or an interface that the source has no more; it stays, for what was copied of it."""
        if row.removed_at is not None:
            return False
        plan.change(model(**vars(row) | {"removed_at": self.at}), {"removed_at"})
        return True


def _says_less(known_os: str | None, told_os: str | None) -> bool:
    """A guest's full name, which workbooks have, does not replace its guest id, which is one word."""
    return bool(known_os and told_os and " " not in known_os and " " in told_os)


def _unstorable(vm: VirtualMachine) -> str | None:
    problem = VM.problem(VM.read(vm))
    for columns, children in ((DISK, vm.disks), (NIC, vm.interfaces)):
        for child in children or ():
            problem = problem or columns.problem(columns.read(child))
    return problem


def _new_disk(context_id: str, disk: Any) -> VMDisk:
    return VMDisk(vm_context_id=context_id, disk_id=f"disk-{disk.device_key}", **DISK.given(DISK.read(disk)))


def _children(model: type[Model], columns: tuple[str, ...], context_ids: list[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    if context_ids:
        rows = model._default_manager.filter(vm_context_id__in=context_ids).order_by()
        for context_id, *values in rows.values_list("vm_context_id", *columns):
            found.setdefault(context_id, []).append(SimpleNamespace(**dict(zip(columns, values, strict=True))))
    return found


def _child_changes(plan: Plan, model: type[Model], columns: Columns, row: Any, values: tuple[Any, ...]) -> Changes:
    before = tuple(getattr(row, name) for name in columns.names)
    changes = columns.changes(before, values)
    if row.removed_at is not None:
        changes["removed_at"] = [row.removed_at, None]
    if changes:
        after = {name: value for name, (_, value) in changes.items()}
        plan.change(model(**vars(row) | after), after)
    return changes
