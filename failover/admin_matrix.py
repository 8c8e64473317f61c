"""The matrix of network mappings: source networks down, purposes across, many VMs at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path

from config.admin import VersionedAdmin, change_permission, may, reason_field, tell_refused, visible
from config.admin.busy import NOT_SAVED, STATUS
from config.jobs.admin_actions import by
from config.refusals import Busy, Refusal
from config.transactions import whole
from failover.models import NetworkMapping, Purpose
from failover.queries import MatrixRow, mapping_matrix, vms_to_map
from failover.services.mappings import set_mapping
from inventory.models import Vcenter, VMContext, VMNetworkInterface
from replication.models import Isolation, TargetNetwork

MOST_AT_ONCE = 500
"""How many mappings are set at once."""
GAPS, ALL = "gaps", "all"


class ApplyForm(forms.Form):
    reason = reason_field()


@dataclass(frozen=True)
class Change:
    """One cell of the matrix that is to lead elsewhere."""

    name: str
    """Of its field."""
    network: str
    purpose: str
    to: TargetNetwork
    vms: Sequence[VMContext]

    @property
    def number(self) -> str:
        """Of its row."""
        return self.name.partition("-")[2]


class Chosen:
    """Whose networks the matrix shows, and where they may lead: only what the person may know of."""

    def __init__(self, request: HttpRequest) -> None:
        self.vcenters = list(visible(request, Vcenter).order_by("name", "pk"))
        asked = request.GET.get("vcenter", "")
        chosen = [each for each in self.vcenters if str(each.pk) == asked] if asked else self.vcenters
        if asked and not chosen:
            raise Http404("There is no such vCenter.")
        self.vcenter = chosen[0] if chosen else None
        self.vm = request.GET.get("vm", "").replace("\0", "").strip()
        self.network = request.GET.get("network", "")
        vms = visible(request, VMContext).filter(vcenter=self.vcenter, archived_at=None)
        self.vms: QuerySet[VMContext] = vms.filter(Q(pk=self.vm) | Q(name__istartswith=self.vm)) if self.vm else vms
        networks = visible(request, TargetNetwork).order_by("target__name", "name", "pk")
        of = None if self.vcenter is None else self.vcenter.organization_id
        self.networks: dict[int, TargetNetwork] = {each.pk: each for each in networks.filter(target__organization=of)}

    def offered(self, purpose: str) -> list[TargetNetwork]:
        """A test reaches no production, and what is live is not isolated."""
        return [
            each
            for each in self.networks.values()
            if (each.isolation == Isolation.ISOLATED) == (purpose == Purpose.TEST)
        ]

    def rows(self) -> list[MatrixRow]:
        rows = mapping_matrix(self.vms)
        return [row for row in rows if row.network == self.network] if self.network else rows

    def unnamed(self) -> int:
        """How many interfaces have a source network that nobody could name."""
        nics = VMNetworkInterface.objects.filter(vm_context__in=self.vms.order_by().values("pk"), removed_at=None)
        return nics.filter(source_network_name=None).count()


class MatrixAdmin(VersionedAdmin):
    change_list_template = "failover/mappings.html"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.matrix_view)
        return [path("matrix/", view, name="failover_networkmapping_matrix"), *super().get_urls()]

    def matrix_view(self, request: HttpRequest) -> HttpResponse:
        """The matrix; sent with choices, what they would change; confirmed with a reason, the change itself."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        may_map = self.has_add_permission(request) and self.has_change_permission(request)
        if request.method == "POST" and not may_map:
            raise PermissionDenied
        chosen = Chosen(request)
        rows = chosen.rows()
        if request.method != "POST":
            return self._matrix(request, chosen, rows, may_map)
        which = ALL if request.POST.get("which") == ALL else GAPS
        changes = list(self._changes(request, chosen, rows, which))
        count = sum(len(change.vms) for change in changes)
        if not count:
            messages.warning(request, "Nothing would change: choose where a network of some VM is to lead.")
            return HttpResponseRedirect(request.get_full_path())
        if count > MOST_AT_ONCE:
            messages.error(request, f"{count} mappings at once are more than {MOST_AT_ONCE}: choose fewer VMs first.")
            return HttpResponseRedirect(request.get_full_path())
        form = ApplyForm(request.POST if "confirmed" in request.POST else None)
        if form.is_bound and form.is_valid():
            try:
                count, refused = self._apply(request, changes, form.cleaned_data["reason"])
            except Busy:
                form.add_error(None, NOT_SAVED)
            else:
                if count:
                    messages.success(request, f"Mapped: {count} network mapping{'s'[: count != 1]} set.")
                tell_refused(request, refused)
                return HttpResponseRedirect(request.get_full_path())
        context = {"changes": changes, "count": count, "form": form, "which": which, "vcenter": chosen.vcenter}
        response = self._page(request, "failover/mappings_confirm.html", "Map these networks", context)
        response.status_code = STATUS if form.non_field_errors() else 200
        return response

    def _matrix(self, request: HttpRequest, chosen: Chosen, rows: list[MatrixRow], may_map: bool) -> HttpResponse:
        shown = [
            {
                "row": row,
                "number": number,
                "cells": [
                    {
                        "purpose": purpose,
                        "name": f"{purpose}-{number}",
                        "gaps": row.gaps(purpose),
                        "leads": [(chosen.networks.get(to), count) for to, count in row.leads[purpose].items()],
                        "offered": chosen.offered(purpose),
                    }
                    for purpose in (Purpose.TEST.value, Purpose.LIVE.value)
                ],
            }
            for number, row in enumerate(rows)
        ]
        context = {"rows": shown, "chosen": chosen, "may_map": may_map, "unnamed": chosen.unnamed()}
        return self._page(request, "failover/matrix.html", "Network mappings: the matrix", context)

    def _changes(self, request: HttpRequest, chosen: Chosen, rows: list[MatrixRow], which: str) -> Iterable[Change]:
        known = {row.network for row in rows}
        for name, value in request.POST.items():
            purpose, _, number = name.partition("-")
            network = request.POST.get(f"network-{number}")
            if purpose not in Purpose.values or not value or network not in known:
                continue
            to = next((each for each in chosen.offered(purpose) if str(each.pk) == value), None)
            if to is not None:
                vms = vms_to_map(chosen.vms, network, purpose, only_gaps=which == GAPS)
                found = list(vms.exclude(**_led_there(network, purpose, to))[: MOST_AT_ONCE + 1])
                yield Change(name, network, purpose, to, found)

    @whole
    def _apply(self, request: HttpRequest, changes: list[Change], reason: str) -> tuple[int, list[str]]:
        """How many are set, and why others are not."""
        made, refused = [], []
        for change in changes:
            for vm in change.vms:
                if not may(request.user, change_permission(self.opts), vm):
                    refused.append(f"{vm}: you may not do this there.")
                    continue
                try:
                    made.append(set_mapping(vm, change.network, change.purpose, change.to, by=by(request)))
                except Refusal as refusal:
                    refused.append(f"{vm}: {refusal}")
        if made:
            LogEntry.objects.log_actions(request.user.pk or 0, made, CHANGE, change_message=f"Mapped: {reason}")
        return len(made), refused

    def _page(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> TemplateResponse:
        context |= {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(request, template, context)


def _led_there(network: str, purpose: str, to: TargetNetwork) -> dict[str, Any]:
    mapped = NetworkMapping.objects.filter(source_network_name=network, purpose=purpose, target_network=to)
    return {"pk__in": mapped.values("vm_context")}
