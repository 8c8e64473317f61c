"""What an orchestrator is told."""

import json

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext

from config.schema.health import check_health


def test_a_process_that_answers_is_live_and_asks_no_database(client):
    assert client.get("/livez").json() == {"live": True}


@pytest.mark.django_db
def test_a_migrated_database_is_ready(client):
    assert client.get("/readyz").json() == {"ready": True}


@pytest.mark.django_db
def test_a_database_that_lacks_a_migration_is_not_ready(client):
    MigrationRecorder(connection).migration_qs.filter(app="inventory", name="0012_discovery_queue").delete()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"ready": False})


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "pod.cluster.local"])
def test_a_probe_may_name_any_host_and_needs_no_tls(client, settings, host):
    settings.ALLOWED_HOSTS = ["hub.example"]
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/livez", headers={"host": host}).status_code == 200
    assert client.get("/admin/login/", headers={"host": host}).status_code == 400


@pytest.mark.django_db
def test_staff_are_told_all_and_others_the_verdict(client, admin_client):
    assert client.get("/api/health/database").json() == {"healthy": True}

    answer = admin_client.get("/api/health/database")
    found = answer.json()
    assert (answer.status_code, found["state"], found["issues"], found["recommendations"]) == (200, "ready", [], [])
    assert found["tables_present"] == found["tables_expected"] > 40
    assert found["enum_types_valid"] is True
    assert found["advisory_locks_count"] == 0
    assert found == check_health()


@pytest.mark.django_db
def test_a_fault_is_told_alike_in_the_endpoint_and_in_the_command(admin_client, capsys):
    MigrationRecorder(connection).migration_qs.filter(app="inventory", name="0012_discovery_queue").delete()

    answer = admin_client.get("/api/health/database")
    with pytest.raises(SystemExit) as ended:
        call_command("schema_health", format="json")

    assert (answer.status_code, ended.value.code) == (503, 4)
    assert json.loads(capsys.readouterr().out) == answer.json()
    assert [each.split()[0] for each in answer.json()["recommendations"]] == ["Run"]
    assert "inventory.0012_discovery_queue has been applied here, and is not recorded" in answer.json()["issues"][0]


@pytest.mark.django_db
def test_an_anonymous_probe_writes_nothing(client):
    with CaptureQueriesContext(connection) as queries:
        client.get("/api/health/database")
    assert not [
        each["sql"] for each in queries if each["sql"].split(" ", 1)[0] in ("INSERT", "UPDATE", "DELETE", "CREATE")
    ]
