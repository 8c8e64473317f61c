"""The hosts of one vCenter, as a source tells of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from inventory.models import Host, SourceKind, Vcenter
from inventory.services.differences import HOST
from inventory.sources.facts import storable
from inventory.sources.records import Finding, VirtualMachine
from inventory.sources.records import Host as HostRecord


class HostBook:
    """Knows the vCenter's hosts by moref and by name; adds and changes them in set-based statements.

    A vCenter names the host of a VM by its moref, a file by its name.
    """

    def __init__(self, vcenter: Vcenter, source_kind: str, *, write: bool) -> None:
        self.vcenter = vcenter
        self.was_told = False
        """Whether the source lists hosts at all."""
        self._write = write
        self._names_morefs = source_kind == SourceKind.VCENTER
        self._rows: dict[int, Host] = {}
        self._by_moref: dict[str, int] = {}
        self._by_name: dict[str, int] = {}
        self._seen: set[int] = set()
        self._told_morefs: set[str] = set()
        for row in Host.objects.filter(vcenter=vcenter) if vcenter.pk else ():
            self._know(row)

    def find(self, host: str | None) -> int | None:
        """The id of the host that a record of a VM names; None where it is unknown. Negative on a dry run if new."""
        if host is None:
            return None
        books = (self._by_moref, self._by_name) if self._names_morefs else (self._by_name, self._by_moref)
        return next((book[host] for book in books if host in book), None)

    def name_of(self, host_id: int | None) -> str | None:
        if host_id is not None and host_id not in self._rows:
            # Another run has stored it since.
            self._know(Host.objects.get(pk=host_id))
        return None if host_id is None else self._rows[host_id].name

    def take(self, hosts: Sequence[HostRecord], vms: Iterable[VirtualMachine]) -> list[Finding]:
        """Bring the hosts up to what the source says; return what is wrong with those that are left out.

        A host that only a VM names is known by that name alone.
        """
        good, findings = _storable(hosts)
        self.was_told |= bool(hosts)
        self._told_morefs |= {record.moref for record in good if record.moref}
        new = self._change(good) if good else []
        told = {key for record in new for key in (record.moref, record.name)}
        named = {vm.host for vm in vms if vm.host and self.find(vm.host) is None} - told
        only_named, wrong = _storable([HostRecord(name=name) for name in sorted(named)])
        self._add([*new, *only_named])
        self._seen.update(known for vm in vms if (known := self.find(vm.host)))
        return findings + wrong

    def mark_missing(self) -> None:
        """Note which hosts a reading of the whole vCenter did not list."""
        gone = [pk for pk, row in self._rows.items() if pk not in self._seen and row.missing_since is None]
        if gone and self._write:
            at = timezone.now()
            Host.objects.filter(pk__in=gone).update(missing_since=at, updated_at=at)

    def _know(self, row: Host) -> None:
        self._rows[row.pk] = row
        if row.moref:
            self._by_moref[row.moref] = row.pk
        self._by_name[row.name] = row.pk

    def _row_of(self, record: HostRecord) -> Host | None:
        """The stored host that this is: by its moref, else by its name if no other host of this reading is that row."""
        if record.moref in self._by_moref:
            return self._rows[self._by_moref[record.moref]]
        row = self._rows.get(self._by_name.get(record.name, 0))
        return None if row and record.moref and row.moref in self._told_morefs else row

    def _change(self, hosts: Iterable[HostRecord]) -> list[HostRecord]:
        """Change the known hosts, return the unknown ones."""
        new, changed, columns = [], [], {"updated_at"}
        for record in hosts:
            row = self._row_of(record)
            if row is None:
                new.append(record)
                continue
            self._seen.add(row.pk)
            if changes := _changes(row, record):
                for name, value in changes.items():
                    setattr(row, name, value)
                row.updated_at = timezone.now()
                columns.update(changes)
                changed.append(row)
                self._know(row)
        if changed and self._write:
            Host.objects.bulk_update(changed, sorted(columns))
        return new

    def _add(self, records: Sequence[HostRecord]) -> None:
        rows = [
            Host(vcenter=self.vcenter, identity=_identity(record), **HOST.given(HOST.read(record)))
            for record in {_identity(record): record for record in records}.values()
        ]
        if not rows:
            return
        if not self._write:
            for row in rows:
                row.pk = -1 - len(self._rows)
                self._know(row)
            return
        try:
            with transaction.atomic():
                Host.objects.bulk_create(rows)
        except IntegrityError:
            # Another run of the same estate was faster: what it stored is what is meant here.
            Host.objects.bulk_create(rows, ignore_conflicts=True)
        identities = [row.identity for row in rows]
        for row in Host.objects.filter(vcenter=self.vcenter, identity__in=identities):
            self._know(row)
            self._seen.add(row.pk)


def _changes(row: Host, record: HostRecord) -> dict[str, Any]:
    before = tuple(getattr(row, name) for name in HOST.names)
    changes: dict[str, Any] = {name: after for name, (_, after) in HOST.changes(before, HOST.read(record)).items()}
    if record.moref and row.identity != f"moref:{record.moref}":
        changes["identity"] = f"moref:{record.moref}"
    if row.missing_since is not None:
        changes["missing_since"] = None
    return changes


def _storable(records: Iterable[HostRecord]) -> tuple[list[HostRecord], list[Finding]]:
    good, findings = [], []
    for record in records:
        problem = HOST.problem(HOST.read(record))
        if problem is None and not record.name:
            problem = "name is empty; name the host at the source."
        if problem is None:
            good.append(record)
        else:
            message = f"The host {storable(record.name)[:60]!r} was left out: {storable(problem)}"
            findings.append(Finding("bad_host", message))
    return good, findings


def _identity(record: HostRecord) -> str:
    return f"moref:{record.moref}" if record.moref else f"name:{record.name}"
