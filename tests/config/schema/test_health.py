"""What an orchestrator is told."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder


def test_a_process_that_answers_is_live_and_asks_no_database(client):
    assert client.get("/livez").json() == {"live": True}


@pytest.mark.django_db
def test_a_migrated_database_is_ready(client):
    assert client.get("/readyz").json() == {"ready": True}


@pytest.mark.django_db
def test_a_database_that_lacks_a_migration_is_not_ready(client):
    MigrationRecorder(connection).migration_qs.filter(app="inventory", name="0011_vm_disks_job").delete()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"ready": False})


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "pod.cluster.local"])
def test_a_probe_may_name_any_host_and_needs_no_tls(client, settings, host):
    settings.ALLOWED_HOSTS = ["hub.example"]
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/livez", headers={"host": host}).status_code == 200
    assert client.get("/admin/login/", headers={"host": host}).status_code == 400
