"""Every page of every registered record opens, for a person who may do everything and for one who may only look."""

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.apps import apps
from django.contrib.admin import site
from django.contrib.auth.models import Group, Permission
from django.db.models import ForeignKey, Model
from django.forms import SplitDateTimeField
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse

from config.admin import ReadOnlyAdmin
from config.admin.sections import SECTIONS
from config.demo.factories import ALL, MembershipFactory, TargetFactory, UserFactory, reseed
from inventory.admin.secrets import SecretFormField
from inventory.models import User
from tests.people import let_in_everywhere

APPS = ("inventory", "jobs", "replication", "failover", "backups")
FACTORIES = {factory._meta.model: factory for factory in ALL}
OF_ITS_OWN = "schema"
"""No factory makes what this app shows: tests/config/schema/test_admin.py."""
REGISTERED = [
    pytest.param(model, id=model._meta.label) for model in site._registry if model._meta.app_label != OF_ITS_OWN
]
SMALL = ("Organization", "RecoveryPlanGroup", "TargetNetwork")

pytestmark = pytest.mark.django_db


def rows(model: type[Model], count: int) -> list[Model]:
    """So many new records, each with parents of its own."""
    if model is Group:
        return [Group.objects.create(name=f"group {Group.objects.count()}") for _ in range(count)]
    if model is LogEntry:  # what is made is written down
        return [LogEntry.objects.get_for_object(target)[0] for target in TargetFactory.create_batch(count)]
    return list(FACTORIES[model].create_batch(count))


def page(model: type[Model], name: str, *keys: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=keys)


def form_of(client: Client, record: Model) -> dict[str, Any]:
    """What a browser sends back of a record's page when nobody has typed anything."""
    answer = client.get(page(type(record), "change", record.pk))
    forms = [answer.context["adminform"].form]
    for inline in answer.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    sent = {}
    for bound in (bound for form in forms for bound in form if not isinstance(bound.field, SecretFormField)):
        value = bound.value()
        if isinstance(bound.field, SplitDateTimeField):
            for number, part in enumerate(bound.field.widget.decompress(value)):
                sent[f"{bound.html_name}_{number}"] = part or ""
        elif value is not None and value is not False:
            sent[bound.html_name] = "on" if value is True else value
        if bound.field.show_hidden_initial:
            sent[bound.html_initial_name] = value
    return sent


@pytest.fixture(autouse=True)
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    reseed("admin pages")
    # The list of all records is the same on every page, and the dearest part of it.
    monkeypatch.setattr(site, "get_app_list", lambda *args, **options: [])


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def request_of_superuser(rf: RequestFactory) -> HttpRequest:
    request = rf.get("/")
    request.user = UserFactory(is_staff=True, is_superuser=True)
    return request


@pytest.fixture
def onlooker() -> Client:
    client, user = Client(), UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


def test_every_record_has_pages() -> None:
    assert {model for label in APPS for model in apps.get_app_config(label).get_models()} < set(site._registry)


