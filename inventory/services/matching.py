"""Which VM under management a record of a source is."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Q

from inventory.models import VMContext
from inventory.sources.records import VirtualMachine

STRENGTH = {"name": 1, "moref": 2, "uuid": 3}


class Conflict(Exception):
    """A record that could be more than one VM; the message says which and what to do."""


class Stored(NamedTuple):
    """What matching and comparing need of a VM context; `facts` are in the order of the caller's columns."""

    context_id: str
    identity: str
    moref: str | None
    name: str
    facts: tuple[Any, ...]


def identities(vm: VirtualMachine) -> tuple[str, ...]:
    """The identities of a record, the strongest first."""
    known = (("uuid", vm.instance_uuid), ("moref", vm.moref), ("name", vm.name))
    return tuple(f"{kind}:{value}" for kind, value in known if value)


def strength(identity: str) -> int:
    """How much an identity may be relied on; the larger the better."""
    return STRENGTH[identity.partition(":")[0]]


def candidates(vcenter_id: int, vms: Iterable[VirtualMachine]) -> Q:
    """A filter that finds every VM context that one of the records may be, in one query."""
    named: set[str] = set()
    by_moref: set[str] = set()
    by_name: set[str] = set()
    for vm in vms:
        named.update(identities(vm))
        if vm.instance_uuid is None:
            if vm.moref:
                by_moref.add(vm.moref)
            else:
                by_name.add(vm.name)
    found = Q(identity__in=named)
    if by_moref:
        found |= Q(moref__in=by_moref)
    if by_name:
        found |= Q(name__in=by_name)
    return Q(vcenter_id=vcenter_id) & found


def read_candidates(vcenter_id: int, vms: Iterable[VirtualMachine], columns: tuple[str, ...]) -> list[Stored]:
    rows = VMContext.objects.filter(candidates(vcenter_id, vms)).order_by()
    found = rows.values_list("context_id", "identity", "moref", "name", *columns)
    return [Stored(row[0], row[1], row[2], row[3], row[4:]) for row in found]


@dataclass
class Matcher:
    """Finds the stored VM of each record of one batch; knows what earlier batches of the run have taken."""

    stored: list[Stored]
    vms: Iterable[VirtualMachine]
    taken: dict[str, str]
    """By context id or identity: the name of the record that has it already."""
    _by_identity: dict[str, Stored] = field(init=False)
    _by_moref: dict[str, list[Stored]] = field(init=False, default_factory=dict)
    _by_name: dict[str, list[Stored]] = field(init=False, default_factory=dict)
    _names: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self._by_identity = {each.identity: each for each in self.stored}
        for each in self.stored:
            if each.moref:
                self._by_moref.setdefault(each.moref, []).append(each)
            self._by_name.setdefault(each.name, []).append(each)
        self._names = Counter(vm.name for vm in self.vms)

    def match(self, vm: VirtualMachine) -> Stored | None:
        """The VM that this record is, None for a new one. Raises Conflict."""
        found = self._find(vm)
        keys = [identities(vm)[0], *([found.context_id] if found else [])]
        for key in keys:
            if key in self.taken:
                raise Conflict(
                    f"{key} stands for {self.taken[key]} too; give each VM an identity of its own in the source."
                )
        for key in keys:
            self.taken[key] = vm.name
        return found

    def _find(self, vm: VirtualMachine) -> Stored | None:
        for identity in identities(vm):
            found = self._by_identity.get(identity)
            if found and not (identity.startswith("name:") and self._is_another(vm)):
                return found
        if vm.instance_uuid:
            return None
        if vm.moref:
            return _only(self._by_moref.get(vm.moref, []), f"the moref {vm.moref}")
        return _only(self._by_name.get(vm.name, []), f"the name {vm.name}")

    def _is_another(self, vm: VirtualMachine) -> bool:
        """A VM known by its name alone is nobody's as long as two VMs of the source bear that name."""
        return self._names[vm.name] > 1


def _only(found: list[Stored], what: str) -> Stored | None:
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} VMs under management have {what} ({', '.join(each.context_id for each in found)}); "
            "read them from a source that knows their UUID."
        )
    return found[0] if found else None
