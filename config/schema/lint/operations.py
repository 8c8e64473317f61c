"""Rules about single operations: their way back, their transaction, and what they cost those who write meanwhile."""

from collections.abc import Iterator
from typing import Any

from django.db.migrations import RunPython, RunSQL, SeparateDatabaseAndState

from config.schema.backfill import only_fills
from config.schema.changes import STATE_ONLY, Change, Step, operations_within
from config.schema.dialects.costs import FREE, Kind, costs, kinds_of
from config.schema.lint.findings import Finding
from config.schema.lint.project import Project, name_of
from config.schema.stages import AFTER, STAGES, stage_of

BLOCKING = {
    Kind.INDEX: "schema.C011",
    Kind.UNIQUE: "schema.C012",
    Kind.CHECK: "schema.C013",
    Kind.CHECK_IN_WINDOW: "schema.C013",
    Kind.FOREIGN_KEY: "schema.C014",
    Kind.SHORTER: "schema.C015",
    Kind.TO_TEXT: "schema.C015",
    Kind.WIDER: "schema.C015",
    Kind.TYPE: "schema.C015",
    Kind.LONGER_ACROSS_64: "schema.C016",
    Kind.LONGER: "schema.C016",
    Kind.NOT_NULL: "schema.C017",
    Kind.STORED: "schema.C018",
}
BREAKING = {
    Kind.REQUIRED: (
        "schema.C021",
        "the release that runs during the deploy inserts rows without this column, and fails.",
        "Give the column a db_default and keep that until after the deploy, or allow NULL first.",
    ),
    Kind.RENAME: (
        "schema.C022",
        "the release that runs during the deploy still uses the old name.",
        "Rename in the code only, with db_column or db_table; or add the new one, copy, and remove the old one later.",
    ),
    Kind.DROP_COLUMN: (
        "schema.C023",
        "the release that runs during the deploy still uses it.",
        "Take it out of the state first (SeparateDatabaseAndState); drop it in a migration with stage = 'after'.",
    ),
}
BREAKING[Kind.DROP_TABLE] = BREAKING[Kind.DROP_COLUMN]


def missing_reverse(project: Project) -> Iterator[Finding]:
    """schema.C003."""
    for migration in project.migrations():
        for operation in (each for top in migration.operations for each in operations_within(top)):
            if not operation.reversible and not getattr(operation, "irreversible", ""):
                yield Finding(
                    "schema.C003",
                    name_of(migration),
                    f"{operation.describe()} cannot be undone.",
                    "Give it a reverse (RunPython.noop and RunSQL.noop where nothing has to be undone), or use "
                    "DialectSQL with irreversible='because ...'.",
                )


def mixed_transaction(project: Project) -> Iterator[Finding]:
    """schema.C006."""
    for migration in project.migrations():
        within = [each for top in migration.operations for each in operations_within(top)]
        code = [each for each in within if isinstance(each, RunPython) and each.code is not RunPython.noop]
        shape = [each for each in within if _changes_schema(each)]
        if migration.atomic and code and shape:
            yield Finding(
                "schema.C006",
                name_of(migration),
                f"{code[0].describe()} and {shape[0].describe()} are in one atomic migration: PostgreSQL holds the "
                "table's lock while the code runs, and MariaDB can roll back neither.",
                "Put the code into a migration of its own.",
            )


def backfill_in_transaction(project: Project) -> Iterator[Finding]:
    """schema.C009; `migrate` refuses it too, on every engine."""
    for migration in project.migrations():
        within = [each for top in migration.operations for each in operations_within(top)]
        for operation in within if migration.atomic else ():
            if getattr(operation, "keeps_its_place", False):
                yield Finding(
                    "schema.C009",
                    name_of(migration),
                    f"{operation.describe()} commits batch by batch, and its migration is one transaction.",
                    "Say atomic = False in the class of the migration.",
                )


def _changes_schema(operation: Any) -> bool:
    """Code does not, a wrapper does it by what it wraps, and SQL only where it says so to the state."""
    if isinstance(operation, RunSQL):
        return bool(operation.state_operations)
    known = isinstance(operation, (RunPython, SeparateDatabaseAndState, *STATE_ONLY))
    return not (known or only_fills(operation))


