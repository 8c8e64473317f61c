"""What people have done to records: said first, confirmed with a reason, refused with one sentence, offered to few."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from backups.models import BackupJob, RestoreJob
from config.admin.actions import MOST_AT_ONCE
from config.demo.factories import (
    AlertFactory,
    BackupRepositoryFactory,
    OrganizationFactory,
    ProtectionFactory,
    UserFactory,
    VMContextFactory,
    reseed,
)
from config.jobs.engines import take_next
from config.jobs.models import JobEvent
from config.jobs.moves import By
from failover.models import FailoverJob
from inventory.models import Alert, OperationClaim, User, VMContext
from replication.models import ReplicationJob
from tests.failover.estates import ready_vm
from tests.people import let_in_everywhere, member
from tests.test_admin_pages import page

pytestmark = pytest.mark.django_db
SAID = {"reason": "the hall burns"}
ENGINE = By("engine-1")


@pytest.fixture(autouse=True)
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    reseed("admin actions")


@pytest.fixture
def person() -> User:
    return UserFactory(username="ada", is_staff=True, is_superuser=True)


@pytest.fixture
def client(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


@pytest.fixture
def vm() -> VMContext:
    return ready_vm()


def address(record: Any, name: str) -> str:
    meta = record._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_act", args=[record.pk, name])


def said(answer: Any) -> str:
    """What the page says to the person, whichever way."""
    errors = str(answer.context["form"].errors) if answer.context.get("form") else ""
    return " ".join(map(str, answer.context["messages"])) + errors


def act(client: Client, record: Any, name: str, **more: Any) -> Any:
    answer = client.post(address(record, name), SAID | more, follow=True)
    assert answer.status_code == 200
    return answer


def staff(*permissions: str) -> Client:
    client, user = Client(), UserFactory(is_staff=True)
    codes = [name.partition(".")[::2] for name in permissions]
    for app, code in codes:
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=code))
    client.force_login(user)
    let_in_everywhere(client)
    return client


def buttons(client: Client, record: Any) -> set[str]:
    answer = client.get(page(type(record), "change", record.pk))
    return {label for _, label, _ in answer.context["buttons"]}


def test_an_action_says_first_what_it_will_do_and_a_look_changes_nothing(client: Client, vm: VMContext) -> None:
    answer = client.get(address(vm, "start-replication"))
    assert f"Creates a replication job for {vm.name}" in answer.content.decode()
    assert ReplicationJob.objects.filter(status="pending").count() == 0


def test_an_action_is_done_by_its_service_and_leaves_who_and_why(client: Client, vm: VMContext, person: User) -> None:
    answer = act(client, vm, "start-replication", run_type="auto")
    job = ReplicationJob.objects.get(status="pending")
    assert answer.redirect_chain[-1][0] == page(ReplicationJob, "change", job.pk)
    assert (job.created_by, OperationClaim.objects.get(pk=vm.pk).holder_id) == ("ada", job.id)
    event = JobEvent.objects.get(job_id=job.id)
    assert (event.actor, event.reason, event.request_id) == (
        "ada",
        "the hall burns",
        answer.request.get("x", event.request_id),
    )
    entry = LogEntry.objects.get(object_id=vm.pk)
    assert (entry.user, "the hall burns" in entry.change_message) == (person, True)


@pytest.mark.parametrize("reason", ["", "   "])
def test_an_action_without_a_reason_is_not_done(client: Client, vm: VMContext, reason: str) -> None:
    answer = client.post(address(vm, "start-replication"), {"run_type": "auto", "reason": reason})
    assert "This field is required" in said(answer)
    assert ReplicationJob.objects.filter(status="pending").count() == 0


def test_what_the_service_refuses_comes_back_as_one_message_with_the_form(client: Client, vm: VMContext) -> None:
    act(client, vm, "start-replication", run_type="auto")
    answer = act(client, vm, "start-test-failover")
    assert "works on this VM since" in said(answer)
    assert answer.context["form"]["reason"].value() == "the hall burns"
    assert not LogEntry.objects.filter(change_message__contains="Test failover").exists()


def test_a_failover_shows_readiness_first_with_the_page_that_mends_each_finding(client: Client) -> None:
    vm = VMContextFactory()
    text = client.get(address(vm, "start-live-failover")).content.decode()
    assert "VM.NOT_REPLICATED" in text
    assert f"{reverse('admin:replication_protection_add')}?vm_context={vm.pk}" in text


def test_a_blocked_failover_is_overridden_only_by_who_may_and_the_reason_is_kept(client: Client, vm: VMContext) -> None:
    vm.network_mappings.filter(purpose="test").delete()
    assert "NIC.UNMAPPED" in said(act(client, vm, "start-test-failover"))
    lesser = staff("inventory.view_vmcontext", "failover.add_failoverjob")
    assert "override" not in lesser.get(address(vm, "start-test-failover")).context["form"].fields
    assert "NIC.UNMAPPED" in said(act(lesser, vm, "start-test-failover", override="on"))
    act(client, vm, "start-test-failover", override="on")
    job = FailoverJob.objects.get(status="pending")
    assert (job.override_reason, job.override_by) == ("the hall burns", "ada")


def test_a_failover_that_nothing_speaks_against_keeps_its_reason_and_overrides_nothing(
    client: Client, vm: VMContext
) -> None:
    act(client, vm, "start-test-failover", override="on")
    job = FailoverJob.objects.get(status="pending")
    assert job.override_reason is None
    assert JobEvent.objects.get(job_id=job.job_id).reason == "the hall burns"


def test_a_job_that_waits_is_cancelled(client: Client, vm: VMContext) -> None:
    act(client, vm, "start-replication", run_type="auto")
    job = ReplicationJob.objects.get(status="pending")
    assert "Cancel" in buttons(client, job)
    act(client, job, "cancel")
    job.refresh_from_db()
    assert (job.status, OperationClaim.objects.get(pk=vm.pk).holder_id) == ("cancelled", None)
    assert buttons(client, job) == set()
    assert "has ended as cancelled" in said(act(client, job, "cancel"))


def test_a_job_is_taken_over_only_when_it_is_lost_and_ended_with_that(client: Client, vm: VMContext) -> None:
    act(client, vm, "start-replication", run_type="auto")
    job = ReplicationJob.objects.get(status="pending")
    take_next(["replication"], engine="engine-1", by=ENGINE)
    assert "Take over" not in buttons(client, job)
    assert "within its lease" in said(act(client, job, "take-over", then="fail"))
    OperationClaim.objects.filter(pk=vm.pk).update(heartbeat_at="2026-01-01T00:00Z")
    assert "Take over" in buttons(client, job)
    act(client, job, "take-over", then="fail")
    job.refresh_from_db()
    assert (job.status, job.error_code, job.error_message) == ("failed", "taken_over", "the hall burns")
    assert OperationClaim.objects.get(pk=vm.pk).holder_id is None


def test_a_vm_is_backed_up_to_a_repository_of_its_own_organisation(client: Client, vm: VMContext) -> None:
    mine = BackupRepositoryFactory(organization=vm.vcenter.organization)
    foreign = BackupRepositoryFactory(organization=OrganizationFactory())
    offered = client.get(address(vm, "start-backup")).context["form"].fields["repository"].queryset
    assert list(offered) == [mine]
    assert "valid choice" in said(act(client, vm, "start-backup", repository=foreign.pk, type="auto"))
    act(client, vm, "start-backup", repository=mine.pk, type="auto")
    assert BackupJob.objects.get().repository == mine
    assert JobEvent.objects.get(job_kind="backup").reason == "the hall burns"


def test_what_is_no_restore_point_is_not_restored(client: Client, vm: VMContext) -> None:
    repository = BackupRepositoryFactory(organization=vm.vcenter.organization)
    act(client, vm, "start-backup", repository=repository.pk, type="auto")
    job = BackupJob.objects.get()
    assert "Restore or mount" not in buttons(client, job)
    answer = act(client, job, "restore", destination="/srv", mode="restore")
    assert "is no restore point" in said(answer)
    assert not RestoreJob.objects.exists()


def test_who_may_only_look_has_no_button_and_is_refused_behind_every_one(vm: VMContext) -> None:
    job_of = ReplicationJob.objects.filter(vm_context=vm).first()
    looking = staff("inventory.view_vmcontext", "replication.view_replicationjob")
    for record in (vm, job_of):
        assert buttons(looking, record) == set()
        for action in (
            looking.get(page(type(record), "change", record.pk)).context["adminform"].model_admin.record_actions
        ):
            for answer in (looking.get(address(record, action.name)), looking.post(address(record, action.name), SAID)):
                assert answer.status_code == 403, action.name
    assert not OperationClaim.objects.filter(holder_id__isnull=False).exists()


def test_a_record_that_is_not_there_and_an_action_that_is_none_are_not_found(client: Client, vm: VMContext) -> None:
    assert client.get(address(vm, "explode")).status_code == 404
    assert client.post(address(vm, "explode"), SAID).status_code == 404
    nobody = reverse("admin:inventory_vmcontext_act", args=["ctx-none", "start-replication"])
    assert client.get(nobody).status_code == 404
    blind = member(OrganizationFactory(), "admin")
    assert blind.get(address(vm, "start-replication")).status_code == 404


def choose(client: Client, name: str, *records: Any, **more: Any) -> Any:
    keys = [record.pk for record in records]
    return client.post(page(type(records[0]), "changelist"), {"action": name, "_selected_action": keys} | more)


def test_many_are_confirmed_together_and_the_refused_ones_are_named(client: Client, vm: VMContext) -> None:
    unprotected = VMContextFactory(name="unprotected")
    answer = choose(client, "start-replication", vm, unprotected)
    assert {each.name for each in answer.context["records"]} == {vm.name, "unprotected"}
    assert not ReplicationJob.objects.filter(status="pending").exists()
    more = SAID | {"confirmed": "yes", "run_type": "auto"}
    answer = choose(client, "start-replication", vm, unprotected, **more)
    told = [str(message) for message in client.get(page(VMContext, "changelist")).context["messages"]]
    assert "1 of the 2" in told[0]
    assert told[1].startswith("unprotected: unprotected is not protected")
    assert ReplicationJob.objects.get(status="pending").vm_context == vm


def test_who_may_not_is_refused_among_the_actions_of_a_list_too(vm: VMContext) -> None:
    looking = staff("inventory.view_vmcontext", "inventory.view_alert")
    assert choose(looking, "start-replication", vm, confirmed="yes", **SAID).status_code == 403
    assert not ReplicationJob.objects.filter(status="pending").exists()


def test_more_than_can_be_confirmed_are_not_begun(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.admin.actions.MOST_AT_ONCE", 1)
    assert MOST_AT_ONCE > 1
    alerts = AlertFactory.create_batch(2)
    choose(client, "resolve", *alerts, confirmed="yes", **SAID)
    assert Alert.objects.filter(resolved_at=None).count() == 2


def test_alerts_are_acknowledged_and_resolved_once_by_whom_and_why(client: Client, person: User) -> None:
    alert = AlertFactory()
    assert buttons(client, alert) == {"Acknowledge", "Resolve"}
    act(client, alert, "acknowledge")
    assert "acknowledged already" in said(act(client, alert, "acknowledge"))
    act(client, alert, "resolve")
    assert "resolved already" in said(act(client, alert, "resolve"))
    alert.refresh_from_db()
    assert (alert.is_open, alert.acknowledged_by, alert.resolved_by) == (None, person, person)
    assert LogEntry.objects.filter(object_id=str(alert.pk), change_message__contains="the hall burns").count() == 2


def test_a_vm_at_its_target_is_set_back_and_offered_nothing_else(client: Client, vm: VMContext) -> None:
    VMContext.objects.update(runs_at="target")
    assert buttons(client, vm) == {"Set back to its source"}
    act(client, vm, "set-back")
    vm.refresh_from_db()
    assert vm.runs_at == "source"
    assert "does not run at the target" in said(act(client, vm, "set-back"))


def test_a_protection_is_offered_for_the_vm_that_lacks_one(client: Client) -> None:
    ProtectionFactory()
    vm = VMContextFactory()
    answer = client.get(f"{reverse('admin:replication_protection_add')}?vm_context={vm.pk}")
    assert answer.context["adminform"].form["vm_context"].value() == vm.pk
