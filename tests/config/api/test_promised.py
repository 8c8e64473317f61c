"""The paths that were promised to engines and to operators' programs, and that stay where they are."""

import pytest

from tests.config.api.document import operations

pytestmark = pytest.mark.no_database
PROMISED = """
GET vm-contexts
GET vm-contexts/{}
GET vm-contexts/{}/readiness
GET vm-contexts/{}/change-ids
GET vm-contexts/{}/restore-points
GET readiness
GET network-mappings
POST network-mappings
PATCH network-mappings/{}
DELETE network-mappings/{}
GET network-mappings/gaps
GET replications
GET replications/{}
POST replications
GET failovers
GET failovers/{}
POST failovers
POST failovers/{}/cleanup
POST failovers/{}/rollback
POST failovers/{}/commit
GET backups
GET backups/{}
POST backups
GET restores
GET restores/{}
POST restores
GET jobs
GET jobs/{}
POST jobs/next
POST jobs/{}/heartbeat
POST jobs/{}/progress
POST jobs/{}/advance
POST jobs/{}/complete
POST jobs/{}/fail
POST jobs/{}/cancel
POST jobs/{}/take-over
GET jobs/{}/disks
PUT jobs/{}/disks/{}
PUT jobs/{}/volumes/{}
PUT jobs/{}/snapshots/{}
POST jobs/{}/steps
POST prune/simulate
GET evidence/{}
GET keys
POST keys
DELETE keys/{}
"""
"""What `{}` stands for may be called otherwise; where it stands may not change."""
FILTERS = {"jobs": {"status", "kind", "lost"}, "readiness": {"kind"}, "vm-contexts/{}/readiness": {"kind"}}
FIELDS = {
    "POST replications": {"context_id", "type"},
    "POST failovers": {"context_id", "kind", "override_reason"},
    "POST backups": {"context_id", "repository_id", "type"},
    "POST restores": {"backup_id", "target", "mode"},
    "POST jobs/next": {"kinds", "engine"},
    "POST jobs/{}/heartbeat": {"fence"},
    "POST jobs/{}/progress": {"fence", "percent", "bytes", "operation", "disks"},
    "POST jobs/{}/advance": {"fence", "to"},
    "POST jobs/{}/fail": {"fence", "code", "message"},
    "POST jobs/{}/take-over": {"reason"},
    "PUT jobs/{}/disks/{}": {"fence", "status", "bytes", "change_id", "base_change_id", "path", "checksum"},
}
CREATES = ("POST replications", "POST failovers", "POST backups", "POST restores", "POST network-mappings", "POST keys")


@pytest.fixture(scope="module")
def declared():
    found = {}
    for each in operations():
        path = each.path
        for name in each.parameters:
            path = path.replace(f"{{{name}}}", "{}")
        found[f"{each.method} {path}"] = each
    return found


def test_every_path_that_was_promised_is_there(declared):
    assert set(PROMISED.split("\n")[1:-1]) - set(declared) == set()


def test_every_field_and_filter_that_was_promised_is_there(declared):
    for name, fields in FIELDS.items():
        assert fields <= set(declared[name].properties), name
    for name, filters in FILTERS.items():
        assert filters <= {each["name"] for each in declared[f"GET {name}"].said["parameters"]}, name


def test_what_creates_answers_201_and_what_is_deleted_204(declared):
    assert [name for name in CREATES if 201 not in declared[name].statuses] == []
    assert [name for name, each in declared.items() if each.method == "DELETE" and 204 not in each.statuses] == []
