"""Secrets are encrypted at rest, and a lost key costs the secret only."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError
from django.core.serializers import serialize
from django.db import connection

from inventory.models import Organization, Vcenter
from inventory.secret_fields import SecretUnreadable

pytestmark = pytest.mark.django_db
SECRET = "pa55 wörd"


@pytest.fixture
def vcenter() -> Vcenter:
    organization = Organization.objects.create(name="Acme", slug="acme")
    return Vcenter.objects.create(organization=organization, name="vc01", password=SECRET)


def stored() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM vcenters")
        return cursor.fetchone()[0]


def test_the_database_holds_it_encrypted_and_python_reads_it(vcenter):
    assert SECRET not in stored()
    assert Vcenter.objects.get().password == SECRET


def test_no_secret_is_null(vcenter):
    vcenter.password = None
    vcenter.save()

    assert stored() is None
    assert Vcenter.objects.get().password is None
    assert Vcenter.objects.filter(password__isnull=True).count() == 1


def test_saving_another_column_leaves_the_stored_secret_as_it_is(vcenter):
    before = stored()

    again = Vcenter.objects.get()
    again.name = "renamed"
    again.save()

    assert stored() == before
    assert Vcenter.objects.get().password == SECRET


def test_a_key_is_replaced_by_putting_a_new_one_first(vcenter, settings):
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, *settings.FIELD_ENCRYPTION_KEYS]
    again = Vcenter.objects.get()
    again.password = again.password
    again.save()

    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert Vcenter.objects.get().password == SECRET


def test_a_lost_key_costs_the_secret_only(vcenter, settings):
    before = stored()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    again = Vcenter.objects.select_related("organization").get()
    again.name = "renamed"
    again.save()

    assert stored() == before
    with pytest.raises(SecretUnreadable, match=r"vcenters\.password was encrypted with a key"):
        _ = again.password
    again.password = "new"
    again.save()
    assert Vcenter.objects.get().password == "new"


def test_it_is_not_printed_by_accident(vcenter):
    row = Vcenter.objects.values().get()

    assert repr(row["password"]) == str(row["password"]) == "(sealed)"
    assert row["password"].open() == SECRET
    assert SECRET not in serialize("json", Vcenter.objects.all())
    assert stored() not in serialize("json", Vcenter.objects.all())


def test_it_cannot_be_searched(vcenter):
    with pytest.raises(FieldError):
        Vcenter.objects.filter(password=SECRET).exists()
