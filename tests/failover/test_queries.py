"""The four critical queries of seed 001, by name, on the rows that the document itself tells of."""

import pytest

from config.demo.factories import (
    ChangeIdFactory,
    FailoverJobFactory,
    NetworkMappingFactory,
    ReplicationJobFactory,
    TargetFactory,
    TargetNetworkFactory,
    TargetVolumeFactory,
    VMContextFactory,
    VMDiskFactory,
    VMNetworkInterfaceFactory,
)
from failover.queries import active_jobs, network_mapping_validation, vm_readiness, volume_mapping
from inventory.models import VMContext

pytestmark = pytest.mark.django_db
GIB = 2**30


@pytest.fixture
def vm() -> VMContext:
    """PGWINTESTBIOS as the document has it, with a second disk and a second network interface."""
    vm = VMContextFactory.create(
        name="PGWINTESTBIOS",
        vmware_uuid="4205a841-0265-f4bd-39a6-39fd92196f53",
        cpu_count=2,
        memory_mb=4096,
        os_type="windows2019srv_64",
    )
    target = TargetFactory.create(organization=vm.vcenter.organization)
    job = ReplicationJobFactory.create(id="job-20250818-153521", vm_context=vm, target=target, status="completed")
    first = VMDiskFactory.create(vm_context=vm, device_key=2000, capacity_bytes=54 * GIB, job=job)
    VMDiskFactory.create(vm_context=vm, device_key=2001, capacity_bytes=5 * GIB, job=job)
    TargetVolumeFactory.create(
        vm_disk=first, target=target, volume_id="e915ef05-ddf5-48d5-8352-a01300609717", volume_name="vol-PGWINTESTBIOS"
    )
    ChangeIdFactory.create(vm_disk=first, job=job, change_id="52 c3/1")
    VMNetworkInterfaceFactory.create(vm_context=vm, nic_key="key:4000", source_network_name="VM Network")
    VMNetworkInterfaceFactory.create(vm_context=vm, nic_key="key:4001", source_network_name="Legacy Network")
    for purpose, network, name in (
        ("live", "network-production-123", "Production Network"),
        ("test", "test-network-default", "Test Network"),
    ):
        to = TargetNetworkFactory.create(target=target, external_id=network, name=name)
        NetworkMappingFactory.create(vm_context=vm, purpose=purpose, target_network=to)
    return vm


def test_vm_readiness_validation_shows_every_disk_and_a_missing_change_id_as_missing(vm):
    first, second = vm_readiness(vm.pk)
    assert first == {
        "disk_id": "disk-2000",
        "job_id": "job-20250818-153521",
        "source_vm_name": "PGWINTESTBIOS",
        "job_status": "completed",
        "cpu_count": 2,
        "memory_mb": 4096,
        "os_type": "windows2019srv_64",
        "cloudstack_volume_id": "e915ef05-ddf5-48d5-8352-a01300609717",
        "volume_status": "attached",
        "change_id": "52 c3/1",
        "sync_success": True,
    }
    assert (second["disk_id"], second["cloudstack_volume_id"], second["change_id"]) == ("disk-2001", None, None)
    vm.disks.filter(device_key=2000).update(capacity_bytes=60 * GIB)
    assert [row["change_id"] for row in vm_readiness(vm.pk)] == [None, None]


def test_network_mapping_validation_can_say_unmapped(vm):
    first, second = network_mapping_validation(vm.pk)
    assert first["mapping_status"] == "mapped"
    assert (first["live_network_id"], first["test_network_id"]) == ("network-production-123", "test-network-default")
    assert (second["source_network_name"], second["mapping_status"]) == ("Legacy Network", "unmapped")
    assert second["live_network_id"] is None
    vm.network_mappings.filter(purpose="test").delete()
    assert [row["mapping_status"] for row in network_mapping_validation(vm.pk)] == ["test unmapped", "unmapped"]


@pytest.mark.parametrize("status", ["pending", "validating", "powering_on", "completed"])
def test_active_jobs_check_knows_every_status_in_which_a_failover_is_active(vm, status):
    assert list(active_jobs(vm.pk)) == []
    job = FailoverJobFactory.create(
        vm_context=vm,
        job_type="test",
        status=status,
        job_id="test-failover-4205a841-0265-f4bd-39a6-39fd92196f53-1755530108",
    )
    [found] = active_jobs(vm.pk)
    assert (found["kind"], found["active_job"], found["status"]) == ("failover", job.job_id, status)


def test_active_jobs_check_sees_a_running_replication(vm):
    ReplicationJobFactory.create(vm_context=vm, status="replicating", id="job-2")
    ReplicationJobFactory.create(status="replicating", id="job-3")
    assert [(row["kind"], row["active_job"]) for row in active_jobs(vm.pk)] == [("replication", "job-2")]


def test_volume_mapping_resolution_names_the_volume_of_each_disk(vm):
    first, second = volume_mapping(vm.pk)
    assert first["cloudstack_volume_id"] == "e915ef05-ddf5-48d5-8352-a01300609717"
    assert (first["volume_name"], first["status"], first["size_bytes"]) == ("vol-PGWINTESTBIOS", "attached", 54 * GIB)
    assert (second["disk_id"], second["db_volume_id"]) == ("disk-2001", None)
