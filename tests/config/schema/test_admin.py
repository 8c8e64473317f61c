"""The staff pages of the schema: its state, its history, and the tasks that a person approves."""

from datetime import timedelta

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.demo.factories import UserFactory
from config.schema import journal
from config.schema.checklist import checklist
from config.schema.gate import plan_digest
from config.schema.plan import read_plan
from config.schema.probe import probe

pytestmark = pytest.mark.django_db
MODELS = [pytest.param(model, id=model.__name__) for model in site._registry if model._meta.app_label == "schema"]
DIGEST = "0" * 64
STATE = "admin:schema_appliedmigration_changelist"


def page(model, name: str, *keys) -> str:
    return reverse(f"admin:schema_{model._meta.model_name}_{name}", args=keys)


def task(**columns):
    now = timezone.now()
    return journal.RecoveryTask._base_manager.create(
        **{"fault": "missing_table", "subject": "t", "words": "It is gone.", "opened_at": now} | columns
    )


def backfill(**columns):
    now = timezone.now()
    at = {"step": 1, "operation": 0, "app": "shop", "migration": "0002_fill", "backwards": False}
    words = {"name": "order.total", "table_name": "shop_order", "batch_rows": 2000, "started_at": now, "last_at": now}
    return journal.Backfill._base_manager.create(**at | words | columns)


@pytest.fixture
def one_of_each() -> None:
    fill()


def fill() -> None:
    now = timezone.now()
    run = journal.Run._base_manager.create(
        command="migrate",
        by="ada",
        host="web-1",
        pid=1,
        release="1.0",
        engine="sqlite 3.40",
        lock_wait_ms=0,
        started_at=now,
    )
    step = journal.Step._base_manager.create(
        run=run,
        app="inventory",
        name="0001_x",
        backwards=False,
        in_one_transaction=False,
        digest="d",
        operations="[]",
        started_at=now,
        ended_at=now,
    )
    at = {"step": step, "number": 0}
    journal.OperationEntry._base_manager.create(**at, is_code=True, started_at=now)
    journal.StatementEntry._base_manager.create(**at, run=run, operation=0, sql="SELECT", digest="d", started_at=now)
    journal.AnswerEntry._base_manager.create(**at, operation=0, question="get_constraints()", answer="{}")
    task()
    backfill()
    journal.Approval._base_manager.create(digest=DIGEST, approved_by="ada", reason="agreed", approved_at=now)
    journal.ChecklistTick._base_manager.create(digest=DIGEST, item="window", note="", ticked_by="ada", ticked_at=now)
    journal.Request._base_manager.create(
        action="backup",
        plan="[]",
        needs_approval=False,
        reason="agreed",
        requested_by="ada",
        requested_at=now,
        expires_at=now,
        status="cancelled",
        ended_at=now,
    )
    probe(connection, release="1.0")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("one_of_each")
def test_every_page_is_seen_and_nothing_is_changed_by_hand(admin_client, model):
    assert admin_client.get(page(model, "changelist")).status_code == 200
    assert admin_client.get(f"{page(model, 'changelist')}?q=a").status_code == 200
    record = model._base_manager.first()
    assert admin_client.get(page(model, "change", record.pk)).status_code == 200
    adds = [] if model.__name__ == "Approval" else [page(model, "add")]
    for address in (*adds, page(model, "change", record.pk), page(model, "delete", record.pk)):
        assert admin_client.post(address, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("one_of_each")
def test_a_longer_list_makes_no_more_queries(admin_client, model):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            admin_client.get(page(model, "changelist"))
        return len(seen)

    queries()
    few = queries()
    for _ in range(3):
        fill()
    assert queries() <= few


def test_the_state_is_what_the_command_says_and_the_applied_migrations_stand_below(admin_client):
    MigrationRecorder(connection).migration_qs.filter(app="inventory", name="0011_vm_disks_job").delete()

    shown = admin_client.get(reverse(STATE)).content.decode()

    assert ": drifted</h2>" in shown
    assert "inventory.0011_vm_disks_job has been applied here, and is not recorded so." in shown
    assert "Last probe: unknown, no worker has looked" in shown
    assert "0010_" in shown


def test_what_a_probe_found_is_shown_with_its_age_until_it_is_too_old(admin_client, settings):
    probe(connection, release="1.0")
    assert "Last probe: ready, 0\xa0minutes ago" in admin_client.get(reverse(STATE)).content.decode()

    long_ago = timezone.now() - timedelta(seconds=3 * settings.SCHEMA_PROBE_SECONDS)
    journal.Probe._base_manager.update(last_at=long_ago)
    assert "Last probe: unknown; 15\xa0minutes ago it was ready" in admin_client.get(reverse(STATE)).content.decode()


def test_a_task_is_approved_once_and_the_approver_is_recorded(admin_client, admin_user):
    waiting, by_hand = task(command="schema_recover --apply", open_key="1"), task(command=None, open_key="2")
    send = {"action": "approve", "_selected_action": [waiting.pk, by_hand.pk]}

    answer = admin_client.post(reverse("admin:schema_recoverytask_changelist"), send, follow=True)

    said = [str(message) for message in answer.context["messages"]]
    assert said == [
        "missing_table t is approved; the worker does it at its next look.",
        "missing_table t is mended by a person, so nothing was changed.",
    ]
    waiting.refresh_from_db()
    assert waiting.approved_by == admin_user.username
    again = admin_client.post(reverse("admin:schema_recoverytask_changelist"), send, follow=True)
    assert "was approved or has ended before" in str(next(iter(again.context["messages"])))


def test_who_may_only_look_cannot_approve(client):
    user, waiting = UserFactory(is_staff=True), task(command="schema_recover --apply")
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)

    page = reverse("admin:schema_recoverytask_changelist")
    client.post(page, {"action": "approve", "_selected_action": [waiting.pk]})

    assert client.get(page).status_code == 200
    waiting.refresh_from_db()
    assert waiting.approved_by is None


