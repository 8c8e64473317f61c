"""What people set up over HTTP: no change is lost, no secret comes back, and the database holds the rules."""

import threading
from functools import partial
from typing import Any

import pytest
from django.db import connection

from backups.models import BackupPolicy
from config.demo.factories import (
    BackupRepositoryFactory,
    NetworkMappingFactory,
    OrganizationFactory,
    TargetFactory,
    TargetNetworkFactory,
    VcenterFactory,
    VMContextFactory,
)
from config.jobs.models import JobEvent
from inventory.models import Vcenter, VMContext
from replication.models import Protection, TargetNetwork
from tests.config.api.client import Hub, Refused, hub_of

SECRET = "s3cret-never-to-be-seen"


class Kind:
    """A kind of record: how one is made, what is changed in it, and what two of them may not share."""

    def __init__(self, path: str, made: dict[str, Any], change: dict[str, Any], secrets: tuple[str, ...] = ()) -> None:
        self.path, self.made, self.change, self.secrets = path, made, change, secrets

    def __repr__(self) -> str:
        return self.path


VCENTER = Kind("vcenters", {"name": "vc01"}, {"datacenter": "DC0"}, ("password",))
TARGET = Kind("targets", {"name": "t", "api_url": "https://c.example/api"}, {"zone": "z"}, ("api_key", "secret_key"))
REPOSITORY = Kind(
    "repositories", {"name": "r", "kind": "nfs", "location": "/srv"}, {"immutable_days": 7}, ("credentials",)
)
POLICY = Kind("policies", {"name": "p", "keep_daily": 7}, {"keep_weekly": 4})
NETWORK = Kind("target-networks", {"name": "n", "external_id": "net-1"}, {"isolation": "isolated"})
PROTECTION = Kind("protections", {"rpo_seconds": 900}, {"schedule": "*/15 * * * *"})
PLAN = Kind("recovery-plans", {"name": "Shop"}, {"rto_seconds": 900, "description": "All of it."})
SCHEDULE = Kind("backup-schedules", {"schedule": "0 1 * * *"}, {"time_zone": "Europe/Berlin", "type": "full"})
KINDS = (VCENTER, TARGET, REPOSITORY, POLICY, NETWORK, PROTECTION)
VERSIONED = (*KINDS, PLAN, SCHEDULE)


@pytest.fixture
def vm(db) -> VMContext:
    return VMContextFactory.create()


@pytest.fixture
def hub(vm) -> Hub:
    return hub_of(vm.vcenter.organization)


def body_of(kind: Kind, vm: VMContext) -> dict[str, Any]:
    body = dict(kind.made)
    if kind in (NETWORK, PROTECTION):
        body["target_id"] = TargetFactory.create(organization=vm.vcenter.organization).pk
    if kind is SCHEDULE:
        body["repository_id"] = BackupRepositoryFactory.create(organization=vm.vcenter.organization).pk
    if kind in (PROTECTION, SCHEDULE):
        body["context_id"] = vm.pk
    return body


def refusal(hub: Hub, method: str, path: str, body: Any = None, **headers: str) -> Refused:
    with pytest.raises(Refused) as refused:
        hub.call(method, path, body, **headers)
    return refused.value


@pytest.mark.parametrize("kind", VERSIONED, ids=repr)
def test_a_record_is_made_once_listed_changed_by_its_version_and_told_with_its_etag(kind, vm, hub):
    body = body_of(kind, vm)
    made = hub.call("POST", kind.path, body, **{"Idempotency-Key": "k"})
    assert hub.call("POST", kind.path, body, **{"Idempotency-Key": "k"}) == made
    path = f"{kind.path}/{made['id']}"
    assert made in hub.get(kind.path)["items"]
    assert hub.get(path) == made
    assert hub.response["ETag"] == '"1"'
    changed = hub.call("PATCH", path, kind.change, **{"If-Match": hub.response["ETag"]})
    assert hub.response["ETag"] == f'"{changed["version"]}"'
    assert changed["version"] > 1
    assert {name: changed[name] for name in kind.change} == kind.change
    left = {name for name in made if name not in kind.change} - {"version", "updated_at"}
    assert {name: changed[name] for name in left} == {name: made[name] for name in left}
    assert hub.call("PATCH", path, {"version": changed["version"]}) == changed, "nothing said is nothing changed"


