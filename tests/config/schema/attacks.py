"""Changes to valid rows that the database has to refuse, one or more for each check, key and foreign key.

Where rules have one shape the attacks are made from the model; `attacks_by_hand` has those of the others.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models
from django.db.models import F, Q
from django.db.models.lookups import Exact

from config.schema.dialects import dialect
from tests.config.schema.rows import LATER, TIME, Ref

HELD = {
    "holder_kind": "backup",
    "holder_id": "backup-1",
    "taken_at": TIME,
    "heartbeat_at": TIME,
    "lease_seconds": 60,
}
CURRENT = {"is_current": True, "committed_at": TIME, "sync_success": True}
MOUNT = {"mode": "mount", "backup_disk_id": Ref("backup_disks"), "is_active_mount": True}
OVERRIDDEN = {"override_reason": "the site is burning", "override_by": "ada"}


@dataclass(frozen=True)
class Attack:
    """A change that one rule refuses, made to a valid row."""

    bad: Mapping[str, Any]
    start: Mapping[str, Any] = field(default_factory=dict)
    """What the valid row has beside the minimum."""
    or_named: tuple[str, ...] = ()
    """Rules that refuse the same; an engine may name one of them."""


START: dict[tuple[str, str], dict[str, Any]] = {
    ("operation_claims", "holder_kind"): HELD,
    ("operation_claims", "holder_id"): HELD,
    ("operation_claims", "lease_seconds"): HELD,
    ("cbt_history", "invalid_reason"): {"invalid_reason": "malformed", "invalidated_at": TIME},
    ("cbt_history", "is_current"): CURRENT,
    ("failover_jobs", "override_reason"): OVERRIDDEN,
    ("failover_jobs", "override_by"): OVERRIDDEN,
    ("restore_jobs", "mode"): {"backup_disk_id": Ref("backup_disks")},
    ("restore_jobs", "is_active_mount"): MOUNT,
    ("backup_policies", "keep_last"): {"keep_daily": 7},
    ("recovery_plan_runs", "status"): {"started_at": TIME},
}
"""What a row needs for a column to be attacked and no other rule to be broken."""
WITH: dict[tuple[str, str], dict[str, Any]] = {
    ("replication_slots", "outcome"): {"reason": "why"},
    ("backup_slots", "outcome"): {"reason": "why"},
    ("recovery_plan_runs", "status"): {"is_active": None, "completed_at": LATER},
    ("recovery_plan_runs", "ending"): {"reason": "why"},
    ("recovery_plan_groups", "default_answer"): {"question": "Is it up?", "answer_seconds": 60},
    ("volume_snapshots", "status"): {"is_active": None},
    ("schema_requests", "status"): {"open_key": None, "ended_at": LATER},
}
"""What changes along with an unknown value, because rules take it for the end of something."""
OR_NAMED: dict[str, tuple[str, ...]] = {
    "failover_jobs_job_type_known": ("failover_jobs_aftermath_of_kind",),
    "failover_jobs_aftermath_known": (
        "failover_jobs_aftermath_of_kind",
        "failover_jobs_aftermath_after_the_end",
    ),
    "backup_jobs_backup_type_known": ("backup_jobs_incremental_has_parent",),
    "replication_disks_at_least_0": ("replication_disks_synced_within_total",),
    "alerts_subject_form": ("alerts_subject_of_vm_or_host",),
}


def attacks_of(model: Any, check: models.CheckConstraint) -> list[Attack]:
    """The attacks on a check of one of the common shapes; none where its shape is not common."""
    make = next((make for ending, make in SHAPES.items() if check.name.endswith(ending)), None)
    if make is None:
        return []
    table = model._meta.db_table
    return [_attack(table, check.name, column, value) for column, value in make(check.condition)]


def _attack(table: str, rule: str, column: str, value: Any) -> Attack:
    along = WITH.get((table, column), {}) if rule.endswith("_known") else {}
    return Attack({**along, column: value}, START.get((table, column), {}), OR_NAMED.get(rule, ()))


def distorted(value: str) -> Iterator[str]:
    """What a sloppy comparison takes for the value: other case, a space behind it, an accent."""
    yield value.swapcase()
    yield f"{value} "
    yield re.sub("[aeiou]", lambda vowel: f"{vowel[0]}\N{COMBINING ACUTE ACCENT}", value, count=1, flags=re.IGNORECASE)
    yield unicodedata.normalize("NFC", f"{value}e\N{COMBINING ACUTE ACCENT}")


def _unknown_values(condition: Q) -> Iterator[tuple[str, Any]]:
    [(lookup, values)] = _comparisons(condition)
    for value in {*distorted(values[0]), "bogus", ""} - set(values):
        yield lookup.removesuffix("__in"), value


def _empty_texts(condition: Q) -> Iterator[tuple[str, Any]]:
    for name in columns_in(condition):
        yield name, ""


def _numbers_beyond(condition: Q) -> Iterator[tuple[str, Any]]:
    for lookup, limit in _comparisons(condition):
        name, _, operator = lookup.rpartition("__")
        yield name, limit - 1 if operator == "gte" else limit + 1


def _times_before(condition: Q) -> Iterator[tuple[str, Any]]:
    for lookup, _ in _comparisons(condition):
        yield lookup.removesuffix("__gte"), "1969-12-31 23:59:59"
        if dialect(connection).name == "mariadb":
            yield lookup.removesuffix("__gte"), "0000-00-00 00:00:00"


def _flags(condition: Q) -> Iterator[tuple[str, Any]]:
    name = next(lookup for lookup, _ in _comparisons(condition)).removesuffix("__in")
    yield name, False
    if dialect(connection).name != "postgresql":
        yield name, 2


def _other_prefixes(condition: Q) -> Iterator[tuple[str, Any]]:
    [name] = columns_in(condition)
    for prefix in _prefixes(condition):
        yield name, prefix
        yield name, f"{prefix.upper()}x"
        yield name, f" {prefix}x"
    yield name, "x"


def _prefixes(condition: Any) -> Iterator[str]:
    for child in getattr(condition, "children", []):
        if isinstance(child, Exact):
            yield child.lhs.get_source_expressions()[1].value
        yield from _prefixes(child)


def _comparisons(condition: Q) -> Iterator[tuple[str, Any]]:
    """The pairs of lookup and value in a condition."""
    for child in condition.children:
        if isinstance(child, tuple):
            yield child
        elif isinstance(child, Q):
            yield from _comparisons(child)


def columns_in(condition: Q) -> set[str]:
    """The fields that a condition speaks of."""
    named = {lookup.partition("__")[0] for lookup, _ in _comparisons(condition)}
    return named | {each.name for each in condition.flatten() if isinstance(each, F)}


SHAPES: dict[str, Callable[[Q], Iterable[tuple[str, Any]]]] = {
    "_known": _unknown_values,
    "_text_filled": _empty_texts,
    "_at_least_0": _numbers_beyond,
    "_at_least_1": _numbers_beyond,
    "_0_100": _numbers_beyond,
    "_time_given": _times_before,
    "_true_or_unset": _flags,
    "_identity_form": _other_prefixes,
    "_nic_key_form": _other_prefixes,
    "_subject_form": _other_prefixes,
}
