"""What a page or an answer wants of failover, several tables at once.

The four critical queries of seed 001 stand here by name, over all disks and network interfaces of a VM.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)

from config.jobs.kinds import kinds
from failover.models import (
    Aftermath,
    FailoverJob,
    FailoverStatus,
    NetworkMapping,
    PlanRunStatus,
    Purpose,
    RecoveryPlan,
    RecoveryPlanRun,
    RecoveryPlanStep,
)
from failover.models.jobs import ACTIVE_AFTERMATH
from inventory.models import VMContext, VMDisk, VMNetworkInterface


def vm_readiness(vm_context_id: str) -> QuerySet[VMDisk, dict[str, Any]]:
    """VM readiness validation: each disk of the VM with its newest replication job, its volume and its change id.

    The seed looked at one disk and at any change id; here a disk without a valid one shows None.
    """
    valid = FilteredRelation(
        "change_ids",
        condition=Q(change_ids__is_current=True, change_ids__capacity_bytes=F("capacity_bytes")),
    )
    return (
        VMDisk.objects.filter(vm_context=vm_context_id, removed_at=None)
        .annotate(
            base=valid,
            source_vm_name=F("job__source_vm_name"),
            job_status=F("job__status"),
            cpu_count=F("vm_context__cpu_count"),
            memory_mb=F("vm_context__memory_mb"),
            os_type=F("vm_context__os_type"),
            cloudstack_volume_id=F("target_volume__volume_id"),
            volume_status=F("target_volume__status"),
            change_id=F("base__change_id"),
            sync_success=F("base__sync_success"),
        )
        .order_by("device_key")
        .values(
            *("disk_id", "job_id", "source_vm_name", "job_status", "cpu_count", "memory_mb", "os_type"),
            *("cloudstack_volume_id", "volume_status", "change_id", "sync_success"),
        )
    )


def network_mapping_validation(vm_context_id: str) -> QuerySet[VMNetworkInterface, dict[str, Any]]:
    """Network mapping validation: each network interface of the VM with where it leads, for each purpose."""
    live, test = (
        FilteredRelation(
            "vm_context__network_mappings",
            condition=Q(
                vm_context__network_mappings__purpose=purpose,
                vm_context__network_mappings__source_network_name=F("source_network_name"),
            ),
        )
        for purpose in (Purpose.LIVE, Purpose.TEST)
    )
    return (
        VMNetworkInterface.objects.filter(vm_context=vm_context_id, removed_at=None)
        .annotate(
            live=live,
            test=test,
            live_network_id=F("live__target_network__external_id"),
            live_network_name=F("live__target_network__name"),
            test_network_id=F("test__target_network__external_id"),
            test_network_name=F("test__target_network__name"),
            mapping_status=Case(
                When(live__isnull=False, test__isnull=False, then=Value("mapped")),
                When(live__isnull=False, then=Value("test unmapped")),
                When(test__isnull=False, then=Value("live unmapped")),
                default=Value("unmapped"),
                output_field=CharField(),
            ),
        )
        .order_by("nic_key")
        .values(
            *("nic_key", "label", "source_network_name", "live_network_id", "live_network_name"),
            *("test_network_id", "test_network_name", "mapping_status"),
        )
    )


def active_jobs(vm_context_id: str) -> QuerySet[Any, dict[str, Any]]:
    """Active jobs check: every job of any kind that works on the VM; there is at most one."""
    found = [
        kind.model.objects.active()
        .filter(vm_context=vm_context_id)
        .order_by()
        .annotate(
            kind=Value(kind.name, output_field=CharField()),
            active_job=F(kind.model.PUBLIC_ID),
        )
        .values("kind", "active_job", "status", "created_at")
        for kind in kinds()
        if kind.model.HOLDS_CLAIM
    ]
    return found[0].union(*found[1:])


def volume_mapping(vm_context_id: str) -> QuerySet[VMDisk, dict[str, Any]]:
    """Volume mapping resolution: the cloud's own id of the volume of each disk; None where it has none."""
    return (
        VMDisk.objects.filter(vm_context=vm_context_id, removed_at=None)
        .annotate(
            db_volume_id=F("target_volume__pk"),
            cloudstack_volume_id=F("target_volume__volume_id"),
            volume_name=F("target_volume__volume_name"),
            status=F("target_volume__status"),
            size_bytes=F("target_volume__size_bytes"),
        )
        .order_by("device_key")
        .values("disk_id", "db_volume_id", "cloudstack_volume_id", "volume_name", "status", "size_bytes")
    )


