"""The admin pages of repositories, policies, backup jobs and restore jobs."""

from django.contrib import admin

from backups.admin_actions import LetPointGo, ProtectPoint, StartBackup, StartRestore
from backups.admin_panels import CapacityPanel, RestorePointsPanel
from backups.models import (
    KEEP,
    BackupDisk,
    BackupJob,
    BackupPolicy,
    BackupRepository,
    BackupSchedule,
    BackupSlot,
    RestoreJob,
)
from backups.services.setup import SENT_TO
from config.admin import Named, ReadOnlyAdmin, ReadOnlyInline, VersionedAdmin, VersionedForm, columns, link, plain, when
from config.jobs.admin import JobAdmin, JobDiskAdmin, by_vm
from inventory.admin.contexts import VMContextAdmin
from inventory.admin.secrets import SecretAdmin, SecretForm, SecretFormField


class BackupRepositoryForm(SecretForm):
    sent_to = SENT_TO
    credentials = SecretFormField()

    class Meta:
        exclude = ("credentials",)


@admin.register(BackupRepository)
class BackupRepositoryAdmin(SecretAdmin):
    form = BackupRepositoryForm
    panels = (CapacityPanel(),)
    list_display = (
        "name",
        "organization",
        "kind",
        "location",
        *columns(BackupRepository, "capacity_bytes"),
        "immutable_days",
        "stored_secrets",
    )
    list_select_related = ("organization",)
    list_filter = (("organization", Named), "kind")
    search_fields = ("name", "location")
    ordering = ("name", "id")
    autocomplete_fields = ("organization",)
    fieldsets = (
        (None, {"fields": ("organization", "name", "kind", "location", "capacity_bytes", "immutable_days")}),
        ("Credentials", {"fields": ("credentials",)}),
    )


@admin.register(BackupPolicy)
class BackupPolicyAdmin(VersionedAdmin):
    form = VersionedForm
    list_display = ("name", "organization", "keeps", "time_zone", "verify_after_days")
    list_select_related = ("organization",)
    list_filter = (("organization", Named),)
    search_fields = ("name",)
    ordering = ("name", "id")
    autocomplete_fields = ("organization",)
    fieldsets = (
        (None, {"fields": ("organization", "name")}),
        ("How many restore points are kept", {"fields": (*KEEP, "time_zone")}),
        ("Verification", {"fields": ("verify_after_days",)}),
    )

    @admin.display(description="keeps")
    def keeps(self, policy: BackupPolicy) -> str:
        return ", ".join(
            f"{getattr(policy, name)} {name.removeprefix('keep_')}" for name in KEEP if getattr(policy, name)
        )


class BackupDisksInline(ReadOnlyInline):
    model = BackupDisk
    verbose_name_plural = "disks"
    fields = (
        "disk_id",
        "status",
        *columns(BackupDisk, "capacity_bytes", "bytes_stored"),
        "path",
        "change_id",
        "base_change_id",
        "checksum",
    )


@admin.register(BackupJob)
class BackupJobAdmin(JobAdmin):
    list_display = (
        "job",
        link("vm_context", "VM"),
        "repository",
        plain("backup_type", "type"),
        "status",
        "progress",
        when("snapshot_at", "snapshot"),
        when("completed_at", "ended"),
        "is_protected",
        when("locked_until"),
        "verified_good",
        when("pruned_at", "pruned"),
        "error_code",
    )
    list_select_related = ("vm_context", "repository", "policy", "parent")
    unread = ("repository__credentials",)
    list_filter = (
        "status",
        "backup_type",
        *by_vm("vm_context"),
        ("repository", Named),
        ("policy", Named),
        "is_protected",
        "verified_good",
        ("pruned_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("id", "vm_context__name")
    ordering = ("-created_at",)
    inlines = (BackupDisksInline,)
    record_actions = (StartRestore(), ProtectPoint(), LetPointGo(), *JobAdmin.record_actions)


@admin.register(BackupDisk)
class BackupDiskAdmin(JobDiskAdmin):
    list_display = (
        "disk_id",
        "job",
        link("vm_disk__vm_context", "VM"),
        "status",
        *columns(BackupDisk, "capacity_bytes", "bytes_stored"),
        "path",
    )
    list_select_related = ("job", "vm_disk__vm_context")
    list_filter = ("status", ("job__repository", Named), *by_vm("vm_disk__vm_context"))
    ordering = ("-id",)


@admin.register(RestoreJob)
class RestoreJobAdmin(JobAdmin):
    list_display = (
        "job",
        link("backup__vm_context", "VM"),
        link("backup", "restore point"),
        "mode",
        "destination",
        "status",
        "progress",
        when("created_at", "created"),
        when("completed_at", "ended"),
        "error_code",
    )
    list_select_related = ("backup__vm_context", "backup_disk")
    list_filter = ("status", "mode", *by_vm("backup__vm_context"), ("backup__repository", Named))
    search_fields = ("id", "destination")
    ordering = ("-created_at",)
    fields = columns(RestoreJob)


@admin.register(BackupSchedule)
class BackupScheduleAdmin(VersionedAdmin):
    list_display = (
        link("vm_context", "VM"),
        "repository",
        "policy",
        plain("backup_type", "type"),
        "schedule",
        "time_zone",
        "enabled",
        when("next_slot_at", "next"),
    )
    list_display_links = ("schedule",)
    list_select_related = ("vm_context__vcenter", "repository", "policy")
    unread = ("repository__credentials",)
    list_filter = ("enabled", *by_vm("vm_context"), ("repository", Named), ("policy", Named))
    search_fields = ("vm_context__name", "schedule")
    ordering = ("id",)
    fields = ("vm_context", "repository", "policy", "backup_type", "schedule", "time_zone", "enabled")
    autocomplete_fields = ("vm_context", "repository", "policy")


@admin.register(BackupSlot)
class BackupSlotAdmin(ReadOnlyAdmin):
    list_display = (when("slot_at", "due"), link("vm_context", "VM"), "outcome", link("job"), "reason")
    list_select_related = ("vm_context", "job", "schedule")
    list_filter = ("outcome", *by_vm("vm_context"))
    search_fields = ("vm_context__name", "job__id__exact")
    ordering = ("-slot_at", "-id")


VMContextAdmin.add_panel(RestorePointsPanel())
VMContextAdmin.add_action(StartBackup())
