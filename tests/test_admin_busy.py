"""What people are told while somebody else is in the middle of a change of the same rows: never an error page."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from auditlog.models import LogEntry as AuditEntry
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.test import Client

from config import transactions
from config.admin.busy import NOT_SAVED, NOT_SENT, NOT_SHOWN
from config.demo.factories import (
    NetworkMappingFactory,
    OrganizationFactory,
    RecoveryPlanFactory,
    RecoveryPlanGroupFactory,
    ReplicationJobFactory,
    TargetFactory,
    TargetNetworkFactory,
    VMNetworkInterfaceFactory,
)
from config.schema.dialects import dialect
from failover.models import NetworkMapping
from replication.models import ReplicationJob, Target
from tests.people import superuser
from tests.test_admin_pages import form_of, page

pytestmark = pytest.mark.django_db(transaction=True)
SHORT = 0.3
STATEMENTS = {
    "postgresql": "SET statement_timeout = 300",
    "mariadb": "SET SESSION max_statement_time = 0.3",
}
TABLES = {"postgresql": "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", "mariadb": "LOCK TABLES {} WRITE"}


@pytest.fixture(autouse=True)
def tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "ATTEMPTS", 2)


@pytest.fixture
def client() -> Client:
    return superuser()


def row(record: Any) -> Callable[[], object]:
    return lambda: type(record).objects.select_for_update().get(pk=record.pk)


@contextmanager
def holding(take: Callable[[], object]) -> Iterator[None]:
    """Somebody else holds what `take` takes, for longer than anything waits for it here."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                take()
                taken.set()
                done.wait(60)
        finally:
            connection.close()

    other = threading.Thread(target=hold)
    waits = dialect(connection).waits
    before = waits.begin(connection, SHORT, SHORT)
    try:
        other.start()
        assert taken.wait(20)
        yield
    finally:
        done.set()
        other.join(20)
        waits.end(connection, before)


def test_a_change_that_others_are_in_the_way_of_comes_back_as_it_was_typed(client: Client) -> None:
    target = TargetFactory(name="before")
    sent = form_of(client, target) | {"name": "typed by me", "api_key": "xyzzy-7h3-s3cr37"}
    entries = AuditEntry.objects.count()
    with holding(row(target)):
        answer = client.post(page(Target, "change", target.pk), sent)
    said = answer.content.decode()
    assert answer.status_code == 503 and NOT_SAVED in said and 'value="typed by me"' in said
    assert sent["api_key"] not in said
    target.refresh_from_db()
    assert target.name == "before" and AuditEntry.objects.count() == entries
    # The same form, sent again, is what it says there: nothing of the first time stands in its way.
    form = answer.context["adminform"].form
    assert client.post(page(Target, "change", target.pk), sent | {"seen_version": form["seen_version"].value()})
    target.refresh_from_db()
    assert target.name == "typed by me"


def test_groups_that_were_typed_into_a_plan_come_back_too(client: Client) -> None:
    group = RecoveryPlanGroupFactory(name="Databases")
    sent = form_of(client, group.plan) | {"groups-0-name": "Stores", "groups-0-pause_seconds": "77"}
    with holding(row(group)):
        answer = client.post(page(type(group.plan), "change", group.plan_id), sent)
    said = answer.content.decode()
    assert answer.status_code == 503 and NOT_SAVED in said and 'value="Stores"' in said and 'value="77"' in said
    group.refresh_from_db()
    assert group.name == "Databases"


def test_a_new_record_comes_back_as_it_was_typed(client: Client) -> None:
    organization = OrganizationFactory()
    sent = {"organization": organization.pk, "name": "typed by me", "api_url": "https://cloud.example/client/api"}
    with holding(row(organization)):
        answer = client.post(page(Target, "add"), form_of_new(client, Target) | sent)
    assert answer.status_code == 503, answer.content.decode()
    assert NOT_SAVED in answer.content.decode() and 'value="typed by me"' in answer.content.decode()
    assert not Target.objects.filter(name="typed by me").exists()


def form_of_new(client: Client, model: type[Any]) -> dict[str, Any]:
    answer = client.get(page(model, "add"))
    forms = [answer.context["adminform"].form]
    forms += [inline.formset.management_form for inline in answer.context["inline_admin_formsets"]]
    return {bound.html_name: bound.value() for form in forms for bound in form if bound.value() is not None}


