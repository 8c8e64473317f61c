"""An engine that replicates a VM, through the API only."""

import pytest

from config.demo.factories import ProtectionFactory, VMContextFactory, VMDiskFactory
from replication.services.change_ids import current_base
from tests.config.api.client import Refused, hub_of

pytestmark = pytest.mark.django_db
TRACKING = "52a1b2c3-d4e5-f607-1829-3a4b5c6d7e8f"


@pytest.fixture
def vm():
    vm = VMContextFactory.create()
    ProtectionFactory.create(vm_context=vm)
    for key in (2000, 2001):
        VMDiskFactory.create(vm_context=vm, device_key=key, capacity_bytes=1000)
    return vm


def test_a_vm_is_replicated_by_an_engine_that_knows_nothing_but_the_api(vm):
    organization = vm.vcenter.organization
    operator, engine = hub_of(organization, "operate", "read"), hub_of(organization, "engine", "read")
    made = operator.post("replications", context_id=vm.pk)
    assert (made["type"], made["waiting"], made["lost"], made["status"]) == ("initial", True, False, "pending")
    with pytest.raises(Refused) as refused:
        operator.post("replications", context_id=vm.pk)
    assert (refused.value.status, refused.value.code) == (409, "claim_held")
    assert refused.value.body["error"]["details"][0]["holder_id"] == made["id"]

    taken = engine.post("jobs/next", kinds=["replication", "backup"], engine="engine-1")
    job, fence = taken["job"]["id"], taken["fence"]
    assert (job, taken["job"]["status"]) == (made["id"], "running")
    engine.post(f"jobs/{job}/advance", fence=fence, to="replicating")
    for number in range(1, 4):
        engine.post(f"jobs/{job}/heartbeat", fence=fence)
        disks = [{"disk_id": "disk-2000", "bytes_synced": 300 * number}]
        engine.post(f"jobs/{job}/progress", fence=fence, sequence=number, percent=30 * number, disks=disks)
    with pytest.raises(Refused) as refused:
        engine.post(f"jobs/{job}/complete", fence=fence)
    assert (refused.value.status, refused.value.code) == (409, "disk_open")
    for disk in ("disk-2000", "disk-2001"):
        answer = engine.put(
            f"jobs/{job}/disks/{disk}", fence=fence, status="completed", bytes=1000, change_id=f"{TRACKING}/1"
        )
        assert (answer["status"], answer["change_id"]) == ("completed", f"{TRACKING}/1")
    done = engine.post(f"jobs/{job}/complete", fence=fence)
    assert (done["status"], done["progress"]["percent"], done["lost"]) == ("completed", 100.0, False)
    assert [current_base(disk).change_id for disk in vm.disks.all()] == [f"{TRACKING}/1"] * 2
    assert engine.post("jobs/next", kinds=["replication"], engine="engine-1") is None
    assert engine.response.status_code == 204


def test_a_call_that_is_repeated_with_its_key_is_done_once(vm):
    hub = hub_of(vm.vcenter.organization)
    body = {"context_id": vm.pk}
    first = hub.call("POST", "replications", body, **{"Idempotency-Key": "abc"})
    again = hub.call("POST", "replications", body, **{"Idempotency-Key": "abc"})
    assert (again, hub.response.status_code, vm.replication_jobs.count()) == (first, 201, 1)
    with pytest.raises(Refused) as refused:
        hub.call("POST", "replications", {"context_id": "ctx-other"}, **{"Idempotency-Key": "abc"})
    assert (refused.value.status, refused.value.code) == (409, "idempotency_key_reused")


def test_a_heartbeat_takes_four_queries_the_look_up_of_the_key_included(vm, django_assert_max_num_queries):
    hub = hub_of(vm.vcenter.organization)
    hub.post("replications", context_id=vm.pk)
    taken = hub.post("jobs/next", kinds=["replication"], engine="engine-1")
    with django_assert_max_num_queries(4):
        hub.post(f"jobs/{taken['job']['id']}/heartbeat", fence=taken["fence"])
