"""Backing a VM up, and restoring from a restore point, asked for by a person."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest

from backups.models import BackupPolicy, BackupRepository, RestoreMode
from backups.services.protecting import protect_backup
from backups.services.restoring import create_restore
from backups.services.starting import create_backup
from config.admin import change_permission, visible
from config.jobs.admin_actions import JobAction, by
from inventory.models import Site

TYPES = (("auto", "incremental where it can be, else full"), ("full", "full"), ("incremental", "incremental"))


class StartBackup(JobAction):
    name, label, done = "start-backup", "Back up", "Back-up asked for"
    permission = "backups.add_backupjob"
    in_bulk = True

    def sentence(self, record: Any) -> str:
        whose = "each of these VMs" if record is None else str(record)
        return (
            f"Creates a backup job of {whose}; an engine takes it and copies all disks to the repository. Nothing else"
            " works on the VM meanwhile."
        )

    def applies(self, record: Any) -> bool:
        return record.runs_at == Site.SOURCE and record.archived_at is None

    def fields(self, request: HttpRequest, record: Any) -> Mapping[str, forms.Field]:
        repositories, policies = visible(request, BackupRepository), visible(request, BackupPolicy)
        if record is not None:
            organization = record.vcenter.organization_id
            repositories = repositories.filter(organization=organization)
            policies = policies.filter(organization=organization)
        return {
            "repository": forms.ModelChoiceField(repositories.order_by("name"), label="Repository"),
            "type": forms.ChoiceField(choices=TYPES, label="Type"),
            "policy": forms.ModelChoiceField(
                policies.order_by("name"),
                required=False,
                label="Policy",
                help_text="Without one it is kept until somebody gives it one.",
            ),
        }

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> Any:
        return create_backup(
            record,
            said["repository"],
            type=said["type"],
            policy=said["policy"],
            by=by(request),
            reason=reason,
        )


class RestorePointAction(JobAction):
    def applies(self, record: Any) -> bool:
        return record.status == "completed" and record.pruned_at is None


class StartRestore(RestorePointAction):
    name, label, done = "restore", "Restore or mount", "Restore asked for"
    permission = "backups.add_restorejob"
    is_grave = True

    def sentence(self, record: Any) -> str:
        at = "it was" if record.snapshot_at is None else f"it was at {record.snapshot_at:%Y-%m-%d %H:%M} UTC"
        return (
            f"Has an engine restore {record.vm_context} as {at}, or one disk of it, to where you say; or mount one disk"
            " there to read it. What lies there may be overwritten."
        )

    def fields(self, request: HttpRequest, record: Any) -> Mapping[str, forms.Field]:
        disks = record.disks.order_by("vm_disk__device_key").values_list("disk_id", flat=True) if record else []
        return {
            "destination": forms.CharField(
                label="To where", max_length=1024, help_text="A target, a path, a mount point."
            ),
            "mode": forms.ChoiceField(label="Do", choices=RestoreMode.choices),
            "disk_id": forms.ChoiceField(
                label="Disk", required=False, choices=[("", "all disks"), *((each, each) for each in disks)]
            ),
        }

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> Any:
        return create_restore(
            record.pk,
            said["destination"],
            said["mode"],
            disk_id=said["disk_id"] or None,
            by=by(request),
            reason=reason,
        )


class ProtectPoint(RestorePointAction):
    name, label, done = "protect", "Protect", "Protected"
    in_bulk = True

    def permission_on(self, opts: Any) -> str:
        return change_permission(opts)

    def sentence(self, record: Any) -> str:
        return "Keeps this from pruning, for ever, until somebody lets it go again."

    def applies(self, record: Any) -> bool:
        return super().applies(record) and not record.is_protected

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        protect_backup(record.pk, True, by=by(request), reason=reason)


class LetPointGo(ProtectPoint):
    name, label, done = "let-go", "Protect no longer", "Protected no longer"
    is_grave = True

    def sentence(self, record: Any) -> str:
        return "Lets pruning decide again: what no rule keeps is removed by the next run."

    def applies(self, record: Any) -> bool:
        return RestorePointAction.applies(self, record) and record.is_protected

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        protect_backup(record.pk, False, by=by(request), reason=reason)
