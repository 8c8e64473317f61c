"""Work that is asked for: who may say what to it, and what voids what was said."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from config.schema.exits import Refused
from config.schema.gate import plan_digest
from config.schema.journal import Approval, Journal, Request, Run
from config.schema.plan import read_plan
from config.schema.requests.actions import command_of, shown_command
from config.schema.requests.columns import Status
from config.schema.requests.lost import ending
from config.schema.requests.services import (
    approve_request,
    cancel_request,
    one,
    propose,
    refuse_request,
    request_work,
    run_request,
)
from config.schema.requests.work import MOST_OUTPUT, clean, take_request
from tests.config.schema.test_admin import backfill

pytestmark = pytest.mark.django_db
SEEN = {"reason": "the release of Saturday", "by": "ada"}


@pytest.fixture
def pending() -> str:
    """One migration is to be run; the digest of the plan."""
    unrecord("0001_seeded_rows")
    return plan_digest(connection, read_plan(connection))


def unrecord(name: str) -> None:
    MigrationRecorder(connection).migration_qs.filter(app="demo", name=name).delete()


@pytest.fixture
def asked(pending, settings):
    settings.SCHEMA_GATE = "all"
    return request_work(connection, "apply", digest=pending, **SEEN)


def test_what_the_gate_stops_waits_for_another_person_and_then_for_who_lets_it_go(asked, pending):
    with pytest.raises(Refused, match="asked for this yourself"):
        approve_request(connection, asked.pk, digest=pending, by="ada")
    with pytest.raises(Refused, match="waits for the approval of another person"):
        run_request(connection, asked.pk, by="ada")

    assert approve_request(connection, asked.pk, digest=pending, by="bob").status == Status.APPROVED
    assert Journal(connection).is_approved(pending)
    assert run_request(connection, asked.pk, by="ada").status == Status.QUEUED

    taken = take_request(connection)
    assert (taken.pk, taken.status, take_request(connection)) == (asked.pk, Status.RUNNING, None)
    assert command_of(taken)[:3] == ("migrate", "--expect", pending)
    assert f"Request {asked.pk} of ada, approved by bob: the release of Saturday" in shown_command(taken)


def test_what_no_gate_stops_needs_no_approval(pending, settings):
    settings.SCHEMA_GATE = "destructive"
    row = request_work(connection, "apply", digest=pending, **SEEN)
    assert not row.needs_approval
    with pytest.raises(Refused, match="waits for no approval"):
        approve_request(connection, row.pk, digest=pending, by="bob")
    assert run_request(connection, row.pk, by="ada").status == Status.QUEUED


def test_plan_that_changed_voids_the_request_and_its_approval(asked, pending, settings):
    approve_request(connection, asked.pk, digest=pending, by="bob")
    run_request(connection, asked.pk, by="ada")
    MigrationRecorder(connection).migration_qs.filter(app="sessions").delete()

    assert take_request(connection) is None
    row = one(connection, asked.pk)
    assert (row.status, row.open_key, row.exit_code) == (Status.EXPIRED, None, None)
    assert "The plan has changed since it was asked for" in row.said
    assert not Journal(connection).is_approved(pending)


def test_nobody_approves_or_asks_for_a_plan_that_they_were_not_shown(asked, pending):
    with pytest.raises(Refused, match="not the plan that you were shown"):
        approve_request(connection, asked.pk, digest="0" * 64, by="bob")
    cancel_request(connection, asked.pk, by="ada")
    with pytest.raises(Refused, match="another by now"):
        request_work(connection, "apply", digest="0" * 64, **SEEN)


def test_approval_withdrawn_elsewhere_voids_the_request(asked, pending):
    approve_request(connection, asked.pk, digest=pending, by="bob")
    Approval._base_manager.update(withdrawn_at=timezone.now(), withdrawn_by="bob")
    with pytest.raises(Refused, match="was withdrawn"):
        run_request(connection, asked.pk, by="ada")
    assert one(connection, asked.pk).status == Status.EXPIRED


def test_request_that_nobody_lets_go_expires(asked, pending):
    Request._base_manager.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Refused, match="within 7 days"):
        approve_request(connection, asked.pk, digest=pending, by="bob")
    assert one(connection, asked.pk).status == Status.EXPIRED


def test_same_is_not_asked_for_twice_at_a_time(asked, pending):
    with pytest.raises(Refused, match="asked for already"):
        request_work(connection, "apply", digest=pending, **SEEN)
    refuse_request(connection, asked.pk, reason="not on a Friday", by="bob")
    assert request_work(connection, "apply", digest=pending, **SEEN).pk != asked.pk


def test_what_has_ended_or_runs_is_neither_approved_refused_cancelled_nor_run_again(pending):
    row = request_work(connection, "backup", reason="before the deploy", by="ada")
    run_request(connection, row.pk, by="ada")
    take_request(connection)
    for change in (
        lambda: cancel_request(connection, row.pk, by="ada"),
        lambda: refuse_request(connection, row.pk, reason="no", by="bob"),
        lambda: run_request(connection, row.pk, by="ada"),
    ):
        with pytest.raises(Refused, match="It is running, so nothing was changed"):
            change()


@pytest.mark.parametrize(
    ("action", "subject", "words"),
    [
        ("drop", "", "nothing that can be asked for"),
        ("rollback", "", "Say how many"),
        ("rollback", "0", "Say how many"),
        ("rollback", "--yes 1", "Say how many"),
        ("rollback", "inventory 9999_none", "no migration 9999_none"),
        ("recover", "schema_recover --apply --only x", "nothing which can be mended"),
        ("recover", "", "nothing which can be mended"),
        ("pause", "17", "none of this number"),
        ("apply", "", "Nothing is pending"),
    ],
)
def test_what_cannot_be_done_is_not_asked_for(action, subject, words):
    with pytest.raises(Refused, match=words):
        request_work(connection, action, subject, **SEEN)
    assert not Request._base_manager.exists()


def test_reason_is_asked_for(pending):
    with pytest.raises(Refused, match="Say why"):
        request_work(connection, "backup", reason=" ", by="ada")


def test_rollback_says_what_it_takes_back(settings):
    settings.SCHEMA_GATE = "all"
    proposed = propose(connection, "rollback", "1")
    assert len(proposed.plan) == 1 and proposed.plan[0].backwards
    assert proposed.needs_approval and "SCHEMA_GATE is all" in proposed.why


def test_backfill_is_paused_at_once_and_by_the_name_of_who_said_so():
    row = backfill()
    asked = request_work(connection, "pause", str(row.pk), reason="the night shift", by="ada")
    assert run_request(connection, asked.pk, by="ada").status == Status.DONE
    row.refresh_from_db()
    assert row.paused_by == "ada"
    asked = request_work(connection, "resume", str(row.pk), reason="they have gone", by="bob")
    run_request(connection, asked.pk, by="bob")
    row.refresh_from_db()
    assert row.paused_by is None


@pytest.mark.parametrize(
    "change",
    [
        {"approved_by": "ada", "approved_at": "2026-01-01 00:00"},
        {"approved_by": "bob"},
        {"status": "approved"},
        {"status": "queued", "run_by": "ada", "run_at": "2026-01-01 00:00"},
        {"status": "running", "run_by": "ada", "run_at": "2026-01-01 00:00"},
        {"status": "done", "open_key": None, "ended_at": "2026-01-01 00:00"},
        {"status": "cancelled"},
        {"status": "nothing"},
        {"action": "drop"},
        {"open_key": None},
        {"ended_at": "2026-01-01 00:00"},
        {"lease_seconds": 0},
    ],
    ids=str,
)
def test_database_itself_refuses(asked, change):
    change = {name: f"{value}+00:00" if name.endswith("_at") else value for name, value in change.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Request._base_manager.filter(pk=asked.pk).update(**change)


def journalled(row, **columns):
    now = timezone.now()
    at = {"command": "migrate", "host": "web-1", "pid": 1, "release": "1", "engine": "x", "lock_wait_ms": 0}
    return Run._base_manager.create(by="hub", reason=f"Request {row.pk} of ada: x", started_at=now, **at | columns)


@pytest.mark.parametrize(
    ("columns", "status", "words"),
    [
        (None, Status.FAILED, "before anything was begun"),
        ({"outcome": "done"}, Status.DONE, "ended well"),
        ({"outcome": "failed", "error": "Refused: no"}, Status.FAILED, "failed: Refused: no"),
        ({"outcome": "interrupted"}, Status.FAILED, "in the middle"),
        ({"outcome": None}, Status.FAILED, "in the middle"),
        ({"outcome": "paused"}, Status.FAILED, "resume the backfill"),
    ],
)
def test_end_of_a_request_whose_worker_is_gone_is_what_the_journal_says(asked, columns, status, words):
    if columns is not None:
        journalled(asked, **columns)
    found, _, said = ending(connection, asked)
    assert (found, words in said) == (status, True)


def test_output_is_bounded_and_shows_no_secret_and_no_colour(settings, monkeypatch):
    # For the length of the test only: the connections of other threads read it too.
    monkeypatch.setitem(settings.DATABASES, "default", settings.DATABASES["default"] | {"PASSWORD": "hunter2-secret"})
    said = clean("\x1b[31mred\x1b[0m 10%\r20%\nmysql://hub:pw@db/x hunter2-secret\0")
    assert said == "20%\nmysql://hub:***@db/x ***"
    assert len(clean("x" * 99_999)) == MOST_OUTPUT + 4
