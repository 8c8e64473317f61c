"""The source: what the sheets of one export say about each VM, put together."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..records import Batch, Disk, Finding, NetworkInterface, SourceError, VirtualMachine
from .csvfolder import CsvFolder
from .devices import Devices, read_disks, read_interfaces
from .findings import Findings
from .hosts import Hosts, read_hosts
from .machines import COLUMNS, Draft, Machines, leaving_out, read_machines
from .origins import UNKNOWN
from .table import Sheets, Table
from .workbook import Workbook

BATCH = 500
_SHEETS = {"disk": ("vDisk", "Disks"), "interface": ("vNetwork", "NICs")}
"""The sheet that holds the devices, and the column of vInfo that counts them."""


class RvtoolsSource:
    """An RVTools export: an .xlsx workbook, or a folder of its CSV files.

    Sizes are bytes, memory is in MiB; RVTools' MB and MiB are the same unit. What a VM has not all of is not taken
    in part: with fewer or more disks than vInfo counts, the VM is left out, and doubtful interfaces are None.

    Reading raises `SourceError` with one of these codes: not_found, not_readable, not_a_workbook, ambiguous_sheet,
    missing_sheet, missing_column, empty, and for CSV files bad_encoding and too_large.
    """

    kind = "rvtools"

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path) if str(path) else None
        self._total: int | None = None

    @property
    def total(self) -> int | None:
        """How many VMs the last reading found; None before one has begun."""
        return self._total

    def batches(self, names: Iterable[str] = ()) -> Iterator[Batch]:
        """The VMs, or those with exactly these names, at most `BATCH` at a time and each with its vCenter.

        The whole export is read before the first batch: a key that occurs twice may do so in the last row.
        """
        wanted = frozenset(names)
        findings = Findings(wanted)
        sheets = _open(self._path)
        try:
            vinfo = sheets.sheet("vInfo")
            if vinfo is None:
                raise SourceError(
                    "missing_sheet",
                    f"{self._path.name if self._path else ''} has no sheet vInfo, so it names no VMs; export it again"
                    " with it.",
                )
            machines = read_machines(Table(vinfo, COLUMNS), findings)
            disks = read_disks(sheets, machines, findings)
            interfaces = read_interfaces(sheets, machines, findings)
            hosts = read_hosts(sheets, machines.origins, findings)
        finally:
            sheets.close()
        vms = _vms(machines, disks, interfaces, hosts, wanted, findings)
        self._total = sum(map(len, vms.values()))
        yield from _batches(machines, vms, hosts, findings)


def _open(path: Path | None) -> Sheets:
    if path is None:
        raise SourceError("not_found", "No path of an export is given; give that of a workbook or of a folder.")
    try:
        if path.is_dir():
            return CsvFolder(path)
        if path.is_file():
            return Workbook(path)
    except PermissionError:
        raise SourceError("not_readable", f"{path} may not be read; change its permissions.") from None
    except OSError as error:
        raise SourceError("not_readable", f"{path} cannot be read: {error.strerror}; check the path.") from None
    raise SourceError("not_found", f"There is no file or folder {path}; check the path.")


def _vms(
    machines: Machines,
    disks: Devices[Disk] | None,
    interfaces: Devices[NetworkInterface] | None,
    hosts: Hosts,
    wanted: frozenset[str],
    findings: Findings,
) -> dict[str, list[VirtualMachine]]:
    vms: dict[str, list[VirtualMachine]] = {origin: [] for origin in machines.origins}
    uncounted = Counter[str]()
    for draft in machines.drafts:
        if wanted and draft.vm.name not in wanted:
            continue
        fault = _disk_fault(draft, disks)
        if fault:
            findings.leave_out(leaving_out(draft, fault), origin=draft.key[0])
            continue
        vms[draft.key[0]].append(
            replace(
                draft.vm,
                host=_host(draft, hosts),
                disks=_disks(draft, disks, uncounted),
                interfaces=_interfaces(draft, interfaces, uncounted, findings),
            )
        )
    for noun, count in uncounted.items():
        findings.note(_unknown(noun, count))
    return vms


def _host(draft: Draft, hosts: Hosts) -> str | None:
    host = hosts.get(draft.key[0], {}).get(draft.vm.host.lower()) if draft.vm.host else None
    return host.moref or host.name if host else draft.vm.host


def _disks(draft: Draft, disks: Devices[Disk] | None, uncounted: Counter[str]) -> tuple[Disk, ...] | None:
    if disks is None:
        return None
    found = disks.of.get(draft.key, [])
    if not found and draft.disk_count is None:
        uncounted["disk"] += 1
        return None
    return tuple(sorted(found, key=lambda disk: disk.device_key))


def _disk_fault(draft: Draft, disks: Devices[Disk] | None) -> Finding | None:
    if disks is None:
        return None
    conflict = _count_conflict(draft, "disk", draft.disk_count, len(disks.of.get(draft.key, ())))
    return disks.faults.get(draft.key) or conflict


def _interfaces(
    draft: Draft, interfaces: Devices[NetworkInterface] | None, uncounted: Counter[str], findings: Findings
) -> tuple[NetworkInterface, ...] | None:
    if interfaces is None:
        return None
    found = interfaces.of.get(draft.key, [])
    fault = interfaces.faults.get(draft.key) or _count_conflict(draft, "interface", draft.nic_count, len(found))
    if fault is None and not found and draft.nic_count is None:
        uncounted["interface"] += 1
        return None
    if fault is None:
        return tuple(found)
    message = f"{fault.message} The interfaces of the VM {draft.vm.name!r} count as unknown."
    findings.note(replace(fault, message=message, severity="warning"), about=draft.vm.name)
    return None


def _unknown(noun: str, count: int) -> Finding:
    sheet, column = _SHEETS[noun]
    message = (
        f"{count} VMs have no number of {noun}s in vInfo and no row in {sheet}: their {noun}s are unknown, which is "
        f"not the same as none. Export it again with the column {column}."
    )
    return Finding(f"{noun}s_unknown", message, "vInfo", column=column, severity="warning")


def _count_conflict(draft: Draft, noun: str, count: int | None, found: int) -> Finding | None:
    if count is None or count == found:
        return None
    sheet, column = _SHEETS[noun]
    message = (
        f"vInfo counts {count} {noun}s of the VM {draft.vm.name!r} and {sheet} holds {found}; "
        "export all sheets at one time."
    )
    return Finding(f"{noun}_count_conflict", message, "vInfo", draft.row, column)


def _batches(
    machines: Machines, vms: dict[str, list[VirtualMachine]], hosts: Hosts, findings: Findings
) -> Iterator[Batch]:
    of_run = findings.of_run()
    if UNKNOWN not in machines.origins:
        of_run += findings.left_out_of(UNKNOWN)
    for origin in machines.origins:
        first = Batch(
            origin=machines.origins[origin],
            hosts=tuple(hosts.get(origin, {}).values()),
            vms=tuple(vms[origin][:BATCH]),
            findings=of_run + findings.left_out_of(origin),
            covers=None,
        )
        if first.hosts or first.vms or first.findings:
            yield first
            of_run = ()
        for start in range(BATCH, len(vms[origin]), BATCH):
            rest = tuple(vms[origin][start : start + BATCH])
            yield Batch(origin=machines.origins[origin], vms=rest, covers=None)
    if of_run:
        yield Batch(findings=of_run)
