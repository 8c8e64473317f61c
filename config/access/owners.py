"""Whose a record is: the one table of the ways from each model to the organisations that its rows belong to.

It knows the apps by name only. A model that is missing here shows its rows to superusers and to nobody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.db.models import Model, Q, QuerySet


@dataclass(frozen=True)
class NamedBy:
    """A column, or the way to one, that holds the key of a record of `label`; it need not be a foreign key.

    The records are asked for in a query of their own, and so are VMs: what is joined MariaDB begins with, and then it
    sorts all that it found.
    """

    column: str
    label: str


VCENTER = "vcenter__organization"
VMS = "inventory.VMContext"
VM = NamedBy("vm_context", VMS)
OF_JOB = NamedBy("job__vm_context", VMS)

OWNERS: Mapping[str, tuple[str | NamedBy, ...]] = {
    "inventory.Organization": ("pk",),
    "inventory.Membership": ("organization",),
    "inventory.User": ("memberships__organization",),
    "inventory.ApiKey": ("organization",),
    "inventory.Vcenter": ("organization",),
    "inventory.Host": (VCENTER,),
    "inventory.VMContext": (VCENTER,),
    "inventory.VMDisk": (VM,),
    "inventory.VMNetworkInterface": (VM,),
    "inventory.OperationClaim": (VM,),
    "inventory.DiscoveryRun": (VCENTER,),
    "inventory.DiscoveryOutcome": (f"run__{VCENTER}",),
    "inventory.Alert": (VM, f"host__{VCENTER}"),
    "inventory.HostMetric": (NamedBy("host_id", "inventory.Host"),),
    "inventory.VMMetric": (NamedBy("vm_context_id", VMS),),
    "jobs.JobEvent": (NamedBy("vm_context_id", VMS),),
    "replication.Target": ("organization",),
    "replication.TargetNetwork": ("target__organization",),
    "replication.TargetVolume": ("target__organization",),
    "replication.Protection": (VM,),
    "replication.ReplicationSlot": (VM,),
    "replication.ReplicationJob": (VM,),
    "replication.ReplicationDisk": (OF_JOB,),
    "replication.ChangeId": (NamedBy("vm_disk__vm_context", VMS),),
    "failover.NetworkMapping": (VM,),
    "failover.FailoverJob": (VM,),
    "failover.FailoverStep": (OF_JOB,),
    "failover.VolumeSnapshot": (OF_JOB,),
    "failover.RecoveryPlan": ("organization",),
    "failover.RecoveryPlanGroup": ("plan__organization",),
    "failover.RecoveryPlanMember": ("plan__organization",),
    "failover.RecoveryPlanRun": ("plan__organization",),
    "failover.RecoveryPlanStep": ("run__plan__organization",),
    "backups.BackupRepository": ("organization",),
    "backups.BackupPolicy": ("organization",),
    "backups.BackupSchedule": (VM,),
    "backups.BackupSlot": (VM,),
    "backups.BackupJob": (VM,),
    "backups.BackupDisk": (OF_JOB,),
    "backups.RestoreJob": (NamedBy("backup__vm_context", VMS),),
}
"""A row belongs to an organisation when one of the paths of its model leads there."""
NOBODYS = ("schema", "auth", "auditlog", "axes", "access", "jobs.IdempotencyKey")
"""Apps and models of the installation: their rows are not divided, and no role gives a right on them.

Superusers see them, and those who were given a permission on them by name or by a group.
"""


def is_nobodys(model: type[Model]) -> bool:
    return model._meta.app_label in NOBODYS or model._meta.label in NOBODYS


def owned_by(rows: QuerySet[Any], organizations: Any) -> QuerySet[Any]:
    """Those rows that belong to one of these organisations (keys, or a query for them); none of an unknown model."""
    ways = OWNERS.get(rows.model._meta.label)
    if ways is None:
        return rows.none()
    return rows.filter(reduce(or_, (_leads_to(rows.model, way, organizations) for way in ways)))


def _leads_to(model: type[Model], way: str | NamedBy, organizations: Any) -> Q:
    if isinstance(way, NamedBy):
        named = owned_by(apps.get_model(way.label)._base_manager.all(), organizations)
        return Q(**{f"{way.column}__in": named.values("pk")})
    if _branches(model, way):  # a join would list a row once for each organisation that it leads to
        return Q(pk__in=model._base_manager.filter(**{f"{way}__in": organizations}).values("pk"))
    return Q(**{f"{way}__in": organizations})


def _branches(model: type[Model], way: str) -> bool:
    if way == "pk":
        return False
    field: Any = model._meta.get_field(way.partition("__")[0])
    return bool(field.one_to_many or field.many_to_many)
