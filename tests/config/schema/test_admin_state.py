"""The page of the shape of the database, and the pages of what is asked for on it."""

import pytest
from django.contrib.auth.models import Permission
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.urls import reverse

from config.demo.factories import UserFactory
from config.schema import overview
from config.schema.gate import plan_digest
from config.schema.journal import ChecklistTick, Request, TickKey
from config.schema.plan import read_plan
from config.schema.requests.columns import Status
from tests.config.schema.test_admin import backfill

pytestmark = pytest.mark.django_db
STATE = "admin:schema_appliedmigration_changelist"
RIGHTS = {
    "see": ("view_appliedmigration", "view_request"),
    "ask": ("add_request",),
    "approve": ("approve_request",),
    "run": ("run_request",),
}


def person(name: str, *rights: str) -> Client:
    """Somebody who may see the pages, and has these rights beside."""
    user = UserFactory(username=name, is_staff=True, is_superuser=False)
    names = [each for right in ("see", *rights) for each in RIGHTS[right]]
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="schema", codename__in=names))
    client = Client()
    client.force_login(user)
    return client


def ask(client: Client, action: str, subject: str = "", **sent: str):
    digest = plan_digest(connection, read_plan(connection)) if action == "apply" else ""
    data = {"reason": "the release", "digest": digest, "subject": subject} | sent
    return client.post(reverse("admin:schema_request_ask", args=[action]), data)


def move(client: Client, what: str, **sent: str):
    row = Request._base_manager.latest("pk")
    data = {"digest": row.digest or ""} | sent
    return client.post(reverse(f"admin:schema_request_{what}", args=[row.pk]), data, follow=True)


def status() -> str:
    return Request._base_manager.latest("pk").status


@pytest.fixture
def pending(settings) -> None:
    settings.SCHEMA_GATE = "all"
    MigrationRecorder(connection).migration_qs.filter(app="demo", name="0001_seeded_rows").delete()


def test_state_shows_what_is_pending_with_the_way_to_ask_for_it(pending):
    shown = person("ada", "ask").get(reverse(STATE)).content.decode()

    assert "demo.0001_seeded_rows" in shown and "SCHEMA_GATE is all" in shown
    assert plan_digest(connection, read_plan(connection)) in shown
    assert reverse("admin:schema_request_ask", args=["apply"]) in shown
    assert 'class="pending"' in shown and 'aria-label="Graph of inventory"' in shown


def test_person_asks_another_approves_and_a_third_lets_it_go(pending):
    ada, bob, eve = person("ada", "ask", "approve"), person("bob", "approve"), person("eve", "run")

    confirmed = ada.get(reverse("admin:schema_request_ask", args=["apply"])).content.decode()
    assert "Runs the migrations below on the live database" in confirmed
    assert "Another person has to approve it" in confirmed
    assert not Request._base_manager.exists()

    ask(ada, "apply")
    assert "asked for this yourself" in move(ada, "approve").content.decode()
    assert "waits for the approval of another person" in move(eve, "run").content.decode()
    assert "Approved." in move(bob, "approve").content.decode()
    shown = move(eve, "run").content.decode()
    assert "the next free worker takes it" in shown
    assert "data-live" in shown and '<noscript><meta http-equiv="refresh"' in shown
    row = Request._base_manager.get()
    assert (row.status, row.requested_by, row.approved_by, row.run_by) == (Status.QUEUED, "ada", "bob", "eve")


def test_who_may_ask_and_run_does_what_needs_no_approval_in_one_step():
    ask(person("ada", "ask", "run"), "backup", run="1")
    assert status() == Status.QUEUED


@pytest.mark.parametrize("right", ["see", "ask", "approve", "run"])
def test_each_right_opens_its_own_addresses_and_no_other(pending, right):
    ask(person("ada", "ask"), "backup")
    client, row = person("other", right), Request._base_manager.get()
    needs = {"ask": "ask", "approve": "approve", "refuse": "approve", "run": "run", "cancel": "run"}
    for what, needed in needs.items():
        at = "backup" if what == "ask" else row.pk
        # Nothing is done by a GET, which who may is told, and who may not is not.
        allowed = 200 if what == "ask" else 405
        answer = client.get(reverse(f"admin:schema_request_{what}", args=[at]))
        assert answer.status_code == (allowed if needed == right else 403), what
        if needed != right:
            sent = {"reason": "x", "run": "1"}
            assert client.post(reverse(f"admin:schema_request_{what}", args=[at]), sent).status_code == 403, what
    shown = client.get(reverse("admin:schema_request_change", args=[row.pk])).content.decode()
    assert ("Run now" in shown, "Take back" in shown) == (right == "run", right == "run")
    assert ("Apply …" in client.get(reverse(STATE)).content.decode()) == (right == "ask")


def test_who_may_only_ask_lets_nothing_run(pending):
    assert ask(person("ada", "ask"), "backup", run="1").status_code == 403
    assert not Request._base_manager.exists()


