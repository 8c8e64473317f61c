"""What the page of a VM tells of whether it can be failed over, and of where its networks lead."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from config.admin import Panel
from failover.facts import Facts, read_facts
from failover.findings import BOTH, LIVE, TEST
from failover.readiness import Readiness, assess
from failover.remedies import remedied
from inventory.models import VMContext
from replication.queries import disks_of

BAR = 300
"""How wide the bar of the RPO is; its middle is the RPO itself."""


def bar_of(rpo: Any) -> dict[str, Any] | None:
    """How far the age has got towards the RPO; None where one of both is unknown."""
    if rpo is None or rpo.age_seconds is None or not rpo.limit_seconds:
        return None
    part = rpo.age_seconds / rpo.limit_seconds
    return {"width": f"{min(part, 2) * BAR / 2:.1f}", "limit": BAR / 2, "all": BAR, "percent": round(part * 100)}


class ReadinessPanel(Panel):
    """The RPO, the verdicts for a test and for real with what was found, and the network interfaces."""

    template = "failover/panel.html"
    permission = "failover.view_failoverjob"
    place = 20

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        now = timezone.now()
        facts = read_facts(VMContext.objects.filter(pk=record.pk), now, disks_of(record))[0]
        readiness = assess(facts, now)
        rpo = facts.rpo
        return {
            "rpo": rpo,
            "bar": bar_of(rpo),
            "snapshot_at": now - timedelta(seconds=rpo.age_seconds) if rpo and rpo.age_seconds is not None else None,
            "verdicts": [(kind, readiness.verdict(kind), self._says(readiness, kind)) for kind in BOTH],
            "findings": remedied(readiness.findings, record),
            "nics": list(self._nics(facts)),
            "matrix": self._matrix(record),
        }

    def _says(self, readiness: Readiness, kind: str) -> str:
        blockers = readiness.blockers(kind)
        if not blockers:
            return "Nothing blocks it."
        return ", ".join(dict.fromkeys(each.code.name for each in blockers))

    def _nics(self, facts: Facts) -> Any:
        for nic in facts.nics:
            to = {kind: facts.mapping_of(nic.network, kind) if nic.network else None for kind in BOTH}
            yield {"nic": nic, "test": to[TEST], "live": to[LIVE]}

    def _matrix(self, vm: Any) -> str:
        page = reverse("admin:failover_networkmapping_matrix")
        return f"{page}?{urlencode({'vcenter': vm.vcenter_id, 'vm': vm.pk})}"