@pytest.mark.parametrize("kind", VERSIONED, ids=repr)
def test_a_change_of_an_older_version_or_of_none_is_refused_and_changes_nothing(kind, vm, hub):
    made = hub.post(kind.path, **body_of(kind, vm))
    path = f"{kind.path}/{made['id']}"
    now = hub.call("PATCH", path, {**kind.change, "version": 1})
    stale = refusal(hub, "PATCH", path, {**kind.change, "version": 1})
    assert (stale.status, stale.code) == (409, "changed")
    assert stale.body["error"]["details"] == [{"version": now["version"]}]
    assert refusal(hub, "PATCH", path, kind.change, **{"If-Match": '"1"'}).code == "changed"
    assert refusal(hub, "PATCH", path, kind.change).code == "version_needed"
    for header in ("1", 'W/"1"', '"x"', '"99999999999999999999"', '"2", "3"'):
        assert refusal(hub, "PATCH", path, kind.change, **{"If-Match": header}).status == 422
    both = refusal(hub, "PATCH", path, {**kind.change, "version": now["version"]}, **{"If-Match": '"1"'})
    assert both.code == "version_needed"
    assert hub.get(path) == now
    assert hub.call("PATCH", path, kind.change, **{"If-Match": "*"})["version"] > now["version"]


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_a_name_that_is_taken_is_said_and_one_that_does_not_exist_is_refused(kind, vm, hub):
    body = body_of(kind, vm)
    hub.post(kind.path, **body)
    taken = refusal(hub, "POST", kind.path, body)
    assert (taken.status, taken.code) == (409, "taken")
    assert " already: give this one another " in taken.message
    misspelt = refusal(hub, "POST", kind.path, {**body, "nmae": "x"})
    assert (misspelt.status, "nmae" in misspelt.message) == (422, True)


def test_another_organisation_may_use_the_same_names(hub, vm):
    other = hub_of()
    for kind in (VCENTER, TARGET, REPOSITORY, POLICY):
        hub.post(kind.path, **kind.made)
        other.post(kind.path, **kind.made)


@pytest.mark.parametrize("kind", [VCENTER, TARGET, REPOSITORY], ids=repr)
def test_no_answer_holds_a_secret_and_each_says_whether_one_is_stored(kind, hub, caplog):
    secrets = dict.fromkeys(kind.secrets, SECRET)
    made = hub.post(kind.path, **kind.made, **secrets)
    path = f"{kind.path}/{made['id']}"
    answers = [made, hub.get(path), hub.get(kind.path), hub.call("PATCH", path, {**kind.change, "version": 1})]
    answers.append(hub.call("PATCH", path, {**secrets, "version": 2}))
    answers.append(refusal(hub, "POST", kind.path, {**kind.made, **secrets}).body)
    answers.append(refusal(hub, "POST", kind.path, {**kind.made, **{name: [SECRET] for name in secrets}}).body)
    answers.append(refusal(hub, "PATCH", path, {**secrets, "version": 1}).body)
    assert SECRET not in f"{answers}{caplog.text}"
    assert all(answers[-4][f"has_{name}"] is True for name in kind.secrets)
    removed = hub.call("PATCH", path, {**dict.fromkeys(secrets), "version": 3})
    assert all(removed[f"has_{name}"] is False for name in kind.secrets)


@pytest.mark.parametrize(
    ("kind", "elsewhere"),
    [
        (VCENTER, {"host": "vc02.example"}),
        (VCENTER, {"port": 8443}),
        (VCENTER, {"tls_policy": "insecure"}),
        (VCENTER, {"ca_certificate": "another"}),
        (TARGET, {"api_url": "https://other.example/api"}),
        (REPOSITORY, {"location": "/other"}),
    ],
    ids=str,
)
def test_a_stored_secret_is_not_sent_elsewhere(kind, elsewhere, hub, settings):
    settings.DISCOVERY_ALLOWED_HOSTS = ["vc01.example", "VC02.example"]
    secrets = dict.fromkeys(kind.secrets, SECRET)
    host = {"host": "vc01.example"} if kind is VCENTER else {}
    made = hub.post(kind.path, **kind.made, **host, **secrets)
    path = f"{kind.path}/{made['id']}"
    refused = refusal(hub, "PATCH", path, {**elsewhere, "version": 1})
    assert (refused.status, refused.code) == (422, "secret_needed")
    assert hub.get(path) == made
    assert hub.call("PATCH", path, {**elsewhere, **secrets, "version": 1})["version"] == 2


