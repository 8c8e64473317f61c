"""What people change is written down, with who, from where and in which request, and without any secret."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.apps import apps
from django.contrib.admin import site
from django.contrib.auth import get_user
from django.db import IntegrityError, transaction
from django.test import Client

from backups.services.schedules import change_schedule
from config.access.audit import FOLLOWED, MASK, hidden_of
from config.demo.factories import (
    AlertFactory,
    ApiKeyFactory,
    BackupRepositoryFactory,
    BackupScheduleFactory,
    MembershipFactory,
    NetworkMappingFactory,
    OrganizationFactory,
    RecoveryPlanFactory,
    TargetFactory,
    TargetNetworkFactory,
    UserFactory,
    VcenterFactory,
    VMContextFactory,
)
from config.jobs.moves import By
from failover.models import RecoveryPlan
from failover.services.mappings import set_mapping
from failover.services.networks import change_network
from failover.services.plans import Group, Member, change_plan, create_plan
from inventory.models import ApiKey, Membership, User
from inventory.secret_fields import secrets_of
from inventory.services.alerts import DecidedAlready, resolve_alert
from inventory.services.records import create_record
from tests.people import member, superuser
from tests.test_admin_pages import form_of, page

pytestmark = [pytest.mark.django_db, pytest.mark.every_engine]
BY = By("ada")
SECRET = "xyzzy-7h3-s3cr37"


@pytest.fixture(autouse=True)
def without_navigation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "get_app_list", lambda *args, **options: [])


def last_of(record: Any) -> Any:
    return LogEntry.objects.get_for_object(record).order_by("-id")[0]


def test_a_change_on_a_page_says_before_after_who_where_and_in_which_request() -> None:
    plan = RecoveryPlanFactory(name="before")
    client = member(plan.organization, "operator")
    sent = form_of(client, plan) | {"name": "after"}
    headers = {"X-Request-ID": "req-1", "X-Forwarded-For": "203.0.113.9"}
    assert client.post(page(RecoveryPlan, "change", plan.pk), sent, headers=headers).status_code == 302
    entry = last_of(plan)
    assert entry.changes == {"name": ["before", "after"]}
    assert (entry.actor, entry.remote_addr, entry.cid) == (get_user(client), "127.0.0.1", "req-1")
    history = client.get(page(RecoveryPlan, "history", plan.pk)).content.decode()
    assert all(word in history for word in ("before", "after", "req-1", "127.0.0.1"))


def test_a_change_by_a_key_names_the_key_and_its_owner(client: Client) -> None:
    key = ApiKeyFactory(secret="hub_" + "k" * 43, scopes=["read", "admin"])
    headers = {"Authorization": "Bearer hub_" + "k" * 43}
    answer = client.post(
        "/api/v1/keys", {"name": "second", "scopes": ["read"]}, content_type="application/json", headers=headers
    )
    assert answer.status_code == 201, answer.content
    entry = last_of(ApiKey.objects.get(name="second"))
    assert (entry.actor, entry.additional_data) == (key.owner, {"caller": f"key {key.name}"})


def test_no_entry_holds_a_secret() -> None:
    for factory in (VcenterFactory, TargetFactory, BackupRepositoryFactory):
        record = factory(**dict.fromkeys(secrets_of(factory._meta.model), f"{SECRET}-old"))
        for name in secrets_of(type(record)):
            setattr(record, name, f"{SECRET}-new")
        record.save()
        entry = last_of(record)
        assert all(entry.changes[name] == [MASK, MASK] for name in secrets_of(type(record)))
        record.delete()
    user, key = UserFactory(raw_password=SECRET), ApiKeyFactory()
    user.set_password(f"{SECRET}-new")
    user.save()
    said = repr(list(LogEntry.objects.values()))
    assert SECRET not in said
    assert user.password not in said and key.digest not in said


def test_every_column_that_is_hidden_on_pages_is_hidden_in_entries() -> None:
    for model in map(apps.get_model, FOLLOWED):
        assert set(secrets_of(model)) <= hidden_of(model)


def test_an_entry_is_neither_added_nor_changed_nor_deleted_by_anybody() -> None:
    entry = last_of(TargetFactory())
    client = superuser()
    assert client.get(page(LogEntry, "change", entry.pk)).status_code == 200
    assert client.get(page(LogEntry, "add")).status_code == 403
    for name in ("change", "delete"):
        assert client.post(page(LogEntry, name, entry.pk), {"post": "yes"}).status_code == 403
    sent = {"action": "delete_selected", "_selected_action": [entry.pk], "index": "0", "post": "yes"}
    assert client.post(page(LogEntry, "changelist"), sent).status_code == 403
    assert LogEntry.objects.filter(pk=entry.pk).exists()


def test_what_was_rolled_back_leaves_no_entry() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TargetFactory(name="one")
        raise IntegrityError
    assert not LogEntry.objects.filter(object_repr="one").exists()


def test_the_history_of_a_person_tells_members_of_one_organisation_nothing_of_its_memberships_in_others() -> None:
    person, other = UserFactory(), OrganizationFactory(name="The other house")
    own = MembershipFactory(user=person).organization
    every = superuser()
    sent = form_of(every, person) | {"first_name": "Zoe"}
    sent |= {
        "memberships-TOTAL_FORMS": "2",
        "memberships-1-organization": str(other.pk),
        "memberships-1-role": "viewer",
    }
    assert every.post(page(User, "change", person.pk), sent).status_code == 302
    assert person.memberships.count() == 2
    history = page(User, "history", person.pk)
    assert "The other house" in every.get(history).content.decode()
    told = member(own, "admin").get(history).content.decode()
    assert "The other house" not in told and "First name" in told
    assert "The other house" in member(other, "viewer").get(page(Membership, "changelist")).content.decode()


@pytest.mark.parametrize("name", ["key", "alert", "mapping", "network", "default", "plan", "schedule"])
def test_what_a_service_changes_by_a_conditional_update_has_its_entry(name: str) -> None:
    record, column = CHANGED[name]()
    entry = last_of(record)
    assert entry.action == LogEntry.Action.UPDATE
    assert column in entry.changes and entry.changes[column][0] != entry.changes[column][1], entry.changes


def revoked_key() -> Any:
    key = ApiKeyFactory()
    sent = {"action": "revoke", "_selected_action": [key.pk], "index": "0"}
    assert superuser().post(page(ApiKey, "changelist"), sent).status_code == 302
    return key, "revoked_at"


def resolved_alert() -> Any:
    alert = AlertFactory()
    resolve_alert(alert, by=UserFactory())
    return alert, "resolved_by"


def led_elsewhere() -> Any:
    mapping = NetworkMappingFactory(purpose="live")
    network = TargetNetworkFactory(target=mapping.target_network.target, isolation="production")
    set_mapping(mapping.vm_context, mapping.source_network_name, "live", network, by=BY)
    return mapping, "target_network"


def marked_isolated() -> Any:
    network = TargetNetworkFactory(isolation="unknown")
    change_network(network, {"isolation": "isolated"}, version=None, by=BY)
    return network, "isolation"


def no_longer_default() -> Any:
    first = TargetFactory(is_default=True)
    create_record(TargetFactory.build(organization=first.organization, is_default=True))
    return first, "is_default"


def other_groups() -> Any:
    vm = VMContextFactory()
    plan = RecoveryPlanFactory(organization=vm.vcenter.organization)
    change_plan(plan, by=BY, groups=[Group("Databases", (Member(vm.pk),))])
    return plan, "groups"


def other_schedule() -> Any:
    schedule = BackupScheduleFactory()
    change_schedule(schedule, {"schedule": "0 3 * * *"}, version=schedule.version, by=BY)
    return schedule, "schedule"


CHANGED: dict[str, Callable[[], Any]] = {
    "key": revoked_key,
    "alert": resolved_alert,
    "mapping": led_elsewhere,
    "network": marked_isolated,
    "default": no_longer_default,
    "plan": other_groups,
    "schedule": other_schedule,
}


def test_a_change_of_the_groups_of_a_plan_tells_what_has_changed_and_of_nothing_else() -> None:
    vms = [VMContextFactory(vcenter=vcenter) for vcenter in [VcenterFactory()] * 4]
    database, web, report, new = (Member(vm.pk) for vm in vms)
    groups = [Group("Databases", (database,)), Group("Web", (web,), "Databases"), Group("Rest", (report,))]
    plan = create_plan(vms[0].vcenter.organization, "Shop", groups=groups, by=BY)
    kept = dict(plan.members.values_list("vm_context_id", "pk"))
    before = set(LogEntry.objects.values_list("pk", flat=True))
    groups = [Group("Web", (web, replace(report, is_critical=False))), Group("Databases", (database,), "Web", 60)]
    change_plan(plan, by=BY, groups=[*groups, Group("New", (new,))])
    assert list(plan.members.order_by("group__seq", "vm_context_id").values_list("group__name", "is_critical")) == [
        *(("Web", True), ("Web", False)),
        *(("Databases", True), ("New", True)),
    ]
    told = LogEntry.objects.exclude(pk__in=before).select_related("content_type")
    found = {(row.content_type.model, row.object_repr, row.get_action_display()): row.changes for row in told}
    assert found.keys() == {
        ("recoveryplan", "Shop", "update"),
        ("recoveryplangroup", "Web", "update"),
        ("recoveryplangroup", "Databases", "update"),
        ("recoveryplangroup", "Rest", "delete"),
        ("recoveryplangroup", "New", "create"),
        ("recoveryplanmember", report.context_id, "update"),
        ("recoveryplanmember", new.context_id, "create"),
    }
    assert found["recoveryplangroup", "Web", "update"].keys() == {"seq", "depends_on"}
    assert found["recoveryplangroup", "Databases", "update"]["seq"] == ["1", "2"]
    after = dict(plan.members.values_list("vm_context_id", "pk"))
    assert {vm: pk for vm, pk in after.items() if vm in kept} == kept
    before = set(LogEntry.objects.values_list("pk", flat=True))
    change_plan(plan, by=BY, groups=[*groups, Group("New", (new,))])
    assert not LogEntry.objects.exclude(pk__in=before).exists()


def test_an_update_that_comes_too_late_leaves_no_entry() -> None:
    alert, person = AlertFactory(), UserFactory()
    resolve_alert(alert, by=person)
    before = LogEntry.objects.count()
    with pytest.raises(DecidedAlready):
        resolve_alert(alert, by=person)
    assert LogEntry.objects.count() == before
