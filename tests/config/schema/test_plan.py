"""What a plan says of each step, on each engine, about rows that are really there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.migrations.executor import MigrationExecutor

from config.schema.loss import Loss, LossClass
from config.schema.management.commands.schema_plan import lines, targets_of
from config.schema.plan import PlannedMigration, PlannedStep, read_plan, read_plan_back
from tests.config.schema.checked import App, default_database
from tests.config.schema.live import execute

pytestmark = pytest.mark.every_engine
NOOP = "migrations.RunPython.noop"
ROWS = [("a", 1), ("bb", None), ("a longer name", 100_000), ("b", None)]


class Live:
    """A database with an app in it, whose next migrations a test writes."""

    def __init__(self, connection: Any, app: App) -> None:
        self.connection = connection
        self.app = app
        self.table = f"{app.label}_thing"

    def migrate(self, name: str | None) -> None:
        executor = MigrationExecutor(self.connection)
        executor.migrate([(self.app.label, name)])

    def fill(self) -> None:
        for name, size in ROWS:
            self.run(f"INSERT INTO {self.table} (name, size) VALUES (%s, %s)", name, size)

    def run(self, statement: str, *values: Any) -> list[Any]:
        return execute(self.connection, statement, *values)

    def plan(self, operations: str = "", **given: Any) -> list[PlannedMigration]:
        if operations:
            self.app.add("0002_next", operations.replace("LABEL", self.app.label), **given)
        return read_plan(self.connection, [(self.app.label, self.last())])

    def last(self) -> str:
        return sorted(file.stem for file in self.app.folder.glob("0*.py"))[-1]

    def step(self, operation: str, **given: Any) -> PlannedStep:
        [migration] = self.plan(operation, **given)
        return migration.steps[-1]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    app = App(tmp_path, monkeypatch)
    yield app
    app.close()


@pytest.fixture
def live(engine: str, app: App, django_db_blocker: Any) -> Iterator[Live]:
    app.install()
    with django_db_blocker.unblock(), default_database(engine) as connection:
        live = Live(connection, app)
        live.migrate("0001_thing")
        live.fill()
        yield live


REMOVES = [
    # an operation, how many rows or values it would remove
    ('migrations.RemoveField("thing", "size")', 2),
    ('migrations.DeleteModel("Thing")', 4),
    ('migrations.AlterField("thing", "name", models.CharField(max_length=5))', 1),
    ('migrations.AlterField("thing", "size", models.IntegerField(default=1))', 2),
    ('migrations.AlterField("thing", "size", models.CharField(max_length=64, null=True))', 2),
]


@pytest.mark.parametrize(("operation", "count"), REMOVES)
def test_what_a_step_removes_is_counted_in_the_live_table(live: Live, operation: str, count: int) -> None:
    step = live.step(operation)
    assert (step.loss.kind, step.loss.count, step.verdict) == (LossClass.LOSSY, count, "lossy")
    assert str(count) in step.loss.what and live.table in step.loss.what


@pytest.mark.parametrize(("operation", "_"), REMOVES)
def test_the_same_step_loses_nothing_where_nothing_is(live: Live, operation: str, _: int) -> None:
    live.run(f"DELETE FROM {live.table}")
    assert live.step(operation).verdict == "reversible"


KEEPS = [
    'migrations.AddField("thing", "note", models.TextField(null=True))',
    'migrations.AlterField("thing", "name", models.CharField(max_length=64))',
    'migrations.AlterField("thing", "name", models.CharField(max_length=13))',
    'migrations.AlterField("thing", "size", models.BigIntegerField(null=True))',
    'migrations.AlterField("thing", "size", models.IntegerField(null=True, db_index=True))',
    'migrations.RenameField("thing", "size", "width")',
    'migrations.RenameModel("Thing", "Object")',
    'migrations.AddIndex("thing", models.Index(fields=["size"], name="thing_size"))',
    'migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Thing")])',
    f"migrations.RunPython({NOOP}, {NOOP})",
]


@pytest.mark.parametrize("operation", KEEPS)
def test_what_removes_nothing_is_reversible(live: Live, operation: str) -> None:
    step = live.step(operation)
    assert (step.loss, step.verdict) == (Loss(), "reversible")


def test_a_smaller_number_loses_what_does_not_fit_where_the_engine_has_sizes(engine: str, live: Live) -> None:
    step = live.step('migrations.AlterField("thing", "size", models.SmallIntegerField(null=True))')
    assert step.loss.count == (0 if engine == "sqlite" else 1)


@pytest.mark.parametrize(
    "operation",
    [f"migrations.RunPython(fill, {NOOP})", 'migrations.RunSQL("SELECT 1", "SELECT 1")'],
)
def test_code_is_unknown_and_never_safe(live: Live, operation: str) -> None:
    step = live.step(operation, more="def fill(apps, schema_editor):\n    pass\n")
    assert (step.loss.kind, step.verdict, step.blocking) == (LossClass.UNKNOWN, "unknown", "unknown")


def test_code_without_a_way_back_is_irreversible_also_inside_another(live: Live) -> None:
    step = live.step('migrations.SeparateDatabaseAndState([migrations.RunSQL("SELECT 1")])')
    assert (step.reversible, step.verdict) == (False, "irreversible")


def test_values_are_found_under_the_names_that_they_have_now(live: Live) -> None:
    """Renamed twice and then removed: counted where the rows are before any of it has run."""
    step = live.step(
        'migrations.RenameModel("Thing", "Object"), migrations.RenameField("object", "size", "width"), '
        'migrations.AlterModelTable("object", "objects"), migrations.RemoveField("object", "width")'
    )
    assert (step.loss.count, step.loss.what) == (2, f"2 filled values of {live.table}.size")


def test_what_the_plan_itself_makes_holds_nothing_yet(live: Live) -> None:
    [migration] = live.plan(
        'migrations.AddField("thing", "note", models.TextField(null=True)), migrations.RemoveField("thing", "note"), '
        'migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))]), '
        'migrations.DeleteModel("Other")'
    )
    assert {step.verdict for step in migration.steps} == {"reversible"}


def test_default_values_are_no_loss(live: Live) -> None:
    live.app.add("0002_count", 'migrations.AddField("thing", "count", models.IntegerField(default=7))')
    live.migrate("0002_count")
    live.run(f"UPDATE {live.table} SET count = 8 WHERE name = 'a'")
    live.app.add("0003_drop", 'migrations.RemoveField("thing", "count")', after="0002_count")
    [migration] = live.plan()
    assert migration.loss.count == 1


def test_a_table_that_is_not_there_is_uncounted_and_not_safe(live: Live) -> None:
    live.run(f"DROP TABLE {live.table}")
    step = live.step('migrations.DeleteModel("Thing")')
    assert (step.loss.kind, step.verdict) == (LossClass.UNCOUNTED, "uncounted")


def test_joining_tables_are_counted_too(live: Live) -> None:
    live.app.add("0002_others", 'migrations.AddField("thing", "others", models.ManyToManyField("LABEL.Thing"))')
    live.migrate("0002_others")
    [[first], *_] = live.run(f"SELECT id FROM {live.table}")
    live.run(f"INSERT INTO {live.table}_others (from_thing_id, to_thing_id) VALUES (%s, %s)", first, first)
    live.app.add("0003_drop", 'migrations.RemoveField("thing", "others")', after="0002_others")
    [migration] = live.plan()
    assert migration.loss == Loss(LossClass.LOSSY, 1, f"1 rows of {live.table}_others")


BLOCKS = [
    ('migrations.AddIndex("thing", models.Index(fields=["size"], name="thing_size"))', {"postgresql", "sqlite"}),
    ('migrations.AddField("thing", "note", models.TextField(null=True))', set()),
    (
        'migrations.AddField("thing", "other", models.ForeignKey("LABEL.Thing", models.CASCADE, null=True))',
        {"mariadb", "sqlite"},
    ),
    ('migrations.AlterField("thing", "name", models.CharField(max_length=64))', {"mariadb", "sqlite"}),
]


@pytest.mark.parametrize(("operation", "engines"), BLOCKS)
def test_a_step_says_whether_it_blocks_on_this_engine_and_why(
    engine: str, live: Live, operation: str, engines: set[str]
) -> None:
    step = live.step(operation)
    assert step.blocking == ("yes" if engine in engines else "no")
    assert all(step.why)


def test_on_a_new_table_nothing_blocks(live: Live) -> None:
    [migration] = live.plan(
        'migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True)), '
        '("size", models.IntegerField())]), '
        'migrations.AddIndex("other", models.Index(fields=["size"], name="other_size"))'
    )
    assert [step.blocking for step in migration.steps] == ["no", "no"]


class TestBack:
    def test_unapplying_loses_the_rows_of_what_was_made_counted(self, live: Live) -> None:
        live.app.add("0002_note", 'migrations.AddField("thing", "note", models.TextField(null=True))')
        live.migrate("0002_note")
        live.run(f"UPDATE {live.table} SET note = 'x' WHERE name <> 'a'")
        loader = MigrationExecutor(live.connection).loader
        migrations = [loader.get_migration(live.app.label, name) for name in ("0002_note", "0001_thing")]
        plan = read_plan_back(live.connection, migrations)
        assert [(each.name, each.backwards) for each in plan] == [("0002_note", True), ("0001_thing", True)]
        assert [each.loss.count for each in plan] == [3, 4]
        assert plan[1].loss.what == f"4 rows of {live.table}"

    def test_migrate_backwards_is_planned_likewise(self, live: Live) -> None:
        [migration] = read_plan(live.connection, [(live.app.label, None)])
        assert (migration.backwards, migration.loss.count) == (True, 4)

    def test_unapplying_a_removal_loses_nothing(self, live: Live) -> None:
        live.app.add("0002_drop", 'migrations.RemoveField("thing", "size")')
        live.migrate("0002_drop")
        [migration] = read_plan(live.connection, [(live.app.label, "0001_thing")])
        assert migration.loss == Loss()

    def test_the_way_back_of_code_is_unknown_unless_it_does_nothing(self, live: Live) -> None:
        code = f"migrations.RunPython({NOOP}, fill), migrations.RunPython(fill, {NOOP})"
        live.app.add("0002_code", code, more="def fill(apps, schema_editor):\n    pass\n")
        live.migrate("0002_code")
        [migration] = read_plan(live.connection, [(live.app.label, "0001_thing")])
        assert [step.verdict for step in migration.steps] == ["reversible", "unknown"]


class TestSql:
    def test_the_sql_of_the_next_migration_is_what_then_runs(self, live: Live) -> None:
        live.app.add(
            "0002_two",
            'migrations.AddField("thing", "other", models.ForeignKey("LABEL.Thing", models.CASCADE, null=True)), '
            'migrations.AlterField("thing", "name", models.CharField(max_length=64, unique=True))',
        )
        live.app.add("0003_later", 'migrations.DeleteModel("Thing")', after="0002_two")
        [first, second] = read_plan(live.connection, [(live.app.label, "0003_later")], with_sql=True)
        shown = [each for step in first.steps for each in step.sql or ()] + list(first.deferred_sql or ())
        assert {step.sql for step in second.steps} == {None}

        ran: list[str] = []

        def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            ran.append(str(sql))
            return execute(sql, params, many, context)

        with live.connection.execute_wrapper(record):
            live.migrate("0002_two")
        changing = [sql for sql in ran if sql.startswith(("ALTER", "CREATE", "DROP"))]
        changing = [sql for sql in changing if "django_migrations" not in sql]
        assert changing
        assert [sql.rstrip(";") for sql in shown if sql.startswith(("ALTER", "CREATE", "DROP"))] == changing

    def test_what_depends_on_a_step_before_it_is_known_only_then(self, engine: str, live: Live) -> None:
        """The index is dropped by the name that the catalogue will have."""
        live.app.add(
            "0002_index",
            'migrations.AlterField("thing", "size", models.IntegerField(null=True, db_index=True)), '
            'migrations.AlterField("thing", "size", models.IntegerField(null=True))',
        )
        [migration] = read_plan(live.connection, [(live.app.label, "0002_index")], with_sql=True)
        first, second = migration.steps
        assert first.sql
        assert (second.sql is None) is (engine != "sqlite")

    def test_code_is_not_run_and_what_follows_it_is_known_only_then(self, live: Live) -> None:
        live.app.add(
            "0002_code",
            f"migrations.SeparateDatabaseAndState([migrations.RunPython(fail, {NOOP})]), "
            'migrations.AddField("thing", "note", models.TextField(null=True))',
            more="def fail(apps, schema_editor):\n    raise AssertionError('the plan ran it')\n",
        )
        [migration] = read_plan(live.connection, [(live.app.label, "0002_code")], with_sql=True)
        assert [step.sql for step in migration.steps] == [None, None]
        assert migration.deferred_sql is None

    def test_an_operation_that_writes_by_itself_is_stopped(self, live: Live) -> None:
        more = """
        from django.db.migrations.operations.base import Operation

        class Sneak(Operation):
            reversible = True
            reduces_to_sql = True
            def state_forwards(self, app_label, state): pass
            def database_forwards(self, app_label, editor, from_state, to_state):
                with editor.connection.cursor() as cursor:
                    cursor.execute("DELETE FROM LABEL_thing")
            database_backwards = database_forwards
        """
        live.app.add("0002_sneak", "Sneak()", more=more.replace("LABEL", live.app.label))
        [migration] = read_plan(live.connection, [(live.app.label, "0002_sneak")], with_sql=True)
        assert (migration.steps[0].sql, migration.steps[0].verdict) == (None, "unknown")
        assert live.run(f"SELECT COUNT(*) FROM {live.table}") == [(4,)]

    def test_what_cannot_be_rendered_is_said_and_the_rest_is_shown(self, live: Live) -> None:
        live.app.add(
            "0002_unnamed",
            'DialectSQL("Say nothing of this engine"), '
            'migrations.AddField("thing", "note", models.TextField(null=True))',
        )
        [migration] = read_plan(live.connection, [(live.app.label, "0002_unnamed")], with_sql=True)
        first, second = migration.steps
        assert first.sql is not None and "cannot be rendered: Refused: Say nothing" in first.sql[0]
        assert (first.verdict, bool(second.sql)) == ("unknown", True)


def test_reading_a_plan_writes_nothing(live: Live) -> None:
    live.app.add("0002_drop", 'migrations.DeleteModel("Thing")')
    before = live.connection.introspection.table_names(), live.run("SELECT COUNT(*) FROM django_migrations")
    read_plan(live.connection, with_sql=True)
    assert (live.connection.introspection.table_names(), live.run("SELECT COUNT(*) FROM django_migrations")) == before
    assert live.run(f"SELECT COUNT(*) FROM {live.table}") == [(4,)]


def test_on_an_empty_database_everything_is_pending_and_nothing_is_lost(
    engine: str, app: App, django_db_blocker: Any
) -> None:
    app.install()
    with django_db_blocker.unblock(), default_database(engine) as connection:
        plan = read_plan(connection)
        assert [str(each) for each in plan if each.app_label != "schema"] == [f"{app.label}.0001_thing"]
        assert connection.introspection.table_names() == []
    assert {step.verdict for each in plan for step in each.steps} == {"reversible"}


def test_in_words_a_plan_names_what_is_lost_and_who_waits(live: Live) -> None:
    text = "\n".join(lines(live.plan('migrations.DeleteModel("Thing")'), with_sql=True))
    assert f"Apply {live.app.label}.0002_next" in text
    assert f"lossy (4 rows of {live.table}); does not block" in text
    assert "rendered at run time" in text
    assert list(lines([], with_sql=False)) == ["Nothing is pending."]


def test_targets_are_named_as_for_migrate(live: Live) -> None:
    label = live.app.label
    assert targets_of(live.connection, None, None) is None
    assert targets_of(live.connection, label, None) == [(label, "0001_thing")]
    assert targets_of(live.connection, label, "0001") == [(label, "0001_thing")]
    assert targets_of(live.connection, label, "zero") == [(label, None)]