def test_a_vcenter_may_only_be_where_discovery_may_connect(hub, settings):
    settings.DISCOVERY_ALLOWED_HOSTS = ["vc01.example", "vc02.example:8443"]
    for host, port in (("evil.example", 443), ("vc02.example", 443), ("vc01.example.evil", 443)):
        refused = refusal(hub, "POST", "vcenters", {"name": "v", "host": host, "port": port})
        assert (refused.status, refused.code) == (422, "host_not_allowed")
    assert not Vcenter.objects.filter(name="v").exists()
    made = hub.post("vcenters", name="v", host="VC01.example.")
    assert refusal(hub, "PATCH", f"vcenters/{made['id']}", {"host": "evil", "version": 1}).code == "host_not_allowed"
    hub.call("PATCH", f"vcenters/{made['id']}", {"host": "vc02.example", "port": 8443, "version": 1})


@pytest.mark.parametrize("kind", [VCENTER, TARGET], ids=repr)
def test_a_new_default_takes_it_from_the_old_one_which_is_another_version_then(kind, hub):
    old = hub.post(kind.path, **kind.made, is_default=True)
    new = hub.post(kind.path, **{**kind.made, "name": "new"}, is_default=True)
    was = hub.get(f"{kind.path}/{old['id']}")
    assert (was["is_default"], was["version"], new["is_default"]) == (False, 2, True)
    back = hub.call("PATCH", f"{kind.path}/{old['id']}", {"is_default": True, "version": 2})
    assert (back["is_default"], hub.get(f"{kind.path}/{new['id']}")["is_default"]) == (True, False)
    none = hub.call("PATCH", f"{kind.path}/{old['id']}", {"is_default": False, "version": back["version"]})
    assert none["is_default"] is False


def test_a_policy_that_keeps_nothing_is_refused_when_made_and_when_changed(hub):
    for body in ({"name": "p"}, {"name": "p", "keep_last": 0}):
        refused = refusal(hub, "POST", "policies", body)
        assert (refused.status, refused.message) == (422, "A policy keeps at least one restore point.")
    made = hub.post("policies", name="p", keep_last=1)
    assert refusal(hub, "PATCH", f"policies/{made['id']}", {"keep_last": 0, "version": 1}).status == 422
    assert refusal(hub, "PATCH", f"policies/{made['id']}", {"time_zone": "Mars/Olympus", "version": 1}).status == 422
    assert BackupPolicy.objects.get().keep_last == 1


def test_a_network_that_carries_live_failovers_is_not_made_isolated(hub, vm):
    target = TargetFactory.create(organization=vm.vcenter.organization)
    network = TargetNetworkFactory.create(target=target, isolation="production")
    mapping = NetworkMappingFactory.create(vm_context=vm, purpose="live", target_network=network)
    path = f"target-networks/{network.pk}"
    refused = refusal(hub, "PATCH", path, {"isolation": "isolated", "name": "new", "version": network.version})
    assert (refused.status, refused.code) == (409, "mapped")
    assert TargetNetwork.objects.get(pk=network.pk).name == network.name, "all of it or nothing"
    hub.call("DELETE", f"network-mappings/{mapping.pk}")
    assert hub.call("PATCH", path, {"isolation": "isolated", "version": network.version})["isolation"] == "isolated"


def test_a_mapping_is_led_elsewhere_by_its_version(hub, vm):
    target = TargetFactory.create(organization=vm.vcenter.organization)
    first, second, isolated = (
        TargetNetworkFactory.create(target=target, isolation=isolation)
        for isolation in ("production", "unknown", "isolated")
    )
    mapping = NetworkMappingFactory.create(vm_context=vm, purpose="live", target_network=first)
    path = f"network-mappings/{mapping.pk}"
    shown = hub.get(path)
    changed = hub.call("PATCH", path, {"target_network_id": second.pk}, **{"If-Match": hub.response["ETag"]})
    assert (changed["target_network_id"], changed["version"]) == (second.pk, shown["version"] + 1)
    stale = refusal(hub, "PATCH", path, {"target_network_id": first.pk, "version": shown["version"]})
    assert (stale.status, stale.code) == (409, "changed")
    refused = refusal(hub, "PATCH", path, {"target_network_id": isolated.pk, "version": changed["version"]})
    assert (refused.status, refused.code) == (409, "isolated")
    theirs = TargetNetworkFactory.create(isolation="production")
    refused = refusal(hub, "PATCH", path, {"target_network_id": theirs.pk, "version": changed["version"]})
    assert (refused.status, refused.message) == (404, f"There is no target network {theirs.pk}.")


