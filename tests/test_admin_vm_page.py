"""The page of a VM: all that each room knows of it at one glance, in a constant number of queries."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.demo.factories import (
    AlertFactory,
    BackupDiskFactory,
    BackupJobFactory,
    BackupPolicyFactory,
    NetworkMappingFactory,
    OrganizationFactory,
    ReplicationJobFactory,
    TargetFactory,
    TargetVolumeFactory,
    UserFactory,
    VMContextFactory,
    VMDiskFactory,
    VMNetworkInterfaceFactory,
)
from config.jobs.admin_panels import NEWEST, newest_jobs
from config.jobs.engines import take_next
from failover.findings import CODES, Severity
from failover.remedies import PLACES
from inventory.models import OperationClaim, VMContext
from replication.services.jobs import create_replication
from tests.backups.vms import PERSON, vm_with_disks
from tests.failover.estates import Estate, ready_vm
from tests.people import member
from tests.test_admin_pages import page

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def open_page(client: Client, vm: VMContext) -> str:
    answer = client.get(page(VMContext, "change", vm.pk))
    assert answer.status_code == 200
    return str(answer.content.decode())


def restore_point(vm: VMContext, days: int, **columns: Any) -> Any:
    at = timezone.now() - timedelta(days=days)
    job = BackupJobFactory(vm_context=vm, status="completed", snapshot_at=at, **columns)
    for disk in vm.disks.filter(removed_at=None):
        BackupDiskFactory(job=job, vm_disk=disk, status="completed", bytes_stored=2**30)
    return job


def test_a_ready_vm_is_told_with_its_disks_networks_copies_and_jobs(client: Client) -> None:
    vm = ready_vm()
    text = open_page(client, vm)
    for disk in vm.disks.all():
        assert disk.disk_id in text
        assert disk.target_volume.volume_name in text
        assert disk.change_ids.get(is_current=True).change_id in text
    for mapping in vm.network_mappings.select_related("target_network"):
        assert mapping.target_network.name in text
    for job in vm.replication_jobs.all():
        assert job.id in text
    assert "free: no job works on it" in text
    assert 'class="hub-tag hub-met">met<' in text
    assert text.count('class="hub-tag hub-ready">ready<') == 2


def test_what_nobody_knows_is_unknown_and_never_green(client: Client) -> None:
    vm = VMContextFactory(cpu_count=None, memory_mb=None, os_type=None, host=None)
    text = open_page(client, vm)
    assert 'hub-unknown">unknown<' in text
    assert "The age is unknown" in text
    assert "hub-met" not in text.replace("hub-bar hub-met", "")
    assert "hub-tag hub-ready" not in text
    assert "VM.SPEC_UNKNOWN" in text
    assert "0\xa0bytes" not in text


def test_gaps_volumes_that_lack_and_alerts_stand_out(client: Client) -> None:
    vm = VMContextFactory()
    VMDiskFactory(vm_context=vm, device_key=2000)
    VMNetworkInterfaceFactory(vm_context=vm, source_network_name="DMZ")
    AlertFactory(vm_context=vm, subject=f"vm:{vm.pk}", message="The roof is on fire.")
    text = open_page(client, vm)
    assert text.count("no mapping<") == 2
    assert "DISK.NO_VOLUME" in text
    assert "The roof is on fire." in text
    assert "none is valid: the next run copies everything" in text


def test_restore_points_say_what_pruning_would_do_and_why(client: Client) -> None:
    vm = ready_vm()
    policy = BackupPolicyFactory(organization=vm.vcenter.organization, keep_last=1, keep_daily=0)
    old = restore_point(vm, 9, policy=policy)
    new = restore_point(vm, 1, policy=policy, repository=old.repository)
    text = open_page(client, vm)
    assert text.index(new.id) < text.index(old.id)
    assert "keep-last: it is one of the newest (1 of 1)." in text
    assert "It is older than what keep-last 1" in text
    assert "pruning would remove 1" in text


@pytest.mark.every_engine
def test_a_job_whose_engine_is_silent_is_lost_and_not_running(client: Client) -> None:
    vm = vm_with_disks(1)
    job = create_replication(vm, target=TargetFactory(organization=vm.vcenter.organization), by=PERSON)
    take_next(["replication"], engine="engine-1", by=PERSON)
    told = open_page(client, vm).partition('id="panel-jobs"')[2]
    assert 'hub-running">running<' in told
    OperationClaim.objects.filter(holder_id=job.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    told = open_page(client, vm).partition('id="panel-jobs"')[2]
    assert 'hub-lost">lost<' in told and "running" not in told


@pytest.mark.every_engine
def test_of_many_jobs_the_newest_of_all_kinds_are_shown() -> None:
    vm = vm_with_disks(1)
    begin = timezone.now() - timedelta(days=40)
    made = [
        (BackupJobFactory if number % 3 else ReplicationJobFactory)(
            vm_context=vm, status="failed", created_at=begin + timedelta(hours=number)
        )
        for number in range(2 * NEWEST)
    ]
    assert [job["job"] for job in newest_jobs(vm)] == [job.public_id for job in reversed(made[NEWEST:])]


def test_every_finding_leads_to_a_page_that_mends_it(client: Client) -> None:
    assert set(PLACES) == set(CODES)
    assert {code.severity for code in CODES.values()} <= set(Severity)


@pytest.mark.parametrize("seed", range(4))
def test_pages_of_remedies_open_whatever_the_estate_is(client: Client, seed: int) -> None:
    Estate(seed, vms=2)
    for vm in VMContext.objects.all():
        found = client.get(page(VMContext, "change", vm.pk)).context["panels"]
        assert len(found) == 5
    links = set()
    for vm in VMContext.objects.all():
        text = open_page(client, vm)
        begin = text.index('id="panel-readiness"')
        for part in text[begin : text.index("</section>", begin)].split('href="')[1:]:
            links.add(part.split('"')[0].replace("&amp;", "&"))
    for link in links - {"#id_archived_at_0"}:
        assert client.get(link, follow=True).status_code == 200, link


def test_a_viewer_sees_every_part_and_a_stranger_no_page() -> None:
    vm = ready_vm()
    text = open_page(member(vm.vcenter.organization, "viewer"), vm)
    assert all(f'id="panel-{name}"' in text for name in ("glance", "points", "readiness"))
    assert member(OrganizationFactory(), "admin").get(page(VMContext, "change", vm.pk)).status_code == 404


def test_more_of_everything_costs_no_query(client: Client) -> None:
    vm = ready_vm()
    policy = BackupPolicyFactory(organization=vm.vcenter.organization, keep_last=1)
    first = restore_point(vm, 1, policy=policy)

    def made() -> int:
        with CaptureQueriesContext(connection) as queries:
            open_page(client, vm)
        return len(queries)

    made()
    few = made()
    for number in range(3):
        disk = VMDiskFactory(vm_context=vm, device_key=3000 + number)
        TargetVolumeFactory(vm_disk=disk, target=vm.protection.target, status="attached")
        VMNetworkInterfaceFactory(vm_context=vm, source_network_name=f"network {number}", nic_key=f"key:{number}")
        NetworkMappingFactory(vm_context=vm, source_network_name=f"network {number}", purpose="live")
        ReplicationJobFactory(vm_context=vm, status="failed")
        AlertFactory(vm_context=vm, subject=f"vm:{vm.pk}", code=f"SOME.{number}")
        restore_point(vm, 2 + number, policy=policy, repository=first.repository)
    assert made() == few
