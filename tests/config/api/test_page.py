"""docs/api.md: its calls are made in their order, and answered as it says."""

import json
import re

import pytest
from django.test import Client

from config.api.errors import CODES
from config.demo.factories import MembershipFactory, ProtectionFactory, VMContextFactory, VMDiskFactory
from config.jobs import refusals
from inventory.keys import make_key
from tests.checkout import ROOT
from tests.config.api.client import ALL
from tests.config.test_metrics import told

PAGE = (ROOT / "docs" / "api.md").read_text()
CALLS = re.findall(r"^```http\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.django_db
def test_the_calls_of_the_page_are_answered_as_it_says():
    vm = VMContextFactory.create()
    ProtectionFactory.create(vm_context=vm)
    VMDiskFactory.create(vm_context=vm, device_key=2000, capacity_bytes=1000)
    member = MembershipFactory.create(organization=vm.vcenter.organization, role="admin")
    key = make_key(member.organization, member.user, "engine", ALL).secret
    known = {"CONTEXT_ID": vm.pk, "KEY": key}
    assert len(CALLS) > 8
    for call in CALLS:
        head, *rest = filled(call, known).strip().split("\n\n")
        (method, path), *headers = (line.split(None, 1) for line in head.splitlines())
        said = {"Authorization": f"Bearer {key}"} | {name.rstrip(":"): value for name, value in headers}
        body = rest[0] if len(rest) > 1 else ""
        answer = Client(headers=said).generic(method, path, body, "application/json")
        wanted, _, shape = rest[-1].partition(" ") if rest else ("200", "", "")
        assert answer.status_code == int(wanted), (call, answer.content)
        if shape:
            found = answer.json()
            known |= {"JOB": found["id"]} if "JOB" in shape and "id" in found else {}
            known |= {"FENCE": found["fence"]} if "FENCE" in shape else {}
            assert is_like(found, filled(shape, known)), (call, found)


def filled(text, known):
    for name, value in known.items():
        text = text.replace(name, str(value))
    return text


def is_like(found, shape):
    """Whether an answer has all that its shortened form shows."""
    shown = re.findall(r'"(\w+)": ("[^"]*"|\d+|true)', shape)
    return all(holds(found, name, json.loads(value)) for name, value in shown)


def holds(found, name, value):
    if not isinstance(found, dict):
        return False
    return (name in found and value in (found[name], "...")) or any(holds(each, name, value) for each in found.values())


def test_the_page_names_no_code_that_no_call_answers():
    table = re.findall(r"^\| \d{3} \| ([^|]+) \|", PAGE, re.MULTILINE)
    named = {code for cell in table for code in re.findall(r"`(\w+)`", cell)}
    rooms = ("config/jobs", "failover", "replication", "backups")
    source = "".join(path.read_text() for room in rooms for path in (ROOT / room).rglob("*.py"))
    own = {each.code for each in vars(refusals).values() if isinstance(each, type) and hasattr(each, "code")}
    assert len(named) > 15
    assert named - own - set(CODES.values()) - set(re.findall(r'code="(\w+)"', source)) == set()


@pytest.mark.django_db
def test_the_page_names_every_metric_and_no_other():
    member = MembershipFactory.create(role="admin")
    key = make_key(member.organization, member.user, "metrics", ["metrics"])
    found = {name.partition("{")[0] for name in told(key.secret)}
    named = set(re.findall(r"`(hub_\w+)`", PAGE.partition("| metric |")[2].partition("\n\n")[0]))
    assert found <= named
    assert named - found <= {"hub_jobs_oldest_waiting_seconds", "hub_schema_seen_seconds", "hub_instances"}
