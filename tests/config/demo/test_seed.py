"""`manage.py seed` as a person meets it."""

import json
import re
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse

from config.demo.factories import (
    MembershipFactory,
    OrganizationFactory,
    TargetVolumeFactory,
    UserFactory,
    VcenterFactory,
    VMContextFactory,
    VMMetricFactory,
)
from config.demo.models import SeededRow
from inventory.models import Host, Membership, Organization, User, VMContext, VMDisk
from replication.models import ReplicationJob
from tests.config.demo.conftest import contents, run_seed

SMALL = ("--vms", "10")


def test_a_second_run_changes_nothing_and_says_so(seeded):
    before = contents()

    second = run_seed("--seed", "2")

    assert contents() == before
    assert "Nothing to add" in second.out
    assert "changepassword admin" in second.out


def test_results_go_to_stdout_and_progress_to_stderr(seeded):
    assert re.search(r"^Added [\d,]+ rows:$", seeded.out, re.M)
    assert re.search(r"^  21 VM contexts$", seeded.out, re.M)
    assert "named VMs" in seeded.err and "named VMs" not in seeded.out


def test_the_printed_password_opens_the_admin_to_those_who_may_sign_in(seeded, client):
    assert seeded.out.count(seeded.password) == 1
    assert re.search(r"^Sign in as admin with the password \S{16,}$", seeded.out, re.M)
    for user in User.objects.all():
        answer = client.post(reverse("admin:login"), {"username": user.username, "password": seeded.password})
        assert (answer.status_code == 302) is user.may_sign_in
        client.logout()


def test_the_password_is_stored_nowhere_in_clear(seeded):
    assert seeded.password not in repr(contents())
    assert seeded.password not in seeded.err


def test_more_vms_are_added_to_those_that_are_there(seeded):
    before = contents()

    run_seed("--vms", "40")

    after = contents()
    assert VMContext.objects.count() == 40
    assert all(rows == [row for row in after[name] if row in rows] for name, rows in before.items())


def test_clearing_removes_exactly_what_was_seeded(seeded):
    foreign = {"organization": OrganizationFactory(), "vm": VMContextFactory(), "user": UserFactory()}
    VMMetricFactory()
    seeded_rows = {(row.model, row.row_key) for row in SeededRow.objects.all()}
    run_seed("--vms", "30")

    cleared = run_seed("--clear")

    after = contents()
    assert re.search(r"^Removed [\d,]+ rows:$", cleared.out, re.M)
    assert SeededRow.objects.count() == 0
    assert {name for name, rows in after.items() if rows} >= {"inventory.organization", "inventory.operationclaim"}
    assert not [row for name, rows in after.items() for row in rows if (name, str(row.get("id"))) in seeded_rows]
    assert User.objects.get() == foreign["user"]
    assert VMContext.objects.count() == 2
    assert "Nothing to remove" in run_seed("--clear").out


@pytest.mark.django_db
def test_after_clearing_the_tables_are_as_they_were():
    MembershipFactory()
    TargetVolumeFactory()
    VMMetricFactory()
    before = contents()

    run_seed(*SMALL)
    assert contents() != before
    run_seed("--clear")

    assert contents() == before


def test_clearing_refuses_while_rows_of_others_depend_on_seeded_ones(seeded):
    """Whether the database would drop them, empty their column or refuse by itself."""
    dropped = MembershipFactory(user=User.objects.get(username="viewer"))
    emptied = VMContextFactory(host=Host.objects.first())
    refused = VcenterFactory(organization=Organization.objects.get(name="TechStart"))
    before = contents()

    with pytest.raises(CommandError) as refusal:
        run_seed("--clear")

    assert refusal.value.returncode == 1
    for words in (
        f"1 membership ({dropped.pk}) on seeded users",
        f"1 VM context ({emptied.pk}) on seeded hosts",
        f"1 vCenter ({refused.pk}) on seeded organizations",
    ):
        assert words in str(refusal.value)
    assert contents() == before


