"""Which migrations run before a deploy and which after it: the attribute `stage` of a migration's class."""

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.db.migrations.migration import Migration

from config.schema.exits import Refused

BEFORE, AFTER = "before", "after"
STAGES = (BEFORE, AFTER)
Plan = list[tuple[Migration, bool]]


def stage_of(migration: Any) -> str:
    """The stage that a migration names; one that names none runs before the deploy, as Django's own do."""
    return str(getattr(migration, "stage", None) or BEFORE)


def part_of(plan: Plan, stage: str | None, loader: Any) -> Plan:
    """Of a plan the migrations of this stage, in its order; None: all of them.

    On a database where nothing is applied no release is in service, so what runs before the deploy takes along what it
    needs. Raises Refused for a stage that is none, for a way back in stages, and where a migration depends on an
    unapplied one of the other stage.
    """
    forwards = [migration for migration, backwards in plan if not backwards]
    _refuse_unknown_stages(forwards)
    if stage is None:
        return plan
    if len(forwards) < len(plan):
        raise Refused("Stages are for the way forwards: leave out --stage to unapply migrations.")
    chosen = [migration for migration in forwards if stage_of(migration) == stage]
    needed = list(_needed(chosen, forwards, loader.graph))
    if needed and stage == BEFORE and not loader.applied_migrations:
        chosen += [migration for _, migration in needed]
    elif needed:
        raise Refused(_ambiguous(*needed[0]))
    return [each for each in plan if each[0] in chosen]


def _refuse_unknown_stages(migrations: Iterable[Migration]) -> None:
    for migration in migrations:
        if stage_of(migration) not in STAGES:
            raise Refused(
                f"{migration} has the stage {stage_of(migration)!r}, which is none: write stage = 'before' or 'after'."
            )


def _needed(chosen: list[Migration], plan: list[Migration], graph: Any) -> Iterable[tuple[Migration, Migration]]:
    """What a chosen migration depends on, by whatever way, that is to be applied and was not chosen."""
    left = {(each.app_label, each.name): each for each in plan if each not in chosen}
    for migration in chosen:
        for key in graph.forwards_plan((migration.app_label, migration.name)):
            if key in left:
                yield migration, left[key]


def _ambiguous(migration: Migration, needed: Migration) -> str:
    if stage_of(migration) == AFTER:
        return (
            f"{migration} runs after the deploy and depends on {needed}, which runs before it and is not applied: "
            "say migrate --stage before, deploy, then this again."
        )
    return (
        f"{migration} runs before the deploy and depends on {needed}, which runs after one and is not applied: end "
        f"that deploy with migrate {needed.app_label} {needed.name}; or, where both are of one deploy, give "
        f"{migration} stage = 'after'."
    )


def add_stage(parser: ArgumentParser) -> None:
    """Give a command the option --stage."""
    parser.add_argument(
        "--stage",
        choices=STAGES,
        help="Only what runs before the deploy, or only what runs after it, by the attribute stage of the migrations.",
    )
