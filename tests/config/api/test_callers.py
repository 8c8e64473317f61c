"""Who may call the API, what a wrong call is answered, and that nobody learns of another's rows."""

import json
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.demo.factories import (
    MembershipFactory,
    OrganizationFactory,
    RecoveryPlanFactory,
    ReplicationJobFactory,
    UserFactory,
    VMContextFactory,
)
from config.jobs.models import IdempotencyKey
from inventory.keys import make_key
from inventory.models import ApiKey, Membership, User
from replication.models import ReplicationJob
from tests.config.api.client import Hub, Refused, hub_of
from tests.config.jobs.holding import hold

pytestmark = pytest.mark.django_db


def refusal(hub: Hub, method: str, path: str, body=None, **headers):
    with pytest.raises(Refused) as refused:
        hub.call(method, path, body, **headers)
    return refused.value


@pytest.mark.parametrize("secret", [None, "", "rh_0_wrong", "rubbish\u00e9", "x" * 10_000])
def test_without_a_key_that_is_known_nobody_is_told_anything(secret):
    refused = refusal(Hub(secret), "GET", "jobs")
    assert (refused.status, refused.code) == (401, "unauthenticated")


ENDS = {
    "expired": (lambda key: ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now()), "It has expired."),
    "revoked": (lambda key: ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now()), "It is revoked."),
    "owner deactivated": (lambda key: User.objects.filter(pk=key.owner_id).update(is_active=False), "may not sign in"),
    "owner locked": (
        lambda key: User.objects.filter(pk=key.owner_id).update(locked_at=timezone.now()),
        "owner may not sign in any more.",
    ),
    "owner expired": (
        lambda key: User.objects.filter(pk=key.owner_id).update(expires_at=timezone.now()),
        "owner may not sign in any more.",
    ),
    "owner has left": (
        lambda key: Membership.objects.filter(user=key.owner_id, organization=key.organization_id).delete(),
        "owner has left the organisation.",
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_key_ends_with_its_time_or_with_its_owner_and_the_administrator_is_told_why(end):
    owner = MembershipFactory.create(role="viewer", user__username="owner")
    # In another organisation the owner stays.
    MembershipFactory.create(user=owner.user)
    admin = hub_of(owner.organization, "admin")
    expires_at = timezone.now() + timedelta(hours=1)
    made = make_key(owner.organization, owner.user, "engine", ["read"], expires_at=expires_at)
    hub = Hub(made.secret)
    assert hub.get("jobs") == {"items": [], "next": None}
    assert admin.get("keys")["items"][0]["ended_because"] is None
    act, why = ENDS[end]
    act(made.row)
    refused = refusal(hub, "GET", "jobs")
    assert (refused.status, refused.code) == (401, "unauthenticated")
    told, own = admin.get("keys")["items"]
    assert (told["name"], why in told["ended_because"], own["ended_because"]) == ("engine", True, None)


def test_a_key_works_again_when_its_owner_is_back_and_one_of_a_superuser_needs_no_membership():
    member = MembershipFactory.create()
    hub = Hub(make_key(member.organization, member.user, "engine", ["read"]).secret)
    member.delete()
    assert refusal(hub, "GET", "jobs").status == 401
    MembershipFactory.create(organization=member.organization, user=member.user, role="viewer")
    assert hub.get("jobs")["items"] == []
    whole = UserFactory.create(is_superuser=True)
    assert Hub(make_key(member.organization, whole, "its", ["read"]).secret).get("jobs")["items"] == []


OF_ROLE = {
    "admin": {"admin", "discover", "engine", "metrics", "operate", "read"},
    "operator": {"discover", "operate", "read"},
    "viewer": {"read"},
}


@pytest.mark.parametrize("role", OF_ROLE)
def test_a_key_does_no_more_than_the_role_of_its_owner_may_give_when_it_calls(role):
    owner = MembershipFactory.create(role="admin")
    MembershipFactory.create(user=owner.user, role="admin")
    organization = owner.organization
    watcher = hub_of(organization, "admin")
    hub = Hub(make_key(organization, owner.user, "all", OF_ROLE["admin"]).secret)
    narrow = Hub(make_key(organization, owner.user, "narrow", ["engine"]).secret)
    Membership.objects.filter(pk=owner.pk).update(role=role)
    calls = {
        "read": ("GET", "jobs", None),
        "operate": ("POST", "jobs/job-1/cancel", {"reason": "x"}),
        "engine": ("POST", "jobs/job-1/heartbeat", {"fence": 1}),
        "admin": ("GET", "keys", None),
        "discover": ("POST", "discovery/runs", {"credential_id": 1}),
    }
    for scope, (method, path, body) in calls.items():
        headers = {"Idempotency-Key": "once"} if scope == "discover" else {}
        answer = hub.client.generic(method, f"/api/v1/{path}", json.dumps(body), "application/json", headers=headers)
        assert (answer.status_code != 403) == (scope in OF_ROLE[role]), (scope, answer.content)
    assert (hub.client.get("/metrics").status_code == 200) == ("metrics" in OF_ROLE[role])
    assert refusal(narrow, "GET", "jobs").status == 403
    told = {key["name"]: key for key in watcher.get("keys")["items"]}
    assert set(told["all"]["scopes"]) == OF_ROLE["admin"]
    assert set(told["all"]["scopes_now"]) == OF_ROLE[role]
    assert told["narrow"]["scopes_now"] == (["engine"] if role == "admin" else [])
    assert told["all"]["ended_because"] is None
    Membership.objects.filter(pk=owner.pk).update(role="admin")
    assert refusal(hub, "POST", "jobs/job-1/heartbeat", {"fence": 1}).status == 404


def test_the_key_of_a_superuser_does_all_that_its_scopes_say_whatever_the_role():
    whole = UserFactory.create(is_superuser=True)
    member = MembershipFactory.create(user=whole, role="viewer")
    hub = Hub(make_key(member.organization, whole, "its", ["engine"]).secret)
    assert refusal(hub, "POST", "jobs/job-1/heartbeat", {"fence": 1}).status == 404
    assert refusal(hub, "GET", "jobs").status == 403


def test_an_administrator_who_has_signed_in_makes_the_key_of_an_engine_and_is_none():
    member = MembershipFactory.create(role="admin")
    client = Client()
    client.force_login(member.user)
    said = {"name": "engine of hall 2", "scopes": ["engine", "read"]}
    made = client.post("/api/v1/keys", said, content_type="application/json")
    assert made.status_code == 201
    beat = ("jobs/job-1/heartbeat", {"fence": 1})
    assert refusal(Hub(made.json()["secret"]), "POST", *beat).status == 404
    assert client.post(f"/api/v1/{beat[0]}", beat[1], content_type="application/json").status_code == 403


def test_the_keys_of_an_organisation_take_as_many_queries_for_many_as_for_one(django_assert_max_num_queries):
    organization = OrganizationFactory.create()
    for number in range(6):
        hub = hub_of(organization, name=f"key {number}")
    with django_assert_max_num_queries(3):
        assert len(hub.get("keys")["items"]) == 6


def test_a_key_is_kept_as_a_digest_and_its_use_is_noted_once_a_minute():
    hub = hub_of()
    hub.get("jobs")
    row = ApiKey.objects.get()
    assert row.last_used_at is not None
    assert hub.client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ") not in str(vars(row))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        hub.get("jobs")
    assert not any(query["sql"].startswith("UPDATE") for query in queries)


def test_each_call_needs_its_scope_and_says_which():
    organization = OrganizationFactory.create()
    calls = {
        "read": ("GET", "jobs", None),
        "operate": ("POST", "replications", {"context_id": "ctx"}),
        "engine": ("POST", "jobs/next", {"kinds": ["backup"], "engine": "e"}),
    }
    for own in calls:
        hub = hub_of(organization, own)
        for scope, call in calls.items():
            if scope == own:
                continue
            refused = refusal(hub, *call)
            assert (refused.status, f"needs the scope {scope}" in refused.message) == (403, True)


def test_a_person_who_has_signed_in_acts_by_role_with_csrf_and_for_one_organization_at_a_time():
    member = MembershipFactory.create(role="viewer")
    client = Client(enforce_csrf_checks=True)
    client.force_login(member.user)
    assert client.get("/api/v1/jobs").status_code == 200
    posted = client.post("/api/v1/replications", "{}", content_type="application/json")
    assert posted.status_code == 403
    other = MembershipFactory.create(user=member.user, role="operator")
    answer = client.get("/api/v1/jobs")
    assert (answer.status_code, other.organization.slug in answer.json()["error"]["message"]) == (400, True)
    chosen = client.get("/api/v1/jobs", headers={"X-Organization": other.organization.slug})
    assert chosen.status_code == 200
    strange = OrganizationFactory.create().slug
    assert client.get("/api/v1/jobs", headers={"X-Organization": strange}).status_code == 403


def test_a_person_or_its_key_overrides_readiness_by_its_role_and_by_no_other():
    member = MembershipFactory(role="operator")
    client = Client()
    client.force_login(member.user)
    plan = RecoveryPlanFactory(organization=member.organization)
    vm = VMContextFactory(vcenter__organization=member.organization)
    key = make_key(member.organization, member.user, "its", ["operate"]).secret
    calls = (("failovers", {"context_id": vm.pk, "kind": "live"}), (f"recovery-plans/{plan.pk}/runs", {"kind": "live"}))
    for path, body in calls:
        for role, codes in (("operator", {403}), ("admin", {409, 422})):
            Membership.objects.update(role=role)
            said = {**body, "override_reason": "now"}
            for caller in (client, Hub(key).client):
                answer = caller.post(f"/api/v1/{path}", said, content_type="application/json")
                assert answer.status_code in codes, (path, role, answer.content)


def test_rows_of_another_organization_are_not_listed_not_found_and_not_counted():
    job = ReplicationJobFactory.create(status="running")
    mine, other = hub_of(job.vm_context.vcenter.organization), hub_of()
    assert [each["id"] for each in mine.get("jobs")["items"]] == [job.id]
    assert other.get("jobs")["items"] == other.get("replications")["items"] == []
    unknown = refusal(other, "GET", f"jobs/{job.id}")
    assert (unknown.status, unknown.message) == (404, f"There is no job {job.id}.")
    assert refusal(other, "GET", f"replications/{job.id}").status == 404
    assert refusal(other, "POST", "replications", {"context_id": job.vm_context_id}).status == 404
    assert refusal(other, "POST", f"jobs/{job.id}/cancel", {"reason": "x"}).status == 404
    assert refusal(other, "POST", f"jobs/{job.id}/take-over", {"reason": "x"}).status == 404
    for call in ("heartbeat", "progress", "complete"):
        assert refusal(other, "POST", f"jobs/{job.id}/{call}", {"fence": 1}).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 422),
        (b"\xff\xfe", 400),
        (b'{"context_id": "a\\u0000b"}', 400),
        (b'{"context_id": "\\ud800"}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (b"[]", 422),
        (b"null", 422),
        (b"3", 422),
        (b'{"context_id": 5}', 422),
        (b'{"context_id": "%s"}' % (b"x" * 192), 422),
        (b'{"context_id": "ctx", "type": null}', 422),
        (b'{"context_id": "%s"}' % (b"x" * 3_000_000), 413),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else value,
)
def test_rubbish_is_answered_in_the_one_shape_of_errors_and_writes_nothing(body, status):
    refused = refusal(hub_of(), "POST", "replications", body)
    assert refused.status == status
    assert set(refused.body) == {"error", "request_id"}
    assert set(refused.body["error"]) == {"code", "message", "details"}
    assert ReplicationJob.objects.count() == IdempotencyKey.objects.count() == 0


