"""Discovery runs in every status, with outcomes of every kind."""

from datetime import timedelta
from typing import Any

from config.demo.chance import chance
from config.demo.factories import DiscoveryOutcomeFactory, DiscoveryRunFactory
from config.demo.ledger import Ledger
from inventory.models import DiscoveryRun, Outcome, SourceKind, Vcenter, VMContext

LEFT_OUT = {"code": "VM.TEMPLATE", "message": "win2019-template is a template and was left out."}


def tell_discovery(vcenter: Vcenter, vms: list[VMContext], ledger: Ledger) -> None:
    """How these new VMs of a new vCenter became known, and what later runs found."""
    known = {vm.name: vm for vm in vms}
    added = {name: (vm, Outcome.ADDED, None, None) for name, vm in known.items()}
    _run(vcenter, ledger, {"days": 60}, added, source_kind=SourceKind.RVTOOLS, source_name="estate-export.xlsx")
    _run(vcenter, ledger, {"hours": 20}, _second_look(known), source_kind=SourceKind.VCENTER)
    if "pgtest1" in known:
        asked: dict[str, Any] = {
            "pgtest1": (known["pgtest1"], Outcome.UNCHANGED, None, None),
            "no-such-vm": (None, Outcome.MISSING, "The source knows no VM of this name.", None),
        }
        _run(
            vcenter,
            ledger,
            {"hours": 3},
            asked,
            source_kind=SourceKind.VMA,
            source_name="vma-1",
            names_asked_for=[*asked],
        )
    failed = {"status": "failed", "error_code": "unreachable", "error_message": "No answer in 10 s."}
    _run(vcenter, ledger, {"hours": 8}, {}, source_kind=SourceKind.VCENTER, **failed)
    _run(vcenter, ledger, {"minutes": 1}, {}, source_kind=SourceKind.VCENTER, status="running")
    _run(vcenter, ledger, {"minutes": 0}, {}, source_kind=SourceKind.VCENTER, status="waiting")


def _second_look(known: dict[str, VMContext]) -> dict[str, Any]:
    outcomes: dict[str, Any] = {name: (vm, Outcome.UNCHANGED, None, None) for name, vm in known.items()}
    if "legacy-billing" in known:
        grown = {"disk-2000.capacity_bytes": [16 * 2**30, 20 * 2**30]}
        outcomes["legacy-billing"] = (known["legacy-billing"], Outcome.UPDATED, None, grown)
    if "edge-collector" in known:
        reason = "The source does not say how large disk-2000 is."
        outcomes["edge-collector"] = (known["edge-collector"], Outcome.FAILED, reason, None)
    if "web-01" in known:
        reason = "It has the instance UUID of web-01, and another moref."
        outcomes["web-01-copy"] = (None, Outcome.CONFLICT, reason, None)
    return outcomes


def _run(
    vcenter: Vcenter, ledger: Ledger, ago: dict[str, float], outcomes: dict[str, Any], **values: Any
) -> DiscoveryRun:
    at = chance.ago(**ago)
    counts: dict[str, int] = {}
    for _, outcome, _, _ in outcomes.values():
        counts[outcome.value] = counts.get(outcome.value, 0) + 1
    run = DiscoveryRunFactory.build(
        vcenter=vcenter,
        added_by="operator",
        started_at=at,
        created_at=at,
        counts=counts or {Outcome.ADDED.value: 0},
        findings=[LEFT_OUT],
        **{"completed_at": at + timedelta(seconds=35)}
        | ({"completed_at": None} if values.get("status") in ("running", "waiting") else {}),
        **values,
    )
    ledger.add(run)
    for name, (vm, outcome, reason, changes) in outcomes.items():
        ledger.add(
            DiscoveryOutcomeFactory.build(
                run=run, vm_name=name, vm_context=vm, outcome=outcome, reason=reason, changes=changes
            )
        )
    return run