@pytest.mark.parametrize("way", ["page", "list"])
def test_a_deletion_that_others_are_in_the_way_of_deletes_nothing_and_says_so(client: Client, way: str) -> None:
    plan = RecoveryPlanFactory()
    address = page(type(plan), "delete", plan.pk) if way == "page" else page(type(plan), "changelist")
    sent = {"post": "yes", "action": "delete_selected", "_selected_action": [plan.pk], "index": "0"}
    with holding(row(plan)):
        answer = client.post(address, sent)
    assert (answer.status_code, NOT_SENT in answer.content.decode()) == (503, True)
    plan.refresh_from_db()


def test_an_action_that_others_are_in_the_way_of_is_not_done_and_keeps_its_reason(client: Client) -> None:
    job = ReplicationJobFactory(status="pending")
    address = page(ReplicationJob, "act", job.pk, "cancel")
    with holding(row(job)):
        answer = client.post(address, {"reason": "no longer wanted"})
    said = answer.content.decode()
    assert answer.status_code == 503 and NOT_SAVED in said and "no longer wanted" in said
    job.refresh_from_db()
    assert job.status == "pending" and not LogEntry.objects.exists()
    assert client.post(address, {"reason": "no longer wanted"}).status_code == 302
    job.refresh_from_db()
    assert job.status == "cancelled" and LogEntry.objects.get().object_id == str(job.pk)


def test_an_action_is_not_done_without_its_entry_in_the_history(client: Client) -> None:
    job = ReplicationJobFactory(status="pending")
    entry = LogEntry.objects.model._meta.db_table
    with holding(lambda: lock(entry)) if dialect(connection).name in TABLES else holding(row(job)):
        assert client.post(page(ReplicationJob, "act", job.pk, "cancel"), {"reason": "why"}).status_code == 503
    job.refresh_from_db()
    assert job.status == "pending"


def test_network_mappings_that_others_are_in_the_way_of_are_asked_for_again_with_the_same_choices(
    client: Client,
) -> None:
    nic = VMNetworkInterfaceFactory(source_network_name="prod")
    vcenter = nic.vm_context.vcenter
    network = TargetNetworkFactory(target__organization=vcenter.organization, isolation="isolated")
    sent = {"network-0": "prod", "test-0": network.pk, "which": "gaps", "confirmed": "yes", "reason": "as agreed"}
    address = page(NetworkMapping, "matrix") + f"?vcenter={vcenter.pk}"
    with holding(row(network)):
        answer = client.post(address, sent)
    said = answer.content.decode()
    assert answer.status_code == 503 and NOT_SAVED in said and "as agreed" in said
    assert f'name="test-0" value="{network.pk}"' in said
    assert not NetworkMapping.objects.exists() and not LogEntry.objects.exists()


def lock(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TABLES[dialect(connection).name].format(table))


def test_a_page_that_others_are_in_the_way_of_says_so(client: Client) -> None:
    """On SQLite nobody who reads waits."""
    if dialect(connection).name not in TABLES:
        return
    NetworkMappingFactory()
    with holding(lambda: lock(NetworkMapping._meta.db_table)):
        for name in ("changelist", "matrix"):
            answer = client.get(page(NetworkMapping, name))
            assert (answer.status_code, NOT_SHOWN in answer.content.decode()) == (503, True)
    assert client.get(page(NetworkMapping, "changelist")).status_code == 200


def test_a_statement_that_takes_too_long_is_told_in_the_same_way(client: Client) -> None:
    if dialect(connection).name not in STATEMENTS:
        return
    target = TargetFactory(name="before")
    sent = form_of(client, target) | {"name": "typed by me"}
    try:
        with holding(row(target)):
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = 0" if connection.vendor == "postgresql" else "SELECT 1")
                cursor.execute(STATEMENTS[dialect(connection).name])
            answer = client.post(page(Target, "change", target.pk), sent)
    finally:
        connection.close()
    assert answer.status_code == 503 and 'value="typed by me"' in answer.content.decode()
    target.refresh_from_db()
    assert target.name == "before"


def test_what_is_not_for_others_to_end_stays_an_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor, pytest.raises(Exception) as caught:
        cursor.execute("SELECT nothing FROM nowhere")
    assert not transactions.was_busy(caught.value)
