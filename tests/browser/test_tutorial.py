"""docs/tutorial.md, walked: each thing that it says to click is clicked, in its order, and its command is run."""

import re

import pytest
from django.core.management import call_command
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.test_admin import picture
from tests.checkout import ROOT
from tests.test_docs import commands

pytestmark = pytest.mark.every_engine
TUTORIAL = ROOT / "docs" / "tutorial.md"


class Reader:
    """Somebody who does what the tutorial says."""

    def __init__(self, visit: Visit) -> None:
        self.visit, self.page = visit, visit.page
        self.left = re.findall(r"\*\*(.+?)\*\*", TUTORIAL.read_text())

    def click(self, what: Locator, named: str) -> None:
        assert self.left.pop(0) == named, "the tutorial says to click something else"
        what.click()

    def ask(self, button: str, why: str, looks_at: str | None = None) -> None:
        self.click(self.page.get_by_role("link", name=f"{button} …"), f"{button} …")
        if looks_at:
            picture(self.visit, looks_at)
        self.page.get_by_label("Why").fill(why)
        self.click(self.page.get_by_role("button", name=button), button)

    def run_the_engine(self) -> None:
        (command,) = (each for each in commands(TUTORIAL) if "simulate_engine" in each)
        words = command.partition("manage.py ")[2].split()
        call_command(*words, "--once", "--pace=0", f"--address={self.visit.address}")


def test_a_reader_comes_from_the_home_to_a_passed_test_and_its_evidence(visit: Visit) -> None:
    reader, page = Reader(visit), visit.page
    picture(visit, "tutorial-home")
    card = page.get_by_role("region", name="Ready for a test failover")
    reader.click(card.locator("a.figure", has_text="ready").first, "ready")
    reader.click(page.locator("#result_list").get_by_role("link", name="PGWINTESTBIOS"), "PGWINTESTBIOS")
    expect(page.locator("#panel-readiness")).to_contain_text("TEST.STALE")
    picture(visit, "tutorial-vm")
    vm = page.url.removeprefix(visit.address)

    reader.ask("Test failover", "monthly test", looks_at="tutorial-ask")
    expect(page.locator(".messagelist")).to_contain_text("Test failover asked for")
    reader.run_the_engine()
    page.reload()
    picture(visit, "tutorial-done")
    reader.ask("Clean up", "it started and answered")
    reader.run_the_engine()
    page.reload()
    sealed = "What was done and found, sealed"
    reader.click(page.get_by_role("link", name=sealed), sealed)
    expect(page.locator("#content")).to_contain_text("Test failover of PGWINTESTBIOS: passed")
    picture(visit, "tutorial-evidence")
    visit.go(vm)
    readiness = page.locator("#panel-readiness")
    expect(readiness).not_to_contain_text("TEST.STALE")
    expect(readiness).to_contain_text("DISK.NO_CHANGE_ID")
    reader.ask("Replicate", "a new base")
    reader.run_the_engine()
    visit.go(vm)
    expect(readiness).not_to_contain_text("TEST.STALE")
    expect(readiness).not_to_contain_text("DISK.NO_CHANGE_ID")
    expect(readiness.locator(".hub-ready")).to_have_count(2)
    picture(visit, "tutorial-tested")
    assert reader.left == []
