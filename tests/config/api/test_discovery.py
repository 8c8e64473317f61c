"""Discovery over HTTP, against a simulated vCenter: every name has its answer, and secrets stay where they are."""

import contextlib
import socket
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from config.demo.factories import DiscoveryRunFactory, OrganizationFactory, VcenterFactory
from config.worker.duties import DUTIES
from inventory.models import DiscoveryOutcome, DiscoveryRun, Vcenter, VMContext, VMDisk
from inventory.services import queue
from tests.config.api.client import Hub, Refused, hub_of
from tests.vcsim.server import Vcsim, running_vcsim

pytestmark = pytest.mark.django_db
[DISCOVERY] = [duty for duty in DUTIES if duty.name == "discovery"]


@pytest.fixture(scope="module")
def simulator():
    with running_vcsim(vms=3, hosts=1) as server:
        yield server


@pytest.fixture
def organization():
    return OrganizationFactory.create()


@pytest.fixture
def hub(organization) -> Hub:
    return hub_of(organization)


@pytest.fixture
def vcenter(organization, simulator: Vcsim) -> Vcenter:
    return stored(organization, simulator, password=simulator.password)


@pytest.fixture
def names(simulator: Vcsim) -> list[str]:
    with_config = [vm.name for datacenter in simulator._datacenters() for vm in datacenter.vmFolder.childEntity]
    return sorted(with_config)


def stored(organization: Any, simulator: Vcsim, **columns: Any) -> Vcenter:
    return VcenterFactory.create(
        **{
            "organization": organization,
            "host": simulator.host,
            "port": simulator.port,
            "username": simulator.username,
            "datacenter": None,
            "tls_policy": "pinned",
            "thumbprint": simulator.thumbprint,
            "instance_uuid": None,
            **columns,
        }
    )


