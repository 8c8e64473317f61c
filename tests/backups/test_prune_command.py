"""manage.py prune: says what and why, does nothing without --apply, and refuses what it cannot mean."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from backups.models import BackupJob
from config.demo.factories import BackupPolicyFactory
from tests.backups.vms import backed_up, repository_of, vm_with_disks

pytestmark = pytest.mark.django_db


def prune(*arguments: str) -> str:
    out = StringIO()
    call_command("prune", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def jobs():
    """Three full back-ups of a VM, of which the policy keeps the newest; the newest first."""
    vm = vm_with_disks(1)
    policy = BackupPolicyFactory.create(
        organization=vm.vcenter.organization, name="nightly", keep_last=1, keep_daily=0, keep_weekly=0
    )
    BackupPolicyFactory.create(organization=vm.vcenter.organization, name="generous", keep_last=9)
    repository, now = repository_of(vm), timezone.now()
    times = [now - timedelta(days=ago) for ago in (2, 1, 0)]
    return [backed_up(vm, repository, at=at, type="full", policy=policy) for at in times][::-1]


def test_nothing_is_done_without_apply(jobs):
    for printed in (prune(), prune("--dry-run")):
        lines = printed.splitlines()
        assert lines[0].startswith("keep ") and "keep-last: it is one of the newest (1 of 1)." in lines[0]
        assert f"{jobs[1].id}: It is older than what keep-last 1 of policy nightly keeps." in lines[1]
        assert lines[3:] == ["1 kept, 2 would be pruned.", "Nothing was done; say --apply to do it."]
    assert BackupJob.objects.restore_points().count() == 3


def test_apply_prunes_once(jobs):
    assert prune("--apply").splitlines()[3] == "1 kept, 2 pruned."
    assert BackupJob.objects.restore_points().get() == jobs[0]
    assert prune("--apply").splitlines()[1:] == ["1 kept, 0 pruned."]


def test_json_holds_every_point_with_its_reason(jobs):
    document = json.loads(prune("--format", "json"))
    assert document["dry_run"] is True
    assert [(point["id"], point["keep"], point["code"]) for point in document["points"]] == [
        (jobs[0].id, True, "last"),
        (jobs[1].id, False, "beyond"),
        (jobs[2].id, False, "beyond"),
    ]
    assert set(document["points"][0]) == {"id", "vm_context_id", "snapshot_at", "policy", "keep", "code", "reason"}


def test_another_policy_is_tried_and_never_applied(jobs):
    organization = jobs[0].vm_context.vcenter.organization.slug
    tried = ("--organization", organization, "--policy", "generous")
    assert "3 kept, 0 would be pruned." in prune(*tried)
    for arguments, said in (
        (("--apply", *tried), "--policy only tries a policy"),
        (("--policy", "generous"), "--policy needs --organization"),
        (("--organization", organization, "--policy", "none"), "has no policy none"),
        (("--organization", "none"), "There is no organisation none"),
        (("--vm", "ctx-none"), "There is no VM context ctx-none"),
    ):
        with pytest.raises(CommandError, match=said) as refused:
            prune(*arguments)
        assert refused.value.returncode == 2
    assert BackupJob.objects.restore_points().count() == 3
