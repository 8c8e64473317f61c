"""The part of the estate that stands still: the rows of the fixtures, put beside what the database holds already."""

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from django.core import serializers
from django.db.models import AutoField, ForeignKey, Model

from config.demo.ledger import Ledger
from inventory.models import Host, Organization, User, Vcenter, VMContext

FOLDER = Path(__file__).parent / "fixtures"
FILES = ("organizations.json", "estate.json")

# Fields that make a row the same as one that is there already; the others are made only with the row they hang on.
NATURAL_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "inventory.organization": (("name",), ("slug",)),
    "inventory.user": (("username",),),
    "inventory.vcenter": (("organization", "name"),),
    "inventory.host": (("vcenter", "identity"),),
    "inventory.vmcontext": (("context_id",), ("vcenter", "identity")),
    "replication.target": (("organization", "name"),),
    "replication.targetnetwork": (("target", "external_id"),),
    "backups.backuprepository": (("organization", "name"),),
    "backups.backuppolicy": (("organization", "name"),),
    "failover.recoveryplan": (("organization", "name"),),
}
HANGS_ON = {
    "inventory.membership": "user",
    "inventory.operationclaim": "vm_context",
    "inventory.vmdisk": "vm_context",
    "inventory.vmnetworkinterface": "vm_context",
    "replication.protection": "vm_context",
    "failover.networkmapping": "vm_context",
    "failover.recoveryplangroup": "plan",
    "failover.recoveryplanmember": "plan",
}


class Statics:
    """The rows of the fixtures: `made` are new and unsaved, all others were there."""

    def __init__(self) -> None:
        self.made: list[Model] = []
        self._rows: dict[tuple[str, Any], Any] = {}
        for label, key, row in _fixture_rows():
            self._rows[label, key] = self._settle(label, row)

    def add_to(self, ledger: Ledger) -> None:
        ledger.add(*self.made)

    def is_made(self, row: Model) -> bool:
        return row._state.adding

    def all(self, model: type[Any]) -> list[Any]:
        """The rows of the fixtures of this model, made or found."""
        return [row for (label, _), row in self._rows.items() if label == model._meta.label_lower and row]

    def new(self, model: type[Any], **having: Any) -> list[Any]:
        """Those that are made now and have these values."""
        return [
            row
            for row in self.made
            if type(row) is model and all(getattr(row, name) == value for name, value in having.items())
        ]

    @cached_property
    def users(self) -> dict[str, User]:
        return {user.username: user for user in self.all(User)}

    @cached_property
    def organizations(self) -> dict[str, Organization]:
        return {organization.name: organization for organization in self.all(Organization)}

    @cached_property
    def vcenters(self) -> dict[str, Vcenter]:
        return {vcenter.name: vcenter for vcenter in self.all(Vcenter)}

    @cached_property
    def hosts(self) -> dict[str, Host]:
        return {host.name.partition(".")[0]: host for host in self.all(Host)}

    @cached_property
    def vms(self) -> dict[str, VMContext]:
        return {vm.name: vm for vm in self.all(VMContext)}

    def _settle(self, label: str, row: Any) -> Any:
        """The row that is there already, else this one, ready to be written; None if what it hangs on was there."""
        for field in _foreign_keys(row):
            if (key := getattr(row, field.attname)) is not None:
                parent = cast(type[Model], field.related_model)._meta.label_lower
                setattr(row, field.name, self._rows[parent, key])
        if label in HANGS_ON and not ((holder := getattr(row, HANGS_ON[label])) and self.is_made(holder)):
            return None
        if (found := self._found(label, row)) is not None:
            return found
        if isinstance(row._meta.pk, AutoField):
            row.pk = None
        if getattr(row, "is_default", None) and self._has_default(row):
            row.is_default = None
        self.made.append(row)
        return row

    def _found(self, label: str, row: Any) -> Any:
        for names in NATURAL_KEYS.get(label, ()):
            values = {name: getattr(row, name) for name in names}
            if any(isinstance(value, Model) and self.is_made(value) for value in values.values()):
                continue
            if found := type(row)._base_manager.filter(**values).first():
                return found
        return None

    def _has_default(self, row: Any) -> bool:
        owner = getattr(row, "organization", None)
        if owner is not None and self.is_made(owner):
            return False
        return type(row)._base_manager.filter(is_default=True, **({"organization": owner} if owner else {})).exists()


def _fixture_rows() -> Iterator[tuple[str, Any, Model]]:
    for name in FILES:
        for document in json.loads((FOLDER / name).read_text()):
            (row,) = (each.object for each in serializers.deserialize("python", [document]))
            yield document["model"], document["pk"], row


def _foreign_keys(row: Model) -> list["ForeignKey[Any, Any]"]:
    return [field for field in row._meta.concrete_fields if isinstance(field, ForeignKey)]