def test_person_without_any_right_is_refused_every_page(pending):
    ask(person("ada", "ask"), "backup")
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=False))
    row = Request._base_manager.get()
    pages = [reverse(STATE), reverse("admin:schema_request_change", args=[row.pk])]
    pages += [reverse(f"admin:schema_request_{each}", args=[row.pk]) for each in ("approve", "refuse", "run", "cancel")]
    assert {client.post(page, {}).status_code for page in pages[2:]} == {403}
    assert {client.get(page).status_code for page in pages} == {403}


def test_request_or_action_that_is_not_there_is_not_found(pending):
    client = person("ada", "ask", "run")
    assert client.post(reverse("admin:schema_request_run", args=[4711])).status_code == 404
    assert client.get(reverse("admin:schema_request_ask", args=["drop"])).status_code == 404


def test_plan_that_changed_since_it_was_shown_is_not_asked_for(pending):
    client = person("ada", "ask")
    assert "another by now" in ask_and_follow(client, digest="0" * 64)
    assert not Request._base_manager.exists()


def ask_and_follow(client: Client, **sent: str) -> str:
    return client.get(ask(client, "apply", **sent).headers["Location"]).content.decode()


def test_approval_of_a_plan_that_changed_is_void_and_the_page_says_so(pending):
    ask(person("ada", "ask"), "apply")
    MigrationRecorder(connection).migration_qs.filter(app="sessions").delete()
    shown = move(person("bob", "approve"), "approve").content.decode()
    assert "The plan has changed since it was asked for" in shown
    assert status() == Status.EXPIRED


def test_who_asked_takes_it_back_and_who_refuses_says_why(pending):
    ada = person("ada", "ask")
    ask(ada, "apply")
    assert "Say why, for who asked" in move(person("bob", "approve"), "refuse").content.decode()
    move(ada, "cancel")
    assert status() == Status.CANCELLED
    ask(ada, "apply")
    assert "not on a Friday" in move(person("eve", "approve"), "refuse", reason="not on a Friday").content.decode()
    assert status() == Status.REFUSED


def test_rollback_is_asked_for_after_it_was_shown_what_it_takes_back():
    client = person("ada", "ask")
    address = reverse("admin:schema_request_ask", args=["rollback"])
    assert "How far back" in client.get(address).content.decode()
    assert "Take back" in client.get(address, {"subject": "1"}).content.decode()
    assert client.get(address, {"subject": "nonsense"}, follow=True).redirect_chain


def test_backfill_is_paused_from_its_page_at_once():
    row = backfill()
    ask(person("ada", "ask", "run"), "pause", str(row.pk), run="1")
    row.refresh_from_db()
    assert (row.paused_by, status()) == ("ada", Status.DONE)


def test_part_that_cannot_be_read_says_so_and_hides_no_other(monkeypatch):
    def fail(connection):
        with connection.cursor() as cursor:
            cursor.execute("SELECT x FROM there_is_no_such_table")

    monkeypatch.setitem(overview.PARTS, "runs", fail)
    monkeypatch.setitem(overview.PARTS, "requests", fail)
    shown = person("ada").get(reverse(STATE)).content.decode()
    assert shown.count("This could not be read within 5 s") == 2
    assert 'aria-label="Graph of inventory"' in shown


def test_page_without_its_database_is_readable_and_says_what_to_do(monkeypatch):
    client = person("ada")

    def gone(self):
        raise OperationalError("connection to server at 10.0.0.1 failed")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", gone)
    answer = client.get(reverse(STATE))
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "The database cannot be asked." in shown and "manage.py schema_status" in shown
    assert "10.0.0.1" not in shown and "demo" not in shown


def test_item_is_ticked_once_even_where_two_people_press_at_one_moment(pending, monkeypatch):
    from config.schema import checklist

    digest = plan_digest(connection, read_plan(connection))
    key = checklist._key(digest, "window")
    # The other has ticked after this one looked, and before it writes.
    TickKey._base_manager.create(key=key, tick=1)
    assert not checklist.tick(connection, digest, "window", by="ada")
    assert not ChecklistTick._base_manager.exists()


def test_item_whose_tick_was_withdrawn_is_ticked_again(pending):
    from config.schema.checklist import tick, withdraw

    digest = plan_digest(connection, read_plan(connection))
    assert tick(connection, digest, "window", by="ada")
    [row] = ChecklistTick._base_manager.all()
    assert withdraw(connection, [row.pk], by="bob") == 1
    assert withdraw(connection, [row.pk], by="bob") == 0
    assert tick(connection, digest, "window", by="bob")


def test_pages_make_as_many_queries_for_many_requests_as_for_few(pending, django_assert_max_num_queries):
    client = person("ada", "ask", "run")
    for _ in range(3):
        ask(client, "backup")
        move(client, "cancel")
    row = Request._base_manager.latest("pk")
    with django_assert_max_num_queries(15):
        client.get(reverse("admin:schema_request_change", args=[row.pk]))
