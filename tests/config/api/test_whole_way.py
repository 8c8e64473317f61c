"""From a VM that was discovered to the evidence of a passed test, by an operator and an engine, by the API only."""

import json

import pytest

from config.demo.engine import Engine
from config.demo.factories import (
    BackupRepositoryFactory,
    ProtectionFactory,
    TargetNetworkFactory,
    TargetVolumeFactory,
    VMContextFactory,
    VMDiskFactory,
    VMNetworkInterfaceFactory,
)
from tests.config.api.client import Refused, hub_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm():
    vm = VMContextFactory.create(cpu_count=2, memory_mb=2048, os_type="debian12_64Guest")
    target = ProtectionFactory.create(vm_context=vm, rpo_seconds=3600).target
    for key in (2000, 2001):
        disk = VMDiskFactory.create(vm_context=vm, device_key=key, capacity_bytes=1000)
        TargetVolumeFactory.create(vm_disk=disk, target=target, status="attached")
    VMNetworkInterfaceFactory.create(vm_context=vm, source_network_name="VM Network")
    return vm


@pytest.fixture
def operator(vm):
    return hub_of(vm.vcenter.organization, "read", "operate", name="operator")


@pytest.fixture
def simulated(vm):
    return Engine(hub_of(vm.vcenter.organization, "read", "engine", name="engine"))


def codes(found) -> set[str]:
    return {each["code"] for each in found["findings"] if each["severity"] == "blocker"}


def test_a_vm_is_replicated_mapped_tested_and_the_test_is_proved(vm, operator, simulated, settings):
    settings.EVIDENCE_KEYS = ["a key of the tests, which is long enough to be one"]
    before = operator.get(f"vm-contexts/{vm.pk}/readiness?kind=test")
    assert before["verdict"] == "not_ready"
    assert {"VM.NOT_REPLICATED", "NIC.UNMAPPED"} <= codes(before)
    with pytest.raises(Refused) as refused:
        operator.post("failovers", context_id=vm.pk, kind="test")
    assert (refused.value.status, refused.value.code) == (422, "not_ready")
    assert {"NIC.UNMAPPED"} <= {each["code"] for each in refused.value.body["error"]["details"]}

    operator.post("replications", context_id=vm.pk)
    assert simulated.do_next("replication")["status"] == "completed"
    assert codes(operator.get(f"vm-contexts/{vm.pk}/readiness?kind=test")) == {"NIC.UNMAPPED"}
    assert len(operator.get("network-mappings/gaps")) == 1
    network = TargetNetworkFactory.create(target=vm.protection.target, isolation="isolated")
    mapping = operator.post(
        "network-mappings",
        context_id=vm.pk,
        source_network_name="VM Network",
        purpose="test",
        target_network_id=network.pk,
    )
    assert mapping["target_network_name"] == network.name
    found = operator.get(f"vm-contexts/{vm.pk}/readiness?kind=test")
    assert (found["verdict"], codes(found)) == ("ready", set())
    assert operator.get("readiness?kind=test")["counts"] == {"ready": 1, "not_ready": 0, "unknown": 0}

    made = operator.post("failovers", context_id=vm.pk, kind="test")
    assert (made["failover"], made["waiting"]) == ("test", True)
    done = simulated.do_next("failover")
    assert (done["status"], operator.get(f"failovers/{made['id']}")["aftermath"]) == ("completed", "due")
    with pytest.raises(Refused) as refused:
        operator.get(f"evidence/{made['id']}")
    assert (refused.value.status, refused.value.code) == (409, "job_active")
    cleaning = operator.post(f"failovers/{made['id']}/cleanup")
    assert (cleaning["status"], cleaning["waiting"]) == ("cleanup", True)
    simulated.do_next("failover")
    assert operator.get(f"failovers/{made['id']}")["aftermath"] == "cleaned"
    evidence = operator.get(f"evidence/{made['id']}")
    assert json.dumps(evidence).count(made["id"]) >= 1
    again = operator.post("replications", context_id=vm.pk)
    assert (again["type"], "written by a test failover" in again["type_reason"]) == ("initial", True)


