"""What a change would take from the rows that are in the live tables now, counted; it only reads."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.apps.registry import Apps
from django.db import DatabaseError, models
from django.db.backends.utils import truncate_name
from django.db.migrations.operations import RunPython, RunSQL
from django.db.models import Q
from django.db.models.functions import Length

from config.schema.changes import Change, Part, named_field
from config.schema.dialects import dialect
from config.schema.dialects.costs import TEXTS, Kind, kinds_of
from config.schema.operations import DialectSQL


class LossClass(Enum):
    """The classes of loss, from harmless to worst."""

    NONE = "none"
    UNKNOWN = "unknown"
    """Code of its own, of which only its author knows what it does to rows."""
    UNCOUNTED = "uncounted"
    """Rows may be lost, and they could not be counted."""
    LOSSY = "lossy"


@dataclass(frozen=True)
class Loss:
    """How many rows or values would be lost, and which; the worst class of what it is made of."""

    kind: LossClass = LossClass.NONE
    count: int = 0
    what: str = ""


def all_of(losses: list[Loss]) -> Loss:
    """Several losses as one."""
    worst = max((loss.kind for loss in losses), key=list(LossClass).index, default=LossClass.NONE)
    what = "; ".join(loss.what for loss in losses if loss.kind is not LossClass.NONE)
    return Loss(worst, sum(loss.count for loss in losses), what)


@dataclass
class LiveTable:
    """Where a table of the plan is now; None is what the plan itself makes, which holds nothing yet."""

    name: str | None
    columns: dict[str, str | None] = field(default_factory=dict)


class LiveRows:
    """The rows of the live database, while the plan's changes are gone through in their order."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.tables: dict[str, LiveTable] = {}
        self.present = set(connection.introspection.table_names())

    def lose(self, changes: list[Change]) -> Loss:
        """What these changes would remove, as if those before them were done."""
        losses = []
        for change in changes:
            losses += list(self._losses(change))
            self._follow(change)
        return all_of(losses)

    def _losses(self, change: Change) -> Iterator[Loss]:
        match change.part:
            case Part.CODE if not is_nothing(self.connection, change):
                yield Loss(LossClass.UNKNOWN, what="only its author knows what it does to rows")
            case _ if change.kept and change.new is None:
                return
            case Part.TABLE if change.new_model is None:
                for table in (self._table(change.old_model), *self._joins(change.old_model)):
                    yield self._rows(table)
            case Part.COLUMN if change.old is not None:
                yield from self._column(change)

    def _column(self, change: Change) -> Iterator[Loss]:
        table, old, new = self._table(change.old_model), change.old, change.new
        if old.many_to_many:
            if new is None:
                yield self._rows(self._join(table, old))
        elif new is None:
            if not old.generated:
                yield self._values(table, old, filled(old), "filled values of")
        else:
            kinds = set(kinds_of(change))
            if Kind.NOT_NULL in kinds:
                yield self._values(table, old, Q(value__isnull=True), "NULLs of")
            if Kind.SHORTER in kinds:
                yield self._values(
                    table, old, Q(length__gt=new.max_length), f"values over {new.max_length} characters in"
                )
            if Kind.TYPE in kinds and (condition := unfit(self.connection, old, new)) is not None:
                yield self._values(table, old, condition, "values that are converted or do not fit in")

    def _rows(self, table: str) -> Loss:
        where = self.tables.get(table, LiveTable(table)).name
        if where is None:
            return Loss()
        return self._count(where, str(self.connection.ops.quote_name(where)), (), "rows of")

    def _values(self, table: str, old: Any, condition: Q, words: str) -> Loss:
        live = self.tables.get(table, LiveTable(table))
        column = live.columns.get(old.column, old.column)
        if live.name is None or column is None:
            return Loss()
        rows = stand_in(live.name, column, old).objects.all()
        if _is_text(old):
            rows = rows.annotate(length=Length("value"))
        query = rows.filter(condition).values("value").query
        sql, parameters = query.get_compiler(connection=self.connection).as_sql()
        return self._count(live.name, f"({sql}) matching", parameters, words, f".{column}")

    def _count(self, table: str, source: str, parameters: Any, words: str, column: str = "") -> Loss:
        if table not in self.present:
            return Loss(LossClass.UNCOUNTED, what=f"the database has no table {table} to count in")
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(f"SELECT COUNT(*) FROM {source}", parameters)  # noqa: S608, names are of migrations
                count = int(cursor.fetchone()[0])
        except DatabaseError as error:
            return Loss(LossClass.UNCOUNTED, what=f"{words} {table}{column} cannot be counted ({type(error).__name__})")
        return Loss(LossClass.LOSSY, count, f"{count} {words} {table}{column}") if count else Loss()

    def _follow(self, change: Change) -> None:
        """Keep track of where things are now that the plan makes, renames or removes."""
        if change.part is Part.TABLE:
            old, new = change.old_model, change.new_model
            names = [[self._table(model), *self._joins(model)] if model else [] for model in (old, new)]
            moved = [self.tables.pop(name, LiveTable(name)) for name in names[0]] if new else []
            for name in names[0]:
                self.tables[name] = LiveTable(None)
            for number, name in enumerate(names[1]):
                self.tables[name] = moved[number] if number < len(moved) else LiveTable(None)
        elif change.part is Part.COLUMN:
            self._follow_column(change)
        elif change.part is Part.NAMES:
            live = self.tables.setdefault(table := self._table(change.new_model), LiveTable(table))
            first, second = (each.column for each in change.new)
            was = live.columns.get(first, first), live.columns.get(second, second)
            live.columns[second], live.columns[first] = was

    def _follow_column(self, change: Change) -> None:
        table, old, new = self._table(change.new_model), change.old, change.new
        live = self.tables.setdefault(table, LiveTable(table))
        if (old or new).many_to_many:
            where = self.tables.pop(self._join(table, old), LiveTable(self._join(table, old))) if old and new else None
            if old:
                self.tables[self._join(table, old)] = LiveTable(None)
            if new:
                self.tables[self._join(table, new)] = where or LiveTable(None)
            return
        where_now = live.columns.get(old.column, old.column) if old and new else None
        if old:
            live.columns[old.column] = None
        if new:
            live.columns[new.column] = where_now

    def _table(self, model: Any) -> str:
        name = model.options.get("db_table") or f"{model.app_label}_{model.name_lower}"
        return truncate_name(name, self.connection.ops.max_name_length())

    def _joins(self, model: Any) -> list[str]:
        """The tables that join the model with others, and that it makes itself."""
        fields = [named_field(model, name) for name in model.fields]
        return [self._join(self._table(model), each) for each in fields if each.many_to_many and _makes_table(each)]

    def _join(self, table: str, relation: Any) -> str:
        name = relation.db_table or f"{table}_{relation.name}"
        return truncate_name(name, self.connection.ops.max_name_length())


