"""The vCenters that discovery reads, and the hosts they manage."""

from django.contrib import admin

from config.admin import Named, ReadOnlyAdmin, WhetherSet, columns, memory, when
from inventory.admin.secrets import SecretAdmin, SecretForm, SecretFormField
from inventory.models import Host, Vcenter
from inventory.services.vcenters import SENT_TO


class VcenterForm(SecretForm):
    sent_to = SENT_TO
    password = SecretFormField()

    class Meta:
        exclude = ("password",)


@admin.register(Vcenter)
class VcenterAdmin(SecretAdmin):
    form = VcenterForm
    list_display = (
        "name",
        "organization",
        "host",
        "datacenter",
        "username",
        "stored_secrets",
        "tls_policy",
        *columns(Vcenter, "is_default"),
    )
    list_select_related = ("organization",)
    list_filter = (("organization", Named), "tls_policy")
    search_fields = ("name", "host")
    ordering = ("name", "id")
    autocomplete_fields = ("organization",)
    readonly_fields = ("instance_uuid",)
    fieldsets = (
        (None, {"fields": ("organization", "name", "is_default")}),
        ("Where", {"fields": ("host", "port", "datacenter", "instance_uuid")}),
        ("Credentials", {"fields": ("username", "password")}),
        ("TLS", {"fields": ("tls_policy", "ca_certificate", "thumbprint")}),
    )


@admin.register(Host)
class HostAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "vcenter",
        "vcenter__organization",
        "cpu_cores",
        memory("memory_mb"),
        "version",
        "in_maintenance",
        when("missing_since"),
    )
    list_select_related = ("vcenter__organization",)
    unread = ("vcenter__password", "vcenter__ca_certificate")
    list_filter = (
        ("vcenter__organization", Named),
        ("vcenter", Named),
        "in_maintenance",
        ("missing_since", WhetherSet),
    )
    search_fields = ("name", "moref")
    ordering = ("name", "id")
    fields = columns(Host)
