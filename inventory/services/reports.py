"""What a discovery found and did: kept in its run, and returned to whoever asked for it."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from inventory.models import DiscoveryOutcome, DiscoveryRun, Outcome
from inventory.services.writing import VMOutcome
from inventory.sources.facts import storable
from inventory.sources.records import Finding


@dataclass
class Report:
    """What a discovery found and did, or, on a dry run, would do."""

    source_kind: str
    source_name: str
    dry_run: bool
    names: Collection[str] = ()
    """The names that were asked for; none: all VMs."""
    vcenters: list[str] = field(default_factory=list)
    run_ids: list[int] = field(default_factory=list)
    outcomes: list[VMOutcome] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(str(each.outcome) for each in self.outcomes)
        return {str(outcome): counted[str(outcome)] for outcome in Outcome if counted[str(outcome)]}

    @property
    def success(self) -> bool:
        """Whether every VM, and every name that was asked for, was found and stored."""
        return not any(
            each.outcome in (Outcome.FAILED, Outcome.CONFLICT)
            or (each.outcome == Outcome.MISSING and each.name in self.names)
            for each in self.outcomes
        )


def record(run: DiscoveryRun, outcomes: Sequence[VMOutcome]) -> None:
    """Keep the outcomes with their run."""
    DiscoveryOutcome.objects.bulk_create(
        [
            DiscoveryOutcome(
                run=run,
                vm_name=storable(each.name)[:255] or "(unnamed)",
                vm_context_id=each.context_id,
                outcome=each.outcome,
                reason=each.reason and storable(each.reason),
                changes=_plain(each.changes),
            )
            for each in outcomes
        ]
    )


def left_out(findings: Sequence[Finding]) -> list[VMOutcome]:
    """One failed outcome for each VM that an error finding left out, with the first finding as the reason."""
    by_vm: dict[tuple[str | None, ...], list[Finding]] = {}
    for each in findings:
        if each.leaves_out_a_vm and each.severity == "error":
            by_vm.setdefault((each.instance_uuid or each.moref or each.vm_name,), []).append(each)
    return [
        VMOutcome(
            of_vm[0].vm_name or of_vm[0].moref or of_vm[0].instance_uuid or "",
            Outcome.FAILED,
            reason=of_vm[0].message + (f" ({len(of_vm) - 1} more findings)" if len(of_vm) > 1 else ""),
            of=of_vm[0],
        )
        for of_vm in by_vm.values()
    ]


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """The finding's known parts."""
    known = {name: getattr(finding, name) for name in Finding.__slots__}
    return {name: value for name, value in known.items() if value is not None}


def place_of(finding: Finding) -> str:
    """Where in the source: `sheet vInfo, row 7, column Memory: `; empty where there is no place."""
    parts = (("sheet", finding.sheet), ("row", finding.row), ("column", finding.column))
    place = ", ".join(f"{word} {value}" for word, value in parts if value is not None)
    return f"{place}: " if place else ""


def _plain(changes: Any) -> Any:
    """Times as text, so that a JSON column takes them."""
    if isinstance(changes, dict):
        return {storable(key): _plain(value) for key, value in changes.items()}
    if isinstance(changes, list):
        return [_plain(value) for value in changes]
    if isinstance(changes, str):
        return storable(changes)
    return DjangoJSONEncoder().default(changes) if isinstance(changes, datetime) else changes
