"""The last step of a change of type: the column that was filled takes the name of the one that it stands for."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.state import ModelState
from django.db.models import CharField, F, TextField, UniqueConstraint
from django.db.models.functions import Cast

from config.schema.changes import named_field
from config.schema.dialects import dialect
from config.schema.dialects.online import around_statement, rename_by_turns
from config.schema.exits import Refused
from config.schema.operations.looks import any_differs, refuse_differences
from config.schema.operations.naming import names_in, renamed

LOCKED_SECONDS = 0.5
TOGETHER = ("unique_together", "index_together")


class SwapFields(FieldOperation):
    """Two fields of a model exchange their columns' names, in one short change of the catalogue, and so their types.

    Each column takes along its type, NULL, default, indexes and constraints; a field keeps its name and the name of
    its column. A process that writes the same to both, under their names, works before, meanwhile and after. In the
    models of the next release the two definitions are exchanged likewise, and the names in what Meta says of them.

    Refused, with the way out, while a row differs or while something guards `name` that does not guard `other`.
    """

    category = OperationCategory.ALTERATION
    is_online = True
    exchanges_columns = True
    """Read by `config.schema.changes`."""

    def __init__(
        self,
        model_name: str,
        name: str,
        other: str,
        *,
        value: Any = None,
        locked_seconds: float = LOCKED_SECONDS,
        unlocked: str = "",
    ) -> None:
        """`other`: the field that was added and filled.

        `value`: the expression that makes of `name` what `other` has to hold; by default `name`, cast to that type.
        All rows are compared twice: before, and under the lock of the change, for `locked_seconds` at most. The second
        time is left out where `unlocked` says why no process writes one column alone.
        """
        if name == other:
            raise ValueError(f"{model_name}.{name}: a field is not swapped with itself.")
        if locked_seconds <= 0:
            raise ValueError(f"{model_name}.{name}: locked_seconds={locked_seconds} is no time; say {LOCKED_SECONDS}.")
        self.other, self.value = other, value
        self.locked_seconds, self.unlocked = locked_seconds, unlocked
        super().__init__(model_name, name)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        said: dict[str, Any] = {} if self.value is None else {"value": self.value}
        if self.locked_seconds != LOCKED_SECONDS:
            said["locked_seconds"] = self.locked_seconds
        if self.unlocked:
            said["unlocked"] = self.unlocked
        return type(self).__qualname__, [self.model_name, self.name, self.other], said

    def describe(self) -> str:
        return f"Swap the columns of {self.name} and {self.other} of {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"swap_{self.model_name_lower}_{self.name_lower}"

    def references_field(self, model_name: str, name: str, app_label: str) -> bool:
        return bool(
            super().references_field(model_name, name, app_label)
            or (model_name.lower() == self.model_name_lower and name.lower() == self.other.lower())
        )

    def reduce(self, operation: Operation, app_label: str) -> Any:
        # Nothing is moved past it: before and after it the same names mean other columns.
        return Operation.reduce(self, operation, app_label)

    # The models

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Raises FieldDoesNotExist."""
        model = state.models[app_label, self.model_name_lower]
        old, new = self._fields(model)
        for name, field, stays in ((self.name, new, old.column), (self.other, old, new.column)):
            state.alter_field(app_label, self.model_name_lower, name, _with_column(field, name, stays), True)
        model.options |= {
            option: [renamed(each, self._exchanged) for each in model.options[option]]
            for option in ("indexes", "constraints")
            if model.options.get(option)
        }
        model.options |= {
            option: {tuple(map(self._exchanged, each)) for each in model.options[option]}
            for option in TOGETHER
            if model.options.get(option)
        }
        state.reload_model(app_label, self.model_name_lower, delay=False)

    def _fields(self, model: ModelState) -> tuple[Any, Any]:
        old, new = (named_field(model, name) for name in (self.name, self.other))
        for name, field in ((self.name, old), (self.other, new)):
            if field is None:
                raise FieldDoesNotExist(f"{self.describe()}: {model.name} has no field named {name!r}.")
        return old, new

    def _exchanged(self, name: str) -> str:
        return {self.name: self.other, self.other: self.name}.get(name, name)

    # The database

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if words := self.obstacle(model):
            raise Refused(f"{self.describe()}: {words}")
        field = model._meta.get_field(self.other)
        self._exchange(schema_editor, model, self.other, self._value(model._meta.get_field(self.name), field))

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model, before = (state.apps.get_model(app_label, self.model_name) for state in (from_state, to_state))
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            # What each column has to be compared with is the same; the names are exchanged.
            value = self._value(*(before._meta.get_field(name) for name in (self.name, self.other)))
            self._exchange(schema_editor, model, self.name, renamed(value, self._exchanged))

    def _value(self, old: Any, new: Any) -> Any:
        if self.value is not None:
            return self.value
        if _is_text(old) and _is_text(new):
            # A cast would cut it, and then find nothing missing.
            return F(self.name)
        return Cast(self.name, (new.target_field if new.remote_field else new).clone())

    def _exchange(self, editor: Any, model: Any, filled: str, value: Any) -> None:
        """Exchange the names; the rows are compared only where the statement is run, and not after it was."""
        connection = editor.connection
        columns = [model._meta.get_field(name).column for name in (self.name, self.other)]
        compared = _Compared(self, connection, model, filled, value)
        steps = dialect(connection).online
        if (
            steps
            and steps.outside
            and (editor.atomic_migration or connection.in_atomic_block)
            and not editor.collect_sql
        ):
            raise Refused(f"{self.describe()} runs outside a transaction: say atomic = False in its migration.")
        try:
            if steps:
                steps.exchange(editor, model, columns, compared)
            else:
                _exchange_by_turns(editor, model, columns, compared)
        except DatabaseError as error:
            if compared.refusal:
                raise Refused(compared.refusal) from error
            if steps and steps.is_refusal(error):
                words = f"{self.describe()} would block, says the server ({error.args[-1]}); do it by AlterField"
                raise Refused(f"{words} in a window.") from error
            raise

    # What stands in the way

    def obstacle(self, model: Any) -> str:
        """Why the columns of this model, as it is before, cannot be swapped, and the way out; empty where they can."""
        old, new = (model._meta.get_field(name) for name in (self.name, self.other))
        return next(self._obstacles(model, old, new), "")

    def _obstacles(self, model: Any, old: Any, new: Any) -> Iterator[str]:
        both = {self.name, self.other}
        keys = {each.name for each in getattr(model._meta, "pk_fields", [model._meta.pk])}
        if both & keys or any(field.primary_key for field in (old, new)):
            yield "a primary key is numbered and referred to under its name; change its type in a window."
        for field in (old, new):
            if field.many_to_many or field.generated or field not in model._meta.local_concrete_fields:
                yield f"{field.name} is no column of this table that rows are written to."
        for each in model._meta.local_fields:
            if each.generated and names_in(each.expression) & both:
                yield f"{each.name} is generated from it; remove that field first, and add it again afterwards."
        for relation in model._meta.get_fields(include_hidden=True):
            targets = getattr(getattr(relation, "field", None), "foreign_related_fields", ())
            if relation.auto_created and not relation.concrete and any(each.name in both for each in targets):
                where = relation.field.model._meta.label
                yield f"{where}.{relation.field.name} refers to it; let that refer to the primary key first."
        for words, way_out in _lacking(old, new):
            yield f"{self.name} {words}, and {self.other} has none like it: {way_out} first."
        yield from self._lacking_of_meta(model)

    def _lacking_of_meta(self, model: Any) -> Iterator[str]:
        """Indexes and constraints over `name` that have no counterpart over `other`."""
        meta = model._meta
        named = [*meta.indexes, *meta.constraints]
        named += [UniqueConstraint(fields=each, name=", ".join(each)) for each in meta.unique_together]
        there = {_shape(each, names_in(each)) for each in named}
        for each in named:
            names = names_in(each)
            if self.name in names and self.other not in names:
                like = renamed(each, self._exchanged)
                if _shape(like, names_in(like)) not in there:
                    yield (
                        f"{each.name} is about {self.name}, and nothing like it about {self.other}: "
                        "add that first (AddIndexOnline, AddConstraintOnline), or remove this."
                    )


