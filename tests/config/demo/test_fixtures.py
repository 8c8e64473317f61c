"""The static part of the estate, as `loaddata` takes it."""

import json
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.hashers import is_password_usable
from django.core.management import call_command
from django.db.models import GeneratedField

import config.demo
from inventory.models import Host, OperationClaim, Organization, User, VMContext, VMDisk
from inventory.secret_fields import SecretField

NAMES = ("organizations", "estate")
DOCUMENTS = [
    document
    for name in NAMES
    for document in json.loads((Path(config.demo.__file__).parent / "fixtures" / f"{name}.json").read_text())
]


@pytest.mark.django_db
def test_the_fixtures_load_twice_into_an_empty_database_and_every_row_is_valid():
    for _ in range(2):
        call_command("loaddata", *NAMES, verbosity=0)

    assert (Organization.objects.count(), User.objects.count(), Host.objects.count()) == (5, 9, 9)
    assert VMContext.objects.count() == OperationClaim.objects.count() == 10
    for document in DOCUMENTS:
        apps.get_model(document["model"]).objects.get(pk=document["pk"]).full_clean()
    sizes = VMDisk.objects.filter(vm_context__name__in=["pgtest1", "PGWINTESTBIOS"]).values_list("disk_id", "size_gb")
    assert sorted(sizes) == [("disk-2000", 54), ("disk-2000", 102), ("disk-2001", 5)]


@pytest.mark.django_db
def test_a_row_may_be_added_after_the_fixtures():
    call_command("loaddata", *NAMES, verbosity=0)

    assert Organization.objects.create(name="One more", slug="one-more").pk


def test_the_fixtures_hold_no_generated_columns_no_secrets_and_no_passwords():
    for document in DOCUMENTS:
        for name, value in document["fields"].items():
            field = apps.get_model(document["model"])._meta.get_field(name)
            assert not isinstance(field, GeneratedField | SecretField)
            assert name != "password" or not is_password_usable(value)
