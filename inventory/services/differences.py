"""What a record of a source would change in the rows of a VM. What a source does not know never overwrites."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.db.models import CharField, Field, IntegerField, Model, TextField

from inventory.models import Host, VMContext, VMDisk, VMNetworkInterface
from inventory.sources.facts import storable

Changes = dict[str, list[Any]]
"""By column: before and after."""


@dataclass(frozen=True)
class Columns:
    """The columns of one table that a source fills, and how to read them from its record."""

    model: type[Model]
    attributes: Mapping[str, str]
    """By column: the attribute of the record."""
    names: tuple[str, ...] = field(init=False)
    read: Callable[[Any], tuple[Any, ...]] = field(init=False)
    _texts: tuple[tuple[int, str], ...] = field(init=False)
    _limits: tuple[tuple[int, str, int], ...] = field(init=False)
    _choices: tuple[tuple[int, str, frozenset[Any]], ...] = field(init=False)
    _integers: tuple[tuple[int, str, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        fields: list[tuple[int, Field[Any, Any]]] = [
            (place, self.model._meta.get_field(name))  # type: ignore[misc]
            for place, name in enumerate(self.attributes)
        ]
        put = object.__setattr__
        put(self, "names", tuple(self.attributes))
        put(self, "read", attrgetter(*self.attributes.values()))
        put(self, "_texts", tuple((n, f.name) for n, f in fields if isinstance(f, CharField | TextField)))
        put(
            self,
            "_limits",
            tuple((n, f.name, f.max_length) for n, f in fields if isinstance(f, CharField) and not f.choices),
        )
        put(
            self,
            "_choices",
            tuple((n, f.name, frozenset(value for value, _ in f.flatchoices)) for n, f in fields if f.choices),
        )
        put(
            self,
            "_integers",
            tuple(
                (n, f.name, 2**63 if "Big" in f.get_internal_type() else 2**31)
                for n, f in fields
                if isinstance(f, IntegerField)
            ),
        )

    def problem(self, values: tuple[Any, ...]) -> str | None:
        """Why these values cannot be stored, in one sentence; None where they can."""
        for place, name in self._texts:
            if values[place] is not None and storable(values[place]) != values[place]:
                return f"{name} holds a character that no database takes; take it out at the source."
        for place, name, limit in self._limits:
            if values[place] is not None and len(values[place]) > limit:
                return f"{name} has {len(values[place])} characters, at most {limit} fit; shorten it at the source."
        for place, name, choices in self._choices:
            if values[place] is not None and values[place] not in choices:
                return f"{name} is {values[place]!r}, which is none of {', '.join(sorted(choices))}."
        for place, name, limit in self._integers:
            if values[place] is not None and not -limit <= values[place] < limit:
                return f"{name} is {values[place]}, which is out of range; look at the VM at the source."
        return None

    def changes(self, before: tuple[Any, ...], after: tuple[Any, ...]) -> Changes:
        """The columns in which the record knows something else than the row."""
        if before == after:
            return {}
        return {
            name: [old, new]
            for name, old, new in zip(self.names, before, after, strict=True)
            if new is not None and new != old
        }

    def given(self, values: tuple[Any, ...]) -> dict[str, Any]:
        return dict(zip(self.names, values, strict=True))


VM = Columns(
    VMContext,
    {
        "instance_uuid": "instance_uuid",
        "moref": "moref",
        "name": "name",
        "path": "path",
        "datacenter": "datacenter",
        "cluster": "cluster",
        "cpu_count": "cpu_count",
        "memory_mb": "memory_mb",
        "os_type": "os_type",
        "vm_tools_version": "vm_tools_version",
        "display_name": "display_name",
        "annotation": "annotation",
        "power_state": "power_state",
        "vmware_uuid": "bios_uuid",
        "firmware": "firmware",
        "is_template": "is_template",
        "change_tracking": "change_tracking",
    },
)
DISK = Columns(
    VMDisk,
    {
        name: name
        for name in (
            *("device_key", "vmdk_path", "datastore", "label", "provisioning_type", "controller_key"),
            *("unit_number", "capacity_bytes"),
        )
    },
)
NIC = Columns(
    VMNetworkInterface,
    {
        "nic_key": "nic_key",
        "label": "label",
        "source_network_name": "network",
        "mac_address": "mac_address",
        "adapter_type": "adapter_type",
        "connected": "connected",
    },
)
HOST = Columns(
    Host,
    {
        name: name
        for name in (
            *("moref", "name", "cpu_cores", "cpu_mhz", "memory_mb", "version", "vendor", "model"),
            "in_maintenance",
        )
    },
)

NIC_STRENGTH = {"label": 1, "mac": 2, "key": 3}


def pair_interfaces(stored: Iterable[Any], records: Iterable[Any]) -> list[tuple[Any | None, Any]]:
    """Pair each record of a network interface with the stored one that it is, else with None.

    `stored` have `nic_key`, `mac_address` and `label`. The same key is the same interface; where one side does not
    know the device key, the same MAC is, and where no MAC is known, the same label, if only one bears it.
    """
    left = {each.nic_key: each for each in stored}
    pairs: list[tuple[Any | None, Any]] = []
    unmatched = []
    for record in records:
        found = left.pop(record.nic_key, None)
        if found is None:
            unmatched.append(record)
        else:
            pairs.append((found, record))
    for record in unmatched:
        found = _weaker_pair(left, record)
        if found is not None:
            del left[found.nic_key]
        pairs.append((found, record))
    return pairs


def _weaker_pair(left: Mapping[str, Any], record: Any) -> Any | None:
    for attribute in ("mac_address", "label"):
        value = getattr(record, attribute)
        alike = [each for each in left.values() if value is not None and getattr(each, attribute) == value]
        if len(alike) == 1 and _may_be_one(alike[0], record):
            return alike[0]
    return None


def _may_be_one(stored: Any, record: Any) -> bool:
    two_macs = stored.mac_address and record.mac_address and stored.mac_address != record.mac_address
    return not two_macs and not (_is_device(stored.nic_key) and _is_device(record.nic_key))


def _is_device(nic_key: str) -> bool:
    return nic_key.startswith("key:")


def stronger_nic_key(stored: str, offered: str) -> str:
    """The key that says more of the two."""
    return max(stored, offered, key=lambda key: NIC_STRENGTH[key.partition(":")[0]])


def sentences(changes: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Changes as words: `memory_mb 4096 -> 8192`, `disks disk-2001 removed`."""
    for name, change in changes.items():
        if isinstance(change, dict):
            yield from sentences(change, f"{prefix}{name} ")
        elif isinstance(change, list):
            before, after = ("unknown" if value is None else value for value in change)
            yield f"{prefix}{name} {before} -> {after}"
        else:
            yield f"{prefix}{name} {change}"
