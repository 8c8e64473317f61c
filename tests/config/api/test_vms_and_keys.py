"""What is told of a VM, and how keys are made and revoked."""

import pytest

from config.demo.engine import Engine
from config.demo.factories import ProtectionFactory, VMContextFactory, VMDiskFactory, VMNetworkInterfaceFactory
from inventory.models import ApiKey
from tests.config.api.client import Hub, Refused, hub_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm():
    vm = VMContextFactory.create()
    ProtectionFactory.create(vm_context=vm, rpo_seconds=3600)
    VMDiskFactory.create(vm_context=vm, device_key=2000, capacity_bytes=1000)
    VMNetworkInterfaceFactory.create(vm_context=vm, source_network_name="VM Network")
    return vm


def test_a_vm_is_told_with_all_that_is_known_and_unknown_is_null(vm):
    hub = hub_of(vm.vcenter.organization)
    before = hub.get(f"vm-contexts/{vm.pk}")
    assert (before["rpo"]["state"], before["rpo"]["age_seconds"], before["newest_restorable"]) == (
        "unknown",
        None,
        None,
    )
    assert before["last_jobs"] == []
    job = hub.post("replications", context_id=vm.pk)
    [listed] = hub.get(f"vm-contexts?name={vm.name}")["items"]
    assert (listed["holder_kind"], listed["holder_id"]) == ("replication", job["id"])
    Engine(hub).do_next("replication")
    found = hub.get(f"vm-contexts/{vm.pk}")
    assert (found["rpo"]["state"], found["holder_id"], found["last_jobs"][0]["id"]) == ("met", None, job["id"])
    [disk] = found["disks"]
    [change_id] = hub.get(f"vm-contexts/{vm.pk}/change-ids")
    assert (disk["change_id"], disk["sync_status"]) == (change_id["change_id"], "completed")
    assert change_id["is_base"] is True
    assert found["interfaces"][0]["source_network_name"] == "VM Network"


def test_a_list_of_vms_takes_as_many_queries_for_many_as_for_one(vm, django_assert_max_num_queries):
    for _ in range(5):
        VMDiskFactory.create(vm_context=VMContextFactory.create(vcenter=vm.vcenter))
    hub = hub_of(vm.vcenter.organization)
    hub.get("vm-contexts")
    with django_assert_max_num_queries(7):
        assert len(hub.get("vm-contexts")["items"]) == 6


def test_vms_of_others_are_not_found(vm):
    other = hub_of()
    assert other.get("vm-contexts")["items"] == []
    for path in (f"vm-contexts/{vm.pk}", f"vm-contexts/{vm.pk}/change-ids"):
        with pytest.raises(Refused) as refused:
            other.get(path)
        assert refused.value.status == 404


def test_a_key_is_shown_once_works_and_ends_when_it_is_revoked(vm):
    admin = hub_of(vm.vcenter.organization)
    made = admin.post("keys", name="engine of hall 2", scopes=["engine", "read"])
    hub = Hub(made["secret"])
    assert [each["context_id"] for each in hub.get("vm-contexts")["items"]] == [vm.pk]
    assert "secret" not in str(admin.get("keys")["items"])
    with pytest.raises(Refused) as refused:
        hub.get("keys")
    assert refused.value.status == 403
    with pytest.raises(Refused) as refused:
        admin.post("keys", name="engine of hall 2", scopes=["read"])
    assert (refused.value.status, "another name" in refused.value.message) == (409, True)
    admin.call("DELETE", f"keys/{made['id']}")
    with pytest.raises(Refused) as refused:
        hub.get("vm-contexts")
    assert refused.value.status == 401
    assert ApiKey.objects.get(pk=made["id"]).revoked_at is not None


def test_nobody_makes_a_key_that_may_do_more_than_who_asks_or_revokes_that_of_others(vm):
    clerk = hub_of(vm.vcenter.organization, "admin", "read")
    with pytest.raises(Refused) as refused:
        clerk.post("keys", name="more", scopes=["engine"])
    assert (refused.value.status, "give the scope engine" in refused.value.message) == (403, True)
    other = hub_of()
    with pytest.raises(Refused) as refused:
        clerk.call("DELETE", f"keys/{ApiKey.objects.exclude(organization=vm.vcenter.organization).get().pk}")
    assert refused.value.status == 404
    assert other.get("vm-contexts")["items"] == []
    for scopes in ([], ["everything"], "read"):
        with pytest.raises(Refused) as refused:
            clerk.post("keys", name="wrong", scopes=scopes)
        assert refused.value.status == 422
