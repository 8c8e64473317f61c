"""The admin pages of repositories, policies, backup jobs and restore jobs."""

from zoneinfo import available_timezones

from django import forms
from django.contrib import admin

from backups.models import KEEP, BackupDisk, BackupJob, BackupPolicy, BackupRepository, RestoreJob
from config.admin import Named, ReadOnlyAdmin, ReadOnlyInline, VersionedAdmin, VersionedForm, columns, link, plain, when
from config.jobs.admin import JobAdmin, by_vm
from inventory.admin.secrets import SecretAdmin, SecretForm, SecretFormField


class BackupRepositoryForm(SecretForm):
    sent_to = ("kind", "location")
    credentials = SecretFormField()

    class Meta:
        exclude = ("credentials",)


@admin.register(BackupRepository)
class BackupRepositoryAdmin(SecretAdmin):
    form = BackupRepositoryForm
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


class BackupPolicyForm(VersionedForm):
    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name not in available_timezones():
            raise forms.ValidationError("That is not an IANA time zone, as Europe/Berlin is.")
        return name


@admin.register(BackupPolicy)
class BackupPolicyAdmin(VersionedAdmin):
    form = BackupPolicyForm
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


@admin.register(BackupDisk)
class BackupDiskAdmin(ReadOnlyAdmin):
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
    search_fields = ("job__id__exact", "path")
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
