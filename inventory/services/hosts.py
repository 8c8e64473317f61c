"""The hosts of one vCenter, as a source tells of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from inventory.models import Host, Vcenter
from inventory.services.differences import HOST
from inventory.sources.records import Host as HostRecord
from inventory.sources.records import VirtualMachine


class HostBook:
    """Knows the id of each host by moref and by name; adds and changes hosts in set-based statements."""

    def __init__(self, vcenter: Vcenter) -> None:
        self.vcenter = vcenter
        self.ids: dict[str, int] = {}
        self._rows: dict[int, Host] = {}
        self._seen: set[int] = set()
        self._read = False

    def take(self, hosts: Sequence[HostRecord], vms: Iterable[VirtualMachine], *, write: bool) -> None:
        """Bring the hosts up to what the source says; a host that only a VM names is known by that name alone."""
        if not self._read:
            self._load()
        new = self._write(hosts, write=write) if hosts else []
        told = {key for record in new for key in (record.moref, record.name)}
        named = {vm.host for vm in vms if vm.host and vm.host not in self.ids} - told
        new += [HostRecord(name=name) for name in sorted(named)]
        self._seen.update(self.ids[vm.host] for vm in vms if vm.host in self.ids)
        if new and write:
            self._add(new)

    def mark_missing(self, *, write: bool) -> None:
        """Note which hosts a complete reading did not see."""
        gone = [pk for pk, row in self._rows.items() if pk not in self._seen and row.missing_since is None]
        if gone and write:
            at = timezone.now()
            Host.objects.filter(pk__in=gone).update(missing_since=at, updated_at=at)

    def _load(self) -> None:
        self._read = True
        if self.vcenter.pk is None:
            return
        for row in Host.objects.filter(vcenter=self.vcenter):
            self._know(row)

    def _know(self, row: Host) -> None:
        self._rows[row.pk] = row
        for key in (row.moref, row.name):
            if key:
                self.ids[key] = row.pk

    def _find(self, record: HostRecord) -> Host | None:
        known = self.ids.get(record.moref or "") or self.ids.get(record.name)
        return self._rows.get(known) if known else None

    def _write(self, hosts: Iterable[HostRecord], *, write: bool) -> list[HostRecord]:
        """Change the known hosts, return the unknown ones."""
        new, changed, columns = [], [], {"updated_at"}
        for record in hosts:
            row = self._find(record)
            if row is None:
                new.append(record)
                continue
            self._seen.add(row.pk)
            if changes := self._changes(row, record):
                for name, value in changes.items():
                    setattr(row, name, value)
                row.updated_at = timezone.now()
                columns.update(changes)
                changed.append(row)
                self._know(row)
        if changed and write:
            Host.objects.bulk_update(changed, sorted(columns))
        return new

    def _changes(self, row: Host, record: HostRecord) -> dict[str, Any]:
        before = tuple(getattr(row, name) for name in HOST.names)
        changes: dict[str, Any] = {name: after for name, (_, after) in HOST.changes(before, HOST.read(record)).items()}
        if record.moref and row.identity != f"moref:{record.moref}":
            changes["identity"] = f"moref:{record.moref}"
        if row.missing_since is not None:
            changes["missing_since"] = None
        return changes

    def _add(self, records: Sequence[HostRecord]) -> None:
        rows = [
            Host(vcenter=self.vcenter, identity=_identity(record), **HOST.given(HOST.read(record)))
            for record in {_identity(record): record for record in records}.values()
        ]
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


def _identity(record: HostRecord) -> str:
    return f"moref:{record.moref}" if record.moref else f"name:{record.name}"