@pytest.mark.django_db
def test_rows_of_the_user_are_left_alone_and_are_not_recorded():
    admin = UserFactory(username="admin", raw_password="mine")
    acme = OrganizationFactory(name="Acme Corporation", slug="acme-of-mine", is_default=True)
    vcenter = VcenterFactory(organization=OrganizationFactory(name="NovaCron Inc"), name="vcenter-main")
    mine = VMContextFactory(vcenter=vcenter, name="web-01", instance_uuid=None, moref=None)
    before = contents()

    run = run_seed(*SMALL)

    after = contents()
    assert all(row in after[name] for name, rows in before.items() for row in rows)
    assert Organization.objects.get(is_default=True) == acme
    assert Membership.objects.filter(user=admin).count() == 0
    assert "Sign in as admin.acme with the password" in run.out
    run_seed("--clear")
    assert contents() == before
    assert mine.operation_claim.fence == 0


@pytest.mark.django_db
def test_the_fixtures_may_have_been_loaded_before():
    call_command("loaddata", "organizations", "estate", verbosity=0)
    before = contents()

    run_seed("--vms", "12")
    run_seed("--clear")

    assert contents() == before


def test_a_seed_gives_the_same_identifiers_again(seeded):
    def identifiers():
        jobs = ReplicationJob.objects.exclude(vm_context__name__startswith="fleet-")
        return {pk.rpartition("-")[2] for pk in jobs.values_list("pk", flat=True)}

    first = identifiers()
    run_seed("--clear")
    run_seed(*SMALL, "--seed", "2")
    assert len(first) == len(identifiers()) and not first & identifiers()
    run_seed("--clear")
    run_seed(*SMALL, "--seed", "1")
    assert identifiers() == first


@pytest.mark.django_db
@pytest.mark.parametrize("environment", ["production", "staging"])
@pytest.mark.parametrize("arguments", [(), ("--clear",)])
def test_it_is_refused_outside_development(settings, environment, arguments):
    settings.ENVIRONMENT = environment

    with pytest.raises(CommandError, match=f"^ENVIRONMENT is {environment}: [^.]+\\.$") as refusal:
        run_seed(*arguments)

    assert refusal.value.returncode == 4
    assert not SeededRow.objects.exists() and not User.objects.exists()


@pytest.mark.django_db
def test_fewer_vms_than_the_named_ones_are_a_wrong_use():
    with pytest.raises(CommandError, match="the 10 named VMs") as refusal:
        run_seed("--vms", "9")

    assert refusal.value.returncode == 2


@pytest.mark.django_db
def test_where_a_row_does_not_fit_nothing_is_written_and_one_sentence_says_so():
    TargetVolumeFactory(volume_id="e915ef05-ddf5-48d5-8352-a01300609717")
    before = contents()

    with transaction.atomic(), pytest.raises(CommandError, match=r"^Nothing was changed, because") as refusal:
        run_seed(*SMALL)

    assert refusal.value.returncode == 1
    assert "\n" not in str(refusal.value)
    assert contents() == before


@pytest.mark.django_db
def test_the_report_can_be_read_by_a_program():
    first = json.loads(run_seed(*SMALL, "--format", "json").out)
    second = json.loads(run_seed(*SMALL, "--format", "json").out)
    cleared = json.loads(run_seed("--clear", "--format", "json").out)

    assert first["added"]["inventory.vmcontext"] == 10
    assert first["username"] == "admin" and len(first["password"]) >= 16
    assert second == {"added": {}, "username": None, "password": None}
    assert cleared == {"removed": first["added"]}
    assert not VMDisk.objects.exists()


def test_the_help_has_an_example():
    done = subprocess.run(
        [sys.executable, "manage.py", "seed", "--help"], capture_output=True, text=True, check=True, timeout=60
    )

    assert "manage.py seed --vms 10000" in done.stdout
