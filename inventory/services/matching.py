"""Which VM under management a record of a source is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Q

from inventory.models import VMContext
from inventory.sources.records import VirtualMachine

STRENGTH = {"name": 1, "moref": 2, "uuid": 3}


class Conflict(Exception):
    """A record that could be more than one VM; the message says which and what to do."""


class Postponed(Exception):
    """A record that may be a VM known by its name alone: that is told once all names of the source are known."""


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
        if vm.instance_uuid is None and vm.moref:
            by_moref.add(vm.moref)
        if vm.instance_uuid is None and not vm.moref:
            by_name.add(vm.name)
    found = Q(identity__in=named)
    if by_moref:
        found |= Q(moref__in=by_moref)
    if by_name:
        found |= Q(name__in=by_name)
    return Q(vcenter_id=vcenter_id) & found


def read_candidates(vcenter_id: int, vms: Iterable[VirtualMachine], columns: tuple[str, ...]) -> list[Stored]:
    """One query; one more where a VM is known by its name alone, for the others of that name."""
    found = _read(candidates(vcenter_id, vms), columns)
    if weak := {each.name for each in found if each.identity.startswith("name:")}:
        known = {each.context_id for each in found}
        others = _read(Q(vcenter_id=vcenter_id, name__in=weak), columns)
        found += [each for each in others if each.context_id not in known]
    return found


def _read(condition: Q, columns: tuple[str, ...]) -> list[Stored]:
    rows = VMContext.objects.filter(condition).order_by()
    found = rows.values_list("context_id", "identity", "moref", "name", *columns)
    return [Stored(row[0], row[1], row[2], row[3], row[4:]) for row in found]


@dataclass
class Matcher:
    """Finds the stored VM of each record of one batch."""

    stored: list[Stored]
    vms: Sequence[VirtualMachine]
    taken_before: Mapping[str, str]
    """By context id or identity: the name of the record of an earlier batch that has it already."""
    names: Mapping[str, int] | None
    """How many VMs of the source bear each name; None while the source is still being read."""
    taken: dict[str, str] = field(init=False, default_factory=dict)
    """What the records of this batch have taken."""
    _by_identity: dict[str, Stored] = field(init=False)
    _by_moref: dict[str, list[Stored]] = field(init=False, default_factory=dict)
    _by_name: dict[str, list[Stored]] = field(init=False, default_factory=dict)
    _often: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._by_identity = {each.identity: each for each in self.stored}
        for each in self.stored:
            if each.moref:
                self._by_moref.setdefault(each.moref, []).append(each)
            self._by_name.setdefault(each.name, []).append(each)
        best = Counter(identities(vm)[0] for vm in self.vms)
        self._often = frozenset(identity for identity, count in best.items() if count > 1)

    def match(self, vm: VirtualMachine) -> Stored | None:
        """The VM that this record is, None for a new one. Raises Conflict and Postponed."""
        best = identities(vm)[0]
        if best in self._often:
            raise Conflict(f"{best} stands for several VMs; give each an identity of its own in the source.")
        found = self._find(vm)
        keys = [best, *([found.context_id] if found else [])]
        for key in keys:
            if other := self.taken_before.get(key) or self.taken.get(key):
                raise Conflict(f"{key} stands for {other} too; give each VM an identity of its own in the source.")
        for key in keys:
            self.taken[key] = vm.name
        return found

    def _find(self, vm: VirtualMachine) -> Stored | None:
        for kind, value in (("uuid", vm.instance_uuid), ("moref", vm.moref)):
            if value and (found := self._by_identity.get(f"{kind}:{value}")):
                return found
        if vm.moref and not vm.instance_uuid:
            found = _only(self._by_moref.get(vm.moref, []), f"the moref {vm.moref}")
            if found:
                return found
        if not vm.instance_uuid and not vm.moref:
            return _only(self._by_name.get(vm.name, []), f"the name {vm.name}")
        return self._weak(vm)

    def _weak(self, vm: VirtualMachine) -> Stored | None:
        """The VM that is known by this name alone, if the name can mean no other, here or in the source."""
        of_name = self._by_name.get(vm.name, [])
        if len(of_name) != 1 or not of_name[0].identity.startswith("name:"):
            return None
        if self.names is None:
            raise Postponed
        return of_name[0] if self.names.get(vm.name, 0) <= 1 else None


def _only(found: list[Stored], what: str) -> Stored | None:
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} VMs under management have {what} ({', '.join(each.context_id for each in found)}); "
            "read them from a source that knows their UUID."
        )
    return found[0] if found else None
