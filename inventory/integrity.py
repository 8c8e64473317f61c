"""The rules over several rows, which no constraint holds: who breaks them, whoever wrote that (docs/invariants.md).

Every room has such rules and makes them known when it is ready. They only read, in a fixed number of queries each.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from inventory.models import VMContext


@dataclass(frozen=True)
class Broken:
    """One row that breaks a rule."""

    invariant: str
    """The id of the rule in docs/invariants.md."""
    subject: str
    """What it is, and its key: `vm:ctx-...`."""
    sentence: str
    way_out: str


Rules = Callable[[], Iterable[Broken]]
_rules: list[Rules] = []


def register(rules: Rules) -> None:
    """Make the rules of a room known; for `AppConfig.ready`."""
    if rules not in _rules:
        _rules.append(rules)


def all_broken() -> Iterator[Broken]:
    """Every row that breaks a rule of any room."""
    for rules in _rules:
        yield from rules()


def broken_rules() -> Iterator[Broken]:
    """Those of the inventory."""
    for pk, name in _pairs(VMContext.objects.filter(operation_claim=None)):
        yield Broken(
            "INV-CLAIM-09",
            f"vm:{pk}",
            f"{name} has no claim, so that no job can be created for it.",
            "Insert a row with its context_id into operation_claims.",
        )
    for pk, name in _pairs(VMContext.objects.filter(host__isnull=False).exclude(host__vcenter=F("vcenter"))):
        yield Broken(
            "INV-VM-12",
            f"vm:{pk}",
            f"{name} is on a host of another vCenter.",
            "Set its host_id to NULL and discover its vCenter again.",
        )


def _pairs(rows: Any) -> Any:
    return rows.order_by("pk").values_list("pk", "name")
