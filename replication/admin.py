"""The admin pages of targets, of what is protected, and of the runs that keep copies current."""

from typing import Any

from django.contrib import admin

from config.admin import (
    Named,
    ReadOnlyAdmin,
    ReadOnlyInline,
    VersionedAdmin,
    VersionedForm,
    WhetherSet,
    columns,
    duration,
    link,
    plain,
    when,
)
from config.jobs.admin import JobAdmin, JobDiskAdmin, by_vm
from inventory.admin.contexts import VMContextAdmin
from inventory.admin.secrets import SecretAdmin, SecretForm, SecretFormField
from replication.admin_actions import StartReplication
from replication.admin_panels import DisksPanel
from replication.models import (
    ChangeId,
    Protection,
    ReplicationDisk,
    ReplicationJob,
    ReplicationSlot,
    Target,
    TargetVolume,
)
from replication.services.setup import SENT_TO

OF_A_TARGET = ("target__api_key", "target__secret_key")


class TargetForm(SecretForm):
    sent_to = SENT_TO
    api_key = SecretFormField(label="API key")
    secret_key = SecretFormField()

    class Meta:
        exclude = ("api_key", "secret_key")


@admin.register(Target)
class TargetAdmin(SecretAdmin):
    form = TargetForm
    list_display = (
        "name",
        "organization",
        "api_url",
        "zone",
        "stored_secrets",
        *columns(Target, "is_default"),
    )
    list_select_related = ("organization",)
    list_filter = (("organization", Named),)
    search_fields = ("name", "api_url")
    ordering = ("name", "id")
    autocomplete_fields = ("organization",)
    fieldsets = (
        (None, {"fields": ("organization", "name", "is_default")}),
        ("Where", {"fields": ("api_url", "domain", "zone")}),
        ("Credentials", {"fields": ("api_key", "secret_key")}),
        ("What is made there", {"fields": ("template_id", "service_offering_id", "disk_offering_id")}),
    )


@admin.register(TargetVolume)
class TargetVolumeAdmin(ReadOnlyAdmin):
    list_display = (
        "volume_name",
        "target",
        "status",
        *columns(TargetVolume, "size_bytes"),
        "volume_type",
        "device_path",
        link("vm_disk"),
        link("vm_disk__vm_context", "VM"),
    )
    list_select_related = ("target__organization", "vm_disk__vm_context")
    unread = OF_A_TARGET
    list_filter = ("status", "volume_type", ("target__organization", Named), ("target", Named))
    search_fields = ("volume_name", "volume_id", "device_path")
    ordering = ("volume_name", "id")


class ProtectionForm(VersionedForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        vm, target = self.cleaned_data.get("vm_context"), self.cleaned_data.get("target")
        if vm and target and target.organization_id != vm.vcenter.organization_id:
            self.add_error("target", f"{target} belongs to another organisation than {vm}.")
        return cleaned


@admin.register(Protection)
class ProtectionAdmin(VersionedAdmin):
    form = ProtectionForm
    list_display = (
        "vm_context",
        "target",
        duration("rpo_seconds", "RPO"),
        "schedule",
        "enabled",
        when("next_slot_at", "next"),
        when("updated_at"),
    )
    list_select_related = ("vm_context", "target")
    unread = OF_A_TARGET
    list_filter = ("enabled", *by_vm("vm_context"), ("target", Named))
    search_fields = ("vm_context__name",)
    ordering = ("id",)
    fields = ("vm_context", "target", "rpo_seconds", "schedule", "enabled")
    autocomplete_fields = ("vm_context", "target")


VMContextAdmin.add_panel(DisksPanel())
VMContextAdmin.add_action(StartReplication())


class ReplicationDisksInline(ReadOnlyInline):
    model = ReplicationDisk
    verbose_name_plural = "disks"
    list_select_related = ("vm_disk",)
    fields = columns(ReplicationDisk, without=("id", "job", "created_at", "version"))


@admin.register(ReplicationJob)
class ReplicationJobAdmin(JobAdmin):
    list_display = (
        "job",
        link("vm_context", "VM"),
        "target",
        plain("replication_type", "type"),
        "status",
        "progress",
        when("created_at", "created"),
        when("completed_at", "ended"),
        "error_code",
    )
    list_select_related = ("vm_context", "target")
    unread = OF_A_TARGET
    list_filter = ("status", "replication_type", *by_vm("vm_context"), ("target", Named))
    search_fields = ("id", "source_vm_name")
    ordering = ("-created_at",)
    inlines = (ReplicationDisksInline,)


@admin.register(ReplicationDisk)
class ReplicationDiskAdmin(JobDiskAdmin):
    list_display = (
        "job",
        link("vm_disk__vm_context", "VM"),
        link("vm_disk"),
        "status",
        *columns(ReplicationDisk, "bytes_synced", "bytes_total", "updated_at"),
    )
    list_select_related = ("job", "vm_disk__vm_context")
    list_filter = ("status", *by_vm("vm_disk__vm_context"))
    ordering = ("-id",)


@admin.register(ChangeId)
class ChangeIdAdmin(ReadOnlyAdmin):
    list_display = (
        "change_id",
        link("vm_disk__vm_context", "VM"),
        link("vm_disk"),
        "generation",
        *columns(ChangeId, "is_current", "sync_success", "bytes_synced", "snapshot_at"),
        "invalid_reason",
        *columns(ChangeId, "invalidated_at"),
    )
    list_select_related = ("vm_disk__vm_context", "job")
    list_filter = (("is_current", WhetherSet), "sync_success", "invalid_reason", *by_vm("vm_disk__vm_context"))
    search_fields = ("change_id", "vm_disk__vm_context__name")
    ordering = ("-id",)


@admin.register(ReplicationSlot)
class ReplicationSlotAdmin(ReadOnlyAdmin):
    list_display = (when("slot_at", "due"), link("vm_context", "VM"), "outcome", link("job"), "reason")
    list_select_related = ("vm_context", "job")
    list_filter = ("outcome", *by_vm("vm_context"))
    search_fields = ("vm_context__name", "job__id__exact")
    ordering = ("-slot_at", "-id")
