"""No admin page makes more queries for more rows, and none makes more than its budget says."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.forms import inlineformset_factory
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backups.models import BackupJob, RestoreJob
from config.admin import Named
from config.demo.factories import (
    BackupDiskFactory,
    BackupPolicyFactory,
    RecoveryPlanGroupFactory,
    ReplicationJobFactory,
    TargetFactory,
    UserFactory,
    reseed,
)
from failover.models import FailoverJob, NetworkMapping, RecoveryPlanGroup, RecoveryPlanStep
from inventory.models import Alert, VMDisk
from replication.models import ChangeId
from tests.query_budgets import BUDGETS
from tests.test_admin_pages import FACTORIES, OF_ITS_OWN, page

FEW, MANY = 5, 30
number = count(1)
# References that a factory leaves out, and without which a page would look cheaper than it is.
FILLED: dict[type[Model], Callable[[], dict[str, Any]]] = {
    Alert: lambda: {
        "acknowledged_at": timezone.now(),
        "acknowledged_by": UserFactory(),
        "resolved_at": timezone.now(),
        "resolved_by": UserFactory(),
        "is_open": None,
    },
    BackupJob: lambda: {"backup_type": "incremental", "policy": BackupPolicyFactory()},
    ChangeId: lambda: {"job": ReplicationJobFactory()},
    FailoverJob: lambda: {"replication_job": ReplicationJobFactory()},
    NetworkMapping: lambda: {"source_network_name": f"network {next(number)}"},
    RecoveryPlanGroup: lambda: {"depends_on": RecoveryPlanGroupFactory()},
    RecoveryPlanStep: lambda: {"kind": "failover", "confirmed_by": UserFactory()},
    RestoreJob: lambda: {"backup_disk": BackupDiskFactory()},
    VMDisk: lambda: {"job": ReplicationJobFactory()},
}

# Those with the most references come first: what they bring along need not be made again.
MODELS = [*FILLED, *(model for model in [*reversed(FACTORIES), Group, LogEntry] if model not in FILLED)]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    reseed("admin queries")
    # The list of all records is the same on every page, and the dearest part of it.
    monkeypatch.setattr(site, "get_app_list", lambda *args, **options: [])
    # So are the saved views of a list: one query, and as many views as rows here (tests/config/staff/test_lists.py).
    monkeypatch.setattr("config.staff.templatetags.staff.views_for", lambda *args: [])


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def make(model: type[Model], **values: Any) -> Model:
    if model is Group:
        return Group.objects.create(name=f"group {next(number)}")
    if model is LogEntry:
        return LogEntry.objects.get_for_object(TargetFactory())[0]
    return FACTORIES[model](**FILLED.get(model, dict)() | values)


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as made:
        assert client.get(address).status_code == 200
    return len(made)


def test_every_registered_record_has_a_budget() -> None:
    registered = {model._meta.label for model in site._registry if model._meta.app_label != OF_ITS_OWN}
    assert set(BUDGETS) == registered == {model._meta.label for model in MODELS}


def test_lists_keep_their_budgets_with_few_rows_and_with_many(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[int, dict[str, int]] = {FEW: {}, MANY: {}}
    for model in MODELS:
        for _ in range(MANY + 1 - model._default_manager.count()):
            make(model)
    # The estate has hundreds of organisations: that many choices of a filter take time to write, and no query.
    read_all = Named.field_choices
    monkeypatch.setattr(Named, "field_choices", lambda *arguments: read_all(*arguments)[:FEW])
    for rows in made:
        for model in MODELS:
            monkeypatch.setattr(site.get_model_admin(model), "list_per_page", rows)
            made[rows][model._meta.label] = queries(client, page(model, "changelist"))
    budgets = {label: of_list for label, (of_list, _) in BUDGETS.items()}
    assert made[FEW] == budgets
    assert made[MANY] == budgets


def test_records_keep_their_budgets_with_few_rows_on_their_page_and_with_many(client: Client) -> None:
    made: dict[int, dict[str, int]] = {FEW: {}, MANY: {}}
    for model in MODELS:
        ContentType.objects.get_for_model(model)
        record, inlines = make(model), site.get_model_admin(model).inlines
        for rows in made if inlines else (FEW,):
            for inline in inlines:
                key = inlineformset_factory(model, inline.model, fields=()).fk
                present = inline.model._default_manager.filter(**{key.name: record}).count()
                for _ in range(0 if key.unique else rows - present):
                    make(inline.model, **{key.name: record})
            made[rows][model._meta.label] = queries(client, page(model, "change", record.pk))
    budgets = {label: of_record for label, (_, of_record) in BUDGETS.items()}
    assert made[FEW] == budgets
    assert made[MANY] == {label: budgets[label] for label in made[MANY]}
