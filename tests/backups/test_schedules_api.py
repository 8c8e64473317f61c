"""Schedules of back-ups over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from backups.models import BackupSchedule
from backups.services.schedules import start_due_backups
from config.demo.factories import BackupPolicyFactory
from tests.backups.vms import repository_of, vm_with_disks
from tests.config.api.client import Refused, hub_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.fixture
def vm():
    return vm_with_disks(1)


@pytest.fixture
def hub(vm):
    return hub_of(vm.vcenter.organization)


@pytest.fixture
def asked(vm):
    return {
        "context_id": vm.pk,
        "repository_id": repository_of(vm).pk,
        "policy_id": BackupPolicyFactory.create(organization=vm.vcenter.organization).pk,
        "schedule": "0 1 * * *",
        "time_zone": "Europe/Berlin",
    }


def refusal(call, *args, **kwargs) -> Refused:
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value


def test_schedule_is_made_read_changed_and_removed_and_its_slots_are_told(hub, asked):
    made = hub.post("backup-schedules", **asked)
    assert made.items() > asked.items() and made["next_slot_at"] is None
    start_due_backups(NOW)
    assert hub.get(f"backup-schedules/{made['id']}")["next_slot_at"] == "2026-11-21T00:00:00Z"
    start_due_backups(NOW + timedelta(hours=1))
    [slot] = hub.get(f"backup-schedules/{made['id']}/slots")
    assert (slot["at"], slot["outcome"]) == ("2026-11-21T00:00:00Z", "started")
    assert hub.get(f"backups/{slot['job']}")["created_by"] == "schedule"
    changed = hub.call("PATCH", f"backup-schedules/{made['id']}", {"enabled": False, "version": made["version"]})
    assert (changed["enabled"], changed["next_slot_at"], changed["version"]) == (False, None, made["version"] + 1)
    assert (
        refusal(
            hub.call, "PATCH", f"backup-schedules/{made['id']}", {"enabled": True, "version": made["version"]}
        ).status
        == 409
    )
    assert [row["id"] for row in hub.get("backup-schedules")["items"]] == [made["id"]]
    assert hub.call("DELETE", f"backup-schedules/{made['id']}") is None
    assert hub.get("backup-schedules")["items"] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"schedule": "every night"}, "has not the 5 fields"),
        ({"schedule": "61 * * * *"}, "is no cron expression"),
        ({"time_zone": "Mars/Olympus"}, "no IANA time zone"),
        ({"schedule": ""}, "at least 1 character"),
        ({"type": "incremental"}, "'auto' or 'full'"),
    ],
)
def test_what_is_no_schedule_is_refused_in_a_sentence(hub, asked, wrong, said):
    refused = refusal(hub.post, "backup-schedules", **(asked | wrong))
    assert refused.status == 422 and said in refused.message
    assert BackupSchedule.objects.count() == 0


def test_same_schedule_twice_is_a_conflict_that_names_the_first(hub, asked):
    made = hub.post("backup-schedules", **asked)
    refused = refusal(hub.post, "backup-schedules", **(asked | {"time_zone": "UTC"}))
    assert refused.status == 409 and f"Schedule {made['id']}" in refused.message


def test_null_is_not_what_is_left_out(hub, asked):
    made = hub.post("backup-schedules", **asked)
    path = f"backup-schedules/{made['id']}"
    seen = {"version": made["version"]}
    changed = hub.call("PATCH", path, {"policy_id": None, **seen})
    assert changed["policy_id"] is None
    for null in ("schedule", "type", "time_zone", "enabled"):
        assert refusal(hub.call, "PATCH", path, {null: None, "version": changed["version"]}).status == 422


def test_a_change_that_makes_no_schedule_is_refused_and_leaves_the_version_as_it_was(hub, asked):
    made = hub.post("backup-schedules", **asked)
    path, seen = f"backup-schedules/{made['id']}", {"version": made["version"]}
    for wrong, status in (
        ({"schedule": "61 * * * *"}, 422),
        ({"time_zone": "Mars/Olympus"}, 422),
        ({"policy_id": 9}, 404),
    ):
        assert refusal(hub.call, "PATCH", path, wrong | seen).status == status
    other = hub.post("backup-schedules", **(asked | {"schedule": "0 2 * * *"}))
    refused = refusal(hub.call, "PATCH", path, {"schedule": other["schedule"], **seen})
    assert (refused.status, "already" in refused.message) == (409, True)
    assert hub.get(path) == made


def test_other_organizations_find_nothing_and_use_nothing(hub, asked):
    made = hub.post("backup-schedules", **asked)
    strange = hub_of()
    path = f"backup-schedules/{made['id']}"
    for call in (("GET", path), ("GET", f"{path}/slots"), ("PATCH", path, {"enabled": False}), ("DELETE", path)):
        assert refusal(strange.call, *call).status == 404
    assert strange.get("backup-schedules")["items"] == []
    theirs = repository_of(vm_with_disks(1)).pk
    assert refusal(hub.post, "backup-schedules", **(asked | {"repository_id": theirs})).status == 404
    assert BackupSchedule.objects.get().enabled is True


def test_a_key_that_may_only_read_changes_nothing(vm, hub, asked):
    made = hub.post("backup-schedules", **asked)
    reader = hub_of(vm.vcenter.organization, "read", "operate")
    assert reader.get(f"backup-schedules/{made['id']}")["schedule"] == "0 1 * * *"
    assert refusal(reader.post, "backup-schedules", **asked).status == 403
    assert refusal(reader.call, "DELETE", f"backup-schedules/{made['id']}").status == 403
