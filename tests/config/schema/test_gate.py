"""The gate before a plan, what an approval is bound to, and the command that shows both."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from config.schema.exits import REFUSED, Refused
from config.schema.gate import check_gate, plan_digest
from config.schema.loss import Loss, LossClass
from config.schema.plan import PlannedMigration, PlannedStep
from tests.config.schema.manage import manage, run_manage
from tests.config.test_settings import PRODUCTION, refusal, settings
from tests.engines import fresh_database

STEP = PlannedStep("Add field note", reversible=True, loss=Loss(), blocking="no", why=("it is instant",))
CODE = replace(STEP, description="Fill note", loss=Loss(LossClass.UNKNOWN, what="only its author knows"))
LOSSY = replace(STEP, description="Remove field size", loss=Loss(LossClass.LOSSY, 2, "2 filled values of t.size"))
UNCOUNTED = replace(STEP, description="Delete model", loss=Loss(LossClass.UNCOUNTED, what="no table t"))
ONE_WAY = replace(STEP, description="Drop the log", reversible=False)
STOPPED = [
    # the steps, whether each mode stops them
    ([STEP], {"none": False, "destructive": False, "all": True}),
    ([CODE], {"none": False, "destructive": False, "all": True}),
    ([LOSSY], {"none": False, "destructive": True, "all": True}),
    ([UNCOUNTED], {"none": False, "destructive": True, "all": True}),
    ([STEP, ONE_WAY], {"none": False, "destructive": True, "all": True}),
    ([], {"none": False, "destructive": False, "all": True}),
]


def plan(*steps: PlannedStep, name: str = "0002_next", digest: str = "d" * 64) -> list[PlannedMigration]:
    return [PlannedMigration("app", name, False, True, "", digest, steps)]


@pytest.mark.parametrize("mode", ["none", "destructive", "all"])
@pytest.mark.parametrize(("steps", "stopped"), STOPPED)
def test_the_gate_stops_what_its_mode_says(steps: list[PlannedStep], stopped: dict[str, bool], mode: Any) -> None:
    if stopped[mode]:
        with pytest.raises(Refused) as refused:
            check_gate(plan(*steps), digest="d", mode=mode, allow_destructive=False, approved=False)
        assert refused.value.returncode == REFUSED
        assert f"SCHEMA_GATE is {mode}" in str(refused.value)
        assert "app.0002_next" in str(refused.value)
        assert "--allow-destructive" in str(refused.value)
    else:
        check_gate(plan(*steps), digest="d", mode=mode, allow_destructive=False, approved=False)


@pytest.mark.parametrize("passing", [{"approved": True}, {"allow_destructive": True}])
@pytest.mark.parametrize("mode", ["destructive", "all"])
def test_an_approval_or_the_word_of_the_operator_opens_it(mode: Any, passing: dict[str, bool]) -> None:
    check_gate(
        plan(LOSSY, ONE_WAY), digest="d", mode=mode, **{"approved": False, "allow_destructive": False, **passing}
    )


def test_nothing_to_do_passes_every_gate() -> None:
    check_gate([], digest="d", mode="all", allow_destructive=False, approved=False)


def test_the_refusal_names_the_steps_and_what_they_would_take() -> None:
    with pytest.raises(Refused) as refused:
        check_gate(plan(STEP, LOSSY, ONE_WAY), digest="d", mode="destructive", allow_destructive=False, approved=False)
    said = str(refused.value)
    assert "app.0002_next: Remove field size (lossy: 2 filled values of t.size)" in said
    assert "app.0002_next: Drop the log (irreversible)" in said
    assert "Add field note" not in said


def test_a_mode_that_there_is_not_is_an_error_and_not_an_open_gate() -> None:
    with pytest.raises(ValueError, match="maybe is no mode"):
        check_gate([], digest="d", mode="maybe", allow_destructive=True, approved=True)  # type: ignore[arg-type]


@pytest.mark.django_db
class TestDigest:
    def test_rows_sql_and_words_do_not_change_it(self) -> None:
        more = replace(LOSSY, loss=Loss(LossClass.LOSSY, 3, "3 filled values of t.size"), sql=("DROP",), why=())
        assert plan_digest(connection, plan(more)) == plan_digest(connection, plan(LOSSY))

    @pytest.mark.parametrize(
        "other",
        [
            plan(STEP),
            plan(replace(LOSSY, reversible=False)),
            plan(LOSSY, STEP),
            plan(LOSSY, name="0002_other"),
            plan(LOSSY, digest="e" * 64),
            [replace(plan(LOSSY)[0], backwards=True)],
            [*plan(STEP, name="0003"), *plan(LOSSY)],
        ],
    )
    def test_another_meaning_order_or_class_of_loss_does(self, other: list[PlannedMigration]) -> None:
        assert plan_digest(connection, other) != plan_digest(connection, plan(LOSSY))

    def test_another_version_of_the_engine_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = plan_digest(connection, plan(LOSSY))
        monkeypatch.setattr(connection, "get_database_version", lambda: (99, 1))
        assert plan_digest(connection, plan(LOSSY)) != before


class TestSetting:
    def test_production_guards_what_is_destructive_and_nobody_else_does(self) -> None:
        assert settings(**PRODUCTION)["SCHEMA_GATE"] == "destructive"
        assert settings(DATABASE_URL="")["SCHEMA_GATE"] == "none"

    @pytest.mark.parametrize("mode", ["none", "all"])
    def test_it_may_be_set(self, mode: str) -> None:
        assert settings(**PRODUCTION, SCHEMA_GATE=mode)["SCHEMA_GATE"] == mode

    def test_another_word_refuses_to_start(self) -> None:
        assert "SCHEMA_GATE is not one of none, destructive, all" in refusal(SCHEMA_GATE="off")


@pytest.fixture
def url() -> Iterator[str]:
    with fresh_database("sqlite") as address:
        yield address


class TestCommand:
    def test_everything_is_pending_on_an_empty_database_which_stays_empty(self, url: str) -> None:
        answer = json.loads(manage(url, "schema_plan", "--format", "json"))
        assert answer["engine"] == "sqlite"
        assert len(answer["migrations"]) > 20
        verdicts = {step["verdict"] for each in answer["migrations"] for step in each["steps"]}
        assert verdicts == {"reversible", "unknown"}
        assert json.loads(manage(url, "schema_plan", "--format", "json")) == answer
        assert run_manage("migrate", "--check", DATABASE_URL=url).returncode == 1

    def test_the_checklist_has_what_is_known_and_lines_for_a_person(self, url: str) -> None:
        page = manage(url, "schema_plan", "contenttypes", "0001", "--checklist")
        assert "- `contenttypes.0001_initial`" in page
        assert "- [ ] Loss: none" in page
        assert 'CREATE TABLE "django_content_type"' in page
        assert "The window is agreed. Name: ____" in page

    def test_a_database_that_does_not_answer_is_exit_6(self) -> None:
        done = run_manage("schema_plan", DATABASE_URL="sqlite:////nowhere/at/all.sqlite3")
        assert done.returncode == 6

    def test_an_app_or_a_migration_that_there_is_not_is_a_usage_error(self, url: str) -> None:
        assert run_manage("schema_plan", "no_such_app", DATABASE_URL=url).returncode == 2
        assert run_manage("schema_plan", "inventory", "9999", DATABASE_URL=url).returncode == 2
