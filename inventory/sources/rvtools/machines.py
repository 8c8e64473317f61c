"""The sheet vInfo: which VMs there are, and by what each of them is known."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

from ..records import Finding, SourceError, VirtualMachine
from . import cells
from .findings import Findings
from .origins import COLUMNS as ORIGIN_COLUMNS
from .origins import UNKNOWN, Origins
from .table import Row, Table

Key = tuple[str, str]
"""A VM within the file: the key of its origin, and `id:<VM ID>` or `name:<name>`."""

_MOREF = re.compile(r"vm-[0-9]+")

COLUMNS = {
    **ORIGIN_COLUMNS,
    "name": ("VM", "VM Name", "Name"),
    "vm_id": ("VM ID", "Object ID"),
    "vm_uuid": ("VM UUID", "UUID"),
    "smbios_uuid": ("SMBIOS UUID", "VM SMBIOS UUID"),
    "instance_uuid": ("VM Instance UUID", "Instance UUID"),
    "api_version": ("VI SDK API Version",),
    "power_state": ("Powerstate",),
    "is_template": ("Template",),
    "is_placeholder": ("SRM Placeholder",),
    "created": ("Creation date", "Create date"),
    "cpu_count": ("CPUs", "# CPUs"),
    "memory_mb": ("Memory", "Memory MiB", "Memory MB"),
    "disk_count": ("Disks", "Num Virtual Disks"),
    "nic_count": ("NICs",),
    "change_tracking": ("CBT",),
    "firmware": ("Firmware",),
    "annotation": ("Annotation",),
    "path": ("Path",),
    "datacenter": ("Datacenter",),
    "cluster": ("Cluster",),
    "host": ("Host",),
    "os_configured": ("OS according to the configuration file", "OS"),
    "os_running": ("OS according to the VMware Tools", "OS Tools"),
}


@dataclass(slots=True)
class Draft:
    """A VM of vInfo, before its disks and interfaces have been found."""

    vm: VirtualMachine
    key: Key
    row: int
    disk_count: int | None
    nic_count: int | None


@dataclass(slots=True)
class Machines:
    """What vInfo says. `known` also holds the VMs that are left out, so that their disks are no orphans."""

    origins: Origins
    by_id: bool
    drafts: list[Draft] = field(default_factory=list)
    known: set[Key] = field(default_factory=set)
    named: dict[str, list[Key]] = field(default_factory=dict)


def read_machines(table: Table, findings: Findings) -> Machines:
    """All VMs of vInfo, without those that must be left out.

    Raises `SourceError`: missing_column where no column holds the names, empty where no row holds a VM.
    """
    if "name" not in table:
        raise SourceError(
            "missing_column", f"The sheet {table.name} has no column VM; export it again with all columns, in English."
        )
    machines = Machines(Origins(), by_id="vm_id" in table)
    _note_ambiguous_columns(table, findings)
    placeholders = rows = 0
    for row in table:
        rows += 1
        if row.plain("is_placeholder", cells.boolean) and not row.shifted:
            placeholders += 1
            key = _key(row, machines, findings)
            machines.known.add(key)
            findings.leave_out(_placeholder(row), origin=key[0])
        elif draft := _draft(row, machines, findings):
            machines.drafts.append(draft)
    if not rows:
        raise SourceError("empty", f"The sheet {table.name} holds no VM; export it again.")
    if placeholders:
        findings.note(
            Finding(
                "placeholders_left_out",
                f"{placeholders} SRM placeholders were left out: they stand for VMs that another site runs.",
                table.name,
                severity="warning",
            )
        )
    _leave_out_duplicates(table, machines, findings)
    _forget_shared_uuids(table, machines, findings)
    _note_weak_identity(table, machines, findings)
    for draft in machines.drafts:
        machines.named.setdefault(draft.vm.name, []).append(draft.key)
    return machines


def _draft(row: Row, machines: Machines, findings: Findings) -> Draft | None:
    name = row.plain("name", cells.text)
    if row.shifted:
        findings.leave_out(_shifted(row), origin=UNKNOWN)
        return None
    key = _key(row, machines, findings)
    machines.known.add(key)
    if name is None:
        findings.leave_out(_nameless(row), origin=key[0])
        return None
    row.take("created", cells.date, findings)
    return Draft(
        vm=_machine(row, name, findings),
        key=key,
        row=row.number,
        disk_count=row.take("disk_count", cells.count, findings),
        nic_count=row.take("nic_count", cells.count, findings),
    )


def _key(row: Row, machines: Machines, findings: Findings) -> Key:
    origin = machines.origins.add(row, findings)
    vm_id = row.plain("vm_id", cells.text)
    return (origin, f"id:{vm_id}") if vm_id else (origin, f"name:{row.plain('name', cells.text)}")


def _left_out(row: Row, found: Finding) -> Finding:
    """The finding with all by which the VM of the row is known."""
    if row.shifted:
        return replace(found, vm_name=row.vm_name, moref=stray_moref(row))
    instance_uuid = row.plain("instance_uuid", cells.uuid)
    if "smbios_uuid" in row.table:
        instance_uuid = instance_uuid or row.plain("vm_uuid", cells.uuid)
    return replace(found, vm_name=row.vm_name, moref=row.plain("vm_id", cells.text), instance_uuid=instance_uuid)


def stray_moref(row: Row) -> str | None:
    """The VM ID of a shifted row, which stands in one of its columns."""
    found = {cell.strip() for cell in row.all_cells if isinstance(cell, str) and _MOREF.fullmatch(cell.strip())}
    return found.pop() if len(found) == 1 else None


def _placeholder(row: Row) -> Finding:
    message = (
        f"The SRM placeholder {row.vm_name or ''!r} was left out on purpose: it stands for a VM that another site runs."
    )
    return _left_out(row, row.finding("placeholder", message, "is_placeholder", severity="info"))


def _shifted(row: Row) -> Finding:
    message = (
        "The row has more cells than the sheet has columns, or quotation marks that do not match, so its values may "
        "stand in wrong columns; export as .xlsx, or with quoted text."
    )
    return _left_out(row, row.finding("shifted_row", message))


def _nameless(row: Row) -> Finding:
    message = "The row has no name of a VM; name it and read the file again."
    return _left_out(row, row.finding("missing_name", message, "name"))


def _machine(row: Row, name: str, findings: Findings) -> VirtualMachine:
    instance_uuid, bios_uuid = _uuids(row, findings)
    configured = row.take("os_configured", cells.text, findings)
    running = row.take("os_running", cells.text, findings)
    return VirtualMachine(
        name=name,
        instance_uuid=instance_uuid,
        moref=row.take("vm_id", cells.text, findings),
        bios_uuid=bios_uuid,
        host=row.take("host", cells.text, findings),
        path=row.take("path", cells.text, findings),
        datacenter=row.take("datacenter", cells.text, findings),
        cluster=row.take("cluster", cells.text, findings),
        cpu_count=row.take("cpu_count", cells.positive, findings),
        memory_mb=row.take("memory_mb", cells.positive, findings),
        os_type=configured or running,
        firmware=row.take("firmware", cells.firmware, findings),
        annotation=row.take("annotation", cells.text, findings),
        power_state=row.take("power_state", cells.power_state, findings),
        is_template=row.take("is_template", cells.boolean, findings),
        change_tracking=row.take("change_tracking", cells.boolean, findings),
    )


def _uuids(row: Row, findings: Findings) -> tuple[str | None, str | None]:
    """Instance and SMBIOS UUID. `VM UUID` was the SMBIOS UUID until RVTools had a column of that name."""
    instance = row.take("instance_uuid", cells.uuid, findings)
    vm_uuid = row.take("vm_uuid", cells.uuid, findings)
    if "smbios_uuid" in row.table:
        return instance or vm_uuid, row.take("smbios_uuid", cells.uuid, findings)
    return instance, vm_uuid


def _leave_out_duplicates(table: Table, machines: Machines, findings: Findings) -> None:
    rows: defaultdict[Key, list[int]] = defaultdict(list)
    for draft in machines.drafts:
        rows[draft.key].append(draft.row)
    twice = {key: found for key, found in rows.items() if len(found) > 1}
    for draft in machines.drafts:
        if draft.key in twice:
            findings.leave_out(_duplicate(table, draft, twice[draft.key]), origin=draft.key[0])
    machines.drafts = [draft for draft in machines.drafts if draft.key not in twice]


def _duplicate(table: Table, draft: Draft, rows: list[int]) -> Finding:
    where = ", ".join(map(str, rows[:10]))
    if draft.vm.moref:
        code, column = "duplicate_vm", "vm_id"
        message = f"The VM ID {draft.vm.moref} stands in rows {where}; none of them is taken. Keep the right one."
    else:
        code, column = "name_conflict", "name"
        message = (
            f"VMs of the name {draft.vm.name!r} stand in rows {where} and nothing tells them apart; "
            "none of them is taken. Export with the column VM ID."
        )
    return leaving_out(draft, Finding(code, message, table.name, draft.row, table.header(column)))


def leaving_out(draft: Draft, found: Finding) -> Finding:
    """The finding with all by which the VM is known."""
    return replace(found, vm_name=draft.vm.name, moref=draft.vm.moref, instance_uuid=draft.vm.instance_uuid)


def _forget_shared_uuids(table: Table, machines: Machines, findings: Findings) -> None:
    """An instance UUID that two VMs of one vCenter have in common identifies neither."""
    seen = Counter((draft.key[0], draft.vm.instance_uuid) for draft in machines.drafts if draft.vm.instance_uuid)
    for draft in machines.drafts:
        if draft.vm.instance_uuid and seen[draft.key[0], draft.vm.instance_uuid] > 1:
            message = (
                f"The VM {draft.vm.name!r} shares its instance UUID with another VM of its vCenter, so the UUID "
                "identifies neither and counts as unknown."
            )
            column = table.header("instance_uuid" if "instance_uuid" in table else "vm_uuid")
            shared = Finding("shared_uuid", message, table.name, draft.row, column, severity="warning")
            findings.note(shared, about=draft.vm.name)
            draft.vm = replace(draft.vm, instance_uuid=None)


def _note_weak_identity(table: Table, machines: Machines, findings: Findings) -> None:
    weak = sum(draft.vm.moref is None for draft in machines.drafts)
    if weak:
        message = (
            f"{weak} of {len(machines.drafts)} VMs have no VM ID: they are known by their name alone, which is weak; "
            "a renamed VM is taken for a new one. Export with the columns VM ID and VI SDK UUID."
        )
        findings.note(Finding("weak_identity", message, table.name, column="VM ID", severity="warning"))
    if any(draft.key[0] == UNKNOWN for draft in machines.drafts):
        message = (
            "Some VMs do not say to which vCenter they belong; whoever reads the file has to know. "
            "Export with the columns VI SDK Server and VI SDK UUID."
        )
        findings.note(Finding("origin_unknown", message, table.name, column="VI SDK UUID", severity="warning"))


def _note_ambiguous_columns(table: Table, findings: Findings) -> None:
    for column in table.ambiguous:
        message = f"The column {column} occurs twice in {table.name}, so neither is read; rename the wrong one."
        findings.note(Finding("ambiguous_column", message, table.name, 1, column, severity="warning"))
