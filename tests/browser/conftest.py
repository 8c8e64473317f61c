"""A browser that is the machine's own, and a page that remembers what went wrong on it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, sync_playwright

from inventory.models import User

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking")
QUIET = ("disable-component-update", "disable-sync")
PASSWORD = "for-this-run-only"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        say = pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip
        say(f"LEFT OUT, there is no {CHROMIUM}: install the package chromium")
    with pytest.MonkeyPatch.context() as environment:
        # Playwright runs an event loop in this thread, and Django refuses the ORM beside one.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=[f"--{flag}" for flag in (*FLAGS, *QUIET)]
            )
            yield browser
            browser.close()


@dataclass
class Visit:
    """A page of the hub, signed in, and all that a visitor should not meet."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(f"{self.address}{path}")
        return self.page

    def watch(self) -> None:
        own = urlsplit(self.address).netloc
        self.page.on("console", lambda said: said.type == "error" and self.faults.append(f"console: {said.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on(
            "request",
            lambda request: (
                re.match(r"(https?|wss?):", request.url)
                and urlsplit(request.url).netloc != own
                and self.faults.append(f"outside: {request.url}")
            ),
        )
        self.page.on(
            "response",
            lambda response: response.status >= 400 and self.faults.append(f"{response.status}: {response.url}"),
        )


@pytest.fixture
def stranger(transactional_db: None, live_server, browser: Browser) -> Iterator[Visit]:
    """Somebody who has not signed in; ends with no fault met."""
    page = browser.new_page(viewport={"width": 1440, "height": 810}, locale="en-GB", timezone_id="UTC")
    stranger = Visit(page, live_server.url)
    stranger.watch()
    yield stranger
    page.close()
    assert stranger.faults == []


@pytest.fixture
def visit(stranger: Visit) -> Visit:
    """The seeded estate in the browser, signed in as a superuser; ends with no fault met."""
    call_command("seed", verbosity=0)
    User.objects.create_superuser("visitor", password=PASSWORD)
    page = stranger.go("/")
    page.get_by_label("Username").fill("visitor")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    return stranger
