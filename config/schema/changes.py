"""What an operation changes, as before and after, so that a check, a plan and a way back read it alike."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from django.conf import settings
from django.db.migrations import operations as django
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState


class Part(Enum):
    """What is changed."""

    TABLE = "table"
    COLUMN = "column"
    INDEX = "index"
    CONSTRAINT = "constraint"
    NAMES = "names"
    CODE = "code"


@dataclass(frozen=True)
class Change:
    """One part of the database before and after an operation; None is absent.

    `old` and `new` are a model's state, a field that knows its name, an index, a constraint, two fields that exchange
    their columns' names, or, as code, the operation itself, which alone knows what it does.
    """

    part: Part
    app_label: str
    old_model: ModelState | None
    new_model: ModelState | None
    old: Any
    new: Any
    online: bool = False
    """The operation itself takes care that the application can write."""
    kept: bool = False
    """What the models lose stays in the database, under another name."""

    @property
    def model(self) -> tuple[str, str]:
        """The app and the name of the model."""
        state = self.new_model or self.old_model
        return (self.app_label, state.name_lower if state else "")

    def back(self) -> "Change":
        """The same change undone."""
        return replace(self, old_model=self.new_model, new_model=self.old_model, old=self.new, new=self.old)


@dataclass(frozen=True)
class Step:
    """One operation, the states around it and what it changes."""

    operation: Operation
    before: ProjectState
    after: ProjectState
    changes: tuple[Change, ...]


STATE_ONLY = (
    django.AlterModelManagers,
    django.AlterModelOptions,
    django.AlterModelTableComment,
    django.RenameIndex,
)
"""Operations that change no rows, and of the database at most a name or a comment."""


def steps_of(migration: Any, state: ProjectState) -> list[Step]:
    """The steps of a migration that starts from `state`, which is left as it was."""
    steps = []
    for operation in migration.operations:
        after = state.clone()
        operation.state_forwards(migration.app_label, after)
        steps.append(Step(operation, state, after, tuple(changes_of(operation, migration.app_label, state, after))))
        state = after
    return steps


def created_models(steps: Iterable[Step], known: Iterable[tuple[str, str]] = ()) -> set[tuple[str, str]]:
    """The models whose table these steps make, by every name that they get; `known` were made before."""
    created = set(known)
    for change in (change for step in steps for change in step.changes):
        if change.part is Part.TABLE and change.new_model:
            old = change.old_model
            if old is None or (change.app_label, old.name_lower) in created:
                created.add(change.model)
    return created


def operations_within(operation: Operation) -> Iterator[Operation]:
    """The operation, and those that it runs on the database."""
    yield operation
    if isinstance(operation, django.SeparateDatabaseAndState):
        for each in operation.database_operations:
            yield from operations_within(each)


def is_reversible(operation: Operation) -> bool:
    return all(each.reversible for each in operations_within(operation))


def changes_of(operation: Any, app_label: str, before: ProjectState, after: ProjectState) -> Iterator[Change]:
    """What the operation changes in the database; nothing where it changes the state only."""
    if isinstance(operation, STATE_ONLY):
        return
    if isinstance(operation, django.SeparateDatabaseAndState):
        state = before
        for each in operation.database_operations:
            following = state.clone()
            each.state_forwards(app_label, following)
            yield from changes_of(each, app_label, state, following)
            state = following
        return
    for change in _changes(operation, app_label, before, after):
        if change.part is Part.CODE or _is_a_table(change.new_model or change.old_model):
            yield change


def _changes(operation: Any, app_label: str, before: ProjectState, after: ProjectState) -> Iterator[Change]:
    match operation:
        case django.CreateModel() | django.DeleteModel() | django.AlterModelTable():
            old, new = (state.models.get((app_label, operation.name_lower)) for state in (before, after))
            yield Change(Part.TABLE, app_label, old, new, old, new, kept=_keeps_rows(operation))
        case django.RenameModel():
            old = before.models[app_label, operation.old_name_lower]
            new = after.models[app_label, operation.new_name_lower]
            yield Change(Part.TABLE, app_label, old, new, old, new)
        case _ if getattr(operation, "exchanges_columns", False):
            models = [state.models[app_label, operation.model_name_lower] for state in (before, after)]
            fields = [tuple(named_field(each, name) for name in (operation.name, operation.other)) for each in models]
            yield Change(Part.NAMES, app_label, *models, *fields)
        case django.RenameField():
            yield _column(app_label, operation.model_name_lower, operation.old_name, operation.new_name, before, after)
        case django.AddField() | django.RemoveField() | django.AlterField():
            change = _column(app_label, operation.model_name_lower, operation.name, operation.name, before, after)
            yield replace(change, online=is_online(operation), kept=_keeps_rows(operation))
        case django.AddIndex() | django.RemoveIndex():
            yield _listed(Part.INDEX, "indexes", operation, app_label, before, after)
        case django.AddConstraint() | django.RemoveConstraint():
            yield _listed(Part.CONSTRAINT, "constraints", operation, app_label, before, after)
        case django.AlterConstraint() if is_online(operation):
            yield _listed(Part.CONSTRAINT, "constraints", operation, app_label, before, after)
        case django.AlterUniqueTogether() | django.AlterIndexTogether():
            part = Part.CONSTRAINT if isinstance(operation, django.AlterUniqueTogether) else Part.INDEX
            models = [state.models[app_label, operation.name_lower] for state in (before, after)]
            old_sets, new_sets = ({tuple(each) for each in m.options.get(operation.option_name) or ()} for m in models)
            yield Change(part, app_label, models[0], models[1], tuple(old_sets - new_sets), tuple(new_sets - old_sets))
        case _:
            yield Change(Part.CODE, app_label, None, None, None, operation)


def _column(
    app_label: str, model: str, old_name: str, new_name: str, before: ProjectState, after: ProjectState
) -> Change:
    old_model, new_model = (state.models[app_label, model] for state in (before, after))
    old, new = named_field(old_model, old_name), named_field(new_model, new_name)
    return Change(Part.COLUMN, app_label, old_model, new_model, old, new)


def _listed(
    part: Part, option: str, operation: Any, app_label: str, before: ProjectState, after: ProjectState
) -> Change:
    old_model, new_model = (state.models[app_label, operation.model_name_lower] for state in (before, after))
    old, new = ({each.name: each for each in model.options.get(option, ())} for model in (old_model, new_model))
    gone = [old[name] for name in old if new.get(name) != old[name]]
    made = [new[name] for name in new if old.get(name) != new[name]]
    # By name, as the operations of django.contrib.postgres can only be imported where its driver is installed.
    online = type(operation).__name__ in ("AddIndexConcurrently", "AddConstraintNotValid") or is_online(operation)
    return Change(part, app_label, old_model, new_model, next(iter(gone), None), next(iter(made), None), online)


def _keeps_rows(operation: Operation) -> bool:
    """Whether an operation that removes something from the models only puts it aside."""
    return bool(getattr(operation, "keeps_rows", False))


def is_online(operation: Operation) -> bool:
    """Whether an operation says of itself that others write while it runs, or why they need not."""
    return bool(getattr(operation, "is_online", False))


def named_field(model: ModelState, name: str) -> Any:
    """A copy of the model's field with its name and column; None where it has no such field."""
    field: Any = next((field for each, field in model.fields.items() if each.lower() == name.lower()), None)
    if field is not None:
        field = field.clone()
        field.set_attributes_from_name(name)
    return field


def _is_a_table(model: ModelState | None) -> bool:
    if model is None:
        return False
    options = model.options
    setting = options.get("swappable")
    swapped = setting and str(getattr(settings, setting, "")).lower() != f"{model.app_label}.{model.name_lower}"
    return options.get("managed", True) and not options.get("proxy") and not swapped
