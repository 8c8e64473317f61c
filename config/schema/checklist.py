"""The page that somebody goes through before a deploy: what is known is filled in, the rest is ticked by a person."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from config.schema.dialects import dialect
from config.schema.gate import is_destructive, plan_digest
from config.schema.loss import LossClass
from config.schema.plan import AT_RUN_TIME, PlannedMigration, PlannedStep
from config.schema.rehearsal import newest_backup_restored, newest_rehearsal, words_of

BY_A_PERSON = (
    "The window is agreed",
    "The stakeholders know",
    "The smoke test after it is written down",
    "Somebody watches the monitoring",
)
NOT_KNOWN = "not known to this command: fill it in"
NOT_REHEARSED = "none of this plan is known: say schema_rehearse, or fill it in"


def checklist(connection: Any, plan: Sequence[PlannedMigration]) -> str:
    """A page of Markdown."""
    return "\n".join(_lines(connection, plan))


def _lines(connection: Any, plan: Sequence[PlannedMigration]) -> Iterator[str]:
    version = ".".join(map(str, connection.get_database_version()))
    yield f"# Before {len(plan)} migrations on {dialect(connection).name} {version}\n"
    yield f"Plan `{plan_digest(connection, plan)}`\n"
    for migration in plan:
        yield f"- {'back: ' if migration.backwards else ''}`{migration}`"
    rehearsal = newest_rehearsal(connection, plan_digest(connection, plan))
    yield f"\n- [ ] Rehearsal on a copy, with its time: {words_of(rehearsal) if rehearsal else NOT_REHEARSED}"
    restored = newest_backup_restored(connection)
    yield f"- [ ] Age of the newest back-up that was restored once: {_age(restored) if restored else NOT_KNOWN}"
    yield from _listed(plan, "Loss", lambda s: s.loss.kind is not LossClass.NONE, lambda s: s.loss.what)
    yield from _listed(plan, "Expected blocking", lambda s: s.blocking != "no", lambda s: "; ".join(s.why))
    yield from _listed(plan, "No way back", is_destructive, lambda s: s.verdict, otherwise="every step can be undone")
    yield from (f"- [ ] {each}. Name: ________" for each in BY_A_PERSON)
    yield "\n## SQL\n"
    for migration in plan:
        yield f"`{migration}`:\n"
        statements = [each for step in migration.steps for each in (step.sql or (AT_RUN_TIME,))]
        yield from (
            f"    {line}" for text in [*statements, *(migration.deferred_sql or ())] for line in text.splitlines()
        )
        yield ""


def _age(moment: datetime) -> str:
    return f"{(timezone.now() - moment).total_seconds() / 3600:.1f} hours, of {moment:%Y-%m-%d %H:%M} UTC (a rehearsal)"


def _listed(
    plan: Sequence[PlannedMigration], title: str, holds: Any, words: Any, *, otherwise: str = "none"
) -> Iterator[str]:
    found: list[tuple[PlannedMigration, PlannedStep]] = [(m, step) for m in plan for step in m.steps if holds(step)]
    yield f"- [ ] {title}: " + ("" if found else otherwise)
    yield from (f"  - `{migration}` {step.description}: {words(step)}" for migration, step in found)
