"""The page that somebody goes through before a deploy: what is known is filled in, the rest is ticked by a person.

A tick is bound to the digest of the plan, as an approval is, and void for any other plan.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.schema.beside import ensure_beside
from config.schema.dialects import dialect
from config.schema.evidence import newest_backup, rehearsal
from config.schema.gate import is_destructive, plan_digest
from config.schema.journal import ChecklistTick, Journal, TickKey
from config.schema.loss import LossClass
from config.schema.plan import AT_RUN_TIME, PlannedMigration, PlannedStep

BY_A_PERSON = {
    "window": "The window is agreed",
    "stakeholders": "The stakeholders know",
    "smoke_test": "The smoke test after it is written down",
    "monitoring": "Somebody watches the monitoring",
}


@dataclass(frozen=True)
class Item:
    """One line of the checklist."""

    title: str
    known: str = ""
    """What is filled in; empty where a person says it."""
    details: tuple[str, ...] = ()
    id: str = ""
    """Of `BY_A_PERSON`, where a person ticks it."""
    tick: Any = None
    """The row of the one who did."""

    @property
    def said(self) -> str:
        """Who ticked it, when, and what they wrote."""
        if self.tick is None:
            return ""
        note = f": {self.tick.note}" if self.tick.note else ""
        return f"{self.tick.ticked_by}, {self.tick.ticked_at:%Y-%m-%d %H:%M} UTC{note}"


@dataclass(frozen=True)
class Checklist:
    """All of it, for one plan of one database."""

    engine: str
    digest: str
    plan: tuple[PlannedMigration, ...]
    items: tuple[Item, ...]


def read_checklist(connection: Any, plan: Sequence[PlannedMigration]) -> Checklist:
    """What is known of this plan, and who has ticked what; it writes nothing."""
    digest = plan_digest(connection, plan)
    version = ".".join(map(str, connection.get_database_version()))
    ticks = {
        each.item: each for each in Journal(connection).rows_if_any(ChecklistTick, digest=digest, withdrawn_at=None)
    }
    known = (
        Item("Rehearsal on a copy, with its time", rehearsal(connection, digest)),
        Item("Newest back-up, and whether it was restored once", newest_backup(connection)),
        _listed(plan, "Loss", lambda step: step.loss.kind is not LossClass.NONE, lambda step: step.loss.what),
        _listed(plan, "Expected blocking", lambda step: step.blocking != "no", lambda step: "; ".join(step.why)),
        _listed(plan, "No way back", is_destructive, lambda step: step.verdict, otherwise="every step can be undone"),
    )
    by_a_person = (Item(title, id=name, tick=ticks.get(name)) for name, title in BY_A_PERSON.items())
    return Checklist(f"{dialect(connection).name} {version}", digest, tuple(plan), (*known, *by_a_person))


def tick(connection: Any, digest: str, item: str, *, by: str, note: str = "") -> bool:
    """Tick an item of the plan of this digest; False where somebody has done so before, or there is no such item.

    Raises what `ensure_beside` raises where the table of the keys had to be made.
    """
    rows = ChecklistTick._base_manager.using(connection.alias)
    # A tick of an earlier release has no key.
    if item not in BY_A_PERSON or rows.filter(digest=digest, item=item, withdrawn_at=None).exists():
        return False
    ensure_beside(connection, TickKey)
    try:
        with transaction.atomic(using=connection.alias):
            row = rows.create(digest=digest, item=item, note=note, ticked_by=by[:255], ticked_at=timezone.now())
            # The two of one key: whoever comes second waits for the first, and then takes the own tick back.
            TickKey._base_manager.using(connection.alias).create(key=_key(digest, item), tick=row.pk)
    except IntegrityError:
        return False
    return True


def withdraw(connection: Any, pks: Iterable[int], *, by: str) -> int:
    """Take ticks back, which stay with who did; how many were."""
    count = 0
    for pk in pks:
        with transaction.atomic(using=connection.alias):
            rows = ChecklistTick._base_manager.using(connection.alias).filter(pk=pk, withdrawn_at=None)
            count += rows.update(withdrawn_by=by[:255], withdrawn_at=timezone.now())
            if Journal(connection).rows_if_any(TickKey, tick=pk):
                TickKey._base_manager.using(connection.alias).filter(tick=pk).delete()
    return count


def _key(digest: str, item: str) -> str:
    return hashlib.sha256(f"{digest} {item}".encode()).hexdigest()


def checklist(connection: Any, plan: Sequence[PlannedMigration]) -> str:
    """A page of Markdown."""
    return "\n".join(_lines(read_checklist(connection, plan)))


def _lines(found: Checklist) -> Iterator[str]:
    yield f"# Before {len(found.plan)} migrations on {found.engine}\n"
    yield f"Plan `{found.digest}`\n"
    for migration in found.plan:
        yield f"- {'back: ' if migration.backwards else ''}`{migration}`"
    yield ""
    for item in found.items:
        if item.id:
            yield f"- [{'x' if item.tick else ' '}] {item.title}. Name: {item.said or '________'}"
        else:
            yield f"- [ ] {item.title}: {item.known}"
            yield from (f"  - {each}" for each in item.details)
    yield "\n## SQL\n"
    for migration in found.plan:
        yield f"`{migration}`:\n"
        yield from (f"    {line}" for line in sql_of(migration))
        yield ""


def sql_of(migration: PlannedMigration) -> Iterator[str]:
    """The lines of a migration's SQL, as far as it is known before it runs."""
    statements = [each for step in migration.steps for each in (step.sql or (AT_RUN_TIME,))]
    return (line for text in [*statements, *(migration.deferred_sql or ())] for line in text.splitlines())


def _listed(
    plan: Sequence[PlannedMigration],
    title: str,
    holds: Callable[[PlannedStep], bool],
    words: Callable[[PlannedStep], str],
    *,
    otherwise: str = "none",
) -> Item:
    found = [(migration, step) for migration in plan for step in migration.steps if holds(step)]
    details = tuple(f"`{migration}` {step.description}: {words(step)}" for migration, step in found)
    return Item(title, "" if found else otherwise, details)
