"""A second factor in the browser: set up from the key on the page, asked for, and replaced by a recovery code."""

import time
from base64 import b32decode
from typing import Any

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import Page, expect

from config.access.models import Authenticator
from inventory.models import User
from tests.browser.conftest import PASSWORD, Visit
from tests.browser.test_every_page import grave_findings

pytestmark = pytest.mark.every_engine


@pytest.fixture
def grace(transactional_db: None, settings: Any) -> User:
    settings.REQUIRE_SECOND_FACTOR = True
    return User.objects.create_superuser("grace", password=PASSWORD)


def code(key: str, steps: int = 0) -> str:
    """What an authenticator app shows for a key, now or so many steps of 30 seconds later."""
    totp = TOTP(b32decode(key + "=" * (-len(key) % 8)))
    totp.time = time.time() + steps * totp.step
    return f"{totp.token():06}"


def sign_in(visit: Visit, typed: str) -> Page:
    page = visit.go("/admin/")
    page.get_by_label("Username").fill("grace")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code").fill(typed)
    page.get_by_role("button", name="Log in").click()
    return page


def sign_out(visit: Visit) -> None:
    visit.go("/admin/").get_by_role("button", name="Log out").click()
    expect(visit.page.locator("#content")).to_contain_text("Thanks for spending some quality time")


def forget_the_wait() -> None:
    """After a wrong code the device waits before it looks at the next one; a person would wait too."""
    Authenticator.objects.get().throttle_reset()


def test_a_second_factor_is_set_up_asked_for_and_replaced_by_a_recovery_code_once(stranger: Visit, grace: User) -> None:
    page = sign_in(stranger, "")
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    assert grave_findings(page) == []
    key = page.locator("p", has_text="Key:").locator("code").inner_text()
    page.get_by_label("Code that the app shows").fill("000000" if code(key) != "000000" else "111111")
    page.get_by_role("button", name="Set up").click()
    expect(page.locator("#content")).to_contain_text("That is not the code of now")
    forget_the_wait()
    page.get_by_label("Code that the app shows").fill(code(key))
    page.get_by_role("button", name="Set up").click()
    recovery = page.locator("#content li code").all_inner_texts()
    assert len(recovery) == 10
    assert grave_findings(page) == []
    page.get_by_role("link", name="Go on").click()
    expect(page.get_by_role("heading", name="How the estate stands")).to_be_visible()

    sign_out(stranger)
    sign_in(stranger, "")
    expect(page.locator("#content")).to_contain_text("Enter the code that your app shows now")
    wrong = "123456" if code(key, steps=1) != "123456" else "654321"
    sign_in(stranger, wrong)
    expect(page.locator("#content")).to_contain_text("Enter the code that your app shows now")
    forget_the_wait()
    sign_in(stranger, code(key, steps=1))
    expect(page.get_by_role("heading", name="How the estate stands")).to_be_visible()

    sign_out(stranger)
    sign_in(stranger, recovery[0])
    expect(page.get_by_role("heading", name="How the estate stands")).to_be_visible()
    sign_out(stranger)
    sign_in(stranger, recovery[0])
    expect(page.locator("#content")).to_contain_text("Enter the code that your app shows now")
