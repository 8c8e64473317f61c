"""Every factory works alone, in every status of its record, and repeats itself under a seed."""

from datetime import UTC, datetime

import pytest
from django.apps import apps

from config.demo import factories
from config.demo.factories import (
    AlertFactory,
    BackupDiskFactory,
    BackupJobFactory,
    ChangeIdFactory,
    DiscoveryOutcomeFactory,
    DiscoveryRunFactory,
    FailoverJobFactory,
    FailoverStepFactory,
    HostFactory,
    NetworkMappingFactory,
    OperationClaimFactory,
    RecoveryPlanMemberFactory,
    RecoveryPlanRunFactory,
    RecoveryPlanStepFactory,
    ReplicationDiskFactory,
    ReplicationJobFactory,
    RestoreJobFactory,
    TargetVolumeFactory,
    UserFactory,
    VMContextFactory,
    VolumeSnapshotFactory,
)
from failover.models import AFTERMATH_MOVES
from inventory.models import OperationClaim, VMContext

pytestmark = pytest.mark.django_db

WITH_STATUS = [
    *(DiscoveryRunFactory, TargetVolumeFactory, ReplicationJobFactory, ReplicationDiskFactory),
    *(FailoverStepFactory, VolumeSnapshotFactory, RecoveryPlanRunFactory, RecoveryPlanStepFactory),
    *(BackupJobFactory, BackupDiskFactory, RestoreJobFactory),
]


def test_there_is_one_factory_per_record():
    records = {
        model
        for app in ("inventory", "jobs", "replication", "failover", "backups")
        for model in apps.get_app_config(app).get_models()
    }

    assert {factory._meta.model for factory in factories.ALL} == records


@pytest.mark.parametrize("factory", factories.ALL, ids=lambda factory: factory.__name__)
def test_what_a_factory_makes_is_valid_and_made_twice(factory):
    for made in (factory(), factory()):
        made.full_clean()
        assert made._meta.model.objects.get(pk=made.pk) == made


@pytest.mark.parametrize(
    ("factory", "status"),
    [
        (factory, status)
        for factory in WITH_STATUS
        for status in factory._meta.model._meta.get_field("status").flatchoices
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else value[0],
)
def test_a_record_is_valid_in_every_status(factory, status):
    factory(status=status[0]).full_clean()


@pytest.mark.parametrize("kind", list(AFTERMATH_MOVES))
def test_a_failover_job_is_valid_in_every_status_and_aftermath(kind):
    for status, _ in FailoverJobFactory._meta.model._meta.get_field("status").flatchoices:
        FailoverJobFactory(job_type=kind, status=status).full_clean()
    for aftermath in AFTERMATH_MOVES[kind]:
        status = "failed" if aftermath == "none" else "completed"
        FailoverJobFactory(job_type=kind, status=status, aftermath=aftermath).full_clean()


def test_a_vm_has_one_claim_which_is_free_or_held():
    free, held = VMContextFactory(), VMContextFactory(operation_claim__held=True)

    assert free.operation_claim.holder_id is None
    assert held.operation_claim.holder_kind == "replication"
    assert OperationClaimFactory().vm_context.operation_claim.fence == 0
    assert OperationClaim.objects.count() == VMContext.objects.count() == 3
    held.operation_claim.full_clean()


def test_all_belongs_to_the_organization_of_its_vm():
    organization = (vm := VMContextFactory()).vcenter.organization

    assert ReplicationJobFactory(vm_context=vm).target.organization == organization
    assert FailoverJobFactory(vm_context=vm).target.organization == organization
    assert BackupJobFactory(vm_context=vm, backup_type="incremental").parent.repository.organization == organization
    assert NetworkMappingFactory(vm_context=vm).target_network.target.organization == organization
    assert (member := RecoveryPlanMemberFactory()).plan.organization == member.vm_context.vcenter.organization
    assert (snapshot := VolumeSnapshotFactory()).volume.vm_disk.vm_context == snapshot.job.vm_context
    assert (step := RecoveryPlanStepFactory(kind="failover")).run.kind == step.failover_job.job_type
    assert step.failover_job.vm_context.vcenter.organization == step.run.plan.organization
    assert (outcome := DiscoveryOutcomeFactory()).run.vcenter == outcome.vm_context.vcenter


def test_a_mapping_leads_where_its_purpose_may_lead():
    assert NetworkMappingFactory(purpose="test").target_network.isolation == "isolated"
    assert NetworkMappingFactory(purpose="live").target_network.isolation == "production"


def test_a_subject_follows_from_what_an_alert_is_about():
    host = HostFactory()

    for alert in (
        AlertFactory(vm_context=None, host=host, acknowledged_by=UserFactory()),
        AlertFactory(vm_context=None, resolved_at=datetime(2026, 1, 1, tzinfo=UTC)),
        AlertFactory(resolved_at=datetime(2026, 1, 1, tzinfo=UTC), resolved_by=UserFactory()),
    ):
        alert.full_clean()


def test_a_change_id_may_be_followed_or_invalid():
    for fields in ({"is_current": None}, {"invalid_reason": "resized"}, {"sync_success": False}):
        ChangeIdFactory(**fields).full_clean()


def test_a_seed_gives_the_same_names_and_identifiers_again():
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def estate():
        factories.reseed(7, now=at)
        vm = VMContextFactory.build()
        return vm.context_id, vm.instance_uuid, vm.name, ReplicationJobFactory.build(vm_context=vm, target=None).id

    assert estate() == estate()
    factories.reseed(8, now=at)
    assert VMContextFactory.build().context_id != estate()[0]


@pytest.fixture(autouse=True)
def chance_begins_anew():
    yield
    factories.chance.forget()
