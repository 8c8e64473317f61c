"""Readiness finds what is wrong with a VM, says what to do about it, and never takes unknown for good."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from failover.findings import BOTH, CODES, Severity
from failover.models import FailoverJob, NetworkMapping
from failover.readiness import readiness_of, readiness_of_all, spell
from inventory.models import VMContext
from replication.models import ChangeId, ReplicationJob, TargetNetwork, TargetVolume
from tests.checkout import ROOT
from tests.failover.estates import Estate, ready_vm

BUDGET = 5


def test_the_page_lists_every_code_as_it_is_declared():
    page = (ROOT / "docs/readiness.md").read_text().splitlines()
    assert [line for line in page if line.startswith("| `")] == rows()


def rows() -> list[str]:
    """The table of the page."""
    found = []
    for code in CODES.values():
        concerns = "both" if code.kinds == BOTH else code.kinds[0]
        overridden = ("with a reason" if code.may_be_overridden else "never") if code.severity == "blocker" else ""
        says = " ".join(each for each in (code.sentence, code.unknown) if each)
        for name in (
            "why",
            "network",
            "volume",
            "missing",
            "subject",
            "kind",
            "status",
            "age",
            "allowed",
            "at",
            "days",
        ):
            says = says.replace(f"{{{name}}}", {"why": "...", "subject": "_it_"}.get(name, f"_{name}_"))
        says = says.replace("{capacity}", "_so many_").replace("{copied}", "_so many_")
        found.append(f"| `{code.name}` | {code.severity} | {concerns} | {overridden} | {says} | {code.remedy} |")
    return found


def test_every_code_has_what_a_person_needs():
    for code in CODES.values():
        assert code.remedy.endswith(".") and (code.sentence or code.unknown).endswith((".", "}"))
        assert code.severity == Severity.BLOCKER or not code.unknown


@pytest.mark.django_db
def test_nothing_is_found_of_a_vm_that_is_ready():
    found = readiness_of(ready_vm())
    assert found.findings == ()
    assert found.is_ready("test") and found.is_ready("live")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "columns", "code", "verdicts"),
    [
        (VMContext, {"cpu_count": None}, "VM.SPEC_UNKNOWN", ("unknown", "unknown")),
        (TargetVolume, {"status": "error"}, "DISK.VOLUME_ERROR", ("not_ready", "not_ready")),
        (ChangeId, {"capacity_bytes": 1}, "DISK.RESIZED", ("not_ready", "not_ready")),
        (TargetNetwork, {"isolation": "unknown"}, "MAPPING.NOT_ISOLATED", ("unknown", "ready")),
        (TargetNetwork, {"isolation": "production"}, "MAPPING.NOT_ISOLATED", ("not_ready", "ready")),
        (FailoverJob, {"aftermath": "due", "aftermath_completed_at": None}, "TEST.NEVER", ("ready", "ready")),
    ],
)
def test_what_is_wrong_is_found_and_decides(rows: Any, columns: dict[str, Any], code: str, verdicts: tuple[str, str]):
    vm = ready_vm()
    rows.objects.update(**columns)
    found = readiness_of(vm)
    assert {finding.code.name for finding in found.findings} == {code}
    assert (found.verdict("test"), found.verdict("live")) == verdicts


@pytest.mark.django_db
def test_a_missing_mapping_of_one_purpose_concerns_that_kind_only():
    vm = ready_vm()
    NetworkMapping.objects.filter(purpose="live", source_network_name="Web DMZ").delete()
    [finding] = readiness_of(vm).findings
    assert (finding.code.name, finding.applies_to, finding.subject) == ("NIC.UNMAPPED", "live", "Adapter 1")
    assert readiness_of(vm).is_ready("test") and not readiness_of(vm).is_ready("live")


@pytest.mark.django_db
def test_a_finding_says_since_when_and_reads_as_a_sentence():
    vm = ready_vm()
    at = timezone.now() - timedelta(hours=30)
    ReplicationJob.objects.update(snapshot_at=at)
    [finding] = readiness_of(vm).findings
    assert finding.since == at + timedelta(hours=4)
    assert finding.as_json() == {
        "code": "RPO.BREACHED",
        "severity": "risk",
        "applies_to": "both",
        "unknown": False,
        "subject": None,
        "message": "The newest complete copy is 1 d 6 h old, and may be 4 h.",
        "remedy": finding.code.remedy,
        "since": f"{finding.since:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert [spell(seconds) for seconds in (0, 59, 3600, 90_061, None)] == ["0 s", "59 s", "1 h", "1 d 1 h", "unknown"]


@pytest.mark.django_db
def test_an_isolated_network_that_is_also_a_live_target_is_no_place_for_a_test():
    vm = ready_vm()
    mapping = vm.network_mappings.filter(purpose="test").first()
    other = ready_vm().network_mappings.filter(purpose="live").first()
    NetworkMapping.objects.filter(pk=other.pk).update(target_network=mapping.target_network)
    [finding] = readiness_of(vm).findings
    assert "is marked isolated, but is the live target of a mapping too" in finding.sentence


@pytest.mark.django_db
def test_a_fleet_costs_as_many_queries_as_one_vm():
    vm = ready_vm()
    with CaptureQueriesContext(connection) as one:
        readiness_of(vm)
    for seed in range(3):
        Estate(seed, vms=4)
    with CaptureQueriesContext(connection) as fleet:
        found = readiness_of_all()
    assert len(found) == VMContext.objects.managed().count() > 6
    assert len(one) == len(fleet) <= BUDGET
    assert [each.vm_context_id for each in found] == [vm.pk for vm in VMContext.objects.managed()]


@pytest.mark.django_db
def test_a_vm_that_is_gone_has_no_readiness():
    with pytest.raises(VMContext.DoesNotExist, match="There is no VM context"):
        readiness_of(VMContext(pk="ctx-gone"))
