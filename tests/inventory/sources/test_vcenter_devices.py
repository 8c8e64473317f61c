"""Devices and states that the simulator does not have, made of pyVmomi's own objects."""

import pytest
from pyVmomi import vim

from inventory.sources.vcenter.collector import Row
from inventory.sources.vcenter.estate import Estate
from inventory.sources.vcenter.machines import disk, doubtful, interface, machine, unreadable

pytestmark = pytest.mark.no_database

DISK = vim.vm.device.VirtualDisk
CARD = vim.vm.device.VirtualEthernetCard
NOWHERE = Estate({})


def estate(*rows: Row) -> Estate:
    return Estate({row.moref: row for row in rows})


def vm(**values) -> Row:
    return Row(vim.VirtualMachine("vm-1"), {"name": "web", "runtime.connectionState": "connected", **values})


@pytest.mark.parametrize(
    ("backing", "provisioning"),
    [
        (DISK.FlatVer2BackingInfo(thinProvisioned=True), "thin"),
        (DISK.FlatVer2BackingInfo(thinProvisioned=False, eagerlyScrub=True), "eager_zeroed_thick"),
        (DISK.FlatVer2BackingInfo(thinProvisioned=False), "thick"),
        (DISK.FlatVer2BackingInfo(), None),
        (DISK.SeSparseBackingInfo(), "thin"),
        (DISK.RawDiskMappingVer1BackingInfo(), "rdm"),
    ],
)
def test_the_backing_of_a_disk_says_how_it_is_provisioned(backing, provisioning):
    assert disk(DISK(key=2000, backing=backing, capacityInKB=1)).provisioning_type == provisioning


def test_the_capacity_in_bytes_is_preferred_to_that_in_kilobytes():
    backing = DISK.FlatVer2BackingInfo(fileName="[ssd 1] web/web.vmdk")
    record = disk(DISK(key=2000, backing=backing, capacityInKB=1, capacityInBytes=1536, controllerKey=1000))
    assert (record.capacity_bytes, record.datastore, record.controller_key) == (1536, "ssd 1", 1000)
    assert type(record.capacity_bytes) is int


def test_a_disk_without_a_file_has_no_datastore():
    record = disk(DISK(key=2000, backing=DISK.FlatVer2BackingInfo(fileName=""), capacityInKB=0))
    assert (record.vmdk_path, record.datastore, record.capacity_bytes) == (None, None, None)


def test_a_port_group_that_the_user_may_not_see_is_unknown():
    port = vim.dvs.PortConnection(portgroupKey="dvportgroup-7", switchUuid="50 1d")
    card = vim.vm.device.VirtualE1000e(
        key=4000, macAddress="00:50:56:AB:CD:EF", backing=CARD.DistributedVirtualPortBackingInfo(port=port)
    )
    record = interface(card, NOWHERE)
    assert (record.network, record.adapter_type) == (None, "e1000e")
    assert (record.mac_address, record.connected) == ("00:50:56:ab:cd:ef", None)


def test_a_standard_network_has_its_present_name_and_else_that_of_the_device():
    backing = CARD.NetworkBackingInfo(network=vim.Network("network-1"), deviceName="old name")
    card = vim.vm.device.VirtualPCNet32(key=4000, backing=backing)
    row = Row(vim.Network("network-1"), {"name": "VLAN%2f10"})
    assert interface(card, estate(row)).network == "VLAN/10"
    assert interface(card, NOWHERE).network == "old name"


def test_an_opaque_network_is_named_by_its_id():
    summary = vim.OpaqueNetwork.Summary(opaqueNetworkId="seg-1", opaqueNetworkType="nsx.LogicalSwitch")
    row = Row(vim.OpaqueNetwork("network-o2"), {"name": "segment", "summary": summary})
    backing = CARD.OpaqueNetworkBackingInfo(opaqueNetworkId="seg-1", opaqueNetworkType="nsx.LogicalSwitch")
    assert interface(vim.vm.device.VirtualVmxnet3(key=4000, backing=backing), estate(row)).network == "segment"


def test_a_card_of_an_unnamed_type_has_no_adapter_type():
    assert interface(CARD(key=4000), NOWHERE).adapter_type is None


