"""Django's operations, done while the application reads and writes.

On PostgreSQL they run outside a transaction, so their migration says `atomic = False`. On MariaDB and MySQL the server
is told not to copy and not to lock, and refuses where it cannot. SQLite has one writer whatever the statement is: there
they are Django's own. What was interrupted is gone on with by the next `migrate`.

Each looks first at the rows that would be refused. All raise Refused, with the way out.
"""

import math
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, IntegrityError, models
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, AlterConstraint, AlterField
from django.db.migrations.operations.base import Operation

from config.schema.dialects import dialect
from config.schema.dialects.online import without_keys
from config.schema.dialects.references import NAME as FOREIGN_KEY
from config.schema.exits import Refused
from config.schema.operations.looks import may_look, refuse_duplicates, refuse_nulls, refuse_orphans, refuse_violations

PT_OSC = "pt-osc"
TOLD_ANEW = {
    "the type",
    "the collation",
    "the check",
    "the default of the database",
    "the comment",
    "NULL to be allowed",
}
"""What of a column is changed by telling the server all of it anew."""
WINDOW = "announce a window and give the operation blocking='because ...'"


class Online(Operation):
    """What the operations have in common. `blocking`: why this may be done while others wait, where it has to be."""

    is_online = True
    blocking: str = ""
    executor: str = ""
    """What does it on an engine that cannot: "pt-osc" is pt-online-schema-change, on MariaDB."""

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        name, arguments, keywords = super().deconstruct()
        said = {"blocking": self.blocking, "executor": self.executor}
        return name, arguments, keywords | {key: value for key, value in said.items() if value}

    def describe(self) -> str:
        return f"{super().describe()} online"

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        this: Any = self
        model = to_state.apps.get_model(app_label, this.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        connection = schema_editor.connection
        steps = dialect(connection).online
        old_model = from_state.apps.get_model(app_label, this.model_name)
        hindrance = self.hindrance(connection, steps, model) if steps else ""
        work = _Work(schema_editor, steps, model)
        copying = None
        if (
            steps
            and self.executor
            and not schema_editor.collect_sql
            and (hindrance or self.needs_copy(work, old_model))
        ):
            copying = steps.copying(connection, model._meta.db_table)
        if hindrance and not self.blocking and not self.executor:
            raise Refused(f"{self.describe()} would block: {hindrance}; {WINDOW}.")
        inside = schema_editor.atomic_migration or connection.in_atomic_block
        if steps and not hindrance and steps.outside and inside:
            raise Refused(f"{self.describe()} runs outside a transaction: say atomic = False in its migration.")
        self.look(work, old_model)
        try:
            if copying:
                with copying:
                    self.in_copy(work, old_model, app_label, from_state, to_state)
            elif steps is None or hindrance:
                self.plainly(work, old_model, app_label, from_state, to_state)
            else:
                self.forwards(work, old_model)
        except IntegrityError:
            # Somebody has written such a row since the look; else it is told as the database says it.
            self.look(work, old_model)
            raise
        except DatabaseError as error:
            if steps is None or not steps.is_refusal(error):
                raise
            raise Refused(f"{self.describe()} would block, says the server ({error.args[-1]}); {WINDOW}.") from error

    def needs_copy(self, work: "_Work", old_model: Any) -> bool:
        """Whether it has no online form though nothing else hinders it. Raises Refused where a copy loses values."""
        return False

    def plainly(self, work: "_Work", old_model: Any, app_label: str, from_state: Any, to_state: Any) -> None:
        """Do it as Django does."""
        super().database_forwards(app_label, work.editor, from_state, to_state)

    def in_copy(self, work: "_Work", old_model: Any, app_label: str, from_state: Any, to_state: Any) -> None:
        """Do it where another program does each ALTER TABLE."""
        self.plainly(work, old_model, app_label, from_state, to_state)

    def look(self, work: "_Work", old_model: Any) -> None:
        """Look for rows that stand in the way."""

    def forwards(self, work: "_Work", old_model: Any) -> None:
        """Do it, where the engine has an online form."""
        raise NotImplementedError

    def hindrance(self, connection: Any, steps: Any, model: Any) -> str:
        """Why it cannot be done online on this engine; empty where it can."""
        return ""


class AddIndexOnline(Online, AddIndex):
    """AddIndex while others write: CONCURRENTLY on PostgreSQL, NOCOPY on MariaDB, INPLACE on MySQL."""

    def __init__(self, model_name: str, index: models.Index) -> None:
        super().__init__(model_name, index)

    def forwards(self, work: "_Work", old_model: Any) -> None:
        statement = self.index.create_sql(work.model, work.editor)
        # An engine that does not know such an index has none.
        if statement is not None:
            work.steps.add_index(work.editor, statement)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        steps = dialect(schema_editor.connection).online
        if steps is None or schema_editor.atomic_migration:
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            steps.remove_index(schema_editor, model, self.index)


class AddConstraintOnline(Online, AddConstraint):
    """AddConstraint while others write: a unique constraint or a check.

    Refused with the number of rows that it would refuse. A check is added without blocking on PostgreSQL and from
    MariaDB 11.2 on only: before, give `blocking` and do it in a window.
    """

    constraint: Any

    def __init__(self, model_name: str, constraint: Any, blocking: str = "", executor: str = "") -> None:
        """Raises ValueError for an executor that there is not."""
        self.blocking, self.executor = blocking, known_executor(executor)
        super().__init__(model_name, constraint)

    def hindrance(self, connection: Any, steps: Any, model: Any) -> str:
        return str(steps.no_check(connection)) if isinstance(self.constraint, models.CheckConstraint) else ""

    def look(self, work: "_Work", old_model: Any) -> None:
        if isinstance(self.constraint, models.UniqueConstraint):
            work.look(refuse_duplicates, self.constraint)
        elif isinstance(self.constraint, models.CheckConstraint):
            work.look(refuse_violations, self.constraint)

    def forwards(self, work: "_Work", old_model: Any) -> None:
        statement = self.constraint.create_sql(work.model, work.editor)
        if statement is None:
            return
        if isinstance(self.constraint, models.CheckConstraint):
            work.steps.add_check(work.editor, statement)
        elif isinstance(self.constraint, models.UniqueConstraint):
            work.steps.add_unique(work.editor, statement)
        else:
            kind = type(self.constraint).__name__
            raise Refused(f"{self.describe()}: {kind} has no online form; use AddConstraint in a window.")


class AlterConstraintOnline(Online, AlterConstraint):
    """Put a check in the place of the one of that name while others write: for a changed list of choices.

    Refused, in both directions, while rows hold what the new check forbids: a choice that is removed, or that is added
    and the way back would forbid. Before MariaDB 11.2 a check is a copy of the table: give `blocking`, in a window.
    """

    name: str
    constraint: Any

    def __init__(self, model_name: str, name: str, constraint: Any, blocking: str = "", executor: str = "") -> None:
        """Raises ValueError for what is no check, or has another name, and for an executor that there is not."""
        if not isinstance(constraint, models.CheckConstraint) or constraint.name != name:
            raise ValueError(f"{model_name}.{name}: give a check of the same name.")
        self.blocking, self.executor = blocking, known_executor(executor)
        super().__init__(model_name, name, constraint)

    def hindrance(self, connection: Any, steps: Any, model: Any) -> str:
        return str(steps.no_check(connection))

    def look(self, work: "_Work", old_model: Any) -> None:
        work.look(refuse_violations, self._check_of(work.model))

    def in_copy(self, work: "_Work", old_model: Any, *_: Any) -> None:
        # In one statement, so that the table is copied once and never without the check.
        self.forwards(work, old_model)

    def plainly(self, work: "_Work", old_model: Any, *_: Any) -> None:
        work.editor.remove_constraint(old_model, self._check_of(old_model))
        work.editor.add_constraint(work.model, self._check_of(work.model))

    def forwards(self, work: "_Work", old_model: Any) -> None:
        work.steps.replace_check(work.editor, work.model, self._check_of(work.model))

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self.database_forwards(app_label, schema_editor, from_state, to_state)

    def _check_of(self, model: Any) -> Any:
        """The check of this name in one of the two states."""
        return next(each for each in model._meta.constraints if each.name == self.name)


class AddFieldOnline(Online, AddField):
    """AddField while others write: the column at once, then its index, its unique constraint, its foreign key.

    The release that runs meanwhile does not fill the column: so it takes NULL, or has a `db_default`, which stays until
    after the deploy.
    """

    def __init__(
        self, model_name: str, name: str, field: Any, preserve_default: bool = True, blocking: str = ""
    ) -> None:
        """Raises ValueError for a column that the running release would have to fill."""
        fills_itself = field.null or field.has_db_default() or field.generated or field.many_to_many
        if not fills_itself:
            raise ValueError(
                f"{model_name}.{name}: the release that runs during the deploy does not fill it; allow NULL, or give a "
                "db_default and keep it until after the deploy."
            )
        self.blocking = blocking
        super().__init__(model_name, name, field, preserve_default)

    def hindrance(self, connection: Any, steps: Any, model: Any) -> str:
        return str(steps.hindrance(model._meta.get_field(self.name)))

    def forwards(self, work: "_Work", old_model: Any) -> None:
        field = work.model._meta.get_field(self.name)
        if field.many_to_many:
            work.editor.add_field(work.model, field)
            return
        work.steps.add_column(work.editor, work.model, without_keys(field))
        work.keys(None, field)


class AlterFieldOnline(Online, AlterField):
    """AlterField while others write, where it forbids NULL, or adds `unique`, an index or a foreign key.

    Rows that hold NULL are refused and not filled: fill them in batches first. Another change of the column is refused.
    """

    def __init__(
        self, model_name: str, name: str, field: Any, preserve_default: bool = True, executor: str = ""
    ) -> None:
        """Raises ValueError for an executor that there is not."""
        self.executor = known_executor(executor)
        super().__init__(model_name, name, field, preserve_default)

    def needs_copy(self, work: "_Work", old_model: Any) -> bool:
        old, new = self._fields(work, old_model)
        changes = set(_what_else_changes(work.editor, old, new))
        if not changes or changes - TOLD_ANEW or work.steps.outside:
            return False
        if not _holds_all(work.editor.connection, old, new):
            raise Refused(
                f"{self.describe()}: not every value of the old type is one of the new, and the copy would cut those "
                "that are not; add a new column, fill it in batches while both are written, and swap them (SwapFields)."
            )
        return True

    def in_copy(self, work: "_Work", old_model: Any, *_: Any) -> None:
        old, new = self._fields(work, old_model)
        # Either tells the server all of the column anew, also its type and its check, which Django would leave out.
        tell = work.steps.allow_null if new.null else work.steps.set_not_null
        tell(work.editor, work.model, new)
        work.keys(old, new)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        # Django's way back is its way forth with the states exchanged; what is taken away needs no online form.
        AlterField.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def forwards(self, work: "_Work", old_model: Any) -> None:
        old, new = self._fields(work, old_model)
        if less := _what_else_changes(work.editor, old, new):
            raise Refused(
                f"{self.describe()} would change {less[0]}, which has no online form; "
                "add a new column, fill it in batches while both are written, and swap them (SwapFields)."
            )
        work.keys(old, new)
        if old.null and not new.null:
            work.steps.set_not_null(work.editor, work.model, new)

    def look(self, work: "_Work", old_model: Any) -> None:
        old, new = self._fields(work, old_model)
        if old.column != new.column:
            return
        if old.null and not new.null:
            work.look(refuse_nulls, new)
        if new.unique and not old.unique:
            work.look(refuse_duplicates, models.UniqueConstraint(fields=[new.name], name=new.name))
        if refers(new) and not refers(old):
            work.look(refuse_orphans, new)

    def _fields(self, work: "_Work", old_model: Any) -> tuple[Any, Any]:
        return old_model._meta.get_field(self.name), work.model._meta.get_field(self.name)


class _Work:
    """An operation at work on one table."""

    def __init__(self, editor: Any, steps: Any, model: Any) -> None:
        self.editor, self.steps, self.model = editor, steps, model

    def look(self, look: Callable[..., None], *arguments: Any) -> None:
        """Look for rows in the way."""
        if may_look(self.editor, self.model):
            look(self.editor, self.model, *arguments)

    def keys(self, old: Any, new: Any) -> None:
        """The unique constraint, the index and the foreign key that a field has and did not have."""
        is_new_to_indexes = not (old and (old.db_index or old.unique))
        if new.unique and not (old and old.unique):
            self.steps.add_unique(self.editor, self.editor._create_unique_sql(self.model, [new]))
        if refers(new) and not refers(old):
            self._foreign_key(new, needs_index=is_new_to_indexes and not new.unique)
        elif is_new_to_indexes:
            # Of a unique text too: PostgreSQL has one more for its patterns.
            for statement in self.editor._field_indexes_sql(self.model, new):
                self.steps.add_index(self.editor, statement)

    def _foreign_key(self, field: Any, *, needs_index: bool) -> None:
        statement = self.editor._create_fk_sql(self.model, field, FOREIGN_KEY)
        if needs_index:
            self.steps.index_key(self.editor, self.model, field, str(statement.parts["name"])[1:-1])
        self.steps.add_foreign_key(self.editor, statement)
        # Where the session looked up no keys, another may have left one between the first look and the key.
        self.look(refuse_orphans, field)


def known_executor(executor: str) -> str:
    """The executor as it was said; ValueError for one that there is not."""
    if executor not in ("", PT_OSC):
        raise ValueError(f"executor={executor!r} is none; there is {PT_OSC!r}.")
    return executor


def _holds_all(connection: Any, old: Any, new: Any) -> bool:
    """Whether every value of the old column is one of the new column, which is of another type."""
    if isinstance(old, models.IntegerField) and isinstance(new, models.IntegerField):
        was, becomes = (connection.ops.integer_field_range(each.get_internal_type()) for each in (old, new))
        return bool(becomes[0] <= was[0] and was[1] <= becomes[1])
    if isinstance(old, models.DecimalField) and isinstance(new, models.DecimalField):
        more = new.decimal_places - old.decimal_places
        return more >= 0 and new.max_digits - old.max_digits >= more
    is_text = isinstance(old, models.CharField | models.TextField)
    if is_text and type(new) is models.TextField:
        return True
    return is_text and isinstance(new, models.CharField) and (old.max_length or math.inf) <= (new.max_length or 0)


def refers(field: Any) -> bool:
    """Whether a field has a foreign key in the database."""
    return bool(field is not None and field.remote_field and field.db_constraint)


def _what_else_changes(editor: Any, old: Any, new: Any) -> list[str]:
    """What an alteration changes beside NULL, keys and indexes, in words."""
    was, becomes = (field.db_parameters(connection=editor.connection) for field in (old, new))
    if old.many_to_many or new.many_to_many or old.generated != new.generated or old.primary_key != new.primary_key:
        return ["what the column is"]
    compared = (
        ("the name of the column", old.column, new.column),
        ("the type", old.db_type(editor.connection), new.db_type(editor.connection)),
        ("the collation", was.get("collation"), becomes.get("collation")),
        ("the check", was["check"], becomes["check"]),
        ("the default of the database", _default(old), _default(new)),
        ("the comment", old.db_comment, new.db_comment),
        ("NULL to be allowed", False, new.null and not old.null),
        ("what is unique, which is dropped", False, old.unique and not new.unique),
        ("the foreign key, which is dropped or leads elsewhere", _target(old) or _target(new), _target(new)),
        ("an index, which is dropped", False, _has_index(old) and not _has_index(new)),
    )
    return [words for words, before, after in compared if before != after]


def _default(field: Any) -> Any:
    return field.db_default if field.has_db_default() else None


def _target(field: Any) -> Any:
    return field.remote_field.model._meta.label_lower if refers(field) else None


def _has_index(field: Any) -> bool:
    return bool(field.db_index and not field.unique)