def is_nothing(connection: Any, change: Change) -> bool:
    """Whether the code of this change does nothing on this engine; going back, `change` is the way back."""
    forward, operation = change.new is not None, change.new or change.old
    match operation:
        case DialectSQL():
            if (operation.irreversible and not forward) or dialect(connection).name not in operation.by_engine:
                return False
            statements = operation.statements_for(connection)
            return not (statements.forward if forward else statements.reverse)
        case RunPython():
            return (operation.code if forward else operation.reverse_code) is RunPython.noop
        case RunSQL():
            return bool((operation.sql if forward else operation.reverse_sql) == RunSQL.noop)
        case _:
            does_nothing = getattr(operation, "does_nothing", None)
            return bool(does_nothing and does_nothing(forwards=forward))


def filled(old: Any) -> Q:
    """That a column holds more than a new column of its kind would."""
    condition = Q(value__isnull=False)
    default = getattr(old.db_default, "value", old.db_default) if old.has_db_default() else old.default
    if default is models.NOT_PROVIDED or callable(default) or hasattr(default, "resolve_expression"):
        return condition
    if _is_text(old):
        # Collations take other texts for the same, but not other lengths.
        return condition & Q(length__gt=0) if default == "" else condition
    if isinstance(old, models.BooleanField | models.IntegerField | models.DecimalField) and default is not None:
        return condition & ~Q(value=default)
    return condition


def unfit(connection: Any, old: Any, new: Any) -> Q | None:
    """Which values do not survive a change of type, as far as a query can tell; None where all do."""
    was, becomes = old.get_internal_type(), new.get_internal_type()
    if isinstance(old, models.IntegerField) and isinstance(new, models.IntegerField):
        low, high = connection.ops.integer_field_range(becomes)
        return None if low is None else Q(value__lt=low) | Q(value__gt=high)
    same = was == becomes and not old.remote_field and was != "DecimalField"
    return None if same or becomes == "TextField" else Q(value__isnull=False)


def stand_in(table: str, column: str, old: Any) -> Any:
    """A model of that one column, to ask for its values."""
    if _is_text(old):
        value: Any = models.TextField(null=True)
    elif isinstance(old, models.IntegerField):
        value = models.BigIntegerField(null=True)
    else:
        value = models.TextField(null=True) if old.remote_field or old.primary_key else old.clone()
    value.db_column = column
    meta = type("Meta", (), {"apps": Apps(), "app_label": "schema", "db_table": table})
    return type("Live", (models.Model,), {"__module__": __name__, "Meta": meta, "value": value})


def _is_text(old: Any) -> bool:
    kind = old.get_internal_type()
    return not old.remote_field and TEXTS.get(kind, kind) in ("CharField", "TextField")


def _makes_table(relation: Any) -> bool:
    through = getattr(relation.remote_field, "through", None)
    return through is None or bool(getattr(getattr(through, "_meta", None), "auto_created", False))