def test_a_host_outside_a_cluster_has_a_datacenter_and_no_cluster():
    rows = estate(
        Row(vim.Datacenter("datacenter-1"), {"name": "Berlin", "parent": vim.Folder("group-d9")}),
        Row(vim.Folder("group-d9"), {"name": "Europe", "parent": vim.Folder("group-d1")}),
        Row(vim.Folder("group-h1"), {"name": "host", "parent": vim.Datacenter("datacenter-1")}),
        Row(vim.ComputeResource("domain-s1"), {"name": "esx", "parent": vim.Folder("group-h1")}),
        Row(vim.HostSystem("host-1"), {"name": "esx", "parent": vim.ComputeResource("domain-s1")}),
    )
    assert (rows.datacenter_of("host-1"), rows.cluster_of("host-1")) == ("Berlin", None)
    assert list(rows.datacenters) == ["Europe/Berlin"]
    assert rows.datacenters_named("Berlin") == rows.datacenters_named("Europe/Berlin") != []
    (host,) = rows.hosts(None)
    assert (host.name, host.cpu_cores, host.version) == ("esx", None, None)


def test_a_vm_on_a_host_that_the_user_may_not_see_is_whole_and_without_a_place():
    record = machine(vm(**{"config.hardware.device": [], "runtime.host": vim.HostSystem("host-1")}), NOWHERE)
    assert (record.host, record.datacenter, record.cluster) == ("host-1", None, None)
    assert (record.disks, record.interfaces) == ((), ())


def test_one_property_that_cannot_be_read_leaves_the_whole_vm_out():
    row = Row(
        vim.VirtualMachine("vm-1"),
        {"name": "web", "config.hardware.device": []},
        {"guest.toolsVersion": vim.fault.NoPermission()},
    )
    assert unreadable(row).code == "vm_not_permitted"


@pytest.mark.parametrize("values", [{}, {"name": "", "config.hardware.device": []}])
def test_a_vm_without_even_a_name_has_none_and_is_known_by_its_moref(values):
    finding = unreadable(Row(vim.VirtualMachine("vm-1"), values))
    assert (finding.code, finding.vm_name, finding.moref) == ("vm_unreadable", None, "vm-1")
    assert finding.message.startswith("vm-1: ")


def test_a_vm_that_is_left_out_says_by_what_it_is_known():
    finding = unreadable(Row(vim.VirtualMachine("vm-1"), {"name": "web", "config.instanceUuid": "5000-AB"}))
    assert (finding.vm_name, finding.moref, finding.instance_uuid) == ("web", "vm-1", "5000-ab")


def test_what_no_database_can_hold_is_replaced_and_costs_no_vm():
    backing = DISK.FlatVer2BackingInfo(fileName="[ds] \x00.vmdk")
    device = DISK(key=2000, backing=backing, capacityInKB=1, deviceInfo=vim.Description(label="\x00", summary=""))
    record = machine(
        Row(
            vim.VirtualMachine("vm-1"),
            {"name": "we\x00b", "config.annotation": "\udcff", "config.hardware.device": [device]},
        ),
        NOWHERE,
    )
    assert (record.name, record.annotation) == ("we\ufffdb", "\ufffd")
    assert (record.disks[0].vmdk_path, record.disks[0].label) == ("[ds] \ufffd.vmdk", "\ufffd")


def test_one_datacenter_is_covered_only_where_its_name_says_which_it_is():
    rows = estate(
        Row(vim.Folder("group-d1"), {"name": "Datacenters"}),
        Row(vim.Folder("group-d9"), {"name": "Europe"}),
        Row(vim.Datacenter("datacenter-1"), {"name": "Berlin", "parent": vim.Folder("group-d9")}),
        Row(vim.Datacenter("datacenter-2"), {"name": "Bonn", "parent": vim.Folder("group-d9")}),
        Row(vim.Datacenter("datacenter-3"), {"name": "Bonn"}),
    )

    def covered(asked: str) -> frozenset[str] | None:
        (found,) = rows.datacenters_named(asked)
        return rows.covered_by(found, asked)

    assert covered("Berlin") == {"Berlin"}
    assert covered("Europe/Berlin") == covered("Europe/Bonn") == covered("Bonn") == frozenset()
    assert rows.covered_by(None, None) is None


def test_a_disconnected_vm_with_its_configuration_is_kept_with_a_warning():
    row = vm(**{"config.hardware.device": [], "runtime.connectionState": "disconnected"})
    assert unreadable(row) is None
    finding = doubtful(row)
    assert (finding.code, finding.severity, finding.vm_name) == ("vm_not_connected", "warning", None)


def test_tools_that_are_not_installed_have_no_version():
    assert machine(vm(**{"config.hardware.device": [], "guest.toolsVersion": "0"}), NOWHERE).vm_tools_version is None
