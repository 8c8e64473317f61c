"""Secrets go into the admin and never come out of it."""

from typing import Any

import pytest
from auditlog.models import LogEntry as AuditEntry
from cryptography.fernet import Fernet
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.forms import modelform_factory
from django.test import Client
from django.urls import reverse

from backups.models import BackupRepository
from config.access.audit import MASK
from config.demo.factories import (
    ALL,
    ApiKeyFactory,
    BackupRepositoryFactory,
    IdempotencyKeyFactory,
    MembershipFactory,
    TargetFactory,
    UserFactory,
    VcenterFactory,
    reseed,
)
from inventory.admin.secrets import SecretFormField
from inventory.admin.sources import VcenterForm
from inventory.models import Vcenter
from inventory.secret_fields import secrets_of
from replication.models import Target
from tests.people import let_in_everywhere
from tests.test_admin_pages import form_of, page

SECRET = "xyzzy-7h3-s3cr37"
WITH_SECRETS = [
    pytest.param(VcenterFactory, id="vCenter"),
    pytest.param(TargetFactory, id="target"),
    pytest.param(BackupRepositoryFactory, id="repository"),
]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    reseed("admin secrets")
    monkeypatch.setattr(site, "get_app_list", lambda *args, **options: [])


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def onlooker() -> Client:
    client, user = Client(), UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


def with_secrets(factory: Any) -> Any:
    return factory(**{name: f"{SECRET}-{name}" for name in secrets_of(factory._meta.model)})


def hide_in_every_record() -> None:
    for model in (Vcenter, Target, BackupRepository):
        for record in model._default_manager.all():
            for name in secrets_of(model):
                setattr(record, name, SECRET)
            record.save()


def test_every_secret_of_every_record_is_an_input_that_shows_nothing() -> None:
    models = {model for model in site._registry if secrets_of(model)}
    assert models == {Vcenter, Target, BackupRepository}
    for model in models:
        form = site.get_model_admin(model).form
        assert {name for name, field in form.base_fields.items() if isinstance(field, SecretFormField)} == set(
            secrets_of(model)
        )


@pytest.mark.parametrize("factory", WITH_SECRETS)
def test_no_page_of_a_record_shows_its_secrets(client: Client, onlooker: Client, factory: Any) -> None:
    record = with_secrets(factory)
    model = type(record)
    let_in_everywhere(onlooker)
    for person in (client, onlooker):
        for name, *keys in (("changelist",), ("change", record.pk), ("history", record.pk), ("delete", record.pk)):
            assert SECRET not in person.get(page(model, name, *keys)).content.decode()
    assert "stored" in client.get(page(model, "changelist")).content.decode()


def test_no_page_of_any_record_shows_a_secret_of_another(client: Client) -> None:
    for factory in ALL:
        factory()
    hide_in_every_record()
    for factory in ALL:
        model = factory._meta.model
        for name, *keys in (("changelist",), ("change", model._default_manager.first().pk)):
            assert SECRET not in client.get(page(model, name, *keys)).content.decode(), model


@pytest.mark.parametrize("factory", WITH_SECRETS)
def test_an_empty_input_keeps_the_stored_secret(client: Client, factory: Any) -> None:
    record = with_secrets(factory)
    sent = form_of(client, record) | {"name": "renamed"}
    assert client.post(page(type(record), "change", record.pk), sent).status_code == 302
    kept = type(record)._default_manager.get(pk=record.pk)
    assert kept.name == "renamed"
    for name in secrets_of(type(record)):
        assert getattr(kept, name) == f"{SECRET}-{name}"


PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
ELSEWHERE = [
    pytest.param(VcenterFactory, {"host": "evil.example"}, id="host"),
    pytest.param(VcenterFactory, {"port": "8443"}, id="port"),
    pytest.param(VcenterFactory, {"tls_policy": "insecure"}, id="TLS policy"),
    pytest.param(VcenterFactory, {"ca_certificate": PEM}, id="CA certificate"),
    pytest.param(VcenterFactory, {"thumbprint": "bb" * 32}, id="thumbprint"),
    pytest.param(TargetFactory, {"api_url": "https://evil.example/client/api"}, id="API URL"),
    pytest.param(BackupRepositoryFactory, {"kind": "pbs"}, id="kind"),
    pytest.param(BackupRepositoryFactory, {"location": "evil.example:/copies"}, id="location"),
]


