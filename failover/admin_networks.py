"""The pages of network mappings and of the networks that they lead to: saved by the services, which keep them fit.

They are here and not with the targets, as from below nobody sees the mappings.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from config.admin import HubInline, LabelledRows, Named, VersionedAdmin, VersionedForm, link
from config.jobs.admin import by_vm
from config.jobs.admin_actions import by
from config.jobs.moves import By
from failover.admin_matrix import MatrixAdmin
from failover.models import NetworkMapping
from failover.services.mappings import change_mapping, set_mapping
from failover.services.networks import change_network
from replication.admin import OF_A_TARGET
from replication.models import TargetNetwork


class NetworkRows(LabelledRows):
    by: By

    def save_existing(self, form: Any, obj: Any, commit: bool = True) -> Any:
        return _save_network(form, by=self.by)


class TargetNetworksInline(HubInline):
    model = TargetNetwork
    form = VersionedForm
    formset = NetworkRows
    fields = ("name", "external_id", "isolation")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.by = by(request)
        return formset


@admin.register(TargetNetwork)
class TargetNetworkAdmin(VersionedAdmin):
    list_display = ("name", "target", "target__organization", "isolation", "external_id")
    list_select_related = ("target__organization",)  # type: ignore[misc]
    unread = OF_A_TARGET
    list_filter = (("target__organization", Named), ("target", Named), "isolation")
    search_fields = ("name", "external_id")
    ordering = ("name", "id")
    fields = ("target", "name", "external_id", "isolation")
    autocomplete_fields = ("target",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        readonly = super().get_readonly_fields(request, obj)
        return readonly if obj is None else ("target", *readonly)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
        elif form.changed_data:
            _save_network(form, by=by(request))


class NetworkMappingForm(VersionedForm):
    """No mapping leads to another organisation's network."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        vm = self.cleaned_data.get("vm_context") or (self.instance.vm_context if self.instance.pk else None)
        network = self.cleaned_data.get("target_network")
        if vm and network and network.target.organization_id != vm.vcenter.organization_id:
            self.add_error("target_network", f"{network} belongs to another organisation than {vm}.")
        return cleaned


@admin.register(NetworkMapping)
class NetworkMappingAdmin(MatrixAdmin):
    form = NetworkMappingForm
    list_display = (
        "source_network_name",
        "purpose",
        link("vm_context", "VM"),
        link("target_network"),
        "target_network__isolation",
        "target_network__target",
    )
    list_select_related = ("vm_context", "target_network__target")  # type: ignore[misc]
    unread = ("target_network__target__api_key", "target_network__target__secret_key")
    list_filter = ("purpose", "target_network__isolation", *by_vm("vm_context"), ("target_network__target", Named))
    search_fields = ("vm_context__name", "source_network_name", "target_network__name")
    ordering = ("vm_context_id", "source_network_name", "purpose")
    fields = ("vm_context", "source_network_name", "purpose", "target_network")
    autocomplete_fields = ("vm_context", "target_network")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        readonly = super().get_readonly_fields(request, obj)
        return readonly if obj is None else ("vm_context", "source_network_name", "purpose", *readonly)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        to, who = obj.target_network, by(request)
        if not change:
            obj.pk = set_mapping(obj.vm_context, obj.source_network_name, obj.purpose, to, by=who).pk
        elif form.changed_data:
            change_mapping(obj, to, version=form.cleaned_data["seen_version"], by=who)


def _save_network(form: Any, *, by: By) -> TargetNetwork:
    columns = {name: form.cleaned_data[name] for name in form.changed_data}
    return change_network(form.instance, columns, version=form.cleaned_data["seen_version"], by=by)