class _Compared:
    """The comparison of the two columns in all rows: before the change, and again when nobody else can write."""

    def __init__(self, operation: SwapFields, connection: Any, model: Any, filled: str, value: Any) -> None:
        self.operation, self.connection, self.model = operation, connection, model
        self.filled, self.value = filled, value
        self.seconds = operation.locked_seconds
        self.locks = not operation.unlocked
        self.refusal = ""
        """Why it ended with an error, where that is not the database's own."""
        self._took: float | None = None

    def before(self) -> None:
        """Compare while others write; once, however often the change is tried."""
        if self._took is not None:
            return
        began = time.monotonic()
        self._told(lambda: refuse_differences(self.connection, self.model, self.filled, self.value))
        self._took = time.monotonic() - began
        if self.locks and self._took > self.seconds:
            self.refuse(f"comparing all rows took {self._took:.1f} s, and nobody could write as long. {AT_LENGTH}")

    def locked(self) -> None:
        """Compare again, now that nobody else writes."""
        began = time.monotonic()
        try:
            differs = any_differs(self.connection, self.model, self.filled, self.value)
        except DatabaseError:
            if time.monotonic() - began >= self.seconds:
                self.refusal = f"{self.operation.describe()}: comparing all rows took too long. {AT_LENGTH}"
            raise
        if differs:
            self.refuse(
                "somebody has written one column alone since the rows were compared. Let nothing run that does, fill "
                "the rows that differ, and run migrate again."
            )

    def _told(self, look: Callable[[], None]) -> None:
        try:
            look()
        except Refused as refused:
            self.refuse(str(refused), refused)
        except DatabaseError as error:
            kind = type(error).__name__
            self.refuse(f"the database cannot compare the two ({kind}); give value=, what {self.filled} has to hold.")

    def refuse(self, words: str, cause: BaseException | None = None) -> NoReturn:
        """Refuse the change, and keep why."""
        self.refusal = f"{self.operation.describe()}: {words}"
        raise Differs(self.refusal) from cause


