"""No page holds what the content security policy forbids, and a production installation is set up as it should be."""

import os
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse

from config.demo.factories import reseed
from failover.evidence import policy_of
from tests.people import superuser
from tests.test_admin_pages import REGISTERED, page, rows

INLINE = re.compile(
    r"<style|<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>|<[^>]*\s(?:style|on[a-z]+)=[\"'][^>]*>"
)
OUTSIDE = re.compile(r"(?:src|href)=\"(?:https?:)?//[^\"]*\"")


def forbidden(html: str) -> list[str]:
    return INLINE.findall(html) + OUTSIDE.findall(html)


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<p style='color: red'>", 1),
        ('<a href="x" onclick="go()">', 1),
        ("<script>go()</script>", 1),
        ("<style>p {}</style>", 1),
        ('<script src="https://cdn.example/x.js"></script>', 1),
        ('<script src="/static/x.js"></script><script type="application/json">{}</script><p class="style">', 0),
    ],
)
def test_what_is_inline_or_from_outside_is_found(html: str, count: int) -> None:
    assert len(forbidden(html)) == count


@pytest.mark.django_db
@pytest.mark.parametrize("model", REGISTERED)
def test_no_page_of_a_record_holds_inline_script_or_style(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reseed("headers")
    monkeypatch.setattr(site, "get_app_list", lambda *args, **options: [])
    record, client = rows(model, 1)[0], superuser()
    for name, *keys in (("changelist",), ("add",), *((each, record.pk) for each in ("change", "history", "delete"))):
        answer = client.get(page(model, name, *keys))
        assert forbidden(answer.content.decode()) == [], name


@pytest.mark.django_db
def test_no_page_of_the_site_holds_inline_script_or_style_and_all_say_the_policy() -> None:
    client = superuser()
    names = ("index", "password_change", "second_factor", "schema_checklisttick_changelist")
    addresses = [*(reverse(f"admin:{name}") for name in (*names, "schema_appliedmigration_changelist")), "/api/v1/docs"]
    for browser, address in ((Client(), reverse("admin:login")), *((client, each) for each in addresses)):
        answer = browser.get(address)
        assert answer.status_code == 200, address
        assert forbidden(answer.content.decode()) == [], address
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy


@pytest.mark.no_database
def test_a_production_installation_passes_the_checks_of_a_deployment() -> None:
    keys = {
        "SECRET_KEY": "p" + "roduction-" * 6 + "0123456789",
        "FIELD_ENCRYPTION_KEY": "cHJvZHVjdGlvbi1vbmx5LXJlY292ZXJ5LWh1YiEhISE=",
    }
    values = {"ENVIRONMENT": "production", "ALLOWED_HOSTS": "hub.example", "DEBUG": "no"}
    where = {"DATABASE_URL": "postgresql://hub@db.example/hub", "PATH": os.environ["PATH"]}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, env=keys | values | where, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.no_database
def test_the_page_of_an_evidence_may_use_the_style_in_it_and_nothing_else() -> None:
    policy = policy_of("<html><style>p { color: red }</style><script>go()</script></html>")
    digest = b64encode(sha256(b"p { color: red }").digest()).decode()
    assert f"style-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'") and "script-src" not in policy and "unsafe" not in policy