def refusal(hub: Hub, path: str, **body: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        hub.post(path, **body)
    return refused.value


def test_vms_are_added_with_one_entry_for_every_name_that_was_asked_for(hub, vcenter, names):
    body = {"credential_id": vcenter.pk, "vm_names": [names[0], "nobody", names[0]], "added_by": "ann"}
    answer = hub.post("discovery/add-vms", **body)
    added, missing = answer["processed_vms"]
    vm = VMContext.objects.get()
    assert added == {
        "vm_name": names[0],
        "success": True,
        "outcome": "added",
        "context_id": vm.pk,
        "error": None,
    }
    assert (missing["vm_name"], missing["success"], missing["outcome"]) == ("nobody", False, "missing")
    assert "check its spelling" in missing["error"]
    assert [answer[name] for name in ("success", "vms_added", "vms_failed", "total_vms")] == [False, 1, 1, 2]
    assert vm.added_by == f"ann (key key-{vcenter.organization.pk}-all)"
    assert VMDisk.objects.filter(vm_context=vm, job=None, capacity_bytes__gt=0).exists()
    again = hub.post("discovery/add-vms", **{**body, "vm_names": [names[0]]})
    assert (again["success"], again["vms_added"], again["processed_vms"][0]["outcome"]) == (True, 0, "unchanged")


def test_a_call_that_is_repeated_with_its_key_is_answered_alike_and_reads_nothing(hub, vcenter, names):
    body = {"credential_id": vcenter.pk, "vm_names": [names[0]]}
    first = hub.call("POST", "discovery/add-vms", body, **{"Idempotency-Key": "k"})
    assert first["vms_added"] == 1
    assert hub.call("POST", "discovery/add-vms", body, **{"Idempotency-Key": "k"}) == first
    assert DiscoveryRun.objects.count() == 1
    with pytest.raises(Refused) as refused:
        hub.call("POST", "discovery/add-vms", {**body, "vm_names": ["x"]}, **{"Idempotency-Key": "k"})
    assert refused.value.code == "idempotency_key_reused"
    Vcenter.objects.update(password=None)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            hub.call("POST", "discovery/add-vms", body, **{"Idempotency-Key": "other"})
        assert refused.value.code == "no_credentials", "what was refused may be said again"


def test_a_preview_says_what_would_be_and_writes_nothing(hub, vcenter, names):
    before = tables()
    answer = hub.post("discovery/preview", credential_id=vcenter.pk)
    assert answer["counts"] == {"added": 3}
    assert sorted(each["vm_name"] for each in answer["outcomes"]) == names
    some = hub.post("discovery/preview", credential_id=vcenter.pk, vm_names=[names[0], "nobody"])
    assert {each["vm_name"]: each["outcome"] for each in some["outcomes"]} == {names[0]: "added", "nobody": "missing"}
    assert tables() == before


def tables() -> list[int]:
    return [model.objects.count() for model in (Vcenter, VMContext, VMDisk, DiscoveryRun, DiscoveryOutcome)]


def test_spoken_credentials_are_for_allowed_hosts_and_stored_nowhere(hub, organization, simulator, names, settings):
    spoken = {"vcenter": simulator.host, "port": simulator.port, "username": simulator.username}
    body = {**spoken, "password": simulator.password, "vm_names": [names[0]]}
    known = stored(organization, simulator, username=None, password=None)
    refused = refusal(hub, "discovery/add-vms", **body)
    assert (refused.status, refused.code) == (422, "host_not_allowed")
    assert refusal(hub, "discovery/preview", **body).code == "host_not_allowed"
    assert (DiscoveryRun.objects.count(), VMContext.objects.count()) == (0, 0)
    settings.DISCOVERY_ALLOWED_HOSTS = [f"{simulator.host}:{simulator.port}"]
    answer = hub.post("discovery/add-vms", **body)
    assert answer["success"] is True
    assert VMContext.objects.get().vcenter == known
    wrong = refusal(hub, "discovery/add-vms", **{**body, "password": "Wr0ng-and-secret"})
    assert (wrong.status, wrong.code) == (422, "wrong_password")
    known.refresh_from_db()
    assert (known.username, known.password) == (None, None)
    said = f"{wrong.body}{answer}{list(DiscoveryRun.objects.values())}"
    assert "Wr0ng-and-secret" not in said
    assert simulator.password not in said


def test_a_host_that_is_not_allowed_is_not_connected_to(hub, settings):
    with running_nobody() as (host, port, connections):
        body = {"vcenter": host, "port": port, "username": "u", "password": "p", "vm_names": ["vm"]}
        assert refusal(hub, "discovery/add-vms", **body).code == "host_not_allowed"
        assert connections() == 0


@pytest.mark.parametrize("path", ["discovery/add-vms", "discovery/preview"])
@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "vc01.example.evil.example", "xvc01.example", "vc01.example..", "vc01", "*", "", " "),
        *(
            "evil.example#vc01.example",
            "vc01.example@evil.example",
            "vc01.example:443@evil.example",
            "evil/vc01.example",
        ),
        *("vc01.example\n", " vc01.example", "127.0.0.1", "2130706433", "[::1]", "\uff56c01.example"),
    ],
)
def test_no_way_of_writing_a_host_gets_past_the_list(hub, settings, monkeypatch, path, host):
    settings.DISCOVERY_ALLOWED_HOSTS = ["vc01.example"]
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: asked.append(address) or [])
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    refused = refusal(hub, path, vcenter=host, username="u", password="p", vm_names=["vm"])
    assert (refused.status, refused.code in {"host_not_allowed", "invalid"}) == (422, True)
    assert (asked, DiscoveryRun.objects.count()) == ([], 0)


def running_nobody():
    """A listener that counts who connects."""

    @contextlib.contextmanager
    def listening():
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)

            def connections() -> int:
                with contextlib.suppress(BlockingIOError):
                    server.accept()
                    return 1
                return 0

            yield "127.0.0.1", server.getsockname()[1], connections

    return listening()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"vcenter": "vc", "username": "u"},
        {"credential_id": 1, "vcenter": "vc", "username": "u", "password": "p"},
        {"credential_id": 1, "datacenter": "DC0"},
        {"credential_id": 1, "vm_names": []},
        {"credential_id": 1, "vm_names": ["x"] * 101},
        {"credential_id": 1, "vm_names": ["x" * 256]},
        {"vcenter": "https://vc/", "username": "u", "password": "p"},
    ],
    ids=str,
)
def test_what_names_no_single_source_or_too_many_vms_is_refused(hub, body):
    assert refusal(hub, "discovery/add-vms", **{"vm_names": ["vm"], **body}).status == 422


def test_another_organisations_credentials_are_not_found_and_not_used(vcenter, names):
    other = hub_of()
    for path in ("discovery/add-vms", "discovery/preview", "discovery/runs"):
        refused = refusal(other, path, credential_id=vcenter.pk, vm_names=names)
        assert (refused.status, refused.message) == (404, f"There is no vCenter {vcenter.pk}.")
    run = queue.request_run(vcenter, by="ann")
    assert other.get("discovery/runs")["items"] == []
    with pytest.raises(Refused) as unseen:
        other.get(f"discovery/runs/{run.pk}")
    assert unseen.value.status == 404


