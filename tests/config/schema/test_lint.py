"""Each rule over migrations, by a real migration that trips it and one that does not."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from config.schema.digest import migration_digest
from config.schema.exits import Refused
from config.schema.lint import RULES, Finding, check
from config.schema.lint.sizes import SMALL_ROWS, is_small
from tests.config.schema.checked import App, default_database
from tests.config.schema.live import execute
from tests.config.schema.manage import run_manage

ID = "class Thing(models.Model):\n    id = models.BigAutoField(primary_key=True)\n"
NOOP = "migrations.RunPython.noop"
FILL = "def fill(apps, schema_editor):\n    apps.get_model('LABEL', 'Thing').objects.update(size=1)\n"
ADD = 'migrations.AddField("thing", "{}", models.{})'
ALTER = 'migrations.AlterField("thing", "{}", models.{})'
INDEX = 'migrations.AddIndex("thing", models.Index(fields=["size"], name="thing_size"))'
ONE_WAY = 'DialectSQL("Go", sqlite=Statements(["SELECT 1"], []){})'


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    app = App(tmp_path, monkeypatch)
    yield app
    app.close()


@pytest.fixture
def other_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    app = App(tmp_path, monkeypatch)
    yield app
    app.close()


def found(app: App, **given: Any) -> list[Finding]:
    app.install()
    return check([app.label], **given)


def ids(app: App, **given: Any) -> set[str]:
    """The rules that are broken; drift has tests of its own."""
    return {finding.id for finding in found(app, **given)} - {"schema.C001"}


OPERATIONS = [
    # the rule, what trips it, what does not
    ("C003", f"migrations.RunPython({NOOP})", f"migrations.RunPython({NOOP}, {NOOP})"),
    ("C003", 'migrations.RunSQL("SELECT 1")', 'migrations.RunSQL("SELECT 1", migrations.RunSQL.noop)'),
    (
        "C003",
        'migrations.SeparateDatabaseAndState([migrations.RunSQL("SELECT 1")])',
        ONE_WAY.format(', irreversible="the rows are gone"'),
    ),
    ("C021", ADD.format("kind", "CharField(max_length=64, default='a')"), ADD.format("kind", "TextField(null=True)")),
    (
        "C021",
        ADD.format("count", "IntegerField(default=1)"),
        ADD.format("count", "IntegerField(default=1, db_default=1)"),
    ),
    (
        "C022",
        'migrations.RenameModel("Thing", "Object")',
        'migrations.AlterModelOptions("thing", {"ordering": ["id"]})',
    ),
    (
        "C022",
        'migrations.AlterModelTable("thing", "things")',
        'migrations.AlterModelTable("thing", "LABEL_thing")',
    ),
    (
        "C023",
        'migrations.RemoveField("thing", "size")',
        'migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("thing", "size")])',
    ),
    (
        "C023",
        'migrations.DeleteModel("Thing")',
        'migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))]), '
        'migrations.DeleteModel("Other")',
    ),
]


@pytest.mark.parametrize(("rule", "tripping", "clean"), OPERATIONS)
def test_an_operation_trips_its_rule_and_another_does_not(
    app: App, other_app: App, rule: str, tripping: str, clean: str
) -> None:
    app.add("0002_tripping", tripping)
    findings = [each for each in found(app) if each.id != "schema.C001"]
    assert {(each.id, each.where) for each in findings} == {(f"schema.{rule}", f"{app.label}.0002_tripping")}
    assert all(each.way_out and each.message.endswith(".") for each in findings)
    app.close()
    other_app.add("0002_clean", clean)
    assert ids(other_app) == set()


def test_a_renamed_field_that_keeps_its_column_is_safe(app: App) -> None:
    app.add("0002_column", ALTER.format("size", "IntegerField(null=True, db_column='size')"))
    app.add("0003_name", 'migrations.RenameField("thing", "size", "width")', after="0002_column")
    assert ids(app) == set()


def test_a_renamed_field_trips(app: App) -> None:
    app.add("0002_name", 'migrations.RenameField("thing", "size", "width")')
    assert ids(app) == {"schema.C022"}


BLOCKING = [
    # the rule, what trips it, the engines that it trips on
    ("C011", INDEX, {"postgresql"}),
    ("C011", ADD.format("extra", "IntegerField(null=True, db_index=True)"), {"postgresql"}),
    ("C011", ALTER.format("size", "IntegerField(null=True, db_index=True)"), {"postgresql"}),
    ("C012", ALTER.format("size", "IntegerField(null=True, unique=True)"), {"postgresql"}),
    ("C012", 'migrations.AlterUniqueTogether("thing", {("name", "size")})', {"postgresql"}),
    (
        "C012",
        'migrations.AddConstraint("thing", models.UniqueConstraint(fields=["size"], name="one_size"))',
        {"postgresql"},
    ),
    (
        "C013",
        'migrations.AddConstraint("thing", models.CheckConstraint(condition=models.Q(size__gt=0), name="sized"))',
        {"postgresql", "mariadb", "mysql"},
    ),
    ("C013", ADD.format("extra", "PositiveIntegerField(null=True)"), {"postgresql", "mariadb", "mysql"}),
    ("C014", ADD.format("parent", "ForeignKey('LABEL.Thing', models.CASCADE, null=True)"), {"mariadb", "mysql"}),
    ("C015", ALTER.format("size", "BigIntegerField(null=True)"), {"postgresql", "mariadb", "mysql"}),
    ("C015", ALTER.format("name", "CharField(max_length=10)"), {"postgresql", "mariadb", "mysql"}),
    ("C015", ALTER.format("name", "TextField()"), {"mariadb", "mysql"}),
    ("C016", ALTER.format("name", "CharField(max_length=64)"), {"mariadb", "mysql"}),
    ("C017", ALTER.format("size", "IntegerField(default=1)"), {"postgresql"}),
    (
        "C018",
        ADD.format(
            "twice",
            "GeneratedField(expression=models.F('size') * 2, output_field=models.IntegerField(), db_persist=True)",
        ),
        {"postgresql", "mariadb", "mysql"},
    ),
]
HARMLESS = [
    ADD.format("extra", "JSONField(null=True)"),
    ADD.format("extra", "UUIDField(null=True)"),
    ADD.format("extra", "CharField(max_length=64, db_default='')"),
    ALTER.format("name", "CharField(max_length=63)"),
    ALTER.format("name", "CharField(max_length=50, help_text='what it is called')"),
    ALTER.format("name", "SlugField(max_length=50, db_index=False)"),
    ALTER.format("size", "IntegerField(null=True, db_default=3)"),
    ADD.format("others", "ManyToManyField('LABEL.Thing')"),
    'migrations.AlterModelOptions("thing", {"verbose_name": "thing"})',
]


@pytest.mark.parametrize(("rule", "operation", "engines"), BLOCKING)
def test_an_operation_that_blocks_trips_on_the_engines_where_it_does(
    app: App, rule: str, operation: str, engines: set[str]
) -> None:
    app.add("0002_operation", operation)
    findings = [each for each in found(app) if each.id != "schema.C001"]
    assert {each.id for each in findings} == {f"schema.{rule}"}
    assert {name for each in findings for name in each.engines} == engines
    assert {each.level for each in findings} == {"warning"}
    for engine in ("postgresql", "mariadb", "mysql", "sqlite"):
        assert bool(check([app.label], engines=[engine]) and ids_on(app, engine)) is (engine in engines)


def ids_on(app: App, engine: str) -> set[str]:
    return {each.id for each in check([app.label], engines=[engine])} - {"schema.C001"}


@pytest.mark.parametrize("operation", [operation for _, operation, _ in BLOCKING])
def test_on_a_table_that_the_migration_makes_itself_it_is_safe(app: App, operation: str) -> None:
    app.add("0001_thing", CREATE_AND.format(operation), after="")
    assert ids(app) == set()


CREATE_AND = """migrations.CreateModel("Thing", [
    ("id", models.BigAutoField(primary_key=True, serialize=False)),
    ("name", models.CharField(max_length=50)),
    ("size", models.IntegerField(null=True)),
]), {}"""


@pytest.mark.parametrize("operation", HARMLESS)
def test_what_costs_nothing_is_not_found(app: App, operation: str) -> None:
    app.add("0002_operation", operation)
    assert ids(app) == set()


def test_an_index_built_concurrently_is_safe(app: App) -> None:
    pytest.importorskip("psycopg")
    concurrently = INDEX.replace("migrations.AddIndex", "AddIndexConcurrently")
    app.add(
        "0002_index",
        concurrently,
        attributes="atomic = False",
        more="from django.contrib.postgres.operations import AddIndexConcurrently",
    )
    assert ids(app) == set()


def test_a_table_may_be_dropped_after_the_deploy(app: App) -> None:
    app.add("0002_drop", 'migrations.DeleteModel("Thing")', attributes="stage = 'after'")
    assert ids(app) == set()


def test_a_word_that_is_no_stage_trips(app: App) -> None:
    app.add("0002_drop", 'migrations.AlterModelOptions("thing", {})', attributes="stage = 'After'")
    [finding] = [each for each in found(app) if each.id == "schema.C024"]
    assert "its stage is 'After'" in finding.message


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (ADD.format("kind", "TextField(null=True)"), "is in service before it is there"),
        ('migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))])', "in service before"),
        ('migrations.RemoveField("thing", "name")', "inserts rows without this column"),
    ],
)
def test_what_the_deployed_release_needs_may_not_come_after_the_deploy(app: App, operation: str, words: str) -> None:
    app.add("0002_late", operation, attributes="stage = 'after'")
    [finding] = [each for each in found(app) if each.id == "schema.C025"]
    assert words in finding.message


def test_a_column_that_may_be_left_out_may_be_dropped_after_the_deploy(app: App) -> None:
    app.add("0002_drop", 'migrations.RemoveField("thing", "size")', attributes="stage = 'after'")
    assert ids(app) == set()


ADD_TOO = 'AddFieldOnline("thing", "size_too", models.BigIntegerField(null=True))'
SWAP = 'SwapFields("thing", "size", "size_too")'


def test_a_swap_that_would_leave_a_column_unguarded_trips(app: App) -> None:
    indexed = 'AlterFieldOnline("thing", "size", models.IntegerField(null=True, db_index=True))'
    app.add("0002_swap", f"{indexed}, {ADD_TOO}, {SWAP}", attributes="atomic = False")
    [finding] = [each for each in found(app) if each.id != "schema.C001"]
    assert finding.id == "schema.C026"
    assert "size has an index, and size_too has none like it" in finding.message


def test_a_swap_of_columns_that_are_guarded_alike_does_not(app: App) -> None:
    app.add("0002_swap", f"{ADD_TOO}, {SWAP}", attributes="atomic = False")
    assert ids(app) == set()


class TestDrift:
    def test_a_field_that_no_migration_makes_trips(self, app: App) -> None:
        app.models(ID + "    name = models.CharField(max_length=50)\n")
        [finding] = found(app)
        assert (finding.id, finding.where) == ("schema.C001", app.label)
        assert "Remove field size from thing" in finding.message
        assert finding.way_out == f"manage.py makemigrations {app.label}"

    def test_models_as_the_migrations_have_them_do_not(self, app: App) -> None:
        assert found(app) == []


class TestLeaves:
    def test_two_last_migrations_trip(self, app: App) -> None:
        app.add("0002_one", "")
        app.add("0002_two", "")
        assert ids(app) == {"schema.C002"}

    def test_a_merge_of_both_does_not(self, app: App) -> None:
        app.add("0002_one", "")
        app.add("0003_two", "", after="0002_one")
        assert ids(app) == set()


class TestFiles:
    @pytest.mark.parametrize("name", ["_0002_x.py", "~0002_x.py", "0002.x.py", "old/0002_x.py", "0002-x.py"])
    def test_a_migration_that_is_not_loaded_or_cannot_be_imported_trips(self, app: App, name: str) -> None:
        app.add("0002_x", "")
        (app.folder / "old").mkdir()
        (app.folder / "0002_x.py").rename(app.folder / name)
        [finding] = found(app)
        assert finding.id == "schema.C004"
        assert str(app.folder / name) in finding.message

    def test_a_file_without_a_migration_class_trips_and_so_does_what_nobody_could_check(self, app: App) -> None:
        app.write("0002_x.py", "NUMBER = 1\n")
        finding, unchecked = found(app)
        assert (finding.id, "no Migration class" in finding.message) == ("schema.C004", True)
        assert (unchecked.id, "BadMigrationError" in unchecked.message) == ("schema.C000", True)

    def test_a_file_that_is_not_python_trips(self, app: App) -> None:
        app.write("0002_x.py", "def\n")
        assert ids(app) == {"schema.C000", "schema.C004"}

    def test_a_folder_that_is_no_package_trips(self, app: App) -> None:
        (app.folder / "__init__.py").unlink()
        assert "schema.C004" in ids(app)

    def test_a_module_of_shared_words_under_an_underscore_does_not(self, app: App) -> None:
        app.write("_words.py", "NUMBER = 1\n")
        app.add("0002_x", "")
        assert found(app) == []


USES = [
    "from LABEL.models import Thing",
    "from LABEL import models as live\n\ndef fill(apps, schema_editor):\n    live.Thing.objects.update(size=1)",
    "from ..models import Thing",
    "from LABEL.models import *",
    "import LABEL.models\n\ndef fill(apps, schema_editor):\n    LABEL.models.Thing.objects.update(size=1)",
    "from django.apps import apps",
    "import django.apps\n\ndef fill(a, schema_editor):\n    django.apps.apps.get_model('LABEL', 'Thing')",
    "from django.contrib.auth import get_user_model",
]
USES_NOT = [
    "from LABEL.models import default_name",
    "def fill(apps, schema_editor):\n    apps.get_model('LABEL', 'Thing').objects.update(size=1)",
    "from LABEL import models as live\n\nlive.default_name()",
    "from LABEL import models as live\n\ndef fill(live, schema_editor):\n    live.Thing",
]


class TestLiveModels:
    @pytest.mark.parametrize("text", USES)
    def test_a_model_of_today_trips(self, app: App, text: str) -> None:
        self.write(app, text)
        assert ids(app) == {"schema.C005"}

    @pytest.mark.parametrize("text", USES_NOT)
    def test_what_is_no_model_of_today_does_not(self, app: App, text: str) -> None:
        self.write(app, text)
        assert ids(app) == set()

    def write(self, app: App, text: str) -> None:
        (app.root / "models.py").open("a").write("\n\ndef default_name():\n    return 'a'\n")
        app.add("0002_use", "", more=text.replace("LABEL", app.label))


class TestTransaction:
    def test_code_and_a_new_column_in_one_transaction_trip(self, app: App) -> None:
        extra = ADD.format("extra", "IntegerField(null=True)")
        app.add("0002_both", f"{extra}, migrations.RunPython(fill, {NOOP})", more=FILL.replace("LABEL", app.label))
        assert ids(app) == {"schema.C006"}

    @pytest.mark.parametrize(
        ("operations", "attributes"),
        [
            (f"migrations.RunPython(fill, {NOOP})", ""),
            (ADD.format("extra", "IntegerField(null=True)"), ""),
            (
                ADD.format("extra", "IntegerField(null=True)") + f", migrations.RunPython(fill, {NOOP})",
                "atomic = False",
            ),
            (f"migrations.AlterModelOptions('thing', {{}}), migrations.RunPython(fill, {NOOP})", ""),
        ],
    )
    def test_either_alone_or_without_a_transaction_does_not(self, app: App, operations: str, attributes: str) -> None:
        app.add("0002_one", operations, attributes=attributes, more=FILL.replace("LABEL", app.label))
        assert ids(app) == set()


class TestBackfills:
    FILLS = "Backfill('Thing', set={'name': 'a'}, reverse={})"
    MORE = "from config.schema.operations import Backfill"

    def test_one_in_a_transaction_trips(self, app: App) -> None:
        app.add("0002_fill", self.FILLS, more=self.MORE)
        assert ids(app) == {"schema.C009"}

    def test_one_that_commits_batch_by_batch_does_not(self, app: App) -> None:
        app.add("0002_fill", self.FILLS, attributes="atomic = False", more=self.MORE)
        assert ids(app) == set()


class TestPartitions:
    IN_PLACE = "PartitionByMonthOnline('Thing', 'size'{})"
    MORE = "from config.schema.operations import PartitionByMonthOnline"

    def test_where_the_server_copies_the_table_while_writes_wait_trips(self, app: App) -> None:
        app.add("0002_months", self.IN_PLACE.format(""), attributes="atomic = False", more=self.MORE)
        [finding] = [each for each in found(app) if each.id != "schema.C001"]
        assert (finding.id, finding.engines) == ("schema.C019", ("mariadb", "mysql"))

    @pytest.mark.parametrize("said", ["executor='pt-osc'", "blocking='because of the window'"])
    def test_with_another_program_or_a_window_does_not(self, app: App, said: str) -> None:
        app.add("0002_months", self.IN_PLACE.format(f", {said}"), attributes="atomic = False", more=self.MORE)
        assert ids(app) == set()


class TestEdits:
    def test_an_applied_migration_that_was_edited_trips(self, app: App) -> None:
        assert ids(app, recorded={(app.label, "0001_thing"): "of another meaning"}) == {"schema.C007"}

    def test_one_that_was_not_does_not(self, app: App) -> None:
        app.install()
        digest = migration_digest(MigrationLoader(None).disk_migrations[app.label, "0001_thing"])
        assert check([app.label], recorded={(app.label, "0001_thing"): digest}) == []


class TestSilence:
    def test_a_migration_silences_a_rule_for_itself_with_a_reason(self, app: App) -> None:
        app.add("0002_index", INDEX, attributes='schema_check_ignore = {"schema.C011": "the table is small"}')
        assert ids(app) == set()

    @pytest.mark.parametrize(
        ("attribute", "others"),
        [
            ('{"schema.C011": ""}', {"schema.C011"}),
            ('{"schema.C011": "  "}', set()),
            ('["schema.C011"]', {"schema.C011"}),
            ('{"schema.C999": "why not"}', {"schema.C011"}),
            ('{"schema.C000": "why not"}', {"schema.C011"}),
        ],
    )
    def test_silence_without_a_reason_is_a_finding(self, app: App, attribute: str, others: set[str]) -> None:
        app.add("0002_index", INDEX, attributes=f"schema_check_ignore = {attribute}")
        assert ids(app) == {"schema.C008"} | others


class TestFailure:
    def test_a_rule_that_fails_is_a_finding(self, app: App) -> None:
        """The models of an app that cannot be asked for: the rule cannot know, and says so."""
        app.add("0002_away", 'migrations.RemoveField("thing", "colour")')
        findings = found(app)
        assert {each.id for each in findings} >= {"schema.C000"}
        assert "KeyError" in next(each.message for each in findings if each.id == "schema.C000")

    def test_migrations_that_cannot_be_loaded_are_a_finding(self, app: App) -> None:
        app.add("0002_x", "", after="0001_no_such")
        app.add("_0003_x", "")
        ignored, finding = found(app)
        assert (ignored.id, finding.id) == ("schema.C004", "schema.C000")
        assert "0001_no_such" in finding.message


def test_every_rule_has_a_level_and_a_title() -> None:
    assert all(rule.level in ("error", "warning") and rule.title for rule in RULES.values())


class TestCommand:
    def test_this_project_is_clean_and_needs_no_database(self) -> None:
        done = run_manage("schema_check", DATABASE_URL="sqlite:////nowhere/at/all.sqlite3")
        assert done.returncode == 0, done.stdout
        assert "error" not in done.stdout
        assert "Edits of applied migrations are not looked for. There is no file" in done.stderr

    def test_warnings_fail_when_asked_and_json_lists_them(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        done = run_manage("schema_check", "inventory", "--fail-on", "warning", "--format", "json", DATABASE_URL=url)
        assert done.returncode == 4
        answer = json.loads(done.stdout)
        assert [(each["id"], each["where"]) for each in answer["findings"]] == [
            ("schema.C014", "inventory.0011_vm_disks_job")
        ]
        on_postgresql = ("--fail-on", "warning", "--engine", "postgresql")
        assert run_manage("schema_check", *on_postgresql, DATABASE_URL=url).returncode == 0

    def test_an_edit_of_what_is_applied_is_found_until_it_is_unapplied(
        self, app: App, django_db_blocker: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        app.add("0002_index", INDEX)
        app.install()
        with django_db_blocker.unblock(), default_database("sqlite"):
            call_command("migrate", app.label, verbosity=0)
            app.add("0002_index", INDEX.replace("thing_size", "thing_other"))
            app.forget()
            with pytest.raises(Refused):
                call_command("schema_check", app.label)
            assert f"schema.C007 {app.label}.0002_index" in capsys.readouterr().out
            call_command("migrate", app.label, "0001", fake=True, verbosity=0)
            with contextlib.suppress(Refused):
                call_command("schema_check", app.label)
            assert "schema.C007" not in capsys.readouterr().out

    def test_an_unknown_app_is_a_usage_error(self) -> None:
        assert run_manage("schema_check", "no_such_app").returncode == 2


class TestOnline:
    """What Django does blockingly has an operation of another name; what that does is not found."""

    @pytest.mark.parametrize(
        ("operation", "online"),
        [
            (INDEX, "AddIndexOnline"),
            (ALTER.format("size", "IntegerField(db_default=0)"), "AlterFieldOnline"),
            (ALTER.format("name", "CharField(max_length=50, unique=True)"), "AlterFieldOnline"),
            (ADD.format("more", "IntegerField(null=True, db_index=True)"), "AddFieldOnline"),
        ],
    )
    def test_the_way_out_names_the_operation_and_leads_out(
        self, app: App, other_app: App, operation: str, online: str
    ) -> None:
        app.add("0002_operation", operation)
        assert any(online in finding.way_out for finding in found(app))
        app.close()
        said = operation.replace(f"migrations.{online.removesuffix('Online')}", online)
        app.add(
            "0002_operation", said, attributes="atomic = False", more=f"from config.schema.operations import {online}"
        )
        assert ids(app) == set()

    def test_a_check_that_mariadb_copies_the_table_for_needs_a_window(self, app: App, other_app: App) -> None:
        check = 'models.CheckConstraint(condition=models.Q(size__gte=0), name="thing_size")'
        imported = "from config.schema.operations import AddConstraintOnline"
        app.add("0002_check", f'AddConstraintOnline("thing", {check})', attributes="atomic = False", more=imported)
        [finding] = [each for each in found(app) if each.id != "schema.C001"]
        assert (finding.id, set(finding.engines)) == ("schema.C013", {"mariadb", "mysql"})
        app.close()
        said = f'AddConstraintOnline("thing", {check}, blocking="because")'
        other_app.add("0002_check", said, attributes="atomic = False", more=imported)
        assert ids(other_app) == set()

    def test_a_table_that_is_small_is_not_warned_of(self, app: App) -> None:
        app.add("0002_index", INDEX)
        assert "schema.C011" in ids(app, is_small=lambda table: False)
        assert ids(app, is_small=lambda table: table == f"{app.label}_thing") == set()

    @pytest.mark.every_engine
    def test_a_table_is_small_by_its_rows_and_not_where_it_is_unknown(
        self, engine: str, django_db_blocker: Any
    ) -> None:
        with django_db_blocker.unblock(), default_database(engine) as connection:
            assert not is_small(connection, "t_rows")
            execute(connection, "CREATE TABLE t_rows (n integer)")
            assert is_small(connection, "t_rows")
            for _ in range(2):
                execute(connection, f"INSERT INTO t_rows VALUES {', '.join(['(1)'] * (SMALL_ROWS // 2))}")
            assert not is_small(connection, "t_rows")
