"""What the catalogue has to hold of each table of a migration state, as Django's schema editor would make it now."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.migrations.state import ProjectState
from django.db.models import CheckConstraint, Q, UniqueConstraint, Value

from config.schema.dialects import dialect
from config.schema.dialects.catalogue import Column, Columns, ForeignKey, Key, Table
from config.schema.dialects.on_delete import OnDeleteMixin, on_delete_rule
from config.schema.expected import has_table, spelling


@dataclass(frozen=True)
class ExpectedColumn:
    """A column, the field that it holds, and its default where that is a value that can be compared."""

    column: Column
    field: Any
    literal: Any = None


@dataclass(frozen=True)
class ExpectedKey:
    """An index or a unique constraint; `source` is an Index or a constraint, or the fields of one without a name."""

    key: Key
    source: Any


@dataclass(frozen=True)
class ExpectedCheck:
    """A check; `strings` are those that it admits where it is a list of choices, else None."""

    constraint: Any
    strings: frozenset[str] | None


@dataclass
class ExpectedTable:
    """All that the state says of one table. What the engine cannot do is not expected of it."""

    model: Any
    primary_key: Columns = ()
    columns: dict[str, ExpectedColumn] = field(default_factory=dict)
    keys: list[ExpectedKey] = field(default_factory=list)
    foreign_keys: list[tuple[ForeignKey, Any]] = field(default_factory=list)
    checks: dict[str, ExpectedCheck] = field(default_factory=dict)
    column_checks: dict[str, Any] = field(default_factory=dict)
    """The fields that bring a check of their own, by their column."""
    constraints: dict[str, Any] = field(default_factory=dict)
    """Those of other kinds, by name."""

    def names(self) -> set[Any]:
        """What tells its columns, keys and checks from one another."""
        keys = {(each.key.name, each.key.columns, each.key.unique) for each in self.keys}
        return {*self.columns, *keys, *self.checks, *self.constraints}


def expected_catalogue(connection: Any, state: ProjectState) -> dict[str, ExpectedTable]:
    """The tables of the state on this connection, by name; asks the database nothing. Renders the state's models."""
    editor = connection.schema_editor(collect_sql=True, atomic=False)
    editor.deferred_sql = []
    models = [
        rendered
        for key, model in state.models.items()
        if has_table(connection, model, state)
        for rendered in _with_joins(state.apps.get_model(*key))
    ]
    return {name: _table(editor, model) for model in models if (name := table_name(model)) is not None}


def live_catalogue(connection: Any, expected: Mapping[str, ExpectedTable]) -> dict[str, Table]:
    """All tables that are there, with their names and those of their columns spelled as expected."""
    catalogue = dialect(connection).catalogue
    table_of = spelling(expected, ignores_case=connection.features.ignores_table_name_case)
    live = {table_of(name): table for name, table in catalogue.read(connection).items()}

    def column_of(table: str) -> Callable[[str], str]:
        columns = expected[table].columns if table in expected else ()
        return spelling(columns, ignores_case=catalogue.ignores_case_of_columns)

    return {name: table.spelled(table_of, column_of(name), column_of) for name, table in live.items()}


def table_name(model: Any) -> str | None:
    """The name of the table without quotes; None where it names a schema too, which is not looked into."""
    name = str(model._meta.db_table)
    return None if '"."' in name else name.strip('"')


def _with_joins(model: Any) -> Iterator[Any]:
    yield model
    for each in model._meta.local_many_to_many:
        if each.remote_field.through._meta.auto_created:
            yield each.remote_field.through


def _table(editor: Any, model: Any) -> ExpectedTable:
    table = ExpectedTable(model, _primary_key(model))
    for each in model._meta.local_fields:
        if each.db_parameters(connection=editor.connection)["type"] is not None:
            _add_field(editor, table, each)
    for names in model._meta.unique_together:
        fields = tuple(map(model._meta.get_field, names))
        key = Key(None, tuple(each.column for each in fields), unique=True)
        table.keys.append(ExpectedKey(key, fields))
    for index in model._meta.indexes:
        if not index.contains_expressions or editor.connection.features.supports_expression_indexes:
            names = [name for name, _ in index.fields_orders]
            table.keys.append(ExpectedKey(Key(index.name, _columns(model, names)), index))
    for constraint in model._meta.constraints:
        if constraint.create_sql(model, editor) is not None:
            _add_constraint(table, constraint)
    return table