def test_a_vcenter_that_is_too_slow_for_a_call_says_what_to_do(hub, organization, settings):
    settings.DISCOVERY_REQUEST_SECONDS = 1
    with running_vcsim(vms=1, hosts=1, delay={"Login": 1100}) as slow:
        vcenter = stored(organization, slow, password=slow.password)
        refused = refusal(hub, "discovery/preview", credential_id=vcenter.pk)
    assert (refused.status, refused.code) in ((422, "too_slow"), (422, "timeout"))


def test_a_run_waits_for_a_worker_and_is_told_with_its_outcomes(hub, vcenter, names):
    asked = hub.call("POST", "discovery/runs", {"credential_id": vcenter.pk}, **{"Idempotency-Key": "r"})
    assert hub.call("POST", "discovery/runs", {"credential_id": vcenter.pk}, **{"Idempotency-Key": "r"}) == asked
    assert (asked["status"], asked["started_at"], asked["lost"]) == ("waiting", None, False)
    assert [each["id"] for each in hub.get("discovery/runs?status=waiting")["items"]] == [asked["id"]]
    assert DISCOVERY.do() is True
    done = hub.get(f"discovery/runs/{asked['id']}")
    assert (done["status"], done["counts"], done["error_code"]) == ("completed", {"added": 3}, None)
    assert sorted(each["vm_name"] for each in done["outcomes"]) == names
    assert done["started_at"] is not None
    assert DISCOVERY.do() is False
    some = hub.post("discovery/runs", credential_id=vcenter.pk, vm_names=[names[0], "nobody"])
    DISCOVERY.do()
    found = hub.get(f"discovery/runs/{some['id']}")
    assert {each["vm_name"]: each["outcome"] for each in found["outcomes"]} == {
        names[0]: "unchanged",
        "nobody": "missing",
    }


def test_a_run_whose_vcenter_cannot_be_read_has_failed_and_says_why(hub, vcenter):
    asked = [hub.post("discovery/runs", credential_id=vcenter.pk)["id"] for _ in range(2)]
    Vcenter.objects.update(password="Wr0ng-and-secret")
    vcenter.password = "Wr0ng-and-secret"
    vcenter.save()
    DISCOVERY.do()
    vcenter.password = None
    vcenter.save()
    DISCOVERY.do()
    answers = [hub.get(f"discovery/runs/{key}") for key in asked]
    assert [(each["status"], each["error_code"]) for each in answers] == [
        ("failed", "wrong_password"),
        ("failed", "no_credentials"),
    ]
    assert "Wr0ng-and-secret" not in str(answers)
    assert refusal(hub, "discovery/runs", credential_id=vcenter.pk).code == "no_credentials"


def test_a_run_whose_worker_is_silent_is_shown_lost_ended_and_begun_again_three_times_at_most(hub, vcenter):
    run = hub.post("discovery/runs", credential_id=vcenter.pk, vm_names=["vm"])["id"]
    for attempt in (1, 2, 3):
        assert queue._take().pk == run
        assert hub.get(f"discovery/runs/{run}")["lost"] is False
        queue.end_lost_runs()
        DiscoveryRun.objects.filter(pk=run).update(heartbeat_at=timezone.now() - timedelta(seconds=61))
        told = hub.get(f"discovery/runs/{run}")
        assert (told["status"], told["lost"], told["attempt"]) == ("running", True, attempt)
        queue.end_lost_runs()
        told = hub.get(f"discovery/runs/{run}")
        assert (told["status"], told["lost"], told["error_code"]) == ("failed", False, "lost")
        waiting = hub.get("discovery/runs?status=waiting")["items"]
        if attempt < 3:
            assert [each["names_asked_for"] for each in waiting] == [["vm"]]
            run = waiting[0]["id"]
    assert waiting == []


def test_a_run_of_a_call_that_was_killed_ends_and_is_not_begun_again(vcenter):
    run = DiscoveryRunFactory.create(vcenter=vcenter, status="running")
    queue.end_lost_runs()
    DiscoveryRun.objects.update(updated_at=timezone.now() - timedelta(minutes=16))
    queue.end_lost_runs()
    run.refresh_from_db()
    assert (run.status, run.error_code, DiscoveryRun.objects.count()) == ("failed", "lost", 1)
