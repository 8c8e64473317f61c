"""No admin page makes more queries for more rows, and none makes more than its budget says."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.forms.models import _get_foreign_key
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backups.models import BackupJob, RestoreJob
from config.demo.factories import (
    BackupDiskFactory,
    BackupPolicyFactory,
    RecoveryPlanGroupFactory,
    ReplicationJobFactory,
    UserFactory,
    reseed,
)
from failover.models import FailoverJob, NetworkMapping, RecoveryPlanGroup, RecoveryPlanStep
from inventory.models import Alert, OperationClaim, VMDisk
from replication.models import ChangeId, Protection
from tests.query_budgets import BUDGETS
from tests.test_admin_pages import FACTORIES, REGISTERED, page

FEW, MANY = 5, 30
ONE_PER_RECORD = (OperationClaim, Protection)
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

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    reseed("admin queries")
    # The list of all records is the same on every page, and the dearest part of it.
    monkeypatch.setattr(site, "get_app_list", lambda *args, **options: [])


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def make(model: type[Model], **values: Any) -> Model:
    if model is Group:
        return Group.objects.create(name=f"group {next(number)}")
    return FACTORIES[model](**FILLED.get(model, dict)() | values)


def make_rows(model: type[Model], record: Model, rows: int) -> None:
    """So many more rows in each table on the page of a record."""
    for inline in site.get_model_admin(model).inlines:
        if inline.model not in ONE_PER_RECORD:
            for _ in range(rows):
                make(inline.model, **{_get_foreign_key(model, inline.model).name: record})


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as made:
        assert client.get(address).status_code == 200
    return len(made)


def budget_of(model: type[Model]) -> tuple[int, int]:
    return BUDGETS.get(model._meta.label, (0, 0))


@pytest.mark.parametrize("model", REGISTERED)
def test_a_list_keeps_its_budget_with_few_rows_and_with_many(client: Client, model: type[Model]) -> None:
    address = page(model, "changelist")
    for _ in range(FEW):
        make(model)
    few = queries(client, address)
    for _ in range(MANY - FEW):
        make(model)
    assert (few, queries(client, address)) == (budget_of(model)[0],) * 2


@pytest.mark.parametrize("model", REGISTERED)
def test_a_record_keeps_its_budget_with_few_rows_on_its_page_and_with_many(client: Client, model: type[Model]) -> None:
    ContentType.objects.get_for_model(model)
    record = make(model)
    address = page(model, "change", record.pk)
    make_rows(model, record, FEW)
    few = queries(client, address)
    make_rows(model, record, MANY - FEW)
    assert (few, queries(client, address)) == (budget_of(model)[1],) * 2


def test_every_budget_is_one_of_a_registered_record() -> None:
    assert set(BUDGETS) == {model._meta.label for model in site._registry}