def mapping_gaps(vms: QuerySet[VMContext] | None = None) -> QuerySet[VMNetworkInterface, dict[str, Any]]:
    """The network interfaces of these VMs, or of all that are managed, that a failover could not connect.

    Each says which mappings it has; one whose source network has no name can have none.
    """
    scope = VMContext.objects.managed() if vms is None else vms
    mappings = NetworkMapping.objects.filter(
        vm_context=OuterRef("vm_context"), source_network_name=OuterRef("source_network_name")
    )
    return (
        VMNetworkInterface.objects.filter(vm_context__in=scope.order_by().values("pk"), removed_at=None)
        .annotate(
            vm_name=F("vm_context__name"),
            has_live=Exists(mappings.filter(purpose=Purpose.LIVE)),
            has_test=Exists(mappings.filter(purpose=Purpose.TEST)),
        )
        .filter(Q(source_network_name=None) | Q(has_live=False) | Q(has_test=False))
        .order_by("vm_name", "vm_context_id", "nic_key")
        .values("vm_context_id", "vm_name", "nic_key", "label", "source_network_name", "has_live", "has_test")
    )


def passed_tests() -> QuerySet[RecoveryPlanRun]:
    """The runs of plans that were tests and passed: completed, each critical VM failed over and cleaned up again, and
    of none anything left to undo.
    """
    jobs = FailoverJob.objects.filter(plan_step__run=OuterRef("pk"))
    proved = Q(failover_job__status=FailoverStatus.COMPLETED, failover_job__aftermath=Aftermath.CLEANED)
    critical = RecoveryPlanStep.objects.filter(run=OuterRef("pk"), kind="failover", is_critical=True)
    return RecoveryPlanRun.objects.filter(
        Exists(jobs.filter(status=FailoverStatus.COMPLETED, aftermath=Aftermath.CLEANED)),
        ~Exists(jobs.filter(aftermath__in=ACTIVE_AFTERMATH)),
        ~Exists(critical.filter(Q(failover_job=None) | ~proved)),
        kind=Purpose.TEST,
        status=PlanRunStatus.COMPLETED,
    )


def last_passed_tests(plans: QuerySet[RecoveryPlan] | None = None) -> QuerySet[RecoveryPlan, dict[str, Any]]:
    """Each of these plans, or of all, with the run and the end of its last test that passed; None where none has."""
    newest = passed_tests().filter(plan=OuterRef("pk")).order_by("-completed_at", "-pk")
    scope = RecoveryPlan.objects.all() if plans is None else plans
    return scope.annotate(
        last_passed_run=Subquery(newest.values("pk")[:1]), last_passed_at=Subquery(newest.values("completed_at")[:1])
    ).values("pk", "name", "organization_id", "last_passed_run", "last_passed_at")


@dataclass(frozen=True)
class MatrixRow:
    """One source network of some VMs: of how many, and to where it leads for each purpose."""

    network: str
    vms: int
    leads: dict[str, dict[int, int]]
    """By purpose and target network: of how many VMs."""

    def gaps(self, purpose: str) -> int:
        """Of how many VMs it leads nowhere."""
        return self.vms - sum(self.leads[purpose].values())


def mapping_matrix(vms: QuerySet[VMContext]) -> list[MatrixRow]:
    """The source networks of these VMs, in two queries. Mappings of networks that a VM is not in do not count."""
    here = vms.order_by().values("pk")
    nics = VMNetworkInterface.objects.filter(vm_context__in=here, removed_at=None, source_network_name__isnull=False)
    used = nics.filter(vm_context=OuterRef("vm_context"), source_network_name=OuterRef("source_network_name"))
    found = NetworkMapping.objects.filter(Exists(used), vm_context__in=here).order_by()
    leads: dict[str, dict[str, dict[int, int]]] = {}
    counted = found.values_list("source_network_name", "purpose", "target_network").annotate(vms=Count("pk"))
    for network, purpose, to, count in counted:
        leads.setdefault(network, {}).setdefault(purpose, {})[to] = count
    networks = nics.values_list("source_network_name").annotate(vms=Count("vm_context", distinct=True))
    return [
        MatrixRow(network, count, {purpose: leads.get(network, {}).get(purpose, {}) for purpose in Purpose.values})
        for network, count in networks.order_by("source_network_name")
    ]


def vms_to_map(vms: QuerySet[VMContext], network: str, purpose: str, *, only_gaps: bool) -> QuerySet[VMContext]:
    """Those of these VMs that are in a source network, or only those of them whose network leads nowhere yet."""
    nics = VMNetworkInterface.objects.filter(vm_context=OuterRef("pk"), removed_at=None, source_network_name=network)
    found = vms.filter(Exists(nics))
    if only_gaps:
        mapped = NetworkMapping.objects.filter(vm_context=OuterRef("pk"), source_network_name=network, purpose=purpose)
        found = found.filter(~Exists(mapped))
    return found.order_by("name", "pk")
