"""Where a person mends what readiness found: for each code the page that does it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.http import urlencode

from config.jobs.admin_panels import job_page
from failover import findings
from failover.findings import Finding
from replication.queries import protection_of

Place = tuple[str, str]
"""What the link says, and where it leads."""


@dataclass(frozen=True)
class Subject:
    """The VM of the findings, and the key of its protection, if it has one."""

    vm: Any
    protection: int | None


def _act(name: str, label: str) -> Callable[[Finding, Subject], Place]:
    return lambda finding, of: (label, reverse("admin:inventory_vmcontext_act", args=[quote(of.vm.pk), name]))


def _replicate(finding: Finding, of: Subject) -> Place:
    if of.protection is None:
        return _protect(finding, of)
    return _act("start-replication", "Replicate it")(finding, of)


def _protect(finding: Finding, of: Subject) -> Place:
    if of.protection is None:
        page = reverse("admin:replication_protection_add")
        return "Protect it", f"{page}?{urlencode({'vm_context': of.vm.pk})}"
    return "Its protection", reverse("admin:replication_protection_change", args=[of.protection])


def _map(finding: Finding, of: Subject) -> Place:
    """The matrix, at the VM; unmapped networks are named by the finding, mapped ones are its subject."""
    network = finding.values["network"] if finding.code is findings.NIC_UNMAPPED else finding.subject
    query = {"vcenter": of.vm.vcenter_id, "vm": of.vm.pk, "network": network}
    return "Map its networks", f"{reverse('admin:failover_networkmapping_matrix')}?{urlencode(query)}"


def _discover(finding: Finding, of: Subject) -> Place:
    return "Import a newer workbook", reverse("admin:inventory_discoveryrun_upload")


def _volumes(finding: Finding, of: Subject) -> Place:
    page = reverse("admin:replication_targetvolume_changelist")
    return "Its volume", f"{page}?{urlencode({'q': finding.values['volume'] or ''})}"


def _job(finding: Finding, of: Subject) -> Place:
    kind, job = str(finding.values["kind"]).lower(), finding.subject
    return "The job", job_page(kind, job) if kind != "failover" else _failover_page(job)


def _failover_page(job: str | None) -> str:
    return f"{reverse('admin:failover_failoverjob_changelist')}?{urlencode({'q': job or ''})}"


def _archived(finding: Finding, of: Subject) -> Place:
    return "Take it under management again", "#id_archived_at_0"


_PLACES: dict[findings.Code, Callable[[Finding, Subject], Place]] = {
    findings.VM_AT_TARGET: _act("set-back", "Set it back"),
    findings.VM_ARCHIVED: _archived,
    findings.VM_NOT_REPLICATED: _replicate,
    findings.VM_SPEC_UNKNOWN: _discover,
    findings.DISK_NO_VOLUME: _replicate,
    findings.DISK_VOLUME_ERROR: _volumes,
    findings.DISK_NOT_SYNCED: _replicate,
    findings.DISK_NO_CHANGE_ID: _replicate,
    findings.DISK_REMOVED_AT_SOURCE: _volumes,
    findings.DISK_RESIZED: _replicate,
    findings.NIC_UNMAPPED: _map,
    findings.NIC_NETWORK_UNKNOWN: _discover,
    findings.NIC_NONE: _discover,
    findings.MAPPING_NOT_ISOLATED: _map,
    findings.MAPPING_OTHER_TARGET: _map,
    findings.RPO_BREACHED: _replicate,
    findings.RPO_UNKNOWN: _protect,
    findings.JOB_ACTIVE: _job,
    findings.JOB_LOST: _job,
    findings.TARGET_MISSING: _protect,
    findings.TEST_NEVER: _act("start-test-failover", "Test it"),
    findings.TEST_STALE: _act("start-test-failover", "Test it"),
}
PLACES = {code.name: place for code, place in _PLACES.items()}


def remedied(found: Iterable[Finding], vm: Any) -> list[dict[str, Any]]:
    """The findings for a page: each with the address of the page that mends it."""
    protection = protection_of(vm)
    subject = Subject(vm, protection.pk if protection else None)
    return [
        {
            "finding": finding,
            "look": "unknown" if finding.is_unknown else finding.code.severity.value,
            "link": PLACES[finding.code.name](finding, subject),
        }
        for finding in found
    ]
