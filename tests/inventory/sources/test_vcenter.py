"""The vCenter source against a real SOAP endpoint: govmomi's simulator."""

import cProfile
from collections.abc import Callable

import pytest

from inventory.sources.records import Batch, VirtualMachine
from inventory.sources.vcenter import VcenterSource
from inventory.sources.vcenter.session import Stub, newest_version
from tests.vcsim.bare import bare_read
from tests.vcsim.server import Vcsim, running_vcsim

pytestmark = pytest.mark.no_database

GIB = 1024**3
FIRST = "DC0_C0_RP0_VM0"


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SOAP methods that were called, in order."""
    called: list[str] = []
    invoke = Stub.InvokeMethod

    def counted(self, mo, info, *args):
        called.append(info.wsdlName)
        return invoke(self, mo, info, *args)

    monkeypatch.setattr(Stub, "InvokeMethod", counted)
    return called


def source(vcsim: Vcsim, **options) -> VcenterSource:
    trust = {"tls": "verify", "ca_data": vcsim.certificate}
    return VcenterSource(vcsim.host, vcsim.username, vcsim.password, port=vcsim.port, **{**trust, **options})


def read(vcsim: Vcsim, *names: str, **options) -> list[Batch]:
    return list(source(vcsim, **options).batches(names))


def vms_of(batches: list[Batch]) -> dict[str, VirtualMachine]:
    return {vm.name: vm for batch in batches for vm in batch.vms}


def test_fifty_vms_come_with_their_disks_and_interfaces():
    with running_vcsim(vms=50) as vcsim:
        vms = vms_of(read(vcsim))
    assert len(vms) == 50
    assert len({vm.instance_uuid for vm in vms.values()}) == 50
    assert len({vm.interfaces[0].mac_address for vm in vms.values()}) == 50
    for vm in vms.values():
        (disk,), (card,) = vm.disks, vm.interfaces
        assert disk.vmdk_path == f"[LocalDS_0] {vm.name}/disk1.vmdk"
        assert (disk.datastore, disk.capacity_bytes, disk.unit_number) == ("LocalDS_0", 1024**2, 0)
        assert (card.nic_key, card.network, card.adapter_type) == ("key:4000", "DC0_DVPG0", "vmxnet3")
        assert card.mac_address.startswith("00:50:56:")


def test_a_vm_carries_its_identity_place_and_specification():
    with running_vcsim(vms=1, hosts=1) as vcsim:
        batches = read(vcsim)
    host, vm = batches[0].hosts[0], vms_of(batches)[FIRST]
    assert vm.moref.startswith("vm-")
    assert vm.host == host.moref
    assert (vm.datacenter, vm.cluster) == ("DC0", "DC0_C0")
    assert (vm.cpu_count, vm.memory_mb, vm.os_type, vm.firmware) == (1, 32, "otherGuest", "bios")
    assert (vm.power_state, vm.is_template) == ("poweredOn", False)
    assert vm.path == f"[LocalDS_0] {FIRST}/{FIRST}.vmx"
    assert vm.bios_uuid == vm.bios_uuid.lower() != vm.instance_uuid


def test_hosts_come_in_the_first_batch_and_the_total_is_known_by_then():
    with running_vcsim(vms=3, hosts=2) as vcsim:
        reading = source(vcsim)
        assert reading.total is None
        first, *rest = reading.batches()
        assert reading.total == 3
    assert [host.name for host in first.hosts] == ["DC0_C0_H0", "DC0_C0_H1"]
    assert all(host.cpu_cores and host.memory_mb and host.version for host in first.hosts)
    assert not first.vms
    assert not any(batch.hosts for batch in rest)


def test_every_batch_says_which_vcenter_it_is_of():
    with running_vcsim(vms=3) as vcsim:
        origins = {batch.origin for batch in read(vcsim, batch_size=1)}
    (origin,) = origins
    assert origin.server == "127.0.0.1"
    assert len(origin.instance_uuid) == 36
    assert origin.version.startswith("VMware vCenter Server")


def test_requests_do_not_grow_with_vms(requests):
    counts = []
    for number in (5, 100):
        with running_vcsim(vms=number) as vcsim:
            requests.clear()
            assert len(vms_of(read(vcsim))) == number
            counts.append(len(requests))
    assert counts == [10, 10], requests


def test_each_further_batch_is_one_request_and_no_larger_than_asked(requests):
    with running_vcsim(vms=50) as vcsim:
        batches = read(vcsim, batch_size=20)
    assert [len(batch.vms) for batch in batches] == [0, 20, 20, 10]
    assert requests.count("ContinueRetrievePropertiesEx") == 2
    assert len(requests) == 12


def test_only_the_vms_asked_for_are_yielded_and_unknown_names_are_passed_over(requests):
    with running_vcsim(vms=30) as vcsim:
        reading = source(vcsim)
        vms = vms_of(list(reading.batches([FIRST, "DC0_C0_RP0_VM29", "nowhere"])))
    assert sorted(vms) == [FIRST, "DC0_C0_RP0_VM29"]
    assert all(vm.disks and vm.interfaces for vm in vms.values())
    assert reading.total == 2
    assert len(requests) == 10


def test_names_that_do_not_exist_yield_hosts_and_no_vms():
    with running_vcsim(vms=2) as vcsim:
        (batch,) = read(vcsim, "nowhere")
    assert batch.hosts
    assert not batch.vms
    assert not batch.findings


def test_names_are_asked_for_and_given_as_people_see_them():
    with running_vcsim(vms=2) as vcsim:
        vcsim.rename_vm(FIRST, "web%2fdb 100%25")
        vms = vms_of(read(vcsim, "web/db 100%"))
    assert list(vms) == ["web/db 100%"]


def test_one_datacenter_is_read_without_the_vms_and_hosts_of_another():
    with running_vcsim(vms=3, hosts=1, datacenters=2) as vcsim:
        batches = read(vcsim, datacenter="DC1")
    assert {vm.datacenter for vm in vms_of(batches).values()} == {"DC1"}
    assert len(vms_of(batches)) == 3
    assert [host.name for host in batches[0].hosts] == ["DC1_C0_H0"]
    assert [batch.covers for batch in batches] == [frozenset({"DC1"})] * 2


def test_a_reading_of_the_whole_vcenter_covers_it_in_every_batch(monkeypatch):
    monkeypatch.setattr("inventory.sources.vcenter.members", lambda session, view: [*range(9)])
    with running_vcsim(vms=4, datacenters=2) as vcsim:
        batches = read(vcsim, batch_size=5)
    assert batches[-1].findings
    assert [batch.covers for batch in batches] == [None] * 4


def test_a_vm_without_configuration_is_left_out_and_named():
    with running_vcsim(vms=4, orphans=1) as vcsim:
        batches = read(vcsim)
    (finding,) = [finding for batch in batches for finding in batch.findings]
    assert (finding.code, finding.vm_name, finding.severity) == ("vm_unreadable", FIRST, "error")
    assert finding.moref.startswith("vm-")
    assert "orphaned" in finding.message
    assert len(vms_of(batches)) == 3


def test_a_vm_that_may_not_be_read_is_left_out_and_named():
    with running_vcsim(vms=4, hidden=2) as vcsim:
        batches = read(vcsim)
    findings = [finding for batch in batches for finding in batch.findings]
    assert {finding.code for finding in findings} == {"vm_not_permitted"}
    assert {finding.vm_name for finding in findings} == {"DC0_C0_RP0_VM2", "DC0_C0_RP0_VM3"}
    assert all(finding.moref.startswith("vm-") for finding in findings)
    assert len(vms_of(batches)) == 2


def test_vms_that_are_gone_before_they_are_read_are_told(monkeypatch):
    monkeypatch.setattr("inventory.sources.vcenter.members", lambda session, view: [*range(5)])
    with running_vcsim(vms=4) as vcsim:
        batches = read(vcsim)
    (finding,) = batches[-1].findings
    assert (finding.code, finding.severity, finding.vm_name) == ("vms_gone", "warning", None)
    assert len(vms_of(batches)) == 4


def test_a_second_reading_of_the_same_estate_is_equal():
    with running_vcsim(vms=5) as vcsim:
        assert read(vcsim) == read(vcsim)


def test_a_second_reading_sees_a_new_name_under_the_same_identity():
    with running_vcsim(vms=2) as vcsim:
        before = vms_of(read(vcsim))[FIRST]
        vcsim.rename_vm(FIRST, "renamed")
        after = vms_of(read(vcsim))["renamed"]
    assert (after.moref, after.instance_uuid, after.disks) == (before.moref, before.instance_uuid, before.disks)


def test_a_second_reading_sees_disks_added_grown_and_removed():
    with running_vcsim(vms=1) as vcsim:
        (old,) = vms_of(read(vcsim))[FIRST].disks
        vcsim.add_disk(FIRST, 4 * GIB)
        _, new = vms_of(read(vcsim))[FIRST].disks
        assert (new.capacity_bytes, new.unit_number, new.provisioning_type) == (4 * GIB, 1, "thin")
        vcsim.grow_disk(FIRST, new.device_key, 6 * GIB)
        grown = {disk.device_key: disk.capacity_bytes for disk in vms_of(read(vcsim))[FIRST].disks}
        assert grown == {old.device_key: 1024**2, new.device_key: 6 * GIB}
        vcsim.remove_disk(FIRST, old.device_key)
        assert [disk.device_key for disk in vms_of(read(vcsim))[FIRST].disks] == [new.device_key]


def test_a_second_reading_sees_another_network():
    with running_vcsim(vms=1) as vcsim:
        for network in ("DC0_DVPG1", "VM Network"):
            vcsim.change_network(FIRST, network)
            (card,) = vms_of(read(vcsim))[FIRST].interfaces
            assert (card.nic_key, card.network) == ("key:4000", network)


def test_a_template_says_so():
    with running_vcsim(vms=1) as vcsim:
        vcsim.mark_as_template(FIRST)
        assert vms_of(read(vcsim))[FIRST].is_template


@pytest.mark.parametrize(
    ("served", "spoken"),
    [
        ("6.5", "vim.version.version11"),
        ("7.0.3.9", "vim.version.v7_0_3_2"),
        ("8.0.2.0", "vim.version.v8_0_2_0"),
        ("4.1", "vim.version.version9"),
        ("unheard of", "vim.version.version9"),
    ],
)
def test_the_newest_version_that_both_sides_know_is_spoken(served, spoken):
    assert newest_version(served) == spoken


def test_the_session_ends_with_the_reading(requests):
    with running_vcsim(vms=2) as vcsim:
        read(vcsim)
        assert vcsim.sessions() == 0
    assert requests[-2:] == ["DestroyView", "Logout"]


def test_the_session_ends_when_the_reader_stops_early(requests):
    with running_vcsim(vms=20) as vcsim:
        batches = source(vcsim, batch_size=5).batches()
        next(batches)
        next(batches)
        assert vcsim.sessions() == 1
        batches.close()
        assert vcsim.sessions() == 0
    assert requests[-2:] == ["DestroyView", "Logout"]


def test_a_thousand_vms_cost_little_more_than_one_bare_request(capsys):
    """Counts calls, which no other work on the machine changes; the benchmarks measure the time."""
    with running_vcsim(vms=2) as few:
        # What is loaded once counts for neither.
        read(few)
        bare_read(few)
    with running_vcsim(vms=1000, hosts=4) as vcsim:
        ours = calls_of(lambda: vms_of(read(vcsim)))
        bare = calls_of(lambda: bare_read(vcsim))
    with capsys.disabled():
        print(f"\n1,000 VMs: source {ours:,} calls, bare request {bare:,}, ratio {ours / bare:.3f}")
    assert ours / bare <= 1.3


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions run during the work."""
    with cProfile.Profile(builtins=False) as profile:
        work()
    return sum(each.callcount for each in profile.getstats())