@pytest.mark.parametrize(("factory", "elsewhere"), ELSEWHERE)
def test_a_stored_secret_is_not_kept_for_another_place_than_it_was_entered_for(
    client: Client, factory: Any, elsewhere: dict[str, str]
) -> None:
    record = with_secrets(factory)
    model, names = type(record), secrets_of(type(record))
    before = model._default_manager.filter(pk=record.pk).values(*elsewhere).get()
    answer = client.post(page(model, "change", record.pk), form_of(client, record) | elsewhere)
    assert answer.status_code == 200, "it was saved"
    assert set(answer.context["adminform"].form.errors) == set(names)
    assert "Enter it again" in answer.content.decode()
    assert SECRET not in answer.content.decode()
    assert model._default_manager.filter(pk=record.pk).values(*elsewhere).get() == before


@pytest.mark.parametrize(("factory", "elsewhere"), ELSEWHERE)
def test_the_place_changes_where_the_secret_is_entered_again_or_removed_or_was_none(
    client: Client, factory: Any, elsewhere: dict[str, str]
) -> None:
    names = secrets_of(factory._meta.model)
    for record, along in (
        (with_secrets(factory), dict.fromkeys(names, "again")),
        (with_secrets(factory), {f"{name}-remove": "on" for name in names}),
        (factory(**dict.fromkeys(names)), {}),
    ):
        sent = form_of(client, record) | elsewhere | along
        assert client.post(page(type(record), "change", record.pk), sent).status_code == 302
        stored = type(record)._default_manager.get(pk=record.pk)
        assert {getattr(stored, name) for name in names} == ({"again"} if "again" in along.values() else {None})


def test_each_stored_secret_is_asked_for_and_one_of_two_is_not_enough(client: Client) -> None:
    record = with_secrets(TargetFactory)
    sent = form_of(client, record) | {"api_url": "https://evil.example/client/api", "api_key": "again"}
    answer = client.post(page(Target, "change", record.pk), sent)
    assert set(answer.context["adminform"].form.errors) == {"secret_key"}


def test_a_certificate_that_a_browser_sends_back_with_its_own_line_ends_is_the_same_one(client: Client) -> None:
    record = VcenterFactory(password=SECRET, ca_certificate=PEM)
    sent = form_of(client, record) | {"ca_certificate": PEM.replace("\n", "\r\n"), "name": "renamed"}
    assert client.post(page(Vcenter, "change", record.pk), sent).status_code == 302


def test_a_form_whose_record_does_not_say_whether_a_secret_is_stored_takes_it_to_be() -> None:
    record = VcenterFactory(password=SECRET)
    form = modelform_factory(Vcenter, form=VcenterForm)
    assert (
        "Leave this empty to keep it" in form(instance=Vcenter.objects.get(pk=record.pk)).fields["password"].help_text
    )


@pytest.mark.parametrize("factory", WITH_SECRETS)
def test_a_secret_is_entered_and_removed_and_the_log_says_only_that(client: Client, factory: Any) -> None:
    record = factory()
    model, names = type(record), secrets_of(type(record))
    address = page(model, "change", record.pk)
    client.post(address, form_of(client, record) | dict.fromkeys(names, f" {SECRET} "))
    assert {getattr(model._default_manager.get(pk=record.pk), name) for name in names} == {f" {SECRET} "}
    client.post(address, form_of(client, record) | {f"{name}-remove": "on" for name in names})
    assert {getattr(model._default_manager.get(pk=record.pk), name) for name in names} == {None}
    assert model._default_manager.get(pk=record.pk).version == 3
    assert LogEntry.objects.count() == 2
    assert not [entry for entry in LogEntry.objects.all() if SECRET in entry.change_message + entry.object_repr]


@pytest.mark.parametrize("factory", WITH_SECRETS)
def test_a_refused_form_does_not_send_the_entered_secret_back(client: Client, factory: Any) -> None:
    record = factory()
    sent = form_of(client, record) | dict.fromkeys(secrets_of(type(record)), SECRET) | {"name": ""}
    answer = client.post(page(type(record), "change", record.pk), sent)
    assert answer.status_code == 200
    assert SECRET not in answer.content.decode()


