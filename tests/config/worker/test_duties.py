"""What the worker does by itself."""

import os
import subprocess
import sys

import pytest
from django.core.management import call_command

from config.demo.factories import ProtectionFactory
from config.schema.models import Probe
from config.worker.duties import DUTIES
from replication.models import Protection, ReplicationJob
from tests.backups.vms import vm_with_disks
from tests.checkout import ROOT


def test_every_duty_finds_nothing_in_an_empty_hub_and_names_are_unique(db):
    first, then = ([duty.name for duty in DUTIES if duty.do()] for _ in range(2))
    assert (first, then) == (["survey"], [])
    assert len({duty.name for duty in DUTIES}) == len(DUTIES)


@pytest.mark.no_database
def test_every_duty_is_in_the_page_of_the_worker():
    page = (ROOT / "docs/worker.md").read_text()
    assert [duty.name for duty in DUTIES if f"`{duty.name}`" not in page] == []


def test_worker_starts_what_is_due(transactional_db):
    protection = ProtectionFactory.create(vm_context=vm_with_disks(1), schedule="* * * * *")
    due = protection.created_at.replace(second=0, microsecond=0)
    Protection.objects.update(next_slot_at=due, planned_for=protection.schedule)
    call_command("worker", once=True, duty=["replications-by-schedule"])
    assert ReplicationJob.objects.get().created_by == "schedule"


@pytest.mark.parametrize(("hours", "there"), [("0", False), ("24", True)])
@pytest.mark.no_database
def test_retention_is_a_duty_only_where_it_is_asked_for(hours, there):
    code = (
        "import django; django.setup(); from config.worker.duties import DUTIES;"
        "print([duty.every for duty in DUTIES if duty.name == 'retention'])"
    )
    environment = {**os.environ, "RETENTION_EVERY_HOURS": hours, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == ("[86400]" if there else "[]")


def test_worker_writes_down_how_the_schema_stands_and_does_so_again_only_when_that_is_old(transactional_db, settings):
    call_command("worker", once=True, duty=["schema-probe"])
    first = Probe.objects.get()
    call_command("worker", once=True, duty=["schema-probe"])
    assert Probe.objects.get().last_at == first.last_at
    settings.SCHEMA_PROBE_SECONDS = 0
    call_command("worker", once=True, duty=["schema-probe"])
    assert Probe.objects.get().last_at > first.last_at
