"""What the forms of the admin store, and what they refuse with a sentence."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.db.models import CharField, Model, TextField
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.admin import ReadOnlyAdmin
from config.admin.columns import human_duration, human_size, human_time
from config.demo.factories import (
    ApiKeyFactory,
    BackupPolicyFactory,
    BackupRepositoryFactory,
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
from failover.models import NetworkMapping, RecoveryPlan, RecoveryPlanGroup, RecoveryPlanMember
from inventory.admin.secrets import SecretFormField
from inventory.models import ApiKey, Membership, Organization, User, Vcenter, VMContext
from replication.models import Protection, Target, TargetNetwork
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


def act(client: Client, name: str, *records: Model, **said: str) -> str:
    keys = [record.pk for record in records]
    address = page(type(records[0]), "changelist")
    answer = client.post(address, {"action": name, "_selected_action": keys, **said}, follow=True)
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


@pytest.mark.parametrize(
    ("purpose", "isolation", "said"),
    [("test", "production", "must not reach production"), ("live", "isolated", "would reach nobody")],
)
def test_a_page_leads_no_mapping_where_its_purpose_may_not_lead(
    client: Client, purpose: str, isolation: str, said: str
) -> None:
    mapping = NetworkMappingFactory(purpose=purpose)
    network = TargetNetworkFactory(target=mapping.target_network.target, isolation=isolation)
    fit = TargetNetworkFactory(target=network.target, isolation=mapping.target_network.isolation)
    assert said in errors(change(client, mapping, target_network=network.pk))
    added = {"vm_context": mapping.vm_context_id, "source_network_name": "other", "purpose": purpose}
    assert said in errors(client.post(page(NetworkMapping, "add"), added | {"target_network": network.pk}))
    assert NetworkMapping.objects.values_list("target_network", "version").get() == (mapping.target_network_id, 1)
    assert change(client, mapping, target_network=fit.pk).status_code == 302
    assert client.post(page(NetworkMapping, "add"), added | {"target_network": fit.pk}).status_code == 302
    assert list(NetworkMapping.objects.order_by("pk").values_list("target_network", "version")) == [
        (fit.pk, 2),
        (fit.pk, 1),
    ]


@pytest.mark.parametrize(("purpose", "isolation"), [("test", "production"), ("live", "isolated")])
def test_no_page_marks_a_network_as_what_its_mappings_forbid(client: Client, purpose: str, isolation: str) -> None:
    network = NetworkMappingFactory(purpose=purpose).target_network
    before = TargetNetwork.objects.filter(pk=network.pk).values().get()
    rows = {"networks-0-isolation": isolation}
    for answer in (change(client, network, isolation=isolation), change(client, network.target, name="new", **rows)):
        assert f"1 {purpose} mappings lead to {network.name}" in errors(answer)
    assert TargetNetwork.objects.filter(pk=network.pk).values().get() == before
    assert Target.objects.get(pk=network.target_id).name == network.target.name
    assert change(client, network.target, **{"networks-0-name": "renamed"}).status_code == 302
    network.refresh_from_db()
    assert (network.name, network.version) == ("renamed", before["version"] + 1)


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


def test_a_change_of_groups_or_vms_is_a_change_of_the_plan(client: Client) -> None:
    member = RecoveryPlanMemberFactory()
    plan, group = member.plan, member.group
    late = form_of(client, plan) | {"groups-0-name": "late"}
    assert change(client, plan, **{"groups-0-name": "first"}).status_code == 302
    assert "has changed since version 1" in errors(client.post(page(RecoveryPlan, "change", plan.pk), late))
    assert change(client, group, name="second").status_code == 302
    assert change(client, member, is_critical="").status_code == 302
    assert client.post(page(RecoveryPlanMember, "delete", member.pk), {"post": "yes"}).status_code == 302
    assert "Successfully deleted 1" in act(client, "delete_selected", group, post="yes")
    assert change(client, plan, name="again").status_code == 302
    plan.refresh_from_db()
    assert (plan.version, plan.name) == (7, "again")


def test_a_plan_that_runs_is_not_changed_by_any_page(client: Client) -> None:
    member, other = RecoveryPlanMemberFactory(), RecoveryPlanMemberFactory()
    plan, group = member.plan, member.group
    RecoveryPlanRunFactory(plan=plan)
    before = seen(plan)
    asked = (
        change(client, plan, name="new"),
        change(client, plan, **{"groups-0-name": "new"}),
        change(client, plan, **{"members-0-DELETE": "on"}),
        change(client, group, name="new"),
        change(client, member, is_critical=""),
        client.post(page(RecoveryPlanGroup, "add"), {"plan": plan.pk, "seq": 9, "name": "new", "pause_seconds": 0}),
    )
    for answer in asked:
        assert "wait for its end, or cancel it" in errors(answer)
    for record in (group, member):
        answer = client.post(page(type(record), "delete", record.pk), {"post": "yes"}, follow=True)
        assert "wait for its end, or cancel it" in answer.content.decode()
    assert "Nothing is deleted" in act(client, "delete_selected", member, other, post="yes")
    assert seen(plan) == before
    assert RecoveryPlanMember.objects.filter(pk=other.pk).exists()


def test_a_run_that_starts_while_a_plan_is_deleted_keeps_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, admin = RecoveryPlanFactory(), site.get_model_admin(RecoveryPlan)
    log_deletions = admin.log_deletions

    def log_deletions_while_a_run_starts(*args: Any) -> Any:
        RecoveryPlanRunFactory(plan=plan)
        return log_deletions(*args)

    monkeypatch.setattr(admin, "log_deletions", log_deletions_while_a_run_starts)
    answer = client.post(page(RecoveryPlan, "delete", plan.pk), {"post": "yes"}, follow=True)
    assert "has been run, and what was run is kept" in answer.content.decode()
    assert RecoveryPlan.objects.filter(pk=plan.pk).exists()


def seen(plan: RecoveryPlan) -> Any:
    parts = (RecoveryPlan.objects.filter(pk=plan.pk), plan.groups.order_by("pk"), plan.members.order_by("pk"))
    return [list(rows.values()) for rows in parts]


def test_a_policy_that_keeps_nothing_or_lives_in_no_time_zone_is_refused(client: Client) -> None:
    policy = BackupPolicyFactory(keep_last=1, keep_daily=0)
    assert "keeps at least one" in errors(change(client, policy, keep_last=0))
    assert "IANA" in errors(change(client, policy, time_zone="Mars/Base"))


@pytest.mark.parametrize("address", ["https://ada:s3cret@cloud.example/client/api", "https://ada@cloud.example/"])
def test_an_address_that_everybody_reads_takes_no_credentials(client: Client, address: str) -> None:
    target, repository = TargetFactory(), BackupRepositoryFactory()
    assert "leave the user and the password out" in errors(change(client, target, api_url=address))
    assert "leave the user and the password out" in errors(change(client, repository, location=address))
    for row in (target, repository):
        row.refresh_from_db()
    assert address not in (target.api_url, repository.location)


def test_an_api_key_is_revoked_once_and_never_revived(client: Client) -> None:
    api_key = ApiKeyFactory()
    assert "Revoked 1 of the 1" in act(client, "revoke", api_key)
    revoked_at = ApiKey.objects.get().revoked_at
    assert "Revoked 0 of the 1" in act(client, "revoke", api_key)
    change(client, api_key, revoked_at_0="", revoked_at_1="")
    assert ApiKey.objects.get().revoked_at == revoked_at is not None
    assert "list of words" in errors(change(client, api_key, scopes='{"jobs": true}'))


def test_the_page_of_a_key_says_which_scopes_the_role_of_its_owner_does_not_give(client: Client) -> None:
    ApiKeyFactory(scopes=["engine", "read"], owner__username="ada")
    listed = reverse("admin:inventory_apikey_changelist")
    lacking = "Without engine, which the role of ada may not give"
    assert lacking not in client.get(listed).content.decode()
    Membership.objects.update(role="viewer")
    assert lacking in client.get(listed).content.decode()


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
