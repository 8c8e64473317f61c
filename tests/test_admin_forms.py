"""What the forms of the admin store, and what they refuse with a sentence."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.db.models import CharField, Model, TextField
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.admin import ReadOnlyAdmin
from config.admin.columns import human_duration, human_size, human_time
from config.demo.factories import (
    AlertFactory,
    ApiKeyFactory,
    BackupPolicyFactory,
    NetworkMappingFactory,
    OrganizationFactory,
    ProtectionFactory,
    RecoveryPlanFactory,
    RecoveryPlanGroupFactory,
    RecoveryPlanMemberFactory,
    RecoveryPlanRunFactory,
    ReplicationJobFactory,
    TargetFactory,
    TargetNetworkFactory,
    UserFactory,
    VcenterFactory,
    VMContextFactory,
    reseed,
)
from failover.models import NetworkMapping, RecoveryPlan, RecoveryPlanMember
from inventory.admin.secrets import SecretFormField
from inventory.models import Alert, ApiKey, Organization, User, Vcenter, VMContext
from replication.models import Protection, Target
from tests.test_admin_pages import REGISTERED, form_of, page, rows

EDITABLE = [
    parameter for parameter in REGISTERED if not isinstance(site.get_model_admin(parameter.values[0]), ReadOnlyAdmin)
]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    reseed("admin forms")
    monkeypatch.setattr(site, "get_app_list", lambda *args, **options: [])


@pytest.fixture
def person() -> User:
    return UserFactory(is_staff=True, is_superuser=True)


@pytest.fixture
def client(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def change(client: Client, record: Model, **values: Any) -> Any:
    return client.post(page(type(record), "change", record.pk), form_of(client, record) | values)


def errors(answer: Any) -> str:
    assert answer.status_code == 200, "it was saved"
    form = answer.context["adminform"].form
    return f"{form.errors} {[inline.formset.errors for inline in answer.context['inline_admin_formsets']]}"


def act(client: Client, name: str, *records: Model) -> str:
    keys = [record.pk for record in records]
    address = page(type(records[0]), "changelist")
    answer = client.post(address, {"action": name, "_selected_action": keys}, follow=True)
    assert answer.status_code == 200
    return str([str(message) for message in answer.context["messages"]])


@pytest.mark.parametrize("model", EDITABLE)
def test_a_page_that_is_sent_back_as_it_came_changes_nothing(client: Client, model: type[Model]) -> None:
    record = rows(model, 1)[0]
    before = model._default_manager.filter(pk=record.pk).values().get()
    assert change(client, record).status_code == 302
    assert model._default_manager.filter(pk=record.pk).values().get() == before


@pytest.mark.parametrize("model", EDITABLE)
def test_an_empty_text_is_stored_as_unknown(client: Client, model: type[Model]) -> None:
    record = rows(model, 1)[0]
    form = client.get(page(model, "change", record.pk)).context["adminform"].form
    texts = [
        field.name
        for field in model._meta.fields
        if isinstance(field, CharField | TextField) and field.null and field.name in form.fields
        if not isinstance(form.fields[field.name], SecretFormField)
    ]
    assert change(client, record, **dict.fromkeys(texts, "")).status_code == 302
    stored = model._default_manager.get(pk=record.pk)
    assert {getattr(stored, name) for name in texts} <= {None}


def test_an_unticked_default_is_stored_as_unset_and_not_as_false(client: Client) -> None:
    for factory in (OrganizationFactory, VcenterFactory, TargetFactory):
        record = factory(is_default=True)
        sent = form_of(client, record)
        assert sent.pop("is_default") == "on"
        assert client.post(page(type(record), "change", record.pk), sent).status_code == 302
        assert type(record)._default_manager.get(pk=record.pk).is_default is None
        assert change(client, record, is_default="on").status_code == 302
        assert type(record)._default_manager.get(pk=record.pk).is_default is True


def test_a_second_default_is_refused_with_the_name_of_the_first(client: Client) -> None:
    organization = OrganizationFactory(name="Acme", is_default=True)
    assert "Acme is the default already" in errors(change(client, OrganizationFactory(), is_default="on"))
    for factory in (VcenterFactory, TargetFactory):
        factory(organization=organization, name="first", is_default=True)
        second = factory(organization=organization)
        assert "first is the default already" in errors(change(client, second, is_default="on"))
        assert change(client, factory(), is_default="on").status_code == 302


def test_a_name_that_is_taken_in_the_organisation_is_refused_with_a_sentence(client: Client) -> None:
    first = VcenterFactory()
    assert "already exists" in errors(change(client, VcenterFactory(organization=first.organization), name=first.name))


def test_each_change_raises_the_version_by_one(client: Client) -> None:
    vcenter = VcenterFactory()
    for number in range(2):
        change(client, vcenter, name=f"name {number}")
    assert Vcenter.objects.get().version == vcenter.version + 2


def test_a_form_that_was_opened_before_another_change_is_refused(client: Client) -> None:
    vcenter = VcenterFactory(datacenter="Main")
    late = form_of(client, vcenter) | {"name": "late"}
    change(client, vcenter, datacenter="Other")
    answer = client.post(page(Vcenter, "change", vcenter.pk), late)
    assert "Somebody else has changed this record" in errors(answer)
    assert Vcenter.objects.filter(name="late").count() == 0


def test_two_forms_sent_at_the_same_time_are_not_both_saved(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    vcenter = VcenterFactory()
    admin = site.get_model_admin(Vcenter)
    save_form = admin.save_form

    def save_form_while_another_saves(*args: Any, **options: Any) -> Any:
        Vcenter.objects.update(datacenter="Other", version=vcenter.version + 1)
        return save_form(*args, **options)

    monkeypatch.setattr(admin, "save_form", save_form_while_another_saves)
    answer = client.post(page(Vcenter, "change", vcenter.pk), form_of(client, vcenter) | {"name": "late"}, follow=True)
    assert "Somebody else changed the record at the same time" in answer.content.decode()
    assert Vcenter.objects.filter(name="late").count() == 0


def test_a_save_writes_the_changed_columns_only(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    api_key, now = ApiKeyFactory(), timezone.now()
    admin = site.get_model_admin(ApiKey)
    save_form = admin.save_form

    def save_form_while_the_key_is_used(*args: Any, **options: Any) -> Any:
        ApiKey.objects.update(last_used_at=now)
        return save_form(*args, **options)

    monkeypatch.setattr(admin, "save_form", save_form_while_the_key_is_used)
    assert change(client, api_key, name="renamed").status_code == 302
    assert ApiKey.objects.values("name", "last_used_at").get() == {"name": "renamed", "last_used_at": now}


@pytest.mark.parametrize(
    ("made", "parent"),
    [
        (VcenterFactory, lambda vcenter: vcenter.organization),
        (VMContextFactory, lambda vm: vm.vcenter),
        (ProtectionFactory, lambda protection: protection.target),
        (ReplicationJobFactory, lambda job: job.target),
        (NetworkMappingFactory, lambda mapping: mapping.target_network),
        (RecoveryPlanRunFactory, lambda run: run.plan),
    ],
)
def test_what_others_depend_on_is_not_deleted_and_the_page_says_why(client: Client, made: Any, parent: Any) -> None:
    record = parent(made())
    address = page(type(record), "delete", record.pk)
    for answer in (client.get(address), client.post(address, {"post": "yes"})):
        assert answer.status_code == 200
        assert answer.context["protected"]
        assert not answer.context["perms_lacking"]
    assert type(record)._default_manager.filter(pk=record.pk).exists()
    act(client, "delete_selected", record)
    assert type(record)._default_manager.filter(pk=record.pk).exists()


def test_a_plan_that_never_ran_is_deleted_with_its_groups_and_members(client: Client) -> None:
    member = RecoveryPlanMemberFactory()
    assert client.post(page(RecoveryPlan, "delete", member.plan_id), {"post": "yes"}).status_code == 302
    assert RecoveryPlanMember.objects.count() == RecoveryPlan.objects.count() == 0
    assert VMContext.objects.filter(pk=member.vm_context_id).exists()


def test_a_vm_context_is_archived_and_its_facts_stay_what_discovery_found(client: Client) -> None:
    vm = VMContextFactory(name="db-1")
    answer = change(client, vm, archived_at_0="2026-01-02", archived_at_1="03:04", name="other", runs_at="target")
    assert answer.status_code == 302
    stored = VMContext.objects.get()
    assert (stored.name, stored.runs_at, stored.archived_at.isoformat()) == (
        "db-1",
        "source",
        "2026-01-02T03:04:00+00:00",
    )
    assert stored.version == vm.version + 1


def test_mappings_are_changed_on_the_page_of_their_vm(client: Client) -> None:
    mapping = NetworkMappingFactory(source_network_name="old")
    answer = change(client, mapping.vm_context, **{"network_mappings-0-source_network_name": "new"})
    assert answer.status_code == 302
    assert NetworkMapping.objects.values_list("source_network_name", "version").get() == ("new", mapping.version + 1)


def test_a_test_mapping_to_a_network_that_is_not_isolated_is_refused(client: Client) -> None:
    mapping = NetworkMappingFactory()
    target = mapping.target_network.target
    production = TargetNetworkFactory(target=target, isolation="production")
    assert "only lead to an isolated network" in errors(change(client, mapping, target_network=production.pk))
    sent = {"network_mappings-0-target_network": production.pk}
    assert "only lead to an isolated network" in errors(change(client, mapping.vm_context, **sent))
    assert change(client, mapping, target_network=production.pk, purpose="live").status_code == 302


def test_records_of_two_organisations_are_not_joined(client: Client) -> None:
    mapping, protection, member = NetworkMappingFactory(), ProtectionFactory(), RecoveryPlanMemberFactory()
    other = "belongs to another organisation"
    assert other in errors(change(client, mapping, target_network=TargetNetworkFactory().pk))
    assert other in errors(change(client, protection, target=TargetFactory().pk))
    assert other in errors(change(client, member, vm_context=VMContextFactory().pk))
    assert Protection.objects.get().target == protection.target


def test_a_plan_takes_groups_and_members_of_its_own_on_one_page(client: Client) -> None:
    plan = RecoveryPlanFactory()
    first, foreign = RecoveryPlanGroupFactory(plan=plan, seq=1), RecoveryPlanGroupFactory()
    vm = VMContextFactory(vcenter__organization=plan.organization)
    row = {"members-TOTAL_FORMS": 1, "members-0-vm_context": vm.pk, "members-0-is_critical": "on"}
    assert "valid choice" in errors(change(client, plan, **row, **{"members-0-group": foreign.pk}))
    assert "another group of the same plan" in errors(change(client, first, depends_on=foreign.pk))
    assert change(client, plan, **row, **{"members-0-group": first.pk}).status_code == 302
    assert RecoveryPlanMember.objects.get().vm_context == vm


def test_a_policy_that_keeps_nothing_or_lives_in_no_time_zone_is_refused(client: Client) -> None:
    policy = BackupPolicyFactory(keep_last=1, keep_daily=0)
    assert "keeps at least one" in errors(change(client, policy, keep_last=0))
    assert "IANA" in errors(change(client, policy, time_zone="Mars/Base"))


def test_alerts_are_acknowledged_and_resolved_once_and_by_whom(client: Client, person: User) -> None:
    alert, before = AlertFactory(), AlertFactory(acknowledged_at=timezone.now(), acknowledged_by=UserFactory())
    assert "Acknowledged 1 of the 2" in act(client, "acknowledge", alert, before)
    assert Alert.objects.get(pk=alert.pk).acknowledged_by == person
    assert Alert.objects.get(pk=before.pk).acknowledged_by == before.acknowledged_by
    assert "Resolved 2 of the 2" in act(client, "resolve", alert, before)
    assert "Resolved 0 of the 1" in act(client, "resolve", alert)
    stored = Alert.objects.get(pk=alert.pk)
    assert (stored.is_open, stored.resolved_by) == (None, person)
    assert LogEntry.objects.filter(object_id=str(alert.pk), user=person).count() == 2


def test_an_api_key_is_revoked_once_and_never_revived(client: Client) -> None:
    api_key = ApiKeyFactory()
    assert "Revoked 1 of the 1" in act(client, "revoke", api_key)
    revoked_at = ApiKey.objects.get().revoked_at
    assert "Revoked 0 of the 1" in act(client, "revoke", api_key)
    change(client, api_key, revoked_at_0="", revoked_at_1="")
    assert ApiKey.objects.get().revoked_at == revoked_at is not None
    assert "list of words" in errors(change(client, api_key, scopes='{"jobs": true}'))


def test_a_locked_or_expired_account_is_out_at_once_and_never_deleted(client: Client) -> None:
    user = UserFactory(is_staff=True)
    theirs = Client()
    theirs.force_login(user)
    assert theirs.get(reverse("admin:index")).status_code == 200
    assert "Only a locked account" in errors(change(client, user, lock_reason="left"))
    now = timezone.now()
    lock = {"locked_at_0": f"{now:%Y-%m-%d}", "locked_at_1": f"{now:%H:%M}", "lock_reason": "left"}
    assert change(client, user, **lock).status_code == 302
    assert theirs.get(reverse("admin:index")).status_code == 302
    assert client.post(page(User, "delete", user.pk), {"post": "yes"}).status_code == 403


def test_a_person_is_added_with_a_membership_and_given_another_password(client: Client) -> None:
    organization = OrganizationFactory()
    sent = {
        "username": "ada",
        "usable_password": "true",
        "password1": "a-long-pass-phrase",
        "password2": "a-long-pass-phrase",
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0,
        "memberships-0-organization": organization.pk,
        "memberships-0-role": "operator",
    }
    assert client.post(page(User, "add"), sent).status_code == 302
    user = User.objects.get(username="ada")
    assert user.memberships.get().organization == organization
    passwords = {"usable_password": "true", "password1": "quite-another-one", "password2": "quite-another-one"}
    client.post(reverse("admin:auth_user_password_change", args=[user.pk]), passwords)
    user.refresh_from_db()
    assert user.check_password("quite-another-one")


def test_records_are_added_by_hand(client: Client) -> None:
    answer = client.post(
        page(Organization, "add"),
        {
            "name": "Acme",
            "slug": "acme",
            "memberships-TOTAL_FORMS": 0,
            "memberships-INITIAL_FORMS": 0,
        },
    )
    assert answer.status_code == 302
    sent = {"organization": Organization.objects.get().pk, "name": "one", "port": 443, "tls_policy": "verify"}
    assert client.post(page(Vcenter, "add"), sent | {"password": "p"}).status_code == 302
    assert Vcenter.objects.values_list("version", "is_default", "host").get() == (1, None, None)
    assert Vcenter.objects.get().password == "p"
    networks = {"networks-TOTAL_FORMS": 1, "networks-INITIAL_FORMS": 0, "networks-0-name": "n"}
    networks |= {"networks-0-external_id": "e", "networks-0-isolation": "unknown"}
    sent = {"organization": sent["organization"], "name": "cloud", "api_url": "https://cloud.example.com"}
    assert client.post(page(Target, "add"), sent | networks).status_code == 302
    assert Target.objects.get().networks.get().name == "n"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, "unknown"),
        (0, "0\xa0bytes"),
        (1023, "1023\xa0bytes"),
        (40 * 2**30, "40\xa0GiB"),
        (3 * 2**40 // 2, "1.5\xa0TiB"),
    ],
)
def test_sizes_are_said_for_people_and_unknown_is_never_nothing(count: int | None, said: str) -> None:
    assert human_size(count) == said


def test_durations_and_times_are_said_for_people() -> None:
    assert [human_duration(seconds) for seconds in (None, 0, 900, 90_061)] == [
        "-",
        "0\xa0s",
        "15\xa0min",
        "1\xa0d 1\xa0h 1\xa0min 1\xa0s",
    ]
    now = timezone.now()
    assert human_time(None) == "-"
    assert "3\xa0hours ago" in human_time(now - timedelta(hours=3, minutes=5))
    assert "in 2\xa0days" in human_time(now + timedelta(days=2, minutes=5))
