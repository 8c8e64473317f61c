"""`manage.py simulate_engine`: what waits is done through the API of a running hub, and no key is left behind."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from backups.models import BackupJob
from backups.services.starting import create_backup
from config.demo.factories import (
    BackupRepositoryFactory,
    ProtectionFactory,
    TargetVolumeFactory,
    UserFactory,
    VMContextFactory,
    VMDiskFactory,
)
from config.jobs.moves import By
from inventory.models import ApiKey, VMContext
from replication.models import ReplicationJob
from replication.services.jobs import create_replication

BY = By("ada")
pytestmark = pytest.mark.every_engine


@pytest.fixture
def vm(transactional_db: None) -> VMContext:
    UserFactory.create(is_superuser=True, is_staff=True)
    vm = VMContextFactory.create()
    target = ProtectionFactory.create(vm_context=vm).target
    disk = VMDiskFactory.create(vm_context=vm, device_key=2000, capacity_bytes=1000)
    TargetVolumeFactory.create(vm_disk=disk, target=target, status="attached")
    return vm


def simulate(address: str, **options: Any) -> None:
    call_command("simulate_engine", once=True, pace=0.0, address=address, **options)


def test_what_waits_is_done_and_the_next_run_goes_on_from_it(vm: VMContext, live_server: Any) -> None:
    for wanted in ("initial", "incremental"):
        create_replication(vm, by=BY)
        simulate(live_server.url)
        job = ReplicationJob.objects.order_by("-created_at", "-pk").first()
        assert job is not None
        assert (job.replication_type, job.status, job.engine) == (wanted, "completed", "simulated-engine")
    assert not ApiKey.objects.exists()


def test_a_back_up_goes_on_from_that_of_another_engine_as_the_hub_tells_its_change_ids(
    vm: VMContext, live_server: Any
) -> None:
    repository = BackupRepositoryFactory.create(organization=vm.vcenter.organization)
    for wanted in ("full", "incremental"):
        create_backup(vm, repository, by=BY)
        # Each run is an engine of its own, that remembers nothing.
        simulate(live_server.url)
        job = BackupJob.objects.order_by("-created_at", "-pk").first()
        assert job is not None
        assert (job.backup_type, job.status) == (wanted, "completed")


def test_a_job_that_the_hub_refuses_to_end_is_failed_with_its_words(vm: VMContext, live_server: Any) -> None:
    job = create_backup(vm, BackupRepositoryFactory.create(organization=vm.vcenter.organization), by=BY)
    # A disk that the source had before the snapshot, and that the hub has learnt of meanwhile.
    VMDiskFactory.create(vm_context=vm, device_key=2001, created_at=timezone.now() - timedelta(days=1))
    simulate(live_server.url)
    job.refresh_from_db()
    assert (job.status, "has no complete copy of disk-2001" in str(job.error_message)) == ("failed", True)


def test_it_says_what_to_do_where_no_hub_answers_there_is_no_estate_or_the_key_is_none(
    vm: VMContext, live_server: Any
) -> None:
    with pytest.raises(CommandError, match="start it with make run"):
        simulate("http://127.0.0.1:1")
    with pytest.raises(CommandError, match="no organisation Nobody"):
        simulate(live_server.url, organization="Nobody")
    with pytest.raises(CommandError, match="gives no job"):
        simulate(live_server.url, key="rh_none")


def test_outside_development_nothing_is_made_up(vm: VMContext, settings: Any) -> None:
    settings.ENVIRONMENT = "staging"
    with pytest.raises(CommandError, match="development only"):
        simulate("http://127.0.0.1:1")
