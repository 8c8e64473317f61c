"""What `migrate` does not run unasked where SCHEMA_GATE is set."""

import contextlib
import signal
from collections.abc import Iterator

import pytest

from tests.config.schema.processes import rows, run
from tests.engines import connect, fresh_database

pytestmark = pytest.mark.every_engine


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        assert run(address, "migrate", SCHEMA_GATE="destructive")[0] == 0
        yield address


def test_steps_that_lose_rows_are_refused_and_nothing_is_done(url):
    code, printed = run(url, "migrate", "counted", "zero", SCHEMA_GATE="destructive")

    assert code == 4
    assert "counted.0001_table: Create model Count" in printed
    assert "give --allow-destructive" in printed
    assert len(rows(url, "SELECT 1 FROM counted_count")) == 2
    assert rows(url, "SELECT owner FROM schema_claims") == [(None,)]
    assert len(rows(url, "SELECT 1 FROM schema_runs")) == 1


def test_who_allows_them_gets_them(url):
    assert run(url, "migrate", "counted", "zero", "--allow-destructive", SCHEMA_GATE="destructive")[0] == 0
    assert rows(url, "SELECT arguments FROM schema_runs ORDER BY id DESC")[0] == ("counted zero --allow-destructive",)


def test_what_loses_nothing_runs(url):
    assert run(url, "migrate", "counted", "0002", SCHEMA_GATE="destructive")[0] == 0


def test_to_fake_needs_a_reason(url):
    code, printed = run(url, "migrate", "counted", "0002", "--fake", SCHEMA_GATE="destructive")
    assert (code, "say --reason" in printed) == (4, True)
    fake = ("migrate", "counted", "0002", "--fake", "--reason", "restored by hand")
    assert run(url, *fake, SCHEMA_GATE="destructive")[0] == 0


def digest_of(url: str, *words: str) -> str:
    return run(url, "schema_plan", *words)[1].rpartition("Plan ")[2].strip()


def approve(url: str, digest: str) -> None:
    with contextlib.closing(connect(url)) as connection:
        connection.cursor().execute(
            "INSERT INTO schema_approvals (digest, approved_by, reason, approved_at)"
            f" VALUES ('{digest}', 'ada', 'agreed', '2026-01-01 00:00:00')"
        )


def test_the_plan_that_a_person_approved_runs_and_no_other(url):
    approve(url, digest_of(url, "counted", "zero"))

    code, printed = run(url, "migrate", "counted", "0001", SCHEMA_GATE="all")
    assert (code, f"have plan {digest_of(url, 'counted', '0001')} approved" in printed) == (4, True), printed
    assert run(url, "migrate", "counted", "zero", SCHEMA_GATE="all")[0] == 0


def test_an_approval_that_was_withdrawn_is_none(url):
    approve(url, digest_of(url, "counted", "zero"))
    with contextlib.closing(connect(url)) as connection:
        connection.cursor().execute("UPDATE schema_approvals SET withdrawn_at = approved_at")

    assert run(url, "migrate", "counted", "zero", SCHEMA_GATE="destructive")[0] == 4


def test_going_on_with_what_was_begun_lets_nothing_else_through(url):
    assert run(url, "migrate", apps="counted,edited", DIES="1")[0] == -signal.SIGKILL
    shut = {"apps": "counted,edited,oneway", "SCHEMA_GATE": "destructive"}

    code, printed = run(url, "migrate", **shut)
    assert (code, "oneway.0001" in printed, "edited.0001_edited: " in printed) == (4, True, False), printed
    assert run(url, "migrate", "edited", **shut)[0] == 0
    assert run(url, "migrate", **shut)[0] == 4


def test_to_prune_runs_no_migration_so_no_gate_is_asked_and_it_is_journalled(url):
    gone = "INSERT INTO django_migrations (app, name, applied) VALUES ('counted', '0000_gone', '2026-01-01 00:00:00')"
    with contextlib.closing(connect(url)) as connection:
        connection.cursor().execute(gone)
    code, printed = run(url, "migrate", "counted", "--prune", apps="counted,oneway", SCHEMA_GATE="destructive")

    assert code == 0, printed
    assert rows(url, "SELECT 1 FROM django_migrations WHERE name = '0000_gone'") == []
    newest = "SELECT arguments, outcome FROM schema_runs ORDER BY id DESC"
    assert rows(url, newest)[0] == ("counted --prune", "done")


def test_a_reason_that_is_no_text_is_a_sentence(url):
    code, printed = run(url, "migrate", "--reason", "caf\udce9")

    assert (code, "it holds bytes that are no text" in printed, "Traceback" in printed) == (2, True, False)
