"""Looks at the database again: whether what was to be applied is there, and whether what is there is recorded."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations import RunPython, RunSQL
from django.db.migrations.state import ProjectState

from config.schema.dialects.catalogue import Table
from config.schema.drift.compare import compare
from config.schema.drift.difference import Difference, Found
from config.schema.drift.expected import ExpectedTable, expected_catalogue, live_catalogue
from config.schema.expected import expected_tables, present_tables, touched_tables
from config.schema.journal import Journal, Step
from config.schema.watched import flattened

Plan = Iterable[tuple[Migration, bool]]
BESIDE_MIGRATIONS = ("extra_column",)
"""What a migration may have made by SQL of its own without telling Django."""


def unlike_the_plan(connection: Any, plan: Plan) -> list[Difference]:
    """Of a plan that has been run: the migrations that are not recorded as it says; asks the database anew."""
    applied = MigrationLoader(connection).applied_migrations
    return [
        Difference("not_as_planned", None, str(each), f"{each} is {'still' if back else 'not'} recorded as applied.")
        for each, back in plan
        if ((each.app_label, each.name) in applied) is back
    ]


def look(
    connection: Any, expected: Mapping[str, ExpectedTable], tables: Collection[str] | None = None
) -> tuple[list[Found], dict[str, Table]]:
    """What the live catalogue has otherwise than expected in these tables, by default in all, and that catalogue.

    What differs is looked at twice: a table that is made or dropped at that moment is not told as half a table.
    """
    live = live_catalogue(connection, expected)
    found = compare(expected, live, tables)
    if found:
        first = {(each.kind, each.table, each.words) for each in found}
        live = live_catalogue(connection, expected)
        found = [each for each in compare(expected, live, tables) if (each.kind, each.table, each.words) in first]
    return found, live


def lacking(connection: Any, state: ProjectState, tables: Collection[str]) -> list[Found]:
    """What these tables lack of what the state says; not what they have beside it."""
    found, _ = look(connection, expected_catalogue(connection, state), tables)
    return [each for each in found if each.kind not in BESIDE_MIGRATIONS]


def unrecorded(connection: Any, executor: Any) -> Iterator[tuple[Migration, set[str]]]:
    """The migrations that have been applied and are not recorded so, in their order, each with the tables it touches.

    With all of them together the tables are as the migrations say. The journal says that a migration was applied, or
    it has made a table, or what it changed can be seen, or another was applied that depends on it; of one that has code
    of its own only the journal or such another. Those in `behind_applied` Django refuses to record, as it finds the
    history inconsistent.
    """
    search = _Search(connection, executor)
    for migration in search.found():
        yield migration, search.touched[_key(migration)]


def applied_state(executor: Any, also: Collection[tuple[str, str]] = ()) -> ProjectState:
    """The state that what is recorded as applied has made, and `also`, by app and name.

    What is not recorded although something that is depends on it is left out where the others can do without it.
    """
    plan, included = _full_plan(executor), {*executor.loader.applied_migrations, *also}
    behind = behind_applied(executor.loader) - included
    if behind:
        try:
            state = _state(executor, plan, included)
            _ = state.apps
            return state
        except CANNOT_DO_WITHOUT:
            included |= behind
    return _state(executor, plan, included)


def behind_applied(loader: Any) -> set[tuple[str, str]]:
    """What is not recorded as applied although something that is depends on it, by app and name."""
    recorded = {*loader.applied_migrations}
    found: set[tuple[str, str]] = set()
    further = [loader.graph.node_map[key] for key in recorded if key in loader.graph.node_map]
    while further:
        new = {parent.key: parent for node in further for parent in node.parents if parent.key not in recorded | found}
        found |= {*new}
        further = [*new.values()]
    return found


CANNOT_DO_WITHOUT = (LookupError, ValueError, FieldDoesNotExist)
"""What Django raises where a migration needs another that was left out."""


def _key(migration: Migration) -> tuple[str, str]:
    return migration.app_label, migration.name


def _full_plan(executor: Any) -> list[Migration]:
    return [each for each, _ in executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)]


def _state(executor: Any, plan: Iterable[Migration], included: Collection[tuple[str, str]]) -> ProjectState:
    # Django offers an empty state with the apps that have no migrations to its own executor only.
    state = executor._create_project_state()
    for migration in plan:
        if _key(migration) in included:
            state = migration.mutate_state(state, preserve=False)
    return state


class _Search:
    """Supposes that all which is not recorded was applied, and takes out what the database contradicts."""

    def __init__(self, connection: Any, executor: Any) -> None:
        self.connection, self.executor, self.graph = connection, executor, executor.loader.graph
        self.plan = _full_plan(executor)
        self.recorded = {*executor.loader.applied_migrations}
        self.behind = behind_applied(executor.loader)
        self.supposed: dict[tuple[str, str], Migration] = {}
        self.touched: dict[tuple[str, str], set[str]] = {}
        self.made: dict[tuple[str, str], set[str]] = {}
        self.gone: dict[tuple[str, str], set[str]] = {}
        self.kept: dict[frozenset[tuple[str, str]], dict[str, ExpectedTable]] = {}

    def found(self) -> list[Migration]:
        pending = [each for each in self.plan if _key(each) not in self.recorded]
        if not pending:
            return []
        self.journalled = _journalled(self.connection)
        self._suppose(pending)
        while self.supposed:
            state = self._walk()
            wrong = self._absent(state) or self._unlike(state) or self._unproven()
            if not wrong:
                break
            self._suppose(each for key, each in self.supposed.items() if key not in wrong)
        return list(self.supposed.values())

    def _suppose(self, migrations: Iterable[Migration]) -> None:
        """Suppose these, in the order of the plan, but none of which a parent is neither recorded nor supposed."""
        supposed: dict[tuple[str, str], Migration] = {}
        for each in migrations:
            if all(parent.key in self.recorded or parent.key in supposed for parent in self._parents(_key(each))):
                supposed[_key(each)] = each
        self.supposed = supposed

    def _parents(self, key: tuple[str, str]) -> Any:
        return self.graph.node_map[key].parents

    def _walk(self) -> ProjectState:
        """The state with all that is recorded and supposed; notes which tables the supposed ones touch."""
        self.needed: set[tuple[str, str]] = set()
        if self.behind <= {*self.supposed}:
            return self._walk_through()
        try:
            state = self._walk_through()
            _ = state.apps
            return state
        except CANNOT_DO_WITHOUT:
            self.needed = self.behind
            return self._walk_through()

    def _walk_through(self) -> ProjectState:
        state, included = self.executor._create_project_state(), self._included()
        for migration in self.plan:
            key = _key(migration)
            if key in self.supposed:
                after = migration.mutate_state(state, preserve=True)
                before_it, with_it = expected_tables(self.connection, state), expected_tables(self.connection, after)
                self.made[key], self.gone[key] = with_it - before_it, before_it - with_it
                self.touched[key] = touched_tables(self.connection, state, after)
                state = after
            elif key in included:
                state = migration.mutate_state(state, preserve=False)
        return state

    def _absent(self, state: ProjectState) -> set[tuple[str, str]]:
        """The supposed ones of which a table is not there, or is still there."""
        expected = expected_tables(self.connection, state)
        live = present_tables(self.connection, expected.union(*(self.touched[key] for key in self.supposed)))
        return {
            key for key in self.supposed if (self.touched[key] & expected) - live or (self.gone[key] - expected) & live
        }

    def _unlike(self, state: ProjectState) -> set[tuple[str, str]]:
        """The supposed ones after which a table should be as it is not.

        One that was journalled and made the table has done so: what its table lacks since then is drift.
        """
        expected = expected_tables(self.connection, state)
        tables = set().union(*(self.touched[key] for key in self.supposed)) & expected
        found = look(self.connection, self._expected(len(self.plan), self._included()), tables)[0] if tables else []
        unlike = {(each.table, each.words) for each in found if each.kind not in BESIDE_MIGRATIONS}
        wrong = set()
        for number, migration in enumerate(self.plan if unlike else ()):
            key = _key(migration)
            concerned = {each for each in unlike if each[0] in self.touched[key]} if key in self.supposed else set()
            if concerned:
                then = self._expected(number + 1, self._included())
                live = live_catalogue(self.connection, then)
                begun = concerned & {(each.table, each.words) for each in compare(then, live, self.touched[key])}
                unlike -= begun
                if any(key not in self.journalled or table not in self.made[key] for table, _ in begun):
                    wrong.add(key)
        return wrong

    def _included(self) -> set[tuple[str, str]]:
        return self.recorded | {*self.supposed} | self.needed

    def _expected(self, count: int, included: set[tuple[str, str]]) -> dict[str, ExpectedTable]:
        """What is expected after so many migrations of the plan; kept, as it takes long to render."""
        plan = [each for each in self.plan[:count] if _key(each) in included]
        these = frozenset(map(_key, plan))
        if these not in self.kept:
            self.kept[these] = expected_catalogue(self.connection, _state(self.executor, plan, included))
        return self.kept[these]

    def _unproven(self) -> set[tuple[str, str]]:
        """The supposed ones of which nothing tells that they were applied, nor was another that depends on them."""
        supposed, proven = dict(self.supposed), set()
        for key in reversed(supposed):
            if key in proven or key in self.journalled or (not _has_code(supposed[key]) and self._shows(key)):
                proven |= {key, *(parent.key for parent in self._parents(key))}
            else:
                # What comes before it is looked at without it.
                del self.supposed[key]
        return {*supposed} - proven

    def _shows(self, key: tuple[str, str]) -> bool:
        """Whether the tables that a migration touches are seen to be otherwise than without it."""
        if self.made[key] or key in self.behind or not self.touched[key]:
            return bool(self.made[key]) or key in self.behind
        without = self._expected(len(self.plan), self._included() - {key})
        with_it = self._expected(len(self.plan), self._included())
        live = live_catalogue(self.connection, with_it)
        more = {each.words for each in compare(without, live, self.touched[key])}
        more -= {each.words for each in compare(with_it, live, self.touched[key])}
        return bool(more) or any(
            with_it[name].names() - without[name].names() for name in self.touched[key] & {*with_it} & {*without}
        )


def _journalled(connection: Any) -> set[tuple[str, str]]:
    """The migrations that the journal says were run here, and not taken back since then."""
    found: set[tuple[str, str]] = set()
    for step in Journal(connection).rows_if_any(Step, outcome="done"):
        if step.backwards:
            found.discard((step.app, step.name))
        elif not step.faked:
            found.add((step.app, step.name))
    return found


def _has_code(migration: Migration) -> bool:
    return any(isinstance(each, RunPython | RunSQL) for each in flattened(migration.operations))
