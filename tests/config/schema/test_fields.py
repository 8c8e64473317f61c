"""Fields that mean the same on every engine."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import DateTimeField, ExpressionWrapper, Value
from django.utils import timezone

from config.schema.dialects import dialect
from config.schema.fields import CodeField, SecondsSince, UtcNow
from inventory.models import Organization, User, VMNetworkInterface
from tests.config.schema import rows

pytestmark = pytest.mark.django_db
NAMES = ["VM Network", "vm network", "VM Network ", "Other"]


@pytest.fixture
def networks() -> Any:
    for number, name in enumerate(NAMES, start=1):
        rows.insert("vm_network_interfaces", number, source_network_name=name)
    return VMNetworkInterface.objects.order_by("id")


def names(found: Any, **lookup: Any) -> list[str]:
    return list(found.filter(**lookup).values_list("source_network_name", flat=True))


@pytest.mark.parametrize(
    ("lookup", "value", "expected"),
    [
        ("exact", "VM Network", ["VM Network"]),
        ("exact", "VM NETWORK", []),
        ("in", ["VM Network", "other"], ["VM Network"]),
        ("regex", "^vm", ["vm network"]),
        ("iexact", "VM NETWORK", ["VM Network", "vm network"]),
        ("icontains", "NETWORK", ["VM Network", "vm network", "VM Network "]),
        ("istartswith", "vM", ["VM Network", "vm network", "VM Network "]),
        ("iendswith", "NETWORK", ["VM Network", "vm network"]),
        ("iregex", "^VM N", ["VM Network", "vm network", "VM Network "]),
    ],
)
def test_a_code_is_compared_exactly_and_searched_without_regard_to_case(
    lookup: str, value: Any, expected: list[str], networks: Any
) -> None:
    assert names(networks, **{f"source_network_name__{lookup}": value}) == expected


def test_a_search_reaches_through_a_relation_and_takes_percent_and_underscore_as_they_are(networks: Any) -> None:
    rows.insert("organizations", 2, name="100%_sure")
    assert Organization.objects.filter(name__icontains="%_S").count() == 1
    assert Organization.objects.filter(name__icontains="0__S").count() == 0
    assert networks.filter(vm_context__vcenter__name__istartswith="VCENTER-").count() == len(NAMES)


def test_codes_that_differ_in_case_only_are_two_users() -> None:
    rows.insert("users", 1, username="Ada")
    rows.insert("users", 2, username="ada")
    assert User.objects.get(username="ada").pk == rows.key_of("users", 2)
    assert User.objects.filter(username__iexact="ADA").count() == 2


def test_a_foreign_key_to_a_code_has_the_collation_of_the_code() -> None:
    code = VMNetworkInterface._meta.get_field("vm_context").target_field
    key = VMNetworkInterface._meta.get_field("vm_context")
    assert isinstance(code, CodeField)
    expected = dialect(connection).identifier_collation
    assert key.db_parameters(connection)["collation"] == code.db_parameters(connection)["collation"] == expected


def test_a_time_that_the_database_gives_is_the_time_that_python_has() -> None:
    before = timezone.now()
    made = Organization.objects.create(name="a", slug="a")
    made.refresh_from_db()
    assert before - timedelta(seconds=2) < made.created_at < timezone.now() + timedelta(seconds=2)
    assert before - timedelta(seconds=2) < made.updated_at < timezone.now() + timedelta(seconds=2)


def test_rows_of_one_transaction_are_not_all_of_one_instant() -> None:
    """On PostgreSQL NOW is the time of the transaction's beginning."""
    first = Organization.objects.create(name="a", slug="a")
    time.sleep(0.01)
    second = Organization.objects.create(name="b", slug="b")
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.created_at < second.created_at


def test_a_time_is_not_less_seconds_ago_than_it_is() -> None:
    """The difference of two days, each as a number, was less on SQLite: a lease that had run out had not."""
    rows.insert("organizations", 1)
    then = ExpressionWrapper(UtcNow() - Value(timedelta(seconds=61)), DateTimeField())
    found = [Organization.objects.values_list(SecondsSince(then), flat=True)[0] for _ in range(30)]
    assert [seconds for seconds in found if not 61 <= seconds < 62] == []