def unsafe_operations(project: Project) -> Iterator[Finding]:
    """schema.C011 to schema.C023; what a migration does to a table that it makes itself is safe.

    What blocks a small table blocks it for a moment; what breaks the running release does so on any table.
    """
    for migration, steps, created in project.walk:
        after = stage_of(migration) == AFTER
        for step in steps:
            for change in step.changes:
                if change.model not in created:
                    is_small = project.is_small(_table(change))
                    for kind in kinds_of(change):
                        if not is_small:
                            yield from _blocking(project, name_of(migration), step, kind)
                        if kind in BREAKING and not (after and kind in (Kind.DROP_COLUMN, Kind.DROP_TABLE)):
                            id_, why, way_out = BREAKING[kind]
                            yield Finding(id_, name_of(migration), f"{step.operation.describe()}: {why}", way_out)


def swaps(project: Project) -> Iterator[Finding]:
    """schema.C026; `migrate` refuses it too, when everything before it has been done."""
    for migration, steps, _ in project.walk:
        for step in steps:
            if getattr(step.operation, "exchanges_columns", False):
                swap: Any = step.operation
                model = step.before.apps.get_model(migration.app_label, swap.model_name)
                if obstacle := swap.obstacle(model):
                    words = f"{swap.describe()} is refused: {obstacle}"
                    way = "Put what is missing into a migration before this operation."
                    yield Finding("schema.C026", name_of(migration), words, way)


def partitioned_in_place(project: Project) -> Iterator[Finding]:
    """schema.C019."""
    for migration, steps, created in project.walk:
        for step in steps:
            within: list[Any] = [each for each in operations_within(step.operation) if hasattr(each, "cost")]
            for operation in within:
                key = (migration.app_label, operation.model.lower())
                blocked = {engine: operation.cost(engine, backwards=False) for engine in project.engines}
                blocked = {engine: cost for engine, cost in blocked.items() if cost.blocks}
                if blocked and key not in created and not operation.blocking and not project.is_small(_name(step, key)):
                    cost = next(iter(blocked.values()))
                    words = f"{operation.describe()}: {cost.why}."
                    way_out = f"{cost.instead[0].upper()}{cost.instead[1:]}."
                    yield Finding("schema.C019", name_of(migration), words, way_out, tuple(blocked))


def _name(step: Step, key: tuple[str, str]) -> str:
    """The table of a model before the step."""
    return str(step.before.models[key].options.get("db_table") or "_".join(key))


NEEDED = {Kind.NEW_TABLE, Kind.ADD_COLUMN}


def stages(project: Project) -> Iterator[Finding]:
    """schema.C024 and schema.C025: between its two stages the deployed release works on what the first one left."""
    for migration, steps, created in project.walk:
        if stage_of(migration) not in STAGES:
            words = f"its stage is {stage_of(migration)!r}, and migrate refuses to guess when it runs."
            yield Finding("schema.C024", name_of(migration), words, "Write stage = 'before' or stage = 'after'.")
        if stage_of(migration) != AFTER:
            continue
        for step in steps:
            for change in step.changes:
                kinds = set(kinds_of(change))
                what = step.operation.describe()
                if kinds & NEEDED and (Kind.NEW_TABLE in kinds or change.model not in created):
                    words = f"{what}: the deployed release uses it and is in service before it is there."
                    way = "Make it in a migration that runs before the deploy."
                    yield Finding("schema.C025", name_of(migration), words, way)
                elif Kind.DROP_COLUMN in kinds and _has_to_be_filled(change.old):
                    words = f"{what}: until then the deployed release inserts rows without this column, and fails."
                    way = "Before the deploy allow NULL in it, or give it a db_default."
                    yield Finding("schema.C025", name_of(migration), words, way)


def _has_to_be_filled(field: Any) -> bool:
    return not (field.null or field.generated or field.primary_key or field.has_db_default())


def _table(change: Change) -> str:
    model = change.old_model or change.new_model
    return str(model.options.get("db_table") or f"{model.app_label}_{model.name_lower}") if model else ""


def _blocking(project: Project, where: str, step: Step, kind: Kind) -> Iterator[Finding]:
    if kind not in BLOCKING or bool(getattr(step.operation, "blocking", False)):
        return
    has_executor = bool(getattr(step.operation, "executor", False))
    by_cost: dict[Any, list[str]] = {}
    for engine in project.engines:
        cost = costs(engine).get(kind, FREE)
        if cost.blocks and cost.instead and not (cost.copied and has_executor):
            by_cost.setdefault(cost, []).append(engine)
    for cost, engines in by_cost.items():
        yield Finding(
            BLOCKING[kind],
            where,
            f"{step.operation.describe()} {kind.value}: {cost.why}.",
            f"{cost.instead[0].upper()}{cost.instead[1:]}.",
            tuple(engines),
        )