def test_a_live_failover_is_committed_and_from_then_on_the_source_is_left_alone(vm, operator, simulated):
    operator.post("replications", context_id=vm.pk)
    simulated.do_next("replication")
    network = TargetNetworkFactory.create(target=vm.protection.target, isolation="production")
    live = {"source_network_name": "VM Network", "purpose": "live", "target_network_id": network.pk}
    mapping = operator.post("network-mappings", context_id=vm.pk, **live)
    made = operator.post("failovers", context_id=vm.pk, kind="live", override_reason="the hall burns")
    simulated.do_next("failover")
    with pytest.raises(Refused) as refused:
        operator.post("failovers/" + made["id"] + "/commit")
    assert refused.value.status == 422
    assert operator.post(f"failovers/{made['id']}/commit", reason="it serves")["aftermath"] == "committed"
    for call, body in (("replications", {}), ("failovers", {"kind": "live"})):
        with pytest.raises(Refused) as refused:
            operator.post(call, context_id=vm.pk, **body)
        assert (refused.value.code, refused.value.status in (409, 422)) == ("runs_at_target", True)
    other = TargetNetworkFactory.create(target=vm.protection.target, isolation="production")
    changed = {"target_network_id": other.pk, "version": mapping["version"]}
    assert operator.call("PATCH", f"network-mappings/{mapping['id']}", changed)["target_network_id"] == other.pk
    with pytest.raises(Refused) as refused:
        operator.call("PATCH", f"network-mappings/{mapping['id']}", {**changed, "target_network_id": network.pk})
    assert refused.value.status == 409
    operator.call("DELETE", f"network-mappings/{mapping['id']}")
    assert operator.get("network-mappings")["items"] == []


def test_a_vm_is_backed_up_and_restored_by_engines_of_which_none_knows_what_another_did(vm, operator, simulated):
    repository = BackupRepositoryFactory.create(organization=vm.vcenter.organization)
    types = []
    for _ in range(2):
        made = operator.post("backups", context_id=vm.pk, repository_id=repository.pk)
        types.append(made["type"])
        assert Engine(simulated.hub).do_next("backup")["status"] == "completed"
    assert types == ["full", "incremental"]
    points = operator.get(f"vm-contexts/{vm.pk}/restore-points")
    assert [(each["restorable"], len(each["chain"])) for each in points] == [(True, 2), (True, 1)]
    verdicts = operator.post("prune/simulate", context_id=vm.pk)
    assert [each["keep"] for each in verdicts] == [True, True]
    made = operator.post("restores", backup_id=points[0]["id"], target="/srv/restored")
    assert (made["kind"], made["mode"], made["waiting"]) == ("restore", "restore", True)
    assert simulated.do_next("restore")["status"] == "completed"
    assert [each["kind"] for each in operator.get("jobs")["items"]] == ["restore", "backup", "backup"]


def test_nothing_of_another_organization_is_found(vm, operator, simulated):
    repository = BackupRepositoryFactory.create(organization=vm.vcenter.organization)
    operator.post("backups", context_id=vm.pk, repository_id=repository.pk)
    job = simulated.do_next("backup")["id"]
    other = hub_of(None, name="other")
    for path in (
        *(f"backups/{job}", f"jobs/{job}", f"vm-contexts/{vm.pk}/readiness", f"vm-contexts/{vm.pk}/restore-points"),
        *(f"evidence/{job}", f"failovers/{job}", f"restores/{job}"),
    ):
        with pytest.raises(Refused) as refused:
            other.get(path)
        assert (refused.value.status, refused.value.code) == (404, "not_found"), path
    for path in ("backups", "restores", "failovers", "network-mappings"):
        assert other.get(path)["items"] == []
    assert other.get("network-mappings/gaps") == []
    assert other.get("readiness")["counts"] == {"ready": 0, "not_ready": 0, "unknown": 0}
    assert other.post("prune/simulate") == []
    bodies = {
        "backups": {"context_id": vm.pk, "repository_id": repository.pk},
        "restores": {"backup_id": job, "target": "/srv"},
        "failovers": {"context_id": vm.pk, "kind": "test"},
        "prune/simulate": {"context_id": vm.pk},
    }
    for path, body in bodies.items():
        with pytest.raises(Refused) as refused:
            other.post(path, **body)
        assert refused.value.status == 404, path
