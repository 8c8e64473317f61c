"""A pending migration that loses data: asked for, approved by another person, applied by a worker, and taken back."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD, Visit
from tests.checkout import ROOT
from tests.engines import fresh_database

pytestmark = [pytest.mark.every_engine, pytest.mark.no_database]
STATE = "/admin/schema/appliedmigration/"
START_LIMIT = 90
LIMIT = 60_000
"""Milliseconds until a page has to show what it is waited for; the browser's own are few for a busy machine."""
PEOPLE = f"""
from inventory.models import User
for name in ("ada", "bob"):
    User.objects.create_superuser(name, password={PASSWORD!r})
"""


class Hub:
    """The hub with two people and a pending migration that loses data, as processes of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"

    def start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        ours = {
            "DJANGO_SETTINGS_MODULE": "tests.awkward.served",
            "DATABASE_URL": self.url,
            "ENVIRONMENT": "development",
            "DEBUG": "yes",
        }
        more = {"SCHEMA_GATE": "destructive", "SCHEMA_LEASE_SECONDS": "5"}
        return subprocess.Popen(
            [sys.executable, "-m", "django", *words], env=os.environ | ours | more | environment, cwd=ROOT, text=True
        )

    def manage(self, *words: str, **environment: str) -> None:
        assert self.start(*words, **environment).wait(START_LIMIT * 2) == 0

    @contextmanager
    def running(self, *words: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
        process = self.start(*words, **environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_LIMIT)

    def wait_until_served(self) -> None:
        until = time.monotonic() + START_LIMIT
        while time.monotonic() < until:
            try:
                with urlopen(f"{self.address}/livez", timeout=5):
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        raise AssertionError("the hub does not serve")


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with fresh_database("sqlite") as url, ExitStack() as processes:
        hub = Hub(url)
        hub.manage("migrate", "--verbosity=0", DJANGO_SETTINGS_MODULE="config.settings")
        hub.manage("migrate", "shrinking", "0001", "--verbosity=0")
        hub.manage("shell", "--verbosity=0", "--command", PEOPLE)
        serve = ("runserver", "--noreload", "--skip-checks", hub.address.removeprefix("http://"))
        processes.enter_context(hub.running(*serve))
        hub.wait_until_served()
        expect.set_options(timeout=LIMIT)
        processes.callback(expect.set_options, timeout=5_000)
        yield hub


def sign_in(hub: Hub, browser: Browser, name: str, stack: ExitStack) -> Visit:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC")
    stack.callback(context.close)
    context.set_default_timeout(LIMIT)
    visit = Visit(context.new_page(), hub.address)
    visit.watch()
    visit.page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    visit.go(f"/admin/login/?next={STATE}")
    visit.page.get_by_label("Username").fill(name)
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Log in").click()
    return visit


def picture(page: Page, name: str) -> None:
    """Renews the pictures of docs/schema-pages.md, where that is asked for (make docs)."""
    if os.environ.get("UPDATE_PICTURES"):
        page.screenshot(path=ROOT / "docs" / "images" / f"{name}.png", full_page=True)


def ask_for(page: Page, button: str, reason: str, press: str = "Ask for it") -> None:
    page.get_by_role("link", name=f"{button} …").click()
    page.get_by_label("Why, for the journal").fill(reason)
    page.get_by_role("button", name=press, exact=True).click()


def progress(page: Page):
    return page.locator("#schema-progress")


def test_destructive_migration_is_asked_for_approved_by_another_applied_watched_and_taken_back(
    hub: Hub, browser: Browser
) -> None:
    with ExitStack() as stack:
        ada, bob = (sign_in(hub, browser, name, stack) for name in ("ada", "bob"))
        page = ada.page
        expect(page.locator("#schema-pending")).to_contain_text("3 filled values of shrinking_item.note")
        picture(page, "schema-state")

        page.get_by_role("link", name="Apply …").click()
        expect(page.locator(".schema")).to_contain_text("Another person has to approve it")
        picture(page, "schema-ask")
        page.get_by_label("Why, for the journal").fill("release 2")
        page.get_by_role("button", name="Ask for it").click()

        page.get_by_role("button", name="Approve").click()
        expect(page.locator(".messagelist")).to_contain_text("You asked for this yourself")
        picture(page, "schema-request")

        bob.go(STATE)
        bob.page.get_by_role("link", name=re.compile(r"Apply \(request")).click()
        bob.page.get_by_role("button", name="Approve").click()
        expect(bob.page.locator(".messagelist")).to_contain_text("Approved.")

        page.reload()
        page.get_by_role("button", name="Run now").click()
        expect(progress(page)).to_contain_text("It waits for a free worker")
        with hub.running("worker", SLEEP_SECONDS="3"):
            expect(progress(page)).to_contain_text("shrinking.0002_drop_note: done")
            picture(page, "schema-running")
            expect(progress(page)).to_contain_text("Apply: done")
            expect(progress(page)).to_contain_text("Applying slow.0001_sleep")

            ada.go(STATE)
            expect(page.locator("#schema-pending")).to_contain_text("Nothing is pending.")
            page.get_by_role("link", name="Roll back …").click()
            page.get_by_label("How many migrations").fill("1")
            page.get_by_role("button", name="Show what that takes back").click()
            expect(page.locator(".schema")).to_contain_text("Take back slow.0001_sleep")
            page.get_by_label("Why, for the journal").fill("it was too slow")
            if page.get_by_text("Another person has to approve it").count():
                page.get_by_role("button", name="Ask for it").click()
                bob.go(page.url.removeprefix(hub.address))
                bob.page.get_by_role("button", name="Approve").click()
                page.reload()
                page.get_by_role("button", name="Run now").click()
            else:
                page.get_by_role("button", name="Roll back now").click()
            expect(progress(page)).to_contain_text("Roll back: done")
        ada.go(STATE)
        expect(page.locator("#schema-pending")).to_contain_text("slow.0001_sleep")
        assert (ada.faults, bob.faults) == ([], [])


UNRECORD = """
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
MigrationRecorder(connection).record_unapplied("staff", "0001_standings_and_saved_views")
"""


def test_what_is_applied_and_not_recorded_is_recovered_by_a_worker_after_another_persons_yes(
    hub: Hub, browser: Browser
) -> None:
    hub.manage("shell", "--verbosity=0", "--command", UNRECORD)
    with ExitStack() as stack:
        ada, bob = (sign_in(hub, browser, name, stack) for name in ("ada", "bob"))
        page, state = ada.page, ada.page.locator("#schema-state")
        expect(state).to_contain_text("staff.0001_standings_and_saved_views has been applied here, and is not recorded")
        page.get_by_role("link", name="Recover …").click()
        expect(page.locator(".schema")).to_contain_text("manage.py schema_recover --apply --only staff.0001")
        expect(page.locator(".schema")).to_contain_text("Another person has to approve it")
        page.get_by_label("Why, for the journal").fill("a restored table of migrations")
        page.get_by_role("button", name="Ask for it").click()
        bob.go(page.url.removeprefix(hub.address))
        bob.page.get_by_role("button", name="Approve").click()
        page.reload()
        page.get_by_role("button", name="Run now").click()
        with hub.running("worker"):
            expect(progress(page)).to_contain_text("Recover: done")
        ada.go(STATE)
        expect(state).not_to_contain_text("Can be mended")
        expect(state).not_to_contain_text("not recorded")
        assert (ada.faults, bob.faults) == ([], [])