class Differs(DatabaseError):
    """The comparison refuses the change; to the journal as if the database had."""


AT_LENGTH = (
    "Give locked_seconds= more in a window, or unlocked='because every process that runs writes both': then all rows "
    "are compared before the change only."
)


def _exchange_by_turns(editor: Any, model: Any, columns: list[str], compared: _Compared) -> None:
    """For the one writer of a file, whose transaction holds the statements together."""

    @contextlib.contextmanager
    def around(_: str) -> Iterator[None]:
        compared.before()
        yield

    first, *others = rename_by_turns(editor, model, *columns)
    with around_statement(editor.connection, first, around):
        editor.execute(first, None)
    for statement in others:
        editor.execute(statement, None)


def _with_column(field: Any, name: str, column: str) -> Any:
    """The definition of a field for another name, whose column is called as before."""
    moved = field.clone()
    moved.db_column = None
    bound = moved.clone()
    bound.set_attributes_from_name(name)
    if bound.column != column:
        moved.db_column = column
    return moved


def _lacking(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """What guards the old column and not the new one."""
    alter = f"AlterFieldOnline(..., {new.name!r}, ...)"
    if old.unique and not new.unique:
        yield "is unique", alter
    elif old.db_index and not (new.db_index or new.unique):
        yield "has an index", alter
    if _target(old) and _target(old) != _target(new):
        yield "has a foreign key", alter
    if new.null and not old.null:
        yield "takes no NULL", alter
    if old.has_db_default() and not new.has_db_default():
        yield "has a default", "AlterField"


def _target(field: Any) -> str:
    if not (field.remote_field and field.db_constraint):
        return ""
    return f"{field.target_field.model._meta.label}.{field.target_field.name}"


def _shape(each: Any, names: set[str]) -> tuple[Any, ...]:
    """What two indexes or constraints have in common that do the same; values of another type are written otherwise."""
    return type(each), tuple(getattr(each, "fields", ())), frozenset(names)


def _is_text(field: Any) -> bool:
    return isinstance(field, CharField | TextField)