def test_the_index_names_the_product_and_its_sections_in_the_order_of_what_people_do(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    answer = client.get(reverse("admin:index"))
    assert "Recovery Hub" in answer.content.decode()
    assert [section["app_label"] for section in answer.context["app_list"]] == list(SECTIONS)


def test_the_login_page_opens() -> None:
    assert Client().get(reverse("admin:login")).status_code == 200


@pytest.mark.parametrize("model", REGISTERED)
def test_the_list_opens_searched_filtered_and_in_every_order(client: Client, model: type[Model]) -> None:
    rows(model, 2)
    answer = client.get(page(model, "changelist"))
    assert answer.status_code == 200
    changelist = answer.context["cl"]
    query = "&".join(list(spec.choices(changelist))[-1]["query_string"].lstrip("?") for spec in changelist.filter_specs)
    query += "&o=" + ".".join(f"-{number}" for number in range(len(changelist.list_display)))
    for search in ("&q=1", "&q=%C3%A9%27%25") if changelist.search_fields else ("",):
        answer = client.get(f"{page(model, 'changelist')}?{query}{search}")
        assert answer.status_code == 200, query


@pytest.mark.parametrize("model", REGISTERED)
def test_a_record_opens_to_add_to_change_and_to_delete_unless_it_is_history(
    client: Client, request_of_superuser: HttpRequest, model: type[Model]
) -> None:
    record, request = rows(model, 1)[0], request_of_superuser
    admin = site.get_model_admin(model)
    for name, allowed in (
        ("change", True),
        ("history", True),
        ("delete", admin.has_delete_permission(request, record)),
    ):
        answer = client.get(page(model, name, record.pk))
        assert answer.status_code == (200 if allowed else 403), name
    assert client.get(page(model, "add")).status_code == (200 if admin.has_add_permission(request) else 403)


@pytest.mark.parametrize("model", REGISTERED)
def test_a_person_who_may_only_look_sees_the_record_and_cannot_send_it(onlooker: Client, model: type[Model]) -> None:
    record = rows(model, 1)[0] if model is not User else MembershipFactory().user
    let_in_everywhere(onlooker)
    assert onlooker.get(page(model, "change", record.pk)).status_code == 200
    assert onlooker.post(page(model, "change", record.pk)).status_code == 403


@pytest.mark.parametrize("model", REGISTERED)
def test_a_record_leads_to_lists_that_can_be_narrowed_to_it(
    request_of_superuser: HttpRequest, rf: RequestFactory, model: type[Model]
) -> None:
    record = rows(model, 1)[0]
    for other, by, _ in getattr(site.get_model_admin(model), "_lists", list)():
        request = rf.get("/", {by: record.pk})
        request.user = request_of_superuser.user
        assert list(site.get_model_admin(other).get_changelist_instance(request).queryset) == list(
            other._default_manager.filter(**{by: record.pk}).order_by("pk")
        )


@pytest.mark.parametrize("model", REGISTERED)
def test_a_foreign_key_to_a_large_table_is_never_a_list_of_all_its_rows(
    request_of_superuser: HttpRequest, model: type[Model]
) -> None:
    record, request = rows(model, 1)[0], request_of_superuser
    admin = site.get_model_admin(model)
    forms = [(admin, admin.get_form(request, record, change=True))]
    forms += [(inline, formset.form) for formset, inline in admin.get_formsets_with_inlines(request, record)]
    for owner, form in forms:
        for name in form.base_fields:
            field = next((field for field in owner.model._meta.fields if field.name == name), None)
            if isinstance(field, ForeignKey) and name not in owner.get_autocomplete_fields(request):
                assert field.related_model.__name__ in SMALL or field.related_model is admin.model, f"{owner} {name}"


def test_history_cannot_be_added_to_changed_or_deleted(client: Client) -> None:
    history = {model.__name__ for model, admin in site._registry.items() if isinstance(admin, ReadOnlyAdmin)}
    assert history >= {
        *("DiscoveryRun", "DiscoveryOutcome", "JobEvent", "IdempotencyKey", "HostMetric", "VMMetric", "Host"),
        *("OperationClaim", "VMDisk", "VMNetworkInterface", "ReplicationJob", "ReplicationDisk", "ChangeId"),
        *("FailoverJob", "FailoverStep", "VolumeSnapshot", "RecoveryPlanRun", "RecoveryPlanStep", "TargetVolume"),
        *("BackupJob", "BackupDisk", "RestoreJob"),
    }
    for model in (model for model, admin in site._registry.items() if isinstance(admin, ReadOnlyAdmin)):
        record = rows(model, 1)[0]
        for address in (page(model, "add"), page(model, "change", record.pk), page(model, "delete", record.pk)):
            assert client.post(address, {"post": "yes"}).status_code == 403, address
        assert model._default_manager.filter(pk=record.pk).exists()


@pytest.mark.every_engine
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("inventory/vmcontext/?name=a%00", 400),
        ("inventory/vmcontext/?blocked=%00", 400),
        ("inventory/vmcontext/?context_id__startswith=%00", 400),
        ("inventory/vmcontext/export.csv?name=%00", 400),
        ("inventory/vmcontext/?q=%00", 200),
        ("inventory/vmcontext/a_00b/change/", 404),
        ("inventory/vmcontext/a_00b/history/", 404),
        ("failover/failoverjob/a_00b/evidence/", 404),
        ("failover/networkmapping/matrix/?vm=%00&network=%00", 200),
    ],
)
def test_a_text_that_no_engine_stores_is_not_asked_for(client: Client, address: str, status: int) -> None:
    assert client.get(f"/admin/{address}").status_code == status