def _primary_key(model: Any) -> Columns:
    key = model._meta.pk
    return tuple(getattr(key, "columns", None) or (key.column,))


def _columns(model: Any, names: Any) -> Columns | None:
    return tuple(model._meta.get_field(name).column for name in names) or None


def _add_field(editor: Any, table: ExpectedTable, each: Any) -> None:
    connection = editor.connection
    catalogue = dialect(connection).catalogue
    parameters = each.db_parameters(connection=connection)
    table.columns[each.column] = ExpectedColumn(
        Column(
            catalogue.type_of(parameters["type"]),
            # Django writes NOT NULL into no generated column.
            None if each.generated else each.null and not each.primary_key,
            "" if _has_default(each) else None,
            parameters.get("collation"),
            each.get_internal_type() in ("AutoField", "BigAutoField", "SmallAutoField"),
            each.generated,
        ),
        each,
        _literal(connection, each),
    )
    if parameters["check"]:
        table.column_checks[each.column] = each
    if each.unique and not each.primary_key:
        table.keys.append(ExpectedKey(Key(None, (each.column,), unique=True), (each,)))
    elif catalogue.indexes(connection, each):
        table.keys.append(ExpectedKey(Key(None, (each.column,)), (each,)))
    if each.remote_field and each.db_constraint and connection.features.supports_foreign_keys:
        other = table_name(each.target_field.model)
        if other is not None:
            rule = on_delete_rule(each) if issubclass(connection.SchemaEditorClass, OnDeleteMixin) else None
            table.foreign_keys.append((ForeignKey((each.column,), other, (each.target_field.column,), rule), each))


def _has_default(each: Any) -> bool:
    if not each.has_db_default():
        return False
    # NULL by default is what a column without a default has.
    return not (isinstance(each._db_default_expression, Value) and each._db_default_expression.value is None)


def _literal(connection: Any, each: Any) -> Any:
    """The value of a default, where engines tell numbers, flags and texts as they were given to them."""
    if not each.has_db_default() or not isinstance(each._db_default_expression, Value):
        return None
    kind = each.get_internal_type()
    if kind.endswith(("IntegerField", "BooleanField", "FloatField", "DecimalField")):
        return each.to_python(each._db_default_expression.value)
    if kind in ("CharField", "TextField", "SlugField", "FileField", "FilePathField"):
        value = each.get_db_prep_save(each._db_default_expression.value, connection)
        return value if isinstance(value, str) else None
    return None


def _add_constraint(table: ExpectedTable, constraint: Any) -> None:
    if isinstance(constraint, UniqueConstraint):
        key = Key(constraint.name, _columns(table.model, constraint.fields), unique=True)
        table.keys.append(ExpectedKey(key, constraint))
    elif isinstance(constraint, CheckConstraint):
        table.checks[constraint.name] = ExpectedCheck(constraint, _choices(constraint.condition))
    else:
        table.constraints[constraint.name] = constraint


def _choices(condition: Any) -> frozenset[str] | None:
    """The strings of a condition that says nothing but that a column holds one of them, or NULL."""
    leaves = list(_leaves(condition))
    lists = [leaf[1] for leaf in leaves if isinstance(leaf, tuple) and leaf[0].endswith("__in")]
    of_null = [leaf for leaf in leaves if isinstance(leaf, tuple) and leaf[0].endswith("__isnull")]
    if len(lists) != 1 or len(of_null) + 1 != len(leaves) or not isinstance(lists[0], list | tuple | set | frozenset):
        return None
    # Engines differ in how they write these two characters back.
    if not all(isinstance(each, str) and not {"'", "\\"} & {*each} for each in lists[0]):
        return None
    return frozenset(map(str, lists[0]))


def _leaves(condition: Any) -> Iterator[Any]:
    if not isinstance(condition, Q) or condition.negated:
        yield condition
        return
    for child in condition.children:
        if isinstance(child, tuple):
            yield child
        else:
            yield from _leaves(child)