def test_a_plan_is_approved_by_its_digest_and_the_yes_is_withdrawn_but_stays(admin_client, admin_user):
    add = reverse("admin:schema_approval_add")
    assert "Copy it from schema_plan." in admin_client.post(add, {"digest": "x", "reason": "r"}).content.decode()

    admin_client.post(add, {"digest": DIGEST, "reason": "rehearsed twice"})
    found = journal.Approval._base_manager.get()
    assert (found.digest, found.approved_by, found.reason) == (DIGEST, admin_user.username, "rehearsed twice")
    assert journal.Journal(connection).is_approved(DIGEST)

    send = {"action": "withdraw", "_selected_action": [found.pk]}
    admin_client.post(reverse("admin:schema_approval_changelist"), send)
    found.refresh_from_db()
    assert found.withdrawn_by == admin_user.username
    assert not journal.Journal(connection).is_approved(DIGEST)


CHECKLIST, TICK = "admin:schema_checklisttick_changelist", "admin:schema_checklisttick_tick"


@pytest.fixture
def pending():
    """One migration is to be run; the digest of the plan."""
    MigrationRecorder(connection).migration_qs.filter(app="demo", name="0001_seeded_rows").delete()
    plan = read_plan(connection)
    assert plan
    return plan_digest(connection, plan)


def test_the_checklist_is_filled_in_as_far_as_it_is_known(admin_client, pending):
    shown = admin_client.get(reverse(CHECKLIST)).content.decode()

    assert pending in shown
    assert "unknown: none was made" in shown and "seeded_rows" in shown
    assert shown.count('name="item"') == 4


def test_an_item_is_ticked_once_by_a_named_person_and_shown_by_the_command_too(admin_client, admin_user, pending):
    for _ in range(2):
        posted = {"digest": pending, "item": "window", "note": "Saturday, 22 to 23"}
        assert admin_client.post(reverse(TICK), posted).status_code == 302

    [tick] = journal.ChecklistTick._base_manager.all()
    assert (tick.ticked_by, tick.note) == (admin_user.get_username(), "Saturday, 22 to 23")
    assert f"[x] The window is agreed. Name: {admin_user.get_username()}, " in checklist(
        connection, read_plan(connection)
    )

    ids = {"action": "withdraw", "_selected_action": [tick.pk]}
    admin_client.post(reverse(CHECKLIST), ids)
    assert "[ ] The window is agreed. Name: ____" in checklist(connection, read_plan(connection))
    tick.refresh_from_db()
    assert tick.withdrawn_by == admin_user.get_username()


def test_a_tick_of_another_plan_or_of_no_item_is_not_stored(admin_client, pending):
    for wrong in ({"digest": DIGEST, "item": "window"}, {"digest": pending, "item": "nothing"}, {}):
        assert admin_client.post(reverse(TICK), wrong).status_code == 302
    assert not journal.ChecklistTick._base_manager.exists()


def test_who_may_only_look_ticks_nothing(client, pending):
    user = UserFactory(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_checklisttick"))
    client.force_login(user)

    assert 'name="item"' not in client.get(reverse(CHECKLIST)).content.decode()
    assert client.post(reverse(TICK), {"digest": pending, "item": "window"}).status_code == 403
    assert not journal.ChecklistTick._base_manager.exists()


BACKFILLS = "admin:schema_backfill_changelist"


def test_a_backfill_is_paused_and_resumed_by_whoever_may_change_backfills(client, admin_client, admin_user):
    row = backfill(seen=500, seen_in_all=500, filled=400, total=2000, milliseconds=1000)
    send = {"action": "pause", "_selected_action": [row.pk]}
    seer = UserFactory(is_staff=True)
    seer.user_permissions.add(Permission.objects.get(codename="view_backfill"))
    client.force_login(seer)
    client.post(reverse(BACKFILLS), send)
    row.refresh_from_db()
    assert row.paused_at is None

    page = admin_client.get(reverse(BACKFILLS)).content.decode()
    assert all(words in page for words in ("unfinished", "25%", "500", "3"))
    page = admin_client.post(reverse(BACKFILLS), send, follow=True).content.decode()
    row.refresh_from_db()
    assert (row.paused_by, "ends within one batch" in page) == (admin_user.username, True)
    assert f"paused by {admin_user.username}" in page

    admin_client.post(reverse(BACKFILLS), send | {"action": "resume"})
    row.refresh_from_db()
    assert (row.paused_by, row.paused_at) == (None, None)


def test_a_backfill_that_has_ended_is_not_paused(admin_client):
    row = backfill(ended_at=timezone.now(), verified_at=timezone.now())
    send = {"action": "pause", "_selected_action": [row.pk]}
    page = admin_client.post(reverse(BACKFILLS), send, follow=True).content.decode()
    row.refresh_from_db()
    assert (row.paused_at, "has ended, so nothing was changed" in page) == (None, True)
