"""A call that is said again while the first is still at work, as an engine does that has waited in vain."""

import threading
from typing import Any

import pytest
from django.db import connection

from config.demo.factories import ProtectionFactory
from config.jobs.models import IdempotencyKey, JobEvent
from inventory.models import OperationClaim
from replication.models import ReplicationJob
from tests.backups.vms import vm_with_disks
from tests.config.api.client import Hub, Refused, hub_of

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6
AGAIN = {"in_progress", "busy", "claim_just_freed"}
"""What tells a program to say it again in a moment."""


def said_at_once(hub: Hub, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers to this call, said by several programs at the same moment with one key, until each has one."""
    secret = hub.client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    begin, answers, wrong = threading.Barrier(AT_ONCE), [], []

    def say() -> None:
        mine = Hub(secret)
        begin.wait(30)
        try:
            for _ in range(50):
                try:
                    answers.append(mine.call("POST", path, body, **{"Idempotency-Key": "once"}))
                    return
                except Refused as refused:
                    if refused.code not in AGAIN:
                        raise
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=say) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    return answers


def protected() -> Any:
    vm = vm_with_disks(1)
    ProtectionFactory.create(vm_context=vm)
    return vm


def test_a_job_is_made_once_and_all_who_asked_with_the_key_are_told_of_it():
    vm = protected()
    answers = said_at_once(hub_of(vm.vcenter.organization), "replications", {"context_id": vm.pk})
    assert len(answers) == AT_ONCE
    assert {answer["id"] for answer in answers} == {ReplicationJob.objects.get().pk}
    assert (JobEvent.objects.count(), IdempotencyKey.objects.count()) == (1, 1)
    assert OperationClaim.objects.get(pk=vm.pk).fence == 1


def test_an_engine_takes_one_job_however_often_it_asks_with_the_key_and_has_one_fence():
    vm = protected()
    hub = hub_of(vm.vcenter.organization)
    hub.post("replications", context_id=vm.pk)
    for _ in range(2):
        other = vm_with_disks(1, vcenter=vm.vcenter)
        ProtectionFactory.create(vm_context=other, target=vm.protection.target)
        hub.post("replications", context_id=other.pk)
    answers = said_at_once(hub, "jobs/next", {"kinds": ["replication"], "engine": "engine-1"})
    assert len(answers) == AT_ONCE
    assert len({(answer["job"]["id"], answer["fence"]) for answer in answers}) == 1
    assert ReplicationJob.objects.exclude(engine=None).count() == 1
