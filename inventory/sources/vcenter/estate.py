"""What VMs run on and are connected to: datacenters, clusters, hosts and networks, all read in one set."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyVmomi import vim

from inventory.sources.records import Host
from inventory.sources.vcenter.collector import Row, Wanted, everything_in, pages, text_of, view_of
from inventory.sources.vcenter.session import Session

_MIB = 1024 * 1024
_PLACES: Wanted = {
    vim.Datacenter: ["name", "parent"],
    vim.Folder: ["name", "parent"],
    vim.ComputeResource: ["name", "parent"],
    vim.HostSystem: ["name", "parent", "summary.hardware", "summary.config.product", "runtime.inMaintenanceMode"],
    vim.Network: ["name"],
    vim.dvs.DistributedVirtualPortgroup: ["name", "key"],
    vim.OpaqueNetwork: ["name", "summary"],
}


@dataclass(frozen=True)
class Estate:
    """Answers by moref; None where the user may not see the object."""

    rows: dict[str, Row]

    @cached_property
    def datacenters(self) -> dict[str, Row]:
        """By inventory path, which is the plain name unless the datacenter lies in a folder."""
        found = [row for row in self.rows.values() if isinstance(row.ref, vim.Datacenter)]
        return {self._path(row): row for row in found}

    def datacenters_named(self, name: str) -> list[Row]:
        """The one at this path, else all with this name."""
        at_path = self.datacenters.get(name)
        return [at_path] if at_path else [row for row in self.datacenters.values() if row.name == name]

    def covered_by(self, datacenter: Row | None, asked: str | None) -> frozenset[str] | None:
        """`Batch.covers`. A path was given because the name is not unique, so there the name tells nothing."""
        if datacenter is None:
            return None
        alike = [row for row in self.datacenters.values() if row.name == asked]
        return frozenset({datacenter.name}) if alike == [datacenter] and datacenter.name else frozenset()

    def hosts(self, datacenter: Row | None) -> tuple[Host, ...]:
        """Of one datacenter, or of all."""
        rows = [row for row in self.rows.values() if isinstance(row.ref, vim.HostSystem)]
        if datacenter is None:
            return tuple(_host(row) for row in rows)
        return tuple(_host(row) for row in rows if any(above is datacenter for above in self._above(row.moref)))

    def datacenter_of(self, host: str | None) -> str | None:
        return self._name_above(host, vim.Datacenter)

    def cluster_of(self, host: str | None) -> str | None:
        return self._name_above(host, vim.ClusterComputeResource)

    def network(self, moref: str) -> str | None:
        row = self.rows.get(moref)
        return row.name if row else None

    @cached_property
    def portgroups(self) -> dict[str, str | None]:
        """Names of distributed port groups by their key."""
        return {row.get("key"): row.name for row in self.rows.values() if row.get("key")}

    @cached_property
    def opaque_networks(self) -> dict[str, str | None]:
        """Names of the networks of a foreign network manager by its id."""
        opaque = [row for row in self.rows.values() if isinstance(row.ref, vim.OpaqueNetwork) and row.get("summary")]
        return {row.get("summary").opaqueNetworkId: row.name for row in opaque}

    def _above(self, moref: str | None) -> list[Row]:
        chain = []
        row = self.rows.get(moref) if moref else None
        while row:
            chain.append(row)
            parent = row.get("parent")
            row = self.rows.get(parent._moId) if parent is not None else None
        return chain

    def _name_above(self, moref: str | None, kind: Any) -> str | None:
        return next((row.name for row in self._above(moref) if isinstance(row.ref, kind)), None)

    def _path(self, row: Row) -> str:
        return "/".join(above.name or above.moref for above in reversed(self._above(row.moref)))


def read_estate(session: Session) -> Estate:
    """Constant in requests: a view, its pages, and its release."""
    with view_of(session, session.content.rootFolder, _PLACES) as view:
        return Estate({row.moref: row for page in pages(session, everything_in(view), _PLACES) for row in page})


def _host(row: Row) -> Host:
    hardware = row.get("summary.hardware")
    product = row.get("summary.config.product")
    return Host(
        name=row.name or row.moref,
        moref=row.moref,
        cpu_cores=hardware and int(hardware.numCpuCores),
        cpu_mhz=hardware and int(hardware.cpuMhz),
        memory_mb=hardware and int(hardware.memorySize) // _MIB,
        version=product and text_of(product.fullName),
        vendor=hardware and text_of(hardware.vendor),
        model=hardware and text_of(hardware.model),
        in_maintenance=row.get("runtime.inMaintenanceMode"),
    )
