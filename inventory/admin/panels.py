"""What the page of a VM tells of the VM itself, of who may work on it, and of open alerts."""

from typing import Any

from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.urls import reverse

from config.admin import Panel
from inventory.models import Alert, OperationClaim, Site


class GlancePanel(Panel):
    template = "inventory/panel.html"
    permission = "inventory.view_vmcontext"
    place = 10

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        claim: OperationClaim | None = getattr(record, "operation_claim", None)
        return {
            "at_target": record.runs_at == Site.TARGET,
            "memory_bytes": None if record.memory_mb is None else record.memory_mb * 2**20,
            "claim": claim,
            "holder": self._holder(claim) if claim and claim.holder_id else None,
            "alerts": list(Alert.objects.filter(vm_context=record, is_open=True).order_by("-raised_at")[:5]),
        }

    def _holder(self, claim: OperationClaim) -> str:
        return reverse("admin:inventory_operationclaim_change", args=[quote(claim.pk)])