@pytest.mark.parametrize("factory", WITH_SECRETS)
def test_the_page_of_a_failure_shows_no_entered_secret(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch, factory: Any
) -> None:
    record = factory()
    sent = form_of(client, record) | dict.fromkeys(secrets_of(type(record)), SECRET) | {"name": "other"}

    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("The disk is full.")

    monkeypatch.setattr(site.get_model_admin(type(record)), "save_model", fail)
    client.raise_request_exception = False
    answer = client.post(page(type(record), "change", record.pk), sent)
    assert answer.status_code == 500
    assert SECRET not in answer.content.decode()


@pytest.mark.parametrize("factory", WITH_SECRETS)
def test_a_secret_whose_key_is_lost_can_be_entered_again(client: Client, settings: Any, factory: Any) -> None:
    record = with_secrets(factory)
    model, names = type(record), secrets_of(type(record))
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert client.get(page(model, "changelist")).status_code == 200
    sent = form_of(client, record)
    assert client.post(page(model, "change", record.pk), sent | {"name": "renamed"}).status_code == 302
    sent = form_of(client, record)
    assert client.post(page(model, "change", record.pk), sent | dict.fromkeys(names, SECRET)).status_code == 302
    assert {getattr(model._default_manager.get(pk=record.pk), name) for name in names} == {SECRET}


def test_every_page_opens_while_no_stored_secret_can_be_read(client: Client, settings: Any) -> None:
    for factory in ALL:
        factory()
    hide_in_every_record()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    for factory in ALL:
        model = factory._meta.model
        key = model._default_manager.values_list("pk", flat=True).first()
        for name, *keys in (("changelist",), ("change", key), ("add",)):
            assert client.get(page(model, name, *keys)).status_code in (200, 403), (model, name)


@pytest.mark.parametrize("factory", WITH_SECRETS)
def test_a_secret_that_no_key_opens_is_entered_again_and_the_change_is_audited(
    factory: Any, client: Client, settings: Any
) -> None:
    model = factory._meta.model
    [name, *others] = secrets_of(model)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    record = factory(**dict.fromkeys((name, *others), SECRET))
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    answer = client.post(page(model, "change", record.pk), {**form_of(client, record), name: "4n07h3r"})
    assert answer.status_code == 302
    assert getattr(model._default_manager.get(pk=record.pk), name) == "4n07h3r"
    entry = AuditEntry.objects.get_for_object(record).order_by("-id").first()
    assert entry.changes[name][1] == MASK and SECRET not in str(entry.changes)


def test_nobody_asks_a_list_for_what_it_does_not_show_letter_by_letter(onlooker: Client) -> None:
    api_key, call = ApiKeyFactory(), IdempotencyKeyFactory(answer={"secret": SECRET})
    let_in_everywhere(onlooker)
    for record, names in ((api_key, ("digest",)), (call, ("answer", "request_digest"))):
        for name in names:
            for query in (f"{name}__startswith=a", f"{name}__gt=a"):
                assert onlooker.get(f"{page(type(record), 'changelist')}?{query}").status_code == 400


def test_the_digest_of_an_api_key_and_the_answers_to_repeated_calls_are_not_shown(
    client: Client, onlooker: Client
) -> None:
    api_key, call = ApiKeyFactory(), IdempotencyKeyFactory(answer={"secret": SECRET})
    let_in_everywhere(onlooker)
    for person in (client, onlooker):
        for record, hidden in ((api_key, api_key.digest), (call, SECRET), (call, call.request_digest)):
            for name, *keys in (("changelist",), ("change", record.pk)):
                assert hidden not in person.get(page(type(record), name, *keys)).content.decode()


def test_passwords_of_people_are_not_shown(client: Client, onlooker: Client) -> None:
    user = MembershipFactory().user
    let_in_everywhere(onlooker)
    for person in (client, onlooker):
        for address in (page(type(user), "changelist"), page(type(user), "change", user.pk)):
            assert user.password not in person.get(address).content.decode()
    assert client.get(reverse("admin:auth_user_password_change", args=[user.pk])).status_code == 200
