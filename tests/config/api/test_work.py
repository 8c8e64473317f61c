"""What the engine that takes a job learns of it: what it copies, and on what each copy builds."""

import pytest

from config.demo.engine import Engine
from config.demo.factories import BackupRepositoryFactory, FailoverJobFactory, ProtectionFactory, RestoreJobFactory
from tests.backups.vms import repository_of, vm_with_disks
from tests.config.api.client import Refused, hub_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm():
    return vm_with_disks()


@pytest.fixture
def hub(vm):
    return hub_of(vm.vcenter.organization)


@pytest.fixture
def replicated(vm, hub):
    ProtectionFactory.create(vm_context=vm)
    job = hub.post("replications", context_id=vm.pk)["id"]
    Engine(hub).do_next("replication")
    return job, vm


def test_the_engine_of_a_back_up_learns_the_restore_point_and_the_change_id_that_each_disk_builds_on(vm, hub):
    repository = repository_of(vm)
    full = hub.post("backups", context_id=vm.pk, repository_id=repository.pk)["id"]
    before = hub.get(f"jobs/{full}/disks")
    assert (before["type"], before["builds_on"]) == ("full", None)
    assert [(disk["disk_id"], disk["status"], disk["base_change_id"]) for disk in before["disks"]] == [
        ("disk-2000", "pending", None),
        ("disk-2001", "pending", None),
    ]
    Engine(hub).do_next("backup")
    made = {disk["disk_id"]: disk["change_id"] for disk in hub.get(f"jobs/{full}/disks")["disks"]}
    assert len(set(made.values())) == 2

    incremental = hub.post("backups", context_id=vm.pk, repository_id=repository.pk)["id"]
    found = hub.get(f"jobs/{incremental}/disks")
    assert (found["type"], found["builds_on"]) == ("incremental", full)
    assert {disk["disk_id"]: disk["base_change_id"] for disk in found["disks"]} == made
    assert [disk["change_id"] for disk in found["disks"]] == [None, None]
    # What it is told is what the hub accepts.
    assert Engine(hub, name="engine-2").do_next("backup")["status"] == "completed"


def test_another_repository_builds_on_nothing_that_lies_elsewhere(vm, hub):
    for _ in range(2):
        other = BackupRepositoryFactory.create(organization=vm.vcenter.organization)
        job = hub.post("backups", context_id=vm.pk, repository_id=other.pk)["id"]
        found = hub.get(f"jobs/{job}/disks")
        assert (found["type"], {disk["base_change_id"] for disk in found["disks"]}) == ("full", {None})
        Engine(hub).do_next("backup")


def test_the_engine_of_a_replication_learns_the_same_in_the_same_shape(hub, replicated):
    first, vm = replicated
    assert hub.get(f"jobs/{first}/disks")["type"] == "initial"
    made = {disk["disk_id"]: disk["change_id"] for disk in hub.get(f"jobs/{first}/disks")["disks"]}
    again = hub.post("replications", context_id=vm.pk)["id"]
    found = hub.get(f"jobs/{again}/disks")
    assert (found["type"], found["builds_on"]) == ("incremental", None)
    assert {disk["disk_id"]: disk["base_change_id"] for disk in found["disks"]} == made
    whole = Engine(hub).do_next("replication")
    assert (whole["id"], whole["status"]) == (again, "completed")


def test_a_job_that_copies_nothing_says_so_and_that_of_others_is_not_found(vm, hub):
    for factory in (FailoverJobFactory, RestoreJobFactory):
        job = factory.create(status="completed")
        mine = hub_of(job.vm.vcenter.organization, name="theirs")
        with pytest.raises(Refused, match=rf"A {job.KIND} job copies no disks\.") as refused:
            mine.get(f"jobs/{job.public_id}/disks")
        assert (refused.value.status, refused.value.code) == (422, "invalid")
        with pytest.raises(Refused) as refused:
            hub.get(f"jobs/{job.public_id}/disks")
        assert refused.value.status == 404


def test_it_takes_as_many_queries_for_many_disks_as_for_one(django_assert_max_num_queries):
    for count in (1, 12):
        vm = vm_with_disks(count)
        mine = hub_of(vm.vcenter.organization, name=f"of {count}")
        job = mine.post("backups", context_id=vm.pk, repository_id=repository_of(vm).pk)["id"]
        with django_assert_max_num_queries(6):
            assert len(mine.get(f"jobs/{job}/disks")["disks"]) == count