@pytest.mark.parametrize("fence", [-1, 2**63, 1.5, "1", None, True, "NaN"])
def test_a_fence_is_a_whole_number(fence):
    assert refusal(hub_of(), "POST", "jobs/job-1/heartbeat", {"fence": fence}).status == 422


@pytest.mark.parametrize("cursor", ["x", "AAAA", "W10", "bnVsbA", "WzEsMiwzXQ", "%00", "é", "9" * 999])
def test_a_cursor_that_no_list_gave_is_refused(cursor):
    assert refusal(hub_of(), "GET", f"jobs?cursor={cursor}").status == 400


def test_what_is_not_there_is_answered_alike():
    assert refusal(hub_of(), "GET", "jobs/job-1").status == 404
    assert refusal(hub_of(name="other"), "GET", "jobs?kind=restores").status == 422


def test_the_id_of_a_request_is_the_callers_where_it_is_one():
    hub = hub_of()
    hub.call("GET", "jobs", **{"X-Request-ID": "mine-1"})
    assert hub.response["X-Request-ID"] == "mine-1"
    hub.call("GET", "jobs", **{"X-Request-ID": "not one: <script>"})
    assert len(hub.response["X-Request-ID"]) == 32


def test_pages_hold_each_job_once_in_order_whatever_is_added_meanwhile():
    at = timezone.now()
    first = ReplicationJobFactory.create()
    organization = first.vm_context.vcenter.organization
    for number in range(6):
        vm = first.vm_context
        ReplicationJobFactory.create(
            vm_context=vm, target=first.target, status="completed", created_at=at - timedelta(hours=number // 3)
        )
    hub, seen, cursor = hub_of(organization), [], ""
    while cursor is not None:
        page = hub.get(f"jobs?limit=2{f'&cursor={cursor}' if cursor else ''}")
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
        ReplicationJobFactory.create(vm_context=first.vm_context, target=first.target, status="failed", created_at=at)
        ReplicationJob.objects.filter(status="failed").update(created_at=at + timedelta(hours=1))
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, key=lambda key: ReplicationJob.objects.get(pk=key).created_at, reverse=True)


