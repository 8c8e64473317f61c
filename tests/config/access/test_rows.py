"""A person sees and changes the rows of its organisations; for it those of others do not exist."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user
from django.contrib.auth.models import Permission
from django.db.models import ForeignKey, Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.access.owners import NOBODYS, OWNERS, is_nobodys, owned_by
from config.access.roles import permissions_of
from config.admin import Named
from config.demo.factories import (
    BackupPolicyFactory,
    BackupRepositoryFactory,
    MembershipFactory,
    NetworkMappingFactory,
    OrganizationFactory,
    RecoveryPlanFactory,
    TargetFactory,
    UserFactory,
    VcenterFactory,
    VMContextFactory,
    reseed,
)
from failover.models import NetworkMapping, RecoveryPlan
from inventory.models import Alert, Membership, Organization
from replication.models import Protection, Target
from tests.people import member
from tests.test_admin_pages import FACTORIES, form_of, page

pytestmark = [pytest.mark.django_db, pytest.mark.every_engine]
OWNED = [pytest.param(model, id=model._meta.label) for model in site._registry if model._meta.label in OWNERS]


@pytest.fixture(autouse=True)
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    reseed("rows of organisations")
    monkeypatch.setattr(site, "get_app_list", lambda *args, **options: [])


@pytest.fixture
def stranger() -> Client:
    return member(OrganizationFactory(name="A stranger's"), "admin")


def owners_of(record: Model) -> list[Organization]:
    rows = type(record)._base_manager.filter(pk=record.pk)
    return [each for each in Organization.objects.all() if owned_by(rows, [each.pk]).exists()]


def owned(model: type[Model]) -> Any:
    return MembershipFactory().user if model is UserFactory._meta.model else FACTORIES[model]()


def pages_of(record: Model) -> Iterator[str]:
    """Every address of the admin that names this record, as the admin itself declares them."""
    admin: Any = site.get_model_admin(type(record))
    yield page(type(record), "changelist") + f"{quote(record.pk)}/"
    for pattern in admin.get_urls():
        names = set(pattern.pattern.converters)
        if pattern.name and "object_id" in names:
            said = {"object_id": quote(record.pk)}
            for action in admin.record_actions if "name" in names else ():
                yield reverse(f"admin:{pattern.name}", kwargs={**said, "name": action.name})
            if names == {"object_id"}:
                yield reverse(f"admin:{pattern.name}", kwargs=said)


def test_every_registered_model_says_whose_its_rows_are() -> None:
    assert [
        model._meta.label for model in site._registry if not (model._meta.label in OWNERS or is_nobodys(model))
    ] == []
    assert not set(OWNERS) & set(NOBODYS)


@pytest.mark.parametrize("model", OWNED)
def test_the_rows_of_an_organisation_exist_for_its_members_and_for_nobody_else(
    model: type[Model], stranger: Client
) -> None:
    record = owned(model)
    [owner] = owners_of(record)
    own = member(owner, "viewer")
    assert own.get(page(model, "change", quote(record.pk))).status_code == 200
    assert own.get(page(model, "history", quote(record.pk))).status_code == 200
    assert record in own.get(page(model, "changelist")).context["cl"].queryset
    addresses = list(pages_of(record))
    assert len(addresses) >= 3
    for address in addresses:
        for answer in (stranger.get(address, follow=True), stranger.post(address, {"post": "yes"}, follow=True)):
            assert answer.status_code == 404, address
    assert record not in stranger.get(page(model, "changelist")).context["cl"].queryset
    assert type(record)._base_manager.filter(pk=record.pk).exists()


@pytest.mark.parametrize("model", OWNED)
def test_no_choice_of_a_form_and_no_filter_of_a_list_names_a_row_of_others(
    model: type[Model], stranger: Client
) -> None:
    record = owned(model)
    [owner] = owners_of(record)
    request = stranger.get(page(model, "changelist")).wsgi_request
    admin = site.get_model_admin(model)
    for field in (field for field in model._meta.fields if isinstance(field, ForeignKey)):
        related = field.related_model
        if is_nobodys(related) or related not in site._registry:
            continue
        formfield: Any = admin.formfield_for_dbfield(field, request)
        choices = formfield.queryset
        assert all(stranger_owns(each, request.user) for each in choices), field
        query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
        found = stranger.get(reverse("admin:autocomplete"), query)
        if found.status_code == 200:
            assert all(stranger_owns(choices.model(pk=each["id"]), request.user) for each in found.json()["results"])
    specs = stranger.get(page(model, "changelist")).context["cl"].filter_specs
    assert owner.name not in {word for spec in specs if isinstance(spec, Named) for _, word in spec.lookup_choices}


def stranger_owns(record: Any, stranger: Any) -> bool:
    mine = list(stranger.memberships.values_list("organization", flat=True))
    return owned_by(type(record)._base_manager.filter(pk=record.pk), mine).exists()


def test_a_crafted_post_with_the_key_of_another_organisation_is_refused() -> None:
    theirs, mine = VMContextFactory(), VMContextFactory()
    client = member(mine.vcenter.organization, "operator")
    target = TargetFactory(organization=mine.vcenter.organization)
    sent = {"vm_context": theirs.pk, "target": target.pk, "rpo_seconds": 600, "enabled": "on"}
    answer = client.post(page(Protection, "add"), sent)
    assert "vm_context" in answer.context["adminform"].form.errors
    assert not Protection.objects.exists()
    assert client.post(page(Protection, "add"), sent | {"vm_context": mine.pk}).status_code == 302


def test_an_action_on_a_list_does_nothing_to_rows_of_others() -> None:
    theirs, mine = NetworkMappingFactory(), NetworkMappingFactory()
    client = member(mine.vm_context.vcenter.organization, "operator")
    sent = {"action": "delete_selected", "_selected_action": [theirs.pk, mine.pk], "post": "yes", "index": "0"}
    client.post(page(NetworkMapping, "changelist"), sent)
    assert list(NetworkMapping.objects.all()) == [theirs]


def test_a_role_counts_where_it_was_given_and_not_in_the_other_organisation_of_the_person() -> None:
    looked_at, worked_in = RecoveryPlanFactory(), RecoveryPlanFactory()
    client = member(worked_in.organization, "operator")
    MembershipFactory(user_id=client.session["_auth_user_id"], organization=looked_at.organization, role="viewer")

    assert client.get(page(RecoveryPlan, "change", looked_at.pk)).status_code == 200
    assert client.post(page(RecoveryPlan, "change", looked_at.pk), {"name": "x"}).status_code == 403
    assert client.get(page(RecoveryPlan, "delete", looked_at.pk)).status_code == 403
    sent = {"action": "delete_selected", "_selected_action": [looked_at.pk, worked_in.pk], "post": "yes", "index": "0"}
    client.post(page(RecoveryPlan, "changelist"), sent)
    assert list(RecoveryPlan.objects.all()) == [looked_at]
    plan = {"organization": looked_at.organization_id, "name": "new", "rto_seconds": 60}
    plan |= {f"groups-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    answer = client.post(page(RecoveryPlan, "add"), plan)
    assert "organization" in answer.context["adminform"].form.errors


def test_an_administrator_of_one_organisation_gives_no_role_in_another() -> None:
    mine, theirs, person = OrganizationFactory(), OrganizationFactory(), UserFactory()
    client = member(mine, "admin")
    MembershipFactory(user=person, organization=mine, role="viewer")
    MembershipFactory(user_id=client.session["_auth_user_id"], organization=theirs, role="viewer")
    sent = {"organization": theirs.pk, "user": person.pk, "role": "admin"}
    assert "organization" in client.post(page(Membership, "add"), sent).context["adminform"].form.errors
    assert not theirs.memberships.filter(user=person).exists()


def test_an_alert_of_the_whole_system_is_seen_by_superusers_only(admin_client: Client) -> None:
    alert = Alert.objects.create(
        code="DISK.FULL", subject="system:disk", severity="critical", message="full", raised_at=timezone.now()
    )
    anyone = member(VcenterFactory().organization, "admin")
    assert anyone.get(page(Alert, "change", alert.pk)).status_code == 404
    assert admin_client.get(page(Alert, "change", alert.pk)).status_code == 200


def test_a_permission_that_was_given_by_name_gives_no_row(client: Client) -> None:
    user, target = UserFactory(is_staff=True), TargetFactory()
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_target", "change_target")))
    client.force_login(user)
    assert client.get(page(Target, "change", target.pk)).status_code == 404
    MembershipFactory(user=user, organization=target.organization, role="viewer")
    assert client.get(page(Target, "change", target.pk)).context["has_change_permission"]


def test_roles_contain_each_other_and_none_changes_people_or_organisations() -> None:
    viewer, operator, admin = map(permissions_of, ("viewer", "operator", "admin"))
    assert viewer < operator < admin
    assert all(".view_" in permission for permission in viewer)
    assert not {"inventory.change_user", "inventory.add_user", "inventory.change_organization"} & admin
    assert permissions_of("root") == frozenset()


def test_saving_what_was_shown_keeps_working_for_an_operator() -> None:
    mapping = NetworkMappingFactory()
    client = member(mapping.vm_context.vcenter.organization, "operator")
    assert client.post(page(NetworkMapping, "change", mapping.pk), form_of(client, mapping)).status_code == 302


ROOTS = [VcenterFactory, TargetFactory, BackupRepositoryFactory, BackupPolicyFactory, RecoveryPlanFactory]


@pytest.mark.parametrize("factory", ROOTS, ids=lambda factory: factory._meta.model.__name__)
def test_nobody_moves_a_record_with_all_that_hangs_on_it_to_another_organisation(factory: Any) -> None:
    record, other = factory(), OrganizationFactory()
    client = member(record.organization, "admin")
    MembershipFactory(user=get_user(client), organization=other, role="admin")  # type: ignore[arg-type]
    answer = client.post(page(type(record), "change", record.pk), {**form_of(client, record), "organization": other.pk})
    assert "stays in its organisation" in answer.content.decode()
    assert type(record)._base_manager.get(pk=record.pk).organization == record.organization