def test_what_is_protected_is_of_one_organisation_under_management_and_has_a_schedule_that_can_be(hub, vm):
    target = TargetFactory.create(organization=vm.vcenter.organization)
    body = {"context_id": vm.pk, "target_id": target.pk, "rpo_seconds": 900}
    theirs = TargetFactory.create()
    refused = refusal(hub, "POST", "protections", {**body, "target_id": theirs.pk})
    assert (refused.status, refused.message) == (404, f"There is no target {theirs.pk}.")
    for wrong in ({"schedule": "soon"}, {"schedule": "61 * * * *"}, {"rpo_seconds": 0}, {"rpo_seconds": 2**31}):
        assert refusal(hub, "POST", "protections", {**body, **wrong}).status == 422
    archived = VMContextFactory.create(vcenter=vm.vcenter, archived_at=vm.created_at)
    assert refusal(hub, "POST", "protections", {**body, "context_id": archived.pk}).code == "archived"
    assert not Protection.objects.exists()
    made = hub.post("protections", **body)
    path = f"protections/{made['id']}"
    assert refusal(hub, "PATCH", path, {"target_id": theirs.pk, "version": 1}).status == 404
    other = TargetFactory.create(organization=vm.vcenter.organization)
    moved = hub.call("PATCH", path, {"target_id": other.pk, "enabled": False, "version": 1})
    assert (moved["target_name"], moved["enabled"], moved["rpo_seconds"]) == (other.name, False, 900)


@pytest.mark.parametrize(("kind", "name"), [(TARGET, "api_url"), (REPOSITORY, "location")], ids=lambda each: str(each))
def test_an_address_holds_no_credentials(kind, name, hub):
    for address in ("https://user:pw@c.example", "https://c.example:x@y"):
        refused = refusal(hub, "POST", kind.path, {**kind.made, name: address})
        assert (refused.status, "pw" in refused.message) == (422, False)


def test_a_vm_is_set_back_once_with_a_reason_that_is_kept(hub, vm):
    path = f"vm-contexts/{vm.pk}/set-back"
    assert refusal(hub, "POST", path, {"reason": "it came home"}).code == "runs_at_source"
    VMContext.objects.update(runs_at="target")
    assert refusal(hub, "POST", path, {"reason": " "}).status == 422
    assert refusal(hub, "POST", path, {}).status == 422
    answer = hub.call("POST", path, {"reason": "it came home"}, **{"Idempotency-Key": "once"})
    assert answer == {"context_id": vm.pk, "runs_at": "source"}
    assert hub.call("POST", path, {"reason": "it came home"}, **{"Idempotency-Key": "once"}) == answer
    assert hub.get(f"vm-contexts/{vm.pk}")["version"] == vm.version + 1
    event = JobEvent.objects.get()
    assert (event.reason, event.to_status, event.vm_context_id) == ("it came home", "source", vm.pk)


@pytest.mark.parametrize("kind", [VCENTER, PROTECTION], ids=repr)
def test_set_up_needs_its_scope(kind, vm):
    reader = hub_of(vm.vcenter.organization, "read")
    reader.get(kind.path)
    for method, path in (("POST", kind.path), ("PATCH", f"{kind.path}/1")):
        body = {**body_of(kind, vm)} if method == "POST" else {"version": 1}
        assert refusal(reader, method, path, body).status == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_of_one_version_at_once_one_is_made_and_one_is_refused():
    vcenter = VcenterFactory.create()
    hub = hub_of(vcenter.organization)
    key = hub.client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    for round_ in range(4):
        version = Vcenter.objects.get().version
        bodies = [{"username": f"{me}-{round_}", "version": version} for me in range(2)]
        outcomes = at_once(*(partial(Hub(key).call, "PATCH", f"vcenters/{vcenter.pk}", body) for body in bodies))
        made = [each for each in outcomes if isinstance(each, dict)]
        [lost] = [each for each in outcomes if isinstance(each, Refused)]
        assert (lost.status, lost.code) == (409, "changed")
        row = Vcenter.objects.get()
        assert [made[0]["username"], made[0]["version"]] == [row.username, row.version] == [row.username, version + 1]


@pytest.mark.django_db(transaction=True)
def test_of_many_that_become_the_default_at_once_one_is_it_and_nobody_is_refused():
    organization = OrganizationFactory.create()
    hub = hub_of(organization)
    key = hub.client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    made = at_once(*(partial(Hub(key).post, "vcenters", name=f"vc{me}", is_default=True) for me in range(4)))
    assert sorted(each["name"] for each in made) == ["vc0", "vc1", "vc2", "vc3"]
    assert Vcenter.objects.filter(organization=organization, is_default=True).count() == 1


def at_once(*acts: Any) -> list[Any]:
    """What the acts return or are refused with, all begun together."""
    outcomes: list[Any] = []
    ready = threading.Barrier(len(acts))

    def do(act: Any) -> None:
        try:
            ready.wait(30)
            outcomes.append(act())
        except Exception as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes
