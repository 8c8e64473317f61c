"""VM contexts: the virtual machines under management, what they are made of, and who may work on them."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.http import HttpRequest

from config.admin import (
    Named,
    ReadOnlyAdmin,
    VersionedAdmin,
    WhetherSet,
    columns,
    link,
    memory,
    plain,
    pretty,
    when,
)
from inventory.admin.panels import GlancePanel
from inventory.models import OperationClaim, VMContext, VMDisk, VMNetworkInterface

BY_VCENTER = (("vm_context__vcenter__organization", Named), ("vm_context__vcenter", Named))


EDITABLE = ("archived_at",)


@admin.register(VMContext)
class VMContextAdmin(VersionedAdmin):
    """What discovery found is read-only; a person may archive a VM or bring it back, and not delete it."""

    list_display = (
        "name",
        link("vcenter__organization"),
        link("vcenter", "vCenter"),
        "host",
        "power_state",
        plain("cpu_count", "CPUs"),
        memory("memory_mb"),
        "runs_at",
        when("missing_since"),
        when("archived_at", "archived"),
    )
    list_select_related = ("vcenter__organization", "host", "operation_claim")
    unread = ("vcenter__password", "vcenter__ca_certificate")
    list_filter = (
        ("vcenter__organization", Named),
        ("vcenter", Named),
        "power_state",
        "runs_at",
        "change_tracking",
        ("missing_since", WhetherSet),
        ("archived_at", WhetherSet),
        "is_template",
    )
    search_fields = ("name", "context_id", "moref", "instance_uuid", "vmware_uuid")
    ordering = ("name", "context_id")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "display_name",
                    "context_id",
                    link("vcenter", "vCenter"),
                    "host",
                    "runs_at",
                    *EDITABLE,
                )
            },
        ),
        (
            "Specification",
            {
                "classes": ("collapse",),
                "fields": (
                    "power_state",
                    plain("cpu_count", "CPUs"),
                    memory("memory_mb"),
                    plain("os_type", "guest OS"),
                    plain("vm_tools_version", "VMware tools"),
                    "firmware",
                    pretty("bios_setup", "BIOS set-up"),
                    "change_tracking",
                    "is_template",
                    "annotation",
                ),
            },
        ),
        ("Place", {"classes": ("collapse",), "fields": ("path", "datacenter", "cluster")}),
        (
            "Identity",
            {
                "classes": ("collapse",),
                "fields": (
                    "identity",
                    "moref",
                    plain("instance_uuid", "instance UUID"),
                    plain("vmware_uuid", "VMware UUID"),
                ),
            },
        ),
        (
            "Record",
            {
                "classes": ("collapse",),
                "fields": ("added_by", when("missing_since"), when("created_at"), when("updated_at"), "version"),
            },
        ),
    )
    readonly_fields = tuple(name for name in flatten_fieldsets(fieldsets) if name not in EDITABLE)
    panels = (GlancePanel(),)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(VMDisk)
class VMDiskAdmin(ReadOnlyAdmin):
    list_display = (
        "disk_id",
        link("vm_context"),
        "label",
        *columns(VMDisk, "capacity_bytes"),
        "datastore",
        "provisioning_type",
        "sync_status",
        *columns(VMDisk, "sync_progress_percent"),
        when("removed_at", "removed"),
    )
    list_select_related = ("vm_context", "job")
    list_filter = (*BY_VCENTER, "sync_status", "provisioning_type", ("removed_at", WhetherSet))
    search_fields = ("vm_context__name", "disk_id", "label")
    ordering = ("vm_context_id", "device_key")


@admin.register(VMNetworkInterface)
class VMNetworkInterfaceAdmin(ReadOnlyAdmin):
    list_display = (
        "nic_key",
        link("vm_context"),
        "label",
        "source_network_name",
        "mac_address",
        "adapter_type",
        "connected",
        when("removed_at", "removed"),
    )
    list_select_related = ("vm_context",)
    list_filter = (*BY_VCENTER, ("source_network_name", WhetherSet), "connected", ("removed_at", WhetherSet))
    search_fields = ("vm_context__name", "source_network_name", "mac_address")
    ordering = ("vm_context_id", "nic_key")


@admin.register(OperationClaim)
class OperationClaimAdmin(ReadOnlyAdmin):
    list_display = ("vm_context", "holder_kind", "holder_id", "fence", when("taken_at"), when("heartbeat_at"))
    list_select_related = ("vm_context",)
    list_filter = (("holder_id", WhetherSet), "holder_kind", *BY_VCENTER)
    search_fields = ("vm_context__name", "holder_id")
    ordering = ("vm_context_id",)
