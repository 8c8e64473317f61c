"""What a Prometheus is told: of its own organisation only, and nothing that nobody knows."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.demo.factories import MembershipFactory, OrganizationFactory, ReplicationJobFactory
from inventory.keys import make_key
from tests.config.api.estate import Estate
from tests.config.jobs.holding import hold

pytestmark = pytest.mark.django_db
QUERIES = 22
"""Of one answer, the look-up of the key included; on PostgreSQL, where the tables are looked for, the most."""


def ask(secret: str | None) -> Client:
    return Client().get("/metrics", headers={"Authorization": f"Bearer {secret}"} if secret else {})


def told(secret: str) -> dict[str, float]:
    response = ask(secret)
    assert (response.status_code, response["Content-Type"].partition(";")[0]) == (200, "text/plain")
    return {
        name: float(value)
        for name, value in re.findall(r"^([^#\s]\S*(?:\{.*\})?) (\S+)$", response.content.decode(), re.MULTILINE)
    }


def key_of(organization, *scopes):
    return make_key(
        organization, MembershipFactory.create(organization=organization, role="admin").user, f"key {scopes}", scopes
    ).secret


def test_jobs_are_told_by_kind_and_status_and_which_are_lost_or_wait():
    estate = Estate()
    found = told(key_of(estate.organization, "metrics"))
    assert found['hub_jobs{kind="replication",status="running"}'] == 1
    assert found['hub_jobs{kind="backup",status="completed"}'] == 1
    assert found['hub_jobs{kind="backup",status="failed"}'] == 0
    assert found['hub_jobs_waiting{kind="replication"}'] == 1
    assert found['hub_jobs_oldest_waiting_seconds{kind="replication"}'] > 0
    assert 'hub_jobs_oldest_waiting_seconds{kind="backup"}' not in found
    assert found['hub_jobs_lost{kind="replication"}'] == 0
    hold(estate.job, silent_for=999)
    assert told(key_of(estate.organization, "metrics", "read"))['hub_jobs_lost{kind="replication"}'] == 1


def test_what_nobody_knows_is_told_as_unknown():
    estate = Estate()
    found = told(key_of(estate.organization, "metrics"))
    assert found['hub_schema_state{state="unknown"}'] == 1
    assert found['hub_schema_state{state="ready"}'] == 0
    assert "hub_schema_seen_seconds" not in found
    assert (found['hub_vms_rpo{state="unknown"}'], found['hub_vms_rpo{state="met"}']) == (2, 0)


def test_a_key_of_one_organization_counts_the_rows_of_no_other():
    Estate()
    found = told(key_of(OrganizationFactory.create(), "metrics"))
    of_one = {name: value for name, value in found.items() if name.startswith(("hub_jobs", "hub_vms"))}
    assert len(of_one) > 20
    assert set(of_one.values()) == {0}


def test_who_has_no_key_for_it_is_refused_in_the_shape_of_the_api():
    estate = Estate()
    for secret, status in (
        (None, 401),
        ("rubbish", 401),
        (estate.expired, 401),
        (key_of(estate.organization, "read"), 403),
    ):
        response = ask(secret)
        assert (response.status_code, set(response.json())) == (status, {"error", "request_id"})


def test_many_jobs_take_as_many_queries_as_few():
    estate = Estate()
    secret = key_of(estate.organization, "metrics")
    told(secret)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            told(secret)
        counts.append(len(queries))
        for _ in range(5):
            hold(ReplicationJobFactory.create(vm_context__vcenter=estate.vm.vcenter, status="running", engine="e"))
    assert counts[0] == counts[1] <= QUERIES, counts


def test_browsers_find_an_icon():
    response = Client().get("/favicon.ico")
    assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