def test_a_caller_that_calls_too_often_is_told_when_to_go_on_and_others_are_not(settings):
    cache.clear()
    settings.API_CALLS_PER_MINUTE = 3
    wild, calm = hub_of(), hub_of()
    with pytest.raises(Refused) as refused:
        for _ in range(8):
            wild.get("jobs")
    assert (refused.value.status, refused.value.code) == (429, "too_many")
    assert 1 <= int(wild.response["Retry-After"]) <= 60
    calm.get("jobs")
    settings.API_CALLS_PER_MINUTE = 0
    wild.get("jobs")


def test_a_list_of_jobs_at_work_takes_as_many_queries_for_many_as_for_one(django_assert_num_queries):
    first = ReplicationJobFactory.create(status="running", engine="engine-1")
    hold(first, silent_for=99)
    hub = hub_of(first.vm_context.vcenter.organization)
    hub.get("jobs")
    with CaptureQueriesContext(connection) as queries:
        [alone] = hub.get("jobs")["items"]
    assert (alone["lost"], 90 < alone["silent_seconds"] < 120) == (True, True)
    for _ in range(4):
        vm = VMContextFactory.create(vcenter=first.vm_context.vcenter)
        hold(ReplicationJobFactory.create(vm_context=vm, target=first.target, status="running", engine="engine-1"))
    with django_assert_num_queries(len(queries)):
        items = hub.get("jobs")["items"]
    assert sorted(each["lost"] for each in items) == [False] * 4 + [True]
    assert [each["id"] for each in hub.get("jobs?lost=true")["items"]] == [first.id]
